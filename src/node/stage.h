/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage: a version that is being brought to a node, from VERSION_BEGIN to its commit or
 * abort. Its files gather in the root's staging directory, where an interrupted run leaves
 * them for the next.
 */
#ifndef NODE_STAGE_H
#define NODE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "node/root.h"
#include "tree/manifest.h"

/* Where the content of a file entry is, or shall come from. */
enum entry_state {
	ENTRY_NONE,     /* not looked at yet; directories and links stay so */
	ENTRY_IN_PLACE, /* under the final name, verified */
	ENTRY_STAGED,   /* in the staging tree, verified */
	ENTRY_TWIN,     /* the same content as entry `twin`, copied at the commit */
	ENTRY_KEPT,     /* initial_only, and there */
	ENTRY_NEWER,    /* differs, is newer, and stays */
	ENTRY_REUSABLE, /* elsewhere on the node; only for a dry run's answer */
	ENTRY_WANTED    /* the engine sends it */
};

struct stage_entry {
	uint8_t state;       /* enum entry_state */
	uint8_t reused;      /* STAGED: from elsewhere on the node */
	uint8_t basis_known; /* basis_hash holds the hash of the basis */
	uint8_t basis_hash[TREE_HASH_SIZE];
	uint32_t twin;
	const char *basis_version; /* WANTED: where a basis lies, or NULL; same path there */
	uint64_t basis_size;
	uint64_t offset;  /* WANTED: bytes that are staged already */
	int64_t ctime_ns; /* IN_PLACE: ctime of the inode that was verified */
};

struct put;

struct stage {
	struct root *root;
	char *version;
	char *flat; /* its name in the staging directory and among the records */
	uint8_t digest[TREE_SHA256_SIZE];
	unsigned number;
	bool update; /* newer files stay */
	bool dry;    /* FRAME_CHECK: nothing is written */
	bool exists; /* the version has its final name: files are repaired one by one */
	struct strbuf incoming; /* the manifest's bytes until they are parsed */
	size_t expected;        /* how many they will be */
	struct manifest manifest;
	struct stage_entry *entries;
	struct strlist siblings; /* versions that serve as basis; entries point here */
	int dir_fd;              /* .staging/FLAT, or -1 */
	int tree_fd;             /* .staging/FLAT/tree, or -1 */
	int part_fd;             /* .staging/FLAT/part, or -1 */
	int version_fd;          /* the version's directory if it exists, or -1 */
	struct put *put;         /* the file that is being received */
};

/* Makes an empty stage for a version of a root. */
struct stage *stage_new(struct root *r, const char *version);
/* Closes a stage; what is staged stays on the disk. NULL is fine. */
void stage_free(struct stage *s);
/* Removes the staging of a stage from the disk. */
int stage_discard(struct stage *s, struct err *err);
/* The name of the partial file of an entry: its content's hash and size. */
#define STAGE_PART_NAME 64
/* Writes that name. */
void stage_part_name(const struct manifest_entry *e, char out[STAGE_PART_NAME]);
/* Creates the file of an entry in the staging tree, empty; -1 with err. */
int stage_create(const struct stage *s, const struct manifest_entry *e, struct err *err);
/* Makes the directories above an entry in the staging tree. */
int stage_make_parents(const struct stage *s, const struct manifest_entry *e, struct err *err);
/* The root that a stage belongs to. */
struct root *stage_root(const struct stage *s);

#endif
