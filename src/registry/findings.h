/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about many hosts: the same finding (level, place and text) on several hosts is kept
 * once, with the hosts' names. Internal to the room.
 */
#ifndef REGISTRY_FINDINGS_H
#define REGISTRY_FINDINGS_H

#include "base/diag.h"
#include "base/strmap.h"

/* An all-zero struct is an empty list. */
struct findings {
	struct strmap by_key; /* to struct finding *, in the order of appearance */
};

/* Takes over what d holds as findings about a host (NULL: about none in particular). */
void findings_take(struct findings *f, struct diags *d, const char *host);
/* The same, but d stays as it is. */
void findings_copy(struct findings *f, const struct diags *d, const char *host);
/*
 * Appends all to out, sorted by place. A finding that holds for some of host_count hosts only,
 * or that has no place, names them: the first three and how many more.
 */
void findings_emit(const struct findings *f, size_t host_count, struct diags *out);
/* Frees all. */
void findings_release(struct findings *f);

#endif
