/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount (ansible.posix): entries of fstab, and what is mounted. A transaction puts the file
 * back, not the mounts.
 */
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const names[] = {"ansible.posix.mount", NULL};
static const char *const path_aliases[] = {"name", NULL};
static const char *const states[] = {"absent", "absent_from_fstab", "mounted", "present",
	"unmounted", "remounted", "ephemeral", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "state", .required = true, .choices = states},
	{.name = "src", .type = ARGUMENT_PATH},
	{.name = "fstype"},
	{.name = "opts"},
	{.name = "dump", .fallback = "0"},
	{.name = "passno", .fallback = "0"},
	{.name = "boot", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "fstab", .type = ARGUMENT_PATH},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

/* States for which it has to be known what is mounted. */
static int check_source(struct module_call *c, struct err *err)
{
	static const char *const need[] = {"mounted", "present", "ephemeral"};
	const char *state = argument_text(c, "state");
	bool src = argument_value(c, "src"), fstype = argument_value(c, "fstype");

	for (size_t i = 0; i < ARRAY_SIZE(need) && !(src && fstype); i++) {
		if (strcmp(need[i], state) == 0)
			return err_set(err, ERR_INPUT,
				"state is %s but all of the following are missing: %s%s%s",
				state, src ? "" : "src", src || fstype ? "" : ", ",
				fstype ? "" : "fstype");
	}
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	return check_source(c, err) < 0 ? -1 : runner_node(c, "mount", c->args, err);
}

const struct module module_mount = {
	.name = "mount",
	.aliases = names,
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
