/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_order.h"

#include "base/vec.h"

/* Of a key: its section, a task's place (play/include.h), and a handler's. */
#define SECTION_SHIFT 60
#define TASK_SHIFT    15
#define TASK_MASK     ((UINT64_C(1) << 45) - 1)
#define HANDLER_MASK  ((1u << TASK_SHIFT) - 1)
#define HANDLER_SHIFT 30 /* of a place: the step of the playbook */

/* ---- keys ---- */

static bool holds(const struct steps *list, const struct step *top)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == top)
			return true;
	return false;
}

static enum section section_of(const struct step *s)
{
	while (s->outer)
		s = s->outer;
	if (holds(&s->play->pre_tasks, s))
		return SECTION_PRE;
	return holds(&s->play->post_tasks, s) ? SECTION_POST : SECTION_TASKS;
}

uint64_t play_order_key(unsigned section, uint64_t task, uint64_t handler)
{
	return (uint64_t)section << SECTION_SHIFT | (task & TASK_MASK) << TASK_SHIFT |
	       (handler & HANDLER_MASK);
}

uint64_t play_order_key_of(struct place_of_host *h, const struct run_event *e)
{
	if (!e->step)
		return play_order_key(SECTION_PRE, 0, 0);
	uint64_t handler = e->place >> HANDLER_SHIFT;
	if (e->handler && h->section != SECTION_UNDO)
		return h->flushed ? play_order_key(h->section, h->task, handler)
				  : play_order_key(h->section + 1u, 0, handler);
	if (h->section != SECTION_UNDO)
		h->section = section_of(e->step);
	h->task = e->place;
	h->flushed = show_is_module(e->step, "meta");
	return play_order_key(h->section, e->place, 0);
}

/* ---- groups ---- */

struct task_lines *play_order_group(struct play_order *o, uint64_t key)
{
	size_t at = 0;

	while (at < o->groups.count && o->groups.items[at].key < key)
		at++;
	if (at == o->groups.count || o->groups.items[at].key != key) {
		VEC_PUSH(&o->groups);
		memmove(&o->groups.items[at + 1], &o->groups.items[at],
			(o->groups.count - 1 - at) * sizeof(struct task_lines));
		o->groups.items[at] = (struct task_lines){
			.key = key, .lines = STRBUF_INIT, .errors = STRBUF_INIT};
	}
	return &o->groups.items[at];
}

static void task_lines_release(struct task_lines *g)
{
	free(g->banner);
	strbuf_release(&g->lines);
	strbuf_release(&g->errors);
}

/* The least key that some host of the batch is still at. */
static uint64_t find_floor(const struct play_order *o, const struct show *s)
{
	uint64_t floor = PLAY_ORDER_END, begun = 0;

	for (size_t i = 0; i < s->count; i++) {
		begun += o->hosts[i].begun;
		if (o->hosts[i].begun && !o->hosts[i].ended && o->hosts[i].key < floor)
			floor = o->hosts[i].key;
	}
	return begun < o->batch_hosts ? 0 : floor;
}

static void show_group(struct play_order *o, struct task_lines *g, struct strbuf *out)
{
	if (o->hides && g->lines.len == 0)
		return;
	if (g->banner && (!g->shown || o->last != g->key))
		strbuf_addstr(out, g->banner);
	g->shown = true;
	o->last = g->key;
	strbuf_add(out, g->lines.data, g->lines.len);
	strbuf_clear(&g->lines);
	if (g->errors.len)
		fputs(g->errors.data, stderr);
	strbuf_clear(&g->errors);
}

void play_order_flush(struct play_order *o, struct strbuf *out)
{
	size_t done = 0;

	for (size_t i = 0; i < o->groups.count && o->groups.items[i].key <= o->floor; i++)
		show_group(o, &o->groups.items[i], out);
	while (done < o->groups.count && o->groups.items[done].key < o->floor)
		task_lines_release(&o->groups.items[done++]);
	if (done == 0)
		return;
	o->groups.count -= done;
	memmove(o->groups.items, o->groups.items + done,
		o->groups.count * sizeof(struct task_lines));
}

void play_order_advance(struct play_order *o, const struct show *s, struct strbuf *out)
{
	o->floor = find_floor(o, s);
	play_order_flush(o, out);
}

struct place_of_host *play_order_place(
	struct play_order *o, const struct show *s, const struct run_host *h)
{
	return &o->hosts[h - s->run->hosts];
}

void play_order_end(struct play_order *o, const struct show *s, struct strbuf *out)
{
	o->floor = PLAY_ORDER_END;
	play_order_flush(o, out);
	memset(o->hosts, 0, s->count * sizeof(*o->hosts));
	o->batch_hosts = 0;
	o->last = 0;
}

void play_order_init(struct play_order *o, const struct show *s)
{
	/* Playbooks add hosts. */
	o->hosts = xcalloc(show_room(s) + 1, sizeof(*o->hosts));
	o->hides = s->hides_ok || s->hides_skipped;
}

void play_order_release(struct play_order *o)
{
	for (size_t i = 0; i < o->groups.count; i++)
		task_lines_release(&o->groups.items[i]);
	free(o->groups.items);
	free(o->hosts);
}
