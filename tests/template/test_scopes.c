/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the evaluator remembers and leaves out must not show: names that are not looked for in
 * scopes, places where something was found last, variables that are not copied, results that
 * are written into the caller's buffer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strmap.h"
#include "template/harness.h"

static const char variables[] =
	"n: 5\nname: outer\nlist: [1, 2]\nmixed: [{a: 1, b: 2}, {b: 3, a: 4}, {c: 0, a: 5}]\n"
	"wide: {k1: 1, k2: 2, k3: 3, k4: 4, k5: 5, k6: 6, k7: 7, k8: 8, k9: 9, long_key_10: "
	"10}\n";

/* Templates that others name; the harness's own is "main". */
struct library {
	struct harness h;
	struct strmap files;
};

static const struct template *load(
	void *data, const char *name, const char *parent, struct err *err)
{
	struct library *l = data;
	const struct place at = {.file = name, .line = 1, .column = 1};
	const char *source = strmap_get(&l->files, name);

	(void)parent;
	if (!source) {
		err_set(err, ERR_NOTFOUND, "%s", name);
		return NULL;
	}
	return template_compile(
		&l->h.arena, source, strlen(source), &at, &template_syntax_file, err);
}

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	const struct library *l = data;
	const struct value_pair *pair = value_dict_seek(l->h.vars, name);

	(void)err;
	return pair ? pair->value : NULL;
}

static void library_init(struct library *l)
{
	*l = (struct library){0};
	harness_init(&l->h, variables);
	l->h.ctx.lookup = lookup;
	l->h.ctx.load = load;
	l->h.ctx.data = l;
}

static void library_release(struct library *l)
{
	strmap_release(&l->files, NULL);
	harness_release(&l->h);
}

static void add(struct library *l, const char *name, const char *source)
{
	strmap_set(&l->files, name, (void *)(uintptr_t)source);
}

static void expect(struct library *l, const char *template, const char *json)
{
	assert_string_equal(harness_eval(&l->h, template), json);
}

/* A name that its own template never sets may stand in a scope of one that includes it. */
static void test_names_of_other_templates(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	add(&l, "shows", "{{ name }}{{ i }}");
	expect(&l, "{% set name = 'in' %}{% for i in list %}{% include 'shows' %}{% endfor %}",
		"\"in1in2\"");
	expect(&l,
		"{% set name = 'in' %}{% for i in list %}{% include 'shows' without context "
		"%}{% endfor %}",
		"shows:1:4: 'name' is undefined");
	library_release(&l);
}

static void test_imported_macros(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	add(&l, "macros", "{% macro show() %}{{ name | default('none') }}{% endmacro %}");
	expect(&l, "{% set name = 'in' %}{% from 'macros' import show %}-{{ show() }}",
		"\"-none\"");
	expect(&l,
		"{% set name = 'in' %}{% from 'macros' import show with context %}-{{ show() "
		"}}",
		"\"-in\"");
	library_release(&l);
}

static void test_names_of_a_child(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	add(&l, "base", "{{ title }}:{% block a %}{{ title }}{% endblock %}");
	expect(&l, "{% extends 'base' %}{% set title = 't' %}", "\"t:t\"");
	library_release(&l);
}

/* The same expression meets dicts whose keys stand elsewhere, and dicts with an index. */
static void test_keys_elsewhere(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	expect(&l,
		"{% for m in mixed %}{{ m.a }}{{ m['a'] }}{{ m.b | default('-') }} {% endfor "
		"%}",
		"\"112 443 55- \"");
	expect(&l, "{% for m in [wide, {'k9': 0}, wide] %}{{ m.k9 }}{% endfor %}", "\"909\"");
	expect(&l, "{{ wide.long_key_10 }}{{ wide.long_key_11 is defined }}", "\"10False\"");
	expect(&l, "{{ mixed | map(attribute='a') | list }}", "[1, 4, 5]");
	expect(&l, "{{ mixed | sort(attribute='b') }}",
		"t:1:12: a value of type 'dict' has no attribute 'b'");
	library_release(&l);
}

/* A scope that holds a name at a place where another scope holds another one. */
static void test_names_elsewhere(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	expect(&l,
		"{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(1, 2) }}{{ m(b=3, a=4) }}",
		"\"1243\"");
	expect(&l,
		"{% for i in [1, 2] %}{% if i == 2 %}{% set x = 0 %}{% endif %}{% set y = i %}"
		"{{ y }}{% endfor %}",
		"\"12\"");
	expect(&l, "{% for loop in list %}{{ loop }}{% endfor %}", "\"12\"");
	expect(&l,
		"{% set y = 1 %}{% macro m() %}{{ y }}{% endmacro %}{% set y = 2 %}{{ m() }}",
		"2");
	library_release(&l);
}

/* What a template, or one that it uses, changes is its own copy. */
static void test_variables_stay(void **state)
{
	static const char *const templates[] = {
		"{% set _ = list.append(3) %}{{ list }}",
		"{% include 'appends' %}",
		"{% import 'appends' as a with context %}{{ a.kept }}",
		"{% set which = 'appends' %}{% include which %}",
		"{% include 'indirect' %}",
		"{% extends 'appends' %}",
	};
	struct library l;

	(void)state;
	library_init(&l);
	add(&l, "appends", "{% set _ = list.append(3) %}{% set kept = list %}{{ list }}");
	add(&l, "indirect", "{% include 'appends' %}");
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		expect(&l, templates[i], "[1, 2, 3]");
		expect(&l, "{{ list }}", "[1, 2]");
	}
	library_release(&l);
}

/* Templates that include each other are looked at once, and what is not there is no error. */
static void test_uses_in_a_circle(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	add(&l, "a", "a{% if false %}{% include 'b' %}{% include 'missing' %}{% endif %}");
	add(&l, "b", "b{% include 'a' %}{% include 'b' ignore missing %}");
	expect(&l, "{% include 'a' %}{% if n < 0 %}{% include 'bad' %}{% endif %}", "\"a\"");
	add(&l, "bad", "{{");
	expect(&l, "{% include 'a' %}{% if n < 0 %}{% include 'bad' %}{% endif %}", "\"a\"");
	assert_non_null(strstr(harness_eval(&l.h, "{% include 'bad' %}"), "bad:1:"));
	library_release(&l);
}

/* That there is no such variable is remembered, and forgotten with the rest. */
static void test_absent_variables(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	expect(&l, "{{ late is defined }}", "false");
	struct value *vars = value_new_dict(&l.h.arena);
	value_dict_set(&l.h.arena, vars, "late", &value_true);
	l.h.vars = vars;
	expect(&l, "{{ late is defined }}", "false");
	template_context_forget(&l.h.ctx);
	expect(&l, "{{ late is defined }}", "true");
	library_release(&l);
}

static int render(struct library *l, const char *source, struct strbuf *out)
{
	const struct template *t = template_compile(
		&l->h.arena, source, strlen(source), NULL, &template_syntax_file, &l->h.err);

	assert_non_null(t);
	return template_render(&l->h.ctx, t, NULL, out, &l->h.err);
}

/* Rendering appends; what fails leaves nothing behind. */
static void test_render_appends(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct library l;

	(void)state;
	library_init(&l);
	strbuf_addstr(&out, "before ");
	assert_int_equal(render(&l, "{{ n }}", &out), 0);
	assert_int_equal(render(&l, "{{ none }}", &out), 0);
	assert_int_equal(render(&l, " {{ name ~ '!' }}{{ list | join }}", &out), 0);
	assert_string_equal(out.data, "before 5 outer!12");
	assert_int_equal(render(&l, "much {{ name }} text {{ nothing }}", &out), -1);
	assert_int_equal(render(&l, "{{ nothing }}", &out), -1);
	assert_string_equal(out.data, "before 5 outer!12");
	library_release(&l);
}

/* Texts under construction stand on one another in one buffer. */
static void test_nested_texts(void **state)
{
	struct library l;

	(void)state;
	library_init(&l);
	expect(&l,
		"a{{ ('b' ~ ('c' | upper) ~ [1, 'd' ~ 2] | join('-')) | replace('C', 'x' ~ n) "
		"}}z",
		"\"abx51-d2z\"");
	expect(&l,
		"{% macro m(t) %}<{{ t | upper }}{{ caller() }}>{% endmacro %}"
		"{% call m('q' ~ 1) %}{% filter lower %}IN{{ n }}{% endfilter %}{% endcall %}",
		"\"<Q1in5>\"");
	expect(&l,
		"{% set t %}{% for i in list %}{{ i }}{% endfor %}!{% endset %}{{ t }}{{ t }}",
		"\"12!12!\"");
	library_release(&l);
}

/* Steps are counted to the one, however they are taken. */
static void test_steps_are_counted(void **state)
{
	unsigned least[2] = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *template = i ? "{% for i in range(100) %}{{ i }}{% endfor %}"
					 : "{% for i in range(50) %}{{ i }}{% endfor %}";
		for (unsigned steps = 1; !least[i]; steps++) {
			struct library l;
			library_init(&l);
			l.h.ctx.limits.steps = steps;
			harness_eval(&l.h, template);
			if (l.h.err.code == ERR_NONE)
				least[i] = steps;
			else
				assert_int_equal(l.h.err.code, ERR_LIMIT);
			library_release(&l);
		}
	}
	/* Twice the passes are about twice the steps. */
	assert_in_range(least[1], 2 * least[0] - 20, 2 * least[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_other_templates),
		cmocka_unit_test(test_imported_macros),
		cmocka_unit_test(test_names_of_a_child),
		cmocka_unit_test(test_keys_elsewhere),
		cmocka_unit_test(test_names_elsewhere),
		cmocka_unit_test(test_variables_stay),
		cmocka_unit_test(test_uses_in_a_circle),
		cmocka_unit_test(test_absent_variables),
		cmocka_unit_test(test_render_appends),
		cmocka_unit_test(test_nested_texts),
		cmocka_unit_test(test_steps_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
