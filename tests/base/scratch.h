/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of a test's own: `cmocka_unit_test_setup_teardown(t, scratch_make,
 * scratch_remove)` hands its path to the test as *state.
 */
#ifndef TESTS_BASE_SCRATCH_H
#define TESTS_BASE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Makes an empty directory below $TMPDIR; its path becomes *state. */
int scratch_make(void **state);
/* Removes it with all below it, and frees the path. */
int scratch_remove(void **state);
/* Writes a file with mode 0644 in the test's directory; fails the test where it cannot. */
void scratch_write(const char *path, const char *text);
/* True if the file holds exactly this text. */
bool scratch_holds(const char *path, const char *text);
/* The names in a directory, sorted and joined by spaces; to be freed. */
char *scratch_list(const char *path);
/* How many descriptors this process has open. */
size_t scratch_open_fds(void);

/* True if this user may mount a file system on a directory: it is tried, and undone. */
bool scratch_can_mount(const char *path);

#endif
