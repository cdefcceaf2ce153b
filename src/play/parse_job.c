/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives a connection, as far as it can be judged without a host: `async`, reboots. */
#include "play/convert.h"
#include "play/job.h"
#include "play/parse.h"

bool job_possible(const struct module *m)
{
	/* Those that Ansible works on its own machine, or in steps, and that refuse it there.
	 */
	static const char *const apart[] = {"assemble", "async_status", "copy", "fetch",
		"gather_facts", "raw", "script", "synchronize", "template", "unarchive",
		"wait_for_connection"};

	if (m->flags & (MODULE_ON_ENGINE | MODULE_INCLUDES))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(apart); i++)
		if (strcmp(m->name, apart[i]) == 0)
			return false;
	return true;
}

/* True for what is written as this number, with no template in it. */
static bool is_zero(const struct value *v)
{
	double d;

	return v && !parse_is_template(v) && value_to_number(v, &d) && d <= 0;
}

/* Whether the play has a transaction, as far as that is written. */
static bool has_transaction(const struct play *play)
{
	const struct value *enabled = play ? play->transaction.enabled : NULL;
	bool on;

	return enabled && value_to_bool(enabled, &on) && on;
}

/* A module that would have the transaction around it undone. */
static void check_transaction(struct parser *p, const struct target *t)
{
	const struct task *task = t->step->task;

	if (task->module && task->module->flags & MODULE_ENDS_TRANSACTION &&
		has_transaction(t->play))
		diag_error(
			p->diags, &t->step->place, MODULE_NO_TRANSACTION, task->module->name);
}

void parse_job(struct parser *p, const struct target *t)
{
	const struct task *task = t->step->task;

	check_transaction(p, t);
	/* What a template gives is judged when the task runs. */
	if (!task->async || !task->module || task->async->kind == VALUE_NULL ||
		parse_is_template(task->async) || is_zero(task->async))
		return;
	const struct place *place = &task->async->place;
	if (!job_possible(task->module))
		diag_error(p->diags, place,
			"async: \"%s\" cannot be a job: it works on this machine, or in steps "
			"of both",
			task->module_name);
	else if (has_transaction(t->play))
		diag_error(p->diags, place, JOB_TRANSACTION);
	else if (!(task->module->flags & MODULE_JOB) && is_zero(task->poll))
		diag_error(p->diags, place, JOB_NOT_ALONE, task->module_name);
}
