/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second helpers, which the first one starts as another user (BECOME) and relays frames
 * for.
 *
 * Theory of operation. A child is a helper like this one, behind three pipes. A frame with
 * its ctx goes to it with ctx 0; what it answers goes to the engine with its ctx. Towards a
 * child at most one frame waits: while it does, nothing more is read from the engine, so a
 * child that is busy slows the engine down and nothing piles up. What a child answers is
 * always taken, also then: the engine reads while it writes, so this cannot stall.
 */
#ifndef NODE_CHILD_H
#define NODE_CHILD_H

#include <stdbool.h>

#include "base/err.h"
#include "wire/frame.h"

struct node;
struct child;

/* True while a child has not yet taken the frame that was last given to it. */
bool children_block(const struct node *n);
/* Gives a frame with a ctx to its child; without such a child the request fails. */
int children_send(struct node *n, const struct frame *f, struct err *err);
/*
 * Tells the children that the engine was heard, by a PING whose answer is dropped: they do
 * not see what is meant for others, and this helper may be busy for long.
 */
void children_heard(struct node *n);
/* Waits until the engine or a child has something, and moves it. */
int children_wait(struct node *n, struct err *err);
/* Ends a child and frees it; NULL is fine. */
void child_free(struct child *c);

#endif
