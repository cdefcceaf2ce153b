/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model-registryd as a whole: what its handlers get as their `data`.
 *
 * Theory of operation. The server's thread (http/serve.h) answers what is in memory: the list
 * of entries is one text for all who ask, made anew when its generation changes. Changes go to
 * the writer's thread (writer.h), which answers them when they are on the disk. What else waits
 * (files, the catalogue's database) is done by the server's workers.
 */
#ifndef REGISTRYD_H
#define REGISTRYD_H

#include "daemons/registryd/files_api.h"
#include "daemons/registryd/metrics.h"
#include "daemons/registryd/events.h"
#include "daemons/registryd/openapi.h"
#include "daemons/registryd/writer.h"
#include "http/serve_answer.h"

struct registryd {
	const struct registryd_config *config;
	const char *version;
	struct auth *auth;
	struct audit *audit;
	struct entry_store *store;
	struct writer *writer;
	struct catalogue *catalogue;
	struct fleet *fleet;
	struct events *events;
	struct metrics *metrics;
	struct files_service files;
	struct http_route *routes; /* of all parts; ends with an all-zero one */
	struct http_shared *openapi;
	struct http_server *server;
	bool local; /* no keys: for this machine alone */

	/* The whole list as it is served; the server's thread's. */
	struct http_shared *list;
	uint64_t list_generation;
};

/* Starts all of it. NULL with err; the config outlives it. */
struct registryd *registryd_start(
	const struct registryd_config *config, const char *version, struct err *err);
/*
 * Takes keys, tokens' rules and the certificate of a configuration that was read again; where
 * any of them is wrong all former ones stay, and -1 with err.
 */
int registryd_reload(
	struct registryd *r, const struct registryd_config *config, struct err *err);
/* Answers what is under way, writes what waits, and frees it. NULL is fine. */
void registryd_stop(struct registryd *r);

/* ---- for the parts ---- */

/* Those that take the place of others where the store of files is away over a network. */
extern const struct http_route api_waiting_routes[];
/* The routes of the registry, of the catalogue, of the fleet, of the page, and of the service.
 */
extern const struct http_route api_routes[], catalogue_routes[], fleet_routes[], page_routes[],
	service_routes[];

/* Decides about a request before its body is read (http/serve.h: guard). */
bool access_guard(void *data, struct http_call *call, struct http_answer *answer);
/* Counts and audits an answered request, and frees its caller (http/serve.h: done). */
void access_done(void *data, const struct http_call *call, unsigned status, double seconds);

/*
 * True if a request's body is JSON by its Content-Type, or has none, as from clients that just
 * send it; else the answer is 415.
 */
bool api_has_type(const struct http_call *call, struct http_answer *answer);
/* Reads a segment that is a version; else the answer is 422. */
bool api_read_version(const char *text, int64_t *version, struct http_answer *answer);

#endif
