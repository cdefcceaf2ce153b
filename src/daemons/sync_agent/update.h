/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update of one or more files, as one step: swapped, written into the manifest, the pipeline
 * restarted and looked at, then confirmed or taken back. What is under way stands in the state
 * file, so that a start after a loss of power ends it.
 */
#ifndef SYNC_AGENT_UPDATE_H
#define SYNC_AGENT_UPDATE_H

#include "base/clock.h"
#include "daemons/sync_agent/config.h"
#include "daemons/sync_agent/state.h"

/* What a cycle works with; strings that last lie in the arena. */
struct update {
	struct arena *arena;
	const struct agent_config *config;
	const struct cancel *cancel;
	struct manifest *manifest;
	struct state *state;
	struct err restart; /* out: why the pipeline could not be started again */
};

enum update_outcome { UPDATE_DONE, UPDATE_REVERTED, UPDATE_FAILED };

/* A file that was fetched and checked, and lies in staging. */
struct staged {
	struct record next;
	const char *path;
};

/*
 * Brings staged files into use. UPDATE_REVERTED: the pipeline was not healthy and has its
 * former files back; UPDATE_FAILED: nothing was changed, or it was put back before the restart.
 * Both with err.
 */
enum update_outcome update_apply(
	struct update *u, const struct staged *staged, size_t count, struct err *err);
/* Ends what an earlier process left unproven; UPDATE_DONE where there is nothing. */
enum update_outcome update_recover(struct update *u, struct err *err);
/* Puts the newest former version of a file back, and holds it until the alias moves. */
enum update_outcome update_put_back(struct update *u, const char *file, struct err *err);

#endif
