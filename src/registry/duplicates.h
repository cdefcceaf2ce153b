/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that are given twice inside the registry's variables. Reading an inventory only warns of
 * them, as Ansible does, and the last one counts; for a model that would mean a version that
 * nobody chose. Internal to the room.
 */
#ifndef REGISTRY_DUPLICATES_H
#define REGISTRY_DUPLICATES_H

#include "base/diag.h"
#include "inventory/secrets.h"

/*
 * Reads a file of variables once more and reports keys that are given twice, as far as they are
 * one of `names` (ended by NULL) or lie inside one. What cannot be read as YAML has none.
 */
void duplicates_check(const char *file, const char *const *names, const struct secrets *secrets,
	struct diags *d);

#endif
