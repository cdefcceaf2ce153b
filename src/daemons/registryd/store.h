/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the registry's entries are kept: a file, SQLite, or PostgreSQL, behind one interface.
 *
 *     json:PATH          {"models": [...]}, made where it is missing; may be edited by hand
 *     sqlite:PATH        a database, made likewise
 *     postgresql://...   as libpq has it; several daemons may use it at once
 *
 * Reading never touches the store unless it has changed: entry_store_list hands out a list
 * that is kept in memory. Writing goes by batches, each of which is one commit: what
 * entry_store_apply has returned for is durable. What a change means is decided here, the same
 * for all stores (store_change.c); they only keep what comes of it.
 *
 * All functions may be called from any thread. Readers do not wait for writers: while a batch
 * is written they get the list as it was before.
 *
 * registry.json is written whole under a lock (PATH.lock, flock), beside it, fsynced and
 * renamed. Who edits it by hand does so in any way; to keep the daemon from writing meanwhile:
 * `flock PATH.lock EDITOR PATH`. A file that cannot be understood is refused, with line and
 * column, and never overwritten. Keys that are not ours are kept.
 */
#ifndef REGISTRYD_STORE_H
#define REGISTRYD_STORE_H

#include "daemons/registryd/store_list.h"

#define ENTRY_STORE_MAX 100000u /* entries of one registry */

enum entry_change_kind {
	ENTRY_REGISTER, /* a new entry: path, metadata, and what of the others is given */
	ENTRY_ACTIVATE, /* to production; the former one goes to staging */
	ENTRY_STAGE,    /* to staging, from whatever it is */
	ENTRY_ARCHIVE,  /* to archived */
	ENTRY_DELETE,   /* refused for production */
	ENTRY_MERGE,    /* metadata is merged into the entry's, by RFC 7396 */
	ENTRY_SET_DATE  /* date; NULL takes it away */
};

/* What is wanted, and what came of it. Texts are the caller's until it has been applied. */
struct entry_change {
	enum entry_change_kind kind;
	const char *model_name;
	int64_t version;
	const char *path;
	const char *metadata;           /* JSON, an object; NULL: {} */
	const char *creation_timestamp; /* NULL: now */
	const char *date;
	const char *if_match; /* the etag that the entry must have; NULL: any */

	/*
	 * ERR_NONE: it is done. Else nothing was changed by it:
	 *   ERR_EXISTS   to register what is there
	 *   ERR_NOTFOUND no such entry
	 *   ERR_BUSY     the entry's etag is another than if_match
	 *   ERR_DENIED   to delete what is in production
	 *   ERR_INPUT    a field is not what it may be; the text begins with its name
	 *   ERR_LIMIT    metadata too large, or too many entries
	 * or what was wrong with the store (entry_store_apply).
	 */
	struct err err;
	struct entry *entry;  /* as it is now; of a deletion, as it was */
	struct entry *former; /* of an activation: what was production before, as it is now */
};

struct entry_store;

/* Opens a store by its URI. NULL with err. */
struct entry_store *entry_store_open(const char *uri, struct err *err);
/* Closes it; lists that were handed out stay. NULL is fine. */
void entry_store_free(struct entry_store *store);
/* Its name for messages, without a password. */
const char *entry_store_name(const struct entry_store *store);

/*
 * All entries as they are now, changed by whomsoever; a reference for the caller. What another
 * instance has changed in PostgreSQL shows as soon as the server has told of it. NULL with err
 * when the store cannot be read; entry_store_last still has what it was.
 */
struct entry_list *entry_store_list(struct entry_store *store, struct err *err);
/*
 * The same for certain: it waits for a writer of this process, and asks PostgreSQL. For what
 * is asked seldom and must not be late: whether something really is not there.
 */
struct entry_list *entry_store_fresh(struct entry_store *store, struct err *err);
/* The list that was read or written last, without a look at the store. Never NULL. */
struct entry_list *entry_store_last(struct entry_store *store);

/*
 * Applies n changes in their order, in one commit, and fills their outcomes:
 * entry_change_release frees those. 0 when all that was not refused is durable; -1 with err
 * when the store failed: then no change was made, except that with ERR_UNREACHABLE, and where a
 * directory could not be synced, they may have been. The changes' err tell the same.
 */
int entry_store_apply(
	struct entry_store *store, struct entry_change *changes, size_t n, struct err *err);
/* Gives back the entries of an outcome. */
void entry_change_release(struct entry_change *change);

#endif
