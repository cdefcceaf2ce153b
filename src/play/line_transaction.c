/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line's transaction: begun with each helper's first use, confirmed or taken back for all who
 * began it.
 */
#include "play/line_inside.h"

void line_keep_gap(struct line_user *u, const struct strbuf *answer)
{
	struct msg_reader r;

	msg_read(&r, answer->data, answer->len);
	const char *gap = msg_string(&r, UINT16_MAX);
	if (*gap && !u->gap)
		u->gap = xstrdup(gap);
}

int line_begin(struct line *l, uint16_t ctx, const struct line_transaction *t, struct err *err)
{
	uint8_t buffer[1024];
	struct msg_writer w;
	struct wire_transaction_begin begin = {
		.id = t->id, .title = t->title, .confirm_timeout = t->confirm_timeout};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_transaction_begin(&w, &begin);
	if (w.overflow)
		return err_set(err, ERR_LIMIT, "the transaction's title is too long");
	struct frame f = {
		.kind = WIRE_TRANSACTION_BEGIN, .ctx = ctx, .data = buffer, .len = w.len};
	if (l->pending_count == LINE_PENDING && line_settle(l, DEADLINE_NEVER, err) < 0)
		return -1;
	if (line_note(l, link_send(l->link, &f, err), err) < 0)
		return -1;
	l->pending[l->pending_count - 1].begins = true;
	l->pending[l->pending_count - 1].ctx = ctx;
	l->users[ctx].begun = true;
	return 0;
}

/* Sends a request about a transaction to one helper; its id, or 0 with the line broken. */
static uint32_t send_transaction(struct line *l, uint8_t kind, uint16_t ctx, const char *id,
	deadline until, struct err *err)
{
	uint8_t buffer[WIRE_TRANSACTION_ID_MAX + 16];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_string(&w, id);
	if (w.overflow) {
		err_set(err, ERR_LIMIT, "a transaction's name is too long");
		return 0;
	}
	struct frame f = {.kind = kind, .ctx = ctx, .data = buffer, .len = w.len};
	uint32_t sent = line_send(l, &f, until, err);
	if (sent == 0)
		line_broken(l, err);
	return sent;
}

/* Asks one helper about a transaction and waits. */
static int ask_transaction(struct line *l, uint8_t kind, uint16_t ctx, const char *id,
	struct strbuf *answer, deadline until, struct err *err)
{
	uint32_t sent = send_transaction(l, kind, ctx, id, until, err);

	if (sent == 0 || line_settle(l, until, err) < 0)
		return -1;
	return line_take_answer(l, sent, answer, WIRE_MODULE_RESULT_MAX, until, err);
}

void line_confirm_empty(struct line *l, const char *id, deadline until)
{
	struct err ignored = {0};

	for (uint16_t ctx = 0; l->link && ctx < LINE_USERS; ctx++) {
		if (!l->users[ctx].begun || l->pending_count == LINE_PENDING)
			continue;
		line_note(l,
			send_transaction(l, WIRE_TRANSACTION_CONFIRM, ctx, id, until, &ignored),
			&ignored);
	}
}

/* Asks the helper of a user who began a transaction, wherever line and helper are gone. */
static int ask_user(struct line *l, uint8_t kind, const char *user, const char *id,
	struct strbuf *answer, deadline until, const struct cancel *cancel, struct err *err)
{
	uint16_t ctx;

	if (line_open(l, until, cancel, err) < 0 ||
		line_user(l, *user ? user : NULL, NULL, until, &ctx, err) < 0)
		return -1;
	return ask_transaction(l, kind, ctx, id, answer, until, err);
}

static void take_gap(struct line *l, const char *user)
{
	for (size_t i = 0; i < LINE_USERS; i++) {
		const struct line_user *u = &l->users[i];
		bool his = i == 0 ? !*user : u->name && strcmp(u->name, user) == 0;
		if (his && u->gap && !l->gap)
			l->gap = xstrdup(u->gap);
	}
}

/* Confirms a user's part. 1 when something was made in it, 0 when not, -1 with err. */
static int confirm_user(struct line *l, const char *user, const char *id, deadline until,
	const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct msg_reader r;

	if (ask_user(l, WIRE_TRANSACTION_CONFIRM, user, id, &answer, until, cancel, err) < 0)
		return -1;
	msg_read(&r, answer.data, answer.len);
	if (msg_u8(&r) == 0)
		return 0;
	take_gap(l, user);
	return 1;
}

int line_confirm(struct line *l, const char *id, deadline until, const struct cancel *cancel,
	struct err *err)
{
	AUTO(strlist_release) struct strlist made = {0};

	for (size_t i = l->begun.count; i-- > 0;) {
		int result = confirm_user(l, l->begun.items[i], id, until, cancel, err);
		if (result < 0)
			return -1;
		if (result > 0)
			strlist_add(&made, l->begun.items[i]);
	}
	struct strlist all = l->begun;
	l->begun = made;
	made = all;
	return 0;
}

/* The texts of a list in what the node tells. */
static void add_texts(const struct item *told, const char *key, struct strlist *out)
{
	const struct item *list = item_get(told, key);

	for (uint32_t i = 0; list && list->type == ITEM_LIST && i < list->count; i++)
		if (list->items[i].type == ITEM_STRING)
			strlist_addf(out, "%.*s", (int)list->items[i].len, list->items[i].text);
}

/* What could not be put back is an error; what no undo can is noted. */
static int read_undo(struct line *l, const struct strbuf *answer, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist failed = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct item *told = item_parse(&arena, answer->data, answer->len, err);

	if (!told)
		return -1;
	add_texts(told, "notes", &l->notes);
	add_texts(told, "failed", &failed);
	for (size_t i = 0; i < failed.count; i++)
		strbuf_addf(&text, "%s%s", i ? "; " : "", failed.items[i]);
	return failed.count > 0 ? err_set(err, ERR_SYSTEM, "%s", text.data) : 0;
}

static int undo_user(struct line *l, const char *user, const char *id, deadline until,
	const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;

	if (ask_user(l, WIRE_TRANSACTION_UNDO, user, id, &answer, until, cancel, err) < 0)
		return -1;
	return read_undo(l, &answer, err);
}

int line_undo(struct line *l, const char *id, deadline until, const struct cancel *cancel,
	struct err *err)
{
	int result = 0;

	strlist_release(&l->notes);
	for (size_t i = l->begun.count; i-- > 0;) {
		struct err why = {0};
		if (undo_user(l, l->begun.items[i], id, until, cancel, &why) == 0)
			continue;
		/* One who changed nothing has no part in it, and his first helper is gone. */
		if (why.code == ERR_NOTFOUND && !l->made)
			continue;
		if (result == 0)
			err_set(err, why.code, "%s", why.text);
		result = -1;
	}
	return result;
}

void line_end_transaction(struct line *l)
{
	for (size_t i = 0; i < LINE_USERS; i++)
		l->users[i].begun = false;
	l->touched = l->made = false;
	strlist_release(&l->begun);
}
