/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random trees are published: source and version have the same manifest, manifest.yaml names
 * exactly what is there, and a random change of the source is never taken for the same.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fixture.h"
#include "publishing.h"

#define TREES 60

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed >> 4) * below) >> 28);
}

/* Names that are awkward for YAML, for shells and for sorting, but are text. */
static const char *const words[] = {"a", "b.tflite", "0x1f", "yes", "null", "- x", "a: b", "#c",
	"\"q\"", "it's", "{x}", "[y]", " lead", "trail ", "\xc3\xa9t\xc3\xa9", "\xe6\xa8\xa1",
	"a\\b", "%2F", "2026-02-02", "~", "!tag", "&x", "*x", "a-", "a.", "a0", "-", "=", "<<",
	"1_000", "1:30", "\xf0\x9f\x98\x80", "\xe2\x80\xa8"};

static void make_file(const char *path)
{
	char data[5000];
	size_t n = any(4) ? any(200) : any(sizeof(data));

	for (size_t i = 0; i < n; i++)
		data[i] = (char)any(256);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return; /* the name is taken */
	assert_int_equal(fd_write_all(fd, data, n), 0);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		{.tv_sec = 1500000000 + any(200000000), .tv_nsec = any(1000000000)}};
	futimens(fd, times);
	fchmod(fd, 0400 | any(0400));
}

static void make_tree(const char *dir, unsigned depth)
{
	unsigned entries = 1 + any(6);

	for (unsigned i = 0; i < entries; i++) {
		autofree char *path = path_join(dir, words[any(ARRAY_SIZE(words))]);
		switch (any(4)) {
		case 0:
			if (depth < 4 && mkdir(path, 0700) == 0) {
				make_tree(path, depth + 1);
				chmod(path, 0500 | any(0300));
			}
			break;
		case 1:
			if (symlink(words[any(ARRAY_SIZE(words))], path) < 0)
				assert_int_equal(errno, EEXIST);
			break;
		default: make_file(path);
		}
	}
}

/* Every file and link of the version is in manifest.yaml, and nothing else is. */
static void expect_described(const char *version)
{
	AUTO(version_manifest_release) struct version_manifest about = {0};
	AUTO(manifest_release) struct manifest there = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *own = xasprintf("store/m/%s/" VERSION_MANIFEST, version);
	autofree char *dir = xasprintf("store/m/%s", version);
	struct err err = {0};
	size_t named = 0;

	if (file_read(fixture_path(own), VERSION_MANIFEST_MAX, &text, &err) < 0 ||
		version_manifest_parse(&about, own, text.data, text.len, &err) < 0 ||
		manifest_build_path(fixture_path(dir), NULL, &there, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < there.count; i++) {
		const struct manifest_entry *e = &there.entries[i];
		if (e->kind == MANIFEST_DIR || strcmp(e->path, VERSION_MANIFEST) == 0)
			continue;
		const struct version_file *f = version_manifest_find(&about, e->path);
		assert_non_null(f);
		assert_int_equal(str_cmp0(f->link, e->target), 0);
		assert_int_equal(f->size, e->size);
		assert_memory_equal(f->hash, e->hash, sizeof(f->hash));
		named++;
	}
	assert_int_equal(named, about.count);
}

/* Changes one byte of one file, keeping size and time. */
static bool change_one(void)
{
	AUTO(manifest_release) struct manifest m = {0};
	struct stat st;

	assert_int_equal(manifest_build_path(fixture_path("src"), NULL, &m, NULL), 0);
	for (size_t i = 0, at = any((uint32_t)m.count); i < m.count; i++) {
		const struct manifest_entry *e = &m.entries[(at + i) % m.count];
		if (e->kind != MANIFEST_FILE || e->size == 0)
			continue;
		autofree char *path = path_join(fixture_path("src"), e->path);
		assert_int_equal(stat(path, &st), 0);
		chmod(path, 0600);
		autofd int fd = open(path, O_RDWR);
		uint8_t byte;
		off_t offset = (off_t)any((uint32_t)e->size);
		assert_int_equal(pread(fd, &byte, 1, offset), 1);
		byte ^= (uint8_t)(1u << any(8));
		assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
		struct timespec times[2] = {st.st_atim, st.st_mtim};
		futimens(fd, times);
		fchmod(fd, st.st_mode);
		return true;
	}
	return false;
}

static void random_trees(void **state)
{
	unsigned changed = 0;

	(void)state;
	for (unsigned i = 0; i < TREES; i++) {
		AUTO(publishing_release) struct publishing p;
		autofree char *version = xasprintf("2026-%02u-%02u", 1 + i / 28, 1 + i % 28);
		seed = 12345 + i;
		fixture_shell("rm -rf src; mkdir src; : > src/zz");
		make_tree(fixture_path("src"), 0);
		publish_expect("src", version, PUBLISH_MADE);
		publish_same("src", version);
		expect_described(version);
		publish_expect("src", version, PUBLISH_THERE);
		publishing_init(&p, "src");
		p.request.version = version;
		if (change_one()) {
			assert_int_equal(publishing_run(&p), ERR_EXISTS);
			changed++;
		}
	}
	assert_true(changed > TREES / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_trees, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
