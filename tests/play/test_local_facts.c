/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local facts: JSON, and INI as Python's configparser reads it; and which facts a filter keeps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/facts.h"
#include "play/local_facts.h"
#include "value/json.h"

/* What configparser gives, as JSON; NULL for what it refuses. Python 3.11 was asked. */
static const struct {
	const char *text, *json;
} texts[] = {
	{"{\"a\": [1, null, true]}", "{\"a\": [1, null, true]}"},
	{"12", "12"},
	{"\"text\"", "\"text\""},
	{"", "{}"},
	{"\n# nothing\n; here\n", "{}"},
	{"[a]\n", "{\"a\": {}}"},
	{"[a]\nKey = Value\n", "{\"a\": {\"key\": \"Value\"}}"},
	{"[a]\nk: v\n[b]\nk=w=x\n", "{\"a\": {\"k\": \"v\"}, \"b\": {\"k\": \"w=x\"}}"},
	{"[a]\nk = one\n  two\n\tthree\n", "{\"a\": {\"k\": \"one\\ntwo\\nthree\"}}"},
	{"[a]\nk = one\n\n  two\n\nl = x\n",
		"{\"a\": {\"k\": \"one\\n\\ntwo\", \"l\": \"x\"}}"},
	{"[a]\nk = one\n# comment\n  two\n", "{\"a\": {\"k\": \"one\\ntwo\"}}"},
	{"[a]\nk =\n", "{\"a\": {\"k\": \"\"}}"},
	{"[a]\nk = 50%% ; no comment\n", "{\"a\": {\"k\": \"50% ; no comment\"}}"},
	{"[a b]\nwith space = x\r\n", "{\"a b\": {\"with space\": \"x\"}}"},
	{"[DEFAULT]\nd = 1\n[a]\n[b]\nd = 2\n",
		"{\"a\": {\"d\": \"1\"}, \"b\": {\"d\": \"2\"}}"},
	{"  [a]\n  k = v\n", "{\"a\": {\"k\": \"v\"}}"},
	{"k = v\n", NULL},
	{"[a]\nneither\n", NULL},
	{"[a]\nk = v\nK = w\n", NULL},
	{"[a]\n[a]\n", NULL},
	{"[a]\n= v\n", NULL},
	{"{broken\n", NULL},
};

static void texts_are_read(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		bool failed;
		const struct value *read = local_facts_parse(
			&a, "x.fact", texts[i].text, strlen(texts[i].text), &failed);
		const char *json = texts[i].json
					   ? texts[i].json
					   : "\"error loading facts as JSON or ini - please "
					     "check content: x.fact\"";
		const struct value *wanted =
			json_read(&a, json, strlen(json), NULL, NULL, NULL, NULL);
		assert_non_null(wanted);
		if (value_equal(read, wanted) && failed == !texts[i].json)
			continue;
		AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;
		json_write(read, NULL, &shown, NULL);
		print_message("%s: %s\n", texts[i].text, shown.data);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static struct value *json(struct arena *a, const char *text)
{
	const struct value *v = json_read(a, text, strlen(text), NULL, NULL, NULL, NULL);

	assert_non_null(v);
	return value_copy(a, v);
}

static void files_become_facts_and_warnings(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	struct value *warnings = value_new_list(&a);
	struct value *facts = json(&a,
		"{\"ansible_local\": {\"good\": {\"path\": \"/g\", \"text\": \"[s]\\na=1\"}, "
		"\"bad\": {\"path\": \"/b\", \"text\": \"no\"}, "
		"\"late\": {\"path\": \"/l\", \"failed\": \"why\"}}}");

	(void)state;
	local_facts_read(&a, facts, warnings);
	assert_true(value_equal(value_dict_get(facts, "ansible_local"),
		json(&a,
			"{\"good\": {\"s\": {\"a\": \"1\"}}, \"bad\": \"error loading facts as "
			"JSON or ini - please check content: /b\", \"late\": \"why\"}")));
	assert_int_equal(warnings->count, 1);
	facts = json(&a, "{}");
	local_facts_read(&a, facts, warnings);
	assert_int_equal(facts->pair_count, 0);
}

/* What a node says is never a template. */
static void texts_are_unsafe(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	const char *text = "[s]\nk = {{ lookup('pipe', 'id') }}\n";
	bool failed;
	const struct value *read = local_facts_parse(&a, "x", text, strlen(text), &failed);

	(void)state;
	assert_true(value_dict_get(value_dict_get(read, "s"), "k")->unsafe);
}

static void a_filter_keeps_what_matches(void **state)
{
	static const struct {
		const char *patterns, *kept;
	} cases[] = {
		{"[]", "{\"ansible_a\": 1, \"ansible_ab\": 2, \"module_setup\": true}"},
		{"[\"\"]", "{\"ansible_a\": 1, \"ansible_ab\": 2, \"module_setup\": true}"},
		{"[\"ansible_*\"]", "{\"ansible_a\": 1, \"ansible_ab\": 2}"},
		{"[\"a\"]", "{\"ansible_a\": 1}"},
		{"[\"a?\", \"*setup\"]", "{\"ansible_ab\": 2, \"module_setup\": true}"},
		{"[\"ansible_\"]", "{}"},
		{"[\"facter_*\"]", "{}"},
	};
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct value *facts = json(
			&a, "{\"ansible_a\": 1, \"ansible_ab\": 2, \"module_setup\": true}");
		assert_true(value_equal(facts_filter(&a, facts, json(&a, cases[i].patterns)),
			json(&a, cases[i].kept)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(files_become_facts_and_warnings),
		cmocka_unit_test(texts_are_unsafe),
		cmocka_unit_test(a_filter_keeps_what_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
