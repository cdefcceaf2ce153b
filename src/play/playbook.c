/* SPDX-License-Identifier: Apache-2.0 */
/* The outermost list: plays, and playbooks that are imported. */
#include "play/collections.h"
#include "play/playbook.h"

#include "base/path.h"
#include "play/module.h"
#include "play/parse.h"
#include "vars/args.h"

static void read_entries(
	struct parser *p, const struct value *list, const struct play_import *import);

/* The file that an import names: relative to the file that imports. */
static char *import_path(struct parser *p, const struct value *v)
{
	const char *text;
	struct args_word word;
	struct err err = {0};
	char found[FOUND_MAX];

	if (!value_is_string(v) || v->len == 0) {
		diag_error(p->diags, &v->place,
			"import_playbook: found %s, expected a playbook's file name",
			found_text(v, found));
		return NULL;
	}
	text = parse_imported(p, "import_playbook", v, NULL, NULL);
	if (!text)
		return NULL;
	const char *at = text;
	if (args_word_next(p->arena, &at, &word, &err) <= 0) {
		diag_error(p->diags, &v->place, "import_playbook: %s",
			err.text[0] ? err.text : "found white space, expected a file name");
		return NULL;
	}
	autofree char *name = xstrndup(word.text, word.len);
	char *path = collections_playbook(p, name);
	return path ? path : path_join(p->file->directory, name);
}

/* The key of an entry that says import_playbook, by whichever name. */
static const struct value_pair *import_key(struct parser *p, const struct value *entry)
{
	const struct value_pair *found = NULL;

	value_dict_foreach (pair, entry) {
		const char *name = value_text(pair->key);
		if (!name || strcmp(module_short_name(name), "import_playbook") != 0)
			continue;
		if (found)
			diag_error(p->diags, &pair->key->place,
				"an import names one playbook; found another");
		found = pair;
	}
	return found;
}

static bool is_import_key(struct target *t, const char *name)
{
	(void)t;
	return strcmp(module_short_name(name), "import_playbook") == 0;
}

static void read_import(struct parser *p, const struct value *entry,
	const struct value_pair *key, const struct play_import *outer)
{
	struct play *with = ARENA_NEW(p->arena, struct play);
	struct target t = {.where = KEYWORD_IMPORT,
		.title = "import_playbook",
		.source = entry,
		.place = key->key->place,
		.play = with};
	struct parse_file file;

	keywords_read(p, &t, is_import_key);
	autofree char *path = import_path(p, key->value);
	if (!path || !parse_enter(p, &file, path, &key->value->place))
		return;
	file.collection = collections_around(p, file.real);
	const struct play_import import = {.with = with, .outer = outer};
	const struct value *list = parse_read_file(p, path, &key->value->place);
	if (list)
		read_entries(p, list, &import);
	parse_leave(p);
}

static void read_entry(
	struct parser *p, const struct value *entry, const struct play_import *import)
{
	const struct value_pair *key;
	char found[FOUND_MAX];

	if (entry->kind != VALUE_DICT) {
		diag_error(p->diags, &entry->place,
			"found %s, expected a play or an import_playbook",
			found_text(entry, found));
		return;
	}
	key = import_key(p, entry);
	if (key)
		read_import(p, entry, key, import);
	else
		parse_play(p, entry, import);
}

static void read_entries(
	struct parser *p, const struct value *list, const struct play_import *import)
{
	const struct place start = {.file = p->file->path, .line = 1};
	char found[FOUND_MAX];

	if (list->kind != VALUE_LIST || list->count == 0) {
		diag_error(p->diags, list->kind == VALUE_NULL ? &start : &list->place,
			"found %s, expected a list of plays%s",
			list->kind == VALUE_NULL   ? "nothing"
			: list->kind == VALUE_LIST ? "an empty list"
						   : found_text(list, found),
			value_dict_get(list, "hosts") ? ": \"- hosts: ...\"" : "");
		return;
	}
	for (size_t i = 0; i < list->count && !p->full; i++)
		read_entry(p, list->items[i], import);
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int files = str_cmp0(x->file, y->file);

	if (files != 0)
		return files;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Sorts the findings of one parse by their places; what was found twice stays once. */
static void tidy(struct diags *d, size_t first)
{
	size_t kept = first;

	if (d->count > first)
		qsort(d->items + first, d->count - first, sizeof(*d->items), by_place);
	for (size_t i = first; i < d->count; i++) {
		if (kept > first && by_place(&d->items[kept - 1], &d->items[i]) == 0) {
			d->errors -= d->items[i].level == DIAG_ERROR;
			free(d->items[i].file);
			free(d->items[i].text);
		} else {
			d->items[kept++] = d->items[i];
		}
	}
	d->count = kept;
}

/* Reads plays from a text, or from the file when it is NULL. */
static int parse(struct playbook *p, const char *path, const char *directory, const char *text,
	size_t n, const struct playbook_options *options, struct diags *d)
{
	struct parser parser = {
		.playbook = p, .arena = &p->arena, .options = options, .diags = d};
	struct parse_file file;
	size_t errors = d->errors, first = d->count;

	*p = (struct playbook){0};
	p->path = arena_strdup(&p->arena, path);
	p->directory = arena_strdup(&p->arena, directory);
	if (parse_enter(&parser, &file, p->path, NULL)) {
		file.directory = p->directory;
		if (!text)
			p->collection = file.collection =
				collections_around(&parser, file.real);
		const struct value *list = text ? parse_source(&parser, text, n, p->path, NULL)
						: parse_read_file(&parser, p->path, NULL);
		if (list)
			read_entries(&parser, list, NULL);
	}
	arena_release(&parser.scratch);
	tidy(d, first);
	return d->errors > errors ? -1 : 0;
}

int playbook_parse_with(
	struct playbook *p, const char *path, const struct playbook_options *o, struct diags *d)
{
	autofree char *directory = path_dirname(path);

	return parse(p, path, directory, NULL, 0, o, d);
}

int playbook_parse(
	struct playbook *p, const char *path, const struct secrets *secrets, struct diags *d)
{
	return playbook_parse_with(
		p, path, &(const struct playbook_options){.secrets = secrets}, d);
}

int playbook_parse_text(struct playbook *p, const char *name, const char *directory,
	const char *text, size_t n, const struct secrets *secrets, struct diags *d)
{
	return parse(p, name, directory, text, n,
		&(const struct playbook_options){.secrets = secrets}, d);
}

int playbook_parse_text_with(struct playbook *p, const char *name, const char *directory,
	const char *text, size_t n, const struct playbook_options *o, struct diags *d)
{
	return parse(p, name, directory, text, n, o, d);
}

void playbook_release(struct playbook *p)
{
	arena_release(&p->arena);
	*p = (struct playbook){0};
}
