/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version of a store on this machine is read again. What cannot be read is a finding, and
 * the rest is read all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "base/fd.h"
#include "registry/store_local.h"
#include "registry/verify.h"
#include "tree/walk.h"

#define TARGET_MAX 4096

struct reading {
	struct verify_check check;
	struct verify_report *report;
	struct hash_cache *cache; /* NULL: the version is described, or there is none */
	tree_progress progress;
	void *progress_arg;
	struct tree_hash *hash;
};

/* Reads manifest.yaml: 1 with its text, 0 where there is none, -1 where it cannot be read. */
static int read_text(int dirfd, struct strbuf *text, struct err *err)
{
	autofd int fd = local_open_beneath(
		dirfd, VERSION_MANIFEST, O_RDONLY | O_NONBLOCK, RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "is no file");
	if (st.st_size > (off_t)VERSION_MANIFEST_MAX)
		return err_set(err, ERR_LIMIT, "has more than %u bytes", VERSION_MANIFEST_MAX);
	strbuf_reserve(text, (size_t)st.st_size + 1);
	ssize_t n = fd_read_full(fd, text->data, (size_t)st.st_size);
	if (n < 0)
		return err_sys(err, "read");
	strbuf_truncate(text, (size_t)n);
	return 1;
}

/* The file is as it was by its stat: then it has to hold what it held. */
static void compare_remembered(
	struct reading *r, const struct walk_item *item, const struct manifest_entry *e)
{
	uint8_t hash[TREE_HASH_SIZE];

	if (!r->cache || !hash_cache_recall(r->cache, &item->st, hash))
		return;
	r->report->remembered++;
	if (memcmp(hash, e->hash, sizeof(hash)) != 0)
		verify_add(r->report, VERIFY_CHANGED, item->path,
			"holds other content than it did, though size and time are the same");
}

/* Hashes a file: 0, or -1 with err, also where it cannot be read. */
static int read_content(
	struct reading *r, const struct walk_item *item, uint8_t *hash, struct err *err)
{
	autofd int fd =
		openat(item->dirfd, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	tree_hash_reset(r->hash);
	if (tree_hash_fd(fd, (uint64_t)item->st.st_size, r->hash, r->progress, r->progress_arg,
		    err) < 0)
		return -1;
	tree_hash_get(r->hash, hash);
	return 0;
}

static int visit_file(struct reading *r, const struct walk_item *item, struct err *err)
{
	struct manifest_entry e = {
		.path = item->path, .kind = MANIFEST_FILE, .size = (uint64_t)item->st.st_size};
	struct err why = {0};

	r->report->files++;
	if (read_content(r, item, e.hash, &why) < 0) {
		if (why.code == ERR_CANCELLED)
			return err_set(err, why.code, "%s", why.text);
		verify_unreadable(&r->check, item->path, why.text);
		return WALK_OVER;
	}
	r->report->bytes += e.size;
	if (r->report->described)
		verify_entry(&r->check, &e);
	else
		compare_remembered(r, item, &e);
	return WALK_OVER;
}

static void visit_link(struct reading *r, const struct walk_item *item)
{
	char target[TARGET_MAX] = "";
	ssize_t n = readlinkat(item->dirfd, item->name, target, sizeof(target) - 1);

	if (n < 0) {
		verify_unreadable(&r->check, item->path, strerror(errno));
		return;
	}
	verify_entry(&r->check,
		&(struct manifest_entry){
			.path = item->path, .kind = MANIFEST_LINK, .target = target});
}

static int visit(void *arg, const struct walk_item *item, struct err *err)
{
	struct reading *r = arg;

	switch (item->st.st_mode & S_IFMT) {
	case S_IFREG: return visit_file(r, item, err);
	case S_IFLNK: visit_link(r, item); return WALK_OVER;
	case S_IFDIR:
		verify_entry(&r->check,
			&(struct manifest_entry){.path = item->path, .kind = MANIFEST_DIR});
		if (faccessat(item->dirfd, item->name, R_OK | X_OK, AT_EACCESS) == 0)
			return WALK_ON;
		verify_unreadable(&r->check, item->path, strerror(errno));
		return WALK_OVER;
	default:
		verify_add(
			r->report, VERIFY_EXTRA, item->path, "is a device, a socket or a pipe");
		return WALK_OVER;
	}
}

static int read_tree(struct reading *r, int dirfd, struct err *err)
{
	struct err why = {0};

	r->hash = tree_hash_new();
	int result = tree_walk(dirfd, visit, r, &why);
	tree_hash_free(r->hash);
	if (result < 0 && why.code == ERR_CANCELLED)
		return err_set(err, why.code, "%s", why.text);
	if (result < 0) /* what was not come to is neither there nor missing */
		verify_add(r->report, VERIFY_UNREADABLE, ".", "%s", why.text);
	else
		verify_missing(&r->check);
	return 0;
}

/* Begins with what manifest.yaml says. */
static void begin(struct reading *r, int dirfd, const char *model, const char *version)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};
	int found = read_text(dirfd, &text, &why);

	verify_begin(&r->check, r->report, model, version, found == 1 ? &text : NULL);
	if (found < 0)
		verify_add(r->report, VERIFY_MANIFEST, VERSION_MANIFEST, "cannot be read: %s",
			why.text);
}

int verify_version(struct store *local, const char *model, const char *version,
	tree_progress progress, void *arg, struct verify_report *out, struct err *err)
{
	struct local_store *s = local_store(local);
	struct reading r = {
		.report = out, .cache = s->cache, .progress = progress, .progress_arg = arg};
	struct err why = {0};

	*out = (struct verify_report){0};
	autofd int fd = local_open_dir(s, model, version, &why);
	if (fd < 0) {
		out->gone = why.code == ERR_NOTFOUND;
		verify_add(out, VERIFY_UNREADABLE, ".", "%s", why.text);
		return 0;
	}
	begin(&r, fd, model, version);
	int result = read_tree(&r, fd, err);
	verify_check_release(&r.check);
	/* Retention may have taken it away while it was read. */
	out->gone = out->count && store_check_version(local, model, version, &why) < 0 &&
		    why.code == ERR_NOTFOUND;
	return result;
}
