/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One execution of a task (or of one item of its loop): conditions, arguments, attempts, and
 * what the task itself says about change and failure.
 */
#include "play/run_state.h"

#include "play/module.h"
#include "template/template.h"

#define DEFAULT_RETRIES 3
#define DEFAULT_DELAY   5

/* How often a task is tried. */
struct attempts {
	int64_t retries; /* further attempts after the first */
	double delay;
	bool until;
};

/* ---- before ---- */

/* The keywords that say how the call is made. */
static int read_keywords(
	struct runner *r, struct execution *x, struct outcome *out, struct err *err)
{
	struct module_call *c = &x->call;
	const struct step *s = c->step;
	const struct run_options *o = r->run->o;

	if (step_bool(r, s, ATTRIBUTE_NO_LOG, false, &out->censored, err) < 0 ||
		step_bool(r, s, ATTRIBUTE_CHECK_MODE, o->check, &c->check, err) < 0 ||
		step_bool(r, s, ATTRIBUTE_DIFF, o->diff, &c->diff, err) < 0 ||
		keyword_number(r, step_attribute(s, ATTRIBUTE_TIMEOUT), 0, &x->timeout, err) <
			0 ||
		keyword_text(r, step_attribute(s, ATTRIBUTE_DELEGATE_TO), &x->delegate, err) <
			0)
		return -1;
	x->delegated = x->delegate != NULL;
	if (x->delegate && strcmp(x->delegate, r->host->name) == 0)
		x->delegate = NULL;
	out->delegate = x->delegate;
	/* What is taken back is looked at as it is. */
	c->check = c->check && !r->undoing;
	return 0;
}

static int read_attempts(
	struct runner *r, const struct task *task, struct attempts *a, struct err *err)
{
	double retries;

	*a = (struct attempts){.until = task->until != NULL};
	if (!task->until && !task->retries)
		return 0;
	if (keyword_number(r, task->retries, DEFAULT_RETRIES, &retries, err) < 0 ||
		keyword_number(r, task->delay, DEFAULT_DELAY, &a->delay, err) < 0)
		return -1;
	a->retries = retries > 0 ? (int64_t)retries : 0;
	if (a->delay < 0)
		a->delay = 1;
	return 0;
}

/* Makes a result that says why nothing was done. */
static void skip(struct outcome *out, struct arena *arena, const char *key, const char *why)
{
	out->result = value_new_dict(arena);
	out->skipped = true;
	value_dict_set(arena, out->result, "changed", &value_false);
	value_dict_set(arena, out->result, "skipped", &value_true);
	value_dict_set(arena, out->result, key, value_new_string(arena, why));
}

/* True when the conditions hold; else the outcome says what became of the task. */
static bool may_run(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	const struct value *which = NULL;
	struct err why = {0};
	int holds = step_conditions(r, s, &which, &why);

	if (holds < 0) {
		out->unreachable = why.code == ERR_UNREACHABLE || why.code == ERR_AUTH;
		result_fail(out, arena, &why);
	}
	if (holds == 0) {
		skip(out, arena, "skip_reason", "Conditional result was False");
		value_dict_set(arena, out->result, "false_condition", which);
	}
	return holds == 1;
}

/* ---- attempts ---- */

/* Evaluates changed_when or failed_when into the result. */
static void judge(struct runner *r, struct outcome *out, struct arena *arena,
	const struct value *condition, const char *key, const char *error_key)
{
	const struct value *which;
	struct err why = {0};

	if (!condition)
		return;
	int holds = conditions_hold(r, condition, &which, &why);
	if (holds < 0) {
		value_dict_set(arena, out->result, "failed", &value_true);
		value_dict_set(
			arena, out->result, error_key, value_new_string(arena, why.text));
		return;
	}
	value_dict_set(arena, out->result, key, value_bool(holds));
	if (strcmp(key, "failed") == 0)
		value_dict_set(arena, out->result, error_key, value_bool(holds));
}

/* True when no further attempt is needed. */
static int is_done(struct runner *r, const struct task *task, const struct attempts *a,
	const struct outcome *out, struct err *err)
{
	const struct value *which;

	if (a->until)
		return conditions_hold(r, task->until, &which, err);
	return !result_is(out->result, "failed");
}

/*
 * What the task says of an attempt's result, which the conditions see under the name that it
 * is registered by. 1 when it is done, 0 when it should be tried again, -1 with err.
 */
static int assess(struct runner *r, const struct execution *x, const struct attempts *a,
	int64_t attempt, struct outcome *out, struct err *err)
{
	const struct task *task = x->call.step->task;
	struct arena *arena = x->call.arena;

	if (!(task->module->flags & MODULE_ON_ENGINE))
		result_add_lines(arena, out->result);
	result_complete(arena, out->result);
	if (a->until)
		value_dict_set(
			arena, out->result, "attempts", value_new_int(arena, attempt + 1));
	if (!task->changed_when && !task->failed_when && !a->until && a->retries == 0)
		return 1;
	vars_view_enter(r->host->view, arena);
	if (task->register_name) {
		struct value *layer = value_new_dict(arena);
		value_dict_set(arena, layer, task->register_name,
			result_to_register(arena, out->result));
		vars_view_add(r->host->view, VARS_MAGIC, "register", layer);
	}
	if (!value_dict_get(out->result, "skipped")) {
		judge(r, out, arena, task->changed_when, "changed", "changed_when_result");
		judge(r, out, arena, task->failed_when, "failed", "failed_when_result");
	}
	int done = a->until || a->retries ? is_done(r, task, a, out, err) : 1;
	vars_view_leave(r->host->view);
	return done;
}

static int call_module(struct runner *r, struct execution *x, struct err *err)
{
	const struct module *m = x->call.step->task->module;

	if (r->transaction.id && m->flags & MODULE_ENDS_TRANSACTION)
		return err_set(err, ERR_UNSUPPORTED, MODULE_NO_TRANSACTION, m->name);
	return x->job.limit > 0 ? job_run(r, x, err) : m->run(&x->call, err);
}

/* Calls the module once. -1 when its node is out of reach or the operator stops it. */
static int call_once(struct runner *r, struct execution *x, struct outcome *out)
{
	struct module_call *c = &x->call;
	struct execution *outer = r->now;
	struct err why = {0};

	c->result = out->result = value_new_dict(c->arena);
	c->until = runner_deadline(r);
	if (x->timeout > 0)
		c->until = deadline_min(c->until, deadline_in(x->timeout));
	out->failed = false;
	r->now = x;
	int result = call_module(r, x, &why);
	r->now = outer;
	out->result = c->result;
	if (result == 0)
		return 0;
	if (why.code == ERR_TIMEOUT && x->timeout > 0 && deadline_passed(c->until))
		err_set(&why, ERR_TIMEOUT,
			"the %s action did not end within its timeout of %g seconds and was "
			"given up",
			c->step->task->module_name, x->timeout);
	if (x->line && x->line->link && why.code == ERR_UNREACHABLE && !line_works(x->line)) {
		line_abort(x->line);
		x->lost = true;
	}
	/* Of a host out of reach a module has nothing to tell. */
	if (x->lost)
		c->result = out->result = value_new_dict(c->arena);
	result_fail(out, c->arena, &why);
	out->stopped = why.code == ERR_CANCELLED;
	if (!x->lost)
		return out->stopped ? -1 : 0;
	value_dict_set(c->arena, out->result, "unreachable", &value_true);
	value_dict_remove(c->arena, out->result, value_new_string(c->arena, "failed"));
	out->failed = false;
	out->unreachable = true;
	return -1;
}

static int attempt_all(
	struct runner *r, struct execution *x, const struct attempts *a, struct outcome *out)
{
	struct arena *arena = x->call.arena;
	struct err why = {0};

	for (int64_t i = 0;; i++) {
		if (call_once(r, x, out) < 0)
			return -1;
		int done = assess(r, x, a, i, out, &why);
		if (done < 0) {
			result_fail(out, arena, &why);
			return 0;
		}
		if (done || i == a->retries) {
			if (!done && a->retries > 0) {
				value_dict_set(arena, out->result, "attempts",
					value_new_int(arena, a->retries));
				value_dict_set(arena, out->result, "failed", &value_true);
			}
			return 0;
		}
		runner_post(r, (struct run_event){.kind = RUN_RETRY,
				       .step = x->call.step,
				       .title = r->title,
				       .delegate = x->delegate,
				       .handler = x->call.step->handler,
				       .number = (uint64_t)(a->retries - i)});
		if (line_idle(&r->line, deadline_in(a->delay), runner_soft_cancel(r), &why) <
			0) {
			out->stopped = true;
			result_fail(out, arena, &why);
			return -1;
		}
	}
}

/* True when check mode leaves a module out. */
static bool is_unchecked(const struct module_call *c)
{
	return c->check && !(c->step->task->module->flags & (MODULE_CHECKS));
}

static void settle(
	struct runner *r, const struct execution *x, struct outcome *out, struct err *err)
{
	const struct value *notify = step_attribute(x->call.step, ATTRIBUTE_NOTIFY);

	out->skipped = result_is(out->result, "skipped");
	out->changed = result_is(out->result, "changed");
	out->failed = result_is(out->result, "failed");
	if (notify && !out->skipped && !r->undoing && handlers_collect(r, notify, err) < 0)
		result_fail(out, x->call.arena, err);
}

void task_execute(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	struct execution x = {.call = {.runner = r, .step = s, .arena = arena}};
	struct attempts attempts;
	struct err why = {0};

	if (!may_run(r, s, arena, out))
		return;
	if (read_keywords(r, &x, out, &why) < 0 || job_read(r, &x, &why) < 0 ||
		read_attempts(r, s->task, &attempts, &why) < 0 ||
		step_bool(r, s, ATTRIBUTE_IGNORE_ERRORS, false, &out->ignored, &why) < 0) {
		result_fail(out, arena, &why);
		return;
	}
	if (is_unchecked(&x.call) && x.job.limit == 0) {
		skip(out, arena, "msg",
			arena_printf(arena, "remote module (%s) does not support check mode",
				s->task->module_name));
		value_dict_set(arena, out->result, "failed", &value_false);
		return;
	}
	if (call_render_arguments(r, &x.call, &why) < 0) {
		out->unreachable = why.code == ERR_UNREACHABLE || why.code == ERR_AUTH;
		result_fail(out, arena, &why);
		return;
	}
	if (attempt_all(r, &x, &attempts, out) == 0)
		settle(r, &x, out, &why);
}
