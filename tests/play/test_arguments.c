/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of modules: aliases, types, choices, defaults, sub-options, and their findings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/module.h"
#include "template/template.h"
#include "value/json.h"
#include "value/yaml.h"

static const char *const path_aliases[] = {"dest", "name", NULL};
static const char *const states[] = {"file", "absent", "directory", NULL};
static const char *const answers[] = {"yes", "no", "maybe", NULL};
static const struct argument inner[] = {
	{.name = "port", .type = ARGUMENT_INT, .required = true},
	{.name = "host", .fallback = "localhost"},
	{0},
};
static const struct argument arguments[] = {
	{.name = ARGUMENT_FREE_FORM, .choices = states},
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "state", .fallback = "file", .choices = states},
	{.name = "answer", .choices = answers},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "yes"},
	{.name = "mode", .type = ARGUMENT_MODE},
	{.name = "count", .type = ARGUMENT_INT},
	{.name = "ratio", .type = ARGUMENT_FLOAT},
	{.name = "names", .type = ARGUMENT_LIST},
	{.name = "ports", .type = ARGUMENT_LIST, .elements = ARGUMENT_INT},
	{.name = "kinds", .type = ARGUMENT_LIST, .choices = states},
	{.name = "checks", .type = ARGUMENT_LIST, .elements = ARGUMENT_DICT, .members = inner},
	{.name = "check", .type = ARGUMENT_DICT, .members = inner},
	{.name = "free", .type = ARGUMENT_DICT},
	{.name = "any", .type = ARGUMENT_RAW},
	{.name = "password", .type = ARGUMENT_INT, .secret = true},
	{0},
};
static const struct module sample = {.name = "sample", .arguments = arguments};
static const struct module open_sample = {
	.name = "open", .arguments = arguments, .flags = MODULE_ANY_ARGUMENT};

struct fixture {
	struct arena arena;
	struct diags diags;
	struct strbuf text;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strbuf_init(&f->text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	diags_release(&f->diags);
	strbuf_release(&f->text);
	free(f);
	return 0;
}

static const struct value *read(struct fixture *f, const char *yaml)
{
	const struct value *v =
		yaml_read(&f->arena, yaml, strlen(yaml), "tasks.yml", NULL, NULL, NULL);

	assert_non_null(v);
	return v;
}

/* What the sample makes of arguments, as JSON. */
static const char *typed(struct fixture *f, const char *yaml)
{
	const struct value *v = module_arguments(&sample, read(f, yaml), &f->arena, &f->err);

	if (!v)
		fail_msg("%s: %s", yaml, f->err.text);
	strbuf_clear(&f->text);
	assert_int_equal(json_write(v, NULL, &f->text, NULL), 0);
	return f->text.data;
}

/* The error of arguments that are refused. */
static const char *refused(struct fixture *f, const char *yaml)
{
	const struct value *v = module_arguments(&sample, read(f, yaml), &f->arena, &f->err);

	if (v)
		fail_msg("%s is accepted", yaml);
	assert_int_equal(f->err.code, ERR_INPUT);
	return f->err.text;
}

/* The findings about arguments before a run, as lines. */
static const char *findings(
	struct fixture *f, const struct module *m, const char *yaml, const char *free_form)
{
	const struct place place = {"tasks.yml", 9, 9};
	const struct value *args = yaml ? read(f, yaml) : NULL;
	int rc = module_check_arguments(m, args, free_form, &place, &f->diags);

	strbuf_clear(&f->text);
	for (size_t i = 0; i < f->diags.count; i++)
		diag_format(&f->diags.items[i], &f->text);
	assert_int_equal(rc, f->diags.count ? -1 : 0);
	return f->text.data;
}

static void test_defaults(void **state)
{
	assert_string_equal(typed(*state, "path: /a"),
		"{\"path\": \"/a\", \"state\": \"file\", \"force\": true}");
}

static void test_aliases(void **state)
{
	assert_string_equal(typed(*state, "{dest: /a, state: absent, force: 0}"),
		"{\"path\": \"/a\", \"state\": \"absent\", \"force\": false}");
}

static void test_null_is_not_given(void **state)
{
	assert_string_equal(typed(*state, "{path: /a, state: null, mode: ~}"),
		"{\"path\": \"/a\", \"state\": \"file\", \"force\": true}");
	assert_string_equal(
		refused(*state, "path: null"), "sample: the argument \"path\" is required");
}

static void test_omit_is_not_given(void **state)
{
	struct fixture *f = *state;
	struct template_context context;
	struct value *args = value_new_dict(&f->arena);
	struct value *omit = value_new_string(&f->arena, "{{ omit }}");

	template_context_init(&context, &f->arena);
	value_dict_set(&f->arena, args, "path", value_new_string(&f->arena, "/a"));
	value_dict_set(&f->arena, args, "mode", template_value(&context, omit, &f->err));
	const struct value *v = module_arguments(&sample, args, &f->arena, &f->err);
	template_context_release(&context);

	assert_non_null(v);
	assert_null(value_dict_get(v, "mode"));
}

static void test_modes(void **state)
{
	static const char *const cases[][2] = {{"0644", "0644"}, {"'0644'", "0644"},
		{"644", "01204"}, {"'644'", "644"}, {"'u=rw,g=r'", "u=rw,g=r"},
		{"0o644", "0o644"}, {"preserve", "preserve"}, {"01777", "01777"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *yaml = xasprintf("{path: /a, mode: %s}", cases[i][0]);
		const struct value *v =
			module_arguments(&sample, read(f, yaml), &f->arena, &f->err);
		assert_non_null(v);
		assert_string_equal(value_text(value_dict_get(v, "mode")), cases[i][1]);
	}
	assert_string_equal(refused(f, "{path: /a, mode: [1]}"),
		"sample: mode: found a list, expected a file's mode, like \"0644\" or "
		"\"u=rw,g=r\"");
	refused(f, "{path: /a, mode: -1}");
}

static void test_lists(void **state)
{
	assert_non_null(
		strstr(typed(*state, "{path: /a, names: 'a,b'}"), "\"names\": [\"a\", \"b\"]"));
	assert_non_null(strstr(
		typed(*state, "{path: /a, names: [a, 1]}"), "\"names\": [\"a\", \"1\"]"));
	assert_non_null(
		strstr(typed(*state, "{path: /a, ports: '80,443'}"), "\"ports\": [80, 443]"));
	assert_non_null(strstr(typed(*state, "{path: /a, ports: 80}"), "\"ports\": [80]"));
	assert_string_equal(refused(*state, "{path: /a, ports: [80, x]}"),
		"sample: ports: found \"x\", expected a whole number");
	assert_string_equal(refused(*state, "{path: /a, kinds: [file, link]}"),
		"sample: kinds: found \"link\", expected file, absent or directory");
}

static void test_choices(void **state)
{
	assert_string_equal(refused(*state, "{path: /a, state: missing}"),
		"sample: state: found \"missing\", expected file, absent or directory");
	/* YAML makes booleans of words that were meant to be texts. */
	assert_non_null(
		strstr(typed(*state, "{path: /a, answer: yes}"), "\"answer\": \"yes\""));
	assert_non_null(strstr(typed(*state, "{path: /a, answer: no}"), "\"answer\": \"no\""));
}

static void test_sub_options(void **state)
{
	assert_non_null(strstr(typed(*state, "{path: /a, check: {port: '80'}}"),
		"\"check\": {\"port\": 80, \"host\": \"localhost\"}"));
	assert_non_null(strstr(typed(*state, "{path: /a, check: 'port=80, host=h'}"),
		"\"check\": {\"port\": 80, \"host\": \"h\"}"));
	assert_non_null(strstr(typed(*state, "{path: /a, checks: [{port: 1}, {port: 2}]}"),
		"{\"port\": 2, \"host\": \"localhost\"}]"));
	assert_string_equal(refused(*state, "{path: /a, check: {host: h}}"),
		"sample: check: the argument \"port\" is required");
	assert_string_equal(refused(*state, "{path: /a, checks: [{port: 1, hots: h}]}"),
		"sample: checks: there is no argument \"hots\"; did you mean \"host\"?");
	assert_string_equal(refused(*state, "{path: /a, check: {port: x}}"),
		"sample: check: port: found \"x\", expected a whole number");
}

static void test_names(void **state)
{
	assert_string_equal(refused(*state, "{path: /a, stat: file}"),
		"sample: there is no argument \"stat\"; did you mean \"state\"?");
	assert_string_equal(refused(*state, "{path: /a, something: file}"),
		"sample: there is no argument \"something\"");
	assert_string_equal(refused(*state, "{path: /a, 5: file}"),
		"sample: found the number 5 as the name of an argument");
	refused(*state, "{path: /a, _raw_params: file}");
}

static void test_secrets_are_not_shown(void **state)
{
	assert_string_equal(refused(*state, "{path: /a, password: hunter2}"),
		"sample: password: found a string, expected a whole number");
}

static void test_any_argument(void **state)
{
	struct fixture *f = *state;
	const struct value *v = module_arguments(&open_sample,
		read(f, "{path: /a, force: no, mine: [1], \"{{ x }}\": 2}"), &f->arena,
		&f->err);

	assert_non_null(v);
	assert_false(value_dict_get(v, "force")->boolean);
	assert_int_equal(value_dict_get(v, "mine")->count, 1);
	assert_int_equal(value_dict_get(v, "{{ x }}")->integer, 2);
	assert_null(module_arguments(&open_sample, read(f, "mine: 1"), &f->arena, &f->err));
}

static void test_what_is_unsafe_stays_unsafe(void **state)
{
	struct fixture *f = *state;
	struct value *args = value_new_dict(&f->arena);
	struct value *text = value_new_string(&f->arena, "{{ a }},{{ b }}");

	text->unsafe = true;
	value_dict_set(&f->arena, args, "path", text);
	value_dict_set(&f->arena, args, "names", text);
	const struct value *v = module_arguments(&sample, args, &f->arena, &f->err);

	assert_true(value_dict_get(v, "path")->unsafe);
	assert_true(value_dict_get(v, "names")->items[1]->unsafe);
}

static void test_findings(void **state)
{
	assert_string_equal(findings(*state, &sample,
				    "stat: file\nmode: [1]\nnames: 'a,b'\nstate: gone", NULL),
		"tasks.yml:1:1: error: sample: there is no argument \"stat\"; did you mean "
		"\"state\"?\n"
		"tasks.yml:2:7: error: sample: mode: found a list, expected a file's mode, "
		"like \"0644\" or \"u=rw,g=r\"\n"
		"tasks.yml:4:8: error: sample: state: found \"gone\", expected file, absent or "
		"directory\n"
		"tasks.yml:9:9: error: sample: the argument \"path\" is required\n");
}

static void test_no_findings_in_what_is_not_known_yet(void **state)
{
	assert_string_equal(findings(*state, &sample,
				    "path: '{{ p }}'\nstate: '{{ s }}'\nports: ['{{ p }}', x]\n"
				    "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n"
				    "check: {port: !vault x}",
				    NULL),
		"");
}

static void test_findings_of_free_form(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(findings(f, &sample, "path: /a", "absent"), "");
	assert_string_equal(findings(f, &sample, "path: /a", "{{ a }}"), "");
	assert_string_equal(findings(f, &sample, "path: /a", "gone"),
		"tasks.yml:9:9: error: sample: found \"gone\", expected file, absent or "
		"directory\n");
}

static void test_findings_without_arguments(void **state)
{
	assert_string_equal(findings(*state, &sample, NULL, NULL),
		"tasks.yml:9:9: error: sample: the argument \"path\" is required\n");
}

static void test_access(void **state)
{
	struct fixture *f = *state;
	const struct value *args = module_arguments(&sample,
		read(f, "{path: /a, count: 3, ratio: 0.5, any: [1]}"), &f->arena, &f->err);
	const struct module_call call = {.args = args};

	assert_string_equal(argument_text(&call, "path"), "/a");
	assert_null(argument_text(&call, "mode"));
	assert_true(argument_bool(&call, "force"));
	assert_false(argument_bool(&call, "nothing"));
	assert_true(argument_number(&call, "count", 1) == 3);
	assert_true(argument_number(&call, "ratio", 1) == 0.5);
	assert_true(argument_number(&call, "nothing", 1) == 1);
	assert_int_equal(argument_value(&call, "any")->count, 1);
	assert_null(argument_value(&call, "nothing"));
}

static void test_table(void **state)
{
	const struct module *m;

	(void)state;
	for (size_t i = 0; (m = module_at(i)); i++) {
		if (i > 0)
			assert_true(strcmp(module_at(i - 1)->name, m->name) < 0);
		assert_ptr_equal(module_find(m->name), m);
		assert_non_null(m->run);
		for (const struct argument *a = m->arguments; a && a->name; a++)
			if (strcmp(a->name, ARGUMENT_FREE_FORM) != 0)
				assert_ptr_equal(module_argument(m, a->name), a);
	}
}

/* Defaults are texts that have their argument's type, and one of its choices. */
static void test_defaults_of_modules(void **state)
{
	struct fixture *f = *state;
	const struct module *m;

	for (size_t i = 0; (m = module_at(i)); i++) {
		struct value *args = value_new_dict(&f->arena);
		for (const struct argument *a = m->arguments; a && a->name; a++)
			if (a->fallback)
				value_dict_set(&f->arena, args, a->name,
					value_new_string(&f->arena, a->fallback));
		const struct place place = {"modules", 1, 1};
		for (const struct argument *a = m->arguments; a && a->name; a++)
			if (a->required && strcmp(a->name, ARGUMENT_FREE_FORM) != 0)
				value_dict_set(&f->arena, args, a->name,
					value_new_string(&f->arena, "{{ given }}"));
		module_check_arguments(m, args, "{{ given }}", &place, &f->diags);
		for (size_t d = 0; d < f->diags.count; d++)
			fail_msg("%s", f->diags.items[d].text);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(module_find("ansible.builtin.debug"), module_find("debug"));
	assert_ptr_equal(module_find("ansible.legacy.debug"), module_find("debug"));
	assert_null(module_find("ansible.builtin.sync_models"));
	assert_non_null(module_find("sync_models"));
	assert_null(module_find("builtin.debug"));
	assert_null(module_find(""));
}

static void test_known(void **state)
{
	(void)state;
	assert_true(module_known("lineinfile"));
	assert_true(module_known("ansible.builtin.lineinfile"));
	assert_true(module_known("ansible.posix.mount"));
	assert_true(module_known("mount"));
	assert_false(module_known("ansible.builtin.mount"));
	assert_false(module_known("sync_models"));
	assert_false(module_known("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aliases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_is_not_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_omit_is_not_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sub_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secrets_are_not_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_argument, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_unsafe_stays_unsafe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_no_findings_in_what_is_not_known_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings_of_free_form, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_findings_without_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_access, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults_of_modules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
