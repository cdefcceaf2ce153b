/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent remembers beside the manifest, in models_dir/.sync-state.json: it is what
 * makes an update one step although power may fail inside it.
 *
 *     pending   an update that is not proven: written before the first file is swapped. At the
 *               next start the inode tells whether the swap was done.
 *     former    what a file was before, kept under .former/
 *     blocked   versions that are not taken: one that was unhealthy, or the one that an alias
 *               named when somebody put a former version back. It ends when the alias moves.
 */
#ifndef SYNC_AGENT_STATE_H
#define SYNC_AGENT_STATE_H

#include <stdint.h>

#include "daemons/sync_agent/manifest.h"

#define STATE_FILE ".sync-state.json"

/* Why a version is not taken. */
#define BLOCK_UNHEALTHY "unhealthy"
#define BLOCK_HELD      "held"

struct former {
	struct record record;
	const char *kept; /* its name in .former/ */
};

struct pending {
	struct record next;
	struct record last; /* version NULL: the manifest had none */
	const char *kept;   /* the former file's name in .former/; NULL: there was none */
	uint64_t inode;     /* of the new file, also while it is staged */
};

struct block {
	const char *file;
	const char *name, *version, *run_id; /* what is not taken */
	const char *reason;                  /* BLOCK_UNHEALTHY, BLOCK_HELD */
};

struct state {
	struct {
		struct pending *items;
		size_t count, cap;
	} pending;
	struct {
		struct former *items;
		size_t count, cap;
	} former; /* oldest first */
	struct {
		struct block *items;
		size_t count, cap;
	} blocked;
	uint64_t kept; /* a number that names the next file in .former/ */
};

/* Reads it; a file that is not there is an empty state. ERR_INPUT for one that is broken. */
int state_read(struct arena *a, const char *models_dir, struct state *state, struct err *err);
/* Replaces the file. */
int state_write(const char *models_dir, const struct state *state, struct err *err);
/* Frees the lists; the strings are the arena's. */
void state_release(struct state *state);

/* The block of a file, or NULL. */
struct block *state_block(const struct state *state, const char *file);
/* Sets a file's block, or takes it away with NULL for the version. */
void state_set_block(struct state *state, const struct block *block);
/* Takes away the item at an index of state->former. */
void state_drop_former(struct state *state, size_t index);

#endif
