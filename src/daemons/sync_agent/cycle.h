/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cycle: ask the source of every model which version is meant, fetch those that this device
 * has not, and bring them into use together.
 */
#ifndef SYNC_AGENT_CYCLE_H
#define SYNC_AGENT_CYCLE_H

#include "base/clock.h"
#include "daemons/sync_agent/config.h"
#include "daemons/sync_agent/status.h"

struct source;

/* Sources that were opened, kept from cycle to cycle with their connections. */
struct cycle_source {
	char *kind, *uri;
	struct source *source;
	bool away; /* it did not answer in this cycle, and is not asked again */
};

struct agent {
	const struct agent_config *config;
	const struct cancel *cancel;
	struct status status;
	struct {
		struct cycle_source *items;
		size_t count, cap;
	} sources;
};

/*
 * Runs a cycle: 0 when every model is as it should be; -1 with err when one of them could not
 * be brought (the others were), when an update went back, or when another agent is at work
 * (ERR_BUSY). What came of it is in the status, and logged.
 */
int cycle_run(struct agent *agent, struct err *err);
/* Puts a file's former version back, as `--rollback` wants it. */
int cycle_put_back(struct agent *agent, const char *file, struct err *err);
/* Closes all sources: the configuration has changed. */
void cycle_forget_sources(struct agent *agent);

#endif
