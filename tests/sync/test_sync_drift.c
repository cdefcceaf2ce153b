/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to files that differ on a node: repaired, left, or removed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sync/fixture.h"

#define FACE "face: {current_version: 2026-01-01}"

/* A model on the node, all of its files a year old. */
static void settle(struct fixture *f, const char *registry)
{
	fixture_noise(f, "store/face/2026-01-01/weights.bin", 1, 100000);
	fixture_words(f, "store/face/2026-01-01/labels.txt", 1, 20000);
	fixture_words(f, "store/face/2026-01-01/sub/state.csv", 2, 20000);
	fixture_shell(f, "find store -exec touch -h -d '1 year ago' {} +");
	sync_once(f, registry, SYNC_SENT);
}

struct expected {
	enum sync_outcome outcome;
	const char *drifted; /* what the report names, joined by "; " */
};

static void expect(struct fixture *f, const char *registry, const struct sync_options *change,
	const struct expected *e)
{
	AUTO(strbuf_release) struct strbuf named = STRBUF_INIT;
	AUTO(run_end) struct run r;

	run_begin(&r, f, registry, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	if (change) {
		o.options.repair = change->repair;
		o.options.rehash = change->rehash;
		o.options.check = change->check;
	}
	one_expect(&o, e->outcome);
	const struct sync_result *result = &o.report.results[0];
	for (size_t i = 0; i < result->drifted.count; i++)
		strbuf_addf(&named, "%s%s", i ? "; " : "", result->drifted.items[i]);
	assert_string_equal(named.data, e->drifted);
}

static void expect_repaired(struct fixture *f)
{
	expect(f, FACE, NULL, &(struct expected){SYNC_REPAIRED, ""});
	fixture_expect_same(f, 0, "face/2026-01-01");
	expect(f, FACE, NULL, &(struct expected){SYNC_CURRENT, ""});
}

/* Nothing that ls shows differs: only the ctime tells, and the content. */
static void test_a_byte_with_size_and_time_kept(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "cd nodes/h0/face/2026-01-01; touch -r weights.bin ../ref\n"
			 "printf X | dd of=weights.bin bs=1 seek=50000 conv=notrunc 2>&1\n"
			 "touch -r ../ref weights.bin; rm ../ref");
	expect_repaired(f);
}

static void test_a_deleted_file(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "rm nodes/h0/face/2026-01-01/labels.txt");
	expect_repaired(f);
}

static void test_a_deleted_directory(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "rm -r nodes/h0/face/2026-01-01/sub");
	expect_repaired(f);
}

static void test_a_changed_mode(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "chmod 0600 nodes/h0/face/2026-01-01/labels.txt");
	expect_repaired(f);
}

static void test_a_file_that_became_a_link(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "echo precious > nodes/h0/other\n"
			 "ln -sf ../../other nodes/h0/face/2026-01-01/labels.txt");
	expect_repaired(f);
	assert_string_equal(fixture_shell(f, "cat nodes/h0/other"), "precious\n");
}

/* Touched only: the content is right, so nothing is sent and nothing is drift. */
static void test_a_file_that_was_only_touched(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "touch nodes/h0/face/2026-01-01/*");
	expect(f, FACE, NULL, &(struct expected){SYNC_CURRENT, ""});
}

static void test_a_newer_file_stays(void **state)
{
	struct fixture *f = *state;
	const struct expected newer = {
		SYNC_DRIFTED, "labels.txt: changed on the node, and newer there"};

	settle(f, FACE);
	fixture_shell(f, "echo mine > nodes/h0/face/2026-01-01/labels.txt");
	expect(f, FACE, NULL, &newer);
	expect(f, FACE, &(struct sync_options){.check = true}, &newer);
	assert_string_equal(
		fixture_shell(f, "cat nodes/h0/face/2026-01-01/labels.txt"), "mine\n");
	expect(f, FACE, &(struct sync_options){.repair = true},
		&(struct expected){SYNC_REPAIRED, ""});
	fixture_expect_same(f, 0, "face/2026-01-01");
}

static void test_a_newer_file_is_repaired_without_update(void **state)
{
	struct fixture *f = *state;
	const char *registry = "face: {current_version: 2026-01-01, update: false}";

	settle(f, registry);
	fixture_shell(f, "echo mine > nodes/h0/face/2026-01-01/labels.txt");
	expect(f, registry, NULL, &(struct expected){SYNC_REPAIRED, ""});
	fixture_expect_same(f, 0, "face/2026-01-01");
}

/* One file is newer, another is missing: that one is repaired, the newer one stays. */
static void test_newer_and_missing(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "cd nodes/h0/face/2026-01-01; echo mine > labels.txt; rm weights.bin");
	expect(f, FACE, NULL,
		&(struct expected){
			SYNC_DRIFTED, "labels.txt: changed on the node, and newer there"});
	assert_string_equal(
		fixture_shell(f, "cat nodes/h0/face/2026-01-01/labels.txt"), "mine\n");
	fixture_shell(f, "cmp nodes/h0/face/2026-01-01/weights.bin "
			 "store/face/2026-01-01/weights.bin");
}

static void test_an_extra_file_stays(void **state)
{
	struct fixture *f = *state;
	const struct expected extra = {SYNC_DRIFTED, "sub/own.txt: not part of the version"};

	settle(f, FACE);
	fixture_shell(f, "echo mine > nodes/h0/face/2026-01-01/sub/own.txt");
	expect(f, FACE, NULL, &extra);
	assert_string_equal(
		fixture_shell(f, "cat nodes/h0/face/2026-01-01/sub/own.txt"), "mine\n");
	expect(f, FACE, &(struct sync_options){.repair = true},
		&(struct expected){SYNC_REPAIRED, ""});
	assert_string_equal(fixture_shell(f, "ls nodes/h0/face/2026-01-01/sub"), "state.csv\n");
	expect(f, FACE, NULL, &(struct expected){SYNC_CURRENT, ""});
}

static void test_extra_and_missing_are_both_repaired(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "cd nodes/h0/face/2026-01-01; mkdir own; : > own/a; rm labels.txt");
	expect(f, FACE, &(struct sync_options){.repair = true},
		&(struct expected){SYNC_REPAIRED, ""});
	fixture_shell(f, "test ! -e nodes/h0/face/2026-01-01/own");
	expect(f, FACE, NULL, &(struct expected){SYNC_CURRENT, ""});
}

static void test_extra_files_that_the_model_excludes(void **state)
{
	struct fixture *f = *state;
	const char *registry =
		"face: {current_version: 2026-01-01, exclude: [\"*.log\", cache/]}";

	settle(f, registry);
	fixture_shell(f, "cd nodes/h0/face/2026-01-01; : > run.log; : > sub/run.log");
	expect(f, registry, NULL, &(struct expected){SYNC_CURRENT, ""});
	expect(f, registry, &(struct sync_options){.repair = true},
		&(struct expected){SYNC_CURRENT, ""});
	fixture_shell(f, "test -e nodes/h0/face/2026-01-01/run.log");
}

static void test_excluded_files_are_not_sent(void **state)
{
	struct fixture *f = *state;

	fixture_words(f, "store/face/2026-01-01/train.log", 1, 1000);
	settle(f, "face: {current_version: 2026-01-01, exclude: [\"*.log\"]}");
	fixture_shell(f, "test ! -e nodes/h0/face/2026-01-01/train.log");
}

/* Sent once; what the node makes of it afterwards is its own affair. */
static void test_initial_only_files_belong_to_the_node(void **state)
{
	struct fixture *f = *state;
	const char *registry =
		"face: {current_version: 2026-01-01, initial_only: [\"sub/*.csv\"]}";

	settle(f, registry);
	fixture_shell(f, "cmp store/face/2026-01-01/sub/state.csv "
			 "nodes/h0/face/2026-01-01/sub/state.csv\n"
			 "echo grown >> nodes/h0/face/2026-01-01/sub/state.csv");
	expect(f, registry, NULL, &(struct expected){SYNC_CURRENT, ""});
	expect(f, registry, &(struct sync_options){.repair = true, .rehash = true},
		&(struct expected){SYNC_CURRENT, ""});
	fixture_shell(f, "grep -q grown nodes/h0/face/2026-01-01/sub/state.csv");
}

/* More differences than an answer lists: the plan finds the rest. */
static void test_more_differences_than_are_listed(void **state)
{
	struct fixture *f = *state;

	fixture_shell(f, "mkdir -p store/face/2026-01-01; cd store/face/2026-01-01\n"
			 "for i in $(seq 1200); do echo $i > $i; done");
	sync_once(f, FACE, SYNC_SENT);
	fixture_shell(f, "rm nodes/h0/face/2026-01-01/[1-9]*");
	expect_repaired(f);
}

/* The record of what was verified is lost: everything is read, nothing is sent. */
static void test_a_node_that_lost_its_records(void **state)
{
	struct fixture *f = *state;

	settle(f, FACE);
	fixture_shell(f, "rm -r nodes/h0/.fleet");
	AUTO(run_end) struct run r;
	run_begin(&r, f, FACE, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	assert_int_equal(o.result, 0);
	assert_int_equal(o.report.bytes_sent, 0);
	fixture_expect_same(f, 0, "face/2026-01-01");
	expect(f, FACE, NULL, &(struct expected){SYNC_CURRENT, ""});
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, fixture_make, fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_a_byte_with_size_and_time_kept),
		WITH_FIXTURE(test_a_deleted_file),
		WITH_FIXTURE(test_a_deleted_directory),
		WITH_FIXTURE(test_a_changed_mode),
		WITH_FIXTURE(test_a_file_that_became_a_link),
		WITH_FIXTURE(test_a_file_that_was_only_touched),
		WITH_FIXTURE(test_a_newer_file_stays),
		WITH_FIXTURE(test_a_newer_file_is_repaired_without_update),
		WITH_FIXTURE(test_newer_and_missing),
		WITH_FIXTURE(test_an_extra_file_stays),
		WITH_FIXTURE(test_extra_and_missing_are_both_repaired),
		WITH_FIXTURE(test_extra_files_that_the_model_excludes),
		WITH_FIXTURE(test_excluded_files_are_not_sent),
		WITH_FIXTURE(test_initial_only_files_belong_to_the_node),
		WITH_FIXTURE(test_more_differences_than_are_listed),
		WITH_FIXTURE(test_a_node_that_lost_its_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
