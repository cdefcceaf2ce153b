/* SPDX-License-Identifier: Apache-2.0 */
/*
 * include_vars: variables from a file of this machine, or from those of a directory. The runner
 * takes them from `ansible_facts`, at include_vars' own level of precedence; their templates
 * are rendered when something uses them.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/vec.h"
#include "inventory/inventory.h"
#include "play/modules/modules.h"
#include "play/run_state.h"
#include "text/regex.h"

#define DEPTH_MAX 32 /* directories inside one another */

static const char *const behaviours[] = {"merge", "replace", NULL};
static const struct argument arguments[] = {
	{.name = ARGUMENT_FREE_FORM},
	{.name = "file", .type = ARGUMENT_PATH},
	{.name = "dir", .type = ARGUMENT_PATH},
	{.name = "name"},
	{.name = "depth", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "files_matching"},
	{.name = "ignore_files", .type = ARGUMENT_LIST},
	{.name = "extensions", .type = ARGUMENT_LIST, .fallback = "yaml,yml,json"},
	{.name = "ignore_unknown_extensions", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "hash_behaviour", .choices = behaviours},
	{0},
};

/* What is being read. */
struct including {
	struct module_call *c;
	struct value *vars;
	struct value *files; /* that were read */
};

static int read_file(struct including *in, const char *path, struct err *err)
{
	struct runner *r = in->c->runner;
	const struct value *v = run_shared_vars(r->run->shared, path, r->run->o->secrets, err);

	if (!v)
		return -1;
	value_list_add(in->c->arena, in->files, value_new_string(in->c->arena, path));
	value_dict_foreach (pair, v)
		value_dict_set_value(in->c->arena, in->vars, pair->key, pair->value);
	return 0;
}

/* ---- a directory ---- */

static bool has_extension(struct module_call *c, const char *name)
{
	const struct value *wanted = argument_value(c, "extensions");
	const char *dot = strrchr(name, '.');

	value_list_foreach (item, wanted)
		if (dot && dot != name && strcmp(dot + 1, item->text) == 0)
			return true;
	return false;
}

/* Whether a pattern is found in a name: 1, 0, or -1 with err. */
static int matches(const char *pattern, const char *name, struct err *err)
{
	struct regex_result found;
	struct regex *re = regex_compile(pattern, strlen(pattern), 0, err);
	int result = re ? regex_exec(re, REGEX_SEARCH, name, strlen(name), 0, &found, err) : -1;

	regex_free(re);
	return result;
}

/* Whether a file of a directory is to be read: 1, 0, or -1 with err. */
static int is_wanted(struct module_call *c, const char *name, struct err *err)
{
	const char *matching = argument_text(c, "files_matching");
	const struct value *ignored = argument_value(c, "ignore_files");
	int found = matching ? matches(matching, name, err) : 1;

	for (size_t i = 0; found == 1 && ignored && i < ignored->count; i++) {
		const char *pattern =
			arena_printf(c->arena, "%s$", value_text(ignored->items[i]));
		int hit = matches(pattern, name, err);
		found = hit < 0 ? -1 : !hit;
	}
	if (found <= 0 || has_extension(c, name))
		return found;
	if (argument_bool(c, "ignore_unknown_extensions"))
		return 0;
	return err_set(err, ERR_INPUT, "%s does not have a valid extension", name);
}

/* The names in a directory, sorted, directories apart. */
static int list_directory(
	const char *path, struct strlist *files, struct strlist *directories, struct err *err)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	struct stat st;

	if (!d)
		return err_sys(err, "%s", path);
	while ((e = readdir(d))) {
		autofree char *inside = path_join(path, e->d_name);
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			stat(inside, &st) < 0)
			continue;
		strlist_add(S_ISDIR(st.st_mode) ? directories : files, e->d_name);
	}
	closedir(d);
	strlist_sort(files);
	strlist_sort(directories);
	return 0;
}

static int read_directory(
	struct including *in, const char *path, unsigned depth, struct err *err);

static int read_listed(
	struct including *in, const char *path, const struct strlist *files, struct err *err)
{
	for (size_t i = 0; i < files->count; i++) {
		autofree char *file = path_join(path, files->items[i]);
		int wanted = is_wanted(in->c, files->items[i], err);
		if (wanted < 0 || (wanted && read_file(in, file, err) < 0))
			return -1;
	}
	return 0;
}

static int read_directory(
	struct including *in, const char *path, unsigned depth, struct err *err)
{
	AUTO(strlist_release) struct strlist files = {0};
	AUTO(strlist_release) struct strlist inner = {0};
	double limit = argument_number(in->c, "depth", 0);

	if (list_directory(path, &files, &inner, err) < 0 ||
		read_listed(in, path, &files, err) < 0)
		return -1;
	if (limit > 0 && depth >= limit)
		return 0;
	if (depth >= DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "%s: directories are nested deeper than %d",
			path, DEPTH_MAX);
	for (size_t i = 0; i < inner.count; i++) {
		autofree char *below = path_join(path, inner.items[i]);
		if (read_directory(in, below, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int read_below(struct including *in, const char *dir, struct err *err)
{
	struct stat st;
	autofree char *path = runner_find(in->c, "vars", dir, err);

	if (!path)
		return err_set(err, ERR_NOTFOUND, "%s directory does not exist", dir);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is not a directory", path);
	return read_directory(in, path, 1, err);
}

/* ---- the whole ---- */

static int read_named(struct including *in, const char *name, struct err *err)
{
	autofree char *path = runner_find(in->c, "vars", name, err);

	return path ? read_file(in, path, err) : -1;
}

/* With `merge`, mappings melt into what the host has under their names. */
static int merge(struct including *in, struct err *err)
{
	struct vars_view *view = runner_vars(in->c->runner);

	for (size_t i = 0; i < in->vars->pair_count; i++) {
		struct value_pair *pair = &in->vars->pairs[i];
		const char *name = value_text(pair->key);
		struct err why = {0};
		const struct value *old = name ? vars_find(view, name, &why) : NULL;
		if (why.code)
			return err_set(err, why.code, "%s", why.text);
		if (old && old->kind == VALUE_DICT && pair->value->kind == VALUE_DICT)
			pair->value = inventory_merge_values(in->c->arena, old, pair->value);
	}
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	const char *file = argument_text(c, "file") ? argument_text(c, "file") : c->free_form;
	const char *dir = argument_text(c, "dir");
	const char *name = argument_text(c, "name");
	const char *behaviour = argument_text(c, "hash_behaviour");
	struct including in = {
		.c = c, .vars = value_new_dict(c->arena), .files = value_new_list(c->arena)};

	if (!file == !dir)
		return err_set(err, ERR_INPUT,
			"include_vars: expected a file or a directory, one of them");
	if ((dir ? read_below(&in, dir, err) : read_named(&in, file, err)) < 0)
		return -1;
	if (name) {
		struct value *scope = value_new_dict(c->arena);
		value_dict_set(c->arena, scope, name, in.vars);
		in.vars = scope;
	}
	if (behaviour && strcmp(behaviour, "merge") == 0 && merge(&in, err) < 0)
		return -1;
	call_set_bool(c, "changed", false);
	call_set(c, "ansible_facts", in.vars);
	call_set(c, "ansible_included_var_files", in.files);
	return 0;
}

const struct module module_include_vars = {
	.name = "include_vars",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_FREE_FORM,
	.run = run,
};
