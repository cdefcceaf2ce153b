/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions the disk store has: a list in memory, and its file, which is JSON:
 *
 *     {"versions": [{"name": "fraud", "version": "2", "run_id": "...", "stage": "Production",
 *                    "sha256": "...", "size": 1048576, "used": 1705746600, "current": true}]}
 */
#ifndef CACHED_DISK_INDEX_H
#define CACHED_DISK_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define DISK_VERSIONS_MAX 10000u      /* of an index */
#define DISK_INDEX_MAX    (16u << 20) /* bytes of its file */
#define DISK_SHA256_LEN   64u         /* hex digits */

/* A version of a model. Texts are owned. */
struct disk_version {
	char *name, *version, *run_id, *stage;
	char sha256[DISK_SHA256_LEN + 1]; /* lower case */
	uint64_t size;
	int64_t used; /* time_t of its last use */
	bool current; /* what clients of the model got last; one of each name */
};

/* An all-zero struct is an empty index. */
struct disk_index {
	struct disk_version *items;
	size_t count, cap;
};

/* Copies a version into an empty struct. */
void disk_version_copy(struct disk_version *to, const struct disk_version *from);
/* Frees its texts. */
void disk_version_release(struct disk_version *version);

/* The version of a name with this version and run; NULL. */
struct disk_version *disk_index_find(const struct disk_index *index, const char *name,
	const char *version, const char *run_id);
/* The version of a name that is current; NULL. */
struct disk_version *disk_index_current(const struct disk_index *index, const char *name);
/* Whether a version of the index has this content. */
bool disk_index_has(const struct disk_index *index, const char *sha256);
/* Puts a copy of a version in, in place of the one with its name, version and run. */
void disk_index_put(struct disk_index *index, const struct disk_version *version);
/* Takes one out. */
void disk_index_remove(struct disk_index *index, struct disk_version *version);
/* Makes a version the only current one of its name. */
void disk_index_set_current(struct disk_index *index, struct disk_version *version);
/* Bytes of all contents, each counted once. */
uint64_t disk_index_bytes(const struct disk_index *index);
/* The version that is to go first: not current before current, then by last use; NULL. */
struct disk_version *disk_index_oldest(const struct disk_index *index);

/* Reads an index from its text, into an empty one. ERR_INPUT, ERR_LIMIT. */
int disk_index_read(struct disk_index *index, const char *text, size_t n, struct err *err);
/* Appends its text. */
void disk_index_write(const struct disk_index *index, struct strbuf *out);
/* Frees it. */
void disk_index_release(struct disk_index *index);

#endif
