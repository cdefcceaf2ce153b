/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of texts, against `diff -u`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/path.h"
#include "base/scratch.h"
#include "base/spawn.h"
#include "cli/diff.h"

static bool differ(const char *before, const char *after, bool color, struct strbuf *out)
{
	const struct diff_text a = {"before", before, strlen(before)};
	const struct diff_text b = {"after", after, strlen(after)};

	return diff_unified(&a, &b, color, out);
}

/* What the diff program says of two texts. */
static void ask_diff(const char *dir, const char *before, const char *after, struct strbuf *out)
{
	autofree char *a = path_join(dir, "a");
	autofree char *b = path_join(dir, "b");
	const char *const argv[] = {
		"diff", "-u", "--minimal", "--label", "before", "--label", "after", a, b, NULL};
	struct spawn_result r;
	struct err err = {0};

	scratch_write(a, before);
	scratch_write(b, after);
	const struct spawn_options o = {
		.argv = argv, .output_max = 1 << 20, .until = deadline_in(20)};
	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	strbuf_clear(out);
	strbuf_add(out, r.out.data, r.out.len);
	strbuf_release(&r.out);
	strbuf_release(&r.err);
}

static void expect_as_diff(const char *dir, const char *before, const char *after)
{
	AUTO(strbuf_release) struct strbuf ours = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf theirs = STRBUF_INIT;

	ask_diff(dir, before, after, &theirs);
	assert_int_equal(differ(before, after, false, &ours), theirs.len > 0);
	assert_string_equal(ours.data, theirs.data);
}

static void test_edits_as_diff_shows_them(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"a\n", "a\n"},
		{"", "a\nb\n"},
		{"a\nb\n", ""},
		{"a\n", "b\n"},
		{"a", "a\n"},
		{"a\nb", "a\nc"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"},
		{"a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n"},
		{"a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n"},
		{"x\n\n\ny\n", "x\n\ny\n"},
		{"keep\ndrop\nkeep\ndrop\nkeep\n", "keep\nkeep\nkeep\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_as_diff(*state, cases[i][0], cases[i][1]);
}

/* Applies a diff with patch(1): whatever script we choose, it has to lead to the target. */
static void expect_patch_gives(const char *dir, const char *before, const char *after)
{
	AUTO(strbuf_release) struct strbuf diff = STRBUF_INIT;
	autofree char *file = path_join(dir, "file");
	autofree char *patch = path_join(dir, "patch");
	const char *const argv[] = {"patch", "-s", "--posix", "-i", patch, file, NULL};
	struct spawn_result r;
	struct err err = {0};

	if (!differ(before, after, false, &diff))
		return;
	scratch_write(file, before);
	scratch_write(patch, diff.data);
	const struct spawn_options o = {
		.argv = argv, .output_max = 1 << 20, .until = deadline_in(20)};
	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	if (spawn_exit_code(r.status) != 0)
		fail_msg("patch: %s%s\n%s", r.out.data, r.err.data, diff.data);
	strbuf_release(&r.out);
	strbuf_release(&r.err);
	assert_true(scratch_holds(file, after));
}

static uint32_t next_number(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 16;
}

static void random_text(uint32_t *x, struct strbuf *out)
{
	unsigned lines = 1 + next_number(x) % 40;

	for (unsigned i = 0; i < lines; i++)
		strbuf_addf(out, "line %u\n", next_number(x) % 12);
}

static void test_random_texts_can_be_patched(void **state)
{
	uint32_t x = 7;

	for (unsigned i = 0; i < 60; i++) {
		AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
		AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
		random_text(&x, &before);
		random_text(&x, &after);
		expect_patch_gives(*state, before.data, after.data);
	}
}

/* Beyond the limit the middle is replaced, and what both ends share is kept. */
static void test_many_edits_replace_the_middle(void **state)
{
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf diff = STRBUF_INIT;

	strbuf_addstr(&before, "first\n");
	strbuf_addstr(&after, "first\n");
	for (int i = 0; i < DIFF_EDITS_MAX; i++) {
		strbuf_addf(&before, "old %d\n", i);
		strbuf_addf(&after, "new %d\n", i);
	}
	strbuf_addstr(&before, "last\n");
	strbuf_addstr(&after, "last\n");
	assert_true(differ(before.data, after.data, false, &diff));
	assert_non_null(strstr(diff.data, "@@ -1,1002 +1,1002 @@\n first\n-old 0\n-old 1\n"));
	assert_true(str_ends(diff.data, "+new 999\n last\n"));
	expect_patch_gives(*state, before.data, after.data);
}

static void test_colours(void **state)
{
	AUTO(strbuf_release) struct strbuf diff = STRBUF_INIT;

	(void)state;
	assert_true(differ("a\nb\n", "a\nc\n", true, &diff));
	assert_string_equal(diff.data, "\033[0;31m--- before\033[0m\n"
				       "\033[0;32m+++ after\033[0m\n"
				       "\033[0;36m@@ -1,2 +1,2 @@\033[0m\n"
				       " a\n"
				       "\033[0;31m-b\033[0m\n"
				       "\033[0;32m+c\033[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits_as_diff_shows_them),
		cmocka_unit_test(test_random_texts_can_be_patched),
		cmocka_unit_test(test_many_edits_replace_the_middle),
		cmocka_unit_test(test_colours),
	};
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
