/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions' files in an S3 store, which any number of instances of the service share.
 *
 * Theory of operation. For MODEL and the number VERSION there are, below the prefix,
 *
 *     MODEL/VERSION/PATH             files, each put whole, with their digests beside them
 *     MODEL/VERSION/manifest.yaml    what is sealed: the version is there if and only if this
 * is .origins/MODEL@VERSION         what the files are of, while an import gathers them
 *     .drops/MODEL@VERSION/TIME-...  a drop is under way; an hour later it is what a crash left
 *
 * Who takes a file writes it to a temporary file first, and puts it when its digest is known.
 * An object that is there is not replaced (If-None-Match), so that all who read one read the
 * same; other content needs a drop before. Sealing lists the objects, asks for their digests,
 * and puts the manifest last; what is not in it is not in the version.
 *
 * There is no lock. What can cross is put in order by each looking behind its own write: a file
 * that was put is taken back where a manifest without it is there by then; a drop puts its mark
 * and then looks for a manifest, sealing puts the manifest and then looks for the mark, waits
 * for its end, and looks whether the files are still there. S3 shows to everybody what it has
 * answered to one.
 *
 * A large file goes in parts, and is an object when the last request joins them. One whose
 * instance was killed is under way for ever, in no list of objects; it is given up a week
 * later, or when the version's uploads are dropped.
 *
 * Files go out by URLs that are presigned for some minutes, or pass through a temporary file.
 */
#ifndef REGISTRYD_FILES_S3_H
#define REGISTRYD_FILES_S3_H

#include "daemons/registryd/files_backend.h"

#define FILES_S3_SCHEME  "s3://"
#define FILES_S3_SECONDS 300u /* that a URL lives which is handed out */
#define FILES_S3_STALE   (7 * 86400)

struct files_s3_options {
	const char *store;    /* s3://BUCKET or s3://BUCKET/PREFIX */
	const char *endpoint; /* NULL: the environment's, else Amazon's */
	const char *region;   /* NULL: the environment's */
	bool path_style;      /* see struct s3_options */
	bool redirect;        /* files go out by URLs */
	uint64_t part_size;   /* see struct s3_options */
	uint64_t size_max;    /* as in struct files_options */
	size_t count_max;
	const struct cancel *cancel;
};

struct files_s3;

/* True if a store is of this kind. */
bool files_s3_is(const char *store);
/* 0 if a store's address can be one; else the reason. */
int files_s3_check(const char *store, struct err *err);
/*
 * Opens it, with the credentials of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN); NULL with err. The store is not asked: it may be away.
 */
struct files_s3 *files_s3_open(const struct files_s3_options *options, struct err *err);
/* Closes it. NULL is fine. */
void files_s3_close(struct files_s3 *files);
/* Asks the store for anything, so that a wrong setting is told at the start. */
int files_s3_try(struct files_s3 *files, struct err *err);
/*
 * Gives up uploads in parts that began FILES_S3_STALE seconds ago or before: a crash left them.
 * Every large upload does so, too. What cannot be done is a warning in the log.
 */
void files_s3_tidy(struct files_s3 *files);

/* The state is a struct files_s3. */
extern const struct files_backend files_s3;

#endif
