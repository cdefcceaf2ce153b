/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>

#define DRAW_NS 100000000LL /* between two drawings */
#define BAR     20u

void progress_begin(struct progress *p, const char *step, uint64_t total)
{
	AUTO(strbuf_release) struct strbuf size = STRBUF_INIT;

	progress_erase(p);
	p->step = step;
	p->done = 0;
	p->total = total;
	p->started_ns = p->drawn_ns = clock_ns();
	if (p->output != ENGINE_PLAIN)
		return;
	if (total) {
		strbuf_addstr(&size, ": ");
		strbuf_addsize(&size, total);
	}
	printf("%s%s\n", step, size.data);
	fflush(stdout);
}

static void add_bar(const struct progress *p, struct strbuf *out)
{
	unsigned filled = p->total ? (unsigned)((double)p->done * BAR / (double)p->total) : 0;

	strbuf_addstr(out, " [");
	for (unsigned i = 0; i < BAR; i++)
		strbuf_addch(out, i < filled ? '#' : ' ');
	strbuf_addstr(out, "] ");
	strbuf_addsize(out, p->done);
	strbuf_addstr(out, " of ");
	strbuf_addsize(out, p->total);
}

static void add_rate(const struct progress *p, struct strbuf *out)
{
	double seconds = (double)(clock_ns() - p->started_ns) / 1e9;
	double rate = seconds > 0 ? (double)p->done / seconds : 0;

	if (rate < 1)
		return;
	strbuf_addstr(out, ", ");
	strbuf_addsize(out, (uint64_t)rate);
	strbuf_addstr(out, "/s");
	if (p->total > p->done)
		strbuf_addf(out, ", %.0f s left", (double)(p->total - p->done) / rate);
}

static void draw(struct progress *p)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (p->output != ENGINE_LIVE || !p->total || clock_ns() - p->drawn_ns < DRAW_NS)
		return;
	p->drawn_ns = clock_ns();
	p->drawn = true;
	strbuf_addf(&line, "\r\033[K%s", p->step);
	add_bar(p, &line);
	add_rate(p, &line);
	fputs(line.data, stdout);
	fflush(stdout);
}

int progress_add(void *arg, uint64_t bytes, struct err *err)
{
	struct progress *p = arg;

	(void)err;
	progress_set(p, p->done + bytes);
	return 0;
}

void progress_set(struct progress *p, uint64_t done)
{
	p->done = done;
	draw(p);
}

void progress_erase(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stdout);
	fflush(stdout);
	p->drawn = false;
}
