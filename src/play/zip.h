/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZIP archives, written only: files that are stored, not compressed (what is sent is compressed
 * on its way). No times, so that the same files give the same bytes. The format is PKWARE's
 * APPNOTE 6.3.3, the part of it that Python's zipimport reads.
 */
#ifndef PLAY_ZIP_H
#define PLAY_ZIP_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define ZIP_MAX_FILES 2000
#define ZIP_MAX_BYTES (64u << 20)

/* An archive that is being written. Initialise with ZIP_INIT. */
struct zip {
	struct strbuf data;
	struct strbuf directory; /* the central one, which goes behind the files */
	unsigned count;
};
#define ZIP_INIT                                                                               \
	{                                                                                      \
		.data = STRBUF_INIT, .directory = STRBUF_INIT                                  \
	}

/* Adds a file. -1 with ERR_LIMIT when the archive would become too large. */
int zip_add(struct zip *z, const char *name, const void *data, size_t n, struct err *err);
/* Ends the archive, which is then whole in `data`. */
void zip_end(struct zip *z);
/* Frees it. */
void zip_release(struct zip *z);

#endif
