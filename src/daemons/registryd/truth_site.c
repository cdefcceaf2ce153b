/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/truth_site.h"

#include "base/vec.h"

/* The first error among findings. */
static int first_error(const struct diags *d, struct err *err)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct diag *found = &d->items[i];
		const struct place at = {found->file, found->line, found->column};
		if (found->level != DIAG_ERROR)
			continue;
		return place_fail(&at, err, ERR_INPUT, "%s%s", found->text,
			d->errors > 1 ? "; and more, which `modelfleet check` tells" : "");
	}
	return -1;
}

static int load_variables(
	struct truth_site *s, const struct strlist *sources, struct diags *d, struct err *err)
{
	const struct strlist none = {0};
	struct secrets_options secrets = {
		.config = &s->config, .vault_ids = &none, .password_files = &none};
	struct inventory_options inventory = {.config = &s->config,
		.secrets = &s->secrets,
		.playbook_dir = config_text(&s->config, CONFIG_PLAYBOOK_DIR),
		.strict = true};
	struct vars_site_options vars = {
		.config = &s->config, .secrets = &s->secrets, .extra = &none};

	if (secrets_load(&s->secrets, &secrets, d, err) < 0 ||
		inventory_load(&s->inventory, sources, &inventory, &s->arena, d, err) < 0)
		return -1;
	s->vars = vars_site_new(&s->inventory, &vars, d, err);
	if (!s->vars)
		return -1;
	return pattern_select(&s->inventory, &s->config, "all", NULL, &s->hosts, d, err);
}

static int load(struct truth_site *s, const char *inventory, struct diags *d, struct err *err)
{
	AUTO(strlist_release) struct strlist sources = {0};

	if (inventory)
		strlist_add(&sources, inventory);
	if (config_load(&s->config, &s->arena, d, err) < 0 ||
		load_variables(s, &sources, d, err) < 0)
		return -1;
	const struct registry_site_options o = {.inventory = &s->inventory,
		.vars = s->vars,
		.secrets = &s->secrets,
		.hosts = &s->hosts,
		.without_store = true};
	return registry_site_resolve(&s->registry, &o, d, err);
}

/* ---- what may change ---- */

static void add_stamp(struct truth_site *s, const char *path)
{
	struct truth_stamp stamp = {0};

	for (size_t i = 0; i < s->stamps.count; i++)
		if (strcmp(s->stamps.items[i].path, path) == 0)
			return;
	if (stat(path, &stamp.st) < 0)
		stamp.st = (struct stat){0};
	stamp.path = xstrdup(path);
	*VEC_PUSH(&s->stamps) = stamp;
}

static void add_stamps(struct truth_site *s)
{
	const struct resolution *r = &s->registry.resolution;

	for (size_t i = 0; i < r->registry_count; i++) {
		const struct registry *registry = r->registries[i];
		if (registry->place.file)
			add_stamp(s, registry->place.file);
		for (size_t k = 0; k < registry->model_count; k++)
			if (registry->models[k].current_place.file)
				add_stamp(s, registry->models[k].current_place.file);
	}
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool truth_site_changed(const struct truth_site *s)
{
	for (size_t i = 0; i < s->stamps.count; i++) {
		struct stat now;
		if (stat(s->stamps.items[i].path, &now) < 0)
			now = (struct stat){0};
		if (!is_same(&s->stamps.items[i].st, &now))
			return true;
	}
	return false;
}

/* ---- */

int truth_site_load(struct truth_site *s, const char *inventory, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct err why = {0};

	*s = (struct truth_site){0};
	if (load(s, inventory, &d, &why) < 0 || d.errors) {
		if (d.errors)
			return first_error(&d, err);
		return err_set(err, why.code, "%s", why.text);
	}
	if (s->registry.primary)
		return err_set(err, ERR_UNSUPPORTED,
			"the store lies on the host %s; model-registryd has to run there",
			s->registry.primary->name);
	add_stamps(s);
	return 0;
}

const struct model *truth_site_model(const struct truth_site *s, const char *name)
{
	const struct resolution *r = &s->registry.resolution;
	const struct model *model = NULL;

	for (size_t i = 0; i < r->registry_count && !model; i++)
		model = registry_model(r->registries[i], name);
	return model;
}

void truth_site_release(struct truth_site *s)
{
	registry_site_release(&s->registry);
	free(s->hosts.items);
	vars_site_free(s->vars);
	inventory_release(&s->inventory);
	secrets_release(&s->secrets);
	arena_release(&s->arena);
	for (size_t i = 0; i < s->stamps.count; i++)
		free(s->stamps.items[i].path);
	free(s->stamps.items);
	*s = (struct truth_site){0};
}
