/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt_key: keys that the node's apt trusts. A URL is fetched through the node's network, and
 * where the task has an id, only when the node lacks that key.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/web_file.h"
#include "play/runner.h"

static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "data"},
	{.name = "file", .type = ARGUMENT_PATH},
	{.name = "id"},
	{.name = "keyring", .type = ARGUMENT_PATH},
	{.name = "keyserver"},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "url"},
	{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};

static int check_sources(struct module_call *c, struct err *err)
{
	static const char *const sources[] = {"data", "file", "keyserver", "url"};
	int given = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		given += argument_text(c, sources[i]) != NULL;
	if (given < 2)
		return 0;
	return err_set(
		err, ERR_INPUT, "parameters are mutually exclusive: data|file|keyserver|url");
}

static int add_data(struct module_call *c, struct value *args, struct err *err)
{
	const char *data = argument_text(c, "data");

	return data ? runner_put_content(c, args, "data", data, strlen(data), err) : 0;
}

static int add_url(struct module_call *c, struct value *args, struct err *err)
{
	AUTO(web_file_release) struct web_file fetched = {0};
	const char *url = argument_text(c, "url");

	if (web_file_fetch(&fetched, c, url, argument_bool(c, "validate_certs"), err) < 0)
		return err_wrap(err, "Failed to download key");
	value_dict_set(c->arena, args, "fetched", &value_true);
	return runner_put_file(c, args, "data", fetched.path, err);
}

static bool is_true(const struct value *dict, const char *key)
{
	const struct value *v = dict ? value_dict_get(dict, key) : NULL;

	return v && value_truthy(v);
}

static int run(struct module_call *c, struct err *err)
{
	static const char *const names[] = {
		"file", "id", "keyring", "keyserver", "state", NULL};
	struct value *args = forward_arguments(c, names);
	const char *id = argument_text(c, "id"), *url = argument_text(c, "url");

	if (check_sources(c, err) < 0 || add_data(c, args, err) < 0)
		return -1;
	if (url && (!id || !*id) && add_url(c, args, err) < 0)
		return -1;
	const struct value *result = runner_ask_node(c, "apt_key", args, err);
	if (is_true(result, "need")) {
		value_dict_set(c->arena, args, "fetched", &value_true);
		if (url && add_url(c, args, err) < 0)
			return -1;
		result = runner_ask_node(c, "apt_key", args, err);
	}
	if (!result)
		return -1;
	value_dict_foreach (pair, result)
		call_set(c, pair->key->text, pair->value);
	return 0;
}

const struct module module_apt_key = {
	.name = "apt_key",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run,
};
