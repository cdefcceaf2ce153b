/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of modelfleet history: a line each for people, an event each for programs. */
#include "cli/history.h"
#include "cli/play_json.h"
#include "cli/status.h"

#define HOSTS_NAMED 6
#define ID_SHOWN    12 /* digits of a commit's id */
#define WHO_MAX     24 /* of the column; longer names push the rest aside */

#define OUTCOMES (JOURNAL_SKIPPED + 1)

static void count_hosts(const struct journal_run *run, size_t counts[OUTCOMES])
{
	for (size_t i = 0; i < run->host_count; i++)
		counts[run->hosts[i].outcome]++;
}

/* The command's name, which stands in the id between start and a random end. */
static char *command_of(const struct journal_run *run)
{
	const char *first = strchr(run->id, '-');
	const char *last = strrchr(run->id, '-');

	return first && last > first ? xstrndup(first + 1, (size_t)(last - first - 1))
				     : xstrdup("run");
}

/* ---- for people ---- */

static void add_hosts(const struct strlist *hosts, struct strbuf *out)
{
	for (size_t i = 0; i < hosts->count && i < HOSTS_NAMED; i++) {
		strbuf_addstr(out, i ? ", " : "");
		status_add_clean(out, hosts->items[i]);
	}
	if (hosts->count > HOSTS_NAMED)
		strbuf_addf(out, " and %zu more", hosts->count - HOSTS_NAMED);
}

static void add_change(const struct history_entry *e, struct strbuf *out)
{
	status_add_clean(out, e->model);
	if (e->kind == HISTORY_PREVIOUS)
		strbuf_addstr(out, ": previous version");
	strbuf_addch(out, ' ');
	status_add_clean(out, e->from ? e->from : "(none)");
	strbuf_addstr(out, " -> ");
	status_add_clean(out, e->to ? e->to : "(none)");
}

static void add_pin(const struct history_entry *e, struct strbuf *out)
{
	status_add_clean(out, e->model);
	strbuf_addstr(out, e->to ? " pinned to " : " no longer pinned to ");
	status_add_clean(out, e->to ? e->to : e->from);
	strbuf_addstr(out, " on ");
	add_hosts(&e->hosts, out);
}

static void add_run(const struct history *h, const struct journal_run *run, struct strbuf *out)
{
	autofree char *command = command_of(run);
	size_t counts[OUTCOMES] = {0}, shown = 0;

	count_hosts(run, counts);
	strbuf_addf(out, "%s of ", command);
	for (size_t i = 0; i < run->versions.count; i++) {
		const char *version = run->versions.items[i];
		size_t name = strcspn(version, " ");
		if (h->model && (strlen(h->model) != name || strncmp(version, h->model, name)))
			continue;
		strbuf_addstr(out, shown++ ? ", " : "");
		status_add_clean(out, version);
	}
	strbuf_addch(out, ':');
	const char *separator = " ";
	for (size_t i = 0; i < OUTCOMES; i++, separator = counts[i - 1] ? ", " : separator)
		if (counts[i])
			strbuf_addf(out, "%s%zu %s", separator, counts[i],
				journal_outcome_name((enum journal_outcome)i));
	if (!run->end)
		strbuf_addstr(out, "; it did not end");
	else
		strbuf_addf(out, "; exit %d", run->exit_code);
}

static void add_line(
	const struct history *h, const struct history_entry *e, int width, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf who = STRBUF_INIT;
	char when[32];

	clock_rfc3339(e->time, when);
	status_add_clean(&who, e->who);
	strbuf_addf(out, "%s  %-*s  ", when, width, who.data);
	if (e->kind == HISTORY_RUN)
		add_run(h, &e->run, out);
	else if (e->kind == HISTORY_PIN)
		add_pin(e, out);
	else
		add_change(e, out);
	if (e->kind == HISTORY_RUN)
		strbuf_addf(out, " (%s)\n", e->id);
	else
		strbuf_addf(out, " (commit %.*s)\n", ID_SHOWN, e->id);
}

static int who_width(const struct history *h, size_t count)
{
	size_t width = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(h->entries.items[i].who);
		if (len > width && len <= WHO_MAX)
			width = len;
	}
	return (int)width;
}

/* ---- for programs ---- */

static void json_list(struct strbuf *out, const char *key, const struct strlist *names)
{
	strbuf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < names->count; i++) {
		strbuf_addstr(out, i ? "," : "");
		strbuf_addjson(out, names->items[i], strlen(names->items[i]));
	}
	strbuf_addch(out, ']');
}

static void json_commit(const struct history_entry *e, struct strbuf *out)
{
	json_event_text(out, "commit", e->id);
	json_event_text(out, "summary", e->summary);
	json_event_text(out, "file", e->file);
	json_event_text(out, "model", e->model);
	json_event_text(out, "from", e->from);
	json_event_text(out, "to", e->to);
	if (e->kind == HISTORY_PIN)
		json_list(out, "hosts", &e->hosts);
}

static void json_run(const struct journal_run *run, struct strbuf *out)
{
	autofree char *name = command_of(run);
	size_t counts[OUTCOMES] = {0};
	char end[32];

	count_hosts(run, counts);
	clock_rfc3339(run->end, end);
	json_event_text(out, "run", run->id);
	json_event_text(out, "name", name);
	json_event_text(out, "command", run->command);
	json_event_text(out, "end", run->end ? end : NULL);
	if (run->end)
		strbuf_addf(out, ",\"exit_code\":%d", run->exit_code);
	else
		strbuf_addstr(out, ",\"exit_code\":null");
	json_list(out, "versions", &run->versions);
	strbuf_addstr(out, ",\"hosts\":{");
	for (size_t i = 0; i < OUTCOMES; i++)
		strbuf_addf(out, "%s\"%s\":%zu", i ? "," : "",
			journal_outcome_name((enum journal_outcome)i), counts[i]);
	strbuf_addch(out, '}');
}

static void add_event(const struct history_entry *e, struct strbuf *out)
{
	static const char *const kinds[] = {
		[HISTORY_VERSION] = "version_changed",
		[HISTORY_PREVIOUS] = "previous_changed",
		[HISTORY_PIN] = "pin_changed",
		[HISTORY_RUN] = "run",
	};
	char when[32];

	clock_rfc3339(e->time, when);
	json_event_begin(out, "history");
	json_event_text(out, "kind", kinds[e->kind]);
	json_event_text(out, "at", when);
	json_event_text(out, "who", e->who);
	if (e->kind == HISTORY_RUN)
		json_run(&e->run, out);
	else
		json_commit(e, out);
	json_event_end(out);
}

void history_print(const struct history *h)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t count = h->entries.count < h->max ? h->entries.count : h->max;
	int width = who_width(h, count);

	for (size_t i = 0; i < count; i++) {
		if (h->json)
			add_event(&h->entries.items[i], &out);
		else
			add_line(h, &h->entries.items[i], width, &out);
	}
	if (!count && !h->json)
		strbuf_addf(&out, "no change of %s is known%s\n",
			h->model ? h->model : "a version", h->since ? " since then" : "");
	fwrite(out.data, 1, out.len, stdout);
}
