/* SPDX-License-Identifier: Apache-2.0 */
/* What a store has to do, whichever it is. */
#include "daemons/registryd/store_fixture.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void a_new_store_is_empty(void **state)
{
	struct fixture *f = *state;

	store_is(f->store, "");
	struct entry_store *again = store_again(f);
	store_is(again, "");
	entry_store_free(again);
}

static void what_is_registered_is_there_and_stays(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct entry_change c = {.kind = ENTRY_REGISTER,
		.model_name = "yolov8n-coco",
		.version = 3,
		.path = "models/yolov8n-coco/v3/model.onnx",
		.metadata = "{\"description\": \"Fine-tuned é\", \"metrics\": "
			    "{\"accuracy\": 0.820, \"n\": 1E400000000000000000000, \"z\": -0}}",
		.creation_timestamp = "2025-06-25T12:00:00Z",
		.date = "2025-06-25"};
	static const char expected[] =
		"{\"model_name\":\"yolov8n-coco\",\"version\":3,"
		"\"path\":\"models/yolov8n-coco/v3/model.onnx\",\"status\":\"staging\","
		"\"creation_timestamp\":\"2025-06-25T12:00:00Z\",\"metadata\":"
		"{\"description\":\"Fine-tuned "
		"é\",\"metrics\":{\"accuracy\":0.820,\"n\":1.50e-3,"
		"\"z\":-0}},\"date\":\"2025-06-25\"}";

	/* A number that no double holds is refused, whatever the store could keep. */
	assert_int_equal(entry_store_apply(f->store, &c, 1, &err), 0);
	assert_int_equal(c.err.code, ERR_LIMIT);
	c.metadata = "{\"description\": \"Fine-tuned é\", \"metrics\": "
		     "{\"accuracy\": 0.820, \"n\": 1.50e-3, \"z\": -0}}";
	assert_int_equal(entry_store_apply(f->store, &c, 1, &err), 0);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_string_equal(c.entry->json, expected);
	assert_int_equal(c.entry->json_len, strlen(expected));
	assert_null(c.former);
	entry_change_release(&c);
	struct entry_store *again = store_again(f);
	autofree char *json = store_entry(again, "yolov8n-coco", 3);
	assert_string_equal(json, expected);
	entry_store_free(again);
}

static void a_time_is_given_where_there_is_none(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {
		.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "p"};
	time_t before = time(NULL), then;

	assert_int_equal(entry_store_apply(f->store, &c, 1, NULL), 0);
	assert_true(clock_parse_rfc3339(c.entry->creation_timestamp, &then));
	assert_true(then >= before && then <= time(NULL));
	assert_string_equal(c.entry->metadata, "{}");
	entry_change_release(&c);
}

static void a_version_is_registered_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_register(f->store, "a", 1, "{}"), ERR_NONE);
	assert_int_equal(store_register(f->store, "a", 1, "{\"x\":1}"), ERR_EXISTS);
	assert_int_equal(store_register(f->store, "a", 2, "{}"), ERR_NONE);
	assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_NONE);
	autofree char *json = store_entry(f->store, "a", 1);
	assert_non_null(strstr(json, "\"metadata\":{}"));
	store_is(f->store, "a-1 staging, a-2 staging, b-1 staging");
}

static void fields_are_checked(void **state)
{
	static const struct {
		struct entry_change change;
		const char *field;
	} cases[] = {
		{{.model_name = "", .version = 1, .path = "p"}, "model_name"},
		{{.model_name = "../a", .version = 1, .path = "p"}, "model_name"},
		{{.model_name = "-a", .version = 1, .path = "p"}, "model_name"},
		{{.model_name = "a b", .version = 1, .path = "p"}, "model_name"},
		{{.model_name = "a", .version = 0, .path = "p"}, "version"},
		{{.model_name = "a", .version = -1, .path = "p"}, "version"},
		{{.model_name = "a", .version = 1, .path = ""}, "path"},
		{{.model_name = "a", .version = 1, .path = NULL}, "path"},
		{{.model_name = "a", .version = 1, .path = "a\nb"}, "path"},
		{{.model_name = "a", .version = 1, .path = "p", .metadata = "[]"}, "metadata"},
		{{.model_name = "a", .version = 1, .path = "p", .metadata = "{"}, "metadata"},
		{{.model_name = "a", .version = 1, .path = "p", .metadata = "{\"x\": NaN}"},
			"metadata"},
		{{.model_name = "a",
			 .version = 1,
			 .path = "p",
			 .metadata = "{\"x\": 1, \"x\": 2}"},
			"metadata"},
		{{.model_name = "a", .version = 1, .path = "p", .date = "2025-02-30"}, "date"},
		{{.model_name = "a", .version = 1, .path = "p", .creation_timestamp = "now"},
			"creation_timestamp"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct entry_change c = cases[i].change;
		c.kind = ENTRY_REGISTER;
		assert_int_equal(entry_store_apply(f->store, &c, 1, NULL), 0);
		assert_int_equal(c.err.code, ERR_INPUT);
		assert_memory_equal(c.err.text, cases[i].field, strlen(cases[i].field));
		assert_null(c.entry);
	}
	store_is(f->store, "");
}

static void one_version_is_in_production(void **state)
{
	struct fixture *f = *state;

	for (int64_t v = 1; v <= 3; v++)
		assert_int_equal(store_register(f->store, "a", v, "{}"), ERR_NONE);
	store_register(f->store, "b", 1, "{}");
	store_do(f->store,
		(struct entry_change){.kind = ENTRY_ARCHIVE, .model_name = "a", .version = 1});
	assert_int_equal(store_activate(f->store, "b", 1), ERR_NONE);
	assert_int_equal(store_activate(f->store, "a", 2), ERR_NONE);
	assert_int_equal(store_activate(f->store, "a", 3), ERR_NONE);
	store_is(f->store, "a-1 archived, a-2 staging, a-3 production, b-1 production");
	assert_int_equal(store_activate(f->store, "a", 3), ERR_NONE);
	assert_int_equal(store_activate(f->store, "a", 1), ERR_NONE);
	store_is(f->store, "a-1 production, a-2 staging, a-3 staging, b-1 production");
	assert_int_equal(store_activate(f->store, "a", 4), ERR_NOTFOUND);
	assert_int_equal(store_activate(f->store, "c", 1), ERR_NOTFOUND);
}

static void an_activation_tells_what_it_replaced(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 2};

	store_register(f->store, "a", 1, "{}");
	store_register(f->store, "a", 2, "{}");
	store_activate(f->store, "a", 1);
	assert_int_equal(entry_store_apply(f->store, &c, 1, NULL), 0);
	assert_int_equal(c.entry->status, ENTRY_PRODUCTION);
	assert_int_equal(c.former->version, 1);
	assert_int_equal(c.former->status, ENTRY_STAGING);
	entry_change_release(&c);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(f->store, NULL);
	assert_int_equal(entry_list_production(list, "a")->version, 2);
	assert_null(entry_list_production(list, "b"));
}

static void production_may_be_left_without_a_successor(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "a", 1, "{}");
	store_activate(f->store, "a", 1);
	assert_int_equal(store_do(f->store,
				 (struct entry_change){
					 .kind = ENTRY_STAGE, .model_name = "a", .version = 1}),
		ERR_NONE);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(f->store, NULL);
	assert_null(entry_list_production(list, "a"));
	store_is(f->store, "a-1 staging");
}

static void what_is_in_production_is_not_deleted(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "a", 1, "{}");
	store_register(f->store, "a", 2, "{}");
	store_activate(f->store, "a", 1);
	assert_int_equal(store_delete(f->store, "a", 1), ERR_DENIED);
	assert_int_equal(store_delete(f->store, "a", 2), ERR_NONE);
	assert_int_equal(store_delete(f->store, "a", 2), ERR_NOTFOUND);
	struct entry_store *again = store_again(f);
	store_is(again, "a-1 production");
	assert_int_equal(store_register(again, "a", 2, "{}"), ERR_NONE);
	store_is(f->store, "a-1 production, a-2 staging");
	entry_store_free(again);
}

static void metadata_are_merged(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {.kind = ENTRY_MERGE,
		.model_name = "a",
		.version = 1,
		.metadata = "{\"b\": null, \"m\": {\"x\": null, \"y\": 2.50}, \"new\": "
			    "{\"deep\": null, \"l\": [null]}}"};

	store_register(f->store, "a", 1, "{\"a\": 1.0, \"b\": 2, \"m\": {\"x\": 1, \"z\": 3}}");
	assert_int_equal(entry_store_apply(f->store, &c, 1, NULL), 0);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_string_equal(c.entry->metadata,
		"{\"a\":1.0,\"m\":{\"z\":3,\"y\":2.50},\"new\":{\"l\":[null]}}");
	entry_change_release(&c);
	c.metadata = "[1]";
	assert_int_equal(entry_store_apply(f->store, &c, 1, NULL), 0);
	assert_int_equal(c.err.code, ERR_INPUT);
}

static void a_date_is_set_and_taken_away(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {
		.kind = ENTRY_SET_DATE, .model_name = "a", .version = 1, .date = "2026-02-25"};

	store_register(f->store, "a", 1, NULL);
	assert_int_equal(store_do(f->store, c), ERR_NONE);
	struct entry_store *again = store_again(f);
	autofree char *with = store_entry(again, "a", 1);
	assert_non_null(strstr(with, ",\"date\":\"2026-02-25\"}"));
	entry_store_free(again);
	c.date = "25.2.2026";
	assert_int_equal(store_do(f->store, c), ERR_INPUT);
	c.date = NULL;
	assert_int_equal(store_do(f->store, c), ERR_NONE);
	autofree char *without = store_entry(f->store, "a", 1);
	assert_null(strstr(without, "date"));
}

static void a_change_can_want_what_was_seen(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {
		.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 1, .if_match = "0"};

	store_register(f->store, "a", 1, "{}");
	assert_int_equal(store_do(f->store, c), ERR_BUSY);
	struct entry_list *list = entry_store_list(f->store, NULL);
	autofree char *etag = xstrdup(entry_list_find(list, "a", 1)->etag);
	entry_list_unref(list);
	c.if_match = etag;
	assert_int_equal(store_do(f->store, c), ERR_NONE);
	assert_int_equal(store_do(f->store, c), ERR_BUSY);
	store_is(f->store, "a-1 production");
}

static void a_batch_is_one_after_another(void **state)
{
	struct fixture *f = *state;
	struct entry_change c[] = {
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "p"},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "q"},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 2, .path = "p"},
		{.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 1},
		{.kind = ENTRY_DELETE, .model_name = "a", .version = 1},
		{.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 2},
		{.kind = ENTRY_DELETE, .model_name = "a", .version = 1},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 1, .path = "r"},
		{.kind = ENTRY_MERGE, .model_name = "a", .version = 1, .metadata = "{\"m\":1}"},
	};
	static const enum err_code expected[] = {ERR_NONE, ERR_EXISTS, ERR_NONE, ERR_NONE,
		ERR_DENIED, ERR_NONE, ERR_NONE, ERR_NONE, ERR_NONE};

	assert_int_equal(entry_store_apply(f->store, c, ARRAY_SIZE(c), NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		assert_int_equal(c[i].err.code, expected[i]);
		entry_change_release(&c[i]);
	}
	struct entry_store *again = store_again(f);
	store_is(again, "a-2 production, a-1 staging");
	autofree char *json = store_entry(again, "a", 1);
	assert_non_null(strstr(json, "\"path\":\"r\""));
	assert_non_null(strstr(json, "{\"m\":1}"));
	entry_store_free(again);
}

/* Production moves back and forth in one batch: no index may see two at once. */
static void a_batch_may_move_production_about(void **state)
{
	struct fixture *f = *state;
	struct entry_change c[] = {
		{.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 2},
		{.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 3},
		{.kind = ENTRY_DELETE, .model_name = "a", .version = 1},
		{.kind = ENTRY_REGISTER, .model_name = "a", .version = 4, .path = "p"},
		{.kind = ENTRY_ACTIVATE, .model_name = "a", .version = 4},
	};

	for (int64_t v = 1; v <= 3; v++)
		store_register(f->store, "a", v, "{}");
	store_activate(f->store, "a", 1);
	assert_int_equal(entry_store_apply(f->store, c, ARRAY_SIZE(c), NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		assert_int_equal(c[i].err.code, ERR_NONE);
		entry_change_release(&c[i]);
	}
	struct entry_store *again = store_again(f);
	store_is(again, "a-2 staging, a-3 staging, a-4 production");
	entry_store_free(again);
}

static void lists_that_were_handed_out_stay(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "a", 1, "{}");
	struct entry_list *before = entry_store_list(f->store, NULL);
	struct entry_list *same = entry_store_list(f->store, NULL);
	assert_int_equal(before->generation, same->generation);
	assert_string_equal(before->etag, same->etag);
	store_activate(f->store, "a", 1);
	struct entry_list *after = entry_store_list(f->store, NULL);
	assert_int_equal(before->items[0]->status, ENTRY_STAGING);
	assert_int_equal(after->items[0]->status, ENTRY_PRODUCTION);
	assert_int_not_equal(before->generation, after->generation);
	assert_string_not_equal(before->etag, after->etag);
	assert_string_not_equal(before->items[0]->etag, after->items[0]->etag);
	entry_list_unref(before);
	entry_list_unref(same);
	entry_list_unref(after);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "a", 1, "{}");
	store_activate(f->store, "a", 1);
	struct entry_list *before = entry_store_last(f->store);
	assert_int_equal(store_activate(f->store, "a", 1), ERR_NONE);
	assert_int_equal(store_delete(f->store, "a", 1), ERR_DENIED);
	struct entry_list *after = entry_store_last(f->store);
	assert_ptr_equal(before, after);
	entry_list_unref(before);
	entry_list_unref(after);
}

static void two_stores_see_each_others_changes(void **state)
{
	struct fixture *f = *state;
	struct entry_store *other = store_again(f);
	deadline until = deadline_in(60);

	store_register(f->store, "a", 1, "{}");
	store_register(f->store, "a", 2, "{}");
	store_register(f->store, "b", 1, "{}");
	assert_int_equal(store_activate(other, "a", 1), ERR_NONE);
	assert_int_equal(store_register(f->store, "a", 2, "{}"), ERR_EXISTS);
	assert_int_equal(store_delete(other, "a", 2), ERR_NONE);
	assert_int_equal(store_activate(other, "b", 1), ERR_NONE);
	assert_int_equal(store_register(other, "a", 2, "{\"again\":1}"), ERR_NONE);
	for (;;) { /* PostgreSQL tells of it when it gets to it */
		AUTO(entry_list_unrefp)
		struct entry_list *list = entry_store_list(f->store, NULL);
		const struct entry *e = entry_list_find(list, "a", 2);
		if (e && strstr(e->metadata, "again"))
			break;
		assert_false(deadline_passed(until));
		wait_until(deadline_in(0.01), NULL, NULL);
	}
	store_is(f->store, "a-1 production, b-1 production, a-2 staging");
	autofree char *ours = store_entry(f->store, "a", 2);
	autofree char *theirs = store_entry(other, "a", 2);
	assert_string_equal(ours, theirs);
	struct entry_list *a = entry_store_fresh(f->store, NULL);
	struct entry_list *b = entry_store_fresh(other, NULL);
	assert_string_equal(a->etag, b->etag);
	entry_list_unref(a);
	entry_list_unref(b);
	entry_store_free(other);
}

static void many_entries_are_found(void **state)
{
	enum { COUNT = 600 };
	struct fixture *f = *state;
	static struct entry_change c[COUNT];
	static char names[COUNT][16];

	for (int i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "m%d", i % 100);
		c[i] = (struct entry_change){.kind = ENTRY_REGISTER,
			.model_name = names[i],
			.version = 1 + i / 100,
			.path = "p"};
	}
	assert_int_equal(entry_store_apply(f->store, c, COUNT, NULL), 0);
	for (int i = 0; i < COUNT; i++)
		entry_change_release(&c[i]);
	for (int i = 0; i < COUNT; i += 3)
		c[i].kind = ENTRY_DELETE;
	for (int i = 1; i < COUNT; i += 3)
		c[i].kind = ENTRY_ACTIVATE;
	assert_int_equal(entry_store_apply(f->store, c, COUNT, NULL), 0);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(f->store, NULL);
	assert_int_equal(list->count, COUNT - COUNT / 3);
	for (int i = 0; i < COUNT; i++) {
		const struct entry *e = entry_list_find(list, names[i], 1 + i / 100);
		assert_int_equal(c[i].err.code, i % 3 == 2 ? ERR_EXISTS : ERR_NONE);
		assert_int_equal(e != NULL, i % 3 != 0);
		entry_change_release(&c[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE_TEST(a_new_store_is_empty),
		STORE_TEST(what_is_registered_is_there_and_stays),
		STORE_TEST(a_time_is_given_where_there_is_none),
		STORE_TEST(a_version_is_registered_once),
		STORE_TEST(fields_are_checked),
		STORE_TEST(one_version_is_in_production),
		STORE_TEST(an_activation_tells_what_it_replaced),
		STORE_TEST(production_may_be_left_without_a_successor),
		STORE_TEST(what_is_in_production_is_not_deleted),
		STORE_TEST(metadata_are_merged),
		STORE_TEST(a_date_is_set_and_taken_away),
		STORE_TEST(a_change_can_want_what_was_seen),
		STORE_TEST(a_batch_is_one_after_another),
		STORE_TEST(a_batch_may_move_production_about),
		STORE_TEST(lists_that_were_handed_out_stay),
		STORE_TEST(what_changes_nothing_writes_nothing),
		STORE_TEST(two_stores_see_each_others_changes),
		STORE_TEST(many_entries_are_found),
	};

	return store_run_kinds(tests, ARRAY_SIZE(tests));
}
