/* SPDX-License-Identifier: Apache-2.0 */
/* What fleet-status says. */
#include "cli/play_text.h"
#include "cli/show.h"
#include "cli/status.h"

#define COLUMNS 5

const char *status_model_word(const struct sync_result *r)
{
	switch (r->outcome) {
	case SYNC_CURRENT: return "ok";
	case SYNC_DRIFTED: return "drifted";
	case SYNC_SENT: return "absent";
	case SYNC_REPAIRED: return "differs";
	default: return "unknown";
	}
}

void status_add_versions(const struct status_host *h, const char *model, const char *separator,
	struct strbuf *out)
{
	size_t n = strlen(model), start = out->len;

	for (size_t i = h->there.count; i-- > 0;) {
		const char *path = h->there.items[i];
		if (strncmp(path, model, n) != 0 || path[n] != '/')
			continue;
		strbuf_addf(out, "%s%s", out->len > start ? separator : "", path + n + 1);
	}
}

/* ---- the table ---- */

struct row {
	char *cells[COLUMNS];
	const char *color; /* of the last cell */
};

struct table {
	struct row *items;
	size_t count, cap;
};

static struct row *add_row(struct table *t, const char *host)
{
	struct row *r = VEC_PUSH(t);

	*r = (struct row){.cells = {xstrdup(host)}, .color = PLAY_OK};
	return r;
}

static void add_model_row(struct table *t, const struct status_host *h, size_t i)
{
	AUTO(strbuf_release) struct strbuf there = STRBUF_INIT;
	const struct sync_result *r = &h->report.results[i];
	struct row *row = add_row(t, i == 0 ? h->name : "");

	status_add_versions(h, r->model, ", ", &there);
	row->cells[1] = xstrdup(r->model);
	row->cells[2] = xstrdup(r->version);
	row->cells[3] = xstrdup(there.len ? there.data : "-");
	row->cells[4] = r->drift ? xasprintf("%s, %u file%s", status_model_word(r), r->drift,
					   r->drift == 1 ? "" : "s")
				 : xstrdup(status_model_word(r));
	row->color = r->outcome == SYNC_CURRENT ? PLAY_OK : PLAY_CHANGED;
}

static void add_service_row(struct table *t, const struct status_service *s)
{
	struct row *row = add_row(t, "");

	row->cells[1] = xasprintf("service %s", s->name);
	row->cells[4] = !*s->active ? xstrdup("unknown")
			: *s->sub   ? xasprintf("%s (%s)", s->active, s->sub)
				    : xstrdup(s->active);
	row->color = s->healthy ? PLAY_OK : PLAY_FAILED;
}

static void add_host_rows(struct table *t, const struct status_host *h)
{
	if (status_of(h) == STATUS_AWAY) {
		struct row *row = add_row(t, h->name);
		row->cells[4] = xstrdup(h->reached ? "failed" : "away");
		row->color = PLAY_FAILED;
		return;
	}
	for (size_t i = 0; i < h->report.count; i++)
		add_model_row(t, h, i);
	for (size_t i = 0; i < h->services.count; i++)
		add_service_row(t, &h->services.items[i]);
}

static void print_table(const struct table *t)
{
	static const char *const heads[COLUMNS] = {
		"HOST", "MODEL", "WANTED", "ON THE HOST", "STATE"};
	size_t widths[COLUMNS];

	for (size_t c = 0; c < COLUMNS; c++) {
		widths[c] = strlen(heads[c]);
		for (size_t i = 0; i < t->count; i++) {
			const char *cell = t->items[i].cells[c];
			if (cell && strlen(cell) > widths[c])
				widths[c] = strlen(cell);
		}
	}
	for (size_t c = 0; c < COLUMNS; c++)
		printf("%-*s%s", c + 1 < COLUMNS ? (int)widths[c] : 0, heads[c],
			c + 1 < COLUMNS ? "  " : "\n");
	for (size_t i = 0; i < t->count; i++) {
		AUTO(strbuf_release) struct strbuf state = STRBUF_INIT;
		const struct row *r = &t->items[i];
		for (size_t c = 0; c + 1 < COLUMNS; c++)
			printf("%-*s  ", (int)widths[c], r->cells[c] ? r->cells[c] : "");
		cli_paint(&state, r->color, r->cells[COLUMNS - 1]);
		printf("%s\n", state.data);
	}
}

static void table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		for (size_t c = 0; c < COLUMNS; c++)
			free(t->items[i].cells[c]);
	free(t->items);
}

/* ---- what else there is to know of a host ---- */

static void print_transaction(const struct status_host *h, const struct status_transaction *t)
{
	char when[32] = "";

	/* A confirmed one only waits to be replaced by the next. */
	if (!t->state || strcmp(t->state, "confirmed") == 0)
		return;
	clock_rfc3339((time_t)t->created, when);
	printf("%s: transaction %s of %s is %s%s%s%s%s\n", h->name, t->id ? t->id : "?", when,
		t->state, t->outcome ? ": " : "", t->outcome ? t->outcome : "",
		t->title ? "; it was " : "", t->title ? t->title : "");
}

static void print_notes(const struct status_host *h)
{
	const char *remedy = h->err.code ? show_remedy(h->err.code) : NULL;

	if (h->deployed)
		printf("%s: last deployed %s: %s\n", h->name, h->deployed, h->deploy_outcome);
	if (h->err.code)
		printf("%s: %s%s%s\n", h->name, h->err.text, remedy ? "; " : "",
			remedy ? remedy : "");
	if (h->services_err.code)
		printf("%s: %s\n", h->name, h->services_err.text);
	for (size_t i = 0; i < h->report.count; i++)
		for (size_t k = 0; k < h->report.results[i].drifted.count; k++)
			printf("%s: %s: %s\n", h->name, h->report.results[i].model,
				h->report.results[i].drifted.items[k]);
	for (size_t i = 0; i < h->transactions.count; i++)
		print_transaction(h, &h->transactions.items[i]);
}

void status_print_text(const struct status *s)
{
	unsigned states[] = {0, 0, 0};
	struct table t = {0};

	for (size_t i = 0; i < s->count; i++) {
		add_host_rows(&t, &s->hosts[i]);
		states[status_of(&s->hosts[i])]++;
	}
	print_table(&t);
	table_release(&t);
	printf("\n");
	for (size_t i = 0; i < s->count; i++)
		print_notes(&s->hosts[i]);
	printf("%zu host%s: %u as wanted, %u differ, %u away\n", s->count,
		s->count == 1 ? "" : "s", states[STATUS_AS_WANTED], states[STATUS_DIFFERS],
		states[STATUS_AWAY]);
}
