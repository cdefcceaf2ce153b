/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The display on a terminal: below the lines of hosts that have ended, one line for each host
 * in work and one for the total. The block is drawn again at every tick: the cursor goes up
 * over the old block, which is erased first.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/deploy.h"

#define BAR_WIDTH   20
#define HOSTS_SHOWN 20

/* How many lines of the terminal the block takes now. One terminal, one display. */
static unsigned drawn;

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

static void erase(struct strbuf *out)
{
	if (drawn)
		strbuf_addf(out, "\033[%uA", drawn);
	strbuf_addstr(out, "\r\033[J");
	drawn = 0;
}

/* Appends a line, cut to the width: names and phases are plain ASCII or cut at a byte. */
static void add_line(struct strbuf *out, const char *text)
{
	unsigned width = terminal_width() - 1;

	strbuf_add(out, text, strnlen(text, width));
	strbuf_addch(out, '\n');
	drawn++;
}

static void add_bar(struct strbuf *out, uint64_t done, uint64_t total)
{
	unsigned filled = total ? (unsigned)(done * BAR_WIDTH / total) : 0;

	if (filled > BAR_WIDTH)
		filled = BAR_WIDTH;
	strbuf_addch(out, '[');
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		strbuf_addch(out, i < filled ? '#' : ' ');
	strbuf_addstr(out, "] ");
}

static void add_host(struct strbuf *out, const struct fleet_host *f)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct fleet_progress p;

	fleet_get_progress(f, &p);
	strbuf_addf(&line, "  %-20s %-10s ", f->name, p.phase ? p.phase : "");
	if (p.total) {
		add_bar(&line, p.done, p.total);
		strbuf_addsize(&line, p.done);
		strbuf_addstr(&line, " of ");
		strbuf_addsize(&line, p.total);
	}
	add_line(out, line.data);
}

struct live_sum {
	uint64_t done, total;
	unsigned running, ended;
};

static void sum_progress(const struct deploy_run *run, struct live_sum *sum)
{
	for (size_t i = 0; i < run->count; i++) {
		struct fleet_progress p;
		fleet_get_progress(&run->fleet[i], &p);
		sum->done += p.done;
		sum->total += p.total;
		sum->running += run->fleet[i].state == FLEET_RUNNING;
		sum->ended += run->fleet[i].state > FLEET_RUNNING;
	}
}

static void add_total(
	struct strbuf *out, const struct deploy_run *run, const struct live_sum *sum)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	double seconds = (double)(clock_ns() - run->started_ns) / 1e9;
	double rate = seconds > 0 ? (double)sum->done / seconds : 0;

	strbuf_addf(&line, "%u of %zu hosts done", sum->ended, run->count);
	if (sum->total) {
		strbuf_addstr(&line, "  ");
		add_bar(&line, sum->done, sum->total);
		strbuf_addsize(&line, sum->done);
		strbuf_addstr(&line, " of ");
		strbuf_addsize(&line, sum->total);
		strbuf_addstr(&line, ", ");
		strbuf_addsize(&line, (uint64_t)rate);
		strbuf_addstr(&line, "/s");
		if (rate > 0 && sum->done < sum->total)
			strbuf_addf(&line, ", %.0f s left",
				(double)(sum->total - sum->done) / rate);
	}
	add_line(out, line.data);
}

static void draw(const struct deploy_run *run, struct strbuf *out)
{
	struct live_sum sum = {0};
	unsigned shown = 0;

	sum_progress(run, &sum);
	for (size_t i = 0; i < run->count && shown < HOSTS_SHOWN; i++) {
		if (run->fleet[i].state == FLEET_RUNNING) {
			add_host(out, &run->fleet[i]);
			shown++;
		}
	}
	if (sum.running > shown) {
		AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
		strbuf_addf(&more, "  and %u more", sum.running - shown);
		add_line(out, more.data);
	}
	add_total(out, run, &sum);
}

static void show(struct strbuf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	fflush(stdout);
}

static void live_begin(struct deploy_run *run)
{
	deploy_output_plain.begin(run);
}

static void live_event(struct deploy_run *run, const struct fleet_event *e)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (e->kind != FLEET_EVENT_END && e->kind != FLEET_EVENT_WARNING &&
		e->kind != FLEET_EVENT_STOP && e->kind != FLEET_EVENT_TICK)
		return;
	erase(&out);
	if (e->kind == FLEET_EVENT_END)
		deploy_text_host(run, e->host, &out);
	else if (e->kind != FLEET_EVENT_TICK)
		strbuf_addf(&out, "%s: %s\n", e->host ? e->host->name : "fleet", e->text);
	draw(run, &out);
	show(&out);
}

static void live_end(struct deploy_run *run, int exit_code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	erase(&out);
	show(&out);
	deploy_text_recap(run, exit_code);
}

const struct deploy_output deploy_output_live = {
	.begin = live_begin,
	.event = live_event,
	.end = live_end,
};
