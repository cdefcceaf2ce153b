/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums as get_url takes them: "sha256:HEX", or "sha256:URL" of a file that lists them as
 * sha256sum prints them.
 */
#ifndef PLAY_MODULES_CHECKSUM_FILE_H
#define PLAY_MODULES_CHECKSUM_FILE_H

#include "base/err.h"
#include "base/mem.h"

#define CHECKSUM_FILE_MAX (4u << 20)

struct checksum {
	const char *name; /* of the algorithm, as crypto/digest.h has it */
	const char *hex;  /* lower case; NULL while only a URL is known */
};

/*
 * Reads the argument. *url is set when a file has to be looked into. ERR_INPUT for another
 * form, for an unknown algorithm, and for what is not as long as its digest.
 */
int checksum_read(struct checksum *s, struct arena *arena, const char *text, const char **url,
	struct err *err);
/* Takes the checksum of a file's name out of a list. ERR_NOTFOUND when it has none. */
int checksum_find(struct checksum *s, struct arena *arena, const char *list, size_t n,
	const char *name, struct err *err);

#endif
