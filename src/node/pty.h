/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program on a terminal of its own, which the engine talks with over several requests of the
 * module `pty`: it knows what the program asks, and what to answer.
 */
#ifndef NODE_PTY_H
#define NODE_PTY_H

struct pty;

/* Ends the program with all in its session, and frees; NULL is fine. */
void pty_free(struct pty *p);

#endif
