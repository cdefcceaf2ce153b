/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: bytes that are made once and sent to many hosts (compressed files, deltas, files
 * fetched from a store on another host).
 *
 * Each item has a key that names its content, so an item is right whenever its key is: runs
 * share the spool without asking each other. The first who asks for an item that is not there
 * becomes its writer; all others are readers, who either follow while it grows or wait until
 * it is whole. Items lie in files of the user's cache directory, are made under a temporary
 * name and renamed when whole; a killed run leaves nothing that a later one would trust.
 *
 * Thread-safe. At most SPOOL_LIMIT bytes are kept from run to run; the least recently used go
 * first.
 */
#ifndef SYNC_SPOOL_H
#define SYNC_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define SPOOL_LIMIT   ((uint64_t)4 << 30)
#define SPOOL_KEY_MAX 160

struct spool;
struct spool_item;

/*
 * Opens the spool in a directory (NULL: the user's cache), making it when needed, and removes
 * what exceeds the limit. Where no directory can be written, items live in unnamed files
 * below $TMPDIR for this run only.
 */
struct spool *spool_open(const char *dir, struct err *err);
/* Closes the spool; no item may be in use. NULL is fine. */
void spool_close(struct spool *s);

enum spool_role {
	SPOOL_READ = 0, /* there, or being written by another thread */
	SPOOL_WRITE = 1 /* the caller makes it: spool_write, then spool_finish or spool_fail */
};
/*
 * Gets an item by its key (a file name of letters, digits, '.', '-'). Returns a spool_role.
 * *item is released with spool_release in either case. An item that failed in this run
 * (spool_fail) is given as SPOOL_READ, and reading it gives its error.
 */
enum spool_role spool_get(struct spool *s, const char *key, struct spool_item **item);
/* Writer: appends bytes. */
int spool_write(struct spool_item *item, const void *data, size_t n, struct err *err);
/* Writer: the item is whole; it gets its final name. Never fails: at worst it is kept unnamed.
 */
void spool_finish(struct spool_item *item);
/* Writer: gives up with the reason why, which every reader gets. */
void spool_fail(struct spool_item *item, const struct err *why);
/*
 * Reader: waits until the item is whole; its size, or -1 with err: the writer's error, or
 * ERR_CANCELLED.
 */
int64_t spool_wait(struct spool_item *item, const struct cancel *cancel, struct err *err);
/*
 * Reader: reads at an offset, waiting for the writer where it has not got so far. Returns the
 * number of bytes, 0 at the end, -1 with err.
 */
ssize_t spool_read(struct spool_item *item, void *buffer, size_t n, uint64_t offset,
	const struct cancel *cancel, struct err *err);
/* A descriptor of the whole item, to be closed by the caller; waits as spool_wait does. */
int spool_open_fd(struct spool_item *item, const struct cancel *cancel, struct err *err);
/* Removes the item from the spool's directory: its content proved wrong. */
void spool_discard(struct spool_item *item);
/* Gives the item back; the writer must have finished or failed it before. NULL is fine. */
void spool_release(struct spool_item *item);

#endif
