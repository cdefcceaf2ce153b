/* SPDX-License-Identifier: Apache-2.0 */
/* The list of versions, for people and for programs. */
#include <inttypes.h>

#include "cli/play_json.h"
#include "cli/play_text.h"
#include "cli/rollback.h"

#define HOSTS_SHOWN 8

/* ---- for people ---- */

enum column { COLUMN_MODEL, COLUMN_VERSION, COLUMN_SIZE, COLUMN_HOSTS, COLUMNS };

struct widths {
	size_t of[COLUMNS];
};

static void add_names(const struct strlist *names, bool all, struct strbuf *out)
{
	size_t shown = all || names->count <= HOSTS_SHOWN ? names->count : HOSTS_SHOWN;

	for (size_t i = 0; i < shown; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", names->items[i]);
	if (shown < names->count)
		strbuf_addf(out, " and %zu more", names->count - shown);
}

/* The text of a cell but the first. */
static void add_cell(const struct rollback_version *v, enum column c, struct strbuf *out)
{
	switch (c) {
	case COLUMN_VERSION: strbuf_addstr(out, v->name); break;
	case COLUMN_SIZE:
		if (v->sized)
			strbuf_addsize(out, v->bytes);
		else
			strbuf_addch(out, '-');
		break;
	case COLUMN_HOSTS:
		if (v->runs.count)
			strbuf_addf(out, "%zu", v->runs.count);
		else
			strbuf_addch(out, '-');
		break;
	default: break;
	}
}

static void widen(struct widths *w, enum column c, size_t width)
{
	if (width > w->of[c])
		w->of[c] = width;
}

static void measure(const struct rollback_models *models, struct widths *w)
{
	for (size_t i = 0; i < models->count; i++) {
		const struct rollback_model *m = &models->items[i];
		widen(w, COLUMN_MODEL, strlen(m->name));
		for (size_t k = 0; k < m->versions.count; k++) {
			for (enum column c = COLUMN_VERSION; c < COLUMNS; c++) {
				AUTO(strbuf_release) struct strbuf cell = STRBUF_INIT;
				add_cell(&m->versions.items[k], c, &cell);
				widen(w, c, cell.len);
			}
		}
	}
}

static void add_mark(struct strbuf *out, const char *mark)
{
	strbuf_addf(out, "%s%s", out->len ? ", " : "", mark);
}

/* What a version is to the registry and the hosts. */
static void add_marks(const struct rollback_model *m, const struct rollback_version *v,
	bool all, struct strbuf *out)
{
	if (v->current)
		add_mark(out, "CURRENT");
	if (v->previous)
		add_mark(out, "PREVIOUS");
	if (v->pinned.count) {
		add_mark(out, "pinned by ");
		add_names(&v->pinned, all, out);
	}
	if (!v->stored)
		add_mark(out, "not in the store");
	if (!m->model)
		add_mark(out, "not in the registry");
}

static void print_row(
	const struct rollback_model *m, size_t index, const struct widths *w, bool all)
{
	const struct rollback_version *v = &m->versions.items[index];
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf marks = STRBUF_INIT;

	strbuf_addf(&line, "%-*s", (int)w->of[COLUMN_MODEL], index ? "" : m->name);
	for (enum column c = COLUMN_VERSION; c < COLUMNS; c++) {
		AUTO(strbuf_release) struct strbuf cell = STRBUF_INIT;
		add_cell(v, c, &cell);
		strbuf_addf(&line, "  %*s",
			c == COLUMN_VERSION ? -(int)w->of[c] : (int)w->of[c], cell.data);
	}
	add_marks(m, v, all, &marks);
	if (marks.len) {
		strbuf_addstr(&line, "  ");
		cli_paint(&line,
			v->current  ? PLAY_OK
			: v->stored ? "0"
				    : PLAY_FAILED,
			marks.data);
	}
	printf("%s\n", line.data);
}

static void print_head(const struct widths *w)
{
	printf("%-*s  %-*s  %*s  %*s  %s\n", (int)w->of[COLUMN_MODEL], "MODEL",
		(int)w->of[COLUMN_VERSION], "VERSION", (int)w->of[COLUMN_SIZE], "SIZE",
		(int)w->of[COLUMN_HOSTS], "HOSTS", "IS");
}

/* Of one model: which hosts run which version. */
static void print_runs(const struct rollback_model *m, bool all)
{
	for (size_t i = 0; i < m->versions.count; i++) {
		const struct rollback_version *v = &m->versions.items[i];
		AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
		if (v->runs.count == 0)
			continue;
		add_names(&v->runs, all, &names);
		printf("%s runs on %s\n", v->name, names.data);
	}
}

static void print_summary(const struct rollback *r, const struct rollback_models *models)
{
	AUTO(strbuf_release) struct strbuf size = STRBUF_INIT;
	size_t versions = 0, runs = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < models->count; i++) {
		const struct rollback_model *m = &models->items[i];
		for (size_t k = 0; k < m->versions.count; k++) {
			versions += m->versions.items[k].stored;
			bytes += m->versions.items[k].bytes;
			runs += m->versions.items[k].runs.count;
		}
	}
	strbuf_addsize(&size, bytes);
	printf("\n%zu model%s, %zu version%s of %s in %s\n", models->count,
		models->count == 1 ? "" : "s", versions, versions == 1 ? "" : "s", size.data,
		r->look.store->location);
	if (runs == 0)
		printf("no host has reported what it runs: deploy-models and fleet-status note "
		       "that\n");
}

void rollback_print_models(
	const struct rollback *r, const struct rollback_models *models, bool one)
{
	bool all = r->deploy.engine.o.site.verbosity > 0;
	struct widths w = {
		{strlen("MODEL"), strlen("VERSION"), strlen("SIZE"), strlen("HOSTS")}};

	measure(models, &w);
	print_head(&w);
	for (size_t i = 0; i < models->count; i++)
		for (size_t k = 0; k < models->items[i].versions.count; k++)
			print_row(&models->items[i], k, &w, all);
	print_summary(r, models);
	for (size_t i = 0; one && i < models->count; i++)
		print_runs(&models->items[i], all);
}

/* ---- for programs ---- */

static void add_list(struct strbuf *out, const char *key, const struct strlist *names)
{
	strbuf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < names->count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_addjson(out, names->items[i], strlen(names->items[i]));
	}
	strbuf_addch(out, ']');
}

static void add_version(struct strbuf *out, const struct rollback_version *v)
{
	strbuf_addstr(out, "{\"version\":");
	strbuf_addjson(out, v->name, strlen(v->name));
	strbuf_addf(out, ",\"stored\":%s,\"bytes\":", v->stored ? "true" : "false");
	if (v->sized)
		strbuf_addf(out, "%" PRIu64, v->bytes);
	else
		strbuf_addstr(out, "null");
	strbuf_addf(out, ",\"current\":%s,\"previous\":%s", v->current ? "true" : "false",
		v->previous ? "true" : "false");
	add_list(out, "pinned", &v->pinned);
	add_list(out, "runs", &v->runs);
	strbuf_addch(out, '}');
}

void rollback_print_models_json(const struct rollback *r, const struct rollback_models *models)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < models->count; i++) {
		const struct rollback_model *m = &models->items[i];
		json_event_begin(&out, "model_versions");
		json_event_text(&out, "model", m->name);
		json_event_text(&out, "store", r->look.store->location);
		json_event_text(&out, "current", m->model ? m->model->current : NULL);
		json_event_text(&out, "previous", m->model ? m->model->previous : NULL);
		strbuf_addstr(&out, ",\"versions\":[");
		for (size_t k = 0; k < m->versions.count; k++) {
			if (k)
				strbuf_addch(&out, ',');
			add_version(&out, &m->versions.items[k]);
		}
		strbuf_addch(&out, ']');
		json_event_end(&out);
	}
	fwrite(out.data, 1, out.len, stdout);
}
