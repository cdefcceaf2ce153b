/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat: what is known of a path of the node.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const path_aliases[] = {"dest", "name", NULL};
static const char *const checksum_aliases[] = {"checksum", "checksum_algo", NULL};
static const char *const mime_aliases[] = {"mime", "mime_type", "mime-type", NULL};
static const char *const attribute_aliases[] = {"attr", "attributes", NULL};
static const char *const algorithms[] = {
	"md5", "sha1", "sha224", "sha256", "sha384", "sha512", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "get_checksum", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "checksum_algorithm",
		.fallback = "sha1",
		.choices = algorithms,
		.aliases = checksum_aliases},
	{.name = "get_mime",
		.type = ARGUMENT_BOOL,
		.fallback = "true",
		.aliases = mime_aliases},
	{.name = "get_attributes",
		.type = ARGUMENT_BOOL,
		.fallback = "true",
		.aliases = attribute_aliases},
	{0},
};

static const char *const forwarded[] = {"path", "follow", "get_mime", "get_attributes", NULL};

static int run(struct module_call *c, struct err *err)
{
	struct value *args = forward_arguments(c, forwarded);
	bool checksum = argument_bool(c, "get_checksum");

	value_dict_set(c->arena, args, "checksum",
		value_new_string(
			c->arena, checksum ? argument_text(c, "checksum_algorithm") : ""));
	return runner_node(c, "stat", args, err);
}

const struct module module_stat = {
	.name = "stat",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run,
};
