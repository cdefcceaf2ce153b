/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room that call libgit2 share.
 */
#ifndef HISTORY_GITREPO_INTERNAL_H
#define HISTORY_GITREPO_INTERNAL_H

#include <git2.h>

#include "history/gitrepo.h"

struct gitrepo {
	git_repository *repo;
	char *workdir; /* real path without a slash at the end; NULL for a bare repository */
};

/* Fills an error from libgit2's last one: "context: what it said". Returns -1. */
int gitrepo_error(int code, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Fills what is told about a commit. */
void git_commit_describe(git_commit *commit, struct git_commit_info *out);
/* Finds the tree of a directory ("" for the top) at a revision; NULL with err. */
git_tree *gitrepo_tree(struct gitrepo *g, const char *rev, const char *dir, struct err *err);
/* Reads a blob of at most GIT_FILE_MAX bytes; its size is checked before it is read. */
int gitrepo_blob(struct gitrepo *g, const git_oid *id, const char *path, struct strbuf *out,
	struct err *err);

/* Scope-bound cleanup of libgit2's objects. */
static inline void git_tree_cleanup(git_tree **t)
{
	git_tree_free(*t);
}

static inline void git_object_cleanup(git_object **o)
{
	git_object_free(*o);
}

static inline void git_entry_cleanup(git_tree_entry **e)
{
	git_tree_entry_free(*e);
}

static inline void git_blob_cleanup(git_blob **b)
{
	git_blob_free(*b);
}

#endif
