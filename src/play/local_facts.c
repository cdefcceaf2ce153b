/* SPDX-License-Identifier: Apache-2.0 */
#include "play/local_facts.h"

#include <ctype.h>

#include "value/json.h"

/* An INI text under work. */
struct ini {
	struct arena *arena;
	struct value *sections;
	struct value *defaults; /* of [DEFAULT], which all sections have */
	struct value *section;  /* NULL before the first */
	struct strbuf value;    /* of the option under work */
	const char *key;        /* NULL: none is under work */
	size_t indent;          /* of its line */
	size_t count;
	bool bad;
};

static struct value *unsafe_text(struct arena *a, const char *text, size_t n)
{
	struct value *v = value_new_stringn(a, text, n);

	v->unsafe = true;
	return v;
}

/* Values have "%%" for "%". */
static struct value *plain_value(struct arena *a, struct strbuf *raw)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_rtrim(raw);
	for (size_t i = 0; i < raw->len; i++) {
		strbuf_addch(&text, raw->data[i]);
		i += raw->data[i] == '%' && raw->data[i + 1] == '%';
	}
	return unsafe_text(a, text.data, text.len);
}

static void end_option(struct ini *i)
{
	if (i->key)
		value_dict_set(i->arena, i->section, i->key, plain_value(i->arena, &i->value));
	i->key = NULL;
	strbuf_clear(&i->value);
}

static void begin_section(struct ini *i, const char *name)
{
	end_option(i);
	if (strcmp(name, "DEFAULT") == 0) {
		i->section = i->defaults;
		return;
	}
	i->bad |= value_dict_get(i->sections, name) != NULL;
	i->section = value_new_dict(i->arena);
	value_dict_set(i->arena, i->sections, name, i->section);
}

static void begin_option(struct ini *i, const char *line, size_t n, size_t indent)
{
	size_t at = strcspn(line, "=:"), end = at;

	end_option(i);
	if (!i->section || at >= n || at == 0) {
		i->bad = true;
		return;
	}
	while (end > 0 && isspace((unsigned char)line[end - 1]))
		end--;
	char *key = arena_strndup(i->arena, line, end);
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	i->bad |= value_dict_get(i->section, key) != NULL;
	i->key = key;
	i->indent = indent;
	for (at++; at < n && isspace((unsigned char)line[at]);)
		at++;
	strbuf_add(&i->value, line + at, n - at);
}

/* One line, without white space at its ends. */
static void take_line(struct ini *i, const char *line, size_t n, size_t indent)
{
	const char *close = n > 2 && *line == '[' ? memchr(line, ']', n) : NULL;

	i->bad |= ++i->count > LOCAL_FACTS_SECTIONS_MAX;
	if (n == 0 || *line == '#' || *line == ';') {
		if (n == 0 && i->key)
			strbuf_addch(&i->value, '\n');
	} else if (i->key && indent > i->indent) {
		/* A line that stands further to the right goes on with the value. */
		strbuf_addch(&i->value, '\n');
		strbuf_add(&i->value, line, n);
	} else if (close && close > line + 1) {
		begin_section(i, arena_strndup(i->arena, line + 1, (size_t)(close - line - 1)));
	} else {
		begin_option(i, line, n, indent);
	}
}

/* What all sections have, unless they say otherwise. */
static void add_defaults(struct ini *i)
{
	value_dict_foreach (section, i->sections) {
		struct value *own = (struct value *)section->value;
		value_dict_foreach (p, i->defaults)
			if (!value_dict_get(own, p->key->text))
				value_dict_set_value(i->arena, own, p->key, p->value);
	}
}

/* NULL when it is none. */
static const struct value *read_ini(struct arena *a, const char *text, size_t n)
{
	struct ini i = {.arena = a,
		.sections = value_new_dict(a),
		.defaults = value_new_dict(a),
		.value = STRBUF_INIT};
	const char *end = text + n;

	while (text < end && !i.bad) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *line = text, *last = stop ? stop : end;
		while (line < last && isspace((unsigned char)*line))
			line++;
		while (last > line && isspace((unsigned char)last[-1]))
			last--;
		take_line(&i, line, (size_t)(last - line), (size_t)(line - text));
		text = stop ? stop + 1 : end;
	}
	if (!i.bad)
		end_option(&i);
	add_defaults(&i);
	strbuf_release(&i.value);
	return i.bad ? NULL : i.sections;
}

const struct value *local_facts_parse(
	struct arena *a, const char *path, const char *text, size_t n, bool *failed)
{
	static const struct json_options options = {.unsafe = true};
	const struct value *read = json_read(a, text, n, NULL, &options, NULL, NULL);

	*failed = false;
	if (!read)
		read = read_ini(a, text, n);
	if (read)
		return read;
	*failed = true;
	const char *why = arena_printf(
		a, "error loading facts as JSON or ini - please check content: %s", path);
	return unsafe_text(a, why, strlen(why));
}

/* One file. */
static const struct value *read_file(
	struct arena *a, const struct value *file, struct value *warnings)
{
	const struct value *text = value_dict_get(file, "text");
	const struct value *why = value_dict_get(file, "failed");
	const char *path = value_text(value_dict_get(file, "path"));
	bool failed;

	if (!value_is_string(text))
		return why ? why : &value_null;
	const struct value *read =
		local_facts_parse(a, path ? path : "", text->text, text->len, &failed);
	if (failed)
		value_list_add(a, warnings, read);
	return read;
}

void local_facts_read(struct arena *a, struct value *facts, struct value *warnings)
{
	const struct value *files = value_dict_get(facts, "ansible_local");
	struct value *all = value_new_dict(a);

	if (!files || files->kind != VALUE_DICT)
		return;
	value_dict_foreach (p, files)
		value_dict_set_value(a, all, p->key, read_file(a, p->value, warnings));
	value_dict_set(a, facts, "ansible_local", all);
}
