/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: what a run changes on this node, recorded so that it can be taken back: by the
 * engine, by the watchdog when the engine does not come back, or after a reboot.
 *
 * Theory of operation. A transaction is a directory below the state directory
 * (/var/lib/modelfleet/transactions for root, ~/.local/state/modelfleet/transactions for
 * others) whose name is ID.STATE. It comes into being with the first change, not with
 * TRANSACTION_BEGIN, so that a run that changes nothing leaves nothing. Before each change a
 * record is appended to its journal and synced, with a copy of what was there.
 *
 *     armed ----> confirmed      the engine saw that all is well
 *       |             |
 *       +--> reverting --> reverted
 *
 * Each step is one rename of the directory; whoever renames first wins, so that a late confirm
 * meets no armed transaction and is refused. A confirmed one stays until the next one of this
 * user begins, so that it can still be taken back (a rollout that is aborted later on).
 *
 * Undo works the journal from its end to its beginning; every step can be done again, so that
 * an undo that is cut is finished by the next one who finds the transaction in `reverting`.
 *
 * While a helper works on a transaction it holds the lock on its journal; each sign of life of
 * the engine touches the file `heard`.
 */
#ifndef NODE_TRANSACTION_H
#define NODE_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/item.h"
#include "wire/op.h"

struct transaction;

/* What a restarted or started service was before; recorded before it is touched. */
struct transaction_service {
	const char *manager; /* a name of the table of service managers */
	const char *unit;
	bool active; /* it was running */
	int enabled; /* 1 enabled, 0 disabled, -1 not asked for */
	/* For the manager "commands": what starts and stops it; else NULL. */
	const char *start, *stop, *restart;
};

/* Opens a transaction in memory; nothing is on the disk before the first record. */
struct transaction *transaction_new(
	const struct wire_transaction_begin *begin, struct err *err);
/* Lets a transaction go as it stands: an armed one is the watchdog's from now on. */
void transaction_free(struct transaction *t);

/*
 * Says that a path is about to be made, replaced, changed or removed, and keeps what is there:
 * a file with content, owner, mode and times, a link, a directory's attributes, or nothing.
 * Returns when record and copy are on the disk. A NULL transaction records nothing. Recording
 * a path twice keeps the first.
 */
int transaction_record_path(struct transaction *t, const char *path, struct err *err);
/* The same for a service. */
int transaction_record_service(
	struct transaction *t, const struct transaction_service *s, struct err *err);
/* Notes that something was done that no undo takes back, in words for the report. */
int transaction_record_note(struct transaction *t, const char *text, struct err *err);
/* The engine was heard: puts the watchdog off. Cheap; does something once a second at most. */
void transaction_heard(struct transaction *t);

/* armed -> confirmed. ERR_NOTFOUND when the node has reverted it by itself, saying when. */
int transaction_confirm(const char *id, struct err *err);
/*
 * armed or confirmed -> reverting -> reverted: puts paths back, then services. Goes on after
 * a failure and tells all of them in `out` (an open dict): `undone` (paths and services),
 * `failed`, `notes`. -1 when something could not be put back.
 */
int transaction_undo(const char *id, bool booting, struct item_writer *out, struct err *err);
/* Lists the transactions of this user: id, state, title, time, what was done. */
int transaction_list(struct item_writer *out, struct err *err);
/* For the watchdog's run of the helper: waits until the engine was not heard for
 * confirm_timeout seconds, ends the helper that holds the transaction, and undoes it. */
int transaction_watch(const char *id, struct err *err);
/* After a boot: undoes every transaction that is armed or half reverted. */
int transaction_revert_all(struct err *err);

#endif
