/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times are values of the kinds DATE and DATETIME, whose text is ISO; the difference
 * of two is an object that counts microseconds. There are no time zones but an offset that a
 * text carries, and arithmetic ignores it, as Python's does for naive times.
 */
#include "template/datetime.h"

#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"
#include "template/utf8.h"

#define DAY_SECONDS 86400
#define MICRO       1000000
#define DATE_SIZE   10 /* "2024-02-29" */
#define YEAR_MIN    1
#define YEAR_MAX    9999

static const int64_t *micros(const struct value *v)
{
	return v->object;
}

/* a + sign * b microseconds: 292,000 years, where Python has ten times as many. */
static int add_micros(int64_t a, int64_t sign, int64_t b, int64_t *out, struct err *err)
{
	if (sign > 0 ? __builtin_add_overflow(a, b, out) : __builtin_sub_overflow(a, b, out))
		return err_set(err, ERR_LIMIT, "a difference of times is too large");
	return 0;
}

static const struct value *timedelta_new(
	struct eval *ev, int64_t a, int64_t sign, int64_t b, struct err *err)
{
	int64_t sum;

	if (add_micros(a, sign, b, &sum, err) < 0)
		return NULL;
	return object_new(
		ev->arena, &timedelta_class, arena_memdup(ev->arena, &sum, sizeof(sum)));
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* "1 day, 2:03:04.000005" */
static int timedelta_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	int64_t total = *micros(self);
	int64_t days = floor_div(total, (int64_t)DAY_SECONDS * MICRO);
	int64_t rest = total - days * DAY_SECONDS * MICRO;
	long seconds = (long)(rest / MICRO);

	(void)ev;
	(void)err;
	if (days)
		strbuf_addf(out, "%lld day%s, ", (long long)days,
			days == 1 || days == -1 ? "" : "s");
	strbuf_addf(out, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
	if (rest % MICRO)
		strbuf_addf(out, ".%06lld", (long long)(rest % MICRO));
	return 0;
}

static const struct value *timedelta_total(struct args *a, struct err *err)
{
	(void)err;
	return value_new_float(a->ev->arena, (double)*micros(a->self) / MICRO);
}

static const struct value *timedelta_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	static const struct callable total = {"total_seconds", timedelta_total, NULL, 0};
	int64_t days = floor_div(*micros(self), (int64_t)DAY_SECONDS * MICRO);
	int64_t rest = *micros(self) - days * DAY_SECONDS * MICRO;

	(void)err;
	if (strcmp(name, "total_seconds") == 0)
		return function_new(ev->arena, &total, self);
	if (strcmp(name, "days") == 0)
		return value_new_int(ev->arena, days);
	if (strcmp(name, "seconds") == 0)
		return value_new_int(ev->arena, rest / MICRO);
	if (strcmp(name, "microseconds") == 0)
		return value_new_int(ev->arena, rest % MICRO);
	return NULL;
}

static bool timedelta_equal(const struct value *a, const struct value *b)
{
	return *micros(a) == *micros(b);
}

const struct value_class timedelta_class = {.name = "timedelta",
	.get = timedelta_get,
	.str = timedelta_str,
	.equal = timedelta_equal};

int timedelta_order(const struct value *a, const struct value *b)
{
	return (*micros(a) > *micros(b)) - (*micros(a) < *micros(b));
}

int timedelta_truth(const struct value *v)
{
	return *micros(v) != 0;
}

static bool is_date(const struct value *v)
{
	return v->kind == VALUE_DATE || v->kind == VALUE_DATETIME;
}

void datetime_fields(const struct value *v, struct tm *tm, unsigned *microseconds)
{
	char fraction[7] = "";

	*tm = (struct tm){.tm_isdst = -1};
	*microseconds = 0;
	sscanf(v->text, "%d-%d-%d%*c%d:%d:%d.%6[0-9]", &tm->tm_year, &tm->tm_mon, &tm->tm_mday,
		&tm->tm_hour, &tm->tm_min, &tm->tm_sec, fraction);
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	for (size_t i = 0; i < 6; i++)
		*microseconds = *microseconds * 10 +
				(i < strlen(fraction) ? (unsigned)(fraction[i] - '0') : 0);
	struct tm copy = *tm;
	timegm(&copy);
	tm->tm_wday = copy.tm_wday;
	tm->tm_yday = copy.tm_yday;
}

const struct value *datetime_new(struct eval *ev, const struct tm *tm, unsigned microseconds)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d",
		tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min,
		tm->tm_sec);

	if (microseconds)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%06u", microseconds);
	return value_new_text(ev->arena, VALUE_DATETIME, text, (size_t)n);
}

static int64_t count_micros(const struct value *v)
{
	struct tm tm;
	unsigned microseconds;

	datetime_fields(v, &tm, &microseconds);
	return (int64_t)timegm(&tm) * MICRO + microseconds;
}

/* A date or time, so much later (sign 1) or earlier (-1). */
static const struct value *shift(
	struct eval *ev, const struct value *v, int64_t sign, int64_t by, struct err *err)
{
	int64_t total;
	struct tm tm;

	if (add_micros(count_micros(v), sign, by, &total, err) < 0)
		return NULL;
	time_t seconds = (time_t)floor_div(total, MICRO);
	gmtime_r(&seconds, &tm);
	if (tm.tm_year < YEAR_MIN - 1900 || tm.tm_year > YEAR_MAX - 1900) {
		err_set(err, ERR_INPUT, "date value out of range");
		return NULL;
	}
	if (v->kind == VALUE_DATETIME)
		return datetime_new(ev, &tm, (unsigned)(total - (int64_t)seconds * MICRO));
	const struct value *whole = datetime_new(ev, &tm, 0);
	return value_new_text(ev->arena, VALUE_DATE, whole->text, DATE_SIZE);
}

const struct value *datetime_op(struct eval *ev, enum binary_op op, const struct value *a,
	const struct value *b, bool *done, struct err *err)
{
	bool delta_a = object_is(a, &timedelta_class);
	bool delta_b = object_is(b, &timedelta_class);
	int64_t sign = op == OP_SUB ? -1 : 1;

	*done = true;
	if (is_date(a) && a->kind == b->kind && op == OP_SUB)
		return timedelta_new(ev, count_micros(a), -1, count_micros(b), err);
	if (is_date(a) && delta_b)
		return shift(ev, a, sign, *micros(b), err);
	if (delta_a && is_date(b) && op == OP_ADD)
		return shift(ev, b, 1, *micros(a), err);
	if (delta_a && delta_b)
		return timedelta_new(ev, *micros(a), sign, *micros(b), err);
	*done = false;
	return NULL;
}

const struct value *datetime_format(
	struct eval *ev, const char *format, const struct tm *tm, struct err *err)
{
	size_t size = 4 * strlen(format) + 256;
	char *text = arena_alloc(ev->arena, size);

	if (eval_room(ev, size, err) < 0)
		return NULL;
		/* The format is the template's: each directive is only read from tm. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	size_t n = strftime(text, size, format, tm);
#pragma GCC diagnostic pop
	return new_textn(ev, text, n);
}

/* False for the 30th of February and the like, which strptime lets pass. */
static bool is_real_time(const struct tm *tm)
{
	struct tm copy = *tm;

	timegm(&copy);
	return tm->tm_year >= YEAR_MIN - 1900 && tm->tm_year <= YEAR_MAX - 1900 &&
	       copy.tm_mon == tm->tm_mon && copy.tm_mday == tm->tm_mday &&
	       copy.tm_sec == tm->tm_sec;
}

/* strptime, and the fraction of a second (%f) that C's does not know. */
const struct value *datetime_parse(
	struct eval *ev, const char *text, const char *format, struct err *err)
{
	struct tm tm = {.tm_mday = 1};
	const char *fraction = strstr(format, "%f");
	unsigned microseconds = 0;
	AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;

	strbuf_add(&head, format, fraction ? (size_t)(fraction - format) : strlen(format));
	const char *at = strptime(text, head.data, &tm);
	if (at && fraction) {
		size_t n = strspn(at, "0123456789");
		for (size_t i = 0; i < 6; i++)
			microseconds =
				microseconds * 10 + (i < n ? (unsigned)(at[i] - '0') : 0);
		at = n > 0 && n <= 6 ? strptime(at + n, fraction + 2, &tm) : NULL;
	}
	if (!at || *at) {
		err_set(err, ERR_INPUT, "'%.60s' does not match the format '%.60s'", text,
			format);
		return NULL;
	}
	if (!is_real_time(&tm)) {
		err_set(err, ERR_INPUT, "'%.60s' is no day or time of the calendar", text);
		return NULL;
	}
	return datetime_new(ev, &tm, microseconds);
}

static const struct value *method_strftime(struct args *a, struct err *err)
{
	struct tm tm;
	unsigned microseconds;
	const struct value *format = arg_string(a, 0, "", err);

	if (!format)
		return NULL;
	datetime_fields(a->self, &tm, &microseconds);
	return datetime_format(a->ev, format->text, &tm, err);
}

static const struct value *method_isoformat(struct args *a, struct err *err)
{
	const struct value *sep = arg_string(a, 0, "T", err);

	if (!sep)
		return NULL;
	if (utf8_count(sep->text, sep->len) != 1)
		return args_fail(a, err, "the separator must be one character");
	if (a->self->len <= DATE_SIZE)
		return new_textn(a->ev, a->self->text, a->self->len);
	return value_new_stringf(a->ev->arena, "%.*s%s%s", DATE_SIZE, a->self->text, sep->text,
		a->self->text + DATE_SIZE + 1);
}

static const struct value *method_timestamp(struct args *a, struct err *err)
{
	struct tm tm;
	unsigned microseconds;

	(void)err;
	datetime_fields(a->self, &tm, &microseconds);
	return value_new_float(
		a->ev->arena, (double)mktime(&tm) + (double)microseconds / MICRO);
}

static const struct value *method_date(struct args *a, struct err *err)
{
	(void)err;
	return value_new_text(a->ev->arena, VALUE_DATE, a->self->text, DATE_SIZE);
}

static const struct value *method_weekday(struct args *a, struct err *err)
{
	struct tm tm;
	unsigned microseconds;

	(void)err;
	datetime_fields(a->self, &tm, &microseconds);
	return value_new_int(a->ev->arena, (tm.tm_wday + 6) % 7);
}

static const struct value *method_isoweekday(struct args *a, struct err *err)
{
	struct tm tm;
	unsigned microseconds;

	(void)err;
	datetime_fields(a->self, &tm, &microseconds);
	return value_new_int(a->ev->arena, tm.tm_wday ? tm.tm_wday : 7);
}

static const struct callable methods[] = {
	{"date", method_date, NULL, 0},
	{"isoformat", method_isoformat, "sep", 0},
	{"isoweekday", method_isoweekday, NULL, 0},
	{"strftime", method_strftime, "format !", 0},
	{"timestamp", method_timestamp, NULL, 0},
	{"weekday", method_weekday, NULL, 0},
};

const struct value *datetime_attribute(struct eval *ev, const struct value *v, const char *name)
{
	static const struct callables table = {methods, ARRAY_SIZE(methods)};
	const struct callable *method = callables_find(&table, name);
	struct tm tm;
	unsigned microseconds;

	if (method)
		return function_new(ev->arena, method, v);
	datetime_fields(v, &tm, &microseconds);
	const struct {
		const char *name;
		int64_t value;
		bool time;
	} fields[] = {{"year", tm.tm_year + 1900, false}, {"month", tm.tm_mon + 1, false},
		{"day", tm.tm_mday, false}, {"hour", tm.tm_hour, true},
		{"minute", tm.tm_min, true}, {"second", tm.tm_sec, true},
		{"microsecond", microseconds, true}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].name, name) == 0 &&
			(!fields[i].time || v->kind == VALUE_DATETIME))
			return value_new_int(ev->arena, fields[i].value);
	}
	return NULL;
}
