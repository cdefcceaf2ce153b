/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the catalogue: its tables, one sync, the history of syncs. */
#ifndef DAEMONS_REGISTRYD_CATALOGUE_PRIVATE_H
#define DAEMONS_REGISTRYD_CATALOGUE_PRIVATE_H

#include <pthread.h>

#include "daemons/registryd/catalogue.h"
#include "source/hub_list.h"
#include "sql/sql.h"
#include "text/cron.h"

#define CATALOGUE_LOCK "catalogue-sync"
/* Connections of handlers that are kept open. */
#define CATALOGUE_READERS 4

struct catalogue {
	const struct catalogue_config *config;
	char *store;
	bool scheduled; /* else the schedule is "off" */
	struct cron cron;
	struct cancel cancel; /* ends waits and syncs */
	int wake;             /* eventfd: a request has come */
	pthread_t thread;
	bool started;
	struct sql *sql; /* of whoever syncs */

	pthread_mutex_t lock; /* of all below */
	bool busy;            /* a sync runs or is asked for here */
	bool stopped;
	struct http_later *asked; /* who waits for it; NULL */
	struct sql *idle[CATALOGUE_READERS];
	size_t idle_count;
	uint64_t runs[3]; /* by how they ended, see catalogue_metrics */
	struct sync_result last;
	time_t last_end, last_success; /* 0: none in this process */
	double last_seconds;
};

/* ---- tables ---- */

/* Makes the tables, or brings them to the newest form. */
int catalogue_migrate(struct sql *sql, struct err *err);

/* ---- one model ---- */

enum stored { STORED_CREATED, STORED_UPDATED, STORED_UNCHANGED, STORED_AGAIN };

/* What all models of a sync have in common. */
struct model_writer {
	struct sql *sql;
	int64_t author_id; /* of the user who owns what a sync makes */
	const char *endpoint;
	char now[32];
};

/* Finds the user hf_sync_system, or makes it, and the list of what a sync has seen. */
int model_writer_begin(struct model_writer *w, struct err *err);
/*
 * Brings a model into the table, within a transaction. *how is STORED_AGAIN for one that this
 * sync has had already. -1 with err; the transaction goes on where model_is_at_fault.
 */
int model_store(
	struct model_writer *w, const struct hub_model *m, enum stored *how, struct err *err);
/* True if an error of model_store is the model's own, and not the database's. */
bool model_is_at_fault(const struct err *err);
/* Marks what the sync has not seen; returns how many, -1 with err. */
int64_t model_mark_vanished(struct model_writer *w, struct err *err);
/* Appends the words by which a model is found: each behind a blank, in lower case. */
void model_search_words(const char *text, struct strbuf *out);

/* ---- the history ---- */

/* Writes down that syncs which are not at their end never will be; with the lock held. */
int run_end_dead(struct sql *sql, struct err *err);
/* The same, and that a sync begins; its id or -1. */
int64_t run_begin(struct sql *sql, const char *cause, struct err *err);
/* Writes down how far it is, or how it ended when `ended` is set. */
int run_update(struct sql *sql, int64_t id, const struct sync_result *result, bool ended,
	struct err *err);
/*
 * The time that the schedule counts from: the beginning of the last sync that was not cut, else
 * when the schedule was first asked. -1 with err.
 */
int run_last(struct sql *sql, time_t *last, struct err *err);
/* Appends the newest `count` syncs as a JSON list. */
int run_history(struct sql *sql, int64_t count, struct strbuf *out, struct err *err);

/* ---- reading ---- */

/* A connection for a handler; NULL with err. */
struct sql *catalogue_reader(struct catalogue *c, struct err *err);
/* Gives it back. */
void catalogue_reader_done(struct catalogue *c, struct sql *sql);
/* What a list is asked for; NULL: not said. */
struct model_query {
	const char *text, *task, *license, *tag, *author;
	const char *vanished; /* "no" (NULL), "yes" or "any" */
	int64_t after, limit;
};
/* Appends the answer to a list as JSON. */
int model_list(
	struct sql *sql, const struct model_query *q, struct strbuf *out, struct err *err);
/* Appends one model as JSON; ERR_NOTFOUND. */
int model_get(struct sql *sql, int64_t id, struct strbuf *out, struct err *err);

/* Appends a result as the answer to who asked for the sync. */
void sync_result_json(const struct sync_result *result, struct strbuf *out);

#endif
