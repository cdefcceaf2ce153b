/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synchronize: a file or a tree, brought from one end to the other as rsync would. The target
 * tells what it has below the place, the difference is made here, and the changes go in
 * batches.
 */
#include "play/modules/synchronize.h"

#include <stdlib.h>

#include "base/path.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const modes[] = {"pull", "push", NULL};

static const struct argument arguments[] = {
	{.name = "src", .type = ARGUMENT_PATH, .required = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	{.name = "mode", .fallback = "push", .choices = modes},
	{.name = "archive", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "checksum", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "compress", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "copy_links", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "delete", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "delay_updates", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "dest_port", .type = ARGUMENT_INT},
	{.name = "dirs", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "existing_only", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "group", .type = ARGUMENT_BOOL},
	{.name = "link_dest", .type = ARGUMENT_LIST},
	{.name = "links", .type = ARGUMENT_BOOL},
	{.name = "owner", .type = ARGUMENT_BOOL},
	{.name = "partial", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "perms", .type = ARGUMENT_BOOL},
	{.name = "private_key", .type = ARGUMENT_PATH},
	{.name = "recursive", .type = ARGUMENT_BOOL},
	{.name = "rsync_opts", .type = ARGUMENT_LIST},
	{.name = "rsync_path"},
	{.name = "rsync_timeout", .type = ARGUMENT_INT},
	{.name = "set_remote_user", .type = ARGUMENT_BOOL},
	{.name = "ssh_connection_multiplexing", .type = ARGUMENT_BOOL},
	{.name = "times", .type = ARGUMENT_BOOL},
	{.name = "use_ssh_args", .type = ARGUMENT_BOOL},
	{.name = "verify_host", .type = ARGUMENT_BOOL},
	{0},
};

/* Names of this machine, which need no connection. */
static bool is_this_machine(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "::1") == 0;
}

static bool ends_in_slash(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/';
}

/* Without slashes at its end. */
static const char *trimmed(struct module_call *c, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_strndup(c->arena, path, n);
}

/* A file under a name of its own: its directory is dest, of which only this name counts. */
static int aim_at_file(struct module_call *c, struct synchronize_transfer *t, const char *dest,
	const struct value *answer, struct err *err)
{
	autofree char *parent = path_dirname(dest);
	struct value *there = value_new_dict(c->arena);
	struct value *entries = value_new_list(c->arena);

	t->dest = arena_strdup(c->arena, parent);
	t->name = arena_strdup(c->arena, path_basename(dest));
	t->plan.alone = path_basename(t->src);
	if (!value_truthy(value_dict_get(answer, "parent")))
		return err_set(
			err, ERR_NOTFOUND, "%s: there is no directory %s", dest, t->dest);
	value_dict_foreach (p, answer)
		if (value_is_string(p->key))
			value_dict_set_value(c->arena, there, p->key, p->value);
	value_dict_set(c->arena, there, "path", value_new_string(c->arena, t->name));
	if (value_dict_get(answer, "kind"))
		value_list_add(c->arena, entries, there);
	struct value *outer = value_new_dict(c->arena);
	value_dict_foreach (p, answer)
		if (str_cmp0(value_text(p->key), "kind") != 0)
			value_dict_set_value(c->arena, outer, p->key, p->value);
	value_dict_set(c->arena, outer, "entries", entries);
	t->plan.there = outer;
	return 0;
}

/* A path of this machine as a helper has to have it: not relative to anything. */
static const char *here(
	struct module_call *c, const char *given, bool must_exist, struct err *err)
{
	const char *path = trimmed(c, given);

	if (*path == '/' || *path == '~')
		return path;
	autofree char *found = runner_find(c, "files", path, must_exist ? err : NULL);
	if (!found && must_exist)
		return NULL;
	if (!found)
		found = path_join(c->step->play->directory, path);
	autofree char *whole = realpath(found, NULL);
	return arena_strdup(c->arena, whole ? whole : found);
}

/* A path of a node: a relative one is below the login's home, as rsync has it over ssh. */
static const char *there(struct module_call *c, const char *given)
{
	const char *path = trimmed(c, given);

	return *path == '/' || *path == '~' ? path : arena_printf(c->arena, "~/%s", path);
}

/* A path at one of the ends; NULL with err. */
static const char *at(struct module_call *c, const struct runner_place *where,
	const char *given, bool must_exist, struct err *err)
{
	bool is_here = where->host && strcmp(where->host, RUNNER_HERE) == 0;

	return is_here ? here(c, given, must_exist, err) : there(c, given);
}

/* Where the files come from and go to: rsync's ends, turned round by "pull". */
static void choose_ends(struct module_call *c, struct synchronize_transfer *t)
{
	struct runner_place asked = runner_place(c);
	struct runner_place host = {0};
	struct runner_place other = {.host = RUNNER_HERE, .as_login = true};
	bool pull = strcmp(argument_text(c, "mode"), "pull") == 0;
	bool local = runner_host(c->runner)->connection.link.transport == LINK_LOCAL;

	t->plan.direction = pull ? '>' : '<';
	if (runner_is_delegated(c) && !asked.host) {
		/* The host with itself. */
		other = host;
		t->from_node = true;
		t->plan.direction = '>';
	} else if (asked.host && !is_this_machine(asked.host)) {
		other.host = asked.host;
		t->from_node = true;
	} else if (local && !asked.host) {
		other = host;
		t->plan.direction = '>';
	} else if (pull) {
		t->from_node = true;
	}
	t->origin = pull ? host : other;
	t->target = pull ? other : host;
}

/* What rsync makes of a place that is not there, which depends on how much there is to bring.
 */
static void settle_place(struct module_call *c, struct synchronize_transfer *t)
{
	t->plan.tells_place = t->list.count > 1 || ends_in_slash(argument_text(c, "dest"));
	if (!t->plan.makes || t->plan.tells_place)
		return;
	/* One directory, and nothing in it: it becomes the place itself. */
	if (t->list.count == 1 && *t->list.items[0].name) {
		t->plan.alone = t->list.items[0].name;
		t->list.items[0].name = "";
	}
	if (t->rules.existing)
		t->plan.makes = NULL;
}

/* Looks at the source: 1 when it is a directory, 0 for a file, -1 with err. */
static int look(struct module_call *c, struct synchronize_transfer *t, struct err *err)
{
	const char *given = argument_text(c, "src");

	if (!t->from_node) {
		autofree char *src = runner_find(c, "files", given, err);
		t->src = src ? trimmed(c, src) : NULL;
		return src ? path_is_dir(src) : -1;
	}
	t->src = at(c, &t->origin, given, true, err);
	t->source = t->src ? synchronize_ask(
				     c, &t->origin, &t->rules, t->src, t->rules.copy_links, err)
			   : NULL;
	if (!t->source)
		return -1;
	if (!value_dict_get(t->source, "kind"))
		return err_set(err, ERR_NOTFOUND, "%s is not there", t->src);
	return synchronize_is_directory(t->source);
}

/* Where the source goes, by the slashes at the ends of both names. */
static int aim(
	struct module_call *c, struct synchronize_transfer *t, bool directory, struct err *err)
{
	const char *given = argument_text(c, "dest");
	const char *dest = at(c, &t->target, given, false, err);
	const struct value *answer =
		synchronize_ask(c, &t->target, &t->rules, dest, false, err);

	if (!answer)
		return -1;
	t->plan.there = answer;
	t->dest = dest;
	t->name = "";
	if (!directory && !ends_in_slash(given) && !synchronize_is_directory(answer))
		return aim_at_file(c, t, dest, answer, err);
	if (!directory || !ends_in_slash(argument_text(c, "src")))
		t->name = path_basename(t->src);
	t->plan.makes = synchronize_is_directory(answer) ? NULL : dest;
	if (t->plan.makes && !t->rules.mkpath &&
		!value_truthy(value_dict_get(answer, "parent")))
		return err_set(err, ERR_NOTFOUND,
			"%s: the directory that it is to lie in is not there", dest);
	return 0;
}

static int list(struct module_call *c, struct synchronize_transfer *t, struct err *err)
{
	if (t->from_node)
		return synchronize_list_answer(
			c, &t->rules, t->source, t->src, t->name, &t->list, err);
	return synchronize_list_read(c, &t->rules, t->src, t->name, &t->list, err);
}

static void tell(struct module_call *c, const struct synchronize_transfer *t)
{
	const struct strbuf *said = &t->plan.said;
	AUTO(strlist_release) struct strlist lines = {0};
	struct value *list = value_new_list(c->arena);

	strlist_split(&lines, said->data, "\n");
	for (size_t i = 0; i < lines.count; i++)
		value_list_add(c->arena, list, value_new_string(c->arena, lines.items[i]));
	call_set_bool(c, "changed", t->plan.changed);
	call_set_text(c, "msg", said->data);
	call_set_int(c, "rc", 0);
	call_set(c, "stdout_lines", list);
	if (c->diff) {
		struct value *diff = value_new_dict(c->arena);
		value_dict_set(
			c->arena, diff, "prepared", value_new_string(c->arena, said->data));
		call_set(c, "diff", diff);
	}
}

static int transfer(struct module_call *c, struct synchronize_transfer *t, struct err *err)
{
	if (synchronize_rules_read(c, &t->rules, err) < 0)
		return -1;
	t->plan.rules = &t->rules;
	t->plan.check = c->check;
	choose_ends(c, t);
	int directory = look(c, t, err);
	if (directory < 0 || aim(c, t, directory, err) < 0 || list(c, t, err) < 0 ||
		synchronize_list_apply(&t->rules, &t->list, err) < 0)
		return -1;
	settle_place(c, t);
	if (synchronize_links_ask(c, t, err) < 0 ||
		synchronize_plan_make(c, &t->list, &t->plan, err) < 0)
		return -1;
	if (!c->check && synchronize_send(c, t, err) < 0)
		return -1;
	tell(c, t);
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	struct synchronize_transfer t = {.plan = {.said = STRBUF_INIT}};
	struct runner_place first = runner_place(c);

	int result = transfer(c, &t, err);
	runner_move(c, &first);
	synchronize_rules_release(&t.rules);
	synchronize_list_release(&t.list);
	synchronize_links_release(&t.plan);
	strbuf_release(&t.plan.said);
	return result;
}

static const char *const names[] = {"ansible.posix.synchronize", NULL};

const struct module module_synchronize = {
	.name = "synchronize",
	.aliases = names,
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
