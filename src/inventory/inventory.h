/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory: hosts, groups, and the variables written about them.
 *
 * It is loaded once, by one thread, from a list of sources in order; later sources win. A
 * source is a host list ("a,b," with a comma), a file (YAML, INI or JSON), an executable that
 * prints JSON, or a directory of any of these. Which reader takes a file, what is skipped, and
 * how groups and variables combine follow Ansible (the oracle is Debian's
 * ansible-inventory 2.14). After loading everything here may be read by any thread; a playbook
 * that adds hosts and groups while it runs changes it by change.h alone.
 *
 * group_vars/ and host_vars/ beside each source and beside the playbook are read at loading
 * time, for the groups and hosts that exist, and kept apart from what the sources say: vars/
 * ranks them. Values keep their templates (evaluated when used) and their place; an inline
 * !vault stays encrypted, a file that is encrypted as a whole is opened here.
 *
 * Everything lives in the arena given to inventory_load, except tables that inventory_release
 * frees.
 */
#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "inventory/config.h"
#include "inventory/secrets.h"
#include "value/value.h"

/* Limits on what a site may hold; beyond them loading fails with ERR_LIMIT. */
#define INVENTORY_MAX_HOSTS   200000
#define INVENTORY_MAX_GROUPS  50000
#define INVENTORY_MAX_OUTPUT  (64u << 20) /* bytes that a program prints */
#define INVENTORY_MAX_NESTING 64          /* nested directories */

struct host;
struct group;

struct host_list {
	struct host **items;
	size_t count;
	size_t cap;
};

struct group_list {
	struct group **items;
	size_t count;
	size_t cap;
};

/*
 * One variable as one source gave it. A table keeps them all, in the order they were read:
 * the last one of a name wins (or merges into the former, with hash_behaviour = merge).
 * `place` is the key's where the format has one, else the value's.
 */
struct inventory_var {
	const char *name;
	const struct value *value;
	struct place place;
};

struct var_table {
	struct inventory_var *items;
	size_t count;
	size_t cap;
};

struct group {
	const char *name;
	struct group_list children; /* in the order they were joined */
	struct group_list parents;
	struct host_list hosts;   /* direct members only */
	struct strmap host_names; /* the same, as a set */
	struct var_table vars;    /* from inventory sources */
	int64_t priority;         /* ansible_group_priority, 1 by default */
	unsigned depth;           /* longest way down from `all`, which has 0 */
	size_t index;             /* position in inventory.groups */
	unsigned mark;            /* for walks while loading */
};

struct host {
	const char *name;
	struct group_list
		groups; /* direct and inherited, without `all`; by (depth, priority, name) */
	struct var_table vars; /* from inventory sources */
	const char *source;    /* the source that named it first, or NULL */
	bool implicit;         /* localhost that no source named */
	size_t index;          /* position in inventory.hosts */
};

/*
 * One file of a group_vars/ or host_vars/ directory. A file that is encrypted as a whole and
 * that no password fits is an error only for the hosts that it concerns: `data` is NULL then,
 * and `closed` says why.
 */
struct vars_file {
	const char *path;
	const struct value *data; /* a mapping */
	const char *closed;
};

struct vars_file_list {
	struct vars_file *items; /* in the order they are merged */
	size_t count;
	size_t cap;
};

/* What stands beside one source, or beside the playbook. */
struct vars_base {
	const char *dir;
	struct strmap groups; /* name -> struct vars_file_list * */
	struct strmap hosts;
};

struct vars_base_list {
	struct vars_base **items; /* in the order of the sources */
	size_t count;
	size_t cap;
};

struct inventory_options {
	const struct config *config;   /* NULL: defaults */
	const struct secrets *secrets; /* NULL: no passwords */
	const char *playbook_dir;      /* its group_vars/ and host_vars/ are read; NULL: none */
	bool strict;                   /* a source that cannot be read whole is an error */
	bool no_programs;              /* sources that are programs are passed over */
	double script_timeout;         /* seconds for one run of an executable; 0: 60 */
	const struct cancel *cancel;
};

struct inventory_change;

struct inventory {
	struct arena *arena;
	struct inventory_options options; /* as it was loaded */
	struct strmap groups; /* name -> struct group *, in order of appearance; has `all` */
	struct strmap hosts;  /* name -> struct host *, in order of appearance */
	struct group *all;
	struct group *ungrouped;
	struct host *localhost; /* a named localhost, else the implicit one; never NULL */
	const char **sources;   /* as used: absolute, or a host list */
	size_t source_count;
	struct vars_base_list beside_sources;
	struct vars_base *beside_playbook; /* NULL without playbook_dir */
	const char *playbook_dir;
	bool merge_hashes; /* hash_behaviour = merge */
	struct {
		struct inventory_change **items;
		size_t count;
		size_t cap;
	} changes; /* made after it was loaded (change.h) */
};

/*
 * Loads an inventory. Without sources those of the settings are used. What Ansible warns about
 * is a warning in `diags`; a source that cannot be read is one too, unless `strict` (or the
 * settings) make it an error. Returns -1 with err when there is nothing to work with.
 */
int inventory_load(struct inventory *inventory, const struct strlist *sources,
	const struct inventory_options *options, struct arena *arena, struct diags *diags,
	struct err *err);
/* Frees the tables; the arena's owner releases the rest. */
void inventory_release(struct inventory *inventory);

/* The host of a name: also the implicit localhost for localhost, 127.0.0.1 and ::1; or NULL. */
const struct host *inventory_host(const struct inventory *inventory, const char *name);
/* The group of a name, or NULL. */
const struct group *inventory_group(const struct inventory *inventory, const char *name);
/* True if the host is in the group or in one of its descendants; all hosts are in `all`. */
bool inventory_host_in(const struct host *host, const char *group);
/*
 * Appends the hosts of a group and its descendants, each once: its own first, then level by
 * level. The list's memory is the caller's to free.
 */
void inventory_group_hosts(
	const struct inventory *inventory, const struct group *group, struct host_list *out);
/* The directory of a host's source (its `inventory_dir`), new memory, or NULL. */
char *inventory_host_dir(const struct host *host);
/*
 * Merges two mappings as hash_behaviour = merge does: deep for mappings, lists replaced. Places
 * of the winners are kept.
 */
const struct value *inventory_merge_values(
	struct arena *arena, const struct value *low, const struct value *high);
/* The winning value of a table (merged if the inventory says so), or NULL. */
const struct value *inventory_var(const struct inventory *inventory, struct arena *arena,
	const struct var_table *table, const char *name);

#endif
