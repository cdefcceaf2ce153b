/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fleets that nobody asked: hosts with answers made up, settled as fleet-status settles them,
 * for tests of what is shown of them.
 */
#ifndef TESTS_CLI_MADE_FLEET_H
#define TESTS_CLI_MADE_FLEET_H

#include "cli/status.h"

#define MADE_HOSTS_MAX 300

struct made_fleet {
	struct status status;
	struct status_host hosts[MADE_HOSTS_MAX];
	struct host_models models[MADE_HOSTS_MAX];
	struct arena arena;
	struct reports reports;
};

/* Hosts n001, n002 ..., reached and without anything. A cmocka setup: *state is the fleet. */
int made_fleet_setup(void **state);
/* Its teardown. */
int made_fleet_teardown(void **state);
/* The fleet has so many hosts. */
void made_fleet_size(struct made_fleet *f, size_t count);

/* A model that the host is to have, and how a comparison found it. */
struct sync_result *made_model(struct made_fleet *f, size_t host, const char *model,
	const char *wanted, enum sync_outcome outcome);
/* A version that lies on the host ("MODEL/VERSION"). */
void made_there(struct made_fleet *f, size_t host, const char *path, uint64_t bytes);
/* What an interrupted run has left. */
void made_staging(
	struct made_fleet *f, size_t host, const char *path, uint64_t bytes, int64_t written);
/* A config on the host that names a version; NULL: the config is not there. */
void made_config(struct made_fleet *f, size_t host, const char *model, const char *version);
/* What the store's report says that the host runs. */
void made_report(struct made_fleet *f, size_t host, const char *model, const char *version);
/* A service in a state. */
void made_service(struct made_fleet *f, size_t host, const char *name, const char *active,
	const char *sub);
/* A transaction; `created` orders them. */
void made_transaction(struct made_fleet *f, size_t host, const char *state, const char *outcome,
	int64_t created);
/* The host is out of reach. */
void made_away(struct made_fleet *f, size_t host, enum err_code code, const char *why);
/* A host with one model as wanted, named by a config, and a service that is up. */
void made_fine(struct made_fleet *f, size_t host);
/* Settles all hosts; to be called once. */
void made_settle(struct made_fleet *f);

/* The page as it is shown, without colours; new memory. */
char *made_page(const struct made_fleet *f, bool all);

#endif
