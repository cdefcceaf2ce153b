/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where hosts of a batch have to do with each other.
 *
 * Theory of operation. Hosts do not wait for each other, except where it can be told: a task
 * with run_once is done by the first host of the batch that is still there, and the others
 * need its result; hostvars of another host show what it has set and registered up to the task
 * that asks; a task that tells something to other hosts, or whose failure is to stop them, is
 * done by all before one goes on (meet_step.c). For these, each runner tells where it is, which
 * only grows (handlers have no say in it): an even number while it works on a step, and one
 * more when it has done it. Who waits, waits for hosts that are behind it in the play: so there
 * is no circle. It gives its token back meanwhile, and is woken, by a descriptor of its own,
 * whenever some host of the batch moves on or ends.
 *
 * The batch's lock covers the results of run_once and the list of waiters; positions are
 * atomic, and a host that moves on takes the lock only while somebody waits.
 */
#include "play/meet_inside.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

struct once {
	struct once *next;
	const struct step *step;
	uint64_t place; /* a step that is included again is another one */
	unsigned flush; /* of handlers: which one */
	bool done;
	struct outcome outcome;
};

void meet_begin(struct playing *p, unsigned number)
{
	struct batch *b = &p->batches[number];

	pthread_mutex_init(&b->lock, NULL);
	b->first = number > 0 ? p->batches[number - 1].first + p->batches[number - 1].size : 0;
	for (size_t i = 0; i < b->size; i++) {
		struct runner *r = p->hosts[b->first + i]->runner;
		r->at = 0;
		r->gone = false;
		r->removed_at = 0;
		r->flushes = 0;
	}
	b->begun = true;
}

void meet_release(struct playing *p)
{
	for (size_t i = 0; i < p->count && p->batches[i].begun; i++) {
		arena_release(&p->batches[i].arena);
		pthread_mutex_destroy(&p->batches[i].lock);
	}
}

/* ---- waiting ---- */

struct runner *meet_member(const struct runner *r, size_t i)
{
	return r->playing->hosts[r->batch->first + i]->runner;
}

void meet_wake(struct runner *r)
{
	struct batch *b = r->batch;
	uint64_t one = 1;

	if (__atomic_load_n(&b->waiters, __ATOMIC_SEQ_CST) == 0)
		return;
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->size; i++) {
		const struct runner *m = meet_member(r, i);
		if (m->waiting && write(m->wake_fd, &one, sizeof(one)) < 0)
			continue; /* it is awake already */
	}
	pthread_mutex_unlock(&b->lock);
}

uint64_t meet_position(const struct runner *r)
{
	return __atomic_load_n(&r->at, __ATOMIC_SEQ_CST);
}

bool meet_is_gone(const struct runner *r)
{
	return __atomic_load_n(&r->gone, __ATOMIC_SEQ_CST);
}

void meet_move(struct runner *r, uint64_t at)
{
	if (at <= r->at)
		return;
	__atomic_store_n(&r->at, at, __ATOMIC_SEQ_CST);
	meet_wake(r);
}

void meet_at(struct runner *r, const struct step *s)
{
	if (!s->handler && !r->undoing)
		meet_move(r, meet_number(r, s));
}

void meet_end(struct runner *r)
{
	__atomic_store_n(&r->gone, true, __ATOMIC_SEQ_CST);
	meet_wake(r);
	fd_close(&r->wake_fd);
}

/* Enters the list of waiters; the lock is held. */
static int begin_waiting(struct runner *r, struct err *err)
{
	if (r->wake_fd < 0)
		r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake_fd < 0)
		return err_sys(err, "cannot make a descriptor to wait on");
	r->waiting = true;
	__atomic_add_fetch(&r->batch->waiters, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void end_waiting(struct runner *r)
{
	r->waiting = false;
	__atomic_sub_fetch(&r->batch->waiters, 1, __ATOMIC_SEQ_CST);
}

/* Sleeps until somebody moves; the lock is held before and after. */
static int sleep_once(struct runner *r, struct err *err)
{
	struct pollfd p = {.fd = r->wake_fd, .events = POLLIN};
	uint64_t ignored;

	pthread_mutex_unlock(&r->batch->lock);
	int result = wait_fds(&p, 1, fleet_deadline(r->worker), runner_soft_cancel(r), err);
	while (read(r->wake_fd, &ignored, sizeof(ignored)) > 0)
		;
	pthread_mutex_lock(&r->batch->lock);
	return result < 0 ? -1 : 0;
}

int meet_wait(struct runner *r, bool (*ready)(struct runner *r, void *data), void *data,
	struct err *err)
{
	int result = 0;

	if (ready(r, data))
		return 0;
	if (begin_waiting(r, err) < 0)
		return -1;
	fleet_yield(r->worker);
	while (result == 0 && !ready(r, data))
		result = sleep_once(r, err);
	end_waiting(r);
	pthread_mutex_unlock(&r->batch->lock);
	if (fleet_resume(r->worker, result < 0 ? NULL : err) < 0)
		result = -1;
	pthread_mutex_lock(&r->batch->lock);
	return result;
}

/* ---- run_once ---- */

static struct once *find_once(const struct runner *r, const struct step *s)
{
	for (struct once *o = r->batch->onces; o; o = o->next)
		if (o->step == s && o->place == meet_number(r, s) &&
			(!s->handler || o->flush == r->flushes))
			return o;
	return NULL;
}

/* True if the step is this host's to do: those before it have ended or passed it by. */
static bool is_mine(const struct runner *r, const struct step *s)
{
	if (s->handler)
		return true;
	for (size_t i = 0; i < r->batch->size; i++) {
		const struct runner *m = meet_member(r, i);
		if (m == r)
			return true;
		if (!meet_is_gone(m) && meet_position(m) <= meet_number(r, s))
			return false;
	}
	return true;
}

static bool once_ready(struct runner *r, void *data)
{
	const struct step *s = data;
	const struct once *o = find_once(r, s);

	return o ? o->done : is_mine(r, s);
}

int meet_once(struct runner *r, const struct step *s, struct outcome *out, struct err *err)
{
	struct batch *b = r->batch;
	int mine = -1;

	pthread_mutex_lock(&b->lock);
	if (meet_wait(r, once_ready, (void *)(uintptr_t)s, err) == 0) {
		struct once *o = find_once(r, s);
		mine = o == NULL;
		if (mine) {
			o = ARENA_NEW(&b->arena, struct once);
			*o = (struct once){.next = b->onces,
				.step = s,
				.place = meet_number(r, s),
				.flush = r->flushes};
			b->onces = o;
		} else {
			*out = o->outcome;
		}
	}
	pthread_mutex_unlock(&b->lock);
	return mine;
}

void meet_once_done(struct runner *r, const struct step *s, const struct outcome *out)
{
	struct batch *b = r->batch;

	pthread_mutex_lock(&b->lock);
	struct once *o = find_once(r, s);
	o->outcome = *out;
	o->outcome.result = value_copy(&b->arena, out->result);
	o->outcome.label = NULL;
	o->done = true;
	pthread_mutex_unlock(&b->lock);
	meet_wake(r);
}

/* ---- hostvars ---- */

struct behind {
	const struct runner *other;
	uint64_t at;
};

static bool has_come(struct runner *r, void *data)
{
	const struct behind *b = data;

	(void)r;
	return meet_is_gone(b->other) || meet_position(b->other) >= b->at;
}

/* The runner of a host in the same batch, or NULL. */
static const struct runner *neighbour(const struct runner *r, const struct runner *other)
{
	for (size_t i = 0; r->batch && i < r->batch->size; i++)
		if (meet_member(r, i) == other)
			return other;
	return NULL;
}

static struct runner *runner_of(const struct runner *r, const struct host *host)
{
	for (size_t i = 0; i < r->run->count; i++)
		if (r->run->hosts[i].host == host)
			return r->run->hosts[i].runner;
	return NULL;
}

const struct value *meet_hostvars(void *data, const struct host *host, enum vars_level level,
	struct arena *arena, struct err *err)
{
	struct runner *r = data, *other = runner_of(r, host);
	struct behind behind = {.other = other, .at = r->at};
	int result = 0;

	if (!other) {
		struct value *sent = value_new_dict(arena);
		parcels_show(r->run->shared, host->name, NULL, level, arena, sent);
		return sent;
	}
	if (r->worker && !r->undoing && neighbour(r, other) && !r->playing->play->free) {
		pthread_mutex_lock(&r->batch->lock);
		result = meet_wait(r, has_come, &behind, err);
		pthread_mutex_unlock(&r->batch->lock);
	}
	if (result < 0)
		return NULL;
	pthread_mutex_lock(&other->vars_lock);
	struct value *v = vars_view_copy_set(other->host->view, level, arena);
	pthread_mutex_unlock(&other->vars_lock);
	parcels_show(r->run->shared, host->name, other, level, arena, v);
	return v;
}
