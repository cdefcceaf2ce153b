/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module getent: what the program of that name prints, and how it ended.
 */
#include "node/module.h"

const struct node_arg getent_args[] = {
	{"database", ARG_TEXT | ARG_REQUIRED},
	{"key", ARG_TEXT},
	{"service", ARG_TEXT},
	{NULL, 0},
};

int node_getent(struct node_call *c, struct err *err)
{
	const char *key = call_text_or_null(c, "key");
	const char *service = call_text_or_null(c, "service");
	const char *argv[6] = {"getent", call_text(c, "database", err)};
	struct call_program p = {.argv = argv, .output_max = 4u << 20};
	size_t n = 2;

	if (key)
		argv[n++] = key;
	if (service) {
		argv[n++] = "-s";
		argv[n++] = service;
	}
	int result = argv[1] ? call_run(c, &p, err) : -1;
	if (result == 0) {
		item_put_bool(c->out, "changed", false);
		item_put_int(c->out, "rc", p.status);
		item_put_stringn(c->out, "stdout", p.out.data, p.out.len);
	}
	call_program_release(&p);
	return result;
}
