/* SPDX-License-Identifier: Apache-2.0 */
/* Places of included steps, and argument specs of roles. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "inventory/datafile.h"
#include "play/argument_spec.h"
#include "play/include.h"

static uint64_t place(uint64_t base, unsigned depth, uint64_t offset, unsigned index)
{
	const struct include_place at = {.base = base, .depth = depth, .offset = offset};

	return include_place_of(&at, index);
}

static void test_steps_of_the_playbook_are_in_their_order(void **state)
{
	(void)state;
	assert_true(place(0, 0, 0, 0) > 0);
	assert_true(place(0, 0, 0, 1) > place(0, 0, 0, 0));
	assert_true(place(0, 0, 0, PLAYBOOK_MAX_STEPS) < UINT64_C(1) << 45);
}

static void test_included_steps_lie_behind_their_include(void **state)
{
	uint64_t include = place(0, 0, 0, 7), next = place(0, 0, 0, 8);

	(void)state;
	assert_true(place(include, 1, 0, 0) > include);
	assert_true(place(include, 1, 0, 5) > place(include, 1, 0, 4));
	assert_true(place(include, 1, 0, 100000) < next);
}

static void test_another_round_of_a_loop_lies_behind_the_first(void **state)
{
	uint64_t include = place(0, 0, 0, 7);

	(void)state;
	assert_true(place(include, 1, 10, 0) > place(include, 1, 0, 9));
}

static void test_includes_inside_includes(void **state)
{
	uint64_t first = place(place(0, 0, 0, 7), 1, 0, 3);
	uint64_t next = place(place(0, 0, 0, 7), 1, 0, 4);
	uint64_t second = place(first, 2, 0, 3);

	(void)state;
	assert_true(second > first && second < next);
	assert_true(place(second, 3, 0, 3) > second);
	assert_true(place(second, 3, 0, 3) < place(first, 2, 0, 4));
	/* What is deeper has its include's place. */
	assert_true(place(second + 4, 4, 0, 3) == second + 4);
}

/* ---- argument specs ---- */

static const char spec[] =
	"port: {type: int, required: true, aliases: [number]}\n"
	"mode: {choices: [fast, slow], default: fast}\n"
	"hosts: {type: list, elements: str, choices: [a, b]}\n"
	"enabled: {type: bool}\n"
	"inner: {type: dict, options: {size: {type: int}, name: {required: true}}}\n";

static const struct value *parsed(struct arena *a, const char *text)
{
	struct err err = {0};
	const struct value *v = datafile_parse(a, text, strlen(text), "spec", NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

/* The texts that a comparison gives, a line each. */
static void expect(const char *given, const char *expected)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	const struct value *errors =
		argument_spec_check(&a, parsed(&a, spec), parsed(&a, given));

	value_list_foreach (error, errors)
		strbuf_addf(&found, "%s\n", error->text);
	assert_string_equal(found.data, expected);
}

static void test_arguments_that_fit(void **state)
{
	(void)state;
	expect("{port: 80}", "");
	expect("{number: '80', mode: slow, enabled: 'yes'}", "");
	expect("{port: 1, hosts: 'a,b', inner: {name: x, size: 3}}", "");
}

static void test_arguments_that_do_not_fit(void **state)
{
	(void)state;
	expect("{}", "missing required arguments: port\n");
	expect("{port: many}",
		"argument 'port' is of type <class 'str'> and we were unable to convert to "
		"int\n");
	expect("{port: 1, mode: other}",
		"value of mode must be one of: fast, slow, got: other\n");
	expect("{port: 1, hosts: [a, c]}",
		"value of hosts must be one or more of: a, b. Got no match for: c\n");
	expect("{port: 1, other: 2}",
		"other. Supported parameters include: enabled, hosts, inner, mode, port.\n");
}

static void test_arguments_inside_others(void **state)
{
	(void)state;
	expect("{port: 1, inner: {size: 3}}",
		"missing required arguments: name found in inner\n");
	expect("{port: 1, inner: {name: x, size: [1]}}",
		"argument 'size' is of type <class 'list'> and we were unable to convert to "
		"int found in inner\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_of_the_playbook_are_in_their_order),
		cmocka_unit_test(test_included_steps_lie_behind_their_include),
		cmocka_unit_test(test_another_round_of_a_loop_lies_behind_the_first),
		cmocka_unit_test(test_includes_inside_includes),
		cmocka_unit_test(test_arguments_that_fit),
		cmocka_unit_test(test_arguments_that_do_not_fit),
		cmocka_unit_test(test_arguments_inside_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
