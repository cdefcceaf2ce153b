/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/events.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_SECONDS  0.5 /* between looks at the registry, whose store tells nobody */
#define RETRY_SECONDS 5.0 /* after the database failed */

struct events {
	struct fleet *fleet;
	struct entry_store *store;
	struct http_feed *feed;
	struct cancel cancel;
	pthread_t thread;
	bool started;
	/* Keeps sending and subscribing apart. */
	pthread_mutex_t lock;
	int64_t sent;              /* the number of the last event that went to all */
	struct sql *replay;        /* for those who come again; NULL: not yet asked for */
	char etag[ENTRY_ETAG_MAX]; /* of the registry, as was told; the thread's */
};

/* ---- telling all ---- */

static void send_event(void *data, const struct fleet_event *event)
{
	struct events *e = data;
	char id[24];

	snprintf(id, sizeof(id), "%" PRId64, event->number);
	http_feed_send(e->feed, event->name, id, event->data);
	e->sent = event->number;
}

static int send_new(struct events *e, struct sql *sql, struct err *err)
{
	pthread_mutex_lock(&e->lock);
	int64_t last = fleet_events(sql, e->sent, INT64_MAX, send_event, e, err);
	if (last > e->sent)
		e->sent = last;
	pthread_mutex_unlock(&e->lock);
	return last < 0 ? -1 : 0;
}

/* Tells that entries have changed, once a change. */
static void look_at_registry(struct events *e)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(e->store, NULL);

	if (!list || strcmp(list->etag, e->etag) == 0)
		return;
	bool first = !*e->etag;
	snprintf(e->etag, sizeof(e->etag), "%s", list->etag);
	if (!first)
		http_feed_send(e->feed, "models", NULL, "{}");
}

static int watch(struct events *e, struct sql *sql, struct err *err)
{
	int heard = 1;

	if (sql_listen(sql, FLEET_CHANNEL, err) < 0)
		return -1;
	while (heard >= 0 && !cancel_level(&e->cancel)) {
		if (heard && send_new(e, sql, err) < 0)
			return -1;
		look_at_registry(e);
		heard = sql_wait(sql, deadline_in(LOOK_SECONDS), &e->cancel, err);
	}
	return heard;
}

static void *run(void *arg)
{
	struct events *e = arg;

	while (!cancel_level(&e->cancel)) {
		struct err err = {0};
		AUTO(sql_closep) struct sql *sql = fleet_connect(e->fleet, &err);
		if (sql && watch(e, sql, &err) >= 0)
			continue;
		if (cancel_level(&e->cancel))
			break;
		log_warning("events are told late: %s", err.text);
		wait_until(deadline_in(RETRY_SECONDS), &e->cancel, NULL);
	}
	return NULL;
}

/* ---- subscribing ---- */

static void add_event(void *data, const struct fleet_event *event)
{
	struct strbuf *first = data;
	char id[24];

	snprintf(id, sizeof(id), "%" PRId64, event->number);
	http_feed_format(first, event->name, id, event->data);
}

/*
 * What was missed; where that is too much, or cannot be had, nothing: the newest number tells.
 * All others get what is new before, so that this one, which comes in between, does not get it
 * twice.
 */
static int add_missed(struct events *e, int64_t after, struct strbuf *first, struct err *err)
{
	if (!e->replay)
		e->replay = fleet_connect(e->fleet, err);
	if (!e->replay || fleet_events(e->replay, e->sent, INT64_MAX, send_event, e, err) < 0)
		return -1;
	if (after >= e->sent || e->sent - after > EVENTS_REPLAY)
		return 0;
	return fleet_events(e->replay, after, e->sent, add_event, first, err) < 0 ? -1 : 0;
}

void events_subscribe(
	struct events *e, const struct http_call *call, struct http_answer *answer)
{
	const char *last = http_call_header(call, "Last-Event-ID");
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT;
	int64_t after = INT64_MAX;
	struct err err = {0};
	char id[24];

	if (last && !parse_int(last, 0, INT64_MAX, &after)) {
		http_answer_problem(
			answer, 422, "Last-Event-ID: expected a number of an event");
		return;
	}
	pthread_mutex_lock(&e->lock);
	if (add_missed(e, after, &first, &err) == 0) {
		snprintf(id, sizeof(id), "%" PRId64, e->sent);
		http_feed_format(&first, "hello", id, "{}");
		http_answer_feed(answer, e->feed, first.data);
	} else {
		http_answer_problem(answer, 503, "%s", err.text);
		strlist_add(&answer->headers, "Retry-After: 5");
	}
	pthread_mutex_unlock(&e->lock);
}

size_t events_watchers(struct events *e)
{
	return http_feed_subscribers(e->feed);
}

/* ---- its life ---- */

/* What happened before the start is no news. */
static int find_start(struct events *e, struct err *err)
{
	AUTO(sql_closep) struct sql *sql = fleet_connect(e->fleet, err);

	e->sent = sql ? fleet_events(sql, 0, 0, NULL, NULL, err) : -1;
	return e->sent < 0 ? -1 : 0;
}

struct events *events_start(struct fleet *fleet, struct entry_store *store, struct err *err)
{
	struct events *e = xcalloc(1, sizeof(*e));

	e->fleet = fleet;
	e->store = store;
	pthread_mutex_init(&e->lock, NULL);
	if (cancel_init(&e->cancel, err) < 0) {
		pthread_mutex_destroy(&e->lock);
		free(e);
		return NULL;
	}
	e->feed = http_feed_new(0, err);
	if (e->feed && find_start(e, err) == 0) {
		e->started = pthread_create(&e->thread, NULL, run, e) == 0;
		if (e->started)
			return e;
		err_set(err, ERR_SYSTEM, "cannot start a thread");
	}
	events_free(e);
	return NULL;
}

void events_stop(struct events *e)
{
	if (!e || !e->started)
		return;
	cancel_request(&e->cancel);
	pthread_join(e->thread, NULL);
	e->started = false;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	events_stop(e);
	http_feed_free(e->feed);
	sql_close(e->replay);
	cancel_release(&e->cancel);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
