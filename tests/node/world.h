/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the helper share: a scratch directory with a store of versions (`store`)
 * and the node's root (`root`), and small tools to make and compare trees.
 */
#ifndef TESTS_NODE_WORLD_H
#define TESTS_NODE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "node/client.h"

struct world {
	char *dir;
	char *store;
	char *root;
	struct client client;
	bool running;
};

/* cmocka fixture: *state becomes a world whose helper runs and has root 0 open. */
int world_make(void **state);
/* Stops the helper, expecting a clean end, and removes all. */
int world_remove(void **state);
/* Kills the helper and starts another on the same root. */
void world_restart(struct world *w);

/* A path below the store or the root; new memory. */
char *world_path(const char *base, const char *name);
/* Writes a file (parents are made) with an old mtime, so that it is older than any other. */
void world_file(const char *base, const char *name, const void *data, size_t n);
/* Writes a text file. */
void world_text(const char *base, const char *name, const char *text);
/* n bytes that look random and depend on the seed; new memory. */
uint8_t *world_noise(size_t n, uint64_t seed);
/* A store version with a bit of everything: directories, links, odd names, empty files. */
void world_version(const struct world *w, const char *version, uint64_t seed);
/* Fails the test unless both trees hold the same: names, kinds, content, modes, mtimes. */
void world_same(const char *a, const char *b);
/* Builds the manifest of a store version. */
void world_manifest(const struct world *w, const char *version, struct manifest *m);
/* Checks a version and fails the test unless its state and drift are these. */
void world_expect(struct world *w, const char *version, const uint8_t *digest, unsigned state,
	const char *drift);

#endif
