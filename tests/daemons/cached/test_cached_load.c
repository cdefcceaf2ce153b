/* SPDX-License-Identifier: Apache-2.0 */
/* One version on its way into memory: which file it is, whether it is good, what cannot be had.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "daemons/cached/load.h"

#define JAN "2026-01-31"

struct stage {
	const char *dir;
	struct cached_config config;
	struct cached_model model;
	struct disk *disk;
	struct source *source;
	struct source_version version;
	struct load load;
	struct err err;
	uint64_t reserved;
	enum err_code refuse; /* what `reserve` says, if not ERR_NONE */
};

static struct stage s;

static int reserve(void *data, uint64_t bytes, struct err *err)
{
	(void)data;
	s.reserved = bytes;
	return s.refuse == ERR_NONE ? 0 : err_set(err, s.refuse, "no place");
}

static void put(const char *name, const char *content)
{
	autofree char *dir = path_join(s.dir, "store/fraud/" JAN);
	autofree char *file = path_join(dir, name);

	assert_int_equal(path_mkdirs(dir, 0755, NULL), 0);
	scratch_write(file, content);
}

static int begin(void **state)
{
	if (scratch_make(state) < 0)
		return -1;
	s = (struct stage){.dir = *state};
	s.model = (struct cached_model){
		.name = "fraud", .source = "directory", .validate_timeout = 60};
	s.version = (struct source_version){
		.version = (char *)(uintptr_t)JAN, .run_id = (char *)(uintptr_t) ""};
	autofree char *store = path_join(s.dir, "store");
	autofree char *at = path_join(s.dir, "state");
	put("labels.txt", "a");
	put("model.bin", "weights");
	s.disk = disk_open(at, 0, &s.err);
	s.source = source_open("directory", &(struct source_options){.uri = store}, &s.err);
	s.load = (struct load){.config = &s.config,
		.model = &s.model,
		.stage = "latest",
		.current = true,
		.disk = s.disk,
		.source = s.source,
		.version = &s.version,
		.reserve = reserve};
	return s.disk && s.source ? 0 : -1;
}

static int end(void **state)
{
	source_close(s.source);
	disk_close(s.disk);
	return scratch_remove(state);
}

/* Brings the version; true if it came with this content. */
static bool comes(const char *content)
{
	char text[64] = "";

	err_clear(&s.err);
	s.load.downloaded = s.load.invalid = false;
	struct blob *blob = load_bring(&s.load, &s.err);
	if (!blob)
		return false;
	assert_true(pread(blob->fd, text, sizeof(text) - 1, 0) >= 0);
	assert_int_equal(blob->size, s.reserved);
	blob_unref(blob);
	return strcmp(text, content) == 0;
}

static void fails(enum err_code code, const char *said, bool invalid)
{
	autofree char *staging = path_join(s.dir, "state/staging");
	size_t before = scratch_open_fds();

	assert_false(comes(""));
	assert_int_equal(s.err.code, code);
	if (!strstr(s.err.text, said))
		fail_msg("\"%s\" is not in: %s", said, s.err.text);
	assert_int_equal(s.load.invalid, invalid);
	autofree char *left = scratch_list(staging);
	assert_string_equal(left, "");
	assert_int_equal(scratch_open_fds(), before);
}

/* Damages what the disk has. */
static void spoil(const char *content)
{
	autofree char *blobs = path_join(s.dir, "state/blobs");
	autofree char *name = scratch_list(blobs);
	autofree char *path = path_join(blobs, name);

	scratch_write(path, content);
}

/* ---- which file ---- */

static void test_the_only_model(void **state)
{
	(void)state;
	assert_true(comes("weights"));
	assert_true(s.load.downloaded);
	assert_true(comes("weights"));
	assert_false(s.load.downloaded);
}

static void test_several_models(void **state)
{
	(void)state;
	put("other.PKL", "pickle");
	fails(ERR_INPUT, "several models", false);
	s.model.artifact = "*.PKL";
	assert_true(comes("pickle"));
}

static void test_no_model(void **state)
{
	(void)state;
	autofree char *path = path_join(s.dir, "store/fraud/" JAN "/model.bin");

	assert_int_equal(unlink(path), 0);
	fails(ERR_NOTFOUND, "no file that looks like a model among its 1", false);
	s.model.artifact = "nothing.bin";
	fails(ERR_NOTFOUND, "nothing.bin", false);
}

/* ---- whether it is good ---- */

static void test_empty_file(void **state)
{
	(void)state;
	put("model.bin", "");
	fails(ERR_INTEGRITY, "it is empty", true);
}

static void test_wrong_format(void **state)
{
	(void)state;
	put("model.onnx", "<html>");
	s.model.artifact = "model.onnx";
	fails(ERR_INTEGRITY, "fraud version " JAN ": model.onnx", true);
}

static void test_validate_command(void **state)
{
	(void)state;
	s.model.validate_command = "echo first; echo \"no good: $(cat \"$1\")\" >&2; exit 7";
	fails(ERR_INTEGRITY, "validate_command ended with 7: no good: weights", true);
	s.model.validate_command = "kill -9 $$";
	fails(ERR_INTEGRITY, "validate_command ended with 137", true);
	s.model.validate_command = "test \"$MODEL_NAME $MODEL_VERSION\" = 'fraud " JAN
				   "' && test \"$MODEL_FILE\" = \"$1\"";
	assert_true(comes("weights"));
}

static void test_validate_command_that_hangs(void **state)
{
	(void)state;
	s.model.validate_command = "sleep 1000";
	s.model.validate_timeout = 0.05;
	fails(ERR_TIMEOUT, "validate_command", true);
}

static void test_cancelled(void **state)
{
	(void)state;
	struct cancel cancel;

	assert_int_equal(cancel_init(&cancel, &s.err), 0);
	cancel_request(&cancel);
	s.load.cancel = &cancel;
	fails(ERR_CANCELLED, "", false);
	cancel_release(&cancel);
}

/* ---- no room ---- */

static void test_no_place_in_memory(void **state)
{
	(void)state;
	s.refuse = ERR_BUSY;
	fails(ERR_BUSY, "no place", false);
	s.refuse = ERR_NONE;
	assert_true(comes("weights"));
	s.refuse = ERR_BUSY;
	fails(ERR_BUSY, "no place", false); /* nor for what the disk has, which stays there */
	s.refuse = ERR_NONE;
	assert_true(comes("weights"));
	assert_false(s.load.downloaded);
}

static void test_larger_than_allowed(void **state)
{
	(void)state;
	s.config.model_bytes = 3;
	fails(ERR_LIMIT, "more than 3 bytes", false);
}

/* A memory file can be made, and not filled. */
static void test_no_memory(void **state)
{
	(void)state;
	struct rlimit before, none;

	assert_true(comes("weights"));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	none = before;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_FSIZE, &none);
	fails(ERR_SYSTEM, "memory file", false);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(comes("weights"));
	assert_false(s.load.downloaded);
}

/* No memory file can be made; what the disk has is not taken for spoiled. */
static void test_no_descriptors(void **state)
{
	(void)state;
	struct rlimit before, few;

	assert_true(comes("weights"));
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	for (rlim_t more = 0; more < 3; more++) {
		few.rlim_cur = scratch_open_fds() + more;
		setrlimit(RLIMIT_NOFILE, &few);
		err_clear(&s.err);
		struct blob *blob = load_bring(&s.load, &s.err);
		setrlimit(RLIMIT_NOFILE, &before);
		assert_true(blob || *s.err.text);
		blob_unref(blob);
	}
	assert_true(comes("weights"));
	assert_false(s.load.downloaded);
}

/* ---- the disk ---- */

static void test_rotten_on_the_disk(void **state)
{
	(void)state;
	static const char *const contents[] = {"Weights", "w", ""};

	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		assert_true(comes("weights"));
		spoil(contents[i]);
		assert_true(comes("weights"));
		assert_true(s.load.downloaded);
		assert_true(comes("weights"));
		assert_false(s.load.downloaded);
	}
}

static void test_disk_alone(void **state)
{
	(void)state;
	s.load.source = NULL;
	fails(ERR_NOTFOUND, "is not on the disk", false);
	s.load.source = s.source;
	assert_true(comes("weights"));
	s.load.source = NULL;
	assert_true(comes("weights"));
	spoil("Weights");
	fails(ERR_NOTFOUND, "is not on the disk", false);
}

/* What the disk does not take is served nevertheless, and downloaded again the next time. */
static void test_disk_that_takes_nothing(void **state)
{
	(void)state;
	autofree char *blobs = path_join(s.dir, "state/blobs");
	autofree char *staging = path_join(s.dir, "state/staging");

	assert_int_equal(rmdir(blobs), 0);
	assert_true(comes("weights"));
	autofree char *left = scratch_list(staging);
	assert_string_equal(left, "");
	assert_true(comes("weights"));
	assert_true(s.load.downloaded);
}

/* A file that the disk names and nobody can open is fetched again. */
static void test_disk_that_gives_nothing(void **state)
{
	(void)state;
	autofree char *blobs = path_join(s.dir, "state/blobs");

	assert_true(comes("weights"));
	autofree char *name = scratch_list(blobs);
	autofree char *path = path_join(blobs, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(comes("weights"));
	assert_true(s.load.downloaded);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_only_model),
		TEST(test_several_models),
		TEST(test_no_model),
		TEST(test_empty_file),
		TEST(test_wrong_format),
		TEST(test_validate_command),
		TEST(test_validate_command_that_hangs),
		TEST(test_cancelled),
		TEST(test_no_place_in_memory),
		TEST(test_larger_than_allowed),
		TEST(test_no_memory),
		TEST(test_no_descriptors),
		TEST(test_rotten_on_the_disk),
		TEST(test_disk_alone),
		TEST(test_disk_that_takes_nothing),
		TEST(test_disk_that_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
