/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet fleet-status, also fleet-status: what every host has beside what it is to have,
 * and how its services are. Looks, and changes nothing.
 */
#include "cli/status.h"
#include "fleet/fleet.h"

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host differs,\n"
	"4 a host is away, 130 interrupted";

static void read_options(const struct command *cmd, struct status *s, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &s->engine.o;
	const struct option_spec options[] = {
		SITE_OPTIONS(&e->site),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &s->models},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [-l PATTERN] [OPTIONS]", epilogue, options, argc, argv,
		rest);
}

static int resolve(struct status *s, struct diags *d, struct err *err)
{
	struct engine *e = &s->engine;
	const struct registry_site_options o = {
		.inventory = &e->site.inventory,
		.vars = e->site.vars,
		.secrets = &e->site.secrets,
		.hosts = &e->site.hosts,
		.models = s->models,
		.open_remote = engine_open_store_to_read,
		.open_remote_arg = e,
	};

	if (registry_site_resolve(&s->registry, &o, d, err) < 0)
		return -1;
	s->content = content_open(
		s->registry.store, &s->registry.resolution, e->spool, &e->cancel, d, err);
	return s->content ? 0 : -1;
}

static void make_hosts(struct status *s, struct diags *d)
{
	const struct resolution *r = &s->registry.resolution;

	s->hosts = xcalloc(r->host_count + 1, sizeof(*s->hosts));
	for (size_t i = 0; i < r->host_count; i++) {
		const struct host_models *models = &r->hosts[i];
		struct status_host *h = &s->hosts[s->count];
		struct err err = {0};
		if (models->count == 0 && models->held_count == 0)
			continue;
		s->count++;
		h->name = s->engine.site.hosts.items[i]->name;
		h->view = s->registry.views[i];
		h->models = models;
		h->status = s;
		if (connection_read(&h->connection, h->view, &s->engine.connect, &err) < 0)
			diag_error(d, NULL, "host %s: %s", h->name, err.text);
	}
}

static int prepare(struct status *s, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};

	if (s->engine.site.hosts.count == 0)
		return err_set(err, ERR_NOTFOUND, "no host to look at: %s matches none",
			s->engine.o.site.limit ? s->engine.o.site.limit : "all");
	if (engine_prepare(&s->engine, err) < 0)
		return -1;
	int result = resolve(s, &d, err);
	if (result == 0)
		make_hosts(s, &d);
	cli_print_diags(&d);
	return d.errors ? -1 : result;
}

static void ignore_event(void *data, const struct fleet_event *e)
{
	(void)data;
	(void)e;
}

static int ask_hosts(struct status *s, struct err *err)
{
	struct fleet_host *fleet = xcalloc(s->count + 1, sizeof(*fleet));
	const struct fleet_options o = {
		.forks = (unsigned)s->engine.forks,
		.max_fail_percentage = -1,
		.host_timeout = s->engine.host_timeout,
		.cancel = &s->engine.cancel,
	};

	for (size_t i = 0; i < s->count; i++)
		fleet[i] = (struct fleet_host){.name = s->hosts[i].name, .data = &s->hosts[i]};
	int result = fleet_run(fleet, s->count, &o, status_ask, ignore_event, NULL, err);
	free(fleet);
	return result < 0 ? -1 : 0;
}

static bool models_as_wanted(const struct status_host *h)
{
	for (size_t i = 0; i < h->report.count; i++)
		if (h->report.results[i].outcome != SYNC_CURRENT)
			return false;
	return true;
}

static bool services_as_wanted(const struct status_host *h)
{
	for (size_t i = 0; i < h->services.count; i++)
		if (!h->services.items[i].healthy)
			return false;
	return h->services_err.code == ERR_NONE;
}

/* No transaction is open, and the last one did not go back. */
static bool is_settled(const struct status_host *h)
{
	const struct status_transaction *last = NULL;

	for (size_t i = 0; i < h->transactions.count; i++) {
		const struct status_transaction *t = &h->transactions.items[i];
		if (str_cmp0(t->state, "armed") == 0 || str_cmp0(t->state, "reverting") == 0)
			return false;
		if (!last || t->created >= last->created)
			last = t;
	}
	return !last || str_cmp0(last->state, "reverted") != 0;
}

enum status_state status_of(const struct status_host *h)
{
	if (h->err.code || !h->reached)
		return STATUS_AWAY;
	return models_as_wanted(h) && services_as_wanted(h) && is_settled(h) ? STATUS_AS_WANTED
									     : STATUS_DIFFERS;
}

/* The gravest of all hosts: what differs is known, what is away may be right. */
static int exit_code(const struct status *s)
{
	bool away = false;

	if (cancel_level(&s->engine.cancel))
		return EXIT_INTERRUPTED;
	for (size_t i = 0; i < s->count; i++) {
		enum status_state state = status_of(&s->hosts[i]);
		if (state == STATUS_DIFFERS)
			return EXIT_HOST_FAILED;
		away |= state == STATUS_AWAY;
	}
	return away ? EXIT_UNREACHABLE : EXIT_OK;
}

static void host_release(struct status_host *h)
{
	sync_report_release(&h->report);
	strlist_release(&h->there);
	free(h->services.items);
	free(h->transactions.items);
	arena_release(&h->arena);
}

static void status_release(struct status *s)
{
	for (size_t i = 0; i < s->count; i++)
		host_release(&s->hosts[i]);
	free(s->hosts);
	content_close(s->content);
	registry_site_release(&s->registry);
	engine_release(&s->engine);
}

static int look(struct status *s, const struct strlist *rest)
{
	struct err err = {0};

	if (rest->count) {
		err_set(&err, ERR_USAGE,
			"fleet-status takes no arguments, found '%s'; hosts are chosen with "
			"--limit",
			rest->items[0]);
		return cli_error(&err);
	}
	int code = engine_start(&s->engine);
	if (code != EXIT_OK)
		return code;
	if (prepare(s, &err) < 0 || ask_hosts(s, &err) < 0)
		return engine_fail(&err);
	status_read_journal(s);
	code = exit_code(s);
	if (s->engine.o.json)
		status_print_json(s, code);
	else
		status_print_text(s);
	return code;
}

static int run_status(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct status s = {0};
	struct err err = {0};

	if (engine_init(&s.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	read_options(cmd, &s, argc, argv, &rest);
	int code = look(&s, &rest);
	status_release(&s);
	return code;
}

const struct command cmd_status = {
	.name = "fleet-status",
	.link_name = "fleet-status",
	.summary = "Shows what every host has, and how its services are",
	.run = run_status,
};
