/* SPDX-License-Identifier: Apache-2.0 */
#include "node/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "tree/usage.h"

#define HOLDER_MAX 255

int root_error(const struct root *r, const char *path, struct err *err)
{
	if (errno == ELOOP)
		return err_set(err, ERR_INPUT,
			"%s/%s: a symbolic link stands in this path, and none is followed "
			"there",
			r->path, path);
	return err_sys(err, "open %s/%s", r->path, path);
}

/* The line of whoever has the lease, for the error. */
static int busy(const struct root *r, int fd, struct err *err)
{
	char holder[HOLDER_MAX + 1];
	ssize_t n = fd_pread_full(fd, holder, HOLDER_MAX, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
	return err_set(err, ERR_BUSY, "%s is held by %s", r->path,
		*holder ? holder : "another deploy");
}

struct emptying {
	struct root *root;
	struct hash_cache *cache;
	bool inside; /* the trash's own directory was told of */
};

static void note_removal(void *arg, const struct stat *st)
{
	struct emptying *e = arg;

	/* The trash's own directory comes first, and is nothing that anybody gets back. */
	if (!e->inside) {
		e->inside = true;
		return;
	}
	tree_usage_freed(&e->root->freed, st);
	if (e->cache && S_ISREG(st->st_mode) && st->st_nlink == 1)
		hash_cache_forget(e->cache, st);
}

int root_empty_trash(struct root *r, struct hash_cache *cache)
{
	struct emptying e = {.root = r, .cache = cache};

	return beneath_remove_telling(r->fd, ROOT_TRASH, note_removal, &e);
}

static int take_lease(struct root *r, const char *holder, struct err *err)
{
	if (beneath_mkdirs(r->fd, ROOT_VERIFIED, 0755) < 0)
		return err_sys(err, "make %s/" ROOT_VERIFIED, r->path);
	autofd int fd = beneath_open(r->fd, ROOT_FLEET "/lock", O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		return err_sys(err, "open %s/" ROOT_FLEET "/lock", r->path);
	/* The kind of lock that the engine's site lock is: a store that is a node's root, too,
	 * has one lock. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EAGAIN || errno == EACCES ? busy(r, fd, err)
							  : err_sys(err, "lock %s", r->path);
	autofree char *line = xasprintf("%.*s\n", HOLDER_MAX, holder);
	if (ftruncate(fd, 0) < 0 || fd_write_all(fd, line, strlen(line)) < 0)
		return err_sys(err, "write %s/" ROOT_FLEET "/lock", r->path);
	r->lock_fd = fd;
	fd = -1;
	/* What a removal that was interrupted left; if it cannot go, it only takes room. */
	root_empty_trash(r, NULL);
	return 0;
}

static char *expand(const char *path, const char *home)
{
	if (*path == '~' && (path[1] == '/' || !path[1]))
		return xasprintf("%s%s", home, path + 1);
	return xstrdup(path);
}

static int open_root(struct root *r, const struct wire_root_open *o, struct err *err)
{
	if (*r->path != '/')
		return err_set(err, ERR_INPUT, "root '%s' is no absolute path", r->path);
	if (o->flags & ~(WIRE_ROOT_CREATE | WIRE_ROOT_LEASE))
		return err_set(
			err, ERR_UNSUPPORTED, "unknown flags of a root: 0x%02x", o->flags);
	if (o->flags & WIRE_ROOT_CREATE && path_mkdirs(r->path, o->mode & 07777, err) < 0)
		return -1;
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return err_sys(err, "open %s", r->path);
	return o->flags & WIRE_ROOT_LEASE ? take_lease(r, o->holder, err) : 0;
}

struct root *root_open(const struct wire_root_open *o, const char *home, struct err *err)
{
	struct root *r = xcalloc(1, sizeof(*r));

	r->fd = r->lock_fd = -1;
	r->path = expand(o->path, home);
	if (open_root(r, o, err) < 0) {
		root_close(r);
		return NULL;
	}
	return r;
}

void root_close(struct root *r)
{
	if (!r)
		return;
	fd_close(&r->lock_fd);
	fd_close(&r->fd);
	free(r->path);
	free(r);
}

int root_disk(const struct root *r, struct wire_disk *out, struct err *err)
{
	struct statvfs fs;

	if (fstatvfs(r->fd, &fs) < 0)
		return err_sys(err, "ask for the free space of %s", r->path);
	*out = (struct wire_disk){.bytes_free = (uint64_t)fs.f_bavail * fs.f_frsize,
		.bytes_total = (uint64_t)fs.f_blocks * fs.f_frsize,
		.inodes_free = fs.f_files ? fs.f_favail : UINT64_MAX,
		.block_size = (uint32_t)fs.f_frsize};
	return 0;
}

int root_check_version(const char *version, struct err *err)
{
	if (!path_is_contained(version) || *version == '.' ||
		strlen(version) > WIRE_VERSION_MAX)
		return err_set(err, ERR_INPUT,
			"'%s' cannot be a version's path: relative, at most %d bytes, no '..', "
			"no dot in front",
			version, WIRE_VERSION_MAX);
	autofree char *flat = root_flat_name(version);
	if (strlen(flat) > NAME_MAX - 16)
		return err_set(err, ERR_LIMIT, "the version's path '%s' is too long", version);
	return 0;
}

char *root_flat_name(const char *version)
{
	return path_flat_name(version);
}

char *root_unflatten(const char *name)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	for (; *name; name++) {
		if (*name != '%') {
			strbuf_addch(&b, *name);
			continue;
		}
		if (!str_starts(name, "%25") && !str_starts(name, "%2F"))
			return NULL;
		strbuf_addch(&b, name[2] == '5' ? '%' : '/');
		name += 2;
	}
	return root_check_version(b.data, NULL) == 0 ? strbuf_detach(&b, NULL) : NULL;
}
