/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes: files beyond 4 GiB, many files, and the memory that the shipped helper uses.
 */
#include "node/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "tree/compress.h"

#define MEMORY_MAX_KB 8192
#define GIANT         ((uint64_t)4200 << 20)

/* Sends what a compressor writes as the stream of a request. */
struct sender {
	struct client *client;
	uint32_t id;
};

static int send_piece(void *arg, const void *data, size_t n, struct err *err)
{
	struct sender *s = arg;
	const uint8_t *p = data;

	(void)err;
	while (n > 0) {
		size_t take = n < FRAME_PAYLOAD_MAX ? n : FRAME_PAYLOAD_MAX;
		struct frame f = {.id = s->id, .kind = WIRE_DATA, .data = p, .len = take};
		assert_true(client_frame(s->client, &f));
		p += take;
		n -= take;
	}
	return 0;
}

/* FILE_PUT of a file, compressed as a stream. */
static void put_compressed(struct client *c, uint32_t index, int fd)
{
	uint8_t buffer[64];
	struct msg_writer w;
	struct sender sender = {.client = c};
	struct tree_sink sink = {.write = send_piece, .arg = &sender};
	autofree uint8_t *chunk = xmalloc(1 << 20);
	struct answer a;
	ssize_t got;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_file_put(
		&w, &(struct wire_file_put){.index = index, .encoding = WIRE_PUT_ZSTD});
	sender.id = client_send(c, WIRE_FILE_PUT, 0, w.data, w.len);
	struct compressor *z = compressor_new(1, &sink);
	while ((got = read(fd, chunk, 1 << 20)) > 0)
		assert_int_equal(compressor_feed(z, chunk, (size_t)got, NULL), 0);
	assert_int_equal(compressor_end(z, NULL), 0);
	compressor_free(z);
	struct frame last = {.id = sender.id, .kind = WIRE_DATA, .flags = FRAME_LAST};
	assert_true(client_frame(c, &last));
	assert_true(client_answer(c, sender.id, &a));
	assert_int_equal(a.code, ERR_NONE);
	answer_release(&a);
}

static uint64_t peak_kb(pid_t pid)
{
	autofree char *path = xasprintf("/proc/%d/status", (int)pid);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	assert_int_equal(file_read(path, 1 << 16, &text, NULL), 0);
	const char *line = strstr(text.data, "VmHWM:");
	assert_non_null(line);
	return strtoull(line + 6, NULL, 10);
}

/* The world's helper becomes the static one, whose memory is what a node sees. */
static void use_static_helper(struct world *w)
{
	client_kill(&w->client);
	client_start_program(&w->client, client_static_helper());
	assert_int_equal(client_root(&w->client, w->root), ERR_NONE);
}

static void expect_little_memory(const struct world *w)
{
	if (!client_foreign_machine())
		assert_true(peak_kb(w->client.pid) < MEMORY_MAX_KB);
}

static void a_sparse_file_beyond_4_gib(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	struct stat st;
	autofree char *from = path_join(w->store, "m/1/giant");
	autofree char *to = path_join(w->root, "m/1/giant");

	use_static_helper(w);
	world_text(w->store, "m/1/giant", "head");
	int fd = open(from, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "tail", 4, (off_t)GIANT), 4);
	world_manifest(w, "m/1", &m);
	assert_int_equal(m.bytes, GIANT + 4);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	if (plan.code == ERR_NOSPACE) {
		client_kill(&w->client);
		w->running = false;
		print_message("skipped: %s\n", plan.answer.text);
		skip();
	}
	put_compressed(&w->client, 0, fd);
	close(fd);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_expect(w, "m/1", m.digest, WIRE_VERSION_VERIFIED, "");
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_size, GIANT + 4);
	assert_true(st.st_blocks < 1000);
	expect_little_memory(w);
	planned_release(&plan);
	manifest_release(&m);
}

static void many_files_in_little_memory(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	autofree char *one = path_join(w->store, "m/1");
	autofree char *two = path_join(w->store, "m/2");
	autofree char *to = path_join(w->root, "m/2");

	use_static_helper(w);
	for (unsigned i = 0; i < 2000; i++) {
		autofree char *name =
			xasprintf("directory %u/a file of the model %u", i % 40, i);
		world_text(one, name, name);
		world_text(two, name, i % 2 ? name : "another");
	}
	assert_int_equal(client_deploy(&w->client, "m/1", one, 0, digest), ERR_NONE);
	assert_int_equal(client_deploy(&w->client, "m/2", two, 0, digest), ERR_NONE);
	world_same(two, to);
	world_expect(w, "m/2", digest, WIRE_VERSION_VERIFIED, "");
	expect_little_memory(w);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_sparse_file_beyond_4_gib),
		WORLD_TEST(many_files_in_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
