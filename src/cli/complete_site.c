/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates from the site: hosts, groups, models, versions, variables. What cannot be read
 * offers nothing; nobody who presses Tab wants to be told.
 */
#include <dirent.h>

#include "base/path.h"
#include "cli/complete.h"
#include "registry/site.h"

#define HOSTS_ASKED 100 /* whose registries are looked at: few sites have more than one */

/* Reads the site without secrets, and without running anything. */
static int read_site(struct site *s, const struct completion *c)
{
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};
	struct inventory_options inventory = {
		.config = &s->config,
		.playbook_dir = c->site.playbook_dir ? c->site.playbook_dir : ".",
		.no_programs = true,
	};
	struct vars_site_options vars = {.config = &s->config, .extra = &c->site.extra};

	*s = (struct site){0};
	if (config_load(&s->config, &s->arena, &d, &err) < 0 ||
		inventory_load(
			&s->inventory, &c->site.inventory, &inventory, &s->arena, &d, &err) < 0)
		return -1;
	s->vars = vars_site_new(&s->inventory, &vars, &d, &err);
	return s->vars ? 0 : -1;
}

static void offer_hosts(struct completion *c, const struct inventory *inventory)
{
	strmap_foreach (e, &inventory->hosts) {
		AUTO(strbuf_release) struct strbuf help = STRBUF_INIT;
		const struct host *h = e->value;
		strbuf_addstr(&help, "host");
		for (size_t i = 0; i < h->groups.count && i < 3; i++)
			strbuf_addf(&help, "%s%s", i ? ", " : " of ", h->groups.items[i]->name);
		if (!h->implicit)
			complete_offer(c, h->name, help.data);
	}
}

static void offer_groups(struct completion *c, const struct inventory *inventory)
{
	strmap_foreach (e, &inventory->groups) {
		const struct group *g = e->value;
		struct host_list hosts = {0};
		inventory_group_hosts(inventory, g, &hosts);
		autofree char *help = xasprintf(
			"group of %zu host%s", hosts.count, hosts.count == 1 ? "" : "s");
		if (hosts.count)
			complete_offer(c, g->name, help);
		free(hosts.items);
	}
}

enum names { NAMES_HOSTS = 1, NAMES_GROUPS = 2 };

static void offer_names(struct completion *c, unsigned which)
{
	AUTO(site_release) struct site s;

	if (read_site(&s, c) < 0)
		return;
	if (which & NAMES_GROUPS)
		offer_groups(c, &s.inventory);
	if (which & NAMES_HOSTS)
		offer_hosts(c, &s.inventory);
}

void complete_pattern(struct completion *c)
{
	if (c->partial[0] == '@') {
		complete_offer_files(c, "");
		return;
	}
	complete_last_part(c, ",:&!");
	offer_names(c, NAMES_GROUPS | NAMES_HOSTS);
}

void complete_host(struct completion *c)
{
	offer_names(c, NAMES_HOSTS);
}

void complete_group(struct completion *c)
{
	offer_names(c, NAMES_GROUPS);
}

void complete_variable(struct completion *c)
{
	AUTO(site_release) struct site s;
	AUTO(arena_release) struct arena arena = {0};

	const struct host *host =
		read_site(&s, c) == 0 && c->host ? inventory_host(&s.inventory, c->host) : NULL;
	if (!host)
		return;
	struct vars_view *view = vars_view_new(s.vars, host);
	const struct value *all = vars_all(view, false, &arena);
	value_dict_foreach (p, all)
		if (value_is_string(p->key))
			complete_offer(c, p->key->text, "");
	vars_view_free(view);
}

/* ---- models ---- */

/*
 * Called with the entry of a model, as it is written; returns false to end the search. The
 * value lives until it returns.
 */
typedef bool (*visit_model)(void *data, const char *name, const struct value *entry);

static bool visit_models(const struct value *models, visit_model visit, void *data)
{
	if (!models || models->kind != VALUE_DICT)
		return true;
	value_dict_foreach (p, models)
		if (value_is_string(p->key) && !visit(data, p->key->text, p->value))
			return false;
	return true;
}

struct search {
	visit_model visit;
	void *data;
	const struct value *seen; /* the registry that was looked at last */
};

static bool search_host(const struct site *s, const struct host *host, struct search *search)
{
	struct vars_view *view = vars_view_new(s->vars, host);
	const struct value *models = vars_raw(view, VAR_MODELS);
	bool more = models == search->seen || visit_models(models, search->visit, search->data);

	search->seen = models;
	vars_view_free(view);
	return more;
}

/* The registry as localhost sees it, which is that of `all`; then those of hosts that differ.
 */
static void each_model(const struct site *s, visit_model visit, void *data)
{
	struct search search = {.visit = visit, .data = data};
	size_t left = HOSTS_ASKED;

	if (!search_host(s, s->inventory.localhost, &search))
		return;
	strmap_foreach (e, &s->inventory.hosts)
		if (left-- == 0 || !search_host(s, e->value, &search))
			return;
}

/* A version as an entry of the registry has it, or NULL: it may be a template. */
static const char *entry_version(const struct value *entry, const char *key)
{
	AUTO(diags_release) struct diags ignored = {0};
	const struct value *v = entry->kind == VALUE_DICT ? value_dict_get(entry, key) : NULL;

	return v ? registry_version(v, NULL, key, &ignored) : NULL;
}

struct models {
	struct completion *c;
	struct strlist seen; /* offered, or on the line */
};

static bool offer_model(void *data, const char *name, const struct value *entry)
{
	struct models *m = data;
	const char *current = entry_version(entry, "current_version");
	autofree char *help = xasprintf("current: %s", current ? current : "none");

	if (!strlist_has(&m->seen, name))
		complete_offer(m->c, name, help);
	strlist_add(&m->seen, name);
	return m->c->offered < COMPLETE_OFFERS;
}

static void offer_models(struct models *m)
{
	AUTO(site_release) struct site s;

	if (read_site(&s, m->c) == 0)
		each_model(&s, offer_model, m);
	strlist_release(&m->seen);
}

void complete_model(struct completion *c)
{
	struct models m = {.c = c};

	offer_models(&m);
}

void complete_models(struct completion *c)
{
	struct models m = {.c = c};
	size_t before = c->lead.len;

	complete_last_part(c, ",");
	strlist_split(&m.seen, c->lead.data + before, ",");
	offer_models(&m);
}

/* ---- versions ---- */

struct versions {
	const char *model;
	char *current, *previous;
};

static bool find_versions(void *data, const char *name, const struct value *entry)
{
	struct versions *v = data;
	const char *current = entry_version(entry, "current_version");
	const char *previous = entry_version(entry, "previous_version");

	if (strcmp(name, v->model) != 0)
		return true;
	v->current = current ? xstrdup(current) : NULL;
	v->previous = previous ? xstrdup(previous) : NULL;
	return false;
}

/* The directory of the store on this machine; NULL when it lies elsewhere. */
static char *find_store(const struct site *s)
{
	AUTO(diags_release) struct diags d = {0};
	AUTO(registry_site_release) struct registry_site registry;
	const struct host_list nobody = {0};
	struct err err = {0};
	const struct registry_site_options o = {
		.inventory = &s->inventory,
		.vars = s->vars,
		.hosts = &nobody,
		.without_store = true,
	};

	if (registry_site_resolve(&registry, &o, &d, &err) < 0 || registry.primary)
		return NULL;
	return registry.root ? xstrdup(registry.root) : NULL;
}

/* What the store has of a model. It is only listed: opening it as a store would write there. */
static void list_store(const struct site *s, const char *model, struct strlist *out)
{
	autofree char *root = path_is_component(model) ? find_store(s) : NULL;
	autofree char *path = root ? path_join(root, model) : NULL;
	DIR *dir = path ? opendir(path) : NULL;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (clock_is_date(entry->d_name) && out->count < COMPLETE_OFFERS)
			strlist_add(out, entry->d_name);
	if (dir)
		closedir(dir);
}

void complete_version(struct completion *c)
{
	AUTO(site_release) struct site s;
	AUTO(strlist_release) struct strlist there = {0};
	struct versions v = {.model = c->model};

	if (read_site(&s, c) < 0 || !c->model)
		return;
	each_model(&s, find_versions, &v);
	list_store(&s, c->model, &there);
	if (v.current && !strlist_has(&there, v.current))
		strlist_add(&there, v.current);
	if (v.previous && !strlist_has(&there, v.previous))
		strlist_add(&there, v.previous);
	strlist_sort(&there);
	for (size_t i = there.count; i-- > 0;) /* the newest first */
		complete_offer(c, there.items[i],
			str_cmp0(there.items[i], v.current) == 0    ? "current"
			: str_cmp0(there.items[i], v.previous) == 0 ? "previous"
								    : "");
	free(v.current);
	free(v.previous);
}
