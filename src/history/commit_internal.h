/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that commit share; internal to the room.
 *
 * A commit is prepared as a job: the repository and the files in its terms. `reason` decides
 * who does the work: NULL means libgit2, else the git program, which then is there.
 */
#ifndef HISTORY_COMMIT_INTERNAL_H
#define HISTORY_COMMIT_INTERNAL_H

#include "base/spawn.h"
#include "history/commit.h"
#include "history/gitrepo_internal.h"

struct commit_job {
	struct gitrepo *g;    /* NULL when libgit2 refuses it */
	char *top;            /* of the working tree, absolute, links resolved */
	char *gitdir;         /* what belongs to this working tree: HEAD, index */
	char *common;         /* what all working trees share: refs, objects, hooks */
	struct strlist paths; /* relative to top */
	char *reason; /* why git has to do it: "the hook pre-commit"; NULL: it has not */
};

/* Finds the one repository of all files. ERR_NOTFOUND: there is none. */
int commit_open(struct commit_job *job, const struct strlist *paths, struct err *err);
/* Finds who has to do the work. ERR_UNSUPPORTED: git is needed and not there. */
int commit_choose(struct commit_job *job, struct err *err);
/* Frees all. */
void commit_job_release(struct commit_job *job);

/* Nothing is under way, HEAD is a branch with a commit, and nobody has the index locked. */
int commit_check_state(const struct commit_job *job, struct err *err);
/* The files have no changes of their own, and may be committed. */
int commit_check_files(const struct commit_job *job, struct err *err);
/* ERR_BUSY: a file of a lock is there; the error says how old it is. */
int commit_locked(const char *path, struct err *err);

/* What a file is to the repository, in either way of looking. */
enum commit_file_state {
	COMMIT_FILE_CLEAN,
	COMMIT_FILE_CHANGED,
	COMMIT_FILE_STAGED,
	COMMIT_FILE_CONFLICT,
	COMMIT_FILE_IGNORED,
	COMMIT_FILE_OTHER, /* a directory, or inside of a submodule */
};
/* 0 for a clean file, else the error that says what keeps it from being committed. */
int commit_judge_file(const struct commit_job *job, const char *path,
	enum commit_file_state state, struct err *err);

/* Why libgit2 is not to commit these files, in new memory; NULL: it may. */
char *commit_needs_git(const struct commit_job *job);

/* Who a commit is by. Released with commit_people_release. */
struct commit_people {
	git_signature *author, *committer;
};
/*
 * From the environment and the configuration: 0; 1 when only git can tell (an unusual date, a
 * name that it guesses).
 */
int commit_people_find(const struct commit_job *job, struct commit_people *out);
/* Frees both. */
void commit_people_release(struct commit_people *p);

/* Commits with libgit2. */
int commit_by_library(
	const struct commit_job *job, const char *message, char id[65], struct err *err);

/* True if the git program can be found. */
bool git_program_found(void);
/*
 * Runs git in a directory, without what the environment says about repositories, and never
 * asks a person. `args` ends with NULL. Returns its exit code, or -1 with err when it could not
 * be run to its end.
 */
struct git_call {
	const char *dir;
	const char *const *args;
	const struct strlist *paths; /* appended behind "--"; may be NULL */
	const char *input;           /* may be NULL */
	const char *const *env;      /* may be NULL */
	deadline until;              /* 0: none */
	const struct cancel *cancel;
};
int git_program_run(const struct git_call *call, struct spawn_result *result, struct err *err);
/* The last lines that git (or a hook) said, trimmed, for an error. */
void git_program_words(const struct spawn_result *result, struct strbuf *out);

/* The same as above, asked of the git program (commit_git.c). */
int commit_git_open(struct commit_job *job, const char *dir, struct err *err);
/* HEAD is a branch with a commit, and nothing is unmerged. */
int commit_git_check_head(const struct commit_job *job, struct err *err);
/* Each file, by git status. */
int commit_git_check_files(const struct commit_job *job, struct err *err);
/* git knows who commits. */
int commit_git_check_people(const char *dir, struct err *err);
/* Commits with `git commit --only`. */
int commit_by_git(const struct commit_job *job, const char *message, char id[65],
	const struct cancel *cancel, struct err *err);

/* The repository of `path` has no files. */
int commit_refuse_bare(const char *path, struct err *err);
/* HEAD is no branch; or it is one without a commit: the errors of both ways of looking. */
int commit_refuse_detached(const struct commit_job *job, struct err *err);
/* The branch has no commit yet. */
int commit_refuse_unborn(const struct commit_job *job, struct err *err);
/* It is not known who commits; `words` are git's own, NULL for none. */
int commit_refuse_people(const char *top, const char *words, struct err *err);
/* Files are unmerged. */
int commit_refuse_conflicts(const struct commit_job *job, struct err *err);

#endif
