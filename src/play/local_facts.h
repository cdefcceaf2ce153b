/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local facts: files NAME.fact of a node, whose texts the node gives as they are. A text is
 * JSON, else INI as Python's configparser reads it.
 */
#ifndef PLAY_LOCAL_FACTS_H
#define PLAY_LOCAL_FACTS_H

#include "base/str.h"
#include "value/value.h"

#define LOCAL_FACTS_SECTIONS_MAX 10000u /* and options, of one file */

/* What a text says; an error's text as Ansible has it where it says nothing. */
const struct value *local_facts_parse(
	struct arena *a, const char *path, const char *text, size_t n, bool *failed);
/*
 * Puts what they say in the place of the files, in a node's facts (`ansible_local`). Warnings
 * are added to the list.
 */
void local_facts_read(struct arena *a, struct value *facts, struct value *warnings);

#endif
