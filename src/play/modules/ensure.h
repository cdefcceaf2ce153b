/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps for the node's module `ensure`: a program that is asked whether something is so, and
 * programs that make it so.
 */
#ifndef PLAY_MODULES_ENSURE_H
#define PLAY_MODULES_ENSURE_H

#include "play/module.h"

/* A list of words from texts, ended by NULL. */
struct value *ensure_words(struct module_call *c, ...) __attribute__((sentinel));
/* Adds words, ended by NULL, to a list. */
void ensure_add_words(struct module_call *c, struct value *list, ...) __attribute__((sentinel));
/* A step: the query's words and whether a yes is wanted; to be completed with
 * ensure_change, and with the members of wire/MODULES.md. */
struct value *ensure_step(struct module_call *c, const struct value *query, bool want);
/* Adds a command to those that a step runs where the answer is another. */
void ensure_change(struct module_call *c, struct value *step, const struct value *words);
/*
 * Has the node do the steps and sets `changed`. `note` says in words what no transaction takes
 * back. Returns what the queries answered, a list of texts, or NULL with err.
 */
const struct value *ensure_run(
	struct module_call *c, const struct value *steps, const char *note, struct err *err);

#endif
