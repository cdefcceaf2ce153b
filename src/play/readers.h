/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How keywords are read: the functions that the table of keywords names. Each gets a value
 * that keyword_check let pass.
 */
#ifndef PLAY_READERS_H
#define PLAY_READERS_H

#include "play/parse.h"

/* Whether a value has its keyword's type; a finding at the value's place if not. */
bool keyword_check(struct parser *p, const struct keyword *k, const struct value_pair *pair);

#define KEYWORD_READER(name)                                                                   \
	void name(struct parser *p, struct target *t, const struct keyword *k,                 \
		const struct value *v)

/* Names: a step's, a play's. */
KEYWORD_READER(read_name);
/* The patterns of a play; there must be some. */
KEYWORD_READER(read_hosts);
/* Variables. */
KEYWORD_READER(read_vars);
/* Files of variables, made a list. */
KEYWORD_READER(read_vars_files);
/* Variables that a person is asked for, made a list. */
KEYWORD_READER(read_vars_prompt);
/* Tags: a list, or a text with commas. */
KEYWORD_READER(read_tags);
/* Conditions. */
KEYWORD_READER(read_when);
/* Any inherited keyword: `detail` is the attribute. */
KEYWORD_READER(read_attribute);
/* The environment, with that of the blocks and the play around it before it. */
KEYWORD_READER(read_environment);
/* A member of struct play at the offset `detail`. */
KEYWORD_READER(read_play_value);
/* A member of struct task at the offset `detail`. */
KEYWORD_READER(read_task_value);
/* A list of steps of a play, at the offset `detail`. */
KEYWORD_READER(read_play_steps);
/* The roles of a play, whose steps are its first tasks. */
KEYWORD_READER(read_roles);
/* A list of steps of a block, at the offset `detail`. */
KEYWORD_READER(read_block_steps);
/* The order of hosts: one of Ansible's words. */
KEYWORD_READER(read_order);
/* The strategy: one of those that mean the same here. */
KEYWORD_READER(read_strategy);
/* Arguments of modules, added to those of the blocks and the play around it. */
KEYWORD_READER(read_module_defaults);
/* When Ansible's debugger would begin: only `never` means something without one. */
KEYWORD_READER(read_debugger);
/* A play's transaction: a boolean or a mapping. */
KEYWORD_READER(read_transaction);
/* The variable that takes a result. */
KEYWORD_READER(read_register);
/* What to loop over. */
KEYWORD_READER(read_loop);
/* A loop's settings. */
KEYWORD_READER(read_loop_control);
/* A handler's topics. */
KEYWORD_READER(read_listen);
/* Nothing: other code looks for the keyword, or its check is all. */
KEYWORD_READER(read_elsewhere);

#endif
