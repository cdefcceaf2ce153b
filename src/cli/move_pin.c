/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file a pin goes into. A mapping of a host replaces that of its groups as a whole, and
 * HOST.yml hides HOST.yaml: a pin in the wrong file would take others away, or count nothing.
 */
#include "base/fd.h"
#include "base/path.h"
#include "cli/move_pin.h"
#include "registry/registry.h"

static const char *const extensions[] = {"", ".yml", ".yaml", ".json"};

static bool is_encrypted(const char *path)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	return file_read(path, 16u << 20, &text, NULL) < 0 ||
	       str_starts(text.data, "$ANSIBLE_VAULT");
}

static bool is_yaml(const char *path)
{
	return str_ends(path, ".yaml") || str_ends(path, ".yml");
}

/* Of a directory's files the last that can be written into; else a new one. */
static char *file_of_directory(const struct vars_base *base, const char *host, const char *dir)
{
	const struct vars_file_list *files = strmap_get(&base->hosts, host);
	autofree char *real = realpath(dir, NULL);
	autofree char *below = xasprintf("%s/", real ? real : dir);

	for (size_t i = files ? files->count : 0; i-- > 0;) {
		const char *path = files->items[i].path;
		if (str_starts(path, below) && is_yaml(path) && !is_encrypted(path))
			return xstrdup(path);
	}
	return path_join(dir, "models.yaml");
}

/* The file of a host beside one source, or NULL; the first name counts. */
static char *file_beside(const struct vars_base *base, const char *host)
{
	for (size_t i = 0; base && i < ARRAY_SIZE(extensions); i++) {
		autofree char *path =
			xasprintf("%s/host_vars/%s%s", base->dir, host, extensions[i]);
		if (path_is_dir(path))
			return file_of_directory(base, host, path);
		if (path_exists(path))
			return STEAL(path);
	}
	return NULL;
}

static bool lists_file(const struct vars_base *base, const char *host, const char *file)
{
	const struct vars_file_list *files = base ? strmap_get(&base->hosts, host) : NULL;

	for (size_t i = 0; files && i < files->count; i++)
		if (strcmp(files->items[i].path, file) == 0)
			return true;
	return false;
}

static bool is_of_host(const struct inventory *inventory, const char *host, const char *file)
{
	for (size_t i = 0; i < inventory->beside_sources.count; i++)
		if (lists_file(inventory->beside_sources.items[i], host, file))
			return true;
	return lists_file(inventory->beside_playbook, host, file);
}

/* True if pins of other models stand in a mapping that a new one would hide. */
static bool hides_others(
	const struct inventory *inventory, const struct value *pins, const char *model)
{
	if (!pins || pins->kind == VALUE_NULL || inventory->merge_hashes)
		return false;
	if (pins->kind != VALUE_DICT)
		return true;
	return pins->pair_count > (value_dict_get(pins, model) ? 1u : 0u);
}

/* The file that is there, the strongest first; else one beside the host's inventory. */
static char *usual_file(const struct inventory *inventory, const struct host *host)
{
	char *path = file_beside(inventory->beside_playbook, host->name);

	for (size_t i = inventory->beside_sources.count; i-- > 0 && !path;)
		path = file_beside(inventory->beside_sources.items[i], host->name);
	if (path)
		return path;
	autofree char *dir = inventory_host_dir(host);
	return dir ? xasprintf("%s/host_vars/%s.yaml", dir, host->name) : NULL;
}

int move_pin_file(const struct inventory *inventory, struct vars_view *view, const char *model,
	char **path, struct err *err)
{
	const struct host *host = vars_view_host(view);
	const struct value *pins = vars_raw(view, VAR_OVERRIDES);
	const char *file = pins ? pins->place.file : NULL;

	*path = NULL;
	if (!path_is_contained(host->name))
		return err_set(err, ERR_UNSUPPORTED,
			"host %s: its name cannot be that of a file of host_vars", host->name);
	if (file && is_of_host(inventory, host->name, file)) {
		*path = xstrdup(file);
		return 0;
	}
	if (hides_others(inventory, pins, model))
		return err_set(err, ERR_UNSUPPORTED,
			"host %s: its other pins come from %s, and one in host_vars would hide "
			"them; write all of them into host_vars/%s.yaml first",
			host->name, file ? file : "elsewhere", host->name);
	*path = usual_file(inventory, host);
	if (*path)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"host %s comes from no inventory file, so there is no host_vars for its pin; "
		"write an inventory file",
		host->name);
}
