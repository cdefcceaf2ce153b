/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes lexer, parser and evaluator with whole templates, small limits, a few variables and
 * no files: as a template in each syntax, as an expression, as the value of a variable, as a
 * condition. A template that includes, imports or extends anything gets itself.
 */
#include "template/template.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char variables[] =
	"{\"n\": 5, \"s\": \"text\", \"l\": [1, \"a\", [2]], \"d\": {\"a\": 1, \"b\": {\"c\": "
	"null}}, \"t\": \"{{ n + 1 }}\", \"loop_a\": \"{{ loop_b }}\", \"loop_b\": \"{{ loop_a "
	"}}\", \"u\": [{\"name\": \"x\", \"age\": 3}]}";

/* What a template under test meets. */
struct surroundings {
	const struct value *variables;
	const struct template *self; /* NULL: nothing to include */
};

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	const struct surroundings *s = data;

	(void)err;
	return value_dict_get(s->variables, name->text);
}

static const struct template *load(
	void *data, const char *name, const char *parent, struct err *err)
{
	const struct surroundings *s = data;

	(void)parent;
	if (!s->self)
		err_set(err, ERR_NOTFOUND, "%s", name);
	return s->self;
}

static void open_context(struct template_context *ctx, struct arena *arena,
	struct surroundings *s, bool native, struct err *err)
{
	s->variables =
		json_read(arena, variables, sizeof(variables) - 1, NULL, NULL, NULL, err);
	template_context_init(ctx, arena);
	ctx->lookup = lookup;
	ctx->load = load;
	ctx->data = s;
	ctx->native = native;
	ctx->limits = (struct template_limits){
		.steps = 20000, .depth = 100, .output = 100000, .memory = 16u << 20};
}

static void run_template(
	struct arena *arena, const char *text, size_t size, uint8_t how, struct err *err)
{
	const struct template_syntax *syntaxes[] = {
		&template_syntax_yaml, &template_syntax_file, &template_syntax_jinja};
	const struct template *t =
		how % 4 == 3
			? template_compile_expression(arena, text, size, NULL, err)
			: template_compile(arena, text, size, NULL, syntaxes[how % 4], err);
	struct surroundings s = {.self = t};
	struct template_context ctx;
	struct strbuf out = STRBUF_INIT;

	if (!t)
		return;
	open_context(&ctx, arena, &s, how & 4, err);
	template_render(&ctx, t, NULL, &out, err);
	template_context_release(&ctx);
	strbuf_release(&out);
}

static void run_value(
	struct arena *arena, const char *text, size_t size, uint8_t how, struct err *err)
{
	const struct value *v = value_new_stringn(arena, text, size);
	struct surroundings s = {0};
	struct template_context ctx;

	open_context(&ctx, arena, &s, true, err);
	if (how & 4)
		template_condition(&ctx, v, NULL, err);
	else
		template_value(&ctx, v, err);
	template_context_release(&ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct err err = {0};

	if (size == 0)
		return 0;
	/* The first byte chooses how the rest is read. */
	const char *text = (const char *)data + 1;
	if (data[0] & 8)
		run_value(&arena, text, size - 1, data[0], &err);
	else
		run_template(&arena, text, size - 1, data[0], &err);
	arena_release(&arena);
	return 0;
}
