/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values from YAML texts, findings as texts, and a store in a directory of the test's own.
 */
#ifndef TESTS_REGISTRY_FIXTURE_H
#define TESTS_REGISTRY_FIXTURE_H

#include "base/diag.h"
#include "base/str.h"
#include "value/value.h"

/* The test's directory, and what its values live in. Emptied by fixture_teardown. */
extern char *fixture_dir;
extern struct arena fixture_arena;

/* Makes the directory; a cmocka setup function. */
int fixture_setup(void **state);
/* Removes the directory; a cmocka teardown function. */
int fixture_teardown(void **state);
/* A path below the directory. */
const char *fixture_path(const char *name);
/* Writes a file below the directory, making its parents. */
void fixture_write(const char *name, const char *text);
/* Makes ROOT/MODEL/VERSION with one small file in it, below the directory. */
void fixture_version(const char *store, const char *model, const char *version);
/* Runs a shell command in the directory, which has to succeed; gives its output. */
const char *fixture_shell(const char *format, ...) PRINTF_LIKE(1, 2);
/* The value of a YAML text, whose places are in "t.yaml". */
const struct value *fixture_yaml(const char *text);
/* All findings, a line each: "t.yaml:1:2: error: ...". */
const char *fixture_findings(const struct diags *d);

#endif
