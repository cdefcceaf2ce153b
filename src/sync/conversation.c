/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/conversation.h"

#include "base/vec.h"

#define FORGET_MIN 32 /* answered requests that are worth moving the others for */

deadline conversation_deadline(const struct conversation *c)
{
	return deadline_min(c->o->until, deadline_in(c->o->stall > 0 ? c->o->stall : -1));
}

void conversation_progress(struct conversation *c, uint64_t bytes)
{
	c->done += bytes;
	if (c->o->progress)
		c->o->progress(c->o->progress_arg, c->done, c->total);
}

/* Forgets answered requests, so that a version of many files needs no memory for each. */
static void forget_settled(struct conversation *c)
{
	if (c->settled < FORGET_MIN || c->settled < c->requests.count / 2)
		return;
	c->requests.count -= c->settled;
	memmove(c->requests.items, c->requests.items + c->settled,
		c->requests.count * sizeof(*c->requests.items));
	c->settled = 0;
}

static void remember(struct conversation *c, uint32_t id, struct task *task, answer_fn answer)
{
	forget_settled(c);
	*VEC_PUSH(&c->requests) = (struct request){.id = id, .task = task, .answer = answer};
}

static int check_fields(const struct msg_writer *fields, struct err *err)
{
	if (fields->overflow)
		return err_set(err, ERR_LIMIT, "a request does not fit into a frame");
	return 0;
}

int conversation_ask(struct conversation *c, uint8_t kind, const struct msg_writer *fields,
	struct task *task, answer_fn answer, struct err *err)
{
	struct frame f = {
		.kind = kind, .ctx = c->o->ctx, .data = fields->data, .len = fields->len};

	if (check_fields(fields, err) < 0)
		return -1;
	uint32_t id = link_send(c->link, &f, err);
	if (!id)
		return -1;
	remember(c, id, task, answer);
	return 0;
}

int conversation_ask_bulk(struct conversation *c, uint8_t kind, uint8_t flags,
	const struct msg_writer *fields, struct task *task, answer_fn answer, uint32_t *id,
	struct err *err)
{
	struct frame f = {.kind = kind,
		.flags = flags,
		.ctx = c->o->ctx,
		.data = fields->data,
		.len = fields->len};

	if (check_fields(fields, err) < 0)
		return -1;
	*id = link_send_bulk(c->link, &f, conversation_deadline(c), err);
	if (!*id)
		return -1;
	remember(c, *id, task, answer);
	return 0;
}

int conversation_data(struct conversation *c, uint32_t id, uint8_t flags, const void *data,
	size_t n, struct err *err)
{
	struct frame f = {.id = id,
		.kind = WIRE_DATA,
		.flags = flags,
		.ctx = c->o->ctx,
		.data = data,
		.len = n};

	return link_send_bulk(c->link, &f, conversation_deadline(c), err) ? 0 : -1;
}

struct request *conversation_request(struct conversation *c, uint32_t id)
{
	for (size_t i = c->settled; i < c->requests.count; i++) {
		if (c->requests.items[i].id == id)
			return &c->requests.items[i];
	}
	return NULL;
}

/* Gives back what an answered request sent; out of the spool, if the node found it wrong. */
static void drop_item(struct request *r)
{
	if (r->item && r->err.code == ERR_INTEGRITY)
		spool_discard(r->item);
	spool_release(STEAL(r->item));
}

void conversation_keep(struct conversation *c, uint32_t id, struct spool_item *item)
{
	struct request *r = &c->requests.items[c->requests.count - 1];

	while (r->id != id)
		r--;
	r->item = item;
	if (r->done)
		drop_item(r);
}

void conversation_forget(struct conversation *c)
{
	for (size_t i = 0; i < c->requests.count; i++)
		spool_release(c->requests.items[i].item);
	free(c->requests.items);
}

static int take_answer(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	if (f->kind == WIRE_ERROR)
		link_error(f, &r->err);
	else if (f->kind != WIRE_REPLY)
		return err_set(
			err, ERR_PROTOCOL, "an answer of kind %s", wire_kind_name(f->kind));
	r->done = f->kind == WIRE_ERROR || !(f->flags & FRAME_MORE);
	if (r->done)
		drop_item(r);
	if (r->answer && r->answer(c, r, f, err) < 0)
		return -1;
	if (r->err.code && r->task)
		task_fail(r->task, &r->err);
	while (c->settled < c->requests.count && c->requests.items[c->settled].done)
		c->settled++;
	return 0;
}

/* How far the node is with reading files again, where that is all that is done. */
static int take_event(struct conversation *c, const struct frame *f, struct err *err)
{
	struct wire_progress p;

	if (!c->o->look || !c->o->progress)
		return 0;
	if (wire_get_progress(f, &p, err) < 0)
		return -1;
	c->o->progress(c->o->progress_arg, c->done + p.done, c->total);
	return 0;
}

static int take_frame(struct conversation *c, const struct frame *f, struct err *err)
{
	if (f->kind == WIRE_EVENT)
		return take_event(c, f, err);
	if (f->kind == WIRE_ERROR && f->id == 0)
		return link_error(f, err);
	struct request *r = conversation_request(c, f->id);
	if (!r)
		return err_set(err, ERR_PROTOCOL, "an answer to no request (%s, id %u)",
			wire_kind_name(f->kind), f->id);
	return take_answer(c, r, f, err);
}

int conversation_drain(struct conversation *c, struct err *err)
{
	struct frame f;
	int got;

	while ((got = link_poll(c->link, &f, err)) == 1) {
		if (take_frame(c, &f, err) < 0)
			return -1;
	}
	return got;
}

int conversation_settle(struct conversation *c, struct err *err)
{
	struct frame f;

	while (c->settled < c->requests.count) {
		if (link_next(c->link, &f, conversation_deadline(c), err) < 0 ||
			take_frame(c, &f, err) < 0)
			return -1;
	}
	c->requests.count = c->settled = 0;
	return 0;
}

void task_fail(struct task *t, const struct err *why)
{
	t->state = TASK_DONE;
	t->finished = true;
	if (t->result->outcome == SYNC_FAILED)
		return;
	t->damaged = why->code == ERR_INTEGRITY && !t->raw;
	t->result->outcome = SYNC_FAILED;
	t->result->err = *why;
}
