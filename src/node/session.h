/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the session that several operations need.
 */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

/* The user's home directory: $HOME, else from the user database, else "/". */
void session_home(char out[1024]);

#endif
