/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unarchive: an archive of this machine or of the node, unpacked there.
 */
#include "inventory/secrets.h"
#include "play/modules/content.h"
#include "play/modules/copy.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/web_file.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "src", .type = ARGUMENT_PATH, .required = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	{.name = "remote_src", .type = ARGUMENT_BOOL},
	{.name = "copy", .type = ARGUMENT_BOOL},
	{.name = "creates", .type = ARGUMENT_PATH},
	{.name = "list_files", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "keep_newer", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "exclude", .type = ARGUMENT_LIST},
	{.name = "include", .type = ARGUMENT_LIST},
	{.name = "extra_opts", .type = ARGUMENT_LIST},
	{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "io_buffer_size", .type = ARGUMENT_INT, .fallback = "65536"},
	{.name = "decrypt", .type = ARGUMENT_BOOL, .fallback = "true"},
	CONTENT_ATTRIBUTES,
	{0},
};

static const char *const forwarded[] = {"dest", "list_files", "keep_newer", "exclude",
	"include", "extra_opts", CONTENT_ATTRIBUTE_NAMES, NULL};

static int check_given(struct module_call *c, struct err *err)
{
	static const char *const pairs[][2] = {{"copy", "remote_src"}, {"include", "exclude"}};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (argument_value(c, pairs[i][0]) && argument_value(c, pairs[i][1]))
			return err_set(err, ERR_INPUT,
				"parameters are mutually exclusive: ('%s', '%s')", pairs[i][0],
				pairs[i][1]);
	return 0;
}

/* 1 when the task is told already: what it creates is there, or it has no place. */
static int look_first(struct module_call *c, struct err *err)
{
	const char *creates = argument_text(c, "creates");
	int kind = creates ? node_path_kind(c, creates, err) : NODE_PATH_ABSENT;

	if (kind < 0)
		return -1;
	if (kind != NODE_PATH_ABSENT) {
		call_set_bool(c, "skipped", true);
		call_set_text(
			c, "msg", arena_printf(c->arena, "skipped, since %s exists", creates));
		return 1;
	}
	kind = node_path_kind(c, argument_text(c, "dest"), err);
	if (kind < 0 || kind == NODE_PATH_DIRECTORY)
		return kind < 0 ? -1 : 0;
	return err_set(err, ERR_NOTFOUND, "dest '%s' must be an existing dir",
		argument_text(c, "dest"));
}

/* Sends an archive of this machine, opened if it is a vault. */
static int add_archive(
	struct module_call *c, struct value *args, const char *path, struct err *err)
{
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	int vault = copy_open_vault(c, path, &plain, err);

	if (vault < 0)
		return -1;
	if (!vault)
		return runner_put_file(c, args, "content", path, err);
	return runner_put_content(c, args, "content", plain.data, plain.len, err);
}

/* An archive of the web, fetched through the node's network. */
static int add_url(struct module_call *c, struct value *args, const char *url, struct err *err)
{
	AUTO(web_file_release) struct web_file file = {0};

	if (web_file_fetch(&file, c, url, argument_bool(c, "validate_certs"), err) < 0)
		return err_wrap(err, "Failure downloading %s", url);
	return runner_put_file(c, args, "content", file.path, err);
}

static int add_source(struct module_call *c, struct value *args, struct err *err)
{
	const struct value *copy = argument_value(c, "copy");
	const char *src = argument_text(c, "src");

	if (argument_bool(c, "remote_src") || (copy && !value_truthy(copy))) {
		if (strstr(src, "://"))
			return add_url(c, args, src, err);
		value_dict_set(c->arena, args, "src", value_new_string(c->arena, src));
		return 0;
	}
	autofree char *path = runner_find(c, "files", src, err);
	return path ? add_archive(c, args, path, err) : -1;
}

static int run(struct module_call *c, struct err *err)
{
	struct value *args = forward_arguments(c, forwarded);

	if (check_given(c, err) < 0)
		return -1;
	int told = look_first(c, err);
	if (told != 0)
		return told < 0 ? -1 : 0;
	if (add_source(c, args, err) < 0 || runner_node(c, "unarchive", args, err) < 0)
		return -1;
	call_set_text(c, "src", argument_text(c, "src"));
	return 0;
}

const struct module module_unarchive = {
	.name = "unarchive",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
