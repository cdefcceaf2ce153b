/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a schedule: refused, or with times that it names, each later than the last. */
#include <stdlib.h>

#include "text/cron.h"

#define FROM  951782400 /* 2000-02-29 */
#define TIMES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct cron *c)
{
	for (time_t t = FROM, next, i = 0; i < TIMES; i++, t = next) {
		next = cron_next(c, t);
		if (next <= t || next % 60)
			abort();
		if (!(c->minutes >> (next / 60 % 60) & 1) ||
			!(c->hours >> (next / 3600 % 24) & 1))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	AUTO(strbuf_release) struct strbuf described = STRBUF_INIT;
	struct cron c;
	struct err err = {0};

	if (cron_parse(text, &c, &err) < 0) {
		if (err.code != ERR_INPUT && err.code != ERR_LIMIT)
			abort();
		return 0;
	}
	walk(&c);
	cron_describe(&c, text, &described);
	if (described.len == 0)
		abort();
	return 0;
}
