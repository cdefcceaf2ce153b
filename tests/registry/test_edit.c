/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a version in a file that people keep: what the file is afterwards, byte for byte, or
 * why it was left alone. PyYAML says besides that nothing else has changed its meaning.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fixture.h"
#include "registry/edit.h"
#include "value/yaml.h"

#define FILE_NAME "site/group_vars/all/model_registry.yaml"

static struct arena arena;
static struct registry registry;
static struct registry_edit e;
static struct err err;

static int setup(void **state)
{
	err_clear(&err);
	e = (struct registry_edit){.before = STRBUF_INIT, .after = STRBUF_INIT};
	return fixture_setup(state);
}

static int teardown(void **state)
{
	registry_edit_release(&e);
	registry_release(&registry);
	arena_release(&arena);
	return fixture_teardown(state);
}

/* The first mapping called sentinelcam_models, wherever it stands. */
static const struct value *find_models(const struct value *v)
{
	const struct value *found = value_dict_get(v, VAR_MODELS);

	if (found || v->kind != VALUE_DICT)
		return found;
	value_dict_foreach (p, v)
		if ((found = find_models(p->value)))
			return found;
	return NULL;
}

static const char *read_bytes(const char *path)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, 1u << 20, &text, &err) < 0)
		fail_msg("%s", err.text);
	return arena_strdup(&fixture_arena, text.data);
}

/* Reads the registry of a file as a site would. */
static const struct model *read_model(const char *path, const char *name)
{
	AUTO(diags_release) struct diags d = {0};
	const struct yaml_options lenient = {.lenient_dates = true};

	registry_release(&registry);
	const struct value *top = yaml_read_file(&arena, path, &lenient, NULL, &err);
	if (!top)
		fail_msg("%s", err.text);
	registry_read(&registry, &(struct registry_input){.models = find_models(top)}, &d);
	const struct model *m = registry_model(&registry, name);
	assert_non_null(m);
	return m;
}

static int move(const char *text, const char *name, const char *to)
{
	registry_edit_release(&e);
	err_clear(&err);
	fixture_write(FILE_NAME, text);
	return registry_edit_move(&e, read_model(fixture_path(FILE_NAME), name), to, &err);
}

struct move_case {
	const char *what, *before, *after;
};

/* Each moves `face` to 2025-11-20. */
static const struct move_case moves[] = {
	{"the usual file",
		"---\n# versions\nsentinelcam_models:\n  ssd:\n    current_version: "
		"\"2020-12-06\"\n"
		"    previous_version: null\n\n  face:\n    current_version: \"2026-02-02\"\n"
		"    previous_version: \"2025-02-25\"\n",
		"---\n# versions\nsentinelcam_models:\n  ssd:\n    current_version: "
		"\"2020-12-06\"\n"
		"    previous_version: null\n\n  face:\n    current_version: \"2025-11-20\"\n"
		"    previous_version: \"2026-02-02\"\n"},
	{"null takes the quotes of its neighbour",
		"sentinelcam_models:\n  face:\n    current_version: \"2026-02-02\"\n"
		"    previous_version: null\n",
		"sentinelcam_models:\n  face:\n    current_version: \"2025-11-20\"\n"
		"    previous_version: \"2026-02-02\"\n"},
	{"single quotes, a tilde, comments behind",
		"sentinelcam_models:\n  face:\n    current_version: '2026-02-02' # new\n"
		"    previous_version: ~ # none\n",
		"sentinelcam_models:\n  face:\n    current_version: '2025-11-20' # new\n"
		"    previous_version: '2026-02-02' # none\n"},
	{"plain dates stay plain",
		"sentinelcam_models:\n  face:\n    current_version: 2026-02-02\n"
		"    previous_version: 2025-02-25\n",
		"sentinelcam_models:\n  face:\n    current_version: 2025-11-20\n"
		"    previous_version: 2026-02-02\n"},
	{"each keeps its own style",
		"sentinelcam_models:\n  face:\n    previous_version: 2025-02-25\n"
		"    current_version: \"2026-02-02\"\n",
		"sentinelcam_models:\n  face:\n    previous_version: 2026-02-02\n"
		"    current_version: \"2025-11-20\"\n"},
	{"an empty previous version",
		"sentinelcam_models:\n  face:\n    previous_version:\n"
		"    current_version: 2026-02-02\n",
		"sentinelcam_models:\n  face:\n    previous_version: 2026-02-02\n"
		"    current_version: 2025-11-20\n"},
	{"no previous version",
		"sentinelcam_models:\n    face:\n        current_version: \"2026-02-02\"\n"
		"        exclude: ['*.log']\n\n# the end\nother: 1\n",
		"sentinelcam_models:\n    face:\n        current_version: \"2025-11-20\"\n"
		"        exclude: ['*.log']\n        previous_version: \"2026-02-02\"\n\n# the "
		"end\n"
		"other: 1\n"},
	{"CRLF and a byte-order mark",
		"\xef\xbb\xbf# x\r\nsentinelcam_models:\r\n  face:\r\n"
		"    current_version: \"2026-02-02\"\r\n    previous_version: null\r\n",
		"\xef\xbb\xbf# x\r\nsentinelcam_models:\r\n  face:\r\n"
		"    current_version: \"2025-11-20\"\r\n    previous_version: "
		"\"2026-02-02\"\r\n"},
	{"no line break at the end",
		"sentinelcam_models:\n  face:\n    previous_version: null\n"
		"    current_version: '2026-02-02'",
		"sentinelcam_models:\n  face:\n    previous_version: '2026-02-02'\n"
		"    current_version: '2025-11-20'"},
	{"a flow mapping",
		"sentinelcam_models: {ssd: {current_version: '2020-12-06'}, face: "
		"{current_version: '2026-02-02', previous_version: null}} # all\n",
		"sentinelcam_models: {ssd: {current_version: '2020-12-06'}, face: "
		"{current_version: '2025-11-20', previous_version: '2026-02-02'}} # all\n"},
	{"a flow mapping without previous version",
		"sentinelcam_models:\n  face: {current_version: 2026-02-02}\n",
		"sentinelcam_models:\n  face: {current_version: 2025-11-20, "
		"previous_version: 2026-02-02}\n"},
	{"in the variables of an inventory",
		"all:\n  vars:\n    sentinelcam_models:\n      face:\n"
		"        current_version: '2026-02-02'\n        previous_version: null\n"
		"  hosts:\n    a:\n    b:\n",
		"all:\n  vars:\n    sentinelcam_models:\n      face:\n"
		"        current_version: '2025-11-20'\n        previous_version: "
		"'2026-02-02'\n"
		"  hosts:\n    a:\n    b:\n"},
	{"the same text elsewhere stays",
		"note: 'face: current_version: 2026-02-02'\nsentinelcam_models:\n"
		"  face2: {current_version: '2026-02-02', previous_version: '2026-02-02'}\n"
		"  face: {current_version: '2026-02-02', previous_version: '2025-02-25'}\n"
		"text: |\n  face:\n    current_version: '2026-02-02'\n",
		"note: 'face: current_version: 2026-02-02'\nsentinelcam_models:\n"
		"  face2: {current_version: '2026-02-02', previous_version: '2026-02-02'}\n"
		"  face: {current_version: '2025-11-20', previous_version: '2026-02-02'}\n"
		"text: |\n  face:\n    current_version: '2026-02-02'\n"},
	{"quoted and odd keys",
		"\"sentinelcam_models\":\n  'face':\n    \"current_version\":   '2026-02-02'\n"
		"    ? previous_version\n    : '2025-02-25'\n1: 2\n2020-01-01: x\n",
		"\"sentinelcam_models\":\n  'face':\n    \"current_version\":   '2025-11-20'\n"
		"    ? previous_version\n    : '2026-02-02'\n1: 2\n2020-01-01: x\n"},
	{"others may be templates, or no versions at all",
		"sentinelcam_models:\n  ssd: {current_version: '{{ x }}'}\n"
		"  old: {current_version: 2026-02-31}\n  none: 3\n"
		"  face: {current_version: '2026-02-02', previous_version: null}\n",
		"sentinelcam_models:\n  ssd: {current_version: '{{ x }}'}\n"
		"  old: {current_version: 2026-02-31}\n  none: 3\n"
		"  face: {current_version: '2025-11-20', previous_version: '2026-02-02'}\n"},
	{"going back to the previous one swaps",
		"sentinelcam_models:\n  face: {current_version: '2026-02-02', "
		"previous_version: '2025-11-20'}\n",
		"sentinelcam_models:\n  face: {current_version: '2025-11-20', "
		"previous_version: '2026-02-02'}\n"},
};

static void test_only_the_two_values_change(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		if (move(moves[i].before, "face", "2025-11-20") == 0 &&
			strcmp(e.after.data, moves[i].after) == 0 &&
			strcmp(e.before.data, moves[i].before) == 0)
			continue;
		print_message("%s: %s\nfound:\n%s\n", moves[i].what, err.text, e.after.data);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* What PyYAML reads before and after differs in the two values alone. */
static void test_pyyaml_sees_the_same_difference(void **state)
{
	static const char script[] =
		"import sys, yaml\n"
		"class L(yaml.SafeLoader): pass\n"
		"L.add_constructor('tag:yaml.org,2002:timestamp', lambda l, n: n.value)\n"
		"def find(v):\n"
		"  if isinstance(v, dict):\n"
		"    if 'sentinelcam_models' in v: return v['sentinelcam_models']\n"
		"    for x in v.values():\n"
		"      f = find(x)\n"
		"      if f: return f\n"
		"for i in range(int(sys.argv[1])):\n"
		"  a, b = [yaml.load(open(f'{n}{i}', newline='').read(), L) for n in 'ab']\n"
		"  m, n = find(a)['face'], find(b)['face']\n"
		"  assert n['current_version'] == '2025-11-20', i\n"
		"  assert n['previous_version'] == m['current_version'], i\n"
		"  n['current_version'] = m['current_version']\n"
		"  n['previous_version'] = m.get('previous_version')\n"
		"  m['previous_version'] = m.get('previous_version')\n"
		"  assert a == b, (i, a, b)\n"
		"print('same', i)\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		assert_int_equal(move(moves[i].before, "face", "2025-11-20"), 0);
		fixture_write(arena_printf(&fixture_arena, "a%zu", i), e.before.data);
		fixture_write(arena_printf(&fixture_arena, "b%zu", i), e.after.data);
	}
	fixture_write("compare.py", script);

	const char *said = fixture_shell("/usr/bin/python3 compare.py %zu", ARRAY_SIZE(moves));

	assert_string_equal(
		said, arena_printf(&fixture_arena, "same %zu\n", ARRAY_SIZE(moves) - 1));
}

/* Forward and back again by two moves gives the first text, whatever stands around it. */
static void test_there_and_back_is_the_same_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		assert_int_equal(move(moves[i].before, "face", "2025-11-20"), 0);
		autofree char *moved = xstrdup(e.after.data);
		assert_int_equal(move(moved, "face", "2019-01-01"), 0);
		autofree char *further = xstrdup(e.after.data);
		assert_int_equal(move(further, "face", "2025-11-20"), 0);
		autofree char *back = xstrdup(e.after.data);
		assert_int_equal(move(back, "face", "2019-01-01"), 0);
		assert_string_equal(e.after.data, further);
	}
}

struct refusal {
	const char *what, *text;
	enum err_code code;
	const char *says; /* a part of the error */
};

static const struct refusal refusals[] = {
	{"an anchor",
		"x: &v '2026-02-02'\nsentinelcam_models:\n  face: {current_version: *v}\n",
		ERR_UNSUPPORTED, "an alias"},
	{"an anchor that others use",
		"sentinelcam_models:\n  face: {current_version: &v '2026-02-02'}\n  b: *v\n",
		ERR_UNSUPPORTED, "an anchor"},
	{"a whole model by alias",
		"base: &b {current_version: '2026-02-02'}\nsentinelcam_models: {face: *b}\n",
		ERR_UNSUPPORTED, "found an alias"},
	{"a merge key",
		"base: &b\n  current_version: '2026-02-02'\nsentinelcam_models:\n"
		"  face:\n    <<: *b\n    immutable: true\n",
		ERR_UNSUPPORTED, "no such key"},
	{"a block scalar",
		"sentinelcam_models:\n  face:\n    current_version: |-\n      2026-02-02\n",
		ERR_UNSUPPORTED, "cannot move face"},
	{"a tag", "sentinelcam_models: {face: {current_version: !!str 2026-02-02}}\n",
		ERR_UNSUPPORTED, "a tag"},
	{"a previous version that is a template",
		"sentinelcam_models:\n  face:\n    current_version: '2026-02-02'\n"
		"    previous_version: '{{ last }}'\n",
		ERR_UNSUPPORTED, ":4:23: face.previous_version is a template"},
	{"a previous version that is encrypted",
		"sentinelcam_models:\n  face:\n    current_version: '2026-02-02'\n"
		"    previous_version: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n",
		ERR_UNSUPPORTED, "is encrypted (!vault)"},
};

static void test_what_cannot_be_moved(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		if (move(r->text, "face", "2025-11-20") < 0 && err.code == r->code &&
			strstr(err.text, r->says))
			continue;
		print_message("%s: %d %s\n%s\n", r->what, err.code, err.text, e.after.data);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static const char plain[] = "sentinelcam_models:\n  face:\n    current_version: '2026-02-02'\n"
			    "    previous_version: null\n";

/* A model as the registry may hold it where its versions do not come from a file of ours. */
static void refuse_model(const char *file, unsigned line, const char *version, const char *to,
	enum err_code code, const char *says)
{
	const struct model m = {.name = "face",
		.current = version,
		.current_place = {.file = file, .line = line, .column = 22}};

	registry_edit_release(&e);
	err_clear(&err);
	assert_int_equal(registry_edit_move(&e, &m, to, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("%s, expected %s", err.text, says);
}

static void test_versions_that_come_from_elsewhere(void **state)
{
	const char *file = fixture_path(FILE_NAME);

	(void)state;
	fixture_write(FILE_NAME, plain);
	refuse_model("-e", 0, "2026-02-02", "2025-11-20", ERR_UNSUPPORTED, "command line (-e)");
	refuse_model(
		NULL, 0, "2026-02-02", "2025-11-20", ERR_UNSUPPORTED, "not written in a file");
	refuse_model(file, 2, "2026-02-02", "2025-11-20", ERR_UNSUPPORTED, "not written there");
	refuse_model(file, 3, "2026-02-02", "2026-02-02", ERR_EXISTS, "already");
	refuse_model(file, 3, "2026-02-02", "2025-02-30", ERR_INPUT, "the calendar");
	refuse_model(file, 3, "2026-02-02", "latest", ERR_INPUT, "YYYY-MM-DD");
	refuse_model(file, 3, "2024-01-01", "2025-11-20", ERR_BUSY, "is 2026-02-02 now");
	refuse_model(fixture_path("none"), 3, "2026-02-02", "2025-11-20", ERR_NOTFOUND, "none");
}

static void test_a_template_is_named(void **state)
{
	(void)state;
	fixture_write(
		FILE_NAME, "sentinelcam_models:\n  face:\n    current_version: '{{ v }}'\n");
	refuse_model(fixture_path(FILE_NAME), 3, "2026-02-02", "2025-11-20", ERR_UNSUPPORTED,
		":3:22: face.current_version is a template");
}

static void test_a_file_that_is_encrypted(void **state)
{
	(void)state;
	fixture_write(FILE_NAME, "$ANSIBLE_VAULT;1.1;AES256\n6162\n");
	refuse_model(fixture_path(FILE_NAME), 3, "2026-02-02", "2025-11-20", ERR_UNSUPPORTED,
		"encrypted as a whole");
}

static void test_an_inventory_that_is_no_yaml(void **state)
{
	(void)state;
	fixture_write(FILE_NAME, "[all:vars]\nsentinelcam_models={'face': {}}\n[all]\na b=c\n");
	refuse_model(fixture_path(FILE_NAME), 2, "2026-02-02", "2025-11-20", ERR_INPUT,
		"cannot change face.current_version");
}

static void test_the_previous_version_of_another_file(void **state)
{
	const struct model *m;

	(void)state;
	fixture_write(FILE_NAME, plain);
	m = read_model(fixture_path(FILE_NAME), "face");
	struct model merged = *m;
	merged.previous_place.file = "other.yaml";

	assert_int_equal(registry_edit_move(&e, &merged, "2025-11-20", &err), -1);

	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "other.yaml:4:23: face.previous_version stands in"));
}

/* ---- writing ---- */

static void test_writing_keeps_mode_owner_and_links(void **state)
{
	struct stat before, after, link;
	const char *path = fixture_path(FILE_NAME);
	const char *name = fixture_path("link.yaml");

	(void)state;
	fixture_write(FILE_NAME, plain);
	assert_int_equal(chmod(path, 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 1234, 4321), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(symlink(path, name), 0);
	assert_int_equal(
		registry_edit_move(&e, read_model(name, "face"), "2025-11-20", &err), 0);
	assert_string_equal(e.path, path);

	assert_int_equal(registry_edit_write(&e, &err), 0);

	assert_int_equal(lstat(name, &link), 0);
	assert_true(S_ISLNK(link.st_mode));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_gid, before.st_gid);
	assert_string_equal(read_bytes(path), e.after.data);
	assert_string_equal(
		fixture_shell("ls -A site/group_vars/all"), "model_registry.yaml\n");
}

static void test_undo_puts_the_bytes_back(void **state)
{
	(void)state;
	assert_int_equal(move(plain, "face", "2025-11-20"), 0);
	assert_int_equal(registry_edit_write(&e, &err), 0);

	assert_int_equal(registry_edit_undo(&e, &err), 0);

	assert_string_equal(read_bytes(fixture_path(FILE_NAME)), plain);
}

static void test_somebody_else_was_there_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(move(plain, "face", "2025-11-20"), 0);
	fixture_write(FILE_NAME, "x: 1\n");
	assert_int_equal(registry_edit_write(&e, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(registry_edit_undo(&e, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_string_equal(read_bytes(fixture_path(FILE_NAME)), "x: 1\n");
}

/* ---- pins ---- */

static int pin(const char *name, const char *version)
{
	registry_edit_release(&e);
	err_clear(&err);
	return registry_edit_pin(&e, fixture_path(name), "face", version, &err);
}

struct pin_case {
	const char *version, *before, *after; /* version NULL: the pin goes */
};

static void test_pins(void **state)
{
	static const struct pin_case cases[] = {
		{"2025-11-20", "", "model_version_overrides:\n  face: \"2025-11-20\"\n"},
		{"2025-11-20", "# sentinel-test\nansible_host: 10.0.0.1\n",
			"# sentinel-test\nansible_host: 10.0.0.1\nmodel_version_overrides:\n"
			"  face: \"2025-11-20\"\n"},
		{"2025-11-20", "model_version_overrides:\n  face: '2024-01-01' # why\nx: 1\n",
			"model_version_overrides:\n  face: '2025-11-20' # why\nx: 1\n"},
		{"2025-11-20", "model_version_overrides:\n  ssd: 2024-01-01\n",
			"model_version_overrides:\n  ssd: 2024-01-01\n  face: 2025-11-20\n"},
		{"2025-11-20", "model_version_overrides: {ssd: '2024-01-01'}\r\n",
			"model_version_overrides: {ssd: '2024-01-01', face: '2025-11-20'}\r\n"},
		{"2025-11-20", "model_version_overrides:\nx: 1\n",
			"model_version_overrides:\n  face: \"2025-11-20\"\nx: 1\n"},
		{"2025-11-20", "model_version_overrides: {}\n",
			"model_version_overrides: {face: \"2025-11-20\"}\n"},
		{NULL, "a: 1\nmodel_version_overrides:\n  face: '2024-01-01'\nb: 2 # two\n",
			"a: 1\nb: 2 # two\n"},
		{NULL, "model_version_overrides:\n  ssd: '2024-01-01'\n  face: '2024-01-01'\n",
			"model_version_overrides:\n  ssd: '2024-01-01'\n"},
		{NULL, "model_version_overrides: {face: '2024-01-01'}\nb: 2\n", "b: 2\n"},
	};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fixture_write("host_vars/a.yaml", cases[i].before);
		if (pin("host_vars/a.yaml", cases[i].version) == 0 &&
			strcmp(e.after.data, cases[i].after) == 0)
			continue;
		print_message("%zu: %s\nfound:\n%s\n", i, err.text, e.after.data);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void refuse_pin(
	const char *text, const char *version, enum err_code code, const char *says)
{
	fixture_write("host_vars/a.yaml", text);
	assert_int_equal(pin("host_vars/a.yaml", version), -1);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("%s: %d %s", text, err.code, err.text);
}

static void test_pins_that_cannot_be_written(void **state)
{
	(void)state;
	refuse_pin("model_version_overrides: {face: '2025-11-20'}\n", "2025-11-20", ERR_EXISTS,
		"already");
	refuse_pin("x: 1\n", NULL, ERR_NOTFOUND, "pins no version");
	refuse_pin("", NULL, ERR_NOTFOUND, "pins no version");
	refuse_pin("- 1\n", "2025-11-20", ERR_INPUT, "a list");
	refuse_pin("model_version_overrides: '{{ pins }}'\n", "2025-11-20", ERR_UNSUPPORTED,
		":1:26: model_version_overrides is a string");
	refuse_pin("model_version_overrides: {face: '{{ v }}'}\n", "2025-11-20",
		ERR_UNSUPPORTED, "is a template");
	refuse_pin("model_version_overrides: {face: '{{ v }}'}\n", "2025-13-20", ERR_INPUT,
		"the calendar");
	refuse_pin("x: [\n", "2025-11-20", ERR_INPUT, "a.yaml:2");
	refuse_pin("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "2025-11-20", ERR_UNSUPPORTED,
		"ansible-vault");
}

static void test_json_stays_json(void **state)
{
	(void)state;
	fixture_write("host_vars/a.json", "{\"model_version_overrides\": {\"face\": "
					  "\"2024-01-01\"}, \"x\": 1}\n");
	assert_int_equal(pin("host_vars/a.json", "2025-11-20"), 0);
	assert_string_equal(e.after.data, "{\"model_version_overrides\": {\"face\": "
					  "\"2025-11-20\"}, \"x\": 1}\n");
	fixture_write("host_vars/a.json", "{\"x\": 1}\n");
	assert_int_equal(pin("host_vars/a.json", "2025-11-20"), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "JSON"));
}

static void test_a_file_that_is_made_and_taken_away(void **state)
{
	(void)state;
	fixture_write("site/hosts.yaml", "");
	assert_int_equal(pin("site/host_vars/a.yaml", "2025-11-20"), 0);
	assert_true(e.absent);
	assert_int_equal(registry_edit_write(&e, &err), 0);
	assert_string_equal(read_bytes(fixture_path("site/host_vars/a.yaml")),
		"model_version_overrides:\n  face: \"2025-11-20\"\n");

	assert_int_equal(registry_edit_undo(&e, &err), 0);

	assert_string_equal(fixture_shell("ls -A site"), "hosts.yaml\n");
}

static void test_a_new_file_does_not_replace_one_that_came_meanwhile(void **state)
{
	(void)state;
	fixture_write("site/host_vars/b.yaml", "");
	assert_int_equal(pin("site/host_vars/a.yaml", "2025-11-20"), 0);
	fixture_write("site/host_vars/a.yaml", "x: 1\n");

	assert_int_equal(registry_edit_write(&e, &err), -1);

	assert_int_equal(err.code, ERR_BUSY);
	assert_string_equal(read_bytes(fixture_path("site/host_vars/a.yaml")), "x: 1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_the_two_values_change),
		TEST(test_pyyaml_sees_the_same_difference),
		TEST(test_there_and_back_is_the_same_text),
		TEST(test_what_cannot_be_moved),
		TEST(test_versions_that_come_from_elsewhere),
		TEST(test_a_template_is_named),
		TEST(test_a_file_that_is_encrypted),
		TEST(test_an_inventory_that_is_no_yaml),
		TEST(test_the_previous_version_of_another_file),
		TEST(test_writing_keeps_mode_owner_and_links),
		TEST(test_undo_puts_the_bytes_back),
		TEST(test_somebody_else_was_there_meanwhile),
		TEST(test_pins),
		TEST(test_pins_that_cannot_be_written),
		TEST(test_json_stays_json),
		TEST(test_a_file_that_is_made_and_taken_away),
		TEST(test_a_new_file_does_not_replace_one_that_came_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
