/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: laziness, loops between variables, trust, limits, callbacks, conditions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "template/harness.h"

static void test_lazy_members(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "x: 7\nd: {good: '{{ x }}', bad: '{{ nowhere }}'}\n"
			 "l: ['{{ x }}', '{{ nowhere }}']\n");
	assert_string_equal(harness_eval(&h, "{{ d.good }}"), "7");
	assert_string_equal(harness_eval(&h, "{{ l[0] }}{{ l | length }}"), "\"72\"");
	assert_string_equal(
		harness_eval(&h, "{{ d }}"), "vars.yaml:2:30: 'nowhere' is undefined");
	assert_string_equal(harness_eval(&h, "{{ d.bad | default('saved') }}"), "\"saved\"");
	assert_string_equal(harness_eval(&h, "{{ d.bad is defined }}"), "false");
	harness_release(&h);
}

static unsigned lookups;

static const struct value *counting_lookup(
	void *data, const struct value_key *name, struct err *err)
{
	const struct harness *h = data;

	(void)err;
	lookups++;
	return value_dict_get(h->vars, name->text);
}

/* A variable is evaluated once, until the context is told to forget. */
static void test_evaluated_once(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "a: '{{ b }}'\nb: '{{ c }}'\nc: 1\n");
	h.ctx.lookup = counting_lookup;
	lookups = 0;
	assert_string_equal(harness_eval(&h, "{{ a }}{{ a }}{{ b }}"), "\"111\"");
	assert_int_equal(lookups, 3);
	assert_string_equal(harness_eval(&h, "{{ a }}"), "1");
	assert_int_equal(lookups, 3);
	template_context_forget(&h.ctx);
	assert_string_equal(harness_eval(&h, "{{ a }}"), "1");
	assert_int_equal(lookups, 6);
	harness_release(&h);
}

static void test_loops(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "a: '{{ b }}'\nb: '{{ c }}'\nc: '{{ a }}'\nself: '{{ self_ }}'\n"
			 "self_: '{{ self_ }}'\nd: {x: '{{ d.y }}', y: '{{ d.x }}'}\n"
			 "fine: {x: 1, y: '{{ fine.x }}'}\n");
	assert_string_equal(harness_eval(&h, "{{ a }}"),
		"vars.yaml:3:7: recursive loop detected: 'a' -> 'b' -> 'c' -> 'a'");
	assert_string_equal(harness_eval(&h, "{{ self_ }}"),
		"vars.yaml:5:11: recursive loop detected: 'self_' -> 'self_'");
	assert_non_null(strstr(harness_eval(&h, "{{ d.x }}"), "recursive loop detected"));
	assert_string_equal(harness_eval(&h, "{{ fine.y }}"), "1");
	harness_release(&h);
}

/* What a template changes, it changes in its copy. */
static void test_changes_stay_inside(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "l: [1]\nd: {x: [1]}\n");
	assert_string_equal(harness_eval(&h, "{% do l.append(2) %}{{ l }}"), "[1, 2]");
	assert_string_equal(harness_eval(&h, "{% do d.x.append(2) %}{{ d.x }}{{ d }}"),
		"\"[1, 2]{'x': [1, 2]}\"");
	assert_string_equal(harness_eval(&h, "{{ l }}{{ d }}"), "\"[1]{'x': [1]}\"");
	assert_non_null(
		strstr(harness_eval(&h, "{{ (l | attr('append'))(3) }}"), "cannot be changed"));
	harness_release(&h);
}

static const struct value *evaluate(struct harness *h, const struct value *v)
{
	const struct value *result = template_value(&h->ctx, v, &h->err);

	if (!result)
		fail_msg("%s", h->err.text);
	return result;
}

static struct value *unsafe_string(struct harness *h, const char *text)
{
	struct value *v = value_new_string(&h->arena, text);

	v->unsafe = true;
	return v;
}

static void test_unsafe_is_not_templated(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "fact: x\nwritten: !unsafe '{{ 1 + 1 }}'\n");
	struct value *vars = value_copy(&h.arena, h.vars);
	value_dict_set(&h.arena, vars, "fact", unsafe_string(&h, "{{ 1 + 1 }}"));
	h.vars = vars;
	assert_string_equal(harness_eval(&h, "{{ fact }}"), "\"{{ 1 + 1 }}\"");
	assert_string_equal(harness_eval(&h, "{{ written }}"), "\"{{ 1 + 1 }}\"");
	const struct value *direct = evaluate(&h, unsafe_string(&h, "{{ 1 + 1 }}"));
	assert_string_equal(direct->text, "{{ 1 + 1 }}");
	harness_release(&h);
}

static const struct value *result_of(struct harness *h, const char *template)
{
	return evaluate(h, value_new_string(&h->arena, template));
}

/* A result that used something unsafe is unsafe; so is one that looks like a template. */
static void test_unsafe_spreads(void **state)
{
	static const char *const using[] = {"{{ fact }}", "a{{ fact }}b", "{{ fact ~ 'x' }}",
		"{{ fact | upper }}", "{{ [fact] | join }}", "{{ facts | to_json }}",
		"{{ 'y' if fact == 'x' }}", "{{ facts.a }}", "{{ list | first }}",
		"{{ chain }}", "{{ '%s' % fact }}", "{{ '{}'.format(facts) }}"};
	struct harness h;

	(void)state;
	harness_init(&h, "safe: s\nchain: '{{ fact }}'\n");
	struct value *vars = value_copy(&h.arena, h.vars);
	struct value *facts = value_new_dict(&h.arena);
	struct value *list = value_new_list(&h.arena);
	value_dict_set(&h.arena, facts, "a", unsafe_string(&h, "x"));
	value_list_add(&h.arena, list, unsafe_string(&h, "x"));
	value_dict_set(&h.arena, vars, "fact", unsafe_string(&h, "x"));
	value_dict_set(&h.arena, vars, "facts", facts);
	value_dict_set(&h.arena, vars, "list", list);
	h.vars = vars;
	for (size_t i = 0; i < ARRAY_SIZE(using); i++) {
		if (!result_of(&h, using[i])->unsafe)
			fail_msg("%s is not unsafe", using[i]);
	}
	assert_false(result_of(&h, "{{ safe }}")->unsafe);
	assert_false(result_of(&h, "a{{ safe }}")->unsafe);
	assert_true(result_of(&h, "{{ '{' ~ '{ x }}' }}")->unsafe);
	harness_release(&h);
}

static void test_limits(void **state)
{
	static const struct {
		const char *template;
		const char *part;
	} table[] = {
		{"{% for i in range(10000000000) %}{% endfor %}", "more than 20000 steps"},
		{"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "inside one another"},
		{"{{ 'x' * 100000000000 }}", "too long"},
		{"{{ [0] * 100000000000 }}", "more than"},
		{"{{ 'x'.center(1000000000) }}", "more than"},
		{"{{ '%1000000000d' % 1 }}", "above"},
		{"{{ 10 ** 5000 }}", "digits"},
		{"{{ 9 ** 9 ** 9 ** 9 ** 9 }}", "digits"},
		{"{% for i in range(9999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor "
		 "%}",
			"a result of more than"},
		{"{% set ns = namespace(x='y') %}{% for i in range(99) %}"
		 "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
			"more than"},
		{"{{ range(100000000) | list }}", "more than"},
		{"{{ 'a' | indent(999999999) }}", "more than"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct harness h;
		harness_init(&h, NULL);
		h.ctx.limits = (struct template_limits){
			.steps = 20000, .output = 100000, .memory = 64u << 20};
		const char *text = harness_eval(&h, table[i].template);
		if (!strstr(text, table[i].part))
			fail_msg("%s: %.200s", table[i].template, text);
		assert_int_equal(h.err.code, ERR_LIMIT);
		harness_release(&h);
	}
}

/* Deep nesting in the source is refused before anything recurses into it. */
static void test_deep_source(void **state)
{
	static const struct {
		const char *open;
		const char *close;
	} table[] = {{"(", ")"}, {"[", "]"}, {"-", ""}, {"not ", ""}, {"{'a':", "}"},
		{"f(", ")"}, {"1 if 1 else ", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct harness h;
		struct strbuf source = STRBUF_INIT;
		harness_init(&h, NULL);
		for (int n = 0; n < 100000; n++)
			strbuf_addstr(&source, table[i].open);
		strbuf_addstr(&source, "1");
		for (int n = 0; n < 100000; n++)
			strbuf_addstr(&source, table[i].close);
		assert_non_null(strstr(harness_expression(&h, source.data), "more than"));
		strbuf_release(&source);
		harness_release(&h);
	}
}

static const struct value *open_vault(void *data, const struct value *vault, struct err *err)
{
	struct harness *h = data;

	if (strcmp(vault->text, "bad") == 0) {
		err_set(err, ERR_AUTH, "no password fits");
		return NULL;
	}
	return value_new_string(&h->arena, "opened");
}

static void test_vault(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, NULL);
	struct value *vars = value_new_dict(&h.arena);
	struct value *inner = value_new_list(&h.arena);
	value_list_add(&h.arena, inner, value_new_text(&h.arena, VALUE_VAULT, "good", 4));
	value_dict_set(
		&h.arena, vars, "good", value_new_text(&h.arena, VALUE_VAULT, "good", 4));
	value_dict_set(&h.arena, vars, "bad", value_new_text(&h.arena, VALUE_VAULT, "bad", 3));
	value_dict_set(&h.arena, vars, "list", inner);
	h.vars = vars;
	assert_non_null(strstr(harness_eval(&h, "{{ good }}"), "no vault password is known"));
	assert_int_equal(h.err.code, ERR_AUTH);
	h.ctx.open_vault = open_vault;
	assert_string_equal(harness_eval(&h, "{{ good }}"), "\"opened\"");
	assert_string_equal(harness_eval(&h, "x{{ list }}"), "\"x['opened']\"");
	assert_string_equal(harness_eval(&h, "{{ list[0] | upper }}"), "\"OPENED\"");
	assert_string_equal(harness_eval(&h, "{{ bad }}"), "t:1:4: no password fits");
	assert_string_equal(evaluate(&h, inner)->items[0]->text, "opened");
	harness_release(&h);
}

static const struct value *get_member(void *data, const char *key, struct err *err)
{
	struct harness *h = data;

	if (strcmp(key, "broken") == 0) {
		err_set(err, ERR_INPUT, "this member is broken");
		return NULL;
	}
	return strcmp(key, "one") == 0 ? value_new_int(&h->arena, 1)
	       : strcmp(key, "t") == 0 ? value_new_string(&h->arena, "{{ 1 }}")
				       : NULL;
}

static const struct value *list_members(void *data, struct err *err)
{
	struct harness *h = data;
	struct value *list = value_new_list(&h->arena);

	(void)err;
	value_list_add(&h->arena, list, value_new_string(&h->arena, "one"));
	value_list_add(&h->arena, list, value_new_string(&h->arena, "t"));
	return list;
}

static void test_mapping(void **state)
{
	static const struct template_mapping mapping = {get_member, list_members};
	struct harness h;

	(void)state;
	harness_init(&h, NULL);
	struct value *vars = value_new_dict(&h.arena);
	value_dict_set(&h.arena, vars, "m", template_new_mapping(&h.arena, &mapping, &h));
	h.vars = vars;
	assert_string_equal(harness_eval(&h, "{{ m.one }}{{ m['one'] }}"), "\"11\"");
	assert_string_equal(harness_eval(&h, "{{ m.t }}"), "\"{{ 1 }}\"");
	assert_string_equal(harness_eval(&h, "{{ m.zz | default('none') }}"), "\"none\"");
	assert_string_equal(
		harness_eval(&h, "{{ 'one' in m }}{{ 'zz' in m }}"), "\"TrueFalse\"");
	assert_string_equal(harness_eval(&h, "{{ m | list }}"), "[\"one\", \"t\"]");
	assert_string_equal(harness_eval(&h, "{{ m }}"), "{\"one\": 1, \"t\": \"{{ 1 }}\"}");
	assert_string_equal(
		harness_eval(&h, "{% for k in m %}{{ k }},{% endfor %}"), "\"one,t,\"");
	assert_non_null(strstr(harness_eval(&h, "{{ m.broken }}"), "this member is broken"));
	assert_string_equal(harness_eval(&h, "{{ m is mapping }}"), "true");
	harness_release(&h);
}

static int condition(struct harness *h, const struct value *v)
{
	err_clear(&h->err);
	return template_condition(&h->ctx, v, NULL, &h->err);
}

static int condition_text(struct harness *h, const char *text)
{
	return condition(h, value_new_string(&h->arena, text));
}

static void test_conditions(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "n: 5\nt: true\nexpr: n == 5\n");
	assert_int_equal(condition(&h, &value_true), 1);
	assert_int_equal(condition(&h, &value_false), 0);
	assert_int_equal(condition_text(&h, " n == 5 "), 1);
	assert_int_equal(condition_text(&h, "n == 6"), 0);
	assert_int_equal(condition_text(&h, "nowhere is defined"), 0);
	assert_int_equal(condition_text(&h, "{{ t }}"), 1);
	assert_int_equal(condition_text(&h, "{{ expr }}"), 1);
	assert_int_equal(condition_text(&h, "{{ 'n == ' ~ 6 }}"), 0);
	assert_int_equal(condition_text(&h, "{{ '{{ t }}' }}"), -1);
	assert_int_equal(condition_text(&h, "'a\\tb' == 'a\tb'"), 1);
	assert_int_equal(condition_text(&h, "n"), -1);
	assert_non_null(strstr(h.err.text, "must be true or false"));
	assert_int_equal(condition_text(&h, ""), -1);
	assert_non_null(strstr(h.err.text, "empty"));
	assert_int_equal(condition_text(&h, "nowhere"), -1);
	assert_int_equal(h.err.code, ERR_NOTFOUND);
	assert_int_equal(condition(&h, unsafe_string(&h, "true")), -1);
	assert_int_equal(condition(&h, value_new_int(&h.arena, 1)), -1);
	h.ctx.any_condition = true;
	assert_int_equal(condition_text(&h, "n"), 1);
	assert_int_equal(condition_text(&h, "n - 5"), 0);
	assert_int_equal(condition_text(&h, "[]"), 0);
	assert_int_equal(condition_text(&h, "{{ [n] }}"), 1);
	assert_int_equal(condition(&h, value_new_int(&h.arena, 0)), 0);
	assert_int_equal(condition_text(&h, "nowhere"), -1);
	harness_release(&h);
}

static void test_omit(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, NULL);
	assert_true(template_is_omit(result_of(&h, "{{ omit }}")));
	assert_false(template_is_omit(result_of(&h, "{{ 1 }}")));
	assert_int_equal(result_of(&h, "{{ [1, omit] }}")->count, 1);
	harness_release(&h);
}

static void test_values_without_templates(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "d: {a: [1, x, null], b: '{not a template}'}\n");
	const struct value *d = value_dict_get(h.vars, "d");
	assert_ptr_equal(evaluate(&h, d), d);
	assert_false(template_is_in_value(d));
	assert_true(template_is_in("a {{", 4));
	assert_true(template_is_in("{% x", 4));
	assert_true(template_is_in("#jinja2: x", 10));
	assert_false(template_is_in("{ {", 3));
	assert_false(template_is_in("{", 1));
	assert_false(template_is_in("", 0));
	harness_release(&h);
}

static void test_locals(void **state)
{
	struct harness h;
	const char *text = "{{ n }}{{ only }}";

	(void)state;
	harness_init(&h, "n: 5\n");
	struct value *locals = value_new_dict(&h.arena);
	value_dict_set(&h.arena, locals, "n", value_new_int(&h.arena, 9));
	value_dict_set(&h.arena, locals, "only", value_new_string(&h.arena, "{{ n }}"));
	const struct template *t = template_compile(
		&h.arena, text, strlen(text), NULL, &template_syntax_yaml, &h.err);
	const struct value *v = template_evaluate(&h.ctx, t, locals, &h.err);
	assert_string_equal(v->text, "9{{ n }}");
	harness_release(&h);
}

static void test_render(void **state)
{
	struct harness h;
	struct strbuf out = STRBUF_INIT;
	const char *texts[] = {
		"{{ none }}", "{% if false %}{% endif %}", "{{ [1, 'a'] }}", "x\n"};

	(void)state;
	harness_init(&h, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct template *t = template_compile(&h.arena, texts[i],
			strlen(texts[i]), NULL, &template_syntax_file, &h.err);
		assert_int_equal(template_render(&h.ctx, t, NULL, &out, &h.err), 0);
	}
	assert_string_equal(out.data, "[1, 'a']x\n");
	strbuf_release(&out);
	harness_release(&h);
}

static void test_dates(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "d: 2024-02-29\nt: 2024-02-29 13:14:15\n");
	assert_string_equal(
		harness_eval(&h, "x{{ d }} {{ t }}"), "\"x2024-02-29 2024-02-29 13:14:15\"");
	assert_string_equal(
		harness_eval(&h, "{{ [d.year, d.month, d.day, t.hour, t.second] }}"),
		"[2024, 2, 29, 13, 15]");
	assert_string_equal(harness_eval(&h, "x{{ [d, t] }}"),
		"\"x[datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 13, 14, "
		"15)]\"");
	assert_string_equal(
		harness_eval(&h, "{{ d.isoformat() }}{{ d.weekday() }}"), "\"2024-02-293\"");
	assert_string_equal(
		harness_eval(&h, "{{ d < '2024-03-01' | to_datetime('%Y-%m-%d') }}"),
		"t:1:4: '<' not supported between instances of 'date' and 'datetime'");
	harness_release(&h);
}

struct shared {
	struct template_cache *cache;
	bool wrong;
};

static void *render_many(void *data)
{
	struct shared *shared = data;
	struct harness h;

	harness_init(&h, "n: 5\na: '{{ n + 1 }}'\nb: '{{ a * 2 }}'\n");
	h.ctx.cache = shared->cache;
	for (int i = 0; i < 200; i++) {
		template_context_forget(&h.ctx);
		shared->wrong |= strcmp(harness_eval(&h, "{{ b }}"), "12") != 0;
	}
	harness_release(&h);
	return NULL;
}

/* Threads with contexts of their own share what is compiled. */
static void test_shared_cache(void **state)
{
	struct shared shared[4];
	pthread_t threads[4];
	struct template_cache *cache = template_cache_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		shared[i] = (struct shared){.cache = cache};
		pthread_create(&threads[i], NULL, render_many, &shared[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_false(shared[i].wrong);
	}
	template_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lazy_members),
		cmocka_unit_test(test_evaluated_once),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_changes_stay_inside),
		cmocka_unit_test(test_unsafe_is_not_templated),
		cmocka_unit_test(test_unsafe_spreads),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_deep_source),
		cmocka_unit_test(test_vault),
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_omit),
		cmocka_unit_test(test_values_without_templates),
		cmocka_unit_test(test_locals),
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_shared_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
