/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of other hosts, and what those have set. */
#include "vars/view.h"

void vars_view_set_others(struct vars_view *view, vars_others_fn others, void *data)
{
	view->ask_others = others;
	view->others_data = data;
}

/* Brings what another host has set into its view, once in each scope. */
static int ask_other(struct vars_view *other, struct err *err)
{
	static const enum vars_level levels[] = {VARS_FACT, VARS_REGISTERED};
	struct vars_view *root = other->root;

	if (other == root || !root->ask_others || other->generation == root->generation)
		return 0;
	layers_drop(other, 1);
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		const struct value *layer = root->ask_others(
			root->others_data, other->host, levels[i], view_scratch(root), err);
		if (!layer)
			return -1;
		layers_insert(other, levels[i], NULL, layer, 1);
	}
	other->generation = root->generation;
	view_forget(other);
	return 0;
}

/* hostvars: every host's variables, evaluated in that host's view. */
static struct vars_view *other_view(struct vars_view *view, const char *name, struct err *err)
{
	struct vars_view *root = view->root;
	/* What a play and its tasks say of the host itself is not among its hostvars. */
	bool self = root->scope > 0 && strcmp(name, root->host->name) == 0;
	struct vars_view *other = self ? root->self : strmap_get(&root->others, name);
	const struct host *host = vars_site_host(root->site, name);

	if (!other && host)
		other = view_make(root->site, host, root);
	if (self)
		root->self = other;
	return other && ask_other(other, err) == 0 ? other : NULL;
}

static const struct value *hostvars_get_var(void *data, const char *key, struct err *err)
{
	struct err failure = {0};
	const struct value *value = vars_get(data, key, &failure);

	if (!value && failure.code != ERR_NOTFOUND && err)
		*err = failure;
	return value;
}

static const struct template_mapping host_mapping = {hostvars_get_var, lookup_names};

const struct value *own_vars_new(struct vars_view *view)
{
	return template_new_mapping(view_scratch(view), &host_mapping, view);
}

static const struct value *hostvars_get(void *data, const char *key, struct err *err)
{
	struct vars_view *view = data;
	struct vars_view *other = other_view(view, key, err);

	return other ? template_new_mapping(view_scratch(view), &host_mapping, other) : NULL;
}

static const struct value *hostvars_keys(void *data, struct err *err)
{
	struct vars_view *view = data;

	(void)err;
	return site_host_names(view->site, view_scratch(view));
}

static const struct template_mapping hostvars_mapping = {hostvars_get, hostvars_keys};

const struct value *hostvars_new(struct vars_view *view)
{
	return template_new_mapping(view->arena, &hostvars_mapping, view);
}
