/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules of others lie on this machine: Ansible's places and its variables for them. */
#include <dirent.h>
#include <glob.h>

#include "base/path.h"
#include "play/foreign.h"
#include "play/playbook.h"

#define DEPTH_MAX 6 /* directories below one of modules */

/* Adds an existing directory, once. */
static void add_directory(struct strlist *to, const char *path)
{
	if (path_is_dir(path) && !strlist_has(to, path))
		strlist_add(to, path);
}

static void add_below(struct strlist *to, const char *directory, const char *name)
{
	autofree char *path = path_join(directory, name);

	add_directory(to, path);
}

/* Adds the directories of a setting, else of a variable, else of its default. */
static void add_listed(
	struct strlist *to, const char *said, const char *variable, const char *otherwise)
{
	AUTO(strlist_release) struct strlist paths = {0};
	const char *given = said ? said : getenv(variable);

	strlist_split(&paths, given && *given ? given : otherwise, ":");
	for (size_t i = 0; i < paths.count; i++) {
		autofree char *path = path_expand_home(paths.items[i]);
		add_directory(to, path);
	}
}

/* Adds what lies beside a playbook or in a role. */
static void add_beside(struct foreign_places *f, const char *directory)
{
	add_below(&f->libraries, directory, "library");
	add_below(&f->utils, directory, "module_utils");
	add_below(&f->actions, directory, "action_plugins");
	add_below(&f->collections, directory, "collections/ansible_collections");
}

/* The role of a file of tasks or handlers, or the directory itself. */
static void add_around(struct foreign_places *f, const char *directory)
{
	const char *base = path_basename(directory);

	if (strcmp(base, "tasks") == 0 || strcmp(base, "handlers") == 0) {
		autofree char *role = path_dirname(directory);
		add_beside(f, role);
	}
	add_beside(f, directory);
}

static bool holds_ansible(struct foreign_places *f, const char *directory)
{
	autofree char *utils = path_join(directory, "ansible/module_utils");

	if (!path_is_dir(utils))
		return false;
	f->ansible = path_join(directory, "ansible");
	return true;
}

/* Ansible's package, in the directories where Python's packages are installed. */
static void find_ansible(struct foreign_places *f)
{
	static const char *const places[] = {"/usr/local/lib/python3*/dist-packages",
		"/usr/local/lib/python3*/site-packages", "/usr/lib/python3/dist-packages",
		"/usr/lib/python3*/site-packages", "~/.local/lib/python3*/site-packages",
		"~/.local/share/pipx/venvs/ansible*/lib/python3*/site-packages",
		"~/.local/pipx/venvs/ansible*/lib/python3*/site-packages"};
	const char *given = getenv("MODELFLEET_ANSIBLE"), *venv = getenv("VIRTUAL_ENV");

	if (given) {
		if (*given)
			holds_ansible(f, given);
		return;
	}
	for (size_t i = venv ? 0 : 1; !f->ansible && i <= ARRAY_SIZE(places); i++) {
		autofree char *pattern = i == 0 ? path_join(venv, "lib/python3*/site-packages")
						: path_expand_home(places[i - 1]);
		glob_t found = {0};
		if (glob(pattern, 0, NULL, &found) == 0)
			for (size_t k = 0; !f->ansible && k < found.gl_pathc; k++)
				holds_ansible(f, found.gl_pathv[k]);
		globfree(&found);
	}
}

/* Directories of collections: those that a variable names may end in ansible_collections. */
static void add_collections(struct foreign_places *f, const char *said)
{
	AUTO(strlist_release) struct strlist roots = {0};
	const char *old = getenv("ANSIBLE_COLLECTIONS_PATHS");

	add_listed(&roots, said,
		old && *old ? "ANSIBLE_COLLECTIONS_PATHS" : "ANSIBLE_COLLECTIONS_PATH",
		"~/.ansible/collections:/usr/share/ansible/collections");
	for (size_t i = 0; i < roots.count; i++) {
		if (strcmp(path_basename(roots.items[i]), "ansible_collections") == 0)
			add_directory(&f->collections, roots.items[i]);
		else
			add_below(&f->collections, roots.items[i], "ansible_collections");
	}
	if (f->ansible) {
		autofree char *packages = path_dirname(f->ansible);
		add_below(&f->collections, packages, "ansible_collections");
	}
}

void foreign_places_list(struct foreign_places *f, const struct play_places *said,
	const char *file_directory, const char *playbook_directory)
{
	static const struct play_places nothing;

	if (!said)
		said = &nothing;
	if (said->first)
		add_listed(&f->libraries, said->first, "", "");
	add_around(f, file_directory);
	add_around(f, playbook_directory);
	add_listed(&f->libraries, said->modules, "ANSIBLE_LIBRARY",
		"~/.ansible/plugins/modules:/usr/share/ansible/plugins/modules");
	add_listed(&f->utils, said->utils, "ANSIBLE_MODULE_UTILS",
		"~/.ansible/plugins/module_utils:/usr/share/ansible/plugins/module_utils");
	add_listed(&f->actions, said->actions, "ANSIBLE_ACTION_PLUGINS",
		"~/.ansible/plugins/action:/usr/share/ansible/plugins/action");
	foreign_places_installed(f, said);
}

void foreign_places_installed(struct foreign_places *f, const struct play_places *said)
{
	find_ansible(f);
	add_collections(f, said ? said->collections : NULL);
}

void foreign_places_release(struct foreign_places *f)
{
	strlist_release(&f->libraries);
	strlist_release(&f->utils);
	strlist_release(&f->actions);
	strlist_release(&f->collections);
	free(f->ansible);
	*f = (struct foreign_places){0};
}

/* Whether a file is a module NAME by its own name, and not its documentation or a leftover. */
static bool is_module_file(const char *file, const char *name)
{
	static const char *const ignored[] = {".pyo", ".pyc", ".swp", ".bak", "~", ".rpm",
		".md", ".txt", ".rst", ".yaml", ".yml", ".ini", ".ps1"};
	size_t n = strlen(name);

	if (strncmp(file, name, n) != 0 || (file[n] != '\0' && file[n] != '.') ||
		strchr(file + n + (file[n] == '.'), '.'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (str_ends(file, ignored[i]))
			return false;
	return true;
}

/* The names in a directory, sorted. */
static void list_names(const char *directory, struct strlist *names)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "__pycache__") != 0)
			strlist_add(names, e->d_name);
	if (d)
		closedir(d);
	strlist_sort(names);
}

static char *find_in(const char *directory, const char *name, unsigned depth)
{
	AUTO(strlist_release) struct strlist names = {0};
	autofree char *python = xasprintf("%s.py", name);
	autofree char *first = path_join(directory, python);

	if (path_exists(first) && !path_is_dir(first))
		return STEAL(first);
	list_names(directory, &names);
	for (int inner = 0; inner < 2; inner++) {
		for (size_t i = 0; i < names.count; i++) {
			autofree char *path = path_join(directory, names.items[i]);
			char *found = NULL;
			if (inner && depth < DEPTH_MAX && path_is_dir(path))
				found = find_in(path, name, depth + 1);
			else if (!inner && is_module_file(names.items[i], name) &&
				 !path_is_dir(path))
				found = STEAL(path);
			if (found)
				return found;
		}
	}
	return NULL;
}

char *foreign_file_in(const char *directory, const char *name)
{
	return path_is_component(name) ? find_in(directory, name, 0) : NULL;
}

char *foreign_collection(const struct foreign_places *f, const char *name)
{
	const char *dot = strchr(name, '.');

	if (!dot || strchr(dot + 1, '.') || strchr(name, '/'))
		return NULL;
	autofree char *relative = xasprintf("%.*s/%s", (int)(dot - name), name, dot + 1);
	for (size_t i = 0; i < f->collections.count; i++) {
		autofree char *path = path_join(f->collections.items[i], relative);
		if (path_is_dir(path))
			return STEAL(path);
	}
	return NULL;
}
