/* SPDX-License-Identifier: Apache-2.0 */
/* A cache whose loader is the test, and what it has told. */
#ifndef TESTS_CACHE_SCENE_H
#define TESTS_CACHE_SCENE_H

#include <stdatomic.h>

#include "base/str.h"
#include "daemons/cached/cache.h"

struct scene {
	struct cache *cache;
	struct cache_load *load; /* the last that was begun */
	int loads, changed;
	atomic_int removed;       /* by whoever lets go last */
	char now[64], before[64]; /* of the last change */
	int answers;
	struct cache_model *model; /* of the last answer */
	struct err err;
	const char *in_hand; /* a version that a client has in hand */
	char revoked[64];
};

/* Makes an empty cache. */
void scene_open(struct scene *s, size_t places, uint64_t bytes);
/* A blob with this content. */
struct blob *scene_blob(const char *content);
/* Puts a version as the current one, in Production; cache_put's answer. */
int scene_put(struct scene *s, const char *name, const char *version, const char *content);
/* True if a version is held. */
bool scene_holds(struct scene *s, const char *name, const char *version);
/* Fails the test unless this version is the current one. */
void scene_expect_current(struct scene *s, const char *name, const char *version);
/* The counters. */
struct cache_counts scene_counts(struct scene *s);
/* Asks for a version of "fraud". */
void scene_ask(struct scene *s, const char *version, const char *stage);
/* Ends the last load with a version of "fraud", as the current one. */
int scene_finish(struct scene *s, const char *version);
/* Gives back what so many answers have given, and forgets them. */
void scene_give_back(struct scene *s, int answers);

#endif
