/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/problem.h"

#include "base/vec.h"

void problem_add(struct problem *p, const char *field, const char *detail, ...)
{
	va_list ap;

	va_start(ap, detail);
	*VEC_PUSH(&p->fields) = (struct problem_field){
		.field = xstrdup(field), .detail = xvasprintf(detail, ap)};
	va_end(ap);
}

static void add_member(struct strbuf *out, const char *name, const char *text)
{
	strbuf_addf(out, "\"%s\": ", name);
	strbuf_addjson(out, text, strlen(text));
}

bool problem_answer(struct problem *p, struct http_answer *answer)
{
	size_t count = p->fields.count;

	if (count == 0)
		return false;
	http_answer_problem(
		answer, 422, "%s: %s", p->fields.items[0].field, p->fields.items[0].detail);
	strbuf_truncate(&answer->body, answer->body.len - strlen("}\n"));
	strbuf_addstr(&answer->body, ", \"errors\": [");
	for (size_t i = 0; i < count; i++) {
		struct problem_field *f = &p->fields.items[i];
		strbuf_addstr(&answer->body, i ? ", {" : "{");
		add_member(&answer->body, "field", f->field);
		strbuf_addstr(&answer->body, ", ");
		add_member(&answer->body, "detail", f->detail);
		strbuf_addch(&answer->body, '}');
		free(f->field);
		free(f->detail);
	}
	strbuf_addstr(&answer->body, "]}\n");
	free(p->fields.items);
	*p = (struct problem){0};
	return true;
}
