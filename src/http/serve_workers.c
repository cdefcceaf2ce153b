/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that run the handlers of slow routes. */
#include "http/serve_private.h"

static struct http_later *next_request(struct http_server *s)
{
	struct http_later *q = NULL;

	pthread_mutex_lock(&s->lock);
	while (!s->queue.first && !s->queue.end)
		pthread_cond_wait(&s->changed, &s->lock);
	if (s->queue.first) {
		q = s->queue.first;
		s->queue.first = q->next;
		if (!q->next)
			s->queue.last = &s->queue.first;
		s->queue.count--;
	}
	pthread_mutex_unlock(&s->lock);
	return q;
}

static void *work(void *arg)
{
	struct http_server *s = arg;
	struct http_later *q;

	while ((q = next_request(s))) {
		struct http_answer answer = HTTP_ANSWER_INIT;
		q->call.route->handle(s->o.data, &q->call, &answer);
		http_later_answer(q, &answer);
	}
	return NULL;
}

int http_workers_start(struct http_server *s, struct err *err)
{
	bool slow = false;

	s->queue.last = &s->queue.first;
	for (const struct http_route *r = s->o.routes; r->method; r++)
		slow = slow || r->slow;
	if (!slow)
		return 0;
	s->queue.threads = xcalloc(s->o.workers, sizeof(*s->queue.threads));
	for (; s->queue.started < s->o.workers; s->queue.started++)
		if (pthread_create(&s->queue.threads[s->queue.started], NULL, work, s) != 0)
			return err_set(err, ERR_SYSTEM, "cannot start a thread");
	return 0;
}

bool http_workers_take(struct http_server *s, struct http_later *q)
{
	pthread_mutex_lock(&s->lock);
	bool room = s->queue.count < HTTP_SERVER_QUEUE;
	if (room) {
		q->next = NULL;
		*s->queue.last = q;
		s->queue.last = &q->next;
		s->queue.count++;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

void http_workers_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->queue.end = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->queue.started; i++)
		pthread_join(s->queue.threads[i], NULL);
	free(s->queue.threads);
}
