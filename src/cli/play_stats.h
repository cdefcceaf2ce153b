/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What set_stats said in a run, for the recap: of each host, or of the run as a whole. Internal
 * to cli/.
 */
#ifndef CLI_PLAY_STATS_H
#define CLI_PLAY_STATS_H

#include "play/run.h"

/* What one task said. */
struct play_stat {
	uint64_t key;     /* of the task, in the order of a play */
	size_t number;    /* in the order in which it came */
	const char *host; /* NULL: of the run */
	bool aggregate;   /* added to what was said before, else in its place */
	const struct value *data;
};

struct play_stats {
	struct arena arena;
	struct play_stat *items;
	size_t count, cap;
	size_t settled; /* of batches that are over */
};

/* Takes over what a task's result says, if anything. `key` grows from task to task. */
void play_stats_add(struct play_stats *s, const struct run_event *e, uint64_t key);
/* Ends a batch: the keys of the next one begin again. */
void play_stats_settle(struct play_stats *s);
/* All that was said of a host, or of the run where it is NULL; it lives as long as they do. */
struct value *play_stats_of(struct play_stats *s, const char *host);
/* Appends the names of the hosts of which something was said, sorted. */
void play_stats_hosts(const struct play_stats *s, struct strlist *names);
/* Appends them: hosts by their names, then the run. */
void play_stats_tell(struct play_stats *s, struct strbuf *out);
/* Frees what it holds. */
void play_stats_release(struct play_stats *s);

#endif
