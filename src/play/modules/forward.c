/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/forward.h"

#include "play/runner.h"

void forward_into(struct module_call *c, struct value *args, const char *const *names)
{
	for (; *names; names++) {
		const struct value *v = argument_value(c, *names);
		if (v && v->kind != VALUE_NULL && !value_dict_get(args, *names))
			value_dict_set(c->arena, args, *names, v);
	}
}

struct value *forward_arguments(struct module_call *c, const char *const *names)
{
	struct value *args = value_new_dict(c->arena);

	forward_into(c, args, names);
	return args;
}

static bool is_true(const struct value *dict, const char *key)
{
	const struct value *v = value_dict_get(dict, key);

	return v && value_truthy(v);
}

int node_path_kind(struct module_call *c, const char *path, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, "follow", &value_true);
	value_dict_set(c->arena, args, "checksum", value_new_string(c->arena, ""));
	const struct value *answer = runner_ask_node(c, "stat", args, err);
	if (!answer)
		return -1;
	const struct value *stat = value_dict_get(answer, "stat");
	if (!is_true(stat, "exists"))
		return NODE_PATH_ABSENT;
	return is_true(stat, "isdir") ? NODE_PATH_DIRECTORY : NODE_PATH_OTHER;
}
