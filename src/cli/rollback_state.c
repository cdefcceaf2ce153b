/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts run after a rollback, and how to go on or back from there. */
#include "cli/play_json.h"
#include "cli/rollback.h"

void rollback_say(
	const struct rollback *r, const char *event, const char *commit, const char *fmt, ...)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	va_list ap;

	if (r->deploy.engine.o.json) {
		json_event_begin(&out, event);
		json_event_text(&out, "model", r->plan.model->name);
		json_event_text(&out, "commit", commit);
		json_event_end(&out);
	} else {
		va_start(ap, fmt);
		strbuf_vaddf(&out, fmt, ap);
		va_end(ap);
	}
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
}

/* ---- what hosts run ---- */

static struct rollback_host *host_of(struct rollback *r, const char *name)
{
	for (size_t i = 0; i < r->plan.hosts.count; i++)
		if (strcmp(r->plan.hosts.items[i].name, name) == 0)
			return &r->plan.hosts.items[i];
	return NULL;
}

void rollback_note_state(struct rollback *r, bool undone)
{
	const struct show *s = &r->deploy.run.show;

	for (size_t i = 0; i < s->count; i++) {
		const struct run_host *run = &s->run->hosts[i];
		struct rollback_host *h = host_of(r, run->name);
		enum show_state state = show_state(s, run);
		if (!h)
			continue;
		if (state == SHOW_CHANGED || state == SHOW_UNCHANGED || state == SHOW_DRIFTED)
			h->runs = undone ? h->from : h->to;
		else if (run->undo == UNDO_FAILED || run->undo == UNDO_LEFT)
			h->runs = NULL;
		/* Else it went back to what it ran before, or was not touched. */
	}
}

static bool was_shown(const struct rollback_plan *p, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_cmp0(p->hosts.items[i].runs, p->hosts.items[index].runs) == 0)
			return true;
	return false;
}

static void add_hosts(const struct rollback_plan *p, size_t index, struct strbuf *out)
{
	const char *runs = p->hosts.items[index].runs, *separator = " ";

	strbuf_addf(out, "  %s on", runs ? runs : "not known which");
	for (size_t i = index; i < p->hosts.count; i++) {
		if (str_cmp0(p->hosts.items[i].runs, runs) != 0)
			continue;
		strbuf_addf(out, "%s%s", separator, p->hosts.items[i].name);
		separator = ", ";
	}
	strbuf_addch(out, '\n');
}

/* ---- the ways on and back ---- */

static void add_option(struct strbuf *out, const char *option, const char *value)
{
	if (!value)
		return;
	strbuf_addf(out, " %s ", option);
	strbuf_addshell(out, value);
}

/* A command line with what says which site it is about. */
static void add_command(const struct rollback *r, const char *command, struct strbuf *out)
{
	const struct strlist *inventory = &r->deploy.engine.o.site.inventory;

	strbuf_addstr(out, command);
	for (size_t i = 0; i < inventory->count; i++)
		add_option(out, "-i", inventory->items[i]);
	add_option(out, "--playbook", r->deploy.o.playbook);
}

static void add_way_on(const struct rollback *r, struct strbuf *out)
{
	add_command(r, "deploy-models", out);
	add_option(out, "--models", r->plan.model->name);
}

void rollback_show_way_on(const struct rollback *r)
{
	AUTO(strbuf_release) struct strbuf on = STRBUF_INIT;

	if (r->deploy.engine.o.json)
		return;
	add_way_on(r, &on);
	add_option(&on, "--limit", r->o.hosts);
	printf("no host was touched; to bring it to them:\n  %s\n", on.data);
}

/* The version or pin that was there before. */
static void add_way_back(const struct rollback *r, struct strbuf *out)
{
	const struct rollback_plan *p = &r->plan;
	const struct rollback_host *first = NULL;

	add_command(r, "rollback-model", out);
	strbuf_addch(out, ' ');
	strbuf_addshell(out, p->model->name);
	for (size_t i = 0; i < p->hosts.count && !first; i++)
		if (p->hosts.items[i].moves)
			first = &p->hosts.items[i];
	if (!r->o.hosts)
		strbuf_addf(out, " %s", p->model->current);
	else if (first && first->pinned)
		strbuf_addf(out, " %s", first->from);
	else
		strbuf_addstr(out, " --unpin");
	add_option(out, "--hosts", r->o.hosts);
}

/* ---- all of it ---- */

static void add_text(const struct rollback *r, bool undone, const char *on, const char *back,
	struct strbuf *out)
{
	const struct rollback_plan *p = &r->plan;

	strbuf_addf(out, "\n%s runs at:\n", p->model->name);
	for (size_t i = 0; i < p->hosts.count; i++)
		if (!was_shown(p, i))
			add_hosts(p, i, out);
	strbuf_addf(out, "The registry says %s (commit %.10s). To go on:\n  %s\n",
		undone || !p->to ? p->model->current : p->to, p->move.commit, on);
	if (!undone)
		strbuf_addf(out, "To go back:\n  %s\n", back);
}

static void add_json(const struct rollback *r, bool undone, const char *on, const char *back,
	struct strbuf *out)
{
	const struct rollback_plan *p = &r->plan;

	json_event_begin(out, "move_state");
	json_event_text(out, "model", p->model->name);
	json_event_text(out, "commit", p->move.commit);
	strbuf_addstr(out, ",\"hosts\":{");
	for (size_t i = 0; i < p->hosts.count; i++) {
		const struct rollback_host *h = &p->hosts.items[i];
		if (i)
			strbuf_addch(out, ',');
		strbuf_addjson(out, h->name, strlen(h->name));
		strbuf_addch(out, ':');
		if (h->runs)
			strbuf_addjson(out, h->runs, strlen(h->runs));
		else
			strbuf_addstr(out, "null");
	}
	strbuf_addch(out, '}');
	json_event_text(out, "go_on", on);
	json_event_text(out, "go_back", undone ? NULL : back);
	json_event_end(out);
}

void rollback_show_state(const struct rollback *r, bool undone)
{
	AUTO(strbuf_release) struct strbuf on = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf back = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	add_way_on(r, &on);
	strbuf_addstr(&on, " --limit-failed");
	add_way_back(r, &back);
	if (r->deploy.engine.o.json)
		add_json(r, undone, on.data, back.data, &out);
	else
		add_text(r, undone, on.data, back.data, &out);
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
}
