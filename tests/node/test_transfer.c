/* SPDX-License-Identifier: Apache-2.0 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "tree/compress.h"
#include "tree/delta.h"

static void a_version_arrives_as_it_is(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	autofree char *from = path_join(w->store, "m/2024-01-01");
	autofree char *to = path_join(w->root, "m/2024-01-01");

	world_version(w, "m/2024-01-01", 1);
	assert_int_equal(client_deploy(&w->client, "m/2024-01-01", from, 0, digest), ERR_NONE);
	world_same(from, to);
	world_expect(w, "m/2024-01-01", digest, WIRE_VERSION_VERIFIED, "");
}

static void a_second_check_reads_nothing(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE];
	struct checked r;
	autofree char *from = path_join(w->store, "m/1");

	world_version(w, "m/1", 1);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, digest), ERR_NONE);
	client_check(&w->client, "m/1", digest, 0, &r);
	assert_int_equal(r.head.hashed, 0);
	checked_release(&r);
}

static void absent_and_unknown_versions(void **state)
{
	struct world *w = *state;
	uint8_t digest[WIRE_DIGEST_SIZE] = {7};

	world_expect(w, "m/1", digest, WIRE_VERSION_ABSENT, "");
	world_text(w->root, "m/1/file", "put here by somebody");
	world_expect(w, "m/1", digest, WIRE_VERSION_UNKNOWN, "");
}

static void nothing_lies_under_the_final_name_before_the_commit(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(w->root, "m");

	world_version(w, "m/1", 1);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_NONE);
	assert_int_equal(plan.count, m.files);
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.records[i].state == WIRE_PLAN_SEND)
			client_put_file(&w->client, 0, &m, &plan.records[i], from);
	}
	assert_false(path_exists(to));
	planned_release(&plan);
	manifest_release(&m);
}

static void a_commit_with_a_file_missing_is_refused(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct wire_committed done;

	world_version(w, "m/1", 1);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_INPUT);
	planned_release(&plan);
	manifest_release(&m);
}

static void wrong_content_is_refused_and_can_be_sent_again(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct answer a;
	struct wire_committed done;
	autofree char *from = path_join(w->store, "m/1");

	world_text(from, "f", "the right content");
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 3, "m/1", &m, 0, 0, &plan);
	struct wire_file_put put = {.stage = 3, .index = 0};
	assert_int_equal(
		client_put(&w->client, &put, "the wrong content", 17, &a), ERR_INTEGRITY);
	assert_int_equal(client_put(&w->client, &put, "too short", 9, &a), ERR_INTEGRITY);
	assert_int_equal(
		client_put(&w->client, &put, "this one is much longer", 23, &a), ERR_INTEGRITY);
	assert_int_equal(client_put_file(&w->client, 3, &m, &plan.records[0], from), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 3, &done), ERR_NONE);
	assert_int_equal(done.files, 1);
	assert_int_equal(done.repaired, 0);
	planned_release(&plan);
	manifest_release(&m);
}

static void compress(const uint8_t *data, size_t n, struct strbuf *out)
{
	struct tree_sink sink = strbuf_sink(out);
	struct compressor *c = compressor_new(COMPRESS_LEVEL, &sink);

	assert_int_equal(compressor_feed(c, data, n, NULL), 0);
	assert_int_equal(compressor_end(c, NULL), 0);
	compressor_free(c);
}

static void compressed_content_arrives(void **state)
{
	struct world *w = *state;
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	struct manifest m;
	struct planned plan;
	struct answer a;
	struct wire_committed done;
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(w->root, "m/1");
	autofree uint8_t *data = xcalloc(3000000, 1);

	memset(data, 'x', 1000000);
	world_file(from, "f", data, 3000000);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	compress(data, 3000000, &packed);
	assert_true(packed.len < 10000);
	struct wire_file_put put = {.encoding = WIRE_PUT_ZSTD};
	assert_int_equal(
		client_put(&w->client, &put, packed.data, packed.len - 1, &a), ERR_INTEGRITY);
	assert_int_equal(client_put(&w->client, &put, packed.data, packed.len, &a), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	planned_release(&plan);
	manifest_release(&m);
}

static void a_bomb_is_refused(void **state)
{
	struct world *w = *state;
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	struct manifest m;
	struct planned plan;
	struct answer a;
	autofree char *from = path_join(w->store, "m/1");
	autofree uint8_t *zeros = xcalloc(50000000, 1);

	world_text(from, "f", "small");
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	compress(zeros, 50000000, &packed);
	struct wire_file_put put = {.encoding = WIRE_PUT_ZSTD};
	assert_int_equal(
		client_put(&w->client, &put, packed.data, packed.len, &a), ERR_INTEGRITY);
	planned_release(&plan);
	manifest_release(&m);
}

/* The delta from one buffer to another, with a signature pulled from the node. */
static void make_delta(
	struct client *c, const struct wire_plan *plan, const char *newer, struct strbuf *delta)
{
	AUTO(strbuf_release) struct strbuf sums = STRBUF_INIT;
	uint8_t head[SIGNATURE_HEAD_SIZE], buffer[8192];
	uint32_t block = delta_block_len(plan->basis_size);
	struct delta_stats stats;
	struct err err = {0};

	signature_head(block, head);
	strbuf_add(&sums, head, sizeof(head));
	/* Two ranges, to see that they join. */
	for (uint64_t at = 0; at < plan->basis_size; at += 128 * block) {
		struct msg_writer w;
		struct answer a;
		msg_begin(&w, buffer, sizeof(buffer));
		wire_put_range(&w, &(struct wire_range){.version = plan->basis_version,
					   .path = plan->basis_path,
					   .offset = at,
					   .length = 128 * block,
					   .block_len = block,
					   .strong_len = DELTA_STRONG_LEN});
		assert_int_equal(client_call(c, WIRE_SIGNATURE, 0, &w, &a), ERR_NONE);
		strbuf_add(&sums, a.data.data, a.data.len);
		answer_release(&a);
	}
	assert_int_equal(sums.len, signature_size(plan->basis_size, block));
	int fd = memfd_create("sums", MFD_CLOEXEC);
	assert_int_equal(write(fd, sums.data, sums.len), (ssize_t)sums.len);
	struct fd_range range = {.fd = fd, .left = sums.len};
	struct tree_source source = fd_range_source(&range);
	struct signature *s = signature_load(&source, &err);
	assert_non_null(s);
	close(fd);
	fd = open(newer, O_RDONLY | O_CLOEXEC);
	struct fd_range content = {.fd = fd, .left = UINT64_MAX};
	struct tree_source from = fd_range_source(&content);
	struct tree_sink sink = strbuf_sink(delta);
	assert_int_equal(delta_make(s, &from, &sink, &stats, &err), DELTA_DONE);
	close(fd);
	signature_free(s);
}

static void a_delta_against_an_older_version(void **state)
{
	struct world *w = *state;
	AUTO(strbuf_release) struct strbuf delta = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	struct manifest m;
	struct planned plan;
	struct answer a;
	struct wire_committed done;
	autofree char *old = path_join(w->store, "m/1");
	autofree char *new = path_join(w->store, "m/2");
	autofree char *file = path_join(new, "model.bin");
	autofree char *to = path_join(w->root, "m/2");
	autofree uint8_t *data = world_noise(900000, 5);

	world_file(old, "model.bin", data, 900000);
	assert_int_equal(client_deploy(&w->client, "m/1", old, 0, NULL), ERR_NONE);
	memset(data + 400000, 'z', 1000);
	world_file(new, "model.bin", data, 900000);
	world_manifest(w, "m/2", &m);
	client_begin(&w->client, 0, "m/2", &m, 0, 0, &plan);
	const struct wire_plan *p = planned_find(&plan, &m, "model.bin");
	assert_int_equal(p->state, WIRE_PLAN_BASIS);
	assert_string_equal(p->basis_version, "m/1");
	assert_string_equal(p->basis_path, "model.bin");
	assert_int_equal(p->basis_known, 1);
	assert_int_equal(p->basis_size, 900000);
	make_delta(&w->client, p, file, &delta);
	assert_true(delta.len < 20000);
	compress((const uint8_t *)delta.data, delta.len, &packed);
	struct wire_file_put put = {.form = WIRE_PUT_DELTA, .encoding = WIRE_PUT_ZSTD};
	assert_int_equal(client_put(&w->client, &put, packed.data, packed.len, &a), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(new, to);
	planned_release(&plan);
	manifest_release(&m);
}

static void a_damaged_delta_is_refused(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct answer a;
	autofree char *old = path_join(w->store, "m/1");
	autofree char *new = path_join(w->store, "m/2");
	autofree uint8_t *data = world_noise(100000, 5);
	/* The head of a delta, and a copy from behind the end of the basis. */
	static const uint8_t outside[] = {
		0x72, 0x73, 0x02, 0x36, 0x4f, 0xff, 0xff, 0xff, 0xff, 0x10, 0x00};

	world_file(old, "model.bin", data, 100000);
	assert_int_equal(client_deploy(&w->client, "m/1", old, 0, NULL), ERR_NONE);
	memset(data, 'z', 1000);
	world_file(new, "model.bin", data, 100000);
	world_manifest(w, "m/2", &m);
	client_begin(&w->client, 0, "m/2", &m, 0, 0, &plan);
	struct wire_file_put put = {.form = WIRE_PUT_DELTA};
	assert_int_equal(
		client_put(&w->client, &put, outside, sizeof(outside), &a), ERR_INTEGRITY);
	assert_int_equal(client_put(&w->client, &put, "no delta", 8, &a), ERR_INTEGRITY);
	assert_int_equal(client_put(&w->client, &put, outside, 4, &a), ERR_INTEGRITY);
	planned_release(&plan);
	manifest_release(&m);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *staging = path_join(w->root, ".staging");

	world_version(w, "m/1", 1);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, FRAME_CHECK, &plan);
	assert_int_equal(plan.code, ERR_NONE);
	assert_int_equal(planned_find(&plan, &m, "model.bin")->state, WIRE_PLAN_SEND);
	assert_false(path_exists(staging));
	planned_release(&plan);
	/* No stage stayed open: its number is free. */
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_NONE);
	planned_release(&plan);
	manifest_release(&m);
}

static void several_stages_at_once(void **state)
{
	struct world *w = *state;
	struct manifest m[3];
	struct planned plan[3];
	struct wire_committed done;

	for (uint8_t i = 0; i < 3; i++) {
		autofree char *version = xasprintf("m%u/1", i);
		world_version(w, version, i);
		world_manifest(w, version, &m[i]);
		client_begin(&w->client, i, version, &m[i], 0, 0, &plan[i]);
		assert_int_equal(plan[i].code, ERR_NONE);
	}
	for (uint8_t i = 0; i < 3; i++) {
		autofree char *version = xasprintf("m%u/1", i);
		autofree char *from = path_join(w->store, version);
		autofree char *to = path_join(w->root, version);
		for (size_t k = 0; k < plan[i].count; k++) {
			if (plan[i].records[k].state == WIRE_PLAN_SEND)
				client_put_file(
					&w->client, i, &m[i], &plan[i].records[k], from);
		}
		assert_int_equal(client_commit(&w->client, i, &done), ERR_NONE);
		world_same(from, to);
		planned_release(&plan[i]);
		manifest_release(&m[i]);
	}
}

static void a_login_with_a_strict_umask(void **state)
{
	struct world *w = *state;
	struct stat st;
	autofree char *root = path_join(w->dir, "other/root");
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(root, "m/1");

	client_kill(&w->client);
	mode_t mask = umask(077);
	client_start(&w->client);
	umask(mask);
	assert_int_equal(client_root(&w->client, root), ERR_NONE);
	world_version(w, "m/1", 1);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
	world_same(from, to);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void stages_have_their_limits(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;

	world_text(w->store, "m/1/f", "x");
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, WIRE_STAGES_MAX, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_LIMIT);
	planned_release(&plan);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_NONE);
	planned_release(&plan);
	/* The number is taken, and so is the version. */
	client_begin(&w->client, 0, "m/2", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_EXISTS);
	planned_release(&plan);
	client_begin(&w->client, 1, "m/1", &m, 0, 0, &plan);
	assert_int_equal(plan.code, ERR_BUSY);
	planned_release(&plan);
	manifest_release(&m);
}

static enum err_code end_stage(struct client *c, uint8_t stage, uint8_t flags)
{
	uint8_t buffer[16];
	struct msg_writer writer;
	struct answer a;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_end(
		&writer, &(struct wire_version_end){.stage = stage, .flags = flags});
	client_call(c, WIRE_VERSION_ABORT, 0, &writer, &a);
	answer_release(&a);
	return a.code;
}

static void an_aborted_stage_stays_or_goes(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	autofree char *staging = path_join(w->root, ".staging/m%2F1");

	world_text(w->store, "m/1/f", "x");
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	planned_release(&plan);
	assert_int_equal(end_stage(&w->client, 0, 0), ERR_NONE);
	assert_true(path_exists(staging));
	assert_int_equal(end_stage(&w->client, 0, 0), ERR_NOTFOUND);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	planned_release(&plan);
	assert_int_equal(end_stage(&w->client, 0, WIRE_ABORT_DISCARD), ERR_NONE);
	assert_false(path_exists(staging));
	manifest_release(&m);
}

static void a_stream_that_the_engine_gives_up(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct answer a;
	uint8_t buffer[64];
	struct msg_writer writer;
	autofree char *from = path_join(w->store, "m/1");

	world_text(from, "f", "some content");
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_file_put(&writer, &(struct wire_file_put){0});
	msg_put_raw(&writer, "some", 4);
	uint32_t id = client_send(&w->client, WIRE_FILE_PUT, 0, writer.data, writer.len);
	/* Other requests are served meanwhile, those of the stage itself are not. */
	assert_int_equal(client_call(&w->client, WIRE_PING, 0, NULL, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(end_stage(&w->client, 0, 0), ERR_BUSY);
	struct frame last = {.id = id, .kind = WIRE_DATA, .flags = FRAME_LAST | FRAME_ABORT};
	assert_true(client_frame(&w->client, &last));
	assert_true(client_answer(&w->client, id, &a));
	assert_int_equal(a.code, ERR_CANCELLED);
	answer_release(&a);
	assert_int_equal(client_put_file(&w->client, 0, &m, &plan.records[0], from), ERR_NONE);
	planned_release(&plan);
	manifest_release(&m);
}

/* Sends the first bytes of entry 0 as they are, then gives the stream up. */
static void put_and_give_up(struct client *c, const void *data, size_t n)
{
	uint8_t buffer[64];
	struct msg_writer writer;
	struct answer a;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_file_put(&writer, &(struct wire_file_put){0});
	uint32_t id = client_send(c, WIRE_FILE_PUT, 0, writer.data, writer.len);
	struct frame piece = {.id = id, .kind = WIRE_DATA, .data = data, .len = n};
	struct frame last = {.id = id, .kind = WIRE_DATA, .flags = FRAME_LAST | FRAME_ABORT};
	assert_true(client_frame(c, &piece));
	assert_true(client_frame(c, &last));
	assert_true(client_answer(c, id, &a));
	assert_int_equal(a.code, ERR_CANCELLED);
	answer_release(&a);
}

static void the_rest_of_a_stream_may_come_compressed(void **state)
{
	struct world *w = *state;
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	struct manifest m;
	struct planned plan;
	struct answer a;
	struct wire_committed done;
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(w->root, "m/1");
	autofree uint8_t *data = xcalloc(3000000, 1);

	memset(data + 10000, 'x', 1000000);
	world_file(from, "f", data, 3000000);
	world_manifest(w, "m/1", &m);
	client_begin(&w->client, 0, "m/1", &m, 0, 0, &plan);
	put_and_give_up(&w->client, data, 20000);
	compress(data + 20000, 3000000 - 20000, &packed);
	struct wire_file_put put = {.encoding = WIRE_PUT_ZSTD, .offset = 20001};
	assert_int_equal(client_put(&w->client, &put, packed.data, packed.len, &a), ERR_INPUT);
	put.offset = 20000;
	assert_int_equal(client_put(&w->client, &put, packed.data, packed.len, &a), ERR_NONE);
	assert_int_equal(client_commit(&w->client, 0, &done), ERR_NONE);
	world_same(from, to);
	planned_release(&plan);
	manifest_release(&m);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_version_arrives_as_it_is),
		WORLD_TEST(a_second_check_reads_nothing),
		WORLD_TEST(absent_and_unknown_versions),
		WORLD_TEST(nothing_lies_under_the_final_name_before_the_commit),
		WORLD_TEST(a_commit_with_a_file_missing_is_refused),
		WORLD_TEST(wrong_content_is_refused_and_can_be_sent_again),
		WORLD_TEST(compressed_content_arrives),
		WORLD_TEST(a_bomb_is_refused),
		WORLD_TEST(a_delta_against_an_older_version),
		WORLD_TEST(a_damaged_delta_is_refused),
		WORLD_TEST(a_dry_run_changes_nothing),
		WORLD_TEST(several_stages_at_once),
		WORLD_TEST(a_login_with_a_strict_umask),
		WORLD_TEST(stages_have_their_limits),
		WORLD_TEST(an_aborted_stage_stays_or_goes),
		WORLD_TEST(a_stream_that_the_engine_gives_up),
		WORLD_TEST(the_rest_of_a_stream_may_come_compressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
