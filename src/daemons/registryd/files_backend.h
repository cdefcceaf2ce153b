/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where versions' files are kept: a store on disk (files.h) or one of S3 (files_s3.h). What the
 * routes and the import need of either is a table.
 */
#ifndef REGISTRYD_FILES_BACKEND_H
#define REGISTRYD_FILES_BACKEND_H

#include "daemons/registryd/files.h"

/* A version whose files are sealed. */
struct files_version {
	const char *model;
	int64_t version;  /* the registry's number */
	const char *date; /* YYYY-MM-DD */
};

/*
 * What the functions get as `state` is the keeper's. They wait, for a disk or for a network,
 * and belong on a worker, but for `begin`, `piece` and `end`, which do not. Their errors are
 * those of files.h; ERR_UNSUPPORTED is what a keeper does not do, ERR_UNREACHABLE a store that
 * is away.
 */
struct files_backend {
	/* An upload, as upload_begin, upload_piece, upload_finish and upload_end have it. */
	void *(*begin)(void *state, const struct files_name *name,
		const struct files_range *range, uint64_t *offset, struct err *err);
	int (*piece)(void *upload, const void *bytes, size_t n, struct err *err);
	int (*finish)(
		void *upload, const uint8_t *sha256, struct files_state *file, struct err *err);
	void (*end)(void *upload);
	/* See upload_fetch, files_claim, files_seal and files_discard. */
	int (*fetch)(void *state, const struct files_name *name, const uint8_t *sha256,
		files_fetch fetch, void *data, struct files_state *file, struct err *err);
	int (*claim)(void *state, const char *model, int64_t version, const char *origin,
		struct err *err);
	int (*seal)(void *state, const struct files_seal *seal, struct publish_result *result,
		struct err *err);
	int (*discard)(void *state, const char *model, int64_t version, struct err *err);
	/*
	 * Tells what there is of a file that is not sealed, or opens one that is, by its row of
	 * the manifest. Without `content` neither a descriptor nor a URL is needed.
	 */
	int (*look)(void *state, const struct files_name *name, bool content,
		struct files_state *file, struct err *err);
	int (*open)(void *state, const struct files_version *version,
		const struct version_file *row, bool content, struct files_state *file,
		struct err *err);
	/* Reads what a version says of itself; released in either case. */
	int (*manifest)(void *state, const struct files_version *version,
		struct version_manifest *out, struct err *err);
	/* 0 if the store has the version; ERR_NOTFOUND. */
	int (*check)(void *state, const struct files_version *version, struct err *err);
	/* Where the version lies, for people; new memory. */
	char *(*place)(void *state, const struct files_version *version);
};

/* One of them. All-zero: nothing is kept. */
struct files_keeper {
	const struct files_backend *backend;
	void *state;
};

/* A store on disk; the state is a struct files. */
extern const struct files_backend files_local;

#endif
