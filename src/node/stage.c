/* SPDX-License-Identifier: Apache-2.0 */
#include "node/stage.h"

#include "base/fd.h"

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
