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
	bool repair, verify, limit_failed, no_activate, rollback_on_abort;
};

struct deploy {
	struct engine engine;
	struct deploy_options o;
	struct play_run run;
	struct strlist playbook; /* its path */
	char *playbook_dir;      /* whose group_vars/ and host_vars/ count */
	struct strbuf *notes;    /* of each host: what else than models changed */
};

/* The entries of an option table for a struct deploy: how far at once, and when to stop. */
#define DEPLOY_ROLLOUT_OPTIONS(o)                                                              \
	OPTIONS_GROUP("rollout", "in which order, when to stop, by which playbook"),           \
		{0, "serial", OPTION_STRING, "LIST", "batches: 1,25%,100%", &(o)->serial},     \
		{0, "soak", OPTION_STRING, "SECONDS", "watch the first batch for so long",     \
			&(o)->soak},                                                           \
		{0, "max-fail-percentage", OPTION_STRING, "N",                                 \
			"stop when more of a batch fail", &(o)->max_fail_percentage},          \
		{0, "rollback-on-abort", OPTION_FLAG, NULL,                                    \
			"then take back the hosts that are done", &(o)->rollback_on_abort},    \
		{0, "confirm-timeout", OPTION_STRING, "SECONDS",                               \
			"until a node without us goes back (120)", &(o)->confirm_timeout},     \
		{0, "playbook", OPTION_STRING, "FILE", "instead of " DEPLOY_PLAYBOOK,          \
			&(o)->playbook},                                                       \
		OPTIONS_OWN

/*
 * A deploy that a command makes: deploy_init, its options, deploy_find, engine_start, deploy,
 * deploy_release. Another one of the same process begins with deploy_renew.
 */

/* Makes a deploy and its engine. Released in either case. */
int deploy_init(struct deploy *d, int argc, char **argv, struct err *err);
/* Frees all, the engine too. */
void deploy_release(struct deploy *d);
/*
 * Finds the playbook: --playbook, else deploy-models.yaml in playbooks/ of the site, else the
 * one that came with the program (deploy_playbook.c). Its directory's variables count: the
 * engine's site options know it from now on. -1 with err that lists the places.
 */
int deploy_find(struct deploy *d, struct err *err);
/*
 * Deploys to the hosts that the site's limit leaves, under the store's lock, which the engine
 * may hold already. The exit code, or -1 with err; without a text in it, findings that were
 * printed say what is wrong.
 */
int deploy(struct deploy *d, struct err *err);
/*
 * Forgets the run and the site, keeps options, lock and passwords, and loads the site anew.
 * Returns 0, or the exit code to end with.
 */
int deploy_renew(struct deploy *d);

/* Fills the options from the command line; leftover words go into `rest` (deploy_options.c). */
void deploy_read_options(const struct command *cmd, struct deploy *d, int argc, char **argv,
	struct strlist *rest);
/* Makes numbers and lists of the options that beat the playbook; -1 with ERR_USAGE. */
int deploy_apply_options(struct deploy *d, struct err *err);

/*
 * Reads the playbook, or, with --no-activate, a play that brings models alone. Then --tags are
 * told apart: those of the playbook's tasks select tasks, all others models. -1 when it has
 * errors, which are printed.
 */
int deploy_read_playbook(struct deploy *d);

/* The words; their data is a struct deploy. */
extern const struct show_words deploy_words_text, deploy_words_json;

#endif
