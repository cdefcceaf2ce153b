/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, deltas and patches in librsync's formats: RabinKarp rolling sums, BLAKE2
 * strong sums of 16 bytes. All of them stream; only a signature's table is in memory.
 */
#ifndef TREE_DELTA_H
#define TREE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tree/hash.h"
#include "tree/stream.h"

#define DELTA_STRONG_LEN    16
#define DELTA_BLOCK_MIN     1024u
#define DELTA_BLOCK_MAX     65536u
#define DELTA_SIGNATURE_MAX (64u << 20) /* bytes of a signature that we load */
#define SIGNATURE_HEAD_SIZE 12u         /* magic, block length, strong length: big-endian */

/* The block length for a basis of this size: about its square root, a power of two. */
uint32_t delta_block_len(uint64_t basis_size);
/* Bytes of the signature of a basis, its head included. */
uint64_t signature_size(uint64_t basis_size, uint32_t block_len);
/* Writes the signature of all that the source gives. */
int signature_make(const struct tree_source *basis, uint32_t block_len,
	const struct tree_sink *out, struct err *err);
/* Writes a signature's head alone: what FILE ranges pulled from a node are put behind. */
void signature_head(uint32_t block_len, uint8_t out[SIGNATURE_HEAD_SIZE]);

/* A signature in memory, indexed for matching. Not thread-safe: one delta at a time. */
struct signature;
/* Loads a signature; ERR_LIMIT beyond DELTA_SIGNATURE_MAX. */
struct signature *signature_load(const struct tree_source *in, struct err *err);
/* Frees a signature; NULL is fine. */
void signature_free(struct signature *s);

struct delta_stats {
	uint64_t in;      /* bytes of the new file */
	uint64_t matched; /* of them found in the basis */
	uint64_t out;     /* bytes of the delta */
};
enum delta_result { DELTA_DONE = 0, DELTA_GIVEN_UP = 1 };
#define DELTA_GIVE_UP_AFTER (8u << 20)
#define DELTA_GIVE_UP_SHARE 0.05
/*
 * Writes the delta that makes the new file from the signature's basis. Gives up (returns
 * DELTA_GIVEN_UP) once DELTA_GIVE_UP_AFTER bytes matched less than DELTA_GIVE_UP_SHARE:
 * unrelated data costs much time and saves nothing. -1 with err on failure.
 */
int delta_make(struct signature *s, const struct tree_source *newer,
	const struct tree_sink *out, struct delta_stats *stats, struct err *err);

/* A patch under way: fed with a delta, it writes the new file. */
struct patch;
/*
 * Starts a patch that reads the basis from a descriptor (basis_size bytes of it) and
 * refuses to write more than max_out bytes.
 */
struct patch *patch_new(
	int basis_fd, uint64_t basis_size, const struct tree_sink *out, uint64_t max_out);
/* Takes the next piece of the delta. ERR_INPUT: it is damaged or reads outside the basis. */
int patch_feed(struct patch *p, const void *data, size_t n, struct err *err);
/* Ends the delta; ERR_INPUT when it is cut. */
int patch_end(struct patch *p, struct err *err);
/* Frees a patch; NULL is fine. */
void patch_free(struct patch *p);

#endif
