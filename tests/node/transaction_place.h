/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scratch directory with the state of transactions and a tree that they change, for tests of
 * transactions by their functions. Whatever goes wrong here fails the test.
 */
#ifndef TESTS_NODE_TRANSACTION_PLACE_H
#define TESTS_NODE_TRANSACTION_PLACE_H

#include "node/transaction.h"

struct place {
	char *dir;  /* the state of transactions is in dir/state */
	char *tree; /* an empty directory at first */
	struct transaction *t;
};

/* Makes a place, for cmocka's setup. */
int place_make(void **state);
/* Removes it with all that is in it, for cmocka's teardown. */
int place_remove(void **state);
/* A transaction that belongs to the caller. */
struct transaction *place_begin_as(const char *id);
/* Begins the place's transaction. */
void place_begin(struct place *p, const char *id);
/* Ends the helper's part in it; it stays armed. */
void place_let_go(struct place *p);
/* The path of a name in the tree; to be freed. */
char *place_path(const struct place *p, const char *name);
/* Writes a file of the tree, in its place. */
void place_write(const struct place *p, const char *name, const char *text);
/* Records a path of the tree. */
void place_record(struct place *p, const char *name);
/* Replaces a file of the tree as change.h does. */
void place_replace(const struct place *p, const char *name, const char *text);
/* Takes a transaction back. */
void place_undo(const char *id);
/* Asserts that the outcome of one that was taken back has a note. */
void place_assert_note(const struct place *p, const char *id, const char *note);

#endif
