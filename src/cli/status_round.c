/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds: what is wanted is resolved once, the hosts are asked once a round. On a terminal a
 * line on standard error says how far that is, and is gone afterwards.
 */
#include <unistd.h>

#include "cli/status.h"
#include "cli/tell.h"

#define TICK_SECONDS  0.2
#define QUIET_SECONDS 0.5 /* rounds that are over sooner need no line */

/* ---- what is wanted ---- */

/* Keeps the hosts that the words name, within --limit. */
static int select_hosts(struct status *s, const struct strlist *words, struct err *err)
{
	AUTO(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	AUTO(diags_release) struct diags d = {0};
	struct site *site = &s->engine.site;
	const char *limit = s->engine.o.site.limit;

	for (size_t i = 0; i < words->count; i++)
		strbuf_addf(&pattern, "%s%s", i ? "," : "", words->items[i]);
	free(site->hosts.items);
	site->hosts = (struct host_list){0};
	int result = pattern_select(&site->inventory, &site->config,
		words->count ? pattern.data : "all", limit, &site->hosts, &d, err);
	cli_print_diags(&d);
	if (result < 0 || d.errors)
		return -1;
	if (site->hosts.count)
		return 0;
	return err_set(err, ERR_NOTFOUND, "no host to look at: %s matches none",
		words->count ? pattern.data
		: limit      ? limit
			     : "all");
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
		line_init(&h->line, &h->connection, s->engine.stall);
	}
}

int status_prepare(struct status *s, const struct strlist *words, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};

	if (select_hosts(s, words, err) < 0)
		return -1;
	int result = resolve(s, &d, err);
	if (result == 0)
		make_hosts(s, &d);
	cli_print_diags(&d);
	return d.errors ? -1 : result;
}

void status_forget(struct status *s)
{
	for (size_t i = 0; i < s->count; i++) {
		line_release(&s->hosts[i].line);
		status_clear(&s->hosts[i]);
	}
	free(s->hosts);
	s->hosts = NULL;
	s->count = 0;
	reports_release(&s->reports);
	lock_holder_release(&s->holder);
	content_close(s->content);
	s->content = NULL;
	registry_site_release(&s->registry);
	s->registry = (struct registry_site){0};
}

/* ---- a round ---- */

struct progress {
	const struct status *status;
	const struct fleet_host *fleet;
	size_t done;
	int64_t began;
	bool drawn;
};

static void draw(struct progress *p)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	uint64_t done = 0, total = 0;

	for (size_t i = 0; i < p->status->count; i++) {
		struct fleet_progress of;
		fleet_get_progress(&p->fleet[i], &of);
		done += of.done;
		total += of.total;
	}
	strbuf_addf(&line, "\r\033[K%s: %zu of %zu hosts done",
		p->status->verify ? "verifying" : "asking", p->done, p->status->count);
	if (total) {
		double seconds = (double)(clock_ns() - p->began) / 1e9;
		strbuf_addstr(&line, ", ");
		strbuf_addsize(&line, done);
		strbuf_addstr(&line, " of ");
		strbuf_addsize(&line, total);
		strbuf_addstr(&line, " read, ");
		strbuf_addsize(&line, (uint64_t)((double)done / seconds));
		strbuf_addstr(&line, "/s");
	}
	fwrite(line.data, 1, line.len, stderr);
	fflush(stderr);
	p->drawn = true;
}

static void listen(void *progress, const struct fleet_event *e)
{
	struct progress *p = progress;

	p->done += e->kind == FLEET_EVENT_END;
	if (e->kind == FLEET_EVENT_TICK &&
		(double)(clock_ns() - p->began) / 1e9 > QUIET_SECONDS)
		draw(p);
}

/* A redrawn page has no room for another line below it. */
static bool shows_progress(const struct status *s)
{
	return isatty(STDERR_FILENO) && !(s->watch && isatty(STDOUT_FILENO));
}

static int ask_hosts(struct status *s, struct err *err)
{
	struct fleet_host *fleet = xcalloc(s->count + 1, sizeof(*fleet));
	struct progress progress = {.status = s, .fleet = fleet, .began = clock_ns()};
	const struct fleet_options o = {
		.forks = (unsigned)s->engine.forks,
		.max_fail_percentage = -1,
		.host_timeout = s->engine.host_timeout,
		.tick = shows_progress(s) ? TICK_SECONDS : 0,
		.cancel = &s->engine.cancel,
	};

	for (size_t i = 0; i < s->count; i++)
		fleet[i] = (struct fleet_host){.name = s->hosts[i].name, .data = &s->hosts[i]};
	int result = fleet_run(fleet, s->count, &o, status_ask, listen, &progress, err);
	if (progress.drawn)
		fputs("\r\033[K", stderr);
	free(fleet);
	return result < 0 ? -1 : 0;
}

static void tell_round(const struct status *s)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (!s->tell)
		return;
	status_add_json(s, status_exit_code(s), &out);
	tell_add(s->tell, &out);
}

int status_round(struct status *s, struct err *err)
{
	int64_t began = clock_ns();

	s->began = time(NULL);
	for (size_t i = 0; i < s->count; i++)
		status_clear(&s->hosts[i]);
	status_read_store(s);
	status_read_journal(s);
	if (ask_hosts(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++)
		status_settle(&s->hosts[i]);
	s->seconds = (double)(clock_ns() - began) / 1e9;
	tell_round(s);
	return 0;
}
