/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens behind `forks`: a counting semaphore that can be waited for with a deadline and
 * a cancel token, and that lets those who had a token before go first.
 *
 * Private to fleet/.
 */
#ifndef FLEET_TOKENS_H
#define FLEET_TOKENS_H

#include <stdbool.h>

#include "base/clock.h"

struct tokens {
	int fd;       /* an eventfd that counts the free tokens */
	int resuming; /* atomic: workers that wait to take one again */
};

/* Makes count tokens. */
int tokens_init(struct tokens *t, unsigned count, struct err *err);
/* Takes a token for a new worker, if one is free and nobody wants one back. */
bool tokens_try(struct tokens *t);
/* Waits for a token. */
int tokens_take(struct tokens *t, deadline until, const struct cancel *cancel, struct err *err);
/* Gives one back. */
void tokens_give(struct tokens *t);
/* Closes the semaphore. */
void tokens_release(struct tokens *t);

#endif
