/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet as deploys and looks report it: which host has which version of which model, and
 * how the last rollouts went.
 *
 * What is taken are the events that `deploy-models --json` and `fleet-status --json` print
 * (docs/reference/events.md), in batches. Of each host and model the newest state is kept, of
 * the last FLEET_ROLLOUTS rollouts each host's way, and of the last FLEET_EVENTS events their
 * text, numbered without gaps in the order of their commits, so that whoever has seen one
 * number can ask for what follows it.
 *
 * All of it lies in the registry's database, or, where the registry is a file, in fleet.db
 * beside it. Instances that share a database share this, too: what one of them takes, the
 * others hear of (events.h).
 *
 * The functions may be called from any thread; they wait for the database.
 */
#ifndef REGISTRYD_FLEET_H
#define REGISTRYD_FLEET_H

#include "daemons/registryd/store_list.h"
#include "sql/sql.h"
#include "value/value.h"

#define FLEET_ROLLOUTS  100
#define FLEET_EVENTS    20000
#define FLEET_STATES    100000 /* of a model on a host; beyond that the oldest are forgotten */
#define FLEET_BATCH     1000   /* events of a batch */
#define FLEET_HOSTS     10000  /* hosts of a rollout */
#define FLEET_NAME_MAX  255    /* bytes of a host's, model's or rollout's name */
#define FLEET_EVENT_MAX 4096   /* bytes of an event's text; a longer one is kept as its head */
#define FLEET_SILENCE   120    /* seconds after which a rollout that says nothing is silent */

struct fleet;

/* Opens the place that belongs to a registry's store (its URI), and makes its tables. */
struct fleet *fleet_open(const char *store, struct err *err);
/* Closes it. NULL is fine. */
void fleet_close(struct fleet *fleet);
/* One more connection to the same place, for the caller. NULL with err. */
struct sql *fleet_connect(const struct fleet *fleet, struct err *err);
/* What a connection listens to (sql_listen) in order to hear of new events. */
#define FLEET_CHANNEL "modelfleet_fleet"

/* A batch of events. */
struct fleet_batch {
	const char *rollout;        /* its id; NULL: a look at hosts */
	const char *name, *by;      /* of a rollout: "deploy", "root@admin"; may be NULL */
	int64_t first;              /* of a rollout: the number of its first event, from 0 */
	const struct value *events; /* a LIST of DICTs, each with a text `event` */
};

/*
 * Takes a batch as a whole or not at all; gives how many of its events were new and of use. A
 * batch that comes again does nothing again. Events that are not known are passed over.
 * ERR_INPUT says which event is wrong and why.
 */
int64_t fleet_take(struct fleet *fleet, const struct fleet_batch *batch, struct err *err);
/* Forgets a host; ERR_NOTFOUND. */
int fleet_forget(struct fleet *fleet, const char *host, struct err *err);

/* Appends all hosts with their models, beside what is in production, as a JSON object. */
int fleet_hosts_json(struct fleet *fleet, const struct entry_list *registry, struct strbuf *out,
	struct err *err);
/* Appends the rollouts, the newest first, as a JSON object. */
int fleet_rollouts_json(struct fleet *fleet, struct strbuf *out, struct err *err);
/* Appends a rollout with its hosts; ERR_NOTFOUND. */
int fleet_rollout_json(
	struct fleet *fleet, const char *id, struct strbuf *out, struct err *err);

/* An event as it was kept: its number, "rollout" or "fleet", and JSON. */
struct fleet_event {
	int64_t number;
	const char *name, *data;
};
typedef void (*fleet_teller)(void *data, const struct fleet_event *event);
/*
 * Tells the events behind a number, in their order, up to and including another; gives the
 * last number that there is, told or not. `sql` is a connection of fleet_connect.
 */
int64_t fleet_events(struct sql *sql, int64_t after, int64_t until, fleet_teller tell,
	void *data, struct err *err);

#endif
