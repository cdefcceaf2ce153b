/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts a play is for, and the walks over its tasks. */
#include "base/vec.h"
#include "cli/play_run.h"
#include "template/template.h"

static void add_pattern(struct strbuf *out, const struct value *v)
{
	if (out->len)
		strbuf_addch(out, ',');
	if (value_text(v))
		strbuf_add(out, v->text, v->len);
}

static void join_patterns(const struct value *v, struct strbuf *out)
{
	if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE) {
		add_pattern(out, v);
		return;
	}
	value_list_foreach (item, v)
		add_pattern(out, item);
}

/* What a play's vars_prompt gives where nobody is asked: the defaults. */
static const struct value *fallbacks(const struct play *play, struct arena *arena)
{
	struct value *all = value_new_dict(arena);

	value_list_foreach (prompt, play->prompts) {
		const char *name = value_text(value_dict_get(prompt, "name"));
		const struct value *fallback = value_dict_get(prompt, "default");
		if (name)
			value_dict_set(arena, all, name, fallback ? fallback : &value_null);
	}
	return all;
}

/*
 * A pattern may be a template of extra variables and of the play's own: no host is known yet,
 * so it is evaluated as localhost sees it.
 */
static char *render(struct play_run *p, const struct play *play, const struct value *source,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	const struct site *site = &p->engine->site;
	struct vars_view *view = vars_view_new(site->vars, site->inventory.localhost);

	if (play->vars)
		vars_view_add(view, VARS_PLAY, "play", play->vars);
	if (play->prompts)
		vars_view_add(view, VARS_PROMPT, "play", fallbacks(play, &arena));
	const struct value *v = vars_evaluate(view, source, err);
	if (v)
		join_patterns(v, &text);
	vars_view_free(view);
	if (v)
		return strbuf_detach(&text, NULL);
	return NULL;
}

char *play_pattern(struct play_run *p, const struct play *play, struct err *err)
{
	char *pattern = render(p, play, play->hosts, err);

	if (!pattern)
		err_wrap(err, "%s:%u: hosts", play->place.file, play->place.line);
	return pattern;
}

char *play_title(struct play_run *p, const struct play *play)
{
	const char *name = play->name ? play->name : "";
	const struct value written = {
		.kind = VALUE_STRING, .text = name, .len = strlen(name), .place = play->place};
	char *title = render(p, play, &written, NULL);

	return title ? title : xstrdup(name);
}

/* Whether a play's hosts may depend on what somebody will answer to its vars_prompt. */
static bool hosts_are_asked_for(const struct play *play)
{
	const struct value *hosts = play->hosts;
	bool rendered = value_is_string(hosts) && template_is_in(hosts->text, hosts->len);

	for (size_t i = 0; hosts && hosts->kind == VALUE_LIST && i < hosts->count; i++) {
		const struct value *one = hosts->items[i];
		rendered |= value_is_string(one) && template_is_in(one->text, one->len);
	}
	return play->prompts && rendered;
}

static int select_hosts(struct play_run *p, const char *pattern, struct host_list *out,
	struct diags *d, struct err *err)
{
	const struct site *site = &p->engine->site;

	return pattern_select(
		&site->inventory, &site->config, pattern, p->engine->o.site.limit, out, d, err);
}

int play_hosts(struct play_run *p, const struct play *play, struct host_list *out,
	struct diags *d, struct err *err)
{
	autofree char *pattern = play_pattern(p, play, err);

	return pattern ? select_hosts(p, pattern, out, d, err) : -1;
}

int play_possible_hosts(struct play_run *p, const struct play *play, struct host_list *out,
	struct diags *d, struct err *err)
{
	return hosts_are_asked_for(play) ? select_hosts(p, "all", out, d, err)
					 : play_hosts(p, play, out, d, err);
}

void play_walk(const struct steps *list, void (*visit)(void *data, const struct step *task),
	void *data)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct step *s = list->items[i];
		if (s->kind == STEP_TASK) {
			visit(data, s);
			continue;
		}
		play_walk(&s->block->block, visit, data);
		play_walk(&s->block->rescue, visit, data);
		play_walk(&s->block->always, visit, data);
	}
}

static void add_tags(struct strlist *out, const struct strlist *tags)
{
	for (size_t i = 0; i < tags->count; i++)
		if (!strlist_has(out, tags->items[i]))
			strlist_add(out, tags->items[i]);
}

static void add_step_tags(void *out, const struct step *task)
{
	for (const struct step *s = task; s; s = s->outer)
		add_tags(out, &s->tags);
}

void play_tags(const struct playbook *book, struct strlist *out)
{
	for (size_t i = 0; i < book->count; i++) {
		const struct play *play = book->plays[i];
		add_tags(out, &play->tags);
		play_walk(&play->pre_tasks, add_step_tags, out);
		play_walk(&play->tasks, add_step_tags, out);
		play_walk(&play->post_tasks, add_step_tags, out);
	}
}
