/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Committing with libgit2, in git's own order, so that neither another git nor a crash sees
 * anything in between: index.lock is made and holds the new index, the commit is written, the
 * branch is moved if it still is where it was, and index.lock becomes the index.
 *
 * The commit's tree is the branch's with our files changed; the index gets our files and keeps
 * whatever else is staged.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "history/commit_internal.h"

#define INDEX_MAX (1u << 30)

struct writer {
	const struct commit_job *job;
	git_repository *repo;
	char *index_path, *lock_path;
	bool locked;
	git_index *index; /* that of the lock */
	time_t index_time;
	git_reference *branch;
	git_commit *parent;
	git_tree *tree; /* the parent's */
	struct {
		git_tree_update *items;
		size_t count, cap;
	} updates;
	struct commit_people people;
	git_oid id;
};

static void writer_release(struct writer *w)
{
	git_index_free(w->index);
	if (w->locked)
		unlink(w->lock_path);
	free(w->index_path);
	free(w->lock_path);
	free(w->updates.items);
	git_tree_free(w->tree);
	git_commit_free(w->parent);
	git_reference_free(w->branch);
	commit_people_release(&w->people);
}

/* ---- the index ---- */

/* Makes index.lock, a copy of the index. */
static int lock_index(struct writer *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct stat st;
	autofd int fd = open(w->lock_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		return errno == EEXIST ? commit_locked(w->lock_path, err)
				       : err_sys(err, "make %s", w->lock_path);
	w->locked = true;
	if (stat(w->index_path, &st) < 0)
		return err_sys(err, "%s", w->index_path);
	w->index_time = st.st_mtime;
	if (file_read(w->index_path, INDEX_MAX, &text, err) < 0)
		return -1;
	if (fd_write_all(fd, text.data, text.len) < 0)
		return err_sys(err, "write %s", w->lock_path);
	int code = git_index_open(&w->index, w->lock_path);
	return code < 0 ? gitrepo_error(code, err, "read %s", w->index_path) : 0;
}

/*
 * An entry written in the same second as the index may have changed since without showing it in
 * its times. git compares such content anew, as long as the index is not younger; ours is, so
 * the entries get the size 0, which always means "compare".
 */
static void mark_racy(struct writer *w)
{
	size_t count = git_index_entrycount(w->index);

	for (size_t i = 0; i < count; i++) {
		git_index_entry copy = *git_index_get_byindex(w->index, i);
		if (copy.mtime.seconds < w->index_time || copy.file_size == 0)
			continue;
		autofree char *path = xstrdup(copy.path);
		copy.path = path;
		copy.file_size = 0;
		git_index_add(w->index, &copy);
	}
}

static void describe(git_index_entry *entry, const struct stat *st)
{
	entry->ctime.seconds = (int32_t)st->st_ctim.tv_sec;
	entry->ctime.nanoseconds = (uint32_t)st->st_ctim.tv_nsec;
	entry->mtime.seconds = (int32_t)st->st_mtim.tv_sec;
	entry->mtime.nanoseconds = (uint32_t)st->st_mtim.tv_nsec;
	entry->dev = (uint32_t)st->st_dev;
	entry->ino = (uint32_t)st->st_ino;
	entry->uid = st->st_uid;
	entry->gid = st->st_gid;
	entry->file_size = (uint32_t)st->st_size;
}

/* ---- one file ---- */

/* The mode that git gives a file: core.fileMode says whether the file's own counts. */
static git_filemode_t mode_of(struct writer *w, const char *path, const struct stat *st)
{
	git_tree_entry *before = NULL;
	git_config *config = NULL;
	int trusted = 1;
	bool executable = st->st_mode & S_IXUSR;

	if (git_repository_config_snapshot(&config, w->repo) == 0)
		git_config_get_bool(&trusted, config, "core.filemode");
	git_config_free(config);
	if (!trusted) {
		executable = git_tree_entry_bypath(&before, w->tree, path) == 0 &&
			     git_tree_entry_filemode(before) == GIT_FILEMODE_BLOB_EXECUTABLE;
		git_tree_entry_free(before);
	}
	return executable ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

/* A file that is gone: out of tree and index, where it is in them. */
static void drop_file(struct writer *w, const char *path)
{
	git_tree_entry *before = NULL;

	git_index_remove(w->index, path, 0);
	if (git_tree_entry_bypath(&before, w->tree, path) == 0)
		*VEC_PUSH(&w->updates) =
			(git_tree_update){.action = GIT_TREE_UPDATE_REMOVE, .path = path};
	git_tree_entry_free(before);
}

static int take_file(struct writer *w, const char *path, struct err *err)
{
	autofree char *full = path_join(w->job->top, path);
	git_index_entry entry = {.path = path};
	struct stat st;

	if (lstat(full, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return err_sys(err, "%s", full);
		drop_file(w, path);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return commit_judge_file(w->job, path, COMMIT_FILE_OTHER, err);
	int code = git_blob_create_from_workdir(&entry.id, w->repo, path);
	if (code < 0)
		return gitrepo_error(code, err, "%s", full);
	describe(&entry, &st);
	git_filemode_t mode = mode_of(w, path, &st);
	entry.mode = mode;
	code = git_index_add(w->index, &entry);
	if (code < 0)
		return gitrepo_error(code, err, "%s", full);
	*VEC_PUSH(&w->updates) = (git_tree_update){.action = GIT_TREE_UPDATE_UPSERT,
		.id = entry.id,
		.filemode = mode,
		.path = path};
	return 0;
}

/* ---- the commit ---- */

static int open_branch(struct writer *w, struct err *err)
{
	int code = git_repository_head(&w->branch, w->repo);

	if (code == 0)
		code = git_commit_lookup(&w->parent, w->repo, git_reference_target(w->branch));
	if (code == 0)
		code = git_commit_tree(&w->tree, w->parent);
	return code < 0 ? gitrepo_error(code, err, "%s: read the branch", w->job->top) : 0;
}

/* Writes tree and commit; nothing names them yet. */
static int write_commit(struct writer *w, const char *message, struct err *err)
{
	AUTO(git_tree_cleanup) git_tree *tree = NULL;
	git_buf text = GIT_BUF_INIT;
	const git_commit *parents[] = {w->parent};
	git_oid id;

	int code = git_tree_create_updated(
		&id, w->repo, w->tree, w->updates.count, w->updates.items);
	if (code == 0 && git_oid_equal(&id, git_tree_id(w->tree)))
		return err_set(err, ERR_EXISTS,
			"%s: nothing to commit, the files are as the "
			"branch has them",
			w->job->top);
	if (code == 0)
		code = git_tree_lookup(&tree, w->repo, &id);
	if (code == 0)
		code = git_message_prettify(&text, message, 0, '#');
	if (code == 0)
		code = git_commit_create(&w->id, w->repo, NULL, w->people.author,
			w->people.committer, NULL, text.ptr, tree, 1, parents);
	git_buf_dispose(&text);
	return code < 0 ? gitrepo_error(code, err, "%s: write the commit", w->job->top) : 0;
}

/* Moves the branch from one commit to another, unless somebody else has moved it. */
static int move_branch(struct writer *w, const git_oid *from, const git_oid *to,
	const char *what, struct err *err)
{
	git_reference *moved = NULL;
	const char *name = git_reference_name(w->branch);
	int code = git_reference_create_matching(&moved, w->repo, name, to, 1, from, what);

	git_reference_free(moved);
	if (code == GIT_EMODIFIED || code == GIT_ELOCKED)
		return err_set(err, ERR_BUSY,
			"%s: another git moves %s at this moment; nothing was committed; try "
			"again",
			w->job->top, name);
	return code < 0 ? gitrepo_error(code, err, "%s: move %s", w->job->top, name) : 0;
}

static int publish(struct writer *w, struct err *err)
{
	git_commit *commit = NULL;
	const git_oid *before = git_commit_id(w->parent);

	if (git_commit_lookup(&commit, w->repo, &w->id) < 0)
		return gitrepo_error(-1, err, "%s: read the commit", w->job->top);
	autofree char *what = xasprintf("commit: %s", git_commit_summary(commit));
	git_commit_free(commit);
	git_repository_set_ident(
		w->repo, w->people.committer->name, w->people.committer->email);
	if (move_branch(w, before, &w->id, what, err) < 0)
		return -1;
	if (rename(w->lock_path, w->index_path) == 0) {
		w->locked = false;
		return 0;
	}
	err_sys(err, "write %s", w->index_path);
	move_branch(w, &w->id, before, "commit: taken back", NULL);
	return -1;
}

static int commit(struct writer *w, const char *message, struct err *err)
{
	if (commit_people_find(w->job, &w->people) != 0)
		return commit_refuse_people(w->job->top, NULL, err);
	if (lock_index(w, err) < 0 || open_branch(w, err) < 0)
		return -1;
	mark_racy(w);
	for (size_t i = 0; i < w->job->paths.count; i++)
		if (take_file(w, w->job->paths.items[i], err) < 0)
			return -1;
	if (write_commit(w, message, err) < 0)
		return -1;
	int code = git_index_write(w->index);
	if (code < 0)
		return gitrepo_error(code, err, "write %s", w->index_path);
	return publish(w, err);
}

int commit_by_library(
	const struct commit_job *job, const char *message, char id[65], struct err *err)
{
	AUTO(writer_release)
	struct writer w = {
		.job = job,
		.repo = job->g->repo,
		.index_path = path_join(job->gitdir, "index"),
		.lock_path = path_join(job->gitdir, "index.lock"),
	};

	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (commit(&w, message, err) < 0)
		return -1;
	git_oid_tostr(id, 65, &w.id);
	return 0;
}
