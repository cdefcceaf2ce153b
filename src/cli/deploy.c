/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet deploy, also deploy-models: every host gets its model set, whole and verified, and
 * what names or reads the models is brought up to date, as the playbook deploy-models.yaml
 * says.
 */
#include "cli/deploy.h"

/* Keeps only the hosts that the last run of this site failed. */
static int select_failed(struct deploy *d, struct err *err)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(strlist_release) struct strlist failed = {0};
	AUTO(diags_release) struct diags diags = {0};

	int result = journal_last(d->engine.journal_dir, "deploy", &last, &diags, err);
	cli_print_diags(&diags);
	if (result < 0)
		return err_wrap(err, "--limit-failed");
	journal_failed_hosts(&last, &failed);
	play_run_keep(&d->run, &failed);
	if (d->run.hosts.count == 0)
		return err_set(err, ERR_NOTFOUND,
			"--limit-failed: run %s left no host to be tried again", last.id);
	return 0;
}

static int choose_hosts(struct deploy *d, struct err *err)
{
	const char *limit = d->engine.o.site.limit;

	if (play_run_choose(&d->run, err) < 0)
		return -1;
	if (d->run.hosts.count == 0)
		return err_set(err, ERR_NOTFOUND,
			"no host to deploy to: %s matches none in the inventory",
			limit ? limit : "all");
	return d->o.limit_failed ? select_failed(d, err) : 0;
}

int deploy(struct deploy *d, struct err *err)
{
	struct play_run *p = &d->run;

	p->models = d->o.models;
	p->with_models_only = true;
	p->options.plays_apart = true;
	p->show.words = d->engine.o.json ? &deploy_words_json : &deploy_words_text;
	p->show.data = d;
	if (deploy_apply_options(d, err) < 0 || deploy_read_playbook(d) < 0)
		return -1;
	if (!p->syncs)
		return err_set(err, ERR_USAGE,
			"%s has no task with sync_models: run it with run-playbook",
			p->books[0].path);
	if (choose_hosts(d, err) < 0 || play_run_prepare(p, err) < 0)
		return -1;
	return play_run_go(p, err);
}

static int start(struct deploy *d, const struct strlist *rest)
{
	struct err err = {0};

	if (rest->count) {
		err_set(&err, ERR_USAGE,
			"deploy takes no arguments, found '%s'; hosts are chosen with --limit",
			rest->items[0]);
		return cli_error(&err);
	}
	return deploy_find(d, &err) < 0 ? cli_error(&err) : engine_start(&d->engine);
}

int deploy_init(struct deploy *d, int argc, char **argv, struct err *err)
{
	*d = (struct deploy){0};
	play_run_init(&d->run, &d->engine, "deploy");
	return engine_init(&d->engine, argc, argv, err);
}

void deploy_release(struct deploy *d)
{
	play_run_release(&d->run);
	engine_release(&d->engine);
	strlist_release(&d->playbook);
	free(d->playbook_dir);
}

int deploy_renew(struct deploy *d)
{
	play_run_release(&d->run);
	play_run_init(&d->run, &d->engine, "deploy");
	d->notes = NULL;
	return engine_renew(&d->engine);
}

static int run_deploy(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct deploy d;
	struct err err = {0};

	if (deploy_init(&d, argc, argv, &err) < 0)
		return cli_error(&err);
	deploy_read_options(cmd, &d, argc, argv, &rest);
	int code = start(&d, &rest);
	if (code == EXIT_OK) {
		code = deploy(&d, &err);
		if (code < 0)
			code = engine_fail(&err);
	}
	deploy_release(&d);
	return code;
}

const struct command cmd_deploy = {
	.name = "deploy",
	.link_name = "deploy-models",
	.summary = "Brings every host to its models, whole, verified and in use",
	.run = run_deploy,
};
