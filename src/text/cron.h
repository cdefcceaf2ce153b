/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules as cron has them, in UTC: five fields between blanks.
 *
 *     minute  hour  day of the month  month  day of the week
 *     0-59    0-23  1-31              1-12   0-7, where 0 and 7 are Sunday
 *
 * A field is "*", a number, a range "1-5", any of these with a step ("*" "/15", "10-50/20";
 * "5/15" means "from 5 on"), or a list of them between commas. Months and days of the week
 * have their English names of three letters, too, in any case: "mon-fri", "sat-sun".
 *
 * As in Vixie's cron, a day must be right in both of its fields when one of them begins with
 * "*", and in either of them otherwise: "0 2 1 * mon" is on the first of the month and on every
 * Monday.
 */
#ifndef TEXT_CRON_H
#define TEXT_CRON_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"

/* Longest text of a schedule, in bytes. */
#define CRON_TEXT_MAX 1000u

/* Bit n stands for the value n. */
struct cron {
	uint64_t minutes;
	uint64_t hours, days, months, weekdays; /* Sunday is bit 0 alone */
	bool either; /* a day of the month or a day of the week suffices */
};

/*
 * Reads a schedule. -1 with ERR_INPUT, naming the field, also for one that no day ever meets
 * ("0 0 30 2 *"); ERR_LIMIT.
 */
int cron_parse(const char *text, struct cron *out, struct err *err);
/*
 * The first time after t that the schedule names, to the minute; t is of the years 1970 to
 * 9999. It lies at most 400 years ahead.
 */
time_t cron_next(const struct cron *c, time_t t);
/* Appends a schedule for people: "02:00 UTC daily", else the text and "(UTC)". */
void cron_describe(const struct cron *c, const char *text, struct strbuf *out);

#endif
