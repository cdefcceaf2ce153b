/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: a text, a file or a tree of files, brought to the node.
 */
#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "inventory/secrets.h"
#include "play/convert.h"
#include "play/modules/content.h"
#include "play/modules/copy.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "value/json.h"

#include <fcntl.h>

static const char *const force_aliases[] = {"thirsty", NULL};
static const struct argument arguments[] = {
	{.name = "src"},
	{.name = "content", .type = ARGUMENT_RAW, .secret = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	CONTENT_ATTRIBUTES,
	{.name = "directory_mode", .type = ARGUMENT_MODE},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "true", .aliases = force_aliases},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "local_follow", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "remote_src", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "decrypt", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "validate"},
	{.name = "checksum"},
	{0},
};

static int check_given(struct module_call *c, struct err *err)
{
	const char *src = argument_text(c, "src");
	const char *dest = argument_text(c, "dest");
	bool content = argument_value(c, "content") != NULL;

	if (!src && !content)
		return err_set(err, ERR_INPUT, "src (or content) is required");
	if (!*dest)
		return err_set(err, ERR_INPUT, "dest is required");
	if (src && content)
		return err_set(err, ERR_INPUT, "src and content are mutually exclusive");
	if (content && str_ends(dest, "/"))
		return err_set(err, ERR_INPUT, "can not use content with a dir as dest");
	return 0;
}

/* The text that `content` stands for: lists and mappings as JSON. */
static int write_content(struct module_call *c, struct strbuf *out, struct err *err)
{
	static const struct json_write_options json = {.ascii = true};
	const struct value *v = argument_value(c, "content");

	if (v->kind == VALUE_LIST || v->kind == VALUE_DICT)
		return json_write(v, &json, out, err) < 0 ? err_wrap(err, "content") : 0;
	if (v->kind == VALUE_STRING || v->kind == VALUE_BYTES) {
		strbuf_add(out, v->text, v->len);
		return 0;
	}
	v = value_to_text(c->arena, v);
	if (!v)
		return err_set(err, ERR_INPUT, "content: found what has no text");
	strbuf_add(out, v->text, v->len);
	return 0;
}

static int put_text(struct module_call *c, struct err *err)
{
	AUTO(vault_wipe) struct strbuf text = STRBUF_INIT;
	struct content content = {
		.dest = argument_text(c, "dest"), .follow = argument_bool(c, "follow")};

	if (write_content(c, &text, err) < 0)
		return -1;
	content.data = text.data;
	content.len = text.len;
	return content_put(c, &content, err);
}

static int put_remote(struct module_call *c, struct err *err)
{
	const char *src = argument_text(c, "src");
	struct content content = {.dest = argument_text(c, "dest"),
		.name = path_basename(src),
		.source = src,
		.remote = src,
		.follow = argument_bool(c, "follow")};

	return content_put(c, &content, err);
}

int copy_open_vault(
	struct module_call *c, const char *path, struct strbuf *plain, struct err *err)
{
	static const char magic[] = "$ANSIBLE_VAULT;";
	const struct secrets *secrets = runner_run(c->runner)->o->secrets;
	AUTO(vault_wipe) struct strbuf envelope = STRBUF_INIT;
	char head[sizeof(magic) - 1];

	if (!argument_bool(c, "decrypt"))
		return 0;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", path);
	if (fd_read_full(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		memcmp(head, magic, sizeof(head)) != 0)
		return 0;
	if (file_read(path, VAULT_MAX_BYTES, &envelope, err) < 0 ||
		secrets_decrypt(secrets, envelope.data, envelope.len, plain, err) < 0)
		return err_wrap(err, "%s", path);
	return 1;
}

/* The task may name the SHA-1 that the source must have. */
static int check_checksum(struct module_call *c, const struct content *content, struct err *err)
{
	const char *wanted = argument_text(c, "checksum");
	unsigned char is[DIGEST_MAX];
	char hex[DIGEST_HEX_MAX];

	if (!wanted)
		return 0;
	if (content->path) {
		autofd int fd = open(content->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, "%s", content->path);
		if (digest_fd(DIGEST_SHA1, fd, is, err) < 0)
			return -1;
		hex_encode(is, digest_size(DIGEST_SHA1), hex);
	} else if (digest_hex(DIGEST_SHA1, content->data, content->len, hex, err) < 0) {
		return -1;
	}
	if (strcasecmp(hex, wanted) == 0)
		return 0;
	call_set_text(c, "checksum", hex);
	call_set_text(c, "expected_checksum", wanted);
	return err_set(err, ERR_INTEGRITY,
		"Copied file does not match the expected checksum. Transfer failed.");
}

int copy_put_file(
	struct module_call *c, const char *path, const char *dest, bool follow, struct err *err)
{
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	const char *mode = argument_text(c, "mode");
	struct content content = {
		.dest = dest, .name = path_basename(path), .source = path, .follow = follow};
	int opened = copy_open_vault(c, path, &plain, err);

	if (opened < 0)
		return -1;
	if (opened) {
		content.data = plain.data;
		content.len = plain.len;
	} else {
		content.path = path;
	}
	if (mode && strcmp(mode, "preserve") == 0) {
		content.mode = content_mode_of(c, path, err);
		if (!content.mode)
			return -1;
	}
	if (check_checksum(c, &content, err) < 0)
		return -1;
	return content_put(c, &content, err);
}

static int run(struct module_call *c, struct err *err)
{
	const char *src = argument_text(c, "src");

	if (check_given(c, err) < 0)
		return -1;
	if (!src)
		return put_text(c, err);
	if (argument_bool(c, "remote_src"))
		return put_remote(c, err);
	autofree char *path = runner_find(c, "files", src, err);
	if (!path)
		return err_wrap(err, "src");
	if (path_is_dir(path))
		return copy_put_tree(c, path, str_ends(src, "/"), err);
	return copy_put_file(
		c, path, argument_text(c, "dest"), argument_bool(c, "follow"), err);
}

const struct module module_copy = {
	.name = "copy",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
