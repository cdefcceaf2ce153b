/* SPDX-License-Identifier: Apache-2.0 */
/* Entries and lists of them, without a store. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "daemons/registryd/store_list.h"
#include "value/json.h"

static struct entry *entry_at(
	uint64_t position, const char *name, int64_t version, enum entry_status status)
{
	return entry_new(&(struct entry){.model_name = name,
				 .version = version,
				 .path = "p",
				 .status = status,
				 .creation_timestamp = "2025-07-01T15:30:00Z",
				 .metadata = "{}"},
		position, false, NULL);
}

/* a-1 b-1 a-2 b-2 ... */
static struct entry_list *list_of(int64_t versions)
{
	struct entry_list *list = entry_list_new();

	for (int64_t v = 1; v <= versions; v++) {
		entry_list_add(list, entry_at(list->last + 1, "a", v, ENTRY_STAGING));
		entry_list_add(list, entry_at(list->last + 1, "b-x", v, ENTRY_STAGING));
	}
	entry_list_seal(list);
	return list;
}

static char *shown(const struct entry_page *page)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < page->count; i++)
		strbuf_addf(&text, "%s%s-%lld", i ? " " : "", page->items[i]->model_name,
			(long long)page->items[i]->version);
	return strbuf_detach(&text, NULL);
}

/* Asserts what a page holds, and copies its cursor out. */
static void page_is(const struct entry_list *list, const char *name, const char *cursor,
	size_t limit, const char *expected, char next[ENTRY_CURSOR_MAX])
{
	AUTO(entry_page_release) struct entry_page page = {0};

	assert_int_equal(entry_list_page(list, name, cursor, limit, &page, NULL), 0);
	autofree char *text = shown(&page);
	assert_string_equal(text, expected);
	memcpy(next, page.next, ENTRY_CURSOR_MAX);
}

static void without_a_limit_a_page_is_all(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(2);
	char next[ENTRY_CURSOR_MAX];

	(void)state;
	page_is(list, NULL, NULL, 0, "a-1 b-x-1 a-2 b-x-2", next);
	assert_string_equal(next, "");
	page_is(list, "b-x", NULL, 0, "b-x-1 b-x-2", next);
	page_is(list, "c", NULL, 0, "", next);
	assert_string_equal(next, "");
}

static void pages_follow_each_other(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(3);
	char next[ENTRY_CURSOR_MAX];

	(void)state;
	page_is(list, NULL, NULL, 4, "a-1 b-x-1 a-2 b-x-2", next);
	assert_string_not_equal(next, "");
	page_is(list, NULL, next, 4, "a-3 b-x-3", next);
	assert_string_equal(next, "");
	page_is(list, "b-x", NULL, 2, "b-x-1 b-x-2", next);
	page_is(list, "b-x", next, 2, "b-x-3", next);
	assert_string_equal(next, "");
	page_is(list, NULL, NULL, 6, "a-1 b-x-1 a-2 b-x-2 a-3 b-x-3", next);
	assert_string_equal(next, "");
}

static void a_cursor_survives_what_comes_and_goes(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(3);
	char next[ENTRY_CURSOR_MAX];

	(void)state;
	page_is(list, NULL, NULL, 3, "a-1 b-x-1 a-2", next);
	AUTO(entry_list_unrefp) struct entry_list *later = entry_list_copy(list);
	entry_list_remove(later, entry_list_find(later, "a", 1));
	entry_list_remove(later, entry_list_find(later, "a", 2)); /* which the cursor names */
	entry_list_add(later, entry_at(later->last + 1, "a", 4, ENTRY_STAGING));
	page_is(later, NULL, next, 0, "b-x-2 a-3 b-x-3 a-4", next);
}

static void positions_are_not_given_again(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(1);
	AUTO(entry_list_unrefp) struct entry_list *later = entry_list_copy(list);

	(void)state;
	entry_list_remove(later, entry_list_find(later, "b-x", 1));
	assert_int_equal(later->last, 2);
	AUTO(entry_list_unrefp) struct entry_list *last = entry_list_copy(later);
	assert_int_equal(last->last, 2);
}

static void a_cursor_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"", "1", "1-2", "x-1-a", "1-x-a", "1-0-a", "-1-1-a",
		"1-1-", "1-1-../a", "1-1-a b", "99999999999999999999-1-a"};
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(entry_page_release) struct entry_page page = {0};
		struct err err = {0};

		assert_int_equal(entry_list_page(list, NULL, bad[i], 0, &page, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

/* Removals move what hashes to a slot: everything else is still found. */
static void what_is_removed_does_not_hide_the_rest(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(200);

	(void)state;
	for (int64_t v = 1; v <= 200; v++) {
		entry_list_remove(list, entry_list_find(list, "a", v));
		assert_null(entry_list_find(list, "a", v));
		for (int64_t w = 1; w <= 200; w++) {
			assert_int_equal(entry_list_find(list, "a", w) != NULL, w > v);
			assert_non_null(entry_list_find(list, "b-x", w));
		}
	}
	assert_int_equal(list->count, 200);
}

static void production_goes_with_the_entry(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(2);

	(void)state;
	assert_null(entry_list_production(list, "a"));
	entry_list_replace(list, entry_at(3, "a", 2, ENTRY_PRODUCTION));
	assert_int_equal(entry_list_production(list, "a")->version, 2);
	entry_list_replace(list, entry_at(3, "a", 2, ENTRY_STAGING));
	assert_null(entry_list_production(list, "a"));
	/* In whichever order two of them change places. */
	entry_list_replace(list, entry_at(1, "a", 1, ENTRY_PRODUCTION));
	entry_list_replace(list, entry_at(3, "a", 2, ENTRY_PRODUCTION));
	entry_list_replace(list, entry_at(1, "a", 1, ENTRY_STAGING));
	assert_int_equal(entry_list_production(list, "a")->version, 2);
}

static void an_etag_is_of_the_content(void **state)
{
	AUTO(entry_list_unrefp) struct entry_list *list = list_of(2);
	AUTO(entry_list_unrefp) struct entry_list *same = list_of(2);
	AUTO(entry_list_unrefp) struct entry_list *copy = entry_list_copy(list);

	(void)state;
	assert_string_equal(list->etag, same->etag);
	entry_list_replace(copy, entry_at(1, "a", 1, ENTRY_ARCHIVED));
	entry_list_seal(copy);
	assert_string_not_equal(list->etag, copy->etag);
	assert_string_not_equal(list->items[0]->etag, copy->items[0]->etag);
	assert_string_equal(list->items[1]->etag, copy->items[1]->etag);
}

static void names_are_checked(void **state)
{
	autofree char *longest = xasprintf("%0*d", (int)ENTRY_NAME_MAX, 7);
	autofree char *longer = xasprintf("%0*d", (int)ENTRY_NAME_MAX + 1, 7);

	(void)state;
	assert_true(entry_name_is_valid("yolov8n-coco"));
	assert_true(entry_name_is_valid("0.a_B--x"));
	assert_true(entry_name_is_valid(longest));
	assert_false(entry_name_is_valid(longer));
	assert_false(entry_name_is_valid(".a"));
	assert_false(entry_name_is_valid("_a"));
	assert_false(entry_name_is_valid("a/b"));
	assert_false(entry_name_is_valid("é"));
}

static void times_are_checked(void **state)
{
	static const char *const good[] = {"2025-06-25T12:00:00Z", "2025-06-25T12:00:00",
		"2025-06-25 12:00", "2025-06-25T12:00:00.123456", "2025-06-25T12:00:00,5-07:00",
		"2024-02-29T12:00:00+0200"};
	static const char *const bad[] = {"", "2025-06-25", "2025-02-29T12:00:00Z",
		"2025-06-25T12", "2025-06-25T12:00:00.Z", "2025-06-25T12:00:00Z ",
		"2025-06-25T12:00:00+2", "25.6.2025 12:00", "2025-06-25T24:00:00Z",
		"2025-06-25T12:60", "2025-06-25T12:00:61", "2025-06-25T12:00:00+24:00",
		"2025-06-25T12:00:00+02:60", "2025-06-25T12:00:", "2025-06-25X12:00"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(entry_time_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(entry_time_is_valid(bad[i]));
}

/* The examples of RFC 7396, appendix A, whose both sides are objects. */
static void merging_is_rfc_7396(void **state)
{
	static const char *const cases[][3] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
			"{\"a\":{\"b\":\"d\"}}"},
		{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(arena_release) struct arena a = {0};
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		const struct value *target = entry_metadata_read(&a, cases[i][0], NULL);
		const struct value *patch = entry_metadata_read(&a, cases[i][1], NULL);

		const struct value *merged = entry_metadata_merge(&a, target, patch);
		assert_int_equal(entry_metadata_write(merged, &out, NULL), 0);
		assert_string_equal(out.data, cases[i][2]);
	}
}

static void metadata_have_limits(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf deep = STRBUF_INIT;
	autofree char *large = xasprintf("{\"a\": \"%0*d\"}", (int)ENTRY_METADATA_MAX, 0);
	struct err err = {0};

	(void)state;
	assert_null(entry_metadata_read(&a, large, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	for (unsigned i = 1; i < ENTRY_METADATA_DEPTH; i++)
		strbuf_addstr(&deep, "{\"a\":");
	assert_null(entry_metadata_read(&a, deep.data, &err));
	assert_int_equal(err.code, ERR_INPUT);
	strbuf_addstr(&deep, "{\"a\":");
	assert_null(entry_metadata_read(&a, deep.data, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_a_page_is_all),
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(a_cursor_survives_what_comes_and_goes),
		cmocka_unit_test(positions_are_not_given_again),
		cmocka_unit_test(a_cursor_that_is_none_is_refused),
		cmocka_unit_test(what_is_removed_does_not_hide_the_rest),
		cmocka_unit_test(production_goes_with_the_entry),
		cmocka_unit_test(an_etag_is_of_the_content),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(times_are_checked),
		cmocka_unit_test(merging_is_rfc_7396),
		cmocka_unit_test(metadata_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
