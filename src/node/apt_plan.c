/* SPDX-License-Identifier: Apache-2.0 */
#include "node/apt.h"

#include "node/pattern.h"

/* "NAME", "NAME=VERSION" or "NAME>=VERSION". */
struct want {
	char *name;
	const char *version; /* NULL: any; may be a pattern */
	bool at_least;
};

static int read_want(struct apt_task *t, const char *text, struct want *w, struct err *err)
{
	size_t n = strcspn(text, "=<>!");

	*w = (struct want){.name = arena_strndup(t->call->arena, text, n)};
	if (n == 0 || *text == '-' || *text == '/')
		return err_set(err, ERR_INPUT, "\"%s\" names no package", text);
	if (strspn(w->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789+-.:*?[]_") != n)
		return err_set(
			err, ERR_INPUT, "\"%s\" cannot be the name of a package", w->name);
	if (!text[n])
		return 0;
	w->at_least = str_starts(text + n, ">=");
	if (!w->at_least && text[n] != '=')
		return err_set(err, ERR_UNSUPPORTED,
			"\"%s\": a version is asked for by = or >=", text);
	w->version = text + n + (w->at_least ? 2 : 1);
	return *w->version ? 0 : err_set(err, ERR_INPUT, "\"%s\" has no version", text);
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* Whether the installed version is the one that is wanted. */
static bool version_fits(const struct want *w, const char *installed)
{
	if (!w->version)
		return true;
	if (w->at_least)
		return dpkg_compare_versions(installed, w->version) >= 0;
	return dpkg_compare_versions(installed, w->version) == 0 ||
	       pattern_match(w->version, installed);
}

static void plan_install(struct apt_task *t, const struct want *w)
{
	const char *installed = dpkg_installed_version(&t->before, w->name);
	bool provided = !installed && !w->version && strmap_has(&t->before.provided, w->name);

	if (provided || (installed && version_fits(w, installed)))
		return;
	if (!installed && t->only_upgrade)
		return;
	if (w->version && !w->at_least)
		strlist_addf(&t->words, "%s=%s", w->name, w->version);
	else
		strlist_add(&t->words, w->name);
}

static void plan_removal(struct apt_task *t, const struct want *w)
{
	const struct dpkg_package *p = dpkg_find(&t->before, w->name);

	if (p && (p->installed || (t->purge && p->has_files)))
		strlist_add(&t->words, w->name);
}

static void plan_one(struct apt_task *t, const struct want *w)
{
	if (t->state == APT_ABSENT)
		plan_removal(t, w);
	else if (t->state == APT_PRESENT)
		plan_install(t, w);
	else
		strlist_addf(&t->words, w->version ? "%s=%s" : "%s", w->name, w->version);
	if (t->state == APT_PRESENT || t->state == APT_LATEST)
		strlist_add(&t->named, w->name);
}

/* The names that a pattern stands for: of dpkg's status for a removal, else of the lists. */
static int match_names(
	struct apt_task *t, const char *pattern, struct strlist *names, struct err *err)
{
	AUTO(strbuf_release) struct strbuf known = STRBUF_INIT;
	AUTO(strlist_release) struct strlist all = {0};
	char *prefix = arena_strndup(t->call->arena, pattern, strcspn(pattern, "*?["));
	const char *argv[] = {"apt-cache", "pkgnames", "--", prefix, NULL};

	strmap_foreach (e, &t->before.packages) {
		const struct dpkg_package *p = e->value;
		if (strcmp(e->key, p->name) == 0 && p->has_files &&
			pattern_match(pattern, p->name))
			strlist_add(names, p->name);
	}
	if (t->state == APT_ABSENT)
		return 0;
	if (apt_ask(t, argv, &known, err) < 0)
		return -1;
	strlist_split(&all, known.data, "\n");
	for (size_t i = 0; i < all.count; i++) {
		if (pattern_match(pattern, all.items[i]) && !strlist_has(names, all.items[i]))
			strlist_add(names, all.items[i]);
	}
	if (names->count == 0)
		return err_set(err, ERR_NOTFOUND, "no package matches %s", pattern);
	if (names->count > APT_NAMES_MAX)
		return err_set(err, ERR_LIMIT, "%s stands for %zu packages; at most %d",
			pattern, names->count, APT_NAMES_MAX);
	return 0;
}

static int plan_pattern(struct apt_task *t, struct want *w, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (match_names(t, w->name, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		w->name = names.items[i];
		plan_one(t, w);
	}
	return 0;
}

/* Drops from the words what `apt-cache policy` says to be at its candidate already. */
static int drop_latest(struct apt_task *t, struct err *err)
{
	AUTO(strbuf_release) struct strbuf policy = STRBUF_INIT;
	AUTO(strlist_release) struct strlist argv = {0}, lines = {0}, left = {0};

	strlist_add(&argv, "apt-cache");
	strlist_add(&argv, "policy");
	strlist_add(&argv, "--");
	for (size_t i = 0; i < t->words.count; i++)
		strlist_add(&argv, t->words.items[i]);
	if (apt_ask(t, (const char *const *)argv.items, &policy, err) < 0)
		return -1;
	strlist_split(&lines, policy.data, "\n");
	/* A package's name, then "Installed: V", then "Candidate: V". */
	for (size_t i = 0; i + 2 < lines.count; i++) {
		char *name = lines.items[i], *installed = lines.items[i + 1];
		const char *candidate = lines.items[i + 2];
		if (!str_starts(installed, "Installed: ") ||
			!str_starts(candidate, "Candidate: "))
			continue;
		if (strcmp(installed + strlen("Installed: "),
			    candidate + strlen("Candidate: ")) == 0 ||
			(t->only_upgrade && str_ends(installed, " (none)")))
			continue;
		name[strlen(name) - 1] = '\0';
		strlist_add(&left, name);
	}
	strlist_release(&t->words);
	t->words = left;
	left = (struct strlist){0};
	return 0;
}

int apt_plan(struct apt_task *t, struct err *err)
{
	const char *const *names = call_list(t->call, "names", err);
	bool bare = true;

	if (!names)
		return -1;
	for (size_t i = 0; names[i]; i++) {
		struct want w;
		if (i >= APT_NAMES_MAX)
			return err_set(err, ERR_LIMIT, "more than %d packages in one task",
				APT_NAMES_MAX);
		if (read_want(t, names[i], &w, err) < 0)
			return -1;
		bare &= !w.version;
		if (!is_pattern(w.name))
			plan_one(t, &w);
		else if (plan_pattern(t, &w, err) < 0)
			return -1;
	}
	if (t->state == APT_LATEST && !bare)
		return err_set(err, ERR_INPUT,
			"state latest and a version contradict each other: ask for one");
	return t->state == APT_LATEST && t->words.count > 0 ? drop_latest(t, err) : 0;
}
