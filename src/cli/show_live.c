/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The display on a terminal: below the lines of what has ended, one line for each host in work
 * and one for the total. The block is drawn again at every tick: the cursor goes up over the
 * old block, which is erased first.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/show.h"

#define BAR_WIDTH   20
#define HOSTS_SHOWN 20

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

void show_live_erase(struct show *s, struct strbuf *out)
{
	if (s->drawn)
		strbuf_addf(out, "\033[%uA", s->drawn);
	strbuf_addstr(out, "\r\033[J");
	s->drawn = 0;
}

/*
 * Appends a line, cut to the terminal's width. Control characters of names and titles would
 * move the cursor: they become question marks.
 */
static void add_line(struct show *s, const char *text, struct strbuf *out)
{
	unsigned room = terminal_width() - 1;

	for (const char *at = text; *at && room; room--) {
		size_t n = utf8_len(at, strlen(at));
		if (n == 0 || (unsigned char)*at < ' ' || *at == 0x7f)
			strbuf_addch(out, '?');
		else
			strbuf_add(out, at, n);
		at += n ? n : 1;
	}
	strbuf_addch(out, '\n');
	s->drawn++;
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
	strbuf_addsize(out, done);
	strbuf_addstr(out, " of ");
	strbuf_addsize(out, total);
}

static void read_progress(const struct run_host *h, struct fleet_progress *p)
{
	*p = (struct fleet_progress){0};
	if (h->fleet)
		fleet_get_progress(h->fleet, p);
}

static void add_host(struct show *s, const struct run_host *h, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const struct shown_host *shown = show_host(s, h);
	struct fleet_progress p;

	read_progress(h, &p);
	strbuf_addf(&line, "  %-20s %-10s ", h->name, shown->phase ? shown->phase : "");
	if (p.total && p.done < p.total)
		add_bar(&line, p.done, p.total);
	else if (shown->task)
		strbuf_addstr(&line, shown->task);
	add_line(s, line.data, out);
}

struct live_sum {
	uint64_t done, total;
	unsigned in_work, ended;
};

static void sum_progress(const struct show *s, struct live_sum *sum)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct run_host *h = &s->run->hosts[i];
		struct fleet_progress p = {
			.done = h->report.bytes_sent, .total = h->report.bytes_sent};
		if (s->hosts[i].in_work)
			read_progress(h, &p);
		sum->done += p.done;
		sum->total += p.total;
		sum->in_work += s->hosts[i].in_work;
		sum->ended += s->hosts[i].ended_ns && !s->hosts[i].in_work;
	}
}

static void add_total(struct show *s, const struct live_sum *sum, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	double seconds = (double)(clock_ns() - s->started_ns) / 1e9;
	double rate = seconds > 0 ? (double)sum->done / seconds : 0;

	strbuf_addf(&line, "%u of %zu hosts done", sum->ended, s->count);
	if (sum->total) {
		strbuf_addstr(&line, "  ");
		add_bar(&line, sum->done, sum->total);
		strbuf_addstr(&line, ", ");
		strbuf_addsize(&line, (uint64_t)rate);
		strbuf_addstr(&line, "/s");
		if (rate > 0 && sum->done < sum->total)
			strbuf_addf(&line, ", %.0f s left",
				(double)(sum->total - sum->done) / rate);
	}
	add_line(s, line.data, out);
}

void show_live_draw(struct show *s, struct strbuf *out)
{
	struct live_sum sum = {0};
	unsigned shown = 0;

	sum_progress(s, &sum);
	for (size_t i = 0; i < s->count && shown < HOSTS_SHOWN; i++) {
		if (s->hosts[i].in_work) {
			add_host(s, &s->run->hosts[i], out);
			shown++;
		}
	}
	if (sum.in_work > shown) {
		AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
		strbuf_addf(&more, "  and %u more", sum.in_work - shown);
		add_line(s, more.data, out);
	}
	add_total(s, &sum, out);
}
