/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolving paths below a root, with openat2 and without it: both must refuse the same.
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
#include "base/mem.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/root.h"

struct place {
	void *dir;
	int fd; /* of dir/root */
};

/* dir/outside/secret, dir/root/a/b/file, and links from below the root to both. */
static int make(void **state, bool kernel)
{
	struct place *p = xcalloc(1, sizeof(*p));

	if (scratch_make(&p->dir) < 0)
		return -1;
	autofree char *outside = path_join(p->dir, "outside");
	autofree char *secret = path_join(outside, "secret");
	autofree char *inner = path_join(p->dir, "root/a/b");
	autofree char *file = path_join(inner, "file");
	autofree char *out = path_join(p->dir, "root/out");
	autofree char *in = path_join(p->dir, "root/in");
	autofree char *last = path_join(p->dir, "root/last");
	autofree char *root = path_join(p->dir, "root");
	assert_int_equal(path_mkdirs(inner, 0755, NULL), 0);
	assert_int_equal(path_mkdirs(outside, 0755, NULL), 0);
	scratch_write(secret, "secret");
	scratch_write(file, "file");
	assert_int_equal(symlink(outside, out), 0);
	assert_int_equal(symlink("a/b", in), 0);
	assert_int_equal(symlink("a/b/file", last), 0);
	p->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
	beneath_use_openat2(kernel);
	*state = p;
	return 0;
}

static int make_with_openat2(void **state)
{
	return make(state, true);
}

static int make_without_openat2(void **state)
{
	return make(state, false);
}

static int clean(void **state)
{
	struct place *p = *state;
	void *dir = p->dir;

	beneath_use_openat2(true);
	close(p->fd);
	free(p);
	return scratch_remove(&dir);
}

static void expect_open(const struct place *p, const char *path, int expected)
{
	int fd = beneath_open(p->fd, path, O_RDONLY, 0);

	assert_int_equal(fd >= 0 ? 0 : errno, expected);
	fd_close(&fd);
}

static void opening(void **state)
{
	const struct place *p = *state;

	expect_open(p, "a/b/file", 0);
	expect_open(p, ".", 0);
	expect_open(p, "a", 0);
	expect_open(p, "a/b/none", ENOENT);
	expect_open(p, "a/none/file", ENOENT);
	expect_open(p, "../outside/secret", EINVAL);
	expect_open(p, "a/../../outside/secret", EINVAL);
	expect_open(p, "/etc/passwd", EINVAL);
	expect_open(p, "", EINVAL);
	expect_open(p, "last", ELOOP);
}

/* The kernel says ELOOP for a link on the way; going by steps, the link is no directory. */
static void links_on_the_way(void **state)
{
	const struct place *p = *state;
	const char *const paths[] = {"out/secret", "in/file"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct stat st;
		assert_int_equal(beneath_open(p->fd, paths[i], O_RDONLY, 0), -1);
		assert_true(errno == ELOOP || errno == ENOTDIR);
		assert_int_equal(beneath_stat(p->fd, paths[i], &st), -1);
		assert_int_equal(beneath_open(p->fd, paths[i], O_WRONLY | O_CREAT, 0600), -1);
		assert_int_equal(beneath_remove(p->fd, paths[i]), -1);
	}
}

static void making_and_removing(void **state)
{
	const struct place *p = *state;
	struct stat st;
	autofree char *secret = path_join(p->dir, "outside/secret");

	assert_int_equal(beneath_mkdirs(p->fd, "x/y/z", 0755), 0);
	assert_int_equal(beneath_mkdirs(p->fd, "x/y/z", 0755), 0);
	assert_int_equal(beneath_stat(p->fd, "x/y/z", &st), 0);
	assert_int_equal(beneath_mkdirs(p->fd, "out/new", 0755), -1);
	assert_int_equal(beneath_mkdirs(p->fd, "out", 0755), -1);
	assert_int_equal(beneath_mkdirs(p->fd, "../new", 0755), -1);
	assert_int_equal(beneath_rename(p->fd, "a/b/file", p->fd, "x/file", 0), 0);
	assert_int_equal(beneath_rename(p->fd, "x/file", p->fd, "out/file", 0), -1);
	/* A link is removed itself, not what it leads to. */
	assert_int_equal(beneath_remove(p->fd, "out"), 0);
	assert_true(path_exists(secret));
	assert_int_equal(beneath_remove(p->fd, "x"), 0);
	assert_int_equal(beneath_remove(p->fd, "x"), 0);
	assert_int_equal(beneath_remove(p->fd, "nothing/below"), 0);
	assert_int_equal(beneath_stat(p->fd, "x", &st), -1);
}

static void names_are_flattened_and_back(void **state)
{
	static const char *const versions[] = {"m/2024-01-01", "a%b/c%2Fd", "plain", "a/b/c"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		autofree char *flat = root_flat_name(versions[i]);
		autofree char *back = root_unflatten(flat);
		assert_true(path_is_component(flat));
		assert_string_equal(back, versions[i]);
	}
	assert_null(root_unflatten("..%2Fx"));
	assert_null(root_unflatten(".hidden"));
	assert_null(root_unflatten("a%zz"));
	assert_null(root_unflatten("a%"));
}

int main(void)
{
#define BOTH(f)                                                                                \
	cmocka_unit_test_setup_teardown(f, make_with_openat2, clean),                          \
		cmocka_unit_test_setup_teardown(f, make_without_openat2, clean)
	const struct CMUnitTest tests[] = {
		BOTH(opening),
		BOTH(links_on_the_way),
		BOTH(making_and_removing),
		cmocka_unit_test(names_are_flattened_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
