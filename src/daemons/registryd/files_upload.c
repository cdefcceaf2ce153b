/* SPDX-License-Identifier: Apache-2.0 */
/* A file on its way into a version; see files.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "daemons/registryd/files_private.h"
#include "tree/walk.h"

struct upload {
	const struct files *files;
	char *place, *path; /* of the version's uploads; of the file in it */
	char *part, *sum;   /* paths */
	int lock, fd;
	struct files_range range;
	uint64_t size; /* bytes that are there */
};

void upload_end(struct upload *u)
{
	if (!u)
		return;
	fd_close(&u->fd);
	fd_close(&u->lock);
	free(u->place);
	free(u->path);
	free(u->part);
	free(u->sum);
	free(u);
}

static void upload_free(struct upload **u)
{
	upload_end(*u);
}

/* The name of what belongs to a path, which itself may be too long for one; new memory. */
static char *beside(const char *place, const char *dir, const char *path)
{
	char hex[DIGEST_HEX_MAX] = "";

	digest_hex(DIGEST_SHA256, path, strlen(path), hex, NULL);
	return xasprintf("%s/%s/%s", place, dir, hex);
}

static struct upload *upload_new(const struct files *f, const struct files_name *name)
{
	struct upload *u = xcalloc(1, sizeof(*u));

	u->files = f;
	u->place = uploads_path(f, name->model, name->version);
	u->path = xstrdup(name->path);
	u->part = beside(u->place, UPLOAD_PARTS, name->path);
	u->sum = beside(u->place, UPLOAD_SUMS, name->path);
	u->lock = u->fd = -1;
	return u;
}

/* ---- beginning ---- */

static int check_range(const struct files *f, const struct files_range *range, struct err *err)
{
	if (range->partial && range->first >= range->total)
		return err_set(err, ERR_INPUT, "a part that begins at %" PRIu64 " of %" PRIu64,
			range->first, range->total);
	if (range->total > f->size_max)
		return err_set(err, ERR_LIMIT,
			"the file has %" PRIu64 " bytes, at most %" PRIu64, range->total,
			f->size_max);
	return 0;
}

/* Opens the part, which nobody else writes to meanwhile. */
static int open_part(struct upload *u, struct err *err)
{
	struct stat st;

	u->fd = open(u->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (u->fd < 0)
		return err_sys(err, "open %s", u->part);
	if (flock(u->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_BUSY, "%s is being uploaded by somebody else", u->path);
	/* Who had it before may have made it whole between our open and our lock. */
	if (fstat(u->fd, &st) < 0 || st.st_nlink == 0)
		return err_set(err, ERR_BUSY, "%s was uploaded just now", u->path);
	u->size = (uint64_t)st.st_size;
	return 0;
}

/* A part that does not follow what is there is refused; one from 0 begins anew. */
static int find_offset(struct upload *u, uint64_t *offset, struct err *err)
{
	*offset = u->size;
	if (u->range.first && u->range.first != u->size)
		return err_set(err, ERR_EXISTS,
			"%s: %" PRIu64 " bytes are there, and the part begins at %" PRIu64,
			u->path, u->size, u->range.first);
	u->size = u->range.first;
	if (ftruncate(u->fd, (off_t)u->size) < 0 || lseek(u->fd, (off_t)u->size, SEEK_SET) < 0)
		return err_sys(err, "write %s", u->part);
	return 0;
}

struct upload *upload_begin(struct files *f, const struct files_name *name,
	const struct files_range *range, uint64_t *offset, struct err *err)
{
	*offset = 0;
	if (files_check_name(name, err) < 0 || check_range(f, range, err) < 0)
		return NULL;
	struct upload *u = upload_new(f, name);
	u->range = *range;
	u->lock = uploads_lock(u->place, false, true, err);
	if (u->lock >= 0 && open_part(u, err) == 0 && find_offset(u, offset, err) == 0)
		return u;
	upload_end(u);
	return NULL;
}

int upload_piece(struct upload *u, const void *bytes, size_t n, struct err *err)
{
	uint64_t limit = u->range.partial ? u->range.total : u->files->size_max;

	if (n > limit - u->size)
		return err_set(
			err, ERR_LIMIT, "%s: more than %" PRIu64 " bytes", u->path, limit);
	if (fd_write_all(u->fd, bytes, n) < 0)
		return err_sys(err, "write %s", u->part);
	u->size += n;
	return 0;
}

/* ---- becoming whole ---- */

struct tally {
	const char *replaced; /* a path that does not count */
	struct files_state *state;
};

/* Adds a file to what the version's files have together. */
static int add_to_tally(void *arg, const struct walk_item *item, struct err *err)
{
	const struct tally *t = arg;

	(void)err;
	if (S_ISREG(item->st.st_mode) && strcmp(item->path, t->replaced) != 0) {
		t->state->files++;
		t->state->bytes += (uint64_t)item->st.st_size;
	}
	return WALK_ON;
}

static int check_limits(const struct upload *u, struct files_state *state, struct err *err)
{
	autofree char *tree = path_join(u->place, UPLOAD_TREE);
	autofd int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tally t = {.replaced = u->path, .state = state};

	state->files = 1;
	state->bytes = u->size;
	if (fd < 0)
		return err_sys(err, "open %s", tree);
	if (tree_walk(fd, add_to_tally, &t, err) < 0)
		return -1;
	if (state->files > u->files->count_max)
		return err_set(err, ERR_LIMIT,
			"the version would have %" PRIu64 " files, at most %zu", state->files,
			u->files->count_max);
	if (state->bytes > u->files->size_max)
		return err_set(err, ERR_LIMIT,
			"the version would have %" PRIu64 " bytes, at most %" PRIu64,
			state->bytes, u->files->size_max);
	return 0;
}

static int check_digest(const struct upload *u, const uint8_t *wanted,
	struct files_state *state, struct err *err)
{
	char found[65], expected[65];

	if (lseek(u->fd, 0, SEEK_SET) < 0 ||
		digest_fd(DIGEST_SHA256, u->fd, state->sha256, err) < 0)
		return err_wrap(err, "%s", u->path);
	if (!wanted || memcmp(wanted, state->sha256, sizeof(state->sha256)) == 0)
		return 0;
	hex_encode(state->sha256, sizeof(state->sha256), found);
	hex_encode(wanted, sizeof(state->sha256), expected);
	return err_set(err, ERR_INTEGRITY, "%s: SHA-256 is %s, expected %s; send it anew",
		u->path, found, expected);
}

/* Gives the file its name in the tree. */
static int name_file(const struct upload *u, const struct files_state *state, struct err *err)
{
	autofree char *tree = path_join(u->place, UPLOAD_TREE);
	autofree char *path = path_join(tree, u->path);
	autofree char *dir = path_dirname(path);

	/* What was there goes first: at no time has a file the digest of another. */
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(err, "replace %s", path);
	if (file_replace(u->sum, state->sha256, sizeof(state->sha256), 0644, err) < 0 ||
		path_mkdirs(dir, 0755, err) < 0)
		return -1;
	if (rename(u->part, path) < 0)
		return err_sys(err, "make %s", path);
	return dir_sync(dir, err);
}

int upload_finish(
	struct upload *u, const uint8_t *sha256, struct files_state *state, struct err *err)
{
	*state = (struct files_state){.size = u->size, .fd = -1};
	if (fsync(u->fd) < 0)
		return err_sys(err, "write %s", u->part);
	if (u->range.partial && u->size < u->range.total)
		return 0;
	if (check_digest(u, sha256, state, err) < 0 || check_limits(u, state, err) < 0) {
		unlink(u->part);
		return -1;
	}
	if (name_file(u, state, err) < 0)
		return -1;
	state->whole = true;
	return 0;
}

/* ---- from elsewhere ---- */

/* True if the tree has a file that is what it is to be. */
static bool is_there(struct files *f, const struct files_name *name, const uint8_t *sha256,
	struct files_state *state)
{
	if (!sha256 || files_look(f, name, state, NULL) < 0 || !state->whole)
		return false;
	fd_close(&state->fd);
	return memcmp(state->sha256, sha256, sizeof(state->sha256)) == 0;
}

static int take_fetched(
	struct upload *u, const uint8_t *sha256, struct files_state *state, struct err *err)
{
	struct stat st;

	u->fd = open(u->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (u->fd < 0 || fstat(u->fd, &st) < 0)
		return err_sys(err, "open %s", u->part);
	u->size = (uint64_t)st.st_size;
	return upload_finish(u, sha256, state, err);
}

int upload_fetch(struct files *f, const struct files_name *name, const uint8_t *sha256,
	files_fetch fetch, void *data, struct files_state *state, struct err *err)
{
	if (files_check_name(name, err) < 0)
		return -1;
	if (is_there(f, name, sha256, state))
		return 0;
	AUTO(upload_free) struct upload *u = upload_new(f, name);
	u->lock = uploads_lock(u->place, false, true, err);
	if (u->lock < 0 || fetch(data, u->part, err) < 0)
		return -1;
	return take_fetched(u, sha256, state, err);
}

/* ---- looking ---- */

/* Opens a file that is whole; false where there is none. */
static bool look_whole(const struct upload *u, struct files_state *state)
{
	AUTO(strbuf_release) struct strbuf sum = STRBUF_INIT;
	autofree char *tree = path_join(u->place, UPLOAD_TREE);
	autofree char *path = path_join(tree, u->path);
	struct stat st;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		file_read(u->sum, sizeof(state->sha256), &sum, NULL) < 0 ||
		sum.len != sizeof(state->sha256))
		return false;
	memcpy(state->sha256, sum.data, sum.len);
	state->whole = true;
	state->size = (uint64_t)st.st_size;
	state->fd = fd;
	fd = -1;
	return true;
}

int files_look(struct files *f, const struct files_name *name, struct files_state *state,
	struct err *err)
{
	struct stat st;

	*state = (struct files_state){.fd = -1};
	if (files_check_name(name, err) < 0)
		return -1;
	AUTO(upload_free) struct upload *u = upload_new(f, name);
	if (stat(u->part, &st) == 0)
		state->size = (uint64_t)st.st_size;
	else if (!look_whole(u, state))
		return err_set(err, ERR_NOTFOUND, "%s has not been uploaded", name->path);
	return 0;
}
