/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `group`: by groupadd, groupmod and groupdel, or, for `local`, by those of
 * libuser.
 */
#include "node/account.h"

const struct node_arg group_args[] = {
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT},
	{"gid", ARG_INT},
	{"system", ARG_BOOL},
	{"local", ARG_BOOL},
	{"non_unique", ARG_BOOL},
	{0},
};

struct group_work {
	struct node_call *call;
	const char *name, *state;
	int64_t gid; /* -1: any */
	bool system, local, non_unique, warned;
	struct tools run;
};

static int read_work(struct group_work *w, struct node_call *c, struct err *err)
{
	const char *state = call_text_or_null(c, "state");

	w->call = c;
	w->run = (struct tools)TOOLS_INIT(c);
	w->name = call_text(c, "name", err);
	w->state = state ? state : "present";
	w->gid = item_int(c->args, "gid", -1);
	w->system = item_bool(c->args, "system", false);
	w->local = item_bool(c->args, "local", false);
	w->non_unique = item_bool(c->args, "non_unique", false);
	return w->name ? 0 : -1;
}

/* The name of a program, with the "l" of libuser's for local groups. */
static void add_program(const struct group_work *w, struct strlist *argv, const char *name)
{
	strlist_addf(argv, "%s%s", w->local ? "l" : "", name);
}

static int check_local_gid(struct group_work *w, struct err *err)
{
	struct group_entry other;

	if (!w->local || w->gid < 0 || !group_by_gid((gid_t)w->gid, &other) ||
		strcmp(other.name, w->name) == 0)
		return 0;
	return err_set(err, ERR_EXISTS, "GID '%lld' already exists with group '%s'",
		(long long)w->gid, other.name);
}

static void add_gid(const struct group_work *w, struct strlist *argv)
{
	strlist_add(argv, "-g");
	strlist_addf(argv, "%lld", (long long)w->gid);
	if (w->non_unique)
		strlist_add(argv, "-o");
}

static int run_for_group(struct group_work *w, struct strlist *argv, struct err *err)
{
	strlist_add(argv, w->name);
	return tools_run(&w->run, argv, NULL, err);
}

static int ensure_absent(struct group_work *w, bool there, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	if (!there)
		return 0;
	add_program(w, &argv, "groupdel");
	return run_for_group(w, &argv, err);
}

static int add(struct group_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	if (check_local_gid(w, err) < 0)
		return -1;
	add_program(w, &argv, "groupadd");
	if (w->gid >= 0)
		add_gid(w, &argv);
	if (w->system)
		strlist_add(&argv, "-r");
	return run_for_group(w, &argv, err);
}

static int modify(struct group_work *w, const struct group_entry *now, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	if (check_local_gid(w, err) < 0)
		return -1;
	if (w->gid < 0 || now->gid == (gid_t)w->gid)
		return 0;
	add_program(w, &argv, "groupmod");
	add_gid(w, &argv);
	return run_for_group(w, &argv, err);
}

/* Groups are found by their names alone: one may be called "12". */
static bool find(struct group_work *w, struct group_entry *g)
{
	bool found = w->local ? account_find_group(w->call, w->name, true, g)
			      : group_by_name(w->name, g);

	w->warned |= w->local && !found;
	return found;
}

static void tell_warning(const struct group_work *w)
{
	if (!w->warned)
		return;
	item_open_list(w->call->out, "warnings");
	item_put_string(w->call->out, NULL,
		"'local: true' specified and group was not found in /etc/group. The local "
		"group may already exist if the local group database exists somewhere other "
		"than /etc/group.");
	item_close(w->call->out);
}

static void tell(struct group_work *w)
{
	struct item_writer *out = w->call->out;
	struct group_entry now;

	item_put_bool(out, "changed", w->run.ran);
	item_put_string(out, "name", w->name);
	item_put_string(out, "state", w->state);
	tools_tell_output(&w->run);
	if (find(w, &now)) {
		item_put_bool(out, "system", w->system);
		item_put_int(out, "gid", (int64_t)now.gid);
	}
	tell_warning(w);
}

static int ensure(struct group_work *w, struct err *err)
{
	bool absent = strcmp(w->state, "absent") == 0;
	struct group_entry now;
	bool there = find(w, &now);
	int result = absent  ? ensure_absent(w, there, err)
		     : there ? modify(w, &now, err)
			     : add(w, err);

	if (result < 0)
		return -1;
	if (w->run.rc != 0)
		tools_tell_failure(&w->run, w->name, false);
	else if (w->call->check && there == absent)
		item_put_bool(w->call->out, "changed", true);
	else
		tell(w);
	return 0;
}

int node_group(struct node_call *c, struct err *err)
{
	struct group_work w = {0};
	int result = read_work(&w, c, err) < 0 ? -1 : ensure(&w, err);

	tools_release(&w.run);
	return result;
}
