/* SPDX-License-Identifier: Apache-2.0 */
#include "play/parse.h"

/* What a play without a name is called: its hosts, with commas. */
static const char *hosts_text(struct parser *p, const struct value *hosts)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!hosts)
		return "";
	if (hosts->kind != VALUE_LIST)
		return parse_text(p, hosts);
	for (size_t i = 0; i < hosts->count; i++) {
		const char *item = parse_text(p, hosts->items[i]);
		strbuf_addf(&text, "%s%s", i ? "," : "", item ? item : "");
	}
	return arena_strdup(p->arena, text.data);
}

static void add_conditions(
	struct parser *p, struct conditions *to, const struct conditions *from)
{
	for (size_t i = 0; i < from->count; i++)
		*PARSE_PUSH(p->arena, to) = from->items[i];
}

/* The outermost import's conditions come first. */
static void add_import(struct parser *p, struct play *play, const struct play_import *import)
{
	const struct play *with = import->with;

	if (import->outer)
		add_import(p, play, import->outer);
	for (size_t i = 0; i < with->tags.count; i++)
		parse_push_string(p->arena, &play->tags, with->tags.items[i]);
	add_conditions(p, &play->when, &with->when);
}

/* An import's variables win over the play's, those of an outer import over an inner one's. */
static void add_import_vars(
	struct parser *p, struct play *play, const struct play_import *import)
{
	struct value *all;

	for (; import; import = import->outer) {
		if (!import->with->vars)
			continue;
		all = value_new_dict(p->arena);
		all->place = import->with->vars->place;
		if (play->vars)
			value_dict_foreach (pair, play->vars)
				value_dict_set_value(p->arena, all, pair->key, pair->value);
		value_dict_foreach (pair, import->with->vars)
			value_dict_set_value(p->arena, all, pair->key, pair->value);
		play->vars = all;
	}
}

/* The conditions of an import hold for all steps but handlers: a block brings them. */
static void wrap(struct parser *p, struct target *t, struct steps *steps)
{
	struct step *block;

	if (steps->count == 0 || t->play->when.count == 0)
		return;
	block = parse_new_step(p, STEP_BLOCK, t, t->source);
	if (!block)
		return;
	block->when = t->play->when;
	block->block->block = *steps;
	for (size_t i = 0; i < steps->count; i++)
		steps->items[i]->outer = block;
	*steps = (struct steps){0};
	*PARSE_PUSH(p->arena, steps) = block;
}

void parse_play(struct parser *p, const struct value *v, const struct play_import *import)
{
	struct play *play = ARENA_NEW(p->arena, struct play);
	struct target t = {.where = KEYWORD_PLAY,
		.title = "a play",
		.source = v,
		.place = v->place,
		.play = play};
	struct steps late = {0};

	p->late = &late;
	play->place = v->place;
	play->directory = p->file->directory;
	play->collection = p->file->collection;
	keywords_read(p, &t, NULL);
	if (!value_dict_get(v, "hosts"))
		diag_error(p->diags, &v->place,
			"a play without \"hosts\"; expected a pattern of host or group names");
	if (!play->name)
		play->name = hosts_text(p, play->hosts);
	if (import) {
		add_import(p, play, import);
		add_import_vars(p, play, import);
	}
	for (size_t i = 0; i < late.count; i++)
		*PARSE_PUSH(p->arena, &play->handlers) = late.items[i];
	wrap(p, &t, &play->pre_tasks);
	wrap(p, &t, &play->tasks);
	wrap(p, &t, &play->post_tasks);
	p->playbook->plays = parse_grow(p->arena, p->playbook->plays, p->playbook->count,
		&p->playbook->cap, sizeof(*p->playbook->plays));
	p->playbook->plays[p->playbook->count++] = play;
}
