/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "tree/hashcache.h"
#include "tree/manifest.h"

static void add(struct manifest *m, unsigned kind, const char *path, const char *target)
{
	manifest_add(m, &(struct manifest_entry){.path = path,
				.target = target,
				.kind = (uint8_t)kind,
				.mode = kind == MANIFEST_DIR    ? 0755
					: kind == MANIFEST_LINK ? 0777
								: 0644,
				.size = kind == MANIFEST_FILE ? 12 : 0,
				.mtime_s = -3,
				.mtime_ns = 7});
}

/* A manifest with every kind of entry, finished. */
static void sample(struct manifest *m)
{
	struct err err = {0};

	*m = (struct manifest){0};
	add(m, MANIFEST_FILE, "b\n/strange \xff", NULL);
	add(m, MANIFEST_DIR, "b\n", NULL);
	add(m, MANIFEST_FILE, "a", NULL);
	add(m, MANIFEST_LINK, "b\n/l", "../a");
	if (manifest_finish(m, &err) < 0)
		fail_msg("%s", err.text);
}

static void what_is_written_is_parsed_again(void **state)
{
	AUTO(strbuf_release) struct strbuf one = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf two = STRBUF_INIT;
	struct manifest m, n;
	struct err err = {0};

	(void)state;
	sample(&m);
	manifest_write(&m, &one);
	if (manifest_parse(&n, one.data, one.len, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(n.count, 4);
	assert_int_equal(n.files, 2);
	assert_int_equal(n.bytes, 24);
	assert_string_equal(n.entries[0].path, "a");
	manifest_write(&n, &two);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	manifest_release(&m);
	manifest_release(&n);
}

static void every_cut_and_every_flipped_byte_is_noticed(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct manifest m, n;

	(void)state;
	sample(&m);
	manifest_write(&m, &text);
	manifest_release(&m);
	for (size_t i = 0; i < text.len; i++) {
		assert_int_equal(manifest_parse(&n, text.data, i, NULL), -1);
		text.data[i] ^= 1;
		/* Times are outside of the digest: only there another value is another file. */
		if (manifest_parse(&n, text.data, text.len, NULL) == 0) {
			assert_int_equal(n.count, 4);
			manifest_release(&n);
		}
		text.data[i] ^= 1;
	}
	assert_int_equal(manifest_parse(&n, text.data, text.len, NULL), 0);
	manifest_release(&n);
}

static void the_digest_covers_content_and_not_times(void **state)
{
	struct manifest m;
	uint8_t before[TREE_SHA256_SIZE];

	(void)state;
	sample(&m);
	memcpy(before, m.digest, sizeof(before));
	m.entries[0].mtime_s = 99;
	m.entries[0].flags = MANIFEST_IMMUTABLE;
	assert_int_equal(manifest_finish(&m, NULL), 0);
	assert_memory_equal(m.digest, before, sizeof(before));
	m.entries[0].hash[3] ^= 1;
	assert_int_equal(manifest_finish(&m, NULL), 0);
	assert_memory_not_equal(m.digest, before, sizeof(before));
	manifest_release(&m);
}

static void initial_only_lies_outside_the_digest(void **state)
{
	struct manifest m, n;

	(void)state;
	sample(&m);
	sample(&n);
	m.entries[0].flags = n.entries[0].flags = MANIFEST_INITIAL_ONLY;
	m.entries[0].hash[0] = 1;
	assert_int_equal(manifest_finish(&m, NULL), 0);
	assert_int_equal(manifest_finish(&n, NULL), 0);
	assert_memory_equal(m.digest, n.digest, TREE_SHA256_SIZE);
	manifest_release(&m);
	manifest_release(&n);
}

/* Finishing a manifest with this entry (and a directory "d" and a file "f") must fail. */
static void refuse(unsigned kind, const char *path, const char *target)
{
	struct manifest m = {0};
	struct err err = {0};

	add(&m, MANIFEST_DIR, "d", NULL);
	add(&m, MANIFEST_FILE, "f", NULL);
	add(&m, MANIFEST_LINK, "l", "d");
	add(&m, kind, path, target);
	if (manifest_finish(&m, &err) == 0)
		fail_msg("'%s' was accepted", path);
	manifest_release(&m);
}

static void paths_that_break_a_rule(void **state)
{
	static const char *const paths[] = {"", "/", "/abs", "..", "../up", "d/../up", ".",
		"./a", "d//a", "d/", "f", "f/below", "l/below", "nothing/below", "d/x/below"};
	autofree char *name = xcalloc(1, 300);
	struct strbuf deep = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		refuse(MANIFEST_FILE, paths[i], NULL);
	memset(name, 'n', 256);
	refuse(MANIFEST_FILE, name, NULL);
	for (unsigned i = 0; i < 3000; i++)
		strbuf_addstr(&deep, "d/");
	strbuf_addstr(&deep, "x");
	refuse(MANIFEST_FILE, deep.data, NULL);
	strbuf_release(&deep);
}

static void links_stay_inside(void **state)
{
	(void)state;
	assert_true(manifest_link_ok("l", "a"));
	assert_true(manifest_link_ok("l", "a/b/c"));
	assert_true(manifest_link_ok("l", "./a"));
	assert_true(manifest_link_ok("d/l", ".."));
	assert_true(manifest_link_ok("d/e/l", "../../x/y"));
	assert_true(manifest_link_ok("l", "dir/"));
	assert_false(manifest_link_ok("l", ""));
	assert_false(manifest_link_ok("l", "/etc"));
	assert_false(manifest_link_ok("l", ".."));
	assert_false(manifest_link_ok("d/l", "../../x"));
	assert_false(manifest_link_ok("d/l", "./../../x"));
	/* Through another link ".." leads anywhere. */
	assert_false(manifest_link_ok("d/e/l", "x/../y"));
	refuse(MANIFEST_LINK, "d/out", "../../etc");
}

static void a_tree_is_read_as_it_is(void **state)
{
	autofree char *sub = path_join(*state, "sub");
	autofree char *file = path_join(sub, "a file");
	autofree char *link = path_join(*state, "link");
	struct manifest m;
	struct err err = {0};

	assert_int_equal(mkdir(sub, 0750), 0);
	scratch_write(file, "content");
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(symlink("sub/a file", link), 0);
	if (manifest_build_path(*state, NULL, &m, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(m.count, 3);
	assert_string_equal(m.entries[0].path, "link");
	assert_string_equal(m.entries[0].target, "sub/a file");
	assert_int_equal(m.entries[1].kind, MANIFEST_DIR);
	assert_int_equal(m.entries[1].mode, 0750);
	assert_int_equal(m.entries[2].size, 7);
	assert_int_equal(m.entries[2].mode, 0640);
	manifest_release(&m);
}

static void refuse_tree(const char *dir, enum err_code code, const char *what)
{
	struct manifest m;
	struct err err = {0};

	assert_int_equal(manifest_build_path(dir, NULL, &m, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, what));
}

static void trees_that_cannot_be_versions(void **state)
{
	autofree char *path = path_join(*state, "thing");

	assert_int_equal(symlink("../outside", path), 0);
	refuse_tree(*state, ERR_INPUT, "thing");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	refuse_tree(*state, ERR_INPUT, "thing");
	assert_int_equal(unlink(path), 0);
	refuse_tree(path, ERR_NOTFOUND, "thing");
}

static unsigned by_name(void *arg, const char *path, enum manifest_kind kind)
{
	(void)arg;
	(void)kind;
	if (strstr(path, "skip"))
		return MANIFEST_SKIP;
	return strstr(path, "state") ? MANIFEST_INITIAL_ONLY : MANIFEST_TAKE;
}

static void a_filter_leaves_out_and_flags(void **state)
{
	autofree char *dir = path_join(*state, "skip me");
	autofree char *inside = path_join(dir, "state");
	autofree char *file = path_join(*state, "state");
	autofree char *other = path_join(*state, "weights");
	struct manifest_options o = {.filter = by_name};
	struct manifest m, all, selected;

	assert_int_equal(mkdir(dir, 0755), 0);
	scratch_write(inside, "x");
	scratch_write(file, "x");
	scratch_write(other, "y");
	assert_int_equal(manifest_build_path(*state, &o, &m, NULL), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.entries[0].flags, MANIFEST_INITIAL_ONLY);
	assert_int_equal(m.entries[1].flags, 0);
	/* The same filter over a manifest that was made without it. */
	assert_int_equal(manifest_build_path(*state, NULL, &all, NULL), 0);
	assert_int_equal(all.count, 4);
	assert_int_equal(manifest_select(&all, by_name, NULL, &selected, NULL), 0);
	assert_int_equal(selected.count, 2);
	assert_memory_equal(selected.digest, m.digest, TREE_SHA256_SIZE);
	manifest_release(&m);
	manifest_release(&all);
	manifest_release(&selected);
}

/* Counts the bytes that were read. */
static int count_bytes(void *arg, uint64_t bytes, struct err *err)
{
	(void)err;
	*(uint64_t *)arg += bytes;
	return 0;
}

static uint64_t bytes_read(const char *dir, const char *cache_path)
{
	uint64_t count = 0;
	struct hash_cache *cache = hash_cache_open(cache_path, NULL);
	struct manifest_options o = {
		.cache = cache, .progress = count_bytes, .progress_arg = &count};
	struct manifest m;

	assert_int_equal(manifest_build_path(dir, &o, &m, NULL), 0);
	assert_int_equal(hash_cache_save(cache, NULL), 0);
	hash_cache_free(cache);
	manifest_release(&m);
	return count;
}

static void a_cache_saves_reading(void **state)
{
	autofree char *dir = path_join(*state, "tree");
	autofree char *file = path_join(dir, "file");
	autofree char *cache = path_join(*state, "cache/hashes");
	struct stat st;

	assert_int_equal(mkdir(dir, 0755), 0);
	scratch_write(file, "0123456789");
	usleep(40000);
	assert_int_equal(bytes_read(dir, cache), 10);
	assert_int_equal(bytes_read(dir, cache), 0);
	/* Another content with size and mtime kept is read again, for its ctime. */
	assert_int_equal(stat(file, &st), 0);
	scratch_write(file, "9876543210");
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	assert_int_equal(bytes_read(dir, cache), 10);
}

static void a_file_too_fresh_is_not_remembered(void **state)
{
	autofree char *dir = path_join(*state, "tree");
	autofree char *file = path_join(dir, "file");
	autofree char *cache = path_join(*state, "cache/hashes");
	struct stat st;

	assert_int_equal(mkdir(dir, 0755), 0);
	scratch_write(file, "0123456789");
	assert_int_equal(stat(file, &st), 0);
	bytes_read(dir, cache);
	if (stat_is_racy(&st)) /* still, so it was while it was read */
		assert_int_equal(bytes_read(dir, cache), 10);
}

static void a_damaged_cache_is_an_empty_one(void **state)
{
	autofree char *dir = path_join(*state, "tree");
	autofree char *file = path_join(dir, "file");
	autofree char *cache = path_join(*state, "hashes");

	assert_int_equal(mkdir(dir, 0755), 0);
	scratch_write(file, "0123456789");
	scratch_write(cache, "modelfleet-hashes 1\nnonsense that is long enough to be entries");
	usleep(40000);
	assert_int_equal(bytes_read(dir, cache), 10);
	assert_int_equal(bytes_read(dir, cache), 0);
}

int main(void)
{
#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_parsed_again),
		cmocka_unit_test(every_cut_and_every_flipped_byte_is_noticed),
		cmocka_unit_test(the_digest_covers_content_and_not_times),
		cmocka_unit_test(initial_only_lies_outside_the_digest),
		cmocka_unit_test(paths_that_break_a_rule),
		cmocka_unit_test(links_stay_inside),
		SCRATCH_TEST(a_tree_is_read_as_it_is),
		SCRATCH_TEST(trees_that_cannot_be_versions),
		SCRATCH_TEST(a_filter_leaves_out_and_flags),
		SCRATCH_TEST(a_cache_saves_reading),
		SCRATCH_TEST(a_file_too_fresh_is_not_remembered),
		SCRATCH_TEST(a_damaged_cache_is_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
