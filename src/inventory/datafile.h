/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of data as Ansible's loader takes them: YAML or JSON, encrypted as a whole or not.
 *
 * JSON objects with the key __ansible_vault become vaults, those with __ansible_unsafe become
 * strings that are not templated.
 */
#ifndef INVENTORY_DATAFILE_H
#define INVENTORY_DATAFILE_H

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"
#include "inventory/secrets.h"
#include "value/value.h"

#define DATAFILE_MAX (64u << 20) /* bytes of one file */

/* Appends a file's text; one that is a vault envelope is decrypted. */
int datafile_read(
	const char *path, const struct secrets *secrets, struct strbuf *out, struct err *err);
/*
 * Parses a text: JSON if it is JSON, else YAML. `file` is its name for places and must live as
 * long as the arena. Keys that are given twice are warnings in `diags` (may be NULL).
 */
const struct value *datafile_parse(struct arena *arena, const char *text, size_t len,
	const char *file, struct diags *diags, struct err *err);
/* The same for JSON only, as programs print it. */
const struct value *datafile_parse_json(
	struct arena *arena, const char *text, size_t len, const char *file, struct err *err);
/* The text of a mapping's key: strings as they are, others as JSON writes them. */
const char *datafile_key(struct arena *arena, const struct value *key);

#endif
