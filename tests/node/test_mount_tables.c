/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fstab and mountinfo as texts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "node/mount.h"

static const struct fstab_entry tmpfs = {.src = "tmpfs",
	.path = "/t",
	.fstype = "tmpfs",
	.opts = "ro",
	.dump = "0",
	.passno = "0"};

typedef bool (*edit)(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out);

/* Edits a text; `expected` NULL: nothing changes. */
static void check(edit f, const struct fstab_entry *e, const char *text, const char *expected)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	assert_int_equal(f(&a, text, e, &out), expected != NULL);
	assert_string_equal(out.data, expected ? expected : text);
}

static void an_entry_is_added(void **state)
{
	(void)state;
	check(fstab_set, &tmpfs, "", "tmpfs /t tmpfs ro 0 0\n");
	check(fstab_set, &tmpfs, "# c", "# c\ntmpfs /t tmpfs ro 0 0\n");
	check(fstab_set, &tmpfs, "\nx y\n#tmpfs /t tmpfs ro 0 0\n",
		"\nx y\n#tmpfs /t tmpfs ro 0 0\ntmpfs /t tmpfs ro 0 0\n");
}

static void an_entry_that_is_the_same_stays_as_it_is_written(void **state)
{
	(void)state;
	check(fstab_set, &tmpfs, "tmpfs\t/t  tmpfs ro 0 0\n", NULL);
	check(fstab_set, &tmpfs, "  tmpfs /t tmpfs ro 0 0\nb /b ext4 defaults 0 1\n", NULL);
}

static void an_entry_is_replaced_in_its_place(void **state)
{
	(void)state;
	check(fstab_set, &tmpfs, "a /t tmpfs ro 0 0\nb /b ext4 d 0 1\n",
		"tmpfs /t tmpfs ro 0 0\nb /b ext4 d 0 1\n");
	check(fstab_set, &tmpfs, "tmpfs /t tmpfs ro\n", "tmpfs /t tmpfs ro 0 0\n");
	check(fstab_set, &tmpfs, "tmpfs /t tmpfs ro 0 0 7\n",
		"tmpfs /t tmpfs ro 0 0 7\ntmpfs /t tmpfs ro 0 0\n");
}

static void white_space_in_fields_is_escaped(void **state)
{
	struct fstab_entry e = tmpfs;

	(void)state;
	e.path = "/a b\\c&d";
	check(fstab_set, &e, "", "tmpfs /a\\040b\\134c\\046d tmpfs ro 0 0\n");
	check(fstab_set, &e, "tmpfs /a\\040b\\134c\\046d tmpfs ro 0 0\n", NULL);
	check(fstab_unset, &e, "tmpfs /a\\040b\\134c\\046d tmpfs ro 0 0\nx\n", "x\n");
}

static void swap_is_told_by_its_source(void **state)
{
	struct fstab_entry e = {.src = "/dev/a",
		.path = "none",
		.fstype = "swap",
		.opts = "sw",
		.dump = "0",
		.passno = "0"};

	(void)state;
	check(fstab_set, &e, "/dev/b none swap sw 0 0\n",
		"/dev/b none swap sw 0 0\n/dev/a none swap sw 0 0\n");
	check(fstab_unset, &e, "/dev/b none swap sw 0 0\n/dev/a none swap sw 0 0\n",
		"/dev/b none swap sw 0 0\n");
	e.src = NULL;
	check(fstab_unset, &e, "/dev/b none swap sw 0 0\n/dev/a none swap sw 0 0\n", "");
}

static void entries_are_removed(void **state)
{
	(void)state;
	check(fstab_unset, &tmpfs, "#\na /t b c 0 0\nd /e f g 0 0\nh /t i j 0 0",
		"#\nd /e f g 0 0\n");
	check(fstab_unset, &tmpfs, "a /t b c\n", NULL);
	check(fstab_unset, &tmpfs, "", NULL);
}

static const char mountinfo[] =
	"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	"30 20 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw\n"
	"31 20 8:1 /srv/from /srv/bound rw shared:1 - ext4 /dev/sda1 rw\n"
	"32 30 0:25 /in /tmp/out rw - tmpfs tmpfs rw\n"
	"33 20 8:1 /a\\040b /with\\040space rw - ext4 /dev/sda1 rw\n"
	"40 1 0:30 / /top rw - tmpfs none rw\n"
	"50 1 8:2 /rootfs /deep rw - ext4 /dev/sdb rw\n"
	"51 50 8:2 /rootfs/x /deep/y rw - ext4 /dev/sdb rw\n"
	"garbage\n";

static void sources_are_told(void **state)
{
	static const struct {
		const char *path, *source;
	} cases[] = {{"/", "/dev/sda1"}, {"/top", "none"}, {"/srv/bound", "/srv/from"},
		{"/tmp/out", "/tmp/in"}, {"/with space", "/a b"}, {"/deep/y", "/deep/x"},
		{"/nowhere", NULL}, {"/srv", NULL}};
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *source = mount_source(&a, mountinfo, cases[i].path, false);
		if (cases[i].source)
			assert_string_equal(source, cases[i].source);
		else
			assert_null(source);
	}
}

static void devices_are_told(void **state)
{
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	assert_string_equal(mount_source(&a, mountinfo, "/tmp", true), "tmpfs");
	assert_string_equal(mount_source(&a, mountinfo, "/srv/bound", true), "/dev/sda1");
	assert_null(mount_source(&a, mountinfo, "/nowhere", true));
}

static void mount_points_are_known_by_their_devices(void **state)
{
	(void)state;
	assert_true(mount_is_point("/"));
	assert_true(mount_is_point("/proc"));
	assert_false(mount_is_point("/proc/self/attr"));
	assert_false(mount_is_point("/nowhere"));
	assert_false(mount_is_point("/proc/self")); /* a link */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_added),
		cmocka_unit_test(an_entry_that_is_the_same_stays_as_it_is_written),
		cmocka_unit_test(an_entry_is_replaced_in_its_place),
		cmocka_unit_test(white_space_in_fields_is_escaped),
		cmocka_unit_test(swap_is_told_by_its_source),
		cmocka_unit_test(entries_are_removed),
		cmocka_unit_test(sources_are_told),
		cmocka_unit_test(devices_are_told),
		cmocka_unit_test(mount_points_are_known_by_their_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
