/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where versions of models come from: MLflow's registry, the Hugging Face Hub, a directory,
 * model-registryd.
 *
 *     struct source *source = source_open("mlflow", &(struct source_options){.uri = uri}, err);
 *     AUTO(source_version_release) struct source_version version = {0};
 *     AUTO(source_file_release) struct source_file file = {0};
 *     if (source_find(source, &request, &version, err) < 0 ||
 *             source_choose(source, &request, &version, &file, err) < 0 ||
 *             source_fetch(source, &request, &version, &file, &fetch, err) < 0)
 *             ...
 *
 * A version is told apart by `version` and `run_id`, never by being greater than another: an
 * alias may move back. Finding one costs a single request over a connection that is kept.
 *
 * Errors: ERR_NOTFOUND (no such model, alias or file), ERR_INPUT (the choice is not clear, or a
 * wrong setting), ERR_DENIED, ERR_UNREACHABLE, ERR_TIMEOUT, ERR_PROTOCOL (an answer that is
 * none, such as a page of HTML), ERR_LIMIT, ERR_INTEGRITY (of a file that came), ERR_NOSPACE.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define SOURCE_SIZE_UNKNOWN UINT64_MAX
/* Files and directories of one version that are looked at, and how deep they lie. */
#define SOURCE_FILES_MAX       10000u
#define SOURCE_DIRECTORIES_MAX 1000u
#define SOURCE_DEPTH_MAX       8u

struct source_options {
	const char *uri; /* MLflow's server; the Hub's endpoint (NULL: HF_ENDPOINT, else its
			    own); a directory; model-registryd */
	const struct cancel *cancel; /* may be NULL */
	uint64_t rate;               /* bytes a second of a download at most; 0: any */
};

/* One model as it is configured. NULL: not said. */
struct source_request {
	const char *name;    /* in the registry; on the Hub OWNER/NAME */
	const char *alias;   /* on the Hub a revision: a branch, a tag, a commit */
	const char *stage;   /* instead of an alias */
	const char *version; /* this one, whatever alias and stage say; on the Hub a commit */
	const char *path;    /* the file in the version, or a pattern of it */
	const char *local_name; /* what it will be called: its extension tells the kind */
	const char *sha256_tag; /* the version's tag that holds the file's SHA-256 */
};

/* A version, released by source_version_release. */
struct source_version {
	char *version; /* "3"; on the Hub a commit */
	char *run_id;  /* "" where the source has none */
	char *origin;  /* the source's own word for where its files lie */
	char *sha256;  /* of the file, by the tag; NULL: nobody says */
};

/* A file of a version, released by source_file_release. */
struct source_file {
	char *path;    /* in the version */
	uint64_t size; /* SOURCE_SIZE_UNKNOWN */
	char *sha256;  /* as the source lists it; NULL: it does not */
};

struct source_files {
	struct source_file *items;
	size_t count, cap;
};

/* A file that is to be brought. */
struct source_fetch {
	const char *to;    /* path; what was brought of it before lies in PATH.part */
	uint64_t size_max; /* bytes; 0: any */
	uint64_t room;     /* bytes that there is room for; 0: not known */
	deadline until;    /* 0: never */
	void (*progress)(void *data, uint64_t done, uint64_t total);
	void *progress_data;
	uint64_t size;         /* out */
	uint64_t resumed_from; /* out */
};

struct source;

/* Opens a source by its kind's name; NULL with err. The options' pointers outlive it. */
struct source *source_open(
	const char *kind, const struct source_options *options, struct err *err);
/* True if there is such a kind. */
bool source_is_kind(const char *kind);
/* Closes connections and frees it. NULL is fine. */
void source_close(struct source *source);

/*
 * Asks which version a model's alias or stage names, or for the version that the request names:
 * ERR_NOTFOUND where the source has none of that name.
 */
int source_find(struct source *source, const struct source_request *request,
	struct source_version *version, struct err *err);
/* Appends all files of a version. */
int source_list(struct source *source, const struct source_request *request,
	const struct source_version *version, struct source_files *files, struct err *err);
/* Chooses the file of a version: what `path` says, else the only one of local_name's kind. */
int source_choose(struct source *source, const struct source_request *request,
	const struct source_version *version, struct source_file *file, struct err *err);
/*
 * Brings the file. Size and SHA-256 are compared with what is known of them; a part of the same
 * version goes on where it was cut.
 */
int source_fetch(struct source *source, const struct source_request *request,
	const struct source_version *version, const struct source_file *file,
	struct source_fetch *fetch, struct err *err);

/* Frees the members. */
void source_version_release(struct source_version *version);
/* Frees the members. */
void source_file_release(struct source_file *file);
/* Frees the list and its files. */
void source_files_release(struct source_files *files);

#endif
