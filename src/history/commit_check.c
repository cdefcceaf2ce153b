/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps files from being committed, each with its own answer. What is under way shows in
 * files of the git directory, which both libgit2 and git keep alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "history/commit_internal.h"

/* What may be under way. A rebase comes first: it leaves some of the others, too. */
static const struct {
	const char *file, *what, *remedy;
} under_way[] = {
	{"rebase-merge", "a rebase", "git rebase --continue, or git rebase --abort"},
	{"rebase-apply", "a rebase (or git am)",
		"git rebase --continue, or git rebase --abort (git am --abort)"},
	{"MERGE_HEAD", "a merge", "git commit, or git merge --abort"},
	{"CHERRY_PICK_HEAD", "a cherry-pick",
		"git cherry-pick --continue, or git cherry-pick --abort"},
	{"REVERT_HEAD", "a revert", "git revert --continue, or git revert --abort"},
	{"sequencer", "a series of cherry-picks or reverts",
		"git cherry-pick --continue, or git cherry-pick --quit"},
	{"BISECT_LOG", "a bisect", "git bisect reset"},
};

static int check_under_way(const struct commit_job *job, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(under_way); i++) {
		autofree char *path = path_join(job->gitdir, under_way[i].file);
		if (path_exists(path))
			return err_set(err, ERR_BUSY,
				"%s: %s is in progress, and a commit would become part of it; "
				"end it first (%s)",
				job->top, under_way[i].what, under_way[i].remedy);
	}
	return 0;
}

int commit_locked(const char *path, struct err *err)
{
	struct stat st;
	char since[32];

	if (lstat(path, &st) < 0)
		return 0;
	clock_rfc3339(st.st_mtime, since);
	long long age = (long long)(time(NULL) - st.st_mtime);
	return err_set(err, ERR_BUSY,
		"%s is there since %s (%lld s): another git is at work; wait for it, or, if "
		"none runs, remove the file",
		path, since, age < 0 ? 0 : age);
}

/* The directories that a commit writes into. */
static int check_writable(const struct commit_job *job, struct err *err)
{
	static const char *const shared[] = {"", "objects", "refs/heads"};

	if (faccessat(AT_FDCWD, job->gitdir, W_OK, AT_EACCESS) < 0)
		return err_sys(err, "cannot commit: %s is not writable", job->gitdir);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		autofree char *path = path_join(job->common, shared[i]);
		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 && errno != ENOENT)
			return err_sys(err, "cannot commit: %s is not writable", path);
	}
	return 0;
}

int commit_refuse_detached(const struct commit_job *job, struct err *err)
{
	return err_set(err, ERR_INPUT,
		"%s: HEAD is detached (no branch is checked out), so that a commit would be "
		"lost; run `git switch BRANCH` first",
		job->top);
}

int commit_refuse_unborn(const struct commit_job *job, struct err *err)
{
	return err_set(err, ERR_INPUT,
		"%s: the branch has no commit yet; commit the inventory first: git add . && "
		"git commit",
		job->top);
}

int commit_refuse_conflicts(const struct commit_job *job, struct err *err)
{
	return err_set(err, ERR_BUSY,
		"%s: files are unmerged, and git commits nothing before they are resolved; see "
		"`git status`",
		job->top);
}

static int check_head(const struct commit_job *job, struct err *err)
{
	git_repository *repo = job->g->repo;
	git_index *index = NULL;

	if (git_repository_head_unborn(repo) == 1)
		return commit_refuse_unborn(job, err);
	if (git_repository_head_detached(repo) == 1)
		return commit_refuse_detached(job, err);
	if (git_repository_index(&index, repo) < 0) /* of a kind that only git can read */
		return git_program_found() ? commit_git_check_head(job, err) : 0;
	bool conflicts = git_index_has_conflicts(index);
	git_index_free(index);
	return conflicts ? commit_refuse_conflicts(job, err) : 0;
}

int commit_check_state(const struct commit_job *job, struct err *err)
{
	autofree char *lock = path_join(job->gitdir, "index.lock");

	if (check_under_way(job, err) < 0)
		return -1;
	if ((job->g ? check_head(job, err) : commit_git_check_head(job, err)) < 0)
		return -1;
	return commit_locked(lock, err) < 0 ? -1 : check_writable(job, err);
}

int commit_judge_file(const struct commit_job *job, const char *path,
	enum commit_file_state state, struct err *err)
{
	autofree char *full = path_join(job->top, path);

	switch (state) {
	case COMMIT_FILE_CLEAN: return 0;
	case COMMIT_FILE_CHANGED:
		return err_set(err, ERR_INPUT,
			"%s has changes that are not committed; see `git diff %s`, then commit "
			"them, or drop them with `git restore %s`",
			full, full, full);
	case COMMIT_FILE_STAGED:
		return err_set(err, ERR_INPUT,
			"%s has changes that are staged and not committed; see `git diff HEAD "
			"%s`, then commit them, or drop them with `git restore --staged "
			"--worktree %s`",
			full, full, full);
	case COMMIT_FILE_CONFLICT: return commit_refuse_conflicts(job, err);
	case COMMIT_FILE_IGNORED:
		return err_set(err, ERR_INPUT,
			"%s is ignored by git, so that its history is not kept; see `git "
			"check-ignore -v %s`",
			full, full);
	case COMMIT_FILE_OTHER: break;
	}
	return err_set(err, ERR_INPUT, "%s is no file that git keeps here", full);
}

static enum commit_file_state state_of(unsigned flags)
{
	const unsigned staged = GIT_STATUS_INDEX_NEW | GIT_STATUS_INDEX_MODIFIED |
				GIT_STATUS_INDEX_DELETED | GIT_STATUS_INDEX_RENAMED |
				GIT_STATUS_INDEX_TYPECHANGE;

	if (flags & GIT_STATUS_CONFLICTED)
		return COMMIT_FILE_CONFLICT;
	if (flags & staged)
		return COMMIT_FILE_STAGED;
	if (flags & GIT_STATUS_IGNORED)
		return COMMIT_FILE_IGNORED;
	if (flags & ~(unsigned)GIT_STATUS_WT_NEW)
		return COMMIT_FILE_CHANGED;
	return COMMIT_FILE_CLEAN;
}

static int check_file(const struct commit_job *job, const char *path, struct err *err)
{
	unsigned flags = 0;
	int ignored = 0;
	int code = git_status_file(&flags, job->g->repo, path);

	if (code == 0)
		return commit_judge_file(job, path, state_of(flags), err);
	if (code == GIT_EAMBIGUOUS)
		return commit_judge_file(job, path, COMMIT_FILE_OTHER, err);
	if (code == GIT_ENOTFOUND)
		code = git_ignore_path_is_ignored(&ignored, job->g->repo, path);
	if (code < 0)
		return gitrepo_error(code, err, "status of %s", path);
	return commit_judge_file(
		job, path, ignored ? COMMIT_FILE_IGNORED : COMMIT_FILE_CLEAN, err);
}

int commit_check_files(const struct commit_job *job, struct err *err)
{
	for (size_t i = 0; i < job->paths.count; i++) {
		autofree char *full = path_join(job->top, job->paths.items[i]);
		if (path_is_dir(full))
			return commit_judge_file(
				job, job->paths.items[i], COMMIT_FILE_OTHER, err);
	}
	if (job->reason)
		return commit_git_check_files(job, err);
	for (size_t i = 0; i < job->paths.count; i++)
		if (check_file(job, job->paths.items[i], err) < 0)
			return -1;
	return 0;
}
