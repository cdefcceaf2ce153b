/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on versions as a whole: VERSION_REMOVE, EXTRA_REMOVE, LIST.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "node/record.h"
#include "node/request.h"
#include "tree/walk.h"

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

static int remove_version(struct removal *r, const char *version, struct err *err)
{
	struct root *root = r->root;
	autofree char *flat = root_flat_name(version);
	autofree char *trash =
		xasprintf(ROOT_TRASH "/%s.%llx", flat, (unsigned long long)clock_ns());
	struct record rec;

	int found = record_load(root, flat, &rec, err);
	if (found > 0)
		collect_shared(r, version, &rec);
	record_release(&rec);
	if (found < 0 || record_remove(root, flat, err) < 0)
		return -1;
	if (beneath_mkdirs(root->fd, ROOT_TRASH, 0755) < 0 ||
		beneath_rename(root->fd, version, root->fd, trash, 0) < 0)
		return err_sys(err, "move %s/%s to the trash", root->path, version);
	if (beneath_remove(root->fd, ROOT_TRASH) < 0)
		return err_sys(err, "empty the trash of %s", root->path);
	return r->shared.count ? record_each(root, refresh, r, err) : 0;
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
	return result;
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

static int list_item(struct request *q, const struct wire_list_item *i, struct err *err)
{
	if (request_room(q, strlen(i->version) + 64, err) < 0)
		return -1;
	wire_put_list_item(&q->reply, i);
	return 0;
}

static int list_record(
	void *arg, const char *version, struct record *rec, bool *changed, struct err *err)
{
	struct request *q = arg;
	struct stat st;
	struct wire_list_item item = {.kind = WIRE_LISTED_VERIFIED,
		.version = version,
		.files = (uint32_t)rec->manifest.files,
		.bytes = rec->manifest.bytes};

	(void)changed;
	memcpy(item.digest, rec->manifest.digest, WIRE_DIGEST_SIZE);
	return beneath_stat(q->root->fd, version, &st) < 0 ? 0 : list_item(q, &item, err);
}

/* Calls for each name of a directory below the root that does not begin with a dot. */
static int each_name(struct request *q, const char *path,
	int (*visit)(struct request *q, const char *path, const char *name, struct err *err),
	struct err *err)
{
	int result = 0;
	int fd = beneath_open(q->root->fd, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fd_close(&fd);
		return 0;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			result = visit(q, path, entry->d_name, err);
	}
	closedir(dir);
	return result;
}

static int list_plain(struct request *q, const char *model, const char *name, struct err *err)
{
	autofree char *version = xasprintf("%s/%s", model, name);
	autofree char *flat = root_flat_name(version);
	autofree char *record = xasprintf(ROOT_VERIFIED "/%s", flat);
	struct wire_list_item item = {.kind = WIRE_LISTED_PLAIN, .version = version};
	struct stat st;

	if (root_check_version(version, NULL) < 0 ||
		beneath_stat(q->root->fd, version, &st) < 0 || !S_ISDIR(st.st_mode) ||
		beneath_stat(q->root->fd, record, &st) == 0)
		return 0;
	return list_item(q, &item, err);
}

static int list_model(struct request *q, const char *root, const char *name, struct err *err)
{
	(void)root;
	return each_name(q, name, list_plain, err);
}

static int add_staged(void *arg, const struct walk_item *found, struct err *err)
{
	struct wire_list_item *item = arg;

	(void)err;
	if (S_ISREG(found->st.st_mode)) {
		item->files++;
		item->bytes += (uint64_t)found->st.st_size;
	}
	/* Files keep the times of the version that they are of; the change is the writing. */
	if (found->st.st_ctim.tv_sec > item->written)
		item->written = found->st.st_ctim.tv_sec;
	return WALK_ON;
}

static int list_staging(struct request *q, const char *path, const char *name, struct err *err)
{
	autofree char *version = root_unflatten(name);
	autofree char *staging = path_join(path, name);
	struct wire_list_item item = {.kind = WIRE_LISTED_STAGING, .version = version};

	if (!version)
		return 0;
	/* What cannot be measured is there all the same. */
	autofd int dir = beneath_open(q->root->fd, staging, O_RDONLY | O_DIRECTORY, 0);
	if (dir >= 0)
		tree_walk(dir, add_staged, &item, NULL);
	return list_item(q, &item, err);
}

int op_list(struct request *q, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	msg_u8(&r);
	if (msg_end(&r, "a LIST request", err) < 0)
		return -1;
	if (record_each(q->root, list_record, q, err) < 0 ||
		each_name(q, ".", list_model, err) < 0)
		return -1;
	return each_name(q, ROOT_STAGING, list_staging, err);
}
