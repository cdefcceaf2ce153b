/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of health_check: what can be asked of a host once, and answers yes or not yet.
 */
#ifndef PLAY_MODULES_HEALTH_CHECK_H
#define PLAY_MODULES_HEALTH_CHECK_H

#include "play/module.h"

/* What one question found out: 1 healthy, 0 not (yet), with the reason; -1 with err when no
 * answer can be had: the node is out of reach, the operator stops, or the question is wrong. */
struct probe {
	const char *name; /* the argument that asks for it */
	int (*ask)(struct module_call *c, deadline until, struct err *reason, struct err *err);
};

/* Whether a TCP port of the node, or one that it can reach, takes a connection. */
int probe_port(struct module_call *c, deadline until, struct err *reason, struct err *err);
/* Whether a URL answers with the status, and a body in which the pattern is found. */
int probe_url(struct module_call *c, deadline until, struct err *reason, struct err *err);
/* Whether a command ends with 0. */
int probe_command(struct module_call *c, deadline until, struct err *reason, struct err *err);

#endif
