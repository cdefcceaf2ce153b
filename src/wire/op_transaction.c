/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/op.h"

void wire_put_transaction_begin(struct msg_writer *w, const struct wire_transaction_begin *t)
{
	msg_put_string(w, t->id);
	msg_put_string(w, t->title);
	msg_put_u32(w, t->confirm_timeout);
}

int wire_get_transaction_begin(
	const struct frame *f, struct wire_transaction_begin *t, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, f->data, f->len);
	t->id = msg_string(&r, WIRE_TRANSACTION_ID_MAX);
	t->title = msg_string(&r, WIRE_TRANSACTION_TITLE_MAX);
	t->confirm_timeout = msg_u32(&r);
	return msg_end(&r, "a TRANSACTION_BEGIN request", err);
}
