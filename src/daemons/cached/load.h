/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings one version of a model into memory: from the disk store where it has it, else from its
 * source, through staging, checked, and onto the disk.
 */
#ifndef CACHED_LOAD_H
#define CACHED_LOAD_H

#include "daemons/cached/blob.h"
#include "daemons/cached/config.h"
#include "daemons/cached/disk.h"
#include "source/source.h"

struct load {
	const struct cached_config *config;
	const struct cached_model *model;
	const char *stage; /* what the version was found by, for people */
	bool current;      /* it is to serve */
	struct disk *disk;
	struct cancel *cancel;
	struct source *source;                /* NULL: the disk alone */
	const struct source_version *version; /* which one */
	/* Asked for memory once the size is known, before it is filled. */
	int (*reserve)(void *data, uint64_t bytes, struct err *err);
	void *data;
	bool aside; /* nobody waits for it: what is work gives way to others (aside.h) */

	bool downloaded; /* out: it was not on the disk */
	bool invalid;    /* out, of a failure: the version came and was not good */
};

/* What a model's source is asked. It points to the model. */
struct source_request load_request(const struct cached_model *model);
/* What a source is called in the log: "MLflow". */
const char *load_source_name(const struct cached_model *model);

/*
 * Brings the version. The blob is the caller's; NULL with err: as source/source.h,
 * ERR_INTEGRITY for a file that its format's check or the user's command refuses, or what
 * `reserve` gave.
 */
struct blob *load_bring(struct load *load, struct err *err);

#endif
