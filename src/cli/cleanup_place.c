/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleaning one place: the site's store, or the models of a node, which are a store to us as
 * well. Nodes are worked side by side: what they share is only read here.
 */
#include "base/vec.h"
#include "cli/cleanup.h"

/* ---- deciding ---- */

/* True if a registry knows a model: reports and pins may name others. */
static bool is_known(const struct cleanup *c, const char *model)
{
	const struct retention_model *rule = strmap_get(&c->rules, model);

	return rule && rule->current.count > 0;
}

/* Of a place's links those of one model, without its name. */
static void pick_linked(const struct strlist *linked, const char *model, struct strlist *out)
{
	autofree char *prefix = xasprintf("%s/", model);

	for (size_t i = 0; i < linked->count; i++)
		if (str_starts(linked->items[i], prefix))
			strlist_add(out, linked->items[i] + strlen(prefix));
}

static bool host_runs(const struct cleanup_node *n, const char *model, const char *version)
{
	autofree char *path = xasprintf("%s/%s", model, version);

	return strlist_has(&n->report->runs, path);
}

/*
 * A model that a host is not to have any more is nobody's to remove without being told so; then
 * it goes with every version that is not in use there.
 */
static enum retention_reason decide_unmanaged(const struct cleanup *c,
	const struct cleanup_node *n, const char *model, const char *version,
	enum retention_reason reason)
{
	if (reason == RETENTION_LINKED)
		return reason;
	if (host_runs(n, model, version))
		return RETENTION_RUNS;
	return c->unmanaged ? RETENTION_REMOVE : RETENTION_RECENT;
}

static void add_version(const struct cleanup *c, struct cleanup_place *p, const char *model,
	const char *version, enum retention_reason reason)
{
	bool unmanaged = p->node && !host_models_find(p->node->models, model);

	if (unmanaged)
		reason = decide_unmanaged(c, p->node, model, version, reason);
	*VEC_PUSH(&p->versions) = (struct cleanup_version){
		.model = arena_strdup(&p->arena, model),
		.name = arena_strdup(&p->arena, version),
		.reason = reason,
		.unmanaged = unmanaged,
	};
}

static void decide(const struct cleanup *c, struct cleanup_place *p, const char *model,
	const struct strlist *versions, const struct strlist *linked)
{
	AUTO(strlist_release) struct strlist own = {0};
	struct retention_model rule = *(struct retention_model *)strmap_get(&c->rules, model);
	autofree enum retention_reason *reasons =
		xcalloc(versions->count + 1, sizeof(*reasons));

	pick_linked(linked, model, &own);
	rule.there = versions;
	rule.linked = own;
	retention_decide(&rule, reasons);
	for (size_t i = versions->count; i-- > 0;)
		add_version(c, p, model, versions->items[i], reasons[i]);
}

static int look_at_model(const struct cleanup *c, struct cleanup_place *p, const char *model,
	const struct strlist *linked, struct err *err)
{
	AUTO(strlist_release) struct strlist versions = {0};
	struct err why = {0};

	if (c->model && strcmp(c->model, model) != 0)
		return 0;
	/* A directory without a version in it may be anything. */
	if (store_list_versions(p->store, model, &versions, &why) < 0 &&
		why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	if (is_known(c, model))
		decide(c, p, model, &versions, linked);
	else if (versions.count)
		strlist_add(&p->unknown, model);
	return 0;
}

int cleanup_look(const struct cleanup *c, struct cleanup_place *p, struct err *err)
{
	AUTO(strlist_release) struct strlist models = {0}, linked = {0};

	if (store_list_models(p->store, &models, err) < 0 ||
		store_linked_versions(p->store, &linked, err) < 0)
		return -1;
	for (size_t i = 0; i < models.count; i++)
		if (look_at_model(c, p, models.items[i], &linked, err) < 0)
			return -1;
	p->looked = true;
	return 0;
}

/* ---- removing ---- */

static int measure(struct cleanup_place *p, struct cleanup_version *v, struct err *err)
{
	struct tree_usage usage;

	if (store_version_usage(p->store, v->model, v->name, &usage, err) < 0)
		return -1;
	v->frees = usage.frees;
	p->freed += usage.frees;
	return 0;
}

/* -1 with err when the place itself is out of reach. */
static int remove_version(struct cleanup_place *p, struct cleanup_version *v, struct err *err)
{
	uint64_t before = p->freed;
	struct err why = {0};

	if (store_remove_version(p->store, v->model, v->name, &p->freed, &why) == 0) {
		v->removed = true;
		v->frees = p->freed - before;
		return 0;
	}
	v->failed = true;
	if (!p->err.code)
		p->err = why;
	return why.code == ERR_UNREACHABLE || why.code == ERR_TIMEOUT ||
			       why.code == ERR_CANCELLED
		       ? err_set(err, why.code, "%s", why.text)
		       : 0;
}

static void sum_up(const struct cleanup *c, struct cleanup_place *p)
{
	for (size_t i = 0; i < p->versions.count; i++) {
		const struct cleanup_version *v = &p->versions.items[i];
		bool goes = v->reason == RETENTION_REMOVE;
		p->kept += !goes;
		p->failed += v->failed;
		p->removed += c->dry_run ? goes : v->removed;
	}
}

static int remove_all(const struct cleanup *c, struct cleanup_place *p,
	const struct cancel *cancel, struct err *err)
{
	if (!c->dry_run && store_empty_trash(p->store, &p->freed, err) < 0)
		return -1;
	for (size_t i = 0; i < p->versions.count; i++) {
		struct cleanup_version *v = &p->versions.items[i];
		if (v->reason != RETENTION_REMOVE)
			continue;
		if (cancel_level(cancel) > 0)
			return err_set(err, ERR_CANCELLED, "interrupted");
		if ((c->dry_run ? measure(p, v, err) : remove_version(p, v, err)) < 0)
			return -1;
	}
	return 0;
}

int cleanup_remove(const struct cleanup *c, struct cleanup_place *p,
	const struct cancel *cancel, struct err *err)
{
	int result = remove_all(c, p, cancel, err);

	sum_up(c, p);
	return result;
}

void cleanup_place_release(struct cleanup_place *p)
{
	free(p->versions.items);
	strlist_release(&p->unknown);
	strlist_release(&p->staging);
	arena_release(&p->arena);
	*p = (struct cleanup_place){0};
}
