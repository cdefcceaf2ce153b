/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts. A play that gathers them makes sure that the node can be reached, as Ansible's
 * gathering does, and counts that as a task; the facts themselves are fetched when a variable
 * first asks for one, which nobody can tell from having them all along.
 */
#include "play/run_state.h"

#define FACTS_TITLE "Gathering Facts"

/* What stands for the task in calls: it has the play's keywords. */
static struct step facts_step(const struct play *play)
{
	return (struct step){.kind = STEP_TASK, .play = play, .place = play->place};
}

/* The names of the facts also stand, without their prefix, in ansible_facts. */
static void add_short_names(struct arena *arena, struct value *facts)
{
	struct value *all = value_new_dict(arena);

	value_dict_foreach (p, facts) {
		const char *name = value_text(p->key);
		if (name && str_starts(name, "ansible_") && strcmp(name, "ansible_local") != 0)
			name += strlen("ansible_");
		if (name)
			value_dict_set(arena, all, name, p->value);
	}
	value_dict_set(arena, facts, "ansible_facts", all);
}

/* Asks the node. */
static const struct value *ask(struct runner *r, struct arena *arena, struct err *err)
{
	struct step step = facts_step(r->playing->play);
	struct execution x = {.call = {.runner = r,
				      .step = &step,
				      .arena = arena,
				      .until = runner_deadline(r)}};

	if (!runner_line(r, &x, err))
		return NULL;
	return runner_call_node(r, &x, "facts", value_new_dict(arena), 0, 0, err);
}

static const struct value *fetch(void *data, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct runner *r = data;
	const struct value *result = ask(r, &arena, err);
	const struct value *facts = value_dict_get(result, "ansible_facts");

	if (!result)
		return NULL;
	if (!facts || facts->kind != VALUE_DICT) {
		err_set(err, ERR_PROTOCOL, "the node's answer has no facts");
		return NULL;
	}
	struct value *layer = value_copy_unsafe(&r->arena, facts);
	add_short_names(&r->arena, layer);
	return layer;
}

/* True if the play gathers on this host. -1 with err. */
static int is_wanted(struct runner *r, const struct step *step, struct err *err)
{
	const struct play *play = r->playing->play;
	const struct run_options *o = &*r->run->o;
	struct step tagged = *step;
	char *always[] = {"always", NULL};
	const struct value *which;
	int holds = 1;

	if (play->tags.count == 0)
		tagged.tags = (struct strlist){.items = always, .count = 1};
	if (!r->playing->gather || !step_selected(&tagged, &o->tags, &o->skip_tags))
		return 0;
	for (size_t i = 0; holds == 1 && i < play->when.count; i++)
		holds = conditions_hold(r, play->when.items[i], &which, err);
	return holds;
}

static enum walk reach(struct runner *r, struct step *step)
{
	AUTO(arena_release) struct arena arena = {0};
	struct outcome out = {.result = value_new_dict(&arena)};
	struct execution x = {.call = {.runner = r, .step = step, .arena = &arena}};
	struct err why = {0};

	runner_post(r, (struct run_event){.kind = RUN_TASK, .title = FACTS_TITLE});
	int wanted = is_wanted(r, step, &why);
	value_dict_set(&arena, out.result, "changed", &value_false);
	if (wanted < 0 || (wanted && !runner_line(r, &x, &why))) {
		result_fail(&out, &arena, &why);
		out.unreachable = x.lost;
		out.stopped = why.code == ERR_CANCELLED;
	}
	return task_end(r, step, FACTS_TITLE, &out, &arena);
}

enum walk facts_gather(struct runner *r)
{
	struct step step = facts_step(r->playing->play);
	int wanted = is_wanted(r, &step, NULL);

	if (wanted == 0)
		return WALK_ON;
	if (!runner_goes_on(r))
		return WALK_GONE;
	enum walk result = reach(r, &step);
	if (result == WALK_ON)
		vars_view_set_facts(r->host->view, fetch, r);
	return result;
}
