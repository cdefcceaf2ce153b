/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's settings: every type, its bounds, and what is said of what is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "daemons/settings.h"
#include "value/yaml.h"

struct item {
	const char *name;
	int64_t weight;
	struct place place;
};

struct section {
	bool on;
	const char *text;
};

struct config {
	const char *text;
	int64_t count, any;
	double seconds;
	bool flag;
	struct settings_texts words;
	struct section section;
	struct settings_list items;
};

static void prepare_item(void *item)
{
	((struct item *)item)->weight = 5;
}

static const struct setting item_table[] = {
	SETTING(struct item, name, TEXT, "name", .required = true),
	SETTING(struct item, weight, INT, "weight", .min = -10, .max = 10),
	{0},
};

static const struct setting section_table[] = {
	SETTING(struct section, on, BOOL, "enabled"),
	SETTING(struct section, text, TEXT, "text"),
	{0},
};

static const struct setting table[] = {
	SETTING(struct config, text, TEXT, "text"),
	SETTING(struct config, count, INT, "count_of_things", .min = 1, .max = 100),
	SETTING(struct config, any, INT, "any"),
	SETTING(struct config, seconds, NUMBER, "seconds", .max = 60),
	SETTING(struct config, flag, BOOL, "flag"),
	SETTING(struct config, words, TEXTS, "words"),
	SETTING(struct config, section, SECTION, "section", .members = section_table),
	SETTING(struct config, items, LIST, "items", .members = item_table,
		.size = sizeof(struct item), .prepare = prepare_item,
		.place = offsetof(struct item, place)),
	{0},
};

static struct arena arena;
static struct diags diags;
static struct config config;

static int fresh(void **state)
{
	(void)state;
	config = (struct config){.text = "default", .count = 3, .seconds = 1.5, .flag = true};
	return 0;
}

static int done(void **state)
{
	(void)state;
	diags_release(&diags);
	arena_release(&arena);
	return 0;
}

/* Reads a mapping; how many errors it has. */
static size_t read_settings(const char *text)
{
	static const struct yaml_options options = {.safe_loader = true};
	const struct value *v =
		yaml_read(&arena, text, strlen(text), "x.yaml", &options, &diags, NULL);

	assert_non_null(v);
	settings_read(&arena, v, "x.", table, &config, &diags);
	return diags.errors;
}

static void assert_wrong(const char *text, unsigned line, const char *said)
{
	diags_release(&diags);
	assert_int_equal(read_settings(text), 1);
	assert_string_equal(diags.items[0].text, said);
	assert_int_equal(diags.items[0].line, line);
}

static void every_type(void **state)
{
	(void)state;
	assert_int_equal(
		read_settings("text: a b\ncount_of_things: 100\nany: 0\nseconds: 2\n"
			      "flag: false\nwords: [x, \"y z\"]\nsection: {enabled: true}\n"
			      "items:\n- name: one\n- {name: two, weight: -10}\n"),
		0);
	assert_string_equal(config.text, "a b");
	assert_int_equal(config.count, 100);
	assert_true(config.seconds == 2);
	assert_false(config.flag);
	assert_int_equal(config.words.count, 2);
	assert_string_equal(config.words.items[1], "y z");
	assert_true(config.section.on);
	assert_null(config.section.text);
	assert_int_equal(config.items.count, 2);
}

static void items_have_defaults_and_places(void **state)
{
	(void)state;
	assert_int_equal(read_settings("items:\n- name: one\n- {name: two, weight: -10}\n"), 0);
	const struct item *items = config.items.items;
	assert_string_equal(items[0].name, "one");
	assert_int_equal(items[0].weight, 5);
	assert_int_equal(items[1].weight, -10);
	assert_int_equal(items[1].place.line, 3);
}

static void what_is_not_said_stays(void **state)
{
	(void)state;
	assert_int_equal(read_settings("text: null\ncount_of_things:\nseconds: ~\n"), 0);
	assert_string_equal(config.text, "default");
	assert_int_equal(config.count, 3);
	assert_true(config.seconds == 1.5);
	assert_true(config.flag);
}

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *text, *said;
		unsigned line;
	} cases[] = {
		{"text: 5", "x.text: found the number 5, expected a text", 1},
		{"text: [a]", "x.text: found a list, expected a text", 1},
		{"text: \"a\\0b\"", "x.text: found \"a\", expected a text without a NUL", 1},
		{"\ncount_of_things: 0",
			"x.count_of_things: found the number 0, expected a whole number from 1 "
			"to 100",
			2},
		{"count_of_things: 101",
			"x.count_of_things: found the number 101, expected a whole number from "
			"1 to 100",
			1},
		{"count_of_things: 1.0",
			"x.count_of_things: found the number 1, expected a whole number from 1 "
			"to 100",
			1},
		{"any: -1", "x.any: found the number -1, expected a whole number, 0 or more",
			1},
		{"any: 99999999999999999999",
			"x.any: found an integer, expected a whole "
			"number, 0 or more",
			1},
		{"seconds: 60.5",
			"x.seconds: found the number 60.5, expected a number from 0 to 60", 1},
		{"seconds: .nan",
			"x.seconds: found the number nan, expected a number from 0 to 60", 1},
		{"seconds: \"5\"", "x.seconds: found \"5\", expected a number from 0 to 60", 1},
		{"flag: 1", "x.flag: found the number 1, expected true or false", 1},
		{"words: a", "x.words: found \"a\", expected a list", 1},
		{"words:\n- a\n- 7", "x.words: found the number 7, expected a text", 3},
		{"section: [a]", "x.section: found a list, expected a mapping", 1},
		{"section:\n  enabled: x",
			"x.section.enabled: found \"x\", expected true or false", 2},
		{"items: {}", "x.items: found a mapping, expected a list", 1},
		{"items:\n- name: a\n- b", "x.items: found \"b\", expected a mapping", 3},
		{"items:\n- weight: 1", "x.items[0].name is missing", 2},
		{"items: [{name: null}]", "x.items[0].name is missing", 1},
		{"count_of_thing: 5",
			"x.\"count_of_thing\" is no setting; did you mean "
			"\"count_of_things\"?",
			1},
		{"zzzzzzzz: 5", "x.\"zzzzzzzz\" is no setting", 1},
		{"7: 5", "found the number 7 as a key, expected the name of a setting", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_wrong(cases[i].text, cases[i].line, cases[i].said);
}

static void everything_is_found_in_one_run(void **state)
{
	(void)state;
	assert_int_equal(read_settings("text: 1\nflag: 2\nitems: [{}, {weigth: 1}]\n"), 5);
	assert_string_equal(config.text, "default");
	assert_true(config.flag);
}

static void a_list_has_a_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, "words: [");
	for (unsigned i = 0; i <= SETTINGS_LIST_MAX; i++)
		strbuf_addstr(&text, "a,");
	strbuf_addstr(&text, "]\n");
	assert_wrong(text.data, 1, "x.words: more than 10000 items");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(every_type),
		CASE(items_have_defaults_and_places),
		CASE(what_is_not_said_stays),
		CASE(what_is_wrong_is_told),
		CASE(everything_is_found_in_one_run),
		CASE(a_list_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
