/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: all public LiteRT models of the Hugging Face Hub in the table ml_models,
 * synchronised by a schedule and on request.
 *
 *     struct catalogue *catalogue = catalogue_open(&config, err);
 *     catalogue_start(catalogue, err);             the schedule's thread
 *     ... handlers get the catalogue ...
 *     catalogue_stop(catalogue);                   ends a sync under way
 *     http_server_stop(server);
 *     catalogue_close(catalogue);
 *
 * A sync reads the Hub's list page by page and commits each page. New models are created,
 * changed ones updated (by commit, time of change, and what the table has of them), and what a
 * complete list lacks is marked with vanished_at. A model that cannot be taken is skipped
 * alone. No version is made. Instances that share a database sync one at a time, by a lock of
 * the database; each sync is a row of sync_runs, which is where the schedule learns what has
 * run, on whatever instance and before whatever restart.
 *
 * Threads: one runs syncs; handlers run on the server's workers with connections of their own;
 * catalogue_sync may be called by one more thread while catalogue_start was not.
 */
#ifndef DAEMONS_REGISTRYD_CATALOGUE_H
#define DAEMONS_REGISTRYD_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemons/settings.h"
#include "http/serve.h"

#define CATALOGUE_SCHEDULE "0 2 * * *"
/* What a list gives unless it is asked for more, and at most. */
#define CATALOGUE_PAGE     50
#define CATALOGUE_PAGE_MAX 500

/* The section `catalogue` of the configuration. */
struct catalogue_config {
	const char *store; /* sqlite:PATH or postgresql://...; NULL: catalogue.db in the state
			      directory */
	const char *schedule; /* five fields of cron, in UTC, or "off" */
	int64_t limit;        /* models of a sync at most; 0: all */
	const char *endpoint; /* the Hub's address; NULL: HF_ENDPOINT, else its own */
};

/* The settings of that section, and their defaults. */
extern const struct setting catalogue_settings[];
/* Puts the defaults in. */
void catalogue_defaults(struct catalogue_config *config);
/* Checks what a table of settings cannot: the schedule. ERR_INPUT. */
int catalogue_check(const struct catalogue_config *config, struct err *err);

/* How a sync ended. */
struct sync_result {
	const char *status; /* "success", "failed" or "interrupted"; a constant */
	int64_t fetched;    /* models that the Hub lists */
	int64_t created, updated, unchanged, vanished;
	int64_t skipped; /* models that could not be taken */
	char message[ERR_TEXT_MAX];
};

struct catalogue;

/* Opens the database and makes its tables. NULL with err; the config outlives it. */
struct catalogue *catalogue_open(const struct catalogue_config *config, struct err *err);
/* Starts the schedule's thread. */
int catalogue_start(struct catalogue *c, struct err *err);
/* Ends a sync under way and the thread. Handlers still answer; a sync is refused. */
void catalogue_stop(struct catalogue *c);
/* Stops it and frees it. NULL is fine. */
void catalogue_close(struct catalogue *c);

/*
 * Runs one sync in this thread. `cause` is a word for the history: "request", "start". -1 with
 * ERR_BUSY when another one runs, here or on another instance, and then nothing was done; else
 * the result says how it went, and -1 with err if it failed.
 */
int catalogue_sync(
	struct catalogue *c, const char *cause, struct sync_result *result, struct err *err);

/* GET /models[?text=&task=&license=&tag=&author=&vanished=&limit=&cursor=], on a worker. */
void catalogue_give_models(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer);
/* Appends a model of the table as JSON; from any thread. ERR_NOTFOUND. */
int catalogue_model(struct catalogue *c, int64_t id, struct strbuf *out, struct err *err);
/* GET /models/{}, on a worker. */
void catalogue_give_model(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer);
/* GET /sync/status, on a worker. */
void catalogue_give_status(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer);
/* POST /sync/huggingface/litert, on the server's thread; answered when the sync has ended. */
void catalogue_take_sync(
	struct catalogue *c, const struct http_call *call, struct http_answer *answer);
/* Appends metrics in Prometheus' text format. */
void catalogue_metrics(struct catalogue *c, struct strbuf *out);

#endif
