/* SPDX-License-Identifier: Apache-2.0 */
/* What stores have in common, for the files store*.c. */
#ifndef REGISTRYD_STORE_PRIVATE_H
#define REGISTRYD_STORE_PRIVATE_H

#include <pthread.h>

#include "daemons/registryd/store.h"

/* An entry that a batch has touched. */
struct entry_edit {
	const struct entry *before; /* NULL: it is new */
	const struct entry *after;  /* NULL: it is gone */
};

/* The edits of a batch, each entry's first and last state; they hold references. */
struct entry_edits {
	struct entry_edit *items;
	size_t count, cap;
};

/*
 * What a kind of store does. All but `open` are called with the store's lock held. Each
 * returns -1 with err on failure.
 */
struct entry_store_ops {
	const char *prefix; /* of its URIs */
	bool whole;         /* `open` wants the prefix, too */
	bool in_file;       /* entries have a file_text */
	/* Opens and reads it: entry_store_publish was called when it returns. */
	struct entry_store *(*open)(const char *place, struct err *err);
	/*
	 * Looks whether others have changed something, and reads that; unless `sure`, what
	 * would cost a round trip is not looked at.
	 */
	int (*refresh)(struct entry_store *store, bool sure, struct err *err);
	/* Keeps other writers out, of all processes, and does the same, being sure. */
	int (*begin)(struct entry_store *store, struct err *err);
	/* Makes durable what differs, and lets other writers in, also on failure. */
	int (*commit)(struct entry_store *store, const struct entry_list *next,
		const struct entry_edits *edits, struct err *err);
	/* Lets other writers in: there is nothing to be written. */
	void (*abandon)(struct entry_store *store);
	void (*free)(struct entry_store *store);
};

extern const struct entry_store_ops entry_store_json;
extern const struct entry_store_ops entry_store_sqlite;
extern const struct entry_store_ops entry_store_postgresql;

/* The head of every store; kinds put theirs behind it. */
struct entry_store {
	const struct entry_store_ops *ops;
	char *name;
	pthread_mutex_t lock; /* one thread reads from the store or writes to it */
	pthread_mutex_t current_lock;
	struct entry_list *current; /* the newest list, for all threads */
	uint64_t generation;
};

/* Fills the head; `name` is the store's from now on. */
void entry_store_init(struct entry_store *store, const struct entry_store_ops *ops, char *name);
/* Makes a list the current one; takes the caller's reference. */
void entry_store_publish(struct entry_store *store, struct entry_list *list);

/*
 * Applies a change to a list, of which `edits` take note, and fills its outcome. 0 when it was
 * done, -1 when it was refused.
 */
int entry_change_apply(struct entry_change *change, struct entry_list *list,
	struct entry_edits *edits, bool in_file);
/* Checks all fields but metadata; the error begins with the name of the first that is wrong. */
int entry_check_fields(const struct entry *fields, struct err *err);
/* Frees edits. */
void entry_edits_release(struct entry_edits *edits);

#endif
