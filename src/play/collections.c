/* SPDX-License-Identifier: Apache-2.0 */
#include "play/collections.h"

#include <stdlib.h>

#include "base/path.h"
#include "play/foreign.h"
#include "play/module.h"

#define GROUPS_MAX_DEPTH 8 /* groups that extend groups */

/* Endings of playbooks, which their names may leave out. */
static const char *const book_endings[] = {"", ".yml", ".yaml"};

/* The part behind the collection of a whole name; NULL for a name that is not whole. */
static const char *leaf_of(const char *name)
{
	const char *dot = strchr(name, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot && dot[1] ? dot + 1 : NULL;
}

static const char *collection_of(struct parser *p, const char *name, const char *leaf)
{
	return arena_strndup(p->arena, name, (size_t)(leaf - 1 - name));
}

static void list_places(struct parser *p, struct foreign_places *f)
{
	foreign_places_list(f, p->options->places, p->file->directory, p->playbook->directory);
}

/*
 * The collections listed for a step, or for the play where it is NULL. Of a collection's own
 * playbook that collection comes first, or behind those of a role.
 */
static void list_names(const struct step *s, const struct play *play, struct strlist *names)
{
	const struct play *of = s ? s->play : play;
	const struct value *v = s      ? step_attribute(s, ATTRIBUTE_COLLECTIONS)
				: play ? play->attributes[ATTRIBUTE_COLLECTIONS]
				       : NULL;

	if (of && of->collection && !(s && s->role))
		strlist_add(names, of->collection);
	if (value_is_string(v))
		strlist_add(names, v->text);
	for (size_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
		if (value_is_string(v->items[i]))
			strlist_add(names, v->items[i]->text);
	if (of && of->collection && s && s->role)
		strlist_add(names, of->collection);
}

static bool is_built_in(const char *collection)
{
	return strcmp(collection, "ansible.builtin") == 0 ||
	       strcmp(collection, "ansible.legacy") == 0;
}

/* ---- modules ---- */

const char *collections_module(struct parser *p, const struct step *s, const char *name)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (strchr(name, '.'))
		return name;
	list_names(s, NULL, &names);
	for (size_t i = 0; i < names.count; i++) {
		const char *whole = arena_printf(p->arena, "%s.%s", names.items[i], name);
		if (is_built_in(names.items[i]) && module_find(name))
			return name;
		if (module_find(whole) || foreign_exists(p, whole))
			return whole;
	}
	return name;
}

/* ---- roles and playbooks ---- */

static char *role_in(struct foreign_places *f, const char *collection, const char *role,
	struct strbuf *looked)
{
	autofree char *directory = foreign_collection(f, collection);

	if (!directory) {
		strbuf_addf(looked, "%sthe collection %s, which is not there",
			looked->len ? ", " : "", collection);
		return NULL;
	}
	autofree char *roles = path_join(directory, "roles");
	autofree char *path = path_join(roles, role);
	strbuf_addf(looked, "%s%s", looked->len ? ", " : "", path);
	return path_is_dir(path) ? realpath(path, NULL) : NULL;
}

char *collections_role(struct parser *p, const struct step *s, const char *name,
	const char **collection, struct strbuf *looked)
{
	AUTO(foreign_places_release) struct foreign_places places = {0};
	AUTO(strlist_release) struct strlist names = {0};
	const char *leaf = strchr(name, '/') ? NULL : leaf_of(name);
	char *found = NULL;

	list_places(p, &places);
	if (leaf) {
		*collection = collection_of(p, name, leaf);
		found = role_in(&places, *collection, leaf, looked);
	} else if (path_is_component(name)) {
		list_names(s, NULL, &names);
	}
	for (size_t i = 0; !found && i < names.count; i++) {
		if (is_built_in(names.items[i]))
			continue;
		*collection = arena_strdup(p->arena, names.items[i]);
		found = role_in(&places, *collection, name, looked);
	}
	if (!found)
		*collection = NULL;
	return found;
}

/*
 * The path of a playbook below the directory of a collection's playbooks, for the part of its
 * name behind the collection: dots divide directories, but for that of an ending. NULL for what
 * is no name.
 */
static char *below_playbooks(const char *leaf)
{
	char *path = xstrdup(leaf);
	size_t n = strlen(path);

	if (*leaf == '.' || leaf[n - 1] == '.' || strstr(leaf, "..") || strchr(leaf, '/')) {
		free(path);
		return NULL;
	}
	for (size_t i = 1; i < ARRAY_SIZE(book_endings); i++)
		if (str_ends(leaf, book_endings[i]))
			n -= strlen(book_endings[i]);
	for (size_t i = 0; i < n; i++)
		if (path[i] == '.')
			path[i] = '/';
	return path;
}

static char *find_book(const struct foreign_places *places, const char *name)
{
	const char *leaf = leaf_of(name);

	if (!leaf)
		return NULL;
	autofree char *below = below_playbooks(leaf);
	autofree char *collection = xstrndup(name, (size_t)(leaf - 1 - name));
	autofree char *directory = foreign_collection(places, collection);
	for (size_t i = 0; below && directory && i < ARRAY_SIZE(book_endings); i++) {
		autofree char *path =
			xasprintf("%s/playbooks/%s%s", directory, below, book_endings[i]);
		if (path_exists(path) && !path_is_dir(path))
			return STEAL(path);
	}
	return NULL;
}

char *collections_playbook(struct parser *p, const char *name)
{
	AUTO(foreign_places_release) struct foreign_places places = {0};

	if (!leaf_of(name))
		return NULL;
	list_places(p, &places);
	return find_book(&places, name);
}

char *playbook_of_collection(const char *name, const struct play_places *said)
{
	AUTO(foreign_places_release) struct foreign_places places = {0};

	if (!leaf_of(name) || strchr(name, '/'))
		return NULL;
	foreign_places_installed(&places, said);
	return find_book(&places, name);
}

const char *collections_around(struct parser *p, const char *path)
{
	AUTO(foreign_places_release) struct foreign_places places = {0};
	AUTO(strlist_release) struct strlist parts = {0};
	static const char root[] = "/ansible_collections/";
	const char *below = strstr(path, root);

	if (!below)
		return NULL;
	strlist_split(&parts, below + strlen(root), "/");
	if (parts.count < 4 || strcmp(parts.items[2], "playbooks") != 0)
		return NULL;
	const char *name = arena_printf(p->arena, "%s.%s", parts.items[0], parts.items[1]);
	list_places(p, &places);
	autofree char *directory = foreign_collection(&places, name);
	autofree char *real = directory ? realpath(directory, NULL) : NULL;
	return real && str_starts(path, real) && path[strlen(real)] == '/' ? name : NULL;
}

/* ---- groups of modules ---- */

/* A group that is being read, and what it adds to. */
struct group_search {
	struct parser *parser;
	struct foreign_places places;
	struct strlist *modules;
};

static bool add_group(struct group_search *g, const char *name, unsigned depth);

static void add_whole(struct strlist *to, const char *collection, const char *name)
{
	if (strchr(name, '.'))
		strlist_add(to, name);
	else
		strlist_addf(to, "%s.%s", collection, name);
}

/* Groups whose modules belong to this one, too. */
static void extend(struct group_search *g, const struct value *metadata, const char *collection,
	unsigned depth)
{
	const struct value *more = value_dict_get(metadata, "extend_group");
	const struct value *const one[] = {more};
	bool is_list = more && more->kind == VALUE_LIST;
	const struct value *const *items = is_list ? more->items : one;

	for (size_t i = 0; more && i < (is_list ? more->count : 1); i++) {
		AUTO(strlist_release) struct strlist name = {0};
		if (!value_is_string(items[i]))
			continue;
		add_whole(&name, collection, items[i]->text);
		add_group(g, name.items[0], depth + 1);
	}
}

/* The groups of a collection, as its meta/runtime.yml says; NULL where it has none. */
static const struct value *read_groups(struct group_search *g, const char *collection)
{
	autofree char *directory = foreign_collection(&g->places, collection);
	autofree char *file = NULL;

	if (is_built_in(collection) && g->places.ansible)
		file = path_join(g->places.ansible, "config/ansible_builtin_runtime.yml");
	else if (directory)
		file = path_join(directory, "meta/runtime.yml");
	if (!file || !path_exists(file))
		return NULL;
	const struct place at = {.file = arena_strdup(g->parser->arena, file)};
	return value_dict_get(parse_read_file(g->parser, at.file, &at), "action_groups");
}

static bool add_group(struct group_search *g, const char *name, unsigned depth)
{
	const char *leaf = leaf_of(name);

	if (!leaf || depth > GROUPS_MAX_DEPTH)
		return false;
	const char *collection = collection_of(g->parser, name, leaf);
	const struct value *members = value_dict_get(read_groups(g, collection), leaf);
	if (!members || members->kind != VALUE_LIST)
		return false;
	value_list_foreach (member, members) {
		const struct value *metadata = value_dict_get(member, "metadata");
		if (value_is_string(member))
			add_whole(g->modules, collection, member->text);
		else if (metadata)
			extend(g, metadata, collection, depth);
	}
	return true;
}

bool collections_group(
	struct parser *p, const struct target *t, const char *group, struct strlist *modules)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct group_search g = {.parser = p, .modules = modules};
	bool found = false;

	list_places(p, &g.places);
	if (leaf_of(group)) {
		found = add_group(&g, group, 0);
	} else {
		list_names(t->step, t->play, &names);
		strlist_add(&names, "ansible.builtin");
	}
	for (size_t i = 0; !found && i < names.count; i++) {
		autofree char *whole = xasprintf("%s.%s", names.items[i], group);
		found = add_group(&g, whole, 0);
	}
	foreign_places_release(&g.places);
	return found;
}
