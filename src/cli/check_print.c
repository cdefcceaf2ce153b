/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a check shows: the set of each host, or what a revision's difference means for them.
 */
#include <inttypes.h>

#include "cli/check.h"

#define MODELS_SHOWN 3 /* a larger set is a number, unless -v asks for it */
#define HOSTS_SHOWN  8

/* ---- for people ---- */

static void add_model(struct strbuf *out, const struct wanted *w, const char *separator)
{
	strbuf_addf(out, "%s%s %s", separator, w->model->name, w->version);
	if (w->pinned)
		strbuf_addstr(out, " (pinned)");
}

static void add_set(struct strbuf *out, const struct host_models *h, bool all)
{
	const char *separator = "";

	if (h->holds_store) {
		strbuf_addstr(out, "keeps the store");
		return;
	}
	if (h->count == 0)
		strbuf_addstr(out, "nothing");
	all = all || h->count <= MODELS_SHOWN;
	if (!all) {
		strbuf_addf(out, "%zu models", h->count);
		separator = ", ";
	}
	for (size_t i = 0; i < h->count; i++) {
		if (!all && !h->items[i].pinned)
			continue;
		add_model(out, &h->items[i], separator);
		separator = ", ";
	}
}

static int name_width(const struct resolution *r)
{
	size_t width = 0;

	for (size_t i = 0; i < r->host_count; i++)
		if (strlen(r->hosts[i].host) > width)
			width = strlen(r->hosts[i].host);
	return width > 40 ? 40 : (int)width;
}

static void add_hosts(struct strbuf *out, const struct check *c)
{
	const struct resolution *r = &c->registry.resolution;
	int width = name_width(r);

	for (size_t i = 0; i < r->host_count; i++) {
		strbuf_addf(out, "%-*s  ", width, r->hosts[i].host);
		add_set(out, &r->hosts[i], c->o.verbosity > 0);
		strbuf_addch(out, '\n');
	}
}

static void add_summary(struct strbuf *out, const struct check *c)
{
	const struct resolution *r = &c->registry.resolution;

	strbuf_addf(out, "\n%zu host%s, %zu model version%s", r->host_count,
		r->host_count == 1 ? "" : "s", r->use_count, r->use_count == 1 ? "" : "s");
	if (c->registry.store) {
		strbuf_addstr(out, " of ");
		strbuf_addsize(out, c->bytes);
		strbuf_addf(out, " in %s", c->registry.store->location);
	}
	strbuf_addstr(out, ": all sound\n");
}

static bool same_change(const struct change *a, const struct change *b)
{
	return strcmp(a->model, b->model) == 0 && str_cmp0(a->before, b->before) == 0 &&
	       str_cmp0(a->after, b->after) == 0 && a->pinned == b->pinned;
}

/* True if an earlier change says the same of another host. */
static bool was_shown(const struct changes *c, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_change(&c->items[i], &c->items[index]))
			return true;
	return false;
}

/* One line for all hosts with the same change. */
static void add_change(struct strbuf *out, const struct changes *c, size_t index)
{
	const struct change *change = &c->items[index];
	size_t hosts = 0;

	strbuf_addf(out, "  %s: ", change->model);
	if (!change->before)
		strbuf_addf(out, "new, %s", change->after);
	else if (!change->after)
		strbuf_addf(out, "no longer %s", change->before);
	else
		strbuf_addf(out, "%s -> %s", change->before, change->after);
	strbuf_addstr(out, change->pinned ? " (pinned) on" : " on");
	for (size_t i = index; i < c->count; i++) {
		if (!same_change(&c->items[i], change))
			continue;
		if (hosts++ < HOSTS_SHOWN)
			strbuf_addf(out, "%s %s", hosts > 1 ? "," : "", c->items[i].host);
	}
	if (hosts > HOSTS_SHOWN)
		strbuf_addf(out, " and %zu more", hosts - HOSTS_SHOWN);
	strbuf_addch(out, '\n');
}

static void add_changes(struct strbuf *out, const struct check *c)
{
	const struct git_commit_info *commit = &c->before.commit;

	strbuf_addf(out, "Since %s (%.10s, %s: %s)", c->revision, commit->id, commit->author,
		commit->summary);
	if (c->before.diags.errors > 0)
		strbuf_addf(out, ", whose inventory had %zu error%s, the first: %s",
			c->before.diags.errors, c->before.diags.errors == 1 ? "" : "s",
			c->before.diags.items[0].text);
	strbuf_addstr(out, c->changes.count ? "\n" : ": nothing changes on any host\n");
	for (size_t i = 0; i < c->changes.count; i++)
		if (!was_shown(&c->changes, i))
			add_change(out, &c->changes, i);
}

void check_print_text(const struct check *c)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	cli_print_diags(&c->diags);
	if (c->diags.errors > 0)
		return;
	if (c->diff) {
		add_changes(&out, c);
	} else {
		add_hosts(&out, c);
		add_summary(&out, c);
	}
	fwrite(out.data, 1, out.len, stdout);
}

/* ---- for programs ---- */

static void begin_event(struct strbuf *out, const char *kind)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(out, "{\"event\":\"%s\",\"time\":\"%s\"", kind, now);
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, ",\"%s\":", key);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
}

static void add_finding(struct strbuf *out, const struct diag *d)
{
	begin_event(out, "finding");
	add_text(out, "level", d->level == DIAG_ERROR ? "error" : "warning");
	add_text(out, "file", d->file);
	strbuf_addf(out, ",\"line\":%u,\"column\":%u", d->line, d->column);
	add_text(out, "text", d->text);
	strbuf_addstr(out, "}\n");
}

static void add_host_event(struct strbuf *out, const struct host_models *h)
{
	begin_event(out, "host");
	add_text(out, "host", h->host);
	add_text(out, "root", h->root);
	strbuf_addf(out, ",\"keeps_store\":%s,\"models\":[", h->holds_store ? "true" : "false");
	for (size_t i = 0; i < h->count; i++) {
		const struct wanted *w = &h->items[i];
		strbuf_addstr(out, i ? ",{\"model\":" : "{\"model\":");
		strbuf_addjson(out, w->model->name, strlen(w->model->name));
		add_text(out, "version", w->version);
		strbuf_addf(out, ",\"pinned\":%s}", w->pinned ? "true" : "false");
	}
	strbuf_addstr(out, "]}\n");
}

static void add_change_event(struct strbuf *out, const struct change *c)
{
	begin_event(out, "change");
	add_text(out, "host", c->host);
	add_text(out, "model", c->model);
	add_text(out, "before", c->before);
	add_text(out, "after", c->after);
	strbuf_addf(out, ",\"pinned\":%s}\n", c->pinned ? "true" : "false");
}

static void add_end_event(struct strbuf *out, const struct check *c)
{
	const struct resolution *r = &c->registry.resolution;

	begin_event(out, "check_end");
	strbuf_addf(out, ",\"errors\":%zu,\"warnings\":%zu", c->diags.errors,
		c->diags.count + c->diags.dropped - c->diags.errors);
	strbuf_addf(out, ",\"hosts\":%zu,\"versions\":%zu,\"bytes\":%" PRIu64, r->host_count,
		r->use_count, c->bytes);
	add_text(out, "store", c->registry.store ? c->registry.store->location : NULL);
	if (c->diff) {
		strbuf_addf(out, ",\"changes\":%zu", c->changes.count);
		add_text(out, "since", c->before.commit.id[0] ? c->before.commit.id : NULL);
	}
	strbuf_addstr(out, "}\n");
}

void check_print_json(const struct check *c)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct resolution *r = &c->registry.resolution;

	for (size_t i = 0; i < c->diags.count; i++)
		add_finding(&out, &c->diags.items[i]);
	for (size_t i = 0; i < r->host_count && c->diags.errors == 0; i++)
		add_host_event(&out, &r->hosts[i]);
	for (size_t i = 0; i < c->changes.count; i++)
		add_change_event(&out, &c->changes.items[i]);
	add_end_event(&out, c);
	fwrite(out.data, 1, out.len, stdout);
}
