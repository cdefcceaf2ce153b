/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions that are there already: repaired inside, taken over from others, resumed.
 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

#define VERSION "m/1"

static void deploy(struct world *w, const char *version, uint64_t seed, uint8_t *digest)
{
	autofree char *from = path_join(w->store, version);

	world_version(w, version, seed);
	assert_int_equal(client_deploy(&w->client, version, from, 0, digest), ERR_NONE);
}

/* Damages the version in every way that a repair can undo. */
static void damage(const struct world *w, const char *version)
{
	autofree char *base = path_join(w->root, version);
	autofree char *link = path_join(base, "sub/link");
	autofree char *labels = path_join(base, "labels.txt");
	autofree char *sub = path_join(base, "sub/deeper");
	autofree char *tool = path_join(base, "run me.sh");
	autofree char *inside = path_join(labels, "something");

	world_text(base, "model.bin", "broken");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(labels), 0);
	assert_int_equal(mkdir(labels, 0755), 0);
	assert_int_equal(mkdir(inside, 0755), 0);
	assert_int_equal(path_remove_tree(sub, NULL), 0);
	world_text(base, "sub/deeper", "a file where a directory was");
	assert_int_equal(chmod(tool, 0600), 0);
}

static void a_repair_restores_everything_in_place(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	struct stat before, after;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *to = path_join(w->root, VERSION);

	deploy(w, VERSION, 1, digest);
	assert_int_equal(stat(to, &before), 0);
	damage(w, VERSION);
	assert_int_equal(client_deploy(&w->client, VERSION, from, 0, NULL), ERR_NONE);
	world_same(from, to);
	world_expect(w, VERSION, digest, WIRE_VERSION_VERIFIED, "");
	/* Services may hold the directory open: it is still the same one. */
	assert_int_equal(stat(to, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_repair_sends_only_what_differs(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *base = path_join(w->root, VERSION);

	deploy(w, VERSION, 1, NULL);
	world_text(base, "run me.sh", "broken");
	world_text(base, "labels.txt", "broken");
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	assert_int_equal(planned_find(&plan, &m, "run me.sh")->state, WIRE_PLAN_SEND);
	/* Another file of the version has the same content. */
	assert_int_equal(planned_find(&plan, &m, "labels.txt")->state, WIRE_PLAN_REUSED);
	assert_int_equal(planned_find(&plan, &m, "model.bin")->state, WIRE_PLAN_PRESENT);
	planned_release(&plan);
	manifest_release(&m);
}

static void update_leaves_what_is_newer(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *to = path_join(w->root, VERSION);
	autofree char *newer = path_join(to, "labels.txt");
	autofree char *other = path_join(to, "run me.sh");

	deploy(w, VERSION, 1, NULL);
	world_text(to, "labels.txt", "edited here");
	assert_int_equal(utimensat(AT_FDCWD, newer, NULL, 0), 0);
	assert_int_equal(unlink(other), 0);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, WIRE_BEGIN_UPDATE, 0, &plan);
	assert_int_equal(planned_find(&plan, &m, "labels.txt")->state, WIRE_PLAN_NEWER);
	const struct wire_plan *missing = planned_find(&plan, &m, "run me.sh");
	assert_int_equal(missing->state, WIRE_PLAN_SEND);
	assert_int_equal(client_put_file(&w->client, 0, &m, missing, from), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	assert_int_equal(done.newer, 1);
	assert_int_equal(done.repaired, 1);
	assert_true(scratch_holds(newer, "edited here"));
	world_expect(w, VERSION, m.digest, WIRE_VERSION_DRIFT, "changed+newer labels.txt\n");
	planned_release(&plan);
	manifest_release(&m);
}

static void a_version_that_somebody_copied_is_taken_over(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *command = xasprintf("%s/m", w->root);
	autofree char *to = path_join(w->root, VERSION);

	world_version(w, VERSION, 1);
	assert_int_equal(mkdir(command, 0755), 0);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("cp", "cp", "-a", from, to, (char *)NULL);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	for (size_t i = 0; i < plan.count; i++)
		assert_int_equal(plan.records[i].state, WIRE_PLAN_PRESENT);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	assert_int_equal(done.files, 0);
	world_expect(w, VERSION, m.digest, WIRE_VERSION_VERIFIED, "");
	planned_release(&plan);
	manifest_release(&m);
}

static void content_of_other_versions_is_reused(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, "n/7");
	autofree char *to = path_join(w->root, "n/7");
	autofree char *file = path_join(from, "model.bin");
	autofree char *moved = path_join(from, "elsewhere.bin");

	deploy(w, VERSION, 1, NULL);
	world_version(w, "n/7", 1);
	assert_int_equal(rename(file, moved), 0);
	world_manifest(w, "n/7", &m);
	client_begin(&w->client, 0, "n/7", &m, 0, 0, &plan);
	for (size_t i = 0; i < plan.count; i++)
		assert_int_equal(plan.records[i].state, WIRE_PLAN_REUSED);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	world_expect(w, "n/7", m.digest, WIRE_VERSION_VERIFIED, "");
	planned_release(&plan);
	manifest_release(&m);
}

static void reuse_never_trusts_a_file_that_changed(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *base = path_join(w->root, VERSION);

	deploy(w, VERSION, 1, NULL);
	autofree uint8_t *other = world_noise(300000, 99);
	world_file(base, "model.bin", other, 300000);
	world_version(w, "m/2", 1);
	world_manifest(w, "m/2", &m);
	client_begin(&w->client, 0, "m/2", &m, 0, 0, &plan);
	assert_int_equal(planned_find(&plan, &m, "model.bin")->state, WIRE_PLAN_BASIS);
	assert_int_equal(planned_find(&plan, &m, "labels.txt")->state, WIRE_PLAN_REUSED);
	planned_release(&plan);
	manifest_release(&m);
}

static void mark_immutable(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		m->entries[i].flags |= MANIFEST_IMMUTABLE;
	assert_int_equal(manifest_finish(m, NULL), 0);
}

/* Brings a version whose files are all immutable; what is wanted comes from `from`. */
static void deploy_immutable(struct world *w, const char *version, uint8_t *digest)
{
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, version);

	world_version(w, version, 1);
	world_manifest(w, version, &m);
	mark_immutable(&m);
	memcpy(digest, m.digest, WIRE_DIGEST_SIZE);
	client_begin(&w->client, 0, version, &m, 0, 0, &plan);
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.records[i].state == WIRE_PLAN_SEND)
			client_put_file(&w->client, 0, &m, &plan.records[i], from);
	}
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	planned_release(&plan);
	manifest_release(&m);
}

static void expect_nothing_read(struct world *w, const char *version, const uint8_t *digest)
{
	struct checked r;

	client_check(&w->client, version, digest, 0, &r);
	assert_int_equal(r.head.state, WIRE_VERSION_VERIFIED);
	assert_int_equal(r.head.hashed, 0);
	checked_release(&r);
}

static void immutable_files_are_linked_and_siblings_stay_verified(void **state)
{
	struct world *w = *state;
	uint8_t one[WIRE_DIGEST_SIZE], two[WIRE_DIGEST_SIZE];
	struct stat a, b;
	uint8_t buffer[512];
	struct msg_writer writer;
	struct answer answer;
	autofree char *first = path_join(w->root, "m/1/model.bin");
	autofree char *second = path_join(w->root, "m/2/model.bin");

	deploy_immutable(w, "m/1", one);
	deploy_immutable(w, "m/2", two);
	assert_int_equal(stat(first, &a), 0);
	assert_int_equal(stat(second, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	expect_nothing_read(w, "m/1", one);
	expect_nothing_read(w, "m/2", two);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_ref(&writer, &(struct wire_version_ref){.version = "m/1", .path = ""});
	assert_int_equal(
		client_call(&w->client, WIRE_VERSION_REMOVE, 0, &writer, &answer), ERR_NONE);
	answer_release(&answer);
	expect_nothing_read(w, "m/2", two);
}

static void content_that_occurs_twice_is_wanted_once(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *to = path_join(w->root, VERSION);
	size_t wanted = 0;

	world_text(from, "a", "the same");
	world_text(from, "b/c", "the same");
	world_text(from, "d", "the same");
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.records[i].state != WIRE_PLAN_SEND)
			continue;
		wanted++;
		client_put_file(&w->client, 0, &m, &plan.records[i], from);
	}
	assert_int_equal(wanted, 1);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	planned_release(&plan);
	manifest_release(&m);
}

static void an_interrupted_file_is_resumed(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer writer;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *to = path_join(w->root, VERSION);
	autofree uint8_t *data = world_noise(500000, 3);

	world_file(from, "model.bin", data, 500000);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	planned_release(&plan);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_file_put(&writer, &(struct wire_file_put){0});
	msg_put_raw(&writer, data, 30000);
	uint32_t id = client_send(&w->client, WIRE_FILE_PUT, 0, writer.data, writer.len);
	struct frame piece = {.id = id, .kind = WIRE_DATA, .data = data + 30000, .len = 10000};
	assert_true(client_frame(&w->client, &piece));
	/* A request behind it: when that is answered, the piece was written. */
	struct answer a;
	assert_int_equal(client_call(&w->client, WIRE_PING, 0, NULL, &a), ERR_NONE);
	answer_release(&a);
	world_restart(w);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	assert_int_equal(plan.records[0].state, WIRE_PLAN_SEND);
	assert_int_equal(plan.records[0].offset, 40000);
	assert_int_equal(client_put_file(&w->client, 0, &m, &plan.records[0], from), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	planned_release(&plan);
	manifest_release(&m);
}

static void staged_files_survive_a_restart_and_are_verified(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *from = path_join(w->store, VERSION);
	autofree char *staged = path_join(w->root, ".staging/m%2F1/tree/labels.txt");

	world_version(w, VERSION, 1);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	client_put_file(&w->client, 0, &m, planned_find(&plan, &m, "model.bin"), from);
	client_put_file(&w->client, 0, &m, planned_find(&plan, &m, "labels.txt"), from);
	planned_release(&plan);
	world_restart(w);
	/* The same size, other bytes: as after a power cut. */
	int fd = open(staged, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0\0\0", 3, 0), 3);
	close(fd);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	assert_int_equal(planned_find(&plan, &m, "model.bin")->state, WIRE_PLAN_PRESENT);
	assert_int_equal(planned_find(&plan, &m, "labels.txt")->state, WIRE_PLAN_SEND);
	planned_release(&plan);
	manifest_release(&m);
}

static void stale_staging_is_cleaned(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *staging = path_join(w->root, ".staging/m%2F1");
	autofree char *old = path_join(staging, "tree/old file");
	autofree char *part = path_join(staging, "part/00112233445566778899aabbccddeeff-10");

	world_text(staging, "tree/old file", "x");
	world_text(staging, "part/00112233445566778899aabbccddeeff-10", "x");
	world_version(w, VERSION, 1);
	world_manifest(w, VERSION, &m);
	client_begin(&w->client, 0, VERSION, &m, 0, 0, &plan);
	assert_false(path_exists(old));
	assert_false(path_exists(part));
	planned_release(&plan);
	manifest_release(&m);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_repair_restores_everything_in_place),
		WORLD_TEST(a_repair_sends_only_what_differs),
		WORLD_TEST(update_leaves_what_is_newer),
		WORLD_TEST(a_version_that_somebody_copied_is_taken_over),
		WORLD_TEST(content_of_other_versions_is_reused),
		WORLD_TEST(reuse_never_trusts_a_file_that_changed),
		WORLD_TEST(immutable_files_are_linked_and_siblings_stay_verified),
		WORLD_TEST(content_that_occurs_twice_is_wanted_once),
		WORLD_TEST(an_interrupted_file_is_resumed),
		WORLD_TEST(staged_files_survive_a_restart_and_are_verified),
		WORLD_TEST(stale_staging_is_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
