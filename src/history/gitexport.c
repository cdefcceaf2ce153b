/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and writes out trees. Names come from the repository and are not trusted: a path that
 * could leave the destination is refused, files are made anew (O_EXCL, no link followed), and
 * symbolic links are made last, so that nothing is ever written through one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "history/gitrepo_internal.h"

/* One file or link of a tree. */
struct tree_file {
	char *path;
	git_oid id;
	git_filemode_t mode;
};

struct tree_files {
	struct tree_file *items;
	size_t count, cap;
	const char *dir; /* for messages */
	struct err *err;
};

static void tree_files_release(struct tree_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].path);
	free(f->items);
}

/* Called by libgit2 for each entry; a negative result ends the walk. */
static int collect(const char *root, const git_tree_entry *entry, void *arg)
{
	struct tree_files *files = arg;
	autofree char *path = xasprintf("%s%s", root, git_tree_entry_name(entry));

	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
		return 0;
	if (!path_is_contained(path))
		return err_set(files->err, ERR_INPUT,
			"%s: the repository holds the path \"%s\", expected one that stays "
			"below its directory",
			files->dir, path);
	if (files->count >= GIT_EXPORT_MAX)
		return err_set(files->err, ERR_LIMIT, "%s: more than %d files", files->dir,
			GIT_EXPORT_MAX);
	*VEC_PUSH(files) = (struct tree_file){
		.path = STEAL(path),
		.id = *git_tree_entry_id(entry),
		.mode = git_tree_entry_filemode(entry),
	};
	return 0;
}

static int collect_tree(struct gitrepo *g, const char *rev, const char *dir,
	struct tree_files *files, struct err *err)
{
	struct err own = {0};
	AUTO(git_tree_cleanup) git_tree *tree = gitrepo_tree(g, rev, dir, err);

	if (!tree)
		return -1;
	files->dir = *dir ? dir : ".";
	files->err = &own;
	int code = git_tree_walk(tree, GIT_TREEWALK_PRE, collect, files);
	if (code == 0)
		return 0;
	if (own.code == ERR_NONE)
		return gitrepo_error(code, err, "%s at revision \"%s\"", files->dir, rev);
	if (err)
		*err = own;
	return -1;
}

int gitrepo_list(struct gitrepo *g, const char *rev, const char *dir, struct strlist *out,
	struct err *err)
{
	AUTO(tree_files_release) struct tree_files files = {0};
	AUTO(strlist_release) struct strlist paths = {0};

	if (collect_tree(g, rev, dir, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.count; i++)
		strlist_add(&paths, files.items[i].path);
	strlist_sort(&paths);
	for (size_t i = 0; i < paths.count; i++)
		strlist_add(out, paths.items[i]);
	return 0;
}

static int write_file(
	const char *path, const struct strbuf *content, mode_t mode, struct err *err)
{
	autofree char *dir = path_dirname(path);

	if (path_mkdirs(dir, 0700, err) < 0)
		return -1;
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 || fd_write_all(fd, content->data, content->len) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

/* True if a link at path (relative to the top) to target names something below the top. */
static bool link_stays(const char *path, const char *target)
{
	AUTO(strlist_release) struct strlist parts = {0};
	long depth = 0;

	if (target[0] == '/' || !*target)
		return false;
	for (const char *p = path; (p = strchr(p, '/')); p++)
		depth++;
	strlist_split(&parts, target, "/");
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], "..") == 0)
			depth--;
		else if (strcmp(parts.items[i], ".") != 0)
			depth++;
		if (depth < 0)
			return false;
	}
	return true;
}

static int write_link(
	const struct tree_file *f, const char *path, const char *target, struct err *err)
{
	autofree char *dir = path_dirname(path);

	if (!link_stays(f->path, target))
		return err_set(err, ERR_UNSUPPORTED,
			"%s is a symbolic link to \"%s\", which lies outside: its former "
			"content is not "
			"known",
			f->path, target);
	if (path_mkdirs(dir, 0700, err) < 0)
		return -1;
	if (symlink(target, path) < 0)
		return err_sys(err, "link %s", path);
	return 0;
}

/* Writes all files, or all links. */
static int write_kind(struct gitrepo *g, const struct tree_files *files, bool links,
	const char *dest, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	size_t total = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct tree_file *f = &files->items[i];
		if ((f->mode == GIT_FILEMODE_LINK) != links)
			continue;
		autofree char *path = path_join(dest, f->path);
		strbuf_clear(&content);
		if (gitrepo_blob(g, &f->id, f->path, &content, err) < 0)
			return -1;
		total += content.len;
		if (total > GIT_EXPORT_SIZE)
			return err_set(err, ERR_LIMIT, "%s: more than %u bytes", files->dir,
				GIT_EXPORT_SIZE);
		mode_t mode = f->mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0700 : 0600;
		int result = links ? write_link(f, path, content.data, err)
				   : write_file(path, &content, mode, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

int gitrepo_export(
	struct gitrepo *g, const char *rev, const char *dir, const char *dest, struct err *err)
{
	AUTO(tree_files_release) struct tree_files files = {0};

	if (collect_tree(g, rev, dir, &files, err) < 0)
		return -1;
	if (write_kind(g, &files, false, dest, err) < 0)
		return -1;
	return write_kind(g, &files, true, dest, err);
}
