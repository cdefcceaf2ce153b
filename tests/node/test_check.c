/* SPDX-License-Identifier: Apache-2.0 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define VERSION "m/2024-01-01"

/* Brings a version to the node and leaves its digest. */
static void deploy(struct world *w, uint8_t digest[WIRE_DIGEST_SIZE])
{
	autofree char *from = path_join(w->store, VERSION);

	world_version(w, VERSION, 1);
	assert_int_equal(client_deploy(&w->client, VERSION, from, 0, digest), ERR_NONE);
	world_expect(w, VERSION, digest, WIRE_VERSION_VERIFIED, "");
}

static char *on_node(const struct world *w, const char *name)
{
	autofree char *version = path_join(w->root, VERSION);

	return path_join(version, name);
}

static void a_byte_changed_with_size_and_mtime_kept(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	struct stat st;

	deploy(w, digest);
	autofree char *path = on_node(w, "model.bin");
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "?", 1, 1000), 1);
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT, "changed model.bin\n");
	/* And again: what was learnt is not forgotten. */
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT, "changed model.bin\n");
}

static void a_file_written_by_a_service_is_newer(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	autofree char *path = on_node(w, "labels.txt");
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "other", 5), 5);
	close(fd);
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT, "changed+newer labels.txt\n");
}

static void files_deleted_and_added(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	autofree char *gone = on_node(w, "run me.sh");
	autofree char *version = path_join(w->root, VERSION);
	assert_int_equal(unlink(gone), 0);
	world_text(version, "sub/new one", "x");
	world_text(version, "new dir/with a file", "x");
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT,
		"extra new dir\nextra sub/new one\nmissing run me.sh\n");
}

static void a_directory_deleted_with_all_below(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	autofree char *gone = on_node(w, "sub/deeper");
	assert_int_equal(path_remove_tree(gone, NULL), 0);
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT,
		"missing sub/deeper\nmissing sub/deeper/a\nb \xff\xfe.txt\n");
}

static void kinds_links_and_modes(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	autofree char *link = on_node(w, "sub/link");
	autofree char *file = on_node(w, "labels.txt");
	autofree char *tool = on_node(w, "run me.sh");
	autofree char *dir = on_node(w, "empty dir");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("empty", link), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(chmod(tool, 0644), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	world_expect(w, VERSION, digest, WIRE_VERSION_DRIFT,
		"changed sub/link\nmode empty dir\nmode run me.sh\ntype labels.txt\n");
}

static void a_touched_file_is_read_once_and_recorded_anew(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	struct checked r;

	deploy(w, digest);
	autofree char *path = on_node(w, "model.bin");
	struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	usleep(50000);
	client_check(&w->client, VERSION, digest, 0, &r);
	assert_int_equal(r.head.state, WIRE_VERSION_VERIFIED);
	assert_int_equal(r.head.hashed, 300000);
	checked_release(&r);
	client_check(&w->client, VERSION, digest, 0, &r);
	assert_int_equal(r.head.hashed, 0);
	checked_release(&r);
}

static void rehash_reads_everything(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	struct checked r;
	struct manifest m;

	deploy(w, digest);
	world_manifest(w, VERSION, &m);
	client_check(&w->client, VERSION, digest, WIRE_CHECK_REHASH, &r);
	assert_int_equal(r.head.state, WIRE_VERSION_VERIFIED);
	assert_int_equal(r.head.hashed, m.bytes);
	checked_release(&r);
	manifest_release(&m);
}

static void another_digest_is_unknown(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	digest[0] ^= 1;
	world_expect(w, VERSION, digest, WIRE_VERSION_UNKNOWN, "");
}

static void a_damaged_record_counts_as_none(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];

	deploy(w, digest);
	autofree char *record = path_join(w->root, ".fleet/verified/m%2F2024-01-01");
	int fd = open(record, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	char byte;
	assert_int_equal(pread(fd, &byte, 1, 300), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 300), 1);
	close(fd);
	world_expect(w, VERSION, digest, WIRE_VERSION_UNKNOWN, "");
}

static void initial_only_files_may_change(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *to = path_join(w->root, VERSION);

	world_text(from, "state.json", "{}");
	world_text(from, "weights", "w");
	world_manifest(w, VERSION, &m);
	m.entries[0].flags = MANIFEST_INITIAL_ONLY;
	assert_int_equal(manifest_finish(&m, NULL), 0);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	for (size_t i = 0; i < plan.count; i++)
		client_put_file(&w->client, 0, &m, &plan.records[i], from);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	planned_release(&plan);
	world_text(to, "state.json", "{\"learnt\": 1}");
	world_expect(w, VERSION, m.digest, WIRE_VERSION_VERIFIED, "");
	/* A repair leaves it alone. */
	world_text(to, "weights", "broken");
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	assert_int_equal(planned_find(&plan, &m, "state.json")->state, WIRE_PLAN_KEPT);
	assert_int_equal(planned_find(&plan, &m, "weights")->state, WIRE_PLAN_SEND);
	planned_release(&plan);
	manifest_release(&m);
}

static void staging_is_announced(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct checked r;

	world_version(w, VERSION, 1);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	client_check(&w->client, VERSION, m.digest, 0, &r);
	assert_int_equal(r.head.state, WIRE_VERSION_ABSENT);
	assert_int_equal(r.head.staged, 1);
	checked_release(&r);
	planned_release(&plan);
	manifest_release(&m);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_byte_changed_with_size_and_mtime_kept),
		WORLD_TEST(a_file_written_by_a_service_is_newer),
		WORLD_TEST(files_deleted_and_added),
		WORLD_TEST(a_directory_deleted_with_all_below),
		WORLD_TEST(kinds_links_and_modes),
		WORLD_TEST(a_touched_file_is_read_once_and_recorded_anew),
		WORLD_TEST(rehash_reads_everything),
		WORLD_TEST(another_digest_is_unknown),
		WORLD_TEST(a_damaged_record_counts_as_none),
		WORLD_TEST(initial_only_files_may_change),
		WORLD_TEST(staging_is_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
