/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes come from and where they go: the two shapes that signatures, deltas, patches
 * and compression are written against.
 */
#ifndef TREE_STREAM_H
#define TREE_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Reads up to n bytes: their number, 0 at the end, -1 with err. */
struct tree_source {
	ssize_t (*read)(void *arg, void *buffer, size_t n, struct err *err);
	void *arg;
};

/* Takes n bytes: 0, or -1 with err. */
struct tree_sink {
	int (*write)(void *arg, const void *data, size_t n, struct err *err);
	void *arg;
};

/* A source over a range of a descriptor, read with pread. */
struct fd_range {
	int fd;
	uint64_t offset;
	uint64_t left;
};
/* The source of a range; the range lives as long as the source is used. */
struct tree_source fd_range_source(struct fd_range *r);
/* A sink that writes to a descriptor; *fd lives as long as the sink is used. */
struct tree_sink fd_sink(int *fd);
/* A sink that appends to a buffer. */
struct tree_sink strbuf_sink(struct strbuf *b);

#endif
