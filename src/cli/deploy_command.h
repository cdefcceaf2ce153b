/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the deploy command: its options, and all that it holds. Internal to cli/.
 */
#ifndef CLI_DEPLOY_COMMAND_H
#define CLI_DEPLOY_COMMAND_H

#include "cli/deploy.h"
#include "cli/site.h"
#include "history/journal.h"
#include "history/lock.h"
#include "registry/site.h"
#include "sync/remote_store.h"

struct deploy_options {
	struct site_options site;
	const char *models, *tags, *forks, *bwlimit, *timeout, *host_timeout;
	const char *user, *private_key, *become_user, *become_method;
	const char *transport, *host_key_checking, *color;
	bool check, json, repair, verify, limit_failed, become, ask_pass, ask_become_pass;
};

/* Everything that a deploy holds; released in reverse order. */
struct deploy {
	struct deploy_options o;
	struct site site;
	struct deploy_run run;
	struct registry_site registry;
	struct spool *spool;
	struct connection store_connection; /* of a store on another host */
	struct connection_defaults connect;
	struct link_helpers helpers;
	struct link_limiter limiter;
	struct strbuf password, become_password;
	struct strbuf command_line;
	struct strbuf holder;
	struct lock lock;
	struct journal_run journal;
	char *journal_dir;
	struct cancel cancel;
	int64_t forks;
	double host_timeout;
	const struct deploy_output *output;
};

/* Fills the options from the command line; leftover words go into `rest`. */
void deploy_read_options(const struct command *cmd, struct deploy_options *o, int argc,
	char **argv, struct strlist *rest);
/* Makes numbers and choices of the options and settings; -1 with ERR_USAGE. */
int deploy_apply_options(struct deploy *d, struct err *err);
/* Asks for the passwords that -k and -K promise. */
int deploy_ask_passwords(struct deploy *d, struct err *err);

#endif
