/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that read: SIGNATURE, FILE_READ, MANIFEST_MAKE, MANIFEST_REHASH.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/request.h"
#include "node/session.h"
#include "tree/delta.h"
#include "tree/hashcache.h"
#include "tree/manifest.h"

#define SIGN_OF_LIFE_NS 1000000000LL /* while a pace is kept */

/* Opens the file of a range; its size goes to *size. */
static int open_file(
	struct request *q, const struct wire_range *g, uint64_t *size, struct err *err)
{
	struct stat st;

	if (root_check_version(g->version, err) < 0)
		return -1;
	request_about(q, g->path);
	autofree char *path = xasprintf("%s/%s", g->version, g->path);
	autofd int fd = beneath_open(q->root->fd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return root_error(q->root, path, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s/%s is no file", q->root->path, path);
	*size = (uint64_t)st.st_size;
	int result = fd;
	fd = -1;
	return result;
}

static struct fd_range range_of(int fd, uint64_t size, uint64_t offset, uint64_t length)
{
	uint64_t left = offset < size ? size - offset : 0;

	return (struct fd_range){
		.fd = fd, .offset = offset, .left = left < length ? left : length};
}

int op_file_read(struct request *q, struct err *err)
{
	struct wire_range g;
	uint64_t size;
	uint8_t buffer[16384];
	ssize_t got;

	if (wire_get_range(q->frame, &g, err) < 0)
		return -1;
	if (g.length > WIRE_READ_MAX || g.block_len || g.strong_len)
		return err_set(err, ERR_LIMIT, "a range of %llu bytes; at most %u",
			(unsigned long long)g.length, WIRE_READ_MAX);
	autofd int fd = open_file(q, &g, &size, err);
	if (fd < 0)
		return -1;
	struct fd_range range = range_of(fd, size, g.offset, g.length);
	struct tree_source source = fd_range_source(&range);
	while ((got = source.read(source.arg, buffer, sizeof(buffer), err)) > 0) {
		if (request_bytes(q, buffer, (size_t)got, err) < 0)
			return -1;
	}
	return (int)got;
}

/* Passes on a signature without its head. */
struct beheaded {
	struct request *q;
	size_t skip;
};

static int write_sums(void *arg, const void *data, size_t n, struct err *err)
{
	struct beheaded *b = arg;
	size_t skip = n < b->skip ? n : b->skip;

	b->skip -= skip;
	return request_bytes(b->q, (const uint8_t *)data + skip, n - skip, err);
}

static int check_signature(const struct wire_range *g, struct err *err)
{
	if (g->block_len < DELTA_BLOCK_MIN || g->block_len > DELTA_BLOCK_MAX ||
		g->strong_len != DELTA_STRONG_LEN || g->offset % g->block_len != 0)
		return err_set(err, ERR_UNSUPPORTED,
			"signature with blocks of %u bytes, sums of %u, from %llu: not made "
			"here",
			g->block_len, g->strong_len, (unsigned long long)g->offset);
	if (signature_size(g->length, g->block_len) > WIRE_READ_MAX)
		return err_set(err, ERR_LIMIT,
			"a signature of more than %u bytes: ask in ranges", WIRE_READ_MAX);
	return 0;
}

int op_signature(struct request *q, struct err *err)
{
	struct wire_range g;
	uint64_t size;
	struct beheaded b = {.q = q, .skip = SIGNATURE_HEAD_SIZE};
	struct tree_sink sink = {.write = write_sums, .arg = &b};

	if (wire_get_range(q->frame, &g, err) < 0 || check_signature(&g, err) < 0)
		return -1;
	autofd int fd = open_file(q, &g, &size, err);
	if (fd < 0)
		return -1;
	struct fd_range range = range_of(fd, size, g.offset, g.length);
	struct tree_source source = fd_range_source(&range);
	return signature_make(&source, g.block_len, &sink, err);
}

/* The manifest of a version as the answer; with a cache what is known is not read. */
static int tell_manifest(struct request *q, const char *version,
	const struct manifest_options *o, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct manifest m;

	if (root_check_version(version, err) < 0)
		return -1;
	request_about(q, version);
	autofree char *label = xasprintf("%s/%s", q->root->path, version);
	autofd int dir = beneath_open(q->root->fd, version, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return root_error(q->root, version, err);
	if (manifest_build(dir, label, o, &m, err) < 0)
		return -1;
	manifest_write(&m, &text);
	manifest_release(&m);
	if (text.len > MANIFEST_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the manifest of %s has more than %u bytes",
			label, MANIFEST_BYTES_MAX);
	return request_bytes(q, text.data, text.len, err);
}

int op_manifest_make(struct request *q, struct err *err)
{
	struct wire_version_ref v;

	if (wire_get_version_ref(q->frame, &v, err) < 0)
		return -1;
	struct hash_cache *cache = session_hash_cache();
	const struct manifest_options o = {
		.cache = cache, .progress = request_progress, .progress_arg = q};
	int result = tell_manifest(q, v.version, &o, err);
	if (cache)
		hash_cache_save(cache, NULL);
	hash_cache_free(cache);
	return result;
}

/* Reading that is to take its time. */
struct pace {
	struct request *q;
	uint64_t bytes_per_second, done;
	int64_t started_ns;
};

/* Waits until the bytes so far may have been read, with a sign of life now and then. */
static int keep_pace(void *arg, uint64_t bytes, struct err *err)
{
	struct pace *p = arg;

	p->done += bytes;
	if (request_progress(p->q, bytes, err) < 0)
		return -1;
	if (!p->bytes_per_second)
		return 0;
	int64_t due =
		p->started_ns + (int64_t)((double)p->done * 1e9 / (double)p->bytes_per_second);
	for (int64_t now; (now = clock_ns()) < due;) {
		wait_until(
			due - now < SIGN_OF_LIFE_NS ? due : now + SIGN_OF_LIFE_NS, NULL, NULL);
		if (request_progress(p->q, 0, err) < 0)
			return -1;
	}
	return 0;
}

int op_manifest_rehash(struct request *q, struct err *err)
{
	struct wire_rehash h;

	if (wire_get_rehash(q->frame, &h, err) < 0)
		return -1;
	struct pace pace = {
		.q = q, .bytes_per_second = h.bytes_per_second, .started_ns = clock_ns()};
	const struct manifest_options o = {
		.fresh = true, .progress = keep_pace, .progress_arg = &pace};
	return tell_manifest(q, h.version, &o, err);
}
