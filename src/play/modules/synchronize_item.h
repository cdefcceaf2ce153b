/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of synchronize's plan share: comparing an entry with what a node has, marked
 * in an itemized line of rsync's: eleven characters.
 */
#ifndef PLAY_MODULES_SYNCHRONIZE_ITEM_H
#define PLAY_MODULES_SYNCHRONIZE_ITEM_H

#include "play/modules/synchronize.h"

/* Places in an itemized line. */
enum { UPDATE, KIND, CONTENT, SIZE, TIME, PERMS, OWNER, GROUP, ACL, XATTR, ITEM_LEN = 11 };

/* A number that a node told; -1 where it is missing. */
int64_t synchronize_number(const struct value *entry, const char *key);
/* True if the node that gave an answer to `tree` works as root. */
bool synchronize_is_root(const struct value *answer);
/* Marks permissions and owners that differ. */
void synchronize_compare_attributes(const struct synchronize_plan *p,
	const struct synchronize_entry *e, const struct value *there, char *item);
/* Marks size, time and content that differ: 1 when the content has to be brought, -1 with err.
 */
int synchronize_compare_content(const struct synchronize_plan *p,
	const struct synchronize_entry *e, const struct value *there, char *item,
	struct err *err);
/* True if anything is marked behind the kind. */
bool synchronize_differs(const char *item);
/*
 * The path of a file in one of link_dest's directories that is as an entry shall be; *path is
 * NULL where none is. -1 with err.
 */
int synchronize_link_find(const struct synchronize_plan *p, struct arena *a,
	const struct synchronize_entry *e, const char **path, struct err *err);

#endif
