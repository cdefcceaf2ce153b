/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/swap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "daemons/sync_agent/config.h"

#define PIECE (1u << 20)

char *swap_staging(const char *models_dir, const char *file, struct err *err)
{
	autofree char *directory = path_join(models_dir, CONFIG_STAGING);
	autofree char *name = path_flat_name(file);

	if (path_mkdirs(directory, 0755, err) < 0)
		return NULL;
	return path_join(directory, name);
}

char *swap_kept(const char *models_dir, const char *kept)
{
	autofree char *directory = path_join(models_dir, CONFIG_FORMER);

	return path_join(directory, kept);
}

/* The directory that holds a path, synced. */
static int sync_parent(const char *path, struct err *err)
{
	autofree char *parent = path_dirname(path);

	return dir_sync(parent, err);
}

int swap_prepare(const char *models_dir, const char *staged, struct state *state,
	struct pending *p, struct arena *a, struct err *err)
{
	autofree char *path = path_join(models_dir, p->next.file);
	autofree char *flat = path_flat_name(p->next.file);
	struct stat st;

	if (stat(staged, &st) < 0)
		return err_sys(err, "stat %s", staged);
	p->inode = (uint64_t)st.st_ino;
	p->kept = NULL;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is no ordinary file: move it away", path);
	p->kept = arena_printf(a, "%06" PRIu64 "-%.200s", ++state->kept, flat);
	return 0;
}

/* A copy, for file systems that know no second name of a file. */
static int copy_file(const char *from, const char *to, struct err *err)
{
	autofd int in = open(from, O_RDONLY | O_CLOEXEC);
	autofd int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	if (in < 0 || out < 0)
		return err_sys(err, "copy %s to %s", from, to);
	while ((n = fd_copy_piece(in, out, PIECE)) > 0)
		;
	if (n < 0 || fsync(out) < 0) {
		err_sys(err, "copy %s to %s", from, to);
		unlink(to);
		return -1;
	}
	return 0;
}

int swap_link(const char *from, const char *to, struct err *err)
{
	autofree char *directory = path_dirname(to);

	if (path_mkdirs(directory, 0700, err) < 0)
		return -1;
	unlink(to);
	if (link(from, to) == 0)
		return dir_sync(directory, err);
	if (errno == EPERM || errno == ENOTSUP || errno == EMLINK || errno == EXDEV)
		return copy_file(from, to, err) < 0 ? -1 : dir_sync(directory, err);
	return err_sys(err, "link %s to %s", from, to);
}

int swap_install(
	const char *models_dir, const char *staged, const struct pending *p, struct err *err)
{
	autofree char *path = path_join(models_dir, p->next.file);
	autofree char *parent = path_dirname(path);
	autofree char *kept = p->kept ? swap_kept(models_dir, p->kept) : NULL;

	if (path_mkdirs(parent, 0755, err) < 0 || (kept && swap_link(path, kept, err) < 0))
		return -1;
	if (rename(staged, path) < 0)
		return err_sys(err, "rename %s to %s", staged, path);
	return dir_sync(parent, err);
}

bool swap_is_done(const char *models_dir, const struct pending *p)
{
	autofree char *path = path_join(models_dir, p->next.file);
	struct stat st;

	return lstat(path, &st) == 0 && (uint64_t)st.st_ino == p->inode;
}

int swap_revert(const char *models_dir, const struct pending *p, struct err *err)
{
	autofree char *path = path_join(models_dir, p->next.file);
	autofree char *kept = p->kept ? swap_kept(models_dir, p->kept) : NULL;

	if (!swap_is_done(models_dir, p)) {
		if (kept)
			unlink(kept);
		return 0;
	}
	if (kept && rename(kept, path) < 0)
		return err_sys(err, "rename %s to %s", kept, path);
	if (!kept && unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "remove %s", path);
	return sync_parent(path, err);
}

/* Whether the state knows a name in .former/. */
static bool is_kept(const struct state *s, const char *name)
{
	for (size_t i = 0; i < s->former.count; i++)
		if (strcmp(s->former.items[i].kept, name) == 0)
			return true;
	for (size_t i = 0; i < s->pending.count; i++)
		if (s->pending.items[i].kept && strcmp(s->pending.items[i].kept, name) == 0)
			return true;
	return false;
}

void swap_sweep(const char *models_dir, const struct state *state)
{
	autofree char *directory = path_join(models_dir, CONFIG_FORMER);
	DIR *d = opendir(directory);

	for (struct dirent *e; d && (e = readdir(d));)
		if (path_is_component(e->d_name) && !is_kept(state, e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}
