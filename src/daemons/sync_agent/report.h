/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports to the portal: the status, posted with X-API-Key. What cannot be sent is kept in
 * models_dir/.sync-spool/, the newest hundred and a megabyte of them, and sent first next time.
 */
#ifndef SYNC_AGENT_REPORT_H
#define SYNC_AGENT_REPORT_H

#include "base/clock.h"
#include "daemons/sync_agent/config.h"

#define REPORT_SPOOL       ".sync-spool"
#define REPORT_SPOOL_COUNT 100u
#define REPORT_SPOOL_BYTES (1u << 20)

/* Adds a report to the spool, dropping the oldest beyond its limits. */
int report_add(const struct agent_config *config, const char *json, struct err *err);
/* Sends what is in the spool, oldest first; what is sent leaves it. Stops at the first error.
 */
int report_send(
	const struct agent_config *config, const struct cancel *cancel, struct err *err);

#endif
