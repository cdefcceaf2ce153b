/* SPDX-License-Identifier: Apache-2.0 */
/* docs/playbooks.md names every keyword, module and argument of the tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "play/keywords.h"
#include "play/module.h"

static int setup(void **state)
{
	struct strbuf *page = xcalloc(1, sizeof(*page));

	strbuf_init(page);
	*state = page;
	return file_read("../../docs/playbooks.md", 1u << 20, page, NULL);
}

static int teardown(void **state)
{
	strbuf_release(*state);
	free(*state);
	return 0;
}

static void expect(const struct strbuf *page, const char *text, const char *what)
{
	if (!strstr(page->data, text))
		fail_msg("docs/playbooks.md does not name %s (%s)", text, what);
}

static void test_keywords(void **state)
{
	const struct keyword *k;

	for (size_t i = 0; (k = keyword_at(i)); i++) {
		autofree char *name = xasprintf("`%s`", k->name);
		if (!(k->where & KEYWORD_TRANSACTION))
			expect(*state, name, "a keyword");
	}
}

static void test_modules(void **state)
{
	const struct module *m;

	for (size_t i = 0; (m = module_at(i)); i++) {
		autofree char *row = xasprintf("\n| `%s` | ", m->name);
		expect(*state, row, "a module");
		for (const struct argument *a = m->arguments; a && a->name; a++) {
			autofree char *name = xasprintf("`%s`", a->name);
			if (strcmp(a->name, ARGUMENT_FREE_FORM) != 0)
				expect(*state, name, m->name);
		}
	}
}

/* What is documented is there: each row of the table of modules names one. */
static void test_rows(void **state)
{
	static const char mark[] = "\n| `";
	const struct strbuf *page = *state;
	const char *at = strstr(page->data, "## Modules");

	assert_non_null(at);
	for (; (at = strstr(at, mark)); at++) {
		const char *name = at + strlen(mark);
		autofree char *copy = xstrndup(name, strcspn(name, "`"));
		if (!module_find(copy))
			fail_msg("docs/playbooks.md names the module %s", copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
