/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pip: packages of Python on the node. A wheel of this machine (`wheels`) is sent only where
 * its version is not installed.
 */
#include <ctype.h>
#include <string.h>

#include "base/path.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/packages.h"
#include "play/runner.h"

static const char *const states[] = {"absent", "forcereinstall", "latest", "present", NULL};

static const struct argument arguments[] = {
	{.name = "name", .type = ARGUMENT_LIST},
	{.name = "version"},
	{.name = "wheels", .type = ARGUMENT_LIST},
	{.name = "requirements"},
	{.name = "virtualenv", .type = ARGUMENT_PATH},
	{.name = "virtualenv_command"},
	{.name = "virtualenv_python"},
	{.name = "virtualenv_site_packages", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "executable", .type = ARGUMENT_PATH},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "extra_args"},
	{.name = "editable", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "chdir", .type = ARGUMENT_PATH},
	{.name = "umask"},
	{0},
};

static const char *const forwarded[] = {"virtualenv_command", "virtualenv_python",
	"virtualenv_site_packages", "executable", "state", "extra_args", "editable", "chdir",
	"umask", NULL};

/* A list that was split at commas may have cut "numpy>=1.2,<2" and "uvicorn[a,b]" in two. */
static bool belongs_to(const char *former, const char *text)
{
	const char *open = strrchr(former, '[');

	return (open && !strchr(open, ']')) || strchr("<>=!~", *text);
}

/* The requirements of `name`, each whole again. NULL with err. */
static struct value *read_names(struct module_call *c, struct err *err)
{
	const struct value *given = argument_value(c, "name");
	struct value *names = value_new_list(c->arena);

	for (size_t i = 0; given && given->kind == VALUE_LIST && i < given->count; i++) {
		const char *text = value_text(given->items[i]);
		if (!text) {
			err_set(err, ERR_INPUT, "name: found %s, expected a package's name",
				value_kind_name(given->items[i]));
			return NULL;
		}
		while (isspace((unsigned char)*text))
			text++;
		size_t last = names->count - 1;
		const char *former = names->count ? names->items[last]->text : NULL;
		if (former && *text && belongs_to(former, text))
			names->items[last] = value_new_stringf(c->arena, "%s,%s", former, text);
		else if (*text)
			value_list_add(c->arena, names, value_new_string(c->arena, text));
	}
	return names;
}

/* Adds the argument `version` to the only name. */
static int add_version(struct module_call *c, struct value *names, struct err *err)
{
	const char *version = argument_text(c, "version");

	if (!version)
		return 0;
	if (names->count != 1)
		return err_set(err, ERR_INPUT, "version needs exactly one name; %zu are given",
			names->count);
	if (strpbrk(names->items[0]->text, "<>=!~"))
		return err_set(err, ERR_INPUT, "%s and version %s: give the version once",
			names->items[0]->text, version);
	if (strcmp(argument_text(c, "state"), "latest") == 0)
		return err_set(
			err, ERR_INPUT, "version and state latest contradict each other");
	names->items[0] = value_new_stringf(c->arena, "%s==%s", names->items[0]->text, version);
	return 0;
}

/* A path of the node, below chdir when it is relative. */
static void add_path(struct module_call *c, struct value *args, const char *key)
{
	const char *path = argument_text(c, key), *chdir = argument_text(c, "chdir");

	if (!path)
		return;
	autofree char *whole = chdir && *path != '~' ? path_join(chdir, path) : xstrdup(path);
	value_dict_set(c->arena, args, key, value_new_string(c->arena, whole));
}

static int check_given(struct module_call *c, const struct value *names,
	const struct packages *files, struct err *err)
{
	bool requirements = argument_text(c, "requirements");

	if (argument_text(c, "virtualenv") && argument_text(c, "executable"))
		return err_set(err, ERR_INPUT, "virtualenv and executable exclude each other");
	if (requirements && names->count > 0)
		return err_set(err, ERR_INPUT, "name and requirements exclude each other");
	if (!requirements && names->count == 0 && files->files->count == 0)
		return err_set(
			err, ERR_INPUT, "one of name, wheels and requirements is needed");
	return 0;
}

/* The arguments as they were given, which Ansible's module repeats in its result. */
static void repeat_arguments(struct module_call *c)
{
	static const char *const repeated[] = {
		"name", "version", "state", "requirements", "virtualenv", NULL};

	for (size_t i = 0; repeated[i]; i++) {
		const struct value *v = argument_value(c, repeated[i]);
		call_set(c, repeated[i], v ? v : &value_null);
	}
}

static int run(struct module_call *c, struct err *err)
{
	struct value *args = forward_arguments(c, forwarded);
	struct value *names = read_names(c, err);
	struct packages wheels;

	if (!names || packages_find(c, "wheels", NULL, &wheels, err) < 0 ||
		check_given(c, names, &wheels, err) < 0 || add_version(c, names, err) < 0)
		return -1;
	value_dict_set(c->arena, args, "names", names);
	value_dict_set(c->arena, args, "wheels", wheels.files);
	add_path(c, args, "virtualenv");
	add_path(c, args, "requirements");
	if (packages_run(c, "pip", args, &wheels, err) < 0)
		return -1;
	repeat_arguments(c);
	return 0;
}

const struct module module_pip = {
	.name = "pip",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};
