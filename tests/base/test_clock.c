/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/clock.h"
#include "base/str.h"

#define DAY 86400

static void test_deadlines(void **state)
{
	deadline soon = deadline_in(1000);

	(void)state;
	assert_false(deadline_passed(soon));
	assert_true(deadline_passed(deadline_in(0)));
	assert_true(deadline_passed(clock_ns() - 1));
	assert_false(deadline_passed(DEADLINE_NEVER));
	assert_true(deadline_min(soon, DEADLINE_NEVER) == soon);
	assert_true(deadline_min(soon, 5) == 5);
}

static void test_what_is_no_number_of_seconds_means_never(void **state)
{
	static const double seconds[] = {-1, -0.001, 1e10, 1e300, INFINITY, -INFINITY, NAN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		assert_true(deadline_in(seconds[i]) == DEADLINE_NEVER);
}

static void test_milliseconds_for_poll(void **state)
{
	(void)state;
	assert_int_equal(deadline_poll_ms(DEADLINE_NEVER), -1);
	assert_int_equal(deadline_poll_ms(0), 0);
	assert_int_equal(deadline_poll_ms(deadline_in(0)), 0);
	assert_in_range(deadline_poll_ms(deadline_in(60)), 59000, 60000);
	/* Rounded up: a wait never ends before its deadline and then spins. */
	assert_in_range(deadline_poll_ms(clock_ns() + 900000), 0, 1);
	assert_true(deadline_poll_ms(deadline_in(8e9)) > 0);
}

static bool libc_knows_date(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	struct tm back;
	time_t t = timegm(&tm);

	gmtime_r(&t, &back);
	return back.tm_year == year - 1900 && back.tm_mon == month - 1 && back.tm_mday == day;
}

/* The oracle is timegm: a date that it changes is none. */
static void test_dates_agree_with_the_calendar(void **state)
{
	char text[32];

	(void)state;
	for (int year = 1890; year <= 2410; year++) {
		for (int month = 0; month <= 13; month++) {
			for (int day = 0; day <= 32; day++) {
				bool expected = month >= 1 && month <= 12 && day >= 1 &&
						libc_knows_date(year, month, day);
				snprintf(
					text, sizeof(text), "%04d-%02d-%02d", year, month, day);
				if (clock_is_date(text) != expected)
					fail_msg("%s", text);
			}
		}
	}
}

static void test_what_is_no_date(void **state)
{
	static const char *const texts[] = {"", "2026", "2026-1-01", "2026-01-1", "26-01-01",
		"2026/01/01", "2026-01-01 ", " 2026-01-01", "2026-01-01T00:00:00Z",
		"0000-01-01", "-026-01-01", "+026-01-01", "2026-0a-01", "2026-01-0x",
		"2026-01--1", "20260101", "2023-02-29", "1900-02-29", "2100-02-29"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(clock_is_date(texts[i]));
	assert_true(clock_is_date("2000-02-29"));
	assert_true(clock_is_date("0001-01-01"));
	assert_true(clock_is_date("9999-12-31"));
}

static void test_rfc3339_comes_back(void **state)
{
	(void)state;
	for (time_t t = (time_t)-20000 * DAY; t < (time_t)40000 * DAY; t += 17 * DAY + 12345) {
		char text[32], *end;
		struct tm tm;
		time_t back;

		clock_rfc3339(t, text);
		assert_int_equal(strlen(text), 20);
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_non_null(end);
		assert_int_equal(timegm(&tm), t);
		assert_true(clock_parse_rfc3339(text, &back));
		assert_int_equal(back, t);
	}
}

static void test_rfc3339_forms(void **state)
{
	static const struct {
		const char *text;
		time_t expected;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01t00:00:00z", 0},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1969-12-31T18:30:00-05:30", 0},
		{"1970-01-01T00:00:00.999Z", 0},
		{"2026-02-25T21:00:00.123456+00:00", 1772053200},
		{"2016-12-31T23:59:60Z", 1483228800},
		{"0001-01-01T00:00:00Z", -62135596800},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		time_t t = 99;
		assert_true(clock_parse_rfc3339(cases[i].text, &t));
		assert_int_equal(t, cases[i].expected);
	}
}

static void test_what_is_not_rfc3339(void **state)
{
	static const char *const texts[] = {"", "2026-02-25", "2026-02-25T21:00:00",
		"2026-02-25 21:00:00Z", "2026-02-30T21:00:00Z", "2026-02-25T24:00:00Z",
		"2026-02-25T21:60:00Z", "2026-02-25T21:00:61Z", "2026-02-25T21:00:00.Z",
		"2026-02-25T21:00:00.5", "2026-02-25T21:00:00+1:00", "2026-02-25T21:00:00+0100",
		"2026-02-25T21:00:00+24:00", "2026-02-25T21:00:00+01:60",
		"2026-02-25T21:00:00Zx", "2026-02-25T21-00:00Z", "2026-02-25T2a:00:00Z",
		"2026-02-25T21:00:00UTC", "x026-02-25T21:00:00Z"};
	time_t t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(clock_parse_rfc3339(texts[i], &t));
}

/* Times come from peers, too: none may be formatted out of uninitialised memory. */
static void test_times_beyond_the_calendar(void **state)
{
	char text[32];

	(void)state;
	clock_rfc3339((time_t)INT64_MAX, text);
	assert_string_equal(text, "");
	clock_rfc3339((time_t)INT64_MIN, text);
	assert_string_equal(text, "");
	clock_rfc3339((time_t)253402300800, text);
	assert_string_equal(text, "10000-01-01T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_what_is_no_number_of_seconds_means_never),
		cmocka_unit_test(test_milliseconds_for_poll),
		cmocka_unit_test(test_dates_agree_with_the_calendar),
		cmocka_unit_test(test_what_is_no_date),
		cmocka_unit_test(test_rfc3339_comes_back),
		cmocka_unit_test(test_rfc3339_forms),
		cmocka_unit_test(test_what_is_not_rfc3339),
		cmocka_unit_test(test_times_beyond_the_calendar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
