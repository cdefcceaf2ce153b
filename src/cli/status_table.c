/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of hosts and models. Each host is made into a block of lines; hosts whose blocks
 * read the same are shown as one, so that a fleet of hundreds fits a screen. What differs from
 * host to host without mattering (times, sizes) is therefore no part of a block.
 */
#include "base/strmap.h"
#include "cli/play_text.h"
#include "cli/show.h"
#include "cli/status.h"

#define COLUMNS   6
#define MODEL_MAX 26 /* characters of a model's name that the others make room for */
#define NAMES_MAX 8  /* hosts of a block that are named */

static const char *const heads[COLUMNS] = {"MODEL", "WANTED", "ON HOST", "RUNS", "BY", "STATE"};

struct table {
	const struct status *status;
	const struct status_page *page;
	size_t rows; /* of models, in all */
	unsigned widths[COLUMNS];
	struct strmap groups[STATUS_STATES]; /* of struct alike, by their block */
};

/* Hosts with the same block. */
struct alike {
	struct strlist names;
	char *block; /* of the first */
};

/* ---- cells ---- */

static const char *runs_text(const struct status_model *m, char out[32])
{
	if (m->runs.count <= 1)
		return m->runs.count ? m->runs.items[0] : "-";
	snprintf(out, 32, "%zu", m->runs.count);
	return out;
}

static void state_text(const struct status_model *m, struct strbuf *out)
{
	strbuf_addstr(out, status_model_word(m));
	if (m->result && m->result->outcome == SYNC_DRIFTED && m->result->drift)
		strbuf_addf(out, " %u", m->result->drift);
}

static void widen(struct table *t, size_t column, size_t n)
{
	if (n > t->widths[column])
		t->widths[column] = (unsigned)n;
}

static void measure(struct table *t)
{
	for (size_t c = 0; c < COLUMNS; c++)
		widen(t, c, strlen(heads[c]));
	for (size_t i = 0; i < t->status->count; i++) {
		const struct status_host *h = &t->status->hosts[i];
		t->rows += h->rows.count;
		for (size_t k = 0; k < h->rows.count; k++) {
			const struct status_model *m = &h->rows.items[k];
			size_t n = strlen(m->model);
			char runs[32];
			widen(t, 0, n < MODEL_MAX ? n : MODEL_MAX);
			widen(t, 1, strlen(m->wanted));
			widen(t, 2, m->there ? strlen(m->there) : 0);
			widen(t, 3, strlen(runs_text(m, runs)));
			widen(t, 4, strlen(status_known_word(m->known)));
		}
	}
}

static void add_cells(
	const struct table *t, const char *const cells[COLUMNS], struct strbuf *out)
{
	strbuf_addstr(out, "  ");
	for (size_t c = 0; c + 1 < COLUMNS; c++)
		strbuf_addf(out, "%-*s  ", (int)t->widths[c], cells[c]);
	strbuf_addstr(out, cells[COLUMNS - 1]);
	strbuf_addch(out, '\n');
}

/* ---- the lines of a host ---- */

static void add_model(const struct table *t, const struct status_model *m, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf state = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf there = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf painted = STRBUF_INIT;
	char runs[32];

	state_text(m, &state);
	status_add_clean(&there, m->there ? m->there : "-");
	cli_paint(&painted, status_model_fine(m) ? PLAY_OK : PLAY_CHANGED, state.data);
	add_cells(t,
		(const char *const[]){m->model, m->wanted, there.data, runs_text(m, runs),
			status_known_word(m->known), painted.data},
		out);
	for (size_t i = 0; m->runs.count > 1 && i < m->runs.count; i++)
		strbuf_addf(out, "      runs %s\n", m->runs.items[i]);
	for (size_t i = 0; m->result && i < m->result->drifted.count; i++) {
		strbuf_addstr(out, "      ");
		status_add_clean(out, m->result->drifted.items[i]);
		strbuf_addch(out, '\n');
	}
	if (m->result && m->result->err.code) {
		strbuf_addstr(out, "      ");
		status_add_clean(out, m->result->err.text);
		strbuf_addch(out, '\n');
	}
}

static void add_models(const struct table *t, const struct status_host *h, struct strbuf *out)
{
	bool whole = t->page->all || status_of(h) == STATUS_AS_WANTED;
	size_t hidden = 0;

	for (size_t i = 0; i < h->rows.count; i++) {
		const struct status_model *m = &h->rows.items[i];
		if (whole || !status_model_fine(m))
			add_model(t, m, out);
		else
			hidden++;
	}
	if (hidden)
		strbuf_addf(out, "  %zu %smodel%s as wanted\n", hidden,
			hidden < h->rows.count ? "other " : "", hidden == 1 ? "" : "s");
}

static void add_services(const struct status_host *h, struct strbuf *out)
{
	for (size_t i = 0; i < h->services.count; i++) {
		const struct status_service *s = &h->services.items[i];
		AUTO(strbuf_release) struct strbuf state = STRBUF_INIT;
		status_add_clean(&state, *s->active ? s->active : "unknown");
		if (*s->sub) {
			strbuf_addstr(&state, " (");
			status_add_clean(&state, s->sub);
			strbuf_addch(&state, ')');
		}
		strbuf_addf(out, "  service %s  ", s->name);
		cli_paint(out, s->healthy ? PLAY_OK : PLAY_FAILED, state.data);
		if (s->error) {
			strbuf_addstr(out, "  ");
			status_add_clean(out, s->error);
		}
		strbuf_addch(out, '\n');
	}
}

/* What an outcome says without its time, "at 2026-03-01T10:00:00Z: ". */
static const char *without_time(const char *outcome)
{
	const char *colon = str_starts(outcome, "at ") ? strstr(outcome, ": ") : NULL;

	return colon ? colon + 2 : outcome;
}

static void add_transaction(const struct status_transaction *t, struct strbuf *out)
{
	static const struct {
		const char *state, *text;
	} words[] = {
		{"armed", "changed by a run that has not confirmed it yet"},
		{"reverting", "was not taken back whole"},
		{"reverted", "went back"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_cmp0(t->state, words[i].state) != 0)
			continue;
		strbuf_addf(out, "  %s", words[i].text);
		if (t->outcome && *t->outcome) {
			strbuf_addstr(out, ": ");
			status_add_clean(out, without_time(t->outcome));
		}
		if (t->title && *t->title) {
			strbuf_addstr(out, " (");
			status_add_clean(out, t->title);
			strbuf_addch(out, ')');
		}
		strbuf_addch(out, '\n');
	}
}

/* Open ones, and the last one where that went back and the host is not what is wanted. */
static void add_transactions(const struct status_host *h, struct strbuf *out)
{
	const struct status_transaction *last = NULL;

	for (size_t i = 0; i < h->transactions.count; i++) {
		const struct status_transaction *t = &h->transactions.items[i];
		if (!last || t->created >= last->created)
			last = t;
	}
	for (size_t i = 0; i < h->transactions.count; i++) {
		const struct status_transaction *t = &h->transactions.items[i];
		if (str_cmp0(t->state, "reverted") != 0 ||
			(t == last && status_of(h) != STATUS_AS_WANTED))
			add_transaction(t, out);
	}
}

static void add_error(const struct err *err, struct strbuf *out)
{
	const char *remedy = show_remedy(err->code);

	strbuf_addstr(out, "  ");
	status_add_clean(out, err->text);
	strbuf_addch(out, '\n');
	if (remedy)
		strbuf_addf(out, "  %s\n", remedy);
}

static void add_block(const struct table *t, const struct status_host *h, struct strbuf *out)
{
	if (status_of(h) == STATUS_AWAY) {
		add_error(&h->err, out);
		return;
	}
	add_models(t, h, out);
	add_services(h, out);
	add_transactions(h, out);
	if (h->deploy_error && status_of(h) == STATUS_DIFFERS) {
		strbuf_addstr(out, "  its last deploy: ");
		status_add_clean(out, h->deploy_error);
		strbuf_addch(out, '\n');
	}
	for (size_t i = 0; i < h->problems.count; i++) {
		strbuf_addstr(out, "  ");
		status_add_clean(out, h->problems.items[i]);
		strbuf_addch(out, '\n');
	}
}

/* ---- groups ---- */

/*
 * Errors name the address that was tried, which is another for each host: hosts that fail alike
 * are found, and shown, with the word ADDRESS in its place.
 */
static void add_without_address(
	const struct status_host *h, const char *block, struct strbuf *out)
{
	const char *address = h->connection.link.address;
	size_t n = address ? strlen(address) : 0;

	for (const char *found; n && (found = strstr(block, address)); block = found + n) {
		strbuf_add(out, block, (size_t)(found - block));
		strbuf_addstr(out, "ADDRESS");
	}
	strbuf_addstr(out, block);
}

static void add_to_group(struct table *t, const struct status_host *h)
{
	AUTO(strbuf_release) struct strbuf block = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	struct strmap *groups = &t->groups[status_of(h)];

	add_block(t, h, &block);
	if (t->page->all) {
		status_add_details(h, t->page->now, &block);
		strbuf_addstr(&key, h->name);
	} else {
		add_without_address(h, block.data, &key);
	}
	struct alike *g = strmap_get(groups, key.data);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		strmap_set(groups, key.data, g);
		g->block = strbuf_detach(&block, NULL);
	}
	strlist_add(&g->names, h->name);
}

static void alike_free(void *value)
{
	struct alike *g = value;

	strlist_release(&g->names);
	free(g->block);
	free(g);
}

void status_add_names(const struct strlist *names, size_t max, struct strbuf *out)
{
	size_t shown = names->count <= max ? names->count : max;

	for (size_t i = 0; i < shown; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", names->items[i]);
	if (names->count > shown)
		strbuf_addf(out, " and %zu more", names->count - shown);
}

static void add_group(
	const struct alike *g, enum status_state state, const char *common, struct strbuf *out)
{
	static const struct {
		const char *one, *many, *color;
	} words[STATUS_STATES] = {
		[STATUS_AS_WANTED] = {"as wanted", "as wanted", PLAY_OK},
		[STATUS_DIFFERS] = {"differs", "differ", PLAY_CHANGED},
		[STATUS_AWAY] = {"away", "away", PLAY_FAILED},
	};
	size_t n = g->names.count;

	if (n > 1)
		strbuf_addf(out, "%zu hosts ", n);
	else
		strbuf_addf(out, "%s ", g->names.items[0]);
	cli_paint(out, words[state].color, n > 1 ? words[state].many : words[state].one);
	if (n > 1) {
		strbuf_addstr(out, ": ");
		status_add_names(&g->names, NAMES_MAX, out);
	}
	strbuf_addf(out, "\n%s", n > 1 ? common : g->block);
}

void status_add_table(
	const struct status *s, const struct status_page *page, struct strbuf *out)
{
	/* What needs a look stands last, next to the prompt. */
	struct table t = {.status = s, .page = page};

	measure(&t);
	for (size_t i = 0; i < s->count; i++)
		add_to_group(&t, &s->hosts[i]);
	if (t.rows)
		add_cells(&t, heads, out);
	for (int state = 0; state < STATUS_STATES; state++) {
		strmap_foreach (e, &t.groups[state])
			add_group(e->value, (enum status_state)state, e->key, out);
		strmap_release(&t.groups[state], alike_free);
	}
}
