/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleaning nodes, a thread each. A node's directory of models is opened as a store on another
 * host, with its lease, so that no deploy works there meanwhile. What a host uses is known from
 * its report alone: a host that has none is left alone.
 */
#include "cli/cleanup.h"
#include "fleet/fleet.h"
#include "inventory/pattern.h"
#include "sync/remote_store.h"

/* ---- which hosts ---- */

static const char *why_skipped(const struct cleanup_node *n)
{
	if (n->models->holds_store)
		return "its models are the store itself; without --nodes that is cleaned";
	if (!n->models->root)
		return "it has no directory of models";
	if (!n->report)
		return "what it runs is not known: it has no report yet; deploy-models makes "
		       "one";
	return NULL;
}

static void fill_node(struct cleanup *c, struct cleanup_node *n, size_t i, struct diags *d)
{
	const struct host_models *models = &c->registry.resolution.hosts[i];
	struct err err = {0};

	n->cleanup = c;
	n->models = models;
	n->view = c->registry.views[i];
	n->report = reports_find(&c->reports, models->host);
	n->place.node = n;
	n->skipped = why_skipped(n);
	if (connection_read(&n->connection, n->view, &c->engine.connect, &err) < 0)
		diag_error(d, NULL, "host %s: %s", models->host, err.text);
}

static bool is_chosen(const struct host_list *chosen, const char *name)
{
	for (size_t i = 0; i < chosen->count; i++)
		if (strcmp(chosen->items[i]->name, name) == 0)
			return true;
	return false;
}

static int choose(struct cleanup *c, struct diags *d, struct err *err)
{
	const struct resolution *r = &c->registry.resolution;
	struct host_list chosen = {0};

	int result = pattern_select(
		&c->site.inventory, &c->site.config, c->nodes, NULL, &chosen, d, err);
	c->hosts = xcalloc(r->host_count + 1, sizeof(*c->hosts));
	for (size_t i = 0; result == 0 && i < r->host_count; i++)
		if (is_chosen(&chosen, r->hosts[i].host))
			fill_node(c, &c->hosts[c->host_count++], i, d);
	free(chosen.items);
	if (result == 0 && c->host_count == 0)
		return err_set(err, ERR_NOTFOUND, "--nodes: %s matches no host", c->nodes);
	return result;
}

/* ---- one host ---- */

static int remove_staging(struct cleanup_node *n, struct err *err)
{
	struct cleanup_place *p = &n->place;

	if (!n->cleanup->unmanaged)
		return 0;
	if (remote_store_staging(p->store, CLEANUP_STAGING_SECONDS, &p->staging, err) < 0)
		return -1;
	for (size_t i = 0; !n->cleanup->dry_run && i < p->staging.count; i++)
		if (remote_store_remove_staging(p->store, p->staging.items[i], &p->freed, err) <
			0)
			return -1;
	return 0;
}

/* What lies there once all is done, for the host's report. */
static int note_rest(struct cleanup_node *n, struct err *err)
{
	AUTO(strlist_release) struct strlist models = {0};

	if (store_list_models(n->place.store, &models, err) < 0)
		return -1;
	for (size_t i = 0; i < models.count; i++) {
		AUTO(strlist_release) struct strlist versions = {0};
		struct err why = {0};
		if (store_list_versions(n->place.store, models.items[i], &versions, &why) < 0 &&
			why.code != ERR_NOTFOUND)
			return err_set(err, why.code, "%s", why.text);
		for (size_t k = 0; k < versions.count; k++)
			strlist_addf(&n->has, "%s/%s", models.items[i], versions.items[k]);
	}
	return 0;
}

static int clean_place(struct cleanup_node *n, const struct cancel *cancel, struct err *err)
{
	struct cleanup *c = n->cleanup;

	if (cleanup_look(c, &n->place, err) < 0 ||
		cleanup_remove(c, &n->place, cancel, err) < 0 || remove_staging(n, err) < 0)
		return -1;
	return note_rest(n, err);
}

static int clean_host(struct fleet_worker *w, void *node, struct err *err)
{
	struct cleanup_node *n = node;
	struct engine *e = &n->cleanup->engine;
	const char *holder = n->cleanup->dry_run ? NULL : e->holder.data;
	deadline until = deadline_min(fleet_deadline(w), deadline_in(e->connect_timeout));
	struct err why = {0};

	if (n->skipped)
		return 0;
	struct store *store = remote_store_open(&n->connection, n->models->root, holder,
		e->spool, until, fleet_cancel(w), &why);
	if (!store && why.code == ERR_NOTFOUND) {
		n->skipped = "it has no models yet";
		return 0;
	}
	if (!store)
		return err_set(err, why.code, "%s", why.text);
	fleet_reached(w);
	n->place.store = store;
	int result = clean_place(n, fleet_cancel(w), err);
	store_free(store);
	n->place.store = NULL;
	return result;
}

/* ---- all hosts ---- */

static int work(struct cleanup *c, struct err *err)
{
	autofree struct fleet_host *fleet = xcalloc(c->host_count, sizeof(*fleet));
	const struct fleet_options o = {
		.forks = (unsigned)c->engine.forks,
		.max_fail_percentage = -1,
		.host_timeout = c->engine.host_timeout,
		.cancel = &c->engine.cancel,
	};

	for (size_t i = 0; i < c->host_count; i++)
		fleet[i] = (struct fleet_host){
			.name = c->hosts[i].models->host, .data = &c->hosts[i]};
	if (fleet_run(fleet, c->host_count, &o, clean_host, NULL, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < c->host_count; i++) {
		c->hosts[i].err = fleet[i].err;
		c->hosts[i].away = fleet[i].state == FLEET_UNREACHABLE;
		c->interrupted |=
			fleet[i].state == FLEET_CANCELLED || fleet[i].state == FLEET_WAITING;
	}
	return 0;
}

/* Notes what the hosts have now, and saves that beside what they run. */
static int save_reports(struct cleanup *c, struct err *err)
{
	bool changed = false;

	for (size_t i = 0; i < c->host_count; i++) {
		struct cleanup_node *n = &c->hosts[i];
		if (n->skipped || n->err.code)
			continue;
		struct report *h = reports_of(&c->reports, n->models->host);
		report_has(h, &n->has);
		reports_stamp(&c->reports, h, h->run, time(NULL));
		changed = true;
	}
	if (!changed)
		return 0;
	reports_forget(&c->reports, &c->site.inventory, time(NULL));
	return reports_save(&c->reports, c->located.store, err);
}

int cleanup_nodes(struct cleanup *c, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};

	int result = choose(c, &d, err);
	cli_print_diags(&d);
	if (result < 0 || d.errors)
		return -1;
	if (work(c, err) < 0)
		return -1;
	return c->dry_run ? 0 : save_reports(c, err);
}

void cleanup_nodes_release(struct cleanup *c)
{
	for (size_t i = 0; i < c->host_count; i++) {
		cleanup_place_release(&c->hosts[i].place);
		strlist_release(&c->hosts[i].has);
	}
	free(c->hosts);
	c->hosts = NULL;
	c->host_count = 0;
}
