/* SPDX-License-Identifier: Apache-2.0 */
/* What line.c and line_transaction.c have of each other. */
#ifndef PLAY_LINE_INSIDE_H
#define PLAY_LINE_INSIDE_H

#include "play/line.h"

/* After a failure that is not the node's answer: closes the line. -1. */
int line_broken(struct line *l, struct err *err);
/* Notes a request whose answer is looked at later; an id of 0 is one that failed. */
int line_note(struct line *l, uint32_t id, struct err *err);
/* Sends a frame behind what was sent before it; its id, or 0. */
uint32_t line_send(struct line *l, const struct frame *f, deadline until, struct err *err);
/*
 * Waits for a request's answer and appends its payloads to `answer` (NULL: they do not
 * matter). -1 with the node's error, or with the line broken.
 */
int line_take_answer(struct line *l, uint32_t id, struct strbuf *answer, size_t max,
	deadline until, struct err *err);

/* Begins the transaction on a helper; the answer is looked at later. */
int line_begin(struct line *l, uint16_t ctx, const struct line_transaction *t, struct err *err);
/* Keeps what a helper's answer to the beginning says that no watchdog of it covers. */
void line_keep_gap(struct line_user *u, const struct strbuf *answer);

#endif
