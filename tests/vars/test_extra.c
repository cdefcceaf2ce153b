/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What -e takes: pairs, files, YAML and JSON.
 */
#include "inventory/files.h"
#include "value/json.h"
#include "vars/args.h"
#include "vars/vars.h"

/* The mapping of -e arguments (ended by NULL) as JSON, or the error. */
static void extra(const char *const *arguments, const char *wanted)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist list = {0};
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	struct err err = {0};

	for (size_t i = 0; arguments[i]; i++)
		strlist_add(&list, arguments[i]);
	const struct value *v = vars_parse_extra(&list, NULL, &arena, &err);
	if (v)
		assert_int_equal(json_write(v, NULL, &got, &err), 0);
	else
		strbuf_addstr(&got, err.text);
	assert_string_equal(got.data, wanted);
}

#define EXTRA(wanted, ...) extra((const char *const[]){__VA_ARGS__, NULL}, wanted)

static void pairs_are_strings(void **state)
{
	(void)state;
	EXTRA("{\"a\": \"1\", \"b\": \"yes\"}", "a=1 b=yes");
	EXTRA("{\"a\": \"two words\", \"b\": \"it's\"}", "a='two words' b=\"it's\"");
	EXTRA("{\"a\": \"b=c\"}", "a=b=c");
	EXTRA("{\"a\": \"\"}", "a=");
	EXTRA("{\"a\": \"1\", \"b\": \"2\"}", "a=1\nb=2");
	EXTRA("{\"a\": \"1\\tb=2\"}", "a=1\tb=2");
	EXTRA("{}", "");
}

static void templates_hold_together(void **state)
{
	(void)state;
	EXTRA("{\"a\": \"{{ x | y }}\", \"b\": \"1\"}", "a={{ x | y }} b=1");
	EXTRA("{\"a\": \"{% if x %}y{% endif %}\"}", "a={% if x %}y{% endif %}");
	EXTRA("{\"a\": \"{# c #}z\"}", "a={# c #}z");
}

static void escapes_are_resolved(void **state)
{
	(void)state;
	EXTRA("{\"a\": \"x\\ny\"}", "a=x\\ny");
	EXTRA("{\"a\": \"AA\xc3\xa9\"}", "a=\\x41\\u0041\\u00e9");
	EXTRA("{\"a\": \"\\\\q\"}", "a=\\q");
	EXTRA("{\"a\": \"\xf0\x9f\x98\x80\"}", "a=\\U0001F600");
	EXTRA("{\"a\\\\=b\": \"c\"}", "a\\=b=c");
}

static void later_ones_win(void **state)
{
	(void)state;
	EXTRA("{\"a\": \"2\", \"b\": [1]}", "a=1", "{\"b\": [1]}", "a=2");
}

static void yaml_and_json_have_types(void **state)
{
	(void)state;
	EXTRA("{\"a\": 1, \"b\": true}", "{a: 1, b: yes}");
	EXTRA("{\"a\": null}", "{\"a\": null}");
	EXTRA("{\"1\": 2}", "{1: 2}");
}

static void mistakes_are_told(void **state)
{
	(void)state;
	EXTRA("-e: expected NAME=VALUE, found: word", "word");
	EXTRA("-e [1]: expected a mapping, found a list", "[1]");
	EXTRA("-e: a file of variables is written -e @./x.yml", "./x.yml");
	EXTRA("-e: a file of variables is written -e @/x.yml", "/x.yml");
	EXTRA("-e: a quote or a template's delimiter is not closed in: a='b", "a='b");
	EXTRA("-e: a quote or a template's delimiter is not closed in: a={{ b", "a={{ b");
}

static void files_keep_their_places(void **state)
{
	struct files files;
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist list = {0};
	struct err err = {0};

	(void)state;
	files_init(&files);
	files_write(&files, "x.yml", "a: 1\nb:\n  c: 2\n", 0644);
	autofree char *path = files_path(&files, "x.yml");
	strlist_addf(&list, "@%s", path);
	strlist_add(&list, "p=1");
	const struct value *v = vars_parse_extra(&list, NULL, &arena, &err);
	assert_non_null(v);
	const struct value *b = value_dict_get(v, "b");
	assert_string_equal(b->place.file, path);
	assert_int_equal(value_dict_get(b, "c")->place.line, 3);
	assert_string_equal(value_dict_get(v, "p")->place.file, "-e");
	files_release(&files);
}

static void missing_file_is_named(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist list = {0};
	struct err err = {0};

	(void)state;
	strlist_add(&list, "@/nonexistent/x.yml");
	assert_null(vars_parse_extra(&list, NULL, &arena, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "/nonexistent/x.yml"));
}

static void long_arguments_are_refused(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	static const struct place at = {.file = "-e"};
	struct err err = {0};

	(void)state;
	strbuf_addstr(&text, "a=");
	for (size_t i = 0; i <= ARGS_MAX; i++)
		strbuf_addch(&text, 'x');
	assert_int_equal(args_parse(&arena, text.data, &at, value_new_dict(&arena), &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_strings),
		cmocka_unit_test(templates_hold_together),
		cmocka_unit_test(escapes_are_resolved),
		cmocka_unit_test(later_ones_win),
		cmocka_unit_test(yaml_and_json_have_types),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(files_keep_their_places),
		cmocka_unit_test(missing_file_is_named),
		cmocka_unit_test(long_arguments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
