/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of link/ share: a directory of their own, the echo helper, link options that
 * touch nothing of the user's, and a real sshd with keys made on the spot.
 */
#ifndef TESTS_LINK_FIXTURE_H
#define TESTS_LINK_FIXTURE_H

#include <sys/types.h>

#include "link/link.h"

struct scratch {
	char dir[64]; /* below /tmp, removed at the end */
};

/* Makes the directory. */
void scratch_init(struct scratch *s);
/* A path in it, in new memory. */
char *scratch_path(const struct scratch *s, const char *name);
/* Writes a file in it. */
void scratch_write(const struct scratch *s, const char *name, const char *text, mode_t mode);
/* Reads a file of it; "" when it is not there. New memory. */
char *scratch_read(const struct scratch *s, const char *name);
/* Removes the directory. */
void scratch_release(struct scratch *s);
/* Runs a program and fails the test if it fails. The arguments end with NULL. */
void run_program(const char *program, ...);

/* Link options and what they point to. */
struct link_fixture {
	struct scratch scratch;
	struct link_helpers helpers;
	char *cache;
	char *remote; /* directory for helpers on the "node" */
	const char *remote_dirs[4];
	struct link_options options;
};

/* Makes options for the local transport with the echo helper. */
void link_fixture_init(struct link_fixture *f);
/* Frees them, and removes the directory. */
void link_fixture_release(struct link_fixture *f);

/* Seeds, so that a failure can be run again: MODELFLEET_TEST_SEED, else one of the clock. */
unsigned test_seed(void);

/*
 * Echoes `count` frames of random sizes, sending control frames in between, and checks every
 * byte that comes back. 0, or -1 with err.
 */
int echo_check(
	struct link *link, unsigned seed, unsigned count, deadline until, struct err *err);

#endif
