/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache in memory is a table of slots by device and inode; an inode has one entry. The
 * file is a header, the entries as the table holds them, and an XXH3-128 of both: it is read
 * only by the program that wrote it, on the machine that wrote it, so its numbers are in the
 * machine's own order.
 */
#include "tree/hashcache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/strmap.h"

#define HEAD          "modelfleet-hashes 1\n"
#define HEAD_SIZE     (sizeof(HEAD) - 1)
#define ENTRIES_MAX   100000u
#define SLOTS_MIN     1024u
#define UNUSED_DAYS   90
#define DAY           86400
#define RACY_FINE_NS  12000000LL /* more than a tick of any kernel's clock */
#define RACY_COARSE_S 2          /* filesystems that count whole seconds */

struct cached {
	uint64_t dev; /* dev and ino 0: a free slot */
	uint64_t ino;
	uint64_t size;
	int64_t mtime_s, mtime_ns;
	int64_t ctime_s, ctime_ns;
	int64_t used; /* day of the last use, in seconds; 0: forgotten, and not written */
	uint8_t hash[TREE_HASH_SIZE];
};

struct hash_cache {
	pthread_mutex_t lock;
	char *path;
	struct cached *slots;
	size_t slot_count;
	size_t count;
	bool changed;
};

bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool stat_is_racy(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* Whoever changes a file sets its ctime to the present: only a ctime that is the
	 * present can hide a change. mtime can be set at will and says nothing here. */
	int64_t age = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000LL + now.tv_nsec -
		      st->st_ctim.tv_nsec;
	if (st->st_ctim.tv_nsec == 0)
		return age >= -RACY_COARSE_S * 1000000000LL &&
		       age < RACY_COARSE_S * 1000000000LL;
	return age > -RACY_FINE_NS && age < RACY_FINE_NS;
}

static struct cached *slot_of(const struct hash_cache *c, uint64_t dev, uint64_t ino)
{
	uint64_t key[2] = {dev, ino};
	size_t i = (size_t)str_hash((const char *)key, sizeof(key));

	for (;; i++) {
		struct cached *e = &c->slots[i & (c->slot_count - 1)];
		if ((e->dev == dev && e->ino == ino) || (e->dev == 0 && e->ino == 0))
			return e;
	}
}

static void insert(struct hash_cache *c, const struct cached *e)
{
	struct cached *slot = slot_of(c, e->dev, e->ino);

	c->count += slot->ino == 0 && slot->dev == 0;
	*slot = *e;
}

static void grow(struct hash_cache *c)
{
	struct cached *old = c->slots;
	size_t old_count = c->slot_count;

	if (c->slots && (c->count + 1) * 2 <= c->slot_count)
		return;
	c->slot_count = old_count ? old_count * 2 : SLOTS_MIN;
	c->slots = xcalloc(c->slot_count, sizeof(*c->slots));
	c->count = 0;
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].ino != 0 || old[i].dev != 0)
			insert(c, &old[i]);
	}
	free(old);
}

static void digest_of(const void *data, size_t n, uint8_t out[TREE_HASH_SIZE])
{
	struct tree_hash *h = tree_hash_new();

	tree_hash_add(h, data, n);
	tree_hash_get(h, out);
	tree_hash_free(h);
}

/* Takes what a file holds; a file that is damaged in any way counts as empty. */
static void take(struct hash_cache *c, const struct strbuf *content)
{
	uint8_t digest[TREE_HASH_SIZE];
	struct cached e;

	if (content->len < HEAD_SIZE + TREE_HASH_SIZE ||
		memcmp(content->data, HEAD, HEAD_SIZE) != 0)
		return;
	size_t end = content->len - TREE_HASH_SIZE;
	digest_of(content->data, end, digest);
	if (memcmp(digest, content->data + end, TREE_HASH_SIZE) != 0)
		return;
	for (size_t at = HEAD_SIZE; at + sizeof(e) <= end; at += sizeof(e)) {
		memcpy(&e, content->data + at, sizeof(e));
		grow(c);
		insert(c, &e);
	}
}

struct hash_cache *hash_cache_open(const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	struct err why = {0};

	if (file_read(path, ENTRIES_MAX * sizeof(struct cached) + 64, &content, &why) < 0 &&
		why.code != ERR_NOTFOUND && why.code != ERR_LIMIT) {
		if (err)
			*err = why;
		return NULL;
	}
	struct hash_cache *c = xcalloc(1, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	c->path = xstrdup(path);
	grow(c);
	if (why.code == ERR_NONE)
		take(c, &content);
	return c;
}

void hash_cache_free(struct hash_cache *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->slots);
	free(c->path);
	free(c);
}

static struct cached describe(const struct stat *st)
{
	return (struct cached){.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = st->st_ctim.tv_nsec,
		.used = time(NULL) / DAY * DAY};
}

bool hash_cache_get(struct hash_cache *c, const struct stat *st, uint8_t hash[TREE_HASH_SIZE])
{
	struct cached now = describe(st);

	pthread_mutex_lock(&c->lock);
	struct cached *e = slot_of(c, now.dev, now.ino);
	bool known = e->size == now.size && e->mtime_s == now.mtime_s &&
		     e->mtime_ns == now.mtime_ns && e->ctime_s == now.ctime_s &&
		     e->ctime_ns == now.ctime_ns && e->ino == now.ino && e->dev == now.dev;
	if (known) {
		memcpy(hash, e->hash, TREE_HASH_SIZE);
		c->changed |= e->used != now.used;
		e->used = now.used;
	}
	pthread_mutex_unlock(&c->lock);
	return known;
}

bool hash_cache_recall(
	struct hash_cache *c, const struct stat *st, uint8_t hash[TREE_HASH_SIZE])
{
	struct cached now = describe(st);

	pthread_mutex_lock(&c->lock);
	const struct cached *e = slot_of(c, now.dev, now.ino);
	bool known = e->ino == now.ino && e->dev == now.dev && e->size == now.size &&
		     e->mtime_s == now.mtime_s && e->mtime_ns == now.mtime_ns;
	if (known)
		memcpy(hash, e->hash, TREE_HASH_SIZE);
	pthread_mutex_unlock(&c->lock);
	return known;
}

void hash_cache_put(
	struct hash_cache *c, const struct stat *st, const uint8_t hash[TREE_HASH_SIZE])
{
	struct cached e = describe(st);

	if (stat_is_racy(st))
		return;
	memcpy(e.hash, hash, TREE_HASH_SIZE);
	pthread_mutex_lock(&c->lock);
	if (c->count < ENTRIES_MAX) {
		grow(c);
		insert(c, &e);
		c->changed = true;
	}
	pthread_mutex_unlock(&c->lock);
}

void hash_cache_forget(struct hash_cache *c, const struct stat *st)
{
	pthread_mutex_lock(&c->lock);
	struct cached *e = slot_of(c, st->st_dev, st->st_ino);
	if (e->ino == st->st_ino && e->dev == st->st_dev && e->used) {
		/* The slot stays taken: what was put behind it is found through it. */
		e->size = UINT64_MAX;
		e->used = 0;
		c->changed = true;
	}
	pthread_mutex_unlock(&c->lock);
}

static void serialise(const struct hash_cache *c, struct strbuf *out)
{
	uint8_t digest[TREE_HASH_SIZE];
	int64_t oldest = time(NULL) - (int64_t)UNUSED_DAYS * DAY;

	strbuf_add(out, HEAD, HEAD_SIZE);
	for (size_t i = 0; i < c->slot_count; i++) {
		const struct cached *e = &c->slots[i];
		if ((e->ino != 0 || e->dev != 0) && e->used >= oldest)
			strbuf_add(out, e, sizeof(*e));
	}
	digest_of(out->data, out->len, digest);
	strbuf_add(out, digest, sizeof(digest));
}

int hash_cache_save(struct hash_cache *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	autofree char *dir = path_dirname(c->path);

	pthread_mutex_lock(&c->lock);
	bool changed = c->changed;
	if (changed)
		serialise(c, &content);
	c->changed = false;
	pthread_mutex_unlock(&c->lock);
	if (!changed)
		return 0;
	if (path_mkdirs(dir, 0700, err) < 0)
		return -1;
	return file_replace(c->path, content.data, content.len, 0600, err);
}
