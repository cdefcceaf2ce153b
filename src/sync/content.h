/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all hosts of a run share: the manifests of the versions that are wanted, and every file
 * in the forms in which it is sent. A form that costs work (compressed, delta) is made once,
 * by the worker that first needs it, and kept in the spool for all others.
 *
 * Thread-safe after content_open.
 */
#ifndef SYNC_CONTENT_H
#define SYNC_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "registry/resolve.h"
#include "registry/store.h"
#include "sync/spool.h"
#include "tree/manifest.h"
#include "wire/op.h"

/* Files smaller than this are sent as they are: they would not gain a frame. */
#define CONTENT_COMPRESS_MIN 4096u
/* Smaller files are sent whole though the node has a basis. */
#define CONTENT_DELTA_MIN 16384u
/*
 * So much of a file goes raw on trial: what a link needs to know its rate, and what waits in
 * its queue. Files that are smaller than CONTENT_TRIAL_MIN are not worth it.
 */
#define CONTENT_TRIAL_SIZE ((4u << 20) + (256u << 10))
#define CONTENT_TRIAL_MIN  (12u << 20)

struct content;

/* One version that some host wants. */
struct content_version {
	const struct version_use *use;
	char *path;               /* "MODEL/VERSION", as the node knows it */
	struct manifest manifest; /* the model's globs applied */
	struct strbuf wire;       /* the same, serialised */
};

/*
 * Reads the manifests of all versions in a resolution. Files that did not change since the last
 * time are not read again. `resolution`, `store` and `spool` must outlive the content. Every
 * version that cannot be read is a finding in `d`; NULL after any error.
 */
struct content *content_open(struct store *store, const struct resolution *resolution,
	struct spool *spool, const struct cancel *cancel, struct diags *d, struct err *err);
/* Frees all; no stream may be open. NULL is fine. */
void content_close(struct content *c);
/* The version behind an index into the resolution's uses (struct wanted's `use`). */
const struct content_version *content_version(const struct content *c, size_t use);

/* How much shared work a run did; each item counts once however many hosts take it. */
struct content_counters {
	unsigned deltas;      /* made in this run */
	unsigned compressed;  /* files compressed in this run */
	uint64_t delta_bytes; /* of all deltas made */
};
/* Reads the counters. */
void content_counters(const struct content *c, struct content_counters *out);

/* A file's bytes in one form. Released with content_stream_release. */
struct content_stream {
	uint8_t form;            /* enum wire_put_form */
	uint8_t encoding;        /* enum wire_put_encoding */
	uint64_t offset;         /* for FILE_PUT: so many first bytes are left out */
	struct spool_item *item; /* read from here, */
	int fd;                  /* or from here when there is no item */
	uint64_t at;             /* read so far */
	unsigned trial; /* raw because the link's rate is not known: the percentage that
			   compression would save; else 0. Reads end at
			   CONTENT_TRIAL_SIZE once. */
};
#define CONTENT_STREAM_INIT                                                                    \
	{                                                                                      \
		.fd = -1                                                                       \
	}

/* In place of a rate: raw in any case. */
#define CONTENT_RAW UINT64_MAX

/*
 * True if content of which compression saves a percentage goes compressed over a link of so
 * many bytes a second. Taking it apart again costs a small node a second for 100 MB, so little
 * that is saved is worth that only where the link is slow. From 20% on it is worth it
 * everywhere.
 */
bool content_compresses(unsigned saving, uint64_t rate);
/*
 * The whole content of a file from `offset` on, for a link that does `rate` bytes a second:
 * compressed where that pays, else raw. With rate 0, not known yet, a large file that
 * compression saves little of goes raw as a trial: after CONTENT_TRIAL_SIZE the rate is known,
 * and what is left can be asked for once more, from there. From any other offset a file goes
 * raw.
 */
int content_whole(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, uint64_t offset, uint64_t rate,
	const struct cancel *cancel, struct content_stream *out, struct err *err);

/* Appends the signature of a basis that only the node has, its head included. */
typedef int (*content_pull_signature)(
	void *arg, const struct wire_plan *basis, struct strbuf *out, struct err *err);
/*
 * The file as a delta against the basis in a node's plan. The signature comes from the store
 * where that has the basis, else from `pull`. Returns 1 with a stream, 0 when a delta does not
 * pay, -1 with err.
 */
int content_delta(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, const struct wire_plan *basis,
	content_pull_signature pull, void *pull_arg, const struct cancel *cancel,
	struct content_stream *out, struct err *err);

/* Reads on: the number of bytes, 0 at the end, -1 with err. */
ssize_t content_stream_read(struct content_stream *s, void *buffer, size_t n,
	const struct cancel *cancel, struct err *err);
/* Closes a stream; an unused one is fine. */
void content_stream_release(struct content_stream *s);

#endif
