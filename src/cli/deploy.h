/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet deploy` share: the hosts of a run, and the ways to show it.
 * Internal to cli/.
 */
#ifndef CLI_DEPLOY_H
#define CLI_DEPLOY_H

#include "cli/cli.h"
#include "fleet/fleet.h"
#include "sync/connection.h"
#include "sync/content.h"
#include "sync/host.h"

/* One host of a run. Filled by its worker; read by the printer once the host has ended. */
struct deploy_host {
	const char *name;
	struct vars_view *view;
	struct connection connection;
	const struct host_models *models;
	struct sync_report report;
	struct link_stats link;
	bool connected;
	const char *failed_phase; /* a string constant; NULL when it did not fail */
	struct deploy_run *run;
};

/* One run. */
struct deploy_run {
	struct deploy_host *hosts;
	struct fleet_host *fleet; /* the same hosts, by the same index */
	size_t count;
	struct content *content;
	const char *store; /* location, for people */
	size_t model_count;
	struct sync_options sync;
	double connect_timeout; /* seconds */
	bool check;
	int verbosity;
	int64_t started_ns;
	const char *run_id; /* of the journal, or NULL */
	struct cancel *cancel;
};

/* Counts over all hosts, for recaps. */
struct deploy_totals {
	unsigned unchanged, changed, drifted, failed, unreachable, not_run;
	uint64_t bytes;       /* of files, on the links */
	uint64_t bytes_saved; /* not sent thanks to deltas, compression and reuse */
	double seconds;
};
/* Sums up a run whose hosts have ended. */
void deploy_sum(const struct deploy_run *run, struct deploy_totals *t);
/* True if the host's set changed (with --check: would change). */
bool deploy_host_changed(const struct deploy_host *h);
/* The exit code of a run, by the gravest of its hosts. */
int deploy_exit_code(const struct deploy_run *run);
/* What a person can do about an error, or NULL. */
const char *deploy_remedy(enum err_code code);

/* A way to show a run: plain lines, a live display, or JSON events. */
struct deploy_output {
	/* The run begins. */
	void (*begin)(struct deploy_run *run);
	/* An event of a worker or a tick. */
	void (*event)(struct deploy_run *run, const struct fleet_event *e);
	/* All hosts have ended: the recap. */
	void (*end)(struct deploy_run *run, int exit_code);
};
extern const struct deploy_output deploy_output_plain, deploy_output_live, deploy_output_json;

/* The lines that the plain and the live output share (deploy_text.c). */

/* Appends what became of a host, a line for each model that is not merely current. */
void deploy_text_host(
	const struct deploy_run *run, const struct fleet_host *f, struct strbuf *out);
/* Prints the recap. */
void deploy_text_recap(struct deploy_run *run, int exit_code);

#endif
