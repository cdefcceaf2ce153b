/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files.c and files_upload.c share: the place of an upload.
 */
#ifndef REGISTRYD_FILES_PRIVATE_H
#define REGISTRYD_FILES_PRIVATE_H

#include "daemons/registryd/files.h"

#define UPLOADS       STORE_FLEET_DIR "/uploads"
#define UPLOAD_TREE   "tree"
#define UPLOAD_PARTS  "parts"
#define UPLOAD_SUMS   "sums"
#define UPLOAD_LOCK   "lock"
#define UPLOAD_ORIGIN "origin"

struct files {
	char *root;
	struct store *store;
	uint64_t size_max;
	size_t count_max;
};

/* 0 if files may be of a model and a number; ERR_INPUT. */
int files_check_target(const char *model, int64_t version, struct err *err);
/* 0 if all that is said of a version to be sealed may be; ERR_INPUT, ERR_LIMIT. */
int files_check_seal(const struct files_seal *seal, struct err *err);
/* The directory of a version's uploads; new memory. */
char *uploads_path(const struct files *files, const char *model, int64_t version);
/*
 * Takes the lock of a version's uploads, shared or alone, without waiting: a descriptor that
 * holds it. ERR_BUSY; ERR_NOTFOUND where there are no uploads, unless `make` makes the place.
 */
int uploads_lock(const char *place, bool alone, bool make, struct err *err);

#endif
