/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/usage.h"

#include "base/vec.h"
#include "tree/walk.h"

#define STAT_BLOCK 512u /* the unit of st_blocks, whatever the filesystem's own */

/* A file with several names, one of which lies here. */
struct shared_name {
	dev_t dev;
	ino_t ino;
	nlink_t names;
	uint64_t frees;
};

struct measuring {
	struct tree_usage *out;
	struct {
		struct shared_name *items;
		size_t count, cap;
	} shared;
};

static uint64_t disk_of(const struct stat *st)
{
	return (uint64_t)st->st_blocks * STAT_BLOCK;
}

static int measure(void *arg, const struct walk_item *item, struct err *err)
{
	struct measuring *m = arg;
	const struct stat *st = &item->st;

	(void)err;
	if (S_ISREG(st->st_mode))
		m->out->bytes += (uint64_t)st->st_size;
	if (S_ISDIR(st->st_mode) || st->st_nlink == 1)
		m->out->frees += disk_of(st);
	else
		*VEC_PUSH(&m->shared) = (struct shared_name){.dev = st->st_dev,
			.ino = st->st_ino,
			.names = st->st_nlink,
			.frees = disk_of(st)};
	return WALK_ON;
}

static int by_inode(const void *a, const void *b)
{
	const struct shared_name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* Files all of whose names lie here go, too. */
static void add_shared(struct measuring *m)
{
	struct shared_name *items = m->shared.items;
	size_t next;

	if (m->shared.count)
		qsort(items, m->shared.count, sizeof(*items), by_inode);
	for (size_t i = 0; i < m->shared.count; i = next) {
		for (next = i + 1; next < m->shared.count; next++)
			if (by_inode(&items[i], &items[next]) != 0)
				break;
		if (next - i == items[i].names)
			m->out->frees += items[i].frees;
	}
}

int tree_usage_measure(int dirfd, struct tree_usage *out, struct err *err)
{
	struct measuring m = {.out = out};
	struct stat st;

	*out = (struct tree_usage){0};
	if (fstat(dirfd, &st) < 0)
		return err_sys(err, "stat the directory");
	out->frees = disk_of(&st);
	int result = tree_walk(dirfd, measure, &m, err);
	add_shared(&m);
	free(m.shared.items);
	return result;
}

void tree_usage_freed(void *freed, const struct stat *st)
{
	uint64_t *bytes = freed;

	if (S_ISDIR(st->st_mode) || st->st_nlink == 1)
		*bytes += disk_of(st);
}
