/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of events from many workers to one reader. A full queue makes writers wait,
 * so that a slow terminal slows the workers down rather than eating memory. The reader can
 * poll its descriptor together with others.
 *
 * Private to fleet/.
 */
#ifndef FLEET_EVENT_QUEUE_H
#define FLEET_EVENT_QUEUE_H

#include <pthread.h>

#include "fleet/fleet.h"

#define EVENT_QUEUE_MAX 512

struct event_queue {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct fleet_event ring[EVENT_QUEUE_MAX]; /* texts and payloads are owned */
	unsigned first;
	unsigned count;
	int fd; /* readable while events wait, or after a nudge */
};

/* Makes a queue. */
int event_queue_init(struct event_queue *q, struct err *err);
/* Appends an event with a copy of its text; waits while the queue is full. */
void event_queue_put(struct event_queue *q, const struct fleet_event *e);
/* Wakes the reader without an event. */
void event_queue_nudge(struct event_queue *q);
/* Takes the oldest event; false when there is none. It is the caller's: event_release. */
bool event_queue_take(struct event_queue *q, struct fleet_event *e);
/* Frees what an event that was taken owns. */
void event_release(struct fleet_event *e);
/* Makes the descriptor unreadable until the next put or nudge; call it before taking. */
void event_queue_drain(struct event_queue *q);
/* Frees the queue and what is left in it. */
void event_queue_release(struct event_queue *q);

#endif
