/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site at an earlier revision, for `modelfleet check --diff`: its files are written into a
 * directory of /tmp and read from there by the ordinary readers, so that the comparison means
 * exactly what a deploy at that revision would have meant.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "cli/check.h"

/* A revision's files, and the sources that replace those of the command line. */
struct exporter {
	struct check_before *before;
	const char *revision;
	struct strlist sources;
	size_t exported;
};

static int make_dir(struct check_before *b, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	b->dir = path_join(tmp && *tmp == '/' ? tmp : "/tmp", "modelfleet-check-XXXXXX");
	if (mkdtemp(b->dir))
		return 0;
	int result = err_sys(err, "make the directory %s", b->dir);
	free(b->dir);
	b->dir = NULL;
	return result;
}

static void gitrepo_cleanup(struct gitrepo **g)
{
	gitrepo_free(*g);
}

/* Writes out the directory of a source and adds where it now lies. */
static int export_source(
	struct exporter *x, struct gitrepo *g, const char *source, struct err *err)
{
	bool is_dir = path_is_dir(source);
	autofree char *parent = path_dirname(source);
	autofree char *relative = gitrepo_relative(g, is_dir ? source : parent, err);
	autofree char *dest = xasprintf("%s/%zu", x->before->dir, x->exported);

	if (!relative)
		return -1;
	if (mkdir(dest, 0700) < 0)
		return err_sys(err, "make the directory %s", dest);
	if (gitrepo_export(g, x->revision, relative, dest, err) < 0)
		return -1;
	if (x->exported++ == 0 && gitrepo_commit(g, x->revision, &x->before->commit, err) < 0)
		return -1;
	autofree char *file = path_join(dest, path_basename(source));
	strlist_add(&x->sources, is_dir ? dest : file);
	return 0;
}

static int add_source(struct exporter *x, const char *source, struct err *err)
{
	struct err why = {0};

	if (source[0] != '/' || !path_exists(source)) {
		strlist_add(&x->sources, source); /* a host list */
		return 0;
	}
	AUTO(gitrepo_cleanup) struct gitrepo *g = gitrepo_open(source, &why);
	if (g)
		return export_source(x, g, source, err);
	if (why.code == ERR_NOTFOUND) {
		strlist_add(&x->sources, source);
		return 0;
	}
	if (err)
		*err = why;
	return -1;
}

static int export_all(struct exporter *x, const struct inventory *now, struct err *err)
{
	if (make_dir(x->before, err) < 0)
		return -1;
	for (size_t i = 0; i < now->source_count; i++)
		if (add_source(x, now->sources[i], err) < 0)
			return -1;
	if (x->exported > 0)
		return 0;
	return err_set(err, ERR_NOTFOUND,
		"--diff: the inventory does not lie in a git repository, so there is nothing "
		"to compare with");
}

/* Keeps those hosts of then that a limit has selected now. */
static void keep_selected(struct site *then, const struct site *now)
{
	struct strmap names = {0};
	size_t kept = 0;

	for (size_t i = 0; i < now->hosts.count; i++)
		strmap_set(&names, now->hosts.items[i]->name, NULL);
	for (size_t i = 0; i < then->hosts.count; i++)
		if (strmap_has(&names, then->hosts.items[i]->name))
			then->hosts.items[kept++] = then->hosts.items[i];
	then->hosts.count = kept;
	strmap_release(&names, NULL);
}

static int resolve_before(struct check_before *b, const struct check *c, struct err *err)
{
	struct err ignored = {0};
	const struct registry_site_options o = {
		.inventory = &b->site.inventory,
		.vars = b->site.vars,
		.secrets = &b->site.secrets,
		.hosts = &b->site.hosts,
		.models = c->models,
		.tags = c->tags,
		.without_store = true,
	};

	if (b->diags.errors > 0)
		return err_set(err, ERR_INPUT, "%s", b->diags.items[0].text);
	/* What was wrong then is told with the comparison; it is no reason not to compare. */
	registry_site_resolve(&b->registry, &o, &b->diags, &ignored);
	return 0;
}

int check_before_read(struct check_before *b, const struct check *c, struct err *err)
{
	struct exporter x = {.before = b, .revision = c->revision};
	struct site_options o = c->o;

	int result = export_all(&x, &c->site.inventory, err);
	if (result == 0) {
		o.inventory = x.sources;
		o.limit = NULL;
		result = site_read(&b->site, &o, &b->diags, err);
	}
	strlist_release(&x.sources);
	if (result == 0 && c->o.limit)
		keep_selected(&b->site, &c->site);
	if (result == 0)
		result = resolve_before(b, c, err);
	return result < 0 ? err_wrap(err, "at revision \"%s\"", c->revision) : 0;
}

void check_before_release(struct check_before *b)
{
	registry_site_release(&b->registry);
	site_release(&b->site);
	git_commit_info_release(&b->commit);
	diags_release(&b->diags);
	if (b->dir)
		path_remove_tree(b->dir, NULL);
	free(b->dir);
	*b = (struct check_before){0};
}
