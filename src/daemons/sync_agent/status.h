/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the agent is doing: written by its cycles, read by the status endpoint's thread and the
 * report to the portal.
 */
#ifndef SYNC_AGENT_STATUS_H
#define SYNC_AGENT_STATUS_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "daemons/sync_agent/config.h"
#include "daemons/sync_agent/state.h"

/* Deliveries of webhooks that are remembered, and the length of what signs one, with its NUL.
 */
#define STATUS_DELIVERIES    64u
#define STATUS_SIGNATURE_LEN 64u

struct status_counters {
	uint64_t cycles, failed_cycles, updates, reverts, bytes;
};

struct status {
	pthread_mutex_t lock;
	/* Texts are owned; NULL: not known. */
	char *device, *uri, *alias, *last_sync;
	char *models;       /* JSON, as in the manifest */
	char *blocked;      /* JSON: versions that are not taken, and why */
	char *config_error; /* why the configuration on disk is not in use */
	char *last_error;   /* of the last cycle */
	char *token, *secret;
	bool connected;
	struct status_counters counters;
	int64_t last_cycle; /* time_t; 0: none yet */
	int wake;           /* an eventfd that a request for a cycle makes readable */
	struct {
		char signatures[STATUS_DELIVERIES][STATUS_SIGNATURE_LEN];
		size_t next; /* the place of the next one; the oldest is there */
	} deliveries;
};

/* Makes an empty one; ERR_SYSTEM. */
int status_init(struct status *s, struct err *err);
/* Frees it. */
void status_release(struct status *s);
/* Takes what a configuration says. */
void status_configure(struct status *s, const struct agent_config *config, const char *device);
/* Notes why a configuration on disk is not in use; NULL: it is. */
void status_refuse_config(struct status *s, const char *why);
/* Takes what is on this device: at a cycle's begin, and as it has left it. */
void status_show(struct status *s, const struct manifest *manifest, const struct state *state);
/* Notes a cycle's end; `error` is NULL for one that went well. */
void status_end_cycle(struct status *s, bool connected, const char *error);
/* Adds to the counters. */
void status_count(struct status *s, const struct status_counters *more);
/* The answer of GET /status, as JSON; also what is reported to the portal. */
void status_json(struct status *s, struct strbuf *out);
/* The answer of GET /metrics. */
void status_metrics(struct status *s, struct strbuf *out);
/* Remembers a delivery by its signature; false if it was known already. */
bool status_is_new_delivery(struct status *s, const char *signature);
/* Asks for a cycle now. */
void status_wake(struct status *s);

struct http_server;
/* Serves GET /status, /health and /metrics, POST /sync and /webhook. NULL with err. */
struct http_server *status_serve(
	struct status *s, const struct agent_config *config, struct err *err);

#endif
