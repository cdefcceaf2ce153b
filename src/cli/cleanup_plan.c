/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cleanup goes by: the lock, the site as it is under it, and a rule for each model.
 */
#include "base/path.h"
#include "base/vec.h"
#include "cli/cleanup.h"

#define HOSTS_NAMED 3

/* ---- the lock ---- */

/*
 * Finds the store with the site as the engine has read it, and takes the lock: that of the
 * store on this machine, or the lease of one on another host, which opening it takes.
 */
static int lock_store(struct cleanup *c, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct engine *e = &c->engine;
	const struct host_list nobody = {0};
	const struct registry_site_options o = {
		.inventory = &e->site.inventory,
		.vars = e->site.vars,
		.secrets = &e->site.secrets,
		.hosts = &nobody,
		.open_remote = engine_open_store,
		.open_remote_arg = e,
	};

	if (registry_site_resolve(&c->located, &o, &d, err) < 0) {
		cli_print_diags(&d);
		return -1;
	}
	if (c->dry_run || c->located.primary)
		return 0;
	/* A lock elsewhere, as a deploy takes one where it may not write, protects nobody here.
	 */
	autofree char *path = path_join(c->located.root, LOCK_FILE);
	return lock_acquire(&e->lock, path, e->command_line.data, 0, &e->cancel, err);
}

/* ---- the site ---- */

static int read_site(struct cleanup *c, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct engine *e = &c->engine;

	int result = site_read(&c->site, &e->o.site, &d, err);
	const struct registry_site_options o = {
		.inventory = &c->site.inventory,
		.vars = c->site.vars,
		.secrets = &c->site.secrets,
		.hosts = &c->site.hosts,
		.store = c->located.store,
	};
	if (result == 0 && !d.errors)
		result = registry_site_resolve(&c->registry, &o, &d, err);
	cli_print_diags(&d);
	if (result == 0 && !d.errors)
		return 0;
	return err_set(err, ERR_INPUT,
		"the site cannot be read whole, so it is not known which versions are in use; "
		"nothing was removed");
}

/* ---- rules ---- */

static struct retention_model *rule_of(struct cleanup *c, const char *model)
{
	struct retention_model *rule = strmap_get(&c->rules, model);

	if (rule)
		return rule;
	rule = ARENA_NEW(&c->arena, struct retention_model);
	rule->name = arena_strdup(&c->arena, model);
	strmap_set(&c->rules, model, rule);
	return rule;
}

static void release_rule(void *rule)
{
	struct retention_model *r = rule;

	strlist_release(&r->current);
	strlist_release(&r->previous);
	strlist_release(&r->pinned);
	strlist_release(&r->runs);
}

void cleanup_forget_rules(struct cleanup *c)
{
	strmap_release(&c->rules, release_rule);
}

static void add_version(struct strlist *l, const char *version)
{
	if (version && !strlist_has(l, version))
		strlist_add(l, version);
}

static void read_registry(struct cleanup *c, const struct registry *registry)
{
	unsigned keep = c->keep == UINT32_MAX ? registry->retention : c->keep;

	for (size_t i = 0; i < registry->model_count; i++) {
		const struct model *m = &registry->models[i];
		struct retention_model *rule = rule_of(c, m->name);
		add_version(&rule->current, m->current);
		add_version(&rule->previous, m->previous);
		rule->keep = keep > rule->keep ? keep : rule->keep;
	}
}

static void add_pins(struct cleanup *c, const struct wanted *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].pinned)
			add_version(
				&rule_of(c, items[i].model->name)->pinned, items[i].version);
}

/* A host may pin a model that it does not have today; that is a pin all the same. */
static int add_overrides(struct cleanup *c, struct vars_view *view, struct err *err)
{
	struct err why = {0};
	const struct value *v = vars_find(view, VAR_OVERRIDES, &why);

	if (why.code)
		return err_set(err, why.code, "%s", why.text);
	if (!v || v->kind != VALUE_DICT)
		return 0;
	value_dict_foreach (p, v) {
		const char *model = value_text(p->key);
		if (model && value_is_textual(p->value) && clock_is_date(p->value->text))
			add_version(&rule_of(c, model)->pinned, p->value->text);
	}
	return 0;
}

static void add_reports(struct cleanup *c)
{
	strmap_foreach (e, &c->reports.by_host) {
		const struct report *h = e->value;
		for (size_t i = 0; i < h->runs.count; i++) {
			const char *item = h->runs.items[i], *slash = strrchr(item, '/');
			autofree char *model = xstrndup(item, (size_t)(slash - item));
			add_version(&rule_of(c, model)->runs, slash + 1);
		}
	}
}

static int make_rules(struct cleanup *c, struct err *err)
{
	const struct resolution *r = &c->registry.resolution;

	for (size_t i = 0; i < r->registry_count; i++)
		read_registry(c, r->registries[i]);
	for (size_t i = 0; i < r->host_count; i++) {
		add_pins(c, r->hosts[i].items, r->hosts[i].count);
		add_pins(c, r->hosts[i].held, r->hosts[i].held_count);
		if (add_overrides(c, c->registry.views[i], err) < 0)
			return -1;
	}
	add_reports(c);
	return 0;
}

static int check_model(const struct cleanup *c, struct err *err)
{
	const struct resolution *r = &c->registry.resolution;
	const char *near = NULL;

	for (size_t i = 0; c->model && i < r->registry_count; i++) {
		if (registry_model(r->registries[i], c->model))
			return 0;
		near = near ? near : registry_nearest(r->registries[i], c->model);
	}
	if (!c->model)
		return 0;
	return err_set(err, ERR_USAGE, "--model: the registry has no model \"%s\"%s%s%s",
		c->model, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

int cleanup_prepare(struct cleanup *c, struct err *err)
{
	if (lock_store(c, err) < 0 || read_site(c, err) < 0)
		return -1;
	if (reports_load(&c->reports, c->located.store, err) < 0)
		return err_wrap(err, "what hosts run cannot be told, so nothing was removed; "
				     "repair this file, or remove it and deploy to all hosts");
	if (make_rules(c, err) < 0)
		return -1;
	return check_model(c, err);
}

/* ---- who holds a version ---- */

static void name_host(struct strbuf *out, size_t number, const char *host)
{
	if (number < HOSTS_NAMED)
		strbuf_addf(out, "%s%s", number ? ", " : "", host);
}

static bool host_pins(
	struct vars_view *view, const struct host_models *h, const struct cleanup_version *v)
{
	const struct wanted *w = host_models_find(h, v->model);
	const struct value *overrides = vars_get(view, VAR_OVERRIDES, NULL);
	const struct value *pin = value_dict_get(overrides, v->model);

	return (w && w->pinned && strcmp(w->version, v->name) == 0) ||
	       (pin && value_is_textual(pin) && strcmp(pin->text, v->name) == 0);
}

void cleanup_hosts(const struct cleanup *c, const struct cleanup_version *v, struct strbuf *out)
{
	const struct resolution *r = &c->registry.resolution;
	autofree char *path = xasprintf("%s/%s", v->model, v->name);
	size_t count = 0;

	for (size_t i = 0; v->reason == RETENTION_PINNED && i < r->host_count; i++)
		if (host_pins(c->registry.views[i], &r->hosts[i], v))
			name_host(out, count++, r->hosts[i].host);
	if (v->reason == RETENTION_RUNS)
		strmap_foreach (e, &c->reports.by_host)
			if (strlist_has(&((const struct report *)e->value)->runs, path))
				name_host(out, count++, e->key);
	if (count > HOSTS_NAMED)
		strbuf_addf(out, " and %zu more", count - HOSTS_NAMED);
}
