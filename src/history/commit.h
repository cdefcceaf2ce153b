/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Committing a few files of a repository, whatever else is dirty or staged there.
 *
 * libgit2 commits in ordinary repositories. It runs no hooks and signs nothing, and refuses
 * some repositories; where a commit has hooks to run, asks for a signature, or is one that
 * libgit2 refuses, `git commit --only` does it, and where git is needed and not there, the
 * error says which of these needs it. Pushes go through `git push`.
 *
 * Author and committer come from the environment (GIT_AUTHOR_NAME ...) and git's configuration.
 */
#ifndef HISTORY_COMMIT_H
#define HISTORY_COMMIT_H

#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "history/gitrepo.h"

#define GIT_COMMIT_FILES_MAX 1000
#define GIT_LOG_COMMITS_MAX  200000 /* that are looked at for one history */

/*
 * Everything that would keep a commit of these files from succeeding, looked at before anything
 * is changed. Paths are absolute; a file may be absent or untracked (it is added then). Each
 * has its own error, with what to do: no repository, a bare one, detached head, merge (rebase,
 * cherry-pick, revert, bisect) in progress, unborn branch, index locked, conflicts, a file with
 * changes of its own (staged or not), ignored file, no author, git needed and absent.
 */
int git_commit_check(const struct strlist *paths, struct err *err);
/*
 * Commits these files, as they lie in the working tree, on the current branch: nothing else
 * enters the commit, and what else was staged stays so. When it fails, index and branch are as
 * before. id is the commit's, in hex. ERR_EXISTS when there is nothing to commit.
 */
int git_commit_files(const struct strlist *paths, const char *message, char id[65],
	const struct cancel *cancel, struct err *err);
/*
 * Pushes the current branch to its upstream. ERR_BUSY when the remote is ahead (says so, and
 * that nothing was lost); ERR_INPUT when the branch has no upstream.
 */
int git_push_branch(const char *path, const struct cancel *cancel, struct err *err);

/* One change of a file in the history, newest first. */
struct git_change {
	struct git_commit_info commit;
	char *path;   /* as it was named then, relative to the repository */
	char *before; /* as its first parent names it; NULL: it was not there */
};
struct git_changes {
	struct git_change *items;
	size_t count, cap;
};
/*
 * Appends the commits that changed a file or directory (named as the repository names it), as
 * `git log` has them: newest first, at most `max` of them; renames of a file are followed where
 * they are plain. ERR_LIMIT, with what was found so far, beyond GIT_LOG_COMMITS_MAX commits.
 */
int git_file_changes(struct gitrepo *g, const char *path, size_t max, struct git_changes *out,
	struct err *err);
/*
 * Appends the files below a directory that a commit changed against its first parent, relative
 * to the directory.
 */
int git_changed_files(struct gitrepo *g, const char *commit, const char *dir,
	struct strlist *out, struct err *err);
/* Frees all. */
void git_changes_release(struct git_changes *c);

#endif
