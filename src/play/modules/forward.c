/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/forward.h"

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
