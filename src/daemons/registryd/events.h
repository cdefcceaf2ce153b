/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/v1/events: what happens, as server-sent events, for whoever watches.
 *
 *     hello     at once; its id is where the events stand
 *     rollout   an event of a rollout (fleet.h); has an id
 *     fleet     a host was looked at; has an id
 *     models    the registry's entries have changed; to be asked for
 *
 * A thread waits for the fleet's database to say that there is something new, whichever
 * instance took it, and sends that to all. Who comes again with Last-Event-ID gets what it has
 * missed first; the lock that keeps this in one piece is the reason why nothing is lost or
 * sent twice.
 */
#ifndef REGISTRYD_EVENTS_H
#define REGISTRYD_EVENTS_H

#include "daemons/registryd/fleet.h"
#include "daemons/registryd/store.h"
#include "http/serve_answer.h"

/* Who comes after having missed more than so many is told to look anew. */
#define EVENTS_REPLAY 500

struct events;

/* Starts the thread; fleet and store outlive it. NULL with err. */
struct events *events_start(struct fleet *fleet, struct entry_store *store, struct err *err);
/* Ends the thread: nothing more is sent. NULL is fine. */
void events_stop(struct events *events);
/* Frees it, once the server was stopped. NULL is fine. */
void events_free(struct events *events);
/* Answers with the events from now on, or from behind the request's Last-Event-ID. */
void events_subscribe(
	struct events *events, const struct http_call *call, struct http_answer *answer);
/* How many watch. */
size_t events_watchers(struct events *events);

#endif
