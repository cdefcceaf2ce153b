/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML reader beside its corpus: places, texts of errors, findings, options, limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "value/typed.h"
#include "value/yaml.h"

static const struct value *read_text(struct arena *a, const char *text,
	const struct yaml_options *options, struct diags *diags)
{
	struct err err = {0};
	const struct value *v =
		yaml_read(a, text, strlen(text), "f.yaml", options, diags, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

static void assert_place(const struct place *at, unsigned line, unsigned column)
{
	assert_string_equal(at->file, "f.yaml");
	assert_int_equal(at->line, line);
	assert_int_equal(at->column, column);
}

static void test_places(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = read_text(&a,
		"# comment\n"
		"a: 1\n"
		"b:\n"
		"  - x\n"
		"  - {c: 'y'}\n",
		NULL, NULL);
	const struct value *list = value_dict_get(v, "b");

	(void)state;
	assert_place(&v->place, 2, 1);
	assert_place(&value_dict_pair(v, "a")->key->place, 2, 1);
	assert_place(&value_dict_get(v, "a")->place, 2, 4);
	assert_place(&list->place, 4, 3);
	assert_place(&list->items[0]->place, 4, 5);
	assert_place(&list->items[1]->place, 5, 5);
	assert_place(&value_dict_get(list->items[1], "c")->place, 5, 9);
	assert_place(&value_dict_pair(list->items[1], "c")->key->place, 5, 6);
}

/* Columns count bytes, though libyaml counts characters; a byte-order mark is not counted. */
static void test_places_in_bytes(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = read_text(&a,
		"\xef\xbb\xbf\xc3\xb6: 1\nm: {\xe2\x82\xac\xe2\x82\xac: x, b: y}\nc: z\n", NULL,
		NULL);
	const struct value *m = value_dict_get(v, "m");

	(void)state;
	assert_place(&value_dict_get(v, "\xc3\xb6")->place, 1, 5);
	assert_place(&value_dict_get(m, "b")->place, 2, 19);
	assert_place(&value_dict_get(v, "c")->place, 3, 4);
}

static void test_name_is_copied(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	char name[] = "name.yaml";
	struct err err = {0};
	const struct value *v = yaml_read(&a, "a: 1", 4, name, NULL, NULL, &err);

	(void)state;
	memset(name, 'x', strlen(name));
	assert_string_equal(v->place.file, "name.yaml");
	assert_null(yaml_read(&a, "a: 1", 4, NULL, NULL, NULL, &err)->place.file);
}

static const struct {
	const char *text;
	const char *place;
	const char *found;
	const char *remedy;
} errors[] = {
	{"a:\n\tb: 1\n", "f.yaml:2:1: ", "cannot start any token", "indent with spaces"},
	{"a: {{ x }}\n", "f.yaml:1:5: ", "found a mapping as a key", "needs quotes"},
	{"a: {{ x }}/y\n", "f.yaml:1:5: ", "", "needs quotes"},
	{"a: @x\n", "f.yaml:1:4: ", "cannot start any token", "begins with @"},
	{"a: b: c\n", "f.yaml:1:5: ", "mapping values are not allowed", "into quotes"},
	{"a: 1\n b: 2\n", "f.yaml:2:3: ", "", ""},
	{"a:\n  b: 1\n c: 2\n", "f.yaml:3:2: ", "did not find expected key", "alike"},
	{"a: [1, 2\nb: 3\n", "f.yaml:2:2: ", "did not find expected ',' or ']'", "close the ["},
	{"a: 'x\n", "f.yaml:2:1: ", "unexpected end of stream", "close the quote"},
	{"a: \"\\q\"\n", "f.yaml:1:5: ", "unknown escape", "single quotes"},
	{"a: 1\nb: \x01\n", "f.yaml:2:4: ", "control characters are not allowed (#x01)",
		"escape"},
	{"a: \xff\n", "f.yaml:1:4: ", "UTF-8", "save the file as UTF-8"},
	{"a: !foo 1\n", "f.yaml:1:4: ", "unknown tag !foo", "expected !vault"},
	{"a: *x\n", "f.yaml:1:4: ", "alias *x", "no anchor &x"},
	{"a: &x [*x]\n", "f.yaml:1:8: ", "inside its own anchor", "cannot hold itself"},
	{"a: &x 1\nb: &x 2\n", "f.yaml:2:4: ", "anchor &x is there already, in line 1", "name"},
	{"a: 2026-02-30\n", "f.yaml:1:4: ", "found \"2026-02-30\"", "expected a real date"},
	{"a: !!int abc\n", "f.yaml:1:4: ", "found \"abc\"", "expected an integer"},
	{"a: !!str [1]\n", "f.yaml:1:4: ", "found a list", "expected a scalar"},
	{"!!seq {a: 1}\n", "f.yaml:1:1: ", "found a mapping", "expected a list"},
	{"!!omap [{a: 1, b: 2}]\n", "f.yaml:1:9: ", "found a mapping", "one key"},
	{"<<: 1\n", "f.yaml:1:5: ", "found an integer behind <<", "expected a mapping"},
	{"<<: [{a: 1}, 2]\n", "f.yaml:1:5: ", "in the list behind <<", "expected a mapping"},
	{"? [1]\n: 2\n", "f.yaml:1:3: ", "found a list as a key", "expected a scalar"},
	{"a: 1\n---\nb: 2\n", "f.yaml:2:1: ", "second document", "remove the ---"},
};

static void test_errors(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		AUTO(arena_release) struct arena a = {0};
		struct err err = {0};

		if (!yaml_read(&a, errors[i].text, strlen(errors[i].text), "f.yaml", NULL, NULL,
			    &err) &&
			err.code == ERR_INPUT && str_starts(err.text, errors[i].place) &&
			strstr(err.text, errors[i].found) && strstr(err.text, errors[i].remedy))
			continue;
		print_message("%s  expected %s %s %s\n  found    %s\n", errors[i].text,
			errors[i].place, errors[i].found, errors[i].remedy, err.text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void test_duplicates_warn(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags diags = {0};
	const struct value *v = read_text(&a, "m:\n  a: 1\n  b: 2\n  a: 3\n", NULL, &diags);

	(void)state;
	assert_int_equal(value_dict_get(value_dict_get(v, "m"), "a")->integer, 3);
	assert_int_equal(diags.count, 1);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.items[0].line, 4);
	assert_int_equal(diags.items[0].column, 3);
	assert_non_null(
		strstr(diags.items[0].text, "the key a is given again, first in line 2"));
}

static void test_duplicates_as_errors(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags diags = {0};
	const struct yaml_options options = {.duplicates_are_errors = true};
	struct err err = {0};

	(void)state;
	read_text(&a, "a: 1\na: 2\nb: 1\nb: 2\n", &options, &diags);
	assert_int_equal(diags.errors, 2);
	assert_null(yaml_read(&a, "a: 1\na: 2\n", 10, "f.yaml", &options, NULL, &err));
	assert_non_null(strstr(err.text, "f.yaml:2:1: the key a is given again"));
}

static void test_overriding_a_merged_key_is_no_duplicate(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags diags = {0};

	(void)state;
	read_text(&a, "d: &d {a: 1}\ne:\n  a: 2\n  <<: *d\n", NULL, &diags);
	assert_int_equal(diags.count, 0);
}

static void test_lenient_dates(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct yaml_options options = {.lenient_dates = true};
	const struct value *v = read_text(&a, "[2026-02-30, 2026-02-28]", &options, NULL);
	struct err err = {0};

	(void)state;
	assert_int_equal(v->items[0]->kind, VALUE_STRING);
	assert_string_equal(v->items[0]->text, "2026-02-30");
	assert_int_equal(v->items[1]->kind, VALUE_DATE);
	assert_null(yaml_read(&a, "!!timestamp x", 13, NULL, &options, NULL, &err));
}

static void test_unsafe(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct yaml_options options = {.unsafe = true};
	const struct value *v = read_text(&a, "{k: [x, 1]}", &options, NULL);
	const struct value *tagged = read_text(&a, "[!unsafe [a, {b: c}], d]", NULL, NULL);

	(void)state;
	assert_true(v->pairs[0].key->unsafe);
	assert_true(value_dict_get(v, "k")->items[0]->unsafe);
	assert_false(value_dict_get(v, "k")->items[1]->unsafe);
	assert_true(tagged->items[0]->items[0]->tagged_unsafe);
	assert_true(value_dict_get(tagged->items[0]->items[1], "b")->tagged_unsafe);
	assert_false(tagged->items[0]->items[0]->unsafe);
	assert_false(tagged->items[1]->tagged_unsafe);
}

static void test_safe_loader_knows_no_ansible_tags(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct yaml_options options = {.safe_loader = true};
	struct err err = {0};

	(void)state;
	assert_null(yaml_read(&a, "!vault x", 8, NULL, &options, NULL, &err));
	assert_null(yaml_read(&a, "!unsafe x", 9, NULL, &options, NULL, &err));
	assert_non_null(yaml_read(&a, "!!str x", 7, NULL, &options, NULL, &err));
}

static void test_aliases_share(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = read_text(&a, "a: &x [1]\nb: *x\n", NULL, NULL);

	(void)state;
	assert_ptr_equal(value_dict_get(v, "a"), value_dict_get(v, "b"));
}

static void assert_limit(const char *text, size_t len, const struct yaml_options *options)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};

	assert_null(yaml_read(&a, text, len, "f.yaml", options, NULL, &err));
	if (err.code != ERR_LIMIT)
		fail_msg("%d: %s", err.code, err.text);
	assert_true(str_starts(err.text, "f.yaml"));
}

static void test_size_limit(void **state)
{
	(void)state;
	assert_limit("abc", 3, &(struct yaml_options){.max_bytes = 2});
}

static void test_depth_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	for (unsigned i = 0; i <= YAML_MAX_DEPTH; i++)
		strbuf_addch(&text, '[');
	assert_limit(text.data, text.len, NULL);
	assert_limit("a: {b: [1]}", 11, &(struct yaml_options){.max_depth = 2});
}

static void test_node_limit(void **state)
{
	(void)state;
	assert_limit("[1, 2, 3]", 9, &(struct yaml_options){.max_nodes = 3});
}

/* Ten lines of nine aliases each stand for a thousand million values. */
static void test_laughs(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, "a0: &a0 lol\n");
	for (int i = 1; i < 11; i++) {
		strbuf_addf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 9; j++)
			strbuf_addf(&text, "%s*a%d", j ? ", " : "", i - 1);
		strbuf_addstr(&text, "]\n");
	}
	assert_limit(text.data, text.len, NULL);
}

static void test_merged_laughs(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, "a: &a {");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&text, "k%d: 1, ", i);
	strbuf_addstr(&text, "}\nb: [");
	for (int i = 0; i < 2000; i++)
		strbuf_addstr(&text, "{<<: *a}, ");
	strbuf_addstr(&text, "]\n");
	assert_limit(text.data, text.len, NULL);
}

static void test_scalar(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	static const char *const texts[] = {"yes", "1_0", "abc", "", "2026-02-30", "a: b"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		typed_add(&out, yaml_scalar(&a, texts[i], strlen(texts[i])));
		strbuf_addch(&out, ' ');
	}
	assert_string_equal(out.data, "true i:10 s:\"abc\" null s:\"2026-02-30\" s:\"a: b\" ");
}

static void test_documents(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v =
		yaml_read_all(&a, "--- &x 1\n--- &x 2\n", 18, NULL, NULL, NULL, &err);

	(void)state;
	assert_non_null(v);
	assert_int_equal(v->count, 2);
	assert_null(yaml_read_all(&a, "--- &x 1\n--- *x\n", 16, NULL, NULL, NULL, &err));
}

static void test_file(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v =
		yaml_read_file(&a, "corpus/yaml/registry.yaml", NULL, NULL, &err);

	(void)state;
	assert_non_null(v);
	assert_string_equal(v->place.file, "corpus/yaml/registry.yaml");
	assert_null(yaml_read_file(&a, "corpus/none.yaml", NULL, NULL, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_null(yaml_read_file(&a, "corpus/yaml/registry.yaml",
		&(struct yaml_options){.max_bytes = 10}, NULL, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_places_in_bytes),
		cmocka_unit_test(test_name_is_copied),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_duplicates_warn),
		cmocka_unit_test(test_duplicates_as_errors),
		cmocka_unit_test(test_overriding_a_merged_key_is_no_duplicate),
		cmocka_unit_test(test_lenient_dates),
		cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_safe_loader_knows_no_ansible_tags),
		cmocka_unit_test(test_aliases_share),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_depth_limit),
		cmocka_unit_test(test_node_limit),
		cmocka_unit_test(test_laughs),
		cmocka_unit_test(test_merged_laughs),
		cmocka_unit_test(test_scalar),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
