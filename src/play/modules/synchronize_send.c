/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doing what a plan says: the changes go in batches, each file with its attributes. What a node
 * gives comes here first: small files many at a time, a large one into a file without a name.
 */
#include "play/modules/synchronize.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "play/modules/remote.h"
#include "play/runner.h"
#include "tree/hash.h"

#define BATCH_FILES 40         /* blobs of one call: fewer than a helper keeps */
#define BATCH_BYTES 400000u    /* of arguments */
#define BATCH_SPOOL (64 << 20) /* bytes of large files that lie here meanwhile */
#define ENTRY_BYTES 300u       /* of a change without content */
#define INLINE_MAX  16384u     /* bytes of a file that goes with the arguments */

/* The content of one file of a batch. */
struct piece {
	const struct value *bytes; /* of a small file of a node; else NULL */
	int fd;                    /* of a large one; else -1 */
	uint8_t hash[TREE_HASH_SIZE];
};

/* Some changes that follow each other. */
struct batch {
	struct module_call *call;
	const struct synchronize_transfer *transfer;
	size_t first, count;
	struct piece *pieces; /* one for each, where a node has the files */
};

static const struct synchronize_entry *file_of(const struct batch *b, size_t i)
{
	return b->transfer->plan.files[b->first + i].entry;
}

static bool is_small(const struct synchronize_entry *e)
{
	return e->st.st_size <= (off_t)INLINE_MAX;
}

/* How many changes from the first on go together. */
static void measure(struct batch *b)
{
	const struct synchronize_plan *plan = &b->transfer->plan;
	size_t bytes = 0, blobs = 0;
	off_t spool = 0;

	for (b->count = 0; b->first + b->count < plan->changes->count; b->count++) {
		const struct synchronize_entry *e = file_of(b, b->count);
		if (bytes >= BATCH_BYTES || blobs >= BATCH_FILES || spool >= BATCH_SPOOL)
			return;
		blobs += e && !is_small(e);
		bytes += ENTRY_BYTES + (e && is_small(e) ? (size_t)e->st.st_size : 0);
		if (e && !is_small(e) && b->transfer->from_node)
			spool += e->st.st_size;
	}
}

/* ---- from a node ---- */

static int check_size(const struct synchronize_entry *e, uint64_t size, struct err *err)
{
	if (size == (uint64_t)e->st.st_size)
		return 0;
	return err_set(err, ERR_INTEGRITY, "%s changes while it is read", e->path);
}

/* The small files of a batch, with one question. */
static int collect_small(struct batch *b, struct err *err)
{
	struct arena *a = b->call->arena;
	struct value *args = value_new_dict(a), *paths = value_new_list(a);

	for (size_t i = 0; i < b->count; i++)
		if (file_of(b, i) && is_small(file_of(b, i)))
			value_list_add(a, paths, value_new_string(a, file_of(b, i)->path));
	if (paths->count == 0)
		return 0;
	value_dict_set(a, args, "paths", paths);
	const struct value *answer = runner_ask_node(b->call, "read_files", args, err);
	const struct value *contents = answer ? value_dict_get(answer, "contents") : NULL;
	if (!answer)
		return -1;
	if (!contents || contents->kind != VALUE_LIST || contents->count != paths->count)
		return err_set(err, ERR_PROTOCOL, "read_files: the node's answer lacks files");
	for (size_t i = 0, k = 0; i < b->count; i++) {
		const struct synchronize_entry *e = file_of(b, i);
		if (!e || !is_small(e))
			continue;
		b->pieces[i].bytes = contents->items[k++];
		if (!value_is_textual(b->pieces[i].bytes) ||
			check_size(e, b->pieces[i].bytes->len, err) < 0)
			return err_wrap(err, "%s", e->path);
	}
	return 0;
}

/* A file on its way here. */
struct spooling {
	struct piece *piece;
	struct tree_hash *hash;
	uint64_t done;
};

static int spool(void *arg, const void *data, size_t n, struct err *err)
{
	struct spooling *s = arg;

	s->done += n;
	tree_hash_add(s->hash, data, n);
	return fd_write_all(s->piece->fd, data, n) < 0 ? err_sys(err, "write") : 0;
}

int synchronize_spool(struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *name =
		xasprintf("%s/modelfleet-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s", name);
	unlink(name);
	return fd;
}

static int collect_large(
	struct batch *b, const struct synchronize_entry *e, struct piece *p, struct err *err)
{
	struct arena *a = b->call->arena;
	struct value *args = value_new_dict(a);
	struct remote_file file;

	p->fd = synchronize_spool(err);
	if (p->fd < 0)
		return -1;
	struct spooling s = {.piece = p, .hash = tree_hash_new()};
	struct tree_sink sink = {.write = spool, .arg = &s};
	value_dict_set(a, args, "path", value_new_string(a, e->path));
	int result = remote_read(b->call, args, &sink, (uint64_t)e->st.st_size, &file, err);
	tree_hash_get(s.hash, p->hash);
	tree_hash_free(s.hash);
	return result < 0 ? -1 : check_size(e, s.done, err);
}

/* Brings the content of a batch here. */
static int collect(struct batch *b, struct err *err)
{
	for (size_t i = 0; i < b->count; i++)
		b->pieces[i].fd = -1;
	runner_move(b->call, &b->transfer->origin);
	if (collect_small(b, err) < 0)
		return -1;
	for (size_t i = 0; i < b->count; i++)
		if (file_of(b, i) && !is_small(file_of(b, i)) &&
			collect_large(b, file_of(b, i), &b->pieces[i], err) < 0)
			return -1;
	return 0;
}

static void drop(struct batch *b)
{
	for (size_t i = 0; b->pieces && i < b->count; i++)
		if (b->pieces[i].fd >= 0)
			close(b->pieces[i].fd);
}

/* ---- to the target ---- */

/* A delta, where that may pay: 1, or 0 when the content has to go as a whole. */
static int add_delta(struct batch *b, size_t i, struct value *change, struct err *err)
{
	const struct synchronize_file *file = &b->transfer->plan.files[b->first + i];
	const struct piece *p = b->pieces ? &b->pieces[i] : NULL;

	if (file->basis < SYNCHRONIZE_DELTA_MIN ||
		file->entry->st.st_size < SYNCHRONIZE_DELTA_MIN)
		return 0;
	if (p)
		return synchronize_delta(
			b->call, b->transfer, file, p->fd, p->hash, change, err);
	autofd int fd = open(file->entry->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", file->entry->path);
	return synchronize_delta(b->call, b->transfer, file, fd, NULL, change, err);
}

static int add_content(struct batch *b, size_t i, struct value *change, struct err *err)
{
	const struct synchronize_entry *e = file_of(b, i);
	const struct piece *p = b->pieces ? &b->pieces[i] : NULL;

	int delta = add_delta(b, i, change, err);
	if (delta != 0)
		return delta < 0 ? -1 : 0;
	if (!p)
		return runner_put_file(b->call, change, "content", e->path, err);
	if (p->fd >= 0)
		return runner_put_fd(b->call, change, "content", p->fd, (uint64_t)e->st.st_size,
			p->hash, err);
	return runner_put_content(
		b->call, change, "content", p->bytes->text, p->bytes->len, err);
}

static int apply(struct batch *b, struct err *err)
{
	const struct synchronize_transfer *t = b->transfer;
	struct arena *a = b->call->arena;
	struct value *args = value_new_dict(a), *changes = value_new_list(a);

	runner_move(b->call, &t->target);
	for (size_t i = 0; i < b->count; i++) {
		/* The dict is ours to complete. */
		struct value *change =
			(struct value *)(uintptr_t)t->plan.changes->items[b->first + i];
		if (file_of(b, i) && add_content(b, i, change, err) < 0)
			return -1;
		value_list_add(a, changes, change);
	}
	value_dict_set(a, args, "path", value_new_string(a, t->dest));
	value_dict_set(a, args, "changes", changes);
	return runner_ask_node(b->call, "tree_apply", args, err) ? 0 : -1;
}

static int send_batch(struct batch *b, struct err *err)
{
	if (b->transfer->from_node) {
		b->pieces = arena_array(b->call->arena, b->count, sizeof(*b->pieces));
		if (collect(b, err) < 0)
			return -1;
	}
	return apply(b, err);
}

int synchronize_send(
	struct module_call *c, const struct synchronize_transfer *t, struct err *err)
{
	for (size_t done = 0; done < t->plan.changes->count;) {
		struct batch b = {.call = c, .transfer = t, .first = done};
		measure(&b);
		int result = send_batch(&b, err);
		drop(&b);
		if (result < 0)
			return -1;
		done += b.count;
	}
	return 0;
}
