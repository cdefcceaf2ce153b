/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "play/diff.h"

static const char *diff(const char *before, const char *after)
{
	static struct strbuf out = STRBUF_INIT;

	strbuf_clear(&out);
	diff_unified(NULL, before, strlen(before), NULL, after, strlen(after), &out);
	return out.data;
}

#define HEAD "--- before\n+++ after\n"

/* As Python's difflib.unified_diff shows them. */
static void shows_hunks_with_context(void **state)
{
	(void)state;
	assert_string_equal(
		diff("a\nb\nc\n", "a\nB\nc\n"), HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
	assert_string_equal(diff("", "x\n"), HEAD "@@ -0,0 +1 @@\n+x\n");
	assert_string_equal(diff("x\n", ""), HEAD "@@ -1 +0,0 @@\n-x\n");
	assert_string_equal(
		diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\nten\n"),
		HEAD "@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+ten\n");
}

static void near_edits_share_a_hunk(void **state)
{
	(void)state;
	assert_string_equal(diff("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n"),
		HEAD "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
	assert_string_equal(diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n"),
		HEAD "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
		     "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void a_missing_newline_is_told(void **state)
{
	(void)state;
	assert_string_equal(
		diff("a", "a\n"), HEAD "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

static void equal_texts_have_no_diff(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_false(diff_unified("a", "x\n", 2, "b", "x\n", 2, &out));
	assert_int_equal(out.len, 0);
}

/* ---- any two texts: the diff leads from one to the other ---- */

static uint64_t seed = 20261121;

static unsigned dice(unsigned sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

static void random_text(struct strbuf *out, unsigned lines, unsigned words)
{
	strbuf_clear(out);
	for (unsigned i = 0; i < lines; i++)
		strbuf_addf(out, "%u\n", dice(words));
	if (dice(4) == 0 && out->len)
		strbuf_truncate(out, out->len - 1);
}

static const char *next_line(const char *p)
{
	const char *end = strchr(p, '\n');

	assert_non_null(end);
	return end + 1;
}

/* Copies a line of a hunk without its sign, and without its newline where that is no part. */
static void copy_line(struct strbuf *out, const char *line)
{
	const char *end = next_line(line);

	strbuf_add(out, line + 1, (size_t)(end - line) - 1);
	if (*end == '\\')
		strbuf_truncate(out, out->len - 1);
}

/* Follows a diff from `before`; what is before and after it must be what it says. */
static void follow(const char *before, const char *hunks, struct strbuf *after)
{
	AUTO(strbuf_release) struct strbuf old = STRBUF_INIT;
	const char *at = before;
	unsigned long line = 1, start;

	strbuf_clear(after);
	for (const char *p = next_line(next_line(hunks)); *p; p = next_line(p)) {
		unsigned long count = 1;
		switch (*p) {
		case '@':
			assert_true(sscanf(p, "@@ -%lu,%lu", &start, &count) >= 1);
			for (start += count == 0; line < start; line++) {
				const char *end = next_line(at);
				strbuf_add(after, at, (size_t)(end - at));
				at = end;
			}
			break;
		case ' ':
			copy_line(after, p);
			/* fall through */
		case '-':
			strbuf_clear(&old);
			copy_line(&old, p);
			assert_memory_equal(at, old.data, old.len);
			at += old.len;
			line++;
			break;
		case '+': copy_line(after, p); break;
		default: assert_int_equal(*p, '\\');
		}
	}
	strbuf_addstr(after, at);
}

static void diffs_lead_from_one_to_the_other(void **state)
{
	static const struct {
		unsigned lines, words, times;
	} kinds[] = {{5, 2, 300}, {20, 3, 300}, {60, 40, 100}, {400, 5, 10}, {3000, 900, 2}};
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (unsigned i = 0; i < kinds[k].times; i++) {
			random_text(&before, dice(kinds[k].lines + 1), kinds[k].words);
			random_text(&after, dice(kinds[k].lines + 1), kinds[k].words);
			const char *d = diff(before.data, after.data);
			if (!*d) {
				assert_string_equal(before.data, after.data);
				continue;
			}
			follow(before.data, d, &got);
			assert_string_equal(got.data, after.data);
		}
	}
}

static void diffs_are_short(void **state)
{
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
	unsigned edits = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		strbuf_addf(&before, "line %u\n", i);
		if (i % 100 == 50)
			strbuf_addf(&after, "other %u\n", i);
		else if (i % 100 != 70)
			strbuf_addf(&after, "line %u\n", i);
	}
	for (const char *p = next_line(next_line(diff(before.data, after.data))); *p;
		p = next_line(p))
		edits += *p == '+' || *p == '-';
	assert_int_equal(edits, 60);
}

/* ---- diffs of results ---- */

static void contents_that_cannot_be_shown_say_so(void **state)
{
	struct arena arena = {0};
	struct strbuf out = STRBUF_INIT;
	const struct diff_side text = {.header = "/a", .data = "x\n", .len = 2};
	const struct diff_side binary = {.header = "/a", .data = "x\0y", .len = 3};
	const struct diff_side large = {.header = "/a", .larger = true};

	(void)state;
	diff_format(diff_of_contents(&arena, &binary, &text), &out);
	assert_string_equal(out.data, "diff skipped: destination file appears to be binary\n");
	strbuf_clear(&out);
	diff_format(diff_of_contents(&arena, &text, &large), &out);
	assert_string_equal(
		out.data, "diff skipped: source file size is greater than 104448\n");
	strbuf_release(&out);
	arena_release(&arena);
}

static void files_are_shown_with_their_paths(void **state)
{
	struct arena arena = {0};
	struct strbuf out = STRBUF_INIT;
	const struct diff_side none = {.header = "/a"};
	const struct diff_side text = {.header = "/b", .data = "\xff\n", .len = 2};

	(void)state;
	const struct value *d = diff_of_contents(&arena, &none, &text);
	assert_null(value_dict_get(d, "before_header"));
	assert_true(value_dict_get(d, "after")->unsafe);
	diff_format(d, &out);
	assert_string_equal(
		out.data, "--- before\n+++ after: /b\n@@ -0,0 +1 @@\n+\xef\xbf\xbd\n\n");
	strbuf_release(&out);
	arena_release(&arena);
}

static void mappings_are_shown_as_json(void **state)
{
	struct arena arena = {0};
	struct strbuf out = STRBUF_INIT;
	struct value *d = value_new_dict(&arena), *before = value_new_dict(&arena);
	struct value *after = value_new_dict(&arena), *list = value_new_list(&arena);

	(void)state;
	value_dict_set(&arena, before, "path", value_new_string(&arena, "/a"));
	value_dict_set(&arena, before, "mode", value_new_string(&arena, "0600"));
	value_dict_set(&arena, after, "path", value_new_string(&arena, "/a"));
	value_dict_set(&arena, after, "mode", value_new_string(&arena, "0644"));
	value_dict_set(&arena, d, "before", before);
	value_dict_set(&arena, d, "after", after);
	value_list_add(&arena, list, d);
	diff_format(list, &out);
	assert_string_equal(out.data,
		"--- before\n+++ after\n@@ -1,4 +1,4 @@\n {\n-    \"mode\": \"0600\",\n"
		"+    \"mode\": \"0644\",\n     \"path\": \"/a\"\n }\n\n");
	strbuf_release(&out);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_hunks_with_context),
		cmocka_unit_test(near_edits_share_a_hunk),
		cmocka_unit_test(a_missing_newline_is_told),
		cmocka_unit_test(equal_texts_have_no_diff),
		cmocka_unit_test(diffs_lead_from_one_to_the_other),
		cmocka_unit_test(diffs_are_short),
		cmocka_unit_test(contents_that_cannot_be_shown_say_so),
		cmocka_unit_test(files_are_shown_with_their_paths),
		cmocka_unit_test(mappings_are_shown_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
