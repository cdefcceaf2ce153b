/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a view, which the files of this room share: its state (view.c), its layers
 * (layers.c), facts (facts.c), other hosts (hostvars.c), looking up and evaluating (lookup.c)
 * and telling why (explain.c). Internal to this room.
 */
#ifndef VARS_VIEW_H
#define VARS_VIEW_H

#include "base/vec.h"
#include "vars/site.h"

struct vars_view {
	const struct vars_site *site;
	const struct host *host;
	struct vars_view *root;                     /* itself, for a root */
	struct arena own;                           /* of a root only */
	struct arena *arena;                        /* what lives as long as the view */
	struct arena *scratch[VARS_SCOPES_MAX + 1]; /* of a root: where each scope evaluates */
	unsigned scope;                             /* of a root: how many are open */
	struct value *set[VARS_MAGIC + 1];          /* vars_view_set: by level; NULL: none */
	vars_facts_fn fetch_facts;
	void *facts_data;
	bool facts_partial;        /* what the layers of facts lack may still be fetched */
	struct vars_view *self;    /* of a root: its own host, as hostvars has it */
	vars_others_fn ask_others; /* of a root */
	void *others_data;
	vars_live_fn ask_live; /* of a root */
	void *live_data;
	unsigned
		generation; /* of a root: counts scopes; of others: when they were asked last */
	struct {
		struct layer *items; /* lowest first */
		size_t count;
		size_t cap;
	} layers;
	struct template_context context;
	struct strmap results; /* name -> const struct value **: what vars_get gave */
	struct strmap others;  /* of a root: host -> struct vars_view * */
	const struct value *hostvars;
	const struct value *magic, *host_magic;
	unsigned stacked;   /* the generation of the site that the layers are of */
	const char *closed; /* why a file that concerns the host could not be opened */
};

/* Where a view evaluates at present. */
static inline struct arena *view_scratch(const struct vars_view *view)
{
	return view->root->scratch[view->root->scope];
}

/* A view of a host that hangs together with a root; NULL: one that is a root itself. */
struct vars_view *view_make(
	const struct vars_site *site, const struct host *host, struct vars_view *root);
/* What the values of one view evaluated to is forgotten. */
void view_forget(struct vars_view *view);

/* Takes in what site and inventory have for the view's host, its magic too. */
void site_stack(struct vars_view *view);
/*
 * Stacks up what site and inventory have for the view's host; layers of other levels that the
 * view has stay.
 */
void layers_stack(struct vars_view *view);
/* Puts a layer above all of its level. */
void layers_insert(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, unsigned scope);
/* Takes out the layers of a scope and of those inside it. */
void layers_drop(struct vars_view *view, unsigned scope);

/* Fetches facts before a name that they may define is looked up. */
int facts_want(struct vars_view *view, const char *name, struct err *err);

/* The value of the magic variable `hostvars`. */
const struct value *hostvars_new(struct vars_view *view);

/* The value of the magic variable `vars`: all that the view itself sees, for names made up. */
const struct value *own_vars_new(struct vars_view *view);

/* Starts the context in which templates see the view. */
void lookup_init(struct vars_view *view);
/* The names of all variables, as a list; `data` is the view. */
const struct value *lookup_names(void *data, struct err *err);
/* A magic variable, or NULL. */
const struct value *lookup_magic(struct vars_view *view, const struct value_key *name);

#endif
