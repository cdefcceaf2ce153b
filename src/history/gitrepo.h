/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a git repository with libgit2: files and trees as they were at a revision. Nothing is
 * written, no hook runs, no filter is applied: content is what was committed.
 *
 * libgit2 refuses some repositories that git itself accepts (SHA-256 objects, some extensions);
 * the error then says so. Not thread-safe: one repository object belongs to one thread.
 */
#ifndef HISTORY_GITREPO_H
#define HISTORY_GITREPO_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"

#define GIT_FILE_MAX    (16u << 20) /* one file that is read */
#define GIT_EXPORT_MAX  20000       /* files of one export */
#define GIT_EXPORT_SIZE (256u << 20)

struct gitrepo;

/* A commit that a revision named. */
struct git_commit_info {
	char id[65];   /* hex */
	char *summary; /* first line of the message; owned */
	char *author;  /* name; owned */
	time_t time;
};

/*
 * Opens the repository that a file or directory lies in. ERR_NOTFOUND when it lies in none;
 * ERR_DENIED when it belongs to another user and git's safe.directory does not list it.
 */
struct gitrepo *gitrepo_open(const char *path, struct err *err);
/*
 * Keeps libgit2 loaded to the end of the process. Its shutdown ends libssh2 and takes parts of
 * OpenSSL along, so a process that opens links after it has closed a repository calls this
 * first.
 */
void gitrepo_keep_library(void);
/* Closes it; NULL is fine. */
void gitrepo_free(struct gitrepo *g);
/* The top of the working tree, absolute, without a slash at the end; NULL for a bare one. */
const char *gitrepo_workdir(const struct gitrepo *g);
/*
 * The path of a file or directory as the repository names it ("" for the top), in new memory.
 * ERR_INPUT when it lies outside. The file itself need not exist any more; its directory must.
 */
char *gitrepo_relative(const struct gitrepo *g, const char *path, struct err *err);
/* Finds the commit of a revision ("HEAD", "main~2", an id). ERR_NOTFOUND when there is none. */
int gitrepo_commit(
	struct gitrepo *g, const char *rev, struct git_commit_info *out, struct err *err);
/* Frees the strings. */
void git_commit_info_release(struct git_commit_info *c);
/* Reads a file as it was at a revision. ERR_NOTFOUND when it was not there. */
int gitrepo_read_file(struct gitrepo *g, const char *rev, const char *path, struct strbuf *out,
	struct err *err);
/* Appends the paths of all files below a directory at a revision, relative to it, sorted. */
int gitrepo_list(struct gitrepo *g, const char *rev, const char *dir, struct strlist *out,
	struct err *err);
/*
 * Writes a directory as it was at a revision into an empty directory `dest`: files with their
 * modes, symbolic links where they stay inside. Submodules are left out.
 */
int gitrepo_export(
	struct gitrepo *g, const char *rev, const char *dir, const char *dest, struct err *err);

#endif
