/* SPDX-License-Identifier: Apache-2.0 */
#include "text/glob.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* Text that is read from the front. */
struct slice {
	const char *p;
	const char *end;
};

/* Takes a character. What is not UTF-8 is a byte of its own, beyond all characters. */
static uint32_t take(struct slice *s)
{
	size_t len;
	uint32_t c = utf8_decode(s->p, (size_t)(s->end - s->p), &len);

	if (!utf8_len(s->p, (size_t)(s->end - s->p)))
		c = 0x110000 + (uint8_t)*s->p;
	s->p += len;
	return c;
}

/* The bracket that closes a set whose content begins at p; NULL if there is none. */
static const char *set_end(const char *p, const char *end)
{
	if (p < end && *p == '!')
		p++;
	if (p < end && *p == ']')
		p++;
	return p < end ? memchr(p, ']', (size_t)(end - p)) : NULL;
}

/* True if a set's content has c. A range whose ends are the wrong way round is empty. */
static bool set_has(struct slice set, uint32_t c)
{
	bool negated = set.p < set.end && *set.p == '!', found = false;

	set.p += negated;
	while (set.p < set.end) {
		uint32_t low = take(&set), high = low;

		if (set.end - set.p >= 2 && *set.p == '-') {
			set.p++;
			high = take(&set);
		}
		found = found || (c >= low && c <= high);
	}
	return found != negated;
}

/* Matches one character of text against what stands first in the pattern, other than a star. */
static bool match_one(struct slice *pattern, struct slice *text)
{
	uint32_t c = take(text), want = take(pattern);

	if (want == '?')
		return true;
	const char *close = want == '[' ? set_end(pattern->p, pattern->end) : NULL;
	if (!close)
		return want == c;
	struct slice set = {pattern->p, close};
	pattern->p = close + 1;
	return set_has(set, c);
}

bool glob_match_n(const char *pattern, size_t pattern_len, const char *text, size_t len)
{
	struct slice p = {pattern, pattern + pattern_len}, t = {text, text + len};
	struct slice star = {NULL, NULL}, retry = {NULL, NULL};

	for (;;) {
		if (p.p < p.end && *p.p == '*') {
			p.p++;
			star = p;
			retry = t;
			continue;
		}
		if (t.p == t.end && p.p == p.end)
			return true;
		if (t.p < t.end && p.p < p.end && match_one(&p, &t))
			continue;
		/* The last star takes one character more; earlier ones need never be asked. */
		if (!star.p || retry.p == retry.end)
			return false;
		take(&retry);
		t = retry;
		p = star;
	}
}

bool glob_match(const char *pattern, const char *text)
{
	return glob_match_n(pattern, strlen(pattern), text, strlen(text));
}

bool glob_is_pattern(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

bool glob_sets_closed(const char *pattern, size_t n)
{
	const char *end = pattern + n;

	for (const char *p = pattern; (p = memchr(p, '[', (size_t)(end - p)));) {
		p = set_end(p + 1, end);
		if (!p)
			return false;
	}
	return true;
}
