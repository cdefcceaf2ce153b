/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "registry/reports.h"

#define NOW 1772053200 /* 2026-02-25T21:00:00Z */
#define DAY 86400

static struct store *store;
static struct reports reports;

static int setup(void **state)
{
	struct err err;

	if (fixture_setup(state) < 0)
		return -1;
	fixture_version("store", "face", "2026-02-02");
	store = store_open_local(fixture_path("store"), &err);
	return store ? 0 : -1;
}

static int teardown(void **state)
{
	reports_release(&reports);
	store_free(store);
	return fixture_teardown(state);
}

static const char *text(void)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	reports_print(&reports, &out);
	return arena_strdup(&fixture_arena, out.data);
}

/* What parsing a text ends with: its message, or "" with the reports in `reports`. */
static const char *parse(const char *from)
{
	struct err err = {0};

	reports_release(&reports);
	if (reports_parse(&reports, "r.json", from, strlen(from), &err) == 0)
		return "";
	return arena_strdup(&fixture_arena, err.text);
}

static void load(void)
{
	struct err err = {0};

	reports_release(&reports);
	if (reports_load(&reports, store, &err) < 0)
		fail_msg("%s", err.text);
}

static void save(void)
{
	struct err err = {0};

	if (reports_save(&reports, store, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_a_store_without_reports_has_none(void **state)
{
	(void)state;
	load();
	assert_int_equal(reports.by_host.count, 0);
	assert_null(reports_find(&reports, "n01"));
}

static void test_the_file_is_as_the_header_shows_it(void **state)
{
	AUTO(strlist_release) struct strlist there = {0};

	(void)state;
	struct report *h = reports_of(&reports, "n01");
	report_may_run(h, "mobilenet_ssd", "2026-02-02");
	strlist_add(&there, "mobilenet_ssd/2026-02-02");
	strlist_add(&there, "mobilenet_ssd/2025-11-20");
	report_has(h, &there);
	reports_stamp(&reports, h, "20260225T210000Z-deploy-1f3a9c", NOW);

	assert_string_equal(text(),
		"{\"format\": 1, \"hosts\": {\n"
		"\"n01\": {\"time\": \"2026-02-25T21:00:00Z\", "
		"\"run\": \"20260225T210000Z-deploy-1f3a9c\", "
		"\"runs\": {\"mobilenet_ssd\": [\"2026-02-02\"]}, "
		"\"has\": {\"mobilenet_ssd\": [\"2025-11-20\", \"2026-02-02\"]}}}}\n");
}

static void test_what_was_saved_is_loaded(void **state)
{
	(void)state;
	struct report *b = reports_of(&reports, "b \"quoted\"");
	report_may_run(b, "face", "2026-02-02");
	report_may_run(b, "face", "2025-02-25");
	report_may_run(b, "a-b", "2025-02-25");
	report_may_run(b, "a", "2025-02-25");
	reports_stamp(&reports, b, NULL, NOW);
	report_has(reports_of(&reports, "a"), &(struct strlist){0});
	const char *before = text();
	save();
	load();

	assert_string_equal(text(), before);
	assert_true(reports_find(&reports, "a")->has_known);
	assert_false(reports_find(&reports, "b \"quoted\"")->has_known);
	assert_null(reports_find(&reports, "a")->run);
	assert_int_equal(reports_find(&reports, "b \"quoted\"")->time, NOW);
	assert_int_equal(reports_count(&reports, "face", "2025-02-25"), 1);
	assert_int_equal(reports_count(&reports, "face", "2025-02-26"), 0);
}

static void test_a_run_leaves_both_versions_until_it_knows(void **state)
{
	(void)state;
	struct report *h = reports_of(&reports, "n01");
	report_runs(h, "face", "2025-02-25");
	report_runs(h, "ssd", "2020-12-06");
	assert_true(report_may_run(h, "face", "2026-02-02"));
	assert_false(report_may_run(h, "face", "2026-02-02"));
	assert_int_equal(reports_count(&reports, "face", "2025-02-25"), 1);
	assert_int_equal(reports_count(&reports, "face", "2026-02-02"), 1);

	report_not_runs(h, "face", "2026-02-02");
	assert_int_equal(reports_count(&reports, "face", "2025-02-25"), 1);
	assert_int_equal(reports_count(&reports, "face", "2026-02-02"), 0);
	assert_int_equal(reports_count(&reports, "ssd", "2020-12-06"), 1);

	report_may_run(h, "face", "2026-02-02");
	report_runs(h, "face", "2026-02-02");
	assert_int_equal(reports_count(&reports, "face", "2025-02-25"), 0);
	assert_int_equal(reports_count(&reports, "face", "2026-02-02"), 1);
	assert_int_equal(reports_count(&reports, "ssd", "2020-12-06"), 1);
}

static void test_hosts_that_left_are_forgotten_late(void **state)
{
	static const struct {
		const char *host;
		int days; /* since it was heard of */
		bool stays;
	} cases[] = {
		{"known", 4000, true},
		{"left", 0, true},
		{"left-lately", REPORT_DAYS_MAX - 1, true},
		{"left-long-ago", REPORT_DAYS_MAX, false},
		{"never-stamped", -1, false},
	};
	struct inventory inventory = {0};
	struct host host = {.name = "known"};

	(void)state;
	strmap_set(&inventory.hosts, "known", &host);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct report *h = reports_of(&reports, cases[i].host);
		report_runs(h, "face", "2026-02-02");
		if (cases[i].days >= 0)
			reports_stamp(&reports, h, NULL, NOW - (time_t)cases[i].days * DAY);
	}
	reports_forget(&reports, &inventory, NOW);
	strmap_release(&inventory.hosts, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if ((reports_find(&reports, cases[i].host) != NULL) != cases[i].stays)
			fail_msg("%s", cases[i].host);
}

#define HOST(fields) "{\"format\": 1, \"hosts\": {\"n\": {" fields "}}}"
#define WHEN         "\"time\": \"2026-02-25T21:00:00Z\""

static void test_what_is_no_report_is_never_an_empty_one(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "r.json"},
		{"null", "`format`"},
		{"{}", "`format`"},
		{"{\"format\": 1}", "`format` and `hosts`"},
		{"{\"format\": 2, \"hosts\": {}}", "format 2, and this program knows 1"},
		{"{\"format\": 1, \"hosts\": []}", "`hosts`"},
		{"{\"format\": 1, \"hosts\": {\"n\": []}}", "host n: found a list"},
		{"{\"format\": 1, \"hosts\": {\"\": {}}}", "a host's report"},
		{HOST(""), "a time"},
		{HOST("\"time\": \"yesterday\""), "a time"},
		{HOST("\"time\": \"0985-01-01T00:00:00Z\", \"runs\": {}"), "a time"},
		{HOST(WHEN), "host n: found nothing, expected a mapping"},
		{HOST(WHEN ", \"runs\": []"), "found a list, expected a mapping"},
		{HOST(WHEN ", \"runs\": {\"face\": \"2026-02-02\"}"), "list of versions"},
		{HOST(WHEN ", \"runs\": {\"a/b\": []}"), "list of versions"},
		{HOST(WHEN ", \"runs\": {\"face\": [\"2026-02-30\"]}"), "YYYY-MM-DD"},
		{HOST(WHEN ", \"runs\": {\"face\": [7]}"),
			"found an integer, expected a version"},
		{HOST(WHEN ", \"runs\": {}, \"has\": null"), "expected a mapping"},
		{HOST(WHEN ", \"runs\": {}, \"run\": 3"), "a run's name"},
		{HOST(WHEN ", \"runs\": {}, \"runs\": {}"), "runs"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *says = parse(cases[i].text);
		if (!strstr(says, cases[i].says))
			fail_msg("%s: \"%s\" does not say %s", cases[i].text, says,
				cases[i].says);
		assert_int_equal(reports.by_host.count, 0);
	}
	assert_string_equal(parse(HOST(WHEN ", \"runs\": {}, \"later\": 1")), "");
}

static void test_a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct err err = {0};

	(void)state;
	fixture_shell("mkdir -p store/.fleet/reports.json");
	assert_int_equal(reports_load(&reports, store, &err), -1);
	fixture_shell("rmdir store/.fleet/reports.json && touch elsewhere && "
		      "ln -s ../../elsewhere store/.fleet/reports.json");
	assert_int_equal(reports_load(&reports, store, &err), -1);
	assert_non_null(strstr(err.text, "reports.json"));
}

static void test_saving_replaces_in_one_step(void **state)
{
	struct stat before, after;

	(void)state;
	reports_of(&reports, "n01");
	save();
	assert_int_equal(stat(fixture_path("store/.fleet/reports.json"), &before), 0);
	save();
	assert_int_equal(stat(fixture_path("store/.fleet/reports.json"), &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_string_equal(
		fixture_shell("ls -A store/.fleet | grep -v hashes"), "reports.json\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_store_without_reports_has_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_file_is_as_the_header_shows_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_saved_is_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_run_leaves_both_versions_until_it_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_hosts_that_left_are_forgotten_late, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_report_is_never_an_empty_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_cannot_be_read_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_saving_replaces_in_one_step, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
