/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: what a run changes on this node, recorded so that it can be taken back: by the
 * engine, by the watchdog when the engine does not come back, or after a reboot.
 *
 * Theory of operation. A transaction is a directory below the state directory
 * (/var/lib/modelfleet/transactions for root, ~/.local/state/modelfleet/transactions for
 * others) whose name is ID.STATE. It comes into being with the first change, not with
 * TRANSACTION_BEGIN, so that a run that changes nothing leaves nothing. Before each change a
 * record is appended to its journal and synced, with what was there kept beside it.
 *
 *     armed ----> confirmed      the engine saw that all is well
 *       |             |
 *       +--> reverting --> reverted
 *
 * Each step is one rename of the directory; whoever renames first wins, so that a late confirm
 * meets no armed transaction and is refused. A confirmed one stays until the next one of this
 * user begins to change something, so that it can still be taken back (a rollout that is
 * aborted later on).
 *
 * The first record of a path says what it was before the transaction, so undo does not play
 * the journal back: it brings every recorded path to its recorded state, and every step of
 * that can be done again. An undo that is cut is finished by the next one who finds the
 * transaction in `reverting`; one that cannot put something back stays there, too.
 *
 * While a helper works on a transaction it holds a lock in its directory; each sign of life
 * of the engine is written to the file `heard`. Before the first change the watchdog is armed
 * (watchdog.h). docs/transactions.md says all this for operators.
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

/*
 * Opens a transaction in memory; nothing is on the disk before the first record. An id whose
 * transaction is armed already is gone on with: an engine that lost its link is back.
 */
struct transaction *transaction_new(
	const struct wire_transaction_begin *begin, struct err *err);
/* True if nothing was recorded: there is nothing on the disk to confirm or to undo. */
bool transaction_is_empty(const struct transaction *t);
/* The id that it was begun with. */
const char *transaction_id(const struct transaction *t);
/* Moves its notes to an empty list of the caller's, for one that has not come into being. */
void transaction_take_notes(struct transaction *t, struct strlist *out);
/* Lets a transaction go as it stands: an armed one is the watchdog's from now on. */
void transaction_free(struct transaction *t);

/*
 * Says that a path is about to be made, replaced, changed or removed, and keeps what is there:
 * a file with content, owner, mode and times, a link, a directory's attributes, or nothing.
 * Returns when record and copy are on the disk. A NULL transaction records nothing. Recording
 * a path twice keeps the first.
 */
int transaction_record_path(struct transaction *t, const char *path, struct err *err);
/* The same for a directory and all that is below it, which is about to be removed. */
int transaction_record_tree(struct transaction *t, const char *path, struct err *err);
/*
 * Says that only owner, mode or times of a path are about to be changed: its content is not
 * kept, and an undo leaves alone what others write into it meanwhile.
 */
int transaction_record_attributes(struct transaction *t, const char *path, struct err *err);
/* The same for a service. */
int transaction_record_service(
	struct transaction *t, const struct transaction_service *s, struct err *err);
/* Notes that something is done that no undo takes back, in words for the report. A note alone
 * does not bring a transaction into being. */
int transaction_record_note(struct transaction *t, const char *text, struct err *err);
/* The engine was heard: puts the watchdog off. Cheap; does something once a second at most. */
void transaction_heard(struct transaction *t);

/*
 * Takes back what earlier runs of this user have left unconfirmed, but for the transaction
 * `id`: a later run must not build on what the watchdog is about to take back. ERR_BUSY when a
 * helper still works on one.
 */
int transaction_settle(const char *id, struct err *err);
/*
 * True when root has a transaction on this node that is not confirmed, and we are not root:
 * whoever is about to begin one has to settle that first.
 */
bool transaction_of_root_pending(void);

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
