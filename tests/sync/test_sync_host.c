/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts brought to their models by the real helper: what arrives, and at what cost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/path.h"
#include "sync/fixture.h"

#define OLD  "face: {current_version: 2026-01-01}"
#define NEW  "face: {current_version: 2026-02-02, previous_version: 2026-01-01}"
#define MEGA ((size_t)1 << 20)

/* The usual model: one large file that does not compress, one that does, and a small one. */
static void make_old_version(struct fixture *f)
{
	fixture_noise(f, "store/face/2026-01-01/weights.bin", 1, 2 * MEGA);
	fixture_words(f, "store/face/2026-01-01/labels.txt", 1, MEGA / 2);
	fixture_words(f, "store/face/2026-01-01/README", 1, 100);
}

/* The next version shares nearly all bytes with the old one. */
static void make_new_version(struct fixture *f)
{
	fixture_shell(f,
		"cp -a store/face/2026-01-01 store/face/2026-02-02\n"
		"cd store/face/2026-02-02\n"
		"printf changed | dd of=weights.bin bs=1 seek=700000 conv=notrunc 2>&1\n"
		"echo one more line >> labels.txt");
}

static void test_a_cold_host_gets_everything(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	AUTO(run_end) struct run r;
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-01-01");
	const struct sync_result *result = &o.report.results[0];
	assert_int_equal(o.report.count, 1);
	assert_string_equal(result->model, "face");
	assert_string_equal(result->version, "2026-01-01");
	assert_int_equal(result->files_sent, 3);
	assert_int_equal(result->files_delta, 0);
	assert_int_equal(result->bytes_sent, o.report.bytes_sent);
	/* Noise goes as it is, words shrink to next to nothing. */
	assert_in_range(result->bytes_sent, 2 * MEGA, 2 * MEGA + MEGA / 8);
	assert_int_equal(result->bytes_sent + result->bytes_saved, 2 * MEGA + MEGA / 2 + 100);
}

static void test_everything_arrives_as_it_is(void **state)
{
	struct fixture *f = *state;

	fixture_shell(f, "mkdir -p store/face/2026-01-01 && cd store/face/2026-01-01\n"
			 "mkdir -p empty/inner 'with space' .hidden\n"
			 ": > nothing; printf x > one\n"
			 "printf y > 'with space/a b'; printf z > \"$(printf 'new\\nline')\"\n"
			 "printf b > \"$(printf 'bytes\\377\\001')\"; printf -- d > ./-dash\n"
			 "printf '#!/bin/sh\\n' > run; chmod 0755 run; chmod 0600 one\n"
			 "chmod 0700 empty; chmod 0555 'with space'\n"
			 "ln -s ../one empty/up; ln -s run here; ln -s nowhere dangling\n"
			 "truncate -s 5M sparse; printf end >> sparse\n"
			 "touch -h -d '2001-02-03 04:05:06.789012345' one here run\n"
			 "touch -d '1969-12-31 23:00:00' nothing\n"
			 "touch -d '2030-01-01 00:00:00.5' empty");
	sync_once(f, OLD, SYNC_SENT);
	fixture_expect_same(f, 0, "face/2026-01-01");
	fixture_shell(f, "chmod 0755 'store/face/2026-01-01/with space' "
			 "'nodes/h0/face/2026-01-01/with space'");
}

static void test_nothing_to_do_costs_nothing(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	const char *before =
		fixture_shell(f, "stat -c '%%n %%i %%Z' nodes/h0/face/2026-01-01/*");
	AUTO(run_end) struct run r;
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_CURRENT);
	assert_int_equal(o.report.bytes_sent, 0);
	assert_int_equal(o.report.results[0].files_sent, 0);
	assert_string_equal(
		fixture_shell(f, "stat -c '%%n %%i %%Z' nodes/h0/face/2026-01-01/*"), before);
}

static void *sync_thread(void *arg)
{
	one_sync(arg);
	return NULL;
}

/* All hosts of a run at once, a thread each, as a deploy does it. */
static void sync_together(struct one *hosts, size_t count)
{
	pthread_t threads[16];

	for (size_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, sync_thread, &hosts[i]);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

#define HOSTS 4

static void expect_together(struct run *r, struct one *hosts)
{
	for (size_t i = 0; i < HOSTS; i++)
		hosts[i] = one_of(r, i);
	sync_together(hosts, HOSTS);
	for (size_t i = 0; i < HOSTS; i++) {
		if (hosts[i].result < 0)
			fail_msg("h%zu: %s", i, hosts[i].err.text);
	}
}

static void test_a_bump_is_one_delta_for_all_hosts(void **state)
{
	struct fixture *f = *state;
	struct one cold[HOSTS], bump[HOSTS];
	struct content_counters counters;
	struct run r;

	make_old_version(f);
	run_begin(&r, f, OLD, HOSTS);
	expect_together(&r, cold);
	content_counters(r.content, &counters);
	assert_int_equal(counters.compressed, 1);
	run_end(&r);
	make_new_version(f);
	run_begin(&r, f, NEW, HOSTS);
	expect_together(&r, bump);
	content_counters(r.content, &counters);
	assert_int_equal(counters.deltas, 2); /* of weights.bin and labels.txt */
	for (size_t i = 0; i < HOSTS; i++) {
		const struct sync_result *result = &bump[i].report.results[0];
		assert_int_equal(result->outcome, SYNC_SENT);
		assert_int_equal(result->files_delta, 2);
		assert_int_equal(result->files_reused, 1);
		assert_int_equal(result->bytes_sent, counters.delta_bytes);
		assert_true(result->bytes_sent < MEGA / 8);
		fixture_expect_same(f, i, "face/2026-02-02");
		one_release(&cold[i]);
		one_release(&bump[i]);
	}
	run_end(&r);
}

/* Neither the store nor the manifest knows the basis: its signature comes from the node. */
static void test_a_basis_that_only_the_node_has(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	make_new_version(f);
	fixture_shell(f, "rm -r store/face/2026-01-01");
	AUTO(run_end) struct run r;
	run_begin(&r, f, "face: {current_version: 2026-02-02}", 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_SENT);
	assert_int_equal(o.report.results[0].files_delta, 2);
	assert_true(o.report.bytes_sent < MEGA / 8);
	fixture_expect_same(f, 0, "face/2026-02-02");
}

/* A basis that was changed on the node must not spoil the delta that others take. */
static void test_a_basis_that_was_changed_on_the_node(void **state)
{
	struct fixture *f = *state;
	struct one hosts[HOSTS];
	struct run r;

	make_old_version(f);
	run_begin(&r, f, OLD, HOSTS);
	expect_together(&r, hosts);
	for (size_t i = 0; i < HOSTS; i++)
		one_release(&hosts[i]);
	run_end(&r);
	make_new_version(f);
	fixture_shell(f, "printf own | dd of=nodes/h1/face/2026-01-01/weights.bin bs=1 "
			 "seek=900000 conv=notrunc 2>&1");
	run_begin(&r, f, NEW, HOSTS);
	expect_together(&r, hosts);
	for (size_t i = 0; i < HOSTS; i++) {
		assert_int_equal(hosts[i].report.results[0].outcome, SYNC_SENT);
		fixture_expect_same(f, i, "face/2026-02-02");
		one_release(&hosts[i]);
	}
	run_end(&r);
}

static void test_a_file_that_moved_is_reused(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	sync_once(f, OLD, SYNC_SENT);
	fixture_shell(f,
		"cp -a store/face/2026-01-01 store/face/2026-02-02\n"
		"mkdir store/face/2026-02-02/sub\n"
		"mv store/face/2026-02-02/weights.bin store/face/2026-02-02/sub/w.bin");
	AUTO(run_end) struct run r;
	run_begin(&r, f, NEW, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_SENT);
	assert_int_equal(o.report.results[0].files_reused, 3);
	assert_int_equal(o.report.bytes_sent, 0);
	fixture_expect_same(f, 0, "face/2026-02-02");
}

static void test_many_small_files(void **state)
{
	struct fixture *f = *state;

	fixture_shell(f, "mkdir -p store/face/2026-01-01 && cd store/face/2026-01-01\n"
			 "for d in $(seq 40); do mkdir $d\n"
			 "for n in $(seq 50); do echo $d $n > $d/$n; done; done");
	AUTO(run_end) struct run r;
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_SENT);
	assert_int_equal(o.report.results[0].files_sent, 2000);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

#define MANY 35

static void make_many_models(struct fixture *f, struct strbuf *registry)
{
	strbuf_addstr(registry, "{");
	for (unsigned i = 0; i < MANY; i++) {
		autofree char *name = xasprintf("store/m%u/2026-01-01/f", i);
		fixture_noise(f, name, i, 5000);
		strbuf_addf(registry, "m%u: {current_version: 2026-01-01}, ", i);
	}
	strbuf_addstr(registry, "}");
}

/* More models than may be on their way at once, in one conversation. */
static void test_more_models_than_stages(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf registry = STRBUF_INIT;

	make_many_models(f, &registry);
	AUTO(run_end) struct run r;
	run_begin(&r, f, registry.data, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, SYNC_SENT);
	for (size_t i = 0; i < MANY; i++) {
		autofree char *version = xasprintf("m%zu/2026-01-01", i);
		assert_int_equal(o.report.results[i].outcome, SYNC_SENT);
		fixture_expect_same(f, 0, version);
	}
}

/* ---- interruption ---- */

/* A slow run in a thread of its own, which can be cancelled. */
struct slow {
	struct run run;
	struct link_limiter limiter;
	struct cancel cancel;
	struct one one;
	pthread_t thread;
};

/* What lies on the node; nftw(3) has no argument for it. */
static off_t bytes_there;

static int add_size(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)path, (void)at;
	bytes_there += kind == FTW_F ? st->st_size : 0;
	return 0;
}

/* Waits until a transfer is under way, and far from its end. */
static void await_bytes(struct fixture *f, off_t bytes)
{
	deadline until = deadline_in(60);

	do {
		usleep(20000);
		bytes_there = 0;
		nftw(fixture_path(f, "nodes/h0"), add_size, 16, FTW_PHYS);
	} while (bytes_there < bytes && !deadline_passed(until));
	assert_true(bytes_there >= bytes);
}

static void slow_begin(struct slow *s, struct fixture *f, const char *registry)
{
	run_begin(&s->run, f, registry, 1);
	link_limiter_init(&s->limiter, MEGA);
	s->run.limiter = &s->limiter;
	assert_int_equal(cancel_init(&s->cancel, NULL), 0);
	s->one = one_of(&s->run, 0);
	s->one.options.cancel = &s->cancel;
	s->one.options.holder = "the slow one";
	pthread_create(&s->thread, NULL, sync_thread, &s->one);
	await_bytes(f, 400000);
}

static void slow_cancel(struct slow *s)
{
	cancel_request(&s->cancel);
	pthread_join(s->thread, NULL);
}

static void slow_release(struct slow *s)
{
	one_release(&s->one);
	run_end(&s->run);
	link_limiter_release(&s->limiter);
	cancel_release(&s->cancel);
}

/* Cut in the middle of one large file: the second run sends what is left of it. */
static void test_a_cut_run_is_resumed(void **state)
{
	struct fixture *f = *state;
	AUTO(slow_release) struct slow s;
	AUTO(run_end) struct run r;

	fixture_noise(f, "store/face/2026-01-01/weights.bin", 1, 4 * MEGA);
	slow_begin(&s, f, OLD);
	slow_cancel(&s);
	assert_int_equal(s.one.result, -1);
	assert_int_equal(s.one.err.code, ERR_CANCELLED);
	assert_false(path_exists(fixture_path(f, "nodes/h0/face/2026-01-01")));
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one again = one_of(&r, 0);
	one_expect(&again, SYNC_SENT);
	assert_in_range(again.report.bytes_sent, 2 * MEGA, 4 * MEGA - 200000);
	fixture_expect_same(f, 0, "face/2026-01-01");
}

static void test_a_cut_run_tells_what_it_did_not_reach(void **state)
{
	struct fixture *f = *state;
	AUTO(slow_release) struct slow s;

	fixture_noise(f, "store/a/2026-01-01/f", 1, 5000);
	fixture_noise(f, "store/b/2026-01-01/f", 2, 8 * MEGA);
	fixture_noise(f, "store/c/2026-01-01/f", 3, 5000);
	sync_once(f, "a: {current_version: 2026-01-01}", SYNC_SENT);
	slow_begin(&s, f,
		"{a: {current_version: 2026-01-01}, b: {current_version: 2026-01-01}, "
		"c: {current_version: 2026-01-01}}");
	slow_cancel(&s);
	const struct sync_result *results = s.one.report.results;
	assert_int_equal(s.one.result, -1);
	assert_int_equal(results[0].outcome, SYNC_CURRENT);
	assert_int_equal(results[1].outcome, SYNC_FAILED);
	assert_int_equal(results[1].err.code, ERR_CANCELLED);
	assert_int_equal(results[2].outcome, SYNC_FAILED);
}

/* ---- failures ---- */

static void test_two_runs_at_once_on_one_node(void **state)
{
	struct fixture *f = *state;
	AUTO(slow_release) struct slow s;
	AUTO(run_end) struct run r;

	fixture_noise(f, "store/face/2026-01-01/f", 2, 8 * MEGA);
	slow_begin(&s, f, OLD);
	run_begin(&r, f, OLD, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	slow_cancel(&s);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.err.code, ERR_BUSY);
	assert_non_null(strstr(o.err.text, "the slow one"));
	assert_int_equal(o.report.results[0].outcome, SYNC_FAILED);
}

static void test_one_model_fails_and_the_others_go_on(void **state)
{
	struct fixture *f = *state;

	fixture_noise(f, "store/a/2026-01-01/f", 1, 50000);
	fixture_noise(f, "store/b/2026-01-01/f", 2, 50000);
	fixture_noise(f, "store/c/2026-01-01/f", 3, 50000);
	AUTO(run_end) struct run r;
	run_begin(&r, f,
		"{a: {current_version: 2026-01-01}, b: {current_version: 2026-01-01}, "
		"c: {current_version: 2026-01-01}}",
		1);
	fixture_shell(f, "rm store/b/2026-01-01/f");
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.err.code, ERR_NOTFOUND);
	assert_non_null(strstr(o.err.text, "b 2026-01-01: "));
	assert_int_equal(o.report.results[0].outcome, SYNC_SENT);
	assert_int_equal(o.report.results[1].outcome, SYNC_FAILED);
	assert_int_equal(o.report.results[2].outcome, SYNC_SENT);
	fixture_expect_same(f, 0, "c/2026-01-01");
	assert_false(path_exists(fixture_path(f, "nodes/h0/b/2026-01-01")));
}

/* A version that cannot be completed must not hinder those that come after it. */
static void test_a_failure_early_among_many_models(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf registry = STRBUF_INIT;

	make_many_models(f, &registry);
	AUTO(run_end) struct run r;
	run_begin(&r, f, registry.data, 1);
	fixture_noise(f, "store/m0/2026-01-01/f", 99, 5000);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.report.results[0].outcome, SYNC_FAILED);
	for (size_t i = 1; i < MANY; i++)
		assert_int_equal(o.report.results[i].outcome, SYNC_SENT);
}

/* A file of the store that changes during the run must not get a final name. */
static void test_a_store_that_changes_during_the_run(void **state)
{
	struct fixture *f = *state;

	make_old_version(f);
	AUTO(run_end) struct run r;
	run_begin(&r, f, OLD, 1);
	fixture_noise(f, "store/face/2026-01-01/weights.bin", 99, 2 * MEGA);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_sync(&o);
	assert_int_equal(o.result, -1);
	assert_int_equal(o.report.results[0].err.code, ERR_INTEGRITY);
	assert_false(path_exists(fixture_path(f, "nodes/h0/face/2026-01-01")));
}

/* A spool that lies: the node refuses what arrives, gets it raw, and the lie is removed. */
static void test_a_damaged_spool(void **state)
{
	struct fixture *f = *state;
	struct run r;

	fixture_words(f, "store/face/2026-01-01/labels.txt", 1, MEGA);
	run_begin(&r, f, OLD, 2);
	struct one first = one_of(&r, 0), second = one_of(&r, 1);
	one_expect(&first, SYNC_SENT);
	one_release(&first);
	run_end(&r);
	const char *item = fixture_shell(f, "ls spool");
	assert_true(str_ends(item, ".zst\n"));
	fixture_shell(f, "printf broken | dd of=spool/%.*s bs=1 seek=100 conv=notrunc 2>&1",
		(int)strlen(item) - 1, item);
	run_begin(&r, f, OLD, 2);
	one_expect(&second, SYNC_SENT);
	one_release(&second);
	run_end(&r);
	fixture_expect_same(f, 1, "face/2026-01-01");
	assert_string_equal(fixture_shell(f, "ls spool"), "");
}

/* Where the cache has no room for what is compressed, files go as they are. */
static void test_a_cache_that_is_full(void **state)
{
	struct fixture *f = *state;
	struct one hosts[HOSTS];
	struct run r;

	fixture_noise(f, "noise", 1, 2 * MEGA);
	fixture_noise(f, "store/face/2026-01-01/first.bin", 2, 100000);
	fixture_shell(f, "od -An -v -tx1 noise > store/face/2026-01-01/hex.txt; mkdir spool");
	if (mount("none", f->spool_dir, "tmpfs", 0, "size=300k") < 0)
		skip();
	run_begin(&r, f, OLD, HOSTS);
	for (size_t i = 0; i < HOSTS; i++)
		hosts[i] = one_of(&r, i);
	sync_together(hosts, HOSTS);
	run_end(&r);
	umount2(f->spool_dir, MNT_DETACH);
	for (size_t i = 0; i < HOSTS; i++) {
		if (hosts[i].result < 0)
			fail_msg("h%zu: %s", i, hosts[i].err.text);
		assert_int_equal(hosts[i].report.results[0].outcome, SYNC_SENT);
		fixture_expect_same(f, i, "face/2026-01-01");
		one_release(&hosts[i]);
	}
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, fixture_make, fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_a_cold_host_gets_everything),
		WITH_FIXTURE(test_everything_arrives_as_it_is),
		WITH_FIXTURE(test_nothing_to_do_costs_nothing),
		WITH_FIXTURE(test_a_bump_is_one_delta_for_all_hosts),
		WITH_FIXTURE(test_a_basis_that_only_the_node_has),
		WITH_FIXTURE(test_a_basis_that_was_changed_on_the_node),
		WITH_FIXTURE(test_a_file_that_moved_is_reused),
		WITH_FIXTURE(test_many_small_files),
		WITH_FIXTURE(test_more_models_than_stages),
		WITH_FIXTURE(test_a_cut_run_is_resumed),
		WITH_FIXTURE(test_a_cut_run_tells_what_it_did_not_reach),
		WITH_FIXTURE(test_two_runs_at_once_on_one_node),
		WITH_FIXTURE(test_one_model_fails_and_the_others_go_on),
		WITH_FIXTURE(test_a_failure_early_among_many_models),
		WITH_FIXTURE(test_a_store_that_changes_during_the_run),
		WITH_FIXTURE(test_a_damaged_spool),
		WITH_FIXTURE(test_a_cache_that_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
