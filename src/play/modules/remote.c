/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/remote.h"

#include "play/runner.h"
#include "tree/hash.h"

/* A file on its way here. */
struct reading {
	const struct tree_sink *sink;
	struct tree_hash *hash;
	uint64_t done, max;
	bool end;
};

static int take_piece(struct reading *r, const struct value *answer, struct err *err)
{
	const struct value *piece = value_dict_get(answer, "content");
	const struct value *end = value_dict_get(answer, "end");

	r->end = !piece || !value_is_textual(piece) || !end || value_truthy(end);
	if (!piece || !value_is_textual(piece))
		return 0;
	if (piece->len > r->max - r->done)
		return err_set(
			err, ERR_LIMIT, "more than %llu bytes", (unsigned long long)r->max);
	r->done += piece->len;
	tree_hash_add(r->hash, piece->text, piece->len);
	return r->sink->write(r->sink->arg, piece->text, piece->len, err);
}

static int check_hash(const struct reading *r, const char *wanted, struct err *err)
{
	uint8_t is[TREE_HASH_SIZE];
	char hex[2 * TREE_HASH_SIZE + 1];

	if (!wanted)
		return 0;
	tree_hash_get(r->hash, is);
	hex_encode(is, sizeof(is), hex);
	if (strcmp(hex, wanted) != 0)
		return err_set(err, ERR_INTEGRITY, "changes while it is read");
	return 0;
}

/* The pieces behind the first one. Each has an arena's worth of bytes, so the answers go to
 * arenas of their own. */
static int read_rest(
	struct module_call *c, const struct value *args, struct reading *r, struct err *err)
{
	struct arena *kept = c->arena;
	int result = 0;

	while (result == 0 && !r->end) {
		AUTO(arena_release) struct arena piece = {0};
		c->arena = &piece;
		struct value *more = value_new_dict(&piece);
		value_dict_set(&piece, more, "path", value_dict_get(args, "path"));
		value_dict_set(&piece, more, "offset", value_new_int(&piece, (int64_t)r->done));
		const struct value *answer = runner_ask_node(c, "read", more, err);
		result = answer ? take_piece(r, answer, err) : -1;
		c->arena = kept;
	}
	return result;
}

static const char *text_of(const struct value *answer, const char *key)
{
	return value_text(value_dict_get(answer, key));
}

int remote_read(struct module_call *c, struct value *args, const struct tree_sink *sink,
	uint64_t max, struct remote_file *out, struct err *err)
{
	struct reading r = {.sink = sink, .max = max};
	const char *path = text_of(args, "path");

	out->answer = runner_ask_node(c, "read", args, err);
	if (!out->answer)
		return -1;
	out->kind = text_of(out->answer, "kind");
	out->path = text_of(out->answer, "path");
	out->hash = text_of(out->answer, "hash");
	if (!out->kind || !out->path)
		return err_set(err, ERR_PROTOCOL, "read: the node's answer lacks fields");
	if (strcmp(out->kind, "file") != 0)
		return 0;
	r.hash = tree_hash_new();
	int result = take_piece(&r, out->answer, err);
	if (result == 0)
		result = read_rest(c, args, &r, err);
	if (result == 0)
		result = check_hash(&r, out->hash, err);
	tree_hash_free(r.hash);
	return result < 0 ? err_wrap(err, "%s", path) : 0;
}

int remote_text(struct module_call *c, const char *path, struct strbuf *out, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	struct tree_sink sink = strbuf_sink(out);
	struct remote_file file;

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	if (remote_read(c, args, &sink, REMOTE_TEXT_MAX, &file, err) < 0)
		return -1;
	if (strcmp(file.kind, "file") == 0)
		return 0;
	if (strcmp(file.kind, "absent") == 0)
		return err_set(err, ERR_NOTFOUND, "file not found: %s", path);
	if (strcmp(file.kind, "directory") == 0)
		return err_set(
			err, ERR_INPUT, "source is a directory and must be a file: %s", path);
	return err_set(err, ERR_INPUT, "%s is no file", path);
}
