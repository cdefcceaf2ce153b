/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that lies on another host: the primary datasink, reached over a link like any node.
 * Each file crosses to this machine once, into the spool, whatever the number of hosts that it
 * is sent to; a file that an earlier run fetched is not fetched again.
 */
#ifndef SYNC_REMOTE_STORE_H
#define SYNC_REMOTE_STORE_H

#include "registry/store.h"
#include "sync/connection.h"
#include "sync/spool.h"

/*
 * Opens the store at `root` on the host of a connection. With `holder` it takes the root's
 * lease, which is then the site's lock: ERR_BUSY names who holds it. The connection and the
 * spool outlive the store; `cancel` ends every wait.
 */
struct store *remote_store_open(struct connection *connection, const char *root,
	const char *holder, struct spool *spool, deadline until, const struct cancel *cancel,
	struct err *err);
/*
 * Appends "MODEL/VERSION" for each version that an interrupted run left half-finished on the
 * host and that was not written to for so many seconds, by the host's own clock.
 */
int remote_store_staging(
	struct store *s, unsigned seconds, struct strlist *out, struct err *err);
/* Removes one of them; adds to *freed what the disk got back. Needs the lease. */
int remote_store_remove_staging(
	struct store *s, const char *path, uint64_t *freed, struct err *err);

#endif
