/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include "base/vec.h"
#include "text/regex_translate.h"

#define MATCH_STEPS    10000000u /* of PCRE2, about half a second */
#define MATCH_HEAP_KIB 65536u    /* of its backtracking */

struct regex {
	pcre2_code *code;
	unsigned groups;
	char **names; /* groups + 1 of them, NULL for a group without a name */
};

static uint32_t compile_options(unsigned flags)
{
	/* With ALT_CIRCUMFLEX ^ matches behind a newline at the very end, as in Python. */
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ALT_CIRCUMFLEX;

	if (flags & REGEX_BYTES)
		options &= ~(uint32_t)(PCRE2_UTF | PCRE2_MATCH_INVALID_UTF);
	else if (!(flags & REGEX_ASCII))
		options |= PCRE2_UCP;
	if (flags & REGEX_IGNORECASE)
		options |= PCRE2_CASELESS;
	if (flags & REGEX_MULTILINE)
		options |= PCRE2_MULTILINE;
	if (flags & REGEX_DOTALL)
		options |= PCRE2_DOTALL;
	return options;
}

static pcre2_code *compile(const struct regex_translation *t, struct err *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR message[200];
	PCRE2_SIZE offset;
	int code;

	if (!context) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_code *result = pcre2_compile((PCRE2_SPTR)t->out.data, t->out.len,
		compile_options(t->flags), &code, &offset, context);
	pcre2_compile_context_free(context);
	if (result)
		return result;
	pcre2_get_error_message(code, message, sizeof(message));
	err_set(err, ERR_INPUT, "regular expression: %s at offset %zu", (char *)message,
		offset < t->out.len ? t->origin[offset] : t->len);
	return NULL;
}

struct regex *regex_compile(const char *pattern, size_t len, unsigned flags, struct err *err)
{
	AUTO(regex_translation_release) struct regex_translation t;

	if (regex_translate(&t, pattern, len, flags, err) < 0)
		return NULL;
	pcre2_code *code = compile(&t, err);
	if (!code)
		return NULL;
	struct regex *re = xcalloc(1, sizeof(*re));
	re->code = code;
	re->groups = t.groups;
	re->names = xcalloc(t.groups + 1, sizeof(*re->names));
	for (unsigned i = 1; i <= t.groups; i++)
		re->names[i] = STEAL(t.names[i]);
	return re;
}

void regex_free(struct regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	for (unsigned i = 1; i <= re->groups; i++)
		free(re->names[i]);
	free(re->names);
	free(re);
}

void regex_cleanup(struct regex **re)
{
	regex_free(*re);
}

unsigned regex_group_count(const struct regex *re)
{
	return re->groups;
}

int regex_group_number(const struct regex *re, const char *name)
{
	unsigned group = regex_find_name(re->names, re->groups, name, strlen(name));

	return group ? (int)group : -1;
}

const char *regex_group_name(const struct regex *re, unsigned i)
{
	return i <= re->groups ? re->names[i] : NULL;
}

static void match_data_cleanup(pcre2_match_data **data)
{
	pcre2_match_data_free(*data);
}

static void match_context_cleanup(pcre2_match_context **context)
{
	pcre2_match_context_free(*context);
}

static void fill_result(
	const struct regex *re, pcre2_match_data *data, struct regex_result *out)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(data);

	out->groups = re->groups;
	for (size_t i = 0; i <= re->groups; i++) {
		struct regex_span *span = &out->spans[i];

		*span = (struct regex_span){.set = offsets[2 * i] != PCRE2_UNSET};
		if (!span->set)
			continue;
		span->start = offsets[2 * i];
		span->end = offsets[2 * i + 1];
	}
}

static int match_error(int code, struct err *err)
{
	PCRE2_UCHAR message[200];

	if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
		code == PCRE2_ERROR_DEPTHLIMIT)
		return err_set(err, ERR_LIMIT,
			"the regular expression takes too many steps on this text; nested "
			"repeats such as (a+)+ do");
	pcre2_get_error_message(code, message, sizeof(message));
	return err_set(err, ERR_SYSTEM, "regular expression: %s", (char *)message);
}

static int run(const struct regex *re, const char *text, size_t len, size_t start,
	uint32_t options, struct regex_result *result, struct err *err)
{
	AUTO(match_data_cleanup)
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re->code, NULL);
	AUTO(match_context_cleanup)
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	if (!data || !context)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (start > len)
		return 0;
	pcre2_set_match_limit(context, MATCH_STEPS);
	pcre2_set_heap_limit(context, MATCH_HEAP_KIB);
	int rc = pcre2_match(re->code, (PCRE2_SPTR)text, len, start, options, data, context);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return match_error(rc, err);
	if (result)
		fill_result(re, data, result);
	return 1;
}

int regex_exec(const struct regex *re, enum regex_how how, const char *text, size_t len,
	size_t start, struct regex_result *result, struct err *err)
{
	static const uint32_t options[] = {
		[REGEX_SEARCH] = 0,
		[REGEX_MATCH] = PCRE2_ANCHORED,
		[REGEX_FULLMATCH] = PCRE2_ANCHORED | PCRE2_ENDANCHORED,
	};

	return run(re, text, len, start, options[how], result, err);
}

int regex_next(struct regex_iter *it, struct regex_result *result, struct err *err)
{
	if (!it->until)
		it->until = deadline_in(REGEX_MAX_SECONDS);
	if (deadline_passed(it->until))
		return err_set(err, ERR_LIMIT,
			"the regular expression takes longer than %d seconds on this text",
			REGEX_MAX_SECONDS);
	int rc = run(it->re, it->text, it->len, it->position,
		it->not_empty ? PCRE2_NOTEMPTY_ATSTART : 0, result, err);
	if (rc <= 0)
		return rc;
	it->position = result->spans[0].end;
	it->not_empty = result->spans[0].start == result->spans[0].end;
	return 1;
}

const struct regex *regex_cache_get(struct regex_cache *cache, const char *pattern, size_t len,
	unsigned flags, struct err *err)
{
	for (size_t i = 0; i < cache->count; i++) {
		const struct regex_cached *c = &cache->items[i];

		if (c->flags == flags && c->len == len && !memcmp(c->pattern, pattern, len))
			return c->re;
	}
	struct regex *re = regex_compile(pattern, len, flags, err);
	if (!re)
		return NULL;
	if (cache->count == REGEX_CACHE_MAX)
		regex_cache_release(cache);
	*VEC_PUSH(cache) = (struct regex_cached){
		.pattern = xstrndup(pattern, len), .len = len, .flags = flags, .re = re};
	return re;
}

void regex_cache_release(struct regex_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++) {
		free(cache->items[i].pattern);
		regex_free(cache->items[i].re);
	}
	free(cache->items);
	*cache = (struct regex_cache){0};
}
