/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_for with a regular expression: the node has none, so the engine asks for the file, or
 * for what a port says, and looks itself.
 */
#ifndef PLAY_MODULES_WAIT_SEARCH_H
#define PLAY_MODULES_WAIT_SEARCH_H

#include "play/module.h"

#define WAIT_SEARCH_MAX (3u << 20) /* bytes of a file, or of what a port says */

/* True for an expression that is plain text, which the node can look for by itself. */
bool wait_is_plain(const char *expression);
/*
 * Waits until a file holds, or a port says, what the argument search_regex asks for; the
 * result gets `match_groups` and `match_groupdict`. ERR_TIMEOUT when it does not come.
 */
int wait_search(struct module_call *c, struct err *err);

#endif
