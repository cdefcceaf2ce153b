/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cleanup did, for people and as JSON: every version with why it stays or that it goes,
 * and the sum.
 */
#include <inttypes.h>

#include "cli/cleanup.h"
#include "cli/play_json.h"

#define COLOR_GONE "0;33"
#define COLOR_BAD  "0;31"

/* Numbers over all places. */
struct totals {
	size_t kept, removed, failed, staging;
	uint64_t freed;
};

static void add_place(struct totals *t, const struct cleanup_place *p)
{
	t->kept += p->kept;
	t->removed += p->removed;
	t->failed += p->failed;
	t->staging += p->staging.count;
	t->freed += p->freed;
}

static struct totals sum(const struct cleanup *c)
{
	struct totals t = {0};

	add_place(&t, &c->store);
	for (size_t i = 0; i < c->host_count; i++)
		add_place(&t, &c->hosts[i].place);
	return t;
}

int cleanup_exit_code(const struct cleanup *c)
{
	bool failed = c->store.failed > 0, away = false;

	for (size_t i = 0; i < c->host_count; i++) {
		const struct cleanup_node *n = &c->hosts[i];
		away |= n->away;
		failed |= n->place.failed > 0 || (n->err.code && !n->away);
	}
	if (c->interrupted)
		return EXIT_INTERRUPTED;
	return failed ? EXIT_HOST_FAILED : away ? EXIT_UNREACHABLE : EXIT_OK;
}

/* ---- for people ---- */

static void add_why(
	const struct cleanup *c, const struct cleanup_version *v, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf hosts = STRBUF_INIT;

	cleanup_hosts(c, v, &hosts);
	if (v->reason == RETENTION_PINNED)
		strbuf_addf(out, "pinned by %s", hosts.data);
	else if (v->reason == RETENTION_RUNS)
		strbuf_addf(out, "runs on %s", hosts.data);
	else if (v->unmanaged && v->reason == RETENTION_RECENT)
		strbuf_addstr(out, "unmanaged, kept; --unmanaged removes it");
	else
		strbuf_addstr(out, retention_reason_name(v->reason));
}

static void add_end(
	const struct cleanup *c, const struct cleanup_version *v, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (v->failed)
		strbuf_addstr(&text, "could not be removed");
	else if (!c->dry_run && !v->removed)
		strbuf_addstr(&text, "not removed: interrupted");
	else
		strbuf_addstr(&text, c->dry_run ? "would be removed, " : "removed, ");
	if (c->dry_run || v->removed)
		strbuf_addsize(&text, v->frees);
	cli_paint(out, v->failed ? COLOR_BAD : COLOR_GONE, text.data);
}

static void add_versions(
	const struct cleanup *c, const struct cleanup_place *p, struct strbuf *out)
{
	for (size_t i = 0; i < p->versions.count; i++) {
		const struct cleanup_version *v = &p->versions.items[i];
		if (i == 0 || strcmp(v->model, v[-1].model) != 0)
			strbuf_addf(out, "  %s\n", v->model);
		strbuf_addf(out, "    %s  ", v->name);
		if (v->reason == RETENTION_REMOVE)
			add_end(c, v, out);
		else
			add_why(c, v, out);
		strbuf_addch(out, '\n');
	}
	for (size_t i = 0; i < p->unknown.count; i++)
		strbuf_addf(
			out, "  %s\n    in no registry: left as it is\n", p->unknown.items[i]);
	for (size_t i = 0; i < p->staging.count; i++)
		strbuf_addf(out, "  %s\n    half-finished, %s\n", p->staging.items[i],
			c->dry_run ? "would be removed" : "removed");
	if (p->err.code)
		strbuf_addf(out, "  error: %s\n", p->err.text);
}

static void add_node(const struct cleanup *c, const struct cleanup_node *n, struct strbuf *out)
{
	strbuf_addstr(out, n->models->host);
	if (n->skipped)
		strbuf_addf(out, ": left alone: %s", n->skipped);
	strbuf_addch(out, '\n');
	add_versions(c, &n->place, out);
	if (n->err.code && !n->place.err.code)
		strbuf_addf(out, "  error: %s\n", n->err.text);
}

static void add_recap(const struct cleanup *c, struct strbuf *out)
{
	struct totals t = sum(c);

	strbuf_addch(out, '\n');
	if (c->nodes)
		strbuf_addf(out, "%zu host%s: ", c->host_count, c->host_count == 1 ? "" : "s");
	strbuf_addf(out, "%zu version%s kept, %zu %s", t.kept, t.kept == 1 ? "" : "s",
		t.removed, c->dry_run ? "would be removed" : "removed");
	if (t.failed)
		strbuf_addf(out, ", %zu could not be removed", t.failed);
	strbuf_addstr(out, "; ");
	strbuf_addsize(out, t.freed);
	strbuf_addstr(out, c->dry_run ? " would be freed" : " freed");
	strbuf_addstr(out, c->interrupted ? "; interrupted\n" : "\n");
}

static void add_text(const struct cleanup *c, struct strbuf *out)
{
	if (!c->nodes) {
		strbuf_addf(out, "%s\n", c->located.store->location);
		add_versions(c, &c->store, out);
	}
	for (size_t i = 0; i < c->host_count; i++)
		add_node(c, &c->hosts[i], out);
	add_recap(c, out);
}

/* ---- as JSON ---- */

static void add_bool(struct strbuf *out, const char *key, bool value)
{
	strbuf_addf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

static void add_version_events(const struct cleanup_place *p, struct strbuf *out)
{
	for (size_t i = 0; i < p->versions.count; i++) {
		const struct cleanup_version *v = &p->versions.items[i];
		json_event_begin(out, "version");
		if (p->node)
			json_event_text(out, "host", p->node->models->host);
		json_event_text(out, "model", v->model);
		json_event_text(out, "version", v->name);
		json_event_text(out, "reason", retention_reason_name(v->reason));
		add_bool(out, "removed", v->removed);
		if (p->node)
			add_bool(out, "unmanaged", v->unmanaged);
		if (v->reason == RETENTION_REMOVE)
			strbuf_addf(out, ",\"bytes\":%" PRIu64, v->frees);
		json_event_end(out);
	}
}

static void add_node_event(const struct cleanup_node *n, struct strbuf *out)
{
	const char *state = n->away            ? "unreachable"
			    : n->err.code      ? "failed"
			    : n->skipped       ? "skipped"
			    : n->place.removed ? "changed"
					       : "unchanged";

	json_event_begin(out, "host_end");
	json_event_text(out, "host", n->models->host);
	json_event_text(out, "state", state);
	strbuf_addf(out, ",\"removed\":%u,\"staging\":%zu,\"bytes\":%" PRIu64, n->place.removed,
		n->place.staging.count, n->place.freed);
	if (n->skipped)
		json_event_text(out, "why", n->skipped);
	if (n->err.code)
		json_event_error(out, "error", &n->err);
	json_event_end(out);
}

static void add_json(const struct cleanup *c, int code, struct strbuf *out)
{
	struct totals t = sum(c);

	json_event_begin(out, "cleanup");
	json_event_text(out, "store", c->located.store->location);
	json_event_text(out, "nodes", c->nodes);
	add_bool(out, "dry_run", c->dry_run);
	json_event_end(out);
	add_version_events(&c->store, out);
	for (size_t i = 0; i < c->host_count; i++) {
		add_version_events(&c->hosts[i].place, out);
		add_node_event(&c->hosts[i], out);
	}
	json_event_begin(out, "recap");
	strbuf_addf(out,
		",\"kept\":%zu,\"removed\":%zu,\"failed\":%zu,\"bytes\":%" PRIu64
		",\"exit_code\":%d",
		t.kept, t.removed, t.failed, t.freed, code);
	if (c->store.err.code)
		json_event_error(out, "error", &c->store.err);
	json_event_end(out);
}

void cleanup_print(const struct cleanup *c, int code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (c->engine.o.json)
		add_json(c, code, &out);
	else
		add_text(c, &out);
	fwrite(out.data, 1, out.len, stdout);
}
