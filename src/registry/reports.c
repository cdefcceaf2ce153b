/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/reports.h"

#include <inttypes.h>

#include "base/path.h"
#include "base/vec.h"
#include "value/json.h"

#define DAY          86400
#define VERSIONS_MAX 100000       /* that one host may run, or have */
#define LAST_SECOND  253402300799 /* 9999-12-31T23:59:59Z */

/* ---- one host ---- */

static bool has_version(const struct strlist *l, const char *version, size_t *at)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(l->items[middle], version);
		if (order == 0) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

/* Adds to a sorted list what it does not have. */
static bool insert_version(struct strlist *l, const char *version)
{
	size_t at;

	if (has_version(l, version, &at))
		return false;
	strlist_add(l, version);
	char *added = l->items[l->count - 1];
	memmove(&l->items[at + 1], &l->items[at], (l->count - 1 - at) * sizeof(*l->items));
	l->items[at] = added;
	return true;
}

bool report_may_run(struct report *h, const char *model, const char *version)
{
	autofree char *name = xasprintf("%s/%s", model, version);

	return insert_version(&h->runs, name);
}

void report_not_runs(struct report *h, const char *model, const char *version)
{
	AUTO(strlist_release) struct strlist before = h->runs;
	autofree char *name = xasprintf("%s/%s", model, version);

	h->runs = (struct strlist){0};
	for (size_t i = 0; i < before.count; i++)
		if (strcmp(before.items[i], name) != 0)
			strlist_add(&h->runs, before.items[i]);
}

void report_runs(struct report *h, const char *model, const char *version)
{
	AUTO(strlist_release) struct strlist before = h->runs;
	autofree char *prefix = xasprintf("%s/", model);

	h->runs = (struct strlist){0};
	for (size_t i = 0; i < before.count; i++)
		if (!str_starts(before.items[i], prefix))
			strlist_add(&h->runs, before.items[i]);
	report_may_run(h, model, version);
}

void report_has(struct report *h, const struct strlist *there)
{
	strlist_release(&h->has);
	for (size_t i = 0; i < there->count; i++)
		strlist_add(&h->has, there->items[i]);
	strlist_sort(&h->has);
	h->has_known = true;
}

/* ---- all hosts ---- */

struct report *reports_find(const struct reports *r, const char *host)
{
	return strmap_get(&r->by_host, host);
}

struct report *reports_of(struct reports *r, const char *host)
{
	struct report *h = reports_find(r, host);

	if (h)
		return h;
	h = ARENA_NEW(&r->arena, struct report);
	h->host = arena_strdup(&r->arena, host);
	strmap_set(&r->by_host, host, h);
	return h;
}

static void release_report(void *report)
{
	struct report *h = report;

	strlist_release(&h->runs);
	strlist_release(&h->has);
}

void reports_release(struct reports *r)
{
	strmap_release(&r->by_host, release_report);
	arena_release(&r->arena);
	*r = (struct reports){0};
}

void reports_stamp(struct reports *r, struct report *h, const char *run, time_t now)
{
	h->time = now;
	if (str_cmp0(h->run, run) != 0)
		h->run = arena_strdup(&r->arena, run);
}

void reports_forget(struct reports *r, const struct inventory *inventory, time_t now)
{
	struct strmap kept = {0};

	strmap_foreach (e, &r->by_host) {
		const struct report *h = e->value;
		if (inventory_host(inventory, e->key) ||
			h->time > now - (time_t)REPORT_DAYS_MAX * DAY)
			strmap_set(&kept, e->key, e->value);
		else
			release_report(e->value);
	}
	strmap_release(&r->by_host, NULL);
	r->by_host = kept;
}

size_t reports_count(const struct reports *r, const char *model, const char *version)
{
	autofree char *name = xasprintf("%s/%s", model, version);
	size_t count = 0, at;

	strmap_foreach (e, &r->by_host)
		count += has_version(&((const struct report *)e->value)->runs, name, &at);
	return count;
}

/* ---- reading ---- */

/* Where in the file the reader stands, for messages. */
struct report_reader {
	struct reports *reports;
	const char *file;
	struct err *err;
};

static int expected(const struct report_reader *r, const struct value *found, const char *host,
	const char *what)
{
	return err_set(r->err, ERR_INPUT, "%s: host %s: found %s, expected %s", r->file, host,
		found ? value_kind_name(found) : "nothing", what);
}

/* {"MODEL": ["VERSION", ...]} into "MODEL/VERSION". */
static int read_versions(
	struct report_reader *r, const char *host, const struct value *v, struct strlist *out)
{
	if (!v || v->kind != VALUE_DICT)
		return expected(r, v, host, "a mapping of models to lists of versions");
	value_dict_foreach (p, v) {
		const char *model = value_text(p->key);
		if (!model || !path_is_component(model) || p->value->kind != VALUE_LIST)
			return expected(r, p->value, host, "a model's list of versions");
		value_list_foreach (item, p->value) {
			const char *version = value_text(item);
			if (!version || !clock_is_date(version))
				return expected(r, item, host, "a version, YYYY-MM-DD");
			if (out->count >= VERSIONS_MAX)
				return err_set(r->err, ERR_LIMIT,
					"%s: host %s has more than %d versions", r->file, host,
					VERSIONS_MAX);
			strlist_addf(out, "%s/%s", model, version);
		}
	}
	strlist_sort(out);
	return 0;
}

static int read_host(struct report_reader *r, const char *host, const struct value *v)
{
	const struct value *run = value_dict_get(v, "run");
	const struct value *has = value_dict_get(v, "has");
	const char *time = value_text(value_dict_get(v, "time"));

	if (!host || !*host || v->kind != VALUE_DICT)
		return expected(r, v, host ? host : "?", "a host's report");
	struct report *h = reports_of(r->reports, host);
	/* Beyond these years there is no such text. */
	if (!time || !clock_parse_rfc3339(time, &h->time) || h->time < 0 ||
		h->time > LAST_SECOND)
		return expected(r, value_dict_get(v, "time"), host, "a time in `time`");
	if (run && !value_is_string(run))
		return expected(r, run, host, "a run's name in `run`");
	h->run = arena_strdup(&r->reports->arena, value_text(run));
	h->has_known = has != NULL;
	if (has && read_versions(r, host, has, &h->has) < 0)
		return -1;
	return read_versions(r, host, value_dict_get(v, "runs"), &h->runs);
}

static int read_all(struct report_reader *r, const struct value *v)
{
	const struct value *format = value_dict_get(v, "format");
	const struct value *hosts = value_dict_get(v, "hosts");

	if (!format || format->kind != VALUE_INT || !hosts || hosts->kind != VALUE_DICT)
		return err_set(r->err, ERR_INPUT,
			"%s: expected the hosts' reports, with `format` and `hosts`", r->file);
	if (format->integer != REPORTS_FORMAT)
		return err_set(r->err, ERR_UNSUPPORTED,
			"%s has format %" PRId64 ", and this program knows %d; use the "
			"modelfleet "
			"that wrote it, or a later one",
			r->file, format->integer, REPORTS_FORMAT);
	if (hosts->pair_count > REPORT_HOSTS_MAX)
		return err_set(r->err, ERR_LIMIT, "%s has more than %d hosts", r->file,
			REPORT_HOSTS_MAX);
	value_dict_foreach (p, hosts)
		if (read_host(r, value_text(p->key), p->value) < 0)
			return -1;
	return 0;
}

int reports_parse(
	struct reports *r, const char *name, const char *text, size_t n, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags doubles = {0};
	const struct json_options options = {.duplicates_are_errors = true,
		.max_bytes = STORE_NOTE_MAX,
		.strict_numbers = true,
		.unsafe = true};
	struct report_reader reader = {.reports = r, .file = name, .err = err};

	*r = (struct reports){0};
	const struct value *v = json_read(&arena, text, n, name, &options, &doubles, err);
	if (!v)
		return -1;
	if (doubles.errors)
		return err_set(err, ERR_INPUT, "%s: %s", name, doubles.items[0].text);
	if (read_all(&reader, v) == 0)
		return 0;
	reports_release(r);
	return -1;
}

int reports_load(struct reports *r, struct store *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *name = xasprintf("%s/%s/%s", s->location, STORE_FLEET_DIR, REPORTS_NOTE);
	struct err why = {0};

	*r = (struct reports){0};
	if (store_read_note(s, REPORTS_NOTE, &text, &why) == 0)
		return reports_parse(r, name, text.data, text.len, err);
	if (why.code == ERR_NOTFOUND)
		return 0;
	if (err)
		*err = why;
	return -1;
}

/* ---- writing ---- */

static void print_key(struct strbuf *out, const char *key, size_t n)
{
	strbuf_addjson(out, key, n);
	strbuf_addstr(out, ": ");
}

/* A sorted list of "MODEL/VERSION" as {"MODEL": ["VERSION", ...]}. */
static void print_versions(struct strbuf *out, const struct strlist *l)
{
	const char *before = "";
	size_t length = 0;

	strbuf_addch(out, '{');
	for (size_t i = 0; i < l->count; i++) {
		const char *item = l->items[i], *slash = strrchr(item, '/');
		size_t n = (size_t)(slash - item);
		bool same = i && n == length && memcmp(before, item, n) == 0;
		strbuf_addstr(out, same ? ", " : i ? "], " : "");
		if (!same) {
			print_key(out, item, n);
			strbuf_addch(out, '[');
		}
		strbuf_addjson(out, slash + 1, strlen(slash + 1));
		before = item;
		length = n;
	}
	strbuf_addstr(out, l->count ? "]}" : "}");
}

static void print_host(struct strbuf *out, const struct report *h)
{
	char time[32];

	clock_rfc3339(h->time, time);
	print_key(out, h->host, strlen(h->host));
	strbuf_addf(out, "{\"time\": \"%s\"", time);
	if (h->run) {
		strbuf_addstr(out, ", \"run\": ");
		strbuf_addjson(out, h->run, strlen(h->run));
	}
	strbuf_addstr(out, ", \"runs\": ");
	print_versions(out, &h->runs);
	if (h->has_known) {
		strbuf_addstr(out, ", \"has\": ");
		print_versions(out, &h->has);
	}
	strbuf_addch(out, '}');
}

static int by_name(const void *a, const void *b)
{
	const struct report *const *x = a, *const *y = b;

	return strcmp((*x)->host, (*y)->host);
}

void reports_print(const struct reports *r, struct strbuf *out)
{
	autofree const struct report **hosts =
		xcalloc(r->by_host.count, sizeof(const struct report *));
	size_t count = 0;

	strmap_foreach (e, &r->by_host)
		hosts[count++] = e->value;
	qsort(hosts, count, sizeof(*hosts), by_name);
	strbuf_addf(out, "{\"format\": %d, \"hosts\": {", REPORTS_FORMAT);
	for (size_t i = 0; i < count; i++) {
		strbuf_addstr(out, i ? ",\n" : "\n");
		print_host(out, hosts[i]);
	}
	strbuf_addstr(out, "}}\n");
}

int reports_save(const struct reports *r, struct store *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	reports_print(r, &text);
	return store_write_note(s, REPORTS_NOTE, text.data, text.len, err);
}
