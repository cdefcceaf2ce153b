/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser, seen from outside: what a program prints, and how it exits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/spawn.h"
#include "cli/cli.h"

#define WORDS_MAX 12

struct outcome {
	int code;
	char *out, *err;
};

/* Runs the program under a name with words that are separated by '|'. */
static struct outcome run_program(const char *name, const char *line)
{
	AUTO(strlist_release) struct strlist words = {0};
	const char *argv[WORDS_MAX + 3] = {OPTIONS_PROGRAM, name};
	AUTO(spawn_result_release) struct spawn_result r;
	struct err err = {0};

	/* An empty field stands for an empty word, so strlist_split is of no use here. */
	for (const char *at = line; at;) {
		size_t n = strcspn(at, "|");
		autofree char *word = xstrndup(at, n);
		strlist_add(&words, word);
		at = at[n] ? at + n + 1 : NULL;
	}
	assert_true(words.count <= WORDS_MAX);
	for (size_t i = 0; *line && i < words.count; i++)
		argv[2 + i] = words.items[i];
	if (spawn_run(&(struct spawn_options){.argv = argv}, &r, &err) < 0)
		fail_msg("%s", err.text);
	return (struct outcome){.code = spawn_exit_code(r.status),
		.out = strbuf_detach(&r.out, NULL),
		.err = strbuf_detach(&r.err, NULL)};
}

static void outcome_release(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static void test_what_is_understood(void **state)
{
	static const struct {
		const char *line, *out;
	} cases[] = {
		{"", "check=0 failed=0 quick=0 verbose=0 forks=5 inventory= rest="},
		{"-C", "check=1 failed=0 quick=0 verbose=0 forks=5 inventory= rest="},
		{"--check", "check=1 failed=0 quick=0 verbose=0 forks=5 inventory= rest="},
		{"--check|-C|--check",
			"check=1 failed=0 quick=0 verbose=0 forks=5 inventory= rest="},
		{"-v|-vv|--verbose",
			"check=0 failed=0 quick=0 verbose=4 forks=5 inventory= rest="},
		{"-qCv", "check=1 failed=0 quick=1 verbose=1 forks=5 inventory= rest="},
		{"-f|9", "check=0 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"-f9", "check=0 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"-Cf9", "check=1 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"-Cf|9", "check=1 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"-f=9", "check=0 failed=0 quick=0 verbose=0 forks==9 inventory= rest="},
		{"-f|1|-f|2", "check=0 failed=0 quick=0 verbose=0 forks=2 inventory= rest="},
		{"-f|-C", "check=0 failed=0 quick=0 verbose=0 forks=-C inventory= rest="},
		{"--forks-with-a-rather-long-name=9",
			"check=0 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"--forks-with-a-rather-long-name|9",
			"check=0 failed=0 quick=0 verbose=0 forks=9 inventory= rest="},
		{"--forks-with-a-rather-long-name=",
			"check=0 failed=0 quick=0 verbose=0 forks= inventory= rest="},
		{"--forks-with-a-rather-long-name=a=b",
			"check=0 failed=0 quick=0 verbose=0 forks=a=b inventory= rest="},
		{"-i|a|--inventory=b|-ic", "check=0 failed=0 quick=0 verbose=0 forks=5 "
					   "inventory=[a],[b],[c] rest="},
		{"x|-C|y",
			"check=1 failed=0 quick=0 verbose=0 forks=5 inventory= rest=[x],[y]"},
		{"--|-C|--check|--", "check=0 failed=0 quick=0 verbose=0 forks=5 inventory= "
				     "rest=[-C],[--check],[--]"},
		{"-", "check=0 failed=0 quick=0 verbose=0 forks=5 inventory= rest=[-]"},
		{"x||y", "check=0 failed=0 quick=0 verbose=0 forks=5 inventory= "
			 "rest=[x],[],[y]"},
		{"--limit-failed",
			"check=0 failed=1 quick=0 verbose=0 forks=5 inventory= rest="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(outcome_release) struct outcome o = run_program("command", cases[i].line);
		autofree char *expected = xasprintf("%s\n", cases[i].out);
		assert_string_equal(o.err, "");
		assert_string_equal(o.out, expected);
		assert_int_equal(o.code, EXIT_OK);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"--chekc", "unknown option '--chekc'; did you mean '--check'?"},
		{"--limit-faled",
			"unknown option '--limit-faled'; did you mean '--limit-failed'?"},
		{"--xyzzy", "unknown option '--xyzzy'"},
		{"--xyzzy=1", "unknown option '--xyzzy'"},
		{"--chec=1", "unknown option '--chec'; did you mean '--check'?"},
		{"-x", "unknown option '-x'"},
		{"-Cx", "unknown option '-x'"},
		{"-1", "unknown option '-1'"},
		{"-f", "option '-f' needs a value"},
		{"-Cf", "option '-f' needs a value"},
		{"--inventory", "option '--inventory' needs a value"},
		{"--check=yes", "option '--check' takes no value"},
		{"--check=", "option '--check' takes no value"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(outcome_release) struct outcome o = run_program("command", cases[i].line);
		autofree char *expected =
			xasprintf("try: %s\nTry 'modelfleet try --help'.\n", cases[i].text);
		assert_string_equal(o.err, expected);
		assert_string_equal(o.out, "");
		assert_int_equal(o.code, EXIT_CANNOT_RUN);
	}
}

static void test_a_link_speaks_of_itself(void **state)
{
	AUTO(outcome_release) struct outcome o = run_program("link", "--chekc");

	(void)state;
	assert_string_equal(o.err,
		"try-models: unknown option '--chekc'; did you mean '--check'?\n"
		"Try 'try-models --help'.\n");
	assert_int_equal(o.code, EXIT_CANNOT_RUN);
}

static void test_help(void **state)
{
	static const char expected[] = "usage: modelfleet try [OPTIONS] WORD ...\n"
				       "\n"
				       "Tries options.\n"
				       "\n"
				       "options:\n"
				       "  -i, --inventory INVENTORY   where the hosts are\n"
				       "  -C, --check                 change nothing\n"
				       "      --limit-failed          the failed ones\n"
				       "  -f, --forks-with-a-rather-long-name N\n"
				       "                              how many\n"
				       "  -q                          be quick\n"
				       "  -v, --verbose               say more\n"
				       "  -h, --help                  show this and exit\n"
				       "\n"
				       "Exit code 0: fine.\n";
	static const char *const lines[] = {"--help", "-h", "x|-C|--help|--nonsense"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO(outcome_release) struct outcome o = run_program("command", lines[i]);
		assert_string_equal(o.out, expected);
		assert_string_equal(o.err, "");
		assert_int_equal(o.code, EXIT_OK);
	}
}

static void test_help_of_a_link(void **state)
{
	AUTO(outcome_release) struct outcome o = run_program("link", "-h");

	(void)state;
	assert_true(str_starts(o.out, "usage: try-models [OPTIONS] WORD ...\n"));
}

/* `-vh` is letters like any others: help among them is help. */
static void test_help_among_letters(void **state)
{
	AUTO(outcome_release) struct outcome o = run_program("command", "-vh");

	(void)state;
	assert_true(str_starts(o.out, "usage: "));
	assert_int_equal(o.code, EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_understood),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_a_link_speaks_of_itself),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_of_a_link),
		cmocka_unit_test(test_help_among_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
