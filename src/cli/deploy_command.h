/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the deploy command: its options, and all that it holds. Internal to cli/.
 */
#ifndef CLI_DEPLOY_COMMAND_H
#define CLI_DEPLOY_COMMAND_H

#include "cli/deploy.h"
#include "cli/engine.h"

struct deploy_options {
	const char *models, *tags;
	bool repair, verify, limit_failed;
};

/* Everything that a deploy holds; released in reverse order. */
struct deploy {
	struct engine engine;
	struct deploy_options o;
	struct deploy_run run;
	struct registry_site registry;
	const struct deploy_output *output;
};

/* Fills the options from the command line; leftover words go into `rest`. */
void deploy_read_options(const struct command *cmd, struct deploy *d, int argc, char **argv,
	struct strlist *rest);

#endif
