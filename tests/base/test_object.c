/* SPDX-License-Identifier: Apache-2.0 */
/* JSON objects among the lines of a program's output. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/object.h"
#include "base/str.h"

/* What is found in a text; NULL: nothing. */
static void expect(const char *text, const char *object)
{
	struct object_span found;

	if (!object_find(text, strlen(text), &found)) {
		assert_null(object);
		return;
	}
	assert_non_null(object);
	assert_int_equal(found.end - found.start, strlen(object));
	assert_memory_equal(found.start, object, strlen(object));
}

static void test_found(void **state)
{
	(void)state;
	expect("{}", "{}");
	expect("  {\"a\": 1}  \n", "{\"a\": 1}");
	expect("motd\n\n{\n\"a\": {\n}\n}\ntrailing\n", "{\n\"a\": {\n}\n}");
}

static void test_absent(void **state)
{
	(void)state;
	expect("", NULL);
	expect("\n \n", NULL);
	expect("said {} inside a line\n", NULL);
	expect("{\"a\": 1\n", NULL);
	expect("}\n{\n", NULL);
}

static void test_stripped(void **state)
{
	const char text[] = " \t a b \n";
	struct object_span s = object_strip(text, text + strlen(text));

	(void)state;
	assert_ptr_equal(s.start, text + 3);
	assert_ptr_equal(s.end, text + 6);
	s = object_strip(text, text + 3);
	assert_ptr_equal(s.start, s.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_stripped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
