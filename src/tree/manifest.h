/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest: what a version directory holds, as a sorted list of entries and one digest.
 *
 * Serialised form (UTF-8 not required; paths are bytes). NUL ends each path and target, so
 * that a path may hold newlines; numbers are decimal without leading zeros:
 *
 *     modelfleet-manifest 1 xxh3-128 sha256\n
 *     f 0644 SIZE SECONDS.NNNNNNNNN HASH FLAGS PATH\0\n
 *     d 0755 0 SECONDS.NNNNNNNNN - FLAGS PATH\0\n
 *     l 0777 0 SECONDS.NNNNNNNNN - FLAGS PATH\0TARGET\0\n
 *     end COUNT DIGEST\n
 *
 * HASH is 32 hex digits; FLAGS is "-" or letters in this order: i (initial_only), h (hard
 * links allowed). Entries are sorted by the bytes of their paths, the version's own
 * directory is not among them, and every parent of an entry is an entry before it.
 *
 * DIGEST is the SHA-256 over "modelfleet-digest 1 xxh3-128\n" and, for each entry without
 * the flag i, "KIND MODE SIZE HASH PATH\0TARGET\0\n": it covers what is managed, and neither
 * mtimes nor flags, so that a store that was copied without its times has the same digest.
 *
 * Anything else is refused: unsorted or duplicate paths, "..", absolute paths, a path below
 * something that is no directory, a link whose target leaves the version or is absolute,
 * numbers in another form, more than the limits below.
 */
#ifndef TREE_MANIFEST_H
#define TREE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tree/hash.h"

#define MANIFEST_ENTRIES_MAX 20000
#define MANIFEST_BYTES_MAX   (2u << 20) /* serialised */
#define MANIFEST_DEPTH_MAX   64         /* components of a path */

enum manifest_kind { MANIFEST_FILE, MANIFEST_DIR, MANIFEST_LINK };

enum manifest_flag {
	MANIFEST_INITIAL_ONLY = 1 << 0, /* sent once, never overwritten; outside the digest */
	MANIFEST_IMMUTABLE = 1 << 1     /* services never write into it: hard links allowed */
};

struct manifest_entry {
	const char *path;   /* relative to the version */
	const char *target; /* of a link, else NULL */
	uint64_t size;      /* of a file, else 0 */
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint16_t mode;                /* permission bits, 07777; 0777 for a link */
	uint8_t kind;                 /* enum manifest_kind */
	uint8_t flags;                /* enum manifest_flag */
	uint8_t hash[TREE_HASH_SIZE]; /* of a file, else zeros */
};

/* An all-zero struct is an empty manifest. Strings and entries lie in its arena. */
struct manifest {
	struct arena arena;
	struct manifest_entry *entries;
	size_t count;
	size_t cap;
	uint64_t bytes; /* sum of the sizes of all files */
	size_t files;   /* entries of kind file */
	uint8_t digest[TREE_SHA256_SIZE];
};

/* Adds a copy of an entry (its strings too); manifest_finish sorts and checks. */
void manifest_add(struct manifest *m, const struct manifest_entry *e);
/*
 * Sorts, checks all rules above and computes sums and digest. ERR_INPUT names the path that
 * breaks a rule.
 */
int manifest_finish(struct manifest *m, struct err *err);
/* Appends the serialised form of a finished manifest. */
void manifest_write(const struct manifest *m, struct strbuf *out);
/* Parses a serialised manifest with all checks, digest included. */
int manifest_parse(struct manifest *m, const void *data, size_t n, struct err *err);
/* Frees all; the manifest is empty afterwards. */
void manifest_release(struct manifest *m);
/* The entry of a path, or NULL. */
const struct manifest_entry *manifest_find(const struct manifest *m, const char *path);
/* True if a link at `path` to `target` stays inside the version. */
bool manifest_link_ok(const char *path, const char *target);

/* What a caller's globs say of one path. */
enum manifest_verdict {
	MANIFEST_TAKE = 0,
	MANIFEST_SKIP = 1 << 7 /* leave it out (of a directory: with all below it) */
};
/* Returns MANIFEST_SKIP, or MANIFEST_TAKE with flags of enum manifest_flag. */
typedef unsigned (*manifest_filter)(void *arg, const char *path, enum manifest_kind kind);

struct hash_cache;

struct manifest_options {
	manifest_filter filter; /* NULL takes all */
	void *filter_arg;
	struct hash_cache *cache; /* NULL: every file is read */
	bool fresh; /* from the disk, as far as the kernel forgets what it has in memory */
	tree_progress progress; /* NULL for none */
	void *progress_arg;
};

/*
 * Reads a version directory into a finished manifest. `label` names it in errors. Refused:
 * links that leave the version, devices, sockets and pipes, files that change while they
 * are read, what cannot be read, what exceeds the limits.
 */
int manifest_build(int dirfd, const char *label, const struct manifest_options *o,
	struct manifest *m, struct err *err);
/* The same for a path. */
int manifest_build_path(const char *path, const struct manifest_options *o, struct manifest *m,
	struct err *err);
/*
 * A manifest made of another one through a filter (NULL takes all): entries left out or
 * flagged anew. Used where the manifest comes from a store on another host.
 */
int manifest_select(const struct manifest *from, manifest_filter filter, void *arg,
	struct manifest *to, struct err *err);

#endif
