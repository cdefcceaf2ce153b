/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters over paths, with the meaning of Python's os.path.
 */
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"

static const struct value *filter_basename(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);

	if (!path)
		return NULL;
	const char *slash = memrchr(path->text, '/', path->len);
	size_t from = slash ? (size_t)(slash + 1 - path->text) : 0;
	return new_textn(a->ev, path->text + from, path->len - from);
}

static const struct value *filter_dirname(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);

	if (!path)
		return NULL;
	const char *slash = memrchr(path->text, '/', path->len);
	size_t n = slash ? (size_t)(slash + 1 - path->text) : 0;
	if (strspn(path->text, "/") < n) {
		while (n > 0 && path->text[n - 1] == '/')
			n--;
	}
	return new_textn(a->ev, path->text, n);
}

/* os.path.join: an absolute part begins anew. */
static void join_part(struct strbuf *out, const struct value *part)
{
	if (part->len > 0 && part->text[0] == '/')
		strbuf_clear(out);
	else if (out->len > 0 && out->data[out->len - 1] != '/')
		strbuf_addch(out, '/');
	strbuf_add(out, part->text, part->len);
}

static const struct value *filter_path_join(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;

	if (value_is_string(a->self))
		return a->self;
	if (a->self->kind != VALUE_LIST && a->self->kind != VALUE_TUPLE)
		return args_fail(
			a, err, "a string or a list is needed, not '%s'", type_name(a->self));
	if (a->self->count == 0)
		return args_fail(a, err, "a list with at least one part is needed");
	for (size_t i = 0; i < a->self->count; i++) {
		const struct value *part = list_item(a->ev, a->self, i, err);
		if (!part || !need_defined(a->ev, part, err))
			return NULL;
		if (!value_is_string(part))
			return args_fail(
				a, err, "part %zu is '%s', not a string", i, type_name(part));
		if (i == 0)
			strbuf_add(&path, part->text, part->len);
		else
			join_part(&path, part);
	}
	return new_text(a->ev, &path, err);
}

static const struct value *filter_splitext(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);
	struct value *parts = value_new_list(a->ev->arena);

	if (!path)
		return NULL;
	const char *slash = memrchr(path->text, '/', path->len);
	size_t name = slash ? (size_t)(slash + 1 - path->text) : 0;
	while (name < path->len && path->text[name] == '.')
		name++;
	const char *dot = memrchr(path->text + name, '.', path->len - name);
	size_t at = dot ? (size_t)(dot - path->text) : path->len;
	parts->kind = VALUE_TUPLE;
	value_list_add(a->ev->arena, parts, new_textn(a->ev, path->text, at));
	value_list_add(a->ev->arena, parts, new_textn(a->ev, path->text + at, path->len - at));
	return parts;
}

/* os.path.normpath */
static void normalize(struct eval *ev, const struct value *path, struct strbuf *out)
{
	struct value slash = {.kind = VALUE_STRING, .text = "/", .len = 1};
	const struct value *parts = text_split(ev, path, &slash, -1);
	size_t leading = strspn(path->text, "/");
	struct strlist kept = {0};

	for (size_t i = 0; i < parts->count; i++) {
		const char *part = parts->items[i]->text;
		bool up = strcmp(part, "..") == 0;
		if (!*part || strcmp(part, ".") == 0)
			continue;
		if (up && kept.count && strcmp(kept.items[kept.count - 1], "..") != 0)
			free(kept.items[--kept.count]);
		else if (!up || leading == 0)
			strlist_add(&kept, part);
	}
	for (size_t i = 0; i < (leading == 2 ? 2 : leading > 0); i++)
		strbuf_addch(out, '/');
	for (size_t i = 0; i < kept.count; i++)
		strbuf_addf(out, "%s%s", i ? "/" : "", kept.items[i]);
	if (out->len == 0)
		strbuf_addch(out, '.');
	strlist_release(&kept);
}

static const struct value *filter_normpath(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *path = self_text(a, err);

	if (!path)
		return NULL;
	normalize(a->ev, path, &out);
	return new_text(a->ev, &out, err);
}

static const struct value *absolute(struct args *a, const struct value *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (path->text[0] != '/') {
		autofree char *cwd = getcwd(NULL, 0);
		strbuf_addf(&joined, "%s/", cwd ? cwd : "");
	}
	strbuf_add(&joined, path->text, path->len);
	normalize(a->ev, new_textn(a->ev, joined.data, joined.len), &out);
	return new_text(a->ev, &out, err);
}

static const struct value *filter_realpath(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);

	if (!path)
		return NULL;
	autofree char *real = realpath(path->text, NULL);
	return real ? value_new_string(a->ev->arena, real) : absolute(a, path, err);
}

static const struct value *filter_relpath(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *path = self_text(a, err);
	const struct value *start = path ? arg_string(a, 0, ".", err) : NULL;
	struct value slash = {.kind = VALUE_STRING, .text = "/", .len = 1};

	path = start ? absolute(a, path, err) : NULL;
	start = path ? absolute(a, start, err) : NULL;
	if (!start)
		return NULL;
	const struct value *to = text_split(a->ev, path, &slash, -1);
	const struct value *from = text_split(a->ev, start, &slash, -1);
	size_t same = 0;
	while (same < to->count && same < from->count &&
		strcmp(to->items[same]->text, from->items[same]->text) == 0)
		same++;
	for (size_t i = same; i < from->count; i++) {
		if (from->items[i]->len)
			strbuf_addf(&out, "%s..", out.len ? "/" : "");
	}
	for (size_t i = same; i < to->count; i++) {
		if (to->items[i]->len)
			strbuf_addf(&out, "%s%s", out.len ? "/" : "", to->items[i]->text);
	}
	if (out.len == 0)
		strbuf_addch(&out, '.');
	return new_text(a->ev, &out, err);
}

static const struct value *filter_expanduser(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);

	if (!path || path->text[0] != '~')
		return path;
	size_t n = strcspn(path->text, "/");
	const char *home = n == 1 ? getenv("HOME") : NULL;
	if (!home) {
		autofree char *user = xstrndup(path->text + 1, n - 1);
		struct passwd pw;
		struct passwd *found = NULL;
		char buffer[4096];
		if (n == 1)
			getpwuid_r(getuid(), &pw, buffer, sizeof(buffer), &found);
		else
			getpwnam_r(user, &pw, buffer, sizeof(buffer), &found);
		home = found ? arena_strdup(a->ev->arena, found->pw_dir) : NULL;
	}
	if (!home)
		return path;
	size_t len = strlen(home);
	while (len > 0 && home[len - 1] == '/')
		len--;
	return value_new_stringf(a->ev->arena, "%.*s%s", (int)len, home, path->text + n);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* $NAME and ${NAME}; what is not set stays. */
static const struct value *filter_expandvars(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *path = self_text(a, err);

	for (size_t i = 0; path && i < path->len;) {
		const char *s = path->text + i;
		bool braces = s[0] == '$' && s[1] == '{';
		size_t n = 0;
		const char *name = s + 1 + braces;
		if (braces)
			n = strcspn(name, "}");
		else
			while (is_word(name[n]))
				n++;
		if (s[0] != '$' || n == 0 || (braces && name[n] != '}')) {
			strbuf_addch(&out, path->text[i++]);
			continue;
		}
		autofree char *key = xstrndup(name, n);
		const char *value = getenv(key);
		size_t taken = 1 + n + 2 * (size_t)braces;
		if (value)
			strbuf_addstr(&out, value);
		else
			strbuf_add(&out, s, taken);
		i += taken;
	}
	return path ? new_text(a->ev, &out, err) : NULL;
}

static const struct value *filter_commonpath(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct value slash = {.kind = VALUE_STRING, .text = "/", .len = 1};
	struct value *all = value_new_list(a->ev->arena);
	const struct value *shared = NULL;
	size_t same = 0;

	if (a->self->kind != VALUE_LIST && a->self->kind != VALUE_TUPLE)
		return args_fail(a, err, "a list is needed, not '%s'", type_name(a->self));
	for (size_t i = 0; i < a->self->count; i++) {
		const struct value *path = list_item(a->ev, a->self, i, err);
		path = path ? repr_string(a->ev, path, err) : NULL;
		if (!path)
			return NULL;
		if (i > 0 && (path->text[0] == '/') != (a->self->items[0]->text[0] == '/'))
			return args_fail(a, err, "absolute and relative paths are mixed");
		struct value *parts = value_new_list(a->ev->arena);
		const struct value *split = text_split(a->ev, path, &slash, -1);
		for (size_t j = 0; j < split->count; j++) {
			if (split->items[j]->len && strcmp(split->items[j]->text, ".") != 0)
				value_list_add(a->ev->arena, parts, split->items[j]);
		}
		value_list_add(a->ev->arena, all, parts);
		size_t n = 0;
		while (shared && n < same && n < parts->count &&
			strcmp(shared->items[n]->text, parts->items[n]->text) == 0)
			n++;
		same = shared ? n : parts->count;
		shared = shared ? shared : parts;
	}
	if (!shared)
		return args_fail(a, err, "an empty list has no common path");
	if (a->self->items[0]->text[0] == '/')
		strbuf_addch(&out, '/');
	for (size_t i = 0; i < same; i++)
		strbuf_addf(&out, "%s%s", i ? "/" : "", shared->items[i]->text);
	return new_text(a->ev, &out, err);
}

static const struct callable entries[] = {
	{"basename", filter_basename, NULL, 0},
	{"commonpath", filter_commonpath, NULL, 0},
	{"dirname", filter_dirname, NULL, 0},
	{"expanduser", filter_expanduser, NULL, 0},
	{"expandvars", filter_expandvars, NULL, 0},
	{"normpath", filter_normpath, NULL, 0},
	{"path_join", filter_path_join, NULL, 0},
	{"realpath", filter_realpath, NULL, 0},
	{"relpath", filter_relpath, "start", 0},
	{"splitext", filter_splitext, NULL, 0},
};

CALLABLES(filters_path, entries);
