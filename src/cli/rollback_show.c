/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollback says of its plan. */
#include "cli/play_json.h"
#include "cli/rollback.h"

#define HOSTS_SHOWN 8

/* ---- for people ---- */

static bool same_way(const struct rollback_host *a, const struct rollback_host *b)
{
	return a->moves == b->moves && strcmp(a->from, b->from) == 0 &&
	       strcmp(a->to, b->to) == 0;
}

static bool was_shown(const struct rollback_plan *p, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_way(&p->hosts.items[i], &p->hosts.items[index]))
			return true;
	return false;
}

static void add_verb(
	const struct rollback *r, const struct rollback_host *h, bool one, struct strbuf *out)
{
	if (h->moves && strcmp(h->from, h->to) != 0)
		strbuf_addf(out, "%s from %s to %s", one ? "goes" : "go", h->from, h->to);
	else if (h->moves)
		strbuf_addf(out, "%s at %s, %s", one ? "stays" : "stay", h->to,
			r->o.unpin ? "and no longer pinned" : "and pinned to it");
	else
		strbuf_addf(out, "%s at %s%s", one ? "stays" : "stay", h->to,
			h->pinned ? ", pinned" : "");
}

/* One line for all hosts that fare alike. */
static void add_way(const struct rollback *r, size_t index, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
	const struct rollback_plan *p = &r->plan;
	const struct rollback_host *h = &p->hosts.items[index];
	bool all = r->deploy.engine.o.site.verbosity > 0;
	size_t count = 0;

	for (size_t i = index; i < p->hosts.count; i++) {
		if (!same_way(h, &p->hosts.items[i]))
			continue;
		if (count++ < HOSTS_SHOWN || all)
			strbuf_addf(
				&names, "%s %s", count > 1 ? "," : "", p->hosts.items[i].name);
	}
	if (count > HOSTS_SHOWN && !all)
		strbuf_addf(&names, " and %zu more", count - HOSTS_SHOWN);
	strbuf_addf(out, "  %zu host%s ", count, count == 1 ? "" : "s");
	add_verb(r, h, count == 1, out);
	strbuf_addf(out, ":%s\n", names.data);
}

static void add_touched(
	const struct strmap *map, const char *noun, const char *verb, struct strbuf *out)
{
	strmap_foreach (e, map) {
		uintptr_t hosts = (uintptr_t)e->value;
		strbuf_addf(out, "  %s %s%s on %lu host%s\n", noun, e->key, verb,
			(unsigned long)hosts, hosts == 1 ? "" : "s");
	}
}

static void show_text(const struct rollback *r)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct rollback_plan *p = &r->plan;

	strbuf_addf(&out, "%s: ", p->model->name);
	if (!r->o.hosts)
		strbuf_addf(&out, "%s -> %s%s\n", p->model->current, p->to,
			str_cmp0(p->to, p->model->previous) == 0 ? " (the previous version)"
								 : "");
	else if (p->to)
		strbuf_addf(&out, "pinned to %s on %s; %s stays current\n", p->to, r->o.hosts,
			p->model->current);
	else
		strbuf_addf(&out, "no longer pinned on %s; %s is current\n", r->o.hosts,
			p->model->current);
	for (size_t i = 0; i < p->hosts.count; i++)
		if ((!r->o.hosts || p->hosts.items[i].moves) && !was_shown(p, i))
			add_way(r, i, &out);
	if (p->hosts.count == 0)
		strbuf_addstr(&out, "  no host has it\n");
	if (!r->o.no_deploy) {
		add_touched(&p->touched.configs, "config", " is rendered", &out);
		add_touched(&p->touched.services, "service", " is restarted", &out);
	}
	for (size_t i = 0; i < p->move.edits.count; i++)
		strbuf_addf(
			&out, "  %s is edited and committed\n", p->move.edits.items[i].path);
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
}

/* ---- for programs ---- */

static void add_counts(struct strbuf *out, const char *key, const struct strmap *map)
{
	strbuf_addf(out, ",\"%s\":{", key);
	strmap_foreach (e, map) {
		if (e != map->entries)
			strbuf_addch(out, ',');
		strbuf_addjson(out, e->key, strlen(e->key));
		strbuf_addf(out, ":%lu", (unsigned long)(uintptr_t)e->value);
	}
	strbuf_addch(out, '}');
}

static void add_host(struct strbuf *out, const struct rollback_host *h)
{
	strbuf_addstr(out, "{\"host\":");
	strbuf_addjson(out, h->name, strlen(h->name));
	json_event_text(out, "from", h->from);
	json_event_text(out, "to", h->to);
	strbuf_addf(out, ",\"pinned\":%s,\"moves\":%s}", h->pinned ? "true" : "false",
		h->moves ? "true" : "false");
}

static void show_json(const struct rollback *r)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct rollback_plan *p = &r->plan;

	json_event_begin(&out, "move");
	json_event_text(&out, "model", p->model->name);
	json_event_text(&out, "what", r->o.unpin ? "unpin" : r->o.hosts ? "pin" : "roll_back");
	json_event_text(&out, "current", p->model->current);
	json_event_text(&out, "to", p->to);
	strbuf_addstr(&out, ",\"hosts\":[");
	for (size_t i = 0; i < p->hosts.count; i++) {
		if (i)
			strbuf_addch(&out, ',');
		add_host(&out, &p->hosts.items[i]);
	}
	strbuf_addch(&out, ']');
	add_counts(&out, "configs", &p->touched.configs);
	add_counts(&out, "services", &p->touched.services);
	strbuf_addstr(&out, ",\"files\":[");
	for (size_t i = 0; i < p->move.edits.count; i++) {
		const char *path = p->move.edits.items[i].path;
		if (i)
			strbuf_addch(&out, ',');
		strbuf_addjson(&out, path, strlen(path));
	}
	strbuf_addch(&out, ']');
	json_event_end(&out);
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
}

void rollback_show_plan(const struct rollback *r)
{
	if (r->deploy.engine.o.json)
		show_json(r);
	else
		show_text(r);
}
