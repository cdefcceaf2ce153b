/* SPDX-License-Identifier: Apache-2.0 */
/* What a node has of a transfer's files: the question, and its answer as a list of files. */
#include "play/modules/synchronize.h"

#include "base/mode.h"
#include "base/path.h"
#include "base/vec.h"
#include "play/runner.h"

const struct value *synchronize_ask(struct module_call *c, const struct runner_place *where,
	const struct synchronize_rules *r, const char *path, bool follow, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, "recurse", value_bool(r->recursive));
	value_dict_set(c->arena, args, "hash", value_bool(r->checksum));
	value_dict_set(c->arena, args, "follow", value_bool(follow));
	runner_move(c, where);
	return runner_ask_node(c, "tree", args, err);
}

bool synchronize_is_directory(const struct value *answer)
{
	return str_cmp0(value_text(value_dict_get(answer, "kind")), "directory") == 0;
}

void synchronize_by_name(const struct value *answer, struct strmap *entries)
{
	const struct value *list = value_dict_get(answer, "entries");

	if (value_dict_get(answer, "kind"))
		strmap_set(entries, "", (void *)(uintptr_t)answer);
	if (!list || list->kind != VALUE_LIST)
		return;
	value_list_foreach (entry, list) {
		const char *name = value_text(value_dict_get(entry, "path"));
		if (name)
			strmap_set(entries, name, (void *)(uintptr_t)entry);
	}
}

/* ---- an answer as a list ---- */

static int64_t number_of(const struct value *entry, const char *key)
{
	const struct value *v = value_dict_get(entry, key);

	return v && v->kind == VALUE_INT ? v->integer : 0;
}

static struct synchronize_entry read_entry(const struct value *v)
{
	struct synchronize_entry e = {.target = value_text(value_dict_get(v, "target")),
		.owner = value_text(value_dict_get(v, "owner")),
		.group = value_text(value_dict_get(v, "group")),
		.hash = value_dict_get(v, "hash")};

	e.st.st_mode = mode_of_kind(value_text(value_dict_get(v, "kind"))) |
		       (mode_t)(number_of(v, "mode") & 07777);
	e.st.st_uid = (uid_t)number_of(v, "uid");
	e.st.st_gid = (gid_t)number_of(v, "gid");
	e.st.st_size = number_of(v, "size");
	e.st.st_mtim.tv_sec = number_of(v, "mtime");
	e.st.st_mtim.tv_nsec = number_of(v, "mtime_ns") % 1000000000;
	e.st.st_rdev = (dev_t)number_of(v, "rdev");
	return e;
}

/* Everything lies in a directory of the list, and is named once. */
static int check_places(const struct synchronize_list *l, const char *top, struct err *err)
{
	struct strmap seen = {0};
	int result = 0;

	for (size_t i = 0; result == 0 && i < l->count; i++) {
		const struct synchronize_entry *e = &l->items[i];
		autofree char *above = path_dirname(e->name);
		bool is_top = strcmp(e->name, top) == 0;
		bool inside = strchr(e->name, '/') ? strmap_get(&seen, above) != NULL
						   : !*top && strmap_get(&seen, "") != NULL;
		if (strmap_has(&seen, e->name) || (!is_top && !inside))
			result = err_set(err, ERR_PROTOCOL,
				"the source's list has \"%s\" where it cannot be", e->name);
		strmap_set(
			&seen, e->name, S_ISDIR(e->st.st_mode) ? (void *)(uintptr_t)e : NULL);
	}
	strmap_release(&seen, NULL);
	return result;
}

/* Adds an entry that lies at `below` of the source, if it is to be brought. */
static int add(struct module_call *c, const struct synchronize_rules *r, const struct value *v,
	const char *path, const char *name, const char *below, struct synchronize_list *l,
	struct err *err)
{
	struct synchronize_entry e = read_entry(v);
	bool directory = S_ISDIR(e.st.st_mode);

	if (*below && !path_is_contained(below))
		return err_set(err, ERR_PROTOCOL, "the source's list has a file \"%s\"", below);
	if (S_ISLNK(e.st.st_mode) && (!e.target || !*e.target))
		return err_set(err, ERR_PROTOCOL, "the source's link \"%s\" leads nowhere",
			*below ? below : name);
	e.path = *below ? arena_printf(c->arena, "%s/%s", path, below) : path;
	e.name = !*below ? name : *name ? arena_printf(c->arena, "%s/%s", name, below) : below;
	if (*e.name && synchronize_excludes(r, e.name, directory))
		return 0;
	if (r->copy_links && S_ISLNK(e.st.st_mode))
		return err_set(err, ERR_NOTFOUND, "%s leads to nothing that is there", e.path);
	if (!e.st.st_mode || (directory && !synchronize_brings(r, e.st.st_mode)))
		return 0;
	if (l->count >= SYNCHRONIZE_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d files and directories",
			SYNCHRONIZE_ENTRIES_MAX);
	*VEC_PUSH(l) = e;
	return 0;
}

int synchronize_list_answer(struct module_call *c, const struct synchronize_rules *r,
	const struct value *answer, const char *path, const char *name,
	struct synchronize_list *l, struct err *err)
{
	const struct value *entries = value_dict_get(answer, "entries");

	if (add(c, r, answer, path, name, "", l, err) < 0)
		return -1;
	for (size_t i = 0;
		l->count > 0 && entries && entries->kind == VALUE_LIST && i < entries->count;
		i++) {
		const char *below = value_text(value_dict_get(entries->items[i], "path"));
		if (!below || !*below)
			return err_set(err, ERR_PROTOCOL, "the source's list lacks a name");
		if (add(c, r, entries->items[i], path, name, below, l, err) < 0)
			return -1;
	}
	synchronize_list_sort(l);
	return check_places(l, name, err);
}
