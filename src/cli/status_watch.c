/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --watch: the same page again and again. On a terminal it is drawn over the former one, cut to
 * what fits; on a pipe each is a new block of lines. The hosts' links stay open meanwhile. What
 * is wanted is read again when a file of the inventory changes; while it cannot be read, that
 * is said once, and the next change is waited for.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/strmap.h"
#include "cli/status.h"
#include "tree/walk.h"

#define STAMP_START 14695981039346656037u

struct watch {
	struct status *status;
	const struct strlist *words;
	struct strlist sources; /* of the inventory */
	unsigned drawn;         /* lines of the terminal that the page takes */
	uint64_t stamp;         /* of the inventory's files */
	int code;               /* of the last whole round; -1: there was none */
};

/* ---- has the inventory changed? ---- */

static void stamp_file(uint64_t *stamp, const char *path, const struct stat *st)
{
	autofree char *text = xasprintf("%llu %s %llu %lld %lld.%ld",
		(unsigned long long)*stamp, path, (unsigned long long)st->st_ino,
		(long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);

	*stamp = str_hash(text, strlen(text));
}

static int stamp_item(void *stamp, const struct walk_item *item, struct err *err)
{
	(void)err;
	if (!S_ISDIR(item->st.st_mode))
		stamp_file(stamp, item->path, &item->st);
	return WALK_ON;
}

static void stamp_tree(uint64_t *stamp, const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		tree_walk(fd, stamp_item, stamp, NULL);
}

/* A directory is a source with all in it; a file has variables of groups and hosts beside it.
 */
static void stamp_source(uint64_t *stamp, const char *source)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return; /* a list of hosts */
	if (S_ISDIR(st.st_mode)) {
		stamp_tree(stamp, source);
		return;
	}
	autofree char *dir = path_dirname(source);
	autofree char *groups = path_join(dir, "group_vars");
	autofree char *hosts = path_join(dir, "host_vars");
	stamp_file(stamp, source, &st);
	stamp_tree(stamp, groups);
	stamp_tree(stamp, hosts);
}

static uint64_t stamp_site(const struct watch *w)
{
	uint64_t stamp = STAMP_START;

	for (size_t i = 0; i < w->sources.count; i++)
		stamp_source(&stamp, w->sources.items[i]);
	return stamp;
}

/* Reads site and registry again; false when they cannot be read, which is printed. */
static bool reload(struct watch *w)
{
	struct status *s = w->status;
	struct err err = {0};

	status_forget(s);
	site_release(&s->engine.site);
	w->drawn = 0;
	if (site_load(&s->engine.site, &s->engine.o.site) != EXIT_OK)
		return false;
	if (status_prepare(s, w->words, &err) == 0)
		return true;
	if (err.code)
		cli_error(&err);
	status_forget(s);
	return false;
}

/* ---- drawing ---- */

/* Appends a line of at most `width` characters; colours take no room. */
static void add_cut(const char *line, size_t n, unsigned width, struct strbuf *out)
{
	const char *end = line + n;

	for (const char *at = line; at < end;) {
		size_t step = utf8_len(at, (size_t)(end - at));
		if (*at == '\033')
			step = (size_t)(strcspn(at, "m") + 1);
		else if (width-- == 0)
			break;
		strbuf_add(out, at, step ? step : 1);
		at += step ? step : 1;
	}
	if (cli_use_color(stdout))
		strbuf_addstr(out, "\033[0m");
	strbuf_addstr(out, "\033[K\n");
}

/* Draws a page over the former one, as far as the terminal has lines. */
static void redraw(struct watch *w, const char *page)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct winsize size = status_terminal();
	unsigned left = size.ws_row > 2 ? size.ws_row - 1u : 24;

	if (w->drawn)
		strbuf_addf(&out, "\033[%uA", w->drawn);
	strbuf_addch(&out, '\r');
	for (w->drawn = 0; *page && w->drawn < left; w->drawn++) {
		size_t n = strcspn(page, "\n");
		bool last = w->drawn + 1 == left && page[n] && page[n + 1];
		if (last)
			add_cut("...", 3, size.ws_col, &out);
		else
			add_cut(page, n, size.ws_col, &out);
		page += n + (page[n] == '\n');
	}
	strbuf_addstr(&out, "\033[J");
	fwrite(out.data, 1, out.len, stdout);
}

static void show(struct watch *w)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct status *s = w->status;
	const struct status_page page = {
		.all = s->all, .width = status_terminal().ws_col, .now = time(NULL)};
	bool again = isatty(STDOUT_FILENO) && !s->engine.o.json;
	char now[32];

	if (s->engine.o.json) {
		status_add_json(s, w->code, &out);
	} else {
		clock_rfc3339(s->began, now);
		strbuf_addf(&out, "%s, every %g s, asked in %.1f s\n\n", now, s->interval,
			s->seconds);
		status_add_page(s, &page, &out);
	}
	if (again) {
		redraw(w, out.data);
	} else {
		fwrite(out.data, 1, out.len, stdout);
		if (!s->engine.o.json)
			fputc('\n', stdout);
	}
	fflush(stdout);
}

/* ---- rounds ---- */

/* Waits for the next round, and until the site can be read; -1 on an interrupt. */
static int next_round(struct watch *w)
{
	const struct status *s = w->status;
	bool readable = true;

	do {
		if (wait_until(deadline_in(s->interval), &s->engine.cancel, NULL) < 0)
			return -1;
		uint64_t stamp = stamp_site(w);
		if (stamp != w->stamp)
			readable = reload(w);
		w->stamp = stamp;
	} while (!readable);
	return 0;
}

static int watch(struct watch *w, struct err *err)
{
	struct status *s = w->status;

	do {
		int result = status_round(s, err);
		if (cancel_level(&s->engine.cancel))
			return w->code < 0 ? EXIT_INTERRUPTED : w->code;
		if (result < 0)
			return -1;
		w->code = status_exit_code(s);
		show(w);
		if (status_write_metrics(s, err) < 0)
			return -1;
	} while (next_round(w) == 0);
	return w->code;
}

int status_watch(struct status *s, const struct strlist *words, struct err *err)
{
	const struct inventory *inventory = &s->engine.site.inventory;
	struct watch w = {.status = s, .words = words, .code = -1};

	for (size_t i = 0; i < inventory->source_count; i++)
		strlist_add(&w.sources, inventory->sources[i]);
	w.stamp = stamp_site(&w);
	int code = watch(&w, err);
	strlist_release(&w.sources);
	return code;
}
