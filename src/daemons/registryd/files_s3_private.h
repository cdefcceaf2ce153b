/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the keeper in S3 share. */
#ifndef REGISTRYD_FILES_S3_PRIVATE_H
#define REGISTRYD_FILES_S3_PRIVATE_H

#include "daemons/registryd/files_s3.h"
#include "daemons/registryd/manifest_cache.h"
#include "http/s3.h"

#define META_SHA256 "x-amz-meta-sha256"
#define META_HASH   "x-amz-meta-xxh3-128"

struct files_s3 {
	struct s3 *s3;
	char *store; /* without a slash at its end */
	bool redirect;
	uint64_t part_size;
	struct manifest_cache *manifests; /* of versions that entries name, by their keys */
	uint64_t size_max;
	size_t count_max;
	const struct cancel *cancel;
};

/* Digests of a file's content. */
struct digests {
	uint8_t sha256[TREE_SHA256_SIZE];
	uint8_t hash[TREE_HASH_SIZE];
};

/* Gives up uploads in parts of keys that begin with this; see files_s3_tidy. */
void files_s3_give_up(struct files_s3 *f, const char *key, time_t before);
/* The key of a file in a version; "" is what they all begin with. New memory. */
char *files_s3_key(const char *model, int64_t version, const char *path);
/* The key of the text that tells what a version's files are of. New memory. */
char *files_s3_origin(const char *model, int64_t version);
/* Asks for size and digests. ERR_INTEGRITY for an object that has none: it is not ours. */
int files_s3_head(struct files_s3 *f, const char *key, uint64_t *size, struct digests *d,
	struct err *err);
/* Reads a version's manifest, of whatever date; released in either case. */
int files_s3_manifest(struct files_s3 *f, const char *model, int64_t version,
	struct version_manifest *out, struct err *err);
/* A temporary file without a name; a descriptor. */
int files_s3_temporary(struct err *err);
/* Puts a text as an object that is not there yet. */
int files_s3_put_text(
	struct files_s3 *f, const char *key, const char *text, size_t n, struct err *err);

/* The functions of the table that are in other files. */
void *files_s3_begin(void *state, const struct files_name *name,
	const struct files_range *range, uint64_t *offset, struct err *err);
/* See upload_piece. */
int files_s3_piece(void *upload, const void *bytes, size_t n, struct err *err);
/* See upload_finish. */
int files_s3_finish(
	void *upload, const uint8_t *sha256, struct files_state *file, struct err *err);
/* See upload_end. */
void files_s3_end(void *upload);
/* See upload_fetch. */
int files_s3_fetch(void *state, const struct files_name *name, const uint8_t *sha256,
	files_fetch fetch, void *data, struct files_state *file, struct err *err);
/* See files_claim. */
int files_s3_claim(
	void *state, const char *model, int64_t version, const char *origin, struct err *err);
/* See files_seal. */
int files_s3_seal(void *state, const struct files_seal *seal, struct publish_result *result,
	struct err *err);
/* See files_discard. */
int files_s3_discard(void *state, const char *model, int64_t version, struct err *err);

#endif
