/* SPDX-License-Identifier: Apache-2.0 */
/* MANIFEST_REHASH reads what MANIFEST_MAKE remembers, and takes its time. */
#include "node/world.h"

#include <sys/stat.h>

#include "base/path.h"
#include "tree/hashcache.h"

/* A version on the node, whose helper keeps its cache in the test's directory. */
static void deploy(struct world *w)
{
	autofree char *from = path_join(w->store, "m/1");
	autofree char *cache = path_join(w->dir, "cache");

	setenv("XDG_CACHE_HOME", cache, 1);
	world_restart(w);
	world_version(w, "m/1", 1);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
}

/* The helper's cache says of a file that it holds something else: as if it had rotted. */
static void remember_wrongly(struct world *w, const char *path)
{
	autofree char *file = path_join(w->root, path);
	autofree char *cache = path_user_dir("cache");
	autofree char *hashes = path_join(cache, "hashes");
	struct hash_cache *known = hash_cache_open(hashes, NULL);
	const uint8_t hash[TREE_HASH_SIZE] = "other content";
	struct stat st;

	wait_until(deadline_in(0.02), NULL, NULL); /* what is as fresh as now is not kept */
	assert_int_equal(stat(file, &st), 0);
	hash_cache_put(known, &st, hash);
	assert_int_equal(hash_cache_save(known, NULL), 0);
	hash_cache_free(known);
}

static enum err_code ask(struct world *w, const char *version, uint64_t rate, struct answer *a)
{
	struct wire_rehash h = {.version = version, .bytes_per_second = rate};
	uint8_t buffer[512];
	struct msg_writer writer;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_rehash(&writer, &h);
	return client_call(&w->client, WIRE_MANIFEST_REHASH, 0, &writer, a);
}

static enum err_code ask_cached(struct world *w, struct answer *a)
{
	struct wire_version_ref v = {.version = "m/1", .path = ""};
	uint8_t buffer[512];
	struct msg_writer writer;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_ref(&writer, &v);
	return client_call(&w->client, WIRE_MANIFEST_MAKE, 0, &writer, a);
}

static void it_reads_what_is_remembered(void **state)
{
	struct world *w = *state;
	struct manifest ours, cached, read;
	struct answer a;

	deploy(w);
	remember_wrongly(w, "m/1/model.bin");
	world_manifest(w, "m/1", &ours);
	assert_int_equal(ask_cached(w, &a), ERR_NONE);
	assert_int_equal(manifest_parse(&cached, a.data.data, a.data.len, NULL), 0);
	answer_release(&a);
	assert_int_equal(ask(w, "m/1", 0, &a), ERR_NONE);
	assert_int_equal(manifest_parse(&read, a.data.data, a.data.len, NULL), 0);
	answer_release(&a);
	assert_memory_not_equal(ours.digest, cached.digest, TREE_SHA256_SIZE);
	assert_memory_equal(ours.digest, read.digest, TREE_SHA256_SIZE);
	manifest_release(&ours);
	manifest_release(&cached);
	manifest_release(&read);
}

static void it_keeps_its_pace(void **state)
{
	struct world *w = *state;
	struct answer a;

	deploy(w); /* some 300,000 bytes */
	int64_t started = clock_ns();
	assert_int_equal(ask(w, "m/1", 1000000, &a), ERR_NONE);
	assert_true(clock_ns() - started >= 290000000);
	answer_release(&a);
}

static void what_is_no_version_is_refused(void **state)
{
	struct world *w = *state;
	struct answer a;

	deploy(w);
	assert_int_equal(ask(w, "../m/1", 0, &a), ERR_INPUT);
	answer_release(&a);
	assert_int_equal(ask(w, "m/2", 0, &a), ERR_NOTFOUND);
	answer_release(&a);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(it_reads_what_is_remembered),
		WORLD_TEST(it_keeps_its_pace),
		WORLD_TEST(what_is_no_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
