/* SPDX-License-Identifier: Apache-2.0 */
/* What model-sync-agent writes down: the manifest, what it remembers, and reports that wait. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/vec.h"
#include "daemons/sync_agent/report.h"
#include "daemons/sync_agent/state.h"
#include "daemons/sync_agent/swap.h"

static struct arena arena;
static struct manifest manifest;
static struct state remembered;
static struct err err;

static int done(void **state)
{
	manifest_release(&manifest);
	state_release(&remembered);
	arena_release(&arena);
	err_clear(&err);
	return scratch_remove(state);
}

static const struct record plate = {.file = "yolo11n-plate.pt",
	.name = "alpr-florida-plate-detector",
	.version = "3",
	.run_id = "e8d5ef84",
	.alias = "champion",
	.downloaded_at = "2026-02-25T21:00:00Z"};

/* ---- the manifest ---- */

static void a_manifest_reads_as_documented(void **state)
{
	autofree char *path = path_join(*state, "manifest.json");

	manifest = (struct manifest){
		.device_id = "jetson-site-001", .last_sync = "2026-02-25T21:00:00Z"};
	manifest_put(&manifest, &plate);
	assert_int_equal(manifest_write(path, &manifest, &err), 0);
	assert_true(
		scratch_holds(path, "{\n"
				    "  \"device_id\": \"jetson-site-001\",\n"
				    "  \"last_sync\": \"2026-02-25T21:00:00Z\",\n"
				    "  \"models\": {\n"
				    "    \"yolo11n-plate.pt\": {\n"
				    "      \"mlflow_name\": \"alpr-florida-plate-detector\",\n"
				    "      \"version\": 3,\n"
				    "      \"alias\": \"champion\",\n"
				    "      \"downloaded_at\": \"2026-02-25T21:00:00Z\",\n"
				    "      \"run_id\": \"e8d5ef84\"\n"
				    "    }\n"
				    "  }\n"
				    "}\n"));
}

static void a_manifest_comes_back(void **state)
{
	autofree char *path = path_join(*state, "manifest.json");
	struct record hub = plate;

	hub.file = "hub/m.onnx";
	hub.version = "0123456789abcdef0123456789abcdef01234567";
	hub.run_id = "";
	hub.alias = NULL;
	manifest_put(&manifest, &plate);
	manifest_put(&manifest, &hub);
	assert_int_equal(manifest_write(path, &manifest, &err), 0);
	manifest_release(&manifest);
	assert_int_equal(manifest_read(&arena, path, &manifest, &err), 0);
	assert_int_equal(manifest.models.count, 2);
	const struct record *r = manifest_find(&manifest, plate.file);
	assert_true(record_is(r, plate.name, "3", plate.run_id));
	assert_string_equal(r->alias, "champion");
	r = manifest_find(&manifest, "hub/m.onnx");
	assert_true(record_is(r, plate.name, hub.version, ""));
	assert_null(r->alias);
	assert_null(manifest.last_sync);
}

static void a_version_stays_the_text_that_it_is(void **state)
{
	static const char *const versions[] = {"0", "7", "007", "-1", "9223372036854775807",
		"9223372036854775808", "2026-01-01"};
	autofree char *path = path_join(*state, "manifest.json");

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct record r = plate;
		r.version = versions[i];
		manifest_put(&manifest, &r);
		assert_int_equal(manifest_write(path, &manifest, &err), 0);
		manifest_release(&manifest);
		assert_int_equal(manifest_read(&arena, path, &manifest, &err), 0);
		assert_string_equal(manifest.models.items[0].version, versions[i]);
	}
}

static void one_record_a_file(void **state)
{
	struct record next = plate;

	(void)state;
	next.version = "4";
	manifest_put(&manifest, &plate);
	manifest_put(&manifest, &next);
	assert_int_equal(manifest.models.count, 1);
	assert_string_equal(manifest_find(&manifest, plate.file)->version, "4");
	assert_false(record_is(&next, plate.name, "3", plate.run_id));
	assert_false(record_is(&next, "other", "4", plate.run_id));
	assert_false(record_is(&next, plate.name, "4", "another run"));
	manifest_remove(&manifest, "not there");
	manifest_remove(&manifest, plate.file);
	assert_int_equal(manifest.models.count, 0);
}

static void a_broken_manifest_is_empty(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{}", "{\"models\": []}",
		"{\"models\": {\"a.pt\": 5}}", "{\"models\": {\"a.pt\": {\"version\": 1}}}",
		"{\"models\": {\"a.pt\": {\"mlflow_name\": \"a\", \"version\": []}}}",
		"{\"models\": {\"a.pt\": {\"mlflow_name\": \"a\\u0000\", \"version\": 1}}}"};
	autofree char *path = path_join(*state, "manifest.json");

	assert_int_equal(manifest_read(&arena, path, &manifest, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		err_clear(&err);
		scratch_write(path, texts[i]);
		assert_int_equal(manifest_read(&arena, path, &manifest, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, path));
		assert_int_equal(manifest.models.count, 0);
	}
}

/* ---- the state ---- */

static void a_state_comes_back(void **state)
{
	struct record last = plate;

	last.version = "2";
	remembered.kept = 17;
	*VEC_PUSH(&remembered.pending) = (struct pending){
		.next = plate, .last = last, .kept = "000017-p", .inode = UINT64_MAX - 1};
	*VEC_PUSH(&remembered.pending) = (struct pending){.next = last, .inode = 5};
	*VEC_PUSH(&remembered.former) = (struct former){.record = last, .kept = "000016-p"};
	state_set_block(&remembered, &(struct block){.file = plate.file,
					     .name = plate.name,
					     .version = "9",
					     .run_id = "",
					     .reason = BLOCK_HELD});
	assert_int_equal(state_write(*state, &remembered, &err), 0);
	state_release(&remembered);
	assert_int_equal(state_read(&arena, *state, &remembered, &err), 0);
	assert_int_equal(remembered.kept, 17);
	assert_int_equal(remembered.pending.count, 2);
	const struct pending *p = remembered.pending.items;
	assert_true(p[0].inode == UINT64_MAX - 1);
	assert_string_equal(p[0].last.version, "2");
	assert_string_equal(p[0].kept, "000017-p");
	assert_null(p[1].kept);
	assert_null(p[1].last.version);
	assert_string_equal(remembered.former.items[0].record.file, plate.file);
	assert_string_equal(state_block(&remembered, plate.file)->reason, "held");
}

static void a_state_that_is_not_there_is_empty(void **state)
{
	assert_int_equal(state_read(&arena, *state, &remembered, &err), 0);
	assert_int_equal(remembered.pending.count, 0);
}

static void blocks_and_former_files_are_taken_away(void **state)
{
	static const char *const kept[] = {"1", "2", "3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		*VEC_PUSH(&remembered.former) = (struct former){.kept = kept[i]};
		state_set_block(&remembered, &(struct block){.file = kept[i], .version = "1"});
	}
	state_drop_former(&remembered, 1);
	assert_int_equal(remembered.former.count, 2);
	assert_string_equal(remembered.former.items[1].kept, "3");
	state_set_block(&remembered, &(struct block){.file = "1"});
	state_set_block(&remembered, &(struct block){.file = "not there"});
	assert_null(state_block(&remembered, "1"));
	assert_non_null(state_block(&remembered, "3"));
	assert_int_equal(remembered.blocked.count, 2);
}

static void a_broken_state_is_told(void **state)
{
	static const char *const texts[] = {"", "{", "{\"pending\": [5]}",
		"{\"pending\": [{\"next\": {\"file\": \"../x\", \"mlflow_name\": \"a\", "
		"\"version\": 1}}]}",
		"{\"former\": [{\"kept\": \"../../etc/passwd\", \"record\": {\"file\": \"a\", "
		"\"mlflow_name\": \"a\", \"version\": 1}}]}",
		"{\"blocked\": [{\"file\": \"a\"}]}"};
	autofree char *path = path_join(*state, STATE_FILE);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		err_clear(&err);
		scratch_write(path, texts[i]);
		assert_int_equal(state_read(&arena, *state, &remembered, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		state_release(&remembered);
	}
}

/* ---- files ---- */

/* Stages "new" for a file that may be there; fills in what is pending. */
static void stage(const char *directory, struct pending *p, char **staged)
{
	*staged = swap_staging(directory, plate.file, &err);
	assert_non_null(*staged);
	scratch_write(*staged, "new");
	*p = (struct pending){.next = plate};
	assert_int_equal(swap_prepare(directory, *staged, &remembered, p, &arena, &err), 0);
}

static void a_file_goes_forth_and_back(void **state)
{
	autofree char *path = path_join(*state, plate.file);
	autofree char *staged = NULL;
	struct pending p;

	scratch_write(path, "old");
	stage(*state, &p, &staged);
	assert_false(swap_is_done(*state, &p));
	assert_int_equal(swap_install(*state, staged, &p, &err), 0);
	assert_true(swap_is_done(*state, &p));
	assert_true(scratch_holds(path, "new"));
	for (int again = 0; again < 2; again++) {
		assert_int_equal(swap_revert(*state, &p, &err), 0);
		assert_true(scratch_holds(path, "old"));
	}
	autofree char *former = path_join(*state, CONFIG_FORMER);
	autofree char *left = scratch_list(former);
	assert_string_equal(left, "");
}

static void a_file_that_was_not_there_goes(void **state)
{
	autofree char *path = path_join(*state, plate.file);
	autofree char *staged = NULL;
	struct pending p;

	stage(*state, &p, &staged);
	assert_null(p.kept);
	assert_int_equal(swap_install(*state, staged, &p, &err), 0);
	assert_int_equal(swap_revert(*state, &p, &err), 0);
	assert_false(path_exists(path));
}

static void a_former_file_that_somebody_removed(void **state)
{
	autofree char *path = path_join(*state, plate.file);
	autofree char *staged = NULL;
	struct pending p;

	scratch_write(path, "old");
	stage(*state, &p, &staged);
	assert_int_equal(swap_install(*state, staged, &p, &err), 0);
	swap_sweep(*state, &remembered);
	assert_int_equal(swap_revert(*state, &p, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_true(scratch_holds(path, "new"));
}

static void what_is_no_file_is_not_replaced(void **state)
{
	autofree char *path = path_join(*state, plate.file);
	autofree char *staged = swap_staging(*state, plate.file, &err);
	struct pending p = {.next = plate};

	scratch_write(staged, "new");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(swap_prepare(*state, staged, &remembered, &p, &arena, &err), -1);
	assert_non_null(strstr(err.text, "is no ordinary file: move it away"));
}

static void only_what_is_known_stays_in_former(void **state)
{
	autofree char *former = path_join(*state, CONFIG_FORMER);
	static const char *const names[] = {"000001-p", "000002-p", "000003-p"};

	assert_int_equal(mkdir(former, 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *path = path_join(former, names[i]);
		scratch_write(path, "x");
	}
	*VEC_PUSH(&remembered.former) = (struct former){.record = plate, .kept = "000002-p"};
	*VEC_PUSH(&remembered.pending) = (struct pending){.next = plate, .kept = "000003-p"};
	swap_sweep(*state, &remembered);
	autofree char *left = scratch_list(former);
	assert_string_equal(left, "000002-p 000003-p");
}

/* ---- reports ---- */

static void the_spool_has_limits(void **state)
{
	const struct agent_config config = {.models_dir = *state};
	autofree char *spool = path_join(*state, REPORT_SPOOL);
	autofree char *large = xcalloc(1, REPORT_SPOOL_BYTES);

	for (unsigned i = 0; i < REPORT_SPOOL_COUNT + 5; i++)
		assert_int_equal(report_add(&config, "{}", &err), 0);
	autofree char *names = scratch_list(spool);
	assert_true(str_starts(names, "000000000006.json 000000000007.json"));
	assert_int_equal(strlen(names), REPORT_SPOOL_COUNT * strlen("000000000006.json ") - 1);
	memset(large, ' ', REPORT_SPOOL_BYTES - 2);
	assert_int_equal(report_add(&config, large, &err), 0);
	autofree char *left = scratch_list(spool);
	assert_string_equal(left, "000000000105.json 000000000106.json");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_make, done)
	const struct CMUnitTest tests[] = {
		CASE(a_manifest_reads_as_documented),
		CASE(a_manifest_comes_back),
		CASE(a_version_stays_the_text_that_it_is),
		CASE(one_record_a_file),
		CASE(a_broken_manifest_is_empty),
		CASE(a_state_comes_back),
		CASE(a_state_that_is_not_there_is_empty),
		CASE(blocks_and_former_files_are_taken_away),
		CASE(a_broken_state_is_told),
		CASE(a_file_goes_forth_and_back),
		CASE(a_file_that_was_not_there_goes),
		CASE(a_former_file_that_somebody_removed),
		CASE(what_is_no_file_is_not_replaced),
		CASE(only_what_is_known_stays_in_former),
		CASE(the_spool_has_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
