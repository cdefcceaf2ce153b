/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synchronize: a file or a tree of this machine, brought to the node as rsync would. The node
 * tells what it has below the place, the difference is made here, and the changes go in
 * batches, each whole file with its attributes.
 */
#include "play/modules/synchronize.h"

#include "base/path.h"
#include "play/modules/modules.h"
#include "play/runner.h"

#define BATCH_FILES 40      /* blobs of one call: fewer than a helper keeps */
#define BATCH_BYTES 400000u /* of arguments */
#define ENTRY_BYTES 300u    /* of a change without content */
#define INLINE_MAX  16384u  /* bytes of a file that goes with the arguments */

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

/* One transfer. */
struct transfer {
	struct synchronize_rules rules;
	struct synchronize_list list;
	struct synchronize_plan plan;
	const char *src;  /* found here */
	const char *name; /* of it below dest */
	const char *dest; /* on the node, a directory */
};

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

static int refuse_unsupported(const struct module_call *c, struct err *err)
{
	const struct value *link_dest = argument_value(c, "link_dest");

	if (strcmp(argument_text(c, "mode"), "push") != 0)
		return err_set(err, ERR_UNSUPPORTED,
			"mode: pull is not supported yet; fetch brings single files");
	if (link_dest && link_dest->count > 0)
		return err_set(err, ERR_UNSUPPORTED, "link_dest is not supported yet");
	return 0;
}

static const struct value *ask(
	struct module_call *c, const struct transfer *t, const char *path, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, "recurse", value_bool(t->rules.recursive));
	value_dict_set(c->arena, args, "hash", value_bool(t->rules.checksum));
	return runner_ask_node(c, "tree", args, err);
}

static bool is_directory(const struct value *answer)
{
	return str_cmp0(value_text(value_dict_get(answer, "kind")), "directory") == 0;
}

/* A file under a name of its own: its directory is dest, of which only this name counts. */
static int aim_at_file(struct module_call *c, struct transfer *t, const char *dest,
	const struct value *answer, struct err *err)
{
	autofree char *parent = path_dirname(dest);
	struct value *there = value_new_dict(c->arena);
	struct value *entries = value_new_list(c->arena);

	t->dest = arena_strdup(c->arena, parent);
	t->name = arena_strdup(c->arena, path_basename(dest));
	t->plan.alone = path_basename(trimmed(c, t->src));
	if (!value_truthy(value_dict_get(answer, "parent")))
		return err_set(err, ERR_NOTFOUND, "%s: there is no directory %s on the host",
			dest, t->dest);
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

/* Where the source goes, by the slashes at the ends of both names. */
static int aim(struct module_call *c, struct transfer *t, struct err *err)
{
	const char *given = argument_text(c, "dest");
	const char *dest = trimmed(c, given);
	bool directory = path_is_dir(t->src);

	if (*dest != '/' && *dest != '~')
		dest = arena_printf(c->arena, "~/%s", dest);
	const struct value *answer = ask(c, t, dest, err);
	if (!answer)
		return -1;
	t->plan.there = answer;
	t->dest = dest;
	t->name = "";
	if (!directory && !ends_in_slash(given) && !is_directory(answer))
		return aim_at_file(c, t, dest, answer, err);
	if (!directory || !ends_in_slash(argument_text(c, "src")))
		t->name = path_basename(trimmed(c, t->src));
	t->plan.makes = is_directory(answer) ? NULL : dest;
	if (!is_directory(answer) && !value_truthy(value_dict_get(answer, "parent")))
		return err_set(err, ERR_NOTFOUND,
			"%s: the directory that it is to lie in is not on the host", dest);
	return 0;
}

/* ---- sending ---- */

/* One call with the changes from `first` on: how many. 0 with err. */
static size_t send_batch(
	struct module_call *c, const struct transfer *t, size_t first, struct err *err)
{
	struct value *args = value_new_dict(c->arena), *changes = value_new_list(c->arena);
	size_t bytes = 0, blobs = 0, i = first;

	for (; i < t->plan.changes->count && bytes < BATCH_BYTES && blobs < BATCH_FILES; i++) {
		/* The dict is ours to complete. */
		struct value *change = (struct value *)(uintptr_t)t->plan.changes->items[i];
		const struct synchronize_entry *e = t->plan.files[i];
		bool is_small = e && e->st.st_size <= (off_t)INLINE_MAX;
		if (e && runner_put_file(c, change, "content", e->path, err) < 0)
			return 0;
		blobs += e && !is_small;
		bytes += ENTRY_BYTES + (is_small ? (size_t)e->st.st_size : 0);
		value_list_add(c->arena, changes, change);
	}
	value_dict_set(c->arena, args, "path", value_new_string(c->arena, t->dest));
	value_dict_set(c->arena, args, "changes", changes);
	return runner_ask_node(c, "tree_apply", args, err) ? i - first : 0;
}

static int send_changes(struct module_call *c, const struct transfer *t, struct err *err)
{
	size_t done = 0;

	while (done < t->plan.changes->count) {
		size_t sent = send_batch(c, t, done, err);
		if (sent == 0)
			return -1;
		done += sent;
	}
	return 0;
}

static void tell(struct module_call *c, const struct transfer *t)
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

static int transfer(struct module_call *c, struct transfer *t, struct err *err)
{
	if (synchronize_rules_read(c, &t->rules, err) < 0)
		return -1;
	autofree char *src = runner_find(c, "files", argument_text(c, "src"), err);
	if (!src)
		return -1;
	t->src = arena_strdup(c->arena, src);
	t->plan.rules = &t->rules;
	t->plan.check = c->check;
	t->plan.direction =
		runner_host(c->runner)->connection.link.transport == LINK_LOCAL ? '>' : '<';
	if (aim(c, t, err) < 0 ||
		synchronize_list_read(
			c, &t->rules, trimmed(c, t->src), t->name, &t->list, err) < 0 ||
		synchronize_plan_make(c, &t->list, &t->plan, err) < 0)
		return -1;
	if (!c->check && send_changes(c, t, err) < 0)
		return -1;
	tell(c, t);
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	struct transfer t = {.plan = {.said = STRBUF_INIT}};

	if (refuse_unsupported(c, err) < 0)
		return -1;
	int result = transfer(c, &t, err);
	synchronize_rules_release(&t.rules);
	synchronize_list_release(&t.list);
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
