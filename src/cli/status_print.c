/* SPDX-License-Identifier: Apache-2.0 */
/* A page of fleet-status: the table, and below it what is to be told of the fleet as a whole.
 */
#include "cli/status.h"

#include <unistd.h>

#define NAMES_MAX 6 /* hosts that are named in a note */

struct winsize status_terminal(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return (struct winsize){.ws_col = 80};
	return size;
}

void status_add_clean(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_addch(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- times ---- */

static void add_time(struct strbuf *out, time_t t)
{
	char text[32];

	clock_rfc3339(t, text);
	strbuf_addstr(out, text);
}

static void add_age(struct strbuf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *word;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int64_t n = seconds / units[i].seconds;
		if (n < 1 && i + 1 < ARRAY_SIZE(units))
			continue;
		n = n < 0 ? 0 : n;
		strbuf_addf(out, "%lld %s%s", (long long)n, units[i].word, n == 1 ? "" : "s");
		return;
	}
}

/* ---- one host ---- */

static void add_version(const char *what, const struct status_version *v, struct strbuf *out)
{
	strbuf_addf(out, "  %s ", what);
	status_add_clean(out, v->path);
	strbuf_addstr(out, ", ");
	if (v->verified || v->bytes)
		strbuf_addsize(out, v->bytes);
	else
		strbuf_addstr(out, "never verified");
}

static void add_deployed(const struct status_host *h, struct strbuf *out)
{
	strbuf_addstr(out, "  last deploy ");
	if (!h->deployed) {
		strbuf_addstr(out, "not known\n");
		return;
	}
	add_time(out, h->deployed);
	strbuf_addf(
		out, ", %s\n", h->deploy_outcome ? h->deploy_outcome : "by another machine");
}

void status_add_details(const struct status_host *h, time_t now, struct strbuf *out)
{
	add_deployed(h, out);
	if (h->disk_total) {
		strbuf_addstr(out, "  disk free ");
		strbuf_addsize(out, h->disk_free);
		strbuf_addstr(out, " of ");
		strbuf_addsize(out, h->disk_total);
		strbuf_addch(out, '\n');
	}
	for (size_t i = 0; i < h->staging.count; i++) {
		add_version("half-finished", &h->staging.items[i], out);
		strbuf_addstr(out, ", written ");
		add_age(out, now - h->staging.items[i].written);
		strbuf_addstr(out, " ago\n");
	}
	for (size_t i = 0; i < h->extra.count; i++) {
		add_version("wanted by nobody", &h->extra.items[i], out);
		strbuf_addch(out, '\n');
	}
}

/* ---- notes about many ---- */

/* Versions of one kind that lie on hosts, summed up. */
struct lying {
	struct strlist hosts;
	size_t count;
	uint64_t bytes;
	int64_t oldest; /* 0: not known */
};

static void sum_lying(
	struct lying *l, const struct status_host *h, const struct status_versions *v)
{
	if (v->count == 0)
		return;
	strlist_add(&l->hosts, h->name);
	for (size_t i = 0; i < v->count; i++) {
		int64_t written = v->items[i].written;
		l->count++;
		l->bytes += v->items[i].bytes;
		if (written && (!l->oldest || written < l->oldest))
			l->oldest = written;
	}
}

static void add_lying(const struct lying *l, const char *const what[2], const char *remedy,
	time_t now, struct strbuf *out)
{
	if (l->count == 0)
		return;
	strbuf_addf(out, "%zu %s on %zu host%s, ", l->count, what[l->count != 1],
		l->hosts.count, plural(l->hosts.count));
	strbuf_addsize(out, l->bytes);
	if (l->oldest) {
		strbuf_addstr(out, ", the oldest written ");
		add_age(out, now - l->oldest);
		strbuf_addstr(out, " ago");
	}
	strbuf_addstr(out, ": ");
	status_add_names(&l->hosts, NAMES_MAX, out);
	strbuf_addf(out, "\n  %s\n", remedy);
}

static void add_all_lying(const struct status *s, time_t now, struct strbuf *out)
{
	static const char *const half[] = {"half-finished version", "half-finished versions"};
	static const char *const extras[] = {
		"version that nobody wants", "versions that nobody wants"};
	struct lying staging = {0}, extra = {0};

	for (size_t i = 0; i < s->count; i++) {
		sum_lying(&staging, &s->hosts[i], &s->hosts[i].staging);
		sum_lying(&extra, &s->hosts[i], &s->hosts[i].extra);
	}
	add_lying(
		&staging, half, "the next deploy goes on with what it wants of them", now, out);
	add_lying(&extra, extras, "cleanup-models --nodes removes old ones", now, out);
	strlist_release(&staging.hosts);
	strlist_release(&extra.hosts);
}

static void add_deploys(const struct status *s, struct strbuf *out)
{
	const struct status_host *first = NULL, *last = NULL;
	size_t never = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct status_host *h = &s->hosts[i];
		never += h->deployed == 0;
		if (h->deployed && (!first || h->deployed < first->deployed))
			first = h;
		if (h->deployed && (!last || h->deployed > last->deployed))
			last = h;
	}
	if (!first) {
		strbuf_addstr(out, "no deploy is known here\n");
		return;
	}
	strbuf_addstr(out, "last deploy ");
	add_time(out, first->deployed);
	if (last->deployed != first->deployed) {
		strbuf_addstr(out, " to ");
		add_time(out, last->deployed);
	}
	if (never)
		strbuf_addf(out, "; of %zu host%s none is known", never, plural(never));
	strbuf_addch(out, '\n');
}

static void add_disk(const struct status *s, struct strbuf *out)
{
	const struct status_host *least = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct status_host *h = &s->hosts[i];
		if (h->disk_total && (!least || h->disk_free < least->disk_free))
			least = h;
	}
	if (!least)
		return;
	strbuf_addstr(out, "least disk free: ");
	strbuf_addsize(out, least->disk_free);
	strbuf_addstr(out, " of ");
	strbuf_addsize(out, least->disk_total);
	strbuf_addf(out, " on %s\n", least->name);
}

/* ---- notes about the site ---- */

static void add_running(const struct status *s, struct strbuf *out)
{
	const struct lock_holder *h = &s->holder;

	if (!s->running)
		return;
	strbuf_addstr(out, "a run is under way, and hosts are changing: ");
	status_add_clean(out, h->user ? h->user : "?");
	strbuf_addstr(out, " on ");
	status_add_clean(out, h->host ? h->host : "?");
	strbuf_addstr(out, " since ");
	status_add_clean(out, h->since ? h->since : "?");
	strbuf_addstr(out, ": ");
	status_add_clean(out, h->command ? h->command : "?");
	strbuf_addch(out, '\n');
}

static void add_totals(const struct status *s, struct strbuf *out)
{
	unsigned states[STATUS_STATES] = {0};

	for (size_t i = 0; i < s->count; i++)
		states[status_of(&s->hosts[i])]++;
	strbuf_addf(out, "%zu host%s: %u as wanted, %u differ%s, %u away%s\n", s->count,
		plural(s->count), states[STATUS_AS_WANTED], states[STATUS_DIFFERS],
		states[STATUS_DIFFERS] == 1 ? "s" : "", states[STATUS_AWAY],
		s->verify ? "; every file was read again" : "");
}

void status_add_page(const struct status *s, const struct status_page *page, struct strbuf *out)
{
	status_add_table(s, page, out);
	strbuf_addch(out, '\n');
	if (!page->all) {
		add_all_lying(s, page->now, out);
		add_deploys(s, out);
		add_disk(s, out);
	}
	if (s->reports_err.code)
		strbuf_addf(out, "what the store notes of hosts cannot be read: %s\n",
			s->reports_err.text);
	add_running(s, out);
	add_totals(s, out);
}
