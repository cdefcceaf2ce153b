/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/packages.h"

#include "base/path.h"
#include "play/runner.h"

int packages_add(struct module_call *c, struct packages *p, const char *path,
	packages_describe describe, struct err *err)
{
	struct value *file = value_new_dict(c->arena);

	p->paths[p->files->count] = arena_strdup(c->arena, path);
	value_dict_set(c->arena, file, "name", value_new_string(c->arena, path_basename(path)));
	value_list_add(c->arena, p->files, file);
	return describe ? describe(c, file, path, err) : 0;
}

static int find_file(struct module_call *c, const struct value *given,
	packages_describe describe, struct packages *p, struct err *err)
{
	if (!value_text(given))
		return err_set(err, ERR_INPUT, "found %s, expected a file's name",
			value_kind_name(given));
	autofree char *path = runner_find(c, "files", value_text(given), err);
	return path ? packages_add(c, p, path, describe, err) : -1;
}

int packages_find(struct module_call *c, const char *argument, packages_describe describe,
	struct packages *p, struct err *err)
{
	const struct value *given = argument_value(c, argument);
	size_t count = given && given->kind == VALUE_LIST ? given->count : 0;

	p->files = value_new_list(c->arena);
	p->paths = arena_array(c->arena, count + 1, sizeof(*p->paths));
	for (size_t i = 0; i < count; i++) {
		if (find_file(c, given->items[i], describe, p, err) < 0)
			return err_wrap(err, "%s", argument);
	}
	return 0;
}

int packages_run(struct module_call *c, const char *node_module, const struct value *args,
	const struct packages *p, struct err *err)
{
	if (p->files->count > 0 && runner_is_job(c))
		return err_set(err, ERR_UNSUPPORTED,
			"async: files of this machine are brought in steps, which a job does "
			"not have");
	const struct value *result = runner_ask_node(c, node_module, args, err);
	const struct value *need = result ? value_dict_get(result, "need") : NULL;

	if (need && value_truthy(need)) {
		for (size_t i = 0; i < p->files->count; i++) {
			/* The dict is in args already; it is ours to complete. */
			struct value *file = (struct value *)(uintptr_t)p->files->items[i];
			if (runner_put_file(c, file, "content", p->paths[i], err) < 0)
				return -1;
		}
		result = runner_ask_node(c, node_module, args, err);
	}
	if (!result)
		return -1;
	value_dict_foreach (pair, result)
		call_set(c, pair->key->text, pair->value);
	return 0;
}
