/* SPDX-License-Identifier: Apache-2.0 */
#include "node/basis.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change_name.h"
#include "tree/delta.h"
#include "tree/writer.h"

#define SIGNATURE_MAX (3u << 20) /* bytes of one answer */
#define PIECE         65536u

const struct node_arg signature_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{NULL, 0},
};

/* A file that is read while the engine waits. */
struct basis {
	struct node_call *call;
	int fd;
};

static ssize_t read_basis(void *arg, void *buffer, size_t n, struct err *err)
{
	struct basis *b = arg;

	if (call_tick(b->call, err) < 0)
		return -1;
	ssize_t got = read(b->fd, buffer, n);
	return got < 0 ? err_sys(err, "read") : got;
}

int node_signature(struct node_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *path = call_path(c, "path", err);
	struct stat st;

	if (!path)
		return -1;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is no file", path);
	uint32_t len = delta_block_len((uint64_t)st.st_size);
	if (signature_size((uint64_t)st.st_size, len) > SIGNATURE_MAX)
		return err_set(err, ERR_LIMIT, "%s is too large for a signature", path);
	struct basis b = {.call = c, .fd = fd};
	struct tree_source source = {.read = read_basis, .arg = &b};
	struct tree_sink sink = strbuf_sink(&text);
	if (signature_make(&source, len, &sink, err) < 0)
		return err_wrap(err, "%s", path);
	item_put_bool(c->out, "changed", false);
	item_put_bytes(c->out, "signature", text.data, text.len);
	return 0;
}

/* ---- patching ---- */

/* A file beside a path that has no name. */
static int open_nameless(const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system can do that. */
	autofree char *name = change_name_beside(path);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "cannot write beside %s", path);
	unlink(name);
	return fd;
}

static int feed(struct node_call *c, struct patch *p, int delta, struct err *err)
{
	uint8_t piece[PIECE];
	ssize_t got;

	while ((got = read(delta, piece, sizeof(piece))) > 0)
		if (call_tick(c, err) < 0 || patch_feed(p, piece, (size_t)got, err) < 0)
			return -1;
	return got < 0 ? err_sys(err, "read") : patch_end(p, err);
}

/* Feeds the delta's bytes, or the file in which they are. */
static int feed_content(struct node_call *c, struct patch *p,
	const struct change_content *delta, struct err *err)
{
	if (!delta->path)
		return patch_feed(p, delta->data, delta->len, err) < 0 ? -1 : patch_end(p, err);
	autofd int fd = open(delta->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "%s", delta->path) : feed(c, p, fd, err);
}

int basis_patch(struct node_call *c, const char *path, const struct change_content *delta,
	uint64_t size, const uint8_t *hash, int *fd, struct err *err)
{
	struct stat st;
	autofd int basis = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (basis < 0 || fstat(basis, &st) < 0)
		return err_sys(err, "%s", path);
	*fd = open_nameless(path, err);
	struct file_writer *w = *fd < 0 ? NULL : file_writer_new(*fd, size, 0, err);
	if (!w)
		return -1;
	struct tree_sink out = file_writer_sink(w);
	struct patch *p = patch_new(basis, (uint64_t)st.st_size, &out, size);
	int result = feed_content(c, p, delta, err);
	patch_free(p);
	if (result == 0)
		result = file_writer_end(w, hash, err);
	file_writer_free(w);
	return result;
}
