/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters with regular expressions.
 */
#include "template/args.h"
#include "template/ops.h"
#include "template/regexes.h"
#include "template/repr.h"
#include "template/tables.h"

const struct regex *regex_argument(
	struct args *a, size_t pattern, size_t ignorecase, size_t multiline, struct err *err)
{
	const struct value *text = arg_string(a, pattern, "", err);
	int ignore = arg_bool(a, ignorecase, false, err);
	int multi = arg_bool(a, multiline, false, err);

	if (!text || ignore < 0 || multi < 0)
		return NULL;
	unsigned flags = (ignore ? REGEX_IGNORECASE : 0u) | (multi ? REGEX_MULTILINE : 0u);
	return regex_cache_get(&a->ev->state->regexes, text->text, text->len, flags, err);
}

static const struct value *filter_regex_replace(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	const struct value *replacement = self ? arg_string(a, 1, "", err) : NULL;
	const struct regex *re = replacement ? regex_argument(a, 0, 2, 3, err) : NULL;
	int64_t count, mandatory;

	if (!re || arg_int(a, 4, 0, &count, err) < 0 || arg_int(a, 5, 0, &mandatory, err) < 0)
		return NULL;
	int n = regex_sub(re, self->text, self->len, replacement->text, replacement->len,
		count > 0 ? (size_t)count : 0, &out, err);
	if (n < 0)
		return NULL;
	if (mandatory && mandatory != n)
		return args_fail(a, err,
			"the pattern should match %lld times, and matches %d times",
			(long long)mandatory, n);
	return new_text(a->ev, &out, err);
}

static const struct value *group_value(
	struct eval *ev, const struct value *text, const struct regex_span *span, bool none)
{
	if (!span->set)
		return none ? &value_null : new_textn(ev, "", 0);
	return new_textn(ev, text->text + span->start, span->end - span->start);
}

static const struct value *filter_regex_findall(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	const struct regex *re = self ? regex_argument(a, 0, 2, 1, err) : NULL;
	struct value *list = value_new_list(a->ev->arena);
	struct regex_result m;
	int rc;

	if (!re)
		return NULL;
	struct regex_iter it = {.re = re, .text = self->text, .len = self->len};
	while ((rc = regex_next(&it, &m, err)) > 0) {
		if (eval_step(a->ev, err) < 0)
			return NULL;
		if (m.groups <= 1) {
			value_list_add(a->ev->arena, list,
				group_value(a->ev, self, &m.spans[m.groups], false));
			continue;
		}
		struct value *groups = value_new_list(a->ev->arena);
		groups->kind = VALUE_TUPLE;
		for (unsigned i = 1; i <= m.groups; i++)
			value_list_add(a->ev->arena, groups,
				group_value(a->ev, self, &m.spans[i], false));
		value_list_add(a->ev->arena, list, groups);
	}
	return rc < 0 ? NULL : list;
}

/* The group that an argument like \1 or \g<name> means; -1 with err. */
static int group_number(
	struct args *a, const struct regex *re, const struct value *v, struct err *err)
{
	const char *s = value_text(v);
	int64_t n = -1;

	if (s && strncmp(s, "\\g<", 3) == 0 && str_ends(s, ">")) {
		autofree char *name = xstrndup(s + 3, strlen(s) - 4);
		if (!parse_int(name, 0, REGEX_MAX_GROUPS, &n))
			n = regex_group_number(re, name);
	} else if (s && s[0] == '\\') {
		size_t digits = strspn(s + 1, "0123456789");
		autofree char *number = xstrndup(s + 1, digits);
		if (!parse_int(number, 0, REGEX_MAX_GROUPS, &n))
			n = -1;
	} else {
		args_fail(a, err, "unknown argument; expected \\1 or \\g<name>");
		return -1;
	}
	if (n < 0 || n > regex_group_count(re)) {
		args_fail(a, err, "no such group: %.60s", s);
		return -1;
	}
	return (int)n;
}

static const struct value *filter_regex_search(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	struct args inner = *a;
	struct regex_result m;

	inner.v[1] = value_dict_get(a->named, "ignorecase");
	inner.v[2] = value_dict_get(a->named, "multiline");
	const struct regex *re = self ? regex_argument(&inner, 0, 1, 2, err) : NULL;
	int rc = re ? regex_exec(re, REGEX_SEARCH, self->text, self->len, 0, &m, err) : -1;
	if (rc < 0)
		return NULL;
	struct value *list = value_new_list(a->ev->arena);
	for (size_t i = 0; i < a->rest->count; i++) {
		int group = group_number(a, re, a->rest->items[i], err);
		if (group < 0)
			return NULL;
		if (rc)
			value_list_add(a->ev->arena, list,
				group_value(a->ev, self, &m.spans[group], true));
	}
	if (rc == 0)
		return &value_null;
	return a->rest->count ? list : group_value(a->ev, self, &m.spans[0], false);
}

static const struct value *filter_regex_escape(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	const struct value *type = arg_string(a, 0, "python", err);

	if (!self || !type)
		return NULL;
	if (strcmp(type->text, "python") == 0) {
		regex_escape(self->text, self->len, &out);
		return new_text(a->ev, &out, err);
	}
	if (strcmp(type->text, "posix_basic") != 0)
		return args_fail(a, err, "the type must be python or posix_basic");
	for (size_t i = 0; i < self->len; i++) {
		if (self->text[i] && strchr("].[^$*\\", self->text[i]))
			strbuf_addch(&out, '\\');
		strbuf_addch(&out, self->text[i]);
	}
	return new_text(a->ev, &out, err);
}

static const struct callable entries[] = {
	{"regex_escape", filter_regex_escape, "re_type", 0},
	{"regex_findall", filter_regex_findall, "regex ! multiline ignorecase", 0},
	{"regex_replace", filter_regex_replace,
		"pattern replacement ignorecase multiline count mandatory_count", 0},
	{"regex_search", filter_regex_search, "regex ! * **", 0},
};

CALLABLES(filters_regex, entries);
