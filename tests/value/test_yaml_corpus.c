/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML reader against PyYAML, by answers frozen in the tree and by the live one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/corpus.h"
#include "value/typed.h"
#include "value/yaml.h"

static void answer(const char *text, size_t len, struct strbuf *out)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v = yaml_read_all(&a, text, len, "corpus", NULL, NULL, &err);

	if (v)
		typed_add(out, v);
	else
		strbuf_addstr(out, "error");
}

static void test_frozen(void **state)
{
	(void)state;
	corpus_check_frozen("yaml", answer);
}

static void test_live(void **state)
{
	(void)state;
	corpus_check_live("yaml", answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
