/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site lock: one command at a time changes the fleet or its store. It is a kernel lock
 * (open file description lock, write) on a file that also says, for people, who holds it. The
 * kernel drops the lock when its holder dies, however it dies; the text alone never blocks
 * anybody. The file is never removed: removing a locked file would let two holders in.
 */
#ifndef HISTORY_LOCK_H
#define HISTORY_LOCK_H

#include "base/clock.h"
#include "base/err.h"

#define LOCK_FILE ".fleet/lock" /* below the store's root */

struct lock {
	int fd;         /* -1: not held */
	char *path;     /* owned */
	int reading_fd; /* of a store's lock that we may only read; -1: none */
};
#define LOCK_INIT                                                                              \
	{                                                                                      \
		.fd = -1, .path = NULL, .reading_fd = -1                                       \
	}

/* Who holds a lock, as the text in its file says. All strings are owned. */
struct lock_holder {
	char *user;
	char *host;
	int64_t pid;
	char *since; /* RFC 3339, UTC */
	char *command;
};

/*
 * Takes the lock at path, making its directory where needed, and writes who we are; `command`
 * is told to others, so it holds no secret (journal_command_line). Waits until the deadline (0:
 * not at all) for another holder; then ERR_BUSY, with a text that names the holder.
 */
int lock_acquire(struct lock *l, const char *path, const char *command, deadline until,
	const struct cancel *cancel, struct err *err);
/*
 * The same for the store at root: ROOT/.fleet/lock. Where that cannot be written (a store that
 * is read-only for us), a lock of the user's own state directory, named after the store, and
 * the store's own for reading: nobody who changes the store has it meanwhile.
 */
int lock_acquire_site(struct lock *l, const char *root, const char *command, deadline until,
	const struct cancel *cancel, struct err *err);
/* Gives the lock back. A lock that is not held is fine. */
void lock_release(struct lock *l);
/*
 * Tells who holds the lock at path: 1 and the holder (members NULL as far as unknown), 0 when
 * nobody does, -1 with err.
 */
int lock_query(const char *path, struct lock_holder *holder, struct err *err);
/* Frees the strings. */
void lock_holder_release(struct lock_holder *h);

#endif
