/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "registry/registry.h"

/* Reads the variables of a text; the findings as text. */
static const char *read_text(struct registry *r, const char *text)
{
	AUTO(diags_release) struct diags d = {0};
	const struct value *v = fixture_yaml(text);
	const struct registry_input in = {
		.models = value_dict_get(v, VAR_MODELS),
		.retention = value_dict_get(v, VAR_RETENTION),
		.coral = value_dict_get(v, VAR_CORAL_PACKAGES),
	};

	int result = registry_read(r, &in, &d);
	assert_int_equal(result, d.errors ? -1 : 0);
	return fixture_findings(&d);
}

static void test_a_registry_with_everything(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	const char *findings = read_text(&r, "sentinelcam_models:\n"
					     "  mobilenet_ssd:\n"
					     "    current_version: \"2020-12-06\"\n"
					     "    previous_version: null\n"
					     "  face_recognition:\n"
					     "    current_version: 2026-02-02\n"
					     "    previous_version: \"2025-02-25\"\n"
					     "    initial_only: [facelist.csv, \"cache/**\"]\n"
					     "    exclude: ['*.tmp']\n"
					     "    immutable: yes\n"
					     "    update: false\n"
					     "sentinelcam_model_retention: 3\n"
					     "coral_packages:\n"
					     "  libedgetpu: \"16.0\"\n"
					     "  pycoral: {version: \"2.0\", sha256: abc}\n");

	assert_string_equal(findings, "");
	assert_int_equal(r.model_count, 2);
	assert_int_equal(r.retention, 3);
	const struct model *ssd = registry_model(&r, "mobilenet_ssd");
	assert_string_equal(ssd->current, "2020-12-06");
	assert_null(ssd->previous);
	assert_false(ssd->immutable);
	assert_true(ssd->update);
	const struct model *face = registry_model(&r, "face_recognition");
	assert_string_equal(face->current, "2026-02-02");
	assert_string_equal(face->previous, "2025-02-25");
	assert_int_equal(face->initial_only.count, 2);
	assert_string_equal(face->initial_only.items[1], "cache/**");
	assert_string_equal(face->exclude.items[0], "*.tmp");
	assert_true(face->immutable);
	assert_false(face->update);
	assert_int_equal(r.coral_count, 2);
	assert_string_equal(r.coral[0].name, "libedgetpu");
	assert_string_equal(value_text(value_dict_get(r.coral[1].spec, "version")), "2.0");
	assert_null(registry_model(&r, "other"));
}

static void check_place(struct place at, unsigned line, unsigned column)
{
	assert_string_equal(at.file, "t.yaml");
	assert_int_equal(at.line, line);
	assert_int_equal(at.column, column);
}

static void test_places_are_kept(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	read_text(&r, "sentinelcam_models:\n"
		      "  a:\n"
		      "    current_version: \"2020-12-06\"\n"
		      "    previous_version:    \"2019-12-06\"\n"
		      "coral_packages:\n"
		      "  libedgetpu: \"16.0\"\n");

	check_place(r.place, 2, 3);
	check_place(r.models[0].place, 2, 3);
	check_place(r.models[0].current_place, 3, 22);
	check_place(r.models[0].previous_place, 4, 26);
	check_place(r.coral[0].place, 6, 3);
}

static void test_the_registry_outlives_its_values(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	read_text(&r, "sentinelcam_models: {a: {current_version: 2020-12-06, exclude: [x]}}\n"
		      "coral_packages: {p: {version: one}}\n");
	arena_release(&fixture_arena);

	assert_string_equal(r.models[0].name, "a");
	assert_string_equal(r.models[0].current, "2020-12-06");
	assert_string_equal(r.models[0].exclude.items[0], "x");
	assert_string_equal(value_text(value_dict_get(r.coral[0].spec, "version")), "one");
}

static void test_the_defaults(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	assert_string_equal(read_text(&r, "sentinelcam_models: {}\n"), "");
	assert_int_equal(r.model_count, 0);
	assert_int_equal(r.retention, 5);
	assert_int_equal(r.coral_count, 0);
}

/* What a mistake in a file leads to, to the letter. */
static const struct {
	const char *text;
	const char *findings;
} mistakes[] = {
	{"x: 1\n", "error: sentinelcam_models: found nothing, expected a mapping from models "
		   "to their "
		   "versions; it usually stands in group_vars/all/model_registry.yaml\n"},
	{"sentinelcam_models: [a]\n", "t.yaml:1:21: error: sentinelcam_models: found a list, "
				      "expected a mapping from models "
				      "to their versions\n"},
	{"sentinelcam_models:\n  a: \"2020-12-06\"\n",
		"t.yaml:2:6: error: model a: found \"2020-12-06\", expected a mapping with "
		"current_version and previous_version\n"},
	{"sentinelcam_models:\n  a:\n", "t.yaml:2:5: error: model a: found null, expected a "
					"mapping with current_version and "
					"previous_version\n"},
	{"sentinelcam_models:\n  a: {previous_version: null}\n",
		"t.yaml:2:3: error: model a has no current_version, expected `current_version: "
		"\"YYYY-MM-DD\"`\n"},
	{"sentinelcam_models:\n  a: {current_version: null}\n",
		"t.yaml:2:24: error: a.current_version: found null, expected a version as "
		"\"YYYY-MM-DD\"\n"},
	{"sentinelcam_models:\n  a:\n    current_version: \"2026-13-01\"\n",
		"t.yaml:3:22: error: a.current_version: found \"2026-13-01\", expected a day "
		"that the calendar has\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-30\n",
		"t.yaml:3:22: error: a.current_version: found \"2026-02-30\", expected a day "
		"that the calendar has\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2023-02-29\n    previous_version: "
	 "v1\n",
		"t.yaml:3:22: error: a.current_version: found \"2023-02-29\", expected a day "
		"that the calendar has\n"
		"t.yaml:4:23: error: a.previous_version: found \"v1\", expected a version as "
		"\"YYYY-MM-DD\"\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 20260202\n",
		"t.yaml:3:22: error: a.current_version: found the number 20260202, expected a "
		"version as \"YYYY-MM-DD\"\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02 10:00:00\n",
		"t.yaml:3:22: error: a.current_version: found the date 2026-02-02T10:00:00, "
		"expected a version as \"YYYY-MM-DD\"\n"},
	{"sentinelcam_models:\n  a:\n    current_version: [2026-02-02]\n",
		"t.yaml:3:22: error: a.current_version: found a list, expected a version as "
		"\"YYYY-MM-DD\"\n"},
	{"sentinelcam_models:\n  a: {current_version: \"2026-02-02\\0\"}\n",
		"t.yaml:2:24: error: a.current_version: found \"2026-02-02\", expected a day "
		"that the calendar has\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    previous_version: "
	 "2026-02-02\n",
		"t.yaml:4:23: warning: a.previous_version is the current one, 2026-02-02: "
		"going back to it would change nothing; null says that there is no earlier "
		"version\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    previos_version: "
	 "null\n",
		"t.yaml:4:5: warning: model a: unknown key \"previos_version\" is ignored; did "
		"you mean previous_version?\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    owner: me\n",
		"t.yaml:4:5: warning: model a: unknown key \"owner\" is ignored\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    3: x\n",
		"t.yaml:4:5: error: model a: found the number 3 as a key, expected a name\n"},
	{"sentinelcam_models:\n  a/b: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"a/b\", expected a name that can be a "
		"directory: no \"/\", not empty, not \"..\"\n"},
	{"sentinelcam_models:\n  ..: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"..\", expected a name that can be a "
		"directory: no \"/\", not empty, not \"..\"\n"},
	{"sentinelcam_models:\n  \"\": {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"\", expected a name that can be a "
		"directory: no \"/\", not empty, not \"..\"\n"},
	{"sentinelcam_models:\n  .hidden: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \".hidden\", expected a name that does "
		"not begin with \".\" or \"-\"\n"},
	{"sentinelcam_models:\n  -x: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"-x\", expected a name that does not "
		"begin with \".\" or \"-\"\n"},
	{"sentinelcam_models:\n  coral_packages: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"coral_packages\", expected another "
		"name: that directory of the store holds packages\n"},
	{"sentinelcam_models:\n  \"a,b\": {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"a,b\", expected a name without commas "
		"and control characters\n"},
	{"sentinelcam_models:\n  \"a\\nb\": {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found \"a?b\", expected a name without commas "
		"and control characters\n"},
	{"sentinelcam_models:\n  7: {current_version: 2026-02-02}\n",
		"t.yaml:2:3: error: model name: found the number 7, expected a name in "
		"quotes\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    immutable: maybe\n",
		"t.yaml:4:16: error: a.immutable: found \"maybe\", expected true or false\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    update: 1\n",
		"t.yaml:4:13: error: a.update: found the number 1, expected true or false\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    exclude: '*.tmp'\n",
		"t.yaml:4:14: error: a.exclude: found \"*.tmp\", expected a list of patterns, "
		"e.g. [\"*.tmp\"]\n"},
	{"sentinelcam_models:\n  a:\n    current_version: 2026-02-02\n    initial_only: [1, "
	 "x]\n",
		"t.yaml:4:20: error: a.initial_only: found the number 1: expected a pattern in "
		"quotes\n"},
	{"sentinelcam_models: {}\nsentinelcam_model_retention: -1\n",
		"t.yaml:2:30: error: sentinelcam_model_retention: found the number -1, "
		"expected how many versions of a model to keep, 0 to 100000\n"},
	{"sentinelcam_models: {}\nsentinelcam_model_retention: many\n",
		"t.yaml:2:30: error: sentinelcam_model_retention: found \"many\", expected how "
		"many versions of a model to keep, 0 to 100000\n"},
	{"sentinelcam_models: {}\ncoral_packages: [a]\n",
		"t.yaml:2:17: error: coral_packages: found a list, expected a mapping from at "
		"most 10000 packages to their versions\n"},
	{"sentinelcam_models: {}\ncoral_packages:\n  a/b: 1\n  c: null\n",
		"t.yaml:3:3: error: coral_packages: found \"a/b\", expected a package's name\n"
		"t.yaml:4:6: error: coral_packages.c: found null, expected a version or a "
		"mapping\n"},
};

static void test_each_mistake_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		AUTO(registry_release) struct registry r = {0};
		assert_string_equal(read_text(&r, mistakes[i].text), mistakes[i].findings);
	}
}

static void test_mistakes_are_reported_together(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	const char *findings = read_text(&r, "sentinelcam_models:\n"
					     "  a: {current_version: 2026-02-31}\n"
					     "  b: {current_version: 2026-02-02}\n"
					     "  c/d: {current_version: 2026-02-02}\n"
					     "  e: 3\n"
					     "sentinelcam_model_retention: x\n");

	int lines = 0;
	for (const char *p = findings; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 4);
	/* What has a name stays known, so that a set that lists it is no second mistake. */
	assert_non_null(registry_model(&r, "a"));
	assert_null(registry_model(&r, "a")->current);
	assert_string_equal(registry_model(&r, "b")->current, "2026-02-02");
	assert_non_null(registry_model(&r, "e"));
	assert_null(registry_model(&r, "c/d"));
}

static void test_patterns_that_leave_the_version(void **state)
{
	static const char *const patterns[] = {"../x", "a/../../b", "", "a//b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		AUTO(registry_release) struct registry r = {0};
		autofree char *text = xasprintf("sentinelcam_models: {a: {current_version: "
						"2026-02-02, exclude: ['%s']}}\n",
			patterns[i]);
		const char *findings = read_text(&r, text);
		assert_true(str_starts(findings, "t.yaml:1:65: error: a.exclude: found \""));
		assert_int_equal(r.models[0].exclude.count, 0);
	}
}

static void test_limits(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	strbuf_addstr(&text, "sentinelcam_models:\n");
	for (int i = 0; i <= REGISTRY_MODELS_MAX; i++)
		strbuf_addf(&text, "  m%d: {current_version: 2026-02-02}\n", i);
	assert_string_equal(read_text(&r, text.data),
		"t.yaml:2:3: error: sentinelcam_models: found 10001 "
		"models, expected at most 10000\n");
	assert_int_equal(r.model_count, 0);
}

static void test_long_text_is_cut_between_characters(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	/* 59 bytes, then a character of two bytes that would be cut in its middle. */
	const char *findings = read_text(&r, "sentinelcam_models: {a: {current_version: "
					     "0123456789012345678901234567890123456789012345678"
					     "9012345678\xc3\xa4 and more}}\n");

	assert_string_equal(findings, "t.yaml:1:43: error: a.current_version: found "
				      "\"012345678901234567890123456789012345678901234567890123"
				      "45678...\", expected a "
				      "version as \"YYYY-MM-DD\"\n");
}

static void test_the_directory_of_models(void **state)
{
	static const struct {
		const char *given;
		const char *root; /* NULL: refused */
	} cases[] = {
		{"/srv/models", "/srv/models"},
		{"/srv/models///", "/srv/models"},
		{"/srv/with space", "/srv/with space"},
		{"models", NULL},
		{"~/models", NULL},
		{"/", NULL},
		{"", NULL},
		{"/srv/../etc", NULL},
		{"/srv/./models", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(diags_release) struct diags d = {0};
		const char *root = registry_root(
			&fixture_arena, value_new_string(&fixture_arena, cases[i].given), &d);
		assert_int_equal(str_cmp0(root, cases[i].root), 0);
		assert_int_equal(d.errors, cases[i].root ? 0 : 1);
	}
	AUTO(diags_release) struct diags d = {0};
	assert_null(registry_root(&fixture_arena, NULL, &d));
	assert_true(str_starts(fixture_findings(&d), "error: sentinelcam_model_registry: found "
						     "nothing, expected the absolute path"));
}

static void test_inputs_that_say_the_same(void **state)
{
	const char *text = "{a: {current_version: 2026-02-02}}";
	const struct registry_input one = {.models = fixture_yaml(text)};
	const struct registry_input same = {.models = fixture_yaml(text)};
	const struct registry_input moved = {
		.models = fixture_yaml("\n{a: {current_version: 2026-02-02}}")};
	const struct registry_input other = {
		.models = fixture_yaml("{a: {current_version: 2026-02-03}}")};
	const struct registry_input more = {
		.models = one.models, .retention = value_new_int(&fixture_arena, 3)};

	(void)state;
	assert_true(registry_input_same(&one, &same));
	assert_false(registry_input_same(&one, &moved));
	assert_false(registry_input_same(&one, &other));
	assert_false(registry_input_same(&one, &more));
}

static void test_the_nearest_name(void **state)
{
	AUTO(registry_release) struct registry r = {0};

	(void)state;
	read_text(&r, "sentinelcam_models:\n"
		      "  face_detection: {current_version: 2026-02-02}\n"
		      "  face_recognition: {current_version: 2026-02-02}\n");
	assert_string_equal(registry_nearest(&r, "face_recogniton"), "face_recognition");
	assert_string_equal(registry_nearest(&r, "face-detection"), "face_detection");
	assert_string_equal(registry_nearest(&r, "FACE_DETECTION"), "face_detection");
	assert_null(registry_nearest(&r, "yolo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_a_registry_with_everything),
		T(test_places_are_kept),
		T(test_the_registry_outlives_its_values),
		T(test_the_defaults),
		T(test_each_mistake_has_its_place),
		T(test_mistakes_are_reported_together),
		T(test_patterns_that_leave_the_version),
		T(test_limits),
		T(test_long_text_is_cut_between_characters),
		T(test_the_directory_of_models),
		T(test_inputs_that_say_the_same),
		T(test_the_nearest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
