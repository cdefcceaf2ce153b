/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the catalogue: licenses, words, one model's row, the history, the configuration. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/scratch.h"
#include "daemons/registryd/catalogue_find.h"
#include "daemons/registryd/catalogue_license.h"

/* A database with the catalogue's tables. */
struct fixture {
	void *dir;
	struct sql *sql;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	if (scratch_make(&f->dir) != 0)
		return -1;
	autofree char *uri = xasprintf("sqlite:%s/catalogue.db", (const char *)f->dir);
	f->sql = sql_open(uri, &f->err);
	*state = f;
	return f->sql && catalogue_migrate(f->sql, &f->err) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sql_close(f->sql);
	int rc = scratch_remove(&f->dir);
	free(f);
	return rc;
}

/* ---- licenses ---- */

static void licenses_have_types(void **state)
{
	static const char *const cases[][2] = {{"apache-2.0", "apache-2.0"},
		{"Apache-2.0", "apache-2.0"}, {"mit", "mit"}, {"MIT-0", "mit"},
		{"mitigated", "other"}, {"bsd-3-clause", "bsd"}, {"bsd-2-clause", "bsd"},
		{"bsd", "bsd"}, {"gpl-3.0", "gpl"}, {"gpl", "gpl"}, {"lgpl-2.1", "lgpl"},
		{"agpl-3.0", "agpl"}, {"mpl-2.0", "mpl"}, {"cc0-1.0", "cc0"},
		{"cc-by-4.0", "cc-by"}, {"cc-by-sa-4.0", "cc-by-sa"},
		{"cc-by-nc-4.0", "cc-by-nc"}, {"cc-by-nc-sa-4.0", "cc-by-nc"},
		{"cc-by-nd-4.0", "cc-by-nd"}, {"cc-by-nc-nd-4.0", "cc-by-nc"},
		{"openrail", "openrail"}, {"openrail++", "openrail"},
		{"bigscience-openrail-m", "openrail"},
		{"bigscience-bloom-rail-1.0", "openrail"},
		{"creativeml-openrail-m", "openrail"}, {"llama2", "llama"},
		{"llama3.2", "llama"}, {"gemma", "gemma"}, {"unlicense", "unlicense"},
		{"deepseek", "deepseek"}, {"unknown", "other"}, {"other", "other"},
		{"", "other"}, {NULL, "other"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(license_type(cases[i][0]), cases[i][1]);
}

static void types_are_in_order_and_have_all(void **state)
{
	bool found = false;

	(void)state;
	for (size_t i = 0; license_types[i]; i++) {
		found |= strcmp(license_types[i], license_type("llama3")) == 0;
		if (i)
			assert_true(strcmp(license_types[i - 1], license_types[i]) < 0);
	}
	assert_true(found);
}

/* ---- words ---- */

static void expect_words(const char *text, const char *expected)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	model_search_words(text, &out);
	assert_string_equal(out.data, expected);
}

static void words_are_letters_and_digits(void **state)
{
	(void)state;
	expect_words("google/MobileNet_v1-0.25", " google mobilenet v1 0 25");
	expect_words("", "");
	expect_words("--/_", "");
	expect_words("na\xc3\xafve (\xe2\x98\x83)", " na\xc3\xafve \xe2\x98\x83");
}

/* ---- one model ---- */

static const char *tags[] = {"tflite", "tflite", "license:mit"};
static const char sha[] = "0123456789abcdef0123456789abcdef01234567";

static struct hub_model some_model(const char *id)
{
	return (struct hub_model){.id = id,
		.sha = sha,
		.license = "mit",
		.tags = tags,
		.tag_count = ARRAY_SIZE(tags),
		.downloads = 3};
}

static struct model_writer begin(struct fixture *f)
{
	struct model_writer w = {.sql = f->sql, .endpoint = "https://hub.example"};

	assert_int_equal(model_writer_begin(&w, &f->err), 0);
	assert_int_equal(sql_begin(f->sql, SQL_WRITING, &f->err), 0);
	return w;
}

static enum stored store(struct fixture *f, struct model_writer *w, struct hub_model m)
{
	enum stored how = STORED_AGAIN;

	if (model_store(w, &m, &how, &f->err) < 0)
		fail_msg("%s", f->err.text);
	return how;
}

static void a_model_is_created_seen_again_and_updated(void **state)
{
	struct fixture *f = *state;
	struct model_writer w = begin(f);
	struct hub_model m = some_model("a/b");

	assert_int_equal(store(f, &w, m), STORED_CREATED);
	assert_int_equal(store(f, &w, m), STORED_AGAIN);
	assert_int_equal(sql_commit(f->sql, &f->err), 0);
	w = begin(f);
	assert_int_equal(store(f, &w, m), STORED_UNCHANGED);
	sql_rollback(f->sql);
	w = begin(f);
	m.sha = NULL;
	assert_int_equal(store(f, &w, m), STORED_UPDATED);
	sql_rollback(f->sql);
}

static void what_a_sync_has_not_seen_has_vanished(void **state)
{
	struct fixture *f = *state;
	struct model_writer w = begin(f);

	store(f, &w, some_model("a/b"));
	store(f, &w, some_model("a/c"));
	assert_int_equal(model_mark_vanished(&w, &f->err), 0);
	assert_int_equal(sql_commit(f->sql, &f->err), 0);
	w = begin(f);
	store(f, &w, some_model("a/c"));
	assert_int_equal(model_mark_vanished(&w, &f->err), 1);
	assert_int_equal(model_mark_vanished(&w, &f->err), 0);
	assert_int_equal(store(f, &w, some_model("a/b")), STORED_UPDATED);
	sql_rollback(f->sql);
}

static void expect_list(
	struct fixture *f, struct model_query q, const char *expected, bool more)
{
	static const char mark[] = "\"hf_model_id\": \"";
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	q.limit = 2;
	if (model_list(f->sql, &q, &out, &f->err) < 0)
		fail_msg("%s", f->err.text);
	for (const char *at = out.data; (at = strstr(at, mark)) != NULL;) {
		at += strlen(mark);
		strbuf_addf(&names, " %.*s", (int)strcspn(at, "\""), at);
	}
	assert_string_equal(names.data, expected);
	assert_int_equal(strstr(out.data, "\"next\": null") == NULL, more);
}

/* So many models that conditions leave few, many, and more than are counted. */
static void fill(struct fixture *f)
{
	struct model_writer w = begin(f);

	for (int i = 0; i < MODEL_FEW + 500; i++) {
		autofree char *id = xasprintf("owner%d/common-%d", i % 7, i);
		struct hub_model m = some_model(id);
		m.task = i % 2 ? "odd" : "even";
		m.tag_count = i == 2400 ? 1 : ARRAY_SIZE(tags);
		m.license = i % 3 ? "mit" : NULL;
		assert_int_equal(store(f, &w, m), STORED_CREATED);
	}
	assert_int_equal(sql_commit(f->sql, &f->err), 0);
}

static void lists_are_right_whatever_drives(void **state)
{
	struct fixture *f = *state;
	const char *first = " owner0/common-0 owner1/common-1";

	fill(f);
	expect_list(f, (struct model_query){0}, first, true);
	expect_list(
		f, (struct model_query){.text = "common 2400"}, " owner6/common-2400", false);
	expect_list(f, (struct model_query){.text = "com 240", .after = 2401},
		" owner0/common-2401 owner1/common-2402", true);
	expect_list(f, (struct model_query){.text = "COMMON", .after = MODEL_FEW + 498},
		" owner6/common-2498 owner0/common-2499", false);
	expect_list(f, (struct model_query){.text = "o"}, first, true);
	expect_list(f,
		(struct model_query){.text = "o common", .tag = "tflite", .task = "even"},
		" owner0/common-0 owner2/common-2", true);
	expect_list(f, (struct model_query){.text = "2400", .tag = "license:mit"}, "", false);
	expect_list(f, (struct model_query){.text = "2400", .tag = "tflite"},
		" owner6/common-2400", false);
	expect_list(f,
		(struct model_query){.task = "odd", .license = "mit", .author = "owner0"},
		" owner0/common-7 owner0/common-35", true);
	expect_list(f, (struct model_query){.author = "owner0", .text = "common 35"},
		" owner0/common-35 owner0/common-350", true);
	expect_list(f, (struct model_query){.tag = "license:mit", .after = 2399},
		" owner5/common-2399 owner0/common-2401", true);
	expect_list(f, (struct model_query){.text = "nothing", .task = "odd"}, "", false);
}

/* ---- the history ---- */

static void expect_history(struct fixture *f, const char *const words[])
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	assert_int_equal(run_history(f->sql, 10, &out, &f->err), 0);
	for (size_t i = 0; words[i]; i++)
		if (!strstr(out.data, words[i]))
			fail_msg("%s is not in %s", words[i], out.data);
}

static void a_run_is_written_down(void **state)
{
	struct fixture *f = *state;
	struct sync_result r = {.status = "success", .fetched = 5, .message = "it \"went\""};
	int64_t id = run_begin(f->sql, "request", &f->err);

	assert_int_equal(id, 1);
	expect_history(f, (const char *const[]){"\"status\": \"running\"", "\"id\": 1",
				  "\"cause\": \"request\"", "\"finished_at\": null", NULL});
	assert_int_equal(run_update(f->sql, id, &r, false, &f->err), 0);
	expect_history(
		f, (const char *const[]){"\"status\": \"running\"", "\"fetched\": 5", NULL});
	assert_int_equal(run_update(f->sql, id, &r, true, &f->err), 0);
	expect_history(f, (const char *const[]){"\"status\": \"success\"",
				  "\"finished_at\": \"2", "\"it \\\"went\\\"\"", NULL});
}

static void set_start(struct fixture *f, int64_t id, const char *started)
{
	const struct sql_arg args[] = {sql_text(started), sql_int(id)};

	assert_int_equal(
		sql_change(f->sql, "UPDATE sync_runs SET started_at = $1 WHERE id = $2", args,
			ARRAY_SIZE(args), &f->err),
		1);
}

static time_t last(struct fixture *f)
{
	time_t t = 0;

	assert_int_equal(run_last(f->sql, &t, &f->err), 0);
	return t;
}

static void the_schedule_counts_from_runs_that_were_not_cut(void **state)
{
	struct fixture *f = *state;
	struct sync_result r = {.status = "failed"};
	time_t before = time(NULL), since = last(f);

	assert_true(since >= before && since <= time(NULL));
	int64_t id = run_begin(f->sql, "schedule", &f->err);
	set_start(f, id, "2026-01-02T02:00:00Z");
	assert_int_equal(last(f), since);
	assert_int_equal(run_update(f->sql, id, &r, true, &f->err), 0);
	assert_int_equal(last(f), 1767319200);
	id = run_begin(f->sql, "schedule", &f->err);
	assert_int_equal(run_end_dead(f->sql, &f->err), 0);
	expect_history(f, (const char *const[]){"\"status\": \"interrupted\"",
				  "the daemon ended while it ran", NULL});
	assert_int_equal(last(f), 1767319200);
}

/* ---- the configuration ---- */

static void a_schedule_is_checked(void **state)
{
	struct catalogue_config config;
	struct err err = {0};

	(void)state;
	catalogue_defaults(&config);
	assert_string_equal(config.schedule, "0 2 * * *");
	assert_int_equal(catalogue_check(&config, &err), 0);
	config.schedule = "OFF";
	assert_int_equal(catalogue_check(&config, &err), 0);
	config.schedule = "daily";
	assert_int_equal(catalogue_check(&config, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_true(str_starts(err.text, "catalogue.schedule: the minute \"daily\""));
}

static void a_database_that_is_none_is_told(void **state)
{
	struct catalogue_config config;
	struct err err = {0};

	(void)state;
	catalogue_defaults(&config);
	config.store = "sqlite:/dev/null/catalogue.db";
	assert_null(catalogue_open(&config, &err));
	assert_true(str_starts(err.text, "the catalogue: "));
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(licenses_have_types),
		cmocka_unit_test(types_are_in_order_and_have_all),
		cmocka_unit_test(words_are_letters_and_digits),
		WITH_TABLES(a_model_is_created_seen_again_and_updated),
		WITH_TABLES(what_a_sync_has_not_seen_has_vanished),
		WITH_TABLES(lists_are_right_whatever_drives),
		WITH_TABLES(a_run_is_written_down),
		WITH_TABLES(the_schedule_counts_from_runs_that_were_not_cut),
		cmocka_unit_test(a_schedule_is_checked),
		cmocka_unit_test(a_database_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
