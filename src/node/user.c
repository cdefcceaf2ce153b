/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `user`. What is there is read from the files; the programs of the shadow suite
 * (or, for `local`, of libuser) are run only for what differs.
 */
#include "node/user.h"

#include "base/path.h"

const struct node_arg user_args[] = {
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT},
	{"uid", ARG_INT},
	{"non_unique", ARG_BOOL},
	{"group", ARG_TEXT},
	{"groups", ARG_LIST},
	{"append", ARG_BOOL},
	{"comment", ARG_TEXT},
	{"home", ARG_TEXT},
	{"shell", ARG_TEXT},
	{"password", ARG_TEXT},
	{"update_password", ARG_TEXT},
	{"password_lock", ARG_BOOL},
	{"password_expire_min", ARG_INT},
	{"password_expire_max", ARG_INT},
	{"expires", ARG_NUMBER},
	{"create_home", ARG_BOOL},
	{"move_home", ARG_BOOL},
	{"skeleton", ARG_TEXT},
	{"umask", ARG_TEXT},
	{"seuser", ARG_TEXT},
	{"system", ARG_BOOL},
	{"force", ARG_BOOL},
	{"remove", ARG_BOOL},
	{"local", ARG_BOOL},
	{"generate_ssh_key", ARG_BOOL},
	{"ssh_key_bits", ARG_INT},
	{"ssh_key_type", ARG_TEXT},
	{"ssh_key_file", ARG_TEXT},
	{"ssh_key_comment", ARG_TEXT},
	{"ssh_key_passphrase", ARG_TEXT},
	{0},
};

/* An argument that says yes, no, or nothing. */
static int read_lock(struct node_call *c)
{
	const struct item *given = item_get(c->args, "password_lock");

	return !given || given->type == ITEM_NULL ? -1 : given->type == ITEM_TRUE;
}

/* Whole seconds, rounded down as gmtime does. */
static int64_t read_expires(struct node_call *c)
{
	const struct item *given = item_get(c->args, "expires");
	double seconds = call_number(c, "expires", 0);

	if (!given || given->type == ITEM_NULL)
		return USER_UNSET;
	int64_t whole = (int64_t)seconds;
	return whole - ((double)whole > seconds);
}

static int read_groups(struct user_work *w, struct err *err)
{
	const struct item *given = item_get(w->call->args, "groups");
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	w->group_list = call_list(w->call, "groups", err);
	if (!w->group_list || !given || given->type == ITEM_NULL)
		return w->group_list ? 0 : -1;
	for (size_t i = 0; w->group_list[i]; i++)
		strbuf_addf(&all, "%s%s", i ? "," : "", w->group_list[i]);
	w->groups = arena_strdup(w->call->arena, all.data);
	return 0;
}

static void read_texts(struct user_work *w)
{
	struct node_call *c = w->call;
	const char *update = call_text_or_null(c, "update_password");
	const char *state = call_text_or_null(c, "state");

	w->absent = state && strcmp(state, "absent") == 0;
	w->group = call_text_or_null(c, "group");
	w->comment = call_text_or_null(c, "comment");
	w->home = call_expand(c, call_text_or_null(c, "home"));
	w->shell = call_text_or_null(c, "shell");
	w->skeleton = call_text_or_null(c, "skeleton");
	w->umask = call_text_or_null(c, "umask");
	w->seuser = call_text_or_null(c, "seuser");
	w->password = call_text_or_null(c, "password");
	w->update_password = !update || strcmp(update, "always") == 0;
}

static void read_switches(struct user_work *w)
{
	const struct item *args = w->call->args;

	w->uid = item_int(args, "uid", USER_UNSET);
	w->min = item_int(args, "password_expire_min", USER_UNSET);
	w->max = item_int(args, "password_expire_max", USER_UNSET);
	w->expires = read_expires(w->call);
	w->lock = read_lock(w->call);
	w->non_unique = item_bool(args, "non_unique", false);
	w->force = item_bool(args, "force", false);
	w->remove = item_bool(args, "remove", false);
	w->create_home = item_bool(args, "create_home", true);
	w->move_home = item_bool(args, "move_home", false);
	w->system = item_bool(args, "system", false);
	w->append = item_bool(args, "append", false);
	w->local = item_bool(args, "local", false);
}

/* Looks the account up; who has no password in passwd has it in shadow. */
static void look(struct user_work *w)
{
	w->shadow = (struct account_shadow){.password = "", .min = -1, .max = -1, .expire = -1};
	w->there = account_find(w->call, w->name, w->local, &w->now);
	if (!w->there)
		return;
	bool shadowed = account_find_shadow(w->call, w->name, &w->shadow);
	if (strlen(w->now.password) <= 1)
		w->now.password = shadowed ? w->shadow.password : "";
}

static int read_work(struct user_work *w, struct err *err)
{
	w->name = call_text(w->call, "name", err);
	if (!w->name || read_groups(w, err) < 0)
		return -1;
	read_texts(w);
	read_switches(w);
	if (w->umask && w->local)
		return err_set(err, ERR_INPUT, "'umask' can not be used with 'local'");
	if (w->password && strpbrk(w->password, ":\n"))
		return err_set(
			err, ERR_INPUT, "password: a hash has neither colons nor line breaks");
	if (!w->groups && w->append)
		strlist_add(&w->warnings,
			"'append' is set, but no 'groups' are specified. Use 'groups' for "
			"appending new groups."
			"This will change to an error in Ansible 2.14.");
	user_check_password(w);
	look(w);
	if (w->local && !w->there)
		strlist_addf(&w->warnings,
			"'local: true' specified and user '%s' was not found in /etc/passwd. "
			"The local user account may already exist if the local account "
			"database exists somewhere other than /etc/passwd.",
			w->name);
	return 0;
}

static void tell_warnings(struct user_work *w)
{
	if (w->warnings.count == 0)
		return;
	item_open_list(w->call->out, "warnings");
	for (size_t i = 0; i < w->warnings.count; i++)
		item_put_string(w->call->out, NULL, w->warnings.items[i]);
	item_close(w->call->out);
}

/* The account as it is now. */
static void tell_account(struct user_work *w)
{
	struct item_writer *out = w->call->out;

	item_put_int(out, "uid", (int64_t)w->now.uid);
	item_put_int(out, "group", (int64_t)w->now.gid);
	item_put_string(out, "comment", w->now.comment);
	item_put_string(out, "home", w->now.home);
	item_put_string(out, "shell", w->now.shell);
	if (w->groups)
		item_put_string(out, "groups", w->groups);
}

/* A home that is missing is made, for an account that has long been there, too. */
static int mend_home(struct user_work *w, struct err *err)
{
	const char *home = w->home ? w->home : w->now.home;

	if (!w->create_home || path_exists(home))
		return 0;
	w->changed = true;
	return w->call->check ? 0 : user_make_home(w, home, err);
}

/* What follows the account itself: its home, a key, the ages of its password. */
static int complete(struct user_work *w, struct err *err)
{
	look(w);
	if (!w->there)
		return 0;
	if (mend_home(w, err) < 0 || user_make_key(w, err) < 0)
		return -1;
	return w->after.rc == 0 ? user_set_ages(w, err) : 0;
}

static void tell_key(struct user_work *w)
{
	struct item_writer *out = w->call->out;

	if (!w->key.file)
		return;
	item_put_string(out, "ssh_key_file", w->key.file);
	item_put_string(out, "ssh_fingerprint", w->key.fingerprint);
	item_put_string(out, "ssh_public_key", w->key.public);
}

static void tell_present(struct user_work *w, bool created)
{
	struct item_writer *out = w->call->out;

	if (created) {
		item_put_bool(out, "system", w->system);
		item_put_bool(out, "create_home", w->create_home);
	} else {
		item_put_bool(out, "append", w->append);
		item_put_bool(out, "move_home", w->move_home);
	}
	if (w->password)
		item_put_string(out, "password", "NOT_LOGGING_PASSWORD");
	if (w->there)
		tell_account(w);
	tell_key(w);
}

static void tell_absent(struct user_work *w)
{
	item_put_bool(w->call->out, "force", w->force);
	item_put_bool(w->call->out, "remove", w->remove);
}

static void tell(struct user_work *w, bool was_there)
{
	struct item_writer *out = w->call->out;

	item_put_bool(out, "changed", w->run.ran || w->after.ran || w->changed);
	item_put_string(out, "name", w->name);
	item_put_string(out, "state", w->absent ? "absent" : "present");
	tools_tell_output(&w->run);
	tell_warnings(w);
	if (!w->absent)
		tell_present(w, !was_there);
	else if (was_there)
		tell_absent(w);
}

static int ensure_present(struct user_work *w, struct err *err)
{
	if (w->call->check && !w->there)
		return 0; /* what is missing for it may come to be there before */
	int result = w->there ? user_modify(w, err) : user_create(w, err);
	return result < 0 || w->run.rc != 0 ? result : complete(w, err);
}

static int ensure(struct user_work *w, struct err *err)
{
	bool was = w->there;
	int result = !w->absent ? ensure_present(w, err) : was ? user_remove(w, err) : 0;

	if (result < 0)
		return -1;
	if (w->run.rc != 0)
		tools_tell_failure(&w->run, w->name, true);
	else if (w->after.rc != 0)
		tools_tell_failure(&w->after, w->name, true);
	else if (w->call->check && was == w->absent) {
		item_put_bool(w->call->out, "changed", true);
		tell_warnings(w);
	} else {
		tell(w, was);
	}
	return 0;
}

int node_user(struct node_call *c, struct err *err)
{
	struct user_work w = {.call = c, .run = TOOLS_INIT(c), .after = TOOLS_INIT(c)};
	int result = read_work(&w, err) < 0 ? -1 : ensure(&w, err);

	tools_release(&w.run);
	tools_release(&w.after);
	strlist_release(&w.warnings);
	return result;
}
