/* SPDX-License-Identifier: Apache-2.0 */
#include "history/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/path.h"
#include "history/commit_internal.h"

void commit_job_release(struct commit_job *job)
{
	gitrepo_free(job->g);
	free(job->top);
	free(job->gitdir);
	free(job->common);
	free(job->reason);
	strlist_release(&job->paths);
	*job = (struct commit_job){0};
}

/* The nearest directory above a path that is there, links resolved; `rest` lies below it. */
static char *existing_dir(const char *path, const char **rest)
{
	autofree char *dir = path_dirname(path);

	while (!path_is_dir(dir) && strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0) {
		char *above = path_dirname(dir);
		free(dir);
		dir = above;
	}
	size_t len = strlen(dir);
	*rest = strcmp(dir, ".") == 0 ? path : path + len + (dir[len - 1] != '/');
	return realpath(dir, NULL);
}

static char *without_slash(const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return xstrndup(dir, len);
}

int commit_refuse_bare(const char *path, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		"%s lies in a bare git repository, which has no files to commit; work in a "
		"clone of it",
		path);
}

static int refuse_without_git(const char *dir, const char *reason, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		"%s: committing here needs the git program, because of %s; install git", dir,
		reason);
}

/* Opens the repository of a directory, by libgit2 or, where it refuses, by git. */
static int open_dir(struct commit_job *job, const char *dir, struct err *err)
{
	struct err refused = {0};

	job->g = gitrepo_open(dir, &refused);
	if (!job->g && refused.code == ERR_NOTFOUND)
		return err_set(err, ERR_NOTFOUND,
			"%s does not lie in a git repository, and a change of versions is "
			"committed; run `git init` at the top of the inventory and commit its "
			"files",
			dir);
	if (!job->g && refused.code == ERR_DENIED)
		return err_set(err, refused.code, "%s", refused.text);
	if (!job->g) {
		job->reason = xasprintf("this kind of repository (%s)", refused.text);
		return git_program_found() ? commit_git_open(job, dir, err)
					   : refuse_without_git(dir, job->reason, err);
	}
	if (!gitrepo_workdir(job->g))
		return commit_refuse_bare(dir, err);
	job->top = xstrdup(gitrepo_workdir(job->g));
	job->gitdir = without_slash(git_repository_path(job->g->repo));
	job->common = without_slash(git_repository_commondir(job->g->repo));
	return 0;
}

/* A file that lies elsewhere than the first: in another repository, or in none. */
static int check_same(const struct commit_job *job, const char *dir, struct err *err)
{
	AUTO(commit_job_release) struct commit_job other = {0};

	if (open_dir(&other, dir, err) < 0)
		return -1;
	if (str_cmp0(other.top, job->top) == 0)
		return 0;
	return err_set(err, ERR_INPUT,
		"%s lies in the repository %s, other files in %s; one commit is of one "
		"repository",
		dir, other.top ? other.top : "of git's own", job->top);
}

/* Adds one file in the repository's terms. */
static int add_path(
	struct commit_job *job, const char *path, const char *former, struct err *err)
{
	const char *rest;
	autofree char *dir = existing_dir(path, &rest);

	if (!dir)
		return err_sys(err, "%s", path);
	if (!job->top && open_dir(job, dir, err) < 0)
		return -1;
	autofree char *beside = former ? path_dirname(former) : NULL;
	autofree char *own = path_dirname(path);
	if (former && strcmp(beside, own) != 0 && check_same(job, dir, err) < 0)
		return -1;
	autofree char *full = path_join(dir, rest);
	size_t top = strlen(job->top);
	if (top > 1 && (strncmp(full, job->top, top) != 0 || full[top] != '/'))
		return err_set(err, ERR_INPUT, "%s lies outside its repository's files, %s",
			path, job->top);
	const char *relative = full + (top > 1 ? top + 1 : 1);
	if (!strlist_has(&job->paths, relative))
		strlist_add(&job->paths, relative);
	return 0;
}

int commit_open(struct commit_job *job, const struct strlist *paths, struct err *err)
{
	*job = (struct commit_job){0};
	if (paths->count == 0 || paths->count > GIT_COMMIT_FILES_MAX)
		return err_set(err, ERR_LIMIT, "%zu files to commit, expected 1 to %d",
			paths->count, GIT_COMMIT_FILES_MAX);
	for (size_t i = 0; i < paths->count; i++)
		if (add_path(job, paths->items[i], i ? paths->items[i - 1] : NULL, err) < 0)
			return -1;
	return 0;
}

int commit_choose(struct commit_job *job, struct err *err)
{
	AUTO(commit_people_release) struct commit_people people = {0};

	if (!job->reason)
		job->reason = commit_needs_git(job);
	if (job->reason && !git_program_found())
		return refuse_without_git(job->top, job->reason, err);
	if (job->reason || commit_people_find(job, &people) == 0)
		return 0;
	if (!git_program_found())
		return commit_refuse_people(job->top, NULL, err);
	job->reason = xstrdup("a name, an address or a date that git has to work out");
	return 0;
}

int git_commit_check(const struct strlist *paths, struct err *err)
{
	AUTO(commit_job_release) struct commit_job job = {0};

	if (commit_open(&job, paths, err) < 0 || commit_check_state(&job, err) < 0 ||
		commit_choose(&job, err) < 0 || commit_check_files(&job, err) < 0)
		return -1;
	return job.reason ? commit_git_check_people(job.top, err) : 0;
}

int git_commit_files(const struct strlist *paths, const char *message, char id[65],
	const struct cancel *cancel, struct err *err)
{
	AUTO(commit_job_release) struct commit_job job = {0};

	id[0] = '\0';
	if (cancel_level(cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	if (commit_open(&job, paths, err) < 0 || commit_check_state(&job, err) < 0 ||
		commit_choose(&job, err) < 0)
		return -1;
	return job.reason ? commit_by_git(&job, message, id, cancel, err)
			  : commit_by_library(&job, message, id, err);
}
