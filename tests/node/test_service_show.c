/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "node/service_show.h"

static const char two_units[] = "MainPID=111\n"
				"NRestarts=3\n"
				"ExecStart={ path=/bin/x ; argv[]=/bin/x = ; status=0/0 }\n"
				"Id=a.service\n"
				"LoadState=loaded\n"
				"ActiveState=active\n"
				"SubState=running\n"
				"UnitFileState=enabled\n"
				"Result=success\n"
				"ActiveEnterTimestampMonotonic=12064116596\n"
				"Job=626\n"
				"NeedDaemonReload=yes\n"
				"InvocationID=d60cb4748bf540ada901ef4f39de47b6\n"
				"\n"
				"MainPID=0\n"
				"Id=b.service\n"
				"LoadState=not-found\n"
				"ActiveState=inactive\n"
				"SubState=dead\n"
				"UnitFileState=\n"
				"ExecMainStatus=217\n"
				"Job=\n"
				"NeedDaemonReload=no\n";

static const char *const units[] = {"a", "b"};

static void test_two_units(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct service_state s[2];

	(void)state;
	assert_int_equal(0,
		service_show_parse(&a, units, 2, two_units, strlen(two_units), false, s, NULL));
	assert_string_equal(s[0].name, "a");
	assert_string_equal(s[0].id, "a.service");
	assert_string_equal(s[0].active, "active");
	assert_string_equal(s[0].sub, "running");
	assert_string_equal(s[0].enabled, "enabled");
	assert_string_equal(s[0].invocation, "d60cb4748bf540ada901ef4f39de47b6");
	assert_int_equal(s[0].main_pid, 111);
	assert_int_equal(s[0].restarts, 3);
	assert_int_equal(s[0].since_us, 12064116596);
	assert_int_equal(s[0].job, 626);
	assert_true(s[0].need_reload);
	assert_string_equal(s[1].id, "b.service");
	assert_string_equal(s[1].load, "not-found");
	assert_string_equal(s[1].enabled, "");
	assert_string_equal(s[1].result, "");
	assert_int_equal(s[1].exit_status, 217);
	assert_int_equal(s[1].job, 0);
	assert_false(s[1].need_reload);
}

static void test_another_number_of_units(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct service_state s[3];
	const char *const three[] = {"a", "b", "c"};
	struct err err = {0};

	(void)state;
	assert_int_equal(-1,
		service_show_parse(&a, three, 3, two_units, strlen(two_units), false, s, &err));
	assert_int_equal(err.code, ERR_PROTOCOL);
	assert_int_equal(-1,
		service_show_parse(&a, units, 1, two_units, strlen(two_units), false, s, NULL));
	assert_int_equal(-1, service_show_parse(&a, units, 1, "", 0, false, s, NULL));
	assert_int_equal(0, service_show_parse(&a, units, 0, "\n\n", 2, false, s, NULL));
}

/* A command with line breaks, and an empty line among them, is one property of one unit. */
static void test_values_of_several_lines(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct service_state s;
	struct service_property p;
	static const char text[] = "Id=a.service\n"
				   "ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c one\n"
				   "\n"
				   "two=2 ; status=0/0 }\n"
				   "ActiveState=active\n";

	(void)state;
	assert_int_equal(
		0, service_show_parse(&a, units, 1, text, strlen(text), true, &s, NULL));
	assert_string_equal(s.active, "active");
	const char *at = s.properties, *end = at + s.properties_len;
	assert_true(service_show_next(&at, end, &p));
	assert_memory_equal(p.name, "Id", p.name_len);
	assert_true(service_show_next(&at, end, &p));
	assert_int_equal(p.name_len, strlen("ExecStart"));
	assert_memory_equal(p.value + p.value_len - 12, "status=0/0 }", 12);
	assert_non_null(memmem(p.value, p.value_len, "one\n\ntwo=2", 10));
	assert_true(service_show_next(&at, end, &p));
	assert_memory_equal(p.value, "active", 6);
	assert_false(service_show_next(&at, end, &p));
}

static void test_nonsense(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct service_state s;
	static const char text[] = "no property\nMainPID=many\n=\nJob=-1\nExecX={ open";

	(void)state;
	assert_int_equal(
		0, service_show_parse(&a, units, 1, text, strlen(text), true, &s, NULL));
	assert_int_equal(s.main_pid, 0);
	assert_int_equal(s.job, 0);
	assert_string_equal(s.id, "a");
}

static void test_descriptions(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct service_state s = {.name = "a",
		.id = "a.service",
		.load = "loaded",
		.active = "failed",
		.sub = "failed",
		.result = "exit-code",
		.exit_status = 3};

	(void)state;
	assert_string_equal(
		service_describe(&a, &s), "a.service is failed, result exit-code, status 3");
	s = (struct service_state){.id = "a.service",
		.load = "loaded",
		.active = "activating",
		.sub = "start",
		.result = "success",
		.job = 7};
	assert_string_equal(service_describe(&a, &s),
		"a.service is activating (start), a job is still queued");
	s.load = "not-found";
	assert_string_equal(service_describe(&a, &s), "a.service does not exist");
	s = (struct service_state){
		.id = "x", .load = "masked", .active = "", .sub = "", .result = ""};
	assert_string_equal(
		service_describe(&a, &s), "x is in an unknown state, its file is masked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_units),
		cmocka_unit_test(test_another_number_of_units),
		cmocka_unit_test(test_values_of_several_lines),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
