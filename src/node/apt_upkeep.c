/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt: what is not about the packages of a plan. The lists of packages, apt's caches, which
 * packages were asked for by name, and the policy that services obey meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/apt.h"

#define POLICY_FILE         "/usr/sbin/policy-rc.d"
#define POLICY_KEPT         POLICY_FILE ".modelfleet"
#define EXTENDED_STATES     "/var/lib/apt/extended_states"
#define EXTENDED_STATES_MAX (16u << 20)

int64_t apt_lists_time(void)
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

/* Waits before the next attempt: a second, two, four, at most the task's limit. */
static int wait_to_retry(struct apt_task *t, int64_t attempt, struct err *err)
{
	int64_t most = item_int(t->call->args, "update_cache_retry_max_delay", 12);
	int64_t seconds = attempt < 10 ? (int64_t)1 << attempt : most;

	return call_sleep(t->call, deadline_in((double)(seconds < most ? seconds : most)), err);
}

static int fetch_lists(struct apt_task *t, struct err *err)
{
	int64_t attempts = item_int(t->call->args, "update_cache_retries", 5);
	struct err why = {0};

	for (int64_t i = 0;; i++) {
		why = (struct err){0};
		if (apt_wait_for_lock(t, "/var/lib/apt/lists/lock", err) < 0)
			return -1;
		if (apt_get(t, "update", NULL, false, &why) == 0)
			return 0;
		if (why.code != ERR_SYSTEM) { /* not apt's own word */
			*err = why;
			return -1;
		}
		if (i + 1 >= attempts)
			break;
		if (wait_to_retry(t, i, err) < 0)
			return -1;
	}
	return err_set(err, ERR_SYSTEM, "Failed to update apt cache: %s", why.text);
}

int apt_update_lists(struct apt_task *t, struct err *err)
{
	int64_t valid = item_int(t->call->args, "cache_valid_time", 0);

	if (valid <= 0 && !item_bool(t->call->args, "update_cache", false))
		return 0;
	if (valid > 0 && apt_lists_time() + valid >= (int64_t)time(NULL))
		return 0;
	if (t->call->check)
		return 1;
	return fetch_lists(t, err) < 0 ? -1 : 1;
}

int apt_refresh(struct node_call *c, struct err *err)
{
	static const char *const none[] = {NULL};
	struct apt_task t = {.call = c,
		.install_recommends = -1,
		.dpkg_options = none,
		.lock_seconds = APT_LOCK_SECONDS,
		.lock_until = deadline_in(APT_LOCK_SECONDS),
		.out = STRBUF_INIT,
		.err = STRBUF_INIT};
	int result = fetch_lists(&t, err);

	strbuf_release(&t.out);
	strbuf_release(&t.err);
	return result;
}

int apt_policy_begin(struct apt_task *t, struct err *err)
{
	const struct item *code = item_get(t->call->args, "policy_rc_d");

	t->policy = code && code->type == ITEM_INT;
	if (!t->policy)
		return 0;
	autofree char *text = xasprintf("#!/bin/sh\nexit %lld\n", (long long)code->integer);
	if (rename(POLICY_FILE, POLICY_KEPT) < 0 && errno != ENOENT)
		return err_sys(err, "Fail to move " POLICY_FILE " to " POLICY_KEPT);
	if (file_replace(POLICY_FILE, text, strlen(text), 0755, err) < 0)
		return err_wrap(err, "Failed to create or chmod " POLICY_FILE);
	return 0;
}

void apt_policy_end(struct apt_task *t)
{
	if (!t->policy)
		return;
	t->policy = false;
	if (rename(POLICY_KEPT, POLICY_FILE) < 0)
		unlink(POLICY_FILE);
}

/* The names among the plan's that apt takes for dependencies of others. */
static int find_automatic(struct apt_task *t, struct strlist *found, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char *save = NULL, *name = NULL;

	if (access(EXTENDED_STATES, R_OK) < 0)
		return 0;
	if (file_read(EXTENDED_STATES, EXTENDED_STATES_MAX, &text, err) < 0)
		return -1;
	for (char *line = strtok_r(text.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		if (str_starts(line, "Package: "))
			name = line + strlen("Package: ");
		else if (name && strcmp(line, "Auto-Installed: 1") == 0 &&
			 strlist_has(&t->named, name) && !strlist_has(found, name))
			strlist_add(found, name);
	}
	return 0;
}

int apt_mark_manual(struct apt_task *t, struct err *err)
{
	AUTO(strlist_release) struct strlist found = {0}, argv = {0};
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	if (t->call->check || t->named.count == 0)
		return 0;
	if (find_automatic(t, &found, err) < 0)
		return -1;
	if (found.count == 0)
		return 0;
	strlist_add(&argv, "apt-mark");
	strlist_add(&argv, "manual");
	for (size_t i = 0; i < found.count; i++)
		strlist_add(&argv, found.items[i]);
	return apt_ask(t, (const char *const *)argv.items, &said, err);
}

void apt_tell_diff(struct apt_task *t)
{
	static const char start[] = "Reading state information...";
	const char *from = strstr(t->out.data, start), *end;

	if (!t->call->diff)
		return;
	from = from ? from + strcspn(from, "\n") : t->out.data;
	from += *from == '\n';
	end = strstr(from, " upgraded, ");
	end = end ? end + strcspn(end, "\n") : from + strlen(from);
	item_open_dict(t->call->out, "diff");
	if (t->out.len > 0)
		item_put_stringn(t->call->out, "prepared", from, (size_t)(end - from));
	item_close(t->call->out);
}
