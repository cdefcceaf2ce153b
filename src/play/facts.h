/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's facts, as the gathering of a play and the module setup get them.
 */
#ifndef PLAY_FACTS_H
#define PLAY_FACTS_H

#include "value/value.h"

struct runner;

/*
 * What the node's module facts takes; NULL for what is not given. `subset` and `path` are
 * rendered.
 */
struct facts_wish {
	const struct value *subset;  /* a list of texts */
	const struct value *timeout; /* seconds */
	const struct value *path;    /* of local facts */
};
/* The arguments for the node. */
struct value *facts_arguments(struct arena *a, const struct facts_wish *wish);
/*
 * The facts of a node's answer, with local facts read and what was asked for; all of it
 * unsafe. Warnings are added to the list. NULL when the answer has none.
 */
struct value *facts_complete(struct arena *a, const struct value *answer,
	const struct facts_wish *wish, struct value *warnings);
/* Those whose names match one of the patterns, with or without "ansible_" in front. */
struct value *facts_filter(struct arena *a, struct value *facts, const struct value *patterns);
/*
 * Adds facts that a module told to the host's ansible_facts, by their short names. What the
 * play has gathered is fetched before, so that it cannot hide them later.
 */
void facts_add_short(struct runner *r, const struct value *facts);

#endif
