/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of a task that the node's half takes under the same name; and a small question
 * that several modules ask the node.
 */
#ifndef PLAY_MODULES_FORWARD_H
#define PLAY_MODULES_FORWARD_H

#include "play/module.h"

/*
 * A dict for the node with those of the named arguments (NULL-terminated) that were given or
 * have a default; null counts as not given.
 */
struct value *forward_arguments(struct module_call *c, const char *const *names);
/* Adds them to a dict that is there, but for those that it has already. */
void forward_into(struct module_call *c, struct value *args, const char *const *names);

enum node_path { NODE_PATH_ABSENT, NODE_PATH_DIRECTORY, NODE_PATH_OTHER };
/* Asks what a path of the node is, links followed: an enum node_path, or -1 with err. */
int node_path_kind(struct module_call *c, const char *path, struct err *err);

#endif
