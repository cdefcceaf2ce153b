/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds of server-sent events.
 *
 * A subscriber is the reader of an answer that does not end. When it has sent all that there
 * is, it is suspended by the server's thread; who has an event for it appends that and resumes
 * it. Both happen under the feed's lock, so that no event comes in between.
 */
#include "base/clock.h"
#include "http/serve_private.h"

struct subscriber {
	struct http_feed *feed;
	struct MHD_Connection *connection;
	struct strbuf waiting;
	size_t sent; /* of waiting */
	bool suspended, ended;
	struct subscriber *next;
};

struct http_feed {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	double heartbeat;
	bool end;
	struct subscriber *subscribers;
	size_t count;
};

/* ---- one subscriber; with the feed's lock held ---- */

static void wake(struct subscriber *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
}

static void give(struct subscriber *s, const struct strbuf *event)
{
	if (s->waiting.len - s->sent + event->len > HTTP_FEED_BACKLOG)
		s->ended = true; /* it comes again, and is told anew where things stand */
	else
		strbuf_add(&s->waiting, event->data, event->len);
	wake(s);
}

static size_t take(struct subscriber *s, char *to, size_t n)
{
	size_t left = s->waiting.len - s->sent;

	n = n < left ? n : left;
	memcpy(to, s->waiting.data + s->sent, n);
	s->sent += n;
	if (s->sent == s->waiting.len) {
		strbuf_release(&s->waiting); /* thousands are idle most of the time */
		s->sent = 0;
	}
	return n;
}

/* ---- its answer ---- */

static ssize_t subscriber_read(void *data, char *to, size_t n)
{
	struct subscriber *s = data;
	ssize_t got = HTTP_READER_LATER;

	pthread_mutex_lock(&s->feed->lock);
	if (s->ended) {
		got = HTTP_READER_END;
	} else if (s->waiting.len) {
		got = (ssize_t)take(s, to, n);
	} else {
		s->suspended = true;
		MHD_suspend_connection(s->connection);
	}
	pthread_mutex_unlock(&s->feed->lock);
	return got;
}

static void subscriber_attach(void *data, struct MHD_Connection *connection)
{
	((struct subscriber *)data)->connection = connection;
}

static void subscriber_end(void *data)
{
	struct subscriber *s = data;

	pthread_mutex_lock(&s->feed->lock);
	s->ended = true;
	wake(s);
	pthread_mutex_unlock(&s->feed->lock);
}

static void subscriber_free(void *data)
{
	struct subscriber *s = data;
	struct subscriber **at = &s->feed->subscribers;

	pthread_mutex_lock(&s->feed->lock);
	while (*at && *at != s)
		at = &(*at)->next;
	if (*at) {
		*at = s->next;
		s->feed->count--;
	}
	pthread_mutex_unlock(&s->feed->lock);
	strbuf_release(&s->waiting);
	free(s);
}

void http_answer_feed(struct http_answer *answer, struct http_feed *feed, const char *first)
{
	struct subscriber *s = xcalloc(1, sizeof(*s));

	s->feed = feed;
	strbuf_init(&s->waiting);
	strbuf_addstr(&s->waiting, first ? first : ":\n\n");
	answer->type = "text/event-stream";
	strlist_add(&answer->headers, "Cache-Control: no-store");
	http_answer_reader(answer, subscriber_read, subscriber_free, s);
	answer->reader->attach = subscriber_attach;
	answer->reader->end = subscriber_end;
	/* What is sent from now on waits until there is a connection: none of it is missed. */
	pthread_mutex_lock(&feed->lock);
	s->next = feed->subscribers;
	feed->subscribers = s;
	feed->count++;
	pthread_mutex_unlock(&feed->lock);
}

/* ---- the feed ---- */

void http_feed_format(struct strbuf *out, const char *name, const char *id, const char *data)
{
	if (name)
		strbuf_addf(out, "event: %s\n", name);
	if (id)
		strbuf_addf(out, "id: %s\n", id);
	for (;;) {
		size_t n = strcspn(data, "\r\n");
		strbuf_addf(out, "data: %.*s\n", (int)n, data);
		data += n;
		if (!*data)
			break;
		data += str_starts(data, "\r\n") ? 2 : 1;
	}
	strbuf_addch(out, '\n');
}

static void give_all(struct http_feed *feed, const struct strbuf *event)
{
	pthread_mutex_lock(&feed->lock);
	for (struct subscriber *s = feed->subscribers; s; s = s->next)
		give(s, event);
	pthread_mutex_unlock(&feed->lock);
}

void http_feed_send(struct http_feed *feed, const char *name, const char *id, const char *data)
{
	AUTO(strbuf_release) struct strbuf event = STRBUF_INIT;

	http_feed_format(&event, name, id, data);
	give_all(feed, &event);
}

size_t http_feed_subscribers(struct http_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	size_t count = feed->count;
	pthread_mutex_unlock(&feed->lock);
	return count;
}

/* Waits for the next heartbeat; false at the end. */
static bool wait_for_beat(struct http_feed *feed)
{
	int64_t at = clock_ns() + (int64_t)(feed->heartbeat * 1e9);
	struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};

	pthread_mutex_lock(&feed->lock);
	while (!feed->end && clock_ns() < at)
		pthread_cond_timedwait(&feed->changed, &feed->lock, &until);
	bool end = feed->end;
	pthread_mutex_unlock(&feed->lock);
	return !end;
}

/* Signs of life keep proxies from ending a silent feed, and find clients that are gone. */
static void *beat(void *arg)
{
	struct http_feed *feed = arg;
	AUTO(strbuf_release) struct strbuf comment = STRBUF_INIT;

	strbuf_addstr(&comment, ":\n\n");
	while (wait_for_beat(feed))
		give_all(feed, &comment);
	return NULL;
}

struct http_feed *http_feed_new(double heartbeat, struct err *err)
{
	struct http_feed *feed = xcalloc(1, sizeof(*feed));
	pthread_condattr_t monotonic;

	feed->heartbeat = heartbeat > 0 ? heartbeat : HTTP_FEED_HEARTBEAT;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&feed->thread, NULL, beat, feed) == 0)
		return feed;
	free(feed);
	err_set(err, ERR_SYSTEM, "cannot start a thread");
	return NULL;
}

void http_feed_free(struct http_feed *feed)
{
	if (!feed)
		return;
	pthread_mutex_lock(&feed->lock);
	feed->end = true;
	pthread_cond_broadcast(&feed->changed);
	pthread_mutex_unlock(&feed->lock);
	pthread_join(feed->thread, NULL);
	pthread_cond_destroy(&feed->changed);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
}
