/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `apt`. Where everything is as it should be it costs one reading of dpkg's status
 * and no process. What it did is learnt by reading the status again, so that dependencies
 * which came along are told, too.
 */
#include "node/apt.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_SECONDS 60

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

static int task_init(struct apt_task *t, struct node_call *c, struct err *err)
{
	static const char *const usual[] = {"force-confdef", "force-confold", NULL};
	const struct item *recommends = item_get(c->args, "install_recommends");
	int64_t seconds = item_int(c->args, "lock_timeout", LOCK_SECONDS);

	*t = (struct apt_task){.call = c,
		.purge = item_bool(c->args, "purge", false),
		.autoremove = item_bool(c->args, "autoremove", false),
		.only_upgrade = item_bool(c->args, "only_upgrade", false),
		.allow_downgrade = item_bool(c->args, "allow_downgrade", false),
		.force = item_bool(c->args, "force", false),
		.install_recommends = -1,
		.default_release = call_text_or_null(c, "default_release"),
		.dpkg_options = call_list(c, "dpkg_options", err),
		.lock_seconds = seconds > 0 ? (double)seconds : 0,
		.out = STRBUF_INIT,
		.err = STRBUF_INIT};
	t->lock_until = deadline_in(t->lock_seconds);
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
	scratch_release(&t->scratch);
	strbuf_release(&t->out);
	strbuf_release(&t->err);
	free(t->debs.items);
}

/* When apt's lists were brought last, in seconds since 1970; 0: never. */
static int64_t lists_time(void)
{
	static const char *const stamps[] = {
		"/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"};
	int64_t newest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++) {
		struct stat st;
		if (stat(stamps[i], &st) == 0 && st.st_mtime > newest)
			newest = st.st_mtime;
	}
	return newest;
}

/* Brings the lists of packages if that is asked for and they are too old: 1, else 0. */
static int update_cache(struct apt_task *t, struct err *err)
{
	int64_t valid = item_int(t->call->args, "cache_valid_time", 0);

	if (t->call->check || (valid <= 0 && !item_bool(t->call->args, "update_cache", false)))
		return 0;
	if (valid > 0 && lists_time() + valid >= (int64_t)time(NULL))
		return 0;
	if (apt_wait_for_lock(t, "/var/lib/apt/lists/lock", err) < 0)
		return -1;
	return apt_get(t, "update", NULL, false, err) < 0 ? -1 : 1;
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

/* True when the plan asks for something: packages, or what needs none. */
static bool has_work(const struct apt_task *t)
{
	bool bare = !item_get(t->call->args, "names") && !item_get(t->call->args, "debs");

	return t->words.count > 0 || t->state == APT_FIXED || (t->autoremove && bare);
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
static int execute(struct apt_task *t, struct err *err)
{
	const char *verb = states[t->state].verb;

	if (t->words.count == 0 && t->state != APT_FIXED)
		verb = "autoremove";
	if (!t->call->check && note(t, verb, err) < 0)
		return -1;
	return apt_get(t, verb, &t->words, t->call->check, err);
}

static int work(struct apt_task *t, struct err *err)
{
	struct item_writer *out = t->call->out;
	int updated = update_cache(t, err), count = 0;

	if (updated < 0 || dpkg_status_read(&t->before, DPKG_STATUS_FILE, err) < 0 ||
		apt_plan(t, err) < 0 || apt_plan_debs(t, err) < 0)
		return -1;
	if (t->needs_content && !t->call->check) {
		item_put_bool(out, "need", true);
		item_put_bool(out, "changed", false);
		return 0;
	}
	if (has_work(t) && !t->needs_content && execute(t, err) < 0)
		return -1;
	if (t->call->check)
		count = put_simulated(t);
	else
		count = put_differences(t, has_work(t), err);
	if (count < 0)
		return -1;
	bool nothing_else = !has_work(t) && !item_get(t->call->args, "names") &&
			    !item_get(t->call->args, "debs");
	item_put_bool(out, "changed", count > 0 || (nothing_else && updated > 0));
	item_put_bool(out, "cache_updated", updated > 0);
	item_put_int(out, "cache_update_time", lists_time());
	item_put_stringn(out, "stdout", t->out.data, t->out.len);
	item_put_stringn(out, "stderr", t->err.data, t->err.len);
	return 0;
}

int node_apt(struct node_call *c, struct err *err)
{
	AUTO(task_release) struct apt_task t = {0};

	if (task_init(&t, c, err) < 0)
		return -1;
	return work(&t, err);
}
