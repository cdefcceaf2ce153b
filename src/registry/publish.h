/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a version of the store out of files of this machine.
 *
 * Theory of operation. The sources are looked at first, without reading them, so that all that
 * cannot be published is told at once; then they are read into a manifest. What the store has
 * under the version's name is compared with that. For a store on this machine content is then
 * cloned (FICLONE), or copied, into ROOT/.staging, and what arrived there is read once more,
 * which gives the digests and is compared with the manifest: a file that changes meanwhile is
 * an error. `manifest.yaml` (publish_manifest.h) is written beside it, everything synced, and
 * the directory renamed to MODEL/VERSION without replacing anything. A crash leaves staging,
 * which the next publish of that version removes.
 *
 * A store on another host gets the same version through its helper, as any host gets one:
 * publish_store_new makes a store of the sources that sync/ can send from.
 *
 * The name manifest.yaml is reserved: a source with a manifest.yaml of its own is refused,
 * unless it is one of ours (the source is a copy of a version), which is left out and written
 * anew.
 *
 * Permission bits and times of files are kept, set-user-ID and the like are not: who publishes
 * owns the copy.
 */
#ifndef REGISTRY_PUBLISH_H
#define REGISTRY_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"
#include "base/strmap.h"
#include "registry/publish_manifest.h"
#include "registry/store.h"
#include "tree/hash.h"
#include "tree/manifest.h"

/* What is asked for. Strings outlive whatever is made of the request. */
struct publish_request {
	const char *model;
	const char *version;           /* YYYY-MM-DD */
	const struct strlist *sources; /* one directory, or files */
	const char *by, *note;         /* note may be NULL */
	const char *origin; /* what manifest.yaml says it is from; NULL: the sources' paths */
	time_t now;         /* when it is published */
	const struct cancel *cancel; /* may be NULL */
	tree_progress progress; /* may be NULL; is told of every byte that is read or copied */
	void *progress_arg;
};

/* The sources of a request. All-zero is none. */
struct publish_source {
	const struct publish_request *request;
	struct manifest manifest; /* what the version will hold, without manifest.yaml */
	struct strmap named;      /* where sources are files: their paths, by name */
	char *from;               /* absolute: the directory, or the files */
	int dirfd;                /* the directory, or -1 */
	uint64_t files, bytes;    /* as they were counted by publish_source_open */
};
#define PUBLISH_SOURCE_INIT                                                                    \
	{                                                                                      \
		.dirfd = -1                                                                    \
	}

/*
 * 0 if a name can be a model's: one path component, no '.' in front, not coral_packages, not
 * too long for the store of a host. ERR_INPUT says what is wrong.
 */
int publish_check_model(const char *model, struct err *err);
/*
 * Looks at the sources. What cannot be published is a finding in d, each with its file, cause
 * and remedy: links out of the tree, devices, what cannot be read, names that are no text, too
 * many entries, no file at all. -1 with err when there is any. Released in either case.
 */
int publish_source_open(struct publish_source *s, const struct publish_request *q,
	struct diags *d, struct err *err);
/* Reads all sources into the manifest. */
int publish_source_read(struct publish_source *s, struct err *err);
/* Opens a file of the sources for reading, by its entry; a descriptor, or -1 with err. */
int publish_source_file(
	const struct publish_source *s, const struct manifest_entry *e, struct err *err);
/* Closes and frees all. */
void publish_source_release(struct publish_source *s);

enum publish_outcome {
	PUBLISH_MADE,
	PUBLISH_THERE /* the version exists with the same content: nothing was done */
};

struct publish_result {
	enum publish_outcome outcome;
	uint64_t files, bytes, cloned; /* cloned: bytes that were not copied */
};

/*
 * Compares sources that were read with what a store has: PUBLISH_MADE when the version is yet
 * to be made, PUBLISH_THERE, or ERR_EXISTS, which names the first file that differs.
 */
int publish_look(const struct publish_source *s, struct store *store, enum publish_outcome *out,
	struct err *err);
/*
 * Publishes sources that were read into the store that is the directory `root` of this
 * machine. The caller holds the site's lock. ERR_EXISTS as publish_look has it;
 * ERR_INTEGRITY for a source that changes meanwhile.
 */
int publish_version(const char *root, const struct publish_source *s,
	struct publish_result *out, struct err *err);

/*
 * A store that holds one version, whose files are those of the sources, and the manifest.yaml
 * that belongs to them. Reads the sources once more for it. The sources outlive the store.
 */
struct store *publish_store_new(const struct publish_source *s, struct err *err);

#endif
