/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/event_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

int event_queue_init(struct event_queue *q, struct err *err)
{
	*q = (struct event_queue){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (q->fd < 0)
		return err_sys(err, "cannot make an event descriptor");
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->room, NULL);
	return 0;
}

void event_queue_nudge(struct event_queue *q)
{
	uint64_t one = 1;
	ssize_t ignored = write(q->fd, &one, sizeof(one));

	(void)ignored;
}

void event_queue_drain(struct event_queue *q)
{
	uint64_t ignored;

	while (read(q->fd, &ignored, sizeof(ignored)) > 0)
		;
}

void event_queue_put(struct event_queue *q, const struct fleet_event *e)
{
	struct fleet_event copy = *e;

	copy.text = xstrdup(e->text);
	pthread_mutex_lock(&q->lock);
	while (q->count == EVENT_QUEUE_MAX)
		pthread_cond_wait(&q->room, &q->lock);
	q->ring[(q->first + q->count) % EVENT_QUEUE_MAX] = copy;
	q->count++;
	pthread_mutex_unlock(&q->lock);
	event_queue_nudge(q);
}

bool event_queue_take(struct event_queue *q, struct fleet_event *e)
{
	pthread_mutex_lock(&q->lock);
	bool found = q->count > 0;
	if (found) {
		*e = q->ring[q->first];
		q->first = (q->first + 1) % EVENT_QUEUE_MAX;
		q->count--;
		pthread_cond_signal(&q->room);
	}
	pthread_mutex_unlock(&q->lock);
	return found;
}

void event_release(struct fleet_event *e)
{
	free((char *)(uintptr_t)e->text);
	if (e->release)
		e->release(e->payload);
}

void event_queue_release(struct event_queue *q)
{
	struct fleet_event e;

	while (event_queue_take(q, &e))
		event_release(&e);
	fd_close(&q->fd);
	pthread_cond_destroy(&q->room);
	pthread_mutex_destroy(&q->lock);
}
