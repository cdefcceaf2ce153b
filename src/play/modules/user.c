/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: an account of the node. No transaction takes back what is done to it.
 */
#include <string.h>

#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const name_aliases[] = {"user", NULL};
static const char *const home_aliases[] = {"createhome", NULL};
static const char *const states[] = {"absent", "present", NULL};
static const char *const updates[] = {"always", "on_create", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true, .aliases = name_aliases},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "uid", .type = ARGUMENT_INT},
	{.name = "non_unique", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "group"},
	{.name = "groups", .type = ARGUMENT_LIST},
	{.name = "append", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "comment"},
	{.name = "home", .type = ARGUMENT_PATH},
	{.name = "shell"},
	{.name = "password", .secret = true},
	{.name = "update_password", .fallback = "always", .choices = updates},
	{.name = "password_lock", .type = ARGUMENT_BOOL},
	{.name = "password_expire_min", .type = ARGUMENT_INT},
	{.name = "password_expire_max", .type = ARGUMENT_INT},
	{.name = "expires", .type = ARGUMENT_FLOAT},
	{.name = "create_home",
		.type = ARGUMENT_BOOL,
		.fallback = "true",
		.aliases = home_aliases},
	{.name = "move_home", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "skeleton"},
	{.name = "umask"},
	{.name = "seuser"},
	/* Other systems have these; on Linux Ansible's takes them without a word. */
	{.name = "authorization"},
	{.name = "hidden", .type = ARGUMENT_BOOL},
	{.name = "login_class"},
	{.name = "profile"},
	{.name = "role"},
	{.name = "system", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "remove", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "local", .type = ARGUMENT_BOOL},
	{.name = "generate_ssh_key", .type = ARGUMENT_BOOL},
	{.name = "ssh_key_bits", .type = ARGUMENT_INT},
	{.name = "ssh_key_type", .fallback = "rsa"},
	{.name = "ssh_key_file", .type = ARGUMENT_PATH},
	{.name = "ssh_key_comment"},
	{.name = "ssh_key_passphrase", .secret = true},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	static const char *const foreign[] = {
		"authorization", "hidden", "login_class", "profile", "role"};
	struct value *args = value_new_dict(c->arena);

	value_dict_foreach (pair, c->args) {
		bool told = true;
		for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
			told &= strcmp(pair->key->text, foreign[i]) != 0;
		if (told)
			value_dict_set_value(c->arena, args, pair->key, pair->value);
	}
	return runner_node(c, "user", args, err);
}

const struct module module_user = {
	.name = "user",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
