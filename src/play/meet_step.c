/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps that hosts of a batch do together: all of them before one goes on, or only so many at
 * a time. With `strategy: free` nobody waits.
 */
#include "play/meet_inside.h"

/* ---- all of them ---- */

/* True when every other host of the batch is at a place at least, or has ended the play. */
static bool all_at(struct runner *r, void *data)
{
	const uint64_t *at = data;

	for (size_t i = 0; i < r->batch->size; i++) {
		const struct runner *m = meet_member(r, i);
		if (m != r && !meet_is_gone(m) && meet_position(m) < *at)
			return false;
	}
	return true;
}

static int wait_for_all(struct runner *r, uint64_t at, struct err *err)
{
	if (!r->worker || r->undoing || r->playing->play->free)
		return 0;
	pthread_mutex_lock(&r->batch->lock);
	int result = meet_wait(r, all_at, &at, err);
	pthread_mutex_unlock(&r->batch->lock);
	return result;
}

int meet_all(struct runner *r, struct err *err)
{
	return wait_for_all(r, r->at, err);
}

/* True when the hosts before this one in the batch have done a step, or have ended the play. */
static bool is_turn(struct runner *r, void *data)
{
	const uint64_t *at = data;

	for (size_t i = 0; i < r->batch->size; i++) {
		const struct runner *m = meet_member(r, i);
		if (m == r)
			return true;
		if (!meet_is_gone(m) && meet_position(m) <= *at)
			return false;
	}
	return true;
}

int meet_in_turn(struct runner *r, const struct step *s, struct err *err)
{
	uint64_t at = meet_number(r, s);

	if (meet_all(r, err) < 0)
		return -1;
	/* Handlers have no say in where a host is. */
	if (s->handler || !r->worker || r->undoing || r->playing->play->free)
		return 0;
	pthread_mutex_lock(&r->batch->lock);
	int result = meet_wait(r, is_turn, &at, err);
	pthread_mutex_unlock(&r->batch->lock);
	return result;
}

int meet_after(struct runner *r, const struct step *s, struct err *err)
{
	if (s->handler || r->undoing)
		return 0;
	meet_move(r, meet_number(r, s) + 1);
	return wait_for_all(r, meet_number(r, s) + 1, err);
}

/* ---- so many at a time ---- */

/* How many hosts work on a step that has a throttle. */
struct throttled {
	struct throttled *next;
	const struct step *step;
	double limit;
	unsigned working;
};

/* The step's count, made at its first use; the lock is held. */
static struct throttled *throttle_of(struct batch *b, const struct step *s)
{
	struct throttled *t;

	for (t = b->throttles; t; t = t->next)
		if (t->step == s)
			return t;
	t = ARENA_NEW(&b->arena, struct throttled);
	*t = (struct throttled){.next = b->throttles, .step = s};
	b->throttles = t;
	return t;
}

struct claim {
	struct throttled *of;
	bool got;
};

/* Takes a place where there is one: when the lock is given up again, it is taken. */
static bool claim_place(struct runner *r, void *data)
{
	struct claim *c = data;

	(void)r;
	if (c->got || c->of->working >= c->of->limit)
		return c->got;
	c->of->working++;
	c->got = true;
	return true;
}

int meet_throttle(struct runner *r, const struct step *s, double limit, struct err *err)
{
	pthread_mutex_lock(&r->batch->lock);
	struct claim claim = {.of = throttle_of(r->batch, s)};
	claim.of->limit = limit;
	int result = meet_wait(r, claim_place, &claim, err);
	if (result < 0 && claim.got)
		claim.of->working--;
	pthread_mutex_unlock(&r->batch->lock);
	return result;
}

void meet_throttle_done(struct runner *r, const struct step *s)
{
	pthread_mutex_lock(&r->batch->lock);
	throttle_of(r->batch, s)->working--;
	pthread_mutex_unlock(&r->batch->lock);
	meet_wake(r);
}

/* ---- limits ---- */

void meet_end_batch(struct runner *r)
{
	struct batch *b = r->batch;

	pthread_mutex_lock(&b->lock);
	if (!b->over || r->at < b->over_at)
		__atomic_store_n(&b->over_at, r->at, __ATOMIC_SEQ_CST);
	__atomic_store_n(&b->over, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&b->lock);
}

bool meet_is_over(const struct runner *r, const struct step *s)
{
	const struct batch *b = r->batch;

	if (!__atomic_load_n(&b->over, __ATOMIC_SEQ_CST))
		return false;
	/* The others have not told yet where they are, or need not come to the same place. */
	if (!s || s->handler || r->transaction.id || r->playing->play->free)
		return true;
	return meet_number(r, s) > __atomic_load_n(&b->over_at, __ATOMIC_SEQ_CST);
}

/* ---- who is left ---- */

void meet_remove(struct runner *r)
{
	__atomic_store_n(&r->removed_at, r->at ? r->at : 1, __ATOMIC_SEQ_CST);
}

/* True for a host of the play that was still there when the runner's present step began. */
static bool was_there(const struct runner *r, size_t number)
{
	const struct runner *other = r->playing->hosts[number]->runner;
	bool mine = number >= r->batch->first && number < r->batch->first + r->batch->size;
	uint64_t removed = __atomic_load_n(&other->removed_at, __ATOMIC_SEQ_CST);

	return removed == 0 || (mine && removed >= r->at);
}

static const struct value *names_left(
	struct runner *r, size_t first, size_t count, struct arena *arena)
{
	const struct playing *p = r->playing;
	struct value *list = value_new_list(arena);

	for (size_t i = first; i < first + count && i < p->count; i++)
		if (was_there(r, i))
			value_list_add(arena, list, value_new_string(arena, p->hosts[i]->name));
	return list;
}

void meet_name(struct runner *r, const char *name)
{
	struct playing *p = r->playing;
	const struct value *names = p->all_names;

	value_list_foreach (item, names)
		if (strcmp(item->text, name) == 0)
			return;
	pthread_mutex_lock(&p->names_lock);
	if (!strlist_has(&p->added_names, name))
		strlist_add(&p->added_names, name);
	pthread_mutex_unlock(&p->names_lock);
}

/* The hosts of the play, and those that were added while it went on. */
static const struct value *all_names(struct playing *p, struct arena *arena)
{
	struct value *list = value_new_list(arena);

	value_list_foreach (item, p->all_names)
		value_list_add(arena, list, item);
	pthread_mutex_lock(&p->names_lock);
	for (size_t i = 0; i < p->added_names.count; i++)
		value_list_add(arena, list, value_new_string(arena, p->added_names.items[i]));
	pthread_mutex_unlock(&p->names_lock);
	return list;
}

const struct value *meet_left(
	void *data, const char *name, struct arena *arena, struct err *err)
{
	struct runner *r = data;
	struct playing *p = r->playing;
	bool batch = strcmp(name, "ansible_play_batch") == 0 || strcmp(name, "play_hosts") == 0;

	if (r->batch && strcmp(name, "ansible_play_hosts_all") == 0)
		return all_names(p, arena);
	if (!r->batch || (!batch && strcmp(name, "ansible_play_hosts") != 0))
		return NULL;
	if (meet_all(r, err) < 0)
		return NULL;
	return batch ? names_left(r, r->batch->first, r->batch->size, arena)
		     : names_left(r, 0, p->count, arena);
}
