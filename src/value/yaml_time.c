/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "value/yaml_scalar.h"

/* Reads min to max digits at *p; false if there are fewer. */
static bool take_number(const char **p, int min, int max, int *out)
{
	int count = 0;

	*out = 0;
	for (; count < max && **p >= '0' && **p <= '9'; count++)
		*out = *out * 10 + *(*p)++ - '0';
	return count >= min;
}

static bool take_char(const char **p, const char *set)
{
	if (!**p || !strchr(set, **p))
		return false;
	(*p)++;
	return true;
}

static bool take_date(const char **p, struct yaml_time *t)
{
	const char *start = *p;

	if (!take_number(p, 4, 4, &t->year) || !take_char(p, "-") ||
		!take_number(p, 1, 2, &t->month) || !take_char(p, "-") ||
		!take_number(p, 1, 2, &t->day))
		return false;
	t->short_date = *p - start < 10;
	return true;
}

/* Digits behind the point: six count, the others are dropped. */
static int take_fraction(const char **p)
{
	int value = 0, count = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++, count++)
		if (count < 6)
			value = value * 10 + **p - '0';
	for (; count < 6; count++)
		value *= 10;
	return value;
}

static bool take_zone(const char **p, struct yaml_time *t)
{
	*p += strspn(*p, " \t");
	if (!**p)
		return true;
	t->has_zone = true;
	if (take_char(p, "Z"))
		return true;
	t->west = **p == '-';
	if (!take_char(p, "+-") || !take_number(p, 1, 2, &t->zone_hour))
		return false;
	return !take_char(p, ":") || take_number(p, 2, 2, &t->zone_minute);
}

static bool take_time(const char **p, struct yaml_time *t)
{
	t->has_time = true;
	if (!take_number(p, 1, 2, &t->hour) || !take_char(p, ":") ||
		!take_number(p, 2, 2, &t->minute) || !take_char(p, ":") ||
		!take_number(p, 2, 2, &t->second))
		return false;
	if (take_char(p, "."))
		t->microsecond = take_fraction(p);
	return take_zone(p, t);
}

bool yaml_time_parse(const char *s, size_t n, struct yaml_time *out)
{
	const char *p = s;

	*out = (struct yaml_time){0};
	if (!take_date(&p, out))
		return false;
	if (p == s + n)
		return true;
	size_t spaces = strspn(p, " \t");
	if (!spaces && !take_char(&p, "Tt"))
		return false;
	p += spaces;
	/* White space at the end belongs to no part, and a plain scalar has none. */
	return take_time(&p, out) && p == s + n && !strchr(" \t", p[-1]);
}

bool yaml_time_valid(const struct yaml_time *t)
{
	char day[40];

	snprintf(day, sizeof(day), "%04d-%02d-%02d", t->year, t->month, t->day);
	return t->year > 0 && clock_is_date(day) && t->hour < 24 && t->minute < 60 &&
	       t->second < 60 && t->zone_hour * 60 + t->zone_minute < 24 * 60;
}

void yaml_time_format(const struct yaml_time *t, struct strbuf *out)
{
	strbuf_addf(out, "%04d-%02d-%02d", t->year, t->month, t->day);
	if (!t->has_time)
		return;
	strbuf_addf(out, "T%02d:%02d:%02d", t->hour, t->minute, t->second);
	if (t->microsecond)
		strbuf_addf(out, ".%06d", t->microsecond);
	if (!t->has_zone)
		return;
	int offset = t->zone_hour * 60 + t->zone_minute;
	strbuf_addf(
		out, "%c%02d:%02d", t->west && offset ? '-' : '+', offset / 60, offset % 60);
}
