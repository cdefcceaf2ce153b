/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline that uses the models: told to start again, and looked at afterwards.
 */
#ifndef SYNC_AGENT_PILOT_H
#define SYNC_AGENT_PILOT_H

#include "base/clock.h"
#include "daemons/sync_agent/config.h"

/*
 * Runs the restart command; where that is not there or fails, ends the process that the pid
 * file or the pattern names, by SIGTERM, and waits until it has ended: its supervisor starts it
 * again. 0 also where the configuration wants no restart, or has no command.
 */
int pilot_restart(
	const struct agent_update *update, const struct cancel *cancel, struct err *err);
/*
 * The same, again and again for half a minute while it fails: a unit that has failed too often
 * is not started by systemd before a time is over (StartLimitIntervalSec=).
 */
int pilot_restart_again(
	const struct agent_update *update, const struct cancel *cancel, struct err *err);
/* Waits until everything that is configured is well, and stays so; 0 where nothing is. */
int pilot_is_well(
	const struct agent_update *update, const struct cancel *cancel, struct err *err);
/*
 * The process whose script (the first argument of an interpreter that is no option), or whose
 * program, has this base name. ERR_NOTFOUND for none, ERR_INPUT for several.
 */
int pilot_find(const char *pattern, pid_t *pid, struct err *err);

#endif
