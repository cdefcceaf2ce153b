/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of its own for each test, and programs to compare with.
 */
#ifndef TESTS_HISTORY_FIXTURE_H
#define TESTS_HISTORY_FIXTURE_H

#include "base/str.h"

/* The test's directory: a new one of /tmp, also $HOME and the XDG directories. */
extern char *fixture_dir;

/* Makes the directory; a cmocka setup function. */
int fixture_setup(void **state);
/* Removes it; a cmocka teardown function. */
int fixture_teardown(void **state);
/* A path below the directory; freed at teardown. */
const char *fixture_path(const char *name);
/* Writes a file below the directory, making its parents. */
void fixture_write(const char *name, const char *text);
/* Reads a file below the directory; freed at teardown. */
const char *fixture_read(const char *name);
/* Runs a shell command in the directory, which has to succeed; its output, freed at teardown.
 */
const char *fixture_shell(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
