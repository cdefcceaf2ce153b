/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file under construction: hashed as it is written, runs of zeros left as holes, bounded
 * by the size it shall have, written back to the disk while it grows.
 */
#ifndef TREE_WRITER_H
#define TREE_WRITER_H

#include <stdint.h>

#include "base/err.h"
#include "tree/hash.h"
#include "tree/stream.h"

struct file_writer;

/*
 * Starts writing to a descriptor (read and write) that shall hold `size` bytes in the end.
 * The first `offset` bytes are there already: they are read and hashed, what follows them
 * is cut off. The descriptor stays the caller's.
 */
struct file_writer *file_writer_new(int fd, uint64_t size, uint64_t offset, struct err *err);
/* Appends bytes; ERR_LIMIT beyond the size. */
int file_writer_add(struct file_writer *w, const void *data, size_t n, struct err *err);
/* A sink that appends. */
struct tree_sink file_writer_sink(struct file_writer *w);
/* Ends the file: ERR_INTEGRITY unless size and hash are what they shall be. */
int file_writer_end(struct file_writer *w, const uint8_t hash[TREE_HASH_SIZE], struct err *err);
/* Frees the writer; NULL is fine. */
void file_writer_free(struct file_writer *w);

#endif
