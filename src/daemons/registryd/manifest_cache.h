/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests of sealed versions, as their texts, so that a store that is a network away is not
 * asked for the same one by each request. A sealed version does not change, so nobody tells the
 * cache of changes; who finds that a text is not any more what is wanted drops it. Texts are
 * believed for some time alone, because an operator may remove objects by hand.
 *
 * Thread-safe. The ones that were asked for longest ago make room for others.
 */
#ifndef REGISTRYD_MANIFEST_CACHE_H
#define REGISTRYD_MANIFEST_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define MANIFEST_CACHE_MAX 256 /* texts */

struct manifest_cache;

/* Makes one of so many bytes of texts, each of which lives so many seconds. */
struct manifest_cache *manifest_cache_new(size_t bytes, double seconds);
/* Frees it. NULL is fine. */
void manifest_cache_free(struct manifest_cache *cache);
/* Appends the text of a key; false where there is none. */
bool manifest_cache_get(struct manifest_cache *cache, const char *key, struct strbuf *text);
/* Keeps a text, in place of a former one; one that has no room at all is not kept. */
void manifest_cache_put(
	struct manifest_cache *cache, const char *key, const char *text, size_t n);
/* Forgets a text; none is fine. */
void manifest_cache_drop(struct manifest_cache *cache, const char *key);

#endif
