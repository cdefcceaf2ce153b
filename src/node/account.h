/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules `user` and `group` share: accounts with all their fields, as the files in
 * /etc have them and, where these do not know a name, as getent does.
 */
#ifndef NODE_ACCOUNT_H
#define NODE_ACCOUNT_H

#include "node/tools.h"
#include "node/users.h"

/* A line of passwd; texts are the call's arena's. */
struct account {
	const char *name, *password, *comment, *home, *shell;
	uid_t uid;
	gid_t gid;
};

/* What matters of a line of shadow; numbers that are not there are -1. */
struct account_shadow {
	const char *password;
	int64_t min, max, expire; /* days */
};

/* Finds a user; with `local` only in /etc/passwd. False when nobody knows it. */
bool account_find(struct node_call *c, const char *name, bool local, struct account *out);
/* Finds what shadow says of a user; false when it says nothing, or may not be read. */
bool account_find_shadow(struct node_call *c, const char *name, struct account_shadow *out);
/* Finds a group by its number or its name; with `local` by its name, in /etc/group. */
bool account_find_group(
	struct node_call *c, const char *group, bool local, struct group_entry *out);
/* The names of all groups that list a user as a member. */
void account_groups_of(struct node_call *c, const char *name, struct strlist *groups);

#endif
