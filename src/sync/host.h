/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing one host to its model set, over a link that is open.
 *
 * The conversation is pipelined: all versions are asked for by digest at once, so a host that
 * has everything costs one round trip; the files of all missing versions follow each other
 * without waiting for answers. A version that fails does not stop the others of its host.
 *
 * A file that differs on the node is put right, unless it is newer there and the model says
 * `update: true`: then it stays, and the host counts as drifted. Files that no manifest names
 * are drift too, unless the model's `exclude` or `initial_only` patterns name them. `repair`
 * puts all of it right.
 */
#ifndef SYNC_HOST_H
#define SYNC_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "registry/resolve.h"
#include "sync/content.h"

enum sync_outcome {
	SYNC_CURRENT,  /* was there, verified */
	SYNC_SENT,     /* was absent or incomplete, and is there now (check: would be) */
	SYNC_REPAIRED, /* was there and differed; put right (check: would be) */
	SYNC_DRIFTED,  /* differs on purpose: newer or extra files were left */
	SYNC_FAILED
};

/* What became of one model on one host. */
struct sync_result {
	const char *model; /* both live with the resolution */
	const char *version;
	enum sync_outcome outcome;
	unsigned files_sent;    /* files that crossed the link, whole or as deltas */
	unsigned files_delta;   /* of them as deltas */
	unsigned files_reused;  /* found elsewhere on the node */
	uint64_t bytes_sent;    /* payload that crossed the link (check: would cross) */
	uint64_t bytes_saved;   /* size of these files less bytes_sent, plus what was reused */
	unsigned drift;         /* differences left in place */
	struct strlist drifted; /* the first of them, in words; owned */
	struct err err;         /* SYNC_FAILED */
};

/* What became of a host. An all-zero struct is an empty report. */
struct sync_report {
	struct sync_result *results; /* in the order of its models */
	size_t count;
	uint64_t bytes_sent;
	uint64_t disk_free; /* before the run; 0 when the root is not there */
	uint64_t disk_needed;
};
/* Frees what a report holds. */
void sync_report_release(struct sync_report *r);
/* The gravest outcome among the results; SYNC_CURRENT for none. */
enum sync_outcome sync_report_outcome(const struct sync_report *r);
/* The word for an outcome in events and the journal: "current", "sent", ... */
const char *sync_outcome_name(enum sync_outcome o);

struct sync_options {
	uint16_t ctx;       /* the helper that works: 0, or what link_become gave */
	const char *holder; /* for the node's lease: who deploys */
	bool root_is_open;  /* the link has the root open already, with its lease, as 0 */
	bool check;         /* change nothing, tell what would be done */
	bool look;          /* with check: compare by digest, plan and measure nothing */
	bool repair;        /* newer and extra files are put right, too */
	bool rehash;        /* read every file on the node again */
	double stall;       /* seconds without a sign of life until the host is given up */
	deadline until;     /* of the whole host */
	const struct cancel *cancel;
	/* Called as bytes are sent, with `look` as the node reads them; may be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

/*
 * Brings a host to its set. Returns 0 when every model is as wanted or drifted, and -1 with err
 * when one failed (err is the first failure; the report has all) or the link broke. The report
 * is released by the caller in every case.
 */
int sync_host(struct link *link, struct content *content, const struct host_models *models,
	const struct sync_options *o, struct sync_report *report, struct err *err);

#endif
