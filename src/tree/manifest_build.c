/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "tree/hashcache.h"
#include "tree/manifest.h"
#include "tree/manifest_rules.h"
#include "tree/walk.h"

struct build {
	const struct manifest_options *options;
	const char *label;
	struct manifest *manifest;
	struct tree_hash *hash;
};

/* Reads a file's content into its hash; it must not change meanwhile. */
static int hash_content(
	struct build *b, const struct walk_item *item, uint8_t *out, struct err *err)
{
	struct stat after;
	autofd int fd =
		openat(item->dirfd, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open");
	if (b->options->fresh)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	tree_hash_reset(b->hash);
	if (tree_hash_fd(fd, (uint64_t)item->st.st_size, b->hash, b->options->progress,
		    b->options->progress_arg, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return err_sys(err, "stat");
	if (!stat_same(&item->st, &after))
		return err_set(err, ERR_INTEGRITY, "changes while it is read");
	tree_hash_get(b->hash, out);
	if (b->options->cache)
		hash_cache_put(b->options->cache, &after, out);
	return 0;
}

static int add_file(struct build *b, const struct walk_item *item, struct manifest_entry *e,
	struct err *err)
{
	struct hash_cache *cache = b->options->cache;

	e->size = (uint64_t)item->st.st_size;
	if (cache && hash_cache_get(cache, &item->st, e->hash)) {
		manifest_add(b->manifest, e);
		return 0;
	}
	if (hash_content(b, item, e->hash, err) < 0)
		return -1;
	manifest_add(b->manifest, e);
	return 0;
}

static int add_link(struct build *b, const struct walk_item *item, struct manifest_entry *e,
	struct err *err)
{
	char target[PATH_LIMIT];
	ssize_t n = readlinkat(item->dirfd, item->name, target, sizeof(target));

	if (n < 0)
		return err_sys(err, "read the link");
	if ((size_t)n == sizeof(target))
		return err_set(err, ERR_LIMIT, "is a link with a target that is too long");
	target[n] = '\0';
	if (!manifest_link_ok(e->path, target))
		return err_set(err, ERR_INPUT, "is a link out of the version, to '%s'", target);
	e->target = target;
	e->mode = 0777;
	manifest_add(b->manifest, e);
	return 0;
}

static int add_any(struct build *b, const struct walk_item *item, struct manifest_entry *e,
	struct err *err)
{
	switch (e->kind) {
	case MANIFEST_FILE: return add_file(b, item, e, err);
	case MANIFEST_LINK: return add_link(b, item, e, err);
	default: manifest_add(b->manifest, e); return 0;
	}
}

/* The kind of what was found; -1 for what a version cannot hold. */
static int kind_of(const struct stat *st, struct err *err)
{
	if (S_ISREG(st->st_mode))
		return MANIFEST_FILE;
	if (S_ISDIR(st->st_mode))
		return MANIFEST_DIR;
	if (S_ISLNK(st->st_mode))
		return MANIFEST_LINK;
	return err_set(err, ERR_INPUT, "is a device, a socket or a pipe");
}

static int visit(void *arg, const struct walk_item *item, struct err *err)
{
	struct build *b = arg;
	const struct manifest_options *o = b->options;
	int kind = kind_of(&item->st, err);
	unsigned verdict = MANIFEST_TAKE;

	if (o->filter)
		verdict = o->filter(o->filter_arg, item->path,
			kind < 0 ? MANIFEST_FILE : (enum manifest_kind)kind);
	if (verdict & MANIFEST_SKIP) {
		err_clear(err);
		return WALK_OVER;
	}
	if (b->manifest->count >= MANIFEST_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "%s holds more than %d entries", b->label,
			MANIFEST_ENTRIES_MAX);
	struct manifest_entry e = {.path = item->path,
		.mtime_s = item->st.st_mtim.tv_sec,
		.mtime_ns = (uint32_t)item->st.st_mtim.tv_nsec,
		.mode = item->st.st_mode & 07777,
		.kind = (uint8_t)kind,
		.flags = (uint8_t)verdict};
	if (kind < 0 || add_any(b, item, &e, err) < 0)
		return err_wrap(err, "%s/%s", b->label, item->path);
	return WALK_ON;
}

int manifest_build(int dirfd, const char *label, const struct manifest_options *o,
	struct manifest *m, struct err *err)
{
	static const struct manifest_options none = {0};
	struct build b = {.options = o ? o : &none, .label = label, .manifest = m};

	*m = (struct manifest){0};
	b.hash = tree_hash_new();
	int result = tree_walk(dirfd, visit, &b, err);
	tree_hash_free(b.hash);
	if (result == 0 && (result = manifest_finish(m, err)) < 0)
		err_wrap(err, "%s", label);
	if (result < 0)
		manifest_release(m);
	return result;
}

int manifest_build_path(
	const char *path, const struct manifest_options *o, struct manifest *m, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*m = (struct manifest){0};
	return fd < 0 ? err_sys(err, "open %s", path) : manifest_build(fd, path, o, m, err);
}
