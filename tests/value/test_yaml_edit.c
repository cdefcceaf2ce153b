/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The editor: what the whole text is afterwards, byte for byte, or why it was refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/vec.h"
#include "value/yaml.h"
#include "value/yaml_edit.h"

/* A path "a.b.c" taken apart. */
struct path {
	struct strlist keys;
	const char **items;
};

static void path_init(struct path *p, const char *text)
{
	*p = (struct path){0};
	strlist_split(&p->keys, text, ".");
	p->items = xcalloc(p->keys.count + 1, sizeof(*p->items));
	for (size_t i = 0; i < p->keys.count; i++)
		p->items[i] = p->keys.items[i];
}

static void path_release(struct path *p)
{
	strlist_release(&p->keys);
	free(p->items);
}

/* One change; the value is written as YAML ("null" for none to remove). */
static int edit(const char *before, const char *path, enum yaml_change_kind kind,
	const char *value, struct strbuf *out, struct err *err)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(path_release) struct path p;

	path_init(&p, path);
	const struct value *v = yaml_read(&a, value, strlen(value), NULL, NULL, NULL, err);
	assert_non_null(v);
	const struct yaml_change change = {.path = p.items, .kind = kind, .value = v};
	return yaml_edit(before, strlen(before), "f.yaml", &change, 1, out, err);
}

struct edit_case {
	const char *before;
	const char *path;
	const char *value;
	const char *after;
};

static void check_cases(enum yaml_change_kind kind, const struct edit_case *cases, size_t count)
{
	int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		struct err err = {0};

		if (edit(cases[i].before, cases[i].path, kind, cases[i].value, &out, &err) ==
				0 &&
			!strcmp(out.data, cases[i].after))
			continue;
		print_message("case %zu: %s\nexpected:\n%s\nfound:\n%s\n%s\n", i, cases[i].path,
			cases[i].after, out.data, err.text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

#define CHECK(kind, cases) check_cases(kind, cases, ARRAY_SIZE(cases))

static void test_replaces_scalars(void **state)
{
	static const struct edit_case cases[] = {
		/* plain, with a comment behind */
		{"a: 2025-11-05 # note\nb: 1\n", "a", "2026-02-25",
			"a: 2026-02-25 # note\nb: 1\n"},
		/* quotes stay */
		{"a: '2025-11-05'\n", "a", "2026-02-25", "a: '2026-02-25'\n"},
		{"a: \"2025-11-05\"   # x\n", "a", "2026-02-25", "a: \"2026-02-25\"   # x\n"},
		{"a: 'x'\n", "a", "it's", "a: 'it''s'\n"},
		{"a: \"x\"\n", "a", "'say \"hi\" \\ '", "a: \"say \\\"hi\\\" \\\\ \"\n"},
		/* a null, written and not written */
		{"a: null\nb: 1\n", "a", "2026-02-25", "a: 2026-02-25\nb: 1\n"},
		{"a: ~\n", "a", "2026-02-25", "a: 2026-02-25\n"},
		{"a:\nb: 1\n", "a", "2026-02-25", "a: 2026-02-25\nb: 1\n"},
		{"a:   # none yet\nb: 1\n", "a", "2026-02-25",
			"a: 2026-02-25   # none yet\nb: 1\n"},
		{"a: 2025-11-05\n", "a", "null", "a: null\n"},
		{"a: '2025-11-05'\n", "a", "null", "a: null\n"},
		/* a string that would be something else gets quotes */
		{"a: x\n", "a", "'2026-02-25'", "a: '2026-02-25'\n"},
		{"a: x\n", "a", "'yes'", "a: 'yes'\n"},
		{"a: x\n", "a", "''", "a: ''\n"},
		{"a: x\n", "a", "'a: b # c'", "a: 'a: b # c'\n"},
		{"a: x\n", "a", "\"two\\nlines\"", "a: \"two\\nlines\"\n"},
		{"a: x\n", "a", "käse", "a: 'käse'\n"},
		{"a: x\n", "a", "'{{ y }}'", "a: '{{ y }}'\n"},
		{"a: x\n", "a", "v1.2", "a: v1.2\n"},
		/* other kinds */
		{"a: x\n", "a", "42", "a: 42\n"},
		{"a: x\n", "a", "1.5", "a: 1.5\n"},
		{"a: 'x'\n", "a", "true", "a: true\n"},
		{"a: x\n", "a", "1e+22", "a: '1e+22'\n"},
		{"a: x\n", "a", "1.0e+22", "a: 1.0e+22\n"},
		/* in flow */
		{"m: {a: 1, b: 2} # c\n", "m.a", "x", "m: {a: x, b: 2} # c\n"},
		{"m: {a: , b: 2}\n", "m.a", "x", "m: {a: x, b: 2}\n"},
		{"m: [1, {a: 2}]\n", "m.1.a", "3", "m: [1, {a: 3}]\n"},
		{"{a: 1}\n", "a", "2", "{a: 2}\n"},
		/* in lists */
		{"l:\n- 1\n- 2\n", "l.1", "9", "l:\n- 1\n- 9\n"},
		{"l:\n  -\n  - 2\n", "l.0", "9", "l:\n  - 9\n  - 2\n"},
		/* over lines */
		{"a: one\n  two\nb: 1\n", "a", "x", "a: x\nb: 1\n"},
		{"a: 'one\n  two'\nb: 1\n", "a", "x", "a: 'x'\nb: 1\n"},
		/* no line break at the end; line ends of another system; a byte-order mark */
		{"a: 1", "a", "2", "a: 2"},
		{"a: 1\r\nb: 2\r\n", "a", "x", "a: x\r\nb: 2\r\n"},
		{"\xef\xbb\xbf"
		 "a: 1\n",
			"a", "x",
			"\xef\xbb\xbf"
			"a: x\n"},
		{"# käse €\nö: 1\na: 2\n", "a", "x", "# käse €\nö: 1\na: x\n"},
		{"---\na: 1\n...\n", "a", "x", "---\na: x\n...\n"},
		{"a : 1\n", "a", "x", "a : x\n"},
		{"? a\n: 1\n", "a", "x", "? a\n: x\n"},
		{"'a': 1\n", "a", "x", "'a': x\n"},
		{"1: x\n", "1", "y", "1: y\n"},
	};

	(void)state;
	CHECK(YAML_CHANGE, cases);
	CHECK(YAML_SET, cases);
}

static void test_keeps_a_registry(void **state)
{
	static const struct edit_case cases[] = {{
		"# Model registry\n"
		"\n"
		"sentinelcam_models:\n"
		"\n"
		"  mobilenet_ssd:\t# the detector\n"
		"    current_version:   2025-11-05   # <- here\n"
		"    previous_version: null\n"
		"\n"
		"  # linked files\n"
		"  face_recognition: {current_version: \"2026-01-01\", previous_version: ~}\n",
		"sentinelcam_models.mobilenet_ssd.current_version",
		"2026-02-25",
		"# Model registry\n"
		"\n"
		"sentinelcam_models:\n"
		"\n"
		"  mobilenet_ssd:\t# the detector\n"
		"    current_version:   2026-02-25   # <- here\n"
		"    previous_version: null\n"
		"\n"
		"  # linked files\n"
		"  face_recognition: {current_version: \"2026-01-01\", previous_version: ~}\n",
	}};

	(void)state;
	CHECK(YAML_CHANGE, cases);
}

static void test_inserts(void **state)
{
	static const struct edit_case cases[] = {
		{"a: 1\n", "b", "2", "a: 1\nb: 2\n"},
		{"a: 1 # c\n\n# end\n", "b", "2", "a: 1 # c\nb: 2\n\n# end\n"},
		{"m:\n    a: 1\nz: 1\n", "m.b", "2", "m:\n    a: 1\n    b: 2\nz: 1\n"},
		{"m:\n  a: 1", "m.b", "2", "m:\n  a: 1\n  b: 2"},
		{"m:\r\n  a: 1\r\n", "m.b", "2", "m:\r\n  a: 1\r\n  b: 2\r\n"},
		{"m:\n  a:\n    x: [1,\n      2]\n", "m.b", "2",
			"m:\n  a:\n    x: [1,\n      2]\n  b: 2\n"},
		{"m:\n  a: |\n    text\nz: 1\n", "m.b", "2",
			"m:\n  a: |\n    text\n  b: 2\nz: 1\n"},
		{"m:\n  a:\nz: 1\n", "m.b", "2", "m:\n  a:\n  b: 2\nz: 1\n"},
		{"m:\n- a: 1\n  b: 2\n- c: 3\n", "m.0.d", "4",
			"m:\n- a: 1\n  b: 2\n  d: 4\n- c: 3\n"},
		/* mappings that are not there yet */
		{"a: 1\n", "m.b", "2", "a: 1\nm:\n  b: 2\n"},
		{"a: 1\n", "m.n.b", "2", "a: 1\nm:\n  n:\n    b: 2\n"},
		/* below a null */
		{"m:\nz: 1\n", "m.b", "2", "m:\n  b: 2\nz: 1\n"},
		{"m: # pins\nz: 1\n", "m.b", "2", "m: # pins\n  b: 2\nz: 1\n"},
		{"m: null # pins\nz: 1\n", "m.b", "2", "m: # pins\n  b: 2\nz: 1\n"},
		{"m: ~", "m.b", "2", "m:\n  b: 2"},
		{"o:\n    m:\n", "o.m.b", "2", "o:\n    m:\n      b: 2\n"},
		/* flow */
		{"m: {}\n", "m.b", "2", "m: {b: 2}\n"},
		{"m: {a: 1}\n", "m.b", "2", "m: {a: 1, b: 2}\n"},
		{"m: {a: 1}\n", "m.n.b", "2", "m: {a: 1, n: {b: 2}}\n"},
		{"m: {a: }\n", "m.a.b", "2", "m: {a: {b: 2}}\n"},
		{"m: {a: [1, 2]} # c\n", "m.b", "2", "m: {a: [1, 2], b: 2} # c\n"},
		/* no document at all */
		{"", "b", "2", "b: 2\n"},
		{"# host_vars\n", "m.b", "2026-02-25", "# host_vars\nm:\n  b: 2026-02-25\n"},
		{"# host_vars", "b", "2", "# host_vars\nb: 2"},
		{"---\n", "b", "2", "---\nb: 2\n"},
		/* keys that need quotes */
		{"a: 1\n", "yes", "2", "a: 1\n'yes': 2\n"},
		{"a: 1\n", "x y", "2", "a: 1\n'x y': 2\n"},
		/* a merged key is overridden, not changed where it comes from */
		{"d: &d {v: 1}\nm:\n  <<: *d\n", "m.v", "2",
			"d: &d {v: 1}\nm:\n  <<: *d\n  v: 2\n"},
	};

	(void)state;
	CHECK(YAML_SET, cases);
}

static void test_removes(void **state)
{
	static const struct edit_case cases[] = {
		{"a: 1\nb: 2\nc: 3\n", "b", "null", "a: 1\nc: 3\n"},
		{"a: 1\nb: 2 # x\n", "b", "null", "a: 1\n"},
		{"a: 1\nb:\n  c: 1\n  d: 2\nz: 1\n", "b.c", "null", "a: 1\nb:\n  d: 2\nz: 1\n"},
		{"a: 1\nb:\n  c: 1\n  d: 2\nz: 1\n", "b", "null", "a: 1\nz: 1\n"},
		{"a: 1\nb: [1,\n  2]\nz: 1\n", "b", "null", "a: 1\nz: 1\n"},
		{"a: 1\nb: |\n  x\n  y\nz: 1\n", "b", "null", "a: 1\nz: 1\n"},
		/* the last key of a mapping takes the mapping along */
		{"a: 1\nm:\n  b: 2\n", "m.b", "null", "a: 1\n"},
		{"a: 1\nm:\n  n:\n    b: 2\n", "m.n.b", "null", "a: 1\n"},
		{"# pins\na: 1\n", "a", "null", "# pins\n"},
		/* absent is fine */
		{"a: 1\n", "b", "null", "a: 1\n"},
		{"a: 1\n", "m.b", "null", "a: 1\n"},
		{"", "b", "null", ""},
	};

	(void)state;
	CHECK(YAML_REMOVE, cases);
}

static const struct {
	enum yaml_change_kind kind;
	const char *before;
	const char *path;
	const char *value;
	enum err_code code;
	const char *part;
} refusals[] = {
	{YAML_CHANGE, "a: 1\n", "b", "2", ERR_NOTFOUND, "b: no such key"},
	{YAML_CHANGE, "m:\n  a: 1\n", "m.b", "2", ERR_NOTFOUND, "f.yaml:2:3: m.b"},
	{YAML_SET, "a: &x 1\nb: *x\n", "a", "2", ERR_UNSUPPORTED, "an anchor"},
	{YAML_SET, "a: &x 1\nb: *x\n", "b", "2", ERR_UNSUPPORTED, "an alias"},
	{YAML_SET, "a: !!str 1\n", "a", "2", ERR_UNSUPPORTED, "a tag"},
	{YAML_SET, "a: |\n  x\n", "a", "2", ERR_UNSUPPORTED, "a block scalar"},
	{YAML_SET, "a: [1]\n", "a", "2", ERR_UNSUPPORTED, "list or mapping"},
	{YAML_SET, "a: {b: 1}\n", "a", "2", ERR_UNSUPPORTED, "list or mapping"},
	{YAML_SET, "a: 1\na: 2\n", "a", "3", ERR_UNSUPPORTED,
		"f.yaml:2:1: the key a is given twice"},
	{YAML_SET, "a: 1\n---\nb: 1\n", "a", "3", ERR_INPUT, "second document"},
	{YAML_SET, "a: 1\n", "a.b", "3", ERR_INPUT,
		"f.yaml:1:4: found a scalar, expected a mapping"},
	{YAML_SET, "a: [x]\n", "a.b", "3", ERR_INPUT, "found a list"},
	{YAML_SET, "a: [x]\n", "a.7", "3", ERR_NOTFOUND, "1 items"},
	{YAML_SET, "a: &x {}\nb: *x\n", "b.c", "3", ERR_INPUT, "found an alias"},
	{YAML_SET, "d: &d {v: 1}\nm: *d\n", "d.v", "2", ERR_UNSUPPORTED, "elsewhere too"},
	{YAML_SET, "a: 'x\n", "a", "3", ERR_INPUT, "close the quote"},
	{YAML_SET, "a: 1\n", "a", "[1]", ERR_INPUT, "no scalar"},
	{YAML_SET, "- a\n", "b", "1", ERR_INPUT, "found a list"},
	{YAML_REMOVE, "m: {a: 1, b: 2}\n", "m.a", "null", ERR_UNSUPPORTED, "block mapping"},
	{YAML_REMOVE, "- a: 1\n  b: 2\n", "0.a", "null", ERR_UNSUPPORTED, "begin its line"},
};

static void test_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
		struct err err = {0};
		int rc = edit(refusals[i].before, refusals[i].path, refusals[i].kind,
			refusals[i].value, &out, &err);

		if (rc == 0 || err.code != refusals[i].code ||
			!strstr(err.text, refusals[i].part) || out.len)
			fail_msg("case %zu: rc %d code %d \"%s\" out \"%s\"", i, rc, err.code,
				err.text, out.data);
	}
}

static void test_several_changes(void **state)
{
	static const char before[] = "m:\n  a: 1\n  b: 2\n";
	const char *a[] = {"m", "a", NULL}, *c[] = {"m", "c", NULL}, *b[] = {"m", "b", NULL};
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *x = value_new_string(&arena, "x");
	const struct yaml_change changes[] = {
		{.path = a, .kind = YAML_CHANGE, .value = x},
		{.path = c, .kind = YAML_SET, .value = x},
		{.path = b, .kind = YAML_REMOVE},
		{.path = c, .kind = YAML_CHANGE, .value = &value_null},
	};
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_edit(before, strlen(before), NULL, changes, 4, &out, &err), 0);
	assert_string_equal(out.data, "m:\n  a: x\n  c: null\n");
}

static void test_one_failing_change_adds_nothing(void **state)
{
	const char *a[] = {"a", NULL}, *b[] = {"b", NULL};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct yaml_change changes[] = {
		{.path = a, .kind = YAML_CHANGE, .value = &value_true},
		{.path = b, .kind = YAML_CHANGE, .value = &value_true},
	};
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_edit("a: 1\n", 5, NULL, changes, 2, &out, &err), -1);
	assert_int_equal(out.len, 0);
}

static void test_limits(void **state)
{
	const char *deep[YAML_EDIT_MAX_PATH + 2], *none[] = {NULL};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct yaml_change change = {.path = deep, .kind = YAML_SET, .value = &value_true};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i <= YAML_EDIT_MAX_PATH; i++)
		deep[i] = "k";
	deep[YAML_EDIT_MAX_PATH + 1] = NULL;
	assert_int_equal(yaml_edit("", 0, NULL, &change, 1, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	change.path = none;
	assert_int_equal(yaml_edit("", 0, NULL, &change, 1, &out, &err), -1);
	assert_int_equal(
		yaml_edit("", 0, NULL, &change, YAML_EDIT_MAX_CHANGES + 1, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaces_scalars),
		cmocka_unit_test(test_keeps_a_registry),
		cmocka_unit_test(test_inserts),
		cmocka_unit_test(test_removes),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_several_changes),
		cmocka_unit_test(test_one_failing_change_adds_nothing),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
