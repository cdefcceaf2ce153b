/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service_run.h"

#include <string.h>

#define SAYS_MAX 400 /* bytes of a program's words in an error */

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

const char *service_program_says(struct arena *a, const struct strbuf *printed)
{
	size_t n = printed->len;

	while (n > 0 && strchr(" \t\r\n", printed->data[n - 1]))
		n--;
	size_t from = n > SAYS_MAX ? n - SAYS_MAX : 0;
	return n ? arena_strndup(a, printed->data + from, n - from) : NULL;
}
