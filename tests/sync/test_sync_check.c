/* SPDX-License-Identifier: Apache-2.0 */
/* What is known before anything is changed: --check, and the room on the node's disk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mount.h>

#include "base/path.h"
#include "sync/fixture.h"

#define OLD  "face: {current_version: 2026-01-01}"
#define NEW  "face: {current_version: 2026-02-02}"
#define MEGA ((size_t)1 << 20)

static void make_old_version(struct fixture *f)
{
	fixture_noise(f, "store/face/2026-01-01/weights.bin", 1, 2 * MEGA);
	fixture_words(f, "store/face/2026-01-01/labels.txt", 1, MEGA / 2);
}

static void make_new_version(struct fixture *f)
{
	fixture_shell(f,
		"cp -a store/face/2026-01-01 store/face/2026-02-02\n"
		"cd store/face/2026-02-02\n"
		"printf changed | dd of=weights.bin bs=1 seek=700000 conv=notrunc 2>&1\n"
		"echo new > more.txt");
}

static const char *everything(struct fixture *f)
{
	return fixture_shell(f, "find nodes -printf '%%p %%i %%s %%T@ %%C@\\n' | sort");
}

/* A check changes nothing, and tells to the byte what the run behind it then sends. */
static void expect_foretold(struct fixture *f, const char *registry, enum sync_outcome outcome)
{
	struct run r;

	run_begin(&r, f, registry, 1);
	const char *before = everything(f);
	struct one check = one_of(&r, 0);
	check.options.check = true;
	one_expect(&check, outcome);
	assert_string_equal(everything(f), before);
	run_end(&r);
	run_begin(&r, f, registry, 1);
	struct one real = one_of(&r, 0);
	one_expect(&real, outcome);
	assert_int_equal(check.report.bytes_sent, real.report.bytes_sent);
	const struct sync_result *told = &check.report.results[0],
				 *done = &real.report.results[0];
	assert_int_equal(told->files_sent, done->files_sent);
	assert_int_equal(told->files_reused, done->files_reused);
	assert_int_equal(told->bytes_saved, done->bytes_saved);
	one_release(&check);
	one_release(&real);
	run_end(&r);
}

static void test_a_check_of_a_cold_host(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	fixture_shell(f, "mkdir nodes"); /* the root below it is not there */
	expect_foretold(f, OLD, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

static void test_a_check_of_a_bump(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	make_new_version(f);
	expect_foretold(f, NEW, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-02-02");
}

static void test_a_check_of_a_bump_from_the_nodes_own_basis(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	make_new_version(f);
	fixture_shell(f, "rm -r store/face/2026-01-01");
	expect_foretold(f, NEW, SYNC_SENT);
}

static void test_a_check_of_a_repair(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	fixture_shell(f, "find store -exec touch -d '1 year ago' {} +");
	sync_once(f, OLD, SYNC_SENT);
	fixture_shell(f, "rm nodes/h0/face/2026-01-01/labels.txt");
	expect_foretold(f, OLD, SYNC_REPAIRED);
}

static void test_a_check_of_what_is_right(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	expect_foretold(f, OLD, SYNC_CURRENT);
}

/* ---- disk ---- */

/* A disk of a size in kB as the root of h0. False where this machine does not let us. */
static bool mount_node(struct fixture *f, unsigned kilobytes)
{
	autofree char *options = xasprintf("size=%uk", kilobytes);
	struct err err = {0};

	return path_mkdirs(fixture_path(f, "nodes/h0"), 0755, &err) == 0 &&
	       mount("none", fixture_path(f, "nodes/h0"), "tmpfs", 0, options) == 0;
}

static int drop_with_mount(void **state)
{
	struct fixture *f = *state;

	umount2(fixture_path(f, "nodes/h0"), MNT_DETACH); /* fails where a test skipped */
	return fixture_drop(state);
}

static void test_a_disk_that_is_too_small(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	if (!mount_node(f, 6000)) /* 2.5 MB, a margin of 4 MB */
		skip();
	AUTO(run_end) struct run r;
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.err.code, ERR_NOSPACE);
	assert_true(str_starts(o.err.text, "no space left: needs 2.6 MB"));
	assert_int_equal(o.report.bytes_sent, 0);
	assert_in_range(o.report.disk_free, 5 * MEGA, 6 * MEGA);
	assert_in_range(o.report.disk_needed, 2 * MEGA + MEGA / 2, 3 * MEGA);
	assert_false(path_exists(fixture_path(f, "nodes/h0/face")));
}

static void test_a_disk_that_is_large_enough(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	if (!mount_node(f, 8000))
		skip();
	sync_once(f, OLD, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

/* A repair of one small file needs little room, whatever the whole version needs. */
static void test_a_small_repair_on_a_nearly_full_disk(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	fixture_shell(f, "find store -exec touch -d '1 year ago' {} +");
	if (!mount_node(f, 8000))
		skip();
	sync_once(f, OLD, SYNC_SENT);
	fixture_shell(f, "rm nodes/h0/face/2026-01-01/labels.txt");
	sync_once(f, OLD, SYNC_REPAIRED);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

/* The disk fills up while files arrive: an error, nothing under the final name. */
static void test_a_disk_that_fills_up_meanwhile(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	if (!mount_node(f, 8000))
		skip();
	struct run r;
	run_begin(&r, f, OLD, 1);
	fixture_shell(f, "mkdir -p nodes/h0/.fleet");
	struct one o = one_of(&r, 0);
	struct link_limiter limiter;
	link_limiter_init(&limiter, MEGA);
	r.limiter = &limiter;
	/* Beside the run, after the disk was weighed: 2.5 MB take more than two seconds. */
	fixture_shell(f, "(sleep 1; dd if=/dev/zero of=nodes/h0/other bs=1M; true) "
			 ">/dev/null 2>&1 &");
	one_sync(&o);
	link_limiter_release(&limiter);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.err.code, ERR_NOSPACE);
	assert_false(path_exists(fixture_path(f, "nodes/h0/face/2026-01-01")));
	one_release(&o);
	run_end(&r);
	fixture_shell(f, "rm nodes/h0/other");
	sync_once(f, OLD, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, fixture_make, fixture_drop)
#define WITH_DISK(t)    cmocka_unit_test_setup_teardown(t, fixture_make, drop_with_mount)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_a_check_of_a_cold_host),
		WITH_FIXTURE(test_a_check_of_a_bump),
		WITH_FIXTURE(test_a_check_of_a_bump_from_the_nodes_own_basis),
		WITH_FIXTURE(test_a_check_of_a_repair),
		WITH_FIXTURE(test_a_check_of_what_is_right),
		WITH_DISK(test_a_disk_that_is_too_small),
		WITH_DISK(test_a_disk_that_is_large_enough),
		WITH_DISK(test_a_small_repair_on_a_nearly_full_disk),
		WITH_DISK(test_a_disk_that_fills_up_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
