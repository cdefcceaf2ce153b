/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a cycle share. Internal to cycle*.c.
 */
#ifndef SYNC_AGENT_CYCLE_PRIVATE_H
#define SYNC_AGENT_CYCLE_PRIVATE_H

#include "daemons/sync_agent/cycle.h"
#include "daemons/sync_agent/update.h"

/* One cycle's own memory and files. */
struct cycle {
	struct agent *agent;
	const struct agent_config *config;
	struct arena arena;
	struct manifest manifest;
	struct state state;
	int lock;
	bool connected; /* MLflow has answered whatever it was asked */
	bool changed;   /* without an update: has to be written down */
	size_t current; /* models whose file is what the alias names */
	struct {
		struct staged *items;
		size_t count, cap;
	} staged;
	struct err first;   /* the first thing that went wrong */
	struct err restart; /* of an update that is in use nevertheless */
};

/*
 * Asks which version of a model is meant, and fetches it into staging unless this device has
 * it. -1 with err when the source does not tell, or what it sends is no such model.
 */
int cycle_sync_model(struct cycle *c, const struct agent_model *m, struct err *err);

#endif
