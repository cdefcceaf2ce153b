/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks with `async`, and reboots: begun, waited for, asked about, and refused. (What their
 * results hold is compared with Ansible's in modules/jobs.yaml.)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "base/scratch.h"
#include "play/run_fixture.h"

#define PLAY                                                                                   \
	"- hosts: all\n  gather_facts: false\n  vars: {ansible_async_dir: '{{ DIR }}/jobs'}\n" \
	"  tasks:\n"
#define BEGINS "play 'all'\nbatch 0 of 1\n"

/* Runs tasks; what was to be seen behind the play's head. */
static const char *run(struct run_fixture *f, const char *shown, const char *tasks)
{
	f->show = shown;
	const char *got = run_fixture_play(f, arena_printf(&f->arena, PLAY "%s", tasks));

	return str_starts(got, BEGINS) ? got + strlen(BEGINS) : got;
}

static void a_task_waits_for_its_job(void **state)
{
	struct run_fixture *f = *state;
	int64_t start = clock_ns();

	assert_string_equal(run(f, "stdout",
				    "    - shell: sleep 0.3; echo done\n"
				    "      async: 60\n      poll: 30\n"),
		"h1 ASYNC OK 'shell'\n"
		"h1 task 'shell': changed \"done\"\n");
	/* The end is noticed long before a line would be printed. */
	assert_true(clock_ns() - start < 25000000000);
	assert_true(path_is_dir(run_fixture_path(f, "jobs")));
	assert_int_equal(rmdir(run_fixture_path(f, "jobs")), 0);
}

static void looks_are_told(void **state)
{
	struct run_fixture *f = *state;
	const char *seen = run(f, "stdout",
		"    - shell: sleep 1.6; echo done\n      async: 60\n      poll: 1\n");

	assert_true(str_starts(seen, "h1 ASYNC POLL 'shell'\n"));
	assert_true(str_ends(seen, "h1 ASYNC OK 'shell'\nh1 task 'shell': changed \"done\"\n"));
}

static void a_failed_job_is_a_failed_task(void **state)
{
	assert_string_equal(run(*state, "msg",
				    "    - shell: exit 4\n      async: 60\n      poll: 5\n"
				    "      ignore_errors: true\n"
				    "    - shell: exit 4\n      async: 60\n      poll: 5\n"
				    "      failed_when: false\n"),
		"h1 ASYNC FAILED 'shell'\n"
		"h1 task 'shell': ignored \"non-zero return code\"\n"
		"h1 ASYNC FAILED 'shell'\n"
		"h1 task 'shell': changed \"non-zero return code\"\n");
}

static void its_time_is_over(void **state)
{
	struct run_fixture *f = *state;
	const char *seen = run(f, "msg",
		"    - shell: sleep 30\n      async: 1\n      poll: 1\n"
		"    - debug: {msg: never}\n");

	run_fixture_expect(f, "h1 ASYNC POLL 'shell'\nh1 ASYNC FAILED 'shell'\n");
	run_fixture_expect(f, "task 'shell': failed \"async task did not complete within the "
			      "requested time - "
			      "1s\"\n");
	assert_null(strstr(seen, "never"));
}

static void one_that_is_left_alone_is_asked_about(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "wait", "");
	run(f, NULL,
		"    - shell: while test -e {{ DIR }}/wait; do sleep 0.1; done; echo out\n"
		"      async: 60\n      poll: 0\n      register: job\n"
		"    - async_status: {jid: '{{ job.ansible_job_id }}'}\n"
		"    - file: {path: '{{ DIR }}/wait', state: absent}\n"
		"    - async_status: {jid: '{{ job.ansible_job_id }}'}\n"
		"      register: end\n      until: end.finished\n"
		"      retries: 100\n      delay: 0.2\n"
		"    - async_status: {jid: '{{ job.ansible_job_id }}', mode: cleanup}\n"
		"    - async_status: {jid: '{{ job.ansible_job_id }}'}\n"
		"      register: gone\n      failed_when: gone.msg is not search('could not')\n"
		"    - assert: {that: end.stdout == 'out'}\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=7 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

static void jobs_of_a_loop_run_at_once(void **state)
{
	struct run_fixture *f = *state;
	int64_t start = clock_ns();

	run(f, NULL,
		"    - shell: sleep {{ item }}\n      async: 60\n      poll: 0\n"
		"      loop: [3, 3, 3, 3, 3, 3, 3, 3]\n      register: jobs\n"
		"    - async_status: {jid: '{{ item.ansible_job_id }}'}\n"
		"      loop: '{{ jobs.results }}'\n      register: end\n"
		"      until: end.finished\n      retries: 100\n      delay: 0.2\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=2 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
	assert_true(clock_ns() - start < 20000000000);
}

static void others_run_here_within_its_time(void **state)
{
	struct run_fixture *f = *state;

	assert_string_equal(
		run(f, "msg",
			"    - lineinfile: {path: '{{ DIR }}/f', line: a, create: true}\n"
			"      async: 60\n      poll: 5\n"
			"    - wait_for: {path: '{{ DIR }}/never', timeout: 60}\n"
			"      async: 1\n      poll: 1\n      ignore_errors: true\n"
			"    - lineinfile: {path: '{{ DIR }}/g', line: a, create: true}\n"
			"      async: '{{ 60 }}'\n      poll: '{{ 0 }}'\n      ignore_errors: "
			"true\n"
			"    - copy: {dest: '{{ DIR }}/h', content: a}\n"
			"      async: '{{ 0 }}'\n"),
		"h1 task 'lineinfile': changed \"line added\"\n"
		"h1 task 'wait_for': ignored \"async task did not complete within the "
		"requested time - 1s\"\n"
		"h1 task 'lineinfile': ignored \"async: \\\"lineinfile\\\" cannot be left "
		"alone with poll 0, because this machine has a part in its work; with a poll "
		"above 0 the task waits for it\"\n"
		"h1 task 'copy': changed\n");
	assert_false(path_exists(run_fixture_path(f, "g")));
}

static void the_timeout_of_a_task_is_for_its_beginning(void **state)
{
	assert_string_equal(run(*state, "stdout",
				    "    - shell: sleep 2; echo out\n      timeout: 1\n"
				    "      async: 60\n      poll: 30\n"),
		"h1 ASYNC OK 'shell'\nh1 task 'shell': changed \"out\"\n");
}

static void what_cannot_be_one_is_refused(void **state)
{
	struct run_fixture *f = *state;
	static const struct {
		const char *task, *finding;
	} refused[] = {
		{"copy: {content: a, dest: /tmp/a}, async: 5", "\"copy\" cannot be a job"},
		{"debug: {msg: a}, async: 5", "\"debug\" cannot be a job"},
		{"uri: {url: 'http://x/'}, async: 5, poll: 0", "\"uri\" cannot be left alone"},
		{"command: ls, async: soon", "async: found \"soon\", expected a whole number"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *seen =
			run(f, NULL, arena_printf(&f->arena, "    - {%s}\n", refused[i].task));
		if (!strstr(seen, refused[i].finding))
			fail_msg("%s: %s", refused[i].task, seen);
	}
}

static void a_transaction_has_none(void **state)
{
	struct run_fixture *f = *state;
	const char *seen = run_fixture_play(f,
		"- hosts: all\n  gather_facts: false\n  transaction: true\n  tasks:\n"
		"    - {command: ls, async: 5}\n");

	assert_non_null(strstr(seen, "what a job does cannot be taken back"));
	seen = run_fixture_play(f,
		"- hosts: all\n  gather_facts: false\n  transaction: false\n  tasks:\n"
		"    - {command: ls, async: 5, poll: 1}\n");
	assert_non_null(strstr(seen, "h1 task 'command': changed"));
}

/* This machine is not booted by a mistake. (On real hosts: tests/system/test_long_jobs.py.) */
static void a_reboot_is_for_others(void **state)
{
	static const char refusal[] = "h1 task 'reboot': ignored \"Running reboot with local "
				      "connection would reboot the "
				      "control node.\"\n";
	static const char task[] = "    - reboot: {reboot_command: /bin/false}\n"
				   "      ignore_errors: true\n";
	struct run_fixture *f = *state;

	assert_string_equal(run(f, "msg", task), refusal);
	f->options.check = true;
	assert_string_equal(run(f, "msg", task), refusal);
}

static void a_reboot_is_not_for_a_transaction(void **state)
{
	struct run_fixture *f = *state;
	const char *seen = run_fixture_play(f,
		"- hosts: all\n  gather_facts: false\n  transaction: true\n  tasks:\n"
		"    - reboot: {reboot_command: /bin/false}\n");

	assert_non_null(strstr(seen, "site.yaml:5:"));
	assert_non_null(strstr(seen, "\"reboot\" does not go with the play's transaction"));
	seen = run_fixture_play(f,
		"- hosts: all\n  gather_facts: false\n  transaction: '{{ true }}'\n  tasks:\n"
		"    - reboot: {reboot_command: /bin/false}\n");
	assert_non_null(strstr(seen, "h1 task 'reboot': failed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_waits_for_its_job),
		TEST(looks_are_told),
		TEST(a_failed_job_is_a_failed_task),
		TEST(its_time_is_over),
		TEST(one_that_is_left_alone_is_asked_about),
		TEST(jobs_of_a_loop_run_at_once),
		TEST(others_run_here_within_its_time),
		TEST(the_timeout_of_a_task_is_for_its_beginning),
		TEST(what_cannot_be_one_is_refused),
		TEST(a_transaction_has_none),
		TEST(a_reboot_is_for_others),
		TEST(a_reboot_is_not_for_a_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
