/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions and globs against Python: every line of cases.txt (its format stands in
 * expect.py) by answers frozen in the tree and by the live oracle.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "text/glob.h"
#include "text/regex.h"

#define FIELDS 6

struct test_case {
	char *line;
	char *fields[FIELDS]; /* into line; "" for those that are not there */
};

static void case_parse(struct test_case *c, const char *line)
{
	char *p = c->line = xstrdup(line);

	for (int i = 0; i < FIELDS; i++) {
		char *tab = strchr(p, '\t');

		c->fields[i] = p;
		if (tab)
			*tab = '\0';
		p = tab ? tab + 1 : p + strlen(p);
	}
}

static void case_release(struct test_case *c)
{
	free(c->line);
}

static void unescape(const char *s, struct strbuf *out)
{
	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			strbuf_addch(out, *s == 'n'   ? '\n'
					  : *s == 't' ? '\t'
					  : *s == 'r' ? '\r'
						      : *s);
			continue;
		}
		strbuf_addch(out, *s);
	}
}

static void add_escaped(struct strbuf *out, const struct strbuf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		switch (text->data[i]) {
		case '\\': strbuf_addstr(out, "\\\\"); break;
		case '\0': strbuf_addstr(out, "\\0"); break;
		case '\n': strbuf_addstr(out, "\\n"); break;
		case '\t': strbuf_addstr(out, "\\t"); break;
		case '\r': strbuf_addstr(out, "\\r"); break;
		default: strbuf_addch(out, text->data[i]);
		}
	}
}

static void add_span(struct strbuf *out, const struct regex_span *span)
{
	if (span->set)
		strbuf_addf(out, "%zu-%zu", span->start, span->end);
	else
		strbuf_addstr(out, "none");
}

static void add_result(struct strbuf *out, const struct regex_result *result)
{
	add_span(out, &result->spans[0]);
	strbuf_addch(out, '(');
	for (unsigned i = 1; i <= result->groups; i++) {
		strbuf_addstr(out, i > 1 ? "," : "");
		add_span(out, &result->spans[i]);
	}
	strbuf_addch(out, ')');
}

static unsigned parse_flags(const char *letters)
{
	unsigned flags = 0;

	for (; *letters; letters++)
		flags |= *letters == 'i'   ? REGEX_IGNORECASE
			 : *letters == 'm' ? REGEX_MULTILINE
			 : *letters == 's' ? REGEX_DOTALL
			 : *letters == 'x' ? REGEX_VERBOSE
			 : *letters == 'a' ? REGEX_ASCII
					   : 0;
	return flags;
}

static void answer_findall(
	const struct regex *re, const struct strbuf *text, struct strbuf *out)
{
	struct regex_iter it = {.re = re, .text = text->data, .len = text->len};
	struct regex_result result;
	struct err err = {0};

	while (regex_next(&it, &result, &err) > 0) {
		strbuf_addstr(out, out->len ? " " : "");
		add_result(out, &result);
	}
	strbuf_addstr(out, out->len ? "" : "no");
}

static void answer_sub(const struct test_case *c, const struct regex *re,
	const struct strbuf *text, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf replaced = STRBUF_INIT;
	struct err err = {0};
	int64_t count = 0;

	parse_int(c->fields[5], 0, 1000, &count);
	if (regex_sub(re, text->data, text->len, c->fields[4], strlen(c->fields[4]),
		    (size_t)count, &replaced, &err) < 0)
		strbuf_addstr(out, "error");
	else
		add_escaped(out, &replaced);
}

static void answer_match(const struct test_case *c, const struct regex *re,
	const struct strbuf *text, struct strbuf *out)
{
	enum regex_how how = !strcmp(c->fields[0], "search")  ? REGEX_SEARCH
			     : !strcmp(c->fields[0], "match") ? REGEX_MATCH
							      : REGEX_FULLMATCH;
	struct regex_result result;
	struct err err = {0};
	int rc = regex_exec(re, how, text->data, text->len, 0, &result, &err);

	assert_int_not_equal(rc, -1);
	if (rc)
		add_result(out, &result);
	else
		strbuf_addstr(out, "no");
}

static void answer_regex(const struct test_case *c, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(
		c->fields[2], strlen(c->fields[2]), parse_flags(c->fields[1]), &err);

	unescape(c->fields[3], &text);
	if (!re) {
		assert_int_not_equal(err.code, ERR_NONE);
		strbuf_addstr(out, "error");
	} else if (!strcmp(c->fields[0], "findall")) {
		answer_findall(re, &text, out);
	} else if (!strcmp(c->fields[0], "sub")) {
		answer_sub(c, re, &text, out);
	} else {
		answer_match(c, re, &text, out);
	}
}

static void answer(const struct test_case *c, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf escaped = STRBUF_INIT;

	if (!strcmp(c->fields[0], "glob")) {
		unescape(c->fields[3], &text);
		strbuf_addstr(out, glob_match(c->fields[2], text.data) ? "true" : "false");
	} else if (!strcmp(c->fields[0], "escape")) {
		unescape(c->fields[2], &text);
		regex_escape(text.data, text.len, &escaped);
		add_escaped(out, &escaped);
	} else {
		answer_regex(c, out);
	}
}

/* The lines of a text, empty ones too. */
static void split_lines(char *text, struct strlist *out)
{
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		strlist_add(out, line);
	}
}

static void check(const struct strlist *cases, const struct strlist *expected)
{
	int wrong = 0;

	assert_true(cases->count > 300);
	assert_int_equal(cases->count, expected->count);
	for (size_t i = 0; i < cases->count; i++) {
		AUTO(case_release) struct test_case c;
		AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;

		case_parse(&c, cases->items[i]);
		answer(&c, &found);
		if (!strcmp(found.data, expected->items[i]))
			continue;
		print_message("line %zu: %s\n  expected %s\n  found    %s\n", i + 1,
			cases->items[i], expected->items[i], found.data);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void read_lines(const char *path, struct strlist *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	if (file_read(path, 1u << 20, &text, &err) < 0)
		fail_msg("%s", err.text);
	split_lines(text.data, out);
}

static void test_frozen(void **state)
{
	AUTO(strlist_release) struct strlist cases = {0}, expected = {0};

	(void)state;
	read_lines("cases.txt", &cases);
	read_lines("cases.txt.expected", &expected);
	check(&cases, &expected);
}

static void test_live(void **state)
{
	AUTO(strlist_release) struct strlist cases = {0}, expected = {0};
	AUTO(strbuf_release) struct strbuf input = STRBUF_INIT;
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const char *const argv[] = {"/usr/bin/python3", "expect.py", NULL};
	struct err err = {0};

	(void)state;
	if (file_read("cases.txt", 1u << 20, &input, &err) < 0)
		fail_msg("%s", err.text);
	const struct spawn_options options = {
		.argv = argv, .input = input.data, .input_len = input.len};
	if (spawn_run(&options, &result, &err) < 0)
		skip();
	assert_int_equal(result.status, 0);
	read_lines("cases.txt", &cases);
	split_lines(result.out.data, &expected);
	check(&cases, &expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
