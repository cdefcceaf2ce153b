/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing recorded paths back. The order of the records does not matter, since each says
 * what its path was before the transaction; what matters is that a directory is emptied
 * before it goes and is there before it is filled. So the records are sorted by path (a
 * directory sorts before what is in it) and worked in rounds:
 *
 *     0. what a helper that was killed has left half made beside the paths goes
 *     1. from the end: what stands where nothing or something else was goes
 *     2. from the beginning: directories, files, links are made
 *     3. from the end: owner, mode and times, of directories after all that is in them
 *
 * Every step looks first and can be done again. What stays because others have a part in it
 * (a directory that they filled, a path that they removed) is a note and no failure: a
 * transaction that has failed is in the way of every later run.
 */
#include "node/transaction_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change_name.h"
#include "node/root.h"

struct undo {
	int fd; /* the transaction's directory */
	const struct record **paths;
	bool *changed;
	bool *broken; /* failed in an earlier round */
	size_t count;
	struct undo_report *report;
};

static int by_path(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static bool is_path(const struct record *r)
{
	return r->kind < RECORD_SERVICE;
}

/* A path has two records when at first only its attributes were to change; both tell the
 * same attributes (see transaction.c). */
static void collect(struct undo *u, const struct records *records)
{
	u->paths = xcalloc(records->count + 1, sizeof(struct record *));
	for (size_t i = 0; i < records->count; i++) {
		if (is_path(&records->items[i]))
			u->paths[u->count++] = &records->items[i];
	}
	qsort(u->paths, u->count, sizeof(struct record *), by_path);
	u->changed = xcalloc(u->count + 1, sizeof(bool));
	u->broken = xcalloc(u->count + 1, sizeof(bool));
}

static mode_t kind_of(const struct record *r)
{
	return r->kind == RECORD_NONE ? 0 : r->st.st_mode & S_IFMT;
}

/* Round 1. 1 when something went, 0 when nothing stood in the way, -1 with err: ERR_BUSY for a
 * directory that was made, and is somebody else's by now. */
static int clear_path(const struct record *r, struct err *err)
{
	const char *name;
	struct stat now;
	autofd int parent = keep_parent(r->path, &name);

	/* Without its directory, or behind a link that was made since, it is not there. */
	if (parent < 0 || fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_sys(err, "look at %s", r->path);
	if (r->kind == RECORD_ATTRIBUTES || (now.st_mode & S_IFMT) == kind_of(r))
		return 0;
	if (unlinkat(parent, name, S_ISDIR(now.st_mode) ? AT_REMOVEDIR : 0) == 0)
		return 1;
	if (errno == EBUSY && r->kind == RECORD_NONE)
		return err_set(err, ERR_BUSY, "%s: something is mounted there", r->path);
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_set(err, r->kind == RECORD_NONE ? ERR_BUSY : ERR_EXISTS,
			"%s stays: it holds what this transaction did not put there", r->path);
	return err_sys(err, "remove %s", r->path);
}

static int make_link(
	const struct record *r, int parent, const char *name, bool *changed, struct err *err)
{
	static const char temporary[] = ".modelfleet-undo-link";
	char now[4096];
	ssize_t n = readlinkat(parent, name, now, sizeof(now) - 1);

	now[n > 0 ? n : 0] = '\0';
	if (n > 0 && strcmp(now, r->target) == 0)
		return 0;
	unlinkat(parent, temporary, 0); /* of an undo that was cut */
	if (symlinkat(r->target, parent, temporary) < 0 ||
		renameat(parent, temporary, parent, name) < 0)
		return err_sys(err, "put back the link %s", r->path);
	*changed = true;
	return 0;
}

/* Makes what has no content: a directory, a link, a device; 0 when it is there. */
static int make_empty(const struct record *r, bool *changed, struct err *err)
{
	const char *name;
	struct stat now;
	autofd int parent = keep_parent(r->path, &name);

	if (parent < 0)
		return err_sys(err, "open the directory of %s", r->path);
	if (r->kind == RECORD_LINK)
		return make_link(r, parent, name, changed, err);
	if (fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (S_ISSOCK(r->st.st_mode))
		return err_set(err, ERR_UNSUPPORTED,
			"%s was a socket: only its service can make it", r->path);
	int failed =
		r->kind == RECORD_DIRECTORY
			? mkdirat(parent, name, 0700)
			: mknodat(parent, name, r->st.st_mode & (S_IFMT | 0777), r->st.st_rdev);
	*changed = true;
	return failed ? err_sys(err, "make %s", r->path) : 0;
}

static void sync_parent(const char *path)
{
	const char *name;
	autofd int parent = keep_parent(path, &name);
	autofd int fd =
		parent < 0 ? -1 : openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
}

/* Makes the directory of a path again where somebody else removed it with all that was in it,
 * as a package manager does. Nobody has recorded who was allowed to look into it. */
static int make_parent(struct undo *u, const struct record *r, struct err *err)
{
	const char *name;
	autofd int parent = keep_parent(r->path, &name);

	if (parent >= 0 || errno != ENOENT)
		return 0;
	autofree char *directory = path_dirname(r->path);
	autofd int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || beneath_mkdirs(top, directory + 1, 0700) < 0)
		return err_sys(err, "make the directory of %s", r->path);
	strlist_addf(&u->report->notes,
		"owner and mode of %s, which was gone: it is made again for its owner alone",
		directory);
	for (char *slash; (slash = strrchr(directory, '/')); *slash = '\0')
		sync_parent(directory);
	return 0;
}

/* Round 2. */
static int make_path(struct undo *u, const struct record *r, bool *changed, struct err *err)
{
	if (r->kind == RECORD_NONE || r->kind == RECORD_ATTRIBUTES)
		return 0;
	if (make_parent(u, r, err) < 0)
		return -1;
	if (r->kind == RECORD_FILE)
		return keep_restore_file(u->fd, r, changed, err);
	return make_empty(r, changed, err);
}

static void note_failure(struct undo *u, size_t i, const struct err *err)
{
	u->broken[i] = true;
	strlist_add(&u->report->failed, err->text);
}

/* True for what lies below a directory. */
static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && path[n] == '/';
}

static void round_clear(struct undo *u)
{
	const char *stays = "";

	for (size_t i = u->count; i-- > 0;) {
		const char *path = u->paths[i]->path;
		struct err why = {0};
		int done = clear_path(u->paths[i], &why);
		u->changed[i] = done > 0;
		if (done < 0 && why.code != ERR_BUSY)
			note_failure(u, i, &why);
		if (done >= 0 || why.code != ERR_BUSY)
			continue;
		if (!is_below(stays, path))
			strlist_add(&u->report->notes, why.text);
		stays = path;
	}
}

static void round_make(struct undo *u)
{
	for (size_t i = 0; i < u->count; i++) {
		struct err why = {0};
		if (!u->broken[i] && make_path(u, u->paths[i], &u->changed[i], &why) < 0)
			note_failure(u, i, &why);
	}
}

static void dress(struct undo *u, size_t i)
{
	const struct record *r = u->paths[i];
	struct err why = {0};

	if (keep_restore_attributes(r, &u->changed[i], &why) == 0)
		return;
	if (r->kind == RECORD_ATTRIBUTES && why.code == ERR_NOTFOUND)
		strlist_addf(&u->report->notes, "owner and mode of %s, which is gone", r->path);
	else
		note_failure(u, i, &why);
}

static void round_dress(struct undo *u)
{
	for (size_t i = u->count; i-- > 0;) {
		if (!u->broken[i] && u->paths[i]->kind != RECORD_NONE)
			dress(u, i);
		if (u->changed[i])
			sync_parent(u->paths[i]->path);
	}
}

static void tell(struct undo *u)
{
	for (size_t i = 0; i < u->count; i++) {
		bool again = i > 0 && strcmp(u->paths[i]->path, u->paths[i - 1]->path) == 0;
		if (u->changed[i] && !u->broken[i] && !(again && u->changed[i - 1]))
			strlist_add(&u->report->undone, u->paths[i]->path);
	}
}

/* True for what is in the making by a helper that has ended. Those that live end with the
 * right name, or remove it themselves. */
static bool is_half_made(const char *name)
{
	char digits[16];
	int64_t pid;

	if (!str_starts(name, CHANGE_MAKING))
		return false;
	name += strlen(CHANGE_MAKING);
	size_t n = strspn(name, "0123456789");
	if (n == 0 || n >= sizeof(digits) || name[n] != '-')
		return false;
	memcpy(digits, name, n);
	digits[n] = '\0';
	return parse_int(digits, 1, INT32_MAX, &pid) && kill((pid_t)pid, 0) < 0 &&
	       errno == ESRCH;
}

/* Removes what was half made beside a path. */
static void sweep(const char *path)
{
	const char *name;
	struct stat st;
	autofd int parent = keep_parent(path, &name);
	autofd int fd =
		parent < 0 ? -1 : openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return;
	fd = -1;
	for (struct dirent *e; (e = readdir(dir));) {
		if (is_half_made(e->d_name) &&
			fstatat(parent, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_uid == getuid())
			unlinkat(parent, e->d_name, 0);
	}
	closedir(dir);
}

/* Two paths of one directory, which stand beside each other when they are sorted. */
static bool same_parent(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, '/') - a);

	return strncmp(a, b, n + 1) == 0 && !strchr(b + n + 1, '/');
}

static void round_sweep(const struct undo *u)
{
	for (size_t i = 0; i < u->count; i++) {
		if (i == 0 || !same_parent(u->paths[i]->path, u->paths[i - 1]->path))
			sweep(u->paths[i]->path);
	}
}

void undo_paths(int fd, const struct records *records, struct undo_report *report)
{
	struct undo u = {.fd = fd, .report = report};

	collect(&u, records);
	round_sweep(&u);
	round_clear(&u);
	round_make(&u);
	round_dress(&u);
	tell(&u);
	free(u.paths);
	free(u.changed);
	free(u.broken);
}
