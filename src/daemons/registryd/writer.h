/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: changes of requests queue up, one thread applies all that wait in one commit of
 * the store, and only then is any of them answered. While one commit is under way the next
 * gathers, so that the more clients write at once the fewer commits each needs.
 */
#ifndef REGISTRYD_WRITER_H
#define REGISTRYD_WRITER_H

#include "daemons/registryd/audit.h"
#include "daemons/registryd/store.h"
#include "http/serve.h"

/* Changes in one commit at most. */
#define WRITER_BATCH 512u

struct writer_options {
	struct entry_store *store;
	struct audit *audit;
	size_t queue; /* changes that may wait */
	/*
	 * Called on the writer's thread for each change, before it is applied; what it sets to
	 * an error in change->err is refused by that. And after it was applied, with its
	 * outcome. Either may be NULL.
	 */
	void (*prepare)(void *data, struct entry_change *change);
	void (*settle)(void *data, const struct entry_change *change);
	void *data;
};

struct writer_counters {
	uint64_t changes, refused, failed, commits;
	size_t waiting;
	bool failing; /* the last commit failed */
};

struct writer;

/* Starts the thread. NULL with err. */
struct writer *writer_start(const struct writer_options *options, struct err *err);
/*
 * Takes a change whose request is answered later, by the outcome; its texts are copied. False,
 * with an answer of 503, when the queue is full; for a handler on the server's thread.
 */
bool writer_take(struct writer *w, const struct http_call *call,
	const struct entry_change *change, struct http_answer *answer);
/*
 * Applies a change and waits for its outcome, which the caller releases: for threads that are
 * not the server's. -1 with err (change->err's), ERR_BUSY also when the queue is full.
 */
int writer_apply(struct writer *w, struct entry_change *change, struct err *err);
/* What it has done. */
struct writer_counters writer_counters(struct writer *w);
/* Applies what waits, answers it, ends the thread and frees it. NULL is fine. */
void writer_stop(struct writer *w);

/* Makes the answer of a change's outcome. */
void writer_answer(const struct entry_change *change, struct http_answer *answer);

#endif
