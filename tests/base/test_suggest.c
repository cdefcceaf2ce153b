/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>

#include "base/mem.h"
#include "base/suggest.h"

static void test_distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"deploy", "deploy", 0},
		{"deploy", "DEPLOY", 0},
		{"deploy", "deplyo", 1},
		{"deploy", "deplo", 1},
		{"deploy", "xdeploy", 1},
		{"deploy", "depl0y", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3}, /* 2 if an exchanged pair could be edited again */
		{"ab", "ba", 1},
		{"abcd", "badc", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(edit_distance(cases[i].a, cases[i].b), cases[i].distance);
}

/* The textbook recurrence, without any table. */
static unsigned naive(const char *a, size_t n, const char *b, size_t m)
{
	if (n == 0 || m == 0)
		return (unsigned)(n + m);
	unsigned cost = a[n - 1] != b[m - 1];
	unsigned best = naive(a, n - 1, b, m - 1) + cost;
	unsigned removed = naive(a, n - 1, b, m) + 1, added = naive(a, n, b, m - 1) + 1;
	best = removed < best ? removed : best;
	best = added < best ? added : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		unsigned exchanged = naive(a, n - 2, b, m - 2) + 1;
		best = exchanged < best ? exchanged : best;
	}
	return best;
}

/* All words of up to four letters out of {a, b, c}. */
static void word_of(unsigned number, char out[5])
{
	size_t n = 0;

	for (; number; number = (number - 1) / 3)
		out[n++] = (char)('a' + (number - 1) % 3);
	out[n] = '\0';
}

static void test_distances_agree_with_the_definition(void **state)
{
	char a[5], b[5];

	(void)state;
	for (unsigned i = 0; i <= 120; i++) {
		for (unsigned k = 0; k <= 120; k++) {
			word_of(i, a);
			word_of(k, b);
			if (edit_distance(a, b) != naive(a, strlen(a), b, strlen(b)))
				fail_msg("'%s' and '%s'", a, b);
		}
	}
}

static void test_long_words_are_compared_by_equality(void **state)
{
	char a[SUGGEST_WORD_MAX + 2], b[SUGGEST_WORD_MAX + 2];

	(void)state;
	memset(a, 'x', sizeof(a) - 1);
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(a));
	assert_int_equal(edit_distance(a, b), 0);
	b[0] = 'y';
	assert_int_equal(edit_distance(a, b), UINT_MAX);
	a[SUGGEST_WORD_MAX] = b[SUGGEST_WORD_MAX] = '\0';
	assert_int_equal(edit_distance(a, b), 1);
}

static const char *suggest(const char *typed)
{
	static const char *const words[] = {"limit", "limit-failed", "list", "check", "forks"};
	struct suggestion s = {0};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		suggest_add(&s, typed, words[i]);
	return s.word;
}

static void test_the_nearest_is_suggested(void **state)
{
	(void)state;
	assert_string_equal(suggest("limti"), "limit");
	assert_string_equal(suggest("lim1t-failed"), "limit-failed");
	assert_string_equal(suggest("CHECK"), "check");
	assert_string_equal(suggest("chekc"), "check");
	assert_string_equal(suggest("fork"), "forks");
}

static void test_what_is_too_far_is_not(void **state)
{
	(void)state;
	assert_null(suggest("verbose"));
	assert_null(suggest("xyz"));
	assert_null(suggest(""));
}

static void test_the_first_of_equals_stays(void **state)
{
	struct suggestion s = {0};

	(void)state;
	suggest_add(&s, "cat", "bat");
	suggest_add(&s, "cat", "hat");
	assert_string_equal(s.word, "bat");
	assert_int_equal(s.distance, 1);
	suggest_add(&s, "cat", "cat");
	assert_string_equal(s.word, "cat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_distances_agree_with_the_definition),
		cmocka_unit_test(test_long_words_are_compared_by_equality),
		cmocka_unit_test(test_the_nearest_is_suggested),
		cmocka_unit_test(test_what_is_too_far_is_not),
		cmocka_unit_test(test_the_first_of_equals_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
