/* SPDX-License-Identifier: Apache-2.0 */
#include "modelcache/modelcache.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "modelcache/private.h"

/* A page that says 1 here, and 0 in a child of fork. */
static const _Atomic int *alive_page(void)
{
	_Atomic int *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, sizeof(*page), MADV_WIPEONFORK) < 0) {
		munmap(page, sizeof(*page));
		return NULL;
	}
	atomic_store(page, 1);
	return page;
}

static void prepare_locks(struct modelcache *cache)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* Signals are for the program's own threads. */
static int start_thread(struct modelcache *cache)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = pthread_create(&cache->thread, NULL, connect_run, cache);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static void free_cache(struct modelcache *cache)
{
	struct session *s = atomic_load(&cache->session);

	while (s) {
		struct session *before = s->before;
		session_free(s);
		s = before;
	}
	if (cache->alive)
		munmap((void *)cache->alive, sizeof(*cache->alive));
	close(cache->changed);
	close(cache->stop);
	close(cache->wake);
	free(cache->path);
	free(cache);
}

struct modelcache *modelcache_open(const char *socket, struct modelcache_error *error)
{
	struct modelcache *cache = calloc(1, sizeof(*cache));

	if (!cache) {
		modelcache_fail(error, ENOMEM, "no memory");
		return NULL;
	}
	prepare_locks(cache);
	cache->path = strdup(socket ? socket : MODELCACHE_SOCKET);
	cache->alive = alive_page();
	cache->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cache->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cache->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!cache->path || !cache->alive || cache->changed < 0 || cache->stop < 0 ||
		cache->wake < 0)
		modelcache_fail(error, errno, "no memory or descriptors");
	else
		atomic_store(&cache->session, session_open(cache, error));
	int code = atomic_load(&cache->session) ? start_thread(cache) : -1;
	if (code > 0)
		modelcache_fail(error, code, "no thread");
	if (code != 0) {
		free_cache(cache);
		return NULL;
	}
	return cache;
}

void modelcache_close(struct modelcache *cache)
{
	const uint64_t one = 1;

	if (!cache)
		return;
	/* In a child of fork the thread is not there. */
	if (atomic_load(cache->alive)) {
		while (write(cache->stop, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(cache->thread, NULL);
		pthread_mutex_destroy(&cache->lock);
		pthread_cond_destroy(&cache->answered);
	}
	free_cache(cache);
}

int modelcache_fd(const struct modelcache *cache)
{
	return cache->changed;
}

/* What a session holds. */
static const struct modelcache_model *take(
	struct session *s, const char *name, const char *selector)
{
	const struct query *q = query_find(s, name, selector);
	uint64_t target = q ? atomic_load(&q->target) : 0;

	return target ? held_take(s, target, atomic_load(&s->dead)) : NULL;
}

/* What this session, or a former one, holds. */
static const struct modelcache_model *take_any(
	struct session *s, const char *name, const char *selector)
{
	const struct modelcache_model *model = NULL;

	for (; s && !model; s = s->before)
		model = take(s, name, selector);
	return model;
}

static struct timespec deadline(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += MODELCACHE_TIMEOUT_MS / 1000;
	return at;
}

/* Waits for the answer to a request that was sent; the lock is held. */
static void wait_for(struct modelcache *cache, struct session *s, struct request *r)
{
	const struct timespec until = deadline();

	while (!r->done) {
		if (pthread_cond_timedwait(&cache->answered, &cache->lock, &until) == 0 ||
			r->done)
			continue;
		session_forget(s, r);
		modelcache_fail(&r->error, ETIMEDOUT, "the daemon has not brought it in time");
		return;
	}
}

/* Asks the daemon. Where it cannot tell, what was held before is given. */
static const struct modelcache_model *ask(struct modelcache *cache, const char *name,
	const char *selector, struct modelcache_error *error)
{
	struct request r = {.name = name, .selector = selector};

	pthread_mutex_lock(&cache->lock);
	struct session *s = atomic_load(&cache->session);
	const struct query *q = query_find(s, name, selector);
	bool asked =
		q && (q->stale || q->again); /* by our thread, which does not make us wait */
	pthread_mutex_unlock(&cache->lock);
	const struct modelcache_model *model =
		asked ? take_any(s->before, name, selector) : NULL;
	if (model)
		return model;
	pthread_mutex_lock(&cache->lock);
	if (session_request(s, &r) < 0)
		modelcache_fail(&r.error, ENOTCONN, "the daemon is not there");
	else
		wait_for(cache, s, &r);
	pthread_mutex_unlock(&cache->lock);
	if (r.held)
		return &r.held->model;
	if (r.error.code != ENOENT)
		model = take_any(s, name, selector);
	if (!model && error)
		*error = r.error;
	return model;
}

const struct modelcache_model *modelcache_acquire(struct modelcache *cache, const char *name,
	const char *selector, struct modelcache_error *error)
{
	const struct mc_message *m = NULL;

	if (!atomic_load_explicit(cache->alive, memory_order_relaxed)) {
		modelcache_fail(error, EOWNERDEAD, "opened before fork; open another here");
		return NULL;
	}
	if (!selector)
		selector = "";
	const struct modelcache_model *model =
		take(atomic_load(&cache->session), name, selector);
	if (model)
		return model;
	if (strlen(name) >= sizeof(m->name) || strlen(selector) >= sizeof(m->selector)) {
		modelcache_fail(error, EINVAL, "the name or the selector is too long");
		return NULL;
	}
	return ask(cache, name, selector, error);
}

void modelcache_release(const struct modelcache_model *model)
{
	struct held *h = (struct held *)model;

	if (h && atomic_load_explicit(h->session->cache->alive, memory_order_relaxed))
		held_release(h);
}
