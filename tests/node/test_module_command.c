/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module command: against Ansible's, and how programs are ended, fed and listened to.
 */
#include "node/oracle.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/world.h"

/* Ansible's module takes a line for a shell under other names. */
#define LINE(name, setup, line, more, flags)                                                   \
	{                                                                                      \
		name, setup, "{\"line\": \"" line "\", \"chdir\": \"@\"" more "}", flags,      \
			"{\"_raw_params\": \"" line                                            \
			"\", \"_uses_shell\": true, \"strip_empty_ends\": false, \"chdir\": "  \
			"\"@\"" more "}"                                                       \
	}
#define ARGV(name, setup, argv, more, flags)                                                   \
	{                                                                                      \
		name, setup, "{\"argv\": " argv ", \"chdir\": \"@\"" more "}", flags,          \
			"{\"argv\": " argv                                                     \
			", \"strip_empty_ends\": false, \"chdir\": \"@\"" more "}"             \
	}

static const struct oracle_case cases[] = {
	LINE("a line", NULL, "echo out; echo err >&2; touch made", "", 0),
	LINE("a pipe and a variable", NULL, "x=5; echo $x | tr 5 6", "", 0),
	LINE("creates, there", "touch made", "touch other", ", \"creates\": \"@/made\"", 0),
	LINE("creates, a pattern", "touch made.7", "touch other",
		", \"creates\": \"@/ma[a-z]e.*\"", 0),
	LINE("creates, not there", NULL, "touch other", ", \"creates\": \"@/made\"", 0),
	LINE("creates, relative", "touch made", "touch other", ", \"creates\": \"made\"", 0),
	LINE("removes, there", "touch made", "rm made", ", \"removes\": \"@/made\"", 0),
	LINE("removes, not there", NULL, "rm made", ", \"removes\": \"@/made\"", 0),
	LINE("check mode", NULL, "touch made", "", FRAME_CHECK),
	LINE("check mode, creates, there", "touch made", "touch made",
		", \"creates\": \"@/made\"", FRAME_CHECK),
	LINE("check mode, creates, not there", NULL, "touch made", ", \"creates\": \"@/made\"",
		FRAME_CHECK),
	LINE("input", NULL, "cat", ", \"stdin\": \"a\\nb\", \"stdin_add_newline\": false", 0),
	ARGV("arguments", NULL, "[\"printf\", \"%s|\", \"a b\", \"\", \"*\", \"$HOME\"]", "",
		0),
	ARGV("variables and homes", NULL,
		"[\"printf\", \"%s|\", \"${HOME}/x\", \"$NO_SUCH/y\", \"${OPEN\", \"~\", "
		"\"~root/z\", \"~no-such/z\", \"a~\", \"$\"]",
		"", 0),
	ARGV("a program by its path", NULL, "[\"/bin/touch\", \"made\"]", "", 0),
};

static void command_does_what_ansibles_does(void **state)
{
	static const char *const ignored[] = {
		"start", "end", "delta", "stdout_cut", "stderr_cut", "skipped", NULL};
	struct world *w = *state;
	unsigned failures = 0;

	if (!oracle_is_there()) {
		print_message("skipped: needs Ansible\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oracle_case k = cases[i];
		/* Ours takes the input as it is; whether a newline is added is asked of
		 * Ansible's alone. */
		autofree char *ours = xstrdup(k.args);
		char *newline = strstr(ours, ", \"stdin_add_newline\": false");
		if (newline)
			memmove(newline, strchr(newline, '}'), 2);
		k.args = ours;
		failures += !oracle_compare(&w->client, w->dir, "command", ignored, &k);
	}
	assert_int_equal(failures, 0);
}

/* Runs a shell's line. */
static enum err_code shell(struct world *w, struct module_result *r, const char *line)
{
	return module_call(&w->client, r, "command", 0, "{\"line\": \"%s\"}", line);
}

static void exit_status_is_told(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(shell(w, &r, "exit 7"), ERR_NONE);
	assert_int_equal(module_int(&r, "rc"), 7);
	assert_true(module_bool(&r, "changed"));
	assert_string_equal(module_text(&r, "msg"), "non-zero return code");
	module_result_release(&r);
	assert_int_equal(shell(w, &r, "kill -9 $$"), ERR_NONE);
	assert_int_equal(module_int(&r, "rc"), 128 + 9);
	module_result_release(&r);
}

static void a_program_that_is_not_there_has_errno_as_rc(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"argv\": [\"no-such-program\", \"x\"]}"),
		ERR_NONE);
	assert_int_equal(module_int(&r, "rc"), 2);
	assert_string_equal(module_text(&r, "msg"),
		"[Errno 2] No such file or directory: b'no-such-program'");
	assert_false(module_bool(&r, "changed"));
	module_result_release(&r);
	assert_int_equal(
		module_call(&w->client, &r, "command", 0, "{\"argv\": [\"/etc/passwd\"]}"),
		ERR_NONE);
	if (!client_foreign_machine())
		assert_int_equal(module_int(&r, "rc"), 13);
	module_result_release(&r);
}

static void times_are_told_as_python_prints_them(void **state)
{
	struct world *w = *state;
	struct module_result r;
	int year, month, day, hour, minute, second, micro;

	assert_int_equal(shell(w, &r, "sleep 1.05"), ERR_NONE);
	assert_int_equal(sscanf(module_text(&r, "delta"), "%d:%2d:%2d.%6d", &hour, &minute,
				 &second, &micro),
		4);
	assert_int_equal(hour * 3600 + minute * 60 + second, 1);
	assert_int_equal(sscanf(module_text(&r, "start"), "%4d-%2d-%2d %2d:%2d:%2d.%6d", &year,
				 &month, &day, &hour, &minute, &second, &micro),
		7);
	struct tm now;
	time_t t = time(NULL);
	localtime_r(&t, &now);
	assert_int_equal(year, now.tm_year + 1900);
	module_result_release(&r);
}

static void the_environment_is_added(void **state)
{
	struct world *w = *state;
	struct module_result r;

	world_text(w->dir, "bin/hello", "#!/bin/sh\necho found $GREETING $HOME\n");
	autofree char *program = path_join(w->dir, "bin/hello");
	assert_int_equal(chmod(program, 0755), 0);
	/* The program is looked up in the PATH that it is given. */
	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"argv\": [\"hello\"], \"environment\": {\"PATH\": "
				 "\"%s/bin:/bin:/usr/bin\", \"GREETING\": \"a b\"}}",
				 w->dir),
		ERR_NONE);
	autofree char *want = xasprintf("found a b %s\n", getenv("HOME"));
	assert_string_equal(module_text(&r, "stdout"), want);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"line\": \"true\", \"environment\": {\"A=B\": \"x\"}}"),
		ERR_INPUT);
}

static void the_login_s_umask_is_the_program_s(void **state)
{
	struct world *w = *state;
	struct client c;
	struct module_result r;

	mode_t ours = umask(027);
	client_start(&c);
	umask(ours);
	assert_int_equal(module_call(&c, &r, "command", 0, "{\"line\": \"umask\"}"), ERR_NONE);
	assert_string_equal(module_text(&r, "stdout"), "0027\n");
	module_result_release(&r);
	assert_int_equal(
		module_call(&c, &r, "copy", 0,
			"{\"path\": \"%s/f\", \"content\": {\"$bytes\": \"x\"}}", w->dir),
		ERR_NONE);
	assert_string_equal(module_text(&r, "mode"), "0640");
	module_result_release(&r);
	client_stop(&c);
}

static void large_output_is_cut_and_said_so(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"line\": \"head -c 3000000 /dev/zero | tr '\\\\0' x; echo "
				 "end >&2\", \"output_max\": 1000}"),
		ERR_NONE);
	assert_int_equal(strlen(module_text(&r, "stdout")), 1000);
	assert_true(module_bool(&r, "stdout_cut"));
	assert_false(module_bool(&r, "stderr_cut"));
	assert_string_equal(module_text(&r, "stderr"), "end\n");
	assert_int_equal(module_int(&r, "rc"), 0);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"line\": \"true\", \"output_max\": 100000000}"),
		ERR_LIMIT);
}

static void much_input_and_output_at_once_do_not_stall(void **state)
{
	struct world *w = *state;
	struct module_result r;
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;

	strbuf_addstr(&json, "{\"line\": \"cat; cat >&2\", \"stdin\": \"");
	for (int i = 0; i < 60000; i++)
		strbuf_addstr(&json, "0123456789");
	strbuf_addstr(&json, "\"}");
	assert_int_equal(module_call_for(&w->client, &r, 30, "command", json.data), ERR_NONE);
	assert_int_equal(strlen(module_text(&r, "stdout")), 600000);
	module_result_release(&r);
	/* Who does not read its input is no error. */
	strbuf_clear(&json);
	strbuf_addstr(&json, "{\"line\": \"exec <&-; sleep 0.2; echo ok\", \"stdin\": \"");
	for (int i = 0; i < 20000; i++)
		strbuf_addstr(&json, "0123456789");
	strbuf_addstr(&json, "\"}");
	assert_int_equal(module_call_for(&w->client, &r, 30, "command", json.data), ERR_NONE);
	assert_string_equal(module_text(&r, "stdout"), "ok\n");
	module_result_release(&r);
}

static bool lives(const char *pid_file)
{
	AUTO(strbuf_release) struct strbuf pid = STRBUF_INIT;
	int64_t number;

	assert_int_equal(file_read(pid_file, 100, &pid, NULL), 0);
	strbuf_rtrim(&pid);
	assert_true(parse_int(pid.data, 2, INT32_MAX, &number));
	for (int i = 0; i < 100 && kill((pid_t)number, 0) == 0; i++)
		wait_until(deadline_in(0.02), NULL, NULL);
	return kill((pid_t)number, 0) == 0;
}

static void a_time_limit_ends_all_that_was_started(void **state)
{
	struct world *w = *state;
	struct module_result r;
	int64_t start = clock_ns();

	autofree char *json = xasprintf("{\"line\": \"trap '' TERM; sleep 61 & echo $! > "
					"%s/pid; echo said; wait; sleep 62\"}",
		w->dir);
	assert_int_equal(module_call_for(&w->client, &r, 0.5, "command", json), ERR_TIMEOUT);
	assert_true(clock_ns() - start < 20 * 1000000000LL);
	autofree char *pid = path_join(w->dir, "pid");
	assert_false(lives(pid));
	/* The helper goes on. */
	assert_int_equal(shell(w, &r, "echo on"), ERR_NONE);
	module_result_release(&r);
}

static void a_daemon_that_keeps_the_output_open_is_not_waited_for(void **state)
{
	struct world *w = *state;
	struct module_result r;
	int64_t start = clock_ns();

	assert_int_equal(module_call(&w->client, &r, "command", 0,
				 "{\"line\": \"(echo $BASHPID; sleep 20; echo late) & echo $! "
				 "> %s/pid; echo early\"}",
				 w->dir),
		ERR_NONE);
	assert_true(clock_ns() - start < 8 * 1000000000LL);
	assert_non_null(strstr(module_text(&r, "stdout"), "early"));
	assert_null(strstr(module_text(&r, "stdout"), "late"));
	module_result_release(&r);
	/* And it was not killed: it is a daemon. */
	AUTO(strbuf_release) struct strbuf pid = STRBUF_INIT;
	autofree char *pid_file = path_join(w->dir, "pid");
	int64_t number;
	assert_int_equal(file_read(pid_file, 100, &pid, NULL), 0);
	strbuf_rtrim(&pid);
	assert_true(parse_int(pid.data, 2, INT32_MAX, &number));
	assert_int_equal(kill((pid_t)number, 0), 0);
	kill((pid_t)-number, SIGKILL);
	kill((pid_t)number, SIGKILL);
}

static void long_work_gives_signs_of_life(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(shell(w, &r, "sleep 2.6"), ERR_NONE);
	assert_in_range(r.events, 1, 3);
	module_result_release(&r);
}

static void a_program_ends_with_the_engine(void **state)
{
	struct world *w = *state;
	struct client c;
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT;
	struct item_writer out;

	client_start(&c);
	item_begin(&out, &args);
	item_put_stringf(&out, "line", "echo $$ > %s/pid.new; mv %s/pid.new %s/pid; sleep 63",
		w->dir, w->dir, w->dir);
	assert_int_equal(item_finish(&out, NULL), 0);
	module_send(&c, "command", 0, 0, args.data, args.len);
	autofree char *pid = path_join(w->dir, "pid");
	for (int i = 0; i < 500 && !path_exists(pid); i++)
		wait_until(deadline_in(0.02), NULL, NULL);
	fd_close(&c.in);
	assert_false(lives(pid));
	fd_close(&c.out);
	client_kill(&c);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *json, *says;
	} wrong[] = {
		{"{}", "either"},
		{"{\"line\": \"true\", \"argv\": [\"true\"]}", "either"},
		{"{\"argv\": [1]}", "argv"},
		{"{\"line\": \"true\", \"chdir\": \"/no/such\"}", "change directory"},
		{"{\"line\": \"true\", \"chdir\": \"relative\"}", "absolute"},
		{"{\"line\": \"true\", \"create\": \"x\"}", "creates"},
		{"{\"line\": 5}", "type"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct module_result r;
		assert_int_not_equal(
			module_call(&w->client, &r, "command", 0, "%s", wrong[i].json),
			ERR_NONE);
		assert_non_null(strstr(r.text, wrong[i].says));
	}
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(command_does_what_ansibles_does),
		WORLD_TEST(exit_status_is_told),
		WORLD_TEST(a_program_that_is_not_there_has_errno_as_rc),
		WORLD_TEST(times_are_told_as_python_prints_them),
		WORLD_TEST(the_environment_is_added),
		WORLD_TEST(the_login_s_umask_is_the_program_s),
		WORLD_TEST(large_output_is_cut_and_said_so),
		WORLD_TEST(much_input_and_output_at_once_do_not_stall),
		WORLD_TEST(a_time_limit_ends_all_that_was_started),
		WORLD_TEST(a_daemon_that_keeps_the_output_open_is_not_waited_for),
		WORLD_TEST(long_work_gives_signs_of_life),
		WORLD_TEST(a_program_ends_with_the_engine),
		WORLD_TEST(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
