/* SPDX-License-Identifier: Apache-2.0 */
/* What verifying a store tells, for people and as JSON. */
#include <inttypes.h>

#include "cli/play_json.h"
#include "cli/verify.h"

#define FINDINGS_SHOWN 20 /* of a version, for people */
#define NAMES_SHOWN    10

void verify_sum(const struct verify *v, struct verify_totals *t)
{
	*t = (struct verify_totals){0};
	for (size_t i = 0; i < v->count; i++) {
		const struct verify_item *item = &v->items[i];
		if (!item->done)
			continue;
		enum verify_state state = verify_state(&item->report);
		t->versions++;
		t->sound += state == VERIFY_SOUND;
		t->rotted += state == VERIFY_ROTTED;
		t->unknown += state == VERIFY_UNKNOWN;
		t->gone += state == VERIFY_GONE;
		t->files += item->report.files;
		t->bytes += item->report.bytes;
	}
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, "\"%s\":", key);
	strbuf_addjson(out, text, strlen(text));
}

void verify_add_json(const struct verify_item *item, struct strbuf *out)
{
	const struct verify_report *r = &item->report;

	add_text(out, "model", item->model);
	strbuf_addch(out, ',');
	add_text(out, "version", item->version);
	strbuf_addch(out, ',');
	add_text(out, "state", verify_state_name(verify_state(r)));
	strbuf_addf(out,
		",\"described\":%s,\"files\":%" PRIu64 ",\"bytes\":%" PRIu64
		",\"remembered\":%" PRIu64 ",\"dropped\":%zu,\"findings\":[",
		r->described ? "true" : "false", r->files, r->bytes, r->remembered, r->dropped);
	for (size_t i = 0; i < r->count; i++) {
		strbuf_addstr(out, i ? ",{" : "{");
		add_text(out, "kind", verify_kind_name(r->items[i].kind));
		strbuf_addch(out, ',');
		add_text(out, "path", r->items[i].path);
		strbuf_addch(out, ',');
		add_text(out, "text", r->items[i].text);
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static void print_findings(const struct verify_item *item)
{
	const struct verify_report *r = &item->report;
	size_t shown = r->count < FINDINGS_SHOWN ? r->count : FINDINGS_SHOWN;

	printf("%s %s: rotted\n", item->model, item->version);
	for (size_t i = 0; i < shown; i++) {
		AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
		/* A name on a disk may hold anything: it is shown as JSON would have it. */
		strbuf_addjson(&path, r->items[i].path, strlen(r->items[i].path));
		printf("  %s %s\n", path.data, r->items[i].text);
	}
	if (r->count + r->dropped > shown)
		printf("  and %zu more\n", r->count + r->dropped - shown);
	fflush(stdout);
}

void verify_print_item(struct verify *v, const struct verify_item *item)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (v->engine.o.json) {
		json_event_begin(&out, "version");
		strbuf_addch(&out, ',');
		verify_add_json(item, &out);
		json_event_end(&out);
		fputs(out.data, stdout);
		fflush(stdout);
	} else if (verify_state(&item->report) == VERIFY_ROTTED) {
		progress_erase(&v->progress);
		print_findings(item);
	}
}

/* The versions that nothing is known of, the first by name. */
static void print_unknown(const struct verify *v, size_t count)
{
	size_t shown = 0;

	if (!count)
		return;
	printf("%zu without " VERSION_MANIFEST ", which cannot be verified:", count);
	for (size_t i = 0; i < v->count && shown < NAMES_SHOWN; i++) {
		const struct verify_item *item = &v->items[i];
		if (!item->done || verify_state(&item->report) != VERIFY_UNKNOWN)
			continue;
		printf("%s %s %s", shown++ ? "," : "", item->model, item->version);
	}
	if (count > shown)
		printf(" and %zu more", count - shown);
	printf("\n");
}

static void print_text(const struct verify *v, const struct verify_totals *t)
{
	AUTO(strbuf_release) struct strbuf size = STRBUF_INIT;

	strbuf_addsize(&size, t->bytes);
	printf("%s: %zu of %zu versions read, %" PRIu64 " files, %s; %zu sound, %zu rotted\n",
		v->location.data, t->versions, v->count, t->files, size.data, t->sound,
		t->rotted);
	print_unknown(v, t->unknown);
	if (t->gone)
		printf("%zu removed meanwhile\n", t->gone);
	if (t->rotted)
		printf("What rotted does not mend: take the version away, and publish it again "
		       "from its source,\nor from a host that has it whole "
		       "(fleet-status --verify tells).\n");
}

static void print_json(const struct verify *v, const struct verify_totals *t, int exit_code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	json_event_begin(&out, "verify_store");
	json_event_text(&out, "store", v->location.data);
	strbuf_addf(&out,
		",\"exit_code\":%d,\"versions\":%zu,\"sound\":%zu,\"rotted\":%zu,"
		"\"unverifiable\":%zu,\"gone\":%zu,\"left\":%zu,\"files\":%" PRIu64
		",\"bytes\":%" PRIu64,
		exit_code, t->versions, t->sound, t->rotted, t->unknown, t->gone,
		v->count - t->versions, t->files, t->bytes);
	json_event_end(&out);
	fputs(out.data, stdout);
}

void verify_print_end(const struct verify *v, int exit_code)
{
	struct verify_totals t;

	verify_sum(v, &t);
	if (v->engine.o.json)
		print_json(v, &t, exit_code);
	else
		print_text(v, &t);
}
