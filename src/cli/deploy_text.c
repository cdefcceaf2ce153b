/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a deploy says in words, on a pipe and on a terminal alike.
 */
#include "base/strmap.h"
#include "cli/deploy.h"

#define RECAP_HOSTS_MAX 8 /* hosts that the recap names for one error */

static void paint(struct strbuf *out, const char *color, const char *text)
{
	if (cli_use_color(stdout))
		strbuf_addf(out, "\033[%sm%s\033[0m", color, text);
	else
		strbuf_addstr(out, text);
}

static const char *verb_of(const struct sync_result *r, bool check)
{
	switch (r->outcome) {
	case SYNC_SENT: return check ? "would send" : "sent";
	case SYNC_REPAIRED: return check ? "would repair" : "repaired";
	case SYNC_DRIFTED: return "drifted";
	case SYNC_FAILED: return "failed";
	default: return "current";
	}
}

static void add_work(const struct sync_result *r, struct strbuf *out)
{
	if (r->files_sent) {
		strbuf_addf(
			out, ", %u file%s in ", r->files_sent, r->files_sent == 1 ? "" : "s");
		strbuf_addsize(out, r->bytes_sent);
		if (r->files_delta)
			strbuf_addf(out, " (%u as delta)", r->files_delta);
	}
	if (r->files_reused)
		strbuf_addf(out, ", %u found on the node", r->files_reused);
}

static void add_result(const struct deploy_run *run, const char *host,
	const struct sync_result *r, struct strbuf *out)
{
	if (r->outcome == SYNC_CURRENT && run->verbosity == 0)
		return;
	strbuf_addf(out, "%s: %s %s %s", host, verb_of(r, run->check), r->model, r->version);
	add_work(r, out);
	if (r->outcome == SYNC_FAILED)
		strbuf_addf(out, ": %s", r->err.text);
	strbuf_addch(out, '\n');
	for (size_t i = 0; i < r->drifted.count; i++)
		strbuf_addf(out, "%s:   %s\n", host, r->drifted.items[i]);
	if (r->drift > r->drifted.count && r->drifted.count)
		strbuf_addf(out, "%s:   and %zu more\n", host, r->drift - r->drifted.count);
}

static void add_end(const struct deploy_run *run, const struct deploy_host *h,
	const struct fleet_host *f, struct strbuf *out)
{
	double seconds = (double)(f->ended_ns - f->started_ns) / 1e9;

	strbuf_addf(out, "%s: ", f->name);
	if (f->state != FLEET_OK) {
		paint(out, "31", f->state == FLEET_UNREACHABLE ? "unreachable" : "failed");
		strbuf_addf(out, " (%s): %s\n", h->failed_phase ? h->failed_phase : "start",
			f->err.text);
		return;
	}
	bool drifted = sync_report_outcome(&h->report) == SYNC_DRIFTED;
	bool changed = deploy_host_changed(h);
	paint(out, drifted || changed ? "33" : "32",
		drifted      ? "drifted"
		: !changed   ? "ok"
		: run->check ? "would change"
			     : "changed");
	if (changed) {
		strbuf_addstr(out, ", ");
		strbuf_addsize(out, h->report.bytes_sent);
		strbuf_addf(out, " in %.1f s", seconds);
	}
	strbuf_addch(out, '\n');
}

void deploy_text_host(
	const struct deploy_run *run, const struct fleet_host *f, struct strbuf *out)
{
	const struct deploy_host *h = f->data;

	for (size_t i = 0; i < h->report.count; i++) {
		const struct sync_result *r = &h->report.results[i];
		/* What ended the host as a whole stands in its own line. */
		if (r->outcome != SYNC_FAILED || !strstr(f->err.text, r->err.text))
			add_result(run, f->name, r, out);
	}
	add_end(run, h, f, out);
}

/* Hosts with the same error, in order of appearance. */
struct same_error {
	const struct fleet_host *first;
	struct strlist names;
};

static void free_same_error(void *value)
{
	struct same_error *same = value;

	strlist_release(&same->names);
	free(same);
}

static void group_errors(const struct deploy_run *run, struct strmap *groups)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct fleet_host *f = &run->fleet[i];
		if (f->state != FLEET_FAILED && f->state != FLEET_UNREACHABLE)
			continue;
		struct same_error *same = strmap_get(groups, f->err.text);
		if (!same) {
			same = xcalloc(1, sizeof(*same));
			same->first = f;
			strmap_set(groups, f->err.text, same);
		}
		strlist_add(&same->names, f->name);
	}
}

static void print_error(const struct same_error *same)
{
	const char *remedy = deploy_remedy(same->first->err.code);

	printf("  %zu host%s: %s\n    ", same->names.count, same->names.count == 1 ? "" : "s",
		same->first->err.text);
	for (size_t i = 0; i < same->names.count && i < RECAP_HOSTS_MAX; i++)
		printf("%s%s", i ? ", " : "", same->names.items[i]);
	if (same->names.count > RECAP_HOSTS_MAX)
		printf(" and %zu more", same->names.count - RECAP_HOSTS_MAX);
	printf("\n");
	if (remedy)
		printf("    %s\n", remedy);
}

static void add_count(struct strbuf *out, unsigned count, const char *what, const char *color)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!count)
		return;
	strbuf_addf(&text, "%u %s", count, what);
	if (out->len)
		strbuf_addstr(out, ", ");
	paint(out, color, text.data);
}

void deploy_text_recap(struct deploy_run *run, int exit_code)
{
	AUTO(strbuf_release) struct strbuf counts = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct strmap groups = {0};
	struct deploy_totals t;

	deploy_sum(run, &t);
	add_count(&counts, t.changed, run->check ? "would change" : "changed", "33");
	add_count(&counts, t.unchanged, "unchanged", "32");
	add_count(&counts, t.drifted, "drifted", "33");
	add_count(&counts, t.failed, "failed", "31");
	add_count(&counts, t.unreachable, "unreachable", "31");
	add_count(&counts, t.not_run, exit_code == EXIT_INTERRUPTED ? "interrupted" : "not run",
		"33");
	strbuf_addsize(&bytes, t.bytes);
	if (t.bytes_saved) {
		strbuf_addstr(&bytes, run->check ? " to send, " : " sent, ");
		strbuf_addsize(&bytes, t.bytes_saved);
		strbuf_addstr(&bytes, " saved");
	} else {
		strbuf_addstr(&bytes, run->check ? " to send" : " sent");
	}
	printf("\n%zu host%s: %s; %s; %.1f s\n", run->count, run->count == 1 ? "" : "s",
		counts.len ? counts.data : "none", bytes.data, t.seconds);
	group_errors(run, &groups);
	strmap_foreach (e, &groups)
		print_error(e->value);
	strmap_release(&groups, free_same_error);
	fflush(stdout);
}

/* ---- plain lines ---- */

static void plain_begin(struct deploy_run *run)
{
	printf("%s%zu model%s from %s to %zu host%s\n", run->check ? "checking " : "",
		run->model_count, run->model_count == 1 ? "" : "s", run->store, run->count,
		run->count == 1 ? "" : "s");
	fflush(stdout);
}

static void plain_event(struct deploy_run *run, const struct fleet_event *e)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (e->kind == FLEET_EVENT_END)
		deploy_text_host(run, e->host, &text);
	else if (e->kind == FLEET_EVENT_WARNING)
		strbuf_addf(
			&text, "%s: warning: %s\n", e->host ? e->host->name : "fleet", e->text);
	else if (e->kind == FLEET_EVENT_STOP)
		strbuf_addf(&text, "stopped: %s\n", e->text);
	else if (e->kind == FLEET_EVENT_PHASE && run->verbosity > 1)
		strbuf_addf(&text, "%s: %s\n", e->host->name, e->phase);
	else
		return;
	fwrite(text.data, 1, text.len, stdout);
	fflush(stdout);
}

const struct deploy_output deploy_output_plain = {
	.begin = plain_begin,
	.event = plain_event,
	.end = deploy_text_recap,
};
