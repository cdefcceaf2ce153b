/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks with `async`: begun, and waited for where `poll` says so. */
#include "play/job.h"

#include "play/run_state.h"

#define FIRST_PAUSE 0.1 /* seconds until the first look, each next one after twice as long, */
#define LAST_PAUSE  1.0 /* up to this */

#define LIMIT_TEXT "async task did not complete within the requested time - %gs"

int job_read(struct runner *r, struct execution *x, struct err *err)
{
	const struct task *task = x->call.step->task;

	if (!task->async)
		return 0;
	if (keyword_number(r, task->async, 0, &x->job.limit, err) < 0 ||
		keyword_number(r, task->poll, JOB_POLL, &x->job.poll, err) < 0)
		return -1;
	if (x->job.limit < 0)
		return err_set(err, ERR_INPUT, "async: a time limit is not negative");
	if (x->job.poll < 0)
		return err_set(err, ERR_INPUT, "poll: a time is not negative");
	return 0;
}

bool runner_is_job(const struct module_call *c)
{
	return c->runner->now && c->runner->now->job.starts;
}

const struct value *job_start(struct runner *r, struct execution *x, const char *node_module,
	const struct value *args, struct err *err)
{
	struct module_call *c = &x->call;
	struct value *job = value_new_dict(c->arena);
	const struct value *directory = job_directory(c, err);
	const struct value *whole = runner_with_environment(r, x, node_module, args, err);

	if (!directory || !whole)
		return NULL;
	value_dict_set(c->arena, job, "module", value_new_string(c->arena, node_module));
	value_dict_set(c->arena, job, "arguments", whole);
	value_dict_set(c->arena, job, "directory", directory);
	value_dict_set(c->arena, job, "limit", value_new_float(c->arena, x->job.limit));
	value_dict_set(c->arena, job, "base", c->result);
	x->job.started =
		runner_call_node(r, x, "job", job, c->diff ? FRAME_DIFF : 0, x->ctx, err);
	if (x->job.started)
		err_set(err, ERR_CANCELLED, "the module's work is a job now");
	return NULL;
}

/* ---- waiting ---- */

/* Tells of a look, or of the end. */
static void tell(struct runner *r, const struct execution *x, const char *what)
{
	struct value *shown = value_new_dict(x->call.arena);
	static const char *const keys[] = {"ansible_job_id", "started", "finished"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct value *v = value_dict_get(x->call.result, keys[i]);
		if (!v && i == 0)
			v = value_dict_get(x->job.started, keys[i]);
		if (v)
			value_dict_set(x->call.arena, shown, keys[i], v);
	}
	runner_post(r, (struct run_event){.kind = RUN_ASYNC,
			       .step = x->call.step,
			       .title = r->title,
			       .delegate = x->delegate,
			       .handler = x->call.step->handler,
			       .result = shown,
			       .text = what});
}

/*
 * Looks once: 1 at the job's end, 0 before, -1 with err. A host that cannot be reached for a
 * while is what jobs are made for: only at the end of their time that is an error.
 */
static int look(
	struct runner *r, struct execution *x, const char *id, deadline end, struct err *err)
{
	struct module_call *c = &x->call;
	struct err why = {0};

	c->result = value_new_dict(c->arena);
	c->until = runner_deadline(r);
	if (job_ask(c, id, &why) == 0)
		return result_is(c->result, "finished");
	if (x->line && x->line->link && !line_works(x->line))
		line_abort(x->line);
	x->has_ctx = false;
	if (why.code == ERR_CANCELLED || deadline_passed(end) ||
		deadline_passed(runner_deadline(r)))
		return err_set(err, why.code, "%s", why.text);
	x->lost = false;
	return 0;
}

/* The job is over: its result stays the call's, and its file goes. */
static void finish(struct runner *r, struct execution *x, const char *id)
{
	struct module_call *c = &x->call;
	struct value *result = c->result;
	struct err ignored = {0};

	tell(r, x, result_is(result, "failed") ? "FAILED" : "OK");
	c->result = value_new_dict(c->arena);
	job_forget(c, id, &ignored);
	c->result = result;
}

/* The job's time is over, and it has not ended. */
static void give_up(struct runner *r, struct execution *x)
{
	struct module_call *c = &x->call;
	const struct value *last = c->result;

	call_set(c, "stdout_lines", value_new_list(c->arena));
	call_set(c, "stderr_lines", value_new_list(c->arena));
	tell(r, x, "FAILED");
	c->result = value_new_dict(c->arena);
	call_set_bool(c, "failed", true);
	call_set_text(c, "msg", arena_printf(c->arena, LIMIT_TEXT, x->job.limit));
	call_set(c, "async_result", last);
}

/* Looks until the job has ended, or its time is over. */
static int wait_for(struct runner *r, struct execution *x, struct err *err)
{
	deadline end = deadline_in(x->job.limit), told = deadline_in(x->job.poll);
	const char *id = value_text(value_dict_get(x->job.started, "ansible_job_id"));
	double pause = FIRST_PAUSE;

	if (!id)
		return err_set(err, ERR_PROTOCOL, "No job id was returned by the async task");
	for (;;) {
		deadline next = deadline_min(deadline_in(pause), deadline_min(end, told));
		if (wait_until(next, runner_soft_cancel(r), err) < 0)
			return -1;
		int ended = look(r, x, id, end, err);
		if (ended < 0)
			return -1;
		if (ended > 0) {
			finish(r, x, id);
			return 0;
		}
		if (deadline_passed(told)) {
			tell(r, x, "POLL");
			told += (deadline)(x->job.poll * 1e9);
		}
		if (deadline_passed(end)) {
			give_up(r, x);
			return 0;
		}
		pause = pause * 2 < LAST_PAUSE ? pause * 2 : LAST_PAUSE;
	}
}

/* ---- beginning ---- */

/* The keys that the result of every job has. */
static void complete(struct module_call *c)
{
	static const char *const streams[] = {"stdout", "stderr"};

	call_set_bool(c, "started", true);
	call_set_bool(c, "finished", true);
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		if (!value_dict_get(c->result, streams[i]))
			call_set_text(c, streams[i], "");
}

/* A module that is partly this machine's runs here, within the job's time. */
static int run_here(struct runner *r, struct execution *x, struct err *err)
{
	struct module_call *c = &x->call;
	deadline end = deadline_in(x->job.limit);

	(void)r;
	if (x->job.poll <= 0)
		return err_set(err, ERR_UNSUPPORTED, JOB_NOT_ALONE, c->step->task->module_name);
	c->until = deadline_min(c->until, end);
	int result = c->step->task->module->run(c, err);
	if (result < 0 && err->code == ERR_TIMEOUT && deadline_passed(end))
		return err_set(err, ERR_TIMEOUT, LIMIT_TEXT, x->job.limit);
	complete(c);
	return result;
}

/* The rest is the host's own: its module's question becomes the job. */
static int run_there(struct runner *r, struct execution *x, struct err *err)
{
	struct module_call *c = &x->call;

	x->job.starts = true;
	x->job.started = NULL;
	int result = c->step->task->module->run(c, err);
	x->job.starts = false;
	if (!x->job.started)
		return result;
	err_clear(err);
	c->result = value_new_dict(c->arena);
	value_dict_foreach (p, x->job.started)
		value_dict_set_value(c->arena, c->result, p->key, p->value);
	call_set_bool(c, "failed", false);
	job_states_as_bool(c);
	return x->job.poll > 0 ? wait_for(r, x, err) : 0;
}

int job_run(struct runner *r, struct execution *x, struct err *err)
{
	const struct module *m = x->call.step->task->module;

	if (!job_possible(m))
		return err_set(err, ERR_UNSUPPORTED, "async is not supported for this task.");
	if (x->call.check)
		return err_set(err, ERR_UNSUPPORTED,
			"check mode and async cannot be used on same task.");
	if (r->transaction.id)
		return err_set(err, ERR_UNSUPPORTED, JOB_TRANSACTION);
	return m->flags & MODULE_JOB ? run_there(r, x, err) : run_here(r, x, err);
}
