/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building an inventory: what the readers call. Internal to this room.
 *
 * A reader adds to what earlier sources gave. When it fails half-way, what it added stays, as
 * in Ansible; whether that is an error is decided by the caller of the reader.
 */
#ifndef INVENTORY_BUILD_H
#define INVENTORY_BUILD_H

#include "inventory/datafile.h"
#include "inventory/inventory.h"

enum group_name_policy {
	GROUP_NAMES_KEEP,    /* keep invalid characters and warn */
	GROUP_NAMES_IGNORE,  /* keep them silently */
	GROUP_NAMES_REPLACE, /* "_" for each, and warn */
	GROUP_NAMES_SILENT   /* "_" for each, silently */
};

struct builder {
	struct inventory *inventory;
	const struct inventory_options *options;
	struct diags *diags;
	const char *source; /* being read */
	enum group_name_policy group_names;
	bool any_parsed; /* some source was read to its end */
	unsigned walk;   /* number of the latest walk over groups, see group.mark */
};

/* What the settings say about names of groups. */
enum group_name_policy build_group_names(const struct config *config);
/* Makes the groups `all` and `ungrouped`. */
void build_start(struct builder *b);
/* The group of a name, made if need be. NULL with err for an empty name or too many groups. */
struct group *build_group(
	struct builder *b, const char *name, const struct place *at, struct err *err);
/*
 * The host of a name, made if need be and joined to `group` (NULL: none). A port becomes
 * ansible_port of a new host. NULL with err for an empty name or too many hosts.
 */
struct host *build_host(struct builder *b, const char *name, struct group *group, int64_t port,
	const struct place *at, struct err *err);
/* Makes `child` a child of `parent`; -1 with err when that would close a loop. */
int build_child(struct builder *b, struct group *parent, struct group *child, struct err *err);
/* Makes a host a direct member of a group. */
void build_member(struct group *group, struct host *host);
/*
 * Sets a variable of the group of that name, else of the host. (A host that has a group's
 * name cannot have variables of its own in Ansible either.)
 */
int build_var(struct builder *b, const char *entity, const char *name,
	const struct value *value, const struct place *at, struct err *err);
/* Sets a variable of a host that is no source's; the value is the inventory's. */
void build_host_var(
	struct builder *b, struct host *host, const char *name, const struct value *value);
/*
 * The end of all sources: every group below `all`, hosts without a group in `ungrouped`,
 * depths, each host's groups in the order of their weight, the implicit localhost.
 */
void build_finish(struct builder *b);
/* After build_finish: puts one more host into a group, with all that this means for the host.
 */
void build_join(struct builder *b, struct host *host, struct group *group);
/* After build_finish: settles all hosts anew, once groups have other parents. */
void build_settle(struct builder *b);
/* Frees all that inventory_release does, but nothing of hosts. */
void inventory_release_tables(struct inventory *inventory);

/* One way to read a source. */
struct reader {
	const char *name;
	/* True if the source looks like this reader's. */
	bool (*wants)(const char *source);
	/* Reads the source; -1 with err. */
	int (*read)(struct builder *b, const char *source, struct err *err);
};

extern const struct reader reader_host_list, reader_advanced_host_list, reader_script,
	reader_plugin, reader_yaml, reader_ini, reader_toml;

/* True if the path is there and may be read: the least that every file reader wants. */
bool build_is_readable(const char *path);
/* Appends the names in a directory, sorted by bytes. */
int build_list_directory(const char *path, struct strlist *names, struct err *err);
/* Reads an INI inventory from memory. `file` must live as long as the inventory. */
int ini_read_text(
	struct builder *b, const char *text, size_t len, const char *file, struct err *err);
/* Takes the JSON that an executable printed for --list. */
int script_read_list(
	struct builder *b, const struct value *list, const char *source, struct err *err);

/* Reads all sources with the readers that the settings enable, in order. */
int build_sources(struct builder *b, struct err *err);
/* Reads the variable files beside the sources and beside the playbook. */
int build_vars_files(struct builder *b, struct err *err);
/* The same for groups and hosts that came later; those that have files are left alone. */
int build_vars_files_of(struct builder *b, const struct strmap *groups,
	const struct strmap *hosts, struct err *err);
/* Adds each host of a possibly ranged pattern to a list of names, and gives its port. */
int build_expand(const char *pattern, struct strlist *names, int64_t *port, struct err *err);

#endif
