/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The person at the terminal, as a run asks them: for vars_prompt between plays, and in a
 * pause. Internal to cli/.
 */
#ifndef CLI_PLAY_ASK_H
#define CLI_PLAY_ASK_H

#include <pthread.h>

#include "play/run.h"

struct play_ask {
	struct run_person person; /* what a run takes */
	pthread_mutex_t lock;     /* hosts that do not wait for each other may pause at once */
};

/* Makes it: standard input is asked, if it is a terminal in whose foreground we are. */
void play_ask_init(struct play_ask *a);
/* Frees it. */
void play_ask_release(struct play_ask *a);

#endif
