/* SPDX-License-Identifier: Apache-2.0 */
/* The library against the daemon's server: what is got, what changes, who holds whose memory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scratch.h"
#include "base/str.h"
#include "modelcache/cache_fixture.h"
#include "modelcache/protocol.h"

struct client {
	struct modelcache *cache;
	struct modelcache_error error;
};

static void connect_client(struct client *c, const struct cache_fixture *f)
{
	*c = (struct client){0};
	c->cache = modelcache_open(f->socket, &c->error);
	assert_string_equal(c->error.text, "");
	assert_non_null(c->cache);
}

static const struct modelcache_model *acquire(
	struct client *c, const char *name, const char *selector)
{
	c->error = (struct modelcache_error){0};
	return modelcache_acquire(c->cache, name, selector, &c->error);
}

/* True if a name gives this version now. */
static bool gives(struct client *c, const char *name, const char *selector, const char *version)
{
	const struct modelcache_model *m = acquire(c, name, selector);
	bool same = m && !strcmp(m->version, version) && fixture_right(m);

	modelcache_release(m);
	return same;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- what is got ---- */

static void test_acquire(void **state)
{
	struct cache_fixture f;
	struct client c;
	static const char *const selectors[] = {NULL, "", "2", "production", "@champion"};

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "2", 10000);
	assert_int_equal(
		cache_describe(f.cache, "fraud", "2", "Production", "champion", NULL), 0);
	connect_client(&c, &f);
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		const struct modelcache_model *m = acquire(&c, "fraud", selectors[i]);
		assert_non_null(m);
		assert_string_equal(m->name, "fraud");
		assert_string_equal(m->version, "2");
		assert_string_equal(m->stage, "Production");
		assert_string_equal(m->run_id, "run");
		assert_int_equal(strlen(m->sha256), 64);
		assert_int_equal(m->size, 10000);
		assert_true(m->loaded_at > 0);
		assert_true(fixture_right(m));
		modelcache_release(m);
	}
	modelcache_close(c.cache);
	fixture_close(&f);
}

static void test_hits_need_no_message(void **state)
{
	struct cache_fixture f;
	struct client c;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "2", 100);
	connect_client(&c, &f);
	for (int i = 0; i < 1000; i++)
		assert_true(gives(&c, "fraud", NULL, "2"));
	assert_int_equal(fixture_hub_counts(&f).requests, 1);
	/* One of the first request, the others of the page. */
	assert_int_equal(fixture_counts(&f).hits, 1000);
	modelcache_close(c.cache);
	/* They still count when the client is gone. */
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	assert_int_equal(fixture_counts(&f).hits, 1000);
	fixture_close(&f);
}

static void test_errors(void **state)
{
	struct cache_fixture f;
	struct client c;
	char longest[200];

	memset(longest, 'x', sizeof(longest));
	longest[199] = '\0';
	fixture_open(&f, *state, 5, 0);
	connect_client(&c, &f);
	assert_null(acquire(&c, "fraud", NULL));
	assert_int_equal(c.error.code, ENOENT);
	assert_non_null(strstr(c.error.text, "fraud"));
	assert_null(acquire(&c, longest, NULL));
	assert_int_equal(c.error.code, EINVAL);
	assert_null(acquire(&c, "fraud", longest));
	assert_int_equal(c.error.code, EINVAL);
	modelcache_release(NULL);
	modelcache_close(NULL);
	modelcache_close(c.cache);
	fixture_close(&f);
}

static void test_no_daemon(void **state)
{
	struct modelcache_error error = {0};
	AUTO(mem_cleanup_free) char *path = xasprintf("%s/none.sock", (char *)*state);

	assert_null(modelcache_open(path, &error));
	assert_int_equal(error.code, ENOENT);
	assert_non_null(strstr(error.text, path));
	assert_null(modelcache_open(path, NULL));
}

static void test_empty_model(void **state)
{
	struct cache_fixture f;
	struct client c;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 0);
	connect_client(&c, &f);
	const struct modelcache_model *m = acquire(&c, "fraud", NULL);
	assert_non_null(m);
	assert_int_equal(m->size, 0);
	assert_null(m->data);
	modelcache_release(m);
	modelcache_close(c.cache);
	fixture_close(&f);
}

/* Two threads ask for what has to be loaded; one load answers both. */
static void *acquire_slowly(void *data)
{
	struct client *c = data;

	assert_true(gives(c, "fraud", "7", "7"));
	return NULL;
}

static void test_what_has_to_be_loaded(void **state)
{
	struct cache_fixture f;
	struct client c[2];
	pthread_t threads[2];
	const struct cache_about about = {.name = "fraud", .version = "7"};

	fixture_open(&f, *state, 5, 0);
	f.lazy = true;
	for (int i = 0; i < 2; i++) {
		connect_client(&c[i], &f);
		assert_int_equal(pthread_create(&threads[i], NULL, acquire_slowly, &c[i]), 0);
	}
	FIXTURE_WAIT(fixture_counts(&f).joined == 1);
	assert_string_equal(cache_load_version(f.load), "7");
	assert_int_equal(
		cache_load_done(f.load, &about, fixture_blob('7', 10), false, NULL), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		modelcache_close(c[i].cache);
	}
	fixture_close(&f);
}

/* ---- another version ---- */

static void test_another_version(void **state)
{
	struct cache_fixture f;
	struct client c;
	uint64_t count;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 5000);
	connect_client(&c, &f);
	const struct modelcache_model *old = acquire(&c, "fraud", NULL);
	assert_false(readable(modelcache_fd(c.cache)));
	fixture_put(&f, "fraud", "2", 5000);
	FIXTURE_WAIT(readable(modelcache_fd(c.cache)));
	assert_int_equal(read(modelcache_fd(c.cache), &count, sizeof(count)), sizeof(count));
	assert_true(gives(&c, "fraud", NULL, "2"));
	assert_string_equal(old->version, "1");
	assert_true(fixture_right(old));
	modelcache_release(old);
	modelcache_close(c.cache);
	fixture_close(&f);
}

static void *acquire_current(void *arg)
{
	assert_true(gives(arg, "fraud", NULL, "2"));
	return NULL;
}

/* It may be a user's own request that brings another version, before the library has asked. */
static void test_what_a_request_brings_is_told_to_others(void **state)
{
	struct cache_fixture f;
	struct client c[2];
	pthread_t threads[2];
	const struct cache_about about = {.name = "fraud", .version = "2"};

	fixture_open(&f, *state, 5, 0);
	f.lazy = true;
	fixture_put(&f, "fraud", "1", 10);
	connect_client(&c[0], &f);
	connect_client(&c[1], &f);
	assert_true(gives(&c[0], "fraud", NULL, "1"));
	assert_int_equal(cache_remove(f.cache, "fraud", "1", NULL), 0);
	FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, acquire_current, &c[i]), 0);
	FIXTURE_WAIT(fixture_counts(&f).joined == 1);
	assert_false(readable(modelcache_fd(c[0].cache)));
	assert_int_equal(cache_load_done(f.load, &about, fixture_blob('2', 10), true, NULL), 0);
	FIXTURE_WAIT(readable(modelcache_fd(c[0].cache)));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* It had none before. */
	assert_false(readable(modelcache_fd(c[1].cache)));
	modelcache_close(c[0].cache);
	modelcache_close(c[1].cache);
	fixture_close(&f);
}

/* Acquires so many models more, so that the client has no slot left; they stay in hand. */
static void fill_slots(struct client *c, struct cache_fixture *f,
	const struct modelcache_model *others[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		autofree char *name = xasprintf("other%u", i);
		fixture_put(f, name, "1", 10);
		others[i] = acquire(c, name, NULL);
		assert_non_null(others[i]);
	}
}

/* Another version that the client cannot be given at first comes all the same. */
static void test_another_version_that_fails_at_first(void **state)
{
	const struct modelcache_model *others[MC_SLOTS - 1];
	struct cache_fixture f;
	struct client c;

	fixture_open(&f, *state, 2 * MC_SLOTS, 0);
	fixture_put(&f, "fraud", "1", 5000);
	connect_client(&c, &f);
	assert_true(gives(&c, "fraud", NULL, "1"));
	fill_slots(&c, &f, others, MC_SLOTS - 1);
	uint64_t asked = fixture_hub_counts(&f).requests;
	fixture_put(&f, "fraud", "2", 5000);
	FIXTURE_WAIT(fixture_hub_counts(&f).requests > asked);
	assert_true(gives(&c, "fraud", NULL, "1"));
	for (unsigned i = 0; i < MC_SLOTS - 1; i++)
		modelcache_release(others[i]);
	assert_int_equal(cache_remove(f.cache, "other0", "1", NULL), 0);
	FIXTURE_WAIT(gives(&c, "fraud", NULL, "2"));
	modelcache_close(c.cache);
	fixture_close(&f);
}

/* What a version in hand says is constant, whatever becomes of its stage. */
static void test_texts_stay(void **state)
{
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 10);
	struct modelcache *c = modelcache_open(f.socket, NULL);
	const struct modelcache_model *m = modelcache_acquire(c, "fraud", NULL, NULL);
	const char *stage = m->stage;
	uint64_t asked = fixture_hub_counts(&f).requests;
	assert_int_equal(cache_describe(f.cache, "fraud", "1", "Archived", NULL, NULL), 0);
	FIXTURE_WAIT(fixture_hub_counts(&f).requests > asked); /* the library was told */
	assert_ptr_equal(modelcache_acquire(c, "fraud", "1", NULL), m);
	assert_ptr_equal(m->stage, stage);
	assert_string_equal(stage, "Production");
	modelcache_release(m);
	modelcache_release(m);
	modelcache_close(c);

	/* Another process gets it as it is now. */
	c = modelcache_open(f.socket, NULL);
	m = modelcache_acquire(c, "fraud", NULL, NULL);
	assert_string_equal(m->stage, "Archived");
	modelcache_release(m);
	modelcache_close(c);
	fixture_close(&f);
}

/* No place for two: the old one is taken back, and its memory goes when it is let go. */
static void test_old_memory_goes(void **state)
{
	struct cache_fixture f;
	struct client c;

	fixture_open(&f, *state, 1, 0);
	fixture_put(&f, "fraud", "1", 5000);
	connect_client(&c, &f);
	const struct modelcache_model *old = acquire(&c, "fraud", NULL);
	fixture_put(&f, "fraud", "2", 6000);
	FIXTURE_WAIT(gives(&c, "fraud", NULL, "2"));
	assert_int_equal(fixture_counts(&f).leaving, 5000);
	assert_true(fixture_right(old));
	modelcache_release(old);
	FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
	modelcache_close(c.cache);
	fixture_close(&f);
}

static void test_in_hand_is_not_evicted(void **state)
{
	struct cache_fixture f;
	struct client c;
	struct err err = {0};
	const struct cache_about other = {.name = "other", .version = "1"};

	fixture_open(&f, *state, 1, 0);
	fixture_put(&f, "fraud", "1", 5000);
	connect_client(&c, &f);
	const struct modelcache_model *held = acquire(&c, "fraud", NULL);
	assert_int_equal(cache_put(f.cache, &other, fixture_blob('1', 10), true, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_true(gives(&c, "fraud", NULL, "1"));
	modelcache_release(held);
	/* Idle, it goes, and its mapping, too; who asks again asks the daemon. */
	assert_int_equal(cache_put(f.cache, &other, fixture_blob('1', 10), true, &err), 0);
	FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
	assert_null(acquire(&c, "fraud", NULL));
	assert_int_equal(c.error.code, ENOENT);
	assert_true(gives(&c, "other", NULL, "1"));
	modelcache_close(c.cache);
	fixture_close(&f);
}

/* ---- many readers ---- */

struct load {
	struct client client;
	atomic_bool stop;
	atomic_ulong reads, failed, wrong;
};

static void *read_models(void *data)
{
	struct load *l = data;

	while (!atomic_load(&l->stop)) {
		struct modelcache_error error = {0};
		const struct modelcache_model *m =
			modelcache_acquire(l->client.cache, "fraud", NULL, &error);
		if (!m)
			atomic_fetch_add(&l->failed, 1);
		else if (!fixture_right(m))
			atomic_fetch_add(&l->wrong, 1);
		modelcache_release(m);
		atomic_fetch_add(&l->reads, 1);
	}
	return NULL;
}

static void start_readers(struct load *l, pthread_t readers[8])
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_models, l), 0);
}

static void join_readers(struct load *l, pthread_t readers[8])
{
	atomic_store(&l->stop, true);
	for (int i = 0; i < 8; i++)
		pthread_join(readers[i], NULL);
	print_message("%lu reads\n", atomic_load(&l->reads));
	assert_int_equal(atomic_load(&l->failed), 0);
	assert_int_equal(atomic_load(&l->wrong), 0);
}

static void test_swaps_under_load(void **state)
{
	struct cache_fixture f;
	struct load l = {0};
	pthread_t readers[8];
	static const char *const versions[] = {"1", "2", "3"};

	/* One place: each exchange takes the old one back from readers that have it in hand. */
	fixture_open(&f, *state, 1, 0);
	fixture_put(&f, "fraud", "0", 4096);
	connect_client(&l.client, &f);
	start_readers(&l, readers);
	for (unsigned i = 0; i < 100; i++) {
		unsigned long before = atomic_load(&l.reads);
		fixture_put(&f, "fraud", versions[i % 3], 4096 + i);
		FIXTURE_WAIT(atomic_load(&l.reads) > before);
	}
	join_readers(&l, readers);
	FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
	modelcache_close(l.client.cache);
	fixture_close(&f);
}

static void test_daemon_restarts_under_load(void **state)
{
	struct cache_fixture f;
	struct load l = {0};
	pthread_t readers[8];

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 4096);
	connect_client(&l.client, &f);
	assert_true(gives(&l.client, "fraud", NULL, "1"));
	start_readers(&l, readers);
	for (int i = 0; i < 3; i++) {
		char version[2] = {(char)('2' + i), '\0'};
		fixture_restart(&f, 5);
		fixture_put(&f, "fraud", version, 4096);
		FIXTURE_WAIT(gives(&l.client, "fraud", NULL, version));
	}
	join_readers(&l, readers);
	modelcache_close(l.client.cache);
	fixture_close(&f);
}

static void test_held_when_the_daemon_has_nothing(void **state)
{
	struct cache_fixture f;
	struct client c;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 4096);
	connect_client(&c, &f);
	const struct modelcache_model *m = acquire(&c, "fraud", NULL);
	hub_stop(f.hub);
	cache_free(f.cache);
	assert_true(fixture_right(m));
	modelcache_release(m);
	assert_true(gives(&c, "fraud", NULL, "1"));
	assert_null(acquire(&c, "other", NULL));
	assert_int_equal(c.error.code, ENOTCONN);
	modelcache_close(c.cache);
}

/* ---- other processes ---- */

/* What this program does as `test_modelcache hold SOCKET`. */
static int hold(const char *socket)
{
	struct modelcache *cache = modelcache_open(socket, NULL);

	if (!cache || !modelcache_acquire(cache, "fraud", NULL, NULL) ||
		write(STDOUT_FILENO, "x", 1) != 1)
		return 1;
	pause();
	return 0;
}

/* A client that takes a model in hand and is killed with it. */
static void kill_holder(struct cache_fixture *f)
{
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/proc/self/exe", "test_modelcache", "hold", f->socket, (char *)NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	fixture_put(f, "fraud", "2", 5000);
	assert_int_equal(fixture_counts(f).leaving, 5000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
}

static void test_killed_client(void **state)
{
	struct cache_fixture f;

	fixture_open(&f, *state, 1, 0);
	fixture_put(&f, "fraud", "1", 5000);
	kill_holder(&f);
	FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
	assert_int_equal(fixture_hub_counts(&f).broken, 0);
	fixture_close(&f);
}

static void test_fork(void **state)
{
	struct cache_fixture f;
	struct client c;
	int status;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 5000);
	connect_client(&c, &f);
	const struct modelcache_model *m = acquire(&c, "fraud", NULL);
	pid_t pid = fork();
	if (pid == 0) {
		bool right = fixture_right(m);
		modelcache_release(m);
		bool refused = !acquire(&c, "fraud", NULL) && c.error.code == EOWNERDEAD;
		modelcache_close(c.cache);
		_exit(right && refused ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* The child's release was none: the parent still holds it. */
	assert_int_equal(cache_shrink(f.cache, 1), 0);
	modelcache_release(m);
	assert_true(gives(&c, "fraud", NULL, "1"));
	modelcache_close(c.cache);
	fixture_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "hold"))
		return hold(argv[2]);
	const struct CMUnitTest tests[] = {
		TEST(test_acquire),
		TEST(test_hits_need_no_message),
		TEST(test_errors),
		TEST(test_no_daemon),
		TEST(test_empty_model),
		TEST(test_what_has_to_be_loaded),
		TEST(test_another_version),
		TEST(test_what_a_request_brings_is_told_to_others),
		TEST(test_another_version_that_fails_at_first),
		TEST(test_texts_stay),
		TEST(test_old_memory_goes),
		TEST(test_in_hand_is_not_evicted),
		TEST(test_swaps_under_load),
		TEST(test_daemon_restarts_under_load),
		TEST(test_held_when_the_daemon_has_nothing),
		TEST(test_killed_client),
		TEST(test_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
