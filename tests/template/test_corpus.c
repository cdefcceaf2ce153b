/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares evaluation with what Jinja2 and ansible-core made of the same templates: the frozen
 * answers in corpus/ (see corpus/freeze.py). Values must be equal as JSON, types included;
 * errors must be of the same kind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/fd.h"
#include "template/template.h"
#include "value/json.h"

/* One frozen file. */
struct corpus {
	struct arena arena;
	const struct value *vars;
	const struct value *files;
	const struct value *cases;
	bool native;
	struct arena scratch;
};

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	const struct corpus *c = data;

	(void)err;
	return value_dict_get(c->vars, name->text);
}

static const struct value *names(void *data, struct err *err)
{
	struct corpus *c = data;
	struct value *list = value_new_list(&c->scratch);

	(void)err;
	value_dict_foreach (pair, c->vars)
		value_list_add(&c->scratch, list, pair->key);
	return list;
}

static const struct template *load(
	void *data, const char *name, const char *parent, struct err *err)
{
	struct corpus *c = data;
	const char *text = value_text(value_dict_get(c->files, name));
	struct place at = {.file = name, .line = 1, .column = 1};

	(void)parent;
	if (!text) {
		err_set(err, ERR_NOTFOUND, "template '%s' not found", name);
		return NULL;
	}
	return template_compile(
		&c->scratch, text, strlen(text), &at, &template_syntax_jinja, err);
}

static const struct value *evaluate(
	struct corpus *c, const struct value *text, const char **kind, struct err *err)
{
	struct template_context ctx;

	*kind = "value";
	if (c->native && !template_is_in(text->text, text->len))
		return text;
	template_context_init(&ctx, &c->scratch);
	ctx.lookup = lookup;
	ctx.load = load;
	ctx.names = names;
	ctx.data = c;
	ctx.native = c->native;
	const struct template *t = template_compile(&c->scratch, text->text, text->len, NULL,
		c->native ? &template_syntax_yaml : &template_syntax_jinja, err);
	*kind = "syntax";
	const struct value *v = t ? template_evaluate(&ctx, t, NULL, err) : NULL;
	if (t)
		*kind = v ? "value" : err->code == ERR_NOTFOUND ? "undefined" : "runtime";
	template_context_release(&ctx);
	return v;
}

/* Runs one case: [template, kind, result]. Returns false and says why when it differs. */
static bool agrees(struct corpus *c, const struct value *item)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf want = STRBUF_INIT;
	const char *kind;
	struct err err = {0};
	const struct value *v = evaluate(c, item->items[0], &kind, &err);

	if (v && json_write(v, NULL, &got, &err) < 0)
		kind = "cannot be JSON";
	json_write(item->items[2], NULL, &want, NULL);
	bool same = strcmp(kind, item->items[1]->text) == 0 &&
		    (!v || strcmp(got.data, want.data) == 0);
	if (!same)
		print_message("%s: %s\n  want %s: %s\n  got  %s: %s\n",
			c->native ? "ansible" : "jinja", item->items[0]->text,
			item->items[1]->text, want.data, kind, v ? got.data : err.text);
	arena_release(&c->scratch);
	return same;
}

static void run_corpus(const char *path, const char *oracle)
{
	struct corpus c = {.native = strcmp(oracle, "ansible") == 0};
	struct err err = {0};
	const struct value *frozen = json_read_file(&c.arena, path, NULL, NULL, &err);
	size_t wrong = 0;

	if (!frozen) {
		fail_msg("%s", err.text);
		return;
	}
	c.vars = value_dict_get(frozen, "vars");
	/* Jinja2 does not look for templates in variables. */
	if (!c.native)
		c.vars = value_copy_unsafe(&c.arena, c.vars);
	c.files = value_dict_get(frozen, "files");
	c.cases = value_dict_get(frozen, oracle);
	for (size_t i = 0; i < c.cases->count; i++)
		wrong += !agrees(&c, c.cases->items[i]);
	print_message("%s: %zu cases, %zu differ\n", path, c.cases->count, wrong);
	arena_release(&c.arena);
	assert_int_equal(wrong, 0);
}

static void test_expressions_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/expressions.json", "ansible");
}

static void test_expressions_jinja(void **state)
{
	(void)state;
	run_corpus("corpus/expressions.json", "jinja");
}

static void test_filters_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/filters.json", "ansible");
}

static void test_filters_jinja(void **state)
{
	(void)state;
	run_corpus("corpus/filters.json", "jinja");
}

static void test_statements_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/statements.json", "ansible");
}

static void test_statements_jinja(void **state)
{
	(void)state;
	run_corpus("corpus/statements.json", "jinja");
}

static void test_more_filters_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/more_filters.json", "ansible");
}

static void test_methods_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/methods.json", "ansible");
}

static void test_methods_jinja(void **state)
{
	(void)state;
	run_corpus("corpus/methods.json", "jinja");
}

static void test_dates_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/dates.json", "ansible");
}

static void test_formats_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/formats.json", "ansible");
}

static void test_formats_jinja(void **state)
{
	(void)state;
	run_corpus("corpus/formats.json", "jinja");
}

static void test_edges_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/edges.json", "ansible");
}

static void test_generated_ansible(void **state)
{
	(void)state;
	run_corpus("corpus/generated.json", "ansible");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions_ansible),
		cmocka_unit_test(test_expressions_jinja),
		cmocka_unit_test(test_filters_ansible),
		cmocka_unit_test(test_filters_jinja),
		cmocka_unit_test(test_statements_ansible),
		cmocka_unit_test(test_statements_jinja),
		cmocka_unit_test(test_more_filters_ansible),
		cmocka_unit_test(test_methods_ansible),
		cmocka_unit_test(test_methods_jinja),
		cmocka_unit_test(test_dates_ansible),
		cmocka_unit_test(test_formats_ansible),
		cmocka_unit_test(test_formats_jinja),
		cmocka_unit_test(test_edges_ansible),
		cmocka_unit_test(test_generated_ansible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
