/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include "base/vec.h"

struct line {
	const char *text;
	size_t len; /* without the newline */
	bool ended; /* by a newline */
	bool edited;
};

struct lines {
	struct line *items;
	size_t count, cap;
};

/* The stretch of both texts that is neither a common beginning nor a common end. */
struct middle {
	struct line *a, *b;
	int n, m;
};

static void split(const struct diff_text *t, struct lines *out)
{
	const char *at = t->text, *end = t->text + t->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		*VEC_PUSH(out) =
			(struct line){.text = at, .len = len, .ended = newline != NULL};
		at += len + 1;
	}
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && a->ended == b->ended &&
	       memcmp(a->text, b->text, a->len) == 0;
}

/* Leaves out what both texts begin and end with: most edits touch few lines. */
static void trim(struct lines *a, struct lines *b, struct middle *out)
{
	size_t start = 0, a_end = a->count, b_end = b->count;

	while (start < a_end && start < b_end && same(&a->items[start], &b->items[start]))
		start++;
	while (a_end > start && b_end > start &&
		same(&a->items[a_end - 1], &b->items[b_end - 1])) {
		a_end--;
		b_end--;
	}
	*out = (struct middle){
		a->items + start, b->items + start, (int)(a_end - start), (int)(b_end - start)};
}

static void mark_all(const struct middle *x)
{
	for (int i = 0; i < x->n; i++)
		x->a[i].edited = true;
	for (int i = 0; i < x->m; i++)
		x->b[i].edited = true;
}

/*
 * The furthest points that d edits reach, for every d: reach[d][k + d] is the x on diagonal k
 * = x - y.
 */
struct reach {
	int *rows[DIFF_EDITS_MAX + 1];
};

static bool steps_down(const int *former, int d, int k)
{
	return k == -d || (k != d && former[k - 1 + d - 1] < former[k + 1 + d - 1]);
}

/* One more edit on each diagonal; true once the end of both texts is reached. */
static bool extend(const struct middle *x, struct reach *r, int d)
{
	int *row = r->rows[d] = xcalloc((size_t)(2 * d + 1), sizeof(int));

	for (int k = -d; k <= d; k += 2) {
		int at = 0;
		if (d > 0) {
			const int *former = r->rows[d - 1];
			at = steps_down(former, d, k) ? former[k + 1 + d - 1]
						      : former[k - 1 + d - 1] + 1;
		}
		while (at < x->n && at - k < x->m && same(&x->a[at], &x->b[at - k]))
			at++;
		row[k + d] = at;
		if (at >= x->n && at - k >= x->m)
			return true;
	}
	return false;
}

/* Goes back from the end and marks the lines of each edit. */
static void mark_edits(const struct middle *x, const struct reach *r, int d)
{
	int k = x->n - x->m;

	for (; d > 0; d--) {
		const int *former = r->rows[d - 1];
		if (steps_down(former, d, k)) {
			k++;
			x->b[former[k + d - 1] - k].edited = true;
		} else {
			k--;
			x->a[former[k + d - 1]].edited = true;
		}
	}
}

static void find_edits(const struct middle *x)
{
	struct reach r = {0};
	int d = 0;

	while (d <= DIFF_EDITS_MAX && !extend(x, &r, d))
		d++;
	if (d <= DIFF_EDITS_MAX)
		mark_edits(x, &r, d);
	else
		mark_all(x);
	for (int i = 0; i <= DIFF_EDITS_MAX; i++)
		free(r.rows[i]);
}

/* ---- printing ---- */

struct printer {
	const struct lines *a, *b;
	bool color;
	struct strbuf *out;
};

static void add_line(
	const struct printer *p, char mark, const char *color, const char *text, size_t n)
{
	if (p->color && color)
		strbuf_addf(p->out, "\033[%sm", color);
	if (mark)
		strbuf_addch(p->out, mark);
	strbuf_add(p->out, text, n);
	strbuf_addstr(p->out, p->color && color ? "\033[0m\n" : "\n");
}

static void add_text_line(const struct printer *p, char mark, const struct line *l)
{
	const char *color = mark == '+' ? "0;32" : mark == '-' ? "0;31" : NULL;
	static const char note[] = "\\ No newline at end of file";

	add_line(p, mark, color, l->text, l->len);
	if (!l->ended)
		add_line(p, 0, NULL, note, sizeof(note) - 1);
}

/* A range as unified diffs write it: lines count from 1, an empty one stands behind a line. */
static void add_range(struct strbuf *out, size_t start, size_t count)
{
	if (count == 1)
		strbuf_addf(out, "%zu", start + 1);
	else
		strbuf_addf(out, "%zu,%zu", count ? start + 1 : start, count);
}

struct position {
	size_t a, b;
};

static bool edited_at(const struct printer *p, struct position at)
{
	return (at.a < p->a->count && p->a->items[at.a].edited) ||
	       (at.b < p->b->count && p->b->items[at.b].edited);
}

static bool at_end(const struct printer *p, struct position at)
{
	return at.a >= p->a->count && at.b >= p->b->count;
}

/* Moves over one edited line of either text, or one line of both. */
static void step(const struct printer *p, struct position *at)
{
	if (at->a < p->a->count && p->a->items[at->a].edited) {
		at->a++;
	} else if (at->b < p->b->count && p->b->items[at->b].edited) {
		at->b++;
	} else {
		at->a++;
		at->b++;
	}
}

/* The end of a hunk: where more equal lines follow than two contexts take. */
static struct position hunk_end(const struct printer *p, struct position at)
{
	struct position end = at;
	unsigned equal = 0;

	while (!at_end(p, at) && equal <= 2 * DIFF_CONTEXT) {
		bool edited = edited_at(p, at);
		step(p, &at);
		equal = edited ? 0 : equal + 1;
		if (equal <= DIFF_CONTEXT)
			end = at;
	}
	return end;
}

static void add_hunk(const struct printer *p, struct position from, struct position to)
{
	AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;

	strbuf_addstr(&head, "@@ -");
	add_range(&head, from.a, to.a - from.a);
	strbuf_addstr(&head, " +");
	add_range(&head, from.b, to.b - from.b);
	strbuf_addstr(&head, " @@");
	add_line(p, 0, "0;36", head.data, head.len);
	for (struct position at = from; at.a < to.a || at.b < to.b; step(p, &at)) {
		if (at.a < to.a && p->a->items[at.a].edited)
			add_text_line(p, '-', &p->a->items[at.a]);
		else if (at.b < to.b && p->b->items[at.b].edited)
			add_text_line(p, '+', &p->b->items[at.b]);
		else
			add_text_line(p, ' ', &p->a->items[at.a]);
	}
}

static size_t back(size_t at)
{
	return at < DIFF_CONTEXT ? 0 : at - DIFF_CONTEXT;
}

static void add_hunks(const struct printer *p)
{
	struct position at = {0, 0};

	while (!at_end(p, at)) {
		if (!edited_at(p, at)) {
			step(p, &at);
			continue;
		}
		size_t context = at.a - back(at.a);
		struct position from = {at.a - context, at.b - context};
		at = hunk_end(p, at);
		add_hunk(p, from, at);
	}
}

bool diff_unified(const struct diff_text *before, const struct diff_text *after, bool color,
	struct strbuf *out)
{
	struct lines a = {0}, b = {0};
	struct printer p = {.a = &a, .b = &b, .color = color, .out = out};
	struct middle middle;

	split(before, &a);
	split(after, &b);
	trim(&a, &b, &middle);
	bool differ = middle.n > 0 || middle.m > 0;
	if (differ) {
		find_edits(&middle);
		AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;
		strbuf_addf(&head, "--- %s", before->name);
		add_line(&p, 0, "0;31", head.data, head.len);
		strbuf_clear(&head);
		strbuf_addf(&head, "+++ %s", after->name);
		add_line(&p, 0, "0;32", head.data, head.len);
		add_hunks(&p);
	}
	free(a.items);
	free(b.items);
	return differ;
}
