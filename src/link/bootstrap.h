/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the helper on a node: run it where it should be; if that fails, find out what the
 * node is and which directory can run programs, upload the right helper, and run that.
 *
 * Private to link/.
 */
#ifndef LINK_BOOTSTRAP_H
#define LINK_BOOTSTRAP_H

#include "link/memory.h"
#include "link/pump.h"

#define HELLO_ID 1u /* the first request of every link */

struct bootstrap {
	struct transport *transport;
	const struct link_options *options;
	const struct cancel *cancel;
	struct host_memory *memory;
	struct pump *pump; /* running when bootstrap_run succeeded */
	char *file;        /* of the helper on the node; a leading "~/" is the user's home */
	bool installed;    /* this run uploaded it */
};

/* Starts the helper and waits for its HELLO, which is left in the pump's inbox. */
int bootstrap_run(struct bootstrap *b, deadline until, struct err *err);
/* Frees what is left of it; the pump is the caller's. */
void bootstrap_release(struct bootstrap *b);

#endif
