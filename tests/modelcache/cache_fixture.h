/* SPDX-License-Identifier: Apache-2.0 */
/* A cache with its socket in a scratch directory, and versions whose bytes tell what they are.
 */
#ifndef TESTS_CACHE_FIXTURE_H
#define TESTS_CACHE_FIXTURE_H

#include <stdbool.h>

#include "base/clock.h"

#include "daemons/cached/hub.h"
#include "modelcache/modelcache.h"

struct cache_fixture {
	char socket[108]; /* what sun_path has room for */
	struct cache *cache;
	struct hub *hub;
	struct cache_load *load; /* the last that was begun, with `lazy` */
	bool lazy;               /* what is not held is loaded, by the test */
};

/* Makes a cache with so many places and its socket. */
void fixture_open(struct cache_fixture *f, const char *dir, size_t places, uint64_t bytes);
/* Ends both. */
void fixture_close(struct cache_fixture *f);
/* Ends both as a killed daemon would, the socket included, and makes empty ones in their place.
 */
void fixture_restart(struct cache_fixture *f, size_t places);
/* Makes a blob of `size` bytes that all are `letter`. */
struct blob *fixture_blob(char letter, size_t size);
/* Puts a version as the current one: `size` bytes of its version's first letter. */
void fixture_put(struct cache_fixture *f, const char *name, const char *version, size_t size);
/* True if a model's bytes are all its version's first letter. */
bool fixture_right(const struct modelcache_model *model);
/* Waits until a condition holds; fails the test after a minute. */
#define FIXTURE_WAIT(condition)                                                                \
	do {                                                                                   \
		deadline until_ = deadline_in(60);                                             \
		while (!(condition)) {                                                         \
			assert_false(deadline_passed(until_));                                 \
			fixture_pause();                                                       \
		}                                                                              \
	} while (0)
/* A millisecond, between two looks at a condition. */
void fixture_pause(void);
/* The counters. */
struct cache_counts fixture_counts(struct cache_fixture *f);
struct hub_counts fixture_hub_counts(struct cache_fixture *f);

#endif
