/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verified records: what a version held when it was verified, kept outside of it under
 * .fleet/verified. A record is the version's manifest and, for each file, the stat that the
 * verified inode had. As long as the stat is the same, so is the content: ctime cannot be
 * set back, and a ctime too near to the moment of recording is not trusted.
 *
 * File: "modelfleet-record 1\n", u32 manifest length, the manifest, RECORD_STAT_SIZE bytes
 * for each entry, and the XXH3-128 of all that. A damaged file counts as none.
 */
#ifndef NODE_RECORD_H
#define NODE_RECORD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "node/root.h"
#include "tree/manifest.h"

enum record_state {
	RECORD_NONE = 0,  /* no managed file: a directory, a link, an initial_only file */
	RECORD_GOOD = 1,  /* with this stat the content is the manifest's */
	RECORD_OTHER = 2, /* with this stat the content differs; hash is what it is, or zeros */
	RECORD_STALE = 3  /* it must be read to know */
};

struct record_stat {
	uint64_t size;
	uint64_t ino;
	int64_t mtime_s;
	int64_t ctime_s;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint8_t state; /* enum record_state */
	uint8_t hash[TREE_HASH_SIZE];
};
#define RECORD_STAT_SIZE 57u

/* An all-zero struct is empty. */
struct record {
	struct manifest manifest;
	struct record_stat *stats; /* one for each entry of the manifest */
};

/* Loads a version's record by its flat name: 1 when there is one, 0 if not, -1 with err. */
int record_load(const struct root *r, const char *flat, struct record *out, struct err *err);
/* Replaces a version's record in one step. */
int record_save(
	const struct root *r, const char *flat, const struct record *rec, struct err *err);
/* Forgets a version's record; fine if there is none. */
int record_remove(const struct root *r, const char *flat, struct err *err);
/* Frees all. */
void record_release(struct record *rec);
/* True if a file still has the stat that was recorded, and the stat can be trusted. */
bool record_holds(const struct record_stat *rs, const struct stat *st);
/* Records a stat; one that is too fresh to be trusted becomes RECORD_STALE. */
void record_note(struct record_stat *rs, const struct stat *st, enum record_state state,
	const uint8_t *hash);
/* The hash of the content behind a record that holds: false when it is not known. */
bool record_hash(const struct record *rec, size_t index, uint8_t out[TREE_HASH_SIZE]);

/* Visits one record; may change it and set *changed to have it saved. -1 ends the visits. */
typedef int (*record_visit)(
	void *arg, const char *version, struct record *rec, bool *changed, struct err *err);
/* Visits the records of all versions of a root, one in memory at a time. */
int record_each(const struct root *r, record_visit visit, void *arg, struct err *err);

#endif
