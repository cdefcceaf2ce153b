/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deltas: the target tells the signature of the file that it has, and gets what differs. Each
 * target has a delta of its own, made here.
 */
#include "play/modules/synchronize.h"

#include <unistd.h>

#include "base/fd.h"
#include "play/runner.h"
#include "tree/delta.h"
#include "tree/hash.h"

#define WORTH 0.8 /* a delta that is larger than this share of the file is not sent */

/* Bytes in memory, read in pieces. */
struct reading {
	const char *data;
	size_t left;
};

static ssize_t read_memory(void *arg, void *buffer, size_t n, struct err *err)
{
	struct reading *r = arg;
	size_t take = n < r->left ? n : r->left;

	(void)err;
	memcpy(buffer, r->data, take);
	r->data += take;
	r->left -= take;
	return (ssize_t)take;
}

/* The signature of what the target has; *out is NULL where it is too large to have one. */
static int ask_signature(struct module_call *c, const struct synchronize_transfer *t,
	const char *name, struct signature **out, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	struct err why = {0};

	*out = NULL;
	value_dict_set(c->arena, args, "path",
		value_new_string(c->arena, arena_printf(c->arena, "%s/%s", t->dest, name)));
	const struct value *answer = runner_ask_node(c, "signature", args, &why);
	if (!answer)
		return why.code == ERR_LIMIT ? 0 : err_set(err, why.code, "%s", why.text);
	const struct value *text = value_dict_get(answer, "signature");
	if (!text || !value_is_textual(text))
		return err_set(err, ERR_PROTOCOL, "signature: the node's answer lacks it");
	struct reading r = {text->text, text->len};
	struct tree_source source = {.read = read_memory, .arg = &r};
	*out = signature_load(&source, err);
	return *out ? 0 : -1;
}

/* The delta on its way into a file. */
struct writing {
	int fd;
	struct tree_hash *hash;
};

static int write_delta(void *arg, const void *data, size_t n, struct err *err)
{
	struct writing *w = arg;

	tree_hash_add(w->hash, data, n);
	return fd_write_all(w->fd, data, n) < 0 ? err_sys(err, "write") : 0;
}

/* Makes the delta: its size, 0 when it does not pay, -1 with err. */
static int64_t make(const struct synchronize_entry *e, int fd, struct signature *s, int to,
	uint8_t *hash, struct err *err)
{
	struct fd_range range = {.fd = fd, .left = (uint64_t)e->st.st_size};
	struct tree_source source = fd_range_source(&range);
	struct writing w = {.fd = to, .hash = tree_hash_new()};
	struct tree_sink sink = {.write = write_delta, .arg = &w};
	struct delta_stats stats;

	int result = delta_make(s, &source, &sink, &stats, err);
	tree_hash_get(w.hash, hash);
	tree_hash_free(w.hash);
	if (result < 0)
		return -1;
	bool pays = (double)stats.out < WORTH * (double)e->st.st_size;
	return result == DELTA_DONE && pays ? (int64_t)stats.out : 0;
}

/* The hash of what the delta makes. */
static int hash_of(const struct synchronize_entry *e, int fd, const uint8_t *known,
	uint8_t *hash, struct err *err)
{
	if (known) {
		memcpy(hash, known, TREE_HASH_SIZE);
		return 0;
	}
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(fd, (uint64_t)e->st.st_size, h, NULL, NULL, err);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	return result;
}

static int put(struct module_call *c, const struct synchronize_file *file, int fd,
	const uint8_t *hash, struct signature *s, struct value *change, struct err *err)
{
	const struct synchronize_entry *e = file->entry;
	uint8_t of_delta[TREE_HASH_SIZE], of_file[TREE_HASH_SIZE];
	autofd int spool = synchronize_spool(err);

	int64_t size = spool < 0 ? -1 : make(e, fd, s, spool, of_delta, err);
	if (size <= 0)
		return (int)size;
	if (hash_of(e, fd, hash, of_file, err) < 0 ||
		runner_put_fd(c, change, "delta", spool, (uint64_t)size, of_delta, err) < 0)
		return -1;
	value_dict_set(c->arena, change, "size", value_new_int(c->arena, e->st.st_size));
	value_dict_set(c->arena, change, "hash",
		value_new_text(c->arena, VALUE_BYTES, (const char *)of_file, TREE_HASH_SIZE));
	return 1;
}

int synchronize_delta(struct module_call *c, const struct synchronize_transfer *t,
	const struct synchronize_file *file, int fd, const uint8_t *hash, struct value *change,
	struct err *err)
{
	struct signature *s;

	if (ask_signature(c, t, file->entry->name, &s, err) < 0)
		return -1;
	if (!s)
		return 0;
	int result = put(c, file, fd, hash, s, change, err);
	signature_free(s);
	return result < 0 ? err_wrap(err, "%s", file->entry->path) : result;
}
