/* SPDX-License-Identifier: Apache-2.0 */
#include "node/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

#define OLD_TIME 1600000000

char *world_path(const char *base, const char *name)
{
	return path_join(base, name);
}

int world_make(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	void *dir = NULL;

	if (scratch_make(&dir) < 0)
		return -1;
	w->dir = dir;
	w->store = path_join(w->dir, "store");
	w->root = path_join(w->dir, "root");
	assert_int_equal(mkdir(w->store, 0755), 0);
	client_start(&w->client);
	assert_int_equal(client_root(&w->client, w->root), ERR_NONE);
	w->running = true;
	*state = w;
	return 0;
}

int world_remove(void **state)
{
	struct world *w = *state;
	void *dir = w->dir;

	if (w->running)
		client_stop(&w->client);
	free(w->store);
	free(w->root);
	free(w);
	return scratch_remove(&dir);
}

void world_restart(struct world *w)
{
	client_kill(&w->client);
	client_start(&w->client);
	assert_int_equal(client_root(&w->client, w->root), ERR_NONE);
}

static void make_parent(const char *path)
{
	autofree char *parent = path_dirname(path);

	assert_int_equal(path_mkdirs(parent, 0755, NULL), 0);
}

static void age(const char *path)
{
	struct timespec times[2] = {{.tv_sec = OLD_TIME, .tv_nsec = 123456789},
		{.tv_sec = OLD_TIME, .tv_nsec = 123456789}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

void world_file(const char *base, const char *name, const void *data, size_t n)
{
	autofree char *path = path_join(base, name);

	make_parent(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	close(fd);
	age(path);
}

void world_text(const char *base, const char *name, const char *text)
{
	world_file(base, name, text, strlen(text));
}

uint8_t *world_noise(size_t n, uint64_t seed)
{
	uint8_t *data = xmalloc(n + 8);
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(data + i, &x, 8);
	}
	return data;
}

void world_version(const struct world *w, const char *version, uint64_t seed)
{
	autofree char *base = path_join(w->store, version);
	autofree uint8_t *big = world_noise(300000, seed);
	autofree char *text = xasprintf("labels of %llu\n", (unsigned long long)seed);
	autofree char *link = path_join(base, "sub/link");
	autofree char *dir = path_join(base, "empty dir");
	autofree char *tool = path_join(base, "run me.sh");

	world_file(base, "model.bin", big, 300000);
	world_text(base, "labels.txt", text);
	world_text(base, "sub/deeper/a\nb \xff\xfe.txt", text);
	world_text(base, "sub/empty", "");
	world_text(base, "run me.sh", "#!/bin/sh\n");
	assert_int_equal(symlink("../labels.txt", link), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(tool, 0755), 0);
	age(link);
	age(dir);
}

void world_manifest(const struct world *w, const char *version, struct manifest *m)
{
	autofree char *path = path_join(w->store, version);
	struct err err = {0};

	if (manifest_build_path(path, NULL, m, &err) < 0)
		fail_msg("%s", err.text);
}

void world_same(const char *a, const char *b)
{
	AUTO(strbuf_release) struct strbuf x = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf y = STRBUF_INIT;
	struct manifest m, n;
	struct err err = {0};

	if (manifest_build_path(a, NULL, &m, &err) < 0 ||
		manifest_build_path(b, NULL, &n, &err) < 0)
		fail_msg("%s", err.text);
	manifest_write(&m, &x);
	manifest_write(&n, &y);
	for (size_t i = 0; i < m.count && i < n.count; i++)
		assert_string_equal(m.entries[i].path, n.entries[i].path);
	assert_int_equal(m.count, n.count);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	manifest_release(&m);
	manifest_release(&n);
}

void world_expect(struct world *w, const char *version, const uint8_t *digest, unsigned state,
	const char *drift)
{
	struct checked r;

	client_check(&w->client, version, digest, 0, &r);
	assert_int_equal(r.code, ERR_NONE);
	assert_string_equal(r.drift.data, drift);
	assert_int_equal(r.head.state, state);
	checked_release(&r);
}
