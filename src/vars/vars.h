/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables: which value wins for a host, why, and what it evaluates to.
 *
 * A host's view is a stack of layers, each a mapping with a level of Ansible's precedence list
 * (vars_level, lowest first). Within a level later layers win. With hash_behaviour = merge the
 * mappings of several layers melt into one. Magic variables stand above all.
 *
 * Values are evaluated when they are asked for: a string with a template is rendered with the
 * same view, lists and mappings member by member. A cycle is an error that names the way round.
 * What is unsafe is never rendered.
 *
 * One `vars_site` holds what all hosts share and is read by many threads, also while one of
 * them adds hosts and groups to its inventory; a view belongs to one thread. Views of other
 * hosts, needed for `hostvars`, are made by the view that asks.
 */
#ifndef VARS_VARS_H
#define VARS_VARS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "inventory/change.h"
#include "inventory/inventory.h"
#include "value/value.h"

/* The 22 levels of Ansible's precedence list, lowest first, and the magic above them. */
enum vars_level {
	VARS_OPTION = 1, /* connection options of the command line */
	VARS_ROLE_DEFAULT,
	VARS_INVENTORY_GROUP,          /* group variables written in a source */
	VARS_INVENTORY_GROUP_VARS_ALL, /* group_vars/all beside a source */
	VARS_PLAYBOOK_GROUP_VARS_ALL,
	VARS_INVENTORY_GROUP_VARS, /* group_vars/NAME beside a source */
	VARS_PLAYBOOK_GROUP_VARS,
	VARS_INVENTORY_HOST,      /* host variables written in a source */
	VARS_INVENTORY_HOST_VARS, /* host_vars/NAME beside a source */
	VARS_PLAYBOOK_HOST_VARS,
	VARS_FACT,
	VARS_PLAY,
	VARS_PROMPT,
	VARS_PLAY_FILE, /* vars_files */
	VARS_ROLE,
	VARS_BLOCK,
	VARS_TASK,
	VARS_INCLUDE,    /* include_vars */
	VARS_REGISTERED, /* set_fact, register */
	VARS_ROLE_PARAM,
	VARS_INCLUDE_PARAM,
	VARS_EXTRA, /* -e */
	VARS_MAGIC
};

/* The words for a level in explanations: "group_vars beside the inventory" ... */
const char *vars_level_name(enum vars_level level);

struct vars_site_options {
	const struct config *config;   /* may be NULL */
	const struct secrets *secrets; /* for inline !vault; may be NULL */
	const struct strlist *extra;   /* -e arguments in order; may be NULL */
	const char *limit;             /* for ansible_limit; may be NULL */
	int64_t forks;                 /* for ansible_forks */
	bool check;                    /* for ansible_check_mode */
	bool diff;                     /* for ansible_diff_mode */
	int verbosity;
};

struct vars_site;
struct vars_view;
struct template_context;

/*
 * What all hosts share: extra variables parsed, magic variables, the precedence order. The
 * inventory and the options' pointers must outlive it. NULL with err when an -e is wrong.
 */
struct vars_site *vars_site_new(struct inventory *inventory,
	const struct vars_site_options *options, struct diags *diags, struct err *err);
/* Frees it; views must be gone. NULL is fine. */
void vars_site_free(struct vars_site *site);
/*
 * Parses the arguments of -e into one mapping: k=v pairs, @FILE (YAML or JSON, vault too), or
 * inline YAML or JSON. Places are the file's, or "-e" for the command line.
 */
const struct value *vars_parse_extra(const struct strlist *arguments,
	const struct secrets *secrets, struct arena *arena, struct err *err);

/*
 * Adds a host to the inventory, or puts one into a group, as inventory/change.h tells: any
 * thread may, while others use their views. They see it after vars_view_refresh.
 */
int vars_site_add_host(struct vars_site *site, const struct inventory_addition *what,
	bool *changed, struct diags *diags, struct err *err);
/* The same for a group. */
int vars_site_add_grouping(struct vars_site *site, const struct inventory_grouping *what,
	bool *changed, struct diags *diags, struct err *err);
/* The same for reading the sources again. */
int vars_site_refresh(struct vars_site *site, struct diags *diags, struct err *err);
/* inventory_host, from any thread. */
const struct host *vars_site_host(const struct vars_site *site, const char *name);
/*
 * The same, but a name that the inventory has not is a host of no group, of which only what is
 * said of all hosts is known: to delegate to. NULL with err for what cannot be a name.
 */
const struct host *vars_site_stranger(
	struct vars_site *site, const char *name, struct err *err);

/* The view of a host. It and all values from it live until vars_view_free. */
struct vars_view *vars_view_new(const struct vars_site *site, const struct host *host);
/*
 * -1 with ERR_AUTH when a file of variables that concerns the host is encrypted and no password
 * fits it; then vars_get and all evaluation fail with the same error.
 */
int vars_view_check(const struct vars_view *view, struct err *err);
/* Frees a view and the values it evaluated. NULL is fine. */
void vars_view_free(struct vars_view *view);
/*
 * Takes in how the inventory has changed since the view was made, or was refreshed last. True
 * if it has; then what was evaluated before is forgotten.
 */
bool vars_view_refresh(struct vars_view *view);
/* The host a view is about. */
const struct host *vars_view_host(const struct vars_view *view);
/*
 * Adds a layer (a mapping with string keys that outlives the view) at a level, above what that
 * level has so far: facts, play variables, set_fact. `label` names it in explanations, e.g. a
 * role's name. Forgets what was evaluated before.
 */
void vars_view_add(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *layer);
/*
 * Sets one variable in the view's own mapping of a level, made when it is first needed. It
 * stays whatever scope is open. The value outlives the view.
 */
void vars_view_set(struct vars_view *view, enum vars_level level, const char *name,
	const struct value *value);

/*
 * Sets all of a mapping's in the same way, but what was evaluated stays: for facts that are
 * fetched in the midst of a lookup, and that nothing before has asked for.
 */
void vars_view_merge(struct vars_view *view, enum vars_level level, const struct value *values);

/*
 * Scopes, for a play, its tasks and the items of their loops. Between enter and leave, layers
 * that are added belong to the scope, and what is evaluated is made in `scratch`: both are gone
 * after leave, when scratch may be released. Scopes nest, at most VARS_SCOPES_MAX deep.
 */
#define VARS_SCOPES_MAX 40
void vars_view_enter(struct vars_view *view, struct arena *scratch);
/* Ends the innermost scope. */
void vars_view_leave(struct vars_view *view);

/*
 * Facts that are fetched when they are first asked for. `fetch` is called when a variable that
 * a fact may define is looked up, and gives the layer of facts (which outlives the view), or
 * NULL with err: then the lookup fails with it. It is called once, unless it says by *partial
 * that a name which is not in its layer may still be had: then once more for such a name.
 */
typedef const struct value *(*vars_facts_fn)(
	void *data, const char *name, bool *partial, struct err *err);
/* Sets how facts are fetched; NULL takes it back. */
void vars_view_set_facts(struct vars_view *view, vars_facts_fn fetch, void *data);
/*
 * What other hosts have set in this run, for hostvars: `others` gives a host's mapping of a
 * level (VARS_FACT, VARS_REGISTERED), made in the arena, or NULL with err.
 */
typedef const struct value *(*vars_others_fn)(void *data, const struct host *host,
	enum vars_level level, struct arena *arena, struct err *err);
/* Sets how other hosts are asked; NULL takes it back. */
void vars_view_set_others(struct vars_view *view, vars_others_fn others, void *data);
/*
 * Magic variables that change while a play goes on: `live` gives the value of a name, made in
 * the arena; NULL without err where the name is none of them.
 */
typedef const struct value *(*vars_live_fn)(
	void *data, const char *name, struct arena *arena, struct err *err);
/* Sets who is asked for them; NULL takes it back. */
void vars_view_set_live(struct vars_view *view, vars_live_fn live, void *data);
/* Forgets what vars_view_set has made of a level, and facts that were fetched at it. */
void vars_view_unset(struct vars_view *view, enum vars_level level);
/* A copy, in the arena, of the mapping that vars_view_set has made of a level; may be empty. */
struct value *vars_view_copy_set(
	const struct vars_view *view, enum vars_level level, struct arena *arena);
/* The context that the view evaluates in: for conditions, lookups and template files. */
struct template_context *vars_view_context(struct vars_view *view);

/*
 * The evaluated value of a variable. NULL with err: ERR_NOTFOUND when nothing defines it, else
 * what went wrong, with the variable and its place. The value lives as long as the view.
 */
const struct value *vars_get(struct vars_view *view, const char *name, struct err *err);
/* The same, and NULL without an error when nothing defines it. Looks for no names like it. */
const struct value *vars_find(struct vars_view *view, const char *name, struct err *err);
/* The same as it was written, not evaluated (vaults closed); NULL when nothing defines it. */
const struct value *vars_raw(struct vars_view *view, const char *name);
/* Evaluates a value in this view: templates rendered, vaults opened. NULL with err. */
const struct value *vars_evaluate(
	struct vars_view *view, const struct value *value, struct err *err);
/* Renders one template text to a value in this view. `at` may be NULL. */
const struct value *vars_render(
	struct vars_view *view, const char *text, const struct place *at, struct err *err);
/*
 * All variables as written, in one mapping made in `arena`; with `magic` also the magic ones.
 * Its values are those of the site, not copies.
 */
const struct value *vars_all(struct vars_view *view, bool magic, struct arena *arena);

/*
 * The variables of one group alone, as written: of the sources, then of the files beside them,
 * and with `playbook` of those beside the playbook. No inheritance. NULL with err when a file
 * cannot be opened.
 */
const struct value *vars_of_group(const struct vars_site *site, const struct group *group,
	bool playbook, struct arena *arena, struct err *err);
/* The same for a host: nothing that comes from groups. NULL with err as for a group. */
const struct value *vars_of_host(const struct vars_site *site, const struct host *host,
	bool playbook, struct arena *arena, struct err *err);

/* One layer's word on a variable. */
struct vars_claim {
	enum vars_level level;
	const char *label;         /* the layer's, e.g. "group web"; may be NULL */
	const struct value *value; /* as written */
	struct place place;        /* where it was written; file NULL when nowhere */
};

/*
 * All layers that say something about a variable, the winner first, then those it beats, from
 * strong to weak (`*claims` lives as long as the view). Returns how many there are.
 */
size_t vars_explain(struct vars_view *view, const char *name, const struct vars_claim **claims);

#endif
