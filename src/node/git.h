/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `git`: the node's git program is asked and told, in one call of ours.
 */
#ifndef NODE_GIT_H
#define NODE_GIT_H

#include "node/module.h"

/* What a version is in the repository that is cloned. */
enum git_kind { GIT_HEAD, GIT_BRANCH, GIT_TAG, GIT_COMMIT };

struct git_task {
	struct node_call *call;
	const char *program, *dest, *repo, *version, *remote, *refspec;
	const char *separate; /* where the repository lies apart from its files; or NULL */
	const char *archive;  /* a file that is made of the version; or NULL */
	const char *depth;    /* as a word; NULL: all of the history */
	bool bare, force, recursive, track_submodules;
	const char *const *env;
	const char *before, *after; /* commits; NULL: none */
	bool resolved;              /* kind and wanted are known */
	enum git_kind kind;
	const char *wanted;       /* the commit of the version over there */
	struct call_program said; /* what the last command printed */
};

/* Runs git in the destination (or where cwd says) with words, ended by NULL: its status, or -1
 * with err. What it printed is in the task until the next command. */
int git_try(struct git_task *g, const char *cwd, struct err *err, ...)
	__attribute__((sentinel));
/* The same with words of a list. */
int git_try_words(
	struct git_task *g, const char *cwd, const struct strlist *words, struct err *err);
/* An error of what the last command said; always -1. */
int git_failed(struct git_task *g, const char *what, struct err *err);
/* The first line that the last command printed, in the call's arena. */
const char *git_line(struct git_task *g);
/* The commit of a name in the destination; NULL where there is none. */
const char *git_commit(struct git_task *g, const char *name, struct err *err);
/* Asks `remote` (a name or a URL) what the version is: fills in kind and wanted. */
int git_resolve(struct git_task *g, const char *remote, struct err *err);
/* The branch that HEAD means here or, where it is detached, over there; NULL with err. */
const char *git_head_branch(struct git_task *g, struct err *err);

/* Makes the repository. */
int git_clone(struct git_task *g, struct err *err);
/* Brings what is new. */
int git_fetch(struct git_task *g, struct err *err);
/* Checks the version out. */
int git_switch(struct git_task *g, struct err *err);
/* Makes the programs' umask the one that the task asks for. */
int git_umask(struct node_call *c, struct err *err);
/* Moves the repository to where it is asked for, if it lies elsewhere: 1 then, else 0. */
int git_separate(struct git_task *g, struct err *err);
/* Has the version's signature checked, where that is asked for. */
int git_verify(struct git_task *g, struct err *err);
/* Writes the archive that is asked for: 1 when it is another than before, else 0. */
int git_archive(struct git_task *g, struct err *err);
/* Brings submodules to what the version says: 1 if anything changed. */
int git_submodules(struct git_task *g, struct err *err);

#endif
