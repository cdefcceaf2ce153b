/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run-playbook tells of playbooks without running them: their hosts, tasks and tags, in
 * the lines of ansible-playbook. Internal to cli/.
 */
#ifndef CLI_PLAY_LIST_H
#define CLI_PLAY_LIST_H

#include "cli/play_run.h"

struct play_list_options {
	bool hosts, tasks, tags;
};

/* Appends what is asked for, of all playbooks. -1 with err when a pattern is wrong. */
int play_list(struct play_run *p, const struct play_list_options *o, struct strbuf *out,
	struct err *err);

#endif
