/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a host. Layers are only stacked up, never melted into one table: a variable is
 * looked for from the top down when it is asked for, so that a view costs next to nothing
 * before it is used, and every layer can still be told apart afterwards.
 *
 * Views of other hosts, which `hostvars` needs, hang together with the view that asked first
 * (their root): they share its arena, and each host has one view in it, so that a variable
 * that comes back to itself through other hosts is noticed.
 */
#include "vars/view.h"

struct vars_view *view_make(
	const struct vars_site *site, const struct host *host, struct vars_view *root)
{
	struct vars_view *view = xcalloc(1, sizeof(*view));

	view->site = site;
	view->host = host;
	view->root = root ? root : view;
	view->arena = &view->root->own;
	if (!root)
		view->scratch[0] = view->arena;
	lookup_init(view);
	site_stack(view);
	const char *key = view->host->name;
	/* A second view of the root's own host goes by a name that no host has. */
	if (root && host == root->host)
		key = "";
	strmap_set(&view->root->others, key, view);
	return view;
}

struct vars_view *vars_view_new(const struct vars_site *site, const struct host *host)
{
	return view_make(site, host, NULL);
}

/* Frees what a view holds beside the root's arena. */
static void release_view(struct vars_view *view)
{
	template_context_release(&view->context);
	strmap_release(&view->results, NULL);
	free(view->layers.items);
}

void vars_view_free(struct vars_view *view)
{
	if (!view)
		return;
	strmap_foreach (e, &view->others) {
		if (e->value == view)
			continue;
		release_view(e->value);
		free(e->value);
	}
	strmap_release(&view->others, NULL);
	release_view(view);
	arena_release(&view->own);
	free(view);
}

int vars_view_check(const struct vars_view *view, struct err *err)
{
	if (!view->closed)
		return 0;
	return err_set(err, ERR_AUTH, "host %s: %s", view->host->name, view->closed);
}

const struct host *vars_view_host(const struct vars_view *view)
{
	return view->host;
}

void view_forget(struct vars_view *view)
{
	template_context_forget(&view->context);
	strmap_release(&view->results, NULL);
}

/* Views that saw the old values, through hostvars, forget them too. */
static void forget(struct vars_view *root)
{
	strmap_foreach (e, &root->others)
		view_forget(e->value);
}

void vars_view_add(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *layer)
{
	layers_insert(view, level, label, layer, view->root->scope);
	if (layer->pair_count > 0)
		forget(view->root);
}

void vars_view_set(struct vars_view *view, enum vars_level level, const char *name,
	const struct value *value)
{
	bool new = !view->set[level];

	if (new)
		view->set[level] = value_new_dict(view->arena);
	value_dict_set(view->arena, view->set[level], name, value);
	if (new)
		layers_insert(view, level, NULL, view->set[level], 0);
	forget(view->root);
}

void vars_view_merge(struct vars_view *view, enum vars_level level, const struct value *values)
{
	bool new = !view->set[level];

	if (new)
		view->set[level] = value_new_dict(view->arena);
	value_dict_foreach (p, values)
		value_dict_set_value(view->arena, view->set[level], p->key, p->value);
	if (new)
		layers_insert(view, level, NULL, view->set[level], 0);
}

/* The contexts of a root and of the views that it made evaluate in one arena. */
static void set_scratch(struct vars_view *root)
{
	strmap_foreach (e, &root->others) {
		struct vars_view *view = e->value;
		view->context.arena = view_scratch(root);
	}
}

void vars_view_unset(struct vars_view *view, enum vars_level level)
{
	size_t kept = 0;

	for (size_t i = 0; i < view->layers.count; i++)
		if (view->layers.items[i].level != level)
			view->layers.items[kept++] = view->layers.items[i];
	view->layers.count = kept;
	view->set[level] = NULL;
	forget(view->root);
}

void vars_view_enter(struct vars_view *view, struct arena *arena)
{
	struct vars_view *root = view->root;

	if (root->scope == VARS_SCOPES_MAX)
		abort(); /* the caller's loops nest without end */
	root->scratch[++root->scope] = arena;
	root->generation++;
	set_scratch(root);
}

/* What other hosts have set was copied into the scope that ends. */
static void drop_others(struct vars_view *root)
{
	root->generation++;
	strmap_foreach (e, &root->others)
		if (e->value != root)
			layers_drop(e->value, 1);
}

void vars_view_leave(struct vars_view *view)
{
	struct vars_view *root = view->root;

	layers_drop(view, root->scope);
	drop_others(root);
	root->scope--;
	forget(root);
	set_scratch(root);
}

struct template_context *vars_view_context(struct vars_view *view)
{
	return &view->context;
}

struct value *vars_view_copy_set(
	const struct vars_view *view, enum vars_level level, struct arena *arena)
{
	struct value *copy = value_new_dict(arena);

	if (view->set[level])
		value_dict_foreach (p, view->set[level])
			value_dict_set_value(arena, copy, p->key, p->value);
	return copy;
}
