/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find: files of the node that answer a description.
 *
 * The node walks its directories and applies what needs no regular expression. Patterns of
 * names (`use_regex`) are applied here to what it tells. For `contains` the files have to come
 * here; so that few do, the node looks first for a text that every match must hold.
 */
#include <ctype.h>
#include <sys/stat.h>

#include "base/mode.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/remote.h"
#include "play/runner.h"
#include "text/regex.h"

#define FILES_MAX   100000u
#define LITERAL_MAX 4096

static const char *const paths_aliases[] = {"name", "path", NULL};
static const char *const patterns_aliases[] = {"pattern", NULL};
static const char *const excludes_aliases[] = {"exclude", NULL};
static const char *const types[] = {"any", "directory", "file", "link", NULL};
static const char *const stamps[] = {"atime", "ctime", "mtime", NULL};

static const struct argument arguments[] = {
	{.name = "paths", .type = ARGUMENT_LIST, .required = true, .aliases = paths_aliases},
	{.name = "patterns", .type = ARGUMENT_LIST, .aliases = patterns_aliases},
	{.name = "excludes", .type = ARGUMENT_LIST, .aliases = excludes_aliases},
	{.name = "contains"},
	{.name = "read_whole_file", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "file_type", .fallback = "file", .choices = types},
	{.name = "age"},
	{.name = "age_stamp", .fallback = "mtime", .choices = stamps},
	{.name = "size"},
	{.name = "recurse", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "hidden", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "get_checksum", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "use_regex", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "depth", .type = ARGUMENT_INT},
	{.name = "limit", .type = ARGUMENT_INT},
	{0},
};

/* What of a file the node tells, in this order. */
enum field {
	FIELD_PATH,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_SIZE,
	FIELD_INODE,
	FIELD_DEV,
	FIELD_NLINK,
	FIELD_ATIME,
	FIELD_MTIME,
	FIELD_CTIME,
	FIELD_USER,
	FIELD_GROUP,
	FIELD_CHECKSUM,
	FIELDS_MIN = FIELD_CHECKSUM
};

/* Patterns, compiled. */
struct patterns {
	struct regex *items[256];
	size_t count;
};

struct finding {
	struct module_call *call;
	struct patterns names, excluded;
	struct regex *contains;
	const char *type, *literal;
	bool whole;
	size_t limit; /* 0: none */
	struct value *files;
};

static void patterns_release(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		regex_free(p->items[i]);
	p->count = 0;
}

static void finding_release(struct finding *f)
{
	patterns_release(&f->names);
	patterns_release(&f->excluded);
	regex_free(f->contains);
}

/* ---- numbers with units ---- */

struct unit {
	char letter;
	int64_t factor;
};

static const struct unit age_units[] = {
	{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {0, 1}};
static const struct unit size_units[] = {{'b', 1}, {'k', 1 << 10}, {'m', 1 << 20},
	{'g', 1 << 30}, {'t', (int64_t)1 << 40}, {0, 1}};

/* "10", "-10", "10k": false when it is none of these. */
static bool read_number(const char *text, const struct unit *units, int64_t *out)
{
	size_t len = strlen(text);
	char letter = len ? (char)tolower((unsigned char)text[len - 1]) : 0;
	const struct unit *u = units;

	while (u->letter && u->letter != letter)
		u++;
	autofree char *digits = xstrndup(text, len - (u->letter != 0));
	if (!isdigit((unsigned char)digits[*digits == '-']) ||
		!parse_int(digits, -(INT64_MAX / u->factor), INT64_MAX / u->factor, out))
		return false;
	*out *= u->factor;
	return true;
}

static int add_number(struct module_call *c, struct value *args, const char *name,
	const struct unit *units, struct err *err)
{
	const char *text = argument_text(c, name);
	int64_t number;

	if (!text)
		return 0;
	if (!read_number(text, units, &number)) {
		call_set_text(c, name, text);
		return err_set(err, ERR_INPUT, "failed to process %s", name);
	}
	value_dict_set(c->arena, args, name, value_new_int(c->arena, number));
	return 0;
}

/* ---- a text that a match must hold ---- */

/* A run of plain characters in a pattern, and the longest one so far. */
struct plain {
	struct strbuf now, best;
};

static void plain_end(struct plain *r)
{
	if (r->now.len > r->best.len) {
		strbuf_clear(&r->best);
		strbuf_add(&r->best, r->now.data, r->now.len);
	}
	strbuf_clear(&r->now);
}

static void plain_release(struct plain *r)
{
	strbuf_release(&r->now);
	strbuf_release(&r->best);
}

/* Behind a class in brackets; NULL when it has no end. */
static const char *skip_class(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : NULL;
}

/* Reads the next part of a pattern; returns what is behind it, or NULL for a broken one. */
static const char *next_part(struct plain *r, const char *p)
{
	bool escape = *p == '\\';
	char c = escape ? p[1] : *p;

	if (escape ? ispunct((unsigned char)c)
		   : (unsigned char)c < 0x80 && !strchr("[*?{+.^$", c)) {
		strbuf_addch(&r->now, c);
		return p + 1 + escape;
	}
	/* What may be repeated may be missing: the character in front of it. */
	if (!escape && strchr("*?{", c) && r->now.len > 0)
		strbuf_truncate(&r->now, r->now.len - 1);
	plain_end(r);
	if (escape)
		return c ? p + 2 : NULL;
	if (c == '[')
		return skip_class(p);
	if (c == '{' && !(p = strchr(p, '}')))
		return NULL;
	return p + 1;
}

/*
 * The longest text that stands in every match of a pattern, as far as that is seen at a glance:
 * NULL for a pattern with groups, alternatives or nothing plain in it.
 */
static const char *required_text(struct arena *a, const char *p)
{
	AUTO(plain_release) struct plain r = {STRBUF_INIT, STRBUF_INIT};

	if (strpbrk(p, "()|"))
		return NULL;
	while (p && *p)
		p = next_part(&r, p);
	plain_end(&r);
	return p && r.best.len > 0 && r.best.len < LITERAL_MAX ? arena_strdup(a, r.best.data)
							       : NULL;
}

/* ---- what is asked ---- */

static int compile(struct patterns *p, const struct value *list, struct err *err)
{
	if (!list || list->kind != VALUE_LIST)
		return 0;
	if (list->count > ARRAY_SIZE(p->items))
		return err_set(err, ERR_LIMIT, "%zu patterns; at most %zu", list->count,
			ARRAY_SIZE(p->items));
	value_list_foreach (v, list) {
		const char *text = value_text(v);
		struct regex *re = text ? regex_compile(text, strlen(text), 0, err) : NULL;
		if (!re)
			return err_wrap(err, "patterns");
		p->items[p->count++] = re;
	}
	return 0;
}

static int read_finding(struct finding *f, struct module_call *c, struct err *err)
{
	const char *contains = argument_text(c, "contains");
	double limit = argument_number(c, "limit", 0);

	*f = (struct finding){.call = c,
		.type = argument_text(c, "file_type"),
		.whole = argument_bool(c, "read_whole_file"),
		.limit = limit > 0 ? (size_t)limit : 0,
		.files = value_new_list(c->arena)};
	if (argument_bool(c, "use_regex") &&
		(compile(&f->names, argument_value(c, "patterns"), err) < 0 ||
			compile(&f->excluded, argument_value(c, "excludes"), err) < 0))
		return -1;
	if (!contains || strcmp(f->type, "file") != 0)
		return 0;
	f->literal = required_text(c->arena, contains);
	f->contains = regex_compile(contains, strlen(contains), 0, err);
	return f->contains ? 0 : err_wrap(err, "contains");
}

static struct value *arguments_for(struct finding *f, struct err *err)
{
	static const char *const always[] = {"paths", "file_type", "age_stamp", "recurse",
		"hidden", "follow", "depth", NULL};
	static const char *const globs[] = {"patterns", "excludes", NULL};
	struct module_call *c = f->call;
	struct value *args = forward_arguments(c, always);

	if (!argument_bool(c, "use_regex"))
		forward_into(c, args, globs);
	if (f->literal)
		value_dict_set(
			c->arena, args, "literal", value_new_string(c->arena, f->literal));
	value_dict_set(
		c->arena, args, "checksum", value_bool(argument_bool(c, "get_checksum")));
	if (add_number(c, args, "age", age_units, err) < 0 ||
		add_number(c, args, "size", size_units, err) < 0)
		return NULL;
	return args;
}

/* ---- what the node cannot tell ---- */

/* 1 when a name is matched from its beginning by one of the patterns. */
static int matches_any(const struct patterns *p, const char *name, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->count; i++)
		rc = regex_exec(p->items[i], REGEX_MATCH, name, strlen(name), 0, NULL, err);
	return rc;
}

static int name_fits(const struct finding *f, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int wanted = f->names.count ? matches_any(&f->names, name, err) : 1;

	if (wanted <= 0 || !f->excluded.count)
		return wanted;
	int excluded = matches_any(&f->excluded, name, err);
	return excluded < 0 ? -1 : !excluded;
}

static bool is_utf8(const struct strbuf *text)
{
	for (size_t i = 0; i < text->len;) {
		size_t n = utf8_len(text->data + i, text->len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* The lines of a text, each from its beginning. */
static int line_matches(const struct finding *f, const struct strbuf *text, struct err *err)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < text->len) {
		const char *line = text->data + at;
		const char *end = memchr(line, '\n', text->len - at);
		size_t len = end ? (size_t)(end - line) + 1 : text->len - at;
		rc = regex_exec(f->contains, REGEX_MATCH, line, len, 0, NULL, err);
		at += len;
	}
	return rc;
}

/* Whether a file holds what `contains` says. What cannot be read, or is no text, does not. */
static int content_fits(const struct finding *f, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};

	if (!f->contains)
		return 1;
	if (remote_text(f->call, path, &text, &why) < 0) {
		if (why.code != ERR_UNREACHABLE && why.code != ERR_CANCELLED)
			return 0;
		return err_set(err, why.code, "%s", why.text);
	}
	if (!is_utf8(&text))
		return 0;
	if (!f->whole)
		return line_matches(f, &text, err);
	return regex_exec(f->contains, REGEX_SEARCH, text.data, text.len, 0, NULL, err);
}

/* ---- what is told ---- */

static void set_types(struct arena *a, struct value *file, mode_t mode)
{
	value_dict_set(a, file, "mode", value_new_stringf(a, "%04o", (unsigned)mode & 07777));
	for (const struct mode_key *k = mode_keys; k->name; k++)
		value_dict_set(a, file, k->name, value_bool((mode & k->mask) == k->value));
}

static struct value *file_of(struct arena *a, const struct value *told, mode_t mode)
{
	static const struct {
		const char *key;
		enum field field;
	} keys[] = {{"uid", FIELD_UID}, {"gid", FIELD_GID}, {"size", FIELD_SIZE},
		{"inode", FIELD_INODE}, {"dev", FIELD_DEV}, {"nlink", FIELD_NLINK},
		{"atime", FIELD_ATIME}, {"mtime", FIELD_MTIME}, {"ctime", FIELD_CTIME},
		{"gr_name", FIELD_GROUP}, {"pw_name", FIELD_USER}};
	struct value *file = value_new_dict(a);

	value_dict_set(a, file, "path", told->items[FIELD_PATH]);
	set_types(a, file, mode);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		value_dict_set(a, file, keys[i].key, told->items[keys[i].field]);
	if (told->count > FIELD_CHECKSUM)
		value_dict_set(a, file, "checksum", told->items[FIELD_CHECKSUM]);
	return file;
}

/* Takes one file of the node's answer, if it fits. */
static int take(struct finding *f, const struct value *told, struct err *err)
{
	if (told->kind != VALUE_LIST || told->count < FIELDS_MIN ||
		told->items[FIELD_MODE]->kind != VALUE_INT || !value_text(told->items[0]))
		return err_set(err, ERR_PROTOCOL, "find: a file of the node's answer is wrong");
	const char *path = value_text(told->items[FIELD_PATH]);
	int fits = name_fits(f, path, err);
	if (fits > 0)
		fits = content_fits(f, path, err);
	if (fits <= 0)
		return fits;
	if (f->files->count >= FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u files were found", FILES_MAX);
	value_list_add(f->call->arena, f->files,
		file_of(f->call->arena, told, (mode_t)told->items[FIELD_MODE]->integer));
	return 0;
}

static bool is_full(const struct finding *f)
{
	return f->limit && f->files->count >= f->limit;
}

/* One answer of the node: 1 when there is more behind it. */
static int take_answer(
	struct finding *f, const struct value *answer, int64_t *told, struct err *err)
{
	const struct value *files = value_dict_get(answer, "files");
	const struct value *more = value_dict_get(answer, "more");

	if (!files || files->kind != VALUE_LIST)
		return err_set(err, ERR_PROTOCOL, "find: the node's answer has no files");
	for (size_t i = 0; i < files->count && !is_full(f); i++)
		if (take(f, files->items[i], err) < 0)
			return -1;
	*told += (int64_t)files->count;
	return more && value_truthy(more) && !is_full(f);
}

static void tell(struct finding *f, const struct value *answer)
{
	struct module_call *c = f->call;
	const struct value *skipped = value_dict_get(answer, "skipped_paths");
	struct value *warnings = value_new_list(c->arena);

	call_set_bool(c, "changed", false);
	call_set(c, "files", f->files);
	call_set_int(c, "matched", (int64_t)f->files->count);
	call_set(c, "examined", value_dict_get(answer, "examined"));
	call_set(c, "skipped_paths", skipped);
	value_dict_foreach (p, skipped)
		value_list_add(c->arena, warnings,
			value_new_stringf(c->arena,
				"Skipped '%s' path due to this access issue: %s\n",
				p->key->text, value_text(p->value)));
	call_set_text(c, "msg",
		warnings->count ? "Not all paths examined, check warnings for details"
				: "All paths examined");
	if (warnings->count)
		call_set(c, "warnings", warnings);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(finding_release) struct finding f = {0};
	const struct value *answer;
	int64_t told = 0;
	int more;

	if (read_finding(&f, c, err) < 0)
		return -1;
	struct value *args = arguments_for(&f, err);
	if (!args)
		return -1;
	do {
		value_dict_set(c->arena, args, "skip", value_new_int(c->arena, told));
		answer = runner_ask_node(c, "find", args, err);
		more = answer ? take_answer(&f, answer, &told, err) : -1;
	} while (more > 0);
	if (more < 0)
		return -1;
	tell(&f, answer);
	return 0;
}

const struct module module_find_files = {
	.name = "find",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
