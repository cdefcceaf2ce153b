/* SPDX-License-Identifier: Apache-2.0 */
#include "node/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "node/put.h"

struct stage *stage_new(struct root *r, const char *version)
{
	struct stage *s = xcalloc(1, sizeof(*s));

	s->root = r;
	s->version = xstrdup(version);
	s->flat = root_flat_name(version);
	strbuf_init(&s->incoming);
	s->dir_fd = s->tree_fd = s->part_fd = s->version_fd = -1;
	return s;
}

void stage_free(struct stage *s)
{
	if (!s)
		return;
	put_free(s->put);
	fd_close(&s->dir_fd);
	fd_close(&s->tree_fd);
	fd_close(&s->part_fd);
	fd_close(&s->version_fd);
	strbuf_release(&s->incoming);
	strlist_release(&s->siblings);
	manifest_release(&s->manifest);
	free(s->entries);
	free(s->version);
	free(s->flat);
	free(s);
}

struct root *stage_root(const struct stage *s)
{
	return s->root;
}

int stage_discard(struct stage *s, struct err *err)
{
	autofree char *path = xasprintf(ROOT_STAGING "/%s", s->flat);

	return beneath_remove(s->root->fd, path) < 0
		       ? err_sys(err, "remove %s/%s", s->root->path, path)
		       : 0;
}

void stage_part_name(const struct manifest_entry *e, char out[STAGE_PART_NAME])
{
	hex_encode(e->hash, TREE_HASH_SIZE, out);
	snprintf(out + 2 * TREE_HASH_SIZE, STAGE_PART_NAME - 2 * TREE_HASH_SIZE, "-%llu",
		(unsigned long long)e->size);
}

int stage_make_parents(const struct stage *s, const struct manifest_entry *e, struct err *err)
{
	const char *slash = strrchr(e->path, '/');

	if (!slash)
		return 0;
	autofree char *parent = xstrndup(e->path, (size_t)(slash - e->path));
	return beneath_mkdirs(s->tree_fd, parent, 0755) < 0
		       ? err_sys(err, "make %s in staging", parent)
		       : 0;
}

int stage_create(const struct stage *s, const struct manifest_entry *e, struct err *err)
{
	int flags = O_RDWR | O_CREAT | O_TRUNC;

	if (stage_make_parents(s, e, err) < 0)
		return -1;
	int fd = beneath_open(s->tree_fd, e->path, flags, 0600);
	return fd < 0 ? err_sys(err, "create %s in staging", e->path) : fd;
}
