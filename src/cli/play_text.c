/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/play_order.h"
#include "cli/play_stats.h"
#include "play/module.h"

#define WIDTH_MIN 79
#define STARS_MIN 3

struct play_text {
	/* What became of a task; with headings around, or bare. */
	void (*tell)(struct show *s, const struct run_event *e, struct strbuf *out);
	bool bare;
	char *title;  /* of the play */
	bool in_play; /* between a play's beginning and its end */
	bool play_shown;
	bool unmatched; /* the play has no hosts */
	struct play_order order;
	struct play_stats stats;
};

static unsigned output_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
		size.ws_col <= WIDTH_MIN)
		return WIDTH_MIN;
	return size.ws_col - 1u;
}

void play_banner(const char *text, struct strbuf *out)
{
	unsigned width = output_width(), used = 0;

	for (const char *at = text; *at; at++)
		used += ((unsigned char)*at & 0xc0) != 0x80; /* characters, not bytes */
	unsigned stars = width > used + STARS_MIN ? width - used : STARS_MIN;
	strbuf_addf(out, "\n%s ", text);
	for (unsigned i = 0; i < stars; i++)
		strbuf_addch(out, '*');
	strbuf_addch(out, '\n');
}

static void add_banner(const struct play_text *t, const char *text, struct strbuf *out)
{
	if (!t->bare)
		play_banner(text, out);
}

/* ---- events ---- */

static const char *check_mark(const struct show *s)
{
	return s->marks_check ? " [CHECK MODE]" : "";
}

static void make_banner(const struct play_text *t, const struct show *s,
	const struct run_event *e, struct task_lines *g)
{
	AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf banner = STRBUF_INIT;

	if (g->banner || t->bare)
		return;
	strbuf_addf(&head, "%s [%s]%s", e->handler ? "RUNNING HANDLER" : "TASK",
		e->title  ? e->title
		: e->step ? step_title(e->step)
			  : "",
		check_mark(s));
	play_banner(head.data, &banner);
	if (s->verbosity >= 2 && e->step)
		play_task_path(e->step, &banner);
	g->banner = strbuf_detach(&banner, NULL);
}

static void task_begins(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct place_of_host *h = play_order_place(&t->order, s, e->host);

	h->key = play_order_key_of(h, e);
	if (!show_is_module(e->step, "meta"))
		make_banner(t, s, e, play_order_group(&t->order, h->key));
	play_order_advance(&t->order, s, out);
}

/* True for the result of a task that included something: that is told instead. */
static bool is_included(const struct run_event *e)
{
	const struct module *m = e->step ? e->step->task->module : NULL;

	return m && m->flags & MODULE_INCLUDES && e->outcome == TASK_OK;
}

/* "included: FILE for HOST". */
static void file_included(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct task_lines *g =
		play_order_group(&t->order, play_order_place(&t->order, s, e->host)->key);

	make_banner(t, s, e, g);
	strbuf_addf(&line, "included: %s for %s", e->text, e->host->name);
	if (e->label)
		strbuf_addf(&line, " => (item=%s)", e->label);
	cli_paint(&g->lines, PLAY_SKIPPED, line.data);
	strbuf_addch(&g->lines, '\n');
	play_order_flush(&t->order, out);
}

static void task_tells(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (show_is_module(e->step, "meta") || is_included(e))
		return;
	struct task_lines *g =
		play_order_group(&t->order, play_order_place(&t->order, s, e->host)->key);
	make_banner(t, s, e, g);
	if (e->kind == RUN_RESULT && s->tells_stats)
		play_stats_add(&t->stats, e, g->key);
	s->apart = s->failures_apart && !s->live ? &g->errors : NULL;
	t->tell(s, e, &g->lines);
	play_order_flush(&t->order, out);
}

/*
 * A line as it is, of the task that the host is at. All others have come there: what was told
 * of the tasks before is all of it.
 */
static void say_line(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (!e->host) {
		strbuf_addf(out, "%s\n", e->text);
		return;
	}
	uint64_t key = play_order_place(&t->order, s, e->host)->key;
	strbuf_addf(&play_order_group(&t->order, key)->lines, "%s\n", e->text);
	if (t->order.floor < key)
		t->order.floor = key;
	play_order_flush(&t->order, out);
}

/* What became of a host that was taken back. */
static void host_undone(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf banner = STRBUF_INIT;
	struct place_of_host *h = play_order_place(&t->order, s, e->host);
	bool good = e->host->undo == UNDO_HEALTHY || e->host->undo == UNDO_UNCHECKED;

	h->key = play_order_key(SECTION_UNDO + 1, 0, 0);
	struct task_lines *g = play_order_group(&t->order, h->key);
	if (!g->banner) {
		play_banner("TAKEN BACK", &banner);
		g->banner = strbuf_detach(&banner, NULL);
	}
	strbuf_addf(&line, "%s: [%s]: %s", good ? "undone" : "fatal", e->host->name,
		show_undo_text(e->host->undo));
	if (e->host->undo_err.code)
		strbuf_addf(&line, ": %s", e->host->undo_err.text);
	cli_paint(&g->lines, good ? PLAY_CHANGED : PLAY_FAILED, line.data);
	strbuf_addch(&g->lines, '\n');
	play_order_advance(&t->order, s, out);
}

static void set_play(struct play_text *t, const struct show *s, const struct run_event *e)
{
	const char *title = e->title ? e->title : e->play->name;

	free(t->title);
	t->title = title && *title ? xasprintf("PLAY [%s]%s", title, check_mark(s))
				   : xasprintf("PLAY%s", check_mark(s));
}

static void play_begins(struct play_text *t, const struct show *s, const struct run_event *e)
{
	set_play(t, s, e);
	t->in_play = true;
	t->play_shown = t->unmatched = false;
}

/* Prints all that is held back. */
static void batch_lines(struct play_text *t, struct strbuf *out)
{
	t->order.floor = PLAY_ORDER_END;
	play_order_flush(&t->order, out);
}

/* A batch is over, and hosts of it that never came to their end. */
static void batch_ends(struct play_text *t, const struct show *s, struct strbuf *out)
{
	play_order_end(&t->order, s, out);
	play_stats_settle(&t->stats);
}

static void batch_begins(struct play_text *t, const struct show *s, const struct run_event *e,
	struct strbuf *out)
{
	batch_ends(t, s, out);
	if (!t->in_play)
		set_play(t, s, e); /* whose hosts are taken back, long after */
	add_banner(t, t->title, out);
	t->play_shown = true;
	t->order.batch_hosts = e->total;
	t->order.floor = 0;
}

static void play_ends(struct play_text *t, const struct show *s, struct strbuf *out)
{
	batch_ends(t, s, out);
	if (!t->play_shown)
		add_banner(t, t->title, out);
	if (t->unmatched && !t->bare) {
		cli_paint(out, PLAY_SKIPPED, "skipping: no hosts matched");
		strbuf_addch(out, '\n');
	}
	t->in_play = t->play_shown = false;
}

static void host_begins(struct play_text *t, const struct show *s, const struct run_event *e)
{
	*play_order_place(&t->order, s, e->host) =
		(struct place_of_host){.begun = true, .section = SECTION_PRE};
}

static void host_ends(struct play_text *t, const struct show *s, const struct run_event *e,
	struct strbuf *out)
{
	play_order_place(&t->order, s, e->host)->ended = true;
	play_order_advance(&t->order, s, out);
}

/* Whether one host does a task for all. */
static bool is_for_all(const struct step *s)
{
	const struct value *once = step_attribute(s, ATTRIBUTE_RUN_ONCE);

	return (once && value_truthy(once)) ||
	       (s->kind == STEP_TASK && s->task->module->flags & MODULE_ONCE);
}

/* That no host matches a play is told behind its heading. */
static void warn(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	if (!e->host && e->play && !t->play_shown) {
		t->unmatched = true;
		return;
	}
	autofree char *text = e->host && e->number == 0
				      ? xasprintf("%s: %s", e->host->name, e->text)
				      : xstrdup(e->text);

	show_warn(s, text, out);
}

/* Whether a task that failed is fatal for all hosts. */
static bool is_fatal(const struct step *s)
{
	const struct step *outermost = s;

	if (s && is_for_all(s))
		return true;
	for (; s; s = s->outer) {
		outermost = s;
		if (s->attributes[ATTRIBUTE_ANY_ERRORS_FATAL])
			return true;
	}
	return outermost && (outermost->play->attributes[ATTRIBUTE_ANY_ERRORS_FATAL] ||
				    outermost->play->max_fail_percentage);
}

/*
 * Too many hosts failed. Ansible says so where the play sets a limit, but not where all hosts
 * of a batch failed: nobody is left to whom more could happen.
 */
static void run_stops(
	struct play_text *t, struct show *s, const struct run_event *e, struct strbuf *out)
{
	bool fatal = false;

	batch_lines(t, out);
	for (size_t i = 0; i < s->count && !fatal; i++)
		fatal = t->order.hosts[i].begun && is_fatal(s->run->hosts[i].failed_step);
	if (fatal)
		add_banner(t, "NO MORE HOSTS LEFT", out);
	if (s->live)
		show_warn(s, e->text, out);
}

static void text_event(struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct play_text *t = s->data;

	switch (e->kind) {
	case RUN_PLAY: play_begins(t, s, e); break;
	case RUN_BATCH: batch_begins(t, s, e, out); break;
	case RUN_HOST: host_begins(t, s, e); break;
	case RUN_TASK: task_begins(t, s, e, out); break;
	case RUN_RETRY:
	case RUN_ASYNC:
	case RUN_ITEM:
	case RUN_RESULT: task_tells(t, s, e, out); break;
	case RUN_INCLUDED: file_included(t, s, e, out); break;
	case RUN_UNDO: host_undone(t, s, e, out); break;
	case RUN_SAY: say_line(t, s, e, out); break;
	case RUN_WARNING: warn(t, s, e, out); break;
	case RUN_HOST_END: host_ends(t, s, e, out); break;
	case RUN_PLAY_END: play_ends(t, s, out); break;
	case RUN_PHASE:
		if (strcmp(e->text, "undo") == 0)
			play_order_place(&t->order, s, e->host)->section = SECTION_UNDO;
		break;
	case RUN_STOP: run_stops(t, s, e, out); break;
	default: break;
	}
}

static struct play_text *text_new(struct show *s)
{
	struct play_text *t = xcalloc(1, sizeof(*t));

	s->data = t;
	t->tell = play_result;
	play_order_init(&t->order, s);
	return t;
}

static void text_begin(struct show *s, struct strbuf *out)
{
	(void)out;
	text_new(s);
}

static void text_book_begin(struct show *s, struct strbuf *out)
{
	if (s->marks_check)
		play_banner("DRY RUN", out);
	if (s->verbosity >= 2) {
		autofree char *head =
			xasprintf("PLAYBOOK: %s", path_basename(s->run->playbook->path));
		play_banner(head, out);
		strbuf_addf(out, "%zu plays in %s\n", s->run->playbook->count,
			s->run->playbook->path);
	}
}

static void text_book_end(struct show *s, const char *note, struct strbuf *out)
{
	batch_ends(s->data, s, out);
	strbuf_addstr(out, note);
	play_recap(s, out);
	play_stats_tell(&((struct play_text *)s->data)->stats, out);
	if (s->marks_check)
		play_banner("DRY RUN", out);
}

/* Nothing is left: every playbook has had its recap. */
static void text_end(struct show *s, int exit_code, struct strbuf *out)
{
	(void)exit_code;
	batch_ends(s->data, s, out);
}

static void minimal_begin(struct show *s, struct strbuf *out)
{
	struct play_text *t = text_new(s);

	(void)out;
	t->bare = true;
	t->tell = play_line_minimal;
}

static void oneline_begin(struct show *s, struct strbuf *out)
{
	minimal_begin(s, out);
	((struct play_text *)s->data)->tell = play_line_oneline;
}

static void text_release(struct show *s)
{
	struct play_text *t = s->data;

	if (!t)
		return;
	play_order_release(&t->order);
	play_stats_release(&t->stats);
	free(t->title);
	free(t);
	s->data = NULL;
}

const struct show_words play_words_text = {
	.begin = text_begin,
	.book_begin = text_book_begin,
	.book_end = text_book_end,
	.event = text_event,
	.end = text_end,
	.release = text_release,
};

const struct show_words play_words_text_minimal = {
	.begin = minimal_begin,
	.event = text_event,
	.end = text_end,
	.release = text_release,
};

const struct show_words play_words_text_oneline = {
	.begin = oneline_begin,
	.event = text_event,
	.end = text_end,
	.release = text_release,
};
