/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet rollback, also rollback-model: which versions there are, and making another one
 * current: edited, committed, deployed.
 */
#include "cli/rollback.h"

static const char usage[] = "[OPTIONS] [MODEL [VERSION | --previous]]";

static const char epilogue[] =
	"Without a version it lists what there is.\n"
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host failed or drifted,\n"
	"3 it went back, 4 a host was unreachable, 130 interrupted";

static void read_options(const struct command *cmd, struct rollback *r, int argc, char **argv,
	struct strlist *words)
{
	struct engine_options *e = &r->deploy.engine.o;
	struct deploy_options *d = &r->deploy.o;
	struct rollback_options *o = &r->o;
	const struct option_spec options[] = {
		{0, "previous", OPTION_FLAG, NULL, "to the version that was current before",
			&o->previous},
		{0, "hosts", OPTION_STRING, "PATTERN", "pin these hosts; the others stay",
			&o->hosts},
		{0, "unpin", OPTION_FLAG, NULL, "take the pins of --hosts away", &o->unpin},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{'y', "yes", OPTION_FLAG, NULL, "do not ask", &o->yes},
		{0, "note", OPTION_STRING, "TEXT", "why, for the commit's message", &o->note},
		{0, "no-deploy", OPTION_FLAG, NULL, "commit only", &o->no_deploy},
		{0, "push", OPTION_FLAG, NULL, "push the commit", &o->push},
		{0, "undo-on-failure", OPTION_FLAG, NULL,
			"undo the move where hosts fail with it", &o->undo_on_failure},
		SITE_WHOLE_OPTIONS(&e->site),
		GROUP_OUTPUT,
		{'D', "diff", OPTION_FLAG, NULL, "show what changes in files", &e->site.diff},
		DEPLOY_ROLLOUT_OPTIONS(d),
		GROUP_CONNECTION,
		{0, "bwlimit", OPTION_STRING, "RATE",
			"bytes per second for all hosts together, e.g. 5M", &e->bwlimit},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, usage, epilogue, options, argc, argv, words);
}

static bool wants_move(const struct rollback *r, const struct strlist *words)
{
	return words->count > 1 || r->o.previous || r->o.unpin || r->o.hosts ||
	       r->deploy.engine.o.site.check;
}

/* Whether the words make sense together. */
static int check_words(const struct rollback *r, const struct strlist *words, struct err *err)
{
	const struct rollback_options *o = &r->o;
	int targets = (words->count > 1) + o->previous + o->unpin;

	if (words->count > 2)
		return err_set(err, ERR_USAGE, "found the argument '%s' behind MODEL VERSION",
			words->items[2]);
	if (!wants_move(r, words))
		return 0;
	if (words->count == 0)
		return err_set(
			err, ERR_USAGE, "which model? expected MODEL before the version");
	if (targets != 1)
		return err_set(err, ERR_USAGE, "expected %s VERSION, --previous%s",
			targets ? "only one of" : "one of",
			o->hosts || o->unpin ? " or --unpin" : "");
	if (o->unpin && !o->hosts)
		return err_set(err, ERR_USAGE, "--unpin: whose pins? Expected --hosts PATTERN");
	if (o->no_deploy && o->undo_on_failure)
		return err_set(
			err, ERR_USAGE, "--undo-on-failure needs a deploy that can fail");
	return 0;
}

/* The exit code, or -1 with err. */
static int move(struct rollback *r, const struct strlist *words, struct err *err)
{
	gitrepo_keep_library(); /* a deploy's links come after the commit */
	if (rollback_plan(r, words->items[0], words->count > 1 ? words->items[1] : NULL, err) <
		0)
		return -1;
	rollback_show_plan(r);
	if (!r->deploy.engine.o.site.check)
		return rollback_go(r, err);
	return r->o.no_deploy ? EXIT_OK : rollback_check(r, err);
}

/* The exit code, or -1 with err. */
static int rollback(struct rollback *r, const struct strlist *words, struct err *err)
{
	if (check_words(r, words, err) < 0 || deploy_find(&r->deploy, err) < 0)
		return -1;
	bool moves = wants_move(r, words);
	if (rollback_look(r, !moves, err) < 0)
		return -1;
	return moves ? move(r, words, err)
		     : rollback_list(r, words->count ? words->items[0] : NULL, err);
}

/* In the order of who refers to whom: run, plan, store and site, engine. */
static void rollback_release(struct rollback *r)
{
	play_run_release(&r->deploy.run);
	play_run_init(&r->deploy.run, &r->deploy.engine, "deploy");
	rollback_plan_release(&r->plan);
	rollback_look_release(&r->look);
	deploy_release(&r->deploy);
	arena_release(&r->arena);
}

static int run_rollback(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct rollback r = {0};
	struct err err = {0};

	if (deploy_init(&r.deploy, argc, argv, &err) < 0)
		return cli_error(&err);
	read_options(cmd, &r, argc, argv, &words);
	int code = rollback(&r, &words, &err);
	if (code < 0)
		code = engine_fail(&err);
	rollback_release(&r);
	return code;
}

const struct command cmd_rollback = {
	.name = "rollback",
	.link_name = "rollback-model",
	.summary = "Puts another version of a model back, commits and deploys that",
	.run = run_rollback,
	.arguments = "MODEL VERSION",
};
