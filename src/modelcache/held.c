/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "modelcache/private.h"

#define POPULATE_PIECE ((size_t)2 << 20) /* bytes mapped without a pause, in 0.1 ms or so */
#define POPULATE_PAUSE 200000            /* nanoseconds between two of them */

#ifndef MADV_POPULATE_READ /* the C library's headers may be older */
#define MADV_POPULATE_READ 22
#endif

static struct mc_slot *shared(const struct held *h)
{
	return &h->session->page->slots[h - h->session->held];
}

uint64_t held_target(const struct held *h)
{
	return (uint64_t)(h - h->session->held) << 32 | h->named;
}

static uint64_t coarse_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const struct modelcache_model *held_take(struct session *s, uint64_t target, bool orphan)
{
	struct held *h = &s->held[target >> 32];
	struct mc_slot *slot = &s->page->slots[target >> 32];
	uint32_t serial = (uint32_t)target;

	atomic_fetch_add(&slot->in_use, 1);
	if (atomic_load(&h->serial) != serial ||
		(!orphan && atomic_load(&slot->serial) != serial)) {
		held_release(h);
		return NULL;
	}
	atomic_fetch_add_explicit(&slot->hits, 1, memory_order_relaxed);
	atomic_store_explicit(&slot->used, coarse_now(), memory_order_relaxed);
	return &h->model;
}

static void send_drop(struct session *s, uint32_t slot, uint32_t serial)
{
	struct mc_message m = {.type = MC_DROP, .slot = slot, .serial = serial};

	/* A daemon that reads nothing for so long is left; so all is given back. */
	if (!atomic_load(&s->dead) && session_send(s, &m) < 0)
		shutdown(s->fd, SHUT_RDWR);
}

/* Unmaps what is gone and idle; the lock is held. */
static void drop_idle(struct held *h)
{
	uint32_t serial = h->named;

	if (!serial || atomic_load(&h->serial) || atomic_load(&shared(h)->in_use))
		return;
	h->named = 0;
	if (h->model.data)
		munmap((void *)h->model.data, (size_t)h->model.size);
	h->model.data = NULL;
	send_drop(h->session, (uint32_t)(h - h->session->held), serial);
}

void held_release(struct held *h)
{
	struct modelcache *cache = h->session->cache;

	if (atomic_fetch_sub(&shared(h)->in_use, 1) > 1 || atomic_load(&h->serial))
		return;
	pthread_mutex_lock(&cache->lock);
	drop_idle(h);
	pthread_mutex_unlock(&cache->lock);
}

void held_retire(struct held *h)
{
	struct modelcache *cache = h->session->cache;

	pthread_mutex_lock(&cache->lock);
	atomic_store(&h->serial, 0);
	drop_idle(h);
	pthread_mutex_unlock(&cache->lock);
}

/*
 * Takes the page faults, with pauses: who wakes up beside a thread that computes may have to
 * wait for some milliseconds, and with many processes there are many such threads at a swap.
 * Before Linux 5.14 the users take them.
 */
static void populate(char *at, size_t size)
{
	const struct timespec pause = {.tv_nsec = POPULATE_PAUSE};
	size_t piece;

	for (size_t done = 0; done < size; done += piece) {
		if (done)
			nanosleep(&pause, NULL);
		piece = size - done < POPULATE_PIECE ? size - done : POPULATE_PIECE;
		if (madvise(at + done, piece, MADV_POPULATE_READ) < 0)
			return;
	}
}

/* What could change or become shorter under our users is no model. */
static const void *map_sealed(int fd, uint64_t size, bool awaited)
{
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
	struct stat st;

	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != size ||
		(fcntl(fd, F_GET_SEALS) & needed) != needed) {
		errno = EPROTO;
		return NULL;
	}
	if (size > PTRDIFF_MAX) { /* on a machine of 32 bits */
		errno = EFBIG;
		return NULL;
	}
	/* Populated here, so that no user pays for the page faults. */
	int flags = MAP_SHARED | (awaited ? MAP_POPULATE : 0);
	void *at = mmap(NULL, (size_t)size, PROT_READ, flags, fd, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (!awaited)
		populate(at, (size_t)size);
	return at;
}

static void describe(struct held *h, const struct mc_message *m, const void *data)
{
	h->about = *m;
	h->model = (struct modelcache_model){.data = data,
		.size = m->size,
		.name = h->about.name,
		.version = h->about.version,
		.stage = h->about.stage,
		.run_id = h->about.run_id,
		.sha256 = h->about.sha256,
		.loaded_at = m->loaded_at};
}

struct held *held_fill(struct session *s, const struct mc_message *m, int fd, bool awaited,
	struct modelcache_error *error)
{
	struct modelcache *cache = s->cache;
	struct held *h = &s->held[m->slot];
	const void *data = NULL;

	pthread_mutex_lock(&cache->lock);
	uint32_t named = h->named;
	pthread_mutex_unlock(&cache->lock);
	if (named && named == m->serial) {
		close(fd);
		return h;
	}
	if (!named && m->serial && m->size)
		data = map_sealed(fd, m->size, awaited);
	if (named || !m->serial || (m->size && !data)) {
		int code = named || !m->serial ? EPROTO : errno;
		modelcache_fail(error, code, "the model cannot be mapped");
		close(fd);
		atomic_fetch_sub(&shared(h)->in_use, 1);
		send_drop(s, m->slot, m->serial);
		return NULL;
	}
	close(fd);
	pthread_mutex_lock(&cache->lock);
	describe(h, m, data);
	h->named = m->serial;
	atomic_store(&h->serial, m->serial);
	pthread_mutex_unlock(&cache->lock);
	return h;
}
