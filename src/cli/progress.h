/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far work on this machine is, for commands that read much: one line on a terminal that is
 * drawn over and over, one line a step elsewhere, nothing beside JSON. Internal to cli/.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/engine.h"

struct progress {
	enum engine_output output;
	const char *step; /* what is done now */
	uint64_t done, total;
	int64_t started_ns, drawn_ns;
	bool drawn; /* the line is on the terminal */
};

/* Begins a step of so many bytes; `step` outlives it. 0 bytes: nobody knows how many. */
void progress_begin(struct progress *p, const char *step, uint64_t total);
/* Counts bytes of the step; a tree_progress whose `arg` is the progress. */
int progress_add(void *arg, uint64_t bytes, struct err *err);
/* Sets how many bytes of the step are done. */
void progress_set(struct progress *p, uint64_t done);
/* Takes the line away, before anything else is printed. */
void progress_erase(struct progress *p);

#endif
