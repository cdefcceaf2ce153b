/* SPDX-License-Identifier: Apache-2.0 */
#include "node/module.h"

#define VARIABLES_MAX 1000

const char *const *call_environment(
	struct node_call *c, const char *const *first, struct err *err)
{
	const struct item *dict = item_get(c->args, "environment");
	uint32_t count = dict && dict->type == ITEM_DICT ? dict->count : 0;
	size_t n = 0;

	while (first && first[n])
		n++;
	if (count > VARIABLES_MAX) {
		err_set(err, ERR_LIMIT, "%u variables; at most %d", count, VARIABLES_MAX);
		return NULL;
	}
	const char **env = arena_array(c->arena, n + count + 1u, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		env[i] = first[i];
	for (uint32_t i = 0; i < count; i++) {
		const struct item *v = &dict->items[i];
		bool named = v->key_len > 0 && !memchr(v->key, '=', v->key_len) &&
			     !memchr(v->key, 0, v->key_len);
		if (!named || v->type != ITEM_STRING || memchr(v->text, 0, v->len)) {
			err_set(err, ERR_INPUT,
				"environment: \"%.*s\" is no name, or its value no text",
				(int)v->key_len, v->key);
			return NULL;
		}
		env[n + i] = arena_printf(
			c->arena, "%.*s=%.*s", (int)v->key_len, v->key, (int)v->len, v->text);
	}
	return env;
}
