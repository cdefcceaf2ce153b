/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport whose process is a child of ours: the local one, and the ssh program. They
 * differ in the argument vector and in what a lost connection means; the rest is here.
 *
 * Private to link/.
 */
#ifndef LINK_PROCESS_H
#define LINK_PROCESS_H

#include "base/spawn.h"
#include "link/transport.h"

struct process_transport {
	struct transport base;
	struct spawn_child child;
	bool running;
};

/* Starts argv with pipes that do not block; env as in spawn_options. */
int process_start(struct process_transport *p, const char *const *argv, const char *const *env,
	struct err *err);
/* These implement transport_ops. */
ssize_t process_read(struct transport *t, void *chunk, struct err *err);
/* Reads the child's standard error. */
ssize_t process_read_errors(struct transport *t, void *chunk, struct err *err);
/* Writes to the child's standard input. */
ssize_t process_write(struct transport *t, const void *data, size_t n, struct err *err);
/* Always false: a pipe hides nothing. */
bool process_has_input(struct transport *t);
/* Names the pipes that are open. */
unsigned process_poll(struct transport *t, bool writing, struct pollfd fds[TRANSPORT_FDS]);
/* Closes the child's standard input. */
int process_end_input(struct transport *t, struct err *err);
/* Closes the pipes, waits for the child, kills it at the deadline. */
int process_stop(struct transport *t, deadline until);

#endif
