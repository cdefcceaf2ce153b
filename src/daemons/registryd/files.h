/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the registry's versions: taken in piece by piece, sealed as a whole, given out.
 *
 * Theory of operation. What is uploaded for MODEL and the number VERSION lies below the store,
 *
 *     ROOT/.fleet/uploads/MODEL@VERSION/tree/PATH     files that are whole
 *                                       parts/DIGEST  those that are under way, by their path's
 *                                       sums/DIGEST   the SHA-256 of what is in the tree
 *                                       lock          shared by uploads, not by sealing
 *
 * and survives cuts and restarts. files_seal publishes the tree as ROOT/MODEL/YYYY-MM-DD, as
 * publish-model does (registry/publish.h): from then on deploy-models deploys it, and the
 * service reads it from there. Nothing of a version that is sealed changes.
 *
 * The functions are thread-safe; an upload belongs to one thread at a time. Several services
 * may have one store: the locks are the kernel's.
 *
 * Errors: ERR_INPUT (a name, a date), ERR_EXISTS (the version is there with other content),
 * ERR_NOTFOUND, ERR_BUSY (somebody else is at it), ERR_LIMIT, ERR_INTEGRITY, ERR_NOSPACE.
 */
#ifndef REGISTRYD_FILES_H
#define REGISTRYD_FILES_H

#include "base/clock.h"
#include "base/err.h"
#include "registry/publish.h"

/* Limits that hold where the options have 0. */
#define FILES_SIZE_MAX  ((uint64_t)1 << 40) /* bytes of a version's files together */
#define FILES_COUNT_MAX 10000u
#define FILES_PATH_MAX  1024u /* bytes of a path in a version */

struct files_options {
	const char *root; /* of the store, which is there */
	uint64_t size_max;
	size_t count_max;
};

struct files;

/* Opens the store's files. NULL with err. The strings are copied. */
struct files *files_open(const struct files_options *options, struct err *err);
/* Frees it; uploads have ended. NULL is fine. */
void files_close(struct files *files);
/* The store's root. */
const char *files_root(const struct files *files);

/* Which file of which version. */
struct files_name {
	const char *model;
	int64_t version; /* the registry's number */
	const char *path;
};
/* 0 if all of it may be a name; ERR_INPUT says what is wrong. */
int files_check_name(const struct files_name *name, struct err *err);

/* ---- uploads ---- */

/* A part of a file, as Content-Range has it; all-zero: the file as a whole, of any size. */
struct files_range {
	bool partial;
	uint64_t first, total;
};

/* What there is of a file that is not sealed. */
struct files_state {
	bool whole;
	uint64_t size;      /* bytes that are there */
	uint8_t sha256[32]; /* of a whole one */
	int fd;             /* of a whole one, for reading; the caller closes it; else -1 */
	char *url;          /* where a whole one is to be had instead; the caller's; or NULL */
	uint64_t files, bytes; /* of the version, once a file became whole */
};

struct upload;

/*
 * Begins to take a file, or a part of one. NULL with err; ERR_EXISTS when the part does not
 * follow what is there, whose size is in *offset then.
 */
struct upload *upload_begin(struct files *files, const struct files_name *name,
	const struct files_range *range, uint64_t *offset, struct err *err);
/* Takes a piece. After an error the upload is only ended. */
int upload_piece(struct upload *upload, const void *bytes, size_t n, struct err *err);
/*
 * What was taken is on the disk when this returns. Where that makes the file whole it is
 * compared with the digest (NULL: none is known), and is there under its name; ERR_INTEGRITY
 * when it is another, and then nothing of it is left. Takes as long as reading the file.
 */
int upload_finish(struct upload *upload, const uint8_t *sha256, struct files_state *state,
	struct err *err);
/* Ends it; what was not finished waits for its rest. NULL is fine. */
void upload_end(struct upload *upload);
/* Brings a file of a version to a path; what is cut may leave PATH.part for the next time. */
typedef int (*files_fetch)(void *data, const char *to, struct err *err);
/*
 * Takes a file that is brought from elsewhere, as upload_finish does; `sha256` may be NULL. One
 * that is there already, and is what it is to be, is not brought again.
 */
int upload_fetch(struct files *files, const struct files_name *name, const uint8_t *sha256,
	files_fetch fetch, void *data, struct files_state *state, struct err *err);
/* Tells what there is of a file. ERR_NOTFOUND: nothing. */
int files_look(struct files *files, const struct files_name *name, struct files_state *state,
	struct err *err);

/* ---- versions ---- */

/*
 * Claims a version's uploads for what comes from an origin, a text: ERR_EXISTS when files of
 * another origin, or of an uploader, are there. files_discard ends it.
 */
int files_claim(struct files *files, const char *model, int64_t version, const char *origin,
	struct err *err);

struct files_seal {
	const char *model;
	int64_t version;
	const char *date;            /* YYYY-MM-DD */
	const char *by, *note;       /* for manifest.yaml; note may be NULL */
	const struct cancel *cancel; /* may be NULL */
};
/*
 * Makes what was uploaded the version MODEL/DATE of the store, under the site's lock. The same
 * again is fine. ERR_NOTFOUND: nothing was uploaded; ERR_EXISTS: that day has another version;
 * ERR_BUSY: uploads are under way, or the lock is held.
 */
int files_seal(struct files *files, const struct files_seal *seal,
	struct publish_result *result, struct err *err);
/* Drops what was uploaded for a version; nothing is fine. ERR_BUSY while uploads are under way.
 */
int files_discard(struct files *files, const char *model, int64_t version, struct err *err);
/* Reads what a version of the store says of itself; released in either case. */
int files_manifest(struct files *files, const char *model, const char *date,
	struct version_manifest *out, struct err *err);
/* Opens a file of a version of the store that its manifest names; a descriptor. */
int files_open_file(struct files *files, const char *model, const char *date,
	const struct version_file *file, struct err *err);
/* 0 if the store has the version; ERR_NOTFOUND. */
int files_check_version(
	struct files *files, const char *model, const char *date, struct err *err);

#endif
