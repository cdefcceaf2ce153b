/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/site.h"

#include "base/suggest.h"
#include "registry/duplicates.h"
#include "registry/findings.h"
#include "value/found.h"
#include "registry/this_machine.h"

/* Variables that decide which versions a host gets, and where. */
static const char *const registry_variables[] = {
	VAR_MODELS,
	VAR_STORE,
	VAR_RETENTION,
	VAR_CORAL_PACKAGES,
	VAR_OVERRIDES,
	VAR_MODEL_SET,
	VAR_OUTPOST_MODELS,
	VAR_DATASINK_MODELS,
	VAR_PRIMARY,
	NULL,
};

struct site_reader {
	const struct registry_site_options *o;
	struct registry_site *site;
	struct findings findings;
	struct strmap files;        /* those that the registry's variables come from */
	struct resolve_host *hosts; /* whose variables could all be evaluated */
	size_t count;
	struct resolve_filter filter;
	struct arena arena; /* of values made here */
};

/* ---- variables ---- */

/* A variable's value, NULL when it is not defined; what cannot be evaluated is a finding. */
static const struct value *get(
	struct site_reader *r, struct vars_view *view, const char *name, struct diags *d)
{
	struct err err = {0};
	const struct value *raw = vars_raw(view, name);

	if (!raw)
		return NULL;
	if (raw->place.file)
		strmap_set(&r->files, raw->place.file, NULL);
	const struct value *v = vars_find(view, name, &err);
	if (err.code)
		diag_error(d, NULL, "%s", err.text);
	return v;
}

static void read_groups(const struct host *h, struct strlist *out)
{
	for (size_t i = 0; i < h->groups.count; i++)
		strlist_add(out, h->groups.items[i]->name);
}

/* True if a host's models are the store itself. */
static bool holds_store(struct site_reader *r, struct vars_view *view, const struct value *root)
{
	const struct registry_site *s = r->site;
	const struct host *host = vars_view_host(view);

	if (s->primary)
		return host == s->primary;
	if (s->store_view && host == vars_view_host(s->store_view))
		return true;
	const char *connection = value_text(vars_get(view, "ansible_connection", NULL));
	return connection && strcmp(connection, "local") == 0 && s->root && value_text(root) &&
	       strcmp(s->root, value_text(root)) == 0;
}

/*
 * The `models` of each entry of model_configs. The entries' other members may need what only a
 * play knows, so nothing else is evaluated.
 */
static const struct value *read_configs(
	struct site_reader *r, struct vars_view *view, struct arena *arena, struct diags *d)
{
	const struct value *raw = vars_raw(view, VAR_CONFIGS);
	struct value *out = value_new_list(arena);
	char found[FOUND_MAX];

	if (value_is_string(raw))
		raw = get(r, view, VAR_CONFIGS, d);
	if (!raw || raw->kind == VALUE_NULL)
		return NULL;
	if (raw->kind != VALUE_LIST) {
		struct place at = place_or(raw, (struct place){0});
		diag_error(d, &at, VAR_CONFIGS ": found %s, expected a list of mappings",
			found_text(raw, found));
		return NULL;
	}
	value_list_foreach (config, raw) {
		struct err err = {0};
		const struct value *models = value_dict_get(config, "models");
		struct place at = place_or(config, raw->place);
		if (!models)
			diag_error(d, &at,
				VAR_CONFIGS ": found %s, expected a mapping with `models: "
					    "[NAMES]`",
				found_text(config, found));
		else if (!(models = vars_evaluate(view, models, &err)))
			diag_error(d, &at, VAR_CONFIGS ": %s", err.text);
		else
			value_list_add(arena, out, models);
	}
	return out;
}

/* Adds a host to the input, unless one of its variables cannot be evaluated. */
static void read_host(struct site_reader *r, struct vars_view *view)
{
	AUTO(diags_release) struct diags d = {0};
	const struct host *host = vars_view_host(view);
	struct resolve_host *h = &r->hosts[r->count];

	*h = (struct resolve_host){
		.name = host->name,
		.registry =
			{
				.models = get(r, view, VAR_MODELS, &d),
				.retention = get(r, view, VAR_RETENTION, &d),
				.coral = get(r, view, VAR_CORAL_PACKAGES, &d),
			},
		.root = get(r, view, VAR_STORE, &d),
		.model_set = get(r, view, VAR_MODEL_SET, &d),
		.overrides = get(r, view, VAR_OVERRIDES, &d),
		.config_models = read_configs(r, view, &r->arena, &d),
	};
	for (size_t i = 0; i < MODEL_SET_DEFAULTS && !h->model_set; i++)
		if (model_set_defaults[i].variable)
			h->defaults[i] = get(r, view, model_set_defaults[i].variable, &d);
	h->holds_store = holds_store(r, view, h->root);
	read_groups(host, &h->groups);
	r->count++;
	if (d.errors > 0) {
		strlist_release(&h->groups);
		r->count--;
	}
	findings_take(&r->findings, &d, host->name);
}

/* ---- the store ---- */

static const struct host *find_primary(
	struct site_reader *r, const struct value *v, struct diags *d)
{
	const struct inventory *inventory = r->o->inventory;
	const char *name = value_text(v);
	const struct host *host = name ? inventory_host(inventory, name) : NULL;
	struct suggestion near = {0};
	char found[FOUND_MAX];

	if (host)
		return host;
	if (name)
		strmap_foreach (e, &inventory->hosts)
			suggest_add(&near, name, e->key);
	struct place at = place_or(v, (struct place){0});
	diag_error(d, &at, VAR_PRIMARY ": found %s, expected a host of the inventory%s%s%s",
		found_text(v, found), near.word ? "; did you mean " : "",
		near.word ? near.word : "", near.word ? "?" : "");
	return NULL;
}

static bool is_local(const struct host *host, struct vars_view *view)
{
	const char *connection = value_text(vars_get(view, "ansible_connection", NULL));

	if (connection)
		return strcmp(connection, "local") == 0;
	/* Behind a port of its own may be anything: a container, a tunnel. */
	return !vars_raw(view, "ansible_port") &&
	       is_this_machine(host->name, value_text(vars_get(view, "ansible_host", NULL)));
}

/* Finds the host and the directory of the store. */
static void locate_store(struct site_reader *r, struct diags *d)
{
	struct registry_site *s = r->site;
	AUTO(arena_release) struct arena arena = {0};
	const struct host *host = r->o->inventory->localhost;

	s->store_view = vars_view_new(r->o->vars, host);
	const struct value *primary = get(r, s->store_view, VAR_PRIMARY, d);
	if (primary && primary->kind != VALUE_NULL) {
		host = find_primary(r, primary, d);
		vars_view_free(s->store_view);
		s->store_view = host ? vars_view_new(r->o->vars, host) : NULL;
	}
	if (!s->store_view || d->errors > 0)
		return;
	if (!host->implicit && primary && !is_local(host, s->store_view))
		s->primary = host;
	const struct value *v = get(r, s->store_view, VAR_STORE, d);
	if (d->errors == 0)
		s->root = xstrdup(registry_root(&arena, v, d));
}

static void open_store(struct site_reader *r, struct diags *d)
{
	struct registry_site *s = r->site;
	const struct registry_site_options *o = r->o;
	struct err err;

	if (!s->root || o->without_store)
		return;
	if (o->store) {
		s->store = o->store;
		s->store_is_lent = true;
	} else if (!s->primary) {
		s->store = store_open_local(s->root, &err);
	} else if (o->open_remote) {
		s->store = o->open_remote(
			o->open_remote_arg, s->primary, s->store_view, s->root, &err);
	} else {
		diag_warning(d, NULL,
			"the store lies on another host, %s: whether it has all versions was "
			"not looked up; deploy-models --check does that",
			s->primary->name);
		return;
	}
	if (s->store)
		return;
	const struct value *raw = vars_raw(s->store_view, VAR_STORE);
	struct place at = place_or(raw, (struct place){0});
	diag_error(d, &at, VAR_STORE ": %s", err.text);
}

/* ---- all of it ---- */

static void read_hosts(struct site_reader *r)
{
	const struct host_list *hosts = r->o->hosts;
	struct registry_site *s = r->site;

	s->views = xcalloc(hosts->count, sizeof(struct vars_view *));
	r->hosts = xcalloc(hosts->count, sizeof(*r->hosts));
	for (size_t i = 0; i < hosts->count; i++) {
		s->views[s->view_count++] = vars_view_new(r->o->vars, hosts->items[i]);
		read_host(r, s->views[i]);
	}
}

static void check_duplicates(struct site_reader *r)
{
	AUTO(diags_release) struct diags d = {0};

	strmap_foreach (e, &r->files)
		duplicates_check(e->key, registry_variables, r->o->secrets, &d);
	findings_take(&r->findings, &d, NULL);
}

static void publish_models(struct arena *a, const struct host_models *h,
	const struct wanted *items, size_t count, struct value *versions, struct value *paths)
{
	for (size_t i = 0; i < count; i++) {
		const char *model = items[i].model->name, *version = items[i].version;
		value_dict_set(a, versions, model, value_new_string(a, version));
		value_dict_set(a, paths, model,
			value_new_stringf(a, "%s/%s/%s", h->root, model, version));
	}
}

/*
 * Gives every host's view what was resolved: model_versions, and model_paths where they lie on
 * the host. Templates that name model paths read these.
 */
static void publish_versions(struct registry_site *s)
{
	struct arena *a = &s->resolution.arena;

	for (size_t i = 0; i < s->view_count; i++) {
		const struct host_models *h = &s->resolution.hosts[i];
		struct value *versions = value_new_dict(a);
		struct value *paths = value_new_dict(a);
		struct value *layer = value_new_dict(a);
		publish_models(a, h, h->items, h->count, versions, paths);
		publish_models(a, h, h->held, h->held_count, versions, paths);
		value_dict_set(a, layer, VAR_VERSIONS, versions);
		value_dict_set(a, layer, VAR_PATHS, paths);
		vars_view_add(s->views[i], VARS_FACT, "the model registry", layer);
	}
}

static void reader_release(struct site_reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		strlist_release(&r->hosts[i].groups);
	free(r->hosts);
	strlist_release(&r->filter.models);
	strlist_release(&r->filter.tags);
	strmap_release(&r->files, NULL);
	arena_release(&r->arena);
	findings_release(&r->findings);
}

int registry_site_resolve(struct registry_site *s, const struct registry_site_options *o,
	struct diags *d, struct err *err)
{
	AUTO(reader_release) struct site_reader r = {.o = o, .site = s};
	AUTO(diags_release) struct diags store = {0};
	size_t errors = d->errors;

	*s = (struct registry_site){0};
	strlist_split(&r.filter.models, o->models ? o->models : "", ",");
	strlist_split(&r.filter.tags, o->tags ? o->tags : "", ",");
	locate_store(&r, &store);
	read_hosts(&r);
	open_store(&r, &store);
	findings_take(&r.findings, &store, NULL);
	check_duplicates(&r);
	const struct resolve_input in = {
		.hosts = r.hosts,
		.count = r.count,
		.filter = &r.filter,
		.store = s->store,
		.suppose = o->suppose,
	};
	findings_emit(&r.findings, o->hosts->count, d);
	resolution_compute(&s->resolution, &in, d);
	if (d->errors == errors) {
		publish_versions(s);
		return 0;
	}
	return err_set(err, ERR_INPUT,
		"the registry or the inventory has errors; no host was touched");
}

void registry_site_release(struct registry_site *s)
{
	for (size_t i = 0; i < s->view_count; i++)
		vars_view_free(s->views[i]);
	resolution_release(&s->resolution);
	if (!s->store_is_lent)
		store_free(s->store);
	free(s->views);
	vars_view_free(s->store_view);
	free(s->root);
	*s = (struct registry_site){0};
}
