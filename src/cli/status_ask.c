/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_ask.h"

#include "play/items.h"

#define ANSWER_MAX     ((size_t)4 << 20)
#define MODULE_SECONDS 60

static struct question *new_question(
	struct asker *a, uint32_t id, question_take take, const struct question *about)
{
	struct question *q = &a->questions[a->count++];

	*q = about ? *about : (struct question){0};
	q->id = id;
	q->take = take;
	q->why = (struct err){0};
	strbuf_init(&q->answer);
	return q;
}

/* Makes room for a question, if need be by waiting for those that are under way. */
static int make_room(struct asker *a, struct err *err)
{
	return a->count < ASK_MAX ? 0 : ask_settle(a, err);
}

int ask_later(struct asker *a, uint8_t kind, uint16_t ctx, const void *data, size_t n,
	question_take take, const struct question *about, struct err *err)
{
	const struct frame request = {.kind = kind, .ctx = ctx, .data = data, .len = n};

	if (make_room(a, err) < 0)
		return -1;
	uint32_t id = link_send(a->line->link, &request, err);
	if (!id)
		return -1;
	new_question(a, id, take, about);
	return 0;
}

/* Sends a module's arguments, the stream of its request. */
static int send_arguments(
	struct asker *a, uint32_t id, uint16_t ctx, const struct strbuf *args, struct err *err)
{
	size_t at = 0;

	do {
		size_t n =
			args->len - at < FRAME_PAYLOAD_MAX ? args->len - at : FRAME_PAYLOAD_MAX;
		const struct frame f = {.id = id,
			.kind = WIRE_DATA,
			.flags = at + n == args->len ? FRAME_LAST : 0,
			.ctx = ctx,
			.data = (const uint8_t *)args->data + at,
			.len = n};
		if (!link_send(a->line->link, &f, err))
			return -1;
		at += n;
	} while (at < args->len);
	return 0;
}

int ask_module(struct asker *a, uint16_t ctx, const char *module, const struct value *args,
	question_take take, const struct question *about, struct err *err)
{
	AUTO(strbuf_release) struct strbuf items = STRBUF_INIT;
	uint8_t buffer[WIRE_MODULE_NAME_MAX + 32];
	struct msg_writer w;

	if (items_write(args, &items, err) < 0)
		return -1;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_module(&w, &(struct wire_module){.name = module,
				    .args_len = (uint32_t)items.len,
				    .timeout = MODULE_SECONDS});
	if (ask_later(a, WIRE_MODULE, ctx, buffer, w.len, take, about, err) < 0)
		return -1;
	return send_arguments(a, a->questions[a->count - 1].id, ctx, &items, err);
}

/* Waits for a frame of a question as long as the node shows signs of life. */
static int next_frame(struct asker *a, struct question *q, struct frame *f, struct err *err)
{
	deadline stalled = deadline_in(a->stall > 0 ? a->stall : -1);

	*f = (struct frame){0};
	if (link_next_of(a->line->link, q->id, f, deadline_min(a->until, stalled), err) == 0)
		return 0;
	if (f->kind == WIRE_ERROR)
		return -1;
	if (err->code == ERR_TIMEOUT && stalled <= a->until)
		err_set(err, ERR_UNREACHABLE, "no sign of life for %.0f seconds", a->stall);
	return -1;
}

/* 0 with the answer or the node's error in q. */
static int take_answer(struct asker *a, struct question *q, struct err *err)
{
	struct frame f;

	do {
		struct err why = {0};
		if (next_frame(a, q, &f, &why) < 0) {
			if (f.kind != WIRE_ERROR)
				return err_set(err, why.code, "%s", why.text);
			q->why = why;
			return 0;
		}
		if (f.kind == WIRE_EVENT)
			continue;
		if (f.len > ANSWER_MAX - q->answer.len)
			return err_set(
				err, ERR_LIMIT, "an answer of more than %zu bytes", ANSWER_MAX);
		strbuf_add(&q->answer, f.data, f.len);
	} while (f.kind == WIRE_EVENT || f.flags & FRAME_MORE);
	return 0;
}

static void forget_questions(struct asker *a)
{
	for (size_t i = 0; i < a->count; i++)
		strbuf_release(&a->questions[i].answer);
	a->count = 0;
}

int ask_settle(struct asker *a, struct err *err)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < a->count; i++) {
		struct question *q = &a->questions[i];
		result = take_answer(a, q, err);
		if (result == 0 && q->take)
			result = q->take(a, q, err);
	}
	forget_questions(a);
	return result;
}

void ask_release(struct asker *a)
{
	forget_questions(a);
	free(a->denied.items);
}
