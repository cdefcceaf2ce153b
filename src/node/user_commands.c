/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What useradd, usermod, userdel and chage are told. Hashes of passwords go to chpasswd's
 * input: whoever may list processes would see them otherwise.
 */
#include <stdio.h>
#include <time.h>

#include "base/path.h"
#include "node/user.h"

#define DAY 86400

/* The words that may stand for a hash, and lock the account. */
static const char *const locking[] = {"*", "!", "*************"};

/* Lengths of the hashes that crypt(3) makes by its old methods. */
static const struct {
	const char *method;
	size_t length;
} hashes[] = {{"1", 22}, {"5", 43}, {"6", 86}};

/* True for a text that may be "$METHOD$SALT$HASH". */
static bool looks_hashed(struct arena *a, const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789./=";
	const char *last = strrchr(text, '$');

	if (strpbrk(text, ":*!") || !last || strchr(text, '$') == last)
		return false;
	size_t n = strlen(last + 1);
	if (strspn(last + 1, letters) != n)
		return false;
	const char *from = strchr(text, '$') + 1;
	const char *method = arena_strndup(a, from, strcspn(from, "$"));
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (strcmp(hashes[i].method, method) == 0 && hashes[i].length != n)
			return false;
	}
	return true;
}

void user_check_password(struct user_work *w)
{
	if (!w->password || !*w->password || looks_hashed(w->call->arena, w->password))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(locking); i++) {
		if (strcmp(locking[i], w->password) == 0)
			return;
	}
	strlist_add(&w->warnings,
		"The input password appears not to have been hashed. The 'password' argument "
		"must be encrypted for this module to work properly.");
}

static void add_option(struct strlist *argv, const char *option, const char *value)
{
	if (!value)
		return;
	strlist_add(argv, option);
	strlist_add(argv, value);
}

static void add_number(struct strlist *argv, const char *option, int64_t value)
{
	strlist_add(argv, option);
	strlist_addf(argv, "%lld", (long long)value);
}

/* The name of a program, with the "l" of libuser's for local accounts. */
static void add_program(const struct user_work *w, struct strlist *argv, const char *name)
{
	strlist_addf(argv, "%s%s", w->local ? "l" : "", name);
}

static int run_for_user(
	struct user_work *w, struct tools *r, struct strlist *argv, struct err *err)
{
	strlist_add(argv, w->name);
	return tools_run(r, argv, NULL, err);
}

/* A group by its name or number; it has to be there. */
static int find_group(
	struct user_work *w, const char *name, struct group_entry *g, struct err *err)
{
	if (account_find_group(w->call, name, false, g))
		return 0;
	return err_set(err, ERR_NOTFOUND, "Group %s does not exist", name);
}

/*
 * The names of the groups that were asked for, each once, without white space. A new account's
 * own group is left out.
 */
static int wanted_groups(
	struct user_work *w, bool without_own, struct strlist *groups, struct err *err)
{
	AUTO(strlist_release) struct strlist given = {0};
	struct group_entry g;

	strlist_split(&given, w->groups ? w->groups : "", ",");
	for (size_t i = 0; i < given.count; i++) {
		if (find_group(w, given.items[i], &g, err) < 0)
			return -1;
		bool own = without_own && w->there && g.gid == w->now.gid;
		if (!own && !strlist_has(groups, given.items[i]))
			strlist_add(groups, given.items[i]);
	}
	return 0;
}

static const char *joined(struct arena *a, const struct strlist *words)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	for (size_t i = 0; i < words->count; i++)
		strbuf_addf(&all, "%s%s", i ? "," : "", words->items[i]);
	return arena_strdup(a, all.data);
}

/* The day of an account's end as the programs take it; empty: it never ends. */
static const char *expiry_date(struct user_work *w)
{
	time_t when = (time_t)w->expires;
	char text[32];
	struct tm tm;

	if (w->expires < 0 || !gmtime_r(&when, &tm))
		return "";
	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return arena_strdup(w->call->arena, text);
}

/* Gives an account a hash, locked if it is to be. */
static int set_password(struct user_work *w, struct err *err)
{
	const char *argv[] = {"chpasswd", "-e"};
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(strbuf_release) struct strbuf input = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		strlist_add(&words, argv[i]);
	strbuf_addf(&input, "%s:%s%s\n", w->name, w->lock == 1 ? "!" : "", w->password);
	int result = tools_run(&w->run, &words, input.data, err);
	mem_wipe(input.data, input.len);
	return result;
}

/* Groups of a local account, one after the other. */
static int change_local_groups(struct user_work *w, const struct strlist *groups,
	const char *option, const struct strlist *but, struct err *err)
{
	for (size_t i = 0; w->run.rc == 0 && i < groups->count; i++) {
		AUTO(strlist_release) struct strlist argv = {0};
		if (but && strlist_has(but, groups->items[i]))
			continue;
		strlist_add(&argv, "lgroupmod");
		add_option(&argv, option, w->name);
		strlist_add(&argv, groups->items[i]);
		if (tools_run(&w->run, &argv, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int set_local_expiry(struct user_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	strlist_add(&argv, "lchage");
	add_number(&argv, "-E", w->expires < 0 ? -1 : w->expires / DAY);
	return run_for_user(w, &w->run, &argv, err);
}

/* ---- a new account ---- */

static void add_home_options(struct user_work *w, struct strlist *argv)
{
	add_option(argv, "-d", w->home);
	if (!w->create_home) {
		strlist_add(argv, "-M");
		return;
	}
	if (!w->local)
		strlist_add(argv, "-m");
	add_option(argv, "-k", w->skeleton);
	if (w->umask) {
		strlist_add(argv, "-K");
		strlist_addf(argv, "UMASK=%s", w->umask);
	}
}

static void add_identity(struct user_work *w, struct strlist *argv)
{
	struct group_entry own;

	if (w->uid != USER_UNSET) {
		add_number(argv, "-u", w->uid);
		if (w->non_unique)
			strlist_add(argv, "-o");
	}
	/* A group of that name is there: it is not made, and not made the account's. */
	if (!w->group && account_find_group(w->call, w->name, false, &own))
		strlist_add(argv, w->local ? "-n" : "-N");
	add_option(argv, "-g", w->group);
}

/* useradd makes no parents of a home: those, and the home, are made before it. */
static int prepare_home(struct user_work *w, bool *made, struct err *err)
{
	*made = false;
	if (!w->home || !w->create_home)
		return 0;
	autofree char *parent = path_dirname(w->home);
	if (path_is_dir(parent))
		return 0;
	*made = true;
	return w->call->check || path_exists(w->home) ? 0 : user_make_home(w, w->home, err);
}

static int run_useradd(struct user_work *w, const struct strlist *groups, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	add_program(w, &argv, "useradd");
	add_identity(w, &argv);
	if (groups->count > 0 && !w->local)
		add_option(&argv, "-G", joined(w->call->arena, groups));
	add_option(&argv, "-c", w->comment);
	add_home_options(w, &argv);
	add_option(&argv, "-s", w->shell);
	add_option(&argv, "-Z", w->seuser);
	if (w->expires != USER_UNSET && !w->local)
		add_option(&argv, "-e", expiry_date(w));
	if (w->system)
		strlist_add(&argv, "-r");
	return run_for_user(w, &w->run, &argv, err);
}

int user_create(struct user_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist groups = {0};
	struct group_entry g;
	bool made;

	if ((w->group && find_group(w, w->group, &g, err) < 0) ||
		wanted_groups(w, true, &groups, err) < 0 ||
		(w->local && tools_need(w->call, "luseradd", err) < 0) ||
		prepare_home(w, &made, err) < 0 || run_useradd(w, &groups, err) < 0)
		return -1;
	if (w->run.rc == 0 && w->local && w->expires != USER_UNSET &&
		set_local_expiry(w, err) < 0)
		return -1;
	if (w->local && change_local_groups(w, &groups, "-M", NULL, err) < 0)
		return -1;
	if (w->run.rc == 0 && w->password && set_password(w, err) < 0)
		return -1;
	if (!made || w->run.rc != 0 || w->call->check)
		return 0;
	w->there = account_find(w->call, w->name, w->local, &w->now);
	return user_make_home(w, w->home, err);
}

/* ---- an account that is there ---- */

static void add_account_changes(struct user_work *w, struct strlist *argv)
{
	const struct account *now = &w->now;

	if (w->uid != USER_UNSET && (int64_t)now->uid != w->uid) {
		add_number(argv, "-u", w->uid);
		if (w->non_unique)
			strlist_add(argv, "-o");
	}
	if (w->comment && strcmp(now->comment, w->comment) != 0)
		add_option(argv, "-c", w->comment);
	if (w->home && strcmp(now->home, w->home) != 0) {
		add_option(argv, "-d", w->home);
		if (w->move_home)
			strlist_add(argv, "-m");
	}
	if (w->shell && strcmp(now->shell, w->shell) != 0)
		add_option(argv, "-s", w->shell);
}

static bool expiry_differs(const struct user_work *w)
{
	int64_t now = w->shadow.expire;

	if (w->expires == USER_UNSET)
		return false;
	return w->expires < 0 ? now >= 0 : now < 0 || now != w->expires / DAY;
}

/* A password without the marks that lock it. */
static const char *unlocked(const char *password)
{
	return password + strspn(password, "!");
}

static bool password_differs(const struct user_work *w)
{
	return w->update_password && w->password &&
	       strcmp(unlocked(w->now.password), unlocked(w->password)) != 0;
}

/* A password that is set anew is locked along with it. */
static void add_lock(const struct user_work *w, struct strlist *argv)
{
	bool locked = *w->now.password == '!';

	if (w->lock < 0 || locked == (w->lock == 1) || password_differs(w))
		return;
	strlist_add(argv, w->lock ? "-L" : "-U");
}

/* The groups of an account as they are, and as they should be. */
struct membership {
	struct strlist now, wanted;
	bool differs;
};

static int compare_groups(struct user_work *w, struct membership *m, struct err *err)
{
	if (!w->groups)
		return 0;
	account_groups_of(w->call, w->name, &m->now);
	if (wanted_groups(w, false, &m->wanted, err) < 0)
		return -1;
	for (size_t i = 0; i < m->wanted.count; i++)
		m->differs |= !strlist_has(&m->now, m->wanted.items[i]);
	for (size_t i = 0; !w->append && i < m->now.count; i++)
		m->differs |= !strlist_has(&m->wanted, m->now.items[i]);
	return 0;
}

static void add_groups(struct user_work *w, const struct membership *m, struct strlist *argv)
{
	if (!m->differs || w->local)
		return;
	if (w->append)
		strlist_add(argv, "-a");
	add_option(argv, "-G", joined(w->call->arena, &m->wanted));
}

static int run_usermod(struct user_work *w, const struct membership *m, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	struct group_entry g;

	add_program(w, &argv, "usermod");
	if (w->group && find_group(w, w->group, &g, err) < 0)
		return -1;
	if (w->group && g.gid != w->now.gid)
		add_number(&argv, "-g", (int64_t)g.gid);
	add_account_changes(w, &argv);
	add_groups(w, m, &argv);
	if (expiry_differs(w) && !w->local)
		add_option(&argv, "-e", expiry_date(w));
	add_lock(w, &argv);
	return argv.count > 1 ? run_for_user(w, &w->run, &argv, err) : 0;
}

static int change_local(struct user_work *w, const struct membership *m, struct err *err)
{
	if (!w->local || w->run.rc != 0)
		return 0;
	if (expiry_differs(w) && set_local_expiry(w, err) < 0)
		return -1;
	if (!m->differs)
		return 0;
	if (change_local_groups(w, &m->wanted, "-M", &m->now, err) < 0)
		return -1;
	return w->append ? 0 : change_local_groups(w, &m->now, "-m", &m->wanted, err);
}

int user_modify(struct user_work *w, struct err *err)
{
	struct membership m = {0};
	int result = compare_groups(w, &m, err);

	if (result == 0 && w->local)
		result = tools_need(w->call, "lusermod", err);
	if (result == 0)
		result = run_usermod(w, &m, err);
	if (result == 0)
		result = change_local(w, &m, err);
	if (result == 0 && w->run.rc == 0 && password_differs(w))
		result = set_password(w, err);
	strlist_release(&m.now);
	strlist_release(&m.wanted);
	return result;
}

int user_remove(struct user_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	add_program(w, &argv, "userdel");
	if (w->force && !w->local)
		strlist_add(&argv, "-f");
	if (w->remove)
		strlist_add(&argv, "-r");
	return run_for_user(w, &w->run, &argv, err);
}

int user_set_ages(struct user_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	struct account_shadow shadow;

	if (!account_find_shadow(w->call, w->name, &shadow))
		return 0;
	strlist_add(&argv, "chage");
	if (w->min != USER_UNSET && w->min != shadow.min)
		add_number(&argv, "-m", w->min);
	if (w->max != USER_UNSET && w->max != shadow.max)
		add_number(&argv, "-M", w->max);
	return argv.count > 1 ? run_for_user(w, &w->after, &argv, err) : 0;
}
