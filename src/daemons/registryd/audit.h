/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: a line of JSON for each change that somebody asked for, in a file that only
 * grows and is rotated by its size (FILE, FILE.1 ...).
 *
 *     {"time": "2026-11-21T20:00:00Z", "who": "ci", "role": "write", "from": "192.0.2.7",
 *      "what": "POST /api/v1/registry/models", "model_name": "a", "version": 3, "status": 201}
 *
 * Lines are written by a thread, as many as wait at once, and synced together; who may not
 * answer before a line is on the disk waits for that.
 */
#ifndef REGISTRYD_AUDIT_H
#define REGISTRYD_AUDIT_H

#include "daemons/registryd/auth.h"

struct audit;

/* Opens the log of a configuration; with no file it does nothing. NULL with err. */
struct audit *audit_open(const struct config_audit *config, struct err *err);
/* What a line tells. */
struct audit_line {
	const struct caller *caller;
	const char *method, *path;
	const char *model_name; /* NULL: the path tells all */
	int64_t version;
	unsigned status;
};
/* Adds a line; does not wait. From any thread. */
void audit_add(struct audit *audit, const struct audit_line *line);
/* Waits until all that was added is on the disk; -1 with err if it cannot be written. */
int audit_flush(struct audit *audit, struct err *err);
/* Writes what waits, and frees it. NULL is fine. */
void audit_close(struct audit *audit);

#endif
