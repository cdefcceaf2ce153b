/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom model-sync-agent ends, and whom it does not. The processes are this program itself, with
 * whatever command line a case wants them to have.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/scratch.h"
#include "daemons/sync_agent/pilot.h"

#define PLAYS_PILOT "TEST_PLAYS_PILOT" /* in the environment of such a process: how */
#define PROCESSES   4
#define ARGUMENTS   6

static pid_t started[PROCESSES];
static char *name; /* a script's, that no other process of this machine has */
static struct err err;
static struct cancel cancel;
static char logged[1024];

/* ---- processes ---- */

/* Waits for its end; says through the descriptor that it can be signalled. */
static int play_pilot(const char *how)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(how, "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	if (write(STDOUT_FILENO, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/* Starts one with a command line, and waits until it has it. "NAME" in a word is the name. */
static pid_t start_as(const char *how, const char *const *words)
{
	char *argv[ARGUMENTS + 1] = {NULL};
	autofree char *role = xasprintf(PLAYS_PILOT "=%s", how);
	char *env[] = {role, NULL};
	size_t slot = 0;
	int ready[2];
	char byte;

	for (size_t i = 0; i < ARGUMENTS && words[i]; i++) {
		const char *at = strstr(words[i], "NAME");
		argv[i] =
			at ? xasprintf("%.*s%s%s", (int)(at - words[i]), words[i], name, at + 4)
			   : xstrdup(words[i]);
	}
	while (started[slot])
		slot++;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ready[1], STDOUT_FILENO);
		execve("/proc/self/exe", argv, env);
		_exit(127);
	}
	started[slot] = pid;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	for (size_t i = 0; i < ARGUMENTS; i++)
		free(argv[i]);
	return pid;
}

static pid_t start(void)
{
	return start_as("willing", (const char *const[]){"python3", "/opt/NAME", NULL});
}

static bool is_running(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void end_all(void)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		if (started[i] && is_running(started[i])) {
			kill(started[i], SIGKILL);
			waitpid(started[i], NULL, 0);
		}
		started[i] = 0;
	}
}

/* ---- a case ---- */

static void take_log(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof(logged), "%s", line);
}

static int make(void **state)
{
	name = xasprintf("pilot-of-test-%ld.py", (long)getpid());
	*logged = '\0';
	log_setup(take_log, LOG_INFO);
	return cancel_init(&cancel, NULL) < 0 ? -1 : scratch_make(state);
}

static int drop(void **state)
{
	end_all();
	free(name);
	cancel_release(&cancel);
	err_clear(&err);
	log_setup(NULL, LOG_INFO);
	return scratch_remove(state);
}

/* One whose command fails, and that waits for nobody long. */
static struct agent_update update_for(const char *command)
{
	return (struct agent_update){
		.restart = true, .command = command, .timeout = 60, .process_pattern = name};
}

/* ---- who is meant ---- */

static void a_script_is_found_by_its_base_name(void **state)
{
	static const char *const lines[][ARGUMENTS] = {
		{"python3", "NAME"},
		{"/usr/bin/python3.11", "-u", "-X", "dev", "/opt/NAME", "--camera"},
		{"sh", "/opt/NAME"},
		{"/opt/NAME", "run"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		pid_t pid = start_as("willing", lines[i]), found = 0;
		assert_int_equal(pilot_find(name, &found, &err), 0);
		assert_int_equal(found, pid);
		end_all();
	}
}

static void what_only_mentions_the_name_is_not_meant(void **state)
{
	static const char *const lines[][ARGUMENTS] = {
		{"vim", "/opt/NAME"},
		{"python3", "-c", "NAME"},
		{"python3", "-m", "NAME"},
		{"sh", "-c", "NAME"},
		{"python3", "/opt/other.py", "NAME"},
		{"python3", "/opt/my-NAME"},
		{"python3", "/opt/NAME.bak"},
		{"pythonista", "/opt/NAME"},
		{"python3"},
	};
	pid_t found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		start_as("willing", lines[i]);
		assert_int_equal(pilot_find(name, &found, &err), -1);
		assert_int_equal(err.code, ERR_NOTFOUND);
		end_all();
	}
}

static void of_several_none_is_ended(void **state)
{
	const struct agent_update u = update_for("exit 1");
	pid_t first = start(), second = start();

	(void)state;
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "2 processes are"));
	assert_true(is_running(first) && is_running(second));
}

/* ---- how it is ended ---- */

static void the_end_of_the_process_is_awaited(void **state)
{
	const struct agent_update u = update_for("exit 1");
	pid_t pid = start();
	int status;

	(void)state;
	assert_int_equal(pilot_restart(&u, &cancel, &err), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	started[0] = 0;
}

static void a_process_that_does_not_end_is_an_error(void **state)
{
	struct agent_update u = update_for("exit 1");
	pid_t pid = start_as("stubborn", (const char *const[]){"python3", "NAME", NULL});

	(void)state;
	u.timeout = 0.2;
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(is_running(pid));
}

static void a_pid_file_names_it(void **state)
{
	autofree char *path = path_join(*state, "pid");
	struct agent_update u = update_for("exit 1");
	pid_t first = start(), second = start();
	autofree char *text = xasprintf("%ld\n", (long)second);

	scratch_write(path, text);
	u.pid_file = path;
	assert_int_equal(pilot_restart(&u, &cancel, &err), 0);
	assert_false(is_running(second));
	started[1] = 0;
	assert_true(is_running(first));
}

/* Process 1 is nobody's pilot, and a negative number would be a group of processes. */
static void a_pid_file_that_names_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "\n", "pilot\n", "0\n", "1\n", "-1\n", "12 13\n", "99999999999\n"};
	autofree char *path = path_join(*state, "pid");
	struct agent_update u = update_for("exit 1");

	u.pid_file = path;
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		scratch_write(path, texts[i]);
		assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, "holds no process id"));
	}
}

/* ---- the command ---- */

static void a_command_that_does_it_is_enough(void **state)
{
	const struct agent_update u = update_for("true");
	pid_t pid = start();

	(void)state;
	assert_int_equal(pilot_restart(&u, &cancel, &err), 0);
	assert_string_equal(logged, "\"true\" is done");
	assert_true(is_running(pid));
}

static void what_a_command_says_is_told(void **state)
{
	const struct agent_update u = update_for("echo cause >&2; echo advice >&2; exit 3");

	(void)state;
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(
		strstr(logged, "ended with 3: cause advice; ending the process instead"));
}

static void a_command_that_takes_too_long_is_given_up(void **state)
{
	struct agent_update u = update_for("sleep 600");

	(void)state;
	u.timeout = 0.2;
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_non_null(strstr(logged, "timed out"));
}

static void nothing_is_done_where_nothing_is_wanted(void **state)
{
	struct agent_update none = update_for(""), off = update_for("exit 1");
	pid_t pid = start();

	(void)state;
	off.restart = false;
	assert_int_equal(pilot_restart(&none, &cancel, &err), 0);
	assert_int_equal(pilot_restart(&off, &cancel, &err), 0);
	assert_string_equal(logged, "");
	assert_true(is_running(pid));
}

static void an_interrupted_command_ends_nobody(void **state)
{
	const struct agent_update u = update_for("sleep 600");
	pid_t pid = start();

	(void)state;
	cancel_request(&cancel);
	assert_int_equal(pilot_restart(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_true(is_running(pid));
}

/* ---- again ---- */

static int tries;

static void interrupt_after_a_try(enum log_level level, const char *line)
{
	(void)level;
	tries++;
	if (strstr(line, "ending the process instead"))
		cancel_request(&cancel);
}

static void an_interrupt_ends_the_tries(void **state)
{
	const struct agent_update u = update_for("exit 1");

	(void)state;
	tries = 0;
	log_setup(interrupt_after_a_try, LOG_INFO);
	assert_int_equal(pilot_restart_again(&u, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_int_equal(tries, 1);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_script_is_found_by_its_base_name),
		CASE(what_only_mentions_the_name_is_not_meant),
		CASE(of_several_none_is_ended),
		CASE(the_end_of_the_process_is_awaited),
		CASE(a_process_that_does_not_end_is_an_error),
		CASE(a_pid_file_names_it),
		CASE(a_pid_file_that_names_none_is_refused),
		CASE(a_command_that_does_it_is_enough),
		CASE(what_a_command_says_is_told),
		CASE(a_command_that_takes_too_long_is_given_up),
		CASE(nothing_is_done_where_nothing_is_wanted),
		CASE(an_interrupted_command_ends_nobody),
		CASE(an_interrupt_ends_the_tries),
	};
	const char *role = getenv(PLAYS_PILOT);

	return role ? play_pilot(role) : cmocka_run_group_tests(tests, NULL, NULL);
}
