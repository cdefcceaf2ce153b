/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet check: what is wrong with the registry and the inventory, before any host is
 * touched; and with --diff, what an edit of them means.
 */
#include "cli/check.h"

static void read_options(
	const struct command *cmd, struct check *c, int argc, char **argv, struct strlist *rest)
{
	const struct option_spec options[] = {
		SITE_OPTIONS(&c->o),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &c->models},
		{'t', "tags", OPTION_STRING, "A,B", "the same, as playbooks call it", &c->tags},
		{'D', "diff", OPTION_FLAG, NULL,
			"what has changed since REVISION, or since HEAD", &c->diff},
		{0, "json", OPTION_FLAG, NULL, "one JSON event a line", &c->json},
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [--diff [REVISION]] [OPTIONS]",
		"Exit code: 0 when a deploy could begin, 1 when something is wrong.", options,
		argc, argv, rest);
}

/* The store's files have to be such that they can be sent: every wanted version is read. */
static void check_manifests(struct check *c)
{
	const struct resolution *r = &c->registry.resolution;

	for (size_t i = 0; i < r->use_count; i++) {
		AUTO(manifest_release) struct manifest m = {0};
		const struct version_use *use = &r->uses[i];
		struct err err = {0};
		if (store_read_model(
			    c->registry.store, use->model, use->version, NULL, &m, &err) < 0)
			diag_error(&c->diags, &use->place, "%s %s: %s", use->model->name,
				use->version, err.text);
		else
			c->bytes += m.bytes;
	}
}

static int resolve_now(struct check *c)
{
	struct err ignored = {0};
	const struct registry_site_options o = {
		.inventory = &c->site.inventory,
		.vars = c->site.vars,
		.secrets = &c->site.secrets,
		.hosts = &c->site.hosts,
		.models = c->models,
		.tags = c->tags,
	};

	if (registry_site_resolve(&c->registry, &o, &c->diags, &ignored) < 0)
		return -1;
	if (c->registry.store)
		check_manifests(c);
	return c->diags.errors ? -1 : 0;
}

/* Finds out everything. -1 with err for what is no finding about a file. */
static int check(struct check *c, struct err *err)
{
	c->o.strict = true;
	if (site_read(&c->site, &c->o, &c->diags, err) < 0)
		return -1;
	if (resolve_now(c) < 0 || !c->diff)
		return 0;
	if (check_before_read(&c->before, c, err) < 0)
		return -1;
	resolution_compare(
		&c->before.registry.resolution, &c->registry.resolution, &c->changes);
	return 0;
}

/* `--diff REVISION`: the word behind is no option, so it comes with the leftover words. */
static int take_revision(struct check *c, const struct strlist *rest, struct err *err)
{
	if (c->diff && rest->count <= 1) {
		c->revision = rest->count ? rest->items[0] : "HEAD";
		return 0;
	}
	if (rest->count == 0)
		return 0;
	return err_set(err, ERR_USAGE,
		"check: found the argument '%s', expected only options; hosts are chosen with "
		"--limit, a revision follows --diff",
		rest->items[c->diff ? 1 : 0]);
}

static void check_release(struct check *c)
{
	check_before_release(&c->before);
	changes_release(&c->changes);
	registry_site_release(&c->registry);
	site_release(&c->site);
	site_options_release(&c->o);
	diags_release(&c->diags);
}

static int run_check(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	AUTO(check_release) struct check c = {0};
	struct err err = {0};

	read_options(cmd, &c, argc, argv, &rest);
	cli_verbosity(c.o.verbosity);
	if (take_revision(&c, &rest, &err) < 0)
		return cli_error(&err);
	int result = check(&c, &err);
	/* An error that is none of the findings goes with them, so that JSON has it as well. */
	if (result < 0)
		diag_error(&c.diags, NULL, "%s", err.text);
	if (c.json)
		check_print_json(&c);
	else
		check_print_text(&c);
	return c.diags.errors ? EXIT_CANNOT_RUN : EXIT_OK;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "Says what is wrong with a site, and what an edit would change",
	.run = run_check,
};
