/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks and roles that a playbook includes while it runs. What an include brings depends on
 * the step that includes and on the names that it renders; it is read once for all hosts that
 * come to the same, and immutable from then on.
 *
 * Where an included step is among others: a playbook's steps have numbers, and hosts tell each
 * other (and the listener, in run_event.place) which they are at. A place is a number of 45
 * bits, read from the left: 15 for the step of the playbook, 12 for the step of a file that
 * this one includes, 10 and 8 for files included by these. What is included more deeply has
 * its include's place, and so have the steps behind as many as the bits can count: they are
 * done in their order on each host, but hosts do not wait there for each other.
 */
#ifndef PLAY_INCLUDE_H
#define PLAY_INCLUDE_H

#include <stdint.h>

#include "base/diag.h"
#include "play/playbook.h"

#define INCLUDE_MAX_DEPTH 30   /* includes inside one another, on one host */
#define INCLUDE_MAX       5000 /* different ones in one run */

/* What a step includes, its names rendered. */
struct include_request {
	const struct step *by;
	const char *path;         /* of a file of tasks; NULL: a role */
	const struct value *role; /* include_role's arguments, rendered */
};

/* What an include brings. */
struct included {
	struct playbook book;     /* the memory; its step_count is how many steps there are */
	const struct step *block; /* what is to be run */
	struct steps handlers;    /* those of the role, and of roles that it imports */
	const struct role_use *role;
	bool public; /* the whole play sees the role's variables from now on */
};

/* Reads what a step includes. -1 with findings in d; released by the caller in either case. */
int include_read(struct included *in, const struct include_request *q,
	const struct playbook_options *o, struct diags *d);
/* Frees it. */
void included_release(struct included *in);

/* Where a host is in a play. */
struct include_place {
	uint64_t base;   /* of the include around */
	uint64_t offset; /* steps that this include brought before those that run now */
	unsigned depth;
};

/* The place of a step, for its number in the playbook or in the included file. */
uint64_t include_place_of(const struct include_place *at, unsigned index);

#endif
