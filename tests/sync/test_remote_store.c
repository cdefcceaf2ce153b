/* SPDX-License-Identifier: Apache-2.0 */
/* A store on another host: what it lists, and what its files cost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "sync/fixture.h"
#include "sync/remote_store.h"

#define OLD  "face: {current_version: 2026-01-01}"
#define NEW  "face: {current_version: 2026-02-02}"
#define MEGA ((size_t)1 << 20)

static void make_version(struct fixture *f)
{
	fixture_noise(f, "store/face/2026-01-01/weights.bin", 1, 6 * MEGA);
	fixture_words(f, "store/face/2026-01-01/labels.txt", 1, MEGA / 2);
	fixture_words(f, "store/face/2026-01-01/sub/small.txt", 2, 100);
	fixture_shell(
		f, ": > store/face/2026-01-01/empty; ln -s empty store/face/2026-01-01/link");
}

static void *sync_thread(void *arg)
{
	one_sync(arg);
	return NULL;
}

#define HOSTS 4

static void expect_together(struct run *r)
{
	struct one hosts[HOSTS];
	pthread_t threads[HOSTS];

	for (size_t i = 0; i < HOSTS; i++) {
		hosts[i] = one_of(r, i);
		pthread_create(&threads[i], NULL, sync_thread, &hosts[i]);
	}
	for (size_t i = 0; i < HOSTS; i++) {
		pthread_join(threads[i], NULL);
		if (hosts[i].result < 0)
			fail_msg("h%zu: %s", i, hosts[i].err.text);
		assert_int_equal(hosts[i].report.results[0].outcome, SYNC_SENT);
		one_release(&hosts[i]);
	}
}

static void test_all_hosts_get_what_the_datasink_has(void **state)
{
	struct fixture *f = *state;
	AUTO(run_end) struct run r;

	make_version(f);
	run_begin_remote(&r, f, OLD, HOSTS);
	expect_together(&r);
	for (size_t i = 0; i < HOSTS; i++)
		fixture_expect_same(f, i, "face/2026-01-01");
	/* Each file crossed once: one raw item for each, the empty one included. */
	assert_string_equal(fixture_shell(f, "ls spool | grep -c raw"), "4\n");
}

static void test_a_bump_makes_its_delta_here(void **state)
{
	struct fixture *f = *state;
	struct content_counters counters;
	AUTO(run_end) struct run r;

	make_version(f);
	run_begin_remote(&r, f, OLD, HOSTS);
	expect_together(&r);
	run_end(&r);
	fixture_shell(f,
		"cp -a store/face/2026-01-01 store/face/2026-02-02\n"
		"printf new | dd of=store/face/2026-02-02/weights.bin bs=1 seek=700000 "
		"conv=notrunc 2>&1");
	run_begin_remote(&r, f, NEW, HOSTS);
	expect_together(&r);
	content_counters(r.content, &counters);
	assert_int_equal(counters.deltas, 1);
	assert_true(counters.delta_bytes < MEGA / 4);
	for (size_t i = 0; i < HOSTS; i++)
		fixture_expect_same(f, i, "face/2026-02-02");
}

/* What an earlier run fetched is not believed without a look. */
static void test_damaged_leavings_of_an_earlier_run(void **state)
{
	struct fixture *f = *state;
	struct run r;

	make_version(f);
	run_begin_remote(&r, f, OLD, 2);
	struct one first = one_of(&r, 0);
	one_expect(&first, SYNC_SENT);
	one_release(&first);
	run_end(&r);
	fixture_shell(f, "rm -f spool/*.zst; for i in spool/*.raw; do\n"
			 "printf broken | dd of=$i bs=1 seek=10 conv=notrunc 2>&1; done");
	run_begin_remote(&r, f, OLD, 2);
	struct one second = one_of(&r, 1);
	one_expect(&second, SYNC_SENT);
	one_release(&second);
	run_end(&r);
	fixture_expect_same(f, 1, "face/2026-01-01");
}

static void test_sound_leavings_are_used(void **state)
{
	struct fixture *f = *state;
	struct run r;

	make_version(f);
	run_begin_remote(&r, f, OLD, 2);
	struct one first = one_of(&r, 0);
	one_expect(&first, SYNC_SENT);
	one_release(&first);
	run_end(&r);
	const char *before = fixture_shell(f, "stat -c '%%i' spool/*.raw");
	run_begin_remote(&r, f, OLD, 2);
	struct one second = one_of(&r, 1);
	one_expect(&second, SYNC_SENT);
	one_release(&second);
	run_end(&r);
	assert_string_equal(fixture_shell(f, "stat -c '%%i' spool/*.raw"), before);
	fixture_expect_same(f, 1, "face/2026-01-01");
}

static const char *joined(struct fixture *f, const struct strlist *l)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < l->count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", l->items[i]);
	return arena_strdup(&f->arena, text.data);
}

static struct store *open_remote(struct fixture *f, struct connection *c, const char *root,
	const char *holder, struct spool *spool, struct err *err)
{
	fixture_connect(f, c);
	return remote_store_open(
		c, fixture_path(f, "%s", root), holder, spool, deadline_in(30), NULL, err);
}

static void test_lists(void **state)
{
	struct fixture *f = *state;
	AUTO(strlist_release) struct strlist models = {0}, versions = {0};
	struct connection c;
	struct err err = {0};

	fixture_shell(f, "cd store; mkdir -p b/2026-01-01 a/2026-03-01 a/2025-12-31 a/notes "
			 "coral_packages/2026-01-01 .fleet; : > a/2026-09-09");
	struct spool *spool = spool_open(f->spool_dir, &err);
	struct store *s = open_remote(f, &c, "store", NULL, spool, &err);
	assert_non_null(s);
	assert_int_equal(store_list_models(s, &models, &err), 0);
	assert_string_equal(joined(f, &models), "a b");
	assert_int_equal(store_list_versions(s, "a", &versions, &err), 0);
	assert_string_equal(joined(f, &versions), "2025-12-31 2026-03-01");
	assert_int_equal(store_list_versions(s, "c", &versions, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_check_version(s, "a", "2026-03-01", &err), 0);
	assert_int_equal(store_check_version(s, "a", "2026-03-02", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	store_free(s);
	spool_close(spool);
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	struct connection c;
	struct err err = {0};

	fixture_shell(f, "mkdir -p store/a/2026-01-01; printf hello > store/a/2026-01-01/f");
	struct spool *spool = spool_open(f->spool_dir, &err);
	struct store *s = open_remote(f, &c, "store", NULL, spool, &err);
	int fd = store_open_file(s, "a", "2026-01-01", "f", &err);
	char text[8] = "";
	assert_true(fd >= 0);
	assert_int_equal(fd_pread_full(fd, text, 7, 0), 5);
	assert_string_equal(text, "hello");
	close(fd);
	assert_int_equal(store_open_file(s, "a", "2026-01-01", "g", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_open_file(s, "a", "2026-01-02", "f", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	store_free(s);
	spool_close(spool);
}

/* A fetch that fails leaves no answers behind that the link would choke on. */
static void test_fetches_that_fail_midway(void **state)
{
	struct fixture *f = *state;
	struct connection c;
	struct err err = {0};

	for (unsigned i = 0; i < 5; i++) {
		autofree char *name = xasprintf("store/a/2026-01-01/f%u", i);
		fixture_noise(f, name, i, 5 * MEGA);
	}
	fixture_shell(f, "mkdir spool; echo hello > store/a/2026-01-01/small");
	if (mount("none", f->spool_dir, "tmpfs", 0, "size=100k") < 0)
		skip();
	struct spool *spool = spool_open(f->spool_dir, &err);
	struct store *s = open_remote(f, &c, "store", NULL, spool, &err);
	for (unsigned i = 0; i < 5; i++) {
		char name[] = {'f', (char)('0' + i), '\0'};
		assert_int_equal(store_open_file(s, "a", "2026-01-01", name, &err), -1);
		assert_int_equal(err.code, ERR_NOSPACE);
	}
	autofd int fd = store_open_file(s, "a", "2026-01-01", "small", &err);
	store_free(s);
	spool_close(spool);
	umount2(f->spool_dir, MNT_DETACH);
	if (fd < 0)
		fail_msg("%s", err.text);
}

/* A file that changes behind its manifest must not get into the spool under its name. */
static void test_a_file_that_changes_on_the_datasink(void **state)
{
	struct fixture *f = *state;
	struct connection c;
	struct manifest m = {0};
	struct err err = {0};

	fixture_noise(f, "store/a/2026-01-01/f", 1, MEGA);
	struct spool *spool = spool_open(f->spool_dir, &err);
	struct store *s = open_remote(f, &c, "store", NULL, spool, &err);
	assert_int_equal(store_read_manifest(s, "a", "2026-01-01", NULL, &m, &err), 0);
	fixture_noise(f, "store/a/2026-01-01/f", 2, MEGA);
	assert_int_equal(store_open_file(s, "a", "2026-01-01", "f", &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	manifest_release(&m);
	store_free(s);
	spool_close(spool);
	assert_string_equal(fixture_shell(f, "ls spool"), "");
}

static void test_the_lease_is_the_sites_lock(void **state)
{
	struct fixture *f = *state;
	struct connection one, other;
	struct err err = {0};
	struct spool *spool = spool_open(f->spool_dir, &err);

	struct store *s = open_remote(f, &one, "store", "alice@den", spool, &err);
	assert_non_null(s);
	assert_null(open_remote(f, &other, "store", "bob@attic", spool, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "alice@den"));
	struct store *reader = open_remote(f, &other, "store", NULL, spool, &err);
	assert_non_null(reader);
	store_free(reader);
	store_free(s);
	s = open_remote(f, &other, "store", "bob@attic", spool, &err);
	assert_non_null(s);
	store_free(s);
	spool_close(spool);
}

static void test_a_store_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct connection c;
	struct err err = {0};
	struct spool *spool = spool_open(f->spool_dir, &err);

	assert_null(open_remote(f, &c, "absent", NULL, spool, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "store sink:"));
	spool_close(spool);
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, fixture_make, fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_all_hosts_get_what_the_datasink_has),
		WITH_FIXTURE(test_a_bump_makes_its_delta_here),
		WITH_FIXTURE(test_damaged_leavings_of_an_earlier_run),
		WITH_FIXTURE(test_sound_leavings_are_used),
		WITH_FIXTURE(test_lists),
		WITH_FIXTURE(test_files),
		WITH_FIXTURE(test_fetches_that_fail_midway),
		WITH_FIXTURE(test_a_file_that_changes_on_the_datasink),
		WITH_FIXTURE(test_the_lease_is_the_sites_lock),
		WITH_FIXTURE(test_a_store_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
