/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.json. Writers of all processes take turns by flock of PATH.lock; readers need no
 * lock, because the file is only ever replaced. The file is known by device, inode, size and
 * both times: while they are as they were, it is not read again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "daemons/registryd/store_file.h"
#include "daemons/registryd/store_private.h"

#define LOCK_SECONDS   30
#define LOCK_PAUSE_MAX 0.01 /* seconds between two tries */

struct json_store {
	struct entry_store store;
	char *path; /* behind all symbolic links: a link must not be replaced by a file */
	char *lock_path;
	int lock_fd; /* open all the time; locked while a batch is applied */
	struct stat known;
	bool swept;  /* what killed writers left is gone */
	bool broken; /* what is known of it is that it cannot be understood */
	struct err why;
	struct registry_frame frame;
	struct strbuf text; /* kept, for its memory */
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* Reads the file and what it is known by. */
static int read_text(struct json_store *s, struct stat *st, struct err *err)
{
	autofd int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open %s", s->path);
	if (fstat(fd, st) < 0)
		return err_sys(err, "cannot stat %s", s->path);
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_INPUT, "%s is no file", s->path);
	if (st->st_size > (off_t)REGISTRY_FILE_MAX)
		return err_set(err, ERR_LIMIT, "%s is larger than %u bytes", s->path,
			REGISTRY_FILE_MAX);
	strbuf_clear(&s->text);
	strbuf_reserve(&s->text, (size_t)st->st_size);
	ssize_t n = fd_read_full(fd, s->text.data, (size_t)st->st_size);
	if (n < 0)
		return err_sys(err, "cannot read %s", s->path);
	s->text.len = (size_t)n;
	s->text.data[n] = '\0';
	return 0;
}

/* Reads the file if it is not the one that is known. A broken one is told of again. */
static int refresh(struct entry_store *store, bool sure, struct err *err)
{
	struct json_store *s = (struct json_store *)store;
	struct stat st;

	(void)sure;
	if (stat(s->path, &st) < 0)
		return err_sys(err, "cannot read the registry %s", s->path);
	if (is_same(&st, &s->known))
		return s->broken ? err_set(err, s->why.code, "%s", s->why.text) : 0;
	if (read_text(s, &st, err) < 0)
		return -1;
	err_clear(&s->why);
	struct entry_list *list =
		registry_file_read(s->text.data, s->text.len, s->path, &s->frame, &s->why);
	s->known = st;
	s->broken = !list;
	if (!list)
		return err_set(err, s->why.code, "%s", s->why.text);
	entry_store_publish(store, list);
	return 0;
}

/* True if the lock's file is still the one under its name. */
static bool lock_is_in_place(const struct json_store *s)
{
	struct stat ours, there;

	return fstat(s->lock_fd, &ours) == 0 && stat(s->lock_path, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static int open_lock(struct json_store *s, struct err *err)
{
	if (s->lock_fd >= 0 && lock_is_in_place(s))
		return 0;
	fd_close(&s->lock_fd);
	s->lock_fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return s->lock_fd < 0 ? err_sys(err, "cannot open the lock %s", s->lock_path) : 0;
}

static int take_lock(struct json_store *s, struct err *err)
{
	deadline until = deadline_in(LOCK_SECONDS);

	for (double pause = 0.0005;; pause = pause < LOCK_PAUSE_MAX ? pause * 2 : pause) {
		if (open_lock(s, err) < 0)
			return -1;
		if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0) {
			if (lock_is_in_place(s))
				return 0;
			continue; /* another file has its name by now */
		}
		if (errno != EWOULDBLOCK)
			return err_sys(err, "cannot lock %s", s->lock_path);
		if (deadline_passed(until))
			return err_set(err, ERR_BUSY,
				"somebody has held %s for %d seconds; try again when they are "
				"done",
				s->lock_path, LOCK_SECONDS);
		wait_until(deadline_in(pause), NULL, NULL);
	}
}

static void give_lock_back(struct entry_store *store)
{
	flock(((struct json_store *)store)->lock_fd, LOCK_UN);
}

/*
 * Removes the temporary files of writers that were killed. With the lock held no other writer
 * has one; that somebody else gives files such names, in this directory, is not to be expected.
 */
static void sweep(struct json_store *s)
{
	autofree char *dir = path_dirname(s->path);
	autofree char *prefix = xasprintf(".%s.", path_basename(s->path));
	size_t length = strlen(prefix) + strlen("XXXXXX");
	DIR *entries = s->swept ? NULL : opendir(dir);

	s->swept = true;
	if (!entries)
		return;
	for (struct dirent *e; (e = readdir(entries));)
		if (str_starts(e->d_name, prefix) && strlen(e->d_name) == length)
			(void)unlinkat(dirfd(entries), e->d_name, 0);
	closedir(entries);
}

static int begin(struct entry_store *store, struct err *err)
{
	if (take_lock((struct json_store *)store, err) < 0)
		return -1;
	sweep((struct json_store *)store);
	if (refresh(store, true, err) == 0)
		return 0;
	give_lock_back(store);
	return -1;
}

static int commit(struct entry_store *store, const struct entry_list *next,
	const struct entry_edits *edits, struct err *err)
{
	struct json_store *s = (struct json_store *)store;

	(void)edits;
	strbuf_clear(&s->text);
	int rc = registry_file_write(next, &s->frame, &s->text, err);
	if (rc == 0)
		rc = file_replace_known(
			s->path, s->text.data, s->text.len, 0644, &s->known, err);
	if (rc < 0) /* it may be there nevertheless, and not durable: it is read again */
		s->known = (struct stat){0};
	give_lock_back(store);
	return rc;
}

static void free_store(struct entry_store *store)
{
	struct json_store *s = (struct json_store *)store;

	fd_close(&s->lock_fd);
	registry_frame_release(&s->frame);
	strbuf_release(&s->text);
	free(s->path);
	free(s->lock_path);
	free(s);
}

/* The path without links, of a file that need not exist in a directory that is made. */
static char *find_path(const char *path, struct err *err)
{
	char *real = realpath(path, NULL);
	autofree char *dir = path_dirname(path);

	if (real)
		return real;
	if (errno != ENOENT || path_mkdirs(dir, 0755, err) < 0) {
		err_sys(err, "cannot open the registry %s", path);
		return NULL;
	}
	autofree char *real_dir = realpath(dir, NULL);
	if (!real_dir) {
		err_sys(err, "cannot open the directory %s", dir);
		return NULL;
	}
	return path_join(real_dir, path_basename(path));
}

/* Makes an empty registry where there is none: one of those that want to. */
static int ensure_file(struct json_store *s, struct err *err)
{
	int rc = 0;

	if (path_exists(s->path))
		return 0;
	if (take_lock(s, err) < 0)
		return -1;
	if (!path_exists(s->path))
		rc = file_replace(
			s->path, REGISTRY_FILE_EMPTY, strlen(REGISTRY_FILE_EMPTY), 0644, err);
	give_lock_back(&s->store);
	return rc;
}

static struct entry_store *open_store(const char *path, struct err *err)
{
	char *real = *path ? find_path(path, err) : NULL;

	if (!*path)
		err_set(err, ERR_INPUT, "json: has no path; write json:PATH");
	if (!real)
		return NULL;
	struct json_store *s = xcalloc(1, sizeof(*s));
	entry_store_init(&s->store, &entry_store_json, xasprintf("json:%s", path));
	s->path = real;
	s->lock_path = xasprintf("%s.lock", real);
	s->lock_fd = -1;
	strbuf_init(&s->text);
	if (ensure_file(s, err) < 0 || refresh(&s->store, true, err) < 0) {
		entry_store_free(&s->store);
		return NULL;
	}
	return &s->store;
}

const struct entry_store_ops entry_store_json = {
	.prefix = "json:",
	.in_file = true,
	.open = open_store,
	.refresh = refresh,
	.begin = begin,
	.commit = commit,
	.abandon = give_lock_back,
	.free = free_store,
};
