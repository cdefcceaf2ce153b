/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"

static struct strbuf logged = STRBUF_INIT;

static void collect(enum log_level level, const char *line)
{
	strbuf_addf(&logged, "%d %s\n", (int)level, line);
}

static int forget(void **state)
{
	(void)state;
	log_setup(NULL, LOG_ERROR);
	strbuf_release(&logged);
	return 0;
}

static void log_one_of_each(void)
{
	log_line(LOG_ERROR, "e%d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
	log_trace("t");
}

static void test_nothing_without_a_sink(void **state)
{
	(void)state;
	log_setup(NULL, LOG_TRACE);
	log_one_of_each();
	assert_false(log_enabled(LOG_ERROR));
	assert_string_equal(logged.data, "");
}

static void test_levels_up_to_the_highest(void **state)
{
	(void)state;
	log_setup(collect, LOG_INFO);
	log_one_of_each();
	assert_string_equal(logged.data, "0 e1\n1 w\n2 i\n");
	assert_true(log_enabled(LOG_INFO));
	assert_false(log_enabled(LOG_DEBUG));
}

static void test_every_level(void **state)
{
	(void)state;
	log_setup(collect, LOG_TRACE);
	log_one_of_each();
	assert_string_equal(logged.data, "0 e1\n1 w\n2 i\n3 d\n4 t\n");
}

static void test_standard_error(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char text[200] = "";

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_setup(log_to_stderr, LOG_TRACE);
	log_one_of_each();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	fd_read_full(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_string_equal(text, "error: e1\nwarning: w\ninfo: i\ndebug: d\ntrace: t\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing_without_a_sink, forget),
		cmocka_unit_test_teardown(test_levels_up_to_the_highest, forget),
		cmocka_unit_test_teardown(test_every_level, forget),
		cmocka_unit_test_teardown(test_standard_error, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
