/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version's files from the first piece to a version of the store.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "daemons/registryd/files.h"
#include "history/fixture.h"

#define MODEL "models/face/2026-02-02"

static struct files *files;
static struct err err;
static uint64_t offset; /* what the last upload_begin told */

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	fixture_shell("mkdir models");
	err_clear(&err);
	files = files_open(&(struct files_options){.root = fixture_path("models")}, &err);
	return files ? 0 : -1;
}

static int teardown(void **state)
{
	files_close(files);
	return fixture_teardown(state);
}

static void reopen(uint64_t size_max, size_t count_max)
{
	files_close(files);
	files = files_open(&(struct files_options){.root = fixture_path("models"),
				   .size_max = size_max,
				   .count_max = count_max},
		&err);
	assert_non_null(files);
}

static void must(int result)
{
	if (result < 0)
		fail_msg("%s", err.text);
}

static void refuse(int result, enum err_code code, const char *says)
{
	assert_int_equal(result, -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("expected \"%s\" in: %s", says, err.text);
	err_clear(&err);
}

static struct files_name name_of(const char *path)
{
	return (struct files_name){.model = "face", .version = 3, .path = path};
}

static struct upload *begin(const char *path, const struct files_range *range)
{
	struct files_name name = name_of(path);

	return upload_begin(files, &name, range, &offset, &err);
}

/* Sends a part of a file; `sha256` may be NULL. */
static int send_part(const char *path, const char *text, uint64_t first, uint64_t total,
	const uint8_t *sha256, struct files_state *state)
{
	struct upload *u = begin(
		path, &(struct files_range){.partial = true, .first = first, .total = total});
	int result = -1;

	if (u && upload_piece(u, text, strlen(text), &err) == 0)
		result = upload_finish(u, sha256, state, &err);
	upload_end(u);
	return result;
}

/* Sends a file as a whole. */
static int send_whole(const char *path, const char *text)
{
	struct files_state state;
	struct upload *u = begin(path, &(struct files_range){0});
	int result = -1;

	if (u && upload_piece(u, text, strlen(text), &err) == 0)
		result = upload_finish(u, NULL, &state, &err);
	upload_end(u);
	return result < 0 ? result : (int)state.files;
}

/* What there is of a file: its size, negative while it is not whole. */
static int64_t look(const char *path)
{
	struct files_name name = name_of(path);
	struct files_state state;

	must(files_look(files, &name, &state, &err));
	fd_close(&state.fd);
	return state.whole ? (int64_t)state.size : -(int64_t)state.size;
}

static int seal(const char *date, struct publish_result *result)
{
	return files_seal(files,
		&(struct files_seal){.model = "face",
			.version = 3,
			.date = date,
			.by = "anna",
			.note = "winter pictures"},
		result, &err);
}

/* ---- uploads ---- */

static void test_a_file_comes_as_a_whole(void **state)
{
	struct files_name name = name_of("sub/model.onnx");
	struct files_state s;
	uint8_t sha[32];

	(void)state;
	assert_int_equal(send_whole("sub/model.onnx", "weights"), 1);
	must(files_look(files, &name, &s, &err));
	assert_true(s.whole);
	assert_int_equal(s.size, 7);
	must(digest_data(DIGEST_SHA256, "weights", 7, sha, &err));
	assert_memory_equal(s.sha256, sha, sizeof(sha));
	char text[8] = "";
	assert_int_equal(read(s.fd, text, 7), 7);
	assert_string_equal(text, "weights");
	fd_close(&s.fd);
}

static void test_an_empty_file(void **state)
{
	(void)state;
	assert_int_equal(send_whole("empty", ""), 1);
	assert_int_equal(look("empty"), 0);
}

static void test_parts_go_on_after_a_restart(void **state)
{
	struct files_state s;
	uint8_t sha[32];

	(void)state;
	must(digest_data(DIGEST_SHA256, "onetwo", 6, sha, &err));
	must(send_part("m", "one", 0, 6, sha, &s));
	assert_false(s.whole);
	reopen(0, 0);
	assert_int_equal(look("m"), -3);
	must(send_part("m", "two", 3, 6, sha, &s));
	assert_true(s.whole);
	assert_int_equal(look("m"), 6);
}

static void test_a_part_has_to_follow(void **state)
{
	struct files_state s;

	(void)state;
	must(send_part("m", "one", 0, 9, NULL, &s));
	refuse(send_part("m", "two", 6, 9, NULL, &s), ERR_EXISTS, "3 bytes are there");
	assert_int_equal(offset, 3);
	/* From the beginning is always right. */
	must(send_part("m", "ONE", 0, 9, NULL, &s));
	assert_int_equal(look("m"), -3);
	refuse(send_part("m", "x", 9, 9, NULL, &s), ERR_INPUT, "begins at 9 of 9");
	refuse(send_part("m", "1234567", 3, 9, NULL, &s), ERR_LIMIT, "more than 9 bytes");
}

static void test_another_digest_leaves_nothing(void **state)
{
	struct files_name name = name_of("m");
	struct files_state s;
	uint8_t sha[32] = {1};

	(void)state;
	refuse(send_part("m", "one", 0, 3, sha, &s), ERR_INTEGRITY, "expected 0100");
	refuse(files_look(files, &name, &s, &err), ERR_NOTFOUND, "has not been uploaded");
}

static void test_a_file_is_sent_anew(void **state)
{
	(void)state;
	must(send_whole("m", "first"));
	assert_int_equal(send_whole("m", "the second"), 1);
	assert_int_equal(look("m"), 10);
}

static void test_names(void **state)
{
	static const char *const paths[] = {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/",
		".", "manifest.yaml", "a\nb"};
	struct files_range whole = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_null(begin(paths[i], &whole));
		refuse(-1, ERR_INPUT, "");
	}
	static const struct files_name names[] = {{"../x", 1, "m"}, {".hidden", 1, "m"},
		{"face", 0, "m"}, {"face", -1, "m"}, {"coral_packages", 1, "m"}};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_null(upload_begin(files, &names[i], &whole, &offset, &err));
		refuse(-1, ERR_INPUT, "");
	}
	assert_string_equal(fixture_shell("find models -name '*@*'"), "");
}

static void test_limits(void **state)
{
	(void)state;
	reopen(10, 2);
	refuse(send_whole("m", "eleven byte"), ERR_LIMIT, "more than 10 bytes");
	must(send_whole("a", "12345678"));
	refuse(send_whole("b", "123"), ERR_LIMIT, "would have 11 bytes, at most 10");
	must(send_whole("b", "12"));
	refuse(send_whole("c", ""), ERR_LIMIT, "would have 3 files, at most 2");
	struct files_state s;
	refuse(send_part("d", "x", 0, 11, NULL, &s), ERR_LIMIT, "has 11 bytes, at most 10");
}

static void test_one_at_a_time(void **state)
{
	struct files_range whole = {0};
	struct upload *first = begin("m", &whole);

	(void)state;
	assert_non_null(first);
	assert_null(begin("m", &whole));
	refuse(-1, ERR_BUSY, "by somebody else");
	struct upload *other = begin("n", &whole);
	assert_non_null(other);
	upload_end(other);
	upload_end(first);
	must(send_whole("m", "x"));
}

/* ---- versions ---- */

static void test_sealing_makes_a_version(void **state)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	struct publish_result result;
	uint8_t sha[32];

	(void)state;
	must(send_whole("model.onnx", "weights"));
	must(send_whole("sub/labels.txt", "cat\n"));
	must(seal("2026-02-02", &result));
	assert_int_equal(result.outcome, PUBLISH_MADE);
	assert_int_equal(result.files, 2);
	must(files_manifest(files, "face", "2026-02-02", &m, &err));
	assert_string_equal(m.by, "anna");
	assert_string_equal(m.note, "winter pictures");
	assert_string_equal(m.from, "model-registryd: files of face 3");
	must(digest_data(DIGEST_SHA256, "weights", 7, sha, &err));
	const struct version_file *file = version_manifest_find(&m, "model.onnx");
	assert_memory_equal(file->sha256, sha, sizeof(sha));
	autofd int fd = files_open_file(files, "face", "2026-02-02", file, &err);
	assert_true(fd >= 0);
	assert_string_equal(fixture_read(MODEL "/sub/labels.txt"), "cat\n");
}

static void test_sealing_again_is_fine(void **state)
{
	struct publish_result result;

	(void)state;
	must(send_whole("model.onnx", "weights"));
	must(seal("2026-02-02", &result));
	must(seal("2026-02-02", &result));
	assert_int_equal(result.outcome, PUBLISH_THERE);
	must(files_discard(files, "face", 3, &err));
	must(files_discard(files, "face", 3, &err));
	refuse(seal("2026-02-02", &result), ERR_NOTFOUND, "no files of face 3 were uploaded");
	assert_string_equal(fixture_shell("ls models/.fleet/uploads"), "");
}

static void test_a_day_has_one_version(void **state)
{
	struct publish_result result;

	(void)state;
	must(send_whole("model.onnx", "weights"));
	must(seal("2026-02-02", &result));
	must(send_whole("model.onnx", "WEIGHTS"));
	refuse(seal("2026-02-02", &result), ERR_EXISTS, "model.onnx");
	assert_string_equal(fixture_read(MODEL "/model.onnx"), "weights");
	must(seal("2026-02-03", &result));
}

static void test_nothing_half_is_sealed(void **state)
{
	struct publish_result result;
	struct files_state s;

	(void)state;
	must(send_whole("a", "x"));
	must(send_part("b", "one", 0, 6, NULL, &s));
	refuse(seal("2026-02-02", &result), ERR_BUSY, "1 of the version's files is not whole");
	struct upload *u = begin("c", &(struct files_range){0});
	refuse(seal("2026-02-02", &result), ERR_BUSY, "are being uploaded");
	refuse(files_discard(files, "face", 3, &err), ERR_BUSY, "are being uploaded");
	upload_end(u);
	refuse(seal("02.02.2026", &result), ERR_INPUT, "expected YYYY-MM-DD");
	assert_string_equal(fixture_shell("ls models"), "");
}

static void test_what_is_changed_later_is_not_given_out(void **state)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	struct publish_result result;

	(void)state;
	must(send_whole("model.onnx", "weights"));
	must(seal("2026-02-02", &result));
	must(files_manifest(files, "face", "2026-02-02", &m, &err));
	fixture_shell("chmod -R u+w " MODEL "; echo more >> " MODEL "/model.onnx");
	refuse(files_open_file(files, "face", "2026-02-02", &m.items[0], &err), ERR_INTEGRITY,
		"is not any more what it was");
}

static void test_versions_of_others(void **state)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};

	(void)state;
	fixture_write("models/face/2020-01-01/model.onnx", "old");
	must(files_check_version(files, "face", "2020-01-01", &err));
	refuse(files_manifest(files, "face", "2020-01-01", &m, &err), ERR_NOTFOUND,
		"nobody vouches for its files");
	refuse(files_check_version(files, "face", "2020-01-02", &err), ERR_NOTFOUND,
		"2020-01-02");
	refuse(files_check_version(files, "../face", "2020-01-01", &err), ERR_INPUT, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_comes_as_a_whole),
		TEST(test_an_empty_file),
		TEST(test_parts_go_on_after_a_restart),
		TEST(test_a_part_has_to_follow),
		TEST(test_another_digest_leaves_nothing),
		TEST(test_a_file_is_sent_anew),
		TEST(test_names),
		TEST(test_limits),
		TEST(test_one_at_a_time),
		TEST(test_sealing_makes_a_version),
		TEST(test_sealing_again_is_fine),
		TEST(test_a_day_has_one_version),
		TEST(test_nothing_half_is_sealed),
		TEST(test_what_is_changed_later_is_not_given_out),
		TEST(test_versions_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
