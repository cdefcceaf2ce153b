/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include "cli/tell.h"
#include "play/module.h"

static void print(const struct strbuf *text)
{
	fwrite(text->data, 1, text->len, stdout);
	fflush(stdout);
}

/* Prints a text above the block, which is drawn again; or as it is where there is no block. */
static void say(struct show *s, const struct strbuf *text)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	if (!s->live) {
		if (text->len)
			print(text);
		return;
	}
	if (!s->parked || s->drawn)
		show_live_erase(s, &all);
	strbuf_add(&all, text->data, text->len);
	if (!s->parked)
		show_live_draw(s, &all);
	print(&all);
}

size_t show_room(const struct show *s)
{
	return s->run->room > s->run->count ? s->run->room : s->run->count;
}

void show_init(struct show *s)
{
	s->count = s->run->count;
	s->hosts = xcalloc(show_room(s) + 1, sizeof(*s->hosts));
}

void show_begin(struct show *s)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	s->started_ns = clock_ns();
	s->words->begin(s, &text);
	if (text.len)
		print(&text);
	play_tell_begin(s);
}

void show_book_begin(struct show *s)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!s->words->book_begin)
		return;
	s->words->book_begin(s, &text);
	say(s, &text);
}

void show_book_end(struct show *s, const char *note)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!s->words->book_end)
		return;
	s->words->book_end(s, note, &text);
	say(s, &text);
}

void show_end(struct show *s, int exit_code)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (s->live)
		show_live_erase(s, &text);
	s->words->end(s, exit_code, &text);
	print(&text);
	play_tell_end(s, exit_code);
}

void show_release(struct show *s)
{
	if (s->words && s->words->release)
		s->words->release(s);
	for (size_t i = 0; i < s->count; i++) {
		free((char *)s->hosts[i].task);
		free(s->hosts[i].item_error);
	}
	strlist_release(&s->asides);
	free(s->hosts);
	s->hosts = NULL;
	s->count = 0;
}

struct shown_host *show_host(const struct show *s, const struct run_host *h)
{
	return &s->hosts[h - s->run->hosts];
}

/* The constant for a phase, so that it outlives its event. */
static const char *phase_constant(const char *text)
{
	static const char *const phases[] = {"connect", "sync", "render", "restart", "check",
		"soak", "confirm", "undo", "task"};

	for (size_t i = 0; text && i < ARRAY_SIZE(phases); i++) {
		if (strcmp(phases[i], text) == 0)
			return phases[i];
	}
	return NULL;
}

static void enter_phase(struct shown_host *h, const char *text)
{
	const char *phase = phase_constant(text);

	if (phase && strcmp(phase, "undo") == 0 && !h->failed_phase)
		h->failed_phase = h->phase;
	h->phase = phase;
}

static void set_task(struct shown_host *h, const char *title)
{
	free((char *)h->task);
	h->task = title ? xstrdup(title) : NULL;
}

static bool is_out(const struct run_host *h)
{
	return h->failed || h->unreachable || h->stopped || h->undo != UNDO_NONE;
}

/* An item that failed says why its task did, unless the task is no failure after all. */
static void note_outcome(struct shown_host *h, const struct run_event *e)
{
	const char *why = value_text(value_dict_get(e->result, "msg"));

	if (e->kind == RUN_ITEM && e->outcome == TASK_FAILED && why && !h->item_error)
		h->item_error = xasprintf("%s: %s", e->label ? e->label : "item", why);
	if (e->kind != RUN_RESULT || e->outcome == TASK_FAILED)
		return;
	free(h->item_error);
	h->item_error = NULL;
}

/* Takes in what an event says of its host. */
static void note(struct show *s, const struct run_event *e)
{
	struct shown_host *h = show_host(s, e->host);

	switch (e->kind) {
	case RUN_HOST:
		h->in_work = true;
		if (!h->started_ns)
			h->started_ns = e->at_ns;
		break;
	case RUN_PHASE: enter_phase(h, e->text); break;
	case RUN_TASK: set_task(h, e->title); break;
	case RUN_ITEM:
	case RUN_RESULT: note_outcome(h, e); break;
	case RUN_HOST_END:
		h->in_work = false;
		h->plays -= h->plays > 0;
		h->done = h->plays == 0 || is_out(e->host);
		if (is_out(e->host) && !h->failed_phase)
			h->failed_phase = h->phase;
		h->ended_ns = e->at_ns;
		set_task(h, NULL);
		break;
	default: break;
	}
}

bool show_ends_host(const struct show *s, const struct run_event *e)
{
	if (e->kind != RUN_HOST_END || !show_host(s, e->host)->done)
		return false;
	/* What is done may yet be taken back with the others: that is known when all is over.
	 */
	return !s->run->o->rollback_on_abort || is_out(e->host);
}

/* Whether the block tells something new after an event without text. */
static bool redraws(const struct show *s, const struct run_event *e)
{
	if (e->kind == RUN_TERMINAL)
		return s->live;
	return s->live && !s->parked && (e->kind == RUN_TICK || e->kind == RUN_HOST_END);
}

void show_listen(void *show, const struct run_event *e)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct show *s = show;

	/* Playbooks add hosts. */
	s->count = s->run->count;
	if (e->host)
		note(s, e);
	if (e->kind == RUN_TERMINAL)
		s->parked = e->number > 0;
	play_tell_event(s, e);
	s->words->event(s, e, &text);
	if (text.len || redraws(s, e))
		say(s, &text);
}

void show_aside(struct show *s, const char *line, struct strbuf *out)
{
	if (strlist_has(&s->asides, line))
		return;
	strlist_add(&s->asides, line);
	if (s->live)
		strbuf_addf(out, "%s\n", line);
	else
		fprintf(stderr, "%s\n", line);
}

void show_warn(struct show *s, const char *text, struct strbuf *out)
{
	autofree char *line = xasprintf("[WARNING]: %s", text);

	show_aside(s, line, out);
}

bool show_is_module(const struct step *s, const char *module)
{
	return s && s->kind == STEP_TASK && s->task->module &&
	       strcmp(s->task->module->name, module) == 0;
}

const char *show_why(const struct show *s, const struct run_host *h)
{
	const char *item = show_host(s, h)->item_error;

	return item ? item : h->err.text;
}
