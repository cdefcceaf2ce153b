/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the node's file system outside model roots. Each is recorded in the open
 * transaction before it is made, and each is whole at any moment: content goes to a temporary
 * file beside its place, gets owner, group and mode there, is synced, and takes its name by a
 * rename.
 */
#ifndef NODE_CHANGE_H
#define NODE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "node/transaction.h"

/* Owner, group and mode as asked for. */
struct change_attributes {
	bool has_owner, has_group, has_mode;
	uid_t owner;
	gid_t group;
	mode_t mode;
	bool has_mtime, has_atime;
	struct timespec mtime, atime;
	const char *flags; /* only of one side of a diff: letters of chattr(1), or NULL */
};

/* The content of a file that is to be written: bytes in memory, or another file. */
struct change_content {
	const void *data; /* NULL: `path` */
	size_t len;
	const char *path;
};

/*
 * Writes a file; a link that has its name is replaced, not followed. Attributes that are not
 * asked for are those of the file that was there, else the helper's user's with the login's
 * umask. `validate`, if not NULL, is a command with %s for the temporary file, run without a
 * shell; when it fails nothing has changed, and its output is in err. `backup` takes the name
 * of a copy of the former file (new memory).
 */
struct node_call;

struct change_write {
	struct node_call *call; /* for signs of life while `validate` runs; NULL: none */
	const char *path;
	struct change_content content;
	struct change_attributes attributes;
	const char *validate;
	bool want_backup;
	char *backup; /* out; owned by the caller; NULL when there was nothing to keep */
	mode_t umask; /* of the login */
};
/* Writes the file; -1 with err, and nothing has changed then. */
int change_write(struct transaction *t, struct change_write *w, struct err *err);
/* Makes a path a symbolic link to target, in one step, whatever file or link was there. */
int change_link(struct transaction *t, const char *path, const char *target, struct err *err);
/* Makes a path a hard link to another file, in one step. */
int change_hard_link(
	struct transaction *t, const char *path, const char *target, struct err *err);
/* Makes a pipe, a socket's name or a device (S_IFIFO and so on), in one step. */
int change_special(
	struct transaction *t, const char *path, mode_t type, dev_t device, struct err *err);
/* Makes a directory and its parents; those that are made get the attributes. */
int change_directory(struct transaction *t, const char *path, const struct change_attributes *a,
	mode_t umask, struct err *err);
/* Removes a file, a link, or a directory with all below it. */
int change_remove(struct transaction *t, const char *path, struct err *err);
/* Sets what is asked for and differs; *changed says if anything did. */
int change_attributes(struct transaction *t, const char *path,
	const struct change_attributes *a, bool follow, bool check, bool *changed,
	struct err *err);

#endif
