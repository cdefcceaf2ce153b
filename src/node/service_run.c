/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service_run.h"

void service_program_add(struct service_program *p, const char *word)
{
	if (p->argc + 1 < ARRAY_SIZE(p->argv))
		p->argv[p->argc++] = word;
}

int service_program_run(
	struct service_work *w, struct service_program *p, deadline until, struct err *err)
{
	struct node_call part;

	p->ran.argv = p->argv;
	p->ran.env = p->env[0] ? p->env : NULL;
	p->ran.until = until;
	if (!w->call)
		return call_run(NULL, &p->ran, err);
	/* What explains a failure may take longer than the call had. */
	part = *w->call;
	part.until = until;
	return call_run(&part, &p->ran, err);
}

void service_program_release(struct service_program *p)
{
	call_program_release(&p->ran);
}
