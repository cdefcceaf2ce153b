/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/str.h"

static void test_set_fills_and_returns_minus_one(void **state)
{
	struct err err = {.sys = EIO};

	(void)state;
	assert_int_equal(err_set(&err, ERR_INPUT, "port %d: too large", 70000), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "port 70000: too large");
}

static void test_null_err_is_fine(void **state)
{
	(void)state;
	errno = ENOENT;
	assert_int_equal(err_set(NULL, ERR_INPUT, "x"), -1);
	assert_int_equal(err_sys(NULL, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
	err_clear(NULL);
	assert_int_equal(errno, ENOENT);
}

static void test_clear(void **state)
{
	struct err err;

	(void)state;
	errno = ENOSPC;
	err_sys(&err, "write");
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "");
}

static void test_code_follows_from_errno(void **state)
{
	static const struct {
		int sys;
		enum err_code code;
	} cases[] = {
		{ENOENT, ERR_NOTFOUND},
		{EACCES, ERR_DENIED},
		{EPERM, ERR_DENIED},
		{ENOSPC, ERR_NOSPACE},
		{EDQUOT, ERR_NOSPACE},
		{EIO, ERR_SYSTEM},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};
		autofree char *expected = xasprintf("open /x: %s", strerror(cases[i].sys));
		errno = cases[i].sys;
		assert_int_equal(err_sys(&err, "open %s", "/x"), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.sys, cases[i].sys);
		assert_string_equal(err.text, expected);
		assert_int_equal(errno, cases[i].sys);
	}
}

static void test_wrap_keeps_the_code(void **state)
{
	struct err err = {0};

	(void)state;
	errno = ENOSPC;
	err_sys(&err, "write");
	assert_int_equal(err_wrap(&err, "host %s", "a"), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	assert_int_equal(err.sys, ENOSPC);
	assert_true(str_starts(err.text, "host a: write: "));
}

static void test_long_texts_are_cut_with_dots(void **state)
{
	struct err err = {0};
	char longer[2 * ERR_TEXT_MAX];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	err_set(&err, ERR_INPUT, "%s", longer);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_true(str_ends(err.text, "x..."));
	err_wrap(&err, "context");
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_true(str_starts(err.text, "context: xxx"));
	assert_true(str_ends(err.text, "x..."));
}

static void test_the_longest_text_that_fits_is_whole(void **state)
{
	struct err err = {0};
	char text[ERR_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INPUT, "%s", text);
	assert_string_equal(err.text, text);
}

/* A cut in the middle of a character would make the text, and JSON made of it, invalid. */
static void test_a_cut_leaves_whole_characters(void **state)
{
	struct err err = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	for (size_t start = 0; start < 4; start++) {
		strbuf_clear(&text);
		for (size_t i = 0; i < start; i++)
			strbuf_addch(&text, 'x');
		while (text.len < ERR_TEXT_MAX + 8)
			strbuf_addstr(&text, "\xf0\x9f\xa4\x96");
		err_set(&err, ERR_INPUT, "%s", text.data);
		assert_true(str_ends(err.text, "..."));
		for (size_t i = 0, n = strlen(err.text), len; i < n; i += len) {
			len = utf8_len(err.text + i, n - i);
			assert_int_not_equal(len, 0);
		}
	}
}

static void test_every_code_has_a_name_of_its_own(void **state)
{
	AUTO(strlist_release) struct strlist names = {0};

	(void)state;
	for (int code = ERR_NONE; code <= ERR_DENIED; code++) {
		const char *name = err_code_name((enum err_code)code);
		assert_non_null(name);
		assert_false(strlist_has(&names, name));
		strlist_add(&names, name);
	}
	assert_string_equal(err_code_name((enum err_code)(ERR_DENIED + 1)), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_fills_and_returns_minus_one),
		cmocka_unit_test(test_null_err_is_fine),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_code_follows_from_errno),
		cmocka_unit_test(test_wrap_keeps_the_code),
		cmocka_unit_test(test_long_texts_are_cut_with_dots),
		cmocka_unit_test(test_the_longest_text_that_fits_is_whole),
		cmocka_unit_test(test_a_cut_leaves_whole_characters),
		cmocka_unit_test(test_every_code_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
