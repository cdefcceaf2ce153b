/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing is killed before its n-th call that changes the disk, for every n; the kernel
 * cannot copy; the power fails; two publish at once. What has its final name is whole, and
 * the next run goes on.
 *
 * The calls are those that the linker wraps (see CMakeLists.txt): each counts itself.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/killed.h"
#include "base/path.h"
#include "fixture.h"
#include "publishing.h"

#define V1 "2026-02-02"

/* What is not on the disk yet: inodes that were changed since they were synced. */
static struct {
	ino_t inodes[100];
	size_t count;
	bool renamed;
	size_t synced_after; /* syncs since the version has its name */
	bool broken;         /* the version got its name too early */
} disk;

static size_t dirty_index(ino_t inode)
{
	size_t i = 0;

	while (i < disk.count && disk.inodes[i] != inode)
		i++;
	return i;
}

static void note_changed(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || disk.count == ARRAY_SIZE(disk.inodes))
		return;
	if (dirty_index(st.st_ino) == disk.count)
		disk.inodes[disk.count++] = st.st_ino;
}

static void note_synced(int fd)
{
	struct stat st;

	disk.synced_after += disk.renamed;
	if (fstat(fd, &st) < 0)
		return;
	size_t i = dirty_index(st.st_ino);
	if (i < disk.count)
		disk.inodes[i] = disk.inodes[--disk.count];
}

WRAP(int, mkdir, (const char *a, mode_t m), (a, m), (void)0)
WRAP(int, mkdirat, (int d, const char *a, mode_t m), (d, a, m), (void)0)
WRAP(int, symlinkat, (const char *a, int d, const char *b), (a, d, b), (void)0)
WRAP(int, unlinkat, (int d, const char *a, int f), (d, a, f), (void)0)
WRAP(int, fchmod, (int d, mode_t m), (d, m), note_changed(d))
WRAP(int, futimens, (int d, const struct timespec *t), (d, t), note_changed(d))
WRAP(int, fsync, (int d), (d), note_synced(d))
WRAP(int, syncfs, (int d), (d), disk.count = 0)
WRAP(ssize_t, write, (int d, const void *p, size_t n), (d, p, n), note_changed(d))

/* How the kernel copies: as it does, not at all, or a few bytes and then no more. */
static enum { COPY_REAL, COPY_NOT, COPY_SOME } copying;

ssize_t __real_copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f);
ssize_t __wrap_copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f);
ssize_t __wrap_copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f)
{
	killed_step();
	note_changed(b);
	if (copying == COPY_NOT) {
		errno = EXDEV;
		return -1;
	}
	if (copying == COPY_SOME)
		return *x > 0 ? 0 : __real_copy_file_range(a, x, b, y, n < 3 ? n : 3, f);
	return __real_copy_file_range(a, x, b, y, n, f);
}

/* A file system that does not know RENAME_NOREPLACE. */
static bool rename_plain;

int __real_renameat2(int d, const char *a, int e, const char *b, unsigned f);
int __wrap_renameat2(int d, const char *a, int e, const char *b, unsigned f);
int __wrap_renameat2(int d, const char *a, int e, const char *b, unsigned f)
{
	killed_step();
	disk.broken |= disk.count > 0;
	disk.renamed = true;
	if (rename_plain && f) {
		errno = EINVAL;
		return -1;
	}
	return __real_renameat2(d, a, e, b, f);
}

static void make_source(void)
{
	fixture_shell("mkdir -p src/sub\n"
		      "printf weights > src/model.tflite\n"
		      "printf 'a\\nb\\n' > src/sub/labels.txt\n"
		      "ln -s model.tflite src/latest\n"
		      "chmod 555 src/sub");
}

static enum err_code publish_once(enum publish_outcome *outcome)
{
	AUTO(publishing_release) struct publishing p;

	publishing_init(&p, "src");
	enum err_code code = publishing_run(&p);
	*outcome = p.result.outcome;
	return code;
}

/* Publishes in a process that dies at step n; false when it came to its end before. */
static bool dies(int n)
{
	enum publish_outcome outcome;
	pid_t pid = killed_fork(n);

	if (pid == 0)
		_exit(publish_once(&outcome) == ERR_NONE ? 0 : 1);
	return killed_died(pid);
}

static void killed_at_every_step(void **state)
{
	bool died = true;
	int n, whole = 0;

	(void)state;
	make_source();
	for (n = 1; died && n < KILLED_STEPS_MAX; n++) {
		died = dies(n);
		bool there = path_exists(fixture_path("store/m/" V1));
		if (there)
			publish_same("src", V1);
		whole += there;
		publish_expect("src", V1, there ? PUBLISH_THERE : PUBLISH_MADE);
		publish_same("src", V1);
		fixture_shell("rm -rf store");
	}
	assert_false(died);
	assert_true(n > 20);         /* there was something to count, */
	assert_true(whole > 1);      /* it was killed behind the rename, */
	assert_true(whole < n - 10); /* and before it */
}

/* What a run leaves is gone with the next that makes the version. */
static void staging_of_the_killed_goes(void **state)
{
	(void)state;
	make_source();
	assert_true(dies(10));
	assert_string_not_equal(fixture_shell("ls -A store/.staging"), "");
	publish_expect("src", V1, PUBLISH_MADE);
	publish_no_staging();
}

static void the_name_comes_when_all_is_on_the_disk(void **state)
{
	(void)state;
	make_source();
	memset(&disk, 0, sizeof(disk));
	publish_expect("src", V1, PUBLISH_MADE);
	assert_true(disk.renamed);
	assert_false(disk.broken);
	assert_true(disk.synced_after >= 2); /* the model's directory and the store's */
}

static void many_files_are_synced_in_one_sweep(void **state)
{
	(void)state;
	fixture_shell("mkdir src; for i in $(seq 40); do echo $i > src/$i; done");
	memset(&disk, 0, sizeof(disk));
	publish_expect("src", V1, PUBLISH_MADE);
	assert_true(disk.renamed);
	assert_false(disk.broken);
	publish_same("src", V1);
}

static void a_kernel_that_cannot_copy(void **state)
{
	(void)state;
	make_source();
	copying = COPY_NOT;
	publish_expect("src", V1, PUBLISH_MADE);
	copying = COPY_SOME;
	publish_expect("src", "2026-02-03", PUBLISH_MADE);
	copying = COPY_REAL;
	publish_same("src", V1);
	publish_same("src", "2026-02-03");
}

static void a_file_system_without_the_careful_rename(void **state)
{
	(void)state;
	make_source();
	rename_plain = true;
	publish_expect("src", V1, PUBLISH_MADE);
	rename_plain = false;
	publish_same("src", V1);
}

/* Makes the version behind the back of the one that is about to rename. */
static int be_faster(void *arg, uint64_t bytes, struct err *err)
{
	(void)bytes;
	(void)err;
	fixture_shell("mkdir -p store/m; test -e store/m/" V1 " || cp -a %s store/m/" V1,
		(const char *)arg);
	return 0;
}

static enum err_code lose_the_race(const char *to, struct publishing *p)
{
	publishing_init(p, "src");
	assert_int_equal(publish_source_open(&p->source, &p->request, &p->diags, &p->err), 0);
	assert_int_equal(publish_source_read(&p->source, &p->err), 0);
	p->request.progress = be_faster;
	p->request.progress_arg = (void *)(uintptr_t)to;
	fixture_shell("rm -rf store; mkdir store");
	publish_version(fixture_path("store"), &p->source, &p->result, &p->err);
	return p->err.code;
}

static void nothing_is_ever_replaced(void **state)
{
	AUTO(publishing_release) struct publishing same, other;

	(void)state;
	make_source();
	fixture_shell("cp -a src other; printf OTHER > other/model.tflite");
	for (int plain = 0; plain < 2; plain++) {
		rename_plain = plain;
		assert_int_equal(lose_the_race("src", &same), ERR_NONE);
		assert_int_equal(same.result.outcome, PUBLISH_THERE);
		publish_no_staging();
		assert_int_equal(lose_the_race("other", &other), ERR_EXISTS);
		assert_string_equal(fixture_shell("cat store/m/" V1 "/model.tflite"), "OTHER");
		publish_no_staging();
		if (plain == 0) {
			publishing_release(&same);
			publishing_release(&other);
		}
	}
	rename_plain = false;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(killed_at_every_step),
		TEST(staging_of_the_killed_goes),
		TEST(the_name_comes_when_all_is_on_the_disk),
		TEST(many_files_are_synced_in_one_sweep),
		TEST(a_kernel_that_cannot_copy),
		TEST(a_file_system_without_the_careful_rename),
		TEST(nothing_is_ever_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
