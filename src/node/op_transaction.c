/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRANSACTION_BEGIN, TRANSACTION_CONFIRM, TRANSACTION_UNDO, TRANSACTION_LIST.
 */
#include "node/request.h"
#include "node/transaction.h"
#include "node/watchdog.h"

int op_transaction_begin(struct request *q, struct err *err)
{
	struct wire_transaction_begin begin;
	struct node *n = q->node;

	if (wire_get_transaction_begin(q->frame, &begin, err) < 0)
		return -1;
	if (n->transaction)
		return err_set(err, ERR_EXISTS, "transaction %s is open already",
			transaction_id(n->transaction));
	if (transaction_settle(begin.id, err) < 0)
		return -1;
	n->transaction = transaction_new(&begin, err);
	if (!n->transaction)
		return -1;
	msg_put_string(&q->reply, watchdog_gap(begin.confirm_timeout));
	return 0;
}

/* Reads the id; an open transaction of that id is let go. *empty says if it was one without a
 * record: it has nothing but `notes` then. NULL with err. */
static const char *take_id(
	struct request *q, bool *empty, struct strlist *notes, struct err *err)
{
	struct node *n = q->node;
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	const char *id = msg_string(&r, WIRE_TRANSACTION_ID_MAX);
	if (msg_end(&r, "a request about a transaction", err) < 0)
		return NULL;
	*empty = false;
	if (n->transaction && strcmp(transaction_id(n->transaction), id) == 0) {
		*empty = transaction_is_empty(n->transaction);
		transaction_take_notes(n->transaction, notes);
		transaction_free(n->transaction);
		n->transaction = NULL;
	}
	return id;
}

int op_transaction_confirm(struct request *q, struct err *err)
{
	AUTO(strlist_release) struct strlist notes = {0};
	bool empty;
	const char *id = take_id(q, &empty, &notes, err);

	if (!id)
		return -1;
	if (!empty && transaction_confirm(id, err) < 0)
		return -1;
	msg_put_u8(&q->reply, !empty);
	return 0;
}

/* Answers with an item tree. */
static int put_items(
	struct request *q, struct item_writer *items, struct strbuf *bytes, struct err *err)
{
	if (item_finish(items, err) < 0)
		return -1;
	return request_bytes(q, bytes->data, bytes->len, err);
}

static void put_notes(struct item_writer *items, const struct strlist *notes)
{
	item_open_list(items, "notes");
	for (size_t i = 0; i < notes->count; i++)
		item_put_string(items, NULL, notes->items[i]);
	item_close(items);
}

int op_transaction_undo(struct request *q, struct err *err)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	AUTO(strlist_release) struct strlist notes = {0};
	struct item_writer items;
	struct err why = {0};
	bool empty;
	const char *id = take_id(q, &empty, &notes, err);

	if (!id)
		return -1;
	item_begin(&items, &bytes);
	if (empty) {
		put_notes(&items, &notes);
		return put_items(q, &items, &bytes, err);
	}
	size_t nothing = bytes.len;
	/* What could not be taken back is told in the answer, so that the rest is, too. */
	if (transaction_undo(id, false, &items, &why) < 0) {
		if (bytes.len == nothing)
			return err_set(err, why.code, "%s", why.text);
		item_put_string(&items, "msg", why.text);
	}
	return put_items(q, &items, &bytes, err);
}

int op_transaction_list(struct request *q, struct err *err)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct item_writer items;

	item_begin(&items, &bytes);
	if (transaction_list(&items, err) < 0)
		return -1;
	return put_items(q, &items, &bytes, err);
}
