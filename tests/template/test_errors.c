/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: each names its place, what is wrong, and what to do where there is something.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "template/harness.h"

struct expectation {
	const char *template;
	const char *text;
};

static void check(const struct expectation *table, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		struct harness h;
		harness_init(&h, "n: 5\nd: {a: 1}\nlist: [1]\ns: text\n");
		const char *text = harness_eval(&h, table[i].template);
		if (strcmp(text, table[i].text) != 0) {
			print_message("%s\n  want %s\n  got  %s\n", table[i].template,
				table[i].text, text);
			wrong++;
		}
		harness_release(&h);
	}
	assert_int_equal(wrong, 0);
}

static void test_syntax(void **state)
{
	static const struct expectation table[] = {
		{"{{ n", "t:1:1: what begins here is not closed; add }}"},
		{"a\nb {{ n + }}",
			"t:2:10: found 'end of print statement', expected an expression"},
		{"{{ (n }}", "t:1:7: unexpected '}', expected ')'"},
		{"{{ n) }}", "t:1:5: unexpected ')'"},
		{"{{ [n) }}", "t:1:6: unexpected ')', expected ']'"},
		{"{{ 'abc }}", "t:1:4: the string that begins here is not closed"},
		{"{{ '\\xZ' }}", "t:1:5: the escape \\x in this string is not valid"},
		{"{{ n ? 1 }}", "t:1:6: unexpected character '?'"},
		{"{{ (n", "t:1:6: the end, where ')' is expected"},
		{"{{ n.'a' }}",
			"t:1:6: found a string, expected a name or a number behind '.'"},
		{"{{ n[] }}", "t:1:6: found ']', expected an index or a key"},
		{"{{ n | uper }}", "t:1:8: there is no filter 'uper'; did you mean 'upper'?"},
		{"{{ n is definde }}",
			"t:1:9: there is no test 'definde'; did you mean 'defined'?"},
		{"{{ n is even is odd }}",
			"t:1:14: tests cannot follow one another; join them with 'and'"},
		{"{{ f(**d, 1) }}",
			"t:1:11: an argument in the wrong order: first values, then "
			"name=value, *list, **mapping"},
		{"{% fro x in y %}", "t:1:4: there is no tag 'fro'; did you mean 'for'?"},
		{"{% if n %}x{% endfi %}", "t:1:15: there is no tag 'endfi' here; expected "
					   "'elif', 'else' or 'endif'; did you mean 'endif'?"},
		{"{% if n %}x", "t:1:12: found the end of the template, expected 'elif', "
				"'else' or 'endif'"},
		{"{% raw %}{% endraw %}{% call f() %}x",
			"t:1:37: found the end of the template, expected 'endcall'"},
		{"{% for in list %}", "t:1:8: found 'in', expected an expression"},
		{"{% for 1 in list %}", "t:1:8: this cannot be assigned to; expected a name"},
		{"{% for x of list %}", "t:1:10: found 'of', expected 'in'"},
		{"{% set none = 1 %}", "t:1:8: this cannot be assigned to; expected a name"},
		{"{% set n.a.b = 1 %}", "t:1:11: found '.', expected 'end of statement block'"},
		{"{% call n %}x{% endcall %}",
			"t:1:9: expected a call, as in {% call macro() %}"},
		{"{% macro m(a=1, b) %}{% endmacro %}",
			"t:1:17: a parameter without a default behind one that has a default"},
		{"{% block b %}{% endblock %}{% block b %}{% endblock %}",
			"t:1:37: a second block with the name 'b'"},
		{"{% continue %}", "t:1:4: 'continue' outside of a loop"},
		{"{% import 'x' %}", "t:1:15: found 'end of statement block', expected 'as'"},
		{"{% from 'x' import _y %}",
			"t:1:20: names that begin with '_' cannot be imported"},
		{"{# open", "t:1:1: the comment that begins here is not closed; add #}"},
		{"{% raw %}{{ x }}", "t:1:1: the raw block that begins here is not closed; add "
				     "{% endraw %}"},
		{"#jinja2: trim_block: True\nx",
			"t:1:1: in the line that begins with #jinja2:: "
			"unknown option; did you mean 'trim_blocks'"},
	};

	(void)state;
	check(table, ARRAY_SIZE(table));
}

static void test_evaluation(void **state)
{
	static const struct expectation table[] = {
		{"{{ nothing }}", "t:1:4: 'nothing' is undefined"},
		{"a\n  {{ nothing.x }}", "t:2:6: 'nothing' is undefined"},
		{"{{ d.zz }}", "t:1:5: a value of type 'dict' has no attribute 'zz'"},
		{"{{ d['zz'] }}", "t:1:5: a value of type 'dict' has no attribute 'zz'"},
		{"{{ list[7] }}", "t:1:8: a value of type 'list' has no element 7"},
		{"{{ none.x }}", "t:1:8: None has no attribute 'x'"},
		{"{{ 1 + 's' }}", "t:1:6: unsupported operand type(s) for +: 'int' and 'str'"},
		{"{{ s + 1 }}", "t:1:6: can only concatenate str (not \"int\") to str; use ~"},
		{"{{ 1 / 0 }}", "t:1:6: division by zero"},
		{"{{ 1 < 'a' }}",
			"t:1:4: '<' not supported between instances of 'int' and 'str'"},
		{"{{ s | join(1, 2, 3) }}",
			"t:1:8: join: takes at most 2 arguments, 3 were given"},
		{"{{ s | replace('a') }}", "t:1:8: replace: missing the argument 'new'"},
		{"{{ s | upper(x=1) }}", "t:1:8: upper: got an unexpected argument 'x'"},
		{"{{ s | replace('a', 'b', old='c') }}",
			"t:1:8: replace: got multiple values for argument 'old'"},
		{"{{ n() }}", "t:1:5: 'int' object is not callable"},
		{"{% for i in n %}{% endfor %}", "t:1:4: 'int' object is not iterable"},
		{"{% for a, b in [[1]] %}{% endfor %}",
			"t:1:4: not enough values to unpack (expected 2, got 1)"},
		{"{% include 'nowhere' %}",
			"t:1:4: template 'nowhere' not found: no files can be read here"},
		{"{{ lookup('file', 'x') }}", "t:1:10: file: no files can be read here"},
		{"{{ lookup('pipe', 'x') }}", "t:1:10: pipe: no programs can be run here"},
		{"{{ lookup('nowhere') }}", "t:1:10: lookup: there is no lookup 'nowhere'"},
		{"{{ lookup('fil', 'a') }}",
			"t:1:10: lookup: there is no lookup 'fil'; did you mean 'file'?"},
		{"{{ [1, [2, nothing]] }}", "t:1:12: 'nothing' is undefined"},
	};

	(void)state;
	check(table, ARRAY_SIZE(table));
}

/* Numbers that are none, and what would be larger than anybody means. */
static void test_formats(void **state)
{
	static const struct expectation table[] = {
		{"{{ '%99999d' % n }}", "t:1:14: a width above 10000"},
		{"{{ '%*d' % (10001, n) }}", "t:1:10: * wants int"},
		{"{{ '%.10001f' % n }}", "t:1:15: a width above 10000"},
		{"{{ '{:10001}'.format(n) }}", "t:1:21: a width or precision above 10000"},
		{"{{ '{:.10001f}'.format(n) }}", "t:1:23: a width or precision above 10000"},
		{"{{ '%d' % ('inf' | float) }}", "t:1:9: infinity cannot be an integer"},
		{"{{ '%d' % ('nan' | float) }}", "t:1:9: NaN cannot be an integer"},
		{"{{ ('9' * 400) | human_to_bytes }}", "t:1:18: infinity cannot be an integer"},
		{"{{ ('9' * 300 ~ 'Y') | human_to_bytes }}",
			"t:1:24: infinity cannot be an integer"},
		{"{{ '{0.x.}'.format(d) }}",
			"t:1:19: a value of type 'dict' has no attribute 'x'"},
		{"{{ '{0[x'.format(d) }}", "t:1:17: expected '}' before end of string"},
		{"{{ '{0[x}'.format(d) }}",
			"t:1:18: the field '[x' is neither .NAME nor [KEY]"},
		{"{{ '{}{0}'.format(n) }}",
			"t:1:18: the format has {} and {0}, which exclude each other"},
		{"{{ '{:,x}'.format(n) }}", "t:1:18: cannot specify ',' with 'x'"},
		{"{{ '{:x}'.format(s) }}",
			"t:1:17: unknown format code 'x' for object of type 'str'"},
		{"{{ '%(zz)s' % d }}", "t:1:13: format key 'zz' is not there"},
	};

	(void)state;
	check(table, ARRAY_SIZE(table));
}

/* An error inside a variable names the place where the variable was written. */
static void test_place_in_variable(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, "a: 1\nb:\n  c: '{{ a.b.c }}'\n");
	assert_string_equal(harness_eval(&h, "{{ b.c }}"),
		"vars.yaml:3:10: a value of type 'int' has no attribute 'b'");
	harness_release(&h);
}

static void test_caret(void **state)
{
	static const char source[] = "first\n\t{{ x }}\nlast";
	struct strbuf out = STRBUF_INIT;

	(void)state;
	template_caret(source, strlen(source), 2, 5, &out);
	assert_string_equal(out.data, "\t{{ x }}\n\t   ^\n");
	strbuf_clear(&out);
	template_caret(source, strlen(source), 3, 1, &out);
	assert_string_equal(out.data, "last\n^\n");
	strbuf_clear(&out);
	template_caret(source, strlen(source), 4, 1, &out);
	template_caret(source, strlen(source), 1, 7, &out);
	template_caret(source, strlen(source), 0, 1, &out);
	assert_string_equal(out.data, "");
	strbuf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_evaluation),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_place_in_variable),
		cmocka_unit_test(test_caret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
