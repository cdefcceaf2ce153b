/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bandwidth limit that many links share: a token bucket that holds a tenth of a second's
 * worth of bytes, at least one frame. Safe for any number of threads.
 */
#ifndef LINK_LIMITER_H
#define LINK_LIMITER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct link_limiter {
	pthread_mutex_t lock;
	uint64_t bytes_per_second; /* 0: no limit */
	uint64_t burst;            /* most bytes that may be saved up */
	deadline next;             /* when the bytes taken so far are paid for */
};

/* Makes a limiter; 0 means no limit. */
void link_limiter_init(struct link_limiter *l, uint64_t bytes_per_second);
/*
 * Takes n bytes and returns when they may be sent: 0 for at once, else a point in time to
 * wait for. The bytes are taken in either case, so that takers queue up in order.
 */
deadline link_limiter_take(struct link_limiter *l, size_t n);
/* Frees the limiter's lock. */
void link_limiter_release(struct link_limiter *l);

#endif
