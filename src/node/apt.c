/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `apt`. Where everything is as it should be it costs one reading of dpkg's status
 * and no process. What it did is learnt by reading the status again, so that dependencies
 * which came along are told, too.
 */
#include "node/apt.h"

#include <string.h>

const struct node_arg apt_args[] = {
	{"names", ARG_LIST},
	{"debs", ARG_LIST},
	{"state", ARG_TEXT},
	{"update_cache", ARG_BOOL},
	{"cache_valid_time", ARG_INT},
	{"purge", ARG_BOOL},
	{"autoremove", ARG_BOOL},
	{"only_upgrade", ARG_BOOL},
	{"install_recommends", ARG_BOOL},
	{"allow_downgrade", ARG_BOOL},
	{"force", ARG_BOOL},
	{"default_release", ARG_TEXT},
	{"dpkg_options", ARG_LIST},
	{"lock_timeout", ARG_INT},
	{"upgrade", ARG_TEXT},
	{"environment", ARG_DICT},
	{"clean", ARG_BOOL},
	{"autoclean", ARG_BOOL},
	{"fail_on_autoremove", ARG_BOOL},
	{"policy_rc_d", ARG_INT},
	{"allow_unauthenticated", ARG_BOOL},
	{"allow_change_held_packages", ARG_BOOL},
	{"update_cache_retries", ARG_INT},
	{"update_cache_retry_max_delay", ARG_INT},
	{0},
};

/* A state, and what apt-get is told to do to the packages of the plan. */
static const struct {
	const char *name, *verb;
} states[] = {
	[APT_PRESENT] = {"present", "install"},
	[APT_LATEST] = {"latest", "install"},
	[APT_ABSENT] = {"absent", "remove"},
	[APT_BUILD_DEP] = {"build-dep", "build-dep"},
	[APT_FIXED] = {"fixed", "install"},
};

static int find_state(struct apt_task *t, struct err *err)
{
	const char *name = call_text_or_null(t->call, "state");

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, name ? name : "present") == 0) {
			t->state = (enum apt_state)i;
			return 0;
		}
	}
	return err_set(err, ERR_INPUT,
		"no state %s of a package: present, latest, absent, build-dep, fixed", name);
}

/* True if a list of the arguments names nothing. */
static bool is_empty_list(struct node_call *c, const char *key)
{
	const struct item *list = item_get(c->args, key);

	return !list || list->type != ITEM_LIST || list->count == 0;
}

/* Which packages the task is about: all of them, those that it names, or none. */
static void read_subject(struct apt_task *t)
{
	struct node_call *c = t->call;
	const char *upgrade = call_text_or_null(c, "upgrade");

	t->bare = is_empty_list(c, "names") && is_empty_list(c, "debs");
	if (upgrade && strcmp(upgrade, "no") != 0)
		t->upgrade = upgrade;
}

static int task_init(struct apt_task *t, struct node_call *c, struct err *err)
{
	static const char *const usual[] = {"force-confdef", "force-confold", NULL};
	const struct item *recommends = item_get(c->args, "install_recommends");
	int64_t seconds = item_int(c->args, "lock_timeout", APT_LOCK_SECONDS);

	*t = (struct apt_task){.call = c,
		.purge = item_bool(c->args, "purge", false),
		.autoremove = item_bool(c->args, "autoremove", false),
		.only_upgrade = item_bool(c->args, "only_upgrade", false),
		.allow_downgrade = item_bool(c->args, "allow_downgrade", false),
		.force = item_bool(c->args, "force", false),
		.fail_on_autoremove = item_bool(c->args, "fail_on_autoremove", false),
		.allow_unauthenticated = item_bool(c->args, "allow_unauthenticated", false),
		.allow_change_held = item_bool(c->args, "allow_change_held_packages", false),
		.install_recommends = -1,
		.default_release = call_text_or_null(c, "default_release"),
		.dpkg_options = call_list(c, "dpkg_options", err),
		.lock_seconds = seconds > 0 ? (double)seconds : 0,
		.out = STRBUF_INIT,
		.err = STRBUF_INIT};
	t->lock_until = deadline_in(t->lock_seconds);
	read_subject(t);
	if (recommends && recommends->type != ITEM_NULL)
		t->install_recommends = recommends->type == ITEM_TRUE;
	if (!t->dpkg_options)
		return -1;
	if (!*t->dpkg_options)
		t->dpkg_options = usual;
	return find_state(t, err);
}

static void task_release(struct apt_task *t)
{
	dpkg_status_release(&t->before);
	strlist_release(&t->words);
	strlist_release(&t->named);
	scratch_release(&t->scratch);
	strbuf_release(&t->out);
	strbuf_release(&t->err);
	free(t->debs.items);
}

static void put_change(struct item_writer *out, const struct apt_change *change)
{
	item_open_dict(out, NULL);
	item_put_string(out, "name", change->name);
	item_put_string(out, "before", change->before);
	item_put_string(out, "after", change->after);
	item_close(out);
}

/* Writes a package down if it is in another version than before; true if it is. */
static bool put_difference(struct item_writer *out, const char *key,
	const struct dpkg_status *before, const struct dpkg_status *after)
{
	struct apt_change change = {.name = key,
		.before = dpkg_installed_version(before, key),
		.after = dpkg_installed_version(after, key)};

	if (!strchr(key, ':') || str_cmp0(change.before, change.after) == 0)
		return false;
	const struct dpkg_package *p = dpkg_find(after, key);
	change.name = p ? p->name : dpkg_find(before, key)->name;
	put_change(out, &change);
	return true;
}

/* Compares dpkg's status with the one before and writes `packages`: how many differ. Where
 * apt-get was not run, there is nothing to compare. */
static int put_differences(struct apt_task *t, bool ran, struct err *err)
{
	AUTO(dpkg_status_release) struct dpkg_status after = {0};
	int count = 0;

	if (ran && dpkg_status_read(&after, DPKG_STATUS_FILE, err) < 0)
		return -1;
	item_open_list(t->call->out, "packages");
	strmap_foreach (e, &after.packages)
		count += put_difference(t->call->out, e->key, &t->before, &after);
	strmap_foreach (e, &t->before.packages) {
		if (ran && !strmap_has(&after.packages, e->key))
			count += put_difference(t->call->out, e->key, &t->before, &after);
	}
	item_close(t->call->out);
	return count;
}

/* "Inst NAME [OLD] (NEW ...)", "Remv NAME [OLD]" or "Purg NAME [OLD]" of a simulation; false
 * for other lines. */
static bool read_simulated(char *line, struct apt_change *change)
{
	bool installs = str_starts(line, "Inst ");
	char *save = NULL;

	if (!installs && !str_starts(line, "Remv ") && !str_starts(line, "Purg "))
		return false;
	*change = (struct apt_change){.name = strtok_r(line + 5, " ", &save)};
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		if (*word == '[' && !change->before) {
			word[strcspn(word, "]")] = '\0';
			change->before = word + 1;
		} else if (*word == '(' && installs && !change->after) {
			change->after = word + 1;
		}
	}
	return change->name != NULL;
}

/* Writes `packages` as apt-get's simulation and the heads of .debs tell them: how many. */
static int put_simulated(struct apt_task *t)
{
	AUTO(strlist_release) struct strlist lines = {0};
	struct apt_change change;
	int count = 0;

	strlist_split(&lines, t->out.data, "\n");
	item_open_list(t->call->out, "packages");
	for (size_t i = 0; i < lines.count; i++) {
		if (!read_simulated(lines.items[i], &change))
			continue;
		put_change(t->call->out, &change);
		count++;
	}
	for (size_t i = 0; i < t->debs.count && t->needs_content; i++, count++)
		put_change(t->call->out, &t->debs.items[i]);
	item_close(t->call->out);
	return count;
}

/* What apt-get is to do; NULL when there is nothing to do. */
static const char *choose_verb(const struct apt_task *t)
{
	if (t->upgrade)
		return strcmp(t->upgrade, "dist") == 0 || strcmp(t->upgrade, "full") == 0
			       ? "dist-upgrade"
			       : "upgrade";
	if (t->words.count > 0 || t->state == APT_FIXED)
		return states[t->state].verb;
	if (t->bare && item_bool(t->call->args, "autoclean", false))
		return "autoclean";
	return t->bare && t->autoremove ? "autoremove" : NULL;
}

/* In words, for the report of a transaction that cannot take this back. */
static int note(struct apt_task *t, const char *verb, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "packages are not taken back: apt-get %s", verb);
	for (size_t i = 0; i < t->words.count; i++)
		strbuf_addf(&text, " %s", t->words.items[i]);
	return transaction_record_note(call_transaction(t->call), text.data, err);
}

/* Runs apt-get for all of the plan. */
static int execute(struct apt_task *t, const char *verb, struct err *err)
{
	if (!t->call->check && note(t, verb, err) < 0)
		return -1;
	strbuf_clear(&t->out);
	strbuf_clear(&t->err);
	return apt_get(t, verb, &t->words, t->call->check, err);
}

static int tell(struct apt_task *t, const char *verb, bool updated, struct err *err)
{
	struct item_writer *out = t->call->out;
	bool deletes = verb && strcmp(verb, "autoclean") == 0;
	int count = t->call->check ? put_simulated(t) : put_differences(t, verb != NULL, err);

	if (count < 0)
		return -1;
	item_put_bool(out, "changed",
		count > 0 || (deletes && strstr(t->out.data, "Del ")) ||
			(!verb && t->bare && updated));
	if (t->upgrade)
		item_put_stringn(out, "msg", t->out.data, t->out.len);
	item_put_bool(out, "cache_updated", updated);
	item_put_int(out, "cache_update_time", apt_lists_time());
	item_put_stringn(out, "stdout", t->out.data, t->out.len);
	item_put_stringn(out, "stderr", t->err.data, t->err.len);
	if (verb)
		apt_tell_diff(t);
	return 0;
}

static int prepare(struct apt_task *t, struct err *err)
{
	if (item_bool(t->call->args, "clean", false) && !t->call->check &&
		apt_get(t, "clean", NULL, false, err) < 0)
		return -1;
	int updated = apt_update_lists(t, err);
	if (updated < 0 || dpkg_status_read(&t->before, DPKG_STATUS_FILE, err) < 0)
		return -1;
	return updated;
}

static int work(struct apt_task *t, struct err *err)
{
	int updated = prepare(t, err);

	if (updated < 0 || apt_plan(t, err) < 0 || apt_plan_debs(t, err) < 0)
		return -1;
	if (t->needs_content && !t->call->check) {
		item_put_bool(t->call->out, "need", true);
		item_put_bool(t->call->out, "changed", false);
		return 0;
	}
	const char *verb = t->needs_content ? NULL : choose_verb(t);
	if (verb && execute(t, verb, err) < 0)
		return -1;
	if (apt_mark_manual(t, err) < 0)
		return -1;
	return tell(t, verb, updated > 0, err);
}

int node_apt(struct node_call *c, struct err *err)
{
	AUTO(task_release) struct apt_task t = {0};

	if (task_init(&t, c, err) < 0)
		return -1;
	return work(&t, err);
}
