/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket is kept as one point in time: when all bytes taken so far are paid for. A taker
 * moves it on by its own bytes. What lies in the past may be saved up to the burst.
 */
#include "link/limiter.h"

#include "base/mem.h"
#include "wire/frame.h"

#define NS_PER_SECOND 1000000000u

/* How long n bytes take at the limit. */
static int64_t cost_ns(const struct link_limiter *l, uint64_t n)
{
	return (int64_t)((double)n * NS_PER_SECOND / (double)l->bytes_per_second);
}

void link_limiter_init(struct link_limiter *l, uint64_t bytes_per_second)
{
	uint64_t tenth = bytes_per_second / 10;

	*l = (struct link_limiter){.bytes_per_second = bytes_per_second};
	l->burst = tenth > FRAME_MAX ? tenth : FRAME_MAX;
	l->next = 0;
	pthread_mutex_init(&l->lock, NULL);
}

deadline link_limiter_take(struct link_limiter *l, size_t n)
{
	if (!l || l->bytes_per_second == 0)
		return 0;
	int64_t now = clock_ns(), saved = cost_ns(l, l->burst);
	pthread_mutex_lock(&l->lock);
	if (l->next < now - saved)
		l->next = now - saved;
	deadline when = l->next;
	l->next += cost_ns(l, n);
	pthread_mutex_unlock(&l->lock);
	return when > now ? when : 0;
}

void link_limiter_release(struct link_limiter *l)
{
	pthread_mutex_destroy(&l->lock);
}
