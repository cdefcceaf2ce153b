/* SPDX-License-Identifier: Apache-2.0 */
/* What commands share to print: errors, findings, the log, colour. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"

static int saved_stderr, captured[2];

static void capture_begin(void)
{
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(pipe(captured), 0);
	dup2(captured[1], STDERR_FILENO);
}

/* What was printed to standard error since capture_begin. */
static void capture_end(char *text, size_t size)
{
	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(captured[1]);
	ssize_t n = fd_read_full(captured[0], text, size - 1);
	close(captured[0]);
	assert_true(n >= 0);
	text[n] = '\0';
}

static void test_an_error(void **state)
{
	struct err err = {0};
	char text[200];

	(void)state;
	err_set(&err, ERR_BUSY, "the store is locked");
	capture_begin();
	int code = cli_error(&err);
	capture_end(text, sizeof(text));
	assert_int_equal(code, EXIT_CANNOT_RUN);
	assert_string_equal(text, "modelfleet: the store is locked\n");
}

static void test_findings(void **state)
{
	AUTO(diags_release) struct diags d = {0};
	char text[500];

	(void)state;
	diag_warning(&d, &(struct place){"a.yaml", 1, 2}, "empty");
	diag_error(&d, NULL, "no hosts");
	capture_begin();
	cli_print_diags(&d);
	capture_end(text, sizeof(text));
	assert_string_equal(text, "a.yaml:1:2: warning: empty\n"
				  "error: no hosts\n"
				  "1 error; nothing was changed\n");
}

static void test_warnings_alone_count_no_errors(void **state)
{
	AUTO(diags_release) struct diags d = {0};
	char text[500];

	(void)state;
	diag_warning(&d, NULL, "empty");
	capture_begin();
	cli_print_diags(&d);
	capture_end(text, sizeof(text));
	assert_string_equal(text, "warning: empty\n");
}

static void test_findings_beyond_the_limit_are_counted(void **state)
{
	AUTO(diags_release) struct diags d = {0};
	char text[65536];

	(void)state;
	for (unsigned i = 0; i < DIAG_MAX + 7; i++)
		diag_error(&d, NULL, "wrong");
	capture_begin();
	cli_print_diags(&d);
	capture_end(text, sizeof(text));
	assert_true(
		str_ends(text, "error: wrong\nand 7 more\n1007 errors; nothing was changed\n"));
}

static void test_verbosity(void **state)
{
	static const struct {
		int count;
		enum log_level highest;
	} cases[] = {{-1, LOG_WARNING}, {0, LOG_WARNING}, {1, LOG_INFO}, {2, LOG_DEBUG},
		{3, LOG_TRACE}, {9, LOG_TRACE}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cli_verbosity(cases[i].count);
		for (int level = LOG_ERROR; level <= LOG_TRACE; level++)
			assert_int_equal(log_enabled((enum log_level)level),
				level <= (int)cases[i].highest);
	}
	log_setup(NULL, LOG_ERROR);
}

static void test_words_for_colour(void **state)
{
	(void)state;
	assert_false(cli_set_color("sometimes"));
	assert_false(cli_set_color(""));
	assert_true(cli_set_color("always"));
	assert_true(cli_use_color(stdout));
	assert_true(cli_set_color("never"));
	assert_false(cli_use_color(stdout));
	assert_true(cli_set_color("auto"));
}

/* On a terminal colour depends on TERM and NO_COLOR; elsewhere there is none. */
static void test_colour_by_itself(void **state)
{
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	FILE *terminal = fdopen(slave, "w");
	FILE *file = fopen("/dev/null", "w");
	assert_true(cli_set_color("auto"));
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_true(cli_use_color(terminal));
	assert_false(cli_use_color(file));
	setenv("NO_COLOR", "", 1); /* empty means unset, by its own convention */
	assert_true(cli_use_color(terminal));
	setenv("NO_COLOR", "1", 1);
	assert_false(cli_use_color(terminal));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(cli_use_color(terminal));
	unsetenv("TERM");
	assert_false(cli_use_color(terminal));
	fclose(terminal);
	fclose(file);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_error),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_warnings_alone_count_no_errors),
		cmocka_unit_test(test_findings_beyond_the_limit_are_counted),
		cmocka_unit_test(test_verbosity),
		cmocka_unit_test(test_words_for_colour),
		cmocka_unit_test(test_colour_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
