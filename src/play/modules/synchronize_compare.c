/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/synchronize_item.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/vec.h"
#include "play/runner.h"
#include "tree/hash.h"

int64_t synchronize_number(const struct value *entry, const char *key)
{
	const struct value *v = value_dict_get(entry, key);

	return v && v->kind == VALUE_INT ? v->integer : -1;
}

bool synchronize_is_root(const struct value *answer)
{
	const struct value *root = value_dict_get(answer, "root");

	return root && value_truthy(root);
}

/* By name, else by number. */
static bool is_owner(const struct value *there, const char *name_key, const char *name,
	const char *number_key, int64_t number)
{
	const char *found = value_text(value_dict_get(there, name_key));

	if (name && found)
		return strcmp(name, found) == 0;
	return synchronize_number(there, number_key) == number;
}

void synchronize_compare_attributes(const struct synchronize_plan *p,
	const struct synchronize_entry *e, const struct value *there, char *item)
{
	const struct synchronize_rules *r = p->rules;
	int64_t mode = synchronize_number(there, "mode");

	if (r->perms && !e->target && mode != (e->st.st_mode & 07777))
		item[PERMS] = 'p';
	if (!synchronize_is_root(p->there))
		return;
	if (r->owner && !is_owner(there, "owner", e->owner, "uid", e->st.st_uid))
		item[OWNER] = 'o';
	if (r->group && !is_owner(there, "group", e->group, "gid", e->st.st_gid))
		item[GROUP] = 'g';
}

/* Whether the content has the node's hash: 1 or 0, -1 with err. */
static int has_hash(
	const struct synchronize_entry *e, const struct value *there, struct err *err)
{
	const struct value *sum = value_dict_get(there, "hash");
	uint8_t ours[TREE_HASH_SIZE];

	if (e->hash)
		return sum && value_equal(sum, e->hash);
	autofd int fd = open(e->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open %s", e->path);
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(fd, (uint64_t)e->st.st_size, h, NULL, NULL, err);
	tree_hash_get(h, ours);
	tree_hash_free(h);
	if (result < 0)
		return err_wrap(err, "%s", e->path);
	return sum && sum->len == sizeof(ours) && memcmp(sum->text, ours, sizeof(ours)) == 0;
}

/* Whether the content is the same, as far as the rules look: 1 or 0, -1 with err. */
static int is_same(const struct synchronize_rules *r, const struct synchronize_entry *e,
	const struct value *there, struct err *err)
{
	bool time = synchronize_number(there, "mtime") == e->st.st_mtim.tv_sec;

	if (synchronize_number(there, "size") != e->st.st_size)
		return 0;
	if (r->checksum)
		return has_hash(e, there, err);
	return !r->ignore_times && (time || r->size_only);
}

int synchronize_compare_content(const struct synchronize_plan *p,
	const struct synchronize_entry *e, const struct value *there, char *item,
	struct err *err)
{
	const struct synchronize_rules *r = p->rules;
	int same = is_same(r, e, there, err);

	if (same < 0)
		return -1;
	if (r->times && synchronize_number(there, "mtime") != e->st.st_mtim.tv_sec)
		item[TIME] = 't';
	if (synchronize_number(there, "size") != e->st.st_size)
		item[SIZE] = 's';
	if (!same && r->checksum)
		item[CONTENT] = 'c';
	if (!same && !r->times)
		item[TIME] = 'T';
	return !same;
}

bool synchronize_differs(const char *item)
{
	return item[strspn(item + CONTENT, ".") + CONTENT] != '\0';
}

/* ---- link_dest ---- */

int synchronize_links_ask(
	struct module_call *c, struct synchronize_transfer *t, struct err *err)
{
	const struct value *given = argument_value(c, "link_dest");

	for (size_t i = 0; given && given->kind == VALUE_LIST && i < given->count; i++) {
		const char *path = value_text(given->items[i]);
		if (!path || *path != '/')
			return err_set(err, ERR_INPUT,
				"link_dest: %s is no absolute path of the target",
				path ? path : value_kind_name(given->items[i]));
		const struct value *answer =
			synchronize_ask(c, &t->target, &t->rules, path, false, err);
		if (!answer)
			return err_wrap(err, "link_dest");
		struct synchronize_link *link = VEC_PUSH(&t->plan.links);
		*link = (struct synchronize_link){.path = path};
		synchronize_by_name(answer, &link->there);
	}
	return 0;
}

void synchronize_links_release(struct synchronize_plan *p)
{
	for (size_t i = 0; i < p->links.count; i++)
		strmap_release(&p->links.items[i].there, NULL);
	free(p->links.items);
}

int synchronize_link_find(const struct synchronize_plan *p, struct arena *a,
	const struct synchronize_entry *e, const char **path, struct err *err)
{
	*path = NULL;
	for (size_t i = 0; i < p->links.count && !*path; i++) {
		const struct synchronize_link *link = &p->links.items[i];
		const struct value *there = strmap_get(&link->there, e->name);
		char item[] = "...........";
		if (!there || str_cmp0(value_text(value_dict_get(there, "kind")), "file") != 0)
			continue;
		synchronize_compare_attributes(p, e, there, item);
		int other = synchronize_compare_content(p, e, there, item, err);
		if (other < 0)
			return -1;
		if (!other && !synchronize_differs(item))
			*path = arena_printf(a, "%s/%s", link->path, e->name);
	}
	return 0;
}
