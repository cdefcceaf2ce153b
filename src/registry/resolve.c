/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a resolution is made: each host in turn gets its registry (shared with hosts whose
 * variables say the same), its set and its overrides; their findings are gathered by place, so
 * that a mistake in a group's file appears once. When all hosts are done, filters are judged
 * and each version is looked up in the store once.
 */
#include "registry/resolve.h"

#include "base/suggest.h"
#include "base/vec.h"
#include "registry/findings.h"
#include "value/found.h"

/* A version of model_version_overrides. */
struct override {
	const char *version;
	struct place place;
	bool used;
};

/* A registry that some hosts share, and what reading it found. */
struct shared_registry {
	struct registry *registry; /* belongs to the resolution */
	struct registry_input input;
	struct diags diags;
};

struct resolver {
	const struct resolve_input *in;
	struct resolution *out;
	struct findings findings;
	struct strmap uses; /* use_key -> index + 1 as a pointer */
	struct {
		struct shared_registry *items;
		size_t count, cap;
	} registries;
};

/* ---- one host --------------------------------------------------------------------------- */

static const struct shared_registry *registry_of(
	struct resolver *r, const struct registry_input *input)
{
	for (size_t i = r->registries.count; i-- > 0;)
		if (registry_input_same(&r->registries.items[i].input, input))
			return &r->registries.items[i];
	struct shared_registry *made = VEC_PUSH(&r->registries);
	*made = (struct shared_registry){.input = *input};
	made->registry = xcalloc(1, sizeof(*made->registry));
	registry_read(made->registry, input, &made->diags);
	return made;
}

/* Says which models a list names that the registry lacks. */
static void check_set_names(
	const struct model_set *set, const struct registry *reg, struct diags *d)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct model_set_item *item = &set->items[i];
		char found[FOUND_MAX];
		if (registry_model(reg, item->name))
			continue;
		const char *near = registry_nearest(reg, item->name);
		diag_error(d, &item->place,
			"found the model %s, expected one that " VAR_MODELS " has%s%s%s",
			found_string(item->name, found), near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
	}
}

/* The set that the table of defaults gives a host. */
static void default_set(struct resolver *r, const struct resolve_host *h, struct model_set *set,
	struct diags *d)
{
	bool any = false;

	for (size_t i = 0; i < MODEL_SET_DEFAULTS; i++) {
		const struct model_set_default *def = &model_set_defaults[i];
		if (!strlist_has(&h->groups, def->group))
			continue;
		any = true;
		if (!def->variable)
			set->all = true;
		else if (h->defaults[i])
			model_set_add(set, &r->out->arena, h->defaults[i], def->variable, d);
		else if (def->required)
			diag_error(d, NULL,
				"%s is not defined, expected the list of models that hosts of "
				"the group %s get, e.g. in group_vars/%s/models.yaml",
				def->variable, def->group, def->group);
	}
	if (!any && !h->holds_store)
		diag_warning(d, NULL,
			VAR_MODEL_SET
			" is not defined, so nothing is deployed; expected all, none, "
			"or a list of models in group_vars or host_vars");
}

static void read_set(struct resolver *r, const struct resolve_host *h, struct model_set *set,
	struct diags *d)
{
	if (h->model_set)
		model_set_add(set, &r->out->arena, h->model_set, VAR_MODEL_SET, d);
	else
		default_set(r, h, set, d);
}

static void read_override(struct resolver *r, const struct registry *reg,
	const struct value_pair *p, struct strmap *out, struct diags *d)
{
	struct place at = place_or(p->key, p->value->place);
	const char *name = value_text(p->key);
	char found[FOUND_MAX];

	if (!name || !registry_model(reg, name)) {
		const char *near = name ? registry_nearest(reg, name) : NULL;
		diag_error(d, &at,
			VAR_OVERRIDES ": found the model %s, expected one that " VAR_MODELS
				      " has%s%s%s",
			found_text(p->key, found), near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
		return;
	}
	autofree char *what = xasprintf(VAR_OVERRIDES ".%s", name);
	const char *version = registry_version(p->value, &at, what, d);
	struct override *o = ARENA_NEW(&r->out->arena, struct override);
	o->version = arena_strdup(&r->out->arena, version);
	o->place = place_or(p->value, at);
	strmap_set(out, name, o);
}

static void read_overrides(struct resolver *r, const struct registry *reg,
	const struct value *v, struct strmap *out, struct diags *d)
{
	struct place at = place_or(v, (struct place){0});
	char found[FOUND_MAX];

	if (!v || v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_DICT || v->pair_count > REGISTRY_MODELS_MAX) {
		diag_error(d, &at,
			VAR_OVERRIDES ": found %s, expected a mapping from models to versions",
			found_text(v, found));
		return;
	}
	value_dict_foreach (p, v)
		read_override(r, reg, p, out, d);
}

static void check_unused_overrides(const struct strmap *overrides, struct diags *d)
{
	strmap_foreach (e, overrides) {
		const struct override *o = e->value;
		if (!o->used)
			diag_warning(d, &o->place,
				VAR_OVERRIDES
				".%s has no effect: the host does not get that model",
				e->key);
	}
}

/* ---- what is wanted --------------------------------------------------------------------- */

static bool filter_selects(const struct resolve_filter *f, const char *name)
{
	if (!f || (f->models.count == 0 && f->tags.count == 0))
		return true;
	return strlist_has(&f->models, name) || strlist_has(&f->tags, name);
}

/* The models of one entry of model_configs; checked, appended to `out`. */
static void read_config_models(
	const struct registry *reg, const struct value *v, struct strlist *out, struct diags *d)
{
	char found[FOUND_MAX];
	struct place at = place_or(v, (struct place){0});

	if (v->kind != VALUE_LIST) {
		diag_error(d, &at, VAR_CONFIGS ": models: found %s, expected a list of models",
			found_text(v, found));
		return;
	}
	value_list_foreach (item, v) {
		const char *name = value_text(item);
		struct place here = place_or(item, at);
		if (name && registry_model(reg, name)) {
			strlist_add(out, name);
			continue;
		}
		const char *near = name ? registry_nearest(reg, name) : NULL;
		diag_error(d, &here,
			VAR_CONFIGS ": found the model %s, expected one that " VAR_MODELS
				    " has%s%s%s",
			found_text(item, found), near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
	}
}

static bool selects_one_of(const struct resolve_filter *f, const struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (filter_selects(f, names->items[i]))
			return true;
	return false;
}

/*
 * A config that names several models is rendered with the versions of all of them. So where
 * the filter selects one, the others come along: a config must never name a version that the
 * host lacks.
 */
static void read_companions(struct resolver *r, const struct resolve_host *in,
	const struct registry *reg, struct strlist *companions, struct diags *d)
{
	for (size_t i = 0; in->config_models && i < in->config_models->count; i++) {
		AUTO(strlist_release) struct strlist names = {0};
		read_config_models(reg, in->config_models->items[i], &names, d);
		if (!selects_one_of(r->in->filter, &names))
			continue;
		for (size_t k = 0; k < names.count; k++)
			strlist_add(companions, names.items[k]);
	}
}

static void add_globs(struct strbuf *key, char letter, const struct globs *g)
{
	for (size_t i = 0; i < g->count; i++)
		strbuf_addf(key, "\n%c%s", letter, g->items[i]);
}

/* Two hosts share a manifest if they get the same version with the same patterns. */
static void use_key(const struct model *m, const char *version, struct strbuf *key)
{
	strbuf_addf(key, "%s/%s%s", m->name, version, m->immutable ? "\nh" : "");
	add_globs(key, 'i', &m->initial_only);
	add_globs(key, 'e', &m->exclude);
	add_globs(key, 'o', &m->only);
}

static size_t use_of(struct resolver *r, const struct wanted *w)
{
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	struct resolution *out = r->out;

	use_key(w->model, w->version, &key);
	size_t index = (size_t)(uintptr_t)strmap_get(&r->uses, key.data);
	if (index == 0) {
		if (out->use_count == out->use_cap)
			out->uses = vec_grow(
				out->uses, out->use_count, &out->use_cap, sizeof(*out->uses));
		out->uses[out->use_count++] = (struct version_use){
			.model = w->model, .version = w->version, .place = w->version_place};
		index = out->use_count;
		strmap_set(&r->uses, key.data, (void *)(uintptr_t)index);
	}
	out->uses[index - 1].hosts++;
	return index - 1;
}

static void suppose_version(const struct resolve_suppose *s, const char *host, struct wanted *w)
{
	if (strcmp(s->model, w->model->name) != 0)
		return;
	if (s->hosts && strlist_has(s->hosts, host)) {
		w->version = s->version ? s->version : w->model->current;
		w->pinned = s->version != NULL;
	} else if (!s->hosts && !w->pinned) {
		w->version = s->version;
	}
}

/* Fills in which version of a model a host gets; false when none could be read. */
static bool choose_version(
	const struct resolver *r, const char *host, struct wanted *w, const struct override *o)
{
	w->version = o ? o->version : w->model->current;
	w->version_place = o ? o->place : w->model->current_place;
	w->pinned = o != NULL;
	if (r->in->suppose)
		suppose_version(r->in->suppose, host, w);
	return w->version != NULL;
}

/* A model of which the host gets the linked files alone. */
static void want_linked_files(
	struct resolver *r, struct wanted *w, const struct model_set_item *item)
{
	struct model *m = ARENA_NEW(&r->out->arena, struct model);

	*m = *w->model;
	m->only = item->linked_files;
	w->model = m;
	w->linked_files = item->linked_files;
}

static void collect_wanted(struct resolver *r, struct host_models *h,
	const struct model_set *set, const struct strmap *overrides,
	const struct strlist *companions)
{
	const struct registry *reg = h->registry;
	struct wanted *items =
		arena_array(&r->out->arena, reg->model_count + 1, sizeof(*items));

	h->items = h->held = items;
	for (size_t i = 0; i < reg->model_count; i++) {
		struct wanted w = {.model = &reg->models[i]};
		const struct model_set_item *item = model_set_find(set, w.model->name);
		if (!set->all && !item)
			continue;
		struct override *o = strmap_get(overrides, w.model->name);
		if (o)
			o->used = true;
		bool selected = filter_selects(r->in->filter, w.model->name) ||
				strlist_has(companions, w.model->name);
		if (!selected || !choose_version(r, h->host, &w, o))
			continue;
		if (h->holds_store) {
			items[h->held_count++] = w;
			continue;
		}
		if (item && !set->all && item->linked_files.count)
			want_linked_files(r, &w, item);
		w.use = use_of(r, &w);
		items[h->count++] = w;
	}
}

static void resolve_host(
	struct resolver *r, const struct resolve_host *in, struct host_models *h)
{
	AUTO(diags_release) struct diags d = {0};
	AUTO(model_set_release) struct model_set set = {0};
	const struct shared_registry *shared = registry_of(r, &in->registry);
	AUTO(strlist_release) struct strlist companions = {0};
	struct strmap overrides = {0};

	*h = (struct host_models){
		.host = arena_strdup(&r->out->arena, in->name),
		.registry = shared->registry,
		.holds_store = in->holds_store,
	};
	findings_copy(&r->findings, &shared->diags, h->host);
	h->root = registry_root(&r->out->arena, in->root, &d);
	read_set(r, in, &set, &d);
	/* Without any registry, every name would be unknown: one error is enough. */
	if (shared->registry->model_count > 0) {
		check_set_names(&set, h->registry, &d);
		read_overrides(r, h->registry, in->overrides, &overrides, &d);
		read_companions(r, in, h->registry, &companions, &d);
		collect_wanted(r, h, &set, &overrides, &companions);
		check_unused_overrides(&overrides, &d);
	}
	strmap_release(&overrides, NULL);
	findings_take(&r->findings, &d, h->host);
}

/* ---- filters and the store -------------------------------------------------------------- */

static bool known_anywhere(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->registries.count; i++)
		if (registry_model(r->registries.items[i].registry, name))
			return true;
	return false;
}

static bool wanted_anywhere(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->out->use_count; i++)
		if (strcmp(r->out->uses[i].model->name, name) == 0)
			return true;
	return false;
}

static const char *nearest_anywhere(const struct resolver *r, const char *name)
{
	struct suggestion near = {0};

	for (size_t i = 0; i < r->registries.count; i++) {
		const struct registry *reg = r->registries.items[i].registry;
		for (size_t k = 0; k < reg->model_count; k++)
			suggest_add(&near, name, reg->models[k].name);
	}
	return near.word;
}

static void check_filter(const struct resolver *r, const char *option,
	const struct strlist *names, struct diags *d)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		char found[FOUND_MAX];
		if (!known_anywhere(r, name)) {
			const char *near = nearest_anywhere(r, name);
			diag_error(d, NULL,
				"%s: found %s, expected a model that " VAR_MODELS " has%s%s%s",
				option, found_string(name, found),
				near ? "; did you mean " : "", near ? near : "",
				near ? "?" : "");
		} else if (!wanted_anywhere(r, name)) {
			diag_warning(d, NULL, "%s: none of the hosts gets %s", option, name);
		}
	}
}

/* Explains what the store has instead of a version. */
static void describe_versions(struct store *s, const char *model, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist versions = {0};
	struct err err;

	if (store_list_versions(s, model, &versions, &err) < 0) {
		if (err.code == ERR_NOTFOUND)
			strbuf_addstr(out, "it has no such model");
		else
			strbuf_addstr(out, err.text);
		return;
	}
	strbuf_addstr(out, versions.count ? "it has " : "it has none of that model");
	size_t first = versions.count > 10 ? versions.count - 10 : 0;
	for (size_t i = first; i < versions.count; i++)
		strbuf_addf(out, "%s%s", i > first ? ", " : "", versions.items[i]);
	if (first > 0)
		strbuf_addf(out, " and %zu older ones", first);
}

/* Why a version cannot be used, in new memory; NULL when it can, -1 when the store fails. */
static int check_in_store(
	struct store *s, const char *model, const char *version, char **why, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	*why = NULL;
	if (store_check_version(s, model, version, err) == 0)
		return 0;
	if (err->code == ERR_INPUT) {
		*why = xasprintf("%s %s: %s", model, version, err->text);
		return 0;
	}
	if (err->code != ERR_NOTFOUND)
		return -1;
	strbuf_addf(&text, "found %s %s, expected a version that the store %s has; ", model,
		version, s->location);
	describe_versions(s, model, &text);
	*why = strbuf_detach(&text, NULL);
	return 0;
}

/* Reports a version at every place that says it, with the hosts that want it. */
static void report_use(struct resolver *r, size_t use, const char *why)
{
	for (size_t i = 0; i < r->out->host_count; i++) {
		const struct host_models *h = &r->out->hosts[i];
		for (size_t k = 0; k < h->count; k++) {
			AUTO(diags_release) struct diags d = {0};
			if (h->items[k].use != use)
				continue;
			diag_error(&d, &h->items[k].version_place, "%s", why);
			findings_take(&r->findings, &d, h->host);
		}
	}
}

/* The way back is no condition for a deploy, but it is better to hear of it now. */
static void check_previous(struct resolver *r, const struct model *m)
{
	AUTO(diags_release) struct diags d = {0};
	struct err err;

	if (!m->previous || store_check_version(r->in->store, m->name, m->previous, &err) == 0)
		return;
	if (err.code != ERR_NOTFOUND)
		return;
	diag_warning(&d, &m->previous_place,
		"%s.previous_version: the store %s lacks %s, so going back to it would fail",
		m->name, r->in->store->location, m->previous);
	findings_take(&r->findings, &d, NULL);
}

static void check_store(struct resolver *r)
{
	for (size_t i = 0; i < r->out->use_count; i++) {
		const struct version_use *use = &r->out->uses[i];
		autofree char *why = NULL;
		struct err err;
		if (check_in_store(r->in->store, use->model->name, use->version, &why, &err) <
			0) {
			AUTO(diags_release) struct diags d = {0};
			diag_error(&d, NULL, "%s", err.text);
			findings_take(&r->findings, &d, NULL);
			return;
		}
		if (why)
			report_use(r, i, why);
		check_previous(r, use->model);
	}
}

/* ---- all of it -------------------------------------------------------------------------- */

/* Hands the registries over to the resolution. */
static void keep_registries(struct resolver *r)
{
	r->out->registries = xcalloc(r->registries.count, sizeof(struct registry *));
	r->out->registry_count = r->registries.count;
	for (size_t i = 0; i < r->registries.count; i++) {
		r->out->registries[i] = r->registries.items[i].registry;
		diags_release(&r->registries.items[i].diags);
	}
	free(r->registries.items);
}

int resolution_compute(struct resolution *out, const struct resolve_input *in, struct diags *d)
{
	struct resolver r = {.in = in, .out = out};
	AUTO(diags_release) struct diags filter = {0};
	size_t errors = d->errors;

	*out = (struct resolution){0};
	out->hosts = arena_array(&out->arena, in->count + 1, sizeof(*out->hosts));
	for (size_t i = 0; i < in->count; i++) {
		resolve_host(&r, &in->hosts[i], &out->hosts[i]);
		out->host_count++;
	}
	if (in->filter && in->count > 0) {
		check_filter(&r, "--models", &in->filter->models, &filter);
		check_filter(&r, "--tags", &in->filter->tags, &filter);
		findings_take(&r.findings, &filter, NULL);
	}
	if (in->store)
		check_store(&r);
	findings_emit(&r.findings, in->count, d);
	findings_release(&r.findings);
	strmap_release(&r.uses, NULL);
	keep_registries(&r);
	return d->errors == errors ? 0 : -1;
}

void resolution_release(struct resolution *r)
{
	for (size_t i = 0; i < r->registry_count; i++) {
		registry_release(r->registries[i]);
		free(r->registries[i]);
	}
	free(r->registries);
	free(r->uses);
	arena_release(&r->arena);
	*r = (struct resolution){0};
}

const struct host_models *resolution_host(const struct resolution *r, const char *host)
{
	for (size_t i = 0; i < r->host_count; i++)
		if (strcmp(r->hosts[i].host, host) == 0)
			return &r->hosts[i];
	return NULL;
}

const struct wanted *host_models_find(const struct host_models *h, const char *model)
{
	for (size_t i = 0; i < h->count; i++)
		if (strcmp(h->items[i].model->name, model) == 0)
			return &h->items[i];
	return NULL;
}
