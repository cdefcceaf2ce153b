/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "node/apt.h"

/* What a .deb says about itself. */
struct deb {
	const char *name, *version, *architecture;
};

/* Reads the fields of a .deb, of which its head is enough. */
static int read_fields(struct apt_task *t, const char *path, struct deb *deb, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	AUTO(strlist_release) struct strlist lines = {0};
	const char *argv[] = {"dpkg-deb",
		"--showformat=${Package}\\n${Version}\\n${Architecture}\\n", "--show", "--",
		path, NULL};

	if (apt_ask(t, argv, &out, err) < 0)
		return -1;
	strlist_split(&lines, out.data, "\n");
	if (lines.count != 3)
		return err_set(
			err, ERR_INPUT, "%s says no package, version and architecture", path);
	deb->name = arena_strdup(t->call->arena, lines.items[0]);
	deb->version = arena_strdup(t->call->arena, lines.items[1]);
	deb->architecture = arena_strdup(t->call->arena, lines.items[2]);
	return 0;
}

/* The package of a .deb as it is installed; NULL when it is not. */
static const struct dpkg_package *find_installed(struct apt_task *t, const struct deb *deb)
{
	const char *exact = arena_printf(t->call->arena, "%s:%s", deb->name, deb->architecture);
	const struct dpkg_package *p = dpkg_find(&t->before, exact);

	return p ? p : dpkg_find(&t->before, deb->name);
}

/* Writes down what a .deb would do, for check mode, which has only its head. */
static void plan_file(struct apt_task *t, const struct deb *deb, const char *path)
{
	const struct dpkg_package *p = find_installed(t, deb);

	if (p && p->installed && dpkg_compare_versions(p->version, deb->version) == 0)
		return;
	strlist_add(&t->words, path);
	*VEC_PUSH(&t->debs) = (struct apt_change){.name = deb->name,
		.before = p && p->installed ? p->version : NULL,
		.after = deb->version};
}

static int plan_path(struct apt_task *t, const char *path, struct err *err)
{
	struct deb deb = {0};

	if (*path != '/')
		return err_set(err, ERR_INPUT, "%s is no absolute path of a .deb", path);
	if (access(path, R_OK) < 0)
		return err_sys(err, "cannot read %s", path);
	if (read_fields(t, path, &deb, err) < 0)
		return -1;
	plan_file(t, &deb, path);
	return 0;
}

/* A .deb of the engine: its head says whether the whole is needed. */
static int plan_sent(struct apt_task *t, const struct item *given, struct err *err)
{
	struct node_call part = *t->call;
	struct change_content content = {0};
	struct deb deb = {0};
	const char *path;

	part.args = given;
	const char *name = call_text(&part, "name", err);
	if (!name)
		return -1;
	if (!str_ends(name, ".deb"))
		return err_set(err, ERR_INPUT, "%s does not end with .deb", name);
	int whole = call_content(&part, "content", &content, err);
	if (whole < 0 || (!whole && call_content(&part, "head", &content, err) < 0))
		return -1;
	path = scratch_put(&t->scratch, part.arena, name, &content, err);
	if (!path || read_fields(t, path, &deb, err) < 0)
		return path ? err_wrap(err, "%s", name) : -1;
	size_t before = t->words.count;
	plan_file(t, &deb, path);
	t->needs_content |= !whole && t->words.count > before;
	return 0;
}

int apt_plan_debs(struct apt_task *t, struct err *err)
{
	const struct item *debs = item_get(t->call->args, "debs");

	for (uint32_t i = 0; debs && debs->type == ITEM_LIST && i < debs->count; i++) {
		const struct item *deb = &debs->items[i];
		int planned;
		if (i >= APT_NAMES_MAX)
			return err_set(err, ERR_LIMIT, "more than %d packages in one task",
				APT_NAMES_MAX);
		if (deb->type == ITEM_DICT)
			planned = plan_sent(t, deb, err);
		else if (deb->type == ITEM_STRING)
			planned = plan_path(
				t, arena_strndup(t->call->arena, deb->text, deb->len), err);
		else
			return err_set(err, ERR_INPUT, "a .deb is a path, or a dict with name");
		if (planned < 0)
			return -1;
	}
	return 0;
}
