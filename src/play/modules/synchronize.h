/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synchronize in parts: what is asked for (synchronize_rules.c, synchronize_options.c), what
 * there is (synchronize_list.c on this machine, synchronize_nodes.c on a node), what has to be
 * done (synchronize_plan.c), doing it (synchronize_send.c), and how these follow each other
 * (synchronize.c).
 *
 * A transfer has two ends. Files come from this machine or from a node, and always go to a
 * node: where they are to come here, a helper of this machine is that node.
 */
#ifndef PLAY_MODULES_SYNCHRONIZE_H
#define PLAY_MODULES_SYNCHRONIZE_H

#include <sys/stat.h>

#include "base/strmap.h"
#include "play/module.h"

#define SYNCHRONIZE_ENTRIES_MAX 20000

/* rsync's options, as the module's arguments and rsync_opts set them. */
struct synchronize_rules {
	bool recursive, dirs, links, copy_links, perms, times, owner, group, devices, specials;
	bool checksum, existing, ignore_existing, update, omit_dir_times;
	bool remove, remove_excluded, force;
	bool size_only, ignore_times, numeric_ids, prune_empty, mkpath;
	uint64_t min_size, max_size;          /* bytes of files that are brought */
	const char *chmod;                    /* as --chmod has it; NULL: as they are */
	const char *chown_user, *chown_group; /* NULL: as they are */
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
/* Reads rsync_opts over the rules that the other arguments gave. */
int synchronize_options_read(
	struct module_call *c, struct synchronize_rules *r, struct err *err);
/* What there is in the place of an option of rsync's that is not understood, or NULL. */
const char *synchronize_instead(const char *word);
/*
 * Appends a filter in the form of a rule of rsync's, "+ PATTERN" or "- PATTERN", of --include
 * and
 * --exclude.
 */
int synchronize_filter_add(struct module_call *c, struct synchronize_rules *r, bool include,
	const char *pattern, struct err *err);
/* What --chmod makes of a mode; ERR_INPUT for what is no such text. */
int synchronize_chmod(const char *text, mode_t *mode, struct err *err);
/* Frees them. */
void synchronize_rules_release(struct synchronize_rules *r);
/* True if a path, from where the transfer begins, is left out. */
bool synchronize_excludes(const struct synchronize_rules *r, const char *path, bool directory);
/* True if the rules bring what a file is: S_IFREG and so on. */
bool synchronize_brings(const struct synchronize_rules *r, mode_t mode);

/* A file, directory or link that is to be there. */
struct synchronize_entry {
	const char *path;          /* where it comes from */
	const char *name;          /* below dest; "" for dest itself */
	const char *target;        /* of a link, else NULL */
	const char *owner, *group; /* NULL: nobody has the number */
	const struct value *hash;  /* XXH3-128 that the node told; NULL: not asked */
	bool left; /* it is listed, and not brought: its size is not asked for */
	struct stat st;
};
/* An owner's number where only the name counts: the node has to know it. */
#define SYNCHRONIZE_BY_NAME UINT32_MAX

/*
 * Lists what a source means, parents first; arena strings. What is no directory is listed even
 * if the rules do not bring it: what has its name is not removed.
 */
struct synchronize_list {
	struct synchronize_entry *items;
	size_t count, cap;
};
/* `name` is what the source is called below dest: "" for what is in a directory. */
int synchronize_list_read(struct module_call *c, const struct synchronize_rules *r,
	const char *path, const char *name, struct synchronize_list *l, struct err *err);
/*
 * The same of a node's answer to `tree` for a path. What a node says is not believed: every
 * entry lies in a directory of the list, so that nothing is written through a link.
 */
int synchronize_list_answer(struct module_call *c, const struct synchronize_rules *r,
	const struct value *answer, const char *path, const char *name,
	struct synchronize_list *l, struct err *err);
/*
 * What the rules make of the list: sizes that are too small or too large, other modes and
 * owners, directories without anything in them.
 */
int synchronize_list_apply(
	const struct synchronize_rules *r, struct synchronize_list *l, struct err *err);
/* Brings it into rsync's order. */
void synchronize_list_sort(struct synchronize_list *l);
/* Frees it. */
void synchronize_list_release(struct synchronize_list *l);

/* Asks a node what is at a path, and below it; NULL with err. */
const struct value *synchronize_ask(struct module_call *c, const struct runner_place *where,
	const struct synchronize_rules *r, const char *path, bool follow, struct err *err);
/* Adds a node's entries by their names, "" for itself. */
void synchronize_by_name(const struct value *answer, struct strmap *entries);
/* True if the answer is about a directory. */
bool synchronize_is_directory(const struct value *answer);

/* A directory whose files may have further names in the place. */
struct synchronize_link {
	const char *path;
	struct strmap there; /* name -> const struct value * of the target's entry */
};

/* The content that a change needs. */
struct synchronize_file {
	const struct synchronize_entry *entry; /* NULL: it needs none */
	int64_t basis;                         /* bytes of the file that is there; 0: none */
};

/* What the node has, and what is to be done about it. */
struct synchronize_plan {
	const struct synchronize_rules *rules;
	const struct value *there; /* the node's answer to `tree` */
	char direction;            /* of a file in the output: '<' or '>' */
	const char *alone; /* what the only file is called in the output; NULL: as it is */
	const char *makes; /* the directory of all that is made first; NULL: it is there */
	bool tells_place;  /* rsync says so only where it is clear that it is a directory */
	bool check;
	struct value *changes; /* a list of dicts, for tree_apply; files lack their content */
	struct synchronize_file *files; /* by the number of their change */
	struct {
		struct synchronize_link *items;
		size_t count, cap;
	} links;            /* link_dest */
	struct strbuf said; /* rsync's lines */
	bool changed;
};
/* Compares; -1 with err. The plan's lists lie in the call's arena. */
int synchronize_plan_make(struct module_call *c, const struct synchronize_list *l,
	struct synchronize_plan *p, struct err *err);

/* What is there too much, in the order in which rsync removes it. */
struct synchronize_removals {
	struct synchronize_removal {
		const char *name; /* a key of `there` */
		bool directory;
		bool kept;                          /* by what is left out in it */
		const struct synchronize_entry *in; /* the directory that is brought */
	} * items;
	size_t count, cap;
};
/*
 * Finds it: `there` are the node's entries by name, `wanted` those of the list, `replaced`
 * directories that give way to something else.
 */
void synchronize_removals_find(const struct synchronize_rules *r, const struct strmap *there,
	const struct strmap *wanted, const struct strmap *replaced,
	struct synchronize_removals *out);
/* All that lies below a name, which gives way to something else, in the same order. */
void synchronize_removals_below(
	const struct strmap *there, const char *name, struct synchronize_removals *out);
/* Frees the list. */
void synchronize_removals_release(struct synchronize_removals *r);
/*
 * rsync's order of two names: what is in a directory is together behind it, files before
 * directories. Less than 0, 0, or more.
 */
int synchronize_order(const char *a, bool a_is_directory, const char *b, bool b_is_directory);

/* One transfer. */
struct synchronize_transfer {
	struct synchronize_rules rules;
	struct synchronize_list list;
	struct synchronize_plan plan;
	bool from_node; /* the source is `origin`'s; else it is found here */
	struct runner_place origin, target;
	const char *src;
	const struct value *source; /* of a node: its answer to `tree` */
	const char *name;           /* of the source below dest */
	const char *dest;           /* on the target, a directory */
};
/* Files from this size on are sent as deltas where that saves something. */
#define SYNCHRONIZE_DELTA_MIN (256 << 10)
/* An open file of this machine without a name; -1 with err. */
int synchronize_spool(struct err *err);
/* Asks the target what is in the directories of link_dest. */
int synchronize_links_ask(
	struct module_call *c, struct synchronize_transfer *t, struct err *err);
/* Frees what is known of them. */
void synchronize_links_release(struct synchronize_plan *p);
/*
 * Puts a delta into a change, against the file that the target has: for a content in an open
 * file, of which the hash is known or NULL. 1 when it was put, 0 when the whole is better.
 */
int synchronize_delta(struct module_call *c, const struct synchronize_transfer *t,
	const struct synchronize_file *file, int fd, const uint8_t *hash, struct value *change,
	struct err *err);
/* Does what the plan says. */
int synchronize_send(
	struct module_call *c, const struct synchronize_transfer *t, struct err *err);

#endif
