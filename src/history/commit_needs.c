/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libgit2 does not do, or does otherwise than git: then git is to commit.
 */
#include <unistd.h>

#include "base/path.h"
#include "history/commit_internal.h"

/* Hooks that `git commit` runs, directly or by what it writes. */
static const char *const hooks[] = {"pre-commit", "prepare-commit-msg", "commit-msg",
	"post-commit", "reference-transaction", "post-index-change"};

/* Variables that change git's settings and that libgit2 does not know. */
static const char *const variables[] = {
	"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"};

/* Attributes of files that mean a program or a conversion. */
static const char *const attributes[] = {"filter", "working-tree-encoding"};

/* Settings by the beginning and the end of their names. */
static const struct {
	const char *start, *end, *what;
} names[] = {
	{"hook.", ".command", "hooks in git's settings"},
	{"includeif.hasconfig:", "", "settings that are included by remote (hasconfig)"},
};

static char *hooks_dir(const struct commit_job *job, git_config *config)
{
	git_buf path = GIT_BUF_INIT;

	if (git_config_get_path(&path, config, "core.hookspath") < 0)
		return path_join(job->common, "hooks");
	char *dir = path_join(job->top, path.ptr);
	git_buf_dispose(&path);
	return dir;
}

static char *needs_hook(const struct commit_job *job, git_config *config)
{
	autofree char *dir = hooks_dir(job, config);

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		autofree char *path = path_join(dir, hooks[i]);
		if (access(path, X_OK) == 0)
			return xasprintf("the hook %s", path);
	}
	return NULL;
}

static const char *what_is(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(name, names[i].start) && str_ends(name, names[i].end))
			return names[i].what;
	return NULL;
}

static char *needs_name(git_config *config)
{
	git_config_iterator *it = NULL;
	git_config_entry *entry;
	const char *what = NULL;

	if (git_config_iterator_new(&it, config) < 0)
		return NULL;
	while (!what && git_config_next(&entry, it) == 0)
		what = what_is(entry->name);
	git_config_iterator_free(it);
	return xstrdup(what);
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcasecmp(word, *list) != 0)
		list++;
	return *list != NULL;
}

static char *needs_setting(git_config *config)
{
	static const char *const plain[] = {"umask", "false", "no", "off", "0", NULL};
	static const char *const utf8[] = {"utf-8", "utf8", NULL};
	const char *value;
	int sign = 0;
	int worktree = 0;

	if (git_config_get_bool(&worktree, config, "extensions.worktreeconfig") == 0 &&
		worktree)
		return xstrdup("settings of one working tree (extensions.worktreeConfig)");
	if (git_config_get_bool(&sign, config, "commit.gpgsign") == 0 && sign)
		return xstrdup("commits that are signed (commit.gpgsign)");
	if (git_config_get_string(&value, config, "core.sharedrepository") == 0 &&
		!is_one_of(value, plain))
		return xstrdup("a repository that users share (core.sharedRepository)");
	if (git_config_get_string(&value, config, "i18n.commitencoding") == 0 &&
		!is_one_of(value, utf8))
		return xasprintf("messages in %s (i18n.commitEncoding)", value);
	return needs_name(config);
}

static char *needs_environment(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (getenv(variables[i]))
			return xasprintf("settings in the environment (%s)", variables[i]);
	return NULL;
}

static char *needs_attribute(const struct commit_job *job)
{
	for (size_t i = 0; i < job->paths.count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(attributes); k++) {
			const char *value = NULL;
			const char *path = job->paths.items[i];
			if (git_attr_get(&value, job->g->repo, 0, path, attributes[k]) == 0 &&
				git_attr_value(value) == GIT_ATTR_VALUE_STRING)
				return xasprintf("the attribute %s=%s of %s", attributes[k],
					value, path);
		}
	return NULL;
}

static char *needs_index(const struct commit_job *job)
{
	autofree char *path = path_join(job->gitdir, "index");
	git_index *index = NULL;
	char *reason = NULL;

	if (!path_exists(path))
		return xstrdup("an index that is not there");
	if (git_repository_index(&index, job->g->repo) < 0 || git_index_read(index, 1) < 0)
		reason = xasprintf("this kind of index (%s)",
			git_error_last() ? git_error_last()->message : "");
	git_index_free(index);
	return reason;
}

char *commit_needs_git(const struct commit_job *job)
{
	git_config *config = NULL;
	char *reason = NULL;

	if (git_repository_config_snapshot(&config, job->g->repo) < 0)
		return xstrdup("settings that only git can read");
	reason = needs_hook(job, config);
	if (!reason)
		reason = needs_setting(config);
	git_config_free(config);
	if (!reason)
		reason = needs_environment();
	if (!reason)
		reason = needs_attribute(job);
	if (!reason)
		reason = needs_index(job);
	return reason;
}
