/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet cleanup` share. Internal to cli/.
 *
 * Theory of operation. What may go is decided over the whole site: a host that is left out
 * would lose its pin. So the lock is taken first, and site, registries and reports are read
 * after that, because a command that changes them holds the same lock. Anything that cannot be
 * read ends the command before something is removed. One set of rules, a model each, is then
 * laid upon what the store has, or upon what each of the nodes has.
 */
#ifndef CLI_CLEANUP_H
#define CLI_CLEANUP_H

#include "cli/engine.h"
#include "registry/reports.h"
#include "registry/retention.h"

#define CLEANUP_STAGING_SECONDS 86400 /* staging that is younger may be gone on with */

/* A version of a store or a node, and what becomes of it. */
struct cleanup_version {
	const char *model, *name; /* live in the arena of their holder */
	enum retention_reason reason;
	uint64_t frees; /* of one that goes: bytes of the disk, as far as is known before */
	bool removed, failed; /* done; tried in vain */
	bool unmanaged;       /* of a model that the host is not to have */
};

struct cleanup_node;

/* A place that versions are removed from. All-zero is an empty one. */
struct cleanup_place {
	struct arena arena;
	struct store *store;             /* a node's models are a store, too; borrowed */
	const struct cleanup_node *node; /* NULL: the site's store */
	struct {
		struct cleanup_version *items;
		size_t count, cap;
	} versions;             /* by model, the newest first */
	struct strlist unknown; /* models that no registry has; left alone */
	struct strlist staging; /* "MODEL/VERSION": half-finished, of a day ago or more */
	unsigned kept, removed, failed;
	uint64_t freed; /* bytes of the disk; of a dry run: that would be */
	bool looked;    /* what lies there is known */
	struct err err; /* the first failure */
};

struct cleanup {
	struct engine engine;
	const char *keep_text, *model, *nodes;
	bool dry_run, unmanaged, interrupted;
	unsigned keep; /* UINT32_MAX: as the registries say */

	struct site site;              /* read under the lock */
	struct registry_site located;  /* where the store is, from the engine's own site */
	struct registry_site registry; /* of the site, for all of its hosts */
	struct reports reports;
	struct strmap rules; /* model -> struct retention_model *; `there` is NULL */
	struct arena arena;
	struct cleanup_place store;
	struct cleanup_node *hosts; /* of --nodes */
	size_t host_count;
};

/* One host of --nodes. */
struct cleanup_node {
	struct cleanup *cleanup;
	const struct host_models *models;
	const struct report *report; /* NULL: it has none */
	struct vars_view *view;
	struct connection connection;
	struct cleanup_place place;
	struct strlist has;  /* "MODEL/VERSION" that lie there afterwards */
	const char *skipped; /* why it is left alone; NULL: it is not */
	bool away;
	struct err err; /* why it was not done */
};

/*
 * Takes the lock, reads the site again under it, and makes the rules (cleanup_plan.c). -1 with
 * err, or without it where findings that were printed say what is wrong.
 */
int cleanup_prepare(struct cleanup *c, struct err *err);
/* Frees the rules. */
void cleanup_forget_rules(struct cleanup *c);
/* Looks at all models of a place and decides about each of their versions. */
int cleanup_look(const struct cleanup *c, struct cleanup_place *p, struct err *err);
/*
 * Removes what goes from a place that was looked at, or measures it in a dry run; and sums up
 * (cleanup_place.c). One version that cannot be removed keeps no other from going.
 */
int cleanup_remove(const struct cleanup *c, struct cleanup_place *p,
	const struct cancel *cancel, struct err *err);
/* Empties a place. */
void cleanup_place_release(struct cleanup_place *p);
/*
 * Appends the names of hosts that pin a version, or run it by their reports: "n01, n02, n03 and
 * 4 more".
 */
void cleanup_hosts(
	const struct cleanup *c, const struct cleanup_version *v, struct strbuf *out);

/* Cleans the hosts of --nodes, all at once, and notes what they have (cleanup_nodes.c). */
int cleanup_nodes(struct cleanup *c, struct err *err);
/* Frees the hosts. */
void cleanup_nodes_release(struct cleanup *c);

/* The exit code, by what became of store and hosts. */
int cleanup_exit_code(const struct cleanup *c);
/* Prints what was done, for people or as JSON (cleanup_print.c). */
void cleanup_print(const struct cleanup *c, int code);

#endif
