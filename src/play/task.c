/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task on one host, from its name to what its result means for the host.
 */
#include "play/run_state.h"

#include "play/module.h"
#include "play/start.h"
#include "play/role.h"
#include "template/template.h"

#define LOG_LINES 6 /* of a service that failed, in the report */

/* Brings the variables of the blocks around a step, and its own, into the scope. */
static void add_vars(struct runner *r, const struct step *s, enum vars_level level)
{
	if (s->outer)
		add_vars(r, s->outer, VARS_BLOCK);
	if (s->vars && s->vars->kind == VALUE_DICT)
		vars_view_add(r->host->view, s->include_params ? VARS_INCLUDE_PARAM : level,
			step_title(s), s->vars);
}

/* Begins a step's scope: what its role, the blocks around it, and it itself bring. */
static void enter_scope(struct runner *r, const struct step *s, struct arena *arena)
{
	struct vars_view *view = r->host->view;

	vars_view_enter(view, arena);
	for (const struct public_role *p = r->publics; p; p = p->next)
		role_add_shared(view, p->role);
	if (s->role) {
		vars_view_add(view, VARS_MAGIC, "role", role_magic(s->role, arena));
		role_add_own(view, s->role);
	}
	add_vars(r, s, VARS_TASK);
}

/* The title as written; an include_role without a name of its own is called by its role's. */
static const char *written_title(const struct step *s, struct arena *arena)
{
	const struct task *t = s->task;

	if (s->name || !t->args || !(t->module->flags & MODULE_INCLUDES))
		return step_title(s);
	const struct value *role = value_dict_get(t->args, "name");
	const char *name = value_text(role ? role : value_dict_get(t->args, "role"));
	return name ? arena_printf(arena, "%s : %s", t->module_name, name) : step_title(s);
}

/* The task's name for this host: rendered, as written where that fails. */
static const char *title_of(struct runner *r, const struct step *s, struct arena *arena)
{
	const char *written = written_title(s, arena);

	if (!template_is_in(written, strlen(written)))
		return written;
	const struct value *v = vars_render(r->host->view, written, &s->place, NULL);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	if (!v || template_str(v, &text, NULL) < 0)
		return written;
	return arena_strdup(arena, text.data);
}

static void run_loop_or_one(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	struct err why = {0};
	const struct value *items;

	if (!s->task->loop) {
		task_execute(r, s, arena, out);
		return;
	}
	items = loop_items(r, s, &why);
	if (items) {
		loop_run(r, s, items, arena, out);
		return;
	}
	/* A loop over something undefined does not matter where a condition fails anyway. */
	const struct value *which;
	if (step_conditions(r, s, &which, NULL) == 0)
		task_execute(r, s, arena, out);
	else
		result_fail(out, arena, &why);
}

/* The result that says why a task failed: of a loop, that of its first failed item. */
static const struct value *failed_part(const struct value *result)
{
	const struct value *items = value_dict_get(result, "results");

	for (size_t i = 0; items && items->kind == VALUE_LIST && i < items->count; i++) {
		const struct value *failed = value_dict_get(items->items[i], "failed");
		const struct value *lost = value_dict_get(items->items[i], "unreachable");
		if ((failed && value_truthy(failed)) || (lost && value_truthy(lost)))
			return items->items[i];
	}
	return result;
}

/* The last lines of a service's log, in one. */
static void add_log(const struct value *log, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist lines = {0};

	if (!value_is_string(log))
		return;
	strlist_split(&lines, log->text, "\n");
	size_t first = lines.count > LOG_LINES ? lines.count - LOG_LINES : 0;
	for (size_t i = first; i < lines.count; i++)
		strbuf_addf(out, "%s%s", i > first ? " | " : "; its log: ", lines.items[i]);
}

/* Why a task failed, in words. */
static void failure_text(const struct outcome *failed, struct strbuf *out)
{
	const struct value *part = failed_part(failed->result);
	const struct value *msg = value_dict_get(part, "msg");

	strbuf_addstr(out, value_is_string(msg) ? msg->text : "the task failed");
	add_log(value_dict_get(part, "log"), out);
}

/* Keeps the first failure of the host, for its report. */
static void keep_failure(struct runner *r, const struct step *s, const struct outcome *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	enum err_code code = out->unreachable ? ERR_UNREACHABLE
			     : out->code      ? out->code
					      : ERR_INPUT;

	if (r->err.code)
		return;
	failure_text(out, &text);
	err_set(&r->err, code, "%s",
		out->censored ? "the output has been hidden by no_log" : text.data);
	r->host->failed_step = s->task ? s : NULL;
}

/* The failure that a rescue section can see. */
static void set_failed_task(struct runner *r, const struct step *s, const struct outcome *out)
{
	struct value *task = value_new_dict(&r->arena);

	value_dict_set(&r->arena, task, "name",
		s->name ? value_new_string(&r->arena, s->name) : &value_null);
	value_dict_set(
		&r->arena, task, "action", value_new_string(&r->arena, s->task->module_name));
	if (s->task->args)
		value_dict_set(&r->arena, task, "args", s->task->args);
	vars_view_set(r->host->view, VARS_REGISTERED, "ansible_failed_task", task);
	vars_view_set(r->host->view, VARS_REGISTERED, "ansible_failed_result",
		result_to_register(&r->arena, out->result));
}

/* True when the failure of one host at a step ends the play for all. */
static bool is_fatal(struct runner *r, const struct step *s)
{
	bool of_play = r->playing->any_errors_fatal, fatal = of_play;

	if (s && step_bool(r, s, ATTRIBUTE_ANY_ERRORS_FATAL, of_play, &fatal, NULL) < 0)
		return of_play;
	return fatal;
}

/* One host less in the batch: the limits decide whether the others go on. */
static void count_failure(struct runner *r, const struct step *s)
{
	struct playing *p = r->playing;
	struct batch *b = r->batch;
	int failed = __atomic_add_fetch(&b->failed, 1, __ATOMIC_ACQ_REL);

	if (is_fatal(r, s) || (p->max_fail_percentage >= 0 &&
				      100.0 * failed > p->max_fail_percentage * b->size))
		meet_end_batch(r);
}

static enum walk take_failure(struct runner *r, const struct step *s, struct outcome *out)
{
	struct host_counts *n = &r->host->counts;

	if (out->ignored) {
		n->ok++;
		n->ignored++;
		n->changed += out->changed;
		return WALK_ON;
	}
	keep_failure(r, s, out);
	r->failed = true;
	if (r->rescue_depth > 0) {
		n->rescued++;
		set_failed_task(r, s, out);
		return WALK_FAILED;
	}
	n->failed++;
	meet_remove(r);
	count_failure(r, s);
	return WALK_FAILED;
}

static enum walk take_unreachable(
	struct runner *r, const struct step *s, const struct outcome *out)
{
	bool ignored = false;

	step_bool(r, s, ATTRIBUTE_IGNORE_UNREACHABLE, false, &ignored, NULL);
	if (ignored) {
		r->host->counts.ok++;
		r->host->counts.ignored++;
		/* As there: what is fatal for all is so although it is ignored for the host. */
		if (is_fatal(r, s) && r->rescue_depth == 0)
			meet_end_batch(r);
		return WALK_ON;
	}
	keep_failure(r, s, out);
	meet_remove(r);
	r->lost = true;
	r->host->counts.unreachable++;
	count_failure(r, s);
	return WALK_GONE;
}

/* What a result means for the host. */
static enum walk take_outcome(struct runner *r, const struct step *s, struct outcome *out)
{
	struct host_counts *n = &r->host->counts;

	if (s->role && !out->stopped && !out->unreachable && !out->skipped)
		runner_role(r, s->role)->ran = true;
	if (out->stopped) {
		r->stopped = true;
		return WALK_GONE;
	}
	if (out->unreachable)
		return take_unreachable(r, s, out);
	if (out->failed)
		return take_failure(r, s, out);
	if (out->skipped) {
		n->skipped++;
		return WALK_ON;
	}
	/* Files that are included count, and not the task that includes them. */
	n->ok += r->includes ? includes_files(r) : 1;
	n->changed += out->changed;
	return WALK_ON;
}

/* How listeners see an outcome. */
static enum task_outcome outcome_kind(
	const struct runner *r, const struct outcome *out, enum walk walk)
{
	if (out->unreachable)
		return walk == WALK_ON ? TASK_IGNORED : TASK_UNREACHABLE;
	if (out->failed && walk == WALK_ON)
		return TASK_IGNORED;
	if (out->failed)
		return r->rescue_depth > 0 ? TASK_RESCUED : TASK_FAILED;
	if (out->skipped)
		return TASK_SKIPPED;
	return out->changed ? TASK_CHANGED : TASK_OK;
}

static void tell_begin(struct runner *r, const struct step *s, const char *title)
{
	r->title = title;
	runner_post(
		r, (struct run_event){
			   .kind = RUN_TASK, .step = s, .title = title, .handler = s->handler});
}

static void tell_result(struct runner *r, const struct step *s, const char *title,
	const struct outcome *out, enum walk walk, struct arena *arena)
{
	runner_post(r, (struct run_event){.kind = RUN_RESULT,
			       .step = s->task ? s : NULL,
			       .title = title,
			       .handler = s->handler,
			       .outcome = outcome_kind(r, out, walk),
			       .delegate = out->delegate,
			       .result = result_for_show(arena, out)});
}

enum walk task_end(struct runner *r, const struct step *s, const char *title,
	struct outcome *out, struct arena *arena)
{
	enum walk walk = take_outcome(r, s, out);

	/* What an interrupt ended has neither failed nor been done. */
	if (!out->stopped)
		tell_result(r, s, title, out, walk, arena);
	return walk;
}

/* Runs the task, when there is room where only so many hosts may be at it. */
static void run_throttled(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	struct err why = {0};
	double limit = 0;

	if (keyword_number(r, step_attribute(s, ATTRIBUTE_THROTTLE), 0, &limit, &why) < 0) {
		result_fail(out, arena, &why);
		return;
	}
	if (limit < 1 || !r->worker || r->undoing) {
		run_loop_or_one(r, s, arena, out);
		return;
	}
	if (meet_throttle(r, s, limit, &why) < 0) {
		out->stopped = why.code == ERR_CANCELLED;
		result_fail(out, arena, &why);
		return;
	}
	run_loop_or_one(r, s, arena, out);
	meet_throttle_done(r, s);
}

/* Does the task on this host. */
static enum walk run_here(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	const char *title = title_of(r, s, arena);
	struct err why = {0};

	tell_begin(r, s, title);
	strlist_release(&r->to_notify);
	run_throttled(r, s, arena, out);
	if (out->changed && !out->failed && !out->unreachable && handlers_notify(r, &why) < 0)
		result_fail(out, arena, &why);
	includes_prepare(r, s, arena, out);
	result_publish(r, s, out);
	return task_end(r, s, title, out, arena);
}

/* Takes the result of a task that another host has done with run_once. */
static void take_result(struct runner *r, const struct step *s, const struct outcome *out)
{
	bool theirs = false;

	/* What was told to another host was told by the one that did it. */
	step_bool(r, s, ATTRIBUTE_DELEGATE_FACTS, false, &theirs, NULL);
	if (!theirs || !step_attribute(s, ATTRIBUTE_DELEGATE_TO))
		result_publish_facts(r, s, out->result, NULL);
	result_register(r, s, out);
}

/*
 * Takes over what another host had of a task with run_once. Where it failed, every host has
 * failed: each goes to its rescue section, or is stopped.
 */
static enum walk take_over(
	struct runner *r, const struct step *s, bool keyword, const struct outcome *out)
{
	if (keyword)
		take_result(r, s, out);
	if (!out->failed || out->ignored)
		return WALK_ON;
	meet_remove(r);
	return WALK_FAILED;
}

/*
 * Does a task with run_once, or takes over what another host had of it. What a module does for
 * all, without that keyword, is no other host's result; its failure is.
 */
static enum walk run_once(
	struct runner *r, const struct step *s, bool keyword, struct arena *arena)
{
	struct outcome out = {0};
	struct err why = {0};
	int mine = meet_once(r, s, &out, &why);

	if (mine < 0) {
		r->stopped = true;
		return WALK_GONE;
	}
	if (!mine)
		return take_over(r, s, keyword, &out);
	enum walk walk = run_here(r, s, arena, &out);
	if ((walk != WALK_ON || out.unreachable) && r->rescue_depth == 0)
		meet_end_batch(r);
	meet_once_done(r, s, &out);
	return walk;
}

/* Waits for the other hosts before what all do together; who is to do it, waits for its turn.
 */
static int begin_together(struct runner *r, const struct step *s, struct err *err)
{
	unsigned flags = s->task->module->flags;

	if (!(flags & MODULE_TOGETHER))
		return 0;
	return flags & MODULE_ONCE ? meet_all(r, err) : meet_in_turn(r, s, err);
}

/* Runs the task in its scope. */
static enum walk run_in_scope(struct runner *r, const struct step *s, struct arena *arena)
{
	struct outcome out = {0};
	struct err why = {0};
	bool once = false;

	if (step_bool(r, s, ATTRIBUTE_RUN_ONCE, false, &once, &why) < 0) {
		result_fail(&out, arena, &why);
		return task_end(r, s, step_title(s), &out, arena);
	}
	if (begin_together(r, s, &why) < 0) {
		r->stopped = true;
		return WALK_GONE;
	}
	bool for_all = s->task->module->flags & MODULE_ONCE && r->worker && !r->undoing;
	once = once && !r->undoing && !r->playing->play->free;
	return once || for_all ? run_once(r, s, once, arena) : run_here(r, s, arena, &out);
}

/* True when something of a failure of the step may have to stop the other hosts. */
static bool may_stop_others(const struct runner *r, const struct step *s)
{
	const struct playing *p = r->playing;
	const struct value *fatal = step_attribute(s, ATTRIBUTE_ANY_ERRORS_FATAL);

	/* Hosts in transactions are apart: each is taken back by itself. */
	if (r->transaction.id)
		return false;
	return p->max_fail_percentage >= 0 || p->any_errors_fatal ||
	       (fatal && value_as_bool(fatal) != 0);
}

/* True when all hosts do a step before one goes on. */
static bool is_joint(const struct runner *r, const struct step *s)
{
	bool tells_others = step_attribute(s, ATTRIBUTE_DELEGATE_FACTS) &&
			    step_attribute(s, ATTRIBUTE_DELEGATE_TO);

	return tells_others || may_stop_others(r, s) ||
	       s->task->module->flags & MODULE_TOGETHER;
}

/* Waits for the other hosts, where the step is one that all do together. */
static enum walk end_together(struct runner *r, const struct step *s)
{
	struct err why = {0};

	if (!is_joint(r, s) || meet_after(r, s, &why) == 0)
		return WALK_ON;
	r->stopped = true;
	return WALK_GONE;
}

enum walk task_run(struct runner *r, const struct step *s)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct run_options *o = r->run->o;

	if (!runner_goes_on(r, s))
		return WALK_GONE;
	if (!step_selected(s, &o->tags, &o->skip_tags) || !start_wants(r->run, s))
		return WALK_ON;
	/* Before others know that it is here: what they change is for the tasks that follow. */
	vars_view_refresh(r->host->view);
	meet_at(r, s);
	parcels_take(r);
	if (strcmp(s->task->module->name, "meta") == 0)
		return meta_run(r, s);
	runner_search(r, s);
	enter_scope(r, s, &arena);
	enum walk walk = run_in_scope(r, s, &arena);
	vars_view_leave(r->host->view);
	if (walk == WALK_ON && r->includes)
		walk = includes_walk(r, s);
	return walk == WALK_ON ? end_together(r, s) : walk;
}

int task_check(struct runner *r, const struct step *s, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct outcome out = {0};

	runner_search(r, s);
	enter_scope(r, s, &arena);
	const char *title = title_of(r, s, &arena);
	tell_begin(r, s, title);
	run_loop_or_one(r, s, &arena, &out);
	tell_result(r, s, title, &out, WALK_FAILED, &arena);
	vars_view_leave(r->host->view);
	if (!out.failed && !out.unreachable)
		return !out.skipped;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	failure_text(&out, &text);
	return err_set(
		err, out.code ? out.code : ERR_INPUT, "%s: %s", step_title(s), text.data);
}
