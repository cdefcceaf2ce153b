/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of fleet-status: which samples there are, and how labels and values are written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "made_fleet.h"

/* The samples of one metric, without HELP and TYPE; new memory. */
static char *samples(const struct made_fleet *f, const char *metric)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;
	size_t n = strlen(metric);

	status_add_metrics(&f->status, &all);
	for (const char *line = all.data; *line;) {
		size_t len = strcspn(line, "\n") + 1;
		if (str_starts(line, "modelfleet_") &&
			strncmp(line + strlen("modelfleet_"), metric, n) == 0 &&
			strchr("{ ", line[strlen("modelfleet_") + n]))
			strbuf_add(&out, line, len);
		line += len;
	}
	return strbuf_detach(&out, NULL);
}

static void expect_samples(const struct made_fleet *f, const char *metric, const char *expected)
{
	autofree char *found = samples(f, metric);

	assert_string_equal(found, expected);
}

static void test_each_metric_has_its_head_once(void **state)
{
	struct made_fleet *f = *state;
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;
	AUTO(strlist_release) struct strlist names = {0};

	made_fleet_size(f, 3);
	for (size_t i = 0; i < 3; i++)
		made_fine(f, i);
	made_settle(f);
	status_add_metrics(&f->status, &all);
	assert_true(str_ends(all.data, "\n"));
	for (const char *line = all.data; *line; line += strcspn(line, "\n") + 1) {
		if (!str_starts(line, "# TYPE "))
			continue;
		autofree char *name = xstrndup(line + 7, strcspn(line + 7, " "));
		assert_false(strlist_has(&names, name));
		assert_true(str_starts(line + 7 + strlen(name), " gauge\n"));
		strlist_add(&names, name);
	}
	assert_int_equal(names.count, 18);
}

static void test_a_model(void **state)
{
	struct made_fleet *f = *state;

	made_fine(f, 0);
	made_there(f, 0, "face/2025-01-01", 500);
	made_settle(f);
	expect_samples(f, "model_info",
		"modelfleet_model_info{host=\"n001\",model=\"face\",wanted=\"2026-02-02\","
		"actual=\"2026-02-02\",by=\"config\"} 1\n");
	expect_samples(f, "model_as_wanted",
		"modelfleet_model_as_wanted{host=\"n001\",model=\"face\"} 1\n");
	expect_samples(f, "model_bytes",
		"modelfleet_model_bytes{host=\"n001\",model=\"face\"} 1000500\n");
	expect_samples(f, "service_up",
		"modelfleet_service_up{host=\"n001\",service=\"sentinel\"} 1\n");
	expect_samples(f, "collection_duration_seconds",
		"modelfleet_collection_duration_seconds 0.250000\n");
}

static void test_what_lies_there_where_nothing_says_what_runs(void **state)
{
	struct made_fleet *f = *state;

	made_model(f, 0, "face", "2026-02-02", SYNC_SENT);
	made_there(f, 0, "face/2025-01-01", 500);
	made_settle(f);
	expect_samples(f, "model_info",
		"modelfleet_model_info{host=\"n001\",model=\"face\",wanted=\"2026-02-02\","
		"actual=\"2025-01-01\",by=\"\"} 1\n");
}

static void test_a_host_that_is_away(void **state)
{
	struct made_fleet *f = *state;
	static const struct model face = {.name = "face"};
	static const struct wanted wanted = {.model = &face, .version = "2026-02-02"};

	f->models[0].items = &wanted;
	f->models[0].count = 1;
	made_away(f, 0, ERR_UNREACHABLE, "no route");
	made_settle(f);
	expect_samples(f, "host_reachable", "modelfleet_host_reachable{host=\"n001\"} 0\n");
	expect_samples(f, "model_info",
		"modelfleet_model_info{host=\"n001\",model=\"face\",wanted=\"2026-02-02\","
		"actual=\"\",by=\"\"} 1\n");
	expect_samples(f, "model_as_wanted", "");
	expect_samples(f, "host_disk_free_bytes", "");
	expect_samples(f, "host_staging_bytes", "");
	expect_samples(f, "host_pending_transactions", "");
}

static void test_labels_are_escaped(void **state)
{
	struct made_fleet *f = *state;

	f->hosts[0].name = "a\"b\\c\nd\xff\xc3\xa9";
	made_settle(f);
	expect_samples(f, "host_reachable",
		"modelfleet_host_reachable{host=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9\"} 1\n");
}

/* The same sample twice would make the collector refuse the file. */
static void test_a_service_that_is_named_twice(void **state)
{
	struct made_fleet *f = *state;

	made_service(f, 0, "sentinel", "active", "running");
	made_service(f, 0, "sentinel", "active", "running");
	made_settle(f);
	expect_samples(f, "service_up",
		"modelfleet_service_up{host=\"n001\",service=\"sentinel\"} 1\n");
}

static void test_numbers_of_a_host(void **state)
{
	struct made_fleet *f = *state;

	made_staging(f, 0, "face/2026-03-01", 1234, 5);
	made_there(f, 0, "face/2020-01-01", 77);
	made_transaction(f, 0, "armed", NULL, 1);
	made_transaction(f, 0, "reverting", NULL, 2);
	made_transaction(f, 0, "confirmed", NULL, 3);
	f->hosts[0].deployed = 1772359200;
	f->hosts[0].disk_free = UINT64_C(9007199254740992);
	f->hosts[0].disk_total = UINT64_C(9007199254740992);
	made_settle(f);
	expect_samples(
		f, "host_staging_bytes", "modelfleet_host_staging_bytes{host=\"n001\"} 1234\n");
	expect_samples(f, "host_unmanaged_bytes",
		"modelfleet_host_unmanaged_bytes{host=\"n001\"} 77\n");
	expect_samples(f, "host_pending_transactions",
		"modelfleet_host_pending_transactions{host=\"n001\"} 2\n");
	expect_samples(f, "host_last_deploy_timestamp_seconds",
		"modelfleet_host_last_deploy_timestamp_seconds{host=\"n001\"} 1772359200\n");
	expect_samples(f, "host_disk_free_bytes",
		"modelfleet_host_disk_free_bytes{host=\"n001\"} 9007199254740992.000000\n");
}

static void test_hosts_by_their_states(void **state)
{
	struct made_fleet *f = *state;

	made_fleet_size(f, 3);
	made_fine(f, 0);
	made_fine(f, 1);
	made_away(f, 2, ERR_TIMEOUT, "late");
	made_settle(f);
	expect_samples(f, "hosts",
		"modelfleet_hosts{state=\"as_wanted\"} 2\n"
		"modelfleet_hosts{state=\"differs\"} 0\n"
		"modelfleet_hosts{state=\"away\"} 1\n");
}

static void test_the_file_is_replaced_in_one_step(void **state)
{
	struct made_fleet *f = *state;
	void *dir = NULL;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;
	struct err err = {0};
	struct stat st;

	assert_int_equal(scratch_make(&dir), 0);
	autofree char *path = path_join(dir, "fleet.prom");
	made_settle(f);
	f->status.metrics = path;
	assert_int_equal(file_replace(path, "old", 3, 0600, &err), 0);
	mode_t mask = umask(0077);
	assert_int_equal(status_write_metrics(&f->status, &err), 0);
	umask(mask);
	assert_int_equal(file_read(path, 1 << 20, &text, &err), 0);
	status_add_metrics(&f->status, &expected);
	assert_string_equal(text.data, expected.data);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	autofree char *names = scratch_list(dir);
	assert_string_equal(names, "fleet.prom");
	assert_int_equal(scratch_remove(&dir), 0);
}

static void test_a_file_that_cannot_be_written(void **state)
{
	struct made_fleet *f = *state;
	struct err err = {0};

	made_settle(f);
	assert_int_equal(status_write_metrics(&f->status, &err), 0);
	f->status.metrics = "/nowhere/at/all.prom";
	assert_int_equal(status_write_metrics(&f->status, &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/at/all.prom"));
}

int main(void)
{
#define FLEET_TEST(f) cmocka_unit_test_setup_teardown(f, made_fleet_setup, made_fleet_teardown)
	const struct CMUnitTest tests[] = {
		FLEET_TEST(test_each_metric_has_its_head_once),
		FLEET_TEST(test_a_model),
		FLEET_TEST(test_what_lies_there_where_nothing_says_what_runs),
		FLEET_TEST(test_a_host_that_is_away),
		FLEET_TEST(test_labels_are_escaped),
		FLEET_TEST(test_a_service_that_is_named_twice),
		FLEET_TEST(test_numbers_of_a_host),
		FLEET_TEST(test_hosts_by_their_states),
		FLEET_TEST(test_the_file_is_replaced_in_one_step),
		FLEET_TEST(test_a_file_that_cannot_be_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
