/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups without NSS, which a static program cannot load: /etc/passwd and
 * /etc/group are read here; who is not in them is asked of getent.
 */
#ifndef NODE_USERS_H
#define NODE_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct user {
	uid_t uid;
	gid_t gid;
	char name[256];
	char home[1024];
};

struct group_entry {
	gid_t gid;
	char name[256];
};

/* Finds a user by number; false when nobody knows it. */
bool user_by_uid(uid_t uid, struct user *out);
/* Finds a user by name; false when nobody knows it. */
bool user_by_name(const char *name, struct user *out);
/* Parses one line of /etc/passwd; false when it is malformed. */
bool user_parse(const char *line, struct user *out);
/* Finds a group by number; false when nobody knows it. */
bool group_by_gid(gid_t gid, struct group_entry *out);
/* Finds a group by name; false when nobody knows it. */
bool group_by_name(const char *name, struct group_entry *out);
/* Takes a user's identity for good: groups, gid, uid, HOME, USER. Needs root. */
int user_become(const struct user *u, struct err *err);

#endif
