/* SPDX-License-Identifier: Apache-2.0 */
#include "node/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "tree/hashcache.h"
#include "wire/message.h"

#define HEAD            "modelfleet-record 1\n"
#define HEAD_SIZE       (sizeof(HEAD) - 1)
#define RECORD_FILE_MAX (MANIFEST_BYTES_MAX + MANIFEST_ENTRIES_MAX * RECORD_STAT_SIZE + 64)

void record_release(struct record *rec)
{
	manifest_release(&rec->manifest);
	free(rec->stats);
	*rec = (struct record){0};
}

static void digest_of(const void *data, size_t n, uint8_t out[TREE_HASH_SIZE])
{
	struct tree_hash *h = tree_hash_new();

	tree_hash_add(h, data, n);
	tree_hash_get(h, out);
	tree_hash_free(h);
}

static void get_stat(struct msg_reader *r, struct record_stat *rs)
{
	rs->size = msg_u64(r);
	rs->ino = msg_u64(r);
	rs->mtime_s = msg_i64(r);
	rs->ctime_s = msg_i64(r);
	rs->mtime_ns = msg_u32(r);
	rs->ctime_ns = msg_u32(r);
	rs->state = msg_u8(r);
	msg_raw(r, rs->hash, TREE_HASH_SIZE);
}

static void put_stat(struct msg_writer *w, const struct record_stat *rs)
{
	msg_put_u64(w, rs->size);
	msg_put_u64(w, rs->ino);
	msg_put_i64(w, rs->mtime_s);
	msg_put_i64(w, rs->ctime_s);
	msg_put_u32(w, rs->mtime_ns);
	msg_put_u32(w, rs->ctime_ns);
	msg_put_u8(w, rs->state);
	msg_put_raw(w, rs->hash, TREE_HASH_SIZE);
}

/* Parses a record's file: true when it is whole. */
static bool parse(const struct strbuf *content, struct record *out)
{
	uint8_t digest[TREE_HASH_SIZE];
	struct msg_reader r;
	size_t n;

	if (content->len < HEAD_SIZE + TREE_HASH_SIZE ||
		memcmp(content->data, HEAD, HEAD_SIZE) != 0)
		return false;
	size_t end = content->len - TREE_HASH_SIZE;
	digest_of(content->data, end, digest);
	if (memcmp(digest, content->data + end, TREE_HASH_SIZE) != 0)
		return false;
	msg_read(&r, content->data + HEAD_SIZE, end - HEAD_SIZE);
	const uint8_t *manifest = msg_bytes(&r, &n);
	if (manifest_parse(&out->manifest, manifest, n, NULL) < 0)
		return false;
	out->stats = xcalloc(out->manifest.count + 1, sizeof(*out->stats));
	for (size_t i = 0; i < out->manifest.count; i++)
		get_stat(&r, &out->stats[i]);
	return msg_end(&r, "record", NULL) == 0;
}

static char *record_path(const char *flat)
{
	return xasprintf(ROOT_VERIFIED "/%s", flat);
}

static int read_all(int fd, struct strbuf *out, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat");
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)RECORD_FILE_MAX)
		return 0;
	strbuf_reserve(out, (size_t)st.st_size);
	ssize_t got = fd_read_full(fd, out->data, (size_t)st.st_size);
	if (got < 0)
		return err_sys(err, "read");
	out->len = (size_t)got;
	out->data[got] = '\0';
	return 0;
}

int record_load(const struct root *r, const char *flat, struct record *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	autofree char *path = record_path(flat);
	autofd int fd = beneath_open(r->fd, path, O_RDONLY | O_NONBLOCK, 0);

	*out = (struct record){0};
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open %s/%s", r->path, path);
	strbuf_reserve(&content, 1);
	if (read_all(fd, &content, err) < 0)
		return err_wrap(err, "%s/%s", r->path, path);
	if (parse(&content, out))
		return 1;
	record_release(out);
	return 0;
}

static void serialise(const struct record *rec, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf manifest = STRBUF_INIT;
	uint8_t digest[TREE_HASH_SIZE];
	struct msg_writer w;

	manifest_write(&rec->manifest, &manifest);
	size_t room = 4 + manifest.len + rec->manifest.count * RECORD_STAT_SIZE;
	strbuf_add(out, HEAD, HEAD_SIZE);
	strbuf_reserve(out, room + TREE_HASH_SIZE);
	msg_begin(&w, out->data + out->len, room);
	msg_put_bytes(&w, manifest.data, manifest.len);
	for (size_t i = 0; i < rec->manifest.count; i++)
		put_stat(&w, &rec->stats[i]);
	out->len += w.len;
	digest_of(out->data, out->len, digest);
	strbuf_add(out, digest, TREE_HASH_SIZE);
}

/*
 * No fsync: the record is written after the data it speaks of is on the disk, and one that
 * a crash damaged counts as none, which only costs reading the version once more.
 */
int record_save(
	const struct root *r, const char *flat, const struct record *rec, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	autofree char *path = record_path(flat);
	autofree char *temporary = xasprintf(ROOT_VERIFIED "/.%s", flat);
	autofd int fd = beneath_open(r->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	serialise(rec, &content);
	if (fd < 0 || fd_write_all(fd, content.data, content.len) < 0 ||
		beneath_rename(r->fd, temporary, r->fd, path, 0) < 0)
		return err_sys(err, "write %s/%s", r->path, path);
	return 0;
}

int record_remove(const struct root *r, const char *flat, struct err *err)
{
	autofree char *path = record_path(flat);

	return beneath_remove(r->fd, path) < 0 ? err_sys(err, "remove %s/%s", r->path, path)
					       : 0;
}

bool record_holds(const struct record_stat *rs, const struct stat *st)
{
	return (rs->state == RECORD_GOOD || rs->state == RECORD_OTHER) &&
	       S_ISREG(st->st_mode) && rs->size == (uint64_t)st->st_size &&
	       rs->ino == st->st_ino && rs->mtime_s == st->st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == (long)rs->mtime_ns && rs->ctime_s == st->st_ctim.tv_sec &&
	       st->st_ctim.tv_nsec == (long)rs->ctime_ns;
}

void record_note(struct record_stat *rs, const struct stat *st, enum record_state state,
	const uint8_t *hash)
{
	*rs = (struct record_stat){.size = (uint64_t)st->st_size,
		.ino = st->st_ino,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
		.state = (uint8_t)(stat_is_racy(st) ? RECORD_STALE : state)};
	if (hash)
		memcpy(rs->hash, hash, TREE_HASH_SIZE);
}

bool record_hash(const struct record *rec, size_t index, uint8_t out[TREE_HASH_SIZE])
{
	static const uint8_t zeros[TREE_HASH_SIZE];
	const struct record_stat *rs = &rec->stats[index];
	const uint8_t *hash =
		rs->state == RECORD_GOOD ? rec->manifest.entries[index].hash : rs->hash;

	if (rs->state != RECORD_GOOD &&
		(rs->state != RECORD_OTHER || memcmp(hash, zeros, TREE_HASH_SIZE) == 0))
		return false;
	memcpy(out, hash, TREE_HASH_SIZE);
	return true;
}

static int visit_one(
	const struct root *r, const char *flat, record_visit visit, void *arg, struct err *err)
{
	struct record rec;
	bool changed = false;
	autofree char *version = root_unflatten(flat);

	if (!version)
		return 0;
	int found = record_load(r, flat, &rec, err);
	if (found <= 0)
		return found;
	int result = visit(arg, version, &rec, &changed, err);
	if (result >= 0 && changed)
		result = record_save(r, flat, &rec, err);
	record_release(&rec);
	return result;
}

int record_each(const struct root *r, record_visit visit, void *arg, struct err *err)
{
	int result = 0;
	int fd = beneath_open(r->fd, ROOT_VERIFIED, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd < 0 && errno == ENOENT)
		return 0;
	if (!dir) {
		err_sys(err, "open %s/" ROOT_VERIFIED, r->path);
		fd_close(&fd);
		return -1;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			result = visit_one(r, entry->d_name, visit, arg, err);
	}
	closedir(dir);
	return result < 0 ? -1 : 0;
}
