/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `mount`: fstab(5), and what is mounted.
 */
#ifndef NODE_MOUNT_H
#define NODE_MOUNT_H

#include "node/tools.h"

#define FSTAB_FIELDS 6

/* An entry as it is wanted, its fields not escaped. */
struct fstab_entry {
	const char *src, *path, *fstype, *opts, *dump, *passno;
};

/*
 * The text of an fstab with an entry in place of those that have its path (of swap, whose path
 * is "none": its source). Entries that are the same already stay as they are written. True if
 * something changed.
 */
bool fstab_set(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out);
/* The same without the entries of a path; those without all six fields stay. */
bool fstab_unset(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out);

/*
 * What is mounted on a path; NULL where nothing is. Of a mount within another it is the
 * directory that it shows, unless the device is asked for.
 */
const char *mount_source(struct arena *a, const char *mountinfo, const char *path, bool device);
/* True if a path is where something is mounted, as far as its device tells. */
bool mount_is_point(const char *path);

#endif
