/* SPDX-License-Identifier: Apache-2.0 */
#include "node/attributes.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "node/flags.h"
#include "node/users.h"

/* A name that nobody knows: in check mode a warning, else an error. */
static int unknown_name(struct node_call *c, struct attributes *a, const char *command,
	const char *kind, const char *name, struct err *err)
{
	if (!c->check)
		return err_set(err, ERR_INPUT, "%s failed: failed to look up %s %s", command,
			kind, name);
	a->unknown = arena_printf(c->arena,
		"failed to look up %s %s. Create %s up to this point in real play", kind, name,
		kind);
	return 0;
}

static int read_owner(struct node_call *c, struct attributes *a, struct err *err)
{
	const char *name = call_text_or_null(c, "owner");
	struct user u = {.uid = (uid_t)-1};
	int64_t id;

	if (!name)
		return 0;
	a->has_owner = true;
	if (parse_int(name, 0, (int64_t)UINT32_MAX - 1, &id))
		u.uid = (uid_t)id;
	else if (!user_by_name(name, &u) && unknown_name(c, a, "chown", "user", name, err) < 0)
		return -1;
	a->owner = u.uid;
	return 0;
}

static int read_group(struct node_call *c, struct attributes *a, struct err *err)
{
	const char *name = call_text_or_null(c, "group");
	struct group_entry g = {.gid = (gid_t)-1};
	int64_t id;

	if (!name)
		return 0;
	a->has_group = true;
	if (parse_int(name, 0, (int64_t)UINT32_MAX - 1, &id))
		g.gid = (gid_t)id;
	else if (!group_by_name(name, &g) &&
		 unknown_name(c, a, "chgrp", "group", name, err) < 0)
		return -1;
	a->group = g.gid;
	return 0;
}

/*
 * A context of SELinux has no meaning where the kernel has none. Where it has, policy decides
 * what files get, and we do not know it.
 */
static int check_context(struct node_call *c, struct err *err)
{
	static const char *const names[] = {"seuser", "serole", "setype", "selevel"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (call_text_or_null(c, names[i]) &&
			access("/sys/fs/selinux/enforce", F_OK) == 0)
			return err_set(err, ERR_UNSUPPORTED,
				"%s is not supported on a node with SELinux: use restorecon or "
				"chcon there",
				names[i]);
	return 0;
}

int attributes_read(struct node_call *c, struct attributes *a, struct err *err)
{
	mode_t ignored;

	*a = (struct attributes){
		.mode = call_text_or_null(c, "mode"), .umask = c->node->login_umask};
	const char *flags = call_text_or_null(c, "attributes");
	if (flags)
		a->flags = flags_wish(c->arena, flags);
	bool preserve =
		a->mode && strcmp(a->mode, "preserve") == 0 && item_get(c->args, "remote_src");
	if (a->mode && !preserve && mode_parse(a->mode, 0, 0, &ignored, err) < 0)
		return -1;
	if (check_context(c, err) < 0)
		return -1;
	return read_owner(c, a, err) < 0 || read_group(c, a, err) < 0 ? -1 : 0;
}

int attributes_resolve(const struct attributes *a, const struct stat *st,
	struct change_attributes *out, struct err *err)
{
	*out = (struct change_attributes){.has_owner = a->has_owner,
		.has_group = a->has_group,
		.has_mode = a->mode,
		.owner = a->owner,
		.group = a->group};
	return a->mode ? mode_parse(a->mode, st->st_mode, a->umask, &out->mode, err) : 0;
}

void attributes_tell_side(struct item_writer *out, const struct change_attributes *a)
{
	if (a->has_owner)
		item_put_int(out, "owner", a->owner);
	if (a->has_group)
		item_put_int(out, "group", a->group);
	if (a->has_mode)
		item_put_stringf(out, "mode", "0%03o", (unsigned)a->mode);
	if (a->flags)
		item_put_string(out, "attributes", a->flags);
}

bool attributes_compare_flags(struct node_call *c, struct attributes_diff *d,
	const struct attributes *a, const char *path)
{
	char now[FLAGS_MAX] = "";

	if (!a->flags)
		return false;
	flags_read(path, now, NULL);
	if (!flags_differ(now, a->flags))
		return false;
	d->before.flags = arena_strdup(c->arena, now);
	d->after.flags = a->flags;
	return true;
}

bool attributes_compare(
	struct attributes_diff *d, const struct change_attributes *a, const struct stat *st)
{
	struct change_attributes *from = &d->before, *to = &d->after;

	if (a->has_owner && a->owner != st->st_uid) {
		from->has_owner = to->has_owner = true;
		from->owner = st->st_uid;
		to->owner = a->owner;
	}
	if (a->has_group && a->group != st->st_gid) {
		from->has_group = to->has_group = true;
		from->group = st->st_gid;
		to->group = a->group;
	}
	if (a->has_mode && a->mode != (st->st_mode & 07777) && !S_ISLNK(st->st_mode)) {
		from->has_mode = to->has_mode = true;
		from->mode = st->st_mode & 07777;
		to->mode = a->mode;
	}
	return to->has_owner || to->has_group || to->has_mode;
}

int attributes_apply(struct node_call *c, const char *path, const struct attributes *a,
	bool *changed, struct attributes_diff *diff, struct err *err)
{
	struct change_attributes want;
	struct stat st;
	bool differs;

	if (lstat(path, &st) < 0) {
		if (errno != ENOENT || !c->check)
			return err_sys(err, "%s", path);
		*changed |= a->has_owner || a->has_group || a->mode || a->flags;
		return 0;
	}
	if (attributes_resolve(a, &st, &want, err) < 0)
		return -1;
	if (diff)
		attributes_compare(diff, &want, &st);
	if (diff)
		attributes_compare_flags(c, diff, a, path);
	if (change_attributes(
		    call_transaction(c), path, &want, false, c->check, &differs, err) < 0)
		return -1;
	*changed |= differs;
	return a->flags ? flags_apply(c, path, a->flags, changed, err) : 0;
}

const char *path_state(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return "absent";
		err_sys(err, "%s", path);
		return NULL;
	}
	if (S_ISLNK(st.st_mode))
		return "link";
	if (S_ISDIR(st.st_mode))
		return "directory";
	return st.st_nlink > 1 ? "hard" : "file";
}

void attributes_tell(struct node_call *c, const char *path)
{
	struct stat st;
	struct user u;
	struct group_entry g;

	if (access(path, F_OK) < 0 || lstat(path, &st) < 0)
		return;
	item_put_int(c->out, "uid", st.st_uid);
	item_put_int(c->out, "gid", st.st_gid);
	if (user_by_uid(st.st_uid, &u))
		item_put_string(c->out, "owner", u.name);
	else
		item_put_stringf(c->out, "owner", "%u", (unsigned)st.st_uid);
	if (group_by_gid(st.st_gid, &g))
		item_put_string(c->out, "group", g.name);
	else
		item_put_stringf(c->out, "group", "%u", (unsigned)st.st_gid);
	item_put_stringf(c->out, "mode", "0%03o", (unsigned)st.st_mode & 07777);
	item_put_string(c->out, "state", path_state(path, NULL));
	item_put_int(c->out, "size", st.st_size);
}
