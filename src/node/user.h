/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `user`.
 */
#ifndef NODE_USER_H
#define NODE_USER_H

#include "node/account.h"
#include "node/attributes.h"

struct user_work {
	struct node_call *call;
	const char *name, *group, *comment, *home, *shell, *skeleton, *umask, *seuser;
	const char *password;           /* a hash, or one of the words that lock */
	const char *groups;             /* as given, with commas; NULL: not given */
	const char *const *group_list;  /* the same one by one */
	int64_t uid, expires, min, max; /* USER_UNSET: not given */
	int lock;                       /* 1, 0, -1: as it is */
	bool absent, non_unique, force, remove, create_home, move_home, system, append, local;
	bool update_password;         /* of an account that is there, too */
	struct account now;           /* while `there` */
	struct account_shadow shadow; /* of an account that is there */
	bool there;
	bool changed; /* besides what was run */
	struct strlist warnings;
	struct {
		const char *file, *fingerprint, *public; /* NULL: no key was asked for */
	} key;
	struct tools run;   /* what changed the account itself */
	struct tools after; /* what followed: its output is told only of a failure */
};
#define USER_UNSET INT64_MIN

/* Warns of a password that has not the form of a hash. */
void user_check_password(struct user_work *w);
/* Runs useradd for what was asked for. -1 with err before anything is done. */
int user_create(struct user_work *w, struct err *err);
/* Runs usermod for what differs, if anything does. */
int user_modify(struct user_work *w, struct err *err);
/* Runs userdel. */
int user_remove(struct user_work *w, struct err *err);
/* Runs chage, into w->after, where the limits of the password's age differ. */
int user_set_ages(struct user_work *w, struct err *err);
/* Makes a home from the skeleton; it becomes the account's once there is one. */
int user_make_home(struct user_work *w, const char *home, struct err *err);
/* Makes a key for SSH and fills in `key`, if that is asked for; a failure is in w->after. */
int user_make_key(struct user_work *w, struct err *err);

#endif
