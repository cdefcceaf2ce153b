/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a playbook: texts, tags, variables; files and the chain of their imports. */
#include "base/path.h"
#include "inventory/datafile.h"
#include "play/convert.h"
#include "play/parse.h"

void *parse_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 4;
	void *grown = arena_array(a, *cap, size);
	if (count)
		memcpy(grown, items, count * size);
	return grown;
}

void parse_push_string(struct arena *a, struct strlist *l, const char *s)
{
	*PARSE_PUSH(a, l) = arena_strdup(a, s);
	*PARSE_PUSH(a, l) = NULL;
	l->count--;
}

const char *parse_text(struct parser *p, const struct value *v)
{
	if (v->kind == VALUE_NULL || v->kind == VALUE_LIST || v->kind == VALUE_DICT)
		return NULL;
	const struct value *text = value_to_text(p->arena, v);
	return text ? text->text : NULL;
}

static void add_tag(struct parser *p, struct strlist *to, const struct value *v)
{
	char found[FOUND_MAX];
	const char *text = value_is_string(v) || v->kind == VALUE_INT ? parse_text(p, v) : NULL;

	if (text)
		parse_push_string(p->arena, to, text);
	else
		diag_error(p->diags, &v->place, "tags: found %s, expected a word",
			found_text(v, found));
}

/* A tag as written: a template may give several. */
static void add_written_tag(
	struct parser *p, const struct target *t, struct strlist *to, const struct value *v)
{
	const struct value *tag = parse_rendered(p, "tags", v, t->play, t->step);

	if (tag && tag != v && tag->kind == VALUE_LIST)
		value_list_foreach (one, tag)
			add_tag(p, to, one);
	else if (tag)
		add_tag(p, to, tag);
}

void parse_add_tags(struct parser *p, const struct target *t, const struct value *v)
{
	struct strlist *to = t->step ? &t->step->tags : &t->play->tags;
	AUTO(strlist_release) struct strlist words = {0};
	char found[FOUND_MAX];

	if (v->kind == VALUE_LIST) {
		value_list_foreach (item, v)
			add_written_tag(p, t, to, item);
		return;
	}
	if (!value_is_string(v)) {
		diag_error(p->diags, &v->place,
			"tags: found %s, expected a list, or a text with commas",
			found_text(v, found));
		return;
	}
	strlist_split(&words, v->text, ",");
	for (size_t i = 0; i < words.count; i++)
		add_written_tag(p, t, to,
			parse_part(p->arena, v, words.items[i], strlen(words.items[i])));
}

static void add_vars(struct parser *p, struct value *to, const struct value *from)
{
	char found[FOUND_MAX];

	value_dict_foreach (pair, from) {
		if (value_is_string(pair->key) && variable_name_valid(pair->key->text))
			value_dict_set_value(p->arena, to, pair->key, pair->value);
		else
			diag_error(p->diags, &pair->key->place,
				"vars: %s can be no variable's name: letters, digits and "
				"\"_\", no digit first, no word of the language",
				found_text(pair->key, found));
	}
}

const struct value *parse_vars(struct parser *p, const struct value *v)
{
	const struct value *const one[] = {v};
	const struct value *const *parts = v->kind == VALUE_LIST ? v->items : one;
	size_t count = v->kind == VALUE_LIST ? v->count : 1;
	char found[FOUND_MAX];

	if (v->kind == VALUE_NULL)
		return NULL;
	struct value *all = value_new_dict(p->arena);
	all->place = v->place;
	for (size_t i = 0; i < count; i++) {
		if (parts[i]->kind == VALUE_DICT)
			add_vars(p, all, parts[i]);
		else
			diag_error(p->diags, &parts[i]->place,
				"vars: found %s, expected a mapping of names to values",
				found_text(parts[i], found));
	}
	return all;
}

/* The way round that comes back to a file: "a.yml -> b.yml -> a.yml". */
static void describe_cycle(
	const struct parse_file *f, const struct parse_file *back_to, struct strbuf *out)
{
	if (f != back_to)
		describe_cycle(f->outer, back_to, out);
	strbuf_addf(out, "%s -> ", f->path);
}

bool parse_deeper(struct parser *p, const struct place *at)
{
	if (p->depth < PLAYBOOK_MAX_DEPTH) {
		p->depth++;
		return true;
	}
	diag_error(p->diags, at, "imports and blocks are nested deeper than %d",
		PLAYBOOK_MAX_DEPTH);
	return false;
}

bool parse_enter(
	struct parser *p, struct parse_file *f, const char *path, const struct place *at)
{
	AUTO(strbuf_release) struct strbuf way = STRBUF_INIT;
	autofree char *directory = path_dirname(path);
	autofree char *resolved = realpath(path, NULL);
	const char *real = resolved ? resolved : path;

	for (const struct parse_file *o = p->file; o; o = o->outer)
		if (strcmp(o->real, real) == 0) {
			describe_cycle(p->file, o, &way);
			diag_error(p->diags, at, "the files import each other: %s%s", way.data,
				path);
			return false;
		}
	if (!parse_deeper(p, at))
		return false;
	*f = (struct parse_file){.path = arena_strdup(p->arena, path),
		.real = arena_strdup(p->arena, real),
		.directory = arena_strdup(p->arena, directory),
		.outer = p->file};
	p->file = f;
	return true;
}

void parse_leave(struct parser *p)
{
	p->file = p->file->outer;
	p->depth--;
}

void parse_report(struct parser *p, const struct place *at, const struct err *err)
{
	struct place place = *at;
	int taken = 0;

	if (at->file && str_starts(err->text, at->file))
		sscanf(err->text + strlen(at->file), ":%u:%u: %n", &place.line, &place.column,
			&taken);
	diag_error(p->diags, &place, "%s",
		err->text + (taken ? strlen(at->file) + (size_t)taken : 0));
}

const struct value *parse_source(
	struct parser *p, const char *text, size_t n, const char *name, const struct place *at)
{
	struct err err = {0};

	if (n > PLAYBOOK_MAX_BYTES) {
		diag_error(p->diags, at, "%s: larger than %u bytes", name, PLAYBOOK_MAX_BYTES);
		return NULL;
	}
	const struct value *v = datafile_parse(p->arena, text, n, name, p->diags, &err);
	if (!v)
		parse_report(p, &(const struct place){.file = name}, &err);
	return v;
}

const struct value *parse_read_file(struct parser *p, const char *path, const struct place *at)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	if (datafile_read(path, p->options->secrets, &text, &err) < 0) {
		diag_error(p->diags, at, "%s", err.text);
		return NULL;
	}
	return parse_source(p, text.data, text.len, path, at);
}
