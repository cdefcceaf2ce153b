/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as we write it against PyYAML with libyaml's emitter, in the ways of expect.py.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/corpus.h"
#include "value/typed.h"
#include "value/yaml.h"
#include "value/yaml_emit.h"

/* YAML_WAYS of expect.py, in its order. */
static const struct yaml_emit_options ways[] = {
	{.flow = YAML_FLOW_LEAVES, .unicode = true, .sort_keys = true},
	{.flow = YAML_BLOCK, .unicode = true, .sort_keys = true, .indent = 4},
	{.flow = YAML_FLOW, .unicode = true, .sort_keys = true, .width = 20},
	{.flow = YAML_BLOCK, .width = -1},
	{.flow = YAML_FLOW_LEAVES,
		.sort_keys = true,
		.style = YAML_STYLE_DOUBLE,
		.explicit_start = true,
		.explicit_end = true},
	{.flow = YAML_BLOCK, .sort_keys = true, .style = YAML_STYLE_LITERAL, .unicode = true},
	{.flow = YAML_BLOCK,
		.sort_keys = true,
		.style = YAML_STYLE_FOLDED,
		.unicode = true,
		.width = 30},
	{.flow = YAML_BLOCK, .sort_keys = true, .style = YAML_STYLE_SINGLE, .unicode = true},
};

static void answer(const char *text, size_t len, struct strbuf *out)
{
	AUTO(arena_release) struct arena a = {0};
	struct err err = {0};
	const struct value *v = yaml_read_all(&a, text, len, NULL, NULL, NULL, &err);

	assert_non_null(v);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO(strbuf_release) struct strbuf written = STRBUF_INIT;

		if (yaml_emit(v, &ways[i], &written, &err) < 0)
			fail_msg("%s", err.text);
		strbuf_addstr(out, i ? " " : "");
		typed_add_text(out, &written);
	}
}

static void test_frozen(void **state)
{
	(void)state;
	corpus_check_frozen("to_yaml", answer);
}

static void test_live(void **state)
{
	(void)state;
	corpus_check_live("to_yaml", answer);
}

static int emit(const struct value *v, const struct yaml_emit_options *options,
	struct strbuf *out, struct err *err)
{
	*err = (struct err){0};
	return yaml_emit(v, options, out, err);
}

static void test_no_aliases(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct value *list = value_new_list(&a), *inner = value_new_list(&a);
	struct err err;

	(void)state;
	value_list_add(&a, inner, &value_true);
	value_list_add(&a, list, inner);
	value_list_add(&a, list, inner);
	assert_int_equal(
		emit(list, &(struct yaml_emit_options){.no_aliases = true}, &out, &err), 0);
	assert_string_equal(out.data, "- - true\n- - true\n");
}

static void test_refuses(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct yaml_emit_options plain = {0}, endless = {.no_aliases = true};
	const struct value object = {.kind = VALUE_OBJECT};
	struct value *loop = value_new_list(&a);
	struct err err;

	(void)state;
	assert_int_equal(emit(&object, &plain, &out, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(emit(value_new_string(&a, "\xff"), &plain, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	value_list_add(&a, loop, loop);
	assert_int_equal(emit(loop, &endless, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* With aliases, what holds itself can be written, as PyYAML does. */
static void test_loop_with_aliases(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct value *loop = value_new_list(&a);
	struct err err;

	(void)state;
	value_list_add(&a, loop, loop);
	assert_int_equal(emit(loop, &(struct yaml_emit_options){0}, &out, &err), 0);
	assert_string_equal(out.data, "&id001\n- *id001\n");
}

/* A text that begins with "lines" is a block of what stands behind. */
static bool is_lines(const void *data, const struct value *text, struct strbuf *block)
{
	assert_string_equal(data, "data");
	if (!str_starts(text->text, "lines"))
		return false;
	strbuf_addstr(block, text->text + strlen("lines"));
	return true;
}

static void test_blocks(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct value *v = value_new_dict(&a);
	struct err err;

	(void)state;
	value_dict_set(&a, v, "a", value_new_string(&a, "plain"));
	value_dict_set(&a, v, "b", value_new_string(&a, "lines1\n2"));
	value_dict_set(&a, v, "c", value_new_int(&a, 1));
	assert_int_equal(
		emit(v, &(struct yaml_emit_options){.block_of = is_lines, .block_data = "data"},
			&out, &err),
		0);
	assert_string_equal(out.data, "a: plain\nb: |-\n  1\n  2\nc: 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_no_aliases),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_loop_with_aliases),
		cmocka_unit_test(test_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
