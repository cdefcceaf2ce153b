/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes lexer, parser and evaluator with whole templates, small limits, a few variables and
 * no files.
 */
#include "template/template.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char variables[] =
	"{\"n\": 5, \"s\": \"text\", \"l\": [1, \"a\", [2]], \"d\": {\"a\": 1, \"b\": {\"c\": "
	"null}},"
	" \"t\": \"{{ n + 1 }}\", \"loop_a\": \"{{ loop_b }}\", \"loop_b\": \"{{ loop_a }}\","
	" \"u\": [{\"name\": \"x\", \"age\": 3}]}";

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	(void)err;
	return value_dict_get(data, name->text);
}

/* A template that is included or extended: the one under test itself. */
static const struct template *load(
	void *data, const char *name, const char *parent, struct err *err)
{
	(void)data;
	(void)parent;
	err_set(err, ERR_NOTFOUND, "%s", name);
	return NULL;
}

static void run(struct arena *arena, const struct template *t, bool native, struct err *err)
{
	struct template_context ctx;
	struct strbuf out = STRBUF_INIT;

	template_context_init(&ctx, arena);
	ctx.lookup = lookup;
	ctx.load = load;
	ctx.data = (void *)(uintptr_t)json_read(
		arena, variables, sizeof(variables) - 1, NULL, NULL, NULL, err);
	ctx.native = native;
	ctx.limits = (struct template_limits){
		.steps = 20000, .depth = 100, .output = 100000, .memory = 16u << 20};
	template_render(&ctx, t, NULL, &out, err);
	template_context_release(&ctx);
	strbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct template_syntax *syntaxes[] = {
		&template_syntax_yaml, &template_syntax_file, &template_syntax_jinja};
	struct arena arena = {0};
	struct err err = {0};

	if (size == 0)
		return 0;
	/* The first byte chooses how the rest is read. */
	const char *text = (const char *)data + 1;
	const struct template *t =
		data[0] % 4 == 3
			? template_compile_expression(&arena, text, size - 1, NULL, &err)
			: template_compile(
				  &arena, text, size - 1, NULL, syntaxes[data[0] % 4], &err);
	if (t)
		run(&arena, t, data[0] & 4, &err);
	arena_release(&arena);
	return 0;
}
