/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --step: a person is asked before each task. Hosts come to a task at different times, each on
 * a thread of its own: the first one asks, and the answer holds for all. Internal to cli/.
 */
#ifndef CLI_PLAY_STEP_H
#define CLI_PLAY_STEP_H

#include <pthread.h>
#include <stdio.h>

#include "base/strmap.h"
#include "play/playbook.h"

struct play_step {
	pthread_mutex_t lock;
	struct strmap answers; /* place of a task -> "y" or "n" */
	bool goes_on;          /* no further questions */
	FILE *in, *out;
};

#define PLAY_STEP_INIT                                                                         \
	{                                                                                      \
		.lock = PTHREAD_MUTEX_INITIALIZER                                              \
	}

/* run_options.step: asks, or says what was answered. `data` is a struct play_step. */
bool play_step_ask(void *data, const struct step *s);
/* Frees the answers. */
void play_step_release(struct play_step *p);

#endif
