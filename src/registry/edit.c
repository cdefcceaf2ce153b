/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version is found by the place that the registry keeps of it, so it does not matter in which
 * file and how deep it stands there: group_vars, an inventory, a group of its own. What the
 * edit gives is read again, and must be what was there with this one change.
 */
#include "registry/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "registry/edit_place.h"
#include "value/json.h"
#include "value/yaml.h"
#include "value/yaml_edit.h"

#define CURRENT  "current_version"
#define PREVIOUS "previous_version"

/* A version that is no real day may stand elsewhere in the file: not ours to judge. */
static const struct yaml_options reading = {.lenient_dates = true};

void registry_edit_release(struct registry_edit *e)
{
	free(e->path);
	free(e->made);
	strbuf_release(&e->before);
	strbuf_release(&e->after);
	*e = (struct registry_edit){.before = STRBUF_INIT, .after = STRBUF_INIT};
}

/* ---- reading what is there ---- */

static const struct value *parse(struct arena *a, const struct registry_edit *e,
	const struct strbuf *text, struct err *err)
{
	return yaml_read(a, text->data, text->len, e->path, &reading, NULL, err);
}

/* Reads a file that is there. */
static int read_file(struct registry_edit *e, const char *path, struct err *err)
{
	e->path = realpath(path, NULL);
	if (!e->path)
		return err_sys(err, "%s", path);
	if (file_read(e->path, YAML_MAX_BYTES, &e->before, err) < 0)
		return -1;
	if (str_starts(e->before.data, "$ANSIBLE_VAULT"))
		return err_set(err, ERR_UNSUPPORTED,
			"%s is encrypted as a whole, and is not changed in place; keep "
			"versions in a file that is not encrypted, or edit it with "
			"ansible-vault",
			e->path);
	return 0;
}

/* The new text, which a JSON file takes only where it stays JSON. */
static int make_text(struct registry_edit *e, const struct yaml_change *changes, size_t count,
	struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct err json = {0};

	strbuf_clear(&e->after);
	if (yaml_edit(e->before.data, e->before.len, e->path, changes, count, &e->after, err) <
		0) {
		/* The text was read before: what is wrong now is the place. */
		if (err && (err->code == ERR_NOTFOUND || err->code == ERR_INPUT))
			err->code = ERR_UNSUPPORTED;
		return -1;
	}
	if (str_ends(e->path, ".json") &&
		!json_read(&arena, e->after.data, e->after.len, e->path, NULL, NULL, &json))
		return err_set(err, ERR_UNSUPPORTED,
			"%s would not be JSON any more; edit it by hand", e->path);
	return 0;
}

/* ---- moving the fleet ---- */

static int refuse(const struct place *at, const struct model *m, const char *key,
	const char *why, struct err *err)
{
	return place_fail(at, err, ERR_UNSUPPORTED, "%s.%s %s", m->name, key, why);
}

static bool is_version(const struct value *v)
{
	return v && (v->kind == VALUE_STRING || v->kind == VALUE_DATE) &&
	       strlen(v->text) == v->len && clock_is_date(v->text);
}

/* Why a value cannot be replaced by a version. */
static const char *why_not(const struct value *v)
{
	if (v->kind == VALUE_VAULT)
		return "is encrypted (!vault); a version is no secret: write it plainly";
	if (value_is_string(v) && (strstr(v->text, "{{") || strstr(v->text, "{%")))
		return "is a template; change what it is made of, or write the version there";
	return "is not a version; expected \"YYYY-MM-DD\"";
}

/* The versions stand where the registry says, and are what it says. */
static int check_versions(const struct registry_edit *e, const struct model *m,
	const struct value *entry, struct err *err)
{
	const struct value *current = value_dict_get(entry, CURRENT);
	const struct value *previous = value_dict_get(entry, PREVIOUS);

	if (!is_version(current))
		return refuse(&current->place, m, CURRENT, why_not(current), err);
	if (strcmp(current->text, m->current) != 0)
		return err_set(err, ERR_BUSY,
			"%s: %s.%s is %s now, and was %s a moment ago: somebody else edits the "
			"file; look at it and try again",
			e->path, m->name, CURRENT, current->text, m->current);
	if (previous && previous->kind != VALUE_NULL && !is_version(previous))
		return refuse(&previous->place, m, PREVIOUS, why_not(previous), err);
	if (m->previous_place.file &&
		strcmp(m->previous_place.file, m->current_place.file) != 0)
		return refuse(&m->previous_place, m, PREVIOUS,
			"stands in another file than the current version; bring them together",
			err);
	return 0;
}

/* The quotes that a value has in the text, 0 for none. */
static char quotes_at(const struct strbuf *text, const struct place *at)
{
	const char *line = text->data;

	for (unsigned n = 1; n < at->line && line; n++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || !at->column || at->column > strlen(line))
		return 0;
	char c = line[at->column - 1];
	return c == '"' || c == '\'' ? c : 0;
}

static int make_move(struct registry_edit *e, const struct model *m, const char *to,
	struct edit_path *path, const struct value *entry, struct err *err)
{
	const struct value *current = value_dict_get(entry, CURRENT);
	const struct value *previous = value_dict_get(entry, PREVIOUS);
	const struct value was = {
		.kind = VALUE_DATE, .text = m->current, .len = strlen(m->current)};
	const struct value is = {.kind = VALUE_DATE, .text = to, .len = strlen(to)};
	bool has_quotes = previous && previous->kind != VALUE_NULL;
	struct edit_path previous_path = *path;
	struct yaml_change changes[] = {
		{.path = previous_path.keys, .kind = YAML_SET, .value = &was},
		{.path = path->keys, .kind = YAML_CHANGE, .value = &is},
	};

	previous_path.keys[previous_path.count - 1] = PREVIOUS;
	changes[0].quotes = has_quotes ? 0 : quotes_at(&e->before, &current->place);
	if (make_text(e, changes, ARRAY_SIZE(changes), err) < 0)
		return err_wrap(err, "cannot move %s to %s", m->name, to);
	return 0;
}

/* ---- looking at the result as the registry sees it ---- */

static bool same_globs(const struct globs *a, const struct globs *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

/* All but the versions. */
static bool same_model(const struct model *a, const struct model *b)
{
	return strcmp(a->name, b->name) == 0 &&
	       same_globs(&a->initial_only, &b->initial_only) &&
	       same_globs(&a->exclude, &b->exclude) && a->immutable == b->immutable &&
	       a->update == b->update;
}

static bool is_moved(const struct registry *before, const struct registry *after,
	const struct model *m, const char *to)
{
	if (before->model_count != after->model_count)
		return false;
	for (size_t i = 0; i < before->model_count; i++) {
		const struct model *a = &before->models[i];
		const struct model *b = &after->models[i];
		bool moved = strcmp(a->name, m->name) == 0;
		if (!same_model(a, b) || str_cmp0(b->current, moved ? to : a->current) != 0 ||
			str_cmp0(b->previous, moved ? m->current : a->previous) != 0)
			return false;
	}
	return true;
}

/* Reads the models before and after with the registry's reader, and compares. */
static int check_move(const struct registry_edit *e, const struct value *models,
	const struct edit_path *path, const struct model *m, const char *to, struct arena *a,
	struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	AUTO(diags_release) struct diags changed = {0};
	AUTO(registry_release) struct registry before = {0};
	AUTO(registry_release) struct registry after = {0};
	const struct value *top = parse(a, e, &e->after, err);
	const struct value *now = top ? edit_path_follow(path, top, path->count - 2) : NULL;

	if (!top)
		return -1;
	registry_read(&before, &(struct registry_input){.models = models}, &d);
	registry_read(&after, &(struct registry_input){.models = now}, &changed);
	if (d.errors == changed.errors && is_moved(&before, &after, m, to))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"%s: the version of %s cannot be changed alone; edit the file by hand", e->path,
		m->name);
}

/* True where a place lies in a file that can be opened. */
static int check_place(const struct model *m, const char *to, struct err *err)
{
	if (!clock_is_date(to))
		return err_set(err, ERR_INPUT,
			"found %s, expected a version as YYYY-MM-DD that the calendar has", to);
	if (!m->current)
		return err_set(err, ERR_INPUT, "model %s has no current version", m->name);
	if (strcmp(m->current, to) == 0)
		return err_set(err, ERR_EXISTS, "%s is the current version of %s already", to,
			m->name);
	if (!m->current_place.file || m->current_place.file[0] == '-')
		return err_set(err, ERR_UNSUPPORTED,
			"%s.%s is not written in a file%s; write it into group_vars/all/"
			"model_registry.yaml",
			m->name, CURRENT,
			m->current_place.file ? ", but on the command line (-e)" : "");
	return 0;
}

int registry_edit_move(
	struct registry_edit *e, const struct model *m, const char *to, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct edit_path path = {0};

	*e = (struct registry_edit){.before = STRBUF_INIT, .after = STRBUF_INIT};
	if (check_place(m, to, err) < 0 || read_file(e, m->current_place.file, err) < 0)
		return -1;
	const struct value *top = parse(&arena, e, &e->before, err);
	if (!top)
		return err_wrap(err, "cannot change %s.%s", m->name, CURRENT);
	if (!edit_path_find(&path, top, m->name, CURRENT, &m->current_place))
		return refuse(&m->current_place, m, CURRENT,
			"is not written there as a plain value of the model; write it there",
			err);
	const struct value *entry = edit_path_follow(&path, top, path.count - 1);
	const struct value *models = edit_path_follow(&path, top, path.count - 2);
	if (check_versions(e, m, entry, err) < 0 || make_move(e, m, to, &path, entry, err) < 0)
		return -1;
	return check_move(e, models, &path, m, to, &arena, err);
}

/* ---- pins ---- */

/* The path of a file that may be absent: of what is there, links are resolved. */
static int find_absent(struct registry_edit *e, const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);
	autofree char *real = realpath(dir, NULL);

	e->absent = true;
	if (real) {
		e->path = path_join(real, path_basename(path));
		return 0;
	}
	if (errno != ENOENT)
		return err_sys(err, "%s", dir);
	autofree char *above = path_dirname(dir);
	real = realpath(above, NULL);
	if (!real)
		return err_sys(err, "%s", above);
	e->made = path_join(real, path_basename(dir));
	e->path = path_join(e->made, path_basename(path));
	return 0;
}

/* A symbolic link to nothing is not a file that is yet to be made. */
static int find_file(struct registry_edit *e, const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return read_file(e, path, err);
	return errno == ENOENT ? find_absent(e, path, err) : err_sys(err, "%s", path);
}

/* The host's pins as they are; NULL where there are none. -1 when they cannot be edited. */
static int read_pins(const struct registry_edit *e, struct arena *a, const struct value **pins,
	struct err *err)
{
	const struct value *top = parse(a, e, &e->before, err);

	if (!top)
		return -1;
	if (top->kind != VALUE_DICT && top->kind != VALUE_NULL)
		return err_set(err, ERR_INPUT, "%s: found %s, expected a mapping of variables",
			e->path, value_kind_name(top));
	*pins = value_dict_get(top, VAR_OVERRIDES);
	if (!*pins || (*pins)->kind == VALUE_DICT)
		return 0;
	if ((*pins)->kind == VALUE_NULL) {
		*pins = NULL;
		return 0;
	}
	return err_set(err, ERR_UNSUPPORTED,
		"%s:%u:%u: " VAR_OVERRIDES " is %s, expected a mapping from models to versions",
		e->path, (*pins)->place.line, (*pins)->place.column, value_kind_name(*pins));
}

static int check_pin(const struct registry_edit *e, const struct value *old, const char *model,
	const char *version, struct err *err)
{
	if (version && !clock_is_date(version))
		return err_set(err, ERR_INPUT,
			"found %s, expected a version as YYYY-MM-DD that the calendar has",
			version);
	if (!version && !old)
		return err_set(err, ERR_NOTFOUND, "%s pins no version of %s", e->path, model);
	if (old && version && is_version(old) && strcmp(old->text, version) == 0)
		return err_set(
			err, ERR_EXISTS, "%s pins %s to %s already", e->path, model, version);
	if (old && !is_version(old))
		return err_set(err, ERR_UNSUPPORTED, "%s:%u:%u: " VAR_OVERRIDES ".%s %s",
			e->path, old->place.line, old->place.column, model, why_not(old));
	return 0;
}

/* The quotes that pins have here; of a first one, the usual ones. */
static char quotes_of_pins(const struct registry_edit *e, const struct value *pins)
{
	if (!pins || pins->pair_count == 0)
		return '"';
	return quotes_at(&e->before, &pins->pairs[0].value->place);
}

int registry_edit_pin(struct registry_edit *e, const char *path, const char *model,
	const char *version, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const char *const keys[] = {VAR_OVERRIDES, model, NULL};
	const struct value *pins = NULL;

	*e = (struct registry_edit){.before = STRBUF_INIT, .after = STRBUF_INIT};
	if (find_file(e, path, err) < 0 || read_pins(e, &arena, &pins, err) < 0)
		return -1;
	const struct value *old = value_dict_get(pins, model);
	if (check_pin(e, old, model, version, err) < 0)
		return -1;
	const struct value is = {
		.kind = VALUE_DATE, .text = version, .len = version ? strlen(version) : 0};
	const struct yaml_change change = {
		.path = keys,
		.kind = version ? YAML_SET : YAML_REMOVE,
		.value = version ? &is : NULL,
		.quotes = old ? 0 : quotes_of_pins(e, pins),
	};
	if (make_text(e, &change, 1, err) < 0)
		return err_wrap(err, "cannot %s %s", version ? "pin" : "unpin", model);
	return 0;
}

/* ---- writing ---- */

static int changed_meanwhile(const struct registry_edit *e, struct err *err)
{
	return err_set(err, ERR_BUSY,
		"%s was changed by somebody else meanwhile, and was left alone; look at it and "
		"try again",
		e->path);
}

/* The file holds this text, or (NULL) is not there. */
static int check_text(const struct registry_edit *e, const struct strbuf *text, struct err *err)
{
	AUTO(strbuf_release) struct strbuf now = STRBUF_INIT;
	struct stat st;

	if (!text)
		return lstat(e->path, &st) < 0 && errno == ENOENT ? 0
								  : changed_meanwhile(e, err);
	if (file_read(e->path, YAML_MAX_BYTES, &now, err) < 0)
		return -1;
	if (now.len != text->len || memcmp(now.data, text->data, now.len) != 0)
		return changed_meanwhile(e, err);
	return 0;
}

int registry_edit_write(const struct registry_edit *e, struct err *err)
{
	if (check_text(e, e->absent ? NULL : &e->before, err) < 0)
		return -1;
	if (e->made && path_mkdirs(e->made, 0777, err) < 0)
		return -1;
	return file_replace_keeping(e->path, e->after.data, e->after.len, 0644, err);
}

int registry_edit_undo(const struct registry_edit *e, struct err *err)
{
	autofree char *dir = path_dirname(e->path);

	if (check_text(e, &e->after, err) < 0)
		return -1;
	if (!e->absent)
		return file_replace_keeping(e->path, e->before.data, e->before.len, 0644, err);
	if (unlink(e->path) < 0)
		return err_sys(err, "cannot remove %s", e->path);
	if (e->made && rmdir(e->made) == 0)
		return 0;
	return dir_sync(dir, err);
}
