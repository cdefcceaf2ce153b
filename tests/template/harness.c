/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "template/harness.h"
#include "value/json.h"
#include "value/yaml.h"

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	const struct harness *h = data;

	(void)err;
	return value_dict_get(h->vars, name->text);
}

void harness_init(struct harness *h, const char *yaml)
{
	*h = (struct harness){.out = STRBUF_INIT};
	if (yaml) {
		h->vars = yaml_read(
			&h->arena, yaml, strlen(yaml), "vars.yaml", NULL, NULL, &h->err);
		if (!h->vars)
			fail_msg("%s", h->err.text);
	}
	template_context_init(&h->ctx, &h->arena);
	h->ctx.lookup = lookup;
	h->ctx.data = h;
}

void harness_release(struct harness *h)
{
	template_context_release(&h->ctx);
	arena_release(&h->arena);
	strbuf_release(&h->out);
}

static const char *shown(struct harness *h, const struct value *v)
{
	strbuf_clear(&h->out);
	if (!v || json_write(v, NULL, &h->out, &h->err) < 0)
		return h->err.text;
	return h->out.data;
}

const char *harness_eval(struct harness *h, const char *template)
{
	const struct place at = {.file = "t", .line = 1, .column = 1};
	const struct template *t = template_compile(
		&h->arena, template, strlen(template), &at, &template_syntax_file, &h->err);

	return shown(h, t ? template_evaluate(&h->ctx, t, NULL, &h->err) : NULL);
}

const char *harness_expression(struct harness *h, const char *expression)
{
	const struct place at = {.file = "t", .line = 1, .column = 1};
	const struct template *t = template_compile_expression(
		&h->arena, expression, strlen(expression), &at, &h->err);

	return shown(h, t ? template_evaluate(&h->ctx, t, NULL, &h->err) : NULL);
}
