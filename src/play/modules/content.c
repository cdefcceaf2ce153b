/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/content.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "play/diff.h"
#include "play/modules/forward.h"
#include "play/runner.h"
#include "tree/hash.h"

/* What is known of a content before the node is asked. */
struct facts {
	uint64_t size;
	uint8_t hash[TREE_HASH_SIZE];
	char md5[DIGEST_HEX_MAX]; /* "" where md5 is not allowed */
};

/* What the node says of the content, besides what goes into the result. */
static const char *const private_keys[] = {"differs", "need", "before"};

const char *content_mode_of(struct module_call *c, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		err_sys(err, "%s", path);
		return NULL;
	}
	return arena_printf(c->arena, "%04o", (unsigned)(st.st_mode & 07777));
}

static int hash_file(const struct content *content, struct facts *f, struct err *err)
{
	autofd int fd = open(content->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	unsigned char md5[DIGEST_MAX];

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "%s", content->path);
	f->size = (uint64_t)st.st_size;
	struct tree_hash *h = tree_hash_new();
	int rc = tree_hash_fd(fd, f->size, h, NULL, NULL, err);
	tree_hash_get(h, f->hash);
	tree_hash_free(h);
	if (rc < 0)
		return err_wrap(err, "%s", content->path);
	if (digest_fd(DIGEST_MD5, fd, md5, NULL) == 0)
		hex_encode(md5, digest_size(DIGEST_MD5), f->md5);
	return 0;
}

static int look(const struct content *content, struct facts *f, struct err *err)
{
	if (content->remote)
		return 0;
	if (content->path)
		return hash_file(content, f, err);
	f->size = content->len;
	struct tree_hash *h = tree_hash_new();
	tree_hash_add(h, content->data, content->len);
	tree_hash_get(h, f->hash);
	tree_hash_free(h);
	if (digest_hex(DIGEST_MD5, content->data, content->len, f->md5, NULL) < 0)
		f->md5[0] = 0;
	return 0;
}

static struct value *arguments_for(struct module_call *c, const struct content *content)
{
	static const char *const passed[] = {
		CONTENT_ATTRIBUTE_NAMES, "directory_mode", "force", "backup", "validate", NULL};
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, content->dest));
	if (content->name)
		value_dict_set(
			c->arena, args, "basename", value_new_string(c->arena, content->name));
	if (content->mode)
		value_dict_set(
			c->arena, args, "mode", value_new_string(c->arena, content->mode));
	value_dict_set(c->arena, args, "follow", value_bool(content->follow));
	if (content->replace)
		value_dict_set(c->arena, args, "force", &value_true);
	forward_into(c, args, passed);
	return args;
}

static void add_hash(struct module_call *c, struct value *args, const struct facts *f)
{
	value_dict_set(c->arena, args, "size", value_new_int(c->arena, (int64_t)f->size));
	value_dict_set(c->arena, args, "hash",
		value_new_text(c->arena, VALUE_BYTES, (const char *)f->hash, TREE_HASH_SIZE));
}

static int send_content(struct module_call *c, const struct content *content,
	struct value *args, struct err *err)
{
	return content->path ? runner_put_file(c, args, "content", content->path, err)
			     : runner_put_content(
				       c, args, "content", content->data, content->len, err);
}

static bool is_set(const struct value *answer, const char *key)
{
	const struct value *v = value_dict_get(answer, key);

	return v && value_truthy(v);
}

/* Asks by hash, and again with the content when the node needs it. */
static const struct value *exchange(struct module_call *c, const struct content *content,
	const struct facts *f, struct err *err)
{
	struct value *args = arguments_for(c, content);
	const struct value *first = NULL;

	if (content->remote) {
		value_dict_set(c->arena, args, "remote_src",
			value_new_string(c->arena, content->remote));
		return runner_ask_node(c, "copy", args, err);
	}
	if (c->check || f->size > CONTENT_INLINE_MAX) {
		add_hash(c, args, f);
		first = runner_ask_node(c, "copy", args, err);
		if (!first || c->check || !is_set(first, "need"))
			return first;
		args = arguments_for(c, content);
	}
	if (send_content(c, content, args, err) < 0)
		return NULL;
	return runner_ask_node(c, "copy", args, err);
}

static bool is_private(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(private_keys); i++)
		if (strcmp(private_keys[i], key) == 0)
			return true;
	return false;
}

static const char *text_of(const struct value *answer, const char *key, const char *otherwise)
{
	const char *text = value_text(value_dict_get(answer, key));

	return text ? text : otherwise;
}

static int set_diff(struct module_call *c, const struct content *content, const struct facts *f,
	const struct value *answer, struct err *err)
{
	const struct value *was = value_dict_get(answer, "before");
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct diff_side after = {.header = content->source ? content->source : content->dest,
		.data = content->data,
		.len = content->len,
		.larger = f->size > DIFF_CONTENT_MAX};
	struct diff_side before = {.header = content->follow
						     ? content->dest
						     : text_of(answer, "dest", content->dest),
		.larger = !was};

	if (content->path && !after.larger) {
		if (file_read(content->path, DIFF_CONTENT_MAX, &text, err) < 0)
			return -1;
		after.data = text.data;
		after.len = text.len;
	}
	if (was && value_is_textual(was)) {
		before.data = was->text;
		before.len = was->len;
		before.larger = was->len > DIFF_CONTENT_MAX;
	}
	struct value *list = value_new_list(c->arena);
	value_list_add(c->arena, list, diff_of_contents(c->arena, &before, &after));
	call_set(c, "diff", list);
	return 0;
}

/* The keys by which Ansible's copy tells a file that was written from one that was there. */
static int complete(struct module_call *c, const struct content *content, const struct facts *f,
	const struct value *answer, struct err *err)
{
	bool differs = is_set(answer, "differs");

	value_dict_foreach (p, answer)
		if (!is_private(p->key->text) &&
			!(content->remote && strcmp(p->key->text, "diff") == 0))
			call_set(c, p->key->text, p->value);
	if (!differs) {
		const struct value *dest = value_dict_get(answer, "dest");
		if (dest && !content->remote)
			call_set(c, "path", dest);
		return 0;
	}
	if (f->md5[0] && !c->check)
		call_set_text(c, "md5sum", f->md5);
	if (content->source)
		call_set_text(c, "src", content->source);
	return c->diff && !content->remote ? set_diff(c, content, f, answer, err) : 0;
}

int content_put(struct module_call *c, const struct content *content, struct err *err)
{
	struct facts f = {0};

	call_set_bool(c, "changed", false);
	if (look(content, &f, err) < 0)
		return -1;
	const struct value *answer = exchange(c, content, &f, err);
	return answer ? complete(c, content, &f, answer, err) : -1;
}
