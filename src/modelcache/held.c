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

#define PIECE ((size_t)2 << 20) /* bytes mapped or unmapped at once, in 0.1 ms or so */
#define PAUSE 200000            /* nanoseconds between two pieces */

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

/*
 * Maps or unmaps in pieces, with pauses unless a user waits: who wakes up beside a thread that
 * computes may have to wait for some milliseconds, and with many processes there are many such
 * threads at a swap. And a process's other threads can neither map nor allocate meanwhile.
 */
static void in_pieces(
	struct modelcache *cache, char *at, size_t size, int (*act)(void *at, size_t size))
{
	const struct timespec pause = {.tv_nsec = PAUSE};
	size_t piece;

	for (size_t done = 0; done < size; done += piece) {
		if (done && !session_is_awaited(atomic_load(&cache->session), true))
			nanosleep(&pause, NULL);
		piece = size - done < PIECE ? size - done : PIECE;
		if (act(at + done, piece) < 0)
			return;
	}
}

/* Unmaps what is gone and idle. By the library's thread, as all that changes `named`. */
static void drop_idle(struct held *h)
{
	uint32_t serial = h->named;

	if (!serial || atomic_load(&h->serial) || atomic_load(&shared(h)->in_use))
		return;
	h->named = 0;
	if (h->model.data)
		in_pieces(h->session->cache, (char *)h->model.data, (size_t)h->model.size,
			munmap);
	h->model.data = NULL;
	send_drop(h->session, (uint32_t)(h - h->session->held), serial);
}

void held_release(struct held *h)
{
	const uint64_t one = 1;

	if (atomic_fetch_sub(&shared(h)->in_use, 1) == 1 && !atomic_load(&h->serial) &&
		write(h->session->cache->wake, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void held_retire(struct held *h)
{
	atomic_store(&h->serial, 0);
	drop_idle(h);
}

void held_sweep(struct session *s)
{
	for (; s; s = s->before) {
		for (struct held *h = s->held; h < s->held + MC_SLOTS; h++)
			drop_idle(h);
	}
}

/* Takes the page faults, so that no user pays for them. Before Linux 5.14 users take them. */
static int populate(void *at, size_t size)
{
	return madvise(at, size, MADV_POPULATE_READ);
}

/* What could change or become shorter under our users is no model. */
static const void *map_sealed(struct modelcache *cache, int fd, uint64_t size)
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
	void *at = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return NULL;
	in_pieces(cache, at, (size_t)size, populate);
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

struct held *held_fill(
	struct session *s, const struct mc_message *m, int fd, struct modelcache_error *error)
{
	struct held *h = &s->held[m->slot];
	const void *data = NULL;

	if (m->serial && h->named == m->serial)
		return h;
	bool is_free = !h->named && m->serial;
	errno = EPROTO;
	if (is_free && m->size)
		data = map_sealed(s->cache, fd, m->size);
	if (!is_free || (m->size && !data)) {
		modelcache_fail(error, errno, "the model cannot be mapped");
		atomic_fetch_sub(&shared(h)->in_use, 1);
		send_drop(s, m->slot, m->serial);
		return NULL;
	}
	describe(h, m, data);
	h->named = m->serial;
	atomic_store(&h->serial, m->serial);
	return h;
}
