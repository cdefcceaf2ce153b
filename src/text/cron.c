/* SPDX-License-Identifier: Apache-2.0 */
#include "text/cron.h"

#include <ctype.h>

#define FIELDS      5
#define MINUTE      60
#define HOUR        3600
#define DAY         86400
#define CYCLE_DAYS  146097 /* of 400 years, after which the calendar repeats itself */
#define LETTERS     3
#define SUNDAY      7 /* as a range's end */
#define LONGEST_INT 4 /* digits of a number that may be right */

struct field {
	const char *name;
	unsigned min, max;
	const char *words; /* of three letters each, from `min` on; NULL: none */
};

static const struct field fields[FIELDS] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of the month", 1, 31, NULL},
	{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{"day of the week", 0, 7, "sunmontuewedthufrisat"},
};

/* ---- reading ---- */

/* A field of a text that is being read. */
struct reader {
	const struct field *field;
	const char *at, *end; /* what is left of the field */
	const char *text;     /* the field */
};

static int refuse(const struct reader *r, struct err *err, const char *what)
{
	return err_set(err, ERR_INPUT, "the %s \"%.*s\" %s", r->field->name,
		(int)(r->end - r->text), r->text, what);
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, unsigned *value)
{
	const char *words = r->field->words;

	if (!words || r->end - r->at < LETTERS)
		return false;
	for (unsigned i = 0; words[i]; i += LETTERS) {
		if (strncasecmp(words + i, r->at, LETTERS) != 0)
			continue;
		*value = r->field->min + i / LETTERS;
		r->at += LETTERS;
		return true;
	}
	return false;
}

static bool take_number(struct reader *r, unsigned *value)
{
	const char *begin = r->at;

	for (*value = 0; r->at < r->end && isdigit((unsigned char)*r->at); r->at++) {
		if (r->at - begin == LONGEST_INT)
			return false;
		*value = *value * 10 + (unsigned)(*r->at - '0');
	}
	return r->at > begin;
}

static int take_value(struct reader *r, unsigned *value, struct err *err)
{
	if (take_word(r, value))
		return 0;
	if (!take_number(r, value))
		return refuse(r, err, "is no number, range, step or list of them");
	if (*value >= r->field->min && *value <= r->field->max)
		return 0;
	autofree char *range = xasprintf(
		"has a value that is not from %u to %u", r->field->min, r->field->max);
	return refuse(r, err, range);
}

/* The first and the last value of an item: "*", "5", "1-5". */
static int take_range(
	struct reader *r, unsigned *first, unsigned *last, bool *alone, struct err *err)
{
	*alone = false;
	if (take(r, '*')) {
		*first = r->field->min;
		*last = r->field->max;
		return 0;
	}
	if (take_value(r, first, err) < 0)
		return -1;
	*last = *first;
	*alone = !take(r, '-');
	if (*alone)
		return 0;
	if (take_value(r, last, err) < 0)
		return -1;
	if (r->field->max == SUNDAY && *last == 0 && *first > 0)
		*last = SUNDAY;
	return *last < *first ? refuse(r, err, "has a range that runs backwards") : 0;
}

static int take_item(struct reader *r, uint64_t *bits, struct err *err)
{
	unsigned first, last, step = 1;
	bool alone;

	if (take_range(r, &first, &last, &alone, err) < 0)
		return -1;
	if (take(r, '/')) {
		if (!take_number(r, &step) || step == 0)
			return refuse(r, err, "has a step that is no number from 1 on");
		if (alone)
			last = r->field->max;
	}
	for (unsigned value = first; value <= last; value += step)
		*bits |= UINT64_C(1) << value;
	return 0;
}

static int read_field(struct reader *r, uint64_t *bits, struct err *err)
{
	*bits = 0;
	do {
		if (take_item(r, bits, err) < 0)
			return -1;
	} while (take(r, ','));
	return r->at == r->end ? 0
			       : refuse(r, err, "is no number, range, step or list of them");
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* Whether there is a day at all: the 30th of February is none. */
static bool has_days(const struct cron *c)
{
	static const unsigned char lengths[] = {
		0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (unsigned month = 1; month <= 12; month++) {
		uint64_t in_month = (UINT64_C(2) << lengths[month]) - 1;
		if (c->months >> month & 1 && (c->either || c->days & in_month))
			return true;
	}
	return false;
}

static int read_fields(const char *text, uint64_t bits[FIELDS], bool *either, struct err *err)
{
	*either = true;
	for (size_t i = 0; i < FIELDS; i++) {
		text = skip_blanks(text);
		size_t n = strcspn(text, " \t");
		struct reader r = {
			.field = &fields[i], .at = text, .end = text + n, .text = text};
		if (n == 0)
			return err_set(err, ERR_INPUT,
				"the schedule ends before the %s: it has five fields, such as "
				"\"0 2 * * *\"",
				fields[i].name);
		if ((i == 2 || i == 4) && *text == '*')
			*either = false;
		if (read_field(&r, &bits[i], err) < 0)
			return -1;
		text += n;
	}
	text = skip_blanks(text);
	if (*text)
		return err_set(err, ERR_INPUT,
			"the schedule goes on with \"%s\" behind its fifth field", text);
	return 0;
}

int cron_parse(const char *text, struct cron *out, struct err *err)
{
	uint64_t bits[FIELDS];
	bool either;

	if (strlen(text) > CRON_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "the schedule is longer than %u characters",
			CRON_TEXT_MAX);
	if (read_fields(text, bits, &either, err) < 0)
		return -1;
	*out = (struct cron){bits[0], bits[1], bits[2], bits[3], bits[4], either};
	out->weekdays = (out->weekdays | out->weekdays >> SUNDAY) & ((1u << SUNDAY) - 1);
	if (!has_days(out))
		return err_set(
			err, ERR_INPUT, "the schedule \"%s\" names no day that exists", text);
	return 0;
}

/* ---- times ---- */

static bool has(uint64_t bits, long long value)
{
	return bits >> value & 1;
}

/* Whether a day, counted from 1970-01-01, is the schedule's. */
static bool is_day(const struct cron *c, long long day)
{
	time_t t = (time_t)(day * DAY);
	struct tm tm;

	gmtime_r(&t, &tm);
	bool in_month = has(c->days, tm.tm_mday);
	bool in_week = has(c->weekdays, tm.tm_wday);
	return has(c->months, tm.tm_mon + 1) &&
	       (c->either ? in_month || in_week : in_month && in_week);
}

/* The first second of a day that is named, from `second` on; -1 when there is none. */
static long long find_in_day(const struct cron *c, long long second)
{
	for (long long hour = second / HOUR; hour < DAY / HOUR; hour++) {
		if (!has(c->hours, hour))
			continue;
		long long from = hour == second / HOUR ? second % HOUR : 0;
		for (long long minute = (from + MINUTE - 1) / MINUTE; minute < HOUR / MINUTE;
			minute++)
			if (has(c->minutes, minute))
				return hour * HOUR + minute * MINUTE;
	}
	return -1;
}

time_t cron_next(const struct cron *c, time_t t)
{
	long long day = (long long)t / DAY, second = (long long)t % DAY + 1;

	for (long long last = day + CYCLE_DAYS; day <= last; day++, second = 0) {
		if (!is_day(c, day))
			continue;
		long long found = second < DAY ? find_in_day(c, second) : -1;
		if (found >= 0)
			return (time_t)(day * DAY + found);
	}
	return -1; /* cron_parse lets no such schedule pass */
}

/* The number of the only bit, or -1. */
static int only(uint64_t bits)
{
	return bits && (bits & (bits - 1)) == 0 ? __builtin_ctzll(bits) : -1;
}

void cron_describe(const struct cron *c, const char *text, struct strbuf *out)
{
	static const struct cron every = {
		.days = 0xFFFFFFFE, .months = 0x1FFE, .weekdays = 0x7F};
	int hour = only(c->hours), minute = only(c->minutes);

	if (hour >= 0 && minute >= 0 && c->days == every.days && c->months == every.months &&
		c->weekdays == every.weekdays)
		strbuf_addf(out, "%02d:%02d UTC daily", hour, minute);
	else
		strbuf_addf(out, "\"%s\" (UTC)", text);
}
