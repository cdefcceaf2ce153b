/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "wire/item.h"

static void a_tree_comes_back(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	struct item_writer w;

	(void)state;
	item_begin(&w, &b);
	item_put_null(&w, "nothing");
	item_put_string(&w, "no text", NULL);
	item_put_bool(&w, "yes", true);
	item_put_bool(&w, "no", false);
	item_put_int(&w, "least", INT64_MIN);
	item_put_float(&w, "pi", 3.25);
	item_put_stringf(&w, "text", "%d and %s", 5, "six");
	item_put_bytes(&w, "bytes", "a\0b", 3);
	item_open_list(&w, "list");
	item_put_int(&w, NULL, 1);
	item_open_dict(&w, NULL);
	item_put_stringn(&w, "", "cut short", 3);
	item_close(&w);
	item_close(&w);
	assert_int_equal(item_finish(&w, NULL), 0);

	const struct item *top = item_parse(&arena, b.data, b.len, NULL);
	assert_non_null(top);
	assert_int_equal(top->count, 9);
	assert_int_equal(item_get(top, "nothing")->type, ITEM_NULL);
	assert_int_equal(item_get(top, "no text")->type, ITEM_NULL);
	assert_true(item_bool(top, "yes", false));
	assert_false(item_bool(top, "no", true));
	assert_true(item_int(top, "least", 0) == INT64_MIN);
	assert_true(item_get(top, "pi")->real == 3.25);
	assert_string_equal(item_text(&arena, top, "text"), "5 and six");
	assert_int_equal(item_get(top, "bytes")->len, 3);
	const struct item *list = item_get(top, "list");
	assert_int_equal(list->count, 2);
	assert_string_equal(item_text(&arena, &list->items[1], ""), "cut");
}

static void numbers_are_little_endian(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	struct item_writer w;

	(void)state;
	item_begin(&w, &b);
	item_put_int(&w, "k", 0x0807060504030201);
	assert_int_equal(item_finish(&w, NULL), 0);
	assert_int_equal(b.len, 17);
	assert_memory_equal(b.data, "\x08\1\0\0\0\1\0k\x03\1\2\3\4\5\6\7\x08", 17);
}

static void what_is_not_there_or_of_another_type_is_the_default(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	struct item_writer w;

	(void)state;
	item_begin(&w, &b);
	item_put_int(&w, "n", 1);
	item_put_stringn(&w, "nul", "a\0b", 3);
	assert_int_equal(item_finish(&w, NULL), 0);
	const struct item *top = item_parse(&arena, b.data, b.len, NULL);
	assert_null(item_get(top, "m"));
	assert_null(item_get(NULL, "n"));
	assert_null(item_get(&top->items[0], "n"));
	assert_null(item_text(&arena, top, "n"));
	assert_null(item_text(&arena, top, "nul"));
	assert_true(item_bool(top, "n", true));
	assert_int_equal(item_int(top, "nul", 7), 7);
}

static enum err_code finish(struct item_writer *w)
{
	struct err err = {0};

	return item_finish(w, &err) < 0 ? err.code : ERR_NONE;
}

static void a_writer_remembers_its_first_mistake(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	struct item_writer w;

	(void)state;
	item_begin(&w, &b);
	item_put_int(&w, NULL, 1); /* no key in a dict */
	item_put_int(&w, "fine", 1);
	assert_int_equal(finish(&w), ERR_INPUT);

	item_begin(&w, &b);
	item_open_list(&w, "l");
	item_put_int(&w, "key", 1); /* a key in a list */
	item_close(&w);
	assert_int_equal(finish(&w), ERR_INPUT);

	item_begin(&w, &b);
	item_open_list(&w, "l"); /* not closed */
	assert_int_equal(finish(&w), ERR_INPUT);

	item_begin(&w, &b);
	item_close(&w); /* the top is closed by item_finish */
	assert_int_equal(finish(&w), ERR_INPUT);
}

static void limits_hold_for_writers(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	struct item_writer w;
	autofree char *large = xcalloc(1, ITEM_SIZE_MAX);

	(void)state;
	item_begin(&w, &b);
	for (int i = 1; i < ITEM_DEPTH_MAX; i++)
		item_open_dict(&w, "d");
	assert_null(w.wrong);
	item_open_dict(&w, "d");
	assert_int_equal(finish(&w), ERR_LIMIT);

	item_begin(&w, &b);
	item_open_list(&w, "l");
	for (unsigned i = 0; i < ITEM_COUNT_MAX; i++)
		item_put_null(&w, NULL);
	assert_int_equal(finish(&w), ERR_LIMIT);

	item_begin(&w, &b);
	item_put_bytes(&w, "b", large, ITEM_SIZE_MAX - 5);
	assert_int_equal(finish(&w), ERR_LIMIT);
	assert_true(b.len < 100);
}

static enum err_code parse_code(const void *data, size_t n)
{
	AUTO(arena_release) struct arena arena = {0};
	struct err err = {0};

	return item_parse(&arena, data, n, &err) ? ERR_NONE : err.code;
}

#define CODE(text) parse_code(text, sizeof(text) - 1)

static void what_is_malformed_is_refused(void **state)
{
	(void)state;
	assert_int_equal(CODE(""), ERR_PROTOCOL);
	assert_int_equal(CODE("\x08\0\0\0\0"), ERR_NONE);
	assert_int_equal(CODE("\x08\0\0\0\0x"), ERR_PROTOCOL);          /* more behind */
	assert_int_equal(CODE("\x07\0\0\0\0"), ERR_PROTOCOL);           /* no dict */
	assert_int_equal(CODE("\x08\1\0\0\0\0\0\x09"), ERR_PROTOCOL);   /* no type */
	assert_int_equal(CODE("\x08\1\0\0\0\5\0ab"), ERR_PROTOCOL);     /* a key cut */
	assert_int_equal(CODE("\x08\1\0\0\0\0\0\3\1\2"), ERR_PROTOCOL); /* a number cut */
	assert_int_equal(CODE("\x08\1\0\0\0\0\0\5\xff\xff\xff\xff"), ERR_PROTOCOL);
	assert_int_equal(CODE("\x08\xff\xff\xff\xff\0\0\0"), ERR_PROTOCOL); /* a count */
}

static void a_tree_may_be_cut_anywhere(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	struct item_writer w;

	(void)state;
	item_begin(&w, &b);
	item_put_string(&w, "text", "some text");
	item_open_list(&w, "list");
	item_put_float(&w, NULL, NAN);
	item_put_bool(&w, NULL, true);
	item_close(&w);
	assert_int_equal(item_finish(&w, NULL), 0);
	for (size_t n = 0; n < b.len; n++) {
		autofree char *part = xmemdup(b.data, n ? n : 1);
		assert_int_equal(parse_code(part, n), ERR_PROTOCOL);
	}
	assert_int_equal(parse_code(b.data, b.len), ERR_NONE);
}

static void limits_hold_for_readers(void **state)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < ITEM_DEPTH_MAX; i++)
		strbuf_add(&b, "\x08\1\0\0\0\0\0", 7);
	strbuf_add(&b, "\x08\0\0\0\0", 5);
	assert_int_equal(parse_code(b.data, b.len), ERR_LIMIT);
	assert_int_equal(parse_code(b.data + 7, b.len - 7), ERR_NONE);

	strbuf_clear(&b);
	strbuf_add(&b, "\x08\1\0\0\0\0\0\x07\xa1\x86\1\0", 12); /* 100001 */
	for (unsigned i = 0; i <= ITEM_COUNT_MAX; i++)
		strbuf_addch(&b, ITEM_NULL);
	assert_int_equal(parse_code(b.data, b.len), ERR_LIMIT);

	autofree char *large = xcalloc(1, ITEM_SIZE_MAX + 1);
	assert_int_equal(parse_code(large, ITEM_SIZE_MAX + 1), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_comes_back),
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(what_is_not_there_or_of_another_type_is_the_default),
		cmocka_unit_test(a_writer_remembers_its_first_mistake),
		cmocka_unit_test(limits_hold_for_writers),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(a_tree_may_be_cut_anywhere),
		cmocka_unit_test(limits_hold_for_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
