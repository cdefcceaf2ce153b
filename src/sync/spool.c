/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: one mutex guards the table and every item's counters. An item's file is
 * only appended to by its writer and only read (pread) by others up to `written`, so the bytes
 * themselves need no lock. `changed` wakes all waiting readers; they wake up by themselves
 * every WAIT_STEP_MS as well, to look at their cancel token.
 */
#include "sync/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strmap.h"
#include "base/vec.h"

#define WAIT_STEP_MS      100
#define TEMPORARY_MAX_AGE 86400 /* seconds after which a killed run's leavings go */

enum item_state { ITEM_WRITING, ITEM_WHOLE, ITEM_FAILED };

struct spool_item {
	struct spool *spool;
	char *key;
	char *temporary; /* its name while it is written; NULL for an unnamed file */
	enum item_state state;
	unsigned users;
	bool kept; /* whole, under its name in the directory: can be opened again */
	int fd; /* -1 while nobody uses a kept or failed item, and where no file could be made
		 */
	uint64_t written;
	struct err why; /* ITEM_FAILED */
};

struct spool {
	char *dir; /* NULL: unnamed files only */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct strmap items;
};

struct spooled_file {
	char *name;
	uint64_t size;
	time_t used;
};

struct spooled_files {
	struct spooled_file *items;
	size_t count;
	size_t cap;
	uint64_t bytes;
};

static int oldest_first(const void *a, const void *b)
{
	const struct spooled_file *x = a, *y = b;

	return (x->used > y->used) - (x->used < y->used);
}

static void list_files(DIR *dir, struct spooled_files *files)
{
	struct stat st;
	time_t now = time(NULL);

	for (struct dirent *entry; (entry = readdir(dir));) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		if (entry->d_name[0] == '.') {
			if (now - st.st_mtime > TEMPORARY_MAX_AGE)
				unlinkat(dirfd(dir), entry->d_name, 0);
			continue;
		}
		*VEC_PUSH(files) = (struct spooled_file){
			.name = xstrdup(entry->d_name),
			.size = (uint64_t)st.st_size,
			.used = st.st_mtime,
		};
		files->bytes += (uint64_t)st.st_size;
	}
}

/* Removes the least recently used files until the rest is below the limit. */
static void prune(const char *path, uint64_t limit)
{
	struct spooled_files files = {0};
	DIR *dir = opendir(path);

	if (!dir)
		return;
	list_files(dir, &files);
	if (files.count)
		qsort(files.items, files.count, sizeof(*files.items), oldest_first);
	for (size_t i = 0; i < files.count; i++) {
		if (files.bytes > limit && unlinkat(dirfd(dir), files.items[i].name, 0) == 0)
			files.bytes -= files.items[i].size;
		free(files.items[i].name);
	}
	free(files.items);
	closedir(dir);
}

struct spool *spool_open(const char *dir, struct err *err)
{
	struct spool *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (dir) {
		s->dir = xstrdup(dir);
	} else {
		autofree char *cache = path_user_dir("cache");
		s->dir = path_join(cache, "spool");
	}
	struct err ignored = {0};
	if (path_mkdirs(s->dir, 0700, &ignored) < 0 || access(s->dir, W_OK) < 0) {
		if (dir) {
			err_set(err, ERR_DENIED, "%s: cannot be written", dir);
			spool_close(s);
			return NULL;
		}
		free(STEAL(s->dir));
	}
	if (s->dir)
		prune(s->dir, SPOOL_LIMIT);
	return s;
}

static void item_free(void *value)
{
	struct spool_item *item = value;

	fd_close(&item->fd);
	free(item->key);
	free(item->temporary);
	free(item);
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	strmap_release(&s->items, item_free);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

/* Opens a whole item that an earlier run left; marks it as used now. */
static bool open_kept(struct spool *s, struct spool_item *item)
{
	struct stat st;

	if (!s->dir)
		return false;
	autofree char *path = path_join(s->dir, item->key);
	item->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (item->fd < 0)
		return false;
	if (fstat(item->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fd_close(&item->fd);
		return false;
	}
	item->written = (uint64_t)st.st_size;
	item->state = ITEM_WHOLE;
	item->kept = true;
	utimensat(AT_FDCWD, path, NULL, 0);
	return true;
}

static void create_file(struct spool *s, struct spool_item *item)
{
	item->state = ITEM_WRITING;
	item->written = 0;
	item->kept = false;
	if (s->dir) {
		item->temporary = xasprintf("%s/.%s.XXXXXX", s->dir, item->key);
		item->fd = mkostemp(item->temporary, O_CLOEXEC);
		if (item->fd >= 0)
			return;
		free(STEAL(item->temporary));
	}
	const char *tmp = getenv("TMPDIR");
	item->fd = open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

enum spool_role spool_get(struct spool *s, const char *key, struct spool_item **out)
{
	enum spool_role role = SPOOL_READ;

	pthread_mutex_lock(&s->lock);
	struct spool_item *item = strmap_get(&s->items, key);
	bool closed = item && item->state == ITEM_WHOLE && item->fd < 0;
	if (!item) {
		item = xcalloc(1, sizeof(*item));
		item->spool = s;
		item->key = xstrdup(key);
		item->fd = -1;
		strmap_set(&s->items, key, item);
		closed = true;
	}
	if (closed && !open_kept(s, item)) {
		create_file(s, item);
		role = SPOOL_WRITE;
	}
	item->users++;
	pthread_mutex_unlock(&s->lock);
	*out = item;
	return role;
}

static void advance(struct spool_item *item, uint64_t by, enum item_state state)
{
	pthread_mutex_lock(&item->spool->lock);
	item->written += by;
	item->state = state;
	pthread_cond_broadcast(&item->spool->changed);
	pthread_mutex_unlock(&item->spool->lock);
}

int spool_write(struct spool_item *item, const void *data, size_t n, struct err *err)
{
	if (item->fd < 0)
		return err_set(err, ERR_NOSPACE,
			"no place for temporary files: neither the cache directory nor "
			"$TMPDIR can be written");
	if (fd_write_all(item->fd, data, n) < 0)
		return err_sys(err, "cannot write to the cache directory");
	advance(item, n, ITEM_WRITING);
	return 0;
}

void spool_finish(struct spool_item *item)
{
	bool kept = false;

	if (item->temporary) {
		autofree char *path = path_join(item->spool->dir, item->key);
		kept = rename(item->temporary, path) == 0;
		if (!kept)
			unlink(item->temporary);
		free(STEAL(item->temporary));
	}
	pthread_mutex_lock(&item->spool->lock);
	item->kept = kept;
	pthread_mutex_unlock(&item->spool->lock);
	advance(item, 0, ITEM_WHOLE);
}

void spool_fail(struct spool_item *item, const struct err *why)
{
	if (item->temporary) {
		unlink(item->temporary);
		free(STEAL(item->temporary));
	}
	pthread_mutex_lock(&item->spool->lock);
	item->why = *why;
	pthread_mutex_unlock(&item->spool->lock);
	advance(item, 0, ITEM_FAILED);
}

/* Waits, lock held, for a change or a short while; -1 when cancelled. */
static int wait_step(struct spool *s, const struct cancel *cancel, struct err *err)
{
	struct timespec until;
	int64_t at = clock_ns() + (int64_t)WAIT_STEP_MS * 1000000;

	if (cancel_level(cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	until = (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
	return 0;
}

/*
 * Waits until the item has more than `offset` bytes or is whole. Gives the bytes it has; -1
 * with the writer's error or ERR_CANCELLED.
 */
static int64_t wait_beyond(
	struct spool_item *item, uint64_t offset, const struct cancel *cancel, struct err *err)
{
	struct spool *s = item->spool;
	int64_t result;

	pthread_mutex_lock(&s->lock);
	while (item->state == ITEM_WRITING && item->written <= offset) {
		if (wait_step(s, cancel, err) < 0) {
			pthread_mutex_unlock(&s->lock);
			return -1;
		}
	}
	if (item->state == ITEM_FAILED)
		result = err_set(err, item->why.code, "%s", item->why.text);
	else
		result = (int64_t)item->written;
	pthread_mutex_unlock(&s->lock);
	return result;
}

int64_t spool_wait(struct spool_item *item, const struct cancel *cancel, struct err *err)
{
	return wait_beyond(item, UINT64_MAX, cancel, err);
}

ssize_t spool_read(struct spool_item *item, void *buffer, size_t n, uint64_t offset,
	const struct cancel *cancel, struct err *err)
{
	int64_t have = wait_beyond(item, offset, cancel, err);

	if (have < 0)
		return -1;
	if ((uint64_t)have <= offset)
		return 0;
	if (n > (uint64_t)have - offset)
		n = (size_t)((uint64_t)have - offset);
	ssize_t got = fd_pread_full(item->fd, buffer, n, offset);
	if (got < 0)
		return err_sys(err, "cannot read from the cache directory");
	return got;
}

int spool_open_fd(struct spool_item *item, const struct cancel *cancel, struct err *err)
{
	if (spool_wait(item, cancel, err) < 0)
		return -1;
	int fd = fcntl(item->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(err, "cannot duplicate a descriptor") : fd;
}

void spool_discard(struct spool_item *item)
{
	if (item->spool->dir) {
		autofree char *path = path_join(item->spool->dir, item->key);
		unlink(path);
	}
}

void spool_release(struct spool_item *item)
{
	if (!item)
		return;
	pthread_mutex_lock(&item->spool->lock);
	item->users--;
	if (item->users == 0 && (item->kept || item->state == ITEM_FAILED))
		fd_close(&item->fd);
	pthread_mutex_unlock(&item->spool->lock);
}
