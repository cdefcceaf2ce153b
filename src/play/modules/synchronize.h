/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synchronize in three parts: what is asked for (synchronize_rules.c), what has to be done
 * (synchronize_plan.c), and doing it (synchronize.c).
 */
#ifndef PLAY_MODULES_SYNCHRONIZE_H
#define PLAY_MODULES_SYNCHRONIZE_H

#include <sys/stat.h>

#include "play/module.h"

#define SYNCHRONIZE_ENTRIES_MAX 20000

/* rsync's options, as the module's arguments and rsync_opts set them. */
struct synchronize_rules {
	bool recursive, dirs, links, copy_links, perms, times, owner, group;
	bool checksum, existing, ignore_existing, update, omit_dir_times;
	bool remove, remove_excluded;
	struct {
		struct synchronize_filter {
			bool include;
			const char *pattern; /* as text/glob.h has path patterns */
		} * items;
		size_t count, cap;
	} filters;
};

/* Reads the arguments; -1 with err naming an option of rsync that is not understood. */
int synchronize_rules_read(struct module_call *c, struct synchronize_rules *r, struct err *err);
/* Frees them. */
void synchronize_rules_release(struct synchronize_rules *r);
/* True if a path, from where the transfer begins, is left out. */
bool synchronize_excludes(const struct synchronize_rules *r, const char *path, bool directory);

/* A file, directory or link of this machine that is to be there. */
struct synchronize_entry {
	const char *path;          /* here */
	const char *name;          /* below dest; "" for dest itself */
	const char *target;        /* of a link, else NULL */
	const char *owner, *group; /* NULL: nobody has the number */
	struct stat st;
};

/* Lists what a source means, parents first; arena strings. */
struct synchronize_list {
	struct synchronize_entry *items;
	size_t count, cap;
};
/* `name` is what the source is called below dest: "" for what is in a directory. */
int synchronize_list_read(struct module_call *c, const struct synchronize_rules *r,
	const char *path, const char *name, struct synchronize_list *l, struct err *err);
/* Frees it. */
void synchronize_list_release(struct synchronize_list *l);

/* What the node has, and what is to be done about it. */
struct synchronize_plan {
	const struct synchronize_rules *rules;
	const struct value *there; /* the node's answer to `tree` */
	char direction;            /* of a file in the output: '<' or '>' */
	const char *alone; /* what the only file is called in the output; NULL: as it is */
	const char *makes; /* the directory of all that is made first; NULL: it is there */
	bool check;
	struct value *changes; /* a list of dicts, for tree_apply; files lack their content */
	const struct synchronize_entry **files; /* by the number of their change; else NULL */
	struct strbuf said;                     /* rsync's lines */
	bool changed;
};
/* Compares; -1 with err. The plan's lists lie in the call's arena. */
int synchronize_plan_make(struct module_call *c, const struct synchronize_list *l,
	struct synchronize_plan *p, struct err *err);

#endif
