/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commits changed: the file is read as it was before and after each of them, and the
 * versions in it are compared. A commit that touched other things only leaves no entry; a
 * revision that cannot be read is passed over, and the next one compared with the last before
 * it.
 */
#include "base/path.h"
#include "base/vec.h"
#include "cli/history.h"
#include "history/commit.h"
#include "registry/registry.h"
#include "value/yaml.h"

/* A file or directory whose log is read. */
struct source {
	struct history *h;
	struct gitrepo *g;
	struct git_changes changes;
	struct arena arena; /* of what is read for one commit */
	const char *path;   /* as the repository names it */
};

static void source_release(struct source *s)
{
	git_changes_release(&s->changes);
	arena_release(&s->arena);
	gitrepo_free(s->g);
}

/* ---- reading ---- */

/* A file as it was at a revision: 0 with NULL where it was not there; -1 with err. */
static int read_at(struct source *s, const char *rev, const char *path,
	const struct value **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct yaml_options lenient = {.lenient_dates = true};

	*out = NULL;
	if (!path)
		return 0;
	if (gitrepo_read_file(s->g, rev, path, &text, err) < 0) {
		if (err->code != ERR_NOTFOUND)
			return -1;
		err_clear(err);
		return 0;
	}
	if (str_starts(text.data, "$ANSIBLE_VAULT"))
		return err_set(err, ERR_UNSUPPORTED, "it is encrypted");
	*out = yaml_read(&s->arena, text.data, text.len, path, &lenient, NULL, err);
	return *out ? 0 : -1;
}

static void pass_over(struct source *s, const struct git_commit_info *c, const char *path,
	const struct err *why)
{
	diag_warning(&s->h->diags, NULL, "%s in commit %.12s is passed over: %s", path, c->id,
		why->text);
}

/* The file before a commit; where that cannot be read, at the last commit that can. */
static const struct value *read_before(struct source *s, size_t i, const char *path)
{
	autofree char *rev = xasprintf("%s^1", s->changes.items[i].commit.id);
	const struct value *v;
	struct err err = {0};

	if (read_at(s, rev, path, &v, &err) == 0)
		return v;
	while (++i < s->changes.count) {
		const struct git_change *c = &s->changes.items[i];
		err_clear(&err);
		if (read_at(s, c->commit.id, c->path, &v, &err) == 0)
			return v;
	}
	return NULL;
}

/* What a value says as a version; NULL for none. */
static const char *text_of(const struct value *v)
{
	if (!v || v->kind == VALUE_NULL)
		return NULL;
	if (v->kind == VALUE_STRING || v->kind == VALUE_DATE)
		return v->text;
	return v->kind == VALUE_VAULT ? "(encrypted)" : "(no version)";
}

/* ---- entries ---- */

static struct history_entry *add_entry(struct source *s, const struct git_commit_info *c,
	enum history_kind kind, const char *file)
{
	struct history_entry *e = VEC_PUSH(&s->h->entries);

	*e = (struct history_entry){
		.kind = kind,
		.time = c->time,
		.who = xstrdup(c->author),
		.id = xstrdup(c->id),
		.summary = xstrdup(c->summary),
		.file = xstrdup(file),
	};
	return e;
}

static void add_versions(
	struct history_entry *e, const char *model, const char *from, const char *to)
{
	e->model = xstrdup(model);
	e->from = xstrdup(from);
	e->to = xstrdup(to);
}

/* One model of the registry. */
static void compare_model(struct source *s, const struct git_change *c, const char *model,
	const struct value *before, const struct value *after)
{
	static const struct {
		enum history_kind kind;
		const char *key;
	} keys[] = {
		{HISTORY_VERSION, "current_version"}, {HISTORY_PREVIOUS, "previous_version"}};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *from = text_of(value_dict_get(before, keys[i].key));
		const char *to = text_of(value_dict_get(after, keys[i].key));
		if (str_cmp0(from, to) == 0)
			continue;
		add_versions(add_entry(s, &c->commit, keys[i].kind, c->path), model, from, to);
		return; /* a move changes both, and is one thing */
	}
}

/* Adds a host to the entry of the same change in the same commit, or makes one. */
static void add_pin(struct source *s, const struct git_commit_info *c, const char *file,
	const char *host, const char *model, const char *from, const char *to)
{
	struct history *h = s->h;

	for (size_t i = h->entries.count;
		i-- > 0 && strcmp(h->entries.items[i].id, c->id) == 0;) {
		struct history_entry *e = &h->entries.items[i];
		if (e->kind == HISTORY_PIN && strcmp(e->model, model) == 0 &&
			str_cmp0(e->from, from) == 0 && str_cmp0(e->to, to) == 0) {
			strlist_add(&e->hosts, host);
			return;
		}
	}
	struct history_entry *e = add_entry(s, c, HISTORY_PIN, file);
	add_versions(e, model, from, to);
	strlist_add(&e->hosts, host);
}

/* Calls back for each key of two mappings once. */
typedef void (*compare_fn)(
	void *data, const char *key, const struct value *before, const struct value *after);

static void compare_dicts(const struct history *h, const struct value *before,
	const struct value *after, compare_fn fn, void *data)
{
	const struct value *sides[] = {before, after};

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		if (!sides[i] || sides[i]->kind != VALUE_DICT)
			continue;
		value_dict_foreach (p, sides[i]) {
			const char *key = value_text(p->key);
			if (!key || (i > 0 && value_dict_get(before, key)) ||
				!history_wants(h, key, h->since))
				continue;
			fn(data, key, value_dict_get(before, key), value_dict_get(after, key));
		}
	}
}

/* ---- the registry's files ---- */

struct model_change {
	struct source *s;
	const struct git_change *change;
};

static void on_model(
	void *data, const char *key, const struct value *before, const struct value *after)
{
	struct model_change *m = data;

	compare_model(m->s, m->change, key, before, after);
}

/* The models of a file, at its top or in the variables of an inventory. */
static const struct value *find_models(const struct value *v)
{
	const struct value *found = value_dict_get(v, VAR_MODELS);

	if (found || !v || v->kind != VALUE_DICT)
		return found;
	value_dict_foreach (p, v)
		if ((found = find_models(p->value)))
			return found;
	return NULL;
}

static void read_models(struct source *s, size_t i)
{
	const struct git_change *c = &s->changes.items[i];
	struct model_change change = {s, c};
	const struct value *after;
	struct err err = {0};

	if (read_at(s, c->commit.id, c->path, &after, &err) < 0) {
		pass_over(s, &c->commit, c->path, &err);
		return;
	}
	compare_dicts(s->h, find_models(read_before(s, i, c->before)), find_models(after),
		on_model, &change);
}

/* ---- host_vars ---- */

struct pin_change {
	struct source *s;
	const struct git_commit_info *commit;
	const char *file, *host;
};

static void on_pin(
	void *data, const char *key, const struct value *before, const struct value *after)
{
	struct pin_change *p = data;
	const char *from = text_of(before);
	const char *to = text_of(after);

	if (str_cmp0(from, to) != 0)
		add_pin(p->s, p->commit, p->file, p->host, key, from, to);
}

/* HOST of HOST, HOST.yaml and HOST/any.yaml. */
static char *host_of(const char *file)
{
	static const char *const extensions[] = {".yaml", ".yml", ".json"};
	size_t len = strcspn(file, "/");

	for (size_t i = 0; i < ARRAY_SIZE(extensions) && !file[len]; i++)
		if (str_ends(file, extensions[i]))
			return xstrndup(file, len - strlen(extensions[i]));
	return xstrndup(file, len);
}

static void read_pins_of(struct source *s, const struct git_commit_info *c, const char *name)
{
	autofree char *file = path_join(s->path, name);
	autofree char *parent = xasprintf("%s^1", c->id);
	autofree char *host = host_of(name);
	struct pin_change change = {s, c, file, host};
	const struct value *before;
	const struct value *after;
	struct err err = {0};

	if (read_at(s, c->id, file, &after, &err) < 0) {
		pass_over(s, c, file, &err);
		return;
	}
	if (read_at(s, parent, file, &before, &err) < 0)
		before = NULL;
	compare_dicts(s->h, value_dict_get(before, VAR_OVERRIDES),
		value_dict_get(after, VAR_OVERRIDES), on_pin, &change);
}

static void read_pins(struct source *s, size_t i)
{
	AUTO(strlist_release) struct strlist files = {0};
	const struct git_commit_info *c = &s->changes.items[i].commit;
	struct err err = {0};

	if (git_changed_files(s->g, c->id, s->path, &files, &err) < 0)
		diag_warning(&s->h->diags, NULL, "%s", err.text);
	for (size_t k = 0; k < files.count; k++)
		read_pins_of(s, c, files.items[k]);
}

/* ---- sources ---- */

typedef void (*read_fn)(struct source *s, size_t i);

/* Reads a log until there are entries enough. */
static int read_log(struct source *s, read_fn read, struct err *err)
{
	size_t before = s->h->entries.count;

	int rc = git_file_changes(s->g, s->path, HISTORY_COMMITS, &s->changes, err);
	for (size_t i = 0; i < s->changes.count; i++) {
		if (s->h->entries.count - before >= s->h->max ||
			!history_wants(s->h, NULL, s->changes.items[i].commit.time))
			return 0;
		read(s, i);
		arena_release(&s->arena);
	}
	return rc;
}

/* The log of one file or directory; what goes wrong is a warning. */
static void read_source(struct history *h, const char *path, read_fn read)
{
	AUTO(source_release) struct source s = {.h = h};
	struct err err = {0};

	s.g = gitrepo_open(path, &err);
	autofree char *relative = s.g ? gitrepo_relative(s.g, path, &err) : NULL;
	s.path = relative;
	if (!relative || read_log(&s, read, &err) < 0)
		diag_warning(
			&h->diags, NULL, "%s: its git log is not told: %s", path, err.text);
}

static void add_once(struct strlist *l, const char *path)
{
	if (!strlist_has(l, path))
		strlist_add(l, path);
}

/* The files that the hosts' registries are written in. */
static void find_registries(struct history *h, struct strlist *files)
{
	for (size_t i = 0; i < h->site.hosts.count; i++) {
		struct vars_view *view = vars_view_new(h->site.vars, h->site.hosts.items[i]);
		const struct value *models = vars_raw(view, VAR_MODELS);
		if (models && models->place.file && models->place.file[0] != '-')
			add_once(files, models->place.file);
		vars_view_free(view);
	}
}

static void find_host_vars(struct history *h, struct strlist *dirs)
{
	const struct inventory *inventory = &h->site.inventory;
	const struct vars_base_list *bases = &inventory->beside_sources;

	for (size_t i = 0; i < bases->count; i++) {
		autofree char *dir = path_join(bases->items[i]->dir, "host_vars");
		add_once(dirs, dir);
	}
	if (inventory->beside_playbook) {
		autofree char *dir = path_join(inventory->beside_playbook->dir, "host_vars");
		if (path_is_dir(dir))
			add_once(dirs, dir);
	}
}

/* True if a git repository keeps it; else that is said once. */
static bool is_kept(struct history *h, const char *path, bool *told)
{
	autofree char *dir = path_dirname(path);
	struct err err = {0};
	struct gitrepo *g = gitrepo_open(dir, &err);

	gitrepo_free(g);
	if (!g && !*told)
		diag_warning(
			&h->diags, NULL, "%s; the journal of runs alone is told", err.text);
	*told |= !g;
	return g != NULL;
}

void history_read_git(struct history *h)
{
	AUTO(strlist_release) struct strlist files = {0};
	AUTO(strlist_release) struct strlist dirs = {0};
	bool told = false;

	find_registries(h, &files);
	find_host_vars(h, &dirs);
	for (size_t i = 0; i < files.count; i++)
		if (is_kept(h, files.items[i], &told))
			read_source(h, files.items[i], read_models);
	for (size_t i = 0; i < dirs.count; i++)
		if (is_kept(h, dirs.items[i], &told))
			read_source(h, dirs.items[i], read_pins);
}
