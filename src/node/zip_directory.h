/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a zip archive, which stands at its end (PKWARE's APPNOTE.TXT, with its
 * 64-bit sizes and Info-ZIP's times). Only the directory is read: nothing here unpacks.
 */
#ifndef NODE_ZIP_DIRECTORY_H
#define NODE_ZIP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

#define ZIP_MEMBERS_MAX   100000u
#define ZIP_DIRECTORY_MAX (32u << 20) /* bytes */

struct zip_member {
	const char *name; /* as it stands there */
	uint64_t size, packed;
	uint32_t crc;
	time_t mtime;
	mode_t mode;  /* type and permissions; of an archive made elsewhere, 0777 or 0666 */
	bool is_unix; /* the permissions are the author's */
};

struct zip_directory {
	struct zip_member *items;
	size_t count, cap;
};

/*
 * Reads it from an open file; the names are the arena's. ERR_INPUT for what is no zip archive
 * or is damaged, ERR_LIMIT for too much. What was read stays valid until the release.
 */
int zip_directory_read(int fd, struct zip_directory *z, struct arena *a, struct err *err);
/* Frees it. */
void zip_directory_release(struct zip_directory *z);

#endif
