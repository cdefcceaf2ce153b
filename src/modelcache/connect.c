/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's thread. While the daemon lives it reads what the daemon says; when the
 * connection ends it makes another. A new session comes in front only when it has what the
 * former one had, or the daemon has had its time, so that readers see no gap.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "modelcache/private.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define WARM_MS      5000 /* for a new daemon, to give what it has */
#define AGAIN_MS     1000 /* until what a daemon could not give is asked for again */

static bool stopped(struct modelcache *cache, int timeout_ms)
{
	struct pollfd stop = {.fd = cache->stop, .events = POLLIN};

	return poll(&stop, 1, timeout_ms) > 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks in the new session for all that the old one had. */
static void ask_again(struct session *s, struct session *old)
{
	pthread_mutex_lock(&s->cache->lock);
	for (unsigned i = 0; i < QUERIES; i++) {
		struct query *q = atomic_load(&old->queries[i]);
		if (q && !mc_is_version(q->selector))
			query_add(s, q->name, q->selector);
	}
	query_refresh(s, NULL);
	pthread_mutex_unlock(&s->cache->lock);
}

/* False when the new connection ended, too. */
static bool warm(struct session *s, struct session *old)
{
	int64_t until = now_ms() + WARM_MS;

	ask_again(s, old);
	while (session_is_awaited(s, false)) {
		int64_t left = until - now_ms();
		if (left <= 0)
			return true;
		if (session_receive(s, (int)left) < 0)
			return false;
	}
	return true;
}

/* Another session in front of the one that ended; NULL: the cache is being closed. */
static struct session *reconnect(struct modelcache *cache, struct session *old)
{
	for (int pause = PAUSE_MIN_MS; !stopped(cache, pause);) {
		struct session *s = session_open(cache, NULL);
		if (s && warm(s, old)) {
			s->before = old;
			atomic_store(&cache->session, s);
			session_retire_before(s);
			return s;
		}
		if (s)
			session_free(s);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
	return NULL;
}

/* Until the connection ends. */
static void serve(struct session *s)
{
	int n;

	while ((n = session_receive(s, s->again ? AGAIN_MS : -1)) >= 0) {
		if (n == 0 && s->again)
			query_refresh_again(s);
	}
}

void *connect_run(void *data)
{
	struct modelcache *cache = data;
	struct session *s = atomic_load(&cache->session);

	while (s) {
		serve(s);
		pthread_mutex_lock(&cache->lock);
		atomic_store(&s->dead, true);
		session_fail(s);
		pthread_mutex_unlock(&cache->lock);
		s = reconnect(cache, s);
	}
	return NULL;
}
