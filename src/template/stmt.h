/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that have files of their own: loops, macros, inheritance, includes.
 */
#ifndef TEMPLATE_STMT_H
#define TEMPLATE_STMT_H

#include "template/object.h"

/* The name under which the text of a filter block stands; no template can write it. */
extern const struct value_key stmt_captured;

/* Assigns a value to a target: a name, a tuple of targets, namespace.attribute. */
int assign(struct eval *ev, struct frame *frame, const struct node *target,
	const struct value *value, struct err *err);
/* Runs a body with an output of its own; what it wrote. */
const struct value *capture(struct eval *ev, const struct node_list *body, struct err *err);

/* for */
int run_for(struct eval *ev, const struct node *node, struct err *err);
/* True if a call's arguments can go straight to a macro's parameters. */
bool macro_takes(const struct value *macro, const struct call *call);
/* Calls a macro with such arguments. */
const struct value *macro_apply(
	struct eval *ev, const struct value *macro, const struct call *call, struct err *err);
/* macro */
int run_macro(struct eval *ev, const struct node *node, struct err *err);
/* call */
int run_call_block(struct eval *ev, const struct node *node, struct err *err);
/* block */
int run_block(struct eval *ev, const struct node *node, struct err *err);
/* extends */
int run_extends(struct eval *ev, const struct node *node, struct err *err);
/* include */
int run_include(struct eval *ev, const struct node *node, struct err *err);
/* import */
int run_import(struct eval *ev, const struct node *node, struct err *err);
/* from */
int run_from(struct eval *ev, const struct node *node, struct err *err);

#endif
