/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing into a store on another host, and reading its versions again. Both are for stores
 * that remote_store_open made; the work is done by the helper there.
 */
#ifndef SYNC_REMOTE_VERSION_H
#define SYNC_REMOTE_VERSION_H

#include "registry/publish.h"
#include "sync/remote_store.h"

/* Told of how far the work is; may be NULL. */
typedef void (*remote_progress)(void *arg, uint64_t done, uint64_t total);

/*
 * Brings sources that were read into the store as a version, which the store must not have
 * (publish_look): staged, verified and named by the helper, as a host gets its versions, with
 * deltas against other versions of the model. The store was opened with a holder: its lease
 * keeps others away. *sent is what crossed the link. `stall` is in seconds.
 */
int remote_store_publish(struct store *s, const struct publish_source *source, double stall,
	remote_progress progress, void *arg, uint64_t *sent, struct err *err);
/*
 * The manifest of a version whose files are all read by the host for it, at most so many bytes
 * a second (0: no limit). The caller releases it.
 */
int remote_store_rehash(struct store *s, const char *model, const char *version,
	uint64_t bytes_per_second, remote_progress progress, void *arg, struct manifest *out,
	struct err *err);
/* Appends a file as it lies there now. ERR_LIMIT for one of more than `max` bytes. */
int remote_store_read_file(struct store *s, const char *model, const char *version,
	const char *path, size_t max, struct strbuf *out, struct err *err);

#endif
