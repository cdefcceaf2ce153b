/* SPDX-License-Identifier: Apache-2.0 */
/* Where roles and their files lie. */
#include "play/role.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/path.h"

#define FILES_MAX_DEPTH 8 /* directories inside a role's vars/main/ */

static const char default_places[] =
	"~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles";

/* True for a place that was looked at before. */
static bool is_listed(const char *looked, const char *path)
{
	AUTO(strlist_release) struct strlist places = {0};

	strlist_split(&places, looked, ",");
	for (size_t i = 0; i < places.count; i++)
		if (strcmp(places.items[i] + strspn(places.items[i], " "), path) == 0)
			return true;
	return false;
}

/* Adds a place to those that were looked at; the role's directory if it is there. */
static char *look_in(const char *dir, const char *name, struct strbuf *looked)
{
	autofree char *expanded = path_expand_home(dir);
	autofree char *path = path_join(expanded, name);

	if (!is_listed(looked->data, path))
		strbuf_addf(looked, "%s%s", looked->len ? ", " : "", path);
	return path_is_dir(path) ? realpath(path, NULL) : NULL;
}

static char *look_in_all(const char *places, const char *name, struct strbuf *looked)
{
	AUTO(strlist_release) struct strlist dirs = {0};
	char *found = NULL;

	strlist_split(&dirs, places, ":");
	for (size_t i = 0; !found && i < dirs.count; i++)
		found = look_in(dirs.items[i], name, looked);
	return found;
}

char *role_find(const char *name, const char *places, const char *playbook_dir,
	const char *beside, struct strbuf *looked)
{
	autofree char *below = path_join(playbook_dir, "roles");
	char *found = look_in(below, name, looked);

	if (!found)
		found = look_in_all(places ? places : default_places, name, looked);
	if (!found && beside)
		found = look_in(beside, name, looked);
	if (!found)
		found = look_in(playbook_dir, name, looked);
	return found ? found : look_in(".", name, looked);
}

/* ---- files ---- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool has_ending(const char *name)
{
	static const char *const endings[] = {".yml", ".yaml", ".json"};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
		if (strcmp(dot, endings[i]) == 0)
			return true;
	return dot == NULL;
}

static int is_visible(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && e->d_name[n - 1] != '~';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* All files of variables below a directory, in the order of their names. */
static void add_directory(const char *path, unsigned depth, struct strlist *files)
{
	struct dirent **entries;
	int n = depth > 0 ? scandir(path, &entries, is_visible, by_bytes) : -1;

	for (int i = 0; i < n; i++) {
		autofree char *entry = path_join(path, entries[i]->d_name);
		if (path_is_dir(entry) && !strchr(entries[i]->d_name, '.'))
			add_directory(entry, depth - 1, files);
		else if (is_file(entry) && has_ending(entries[i]->d_name))
			strlist_add(files, entry);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void role_files(const char *path, const char *subdir, const char *from, bool merged,
	struct strlist *files)
{
	static const char *const of_main[] = {".yml", ".yaml", ".json", ""};
	static const char *const of_name[] = {"", ".yml", ".yaml", ".json"};
	const char *const *endings = from ? of_name : of_main;
	autofree char *dir = path_join(path, subdir);
	autofree char *base = path_join(dir, from ? from : "main");

	for (size_t i = 0; i < ARRAY_SIZE(of_main); i++) {
		autofree char *file = xasprintf("%s%s", base, endings[i]);
		if (is_file(file)) {
			strlist_add(files, file);
			return;
		}
		if (merged && path_is_dir(file)) {
			add_directory(file, FILES_MAX_DEPTH, files);
			return;
		}
	}
}
