/* SPDX-License-Identifier: Apache-2.0 */
#include "history/gitrepo.h"

#include <unistd.h>

#include "base/path.h"
#include "history/gitrepo_internal.h"

#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions(void);

/* libgit2 1.5 forgets the match data of a pattern that a revision's name does not match. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}
#endif

static enum err_code code_of(int code)
{
	switch (code) {
	case GIT_ENOTFOUND:
	case GIT_EUNBORNBRANCH: return ERR_NOTFOUND;
	case GIT_EOWNER: return ERR_DENIED;
	case GIT_EINVALIDSPEC:
	case GIT_EAMBIGUOUS: return ERR_INPUT;
	default: return ERR_SYSTEM;
	}
}

int gitrepo_error(int code, struct err *err, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	va_list ap;

	va_start(ap, fmt);
	autofree char *context = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(err, code_of(code), "%s: git: %s", context,
		last && last->message ? last->message : "unknown error");
}

/*
 * A repository of somebody else. libgit2 1.5 answers GIT_ENOTFOUND, about a setting, where no
 * configuration file has a safe.directory at all.
 */
static bool belongs_to_another(int code)
{
	const git_error *last = git_error_last();

	return code == GIT_EOWNER || (code == GIT_ENOTFOUND && last && last->message &&
					     strstr(last->message, "safe.directory"));
}

static struct gitrepo *open_failed(int code, const char *path, struct err *err)
{
	if (belongs_to_another(code))
		err_set(err, ERR_DENIED,
			"the git repository of %s belongs to another user; if you trust it: "
			"git config --global --add safe.directory DIRECTORY",
			path);
	else if (code == GIT_ENOTFOUND)
		err_set(err, ERR_NOTFOUND,
			"%s does not lie in a git repository; expected one that keeps its "
			"history",
			path);
	else
		gitrepo_error(code, err, "open the repository of %s", path);
	git_libgit2_shutdown();
	return NULL;
}

static bool is_set(const char *name)
{
	static const char *const off[] = {"", "0", "false", "no", "off"};
	const char *value = getenv(name);

	for (size_t i = 0; value && i < ARRAY_SIZE(off); i++)
		if (strcasecmp(value, off[i]) == 0)
			return false;
	return value != NULL;
}

/*
 * Where settings lie: HOME as it is now, not as it was when libgit2 was first used, and nothing
 * of the system with GIT_CONFIG_NOSYSTEM, which libgit2 does not know.
 */
static void find_settings(void)
{
	const char *none = is_set("GIT_CONFIG_NOSYSTEM") ? "" : NULL;

	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, none);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, NULL);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, NULL);
}

struct gitrepo *gitrepo_open(const char *path, struct err *err)
{
	autofree char *dir = path_is_dir(path) ? xstrdup(path) : path_dirname(path);
	git_repository *repo = NULL;

	git_libgit2_init();
	find_settings();
	int code = git_repository_open_ext(&repo, dir, 0, NULL);
	if (code < 0)
		return open_failed(code, path, err);
	struct gitrepo *g = xcalloc(1, sizeof(*g));
	g->repo = repo;
	if (git_repository_workdir(repo))
		g->workdir = realpath(git_repository_workdir(repo), NULL);
	return g;
}

void gitrepo_keep_library(void)
{
	git_libgit2_init();
}

void gitrepo_free(struct gitrepo *g)
{
	if (!g)
		return;
	git_repository_free(g->repo);
	free(g->workdir);
	free(g);
	git_libgit2_shutdown();
}

const char *gitrepo_workdir(const struct gitrepo *g)
{
	return g->workdir;
}

/* The real path of a directory, or of a file's directory with the file's name behind it. */
static char *real_path(const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);
	autofree char *real = realpath(path_is_dir(path) ? path : dir, NULL);

	if (!real) {
		err_sys(err, "%s", path);
		return NULL;
	}
	return path_is_dir(path) ? STEAL(real) : path_join(real, path_basename(path));
}

char *gitrepo_relative(const struct gitrepo *g, const char *path, struct err *err)
{
	autofree char *real = real_path(path, err);
	size_t top = g->workdir ? strlen(g->workdir) : 0;

	if (!real)
		return NULL;
	if (top == 1)
		return xstrdup(real + 1);
	if (top > 0 && strncmp(real, g->workdir, top) == 0) {
		if (real[top] == '\0')
			return xstrdup("");
		if (real[top] == '/')
			return xstrdup(real + top + 1);
	}
	err_set(err, ERR_INPUT, "%s lies outside the working tree of its repository, %s", path,
		g->workdir ? g->workdir : "which is bare");
	return NULL;
}

/* The commit that a revision names. */
static git_commit *find_commit(struct gitrepo *g, const char *rev, struct err *err)
{
	AUTO(git_object_cleanup) git_object *named = NULL;
	git_object *commit = NULL;
	int code = git_revparse_single(&named, g->repo, rev);

	if (code == 0)
		code = git_object_peel(&commit, named, GIT_OBJECT_COMMIT);
	if (code == 0)
		return (git_commit *)commit;
	if (git_repository_head_unborn(g->repo) == 1)
		err_set(err, ERR_NOTFOUND, "the repository %s has no commit yet",
			g->workdir ? g->workdir : git_repository_path(g->repo));
	else if (code == GIT_ENOTFOUND)
		err_set(err, ERR_NOTFOUND,
			"the repository %s has no revision \"%s\"; expected a branch, a tag, "
			"or a commit's id",
			g->workdir ? g->workdir : git_repository_path(g->repo), rev);
	else
		gitrepo_error(code, err, "revision \"%s\"", rev);
	return NULL;
}

void git_commit_describe(git_commit *commit, struct git_commit_info *out)
{
	const char *summary = git_commit_summary(commit);

	git_oid_tostr(out->id, sizeof(out->id), git_commit_id(commit));
	out->summary = xstrdup(summary ? summary : "");
	out->author = xstrdup(git_commit_author(commit)->name);
	out->time = (time_t)git_commit_time(commit);
}

int gitrepo_commit(
	struct gitrepo *g, const char *rev, struct git_commit_info *out, struct err *err)
{
	git_commit *commit = find_commit(g, rev, err);

	*out = (struct git_commit_info){0};
	if (!commit)
		return -1;
	git_commit_describe(commit, out);
	git_commit_free(commit);
	return 0;
}

void git_commit_info_release(struct git_commit_info *c)
{
	free(c->summary);
	free(c->author);
	*c = (struct git_commit_info){0};
}

/* Finds what a path names in a tree. */
static git_tree_entry *find_entry(
	git_tree *tree, const char *rev, const char *path, struct err *err)
{
	git_tree_entry *entry = NULL;
	int code = git_tree_entry_bypath(&entry, tree, path);

	if (code == 0)
		return entry;
	if (code == GIT_ENOTFOUND)
		err_set(err, ERR_NOTFOUND, "%s was not there at revision \"%s\"", path, rev);
	else
		gitrepo_error(code, err, "%s at revision \"%s\"", path, rev);
	return NULL;
}

git_tree *gitrepo_tree(struct gitrepo *g, const char *rev, const char *dir, struct err *err)
{
	git_commit *commit = find_commit(g, rev, err);
	AUTO(git_tree_cleanup) git_tree *top = NULL;
	git_tree *tree = NULL;

	if (!commit)
		return NULL;
	int code = git_commit_tree(&top, commit);
	git_commit_free(commit);
	if (code < 0) {
		gitrepo_error(code, err, "tree of revision \"%s\"", rev);
		return NULL;
	}
	if (!*dir)
		return STEAL(top);
	AUTO(git_entry_cleanup) git_tree_entry *entry = find_entry(top, rev, dir, err);
	if (!entry)
		return NULL;
	if (git_tree_entry_type(entry) != GIT_OBJECT_TREE) {
		err_set(err, ERR_INPUT, "%s was no directory at revision \"%s\"", dir, rev);
		return NULL;
	}
	code = git_tree_lookup(&tree, g->repo, git_tree_entry_id(entry));
	if (code < 0)
		gitrepo_error(code, err, "%s at revision \"%s\"", dir, rev);
	return tree;
}

int gitrepo_blob(struct gitrepo *g, const git_oid *id, const char *path, struct strbuf *out,
	struct err *err)
{
	AUTO(git_blob_cleanup) git_blob *blob = NULL;
	git_odb *odb = NULL;
	git_object_t type;
	size_t size = 0;
	int code = git_repository_odb(&odb, g->repo);

	if (code == 0)
		code = git_odb_read_header(&size, &type, odb, id);
	git_odb_free(odb);
	if (code == 0 && size > GIT_FILE_MAX)
		return err_set(err, ERR_LIMIT, "%s in git: %zu bytes, at most %u are read",
			path, size, GIT_FILE_MAX);
	if (code == 0)
		code = git_blob_lookup(&blob, g->repo, id);
	if (code < 0)
		return gitrepo_error(code, err, "%s", path);
	strbuf_add(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
	return 0;
}

int gitrepo_read_file(struct gitrepo *g, const char *rev, const char *path, struct strbuf *out,
	struct err *err)
{
	AUTO(git_tree_cleanup) git_tree *top = gitrepo_tree(g, rev, "", err);
	if (!top)
		return -1;
	AUTO(git_entry_cleanup) git_tree_entry *entry = find_entry(top, rev, path, err);
	if (!entry)
		return -1;
	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
		git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK)
		return err_set(err, ERR_INPUT, "%s was no ordinary file at revision \"%s\"",
			path, rev);
	return gitrepo_blob(g, git_tree_entry_id(entry), path, out, err);
}
