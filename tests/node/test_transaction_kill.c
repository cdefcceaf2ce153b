/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Killed at every step: a process makes changes in a transaction, takes one back, or confirms
 * one, and dies before its n-th call that changes the disk, for every n. Whatever is left, the
 * next one makes everything old, or finds everything new.
 *
 * The calls are those that the linker wraps (see CMakeLists.txt): each counts itself.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/killed.h"
#include "base/path.h"
#include "node/change.h"
#include "node/tree_picture.h"

WRAP(int, rename, (const char *a, const char *b), (a, b), (void)0)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), (void)0)
WRAP(int, linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), (void)0)
WRAP(int, unlink, (const char *a), (a), (void)0)
WRAP(int, unlinkat, (int d, const char *a, int f), (d, a, f), (void)0)
WRAP(int, symlink, (const char *a, const char *b), (a, b), (void)0)
WRAP(int, symlinkat, (const char *a, int d, const char *b), (a, d, b), (void)0)
WRAP(int, mkdir, (const char *a, mode_t m), (a, m), (void)0)
WRAP(int, mkdirat, (int d, const char *a, mode_t m), (d, a, m), (void)0)
WRAP(int, fsync, (int d), (d), (void)0)
WRAP(int, fdatasync, (int d), (d), (void)0)
WRAP(ssize_t, write, (int d, const void *p, size_t n), (d, p, n), (void)0)
WRAP(int, chmod, (const char *a, mode_t m), (a, m), (void)0)
WRAP(int, fchmod, (int d, mode_t m), (d, m), (void)0)
WRAP(int, fchmodat, (int d, const char *a, mode_t m, int f), (d, a, m, f), (void)0)
WRAP(int, utimensat, (int d, const char *a, const struct timespec *t, int f), (d, a, t, f),
	(void)0)

struct place {
	char *dir, *tree;
	char *before, *after; /* pictures of the tree, old and new */
	unsigned id;
};

static char *in_tree(const struct place *p, const char *name)
{
	return path_join(p->tree, name);
}

static void make_old(const struct place *p)
{
	autofree char *dir = in_tree(p, "gone");
	autofree char *deep = in_tree(p, "gone/deep");
	autofree char *file = in_tree(p, "gone/deep/file");
	autofree char *config = in_tree(p, "config");
	autofree char *program = in_tree(p, "program");
	autofree char *link = in_tree(p, "current");

	assert_int_equal(mkdir(p->tree, 0755), 0);
	assert_int_equal(mkdir(dir, 0750), 0);
	assert_int_equal(mkdir(deep, 0711), 0);
	scratch_write(file, "in a directory that goes");
	scratch_write(config, "old");
	assert_int_equal(chmod(config, 0640), 0);
	scratch_write(program, "#!/bin/sh\n");
	assert_int_equal(symlink("old", link), 0);
}

static void must(int result, const struct err *err)
{
	if (result < 0) {
		fprintf(stderr, "%s\n", err->text);
		_exit(1);
	}
}

static void write_file(struct transaction *t, const struct place *p, const char *name,
	const char *text, mode_t mode)
{
	autofree char *path = in_tree(p, name);
	struct err err = {0};
	struct change_write w = {.path = path,
		.content = {.data = text, .len = strlen(text)},
		.attributes = {.has_mode = true,
			.mode = mode,
			.has_mtime = true,
			.mtime = {.tv_sec = 1600000000}},
		.umask = 022};

	must(change_write(t, &w, &err), &err);
}

/* What a run does to the tree: one of each kind of change. */
static void make_changes(const struct place *p, const char *id)
{
	struct err err = {0};
	struct transaction *t = transaction_new(
		&(struct wire_transaction_begin){.id = id, .title = "killed"}, &err);
	autofree char *dir = in_tree(p, "made/in");
	autofree char *gone = in_tree(p, "gone");
	autofree char *link = in_tree(p, "current");
	autofree char *program = in_tree(p, "program");
	struct change_attributes a = {.has_mode = true, .mode = 0755};
	bool changed;

	must(t ? 0 : -1, &err);
	write_file(t, p, "config", "new", 0600);
	must(change_directory(t, dir, NULL, 022, &err), &err);
	write_file(t, p, "made/in/file", "new", 0644);
	must(change_link(t, link, "new", &err), &err);
	must(change_attributes(t, program, &a, false, false, &changed, &err), &err);
	must(change_remove(t, gone, &err), &err);
	write_file(t, p, "config", "newer", 0600);
	transaction_free(t);
}

static int place_make(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	void *dir = NULL;

	if (scratch_make(&dir) < 0)
		return -1;
	p->dir = dir;
	p->tree = path_join(dir, "tree");
	autofree char *states = path_join(dir, "state");
	setenv("MODELFLEET_STATE_DIR", states, 1);
	*state = p;
	make_old(p);
	p->before = tree_picture(p->tree);
	make_changes(p, "first");
	p->after = tree_picture(p->tree);
	assert_string_not_equal(p->before, p->after);
	return transaction_undo("first", false, NULL, NULL);
}

static int place_remove(void **state)
{
	struct place *p = *state;
	void *dir = p->dir;

	free(p->before);
	free(p->after);
	free(p->tree);
	free(p);
	return scratch_remove(&dir);
}

static void expect_tree(const struct place *p, const char *picture, int n)
{
	autofree char *now = tree_picture(p->tree);

	if (strcmp(now, picture) != 0)
		fail_msg("killed at step %d:\n%s\nand not\n%s", n, now, picture);
}

static void undo(const char *id)
{
	struct err err = {0};

	must(transaction_undo(id, false, NULL, &err), &err);
}

static void confirm(const char *id)
{
	struct err err = {0};

	must(transaction_confirm(id, &err), &err);
}

enum act { CHANGES, UNDO, CONFIRM };

/* Runs an act in a process that dies at step n; false when it came to its end before. */
static bool dies(const struct place *p, enum act act, const char *id, int n)
{
	pid_t pid = killed_fork(n);

	if (pid == 0) {
		if (act == CHANGES)
			make_changes(p, id);
		else if (act == UNDO)
			undo(id);
		else
			confirm(id);
		_exit(0);
	}
	return killed_died(pid);
}

static void killed_while_it_changes(void **state)
{
	struct place *p = *state;
	bool died = true;
	int n;

	for (n = 1; died && n < KILLED_STEPS_MAX; n++) {
		autofree char *id = xasprintf("change-%d", n);
		struct err err = {0};
		died = dies(p, CHANGES, id, n);
		if (transaction_undo(id, false, NULL, &err) < 0)
			assert_int_equal(err.code, ERR_NOTFOUND);
		expect_tree(p, p->before, n);
	}
	assert_false(died);
	assert_true(n > 50); /* there was something to count */
}

static void killed_while_it_takes_back(void **state)
{
	struct place *p = *state;
	bool died = true;
	int n;

	for (n = 1; died && n < KILLED_STEPS_MAX; n++) {
		autofree char *id = xasprintf("undo-%d", n);
		make_changes(p, id);
		expect_tree(p, p->after, n);
		died = dies(p, UNDO, id, n);
		undo(id);
		expect_tree(p, p->before, n);
	}
	assert_false(died);
	assert_true(n > 20);
}

static void killed_twice_while_it_takes_back(void **state)
{
	struct place *p = *state;
	bool died = true;

	for (int n = 3; died && n < KILLED_STEPS_MAX; n += 7) {
		autofree char *id = xasprintf("twice-%d", n);
		make_changes(p, id);
		died = dies(p, UNDO, id, n);
		dies(p, UNDO, id, n / 2 + 1);
		undo(id);
		expect_tree(p, p->before, n);
	}
	assert_false(died);
}

static void killed_while_it_confirms(void **state)
{
	struct place *p = *state;
	bool died = true;
	int n;

	for (n = 1; died && n < KILLED_STEPS_MAX; n++) {
		autofree char *id = xasprintf("confirm-%d", n);
		make_changes(p, id);
		died = dies(p, CONFIRM, id, n);
		/* Confirmed or not: both ways are open, and each is whole. */
		if (n % 2)
			confirm(id);
		expect_tree(p, p->after, n);
		undo(id);
		expect_tree(p, p->before, n);
	}
	assert_false(died);
}

int main(void)
{
#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		PLACE_TEST(killed_while_it_changes),
		PLACE_TEST(killed_while_it_takes_back),
		PLACE_TEST(killed_twice_while_it_takes_back),
		PLACE_TEST(killed_while_it_confirms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
