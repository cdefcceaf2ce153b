/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner, group, mode and flags as modules take and tell them.
 */
#ifndef NODE_ATTRIBUTES_H
#define NODE_ATTRIBUTES_H

#include "node/module.h"

/* As they were asked for: a symbolic mode has its meaning only for a file that is there. */
struct attributes {
	bool has_owner, has_group;
	uid_t owner;
	gid_t group;
	const char *mode;    /* "0644", "u=rw,g=r", NULL */
	const char *flags;   /* "=LETTERS", "+LETTERS", "-LETTERS" of chattr(1), NULL */
	mode_t umask;        /* of the login */
	const char *unknown; /* check mode: a warning about a name that nobody knows yet */
};

/* What a change made of attributes, for a diff: those that differ. */
struct attributes_diff {
	struct change_attributes before, after; /* has_ is the same in both */
};

/* The arguments that attributes_read takes, for a module's list of arguments. */
#define ATTRIBUTES_ARGS                                                                        \
	{"owner", ARG_TEXT}, {"group", ARG_TEXT}, {"mode", ARG_TEXT},                          \
		{"attributes", ARG_TEXT}, {"seuser", ARG_TEXT}, {"serole", ARG_TEXT},          \
		{"setype", ARG_TEXT},                                                          \
	{                                                                                      \
		"selevel", ARG_TEXT                                                            \
	}

/*
 * The mode that a text means for a file of this mode: octal, or symbolic as chmod takes it and
 * Ansible reads it (an operation refers to the mode the file had before all of them). -1 with
 * ERR_INPUT.
 */
int mode_parse(const char *text, mode_t current, mode_t umask, mode_t *mode, struct err *err);
/* Reads the arguments of ATTRIBUTES_ARGS. The names must be known on the node; in check mode
 * they may come to be known before the real run, and differ from what is there. */
int attributes_read(struct node_call *c, struct attributes *a, struct err *err);
/* What they mean for a file. */
int attributes_resolve(const struct attributes *a, const struct stat *st,
	struct change_attributes *out, struct err *err);
/* Adds to a diff what is asked for and differs from a stat; true if anything does. */
bool attributes_compare(
	struct attributes_diff *d, const struct change_attributes *a, const struct stat *st);
/* The same for the flags of a path that is there. */
bool attributes_compare_flags(struct node_call *c, struct attributes_diff *d,
	const struct attributes *a, const char *path);
/*
 * Corrects the attributes of a path (a link itself, not what it points to); *changed becomes
 * true if any differs. In check mode nothing is done, and a path that is not there differs.
 * `diff`, if not NULL, is added to.
 */
int attributes_apply(struct node_call *c, const char *path, const struct attributes *a,
	bool *changed, struct attributes_diff *diff, struct err *err);
/* Adds `owner group uid gid mode size state` of a path to the result; nothing where it does
 * not exist or is a link to nothing. */
void attributes_tell(struct node_call *c, const char *path);

/* Adds `owner group mode attributes` of one side of a diff to an open dict, as far as they
 * differ. */
void attributes_tell_side(struct item_writer *out, const struct change_attributes *a);

/* What a path is, as modules call it: absent, link, directory, hard (a file with further
 * names) or file. NULL with err when it cannot be told. */
const char *path_state(const char *path, struct err *err);

#endif
