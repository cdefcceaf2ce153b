/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "crypto/digest.h"

#define INDEX       "index.json"
#define STAGING_AGE (24 * 3600) /* seconds after which a cut download is given up */
#define ROOM_SPARE  (16u << 20) /* bytes that stay free beside a file */

struct disk {
	pthread_mutex_t lock;
	struct disk_index index;
	uint64_t bytes_max;
	char *blobs, *staging, *index_path;
	int lock_fd;
};

/* ---- files ---- */

char *disk_path(const struct disk *d, const struct disk_version *v)
{
	return path_join(d->blobs, v->sha256);
}

char *disk_staging(
	const struct disk *d, const char *name, const char *version, const char *run_id)
{
	autofree char *key = xasprintf("%s\n%s\n%s", name, version, run_id);
	char hex[DIGEST_HEX_MAX];

	digest_hex(DIGEST_SHA256, key, strlen(key), hex, NULL);
	return path_join(d->staging, hex);
}

int disk_read(struct disk *d, const struct disk_version *v, struct err *err)
{
	autofree char *path = disk_path(d, v);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_sys(err, "open %s", path) : fd;
}

uint64_t disk_room(const struct disk *d)
{
	struct statvfs fs;

	if (statvfs(d->staging, &fs) < 0)
		return 0;
	uint64_t there = (uint64_t)fs.f_bavail * fs.f_frsize;
	return there > ROOM_SPARE ? there - ROOM_SPARE : 1;
}

static int write_index(const struct disk *d, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	disk_index_write(&d->index, &text);
	return file_replace(d->index_path, text.data, text.len, 0600, err);
}

/* ---- opening ---- */

/* Whether a start leaves a file of a directory where it is. */
typedef bool (*keeps)(const struct disk *d, int dir, const char *name);

static bool keeps_blob(const struct disk *d, int dir, const char *name)
{
	(void)dir;
	return disk_index_has(&d->index, name);
}

/* A download may go on; what was about to replace a file has a name with a dot in front. */
static bool keeps_staged(const struct disk *d, int dir, const char *name)
{
	struct stat st;

	(void)d;
	return name[0] != '.' && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mtim.tv_sec > time(NULL) - STAGING_AGE;
}

static bool keeps_own(const struct disk *d, int dir, const char *name)
{
	(void)d;
	(void)dir;
	return !str_starts(name, "." INDEX);
}

/* Removes from a directory what is not kept. */
static void sweep(const struct disk *d, const char *path, keeps kept)
{
	DIR *dir = opendir(path);

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			!kept(d, dirfd(dir), e->d_name))
			path_remove_at(dirfd(dir), e->d_name, NULL, NULL);
	}
	if (dir)
		closedir(dir);
}

/* Forgets versions whose file is not there, or has another size. */
static void drop_missing(struct disk *d)
{
	for (size_t i = d->index.count; i-- > 0;) {
		struct disk_version *v = &d->index.items[i];
		autofree char *path = disk_path(d, v);
		struct stat st;
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
			(uint64_t)st.st_size == v->size)
			continue;
		log_warning("%s version %s is not on the disk any more", v->name, v->version);
		disk_index_remove(&d->index, v);
	}
}

/* An index that cannot be read is as none: what it named is fetched again. */
static int read_index(struct disk *d, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};

	if (file_read(d->index_path, DISK_INDEX_MAX, &text, &why) < 0 && why.code != ERR_LIMIT)
		return why.code == ERR_NOTFOUND ? 0 : err_set(err, why.code, "%s", why.text);
	if (why.code == ERR_NONE && disk_index_read(&d->index, text.data, text.len, &why) == 0)
		return 0;
	log_warning(
		"%s is not used, and models are fetched again: %s", d->index_path, why.text);
	disk_index_release(&d->index);
	return 0;
}

static int lock_store(struct disk *d, const char *dir, struct err *err)
{
	autofree char *path = path_join(dir, "lock");

	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0)
		return err_sys(err, "open %s", path);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, "lock %s", path);
	return err_set(err, ERR_BUSY,
		"another model-cached works in %s: give this one its own state_dir", dir);
}

static int open_store(struct disk *d, const char *dir, struct err *err)
{
	if (path_mkdirs(dir, 0755, err) < 0 || path_mkdirs(d->blobs, 0700, err) < 0 ||
		path_mkdirs(d->staging, 0700, err) < 0 || lock_store(d, dir, err) < 0 ||
		read_index(d, err) < 0)
		return -1;
	drop_missing(d);
	sweep(d, dir, keeps_own);
	sweep(d, d->blobs, keeps_blob);
	sweep(d, d->staging, keeps_staged);
	return 0;
}

struct disk *disk_open(const char *dir, uint64_t bytes_max, struct err *err)
{
	struct disk *d = xcalloc(1, sizeof(*d));

	*d = (struct disk){.bytes_max = bytes_max,
		.blobs = path_join(dir, "blobs"),
		.staging = path_join(dir, "staging"),
		.index_path = path_join(dir, INDEX),
		.lock_fd = -1};
	pthread_mutex_init(&d->lock, NULL);
	if (open_store(d, dir, err) == 0)
		return d;
	disk_close(d);
	return NULL;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	disk_index_release(&d->index);
	free(d->blobs);
	free(d->staging);
	free(d->index_path);
	fd_close(&d->lock_fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- the bound ---- */

/* Takes a version out of the index; its content may go once the index is written. */
static void drop(struct disk *d, struct disk_version *v, struct strlist *contents)
{
	strlist_add(contents, v->sha256);
	disk_index_remove(&d->index, v);
}

/* Writes the index, and then removes those of the contents that no version has any more. */
static int commit(const struct disk *d, const struct strlist *contents, struct err *err)
{
	if (write_index(d, err) < 0)
		return -1;
	for (size_t i = 0; i < contents->count; i++) {
		autofree char *path = path_join(d->blobs, contents->items[i]);
		if (!disk_index_has(&d->index, contents->items[i]))
			unlink(path);
	}
	return 0;
}

/* Makes room below the bound; the last one stays, however large it is. */
static void trim(struct disk *d, struct strlist *contents)
{
	while (d->bytes_max && d->index.count > 1 &&
		(disk_index_bytes(&d->index) > d->bytes_max ||
			d->index.count > DISK_VERSIONS_MAX)) {
		struct disk_version *v = disk_index_oldest(&d->index);
		log_info("%s version %s leaves the disk, for room", v->name, v->version);
		drop(d, v, contents);
	}
}

void disk_set_limit(struct disk *d, uint64_t bytes_max)
{
	pthread_mutex_lock(&d->lock);
	d->bytes_max = bytes_max;
	pthread_mutex_unlock(&d->lock);
}

/* ---- versions ---- */

bool disk_find(struct disk *d, const char *name, const char *version, const char *run_id,
	struct disk_version *found)
{
	pthread_mutex_lock(&d->lock);
	const struct disk_version *v =
		version ? disk_index_find(&d->index, name, version, run_id)
			: disk_index_current(&d->index, name);
	if (v)
		disk_version_copy(found, v);
	pthread_mutex_unlock(&d->lock);
	return v != NULL;
}

bool disk_find_any(
	struct disk *d, const char *name, const char *version, struct disk_version *found)
{
	const struct disk_version *best = NULL;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->index.count; i++) {
		const struct disk_version *v = &d->index.items[i];
		if (strcmp(v->name, name) == 0 && strcmp(v->version, version) == 0 &&
			(!best || v->used > best->used))
			best = v;
	}
	if (best)
		disk_version_copy(found, best);
	pthread_mutex_unlock(&d->lock);
	return best != NULL;
}

/* Gives a file its final name; one with that content may be there already. */
static int move(
	const struct disk *d, const char *staged, const struct disk_version *v, struct err *err)
{
	autofree char *path = disk_path(d, v);

	if (rename(staged, path) < 0)
		return err_sys(err, "rename %s to %s", staged, path);
	return dir_sync(d->blobs, err);
}

/* Puts a version into the index; the content that it had before may go. */
static void put(struct disk *d, const struct disk_version *v, struct strlist *contents)
{
	struct disk_version *there = disk_index_find(&d->index, v->name, v->version, v->run_id);

	if (there)
		strlist_add(contents, there->sha256);
	disk_index_put(&d->index, v);
	there = disk_index_find(&d->index, v->name, v->version, v->run_id);
	there->used = time(NULL);
	if (v->current)
		disk_index_set_current(&d->index, there);
}

int disk_take(struct disk *d, const char *staged, const struct disk_version *v, struct err *err)
{
	AUTO(strlist_release) struct strlist contents = {0};

	pthread_mutex_lock(&d->lock);
	int rc = move(d, staged, v, err);
	if (rc == 0) {
		put(d, v, &contents);
		trim(d, &contents);
		rc = commit(d, &contents, err);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

int disk_use(struct disk *d, const char *name, const char *version, const char *run_id,
	struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&d->lock);
	struct disk_version *v = disk_index_find(&d->index, name, version, run_id);
	if (v) {
		v->used = time(NULL);
		disk_index_set_current(&d->index, v);
		rc = write_index(d, err);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

void disk_discard(struct disk *d, const char *sha256)
{
	AUTO(strlist_release) struct strlist contents = {0};
	struct err why = {0};

	pthread_mutex_lock(&d->lock);
	for (size_t i = d->index.count; i-- > 0;)
		if (strcmp(d->index.items[i].sha256, sha256) == 0)
			drop(d, &d->index.items[i], &contents);
	if (commit(d, &contents, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
	pthread_mutex_unlock(&d->lock);
}

void disk_count(struct disk *d, size_t *versions, uint64_t *bytes)
{
	pthread_mutex_lock(&d->lock);
	*versions = d->index.count;
	*bytes = disk_index_bytes(&d->index);
	pthread_mutex_unlock(&d->lock);
}
