/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups that read files and run programs, all through the context's callbacks, and
 * `sequence`. What they bring in is text, never a template.
 */
#include <glob.h>

#include "base/path.h"
#include "template/access.h"
#include "template/args.h"
#include "template/lookup.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"

#define FILE_MAX ((size_t)16 << 20)

/* The callbacks, if there are any; NULL with err. */
static const struct template_files *files_of(struct args *a, struct err *err)
{
	const struct template_files *files = a->ev->ctx->files;

	if (files && files->find && files->read)
		return files;
	err_set(err, ERR_UNSUPPORTED, "%s: no files can be read here", a->callee->name);
	return NULL;
}

static char *find(struct args *a, const char *kind, const struct value *term, struct err *err)
{
	const struct template_files *files = files_of(a, err);
	const struct value *name = files ? repr_string(a->ev, term, err) : NULL;

	return name ? files->find(a->ev->ctx->files_data, kind, name->text, err) : NULL;
}

static const struct value *lookup_file(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *left = lookup_option(a, "lstrip");
	const struct value *right = value_dict_get(a->named, "rstrip");
	unsigned ends = (left && value_truthy(left) ? ENDS_LEFT : 0u) |
			(!right || value_truthy(right) ? ENDS_RIGHT : 0u);

	for (size_t i = 0; i < a->rest->count; i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		autofree char *path = find(a, "files", a->rest->items[i], err);
		if (!path || a->ev->ctx->files->read(
				     a->ev->ctx->files_data, path, FILE_MAX, &text, err) < 0)
			return NULL;
		const char *s = text.data;
		size_t n = text.len;
		text_strip(&s, &n, NULL, (enum text_ends)ends);
		value_list_add(a->ev->arena, out, new_textn(a->ev, s, n));
	}
	return out;
}

static int run_program(
	struct args *a, const struct value *term, struct strbuf *out, struct err *err)
{
	const struct template_files *files = a->ev->ctx->files;
	const struct value *command = repr_string(a->ev, term, err);

	if (!command)
		return -1;
	if (!files || !files->run)
		return err_set(err, ERR_UNSUPPORTED, "%s: no programs can be run here",
			a->callee->name);
	return files->run(a->ev->ctx->files_data, command->text, FILE_MAX, out, err);
}

static const struct value *lookup_pipe(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		if (run_program(a, a->rest->items[i], &text, err) < 0)
			return NULL;
		strbuf_rtrim(&text);
		value_list_add(a->ev->arena, out, new_textn(a->ev, text.data, text.len));
	}
	return out;
}

static const struct value *lookup_lines(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		if (run_program(a, a->rest->items[i], &text, err) < 0)
			return NULL;
		const struct value *lines =
			text_lines(a->ev, new_textn(a->ev, text.data, text.len), false);
		for (size_t j = 0; j < lines->count; j++)
			value_list_add(a->ev->arena, out, lines->items[j]);
	}
	return out;
}

/* The syntax of lookup('template', ...): a file's, with the delimiters that are given. */
static const struct template_syntax *template_options(struct args *a)
{
	static const struct {
		const char *name;
		size_t offset;
	} texts[] = {
		{"variable_start_string", offsetof(struct template_syntax, variable_start)},
		{"variable_end_string", offsetof(struct template_syntax, variable_end)},
		{"comment_start_string", offsetof(struct template_syntax, comment_start)},
		{"comment_end_string", offsetof(struct template_syntax, comment_end)},
	};
	struct template_syntax *own = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct value *v = lookup_option(a, texts[i].name);
		const char *text = v ? value_text(v) : NULL;
		if (!text || !*text)
			continue;
		if (!own)
			own = arena_memdup(a->ev->arena, &template_syntax_file, sizeof(*own));
		memcpy((char *)own + texts[i].offset, &text, sizeof(text));
	}
	const struct value *trim = value_dict_get(a->named, "trim_blocks");
	if (trim && !value_truthy(trim)) {
		if (!own)
			own = arena_memdup(a->ev->arena, &template_syntax_file, sizeof(*own));
		own->trim_blocks = false;
	}
	return own ? own : &template_syntax_file;
}

static const struct value *render_file(
	struct args *a, const struct value *term, struct err *err)
{
	AUTO(strbuf_release) struct strbuf source = STRBUF_INIT;
	autofree char *path = find(a, "templates", term, err);
	const struct template_context *ctx = a->ev->ctx;
	const struct template_syntax *syntax = template_options(a);

	if (!path ||
		ctx->files->read(ctx->files_data, path, TEMPLATE_MAX_SOURCE, &source, err) < 0)
		return NULL;
	struct place at = {.file = arena_strdup(a->ev->arena, path), .line = 1, .column = 1};
	/* A syntax of its own lives in the arena, so it cannot be a key of the cache. */
	const struct template *t =
		syntax == &template_syntax_file
			? eval_compiled(a->ev, source.data, source.len, &at, syntax, err)
			: template_compile(
				  a->ev->arena, source.data, source.len, &at, syntax, err);
	if (!t)
		return NULL;
	return eval_other(a->ev, t, lookup_option(a, "template_vars"), err);
}

static const struct value *lookup_template(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *v = render_file(a, a->rest->items[i], err);
		if (!v)
			return NULL;
		value_list_add(a->ev->arena, out, v);
	}
	return out;
}

/* Adds the names in a text or list, texts cut at separators. */
static int split_names(struct args *a, const struct value *v, const char *separators,
	struct strlist *out, struct err *err)
{
	if (value_is_string(v)) {
		strlist_split(out, v->text, separators);
		return 0;
	}
	if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE) {
		args_fail(a, err, "a string or a list is needed, not '%s'", type_name(v));
		return -1;
	}
	for (size_t i = 0; i < v->count; i++) {
		const struct value *item = list_item(a->ev, v, i, err);
		if (!item || !need_defined(a->ev, item, err) ||
			split_names(a, item, separators, out, err) < 0)
			return -1;
	}
	return 0;
}

static int search_names(struct args *a, const struct value *files, const struct value *paths,
	struct strlist *out, struct err *err)
{
	struct strlist names = {0};
	struct strlist dirs = {0};
	int rc = split_names(a, files, ",;", &names, err);

	if (rc == 0 && paths)
		rc = split_names(a, paths, ",:;", &dirs, err);
	for (size_t i = 0; rc == 0 && i < (dirs.count ? dirs.count : 1); i++) {
		for (size_t j = 0; j < names.count; j++) {
			autofree char *joined =
				path_join(dirs.count ? dirs.items[i] : "", names.items[j]);
			strlist_add(out, joined);
		}
	}
	strlist_release(&names);
	strlist_release(&dirs);
	return rc;
}

static int first_found_terms(
	struct args *a, const struct value *terms, struct strlist *out, struct err *err)
{
	for (size_t i = 0; i < terms->count; i++) {
		const struct value *term = list_item(a->ev, terms, i, err);
		int rc;
		if (!term || !need_defined(a->ev, term, err))
			return -1;
		if (term->kind == VALUE_LIST || term->kind == VALUE_TUPLE) {
			rc = first_found_terms(a, term, out, err);
		} else if (term->kind == VALUE_DICT) {
			const struct value *files = dict_lookup(a->ev, term, "files", err);
			const struct value *paths =
				err->code ? NULL : dict_lookup(a->ev, term, "paths", err);
			if (err->code)
				return -1;
			rc = files ? search_names(a, files, paths, out, err) : 0;
		} else {
			rc = search_names(a, term, lookup_option(a, "paths"), out, err);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool skips(struct args *a)
{
	const struct value *skip = lookup_option(a, "skip");

	for (size_t i = 0; !skip && i < a->rest->count; i++)
		skip = value_dict_get(a->rest->items[i], "skip");
	return skip && value_truthy(skip);
}

static const struct value *lookup_first_found(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *files = lookup_option(a, "files");
	struct strlist names = {0};
	bool found = false;
	int rc;

	if (!files_of(a, err))
		return NULL;
	if (a->rest->count == 0 && files)
		rc = search_names(a, files, lookup_option(a, "paths"), &names, err);
	else
		rc = first_found_terms(a, a->rest, &names, err);
	for (size_t i = 0; rc == 0 && !found && i < names.count; i++) {
		struct err ignored = {0};
		autofree char *path = a->ev->ctx->files->find(
			a->ev->ctx->files_data, "files", names.items[i], &ignored);
		found = path != NULL;
		if (found)
			value_list_add(a->ev->arena, out, value_new_string(a->ev->arena, path));
	}
	strlist_release(&names);
	if (rc < 0)
		return NULL;
	if (!found && !skips(a))
		return args_fail(a, err, "no file was found");
	return out;
}

static void add_matches(struct args *a, const char *pattern, struct value *out)
{
	glob_t matches = {0};

	if (glob(pattern, 0, NULL, &matches) == 0) {
		for (size_t i = 0; i < matches.gl_pathc; i++) {
			if (path_exists(matches.gl_pathv[i]) &&
				!path_is_dir(matches.gl_pathv[i]))
				value_list_add(a->ev->arena, out,
					value_new_string(a->ev->arena, matches.gl_pathv[i]));
		}
	}
	globfree(&matches);
}

static const struct value *lookup_fileglob(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *term = repr_string(a->ev, a->rest->items[i], err);
		if (!term)
			return NULL;
		autofree char *dir = path_dirname(term->text);
		struct err ignored = {0};
		const struct value *name = value_new_string(a->ev->arena, dir);
		autofree char *found = find(a, "files", name, &ignored);
		autofree char *pattern =
			path_join(found ? found : dir, path_basename(term->text));
		add_matches(a, pattern, out);
	}
	return out;
}

static const struct value *filter_fileglob(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *pattern = self_text(a, err);

	if (!pattern)
		return NULL;
	add_matches(a, pattern->text, out);
	return out;
}

/* What `sequence` counts. */
struct sequence {
	int64_t start, end, stride, count;
	bool has_end, has_count;
	const char *format;
};

static int read_sequence_number(struct args *a, const char *text, int64_t *out, struct err *err)
{
	char *end;

	*out = strtoll(text, &end, 0);
	if (end != text && *end == '\0')
		return 0;
	args_fail(a, err, "can't parse '%.60s' as an integer", text);
	return -1;
}

static int set_sequence(
	struct args *a, struct sequence *s, const char *name, const char *text, struct err *err)
{
	if (strcmp(name, "format") == 0) {
		s->format = text;
		return 0;
	}
	int64_t *target = strcmp(name, "start") == 0    ? &s->start
			  : strcmp(name, "end") == 0    ? &s->end
			  : strcmp(name, "stride") == 0 ? &s->stride
			  : strcmp(name, "count") == 0  ? &s->count
							: NULL;
	if (!target) {
		args_fail(a, err, "unknown argument '%.60s'", name);
		return -1;
	}
	s->has_end |= target == &s->end;
	s->has_count |= target == &s->count;
	return read_sequence_number(a, text, target, err);
}

/* [start-]end[/stride][:format] */
static int read_shortcut(struct args *a, struct sequence *s, char *text, struct err *err)
{
	char *colon = strchr(text, ':');
	if (colon) {
		*colon = '\0';
		s->format = arena_strdup(a->ev->arena, colon + 1);
	}
	char *slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (set_sequence(a, s, "stride", slash + 1, err) < 0)
			return -1;
	}
	char *dash = *text ? strchr(text + 1, '-') : NULL;
	if (dash) {
		*dash = '\0';
		if (set_sequence(a, s, "start", text, err) < 0)
			return -1;
		text = dash + 1;
	}
	return set_sequence(a, s, "end", text, err);
}

static int read_sequence(
	struct args *a, struct sequence *s, const struct value *term, struct err *err)
{
	for (size_t i = 0; i < a->named->pair_count; i++) {
		const struct value *v = repr_string(a->ev, a->named->pairs[i].value, err);
		if (!v || set_sequence(a, s, a->named->pairs[i].key->text, v->text, err) < 0)
			return -1;
	}
	if (!strchr(term->text, '=')) {
		autofree char *text = xstrndup(term->text, term->len);
		return term->len ? read_shortcut(a, s, text, err) : 0;
	}
	const struct value *words = text_split(a->ev, term, NULL, -1);
	for (size_t i = 0; i < words->count; i++) {
		char *word = arena_strdup(a->ev->arena, words->items[i]->text);
		char *equals = strchr(word, '=');
		if (!equals) {
			args_fail(a, err, "expected name=value, found '%.60s'", word);
			return -1;
		}
		*equals = '\0';
		if (set_sequence(a, s, word, equals + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* 1 if there is something to count, 0 if not, -1 with err. */
static int check_sequence(struct args *a, struct sequence *s, struct err *err)
{
	const char *percent = strchr(s->format, '%');

	if (s->has_end == s->has_count) {
		args_fail(a, err, "either count or end must be given");
		return -1;
	}
	if (s->has_count) {
		if (s->count == 0)
			return 0;
		s->end = s->start + s->count * s->stride - 1;
	}
	if ((s->stride > 0 && s->end < s->start) || (s->stride < 0 && s->end > s->start)) {
		args_fail(a, err,
			"counting in this direction, %lld does not lead from %lld to %lld",
			(long long)s->stride, (long long)s->start, (long long)s->end);
		return -1;
	}
	if (s->stride == 0)
		return 0;
	if (!percent || strchr(percent + 1, '%')) {
		args_fail(a, err, "the format must have one %%: %.60s", s->format);
		return -1;
	}
	return 1;
}

static const struct value *lookup_sequence(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *none = new_textn(a->ev, "", 0);

	for (size_t i = 0; i < a->rest->count || (i == 0 && a->named->pair_count); i++) {
		struct sequence s = {.start = 1, .stride = 1, .format = "%d"};
		const struct value *term =
			i < a->rest->count ? repr_string(a->ev, a->rest->items[i], err) : none;
		int rc = term ? read_sequence(a, &s, term, err) : -1;
		if (rc == 0)
			rc = check_sequence(a, &s, err);
		if (rc < 0)
			return NULL;
		const struct value *format = value_new_string(a->ev->arena, s.format);
		for (int64_t n = s.start; rc && (s.stride > 0 ? n <= s.end : n >= s.end);
			n += s.stride) {
			const struct value *text =
				op_format(a->ev, format, value_new_int(a->ev->arena, n), err);
			if (!text || eval_step(a->ev, err) < 0)
				return NULL;
			value_list_add(a->ev->arena, out, text);
		}
	}
	return out;
}

static const struct callable entries[] = {
	{"file", lookup_file, "* **", 0},
	{"fileglob", lookup_fileglob, "* **", 0},
	{"first_found", lookup_first_found, "* **", CALL_UNDEFINED},
	{"lines", lookup_lines, "* **", 0},
	{"pipe", lookup_pipe, "* **", 0},
	{"sequence", lookup_sequence, "* **", 0},
	{"template", lookup_template, "* **", 0},
};

CALLABLES(lookups_files, entries);

static const struct callable filter_entries[] = {
	{"fileglob", filter_fileglob, NULL, 0},
};

CALLABLES(filters_files, filter_entries);
