/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a tree has to be changed on the node, and the line that rsync says of each change:
 * its itemized format, eleven characters and the name.
 */
#include "play/modules/synchronize_item.h"

#include "base/mode.h"

struct planning {
	struct module_call *call;
	struct synchronize_plan *plan;
	struct strmap there;        /* name -> const struct value * of the node's entry */
	struct strmap wanted;       /* name -> entry that is to be there */
	struct strmap replaced;     /* of these, what gives way to something else */
	const struct value *former; /* what the entry under work replaces; NULL: nothing */
	struct value *times;        /* changes of directories' times, at the end */
	size_t cap;
};

static bool is_kind(const struct value *entry, const char *kind)
{
	return str_cmp0(value_text(value_dict_get(entry, "kind")), kind) == 0;
}

static bool node_is_root(const struct planning *p)
{
	return synchronize_is_root(p->plan->there);
}

static bool is_device(const struct synchronize_entry *e)
{
	return S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode);
}

static bool is_special(const struct synchronize_entry *e)
{
	return is_device(e) || S_ISFIFO(e->st.st_mode) || S_ISSOCK(e->st.st_mode);
}

/* ---- lines ---- */

static void say(struct planning *p, const char item[ITEM_LEN + 1],
	const struct synchronize_entry *e, bool directory)
{
	struct strbuf *said = &p->plan->said;

	const char *name = p->plan->alone ? p->plan->alone : *e->name ? e->name : ".";

	p->plan->changed = true;
	strbuf_addf(said, "%s %s%s", item, name, directory ? "/" : "");
	if (e->target)
		strbuf_addf(said, " -> %s", e->target);
	strbuf_addch(said, '\n');
}

static void say_removal(struct planning *p, const struct synchronize_removal *r)
{
	if (r->kept)
		strbuf_addf(&p->plan->said, "cannot delete non-empty directory: %s\n", r->name);
	else
		strbuf_addf(
			&p->plan->said, "*deleting   %s%s\n", r->name, r->directory ? "/" : "");
	p->plan->changed |= !r->kept;
}

/* ---- changes ---- */

/* A change with the attributes that the rules keep. Content that is new belongs to who wrote
 * it, unless the owner is kept. */
static struct value *add_change(
	struct planning *p, const char *kind, const struct synchronize_entry *e, bool is_new)
{
	const struct synchronize_rules *r = p->plan->rules;
	struct arena *a = p->call->arena;
	struct value *change = value_new_dict(a);
	int64_t umask = synchronize_number(p->plan->there, "umask");
	mode_t mode = e->st.st_mode & 07777;

	value_dict_set(a, change, "kind", value_new_string(a, kind));
	value_dict_set(a, change, "path", value_new_string(a, e->name));
	if (!r->perms && is_new)
		mode = p->former && is_special(e)
			       ? (mode_t)synchronize_number(p->former, "mode")
			       : mode & ~(mode_t)(umask < 0 ? 022 : umask);
	if (!e->target && (r->perms || is_new))
		value_dict_set(a, change, "mode", value_new_int(a, mode));
	if (r->times && !S_ISDIR(e->st.st_mode)) {
		value_dict_set(a, change, "mtime", value_new_int(a, e->st.st_mtim.tv_sec));
		value_dict_set(a, change, "mtime_ns", value_new_int(a, e->st.st_mtim.tv_nsec));
	}
	if (node_is_root(p) && r->owner) {
		if (e->st.st_uid != SYNCHRONIZE_BY_NAME)
			value_dict_set(a, change, "uid", value_new_int(a, e->st.st_uid));
		if (e->owner)
			value_dict_set(a, change, "owner", value_new_string(a, e->owner));
	}
	if (node_is_root(p) && !r->owner && strcmp(kind, "file") == 0)
		value_dict_set(a, change, "uid", value_new_int(a, 0));
	if (node_is_root(p) && !r->group && strcmp(kind, "file") == 0)
		value_dict_set(a, change, "gid", value_new_int(a, 0));
	if (node_is_root(p) && r->group) {
		if (e->st.st_gid != SYNCHRONIZE_BY_NAME)
			value_dict_set(a, change, "gid", value_new_int(a, e->st.st_gid));
		if (e->group)
			value_dict_set(a, change, "group", value_new_string(a, e->group));
	}
	if (e->target)
		value_dict_set(a, change, "target", value_new_string(a, e->target));
	if (is_special(e)) {
		value_dict_set(a, change, "type", value_new_int(a, e->st.st_mode & S_IFMT));
		value_dict_set(a, change, "rdev", value_new_int(a, (int64_t)e->st.st_rdev));
	}
	value_list_add(a, p->plan->changes, change);
	return change;
}

/* Notes that a change needs the file's content, which a delta may bring where a file is there.
 */
static void needs_content(
	struct planning *p, const struct synchronize_entry *e, const struct value *there)
{
	size_t i = p->plan->changes->count - 1;

	p->plan->files[i] = (struct synchronize_file){
		.entry = e, .basis = there ? synchronize_number(there, "size") : 0};
}

/* A directory's time is set when all in it is done. */
static void set_time_later(struct planning *p, const struct synchronize_entry *e)
{
	const struct synchronize_rules *r = p->plan->rules;
	struct arena *a = p->call->arena;

	if (!r->times || r->omit_dir_times)
		return;
	struct value *change = value_new_dict(a);
	value_dict_set(a, change, "kind", value_new_string(a, "attributes"));
	value_dict_set(a, change, "path", value_new_string(a, e->name));
	value_dict_set(a, change, "mtime", value_new_int(a, e->st.st_mtim.tv_sec));
	value_dict_set(a, change, "mtime_ns", value_new_int(a, e->st.st_mtim.tv_nsec));
	value_list_add(a, p->times, change);
}

/* The place itself, as the login would make it. */
static void make_place(struct planning *p)
{
	struct arena *a = p->call->arena;
	struct value *change = value_new_dict(a);

	if (!p->plan->makes)
		return;
	value_dict_set(a, change, "kind", value_new_string(a, "directory"));
	value_dict_set(a, change, "path", value_new_string(a, ""));
	value_list_add(a, p->plan->changes, change);
	if (p->plan->tells_place)
		strbuf_addf(&p->plan->said, "created directory %s\n", p->plan->makes);
}

static void add_removal(struct planning *p, const char *name)
{
	struct arena *a = p->call->arena;
	struct value *change = value_new_dict(a);

	value_dict_set(a, change, "kind", value_new_string(a, "remove"));
	value_dict_set(a, change, "path", value_new_string(a, name));
	value_list_add(a, p->plan->changes, change);
}

/* ---- one entry ---- */

/* One that is in a directory of link_dest in the same form: it needs no content. */
static int make_linked(struct planning *p, const struct synchronize_entry *e, struct err *err)
{
	struct arena *a = p->call->arena;
	char item[] = "hf         ";
	const char *other = NULL;

	if (S_ISREG(e->st.st_mode) && synchronize_link_find(p->plan, a, e, &other, err) < 0)
		return -1;
	if (!other)
		return 0;
	struct value *change = value_new_dict(a);
	value_dict_set(a, change, "kind", value_new_string(a, "hard_link"));
	value_dict_set(a, change, "path", value_new_string(a, e->name));
	value_dict_set(a, change, "target", value_new_string(a, other));
	value_list_add(a, p->plan->changes, change);
	say(p, item, e, false);
	return 1;
}

static int make_new(struct planning *p, const struct synchronize_entry *e, struct err *err)
{
	char item[] = "cL+++++++++";

	int linked = make_linked(p, e, err);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	if (S_ISDIR(e->st.st_mode)) {
		item[KIND] = 'd';
		/* The place itself was made before. */
		add_change(
			p, p->plan->makes && !*e->name ? "attributes" : "directory", e, true);
		set_time_later(p, e);
	} else if (e->target) {
		add_change(p, "link", e, true);
	} else if (is_special(e)) {
		item[KIND] = is_device(e) ? 'D' : 'S';
		add_change(p, "special", e, true);
	} else {
		item[UPDATE] = p->plan->direction;
		item[KIND] = 'f';
		add_change(p, "file", e, true);
		needs_content(p, e, NULL);
	}
	say(p, item, e, S_ISDIR(e->st.st_mode));
	return 0;
}

static void plan_directory(
	struct planning *p, const struct synchronize_entry *e, const struct value *there)
{
	const struct synchronize_rules *r = p->plan->rules;
	char item[] = ".d.........";

	synchronize_compare_attributes(p->plan, e, there, item);
	if (synchronize_differs(item))
		add_change(p, "attributes", e, false);
	if (r->times && !r->omit_dir_times &&
		synchronize_number(there, "mtime") != e->st.st_mtim.tv_sec)
		item[TIME] = 't';
	set_time_later(p, e);
	if (synchronize_differs(item))
		say(p, item, e, true);
}

static void plan_link(
	struct planning *p, const struct synchronize_entry *e, const struct value *there)
{
	const char *target = value_text(value_dict_get(there, "target"));
	char item[] = ".L.........";
	bool other = str_cmp0(target, e->target) != 0;

	synchronize_compare_attributes(p->plan, e, there, item);
	if (p->plan->rules->times && synchronize_number(there, "mtime") != e->st.st_mtim.tv_sec)
		item[TIME] = 't';
	if (other) {
		item[UPDATE] = 'c';
		item[CONTENT] = 'c';
	}
	if (!synchronize_differs(item))
		return;
	add_change(p, other ? "link" : "attributes", e, false);
	say(p, item, e, false);
}

static void plan_special(
	struct planning *p, const struct synchronize_entry *e, const struct value *there)
{
	char item[] = ".S.........";

	item[KIND] = is_device(e) ? 'D' : 'S';
	synchronize_compare_attributes(p->plan, e, there, item);
	if (p->plan->rules->times && synchronize_number(there, "mtime") != e->st.st_mtim.tv_sec)
		item[TIME] = 't';
	if (!synchronize_differs(item))
		return;
	add_change(p, "attributes", e, false);
	say(p, item, e, false);
}

static int plan_file(struct planning *p, const struct synchronize_entry *e,
	const struct value *there, struct err *err)
{
	char item[] = ".f.........";
	int other = synchronize_compare_content(p->plan, e, there, item, err);

	if (other < 0)
		return -1;
	synchronize_compare_attributes(p->plan, e, there, item);
	if (!other && !synchronize_differs(item))
		return 0;
	add_change(p, other ? "file" : "attributes", e, false);
	if (other) {
		item[UPDATE] = p->plan->direction;
		needs_content(p, e, there);
	}
	say(p, item, e, false);
	return 0;
}

/* True for what is there and stays as it is, whatever it is. */
static bool is_left(
	const struct planning *p, const struct synchronize_entry *e, const struct value *there)
{
	const struct synchronize_rules *r = p->plan->rules;

	if (S_ISDIR(e->st.st_mode))
		return false;
	return r->ignore_existing ||
	       (r->update && synchronize_number(there, "mtime") > e->st.st_mtim.tv_sec);
}

/* True if something else stands in an entry's place. */
static bool is_other_kind(const struct synchronize_entry *e, const struct value *there)
{
	if (!is_kind(there, mode_kind(e->st.st_mode)))
		return true;
	return is_device(e) && synchronize_number(there, "rdev") != (int64_t)e->st.st_rdev;
}

/* What stands in an entry's place goes, with all that is in it. */
static int give_way(struct planning *p, const struct synchronize_entry *e,
	const struct value *there, struct err *err)
{
	struct synchronize_removals r = {0};

	if (is_kind(there, "directory") && !p->plan->rules->remove && !p->plan->rules->force)
		return err_set(err, ERR_EXISTS,
			"%s is a directory on the host, and something else here; \"delete\" "
			"would remove it",
			e->name);
	synchronize_removals_below(&p->there, e->name, &r);
	for (size_t i = 0; i < r.count; i++)
		say_removal(p, &r.items[i]);
	synchronize_removals_release(&r);
	add_removal(p, e->name);
	strmap_set(&p->replaced, e->name, NULL);
	return 0;
}

/* An entry that is there, and of the same kind. */
static int plan_former(struct planning *p, const struct synchronize_entry *e,
	const struct value *there, struct err *err)
{
	if (S_ISREG(e->st.st_mode))
		return plan_file(p, e, there, err);
	if (S_ISDIR(e->st.st_mode))
		plan_directory(p, e, there);
	else if (e->target)
		plan_link(p, e, there);
	else
		plan_special(p, e, there);
	return 0;
}

static int plan_entry(struct planning *p, const struct synchronize_entry *e, struct err *err)
{
	const struct synchronize_rules *r = p->plan->rules;
	const struct value *there = strmap_get(&p->there, e->name);
	/* The directory of all is made whatever the rules say of what is new. */
	bool makes_it = p->plan->makes && !*e->name && !p->plan->check;

	strmap_set(&p->wanted, e->name, (void *)(uintptr_t)e);
	if (e->left || (there ? is_left(p, e, there) : r->existing && !makes_it))
		return 0;
	if (!synchronize_brings(r, e->st.st_mode)) {
		strbuf_addf(&p->plan->said, "skipping non-regular file \"%s\"\n", e->name);
		return 0;
	}
	if (there && !is_other_kind(e, there))
		return plan_former(p, e, there, err);
	if (there && give_way(p, e, there, err) < 0)
		return -1;
	p->former = there && !is_kind(there, "directory") ? there : NULL;
	return make_new(p, e, err);
}

static void plan_removals(struct planning *p)
{
	struct synchronize_removals r = {0};

	if (!p->plan->rules->remove)
		return;
	synchronize_removals_find(p->plan->rules, &p->there, &p->wanted, &p->replaced, &r);
	for (size_t i = 0; i < r.count; i++) {
		if (!r.items[i].kept)
			add_removal(p, r.items[i].name);
		say_removal(p, &r.items[i]);
	}
	synchronize_removals_release(&r);
}

int synchronize_plan_make(struct module_call *c, const struct synchronize_list *l,
	struct synchronize_plan *plan, struct err *err)
{
	struct planning p = {.call = c, .plan = plan, .times = value_new_list(c->arena)};
	int result = 0;

	plan->changes = value_new_list(c->arena);
	/* Each entry has two changes at most before removals and times begin. */
	plan->files = arena_array(c->arena, 2 * l->count + 2, sizeof(struct synchronize_file));
	synchronize_by_name(plan->there, &p.there);
	make_place(&p);
	for (size_t i = 0; result == 0 && i < l->count; i++)
		result = plan_entry(&p, &l->items[i], err);
	size_t files = plan->changes->count;
	if (result == 0)
		plan_removals(&p);
	for (size_t i = 0; result == 0 && plan->changed && i < p.times->count; i++)
		value_list_add(c->arena, plan->changes, p.times->items[i]);
	struct synchronize_file *all = arena_array(
		c->arena, plan->changes->count + 1, sizeof(struct synchronize_file));
	for (size_t i = 0; i < files; i++)
		all[i] = plan->files[i];
	plan->files = all;
	strmap_release(&p.there, NULL);
	strmap_release(&p.wanted, NULL);
	strmap_release(&p.replaced, NULL);
	return result;
}
