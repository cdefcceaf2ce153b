/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine, or somebody on the node, who wants the helper to leave its root, or to eat
 * memory, or to fall over.
 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

/* Sends a VERSION_BEGIN whose manifest is this text. */
static enum err_code begin_text(
	struct client *c, const char *version, const void *text, size_t n)
{
	uint8_t buffer[1024];
	struct msg_writer w;
	struct answer a;
	struct wire_version_begin b = {.version = version, .manifest_len = (uint32_t)n};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_begin(&w, &b);
	uint32_t id = client_send(c, WIRE_VERSION_BEGIN, 0, w.data, w.len);
	struct frame f = {
		.id = id, .kind = WIRE_DATA, .flags = FRAME_LAST, .data = text, .len = n};
	client_frame(c, &f);
	assert_true(client_answer(c, id, &a));
	answer_release(&a);
	return a.code;
}

#define HEAD  "modelfleet-manifest 1 xxh3-128 sha256\n"
#define ENTRY " 0644 1 0.000000000 00000000000000000000000000000000 - "
#define TAIL  "\0\nend 1 0000000000000000000000000000000000000000000000000000000000000000\n"

static void hostile_manifests_are_refused(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
#define CASE(s) {s, sizeof(s) - 1}
		CASE(""),
		CASE("x"),
		CASE(HEAD),
		CASE(HEAD "f" ENTRY "../up" TAIL),
		CASE(HEAD "f" ENTRY "/etc/passwd" TAIL),
		CASE(HEAD "f" ENTRY "a/../../b" TAIL),
		CASE(HEAD "f" ENTRY "below/nothing" TAIL),
		CASE(HEAD "f" ENTRY "slash/" TAIL),
		CASE(HEAD "l 0777 0 0.000000000 - - l\0../../etc" TAIL),
		CASE(HEAD "l 0777 0 0.000000000 - - l\0/etc" TAIL),
		CASE(HEAD "f 0644 99999999999999999999 0.000000000 0 - a" TAIL),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			begin_text(&w->client, "m/1", cases[i].text, cases[i].n), ERR_INPUT);
}

static void hostile_versions_are_refused(void **state)
{
	struct world *w = *state;
	static const char *const versions[] = {"", ".", "..", "../x", "/etc", "a/../b", "a//b",
		"a/", ".fleet/lock", ".staging"};
	uint8_t digest[WIRE_DIGEST_SIZE] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct checked r;
		client_check(&w->client, versions[i], digest, 0, &r);
		assert_int_equal(r.code, ERR_INPUT);
		checked_release(&r);
		assert_int_equal(begin_text(&w->client, versions[i], "x", 1), ERR_INPUT);
	}
}

static enum err_code read_file(struct client *c, const char *version, const char *path)
{
	uint8_t buffer[8192];
	struct msg_writer w;
	struct answer a;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_range(
		&w, &(struct wire_range){.version = version, .path = path, .length = 100});
	client_call(c, WIRE_FILE_READ, 0, &w, &a);
	answer_release(&a);
	return a.code;
}

static void reads_stay_below_the_root(void **state)
{
	struct world *w = *state;
	autofree char *link = path_join(w->root, "m/out");
	autofree char *dir = path_join(w->root, "m");

	world_text(w->root, "m/1/file", "inside");
	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(read_file(&w->client, "m/1", "file"), ERR_NONE);
	assert_int_not_equal(read_file(&w->client, "m/1", "../../../etc/passwd"), ERR_NONE);
	assert_int_not_equal(read_file(&w->client, "m/1", "/etc/passwd"), ERR_NONE);
	assert_int_not_equal(read_file(&w->client, "m/out", "passwd"), ERR_NONE);
	assert_int_not_equal(read_file(&w->client, "m", "out/passwd"), ERR_NONE);
	assert_int_not_equal(read_file(&w->client, "m/1", ""), ERR_NONE);
}

static void a_model_that_is_a_link_out_of_the_root_is_not_written_to(void **state)
{
	struct world *w = *state;
	autofree char *outside = path_join(w->dir, "outside");
	autofree char *link = path_join(w->root, "m");
	autofree char *from = path_join(w->store, "m/1");

	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(symlink(outside, link), 0);
	world_version(w, "m/1", 1);
	assert_int_not_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
	autofree char *names = scratch_list(outside);
	assert_string_equal(names, "");
}

static void a_link_in_staging_is_not_followed(void **state)
{
	struct world *w = *state;
	autofree char *outside = path_join(w->dir, "outside");
	autofree char *tree = path_join(w->root, ".staging/m%2F1/tree");
	autofree char *link = path_join(tree, "sub");
	autofree char *from = path_join(w->store, "m/1");
	autofree char *to = path_join(w->root, "m/1");

	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(path_mkdirs(tree, 0755, NULL), 0);
	assert_int_equal(symlink(outside, link), 0);
	world_version(w, "m/1", 1);
	assert_int_equal(client_deploy(&w->client, "m/1", from, 0, NULL), ERR_NONE);
	world_same(from, to);
	autofree char *names = scratch_list(outside);
	assert_string_equal(names, "");
}

/* Expects an ERROR with id 0 and then the end. */
static void expect_hang_up(struct client *c)
{
	struct frame f;
	struct wire_error e;

	assert_true(client_next(c, &f));
	assert_int_equal(f.kind, WIRE_ERROR);
	assert_int_equal(f.id, 0);
	assert_int_equal(wire_get_error(&f, &e, NULL), 0);
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_false(client_next(c, &f));
	client_kill(c);
}

static void broken_frames_end_the_connection(void **state)
{
	struct client c;
	uint8_t header[FRAME_HEADER_SIZE];
	struct frame f = {.id = 1, .kind = WIRE_PING, .len = FRAME_PAYLOAD_MAX + 1};

	(void)state;
	client_start(&c);
	frame_put_header(&f, header);
	assert_int_equal(fd_write_all(c.in, header, sizeof(header)), 0);
	expect_hang_up(&c);

	client_start(&c);
	f = (struct frame){.id = 0, .kind = WIRE_PING};
	client_frame(&c, &f);
	expect_hang_up(&c);

	client_start(&c);
	f = (struct frame){.id = 7, .kind = WIRE_DATA, .flags = FRAME_LAST};
	client_frame(&c, &f);
	expect_hang_up(&c);
}

static void malformed_requests_are_refused_and_the_next_is_served(void **state)
{
	struct world *w = *state;
	struct answer a;

	for (unsigned kind = WIRE_HELLO; kind < 80; kind++) {
		struct frame f = {.id = ++w->client.last_id,
			.kind = (uint8_t)kind,
			.data = (const uint8_t *)"\xff\xff\xff",
			.len = 3};
		if (kind == WIRE_ECHO || kind == WIRE_BECOME)
			continue;
		client_frame(&w->client, &f);
		assert_true(client_answer(&w->client, f.id, &a));
		assert_int_not_equal(a.code, ERR_NONE);
		answer_release(&a);
		if (kind == WIRE_VERSION_BEGIN || kind == WIRE_FILE_PUT) {
			/* The stream that such a request has is to be ended all the same. */
			f.kind = WIRE_DATA;
			f.flags = FRAME_LAST;
			client_frame(&w->client, &f);
		}
	}
	assert_int_equal(client_call(&w->client, WIRE_PING, 0, NULL, &a), ERR_NONE);
	answer_release(&a);
}

static void unknown_flags_are_refused(void **state)
{
	struct world *w = *state;
	struct answer a;

	assert_int_equal(client_call(&w->client, WIRE_PING, 0x80, NULL, &a), ERR_UNSUPPORTED);
	answer_release(&a);
}

static void a_root_without_its_lease_is_read_only(void **state)
{
	struct world *w = *state;
	uint8_t buffer[8192];
	struct msg_writer writer;
	struct answer a;
	autofree char *path = path_join(w->dir, "other");

	world_text(path, "m/1/file", "x");
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_root_open(
		&writer, &(struct wire_root_open){.root = 1, .path = path, .holder = ""});
	assert_int_equal(client_call(&w->client, WIRE_ROOT_OPEN, 0, &writer, &a), ERR_NONE);
	answer_release(&a);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_ref(
		&writer, &(struct wire_version_ref){.root = 1, .version = "m/1", .path = ""});
	assert_int_equal(
		client_call(&w->client, WIRE_VERSION_REMOVE, 0, &writer, &a), ERR_DENIED);
	answer_release(&a);
	autofree char *names = scratch_list(path);
	assert_string_equal(names, "m");
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(hostile_manifests_are_refused),
		WORLD_TEST(hostile_versions_are_refused),
		WORLD_TEST(reads_stay_below_the_root),
		WORLD_TEST(a_model_that_is_a_link_out_of_the_root_is_not_written_to),
		WORLD_TEST(a_link_in_staging_is_not_followed),
		cmocka_unit_test(broken_frames_end_the_connection),
		WORLD_TEST(malformed_requests_are_refused_and_the_next_is_served),
		WORLD_TEST(unknown_flags_are_refused),
		WORLD_TEST(a_root_without_its_lease_is_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
