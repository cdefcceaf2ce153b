/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that tell facts of one kind: services, packages, mounts, and what getent knows.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"

/* ---- service_facts ---- */

static const struct argument no_arguments[] = {{0}};

static int run_service_facts(struct module_call *c, struct err *err)
{
	return runner_node(c, "service_facts", value_new_dict(c->arena), err);
}

const struct module module_service_facts = {
	.name = "service_facts",
	.arguments = no_arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run_service_facts,
};

/* ---- package_facts ---- */

static const char *const strategies[] = {"first", "all", NULL};

static const struct argument package_arguments[] = {
	{.name = "manager", .type = ARGUMENT_LIST, .fallback = "auto"},
	{.name = "strategy", .fallback = "first", .choices = strategies},
	{0},
};

/* Names of managers that no host of ours has. */
static int check_managers(const struct value *names, struct err *err)
{
	static const char *const known[] = {
		"auto", "apt", "rpm", "apk", "pacman", "pkg", "portage", "pkg_info"};

	value_list_foreach (name, names) {
		bool found = false;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found |= strcasecmp(known[i], value_text(name)) == 0;
		if (!found)
			return err_set(err, ERR_INPUT,
				"Unsupported package managers requested: %s", value_text(name));
	}
	return 0;
}

static int run_package_facts(struct module_call *c, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	const struct value *managers = argument_value(c, "manager");

	if (check_managers(managers, err) < 0)
		return -1;
	value_dict_set(c->arena, args, "managers", managers);
	value_dict_set(c->arena, args, "strategy", argument_value(c, "strategy"));
	return runner_node(c, "package_facts", args, err);
}

const struct module module_package_facts = {
	.name = "package_facts",
	.arguments = package_arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run_package_facts,
};

/* ---- mount_facts ---- */

static const char *const on_timeouts[] = {"error", "warn", "ignore", NULL};

static const struct argument mount_arguments[] = {
	{.name = "devices", .type = ARGUMENT_LIST},
	{.name = "fstypes", .type = ARGUMENT_LIST},
	{.name = "sources", .type = ARGUMENT_LIST},
	{.name = "mount_binary", .fallback = "mount"},
	{.name = "timeout", .type = ARGUMENT_FLOAT},
	{.name = "on_timeout", .fallback = "error", .choices = on_timeouts},
	{.name = "include_aggregate_mounts", .type = ARGUMENT_BOOL},
	{0},
};

static int run_mount_facts(struct module_call *c, struct err *err)
{
	static const char *const names[] = {"devices", "fstypes", "sources", "mount_binary",
		"timeout", "on_timeout", "include_aggregate_mounts", NULL};

	if (argument_number(c, "timeout", 1) <= 0)
		return err_set(
			err, ERR_INPUT, "argument 'timeout' must be a positive number or null");
	return runner_node(c, "mount_facts", forward_arguments(c, names), err);
}

const struct module module_mount_facts = {
	.name = "mount_facts",
	.arguments = mount_arguments,
	.flags = MODULE_CHECKS | MODULE_JOB,
	.run = run_mount_facts,
};

/* ---- getent ---- */

static const struct argument getent_arguments[] = {
	{.name = "database", .required = true},
	{.name = "key"},
	{.name = "service"},
	{.name = "split"},
	{.name = "fail_key", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};

/* The fields of a line: at a text, or at white space where there is none. */
static struct value *split_line(
	struct arena *a, const char *line, size_t n, const char *separator)
{
	struct value *fields = value_new_list(a);
	const char *end = line + n, *at = line;

	while (at <= end) {
		size_t width = separator ? strlen(separator) : 0;
		const char *stop = at;
		while (!separator && at < end && strchr(" \t", *at))
			stop = ++at;
		if (!separator && at == end)
			break;
		while (stop < end && (separator ? strncmp(stop, separator, width) != 0
						: strchr(" \t", *stop) == NULL))
			stop++;
		value_list_add(a, fields, value_new_stringn(a, at, (size_t)(stop - at)));
		at = stop + (separator ? width : 1);
	}
	return fields;
}

/* What stands behind the first field, under its name; several lines of one name make a list. */
static void add_record(
	struct arena *a, struct value *all, struct value *seen, const struct value *fields)
{
	const char *key = fields->count ? value_text(fields->items[0]) : NULL;
	struct value *rest = value_new_list(a);

	if (!key)
		return;
	for (size_t i = 1; i < fields->count; i++)
		value_list_add(a, rest, fields->items[i]);
	struct value *before = (struct value *)value_dict_get(all, key);
	if (!before) {
		value_dict_set(a, all, key, rest);
		return;
	}
	if (!value_dict_get(seen, key)) {
		struct value *several = value_new_list(a);
		value_list_add(a, several, before);
		value_dict_set(a, all, key, several);
		value_dict_set(a, seen, key, &value_true);
		before = several;
	}
	value_list_add(a, before, rest);
}

static const char *separator_of(const struct module_call *c, const char *database)
{
	static const char *const colons[] = {"passwd", "shadow", "group", "gshadow"};
	const char *given = argument_text(c, "split");

	for (size_t i = 0; !given && i < ARRAY_SIZE(colons); i++)
		if (strcmp(colons[i], database) == 0)
			return ":";
	return given && *given ? given : NULL;
}

static void read_records(struct module_call *c, struct value *all, const struct value *text)
{
	const char *separator = separator_of(c, argument_text(c, "database"));
	struct value *seen = value_new_dict(c->arena);
	const char *at = value_text(text), *end = at ? at + text->len : NULL;

	while (at && at < end) {
		size_t n = strcspn(at, "\n");
		add_record(c->arena, all, seen, split_line(c->arena, at, n, separator));
		at += n + 1;
	}
}

static int run_getent(struct module_call *c, struct err *err)
{
	static const char *const names[] = {"database", "key", "service", NULL};
	static const char *const reasons[] = {NULL, "Missing arguments, or database unknown.",
		"One or more supplied key could not be found in the database.",
		"Enumeration not supported on this database."};
	struct value *facts = value_new_dict(c->arena), *all = value_new_dict(c->arena);
	const struct value *answer =
		runner_ask_node(c, "getent", forward_arguments(c, names), err);
	const struct value *rc = value_dict_get(answer, "rc");

	if (!answer)
		return -1;
	int64_t code = rc && rc->kind == VALUE_INT ? rc->integer : -1;
	const char *why = code > 0 && (size_t)code < ARRAY_SIZE(reasons)
				  ? reasons[code]
				  : "Unexpected failure!";
	bool missing = code == 2 && !argument_bool(c, "fail_key");
	if (code != 0 && !missing)
		return err_set(err, ERR_NOTFOUND, "%s", why);
	if (missing)
		value_dict_set(c->arena, all, argument_text(c, "key"), &value_null);
	else
		read_records(c, all, value_dict_get(answer, "stdout"));
	value_dict_set(c->arena, facts,
		arena_printf(c->arena, "getent_%s", argument_text(c, "database")), all);
	call_set(c, "ansible_facts", facts);
	call_set_bool(c, "changed", false);
	if (missing)
		call_set_text(c, "msg", why);
	return 0;
}

const struct module module_getent = {
	.name = "getent",
	.arguments = getent_arguments,
	.flags = MODULE_CHECKS,
	.run = run_getent,
};
