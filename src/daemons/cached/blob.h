/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs: bytes in a memory file that nobody can change any more (memfd_create(2), seals of
 * fcntl(2)). A blob is written once by a writer, which hashes what passes, and is then shared:
 * between threads by references, with other processes by its descriptor. The memory goes with
 * the last descriptor and the last mapping, wherever these are.
 *
 *     AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
 *     if (blob_begin(&w, "fraud_detection_model/2", size, err) < 0) return -1;
 *     if (blob_write(&w, data, n, err) < 0) return -1;
 *     struct blob *blob = blob_seal(&w, err);
 *
 * Sizes are in bytes and may exceed 4 GiB. A writer belongs to one thread.
 */
#ifndef DAEMONS_CACHED_BLOB_H
#define DAEMONS_CACHED_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "crypto/digest.h"

#define BLOB_SHA256_HEX 65 /* hex text of a SHA-256 and a NUL */

struct blob {
	int fd; /* sealed against writing, growing and shrinking */
	uint64_t size;
	char sha256[BLOB_SHA256_HEX]; /* of all its bytes, lower-case hex */
	atomic_uint refs;
};

/* A blob in the making. `{.fd = -1}` is none. */
struct blob_writer {
	int fd;
	uint64_t written, reserved;
	struct digest digest;
};

/*
 * Begins a blob. The name is shown in /proc and decides nothing. With a size that is known the
 * memory is taken at once, so that there not being enough is found out before a download:
 * ERR_NOSPACE. 0: the size is not known.
 */
int blob_begin(struct blob_writer *w, const char *name, uint64_t size, struct err *err);
/* Appends bytes. ERR_NOSPACE where memory is out. */
int blob_write(struct blob_writer *w, const void *data, size_t n, struct err *err);
/*
 * Appends what a descriptor gives from its position on: n bytes, or with UINT64_MAX all to its
 * end. ERR_INTEGRITY when it ends before; ERR_CANCELLED. cancel may be NULL.
 */
int blob_copy(
	struct blob_writer *w, int fd, uint64_t n, struct cancel *cancel, struct err *err);
/*
 * Ends the writing, with one reference for the caller; the writer is released. NULL with err
 * where the kernel refuses a seal.
 */
struct blob *blob_seal(struct blob_writer *w, struct err *err);
/* Gives up what was not sealed; a released writer is fine. */
void blob_writer_release(struct blob_writer *w);

/* What all blobs and writers of this process have taken of memory. */
struct blob_memory {
	uint64_t bytes;
	uint64_t moves; /* how often memory was taken or given back */
	bool moving;    /* some is, at this moment */
};

/*
 * Looks. Where two looks have the same moves, and the first is not moving, whatever the kernel
 * has counted between them has `bytes` in it.
 */
void blob_memory(struct blob_memory *now);

/* One more reference. */
struct blob *blob_ref(struct blob *blob);
/* One less; the last closes the descriptor. NULL is fine. */
void blob_unref(struct blob *blob);

#endif
