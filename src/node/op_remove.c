/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that remove: VERSION_REMOVE, EXTRA_REMOVE, STAGING_REMOVE, TRASH_EMPTY.
 *
 * A version's order: its record goes (without it the version is only read again), then the
 * version by one rename into the trash, then both directories are synced, and only then the
 * first file is unlinked. A crash at any place leaves a version that is whole, or one in the
 * trash.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "node/record.h"
#include "node/request.h"
#include "node/session.h"
#include "node/stage.h"
#include "tree/usage.h"

/* An inode that a removed version shared with others by hard links. */
struct shared {
	uint64_t ino;
	int64_t ctime_s;
	uint32_t ctime_ns;
};

struct removal {
	struct root *root;
	struct {
		struct shared *items;
		size_t count, cap;
	} shared;
};

/* Remembers the inodes that will lose a name, with the ctime they have before. */
static void collect_shared(struct removal *r, const char *version, const struct record *rec)
{
	for (size_t i = 0; i < rec->manifest.count; i++) {
		const struct manifest_entry *m = &rec->manifest.entries[i];
		struct stat st;
		if (m->kind != MANIFEST_FILE || !(m->flags & MANIFEST_IMMUTABLE))
			continue;
		autofree char *path = xasprintf("%s/%s", version, m->path);
		if (beneath_stat(r->root->fd, path, &st) < 0 || st.st_nlink < 2 ||
			!record_holds(&rec->stats[i], &st))
			continue;
		*VEC_PUSH(&r->shared) = (struct shared){.ino = st.st_ino,
			.ctime_s = st.st_ctim.tv_sec,
			.ctime_ns = (uint32_t)st.st_ctim.tv_nsec};
	}
}

static bool was_shared(const struct removal *r, const struct record_stat *rs)
{
	for (size_t i = 0; i < r->shared.count; i++) {
		const struct shared *s = &r->shared.items[i];
		if (s->ino == rs->ino && s->ctime_s == rs->ctime_s &&
			s->ctime_ns == rs->ctime_ns)
			return true;
	}
	return false;
}

/* Our unlinking changed the ctime of a file that another version shares: note the new one. */
static int refresh(
	void *arg, const char *version, struct record *rec, bool *changed, struct err *err)
{
	const struct removal *r = arg;

	(void)err;
	for (size_t i = 0; i < rec->manifest.count; i++) {
		struct record_stat *rs = &rec->stats[i];
		struct stat st;
		if (rs->state != RECORD_GOOD || !was_shared(r, rs))
			continue;
		autofree char *path =
			xasprintf("%s/%s", version, rec->manifest.entries[i].path);
		if (beneath_stat(r->root->fd, path, &st) < 0 || st.st_ino != rs->ino ||
			st.st_mtim.tv_sec != rs->mtime_s ||
			st.st_mtim.tv_nsec != (long)rs->mtime_ns ||
			(uint64_t)st.st_size != rs->size)
			continue;
		rs->ctime_s = st.st_ctim.tv_sec;
		rs->ctime_ns = (uint32_t)st.st_ctim.tv_nsec;
		*changed = true;
	}
	return 0;
}

/* A directory that moves has to be writable itself, because its `..` changes. */
static int rename_version(const struct root *root, const char *version, const char *trash)
{
	struct stat st;

	if (beneath_rename(root->fd, version, root->fd, trash, 0) == 0)
		return 0;
	if (errno != EACCES)
		return -1;
	autofd int fd = beneath_open(root->fd, version, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, (st.st_mode & 07777) | 0700) < 0)
		return -1;
	return beneath_rename(root->fd, version, root->fd, trash, 0);
}

static int to_trash(const struct root *root, const char *version, struct err *err)
{
	autofree char *flat = root_flat_name(version);
	autofree char *parent = path_dirname(version);
	autofree char *trash =
		xasprintf(ROOT_TRASH "/%s.%llx", flat, (unsigned long long)clock_ns());

	if (beneath_mkdirs(root->fd, ROOT_TRASH, 0755) < 0 ||
		rename_version(root, version, trash) < 0)
		return err_sys(err, "move %s/%s to the trash", root->path, version);
	if (beneath_sync_dir(root->fd, parent) < 0 ||
		beneath_sync_dir(root->fd, ROOT_TRASH) < 0)
		return err_sys(err, "write %s/%s to the disk", root->path, parent);
	return 0;
}

static int empty_trash(struct root *root, struct err *err)
{
	struct hash_cache *cache = session_hash_cache();
	int result = root_empty_trash(root, cache);
	int saved = errno;

	if (cache)
		hash_cache_save(cache, NULL);
	hash_cache_free(cache);
	errno = saved;
	return result < 0 ? err_sys(err, "empty the trash of %s", root->path) : 0;
}

static int remove_version(struct removal *r, const char *version, struct err *err)
{
	struct root *root = r->root;
	autofree char *flat = root_flat_name(version);
	struct record rec;
	struct stat st;

	if (beneath_stat(root->fd, version, &st) < 0)
		return root_error(root, version, err);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "%s/%s is no directory: it is left as it is",
			root->path, version);
	int found = record_load(root, flat, &rec, err);
	if (found > 0)
		collect_shared(r, version, &rec);
	record_release(&rec);
	if (found < 0 || record_remove(root, flat, err) < 0)
		return -1;
	if (to_trash(root, version, err) < 0)
		return -1;
	if (empty_trash(root, err) < 0)
		return -1;
	return r->shared.count ? record_each(root, refresh, r, err) : 0;
}

/* What was freed since the last answer that told of it. */
static void tell_freed(struct request *q)
{
	wire_put_freed(&q->reply, &(struct wire_freed){.bytes = q->root->freed});
	q->root->freed = 0;
}

int op_version_remove(struct request *q, struct err *err)
{
	struct wire_version_ref v;
	struct removal r = {.root = q->root};

	if (wire_get_version_ref(q->frame, &v, err) < 0 ||
		root_check_version(v.version, err) < 0)
		return -1;
	request_about(q, v.version);
	int result = remove_version(&r, v.version, err);
	free(r.shared.items);
	if (result == 0)
		tell_freed(q);
	return result;
}

int op_staging_remove(struct request *q, struct err *err)
{
	struct wire_version_ref v;

	if (wire_get_version_ref(q->frame, &v, err) < 0 ||
		root_check_version(v.version, err) < 0)
		return -1;
	request_about(q, v.version);
	for (unsigned i = 0; i < WIRE_STAGES_MAX; i++) {
		const struct stage *s = q->node->stages[i];
		if (s && s->root == q->root && strcmp(s->version, v.version) == 0)
			return err_set(err, ERR_BUSY, "stage %u of %s is open", i, v.version);
	}
	autofree char *flat = root_flat_name(v.version);
	autofree char *path = xasprintf(ROOT_STAGING "/%s", flat);
	if (beneath_remove_telling(q->root->fd, path, tree_usage_freed, &q->root->freed) < 0)
		return err_sys(err, "remove %s/%s", q->root->path, path);
	tell_freed(q);
	return 0;
}

int op_trash_empty(struct request *q, struct err *err)
{
	if (request_only_root(q, "a TRASH_EMPTY request", err) < 0)
		return -1;
	if (empty_trash(q->root, err) < 0)
		return -1;
	tell_freed(q);
	return 0;
}

/* True if the path is an entry of the manifest, or a directory above one. */
static bool is_managed(const struct manifest *m, const char *path)
{
	return manifest_find(m, path) != NULL;
}

int op_extra_remove(struct request *q, struct err *err)
{
	struct wire_version_ref v;
	struct record rec;

	if (wire_get_version_ref(q->frame, &v, err) < 0 ||
		root_check_version(v.version, err) < 0)
		return -1;
	request_about(q, v.path);
	autofree char *flat = root_flat_name(v.version);
	int found = record_load(q->root, flat, &rec, err);
	bool managed = found > 0 && is_managed(&rec.manifest, v.path);
	record_release(&rec);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOTFOUND, "%s has no verified record", v.version);
	if (managed)
		return err_set(err, ERR_INPUT, "%s belongs to %s", v.path, v.version);
	autofd int dir = beneath_open(q->root->fd, v.version, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 || beneath_remove(dir, v.path) < 0)
		return err_sys(err, "remove %s/%s", v.version, v.path);
	return 0;
}
