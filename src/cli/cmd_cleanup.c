/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet cleanup, also cleanup-models: removes old versions from the store, or from nodes.
 */
#include "cli/cleanup.h"

static const char epilogue[] =
	"Kept are current, previous and pinned versions, those that hosts run by their\n"
	"last report, those that a link leads to, and of the others the N most recent.\n"
	"exit codes: 0 done, 1 could not run (nothing was removed), 2 something could not\n"
	"be removed, 4 a host is away, 130 interrupted";

static void read_options(const struct command *cmd, struct cleanup *c, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &c->engine.o;
	const struct option_spec options[] = {
		SITE_WHOLE_OPTIONS(&e->site),
		{'n', "dry-run", OPTION_FLAG, NULL, "say what would be removed", &c->dry_run},
		{0, "keep", OPTION_STRING, "N",
			"versions beside those in use (as the site says; 5)", &c->keep_text},
		{'m', "model", OPTION_STRING, "MODEL", "only this model", &c->model},
		{0, "nodes", OPTION_STRING, "PATTERN", "clean these hosts, not the store",
			&c->nodes},
		{0, "unmanaged", OPTION_FLAG, NULL,
			"with --nodes: also models not for the host", &c->unmanaged},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [OPTIONS]", epilogue, options, argc, argv, rest);
}

static int apply_options(struct cleanup *c, const struct strlist *rest, struct err *err)
{
	int64_t keep;

	c->keep = UINT32_MAX;
	if (rest->count)
		return err_set(err, ERR_USAGE,
			"%s: no words are expected; --model names a model, --nodes hosts",
			rest->items[0]);
	if (c->unmanaged && !c->nodes)
		return err_set(err, ERR_USAGE, "--unmanaged is for --nodes");
	if (!c->keep_text)
		return 0;
	if (!parse_int(c->keep_text, 0, REGISTRY_RETENTION_MAX, &keep))
		return err_set(err, ERR_USAGE,
			"--keep: found '%s', expected a number of versions from 0 to %d",
			c->keep_text, REGISTRY_RETENTION_MAX);
	c->keep = (unsigned)keep;
	return 0;
}

static void release(struct cleanup *c)
{
	cleanup_nodes_release(c);
	cleanup_place_release(&c->store);
	cleanup_forget_rules(c);
	reports_release(&c->reports);
	registry_site_release(&c->registry);
	site_release(&c->site);
	registry_site_release(&c->located);
	arena_release(&c->arena);
	engine_release(&c->engine);
}

/* What was removed before an interrupt is told nevertheless. */
static int clean_store(struct cleanup *c, struct err *err)
{
	struct err why = {0};

	c->store.store = c->located.store;
	if (cleanup_look(c, &c->store, err) < 0)
		return -1;
	if (cleanup_remove(c, &c->store, &c->engine.cancel, &why) == 0)
		return 0;
	c->interrupted = why.code == ERR_CANCELLED;
	return c->interrupted ? 0 : err_set(err, why.code, "%s", why.text);
}

/* The exit code, or -1 with err. */
static int clean(struct cleanup *c, struct err *err)
{
	if (engine_prepare(&c->engine, err) < 0 || cleanup_prepare(c, err) < 0)
		return -1;
	if ((c->nodes ? cleanup_nodes(c, err) : clean_store(c, err)) < 0)
		return -1;
	int code = cleanup_exit_code(c);
	cleanup_print(c, code);
	return code;
}

static int run_cleanup(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct cleanup c = {0};
	struct err err = {0};

	if (engine_init(&c.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	read_options(cmd, &c, argc, argv, &rest);
	c.engine.o.site.check = c.dry_run;
	int code =
		apply_options(&c, &rest, &err) < 0 ? cli_error(&err) : engine_start(&c.engine);
	if (code == EXIT_OK) {
		code = clean(&c, &err);
		if (code < 0)
			code = engine_fail(&err);
	}
	release(&c);
	return code;
}

const struct command cmd_cleanup = {
	.name = "cleanup",
	.link_name = "cleanup-models",
	.summary = "Removes old versions from the store, or from nodes",
	.run = run_cleanup,
};
