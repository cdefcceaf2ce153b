/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions of a model may go. Kept are: the current and the previous one of every
 * registry that the site's hosts have, every version that a host's override pins, every version
 * that a host runs by its last report, every one that a symbolic link leads to, and, of the
 * others, the N most recent
 * (`sentinelcam_model_retention`, which counts beside current and previous).
 *
 * The rule is a function of plain lists, so that the store and the nodes are cleaned by the
 * same one.
 */
#ifndef REGISTRY_RETENTION_H
#define REGISTRY_RETENTION_H

#include "base/str.h"

/* Why a version stays; the first that holds. */
enum retention_reason {
	RETENTION_CURRENT,
	RETENTION_PREVIOUS,
	RETENTION_PINNED,
	RETENTION_RUNS,   /* a host runs it, by its report */
	RETENTION_LINKED, /* a symbolic link leads to it */
	RETENTION_RECENT, /* among the N most recent of the others */
	RETENTION_REMOVE  /* it goes */
};

/* What is known of one model. Lists need no order. */
struct retention_model {
	const char *name;
	const struct strlist *there; /* its versions in the store, or on the node */
	struct strlist current, previous, pinned, runs, linked;
	unsigned keep; /* N */
};

/*
 * Says for each of `there`, by its index, why it stays or that it goes: `out` has room for
 * there->count. What is no date is kept (RETENTION_RECENT) and counts for nothing.
 */
void retention_decide(const struct retention_model *m, enum retention_reason *out);
/* The word for a reason: "current", "previous", "pinned", "runs", "linked", "recent",
 * "remove". */
const char *retention_reason_name(enum retention_reason r);

#endif
