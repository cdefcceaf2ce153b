/* SPDX-License-Identifier: Apache-2.0 */
/* What fleet-status makes of its hosts' answers, and the page that it shows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "made_fleet.h"

#define HOUR 3600
#define NOW  1772359200

static void expect_in(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("'%s' is not in:\n%s", text, page);
}

static void expect_not_in(const char *page, const char *text)
{
	if (strstr(page, text))
		fail_msg("'%s' is in:\n%s", text, page);
}

/* ---- what a config names ---- */

static void test_versions_that_a_config_names(void **state)
{
	static const struct {
		const char *text, *versions;
	} cases[] = {
		{"", ""},
		{"model: /srv/models/face/2026-02-02\n", "2026-02-02"},
		{"model: face/2026-02-02", "2026-02-02"},
		{"\"/srv/face/2026-02-02/a.tflite\"", "2026-02-02"},
		{"a: /m/face/2026-02-02/x\nb: /m/face/2025-01-01/y\nc: /m/face/2026-02-02/z",
			"2025-01-01 2026-02-02"},
		{"faces: /m/faces/2026-02-02", ""},
		{"m: /m/my_face/2026-02-02", ""},
		{"m: /m/my-face/2026-02-02", ""},
		{"m: /m/face/2026-02-30", ""},
		{"m: /m/face/2026-02-021", ""},
		{"m: /m/face/2026-02-02-rc1", ""},
		{"m: /m/face/current", ""},
		{"m: /m/face/2026-02", ""},
		{"m: /m/face", ""},
		{"# was /m/face/2025-01-01\nm: /m/face/2026-02-02", "2026-02-02"},
		{"  ; was /m/face/2025-01-01\n", ""},
		{"m: /m/face/2026-02-02 # not a comment's line", "2026-02-02"},
		{"face face/ face/face/2026-02-02", "2026-02-02"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strlist_release) struct strlist versions = {0};
		AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;
		status_scan_config(cases[i].text, "face", &versions);
		for (size_t k = 0; k < versions.count; k++)
			strbuf_addf(&joined, "%s%s", k ? " " : "", versions.items[k]);
		assert_string_equal(joined.data, cases[i].versions);
	}
}

/* ---- how a model stands ---- */

static const struct status_model *only_row(struct made_fleet *f)
{
	made_settle(f);
	assert_int_equal(f->hosts[0].rows.count, 1);
	return &f->hosts[0].rows.items[0];
}

static void test_words_of_comparisons(void **state)
{
	static const struct {
		enum sync_outcome outcome;
		const char *word;
		bool fine;
	} cases[] = {
		{SYNC_CURRENT, "ok", true},
		{SYNC_SENT, "absent", false},
		{SYNC_REPAIRED, "differs", false},
		{SYNC_DRIFTED, "drifted", false},
		{SYNC_FAILED, "failed", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sync_result result = {.outcome = cases[i].outcome};
		const struct status_model m = {.wanted = "2026-02-02", .result = &result};
		assert_string_equal(status_model_word(&m), cases[i].word);
		assert_int_equal(status_model_fine(&m), cases[i].fine);
	}
}

static void test_a_config_beats_the_report(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-03-01", SYNC_CURRENT);
	made_config(f, 0, "face", "2026-02-02");
	made_report(f, 0, "face", "2026-03-01");
	const struct status_model *m = only_row(f);
	assert_int_equal(m->known, STATUS_BY_CONFIG);
	assert_int_equal(m->runs.count, 1);
	assert_string_equal(m->runs.items[0], "2026-02-02");
	assert_string_equal(status_model_word(m), "runs other");
	assert_int_equal(status_of(&f->hosts[0]), STATUS_DIFFERS);
}

static void test_a_report_where_no_config_speaks(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-03-01", SYNC_CURRENT);
	made_config(f, 0, "other", "2026-02-02");
	made_report(f, 0, "face", "2026-02-02");
	made_report(f, 0, "facet", "2026-03-01");
	const struct status_model *m = only_row(f);
	assert_int_equal(m->known, STATUS_BY_REPORT);
	assert_string_equal(status_model_word(m), "runs other");
}

/* A report of a run that was cut names the version before and the one after. */
static void test_a_report_that_does_not_know(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-03-01", SYNC_CURRENT);
	made_report(f, 0, "face", "2026-02-02");
	made_report(f, 0, "face", "2026-03-01");
	const struct status_model *m = only_row(f);
	assert_int_equal(m->runs.count, 2);
	assert_string_equal(status_model_word(m), "ok");
}

static void test_two_configs_that_disagree(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-03-01", SYNC_CURRENT);
	made_config(f, 0, "face", "2026-03-01");
	made_config(f, 0, "face", "2026-02-02");
	assert_string_equal(status_model_word(only_row(f)), "runs other");
	autofree char *page = made_page(f, false);
	expect_in(page, "2026-03-01  -        2     config  runs other\n"
			"      runs 2026-02-02\n"
			"      runs 2026-03-01\n");
}

static void test_a_config_that_is_not_there(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-03-01", SYNC_CURRENT);
	made_config(f, 0, "face", NULL);
	const struct status_model *m = only_row(f);
	assert_string_equal(status_model_word(m), "no config");
	assert_int_equal(status_of(&f->hosts[0]), STATUS_DIFFERS);
}

static void test_what_lies_on_the_host(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-02-02", SYNC_CURRENT);
	made_there(f, 0, "face/2025-01-01", 10);
	made_there(f, 0, "face/2026-02-02", 20);
	made_there(f, 0, "face/2026-03-01", 30);
	made_there(f, 0, "facet/2026-02-02", 1000);
	const struct status_model *m = only_row(f);
	assert_string_equal(m->there, "2026-02-02");
	assert_int_equal(m->bytes, 60);
}

static void test_the_newest_of_others_where_the_wanted_is_absent(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-02-02", SYNC_SENT);
	made_there(f, 0, "face/2024-01-01", 10);
	made_there(f, 0, "face/2025-01-01", 10);
	assert_string_equal(only_row(f)->there, "2025-01-01");
}

/* ---- versions that nobody wants ---- */

static void test_versions_that_nobody_wants(void **state)
{
	struct made_fleet *f = *state;
	AUTO(strbuf_release) struct strbuf paths = STRBUF_INIT;

	made_model(f, 0, "face", "2026-02-02", SYNC_CURRENT);
	made_config(f, 0, "face", "2025-01-01");
	made_there(f, 0, "face/2023-01-01", 10);
	made_there(f, 0, "face/2025-01-01", 10);
	made_there(f, 0, "face/2026-02-02", 20);
	made_there(f, 0, "stray/2026-02-02", 0);
	made_settle(f);
	for (size_t i = 0; i < f->hosts[0].extra.count; i++)
		strbuf_addf(&paths, "%s ", f->hosts[0].extra.items[i].path);
	assert_string_equal(paths.data, "face/2023-01-01 stray/2026-02-02 ");
}

static void test_other_models_are_nobodys_business_with_m(void **state)
{
	struct made_fleet *f = *state;

	f->status.models = "face";
	made_model(f, 0, "face", "2026-02-02", SYNC_CURRENT);
	made_there(f, 0, "face/2023-01-01", 10);
	made_there(f, 0, "stray/2026-02-02", 10);
	made_settle(f);
	assert_int_equal(f->hosts[0].extra.count, 1);
	assert_string_equal(f->hosts[0].extra.items[0].path, "face/2023-01-01");
}

/* ---- how a host stands ---- */

static void test_states_of_hosts(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 6);
	for (size_t i = 0; i < 6; i++)
		made_fine(f, i);
	made_service(f, 1, "broken", "failed", "failed");
	made_transaction(f, 2, "armed", NULL, 1);
	made_away(f, 3, ERR_UNREACHABLE, "no route");
	strlist_add(&f->hosts[4].problems, "cannot read /etc/a");
	made_staging(f, 5, "face/2026-03-01", 5, NOW);
	made_settle(f);
	const enum status_state expected[] = {STATUS_AS_WANTED, STATUS_DIFFERS, STATUS_DIFFERS,
		STATUS_AWAY, STATUS_DIFFERS, STATUS_AS_WANTED};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(status_of(&f->hosts[i]), expected[i]);
}

/* What went back may be what is wanted by now; the host itself has to show it. */
static void test_a_transaction_that_went_back(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	made_fine(f, 0);
	made_transaction(f, 0, "reverted", "at 2026-03-01T09:00:00Z: not healthy", 5);
	made_model(f, 1, "face", "2026-02-02", SYNC_CURRENT);
	made_transaction(f, 1, "reverted", "at 2026-03-01T09:00:00Z: not healthy", 5);
	made_model(f, 2, "face", "2026-02-02", SYNC_CURRENT);
	made_transaction(f, 2, "reverted", "at 2026-02-01T09:00:00Z: not healthy", 5);
	made_transaction(f, 2, "confirmed", NULL, 6);
	made_settle(f);
	assert_int_equal(status_of(&f->hosts[0]), STATUS_AS_WANTED);
	assert_int_equal(status_of(&f->hosts[1]), STATUS_DIFFERS);
	assert_int_equal(status_of(&f->hosts[2]), STATUS_AS_WANTED);
}

static void test_exit_codes(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	for (size_t i = 0; i < 3; i++)
		made_fine(f, i);
	made_settle(f);
	assert_int_equal(status_exit_code(&f->status), EXIT_OK);
	made_away(f, 2, ERR_UNREACHABLE, "no route");
	assert_int_equal(status_exit_code(&f->status), EXIT_UNREACHABLE);
	made_transaction(f, 1, "reverting", NULL, 1);
	assert_int_equal(status_exit_code(&f->status), EXIT_HOST_FAILED);
	f->status.engine.cancel.requested = 1;
	assert_int_equal(status_exit_code(&f->status), EXIT_INTERRUPTED);
}

/* ---- the page ---- */

static void test_a_small_page(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 2);
	made_fine(f, 0);
	made_fine(f, 1);
	f->hosts[0].deployed = NOW - HOUR;
	f->hosts[1].deployed = NOW;
	f->hosts[0].disk_free = 2000000000;
	f->hosts[0].disk_total = 30000000000;
	made_settle(f);
	autofree char *page = made_page(f, false);
	assert_string_equal(page, "  MODEL  WANTED      ON HOST     RUNS        BY      STATE\n"
				  "2 hosts as wanted: n001, n002\n"
				  "  face   2026-02-02  2026-02-02  2026-02-02  config  ok\n"
				  "  service sentinel  active (running)\n"
				  "\n"
				  "last deploy 2026-03-01T09:00:00Z to 2026-03-01T10:00:00Z\n"
				  "least disk free: 2.0 GB of 30.0 GB on n001\n"
				  "2 hosts: 2 as wanted, 0 differ, 0 away\n");
}

/* Two hundred hosts with twenty models each: a screen, at most 80 columns wide. */
static void test_a_wide_fleet_fits_a_screen(void **state)
{
	struct made_fleet *f = *state;
	size_t lines = 0;

	made_fleet_size(f, 200);
	for (size_t i = 0; i < 200; i++) {
		for (size_t k = 0; k < 20; k++) {
			const char *name = arena_printf(&f->arena, "face_recognition_%02zu", k);
			bool differs = i == 77 && k == 3;
			made_model(f, i, name, "2026-02-02",
				differs ? SYNC_DRIFTED : SYNC_CURRENT);
			made_config(f, i, name, "2026-02-02");
			made_there(
				f, i, arena_printf(&f->arena, "%s/2026-02-02", name), 1000000);
		}
		f->hosts[i].deployed = NOW - (time_t)i;
	}
	f->hosts[77].report.results[3].drift = 12;
	made_away(f, 100, ERR_UNREACHABLE, "no answer from 10.0.0.7 port 22");
	made_away(f, 150, ERR_UNREACHABLE, "no answer from 10.0.0.7 port 22");
	made_settle(f);
	autofree char *page = made_page(f, false);
	for (const char *line = page; *line; lines++) {
		size_t n = strcspn(line, "\n");
		if (n > 80)
			fail_msg("%zu columns: %.*s", n, (int)n, line);
		line += n + 1;
	}
	assert_in_range(lines, 20, 35);
	expect_in(page, "197 hosts as wanted: n001, n002, n003, n004, n005, n006, n007, n008 "
			"and 189 more\n");
	expect_in(page, "n078 differs\n  face_recognition_03  2026-02-02  2026-02-02  "
			"2026-02-02  config  drifted 12\n  19 other models as wanted\n");
	expect_in(page, "2 hosts away: n101, n151\n  no answer from 10.0.0.7 port 22\n");
	expect_in(page, "200 hosts: 197 as wanted, 1 differs, 2 away\n");
}

static void test_all_names_every_host(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	for (size_t i = 0; i < 3; i++)
		made_fine(f, i);
	made_staging(f, 1, "face/2026-03-01", 2000, NOW - 3 * HOUR);
	made_there(f, 1, "face/2020-01-01", 3000);
	made_there(f, 1, "hand/2020-01-01", 0);
	f->hosts[1].deployed = NOW;
	f->hosts[1].deploy_outcome = "changed";
	made_settle(f);
	autofree char *page = made_page(f, true);
	expect_in(page, "n001 as wanted\n");
	expect_in(page, "n003 as wanted\n");
	expect_in(page, "  last deploy not known\n");
	expect_in(page, "  last deploy 2026-03-01T10:00:00Z, changed\n");
	expect_in(page, "  half-finished face/2026-03-01, 2.0 kB, written 3 hours ago\n");
	expect_in(page, "  wanted by nobody face/2020-01-01, 3.0 kB\n");
	expect_in(page, "  wanted by nobody hand/2020-01-01, never verified\n");
	expect_not_in(page, "3 hosts as wanted");
}

static void test_notes_sum_up_what_lies_around(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	for (size_t i = 0; i < 3; i++)
		made_fine(f, i);
	made_staging(f, 0, "face/2026-03-01", 1000, NOW - 3 * 24 * HOUR);
	made_staging(f, 2, "face/2026-03-01", 2000, NOW - 60);
	made_there(f, 1, "face/2020-01-01", 3000);
	made_settle(f);
	autofree char *page = made_page(f, false);
	expect_in(page, "3 hosts as wanted");
	expect_in(page, "2 half-finished versions on 2 hosts, 3.0 kB, the oldest written "
			"3 days ago: n001, n003\n");
	expect_in(page, "1 version that nobody wants on 1 host, 3.0 kB: n002\n");
}

/* Ids and times differ from host to host; what happened is the same. */
static void test_hosts_that_went_back_alike_are_one_group(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 2);
	for (size_t i = 0; i < 2; i++) {
		made_model(f, i, "face", "2026-03-01", SYNC_CURRENT);
		made_config(f, i, "face", "2026-02-02");
		made_transaction(f, i, "reverted",
			i ? "at 2026-03-01T09:00:00Z: sentinel failed"
			  : "at 2026-03-01T09:00:07Z: sentinel failed",
			(int64_t)i);
	}
	for (size_t i = 0; i < 2; i++)
		f->hosts[i].deploy_error = "sentinel: wrong shape";
	made_settle(f);
	autofree char *page = made_page(f, false);
	expect_in(page, "2 hosts differ: n001, n002\n");
	expect_in(page, "  went back: sentinel failed (deploy-models)\n"
			"  its last deploy: sentinel: wrong shape\n");
}

static void test_hosts_that_fail_alike_at_their_addresses(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	for (size_t i = 0; i < 3; i++) {
		f->hosts[i].connection.link.address =
			arena_printf(&f->arena, "10.0.0.%zu", i + 1);
		made_away(f, i, i < 2 ? ERR_TIMEOUT : ERR_AUTH,
			arena_printf(&f->arena, "10.0.0.%zu port 22: %s", i + 1,
				i < 2 ? "timed out" : "not let in"));
	}
	made_settle(f);
	autofree char *page = made_page(f, false);
	expect_in(page, "2 hosts away: n001, n002\n  ADDRESS port 22: timed out\n");
	expect_in(page, "n003 away\n  10.0.0.3 port 22: not let in\n");
	autofree char *all = made_page(f, true);
	expect_in(all, "n002 away\n  10.0.0.2 port 22: timed out\n");
}

static void test_texts_of_nodes_cannot_move_the_cursor(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 2);
	strlist_add(&made_model(f, 0, "face", "2026-02-02", SYNC_DRIFTED)->drifted,
		"a\033[2Jb: changed");
	made_service(f, 0, "sentinel", "act\rive", "run\nning");
	made_transaction(f, 0, "reverted", "at x: \033]0;title\a", 1);
	made_away(f, 1, ERR_PROTOCOL, "noise: \033[31m");
	made_settle(f);
	autofree char *page = made_page(f, true);
	for (const char *at = page; *at; at++)
		assert_true((unsigned char)*at >= ' ' || *at == '\n');
	expect_in(page, "a?[2Jb: changed");
}

static void test_a_run_under_way(void **state)
{
	struct made_fleet *f = *state;

	made_fine(f, 0);
	made_settle(f);
	f->status.running = true;
	f->status.holder = (struct lock_holder){.user = (char *)"anna",
		.host = (char *)"admin1",
		.since = (char *)"2026-03-01T09:59:00Z",
		.command = (char *)"deploy-models -i site"};
	autofree char *page = made_page(f, false);
	expect_in(page, "a run is under way, and hosts are changing: anna on admin1 since "
			"2026-03-01T09:59:00Z: deploy-models -i site\n");
}

static void test_a_host_that_keeps_the_store(void **state)
{
	struct made_fleet *f = *state;
	static const struct model model = {.name = "face"};
	static const struct wanted held = {.model = &model, .version = "2026-02-02"};

	f->models[0].holds_store = true;
	f->models[0].held = &held;
	f->models[0].held_count = 1;
	made_config(f, 0, "face", "2026-02-02");
	assert_string_equal(status_model_word(only_row(f)), "in store");
	assert_int_equal(status_of(&f->hosts[0]), STATUS_AS_WANTED);
}

int main(void)
{
#define FLEET_TEST(f) cmocka_unit_test_setup_teardown(f, made_fleet_setup, made_fleet_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_that_a_config_names),
		cmocka_unit_test(test_words_of_comparisons),
		FLEET_TEST(test_a_config_beats_the_report),
		FLEET_TEST(test_a_report_where_no_config_speaks),
		FLEET_TEST(test_a_report_that_does_not_know),
		FLEET_TEST(test_two_configs_that_disagree),
		FLEET_TEST(test_a_config_that_is_not_there),
		FLEET_TEST(test_what_lies_on_the_host),
		FLEET_TEST(test_the_newest_of_others_where_the_wanted_is_absent),
		FLEET_TEST(test_versions_that_nobody_wants),
		FLEET_TEST(test_other_models_are_nobodys_business_with_m),
		FLEET_TEST(test_states_of_hosts),
		FLEET_TEST(test_a_transaction_that_went_back),
		FLEET_TEST(test_exit_codes),
		FLEET_TEST(test_a_small_page),
		FLEET_TEST(test_a_wide_fleet_fits_a_screen),
		FLEET_TEST(test_all_names_every_host),
		FLEET_TEST(test_notes_sum_up_what_lies_around),
		FLEET_TEST(test_hosts_that_went_back_alike_are_one_group),
		FLEET_TEST(test_hosts_that_fail_alike_at_their_addresses),
		FLEET_TEST(test_texts_of_nodes_cannot_move_the_cursor),
		FLEET_TEST(test_a_run_under_way),
		FLEET_TEST(test_a_host_that_keeps_the_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
