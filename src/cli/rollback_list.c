/* SPDX-License-Identifier: Apache-2.0 */
/* Which versions there are of which model, and who has to do with them. */
#include "base/vec.h"
#include "cli/rollback.h"

static struct rollback_model *model_of(struct rollback_models *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i].name, name) == 0)
			return &all->items[i];
	struct rollback_model *m = VEC_PUSH(all);
	*m = (struct rollback_model){.name = name};
	return m;
}

static struct rollback_version *version_of(struct rollback_model *m, const char *name)
{
	for (size_t i = 0; i < m->versions.count; i++)
		if (strcmp(m->versions.items[i].name, name) == 0)
			return &m->versions.items[i];
	struct rollback_version *v = VEC_PUSH(&m->versions);
	*v = (struct rollback_version){.name = xstrdup(name)};
	return v;
}

static bool is_asked_for(const char *only, const char *name)
{
	return !only || strcmp(only, name) == 0;
}

/* What the registries say. Where several differ, the first one's word on a model is shown. */
static void add_registries(
	struct rollback_models *all, const struct resolution *res, const char *only)
{
	for (size_t i = 0; i < res->registry_count; i++) {
		const struct registry *reg = res->registries[i];
		for (size_t k = 0; k < reg->model_count; k++) {
			const struct model *model = &reg->models[k];
			if (!is_asked_for(only, model->name))
				continue;
			struct rollback_model *m = model_of(all, model->name);
			if (!m->model)
				m->model = model;
			version_of(m, model->current)->current = true;
			if (model->previous)
				version_of(m, model->previous)->previous = true;
		}
	}
}

static void add_pins(struct rollback_models *all, const struct host_models *h,
	const struct wanted *items, size_t count, const char *only)
{
	for (size_t i = 0; i < count; i++) {
		const struct wanted *w = &items[i];
		if (w->pinned && is_asked_for(only, w->model->name))
			strlist_add(
				&version_of(model_of(all, w->model->name), w->version)->pinned,
				h->host);
	}
}

static void add_hosts(
	struct rollback_models *all, const struct resolution *res, const char *only)
{
	for (size_t i = 0; i < res->host_count; i++) {
		const struct host_models *h = &res->hosts[i];
		add_pins(all, h, h->items, h->count, only);
		add_pins(all, h, h->held, h->held_count, only);
	}
}

static int add_stored(
	struct rollback *r, struct rollback_models *all, const char *name, struct err *err)
{
	AUTO(strlist_release) struct strlist versions = {0};
	struct store *store = r->look.store;

	if (store_list_versions(store, name, &versions, err) < 0)
		return -1;
	for (size_t i = 0; i < versions.count; i++) {
		struct rollback_version *v = version_of(
			model_of(all, arena_strdup(&r->arena, name)), versions.items[i]);
		v->stored = true;
		if (store_version_size(store, name, v->name, &v->bytes, err) == 0)
			v->sized = true;
		else if (err->code == ERR_CANCELLED)
			return -1;
	}
	return 0;
}

static int add_store(
	struct rollback *r, struct rollback_models *all, const char *only, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (store_list_models(r->look.store, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (is_asked_for(only, names.items[i]) &&
			add_stored(r, all, names.items[i], err) < 0)
			return -1;
	return 0;
}

static void add_report(struct rollback_models *all, const struct report *h, const char *only)
{
	for (size_t i = 0; i < h->runs.count; i++) {
		const char *slash = strchr(h->runs.items[i], '/');
		if (!slash)
			continue;
		autofree char *name =
			xstrndup(h->runs.items[i], (size_t)(slash - h->runs.items[i]));
		for (size_t k = 0; is_asked_for(only, name) && k < all->count; k++)
			if (strcmp(all->items[k].name, name) == 0)
				strlist_add(
					&version_of(&all->items[k], slash + 1)->runs, h->host);
	}
}

static int add_reports(
	struct rollback *r, struct rollback_models *all, const char *only, struct err *err)
{
	AUTO(reports_release) struct reports reports = {0};

	if (reports_load(&reports, r->look.store, err) < 0)
		return -1;
	strmap_foreach (e, &reports.by_host)
		add_report(all, e->value, only);
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct rollback_version *v = a, *w = b;

	return strcmp(w->name, v->name);
}

static void models_release(struct rollback_models *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct rollback_model *m = &all->items[i];
		for (size_t k = 0; k < m->versions.count; k++) {
			free(m->versions.items[k].name);
			strlist_release(&m->versions.items[k].pinned);
			strlist_release(&m->versions.items[k].runs);
		}
		free(m->versions.items);
	}
	free(all->items);
}

static int gather(
	struct rollback *r, struct rollback_models *all, const char *only, struct err *err)
{
	const struct resolution *res = &r->look.registry.resolution;

	add_registries(all, res, only);
	add_hosts(all, res, only);
	if (add_store(r, all, only, err) < 0 || add_reports(r, all, only, err) < 0)
		return -1;
	for (size_t i = 0; i < all->count; i++) {
		struct rollback_model *m = &all->items[i];
		if (m->versions.count)
			qsort(m->versions.items, m->versions.count, sizeof(*m->versions.items),
				newest_first);
		for (size_t k = 0; k < m->versions.count; k++)
			strlist_sort(&m->versions.items[k].runs);
	}
	return 0;
}

int rollback_list(struct rollback *r, const char *only, struct err *err)
{
	AUTO(models_release) struct rollback_models all = {0};

	if (gather(r, &all, only, err) < 0)
		return -1;
	/* A model of the store alone can be listed; any other name is a mistake. */
	if (only && all.count == 0 && !rollback_find(&r->look, only, err))
		return -1;
	if (r->deploy.engine.o.json)
		rollback_print_models_json(r, &all);
	else
		rollback_print_models(r, &all, only != NULL);
	return EXIT_OK;
}
