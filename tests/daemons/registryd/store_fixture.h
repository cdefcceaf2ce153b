/* SPDX-License-Identifier: Apache-2.0 */
/* A store of each kind for the tests, one after another, and changes in one line. */
#ifndef TESTS_REGISTRYD_STORE_FIXTURE_H
#define TESTS_REGISTRYD_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemons/registryd/store.h"

enum kind { KIND_JSON, KIND_SQLITE, KIND_POSTGRESQL };

struct fixture {
	void *scratch; /* a directory of the test's own */
	char *uri;
	char *path; /* of registry.json, or NULL */
	struct entry_store *store;
};

/* Which kind the tests that run now are of. */
extern enum kind store_kind;

/* cmocka's setup and teardown: a new store, opened. */
int store_setup(void **state);
/* Closes and removes it. */
int store_teardown(void **state);
#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

/* Opens the same store once more, as another process would. */
struct entry_store *store_again(struct fixture *f);
/* Applies one change, and drops the entries that came of it; its code. */
enum err_code store_do(struct entry_store *store, struct entry_change change);
/* Registers a version with path "p" and these metadata. */
enum err_code store_register(
	struct entry_store *store, const char *name, int64_t version, const char *metadata);
/* Activates one. */
enum err_code store_activate(struct entry_store *store, const char *name, int64_t version);
/* Deletes one. */
enum err_code store_delete(struct entry_store *store, const char *name, int64_t version);
/*
 * All entries, as "name-1 staging, name-2 production"; to be freed. The test fails where they
 * cannot be read.
 */
char *store_shown(struct entry_store *store);
/* Asserts that. */
void store_is(struct entry_store *store, const char *expected);
/* The JSON of a version, to be freed; NULL where there is none. */
char *store_entry(struct entry_store *store, const char *name, int64_t version);
/* Runs a group of tests over each kind for which there is what it needs. */
int store_run_kinds(const struct CMUnitTest *tests, size_t count);

#endif
