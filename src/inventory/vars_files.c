/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_vars/ and host_vars/: files of variables beside the sources and beside the playbook.
 *
 * For a group or host NAME the first of NAME, NAME.yml, NAME.yaml and NAME.json counts. NAME
 * may be a directory: then all files below it count, in the order of their names, directories
 * included. Each directory is listed once, however many hosts there are.
 */
#include <limits.h>

#include "base/path.h"
#include "base/vec.h"
#include "inventory/build.h"

static const char *const extensions[] = {"", ".yml", ".yaml", ".json"};

static int load_file(
	struct builder *b, const char *path, struct vars_file_list *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct arena *arena = b->inventory->arena;
	const char *name = arena_strdup(arena, path);
	const struct value *data;
	struct err failure = {0};

	if (datafile_read(path, b->options->secrets, &text, &failure) < 0) {
		if (failure.code != ERR_AUTH)
			return err_set(err, failure.code, "%s", failure.text);
		*VEC_PUSH(out) = (struct vars_file){
			.path = name, .closed = arena_strdup(arena, failure.text)};
		return 0;
	}
	data = datafile_parse(arena, text.data, text.len, name, b->diags, err);
	if (!data)
		return -1;
	if (!value_truthy(data))
		return 0;
	if (data->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT,
			"%s: a file of variables must hold a mapping, found %s", path,
			value_kind_name(data));
	*VEC_PUSH(out) = (struct vars_file){.path = name, .data = data};
	return 0;
}

static bool has_known_extension(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (!dot || dot == name)
		return true;
	for (size_t i = 1; i < ARRAY_SIZE(extensions); i++)
		if (!strcmp(dot, extensions[i]))
			return true;
	return false;
}

/* Loads what a directory of variable files holds; others' backups are left out. */
static int load_directory(struct builder *b, const char *path, unsigned depth,
	struct vars_file_list *out, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (depth > INVENTORY_MAX_NESTING)
		return err_set(err, ERR_LIMIT, "%s: directories nested deeper than %d", path,
			INVENTORY_MAX_NESTING);
	if (build_list_directory(path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		autofree char *full = path_join(path, name);
		int rc = 0;
		if (name[0] == '.' || str_ends(name, "~"))
			continue;
		if (path_is_dir(full))
			rc = strchr(name, '.') ? 0
					       : load_directory(b, full, depth + 1, out, err);
		else if (has_known_extension(name) && path_exists(full))
			rc = load_file(b, full, out, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* The files of one group or host; NULL without any (err says nothing then). */
static int load_entity(struct builder *b, const char *dir, const struct strmap *listing,
	const char *name, struct strmap *out, struct err *err)
{
	struct vars_file_list found = {0};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		autofree char *file = xasprintf("%s%s", name, extensions[i]);
		autofree char *full = path_join(dir, file);
		bool nested = strchr(name, '/') != NULL;
		if (nested ? !path_exists(full) : !strmap_has(listing, file))
			continue;
		rc = path_is_dir(full) ? load_directory(b, full, 0, &found, err)
				       : load_file(b, full, &found, err);
		break;
	}
	if (rc == 0 && found.count > 0) {
		struct vars_file_list *kept =
			ARENA_NEW(b->inventory->arena, struct vars_file_list);
		kept->items = arena_memdup(
			b->inventory->arena, found.items, found.count * sizeof(*found.items));
		kept->count = found.count;
		strmap_set(out, name, kept);
	}
	free(found.items);
	return rc;
}

/*
 * Loads the files in `dir`/`subdir` for all names of `entities`. A name that leaves the
 * directory is passed over, and so is the absolute path that names a chroot.
 */
static int load_subdir(struct builder *b, const char *dir, const char *subdir,
	const struct strmap *entities, struct strmap *out, struct err *err)
{
	autofree char *joined = path_join(dir, subdir);
	char resolved[PATH_MAX];
	AUTO(strlist_release) struct strlist names = {0};
	struct strmap listing = {0};
	int rc = 0;

	if (!path_exists(joined) || !realpath(joined, resolved))
		return 0;
	if (!path_is_dir(resolved)) {
		diag_warning(b->diags, NULL, "%s is not a directory; it is left out", joined);
		return 0;
	}
	if (build_list_directory(resolved, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		strmap_set(&listing, names.items[i], NULL);
	for (size_t i = 0; i < entities->count && rc == 0; i++)
		if (path_is_contained(entities->entries[i].key))
			rc = load_entity(
				b, resolved, &listing, entities->entries[i].key, out, err);
	strmap_release(&listing, NULL);
	return rc;
}

static struct vars_base *load_base(struct builder *b, const char *dir, struct err *err)
{
	struct inventory *inventory = b->inventory;
	struct vars_base *base = ARENA_NEW(inventory->arena, struct vars_base);
	struct strmap localhost = {0};
	int rc;

	base->dir = arena_strdup(inventory->arena, dir);
	rc = load_subdir(b, dir, "group_vars", &inventory->groups, &base->groups, err);
	if (rc == 0)
		rc = load_subdir(b, dir, "host_vars", &inventory->hosts, &base->hosts, err);
	if (rc == 0 && inventory->localhost->implicit) {
		strmap_set(&localhost, inventory->localhost->name, NULL);
		rc = load_subdir(b, dir, "host_vars", &localhost, &base->hosts, err);
		strmap_release(&localhost, NULL);
	}
	if (rc == 0)
		return base;
	strmap_release(&base->groups, NULL);
	strmap_release(&base->hosts, NULL);
	return NULL;
}

/* The directory beside a source: the source itself if it is one; NULL for host lists. */
static char *dir_of_source(const char *source)
{
	if (strchr(source, ',') && !path_exists(source))
		return NULL;
	return path_is_dir(source) ? xstrdup(source) : path_dirname(source);
}

static struct vars_base *find_base(const struct inventory *inventory, const char *dir)
{
	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		if (!strcmp(inventory->beside_sources.items[i]->dir, dir))
			return inventory->beside_sources.items[i];
	return NULL;
}

/* The entries of a map that another one lacks. */
static void lacking(const struct strmap *all, const struct strmap *known, struct strmap *out)
{
	strmap_foreach (e, all)
		if (!strmap_has(known, e->key))
			strmap_set(out, e->key, e->value);
}

static int add_to_base(struct builder *b, struct vars_base *base, const struct strmap *groups,
	const struct strmap *hosts, struct err *err)
{
	struct strmap new_groups = {0}, new_hosts = {0};
	int result = 0;

	lacking(groups, &base->groups, &new_groups);
	lacking(hosts, &base->hosts, &new_hosts);
	if (new_groups.count)
		result = load_subdir(
			b, base->dir, "group_vars", &new_groups, &base->groups, err);
	if (result == 0 && new_hosts.count)
		result = load_subdir(b, base->dir, "host_vars", &new_hosts, &base->hosts, err);
	strmap_release(&new_groups, NULL);
	strmap_release(&new_hosts, NULL);
	return result;
}

int build_vars_files_of(struct builder *b, const struct strmap *groups,
	const struct strmap *hosts, struct err *err)
{
	struct inventory *inventory = b->inventory;

	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		if (add_to_base(b, inventory->beside_sources.items[i], groups, hosts, err) < 0)
			return -1;
	if (!inventory->beside_playbook)
		return 0;
	return add_to_base(b, inventory->beside_playbook, groups, hosts, err);
}

int build_vars_files(struct builder *b, struct err *err)
{
	struct inventory *inventory = b->inventory;

	for (size_t i = 0; i < inventory->source_count; i++) {
		autofree char *dir = dir_of_source(inventory->sources[i]);
		if (!dir)
			continue;
		struct vars_base *base = find_base(inventory, dir);
		if (!base)
			base = load_base(b, dir, err);
		if (!base)
			return -1;
		*VEC_PUSH(&inventory->beside_sources) = base;
	}
	if (!inventory->playbook_dir)
		return 0;
	inventory->beside_playbook = find_base(inventory, inventory->playbook_dir);
	if (!inventory->beside_playbook)
		inventory->beside_playbook = load_base(b, inventory->playbook_dir, err);
	return inventory->beside_playbook ? 0 : -1;
}
