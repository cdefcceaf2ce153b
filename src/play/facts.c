/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts. A play that gathers them makes sure that the node can be reached, as Ansible's
 * gathering does, and counts that as a task; the facts themselves are fetched when a variable
 * first asks for one, which nobody can tell from having them all along. They are those that
 * the play's user sees; what all users see alike is asked of the login user.
 */
#include "play/run_state.h"

#define FACTS_TITLE "Gathering Facts"
#define PREFIX      "ansible_"

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
		if (name && str_starts(name, PREFIX) && strcmp(name, "ansible_local") != 0)
			name += strlen(PREFIX);
		if (name)
			value_dict_set(arena, all, name, p->value);
	}
	value_dict_set(arena, facts, "ansible_facts", all);
}

/* Asks the node, as the play's user or as the login user. */
static const struct value *ask(
	struct runner *r, struct arena *arena, bool as_login, struct err *err)
{
	struct step step = facts_step(r->playing->play);
	struct execution x = {.call = {.runner = r,
				      .step = &step,
				      .arena = arena,
				      .until = runner_deadline(r)}};
	const char *user = NULL;
	uint16_t ctx;

	if (!runner_line(r, &x, err) || (!as_login && runner_become(r, &step, &user, err) < 0))
		return NULL;
	if (line_user(&r->line, user, NULL, x.call.until, &ctx, err) < 0)
		return NULL;
	return runner_call_node(r, &x, "facts", value_new_dict(arena), 0, ctx, err);
}

/* True for facts that not every user sees alike (behind "ansible_"). */
static bool is_of_user(const char *name)
{
	static const char *const prefixes[] = {"board_", "chassis_", "effective_", "env",
		"facts", "product_", "real_", "user_"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(name, prefixes[i]))
			return true;
	return false;
}

static bool is_of_user_named(const char *name)
{
	return name && str_starts(name, PREFIX) && is_of_user(name + strlen(PREFIX));
}

/* True if another user's helper would have to be started to ask as the play's user. */
static bool costs_a_helper(struct runner *r)
{
	struct step step = facts_step(r->playing->play);
	const char *user;
	struct err ignored = {0};

	return r->line.link && runner_become(r, &step, &user, &ignored) == 0 &&
	       !line_has_user(&r->line, user);
}

/* What any user may tell. */
static struct value *common_facts(struct arena *arena, const struct value *facts)
{
	struct value *layer = value_new_dict(arena);

	value_dict_foreach (p, facts)
		if (!is_of_user_named(value_text(p->key)))
			value_dict_set_value(arena, layer, value_copy(arena, p->key),
				value_copy_unsafe(arena, p->value));
	return layer;
}

/*
 * Fetches facts for a name. Where the play becomes another user whose helper does not run, the
 * login user tells what all users see alike.
 */
static const struct value *fetch(void *data, const char *name, bool *partial, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct runner *r = data;

	*partial = !r->facts_partly && !is_of_user_named(name) && costs_a_helper(r);
	r->facts_partly = *partial;
	const struct value *result = ask(r, &arena, *partial, err);
	const struct value *facts = value_dict_get(result, "ansible_facts");
	if (!result)
		return NULL;
	if (!facts || facts->kind != VALUE_DICT) {
		err_set(err, ERR_PROTOCOL, "the node's answer has no facts");
		return NULL;
	}
	if (*partial)
		return common_facts(&r->arena, facts);
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
	r->facts_partly = false;
	if (result == WALK_ON)
		vars_view_set_facts(r->host->view, fetch, r);
	return result;
}
