/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges in host names: "db[1:6]-node" names six hosts, "[a:f]" goes through letters,
 * "[01:10:2]" keeps leading zeros and goes in steps. Several ranges multiply, the first
 * outermost.
 */
#include "inventory/pattern.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* One range of a name, taken apart. */
struct range {
	bool letters; /* begin and end are positions in LETTERS */
	int64_t begin;
	int64_t end; /* included */
	int64_t step;
	int width; /* zeros are put in front up to it */
};

/* The position of a letter (or of letters side by side, as Ansible accepts), or -1. */
static int64_t letter_position(const char *s)
{
	const char *found = *s ? strstr(LETTERS, s) : NULL;

	return found ? found - LETTERS : -1;
}

static int range_bounds(struct range *r, const char *begin, const char *end, struct err *err)
{
	int64_t first = letter_position(begin), last = letter_position(end);

	if (first >= 0 && last >= 0) {
		if (first > last)
			return err_set(err, ERR_INPUT, "a range must begin before it ends");
		r->letters = true;
		r->begin = first;
		r->end = last;
		return 0;
	}
	if (!parse_int(begin, INT32_MIN, INT32_MAX, &r->begin) ||
		!parse_int(end, INT32_MIN, INT32_MAX, &r->end))
		return err_set(err, ERR_INPUT,
			"range [%s:%s] must have two numbers or two letters", begin, end);
	if (begin[0] == '0' && begin[1] != '\0') {
		if (strlen(begin) != strlen(end))
			return err_set(err, ERR_INPUT,
				"range [%s:%s] must have begin and end of equal length", begin,
				end);
		r->width = (int)strlen(begin);
	}
	return 0;
}

/* Takes apart what stands between the brackets. */
static int range_parse(struct range *r, const char *text, struct err *err)
{
	autofree char *copy = xstrdup(text);
	char *end = strchr(copy, ':'), *step = end ? strchr(end + 1, ':') : NULL;

	*r = (struct range){.step = 1};
	if (!end || (step && strchr(step + 1, ':')))
		return err_set(err, ERR_INPUT,
			"range [%s] must be [begin:end] or [begin:end:step]", text);
	*end++ = '\0';
	if (step)
		*step++ = '\0';
	if (!*end)
		return err_set(err, ERR_INPUT, "range [%s] must have an end", text);
	if (step && (!parse_int(step, INT32_MIN, INT32_MAX, &r->step) || r->step == 0))
		return err_set(
			err, ERR_INPUT, "range [%s] must have a number as its step", text);
	return range_bounds(r, *copy ? copy : "0", end, err);
}

static void range_add(const struct range *r, int64_t i, struct strbuf *out)
{
	if (r->letters)
		strbuf_addch(out, LETTERS[i]);
	else
		strbuf_addf(out, "%0*lld", r->width, (long long)i);
}

/* Where names go. Steps are counted too: empty ranges inside others give no names. */
#define RANGE_MAX_STEPS 1000000
struct expansion {
	struct strlist *out;
	size_t max;
	size_t steps;
	struct err *err;
};

static int expand_add(struct expansion *x, const char *name)
{
	if (x->out->count >= x->max)
		return err_set(x->err, ERR_LIMIT, "a range names more than %zu hosts", x->max);
	strlist_add(x->out, name);
	return 0;
}

/* Does "head[range]tail" for every member, then what ranges the tail has. */
static int expand_first(struct expansion *x, const char *text)
{
	const char *open = strchr(text, '[');
	const char *close = open ? strchr(text, ']') : NULL;
	struct range r;

	if (!open)
		return expand_add(x, text);
	if (!close || close < open || strchr(text, '|'))
		return err_set(x->err, ERR_INPUT, "brackets in '%.200s' do not match", text);
	autofree char *inside = xstrndup(open + 1, (size_t)(close - open) - 1);
	if (range_parse(&r, inside, x->err) < 0)
		return -1;
	for (int64_t i = r.begin; r.step > 0 ? i <= r.end : i > r.end + 1; i += r.step) {
		AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;
		if (++x->steps > RANGE_MAX_STEPS)
			return err_set(
				x->err, ERR_LIMIT, "ranges of '%.200s' are too large", text);
		strbuf_add(&name, text, (size_t)(open - text));
		range_add(&r, i, &name);
		strbuf_addstr(&name, close + 1);
		if (expand_first(x, name.data) < 0)
			return -1;
	}
	return 0;
}

#define RANGE_MAX_TEXT 1024

int range_expand(const char *text, size_t max, struct strlist *out, struct err *err)
{
	struct expansion x = {.out = out, .max = max, .err = err};

	if (strchr(text, '[') && strlen(text) > RANGE_MAX_TEXT)
		return err_set(
			err, ERR_LIMIT, "a host range is longer than %d bytes", RANGE_MAX_TEXT);
	return expand_first(&x, text);
}
