/* SPDX-License-Identifier: Apache-2.0 */
#include "play/diff.h"

#include "base/strmap.h"

/* Edits beyond which a part is shown as replaced instead of searched for a shorter script. */
#define EDITS_MAX 512
#define NOWHERE   (-1L)

struct line {
	const char *text; /* with its newline */
	size_t len;
	uint64_t hash;
};

struct lines {
	struct line *items;
	bool *marked; /* removed, or added */
	long count;
};

/* The furthest x on each diagonal that d edits reach, for d up to EDITS_MAX, with one spare
 * diagonal on each side. */
struct reach {
	long x[2 * (EDITS_MAX + 2) + 1];
};
#define AT(reach, k) ((reach)->x[(k) + EDITS_MAX + 2])

struct search {
	struct lines *a, *b;
	struct reach *forward, *backward;
};

/* A part of both texts: lines [a0, a1) and [b0, b1). */
struct part {
	long a0, a1, b0, b1;
};

static void read_lines(struct lines *l, const char *text, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += text[i] == '\n';
	l->items = xcalloc(count + 1, sizeof(*l->items));
	l->marked = xcalloc(count + 1, sizeof(*l->marked));
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) + 1 - at : n - at;
		l->items[l->count++] = (struct line){
			.text = text + at, .len = len, .hash = str_hash(text + at, len)};
		at += len;
	}
}

static void lines_release(struct lines *l)
{
	free(l->items);
	free(l->marked);
}

static bool same(const struct search *s, long a, long b)
{
	const struct line *x = &s->a->items[a];
	const struct line *y = &s->b->items[b];

	return x->hash == y->hash && x->len == y->len && memcmp(x->text, y->text, x->len) == 0;
}

/* The furthest x on diagonal k after one more edit, from its neighbours; NOWHERE for none. */
static long step(const struct reach *r, long k, long n, long m)
{
	long right = AT(r, k - 1);
	long down = AT(r, k + 1);
	long x = NOWHERE;

	if (right != NOWHERE && right < n)
		x = right + 1;
	if (down != NOWHERE && down - k <= m && down > x)
		x = down;
	return x;
}

/* One round of the search from the front: true with the point where it meets the other. */
static bool forward(struct search *s, const struct part *p, long d, long *x, long *y)
{
	long n = p->a1 - p->a0, m = p->b1 - p->b0, delta = n - m;

	for (long k = -d; k <= d; k += 2) {
		*x = step(s->forward, k, n, m);
		*y = *x - k;
		while (*x != NOWHERE && *x < n && *y < m && same(s, p->a0 + *x, p->b0 + *y)) {
			++*x;
			++*y;
		}
		AT(s->forward, k) = *x;
		long other = delta - k;
		if (*x != NOWHERE && (delta & 1) && labs(other) <= d - 1 &&
			AT(s->backward, other) != NOWHERE && *x + AT(s->backward, other) >= n)
			return true;
	}
	return false;
}

/* The same from the end; the point is told as seen from the front. */
static bool backward(struct search *s, const struct part *p, long d, long *x, long *y)
{
	long n = p->a1 - p->a0, m = p->b1 - p->b0, delta = n - m;

	for (long k = -d; k <= d; k += 2) {
		long u = step(s->backward, k, n, m);
		long v = u - k;
		while (u != NOWHERE && u < n && v < m &&
			same(s, p->a1 - 1 - u, p->b1 - 1 - v)) {
			u++;
			v++;
		}
		AT(s->backward, k) = u;
		long other = delta - k;
		*x = n - u;
		*y = m - v;
		if (u != NOWHERE && !(delta & 1) && labs(other) <= d &&
			AT(s->forward, other) != NOWHERE && u + AT(s->forward, other) >= n)
			return true;
	}
	return false;
}

/* A point in the middle of a shortest script; false when it is too long to look for. */
static bool find_middle(struct search *s, const struct part *p, long *x, long *y)
{
	AT(s->forward, 1) = AT(s->backward, 1) = 0;
	AT(s->forward, -1) = AT(s->backward, -1) = NOWHERE;
	for (long d = 0; d <= EDITS_MAX; d++) {
		if (d) {
			AT(s->forward, d + 1) = AT(s->backward, d + 1) = NOWHERE;
			AT(s->forward, -d - 1) = AT(s->backward, -d - 1) = NOWHERE;
		}
		if (forward(s, p, d, x, y) || backward(s, p, d, x, y))
			return true;
	}
	return false;
}

static void mark(struct lines *l, long from, long to)
{
	for (long i = from; i < to; i++)
		l->marked[i] = true;
}

static void compare(struct search *s, struct part p)
{
	long x, y;

	while (p.a0 < p.a1 && p.b0 < p.b1 && same(s, p.a0, p.b0)) {
		p.a0++;
		p.b0++;
	}
	while (p.a0 < p.a1 && p.b0 < p.b1 && same(s, p.a1 - 1, p.b1 - 1)) {
		p.a1--;
		p.b1--;
	}
	if (p.a0 == p.a1 || p.b0 == p.b1 || !find_middle(s, &p, &x, &y)) {
		mark(s->a, p.a0, p.a1);
		mark(s->b, p.b0, p.b1);
		return;
	}
	compare(s, (struct part){p.a0, p.a0 + x, p.b0, p.b0 + y});
	compare(s, (struct part){p.a0 + x, p.a1, p.b0 + y, p.b1});
}

/* ---- the text ---- */

static void add_line(struct strbuf *out, char sign, const struct line *l)
{
	strbuf_addch(out, sign);
	strbuf_add(out, l->text, l->len);
	if (l->text[l->len - 1] != '\n')
		strbuf_addstr(out, "\n\\ No newline at end of file\n");
}

static void add_range(struct strbuf *out, long from, long count)
{
	if (count == 1)
		strbuf_addf(out, "%ld", from + 1);
	else
		strbuf_addf(out, "%ld,%ld", count ? from + 1 : from, count);
}

/* Moves behind the lines that both have; at most `max` of them. Returns how many. */
static long skip_equal(const struct search *s, struct part *p, long max)
{
	long n = 0;

	while (n < max && p->a1 < s->a->count && p->b1 < s->b->count && !s->a->marked[p->a1] &&
		!s->b->marked[p->b1]) {
		p->a1++;
		p->b1++;
		n++;
	}
	return n;
}

static bool skip_edits(const struct search *s, struct part *p)
{
	long a = p->a1, b = p->b1;

	while (p->a1 < s->a->count && s->a->marked[p->a1])
		p->a1++;
	while (p->b1 < s->b->count && s->b->marked[p->b1])
		p->b1++;
	return p->a1 != a || p->b1 != b;
}

/* Extends a hunk that begins before an edit over all edits that are near enough. */
static void grow_hunk(const struct search *s, struct part *p)
{
	const long context = (long)DIFF_CONTEXT;

	while (skip_edits(s, p)) {
		struct part further = *p;
		long n = skip_equal(s, &further, 2 * context + 1);
		bool more = further.a1 < s->a->count || further.b1 < s->b->count;
		if (n <= 2 * context && more) {
			*p = further;
			continue;
		}
		skip_equal(s, p, context);
		return;
	}
}

static void add_hunk(const struct search *s, const struct part *p, struct strbuf *out)
{
	long a = p->a0, b = p->b0;

	strbuf_addstr(out, "@@ -");
	add_range(out, p->a0, p->a1 - p->a0);
	strbuf_addstr(out, " +");
	add_range(out, p->b0, p->b1 - p->b0);
	strbuf_addstr(out, " @@\n");
	while (a < p->a1 || b < p->b1) {
		if (a < p->a1 && s->a->marked[a]) {
			add_line(out, '-', &s->a->items[a++]);
		} else if (b < p->b1 && s->b->marked[b]) {
			add_line(out, '+', &s->b->items[b++]);
		} else {
			add_line(out, ' ', &s->a->items[a++]);
			b++;
		}
	}
}

static void add_hunks(const struct search *s, struct strbuf *out)
{
	const long context = (long)DIFF_CONTEXT;
	struct part p = {0};

	for (;;) {
		p.a0 = p.a1;
		p.b0 = p.b1;
		long n = skip_equal(s, &p, s->a->count);
		if (p.a1 == s->a->count && p.b1 == s->b->count)
			return;
		long before = n < context ? n : context;
		p.a0 = p.a1 - before;
		p.b0 = p.b1 - before;
		grow_hunk(s, &p);
		add_hunk(s, &p, out);
	}
}

static void add_header(
	struct strbuf *out, const char *sign, const char *side, const char *header)
{
	strbuf_addf(out, "%s %s%s%s\n", sign, side, header ? ": " : "", header ? header : "");
}

bool diff_unified(const char *before_header, const char *before, size_t before_len,
	const char *after_header, const char *after, size_t after_len, struct strbuf *out)
{
	if (before_len == after_len && memcmp(before, after, after_len) == 0)
		return false;
	AUTO(lines_release) struct lines a = {0};
	AUTO(lines_release) struct lines b = {0};
	autofree struct reach *reach = xcalloc(2, sizeof(*reach));
	struct search s = {.a = &a, .b = &b, .forward = reach, .backward = reach + 1};

	read_lines(&a, before, before_len);
	read_lines(&b, after, after_len);
	compare(&s, (struct part){0, a.count, 0, b.count});
	add_header(out, "---", "before", before_header);
	add_header(out, "+++", "after", after_header);
	add_hunks(&s, out);
	return true;
}
