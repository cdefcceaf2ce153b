/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module file share.
 */
#ifndef NODE_FILE_H
#define NODE_FILE_H

#include "base/str.h"
#include "node/attributes.h"

/* One call of file. */
struct file_work {
	struct node_call *call;
	const char *path;
	const char *state; /* that is asked for */
	const char *src;   /* NULL: not given */
	bool force, follow, recurse;
	struct attributes attributes;
	/* Times: NULL keeps them, else "now" or a text in the format. */
	const char *mtime, *atime;
	const char *mtime_format, *atime_format;

	/* What is told in the end. */
	const char *former; /* the state that there was */
	bool changed;
	bool no_diff; /* what was done has none */
	struct attributes_diff diff;
	const char *old_src, *new_src; /* of a link that pointed elsewhere */
	const char *warning;
	struct strlist directories, files; /* that were below what is removed */
};

/* file: the attributes of a file that is there. */
int file_file(struct file_work *f, struct err *err);
/* touch: a file that is there afterwards, with new times. */
int file_touch(struct file_work *f, struct err *err);
/* absent: nothing is there afterwards. */
int file_absent(struct file_work *f, struct err *err);
/* directory: with its parents, and attributes of all below it if asked. */
int file_directory(struct file_work *f, struct err *err);
/* link: a symbolic link to src. */
int file_link(struct file_work *f, struct err *err);
/* hard: a hard link to src. */
int file_hard(struct file_work *f, struct err *err);

/* Corrects the attributes and times of a path, and notes what differs. */
int file_dress(struct file_work *f, const char *path, struct err *err);
/* The same with a diff of one's own, or none. */
int file_dress_with(
	struct file_work *f, const char *path, struct attributes_diff *diff, struct err *err);
/* The path that attributes belong to: what it points to when links are followed. */
const char *file_target(const struct file_work *f, const char *path);

#endif
