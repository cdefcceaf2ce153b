/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about hosts that wait for each other share. */
#ifndef PLAY_MEET_INSIDE_H
#define PLAY_MEET_INSIDE_H

#include "play/run_state.h"

/*
 * Where a host is that works on a step, as include.h numbers places; one more when it has done
 * it.
 */
static inline uint64_t meet_number(const struct runner *r, const struct step *s)
{
	return 2 * include_place_of(&r->place, s->index);
}

/* Host i of a runner's batch. */
struct runner *meet_member(const struct runner *r, size_t i);
/* Where a host is. */
uint64_t meet_position(const struct runner *r);
/* True when a host has ended the play. */
bool meet_is_gone(const struct runner *r);
/* Tells where a host is, if that is further than before. */
void meet_move(struct runner *r, uint64_t at);
/* Wakes those that wait; what they wait for may have come. */
void meet_wake(struct runner *r);
/*
 * Waits, the batch's lock held, until `ready` says so. It is asked under that lock, at first
 * and whenever a host of the batch moves.
 */
int meet_wait(struct runner *r, bool (*ready)(struct runner *r, void *data), void *data,
	struct err *err);

#endif
