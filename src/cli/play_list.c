/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_list.h"

struct listing {
	struct play_run *run;
	const struct play_list_options *o;
	const struct play *play;
	struct strlist tags; /* of all tasks that are listed */
	struct strbuf *out;
};

static void join(struct strbuf *out, const struct strlist *words, const char *separator)
{
	for (size_t i = 0; i < words->count; i++)
		strbuf_addf(out, "%s%s", i ? separator : "", words->items[i]);
}

static void add_once(struct strlist *l, const struct strlist *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strlist_has(l, words->items[i]))
			strlist_add(l, words->items[i]);
}

static void list_task(struct listing *l, const struct step *task)
{
	AUTO(strlist_release) struct strlist tags = {0};
	const struct run_options *o = &l->run->options;

	if (!step_selected(task, &o->tags, &o->skip_tags))
		return;
	for (const struct step *s = task; s; s = s->outer)
		add_once(&tags, &s->tags);
	add_once(&tags, &l->play->tags);
	add_once(&l->tags, &tags);
	if (!l->o->tasks)
		return;
	strlist_sort(&tags);
	strbuf_addf(l->out, "      %s\tTAGS: [",
		task->name ? step_title(task) : task->task->module_name);
	join(l->out, &tags, ", ");
	strbuf_addstr(l->out, "]\n");
}

/* What runs where nothing fails: rescue and always sections are not listed. */
static void list_steps(struct listing *l, const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *s = steps->items[i];
		if (s->kind == STEP_BLOCK)
			list_steps(l, &s->block->block);
		else
			list_task(l, s);
	}
}

static int list_hosts(struct listing *l, const char *pattern, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct host_list hosts = {0};

	int result = play_hosts(l->run, l->play, &hosts, &d, err);
	cli_print_diags(&d);
	if (result == 0) {
		strbuf_addf(l->out, "    pattern: ['%s']\n    hosts (%zu):\n", pattern,
			hosts.count);
		for (size_t i = 0; i < hosts.count; i++)
			strbuf_addf(l->out, "      %s\n", hosts.items[i]->name);
	}
	free(hosts.items);
	return result;
}

static void list_tasks(struct listing *l)
{
	const struct play *play = l->play;

	if (l->o->tasks)
		strbuf_addstr(l->out, "    tasks:\n");
	list_steps(l, &play->pre_tasks);
	list_steps(l, &play->tasks);
	list_steps(l, &play->post_tasks);
	if (!l->o->tags)
		return;
	add_once(&l->tags, &play->tags);
	strlist_sort(&l->tags);
	strbuf_addstr(l->out, "      TASK TAGS: [");
	join(l->out, &l->tags, ", ");
	strbuf_addstr(l->out, "]\n");
}

static int list_play(struct listing *l, size_t number, struct err *err)
{
	autofree char *pattern = play_pattern(l->run, l->play, err);
	autofree char *title = play_title(l->run, l->play);

	if (!pattern)
		return -1;
	strbuf_addf(l->out, "\n  play #%zu (%s): %s\tTAGS: [", number, pattern,
		*title ? title : pattern);
	join(l->out, &l->play->tags, ",");
	strbuf_addstr(l->out, "]\n");
	if (l->o->hosts && list_hosts(l, pattern, err) < 0)
		return -1;
	if (l->o->tasks || l->o->tags)
		list_tasks(l);
	return 0;
}

int play_list(struct play_run *p, const struct play_list_options *o, struct strbuf *out,
	struct err *err)
{
	for (size_t i = 0; i < p->book_count; i++) {
		const struct playbook *book = &p->books[i];
		strbuf_addf(out, "\nplaybook: %s\n", book->path);
		for (size_t k = 0; k < book->count; k++) {
			struct listing l = {
				.run = p, .o = o, .play = book->plays[k], .out = out};
			int result = list_play(&l, k + 1, err);
			strlist_release(&l.tags);
			if (result < 0)
				return -1;
		}
	}
	return 0;
}
