/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules, against frozen answers of another program (cron_cases.py) and by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "text/cron.h"

#define TIMES 3

static struct cron parsed(const char *text)
{
	struct cron c = {0};
	struct err err = {0};

	if (cron_parse(text, &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return c;
}

static void expect_next(const char *text, const char *from, const char *expected)
{
	struct cron c = parsed(text);
	time_t t;
	char said[32];

	assert_true(clock_parse_rfc3339(from, &t));
	clock_rfc3339(cron_next(&c, t), said);
	assert_string_equal(said, expected);
}

static void check_case(const char *line)
{
	AUTO(strlist_release) struct strlist fields = {0};

	strlist_split(&fields, line, "\t");
	assert_int_equal(fields.count, 2 + TIMES);
	struct cron c = parsed(fields.items[0]);
	int64_t t, expected;
	assert_true(parse_int(fields.items[1], 0, INT64_MAX, &t));
	for (size_t i = 0; i < TIMES; i++) {
		assert_true(parse_int(fields.items[2 + i], 0, INT64_MAX, &expected));
		t = cron_next(&c, t);
		if (t != expected)
			fail_msg("%s: %lld", line, (long long)t);
	}
}

static void times_are_those_of_another_program(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strlist_release) struct strlist lines = {0};
	struct err err = {0};

	(void)state;
	if (file_read(CASES, 1 << 20, &text, &err) < 0)
		fail_msg("%s", err.text);
	strlist_split(&lines, text.data, "\n");
	assert_true(lines.count > 600);
	for (size_t i = 0; i < lines.count; i++)
		check_case(lines.items[i]);
}

static void the_usual_schedules(void **state)
{
	(void)state;
	expect_next("0 2 * * *", "2026-11-21T01:59:59Z", "2026-11-21T02:00:00Z");
	expect_next("0 2 * * *", "2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z");
	expect_next("0 * * * *", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z");
	expect_next("0 */6 * * *", "2026-11-21T06:00:01Z", "2026-11-21T12:00:00Z");
	expect_next("0 2 * * mon", "2026-11-21T00:00:00Z", "2026-11-23T02:00:00Z");
	expect_next("0 2 * * mon", "2026-11-23T02:00:00Z", "2026-11-30T02:00:00Z");
}

static void clocks_are_not_moved_in_utc(void **state)
{
	(void)state;
	expect_next("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T02:30:00Z");
	expect_next("30 2 * * *", "2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z");
	expect_next("30 1 * * *", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z");
}

static void years_may_pass(void **state)
{
	(void)state;
	expect_next("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z");
	expect_next("0 0 29 2 */7", "2024-02-29T00:00:00Z", "2032-02-29T00:00:00Z");
}

static void either_day_or_both(void **state)
{
	(void)state;
	/* Both are named: Monday the 23rd comes before the 1st. */
	expect_next("0 2 1 * mon", "2026-11-21T00:00:00Z", "2026-11-23T02:00:00Z");
	/* One begins with a star: the 1st, 11th, 21st or 31st that is a Monday. */
	expect_next("0 2 */10 * mon", "2026-11-22T00:00:00Z", "2026-12-21T02:00:00Z");
}

static void names_and_sundays(void **state)
{
	(void)state;
	assert_int_equal(parsed("0 0 * * sat-sun").weekdays, 1 << 6 | 1);
	assert_int_equal(parsed("0 0 * * 7").weekdays, 1);
	assert_int_equal(parsed("0 0 * * 5-7").weekdays, 1 << 5 | 1 << 6 | 1);
	assert_int_equal(parsed("0 0 * * Fri,SUN").weekdays, 1 << 5 | 1);
	assert_int_equal(parsed("0 0 * FEB-apr/2 *").months, 1 << 2 | 1 << 4);
	assert_int_equal(parsed(" 0\t0  * * * ").minutes, 1);
}

static void expect_refusal(const char *text, const char *expected)
{
	struct cron c;
	struct err err = {0};

	assert_int_equal(cron_parse(text, &c, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_string_equal(err.text, expected);
}

static void what_is_no_schedule_is_named(void **state)
{
	(void)state;
	expect_refusal("", "the schedule ends before the minute: it has five fields, such as "
			   "\"0 2 * * *\"");
	expect_refusal("0 2 * *", "the schedule ends before the day of the week: it has five "
				  "fields, such as \"0 2 * * *\"");
	expect_refusal("0 2 * * * *", "the schedule goes on with \"*\" behind its fifth field");
	expect_refusal("60 2 * * *", "the minute \"60\" has a value that is not from 0 to 59");
	expect_refusal("0 24 * * *", "the hour \"24\" has a value that is not from 0 to 23");
	expect_refusal(
		"0 2 0 * *", "the day of the month \"0\" has a value that is not from 1 to 31");
	expect_refusal("0 2 * 13 *", "the month \"13\" has a value that is not from 1 to 12");
	expect_refusal(
		"0 2 * * 8", "the day of the week \"8\" has a value that is not from 0 to 7");
	expect_refusal("0 5-2 * * *", "the hour \"5-2\" has a range that runs backwards");
	expect_refusal(
		"*/0 * * * *", "the minute \"*/0\" has a step that is no number from 1 on");
	expect_refusal(
		"1, * * * *", "the minute \"1,\" is no number, range, step or list of them");
	expect_refusal(
		"-1 * * * *", "the minute \"-1\" is no number, range, step or list of them");
	expect_refusal(
		"jan * * * *", "the minute \"jan\" is no number, range, step or list of them");
	expect_refusal("0 2 * * monday",
		"the day of the week \"monday\" is no number, range, step or list of them");
	expect_refusal("99999999999 * * * *",
		"the minute \"99999999999\" is no number, range, step or list of them");
}

static void what_never_comes_is_refused(void **state)
{
	(void)state;
	expect_refusal("0 0 30 2 *", "the schedule \"0 0 30 2 *\" names no day that exists");
	expect_refusal(
		"0 0 31 2,4,6 *", "the schedule \"0 0 31 2,4,6 *\" names no day that exists");
	parsed("0 0 30 2 mon");
}

static void a_schedule_has_a_limit(void **state)
{
	char text[CRON_TEXT_MAX + 2];
	struct cron c;
	struct err err = {0};

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cron_parse(text, &c, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void expect_description(const char *text, const char *expected)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct cron c = parsed(text);

	cron_describe(&c, text, &out);
	assert_string_equal(out.data, expected);
}

static void schedules_are_described(void **state)
{
	(void)state;
	expect_description("0 2 * * *", "02:00 UTC daily");
	expect_description("5 14 * * *", "14:05 UTC daily");
	expect_description("0 2 * * mon", "\"0 2 * * mon\" (UTC)");
	expect_description("0 */6 * * *", "\"0 */6 * * *\" (UTC)");
	expect_description("0 2 1-30 * *", "\"0 2 1-30 * *\" (UTC)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_those_of_another_program),
		cmocka_unit_test(the_usual_schedules),
		cmocka_unit_test(clocks_are_not_moved_in_utc),
		cmocka_unit_test(years_may_pass),
		cmocka_unit_test(either_day_or_both),
		cmocka_unit_test(names_and_sundays),
		cmocka_unit_test(what_is_no_schedule_is_named),
		cmocka_unit_test(what_never_comes_is_refused),
		cmocka_unit_test(a_schedule_has_a_limit),
		cmocka_unit_test(schedules_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
