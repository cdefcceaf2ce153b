/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An edit is a replacement of bytes [start, end) by other text. How to make it depends on
 * what stands at the path; that it is right is not argued but tried: the new text is read,
 * and must be what the old text was with the one value changed. So whatever this file does
 * not foresee ends in a refusal, never in a damaged file.
 */
#include "value/yaml_edit.h"

#include "value/yaml_locate.h"
#include "value/yaml_text.h"

#define INDENT 2

struct editor {
	struct arena *arena;
	const char *text;
	size_t len;
	const char *file;
	const struct yaml_change *change;
	size_t path_len;
	struct yaml_spot spot;
	const struct value *old;      /* what the text says */
	const struct value *intended; /* the new value; NULL for a removal */
	size_t start, end;            /* the bytes to replace */
	struct strbuf replacement;
	struct err *err;
};

static int fail(struct editor *e, enum err_code code, const char *what, const char *remedy)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct place file = {.file = e->file};

	place_format(e->spot.place.line ? &e->spot.place : &file, &text);
	for (size_t i = 0; i < e->path_len; i++)
		strbuf_addf(&text, "%s%s", i ? "." : "", e->change->path[i]);
	return err_set(e->err, code, "%s: %s%s%s", text.data, what, remedy ? "; " : "",
		remedy ? remedy : "");
}

static const char *line_end(const struct editor *e)
{
	const char *newline = memchr(e->text, '\n', e->len);

	return newline && newline > e->text && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* Behind the line that an offset lies in, its line break included. */
static size_t next_line(const struct editor *e, size_t at)
{
	if (at > 0 && e->text[at - 1] == '\n')
		return at; /* a block scalar ends where the next line begins */
	const char *newline = memchr(e->text + at, '\n', e->len - at);
	return newline ? (size_t)(newline - e->text) + 1 : e->len;
}

static size_t line_start(const struct editor *e, size_t at)
{
	while (at > 0 && e->text[at - 1] != '\n')
		at--;
	return at;
}

static void add_key(struct strbuf *out, const char *key)
{
	const struct value v = {.kind = VALUE_STRING, .text = key, .len = strlen(key)};

	yaml_add_scalar(out, &v, YAML_QUOTES_NONE);
	strbuf_addstr(out, ": ");
}

static void add_spaces(struct strbuf *out, size_t n)
{
	while (n--)
		strbuf_addch(out, ' ');
}

/*
 * The new value in quotes of the old one, or else in those that are wished for. A date in
 * quotes is a string.
 */
static void add_value(struct editor *e, enum yaml_quotes quotes)
{
	if (quotes == YAML_QUOTES_NONE && e->change->quotes)
		quotes = e->change->quotes == '"' ? YAML_QUOTES_DOUBLE : YAML_QUOTES_SINGLE;
	yaml_add_scalar(&e->replacement, e->change->value, quotes);
	if (quotes != YAML_QUOTES_NONE && e->change->value->kind == VALUE_DATE)
		e->intended = value_new_stringn(
			e->arena, e->change->value->text, e->change->value->len);
}

/* The keys from `from` on, and the value, as lines of a block mapping without the last break.
 */
static void add_block(struct editor *e, size_t from, size_t column)
{
	for (size_t i = from; i < e->path_len; i++, column += INDENT) {
		add_spaces(&e->replacement, column);
		add_key(&e->replacement, e->change->path[i]);
		if (i + 1 == e->path_len)
			break;
		strbuf_truncate(&e->replacement, e->replacement.len - 1);
		strbuf_addstr(&e->replacement, line_end(e));
	}
	add_value(e, YAML_QUOTES_NONE);
}

/* The same as "key: {key: value}". */
static void add_flow(struct editor *e, size_t from)
{
	for (size_t i = from; i < e->path_len; i++) {
		strbuf_addstr(&e->replacement, i > from ? "{" : "");
		add_key(&e->replacement, e->change->path[i]);
	}
	add_value(e, YAML_QUOTES_NONE);
	for (size_t i = from + 1; i < e->path_len; i++)
		strbuf_addch(&e->replacement, '}');
}

/* Lines behind an offset. At the end of a file without a line break none is added. */
static void insert_lines(struct editor *e, size_t behind, size_t from, size_t column)
{
	e->start = e->end = next_line(e, behind);
	bool open = e->start > 0 && e->text[e->start - 1] != '\n';

	if (open)
		strbuf_addstr(&e->replacement, line_end(e));
	add_block(e, from, column);
	if (!open)
		strbuf_addstr(&e->replacement, line_end(e));
}

/* A value that is not written may stand right behind its colon or dash. */
static void add_missing_space(struct editor *e)
{
	if (e->start == e->end && e->start > 0 && e->text[e->start - 1] != ' ')
		strbuf_addch(&e->replacement, ' ');
}

static int edit_missing(struct editor *e)
{
	const struct yaml_parent *parent = &e->spot.parent;

	if (!parent->flow) {
		insert_lines(e, parent->last_end, e->spot.found, parent->column);
		return 0;
	}
	e->start = e->end = parent->entries ? parent->last_end : parent->open;
	strbuf_addstr(&e->replacement, parent->entries ? ", " : "");
	add_flow(e, e->spot.found);
	return 0;
}

/* A mapping grows where a null stands: below the key, or in braces inside a flow mapping. */
static int edit_null(struct editor *e)
{
	const struct yaml_spot *s = &e->spot;

	if (!s->found) {
		insert_lines(e, e->len, 0, 0);
		return 0;
	}
	if (s->obstacle)
		return fail(
			e, ERR_UNSUPPORTED, "cannot be inserted: its mapping has", s->obstacle);
	e->start = s->start;
	e->end = s->end;
	if (s->in_flow) {
		add_missing_space(e);
		strbuf_addch(&e->replacement, '{');
		add_flow(e, s->found);
		strbuf_addch(&e->replacement, '}');
		return 0;
	}
	/* The rest of the line, which may be a comment, stays; a written null goes. */
	size_t rest = next_line(e, s->end);
	while (e->start > 0 && s->end > s->start && e->text[e->start - 1] == ' ')
		e->start--;
	strbuf_add(&e->replacement, e->text + s->end, rest - s->end);
	e->end = rest;
	bool open = e->text[rest - 1] != '\n';
	if (open)
		strbuf_addstr(&e->replacement, line_end(e));
	add_block(e, s->found, s->parent.column + INDENT);
	if (!open)
		strbuf_addstr(&e->replacement, line_end(e));
	return 0;
}

static int edit_scalar(struct editor *e)
{
	const struct yaml_spot *s = &e->spot;
	enum yaml_quotes quotes =
		s->style == YAML_SINGLE_QUOTED_SCALAR_STYLE   ? YAML_QUOTES_SINGLE
		: s->style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? YAML_QUOTES_DOUBLE
							      : YAML_QUOTES_NONE;

	if (s->obstacle) {
		autofree char *what =
			xasprintf("cannot be changed: the value has %s", s->obstacle);
		return fail(e, ERR_UNSUPPORTED, what, "edit it by hand");
	}
	e->start = s->start;
	e->end = s->end;
	add_missing_space(e);
	add_value(e, quotes);
	return 0;
}

/* Takes an entry's lines out. The only entry of a mapping takes its parent along. */
static int edit_remove(struct editor *e)
{
	const char *path[YAML_EDIT_MAX_PATH + 1];

	while (e->spot.parent.entries == 1 && e->path_len > 1) {
		e->path_len--;
		memcpy(path, e->change->path, e->path_len * sizeof(*path));
		path[e->path_len] = NULL;
		if (yaml_locate(e->arena, e->text, e->len, e->file, path, &e->spot, e->err) < 0)
			return -1;
	}
	const struct yaml_spot *s = &e->spot;
	if (!s->parent.entries || s->parent.flow)
		return fail(e, ERR_UNSUPPORTED, "only a key of a block mapping can be removed",
			"edit it by hand");
	e->start = line_start(e, s->key_start);
	e->end = next_line(e, s->end);
	for (size_t i = e->start; i < s->key_start; i++)
		if (e->text[i] != ' ')
			return fail(e, ERR_UNSUPPORTED,
				"cannot be removed: the key does not begin its line",
				"edit it by hand");
	return 0;
}

static int make_edit(struct editor *e)
{
	enum yaml_spot_kind kind = e->spot.kind;

	if (e->change->kind == YAML_REMOVE)
		return edit_remove(e);
	if (kind == YAML_SPOT_SCALAR)
		return edit_scalar(e);
	if (kind == YAML_SPOT_OTHER)
		return fail(e, ERR_UNSUPPORTED,
			"cannot be changed: it is an alias, list or mapping",
			"name a single value");
	if (e->change->kind == YAML_CHANGE)
		return fail(e, ERR_NOTFOUND, "no such key", NULL);
	if (kind == YAML_SPOT_MISSING)
		return edit_missing(e);
	if (kind == YAML_SPOT_NULL)
		return edit_null(e);
	insert_lines(e, e->len, 0, 0);
	return 0;
}

static bool same_key(const struct value *key, const char *text)
{
	char digits[24];

	if (key->kind == VALUE_INT) {
		snprintf(digits, sizeof(digits), "%lld", (long long)key->integer);
		return !strcmp(digits, text);
	}
	return value_is_textual(key) && !strcmp(key->text, text);
}

static const struct value *with_change(
	const struct editor *e, const struct value *v, size_t depth);

static const struct value *list_with_change(
	const struct editor *e, const struct value *v, size_t depth)
{
	struct value *copy = value_new_list(e->arena);
	int64_t index;

	if (!parse_int(e->change->path[depth], 0, INT32_MAX, &index))
		return v;
	for (size_t i = 0; i < v->count; i++)
		value_list_add(e->arena, copy,
			i == (size_t)index ? with_change(e, v->items[i], depth + 1)
					   : v->items[i]);
	return copy;
}

static const struct value *dict_with_change(
	const struct editor *e, const struct value *v, size_t depth)
{
	struct value *copy = value_new_dict(e->arena);
	const char *key = e->change->path[depth];
	bool last = depth + 1 == e->path_len, found = false;

	for (size_t i = 0; v->kind == VALUE_DICT && i < v->pair_count; i++) {
		const struct value_pair *p = &v->pairs[i];
		bool match = same_key(p->key, key);

		found = found || match;
		if (match && last && !e->intended)
			continue;
		value_dict_set_value(e->arena, copy, p->key,
			match ? with_change(e, p->value, depth + 1) : p->value);
	}
	if (!found && e->intended)
		value_dict_set(e->arena, copy, key, with_change(e, &value_null, depth + 1));
	return copy->pair_count ? copy : &value_null;
}

/* The value as it is meant to be afterwards. */
static const struct value *with_change(
	const struct editor *e, const struct value *v, size_t depth)
{
	if (depth == e->path_len)
		return e->intended;
	return v->kind == VALUE_LIST ? list_with_change(e, v, depth)
				     : dict_with_change(e, v, depth);
}

/* A version that is no real date may stand elsewhere in the file; it is not ours to judge. */
static const struct yaml_options reading_options = {.lenient_dates = true};

/* The new text, if it is read as intended. */
static int apply(struct editor *e, struct strbuf *out)
{
	struct err reading = {0};

	strbuf_add(out, e->text, e->start);
	strbuf_add(out, e->replacement.data, e->replacement.len);
	strbuf_add(out, e->text + e->end, e->len - e->end);
	const struct value *found = yaml_read(
		e->arena, out->data, out->len, e->file, &reading_options, NULL, &reading);
	if (!found)
		return fail(e, ERR_UNSUPPORTED, "cannot be changed safely here", reading.text);
	if (!value_equal(with_change(e, e->old, 0), found))
		return fail(e, ERR_UNSUPPORTED,
			"cannot be changed alone: the change would show elsewhere too",
			"edit it by hand");
	return 0;
}

static size_t path_length(const char *const *path)
{
	size_t n = 0;

	while (path[n])
		n++;
	return n;
}

static bool is_scalar(const struct value *v)
{
	AUTO(strbuf_release) struct strbuf ignored = STRBUF_INIT;

	return v && yaml_add_scalar(&ignored, v, YAML_QUOTES_NONE);
}

static int check_change(struct editor *e)
{
	if (!e->path_len || e->path_len > YAML_EDIT_MAX_PATH)
		return err_set(e->err, ERR_INPUT, "a path has 1 to %d keys, not %zu",
			YAML_EDIT_MAX_PATH, e->path_len);
	if (e->change->kind != YAML_REMOVE && !is_scalar(e->change->value))
		return fail(e, ERR_INPUT, "the new value is no scalar", NULL);
	return 0;
}

static int edit_one(struct editor *e, struct strbuf *out)
{
	e->path_len = path_length(e->change->path);
	e->intended = e->change->kind == YAML_REMOVE ? NULL : e->change->value;
	if (check_change(e) < 0)
		return -1;
	e->old = yaml_read(e->arena, e->text, e->len, e->file, &reading_options, NULL, e->err);
	if (!e->old || yaml_locate(e->arena, e->text, e->len, e->file, e->change->path,
			       &e->spot, e->err) < 0)
		return -1;
	bool absent = e->spot.kind != YAML_SPOT_SCALAR && e->spot.kind != YAML_SPOT_OTHER;
	if (e->change->kind == YAML_REMOVE && absent) {
		strbuf_add(out, e->text, e->len);
		return 0;
	}
	return make_edit(e) < 0 ? -1 : apply(e, out);
}

int yaml_edit(const char *text, size_t len, const char *file, const struct yaml_change *changes,
	size_t count, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf current = STRBUF_INIT;

	if (count > YAML_EDIT_MAX_CHANGES)
		return err_set(err, ERR_LIMIT, "%zu changes at once; the limit is %d", count,
			YAML_EDIT_MAX_CHANGES);
	strbuf_add(&current, text, len);
	for (size_t i = 0; i < count; i++) {
		AUTO(arena_release) struct arena arena = {0};
		AUTO(strbuf_release) struct strbuf next = STRBUF_INIT;
		struct editor e = {.arena = &arena,
			.text = current.data,
			.len = current.len,
			.file = file,
			.change = &changes[i],
			.replacement = STRBUF_INIT,
			.err = err};

		int rc = edit_one(&e, &next);
		strbuf_release(&e.replacement);
		if (rc < 0)
			return -1;
		strbuf_clear(&current);
		strbuf_add(&current, next.data, next.len);
	}
	strbuf_add(out, current.data, current.len);
	return 0;
}
