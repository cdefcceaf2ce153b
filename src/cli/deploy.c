/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet deploy, also deploy-models: every host gets its model set, whole and verified.
 */
#include "base/log.h"
#include "cli/deploy_command.h"

#define TICK_SECONDS 0.1

/* ---- preparing ---- */

/* Keeps only the hosts that the last run of this site failed. */
static int select_failed(struct deploy *d, struct err *err)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(strlist_release) struct strlist failed = {0};
	struct diags diags = {0};
	struct host_list *hosts = &d->engine.site.hosts;
	size_t kept = 0;

	int result = journal_last(d->engine.journal_dir, "deploy", &last, &diags, err);
	cli_print_diags(&diags);
	diags_release(&diags);
	if (result < 0)
		return err_wrap(err, "--limit-failed");
	journal_failed_hosts(&last, &failed);
	for (size_t i = 0; i < hosts->count; i++) {
		if (strlist_has(&failed, hosts->items[i]->name))
			hosts->items[kept++] = hosts->items[i];
	}
	hosts->count = kept;
	if (kept == 0)
		return err_set(err, ERR_NOTFOUND,
			"--limit-failed: run %s left no host to be tried again", last.id);
	return 0;
}

static int make_hosts(struct deploy *d, struct diags *diags)
{
	struct deploy_run *run = &d->run;
	struct host_list *list = &d->engine.site.hosts;

	run->hosts = xcalloc(list->count, sizeof(*run->hosts));
	run->fleet = xcalloc(list->count, sizeof(*run->fleet));
	for (size_t i = 0; i < list->count; i++) {
		const struct host_models *models = &d->registry.resolution.hosts[i];
		if (models->holds_store || models->count == 0)
			continue;
		struct deploy_host *h = &run->hosts[run->count];
		struct err err = {0};
		h->name = list->items[i]->name;
		h->view = d->registry.views[i];
		h->models = models;
		h->run = run;
		if (connection_read(&h->connection, h->view, &d->engine.connect, &err) < 0)
			diag_error(diags, NULL, "host %s: %s", h->name, err.text);
		run->fleet[run->count] = (struct fleet_host){.name = h->name, .data = h};
		run->count++;
	}
	return diags->errors ? -1 : 0;
}

static int resolve_all(struct deploy *d, struct diags *diags, struct err *err)
{
	struct registry_site_options o = {
		.inventory = &d->engine.site.inventory,
		.vars = d->engine.site.vars,
		.secrets = &d->engine.site.secrets,
		.hosts = &d->engine.site.hosts,
		.models = d->o.models,
		.tags = d->o.tags,
		.open_remote = engine_open_store,
		.open_remote_arg = &d->engine,
	};

	return registry_site_resolve(&d->registry, &o, diags, err);
}

/* Finds out all that can be wrong without touching a host. */
static int prepare(struct deploy *d, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};
	struct deploy_run *run = &d->run;
	int result = -1;

	if (d->engine.site.hosts.count == 0)
		return err_set(err, ERR_NOTFOUND,
			"no host to deploy to: %s matches none in the inventory",
			d->engine.o.site.limit ? d->engine.o.site.limit : "all");
	if (d->o.limit_failed && select_failed(d, err) < 0)
		return -1;
	if (engine_prepare(&d->engine, err) < 0)
		return -1;
	run->connect_timeout = d->engine.connect_timeout;
	run->sync.stall = d->engine.stall;
	if (resolve_all(d, &diags, err) == 0 && make_hosts(d, &diags) == 0) {
		run->content = content_open(d->registry.store, &d->registry.resolution,
			d->engine.spool, &d->engine.cancel, &diags, err);
		result = run->content ? 0 : -1;
	}
	cli_print_diags(&diags);
	return diags.errors ? -1 : result;
}

/* ---- running ---- */

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
	fleet_set_progress(arg, done, total);
}

static int fail_in(struct deploy_host *h, const char *phase)
{
	h->failed_phase = phase;
	return -1;
}

static int work(struct fleet_worker *w, void *data, struct err *err)
{
	struct deploy_host *h = data;
	struct sync_options o = h->run->sync;
	struct link *link;

	fleet_phase(w, "connect");
	deadline connected =
		deadline_min(fleet_deadline(w), deadline_in(h->run->connect_timeout));
	if (connection_open(&h->connection, &link, &o.ctx, connected, fleet_cancel(w), err) < 0)
		return fail_in(h, "connect");
	fleet_reached(w);
	h->connected = true;
	fleet_phase(w, "sync");
	o.until = fleet_deadline(w);
	o.cancel = fleet_cancel(w);
	o.progress = report_progress;
	o.progress_arg = w;
	int result = sync_host(link, h->run->content, h->models, &o, &h->report, err);
	link_stats(link, &h->link);
	if (result < 0) {
		link_abort(link);
		return fail_in(h, "sync");
	}
	link_close(link, deadline_in(2));
	return 0;
}

static void listen_events(void *data, const struct fleet_event *e)
{
	struct deploy *d = data;

	d->output->event(&d->run, e);
}

static enum journal_outcome outcome_of(const struct deploy_host *h, const struct fleet_host *f)
{
	switch (f->state) {
	case FLEET_OK: break;
	case FLEET_UNREACHABLE: return JOURNAL_UNREACHABLE;
	case FLEET_FAILED: return JOURNAL_FAILED;
	default: return JOURNAL_SKIPPED;
	}
	if (sync_report_outcome(&h->report) == SYNC_DRIFTED)
		return JOURNAL_DRIFTED;
	return deploy_host_changed(h) ? JOURNAL_CHANGED : JOURNAL_OK;
}

static void write_journal(struct deploy *d, int exit_code)
{
	struct err err = {0};

	if (!d->engine.journal.id)
		return;
	for (size_t i = 0; i < d->run.count; i++) {
		const struct fleet_host *f = &d->run.fleet[i];
		const struct deploy_host *h = &d->run.hosts[i];
		struct journal_host *j = &d->engine.journal.hosts[i];
		j->outcome = outcome_of(h, f);
		j->error = f->state == FLEET_OK ? NULL : xstrdup(f->err.text);
		j->bytes = h->report.bytes_sent;
		j->seconds = f->ended_ns ? (double)(f->ended_ns - f->started_ns) / 1e9 : 0;
	}
	if (journal_end(&d->engine.journal, d->engine.journal_dir, exit_code, &err) < 0)
		log_warning("the journal could not be written: %s", err.text);
}

static int begin_journal(struct deploy *d, struct err *err)
{
	const struct resolution *r = &d->registry.resolution;

	d->engine.journal.check = d->engine.o.site.check;
	for (size_t i = 0; i < r->use_count; i++)
		strlist_addf(&d->engine.journal.versions, "%s %s", r->uses[i].model->name,
			r->uses[i].version);
	/* The entry of a run that is killed names the hosts that it had not done. */
	for (size_t i = 0; i < d->run.count; i++)
		journal_add_host(
			&d->engine.journal, d->run.fleet[i].name, JOURNAL_SKIPPED, NULL);
	if (journal_begin(&d->engine.journal, d->engine.journal_dir, "deploy",
		    d->engine.command_line.data, err) < 0)
		return -1;
	d->run.run_id = d->engine.journal.id;
	return 0;
}

static int run_fleet(struct deploy *d, struct err *err)
{
	struct fleet_options o = {
		.forks = (unsigned)d->engine.forks,
		.max_fail_percentage = -1,
		.host_timeout = d->engine.host_timeout,
		.tick = d->output == &deploy_output_live ? TICK_SECONDS : 0,
		.cancel = &d->engine.cancel,
	};

	d->run.started_ns = clock_ns();
	d->output->begin(&d->run);
	return fleet_run(d->run.fleet, d->run.count, &o, work, listen_events, d, err);
}

static int deploy(struct deploy *d, struct err *err)
{
	struct deploy_run *run = &d->run;

	run->check = run->sync.check = d->engine.o.site.check;
	run->sync.repair = d->o.repair;
	run->sync.rehash = d->o.verify;
	run->sync.holder = d->engine.holder.data;
	run->verbosity = d->engine.o.site.verbosity;
	run->cancel = &d->engine.cancel;
	if (prepare(d, err) < 0)
		return -1;
	run->store = d->registry.store->location;
	run->model_count = d->registry.resolution.use_count;
	/* A store on another host is locked by the lease that opening it took. */
	if (!d->engine.o.site.check && !d->registry.primary &&
		engine_lock_store(&d->engine, d->registry.root, err) < 0)
		return -1;
	if (begin_journal(d, err) < 0 || run_fleet(d, err) < 0)
		return -1;
	int code = deploy_exit_code(run);
	write_journal(d, code);
	d->output->end(run, code);
	return code;
}

static void deploy_release(struct deploy *d)
{
	for (size_t i = 0; i < d->run.count; i++)
		sync_report_release(&d->run.hosts[i].report);
	free(d->run.hosts);
	free(d->run.fleet);
	content_close(d->run.content);
	registry_site_release(&d->registry);
	engine_release(&d->engine);
}

static int run_command(struct deploy *d, const struct strlist *rest)
{
	static const struct deploy_output *const outputs[] = {
		[ENGINE_PLAIN] = &deploy_output_plain,
		[ENGINE_LIVE] = &deploy_output_live,
		[ENGINE_JSON] = &deploy_output_json,
	};
	struct err err = {0};

	if (rest->count) {
		err_set(&err, ERR_USAGE,
			"deploy takes no arguments, found '%s'; hosts are chosen with --limit",
			rest->items[0]);
		return cli_error(&err);
	}
	d->output = outputs[engine_output(&d->engine)];
	int code = engine_start(&d->engine);
	if (code != EXIT_OK)
		return code;
	code = deploy(d, &err);
	return code < 0 ? engine_fail(&err) : code;
}

static int run_deploy(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct err err = {0};
	struct deploy d = {0};

	if (engine_init(&d.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	deploy_read_options(cmd, &d, argc, argv, &rest);
	int code = run_command(&d, &rest);
	deploy_release(&d);
	return code;
}

const struct command cmd_deploy = {
	.name = "deploy",
	.link_name = "deploy-models",
	.summary = "Brings every host to its set of models, whole and verified",
	.run = run_deploy,
};
