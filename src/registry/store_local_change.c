/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes in a store on this machine: versions that go, and the store's own notes.
 *
 * A removal's order: the version's record of a verification goes (without it a version is only
 * read again), then the version by one rename into the trash, then both directories are synced,
 * and only then the first file is unlinked. So a crash at any place leaves a version that is
 * whole, or one that is in the trash. Directories are opened without following links: what a
 * link names is never removed, and a link is not removed either.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "registry/store_local.h"
#include "tree/linked.h"

#define TRASH    STORE_FLEET_DIR "/trash"
#define VERIFIED STORE_FLEET_DIR "/verified"

static int open_plain(struct local_store *s, const char *path, int flags)
{
	return local_open_beneath(s->root, path, flags, RESOLVE_NO_SYMLINKS);
}

int local_version_usage(struct store *store, const char *model, const char *version,
	struct tree_usage *out, struct err *err)
{
	autofd int fd = local_open_dir(local_store(store), model, version, err);

	if (fd < 0)
		return -1;
	if (tree_usage_measure(fd, out, err) < 0)
		return err_wrap(err, "%s/%s/%s", store->location, model, version);
	return 0;
}

int local_linked_versions(struct store *store, struct strlist *out, struct err *err)
{
	if (tree_linked(local_store(store)->root, out, err) < 0)
		return err_wrap(err, "%s", store->location);
	return 0;
}

/* ---- the trash ---- */

struct emptying {
	struct local_store *store;
	uint64_t *freed;
	bool inside; /* the trash's own directory was told of */
};

static void forget(void *arg, const struct stat *st)
{
	struct emptying *e = arg;

	/* The trash's own directory comes first, and is nothing that anybody gets back. */
	if (!e->inside) {
		e->inside = true;
		return;
	}
	tree_usage_freed(e->freed, st);
	if (S_ISREG(st->st_mode) && st->st_nlink == 1 && e->store->cache)
		hash_cache_forget(e->store->cache, st);
}

int local_empty_trash(struct store *store, uint64_t *freed, struct err *err)
{
	struct local_store *s = local_store(store);
	struct emptying e = {.store = s, .freed = freed};
	autofd int fleet = open_plain(s, STORE_FLEET_DIR, O_RDONLY | O_DIRECTORY);

	if (fleet < 0 && errno == ENOENT)
		return 0;
	if (fleet < 0 || path_remove_at(fleet, "trash", forget, &e) < 0)
		return err_sys(err, "empty %s/" TRASH, store->location);
	local_save_cache(s);
	return 0;
}

/* Opens the trash, which is made where it is missing: in the store, whatever a link says. */
static int open_trash(struct local_store *s, struct err *err)
{
	if (mkdirat(s->root, STORE_FLEET_DIR, 0777) < 0 && errno != EEXIST)
		return err_sys(err, "make %s/" STORE_FLEET_DIR, s->head.location);
	autofd int fleet = open_plain(s, STORE_FLEET_DIR, O_RDONLY | O_DIRECTORY);
	if (fleet < 0)
		return err_sys(err, "open %s/" STORE_FLEET_DIR, s->head.location);
	if (mkdirat(fleet, "trash", 0777) < 0 && errno != EEXIST)
		return err_sys(err, "make %s/" TRASH, s->head.location);
	int fd = open_plain(s, TRASH, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_sys(err, "open %s/" TRASH, s->head.location) : fd;
}

/* ---- versions ---- */

/* Opens the directory of a model whose version is to go, and makes sure that it can. */
static int open_model(
	struct local_store *s, const char *model, const char *version, struct err *err)
{
	struct stat st;
	autofd int fd = open_plain(s, model, O_RDONLY | O_DIRECTORY);

	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, ERR_INPUT,
			"%s/%s is a link or no directory: nothing is removed there",
			s->head.location, model);
	if (fd < 0 || fstatat(fd, version, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "open %s/%s/%s", s->head.location, model, version);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT,
			"%s/%s/%s is a link or no directory: it is left as it is",
			s->head.location, model, version);
	int result = fd;
	fd = -1;
	return result;
}

/* A directory that moves has to be writable itself, because its `..` changes. */
static int rename_version(int model, const char *version, int trash, const char *name)
{
	struct stat st;

	if (renameat(model, version, trash, name) == 0)
		return 0;
	if (errno != EACCES)
		return -1;
	autofd int fd = openat(model, version, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, (st.st_mode & 07777) | 0700) < 0)
		return -1;
	return renameat(model, version, trash, name);
}

int local_remove_version(struct store *store, const char *model, const char *version,
	uint64_t *freed, struct err *err)
{
	struct local_store *s = local_store(store);
	autofree char *path = path_join(model, version);
	autofree char *flat = path_flat_name(path);
	autofree char *record = xasprintf(VERIFIED "/%s", flat);
	autofree char *name = xasprintf("%s.%llx", flat, (unsigned long long)clock_ns());
	autofd int dir = open_model(s, model, version, err);
	autofd int trash = dir < 0 ? -1 : open_trash(s, err);

	if (trash < 0)
		return -1;
	/* A store that is a node's root, too, has records of the node's helper. */
	if (unlinkat(s->root, record, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(err, "remove %s/%s", store->location, record);
	if (rename_version(dir, version, trash, name) < 0)
		return err_sys(
			err, "move %s/%s/%s to the trash", store->location, model, version);
	if (fsync(dir) < 0 || fsync(trash) < 0)
		return err_sys(err, "write %s/%s to the disk", store->location, model);
	return local_empty_trash(store, freed, err);
}

/* ---- notes ---- */

int local_read_note(struct store *store, const char *name, struct strbuf *out, struct err *err)
{
	autofree char *path = xasprintf(STORE_FLEET_DIR "/%s", name);
	autofd int fd = open_plain(local_store(store), path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open %s/%s", store->location, path);
	if (!S_ISREG(st.st_mode) || st.st_size > STORE_NOTE_MAX)
		return err_set(err, ERR_LIMIT, "%s/%s is no file of at most %u bytes",
			store->location, path, STORE_NOTE_MAX);
	strbuf_reserve(out, (size_t)st.st_size);
	ssize_t n = fd_read_full(fd, out->data + out->len, (size_t)st.st_size);
	if (n < 0)
		return err_sys(err, "read %s/%s", store->location, path);
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return 0;
}

int local_write_note(
	struct store *store, const char *name, const void *data, size_t n, struct err *err)
{
	struct local_store *s = local_store(store);
	autofree char *path = xasprintf("%s/" STORE_FLEET_DIR "/%s", store->location, name);

	if (mkdirat(s->root, STORE_FLEET_DIR, 0777) < 0 && errno != EEXIST)
		return err_sys(err, "make %s/" STORE_FLEET_DIR, store->location);
	autofd int fleet = open_plain(s, STORE_FLEET_DIR, O_RDONLY | O_DIRECTORY);
	if (fleet < 0)
		return err_sys(err, "open %s/" STORE_FLEET_DIR, store->location);
	return file_replace(path, data, n, 0644, err);
}
