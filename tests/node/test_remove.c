/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing, removing, and what a store on a node offers.
 */
#include "node/world.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"

static void deploy(struct world *w, const char *version, uint64_t seed)
{
	autofree char *from = path_join(w->store, version);

	world_version(w, version, seed);
	assert_int_equal(client_deploy(&w->client, version, from, 0, NULL), ERR_NONE);
}

static enum err_code on_version(
	struct client *c, uint8_t kind, const char *version, const char *path, struct answer *a)
{
	uint8_t buffer[8192];
	struct msg_writer writer;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_ref(
		&writer, &(struct wire_version_ref){.version = version, .path = path});
	return client_call(c, kind, 0, &writer, a);
}

static enum err_code simple(
	struct client *c, uint8_t kind, const char *version, const char *path)
{
	struct answer a;
	enum err_code code = on_version(c, kind, version, path, &a);

	answer_release(&a);
	return code;
}

/* LIST as sorted lines "kind version". */
static char *list(struct client *c)
{
	AUTO(strlist_release) struct strlist lines = {0};
	struct strbuf out = STRBUF_INIT;
	struct wire_list_item item;
	struct msg_reader r;
	struct answer a;
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};

	assert_int_equal(client_call(c, WIRE_LIST, 0, &writer, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	while (wire_get_list_item(&r, &item, NULL) > 0)
		strlist_addf(&lines, "%u %s\n", item.kind, item.version);
	assert_false(r.bad);
	strlist_sort(&lines);
	for (size_t i = 0; i < lines.count; i++)
		strbuf_addstr(&out, lines.items[i]);
	answer_release(&a);
	return strbuf_detach(&out, NULL);
}

static void list_shows_verified_plain_and_staged(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;

	deploy(w, "m/1", 1);
	deploy(w, "odd%2F name/2", 2);
	world_text(w->root, "m/by hand/file", "x");
	world_version(w, "m/3", 3);
	world_manifest(w, "m/3", &m);
	client_begin(&w->client, 0, "m/3", &m, 0, 0, &plan);
	autofree char *listed = list(&w->client);
	assert_string_equal(listed, "1 m/1\n1 odd%2F name/2\n2 m/by hand\n3 m/3\n");
	planned_release(&plan);
	manifest_release(&m);
}

/* The item of a listed version; its strings are not kept. */
static struct wire_list_item listed_item(struct client *c, const char *version)
{
	struct wire_list_item item, found = {0};
	struct msg_reader r;
	struct answer a;
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};

	assert_int_equal(client_call(c, WIRE_LIST, 0, &writer, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	while (wire_get_list_item(&r, &item, NULL) > 0)
		if (strcmp(item.version, version) == 0)
			found = item;
	answer_release(&a);
	return found;
}

static void staging_tells_its_size_and_age(void **state)
{
	struct world *w = *state;
	autofree char *tree = path_join(w->root, ".staging/m%2F3/tree");

	deploy(w, "m/1", 1);
	assert_int_equal(listed_item(&w->client, "m/1").written, 0);
	world_text(tree, "a", "12345");
	world_text(tree, "sub/b", "678");
	time_t before = time(NULL) - 1;
	struct wire_list_item item = listed_item(&w->client, "m/3");
	assert_int_equal(item.kind, WIRE_LISTED_STAGING);
	assert_int_equal(item.files, 2);
	assert_int_equal(item.bytes, 8);
	assert_in_range(item.written, before, time(NULL));
}

static void a_removed_version_leaves_nothing(void **state)
{
	struct world *w = *state;
	autofree char *trash = path_join(w->root, ".fleet/trash");
	autofree char *model = path_join(w->root, "m");

	deploy(w, "m/1", 1);
	deploy(w, "m/2", 2);
	assert_int_equal(simple(&w->client, WIRE_VERSION_REMOVE, "m/1", ""), ERR_NONE);
	autofree char *listed = list(&w->client);
	assert_string_equal(listed, "1 m/2\n");
	autofree char *names = scratch_list(model);
	assert_string_equal(names, "2");
	assert_false(path_exists(trash));
	assert_int_equal(simple(&w->client, WIRE_VERSION_REMOVE, "m/1", ""), ERR_NOTFOUND);
}

static void read_only_directories_are_removed_too(void **state)
{
	struct world *w = *state;
	autofree char *from = path_join(w->store, "m/1");
	autofree char *dir = path_join(from, "locked");

	world_text(from, "locked/file", "x");
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
	assert_int_equal(simple(&w->client, WIRE_VERSION_REMOVE, "m/1", ""), ERR_NONE);
}

static void only_extras_can_be_removed_singly(void **state)
{
	struct world *w = *state;
	autofree char *base = path_join(w->root, "m/1");
	autofree char *extra = path_join(base, "sub/extra");

	deploy(w, "m/1", 1);
	world_text(base, "sub/extra/deep", "x");
	assert_int_equal(simple(&w->client, WIRE_EXTRA_REMOVE, "m/1", "model.bin"), ERR_INPUT);
	assert_int_equal(simple(&w->client, WIRE_EXTRA_REMOVE, "m/1", "sub"), ERR_INPUT);
	assert_int_equal(simple(&w->client, WIRE_EXTRA_REMOVE, "m/1", "sub/extra"), ERR_NONE);
	assert_int_not_equal(
		simple(&w->client, WIRE_EXTRA_REMOVE, "m/1", "../1/model.bin"), ERR_NONE);
	assert_false(path_exists(extra));
}

static void a_store_on_a_node_gives_manifest_and_content(void **state)
{
	struct world *w = *state;
	struct manifest ours, theirs;
	struct answer a;
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	autofree uint8_t *data = world_noise(300000, 1);
	uint8_t buffer[8192];

	deploy(w, "m/1", 1);
	world_manifest(w, "m/1", &ours);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			on_version(&w->client, WIRE_MANIFEST_MAKE, "m/1", "", &a), ERR_NONE);
		assert_int_equal(manifest_parse(&theirs, a.data.data, a.data.len, NULL), 0);
		assert_memory_equal(ours.digest, theirs.digest, WIRE_DIGEST_SIZE);
		manifest_release(&theirs);
		answer_release(&a);
	}
	for (uint64_t at = 0; at < 300000; at += 100000) {
		struct msg_writer writer;
		msg_begin(&writer, buffer, sizeof(buffer));
		wire_put_range(&writer, &(struct wire_range){.version = "m/1",
						.path = "model.bin",
						.offset = at,
						.length = 100000});
		assert_int_equal(
			client_call(&w->client, WIRE_FILE_READ, 0, &writer, &a), ERR_NONE);
		strbuf_add(&content, a.data.data, a.data.len);
		answer_release(&a);
	}
	assert_int_equal(content.len, 300000);
	assert_memory_equal(content.data, data, 300000);
	manifest_release(&ours);
}

static void a_range_behind_the_end_is_empty(void **state)
{
	struct world *w = *state;
	struct answer a;
	struct msg_writer writer;
	uint8_t buffer[8192];

	deploy(w, "m/1", 1);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_range(&writer, &(struct wire_range){.version = "m/1",
					.path = "model.bin",
					.offset = UINT64_MAX - 10,
					.length = 100});
	assert_int_equal(client_call(&w->client, WIRE_FILE_READ, 0, &writer, &a), ERR_NONE);
	assert_int_equal(a.data.len, 0);
	answer_release(&a);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(list_shows_verified_plain_and_staged),
		WORLD_TEST(staging_tells_its_size_and_age),
		WORLD_TEST(a_removed_version_leaves_nothing),
		WORLD_TEST(read_only_directories_are_removed_too),
		WORLD_TEST(only_extras_can_be_removed_singly),
		WORLD_TEST(a_store_on_a_node_gives_manifest_and_content),
		WORLD_TEST(a_range_behind_the_end_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
