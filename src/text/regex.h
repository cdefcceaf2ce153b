/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions with the meaning of Python's re module (3.11, str patterns), run by
 * PCRE2. A pattern is translated first: what Python refuses is refused with its offset, what
 * both write alike and mean differently (\Z, \v, {,n}, [[:x:]] ...) is rewritten.
 *
 * Known differences: \s does not match U+001C to U+001F, \N{name}, (?a:...) and
 * repeats beyond 65535 are refused.
 *
 * A hostile pattern cannot hang: matching stops with ERR_LIMIT after a bounded number of
 * steps. Offsets are in bytes. A compiled pattern may be used by many threads at once.
 */
#ifndef TEXT_REGEX_H
#define TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define REGEX_MAX_PATTERN 65536u      /* bytes of a pattern */
#define REGEX_MAX_GROUPS  250         /* groups of a pattern, the whole match not counted */
#define REGEX_MAX_OUTPUT  (64u << 20) /* bytes that regex_sub writes */
#define REGEX_MAX_SECONDS 10          /* for all matches of one iteration or substitution */

enum regex_flags {
	REGEX_IGNORECASE = 1, /* re.I */
	REGEX_MULTILINE = 2,  /* re.M */
	REGEX_DOTALL = 4,     /* re.S */
	REGEX_VERBOSE = 8,    /* re.X */
	REGEX_ASCII = 16,     /* re.A */
	REGEX_BYTES = 32, /* a bytes pattern: a character is a byte; only ASCII has a case */
};

enum regex_how {
	REGEX_SEARCH,    /* anywhere: re.search */
	REGEX_MATCH,     /* at the start: re.match */
	REGEX_FULLMATCH, /* all of the text: re.fullmatch */
};

struct regex;

/* Where a group matched: text[start, end); not set when the group took no part. */
struct regex_span {
	size_t start;
	size_t end;
	bool set;
};

/* A match: spans[0] is the whole, spans[1..groups] the groups. */
struct regex_result {
	unsigned groups;
	struct regex_span spans[REGEX_MAX_GROUPS + 1];
};

/*
 * Compiles a pattern. Returns NULL with err (ERR_INPUT with the offset, ERR_LIMIT). Free it
 * with regex_free, unless a cache owns it.
 */
struct regex *regex_compile(const char *pattern, size_t len, unsigned flags, struct err *err);
/* Frees a pattern; NULL is fine. */
void regex_free(struct regex *re);
/* Frees the pattern that a scope-bound variable holds: AUTO(regex_cleanup). */
void regex_cleanup(struct regex **re);

/* How many groups the pattern has. */
unsigned regex_group_count(const struct regex *re);
/* The number of a named group, or -1. */
int regex_group_number(const struct regex *re, const char *name);
/* The name of group number i, or NULL if it has none. */
const char *regex_group_name(const struct regex *re, unsigned i);

/*
 * Looks for a match at or behind `start`. Returns 1 with result filled (which may be NULL), 0
 * without a match, -1 with err (ERR_LIMIT: too many steps).
 */
int regex_exec(const struct regex *re, enum regex_how how, const char *text, size_t len,
	size_t start, struct regex_result *result, struct err *err);

/*
 * All matches that do not overlap, as re.finditer gives them:
 *
 *     struct regex_iter it = {.re = re, .text = text, .len = len};
 *     while ((rc = regex_next(&it, &m, err)) > 0)
 *             use(&m);
 */
struct regex_iter {
	const struct regex *re;
	const char *text;
	size_t len;
	size_t position; /* where to go on; 0 at first */
	bool not_empty;  /* an empty match at position was given already */
	deadline until;  /* set by the first call */
};

/* The next match: 1, 0 at the end, -1 with err. */
int regex_next(struct regex_iter *it, struct regex_result *result, struct err *err);

/*
 * re.sub: appends text to out with up to `count` matches (0: all) replaced. The replacement
 * has Python's escapes: \1, \g<1>, \g<name>, \n, \\ ...; an unknown letter, group or name is
 * ERR_INPUT. Returns the number of replacements, or -1 with err.
 */
int regex_sub(const struct regex *re, const char *text, size_t len, const char *replacement,
	size_t replacement_len, size_t count, struct strbuf *out, struct err *err);
/* Appends the replacement template filled in for one match (match.expand). */
int regex_expand(const struct regex *re, const char *text, const struct regex_result *match,
	const char *replacement, size_t replacement_len, struct strbuf *out, struct err *err);
/* Appends text with all that is special to a pattern escaped, as re.escape does. */
void regex_escape(const char *text, size_t len, struct strbuf *out);

/*
 * A cache of compiled patterns, for one thread; full, it starts anew. An all-zero struct is
 * an empty cache.
 */
#define REGEX_CACHE_MAX 256
struct regex_cache {
	struct regex_cached {
		char *pattern;
		size_t len;
		unsigned flags;
		struct regex *re;
	} * items;
	size_t count;
	size_t cap;
};

/* The compiled pattern, from the cache or new in it; the cache owns it. NULL with err. */
const struct regex *regex_cache_get(struct regex_cache *cache, const char *pattern, size_t len,
	unsigned flags, struct err *err);
/* Frees all patterns of the cache. */
void regex_cache_release(struct regex_cache *cache);

#endif
