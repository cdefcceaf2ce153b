/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test `version`: comparison of version numbers in four ways.
 *
 *   loose     digits and letters as they come (distutils' LooseVersion)
 *   strict    1.2, 1.2.3, 1.2a3 (distutils' StrictVersion)
 *   semver    semver.org 2.0.0
 *   pep440    Python packages (epoch, release, pre, post, dev, local)
 */
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"
#include "text/regex.h"

/* A version as a list of values that have an order among those of its kind. */
typedef const struct value *(*parse_fn)(
	struct args *a, const struct value *text, struct err *err);

static void add_int(struct args *a, struct value *list, const char *digits, size_t n)
{
	autofree char *text = xstrndup(digits, n);
	int64_t i = 0;

	if (!parse_int(text, 0, INT64_MAX, &i))
		i = INT64_MAX;
	value_list_add(a->ev->arena, list, value_new_int(a->ev->arena, i));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Numbers, runs of small letters, and whatever is between, dots left out. */
static const struct value *parse_loose(
	struct args *a, const struct value *text, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);

	(void)err;
	for (size_t i = 0; i < text->len;) {
		const char *s = text->text + i;
		size_t n = 1;
		if (*s == '.') {
			i++;
			continue;
		}
		bool digit = is_digit(*s);
		bool lower = is_lower(*s);
		while (i + n < text->len && s[n] != '.' && is_digit(s[n]) == digit &&
			is_lower(s[n]) == lower)
			n++;
		if (digit)
			add_int(a, list, s, n);
		else
			value_list_add(a->ev->arena, list, new_textn(a->ev, s, n));
		i += n;
	}
	return list;
}

/* Runs a pattern over all of a text. NULL without err: no match. */
static const struct regex *match_all(struct args *a, const char *pattern,
	const struct value *text, struct regex_result *m, unsigned flags, struct err *err)
{
	const struct regex *re =
		regex_cache_get(&a->ev->state->regexes, pattern, strlen(pattern), flags, err);
	int rc = re ? regex_exec(re, REGEX_FULLMATCH, text->text, text->len, 0, m, err) : -1;

	return rc > 0 ? re : NULL;
}

static const struct value *fail_version(
	struct args *a, const struct value *text, const char *kind, struct err *err)
{
	if (err->code)
		return NULL;
	return args_fail(a, err, "'%.60s' is not a %s version", text->text, kind);
}

static void add_group_int(struct args *a, struct value *list, const struct value *text,
	const struct regex_span *span)
{
	if (span->set && span->end > span->start)
		add_int(a, list, text->text + span->start, span->end - span->start);
	else
		value_list_add(a->ev->arena, list, value_new_int(a->ev->arena, 0));
}

/* [major, minor, patch, final?, letter, number] */
static const struct value *parse_strict(
	struct args *a, const struct value *text, struct err *err)
{
	struct value *list = value_new_list(a->ev->arena);
	struct regex_result m;

	if (!match_all(a, "(\\d+)\\.(\\d+)(?:\\.(\\d+))?(?:([ab])(\\d+))?", text, &m,
		    REGEX_ASCII, err))
		return fail_version(a, text, "strict", err);
	for (unsigned i = 1; i <= 3; i++)
		add_group_int(a, list, text, &m.spans[i]);
	value_list_add(a->ev->arena, list, value_bool(!m.spans[4].set));
	if (m.spans[4].set) {
		value_list_add(
			a->ev->arena, list, new_textn(a->ev, text->text + m.spans[4].start, 1));
		add_group_int(a, list, text, &m.spans[5]);
	}
	return list;
}

/* Identifiers between dots: numbers before texts. */
static struct value *identifiers(struct args *a, const char *s, size_t n)
{
	struct value *list = value_new_list(a->ev->arena);

	for (size_t at = 0; at < n;) {
		size_t len = 0;
		bool number = true;
		while (at + len < n && s[at + len] != '.')
			number &= is_digit(s[at + len++]);
		struct value *part = value_new_list(a->ev->arena);
		value_list_add(a->ev->arena, part, value_bool(!number));
		if (number)
			add_int(a, part, s + at, len);
		else
			value_list_add(a->ev->arena, part, new_textn(a->ev, s + at, len));
		value_list_add(a->ev->arena, list, part);
		at += len + 1;
	}
	return list;
}

static const struct value *parse_semver(
	struct args *a, const struct value *text, struct err *err)
{
	static const char pattern[] = "(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)"
				      "(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)"
				      "(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
				      "(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?";
	struct value *list = value_new_list(a->ev->arena);
	struct regex_result m;

	if (!match_all(a, pattern, text, &m, REGEX_ASCII, err))
		return fail_version(a, text, "semantic", err);
	for (unsigned i = 1; i <= 3; i++)
		add_group_int(a, list, text, &m.spans[i]);
	value_list_add(a->ev->arena, list, value_bool(!m.spans[4].set));
	if (m.spans[4].set)
		value_list_add(a->ev->arena, list,
			identifiers(a, text->text + m.spans[4].start,
				m.spans[4].end - m.spans[4].start));
	return list;
}

/* The groups of PEP 440's pattern. */
enum {
	PEP_EPOCH = 1,
	PEP_RELEASE,
	PEP_PRE,
	PEP_PRE_N,
	PEP_POST1,
	PEP_POST,
	PEP_POST_N,
	PEP_DEV,
	PEP_DEV_N,
	PEP_LOCAL
};

static const char pep440_pattern[] = "\\s*v?(?:(\\d+)!)?(\\d+(?:\\.\\d+)*)"
				     "(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\\d*))?"
				     "(?:-(\\d+)|[-_.]?(post|rev|r)[-_.]?(\\d*))?"
				     "(?:[-_.]?(dev)[-_.]?(\\d*))?"
				     "(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\\s*";

static struct value *release_of(struct args *a, const char *s, size_t n)
{
	struct value *list = value_new_list(a->ev->arena);

	for (size_t at = 0; at < n;) {
		size_t len = 0;
		while (at + len < n && s[at + len] != '.')
			len++;
		add_int(a, list, s + at, len);
		at += len + 1;
	}
	while (list->count > 0 && list->items[list->count - 1]->integer == 0)
		list->count--;
	return list;
}

/* Where a version without pre-release stands: behind all, but before them if it is a dev. */
static int64_t pre_rank(const struct value *text, const struct regex_result *m)
{
	const struct regex_span *pre = &m->spans[PEP_PRE];
	bool post = m->spans[PEP_POST1].set || m->spans[PEP_POST].set;

	if (!pre->set)
		return !post && m->spans[PEP_DEV].set ? 0 : 4;
	char letter = (char)(text->text[pre->start] | 0x20);
	return letter == 'a' ? 1 : letter == 'b' ? 2 : 3;
}

static const struct value *parse_pep440(
	struct args *a, const struct value *text, struct err *err)
{
	struct arena *arena = a->ev->arena;
	struct value *list = value_new_list(arena);
	struct regex_result m;

	if (!match_all(a, pep440_pattern, text, &m, REGEX_IGNORECASE | REGEX_ASCII, err))
		return fail_version(a, text, "PEP 440", err);
	const struct regex_span *release = &m.spans[PEP_RELEASE];
	const struct regex_span *local = &m.spans[PEP_LOCAL];
	bool post = m.spans[PEP_POST1].set || m.spans[PEP_POST].set;
	add_group_int(a, list, text, &m.spans[PEP_EPOCH]);
	value_list_add(arena, list,
		release_of(a, text->text + release->start, release->end - release->start));
	value_list_add(arena, list, value_new_int(arena, pre_rank(text, &m)));
	add_group_int(a, list, text, &m.spans[PEP_PRE_N]);
	value_list_add(arena, list, value_bool(post));
	add_group_int(a, list, text, &m.spans[m.spans[PEP_POST1].set ? PEP_POST1 : PEP_POST_N]);
	value_list_add(arena, list, value_bool(!m.spans[PEP_DEV].set));
	add_group_int(a, list, text, &m.spans[PEP_DEV_N]);
	struct value *labels = local->set ? identifiers(a, text->text + local->start,
						    local->end - local->start)
					  : value_new_list(arena);
	/* Of local labels, numbers stand behind texts. */
	for (size_t i = 0; i < labels->count; i++)
		labels->items[i]->items[0] =
			value_bool(labels->items[i]->items[1]->kind != VALUE_STRING);
	value_list_add(arena, list, labels);
	return list;
}

static parse_fn find_parser(struct args *a, struct err *err)
{
	static const struct {
		const char *name;
		parse_fn parse;
	} table[] = {{"loose", parse_loose}, {"strict", parse_strict}, {"semver", parse_semver},
		{"semantic", parse_semver}, {"pep440", parse_pep440}};
	int strict = arg_bool(a, 2, false, err);

	if (strict < 0)
		return NULL;
	if (arg_given(a, 2) && arg_given(a, 3)) {
		args_fail(a, err, "strict and version_type exclude each other");
		return NULL;
	}
	const struct value *name =
		arg_given(a, 3) ? arg_string(a, 3, "", err)
				: value_new_string(a->ev->arena, strict ? "strict" : "loose");
	for (size_t i = 0; name && i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name->text) == 0)
			return table[i].parse;
	}
	if (name)
		args_fail(a, err,
			"version_type must be loose, strict, semver, semantic or pep440");
	return NULL;
}

static int find_operator(struct args *a, enum compare_op *out, struct err *err)
{
	static const struct {
		const char *names[3];
		enum compare_op op;
	} table[] = {{{"==", "=", "eq"}, CMP_EQ}, {{"<", "lt", "lt"}, CMP_LT},
		{{"<=", "le", "le"}, CMP_LE}, {{">", "gt", "gt"}, CMP_GT},
		{{">=", "ge", "ge"}, CMP_GE}, {{"!=", "<>", "ne"}, CMP_NE}};
	const struct value *name = arg_string(a, 1, "eq", err);

	for (size_t i = 0; name && i < 3 * ARRAY_SIZE(table); i++) {
		if (strcmp(table[i / 3].names[i % 3], name->text) == 0) {
			*out = table[i / 3].op;
			return 0;
		}
	}
	if (name)
		args_fail(a, err,
			"'%.60s' is no operator; expected ==, <, <=, >, >= or !=", name->text);
	return -1;
}

static const struct value *test_version(struct args *a, struct err *err)
{
	const struct value *left = self_text(a, err);
	const struct value *right = left ? arg_text(a, 0, "", err) : NULL;
	parse_fn parse = right ? find_parser(a, err) : NULL;
	enum compare_op op;

	if (!parse || find_operator(a, &op, err) < 0)
		return NULL;
	if (left->len == 0 || right->len == 0)
		return args_fail(a, err, "a version cannot be empty");
	left = parse(a, left, err);
	right = left ? parse(a, right, err) : NULL;
	int rc = right ? op_compare(a->ev, op, left, right, err) : -1;
	return rc < 0 ? NULL : value_bool(rc);
}

static const struct callable entries[] = {
	{"version", test_version, "version ! operator strict version_type", 0},
	{"version_compare", test_version, "version ! operator strict version_type", 0},
};

CALLABLES(tests_version, entries);
