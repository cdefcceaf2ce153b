/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper is killed at any moment, and the disk is full: what has its final name is
 * whole, and the next run goes on.
 */
#include "node/world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define ROUNDS 30

/* Starts a process that kills the helper after a while. */
static pid_t start_killer(pid_t victim, unsigned microseconds)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(microseconds);
		kill(victim, SIGKILL);
		_exit(0);
	}
	return pid;
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* How long an undisturbed deploy takes here, in microseconds. */
static unsigned measure(struct world *w, const char *version)
{
	autofree char *from = path_join(w->store, version);
	int64_t start = clock_ns();

	assert_int_equal(client_deploy(&w->client, version, from, 0, NULL), ERR_NONE);
	return (unsigned)((clock_ns() - start) / 1000);
}

static void killed_at_any_moment_a_version_is_whole_or_absent(void **state)
{
	struct world *w = *state;
	unsigned whole, killed = 0;

	world_version(w, "m/0", 1000);
	whole = measure(w, "m/0");
	for (unsigned i = 1; i <= ROUNDS; i++) {
		autofree char *version = xasprintf("m/%u", i);
		autofree char *from = path_join(w->store, version);
		autofree char *to = path_join(w->root, version);
		world_version(w, version, i);
		pid_t killer = start_killer(w->client.pid, whole * i / ROUNDS);
		enum err_code code = client_deploy(&w->client, version, from, 0, NULL);
		reap(killer);
		killed += code == ERR_UNREACHABLE;
		assert_true(code == ERR_NONE || code == ERR_UNREACHABLE);
		if (path_exists(to))
			world_same(from, to);
		world_restart(w);
		assert_int_equal(client_deploy(&w->client, version, from, 0, NULL), ERR_NONE);
		world_same(from, to);
	}
	assert_true(killed > ROUNDS / 4);
}

/* True if a file holds one of two contents. */
static bool holds_one_of(const char *path, const uint8_t *a, const uint8_t *b, size_t n)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;

	return file_read(path, 1u << 24, &content, NULL) == 0 && content.len == n &&
	       (memcmp(content.data, a, n) == 0 || memcmp(content.data, b, n) == 0);
}

static void killed_during_a_repair_each_file_is_old_or_new(void **state)
{
	struct world *w = *state;
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(w->root, "m/1");
	autofree char *file = path_join(to, "model.bin");
	autofree uint8_t *right = world_noise(300000, 1);
	autofree uint8_t *wrong = world_noise(300000, 2);

	world_version(w, "m/1", 1);
	unsigned whole = measure(w, "m/1");
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		world_file(to, "model.bin", wrong, 300000);
		pid_t killer = start_killer(w->client.pid, whole * i / (ROUNDS / 2));
		client_deploy(&w->client, "m/1", from, 0, NULL);
		reap(killer);
		assert_true(holds_one_of(file, right, wrong, 300000));
		world_restart(w);
		assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
		world_same(from, to);
	}
}

static void the_engine_vanishes_in_the_middle_of_a_file(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer writer;
	int status;
	autofree char *from = path_join(w->store, "m/1");

	world_version(w, "m/1", 1);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	const struct wire_plan *p = planned_find(&plan, &m, "model.bin");
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_file_put(&writer, &(struct wire_file_put){.index = p->index});
	client_send(&w->client, WIRE_FILE_PUT, 0, writer.data, writer.len);
	fd_close(&w->client.in);
	assert_int_equal(waitpid(w->client.pid, &status, 0), w->client.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	fd_close(&w->client.out);
	planned_release(&plan);
	manifest_release(&m);
	/* The lease went with it. */
	client_start(&w->client);
	assert_int_equal(client_root(&w->client, w->root), ERR_NONE);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
}

/* A small filesystem under the root of a second world; skips where it cannot be mounted. */
static char *mount_small(struct world *w, const char *size)
{
	char *path = path_join(w->dir, "small");
	autofree char *options = xasprintf("size=%s", size);

	assert_int_equal(mkdir(path, 0755), 0);
	if (mount("none", path, "tmpfs", 0, options) < 0) {
		print_message("skipped: mounting a small filesystem needs root\n");
		free(path);
		skip();
	}
	client_kill(&w->client);
	client_start(&w->client);
	assert_int_equal(client_root(&w->client, path), ERR_NONE);
	return path;
}

static void unmount(struct world *w, char *path)
{
	client_stop(&w->client);
	w->running = false;
	assert_int_equal(umount(path), 0);
	free(path);
}

static void what_cannot_fit_is_refused_before_it_is_sent(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *from = path_join(w->store, "m/1");
	autofree uint8_t *data = world_noise(3000000, 1);
	char *small = mount_small(w, "2m");

	world_file(from, "model.bin", data, 3000000);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_NOSPACE);
	assert_non_null(strstr(plan.answer.text, "needs 3.0 MB"));
	planned_release(&plan);
	manifest_release(&m);
	unmount(w, small);
}

static void a_disk_that_fills_up_meanwhile(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	autofree char *from = path_join(w->store, "m/1");
	autofree uint8_t *data = world_noise(3000000, 1);
	char *small = mount_small(w, "4m");
	autofree char *ballast = path_join(small, "ballast");
	autofree char *to = path_join(small, "m/1");

	world_file(from, "model.bin", data, 3000000);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_NONE);
	world_file(small, "ballast", data, 2500000);
	assert_int_equal(
		client_put_file(&w->client, 0, &m, &plan.records[0], from), ERR_NOSPACE);
	assert_false(path_exists(to));
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(client_put_file(&w->client, 0, &m, &plan.records[0], from), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	planned_release(&plan);
	manifest_release(&m);
	unmount(w, small);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(killed_at_any_moment_a_version_is_whole_or_absent),
		WORLD_TEST(killed_during_a_repair_each_file_is_old_or_new),
		WORLD_TEST(the_engine_vanishes_in_the_middle_of_a_file),
		WORLD_TEST(what_cannot_fit_is_refused_before_it_is_sent),
		WORLD_TEST(a_disk_that_fills_up_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
