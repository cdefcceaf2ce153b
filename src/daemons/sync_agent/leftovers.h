/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process that was killed has left behind.
 */
#ifndef SYNC_AGENT_LEFTOVERS_H
#define SYNC_AGENT_LEFTOVERS_H

#include "daemons/sync_agent/config.h"
#include "daemons/sync_agent/state.h"

/* Removes models_dir/staging: files that were fetched, and parts of them. */
void leftovers_clear_staging(const struct agent_config *config);
/*
 * Removes all that no process and no state knows of: staging, kept files, and temporary files
 * beside those that are replaced whole. Only for the one who holds the lock.
 */
void leftovers_clear(const struct agent_config *config, const struct state *state);

#endif
