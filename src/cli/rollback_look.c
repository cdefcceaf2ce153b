/* SPDX-License-Identifier: Apache-2.0 */
/* The site and its store as a rollback finds them. */
#include "cli/rollback.h"

#include "base/suggest.h"

static int read_site(struct rollback *r, struct diags *d, struct err *err)
{
	struct rollback_look *l = &r->look;
	struct engine *e = &r->deploy.engine;
	struct site_options o = e->o.site;

	o.limit = NULL;
	o.strict = true;
	if (engine_set_output(e, err) < 0 || site_read(&l->site, &o, d, err) < 0 || d->errors ||
		engine_apply_options(e, &l->site.config, err) < 0)
		return -1;
	const struct registry_site_options options = {
		.inventory = &l->site.inventory,
		.vars = l->site.vars,
		.secrets = &l->site.secrets,
		.hosts = &l->site.hosts,
		/* A registry that names a version the store lacks is one to go back from. */
		.without_store = true,
	};
	return registry_site_resolve(&l->registry, &options, d, err);
}

static int open_store(struct rollback *r, struct err *err)
{
	struct rollback_look *l = &r->look;
	struct engine *e = &r->deploy.engine;
	const struct registry_site *s = &l->registry;

	if (!s->primary)
		l->store = store_open_local(s->root, err);
	else if (engine_prepare(e, err) == 0)
		l->store =
			engine_open_store_to_read(e, s->primary, s->store_view, s->root, err);
	return l->store ? 0 : -1;
}

int rollback_look(struct rollback *r, bool warnings, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};

	int result = read_site(r, &d, err);
	if (d.errors || warnings)
		cli_print_diags(&d);
	if (d.errors)
		err_clear(err);
	return result < 0 ? -1 : open_store(r, err);
}

int rollback_lock(struct rollback *r, struct err *err)
{
	struct engine *e = &r->deploy.engine;
	struct rollback_look *l = &r->look;
	const struct registry_site *s = &l->registry;

	if (!s->primary)
		return engine_lock_store(e, s->root, err);
	store_free(l->store);
	l->store = engine_open_store(e, s->primary, s->store_view, s->root, err);
	return l->store ? 0 : -1;
}

void rollback_look_release(struct rollback_look *l)
{
	store_free(l->store);
	registry_site_release(&l->registry);
	site_release(&l->site);
}

/* ---- the model ---- */

static bool same_place(const struct place *a, const struct place *b)
{
	return str_cmp0(a->file, b->file) == 0 && a->line == b->line && a->column == b->column;
}

static int unknown_model(const struct rollback_look *l, const char *name, struct err *err)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;
	const struct resolution *res = &l->registry.resolution;
	struct suggestion near = {0};

	for (size_t i = 0; i < res->registry_count; i++) {
		const struct registry *reg = res->registries[i];
		for (size_t k = 0; k < reg->model_count; k++) {
			suggest_add(&near, name, reg->models[k].name);
			strbuf_addf(&all, "%s%s", all.len ? ", " : "", reg->models[k].name);
		}
	}
	if (near.word)
		return err_set(err, ERR_NOTFOUND,
			"found no model '%s' in " VAR_MODELS "; did you mean %s?", name,
			near.word);
	return err_set(err, ERR_NOTFOUND,
		"found no model '%s', expected one that " VAR_MODELS " has: %s", name,
		all.len ? all.data : "it has none");
}

const struct model *rollback_find(
	const struct rollback_look *l, const char *name, struct err *err)
{
	const struct resolution *res = &l->registry.resolution;
	const struct model *found = NULL;

	for (size_t i = 0; i < res->registry_count; i++) {
		const struct model *m = registry_model(res->registries[i], name);
		if (!m)
			continue;
		if (found && !same_place(&found->current_place, &m->current_place)) {
			AUTO(strbuf_release) struct strbuf places = STRBUF_INIT;
			place_format(&found->current_place, &places);
			strbuf_addstr(&places, "and ");
			place_format(&m->current_place, &places);
			err_set(err, ERR_UNSUPPORTED,
				"%sthe version of %s is said for different hosts: edit the "
				"place that is meant, or pin hosts with --hosts",
				places.data, name);
			return NULL;
		}
		found = m;
	}
	if (!found)
		unknown_model(l, name, err);
	return found;
}

void rollback_describe_versions(
	const struct rollback_look *l, const char *model, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist versions = {0};
	struct err err = {0};

	if (store_list_versions(l->store, model, &versions, &err) < 0)
		strbuf_addstr(out, err.code == ERR_NOTFOUND ? "nothing of it" : err.text);
	for (size_t i = versions.count; i-- > 0;)
		strbuf_addf(out, "%s%s", versions.items[i], i ? ", " : "");
}
