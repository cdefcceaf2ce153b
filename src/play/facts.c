/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts. A play that gathers them makes sure that the node can be reached, as Ansible's
 * gathering does, and counts that as a task; the facts themselves are fetched when a variable
 * first asks for one, which nobody can tell from having them all along. Where other hosts may
 * ask (facts_early.h), they are fetched at once: a host that has come to a task has its facts
 * then. They are those that the play's user sees; what all users see alike is asked of the
 * login user.
 */
#include "play/facts.h"

#include "play/convert.h"
#include "play/facts_early.h"
#include "play/local_facts.h"
#include "play/run_state.h"
#include "play/start.h"
#include "value/found.h"
#include "text/glob.h"

#define FACTS_TITLE "Gathering Facts"
#define PREFIX      "ansible_"

/* What stands for the task in calls: it has the play's keywords. */
static struct step facts_step(const struct play *play)
{
	return (struct step){.kind = STEP_TASK, .play = play, .place = play->place};
}

/* A fact's name without its prefix; ansible_local keeps it. */
static const char *short_name(const char *name)
{
	bool prefixed = str_starts(name, PREFIX) && strcmp(name, "ansible_local") != 0;

	return prefixed ? name + strlen(PREFIX) : name;
}

/* The names of the facts, without their prefix, beside those that ansible_facts has so far. */
static struct value *short_facts(
	struct runner *r, struct arena *arena, const struct value *facts)
{
	const struct value *before = vars_raw(r->host->view, "ansible_facts");
	struct value *all = value_new_dict(arena);

	if (before && before->kind == VALUE_DICT)
		value_dict_foreach (p, before)
			value_dict_set_value(arena, all, p->key, p->value);
	value_dict_foreach (p, facts) {
		const char *name = value_text(p->key);
		if (name)
			value_dict_set(arena, all, short_name(name), p->value);
	}
	return all;
}

void facts_add_short(struct runner *r, const struct value *facts)
{
	vars_get(r->host->view, "ansible_facts", NULL);
	const struct value *all = short_facts(r, &r->arena, facts);
	pthread_mutex_lock(&r->vars_lock);
	vars_view_set(r->host->view, VARS_FACT, "ansible_facts", all);
	pthread_mutex_unlock(&r->vars_lock);
}

/* ---- a node's answer ---- */

struct value *facts_arguments(struct arena *a, const struct facts_wish *wish)
{
	struct value *args = value_new_dict(a);

	if (wish->subset)
		value_dict_set(a, args, "subset", wish->subset);
	if (wish->timeout)
		value_dict_set(a, args, "timeout", wish->timeout);
	if (wish->path)
		value_dict_set(a, args, "fact_path", wish->path);
	return args;
}

static const struct value *all_subsets(struct arena *a)
{
	struct value *list = value_new_list(a);

	value_list_add(a, list, value_new_string(a, "all"));
	return list;
}

struct value *facts_complete(struct arena *a, const struct value *answer,
	const struct facts_wish *wish, struct value *warnings)
{
	const struct value *told = value_dict_get(answer, "ansible_facts");
	const struct value *said = value_dict_get(answer, "warnings");

	if (!told || told->kind != VALUE_DICT)
		return NULL;
	struct value *facts = value_copy_unsafe(a, told);
	if (said && said->kind == VALUE_LIST)
		value_list_foreach (text, said)
			value_list_add(a, warnings, value_copy_unsafe(a, text));
	local_facts_read(a, facts, warnings);
	value_dict_set(a, facts, "gather_subset", wish->subset ? wish->subset : all_subsets(a));
	value_dict_set(a, facts, "module_setup", &value_true);
	return facts;
}

/* As Ansible's: an empty pattern is all. */
static bool is_wanted_by(const char *pattern, const char *name)
{
	static const char *const prefixes[] = {PREFIX, "facter", "ohai"};
	AUTO(strbuf_release) struct strbuf full = STRBUF_INIT;

	if (!*pattern || glob_match(pattern, name))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(pattern, prefixes[i]))
			return false;
	strbuf_addf(&full, PREFIX "%s", pattern);
	return glob_match(full.data, name);
}

struct value *facts_filter(struct arena *a, struct value *facts, const struct value *patterns)
{
	struct value *kept = value_new_dict(a);

	if (!patterns || patterns->kind != VALUE_LIST || patterns->count == 0)
		return facts;
	value_dict_foreach (p, facts)
		value_list_foreach (pattern, patterns)
			if (is_wanted_by(value_text(pattern), value_text(p->key)))
				value_dict_set_value(a, kept, p->key, p->value);
	return kept;
}

/* ---- fetching ---- */

/* Asks the node, as the play's user or as the login user. */
static const struct value *ask(struct runner *r, struct arena *arena,
	const struct facts_wish *wish, bool as_login, struct err *err)
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
	return runner_call_node(r, &x, "facts", facts_arguments(arena, wish), 0, ctx, err);
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

/* Sets facts that came in the midst of a lookup; others may be reading. */
static void keep(struct runner *r, const struct value *facts)
{
	pthread_mutex_lock(&r->vars_lock);
	vars_view_merge(r->host->view, VARS_FACT, facts);
	pthread_mutex_unlock(&r->vars_lock);
}

static void warn_all(struct runner *r, const struct value *warnings)
{
	value_list_foreach (text, warnings)
		runner_warn(r, "%s", value_text(text));
}

typedef const struct value *(*converter)(struct arena *a, const struct value *v);

static const struct value *to_whole(struct arena *a, const struct value *v)
{
	int64_t i;

	return value_to_int(v, &i) ? value_new_int(a, i) : NULL;
}

/* A keyword's value as the node wants it; NULL with err. */
static const struct value *rendered(
	struct runner *r, const struct value *said, converter to_type, struct err *err)
{
	const struct value *v = keyword_value(r, said, err);
	const struct value *typed = v ? to_type(&r->arena, v) : NULL;
	char found[FOUND_MAX];

	if (v && !typed)
		err_set(err, ERR_INPUT, "%s is no value for it", found_text(v, found));
	return typed;
}

/* What the play's keywords say of its gathering; -1 with err. */
static int wish_of_play(struct runner *r, struct facts_wish *wish, struct err *err)
{
	const struct play *play = r->playing->play;

	if (play->gather_subset &&
		!(wish->subset = rendered(r, play->gather_subset, value_to_list, err)))
		return err_wrap(err, "gather_subset");
	if (play->gather_timeout &&
		!(wish->timeout = rendered(r, play->gather_timeout, to_whole, err)))
		return err_wrap(err, "gather_timeout");
	if (play->fact_path && !(wish->path = rendered(r, play->fact_path, value_to_text, err)))
		return err_wrap(err, "fact_path");
	return 0;
}

/*
 * Fetches facts for a name. Where the play becomes another user whose helper does not run, the
 * login user tells what all users see alike.
 */
static const struct value *fetch(void *data, const char *name, bool *partial, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	static const struct value nothing = {.kind = VALUE_DICT};
	struct facts_wish wish = {0};
	struct runner *r = data;

	if (wish_of_play(r, &wish, err) < 0)
		return NULL;
	*partial = !r->facts_partly && !is_of_user_named(name) && costs_a_helper(r);
	r->facts_partly = *partial;
	const struct value *answer = ask(r, &arena, &wish, *partial, err);
	struct value *warnings = value_new_list(&arena);
	if (!answer)
		return NULL;
	struct value *facts = facts_complete(&r->arena, answer, &wish, warnings);
	if (!facts) {
		err_set(err, ERR_PROTOCOL, "the node's answer has no facts");
		return NULL;
	}
	if (*partial) {
		keep(r, common_facts(&r->arena, facts));
		return &nothing;
	}
	warn_all(r, warnings);
	value_dict_set(&r->arena, facts, "ansible_facts", short_facts(r, &r->arena, facts));
	keep(r, facts);
	return &nothing;
}

/* True if the play gathers on this host. -1 with err. */
static int is_wanted(struct runner *r, const struct step *step, struct err *err)
{
	const struct play *play = r->playing->play;
	const struct run_options *o = r->run->o;
	struct step tagged = *step;
	char *always[] = {"always", NULL};
	const struct value *which;
	int holds = 1;

	if (play->tags.count == 0)
		tagged.tags = (struct strlist){.items = always, .count = 1};
	if (!r->playing->gather || !step_selected(&tagged, &o->tags, &o->skip_tags) ||
		!start_wants_play(r->run, play))
		return 0;
	for (size_t i = 0; holds == 1 && i < play->when.count; i++)
		holds = conditions_hold(r, play->when.items[i], &which, err);
	return holds;
}

/*
 * A play that says what it wants gets it at once: names of subsets may be wrong, and what else
 * there is must stay unknown.
 */
static bool gathers_at_once(const struct play *play)
{
	return play->gather_subset || play->gather_timeout || play->fact_path;
}

/* Gathers at once where the play does; false with err. */
static bool gather_now(struct runner *r, struct err *err)
{
	bool partial;

	return !gathers_at_once(r->playing->play) ||
	       fetch(r, "ansible_facts", &partial, err) != NULL;
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
	if (wanted < 0 || (wanted && (!runner_line(r, &x, &why) || !gather_now(r, &why)))) {
		result_fail(&out, &arena, &why);
		out.unreachable = x.lost;
		out.stopped = why.code == ERR_CANCELLED;
	}
	return task_end(r, step, FACTS_TITLE, &out, &arena);
}

/* Has facts fetched when they are asked for; at once where others may ask, by hostvars. */
static void await_wishes(struct runner *r)
{
	const char *playbook = r->playing->play->place.file;

	if (gathers_at_once(r->playing->play)) {
		vars_view_set_facts(r->host->view, NULL, NULL);
		return;
	}
	vars_view_set_facts(r->host->view, fetch, r);
	if (playbook && facts_may_be_read_by_others(playbook))
		vars_get(r->host->view, "ansible_facts", NULL);
}

enum walk facts_gather(struct runner *r)
{
	struct step step = facts_step(r->playing->play);
	int wanted = is_wanted(r, &step, NULL);

	if (wanted == 0)
		return WALK_ON;
	if (!runner_goes_on(r, NULL))
		return WALK_GONE;
	enum walk result = reach(r, &step);
	r->facts_partly = false;
	if (result == WALK_ON)
		await_wishes(r);
	return result;
}
