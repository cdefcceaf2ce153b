/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet deploy` share: the command, and its words beside those of any
 * playbook: which models went where. Internal to cli/.
 */
#ifndef CLI_DEPLOY_H
#define CLI_DEPLOY_H

#include "cli/play_run.h"

#define DEPLOY_PLAYBOOK "deploy-models.yaml"

struct deploy_options {
	const char *playbook, *models, *tags, *serial, *max_fail_percentage, *soak,
		*confirm_timeout;
	bool repair, verify, limit_failed, no_activate;
};

struct deploy {
	struct engine engine;
	struct deploy_options o;
	struct play_run run;
	struct strlist playbook; /* its path */
	struct strbuf *notes;    /* of each host: what else than models changed */
};

/* Fills the options from the command line; leftover words go into `rest` (deploy_options.c). */
void deploy_read_options(const struct command *cmd, struct deploy *d, int argc, char **argv,
	struct strlist *rest);
/* Makes numbers and lists of the options that beat the playbook; -1 with ERR_USAGE. */
int deploy_apply_options(struct deploy *d, struct err *err);

/*
 * Finds the playbook: --playbook, else deploy-models.yaml in playbooks/ of the site, else the
 * one that came with the program (deploy_playbook.c). -1 with err that lists the places.
 */
int deploy_find_playbook(struct deploy *d, struct err *err);
/*
 * Reads it, or, with --no-activate, a play that brings models alone. Then --tags are told
 * apart: those of the playbook's tasks select tasks, all others models. -1 when it has errors,
 * which are printed.
 */
int deploy_read_playbook(struct deploy *d);

/* The words; their data is a struct deploy. */
extern const struct show_words deploy_words_text, deploy_words_json;

#endif
