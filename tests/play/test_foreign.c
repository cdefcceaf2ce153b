/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that are not ours, on this machine's side: where they are found, of which kind they
 * are, what Python ones import, and how what cannot be run is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/spawn.h"
#include "play/foreign.h"
#include "play/run_fixture.h"
#include "play/zip.h"

#define TASK "- hosts: all\n  gather_facts: false\n  tasks:\n    - "

/* ---- imports ---- */

static void expect_imports(const char *package, const char *text, const char *expected)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf seen = STRBUF_INIT;
	struct foreign_imports l = {0};

	foreign_imports_read(text, package, &arena, &l);
	for (size_t i = 0; i < l.count; i++)
		strbuf_addf(&seen, "%u:%.*s[%s]%s\n", l.items[i].line, (int)l.items[i].needed,
			l.items[i].name, l.items[i].name + l.items[i].needed,
			l.items[i].optional ? " optional" : "");
	foreign_imports_release(&l);
	assert_string_equal(seen.data, expected);
}

static void imports_are_read_as_python_reads_them(void **state)
{
	(void)state;
	expect_imports("p.q", "import a\n", "1:a[]\n");
	expect_imports("p.q", "import a.b as c, d\n", "1:a.b[]\n1:d[]\n");
	expect_imports("p.q", "from a.b import c, d as e\n", "1:a.b[.c]\n1:a.b[.d]\n");
	expect_imports("p.q", "from a import *", "1:a[]\n");
	expect_imports("p.q", "\n\nfrom a import (\n  b,  # why\n  c)\nimport d\n",
		"3:a[.b]\n3:a[.c]\n6:d[]\n");
	expect_imports("p.q", "from a import \\\n  b\nimport c", "1:a[.b]\n3:c[]\n");
	expect_imports("p.q", "x = 1; import a\n", "1:a[] optional\n");
}

static void an_import_inside_something_is_optional(void **state)
{
	(void)state;
	expect_imports("p", "try:\n    import a\nexcept ImportError:\n    a = None\n",
		"2:a[] optional\n");
}

static void relative_imports_are_made_whole(void **state)
{
	(void)state;
	expect_imports("n.c.plugins.modules", "from ..module_utils.x import y\n",
		"1:n.c.plugins.module_utils.x[.y]\n");
	expect_imports("n.c", "from . import y\n", "1:n.c[.y]\n");
	expect_imports("n.c", "from .. import y\n", "1:n[.y]\n");
	expect_imports("n.c", "from .... import y\n", "");
}

static void what_is_no_statement_is_no_import(void **state)
{
	(void)state;
	expect_imports("p", "'''\nimport a\n'''\n\"\"\"\nfrom b import c\"\"\"\n", "");
	expect_imports("p", "# import a\nx = 'import b'\ny = \"\\\"\\\nimport c\"\n", "");
	expect_imports("p", "important = 1\nfrom_x = (\nimport_y)\n", "");
	expect_imports("p", "import", "");
	expect_imports("p", "from a", "");
	expect_imports("p", "'''never ended\nimport a\n", "");
}

/* ---- kinds ---- */

static void a_module_is_of_the_kind_that_its_text_says(void **state)
{
	static const struct {
		const char *text;
		enum foreign_style style;
	} cases[] = {
		{"#!/bin/sh\n", FOREIGN_PAIRS},
		{"#!/bin/sh\n# WANT_JSON\n", FOREIGN_JSON},
		{"#!/usr/bin/python\nfrom ansible.module_utils.basic import *\n",
			FOREIGN_PYTHON},
		{"#!/usr/bin/python\nfrom ..module_utils.a import b\n", FOREIGN_PYTHON},
		{"#!/usr/bin/python\nimport ansible.module_utils.basic\n", FOREIGN_PYTHON},
		{"#!/usr/bin/python\nfrom ansible_collections.a.b.plugins.module_utils import "
		 "c\n",
			FOREIGN_PYTHON},
		{"#!/usr/bin/python\n#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\n", FOREIGN_PYTHON},
		{"#!/usr/bin/python\nx = '''<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'''\n",
			FOREIGN_EMBEDDED},
		{"#!powershell\n# POWERSHELL_COMMON\n", FOREIGN_POWERSHELL},
		{"#!powershell\n#requires -module A\n", FOREIGN_POWERSHELL},
		{"\177ELF\2\1", FOREIGN_BINARY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (foreign_style_of(cases[i].text, strlen(cases[i].text)) != cases[i].style)
			fail_msg("%s", cases[i].text);
	assert_int_equal(foreign_style_of("a\0b", 3), FOREIGN_BINARY);
}

static void check_mode_is_for_modules_that_look_at_it(void **state)
{
	(void)state;
	assert_true(foreign_checks(FOREIGN_PYTHON, "", 0));
	assert_false(foreign_checks(FOREIGN_PAIRS, "#!/bin/sh", 9));
	assert_true(foreign_checks(FOREIGN_PAIRS, "test $_ansible_check_mode", 25));
}

/* ---- archives ---- */

static void python_reads_our_archives(void **state)
{
	struct run_fixture *f = *state;
	AUTO(spawn_result_release) struct spawn_result r = {0};
	const char *path = run_fixture_path(f, "a.zip");
	struct zip z = ZIP_INIT;
	const char *const argv[] = {"/usr/bin/python3", "-c",
		"import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is "
		"None\n"
		"print([(i.filename, z.read(i)) for i in z.infolist()])",
		path, NULL};
	const struct spawn_options o = {.argv = argv};

	assert_int_equal(zip_add(&z, "__main__.py", "pass\n", 5, NULL), 0);
	assert_int_equal(zip_add(&z, "a/empty.py", "", 0, NULL), 0);
	zip_end(&z);
	assert_int_equal(file_replace(path, z.data.data, z.data.len, 0600, NULL), 0);
	zip_release(&z);
	if (!path_exists(argv[0]))
		skip();
	assert_int_equal(spawn_run(&o, &r, NULL), 0);
	assert_string_equal(r.out.data, "[('__main__.py', b'pass\\n'), ('a/empty.py', b'')]\n");
}

static void an_archive_has_a_limit(void **state)
{
	struct zip z = ZIP_INIT;
	struct err err = {0};

	(void)state;
	for (unsigned i = 0; i < ZIP_MAX_FILES; i++)
		assert_int_equal(zip_add(&z, "a", "", 0, &err), 0);
	assert_int_equal(zip_add(&z, "a", "", 0, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	zip_release(&z);
}

/* ---- what is refused ---- */

/* A playbook with one task: what is seen of its run, or its findings. */
static void expect_seen(struct run_fixture *f, const char *task, const char *expected)
{
	const char *seen = run_fixture_play(f, arena_printf(&f->arena, TASK "%s\n", task));

	if (!strstr(seen, expected))
		fail_msg("expected: %s\nfound: %s", expected, seen);
}

static void what_cannot_be_run_is_refused_before_a_host_is_touched(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/nothing.sh", "echo {}\n");
	run_fixture_write(f, "library/windows.ps", "#!powershell\n#Requires -Module A\n");
	run_fixture_write(f, "library/helped.py",
		"#!/usr/bin/python\n\nfrom ansible.module_utils.basic import AnsibleModule\n");
	expect_seen(f, "nothing:", "nothing.sh: its first line names no interpreter");
	expect_seen(f, "windows:", "windows.ps: it is written in PowerShell");
	expect_seen(f, "helped:", "helped.py:3 imports ansible.module_utils.basic");
	expect_seen(f, "helped:", "MODELFLEET_ANSIBLE");
	expect_seen(f, "a.b.nowhere:", "the module \"a.b.nowhere\" is not supported yet");
	expect_seen(f, "nowhere_at_all:", "is neither a module nor a keyword of a task");
	assert_int_equal(f->connects, 0);
}

/* A collection with names that lead elsewhere. */
static void make_collection(struct run_fixture *f)
{
#define COLLECTION "collections/ansible_collections/some/thing/"
	run_fixture_write(f, COLLECTION "meta/runtime.yml",
		"plugin_routing:\n"
		"  modules:\n"
		"    old: {redirect: some.thing.greet}\n"
		"    ours: {redirect: ansible.builtin.debug}\n"
		"    gone: {tombstone: {warning_text: use greet}}\n"
		"    round: {redirect: some.thing.about}\n"
		"    about: {redirect: some.thing.round}\n");
	run_fixture_write(f, COLLECTION "plugins/modules/greet.sh",
		"#!/bin/sh\n. \"$1\"\necho '{\"msg\": \"hello '$name'\"}'\n");
	run_fixture_write(f, COLLECTION "plugins/modules/acts.sh", "#!/bin/sh\n");
	run_fixture_write(f, COLLECTION "plugins/action/acts.py", "");
}

static void names_of_collections_lead_where_they_say(void **state)
{
	struct run_fixture *f = *state;

	make_collection(f);
	f->show = "msg";
	expect_seen(f, "some.thing.greet: name=you", "ok \"hello you\"");
	expect_seen(f, "some.thing.old: name=you", "ok \"hello you\"");
	expect_seen(f, "some.thing.ours: msg=us", "ok \"us\"");
	expect_seen(f, "some.thing.gone:", "the module \"some.thing.gone\": use greet");
	expect_seen(f, "some.thing.round:", "\"some.thing.round\" is not supported yet");
	expect_seen(f, "some.thing.acts:", "(the action plugin ");
}

/* ---- what is run ---- */

static void arguments_come_as_the_module_wants_them(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/pairs",
		"#!/bin/sh\n. \"$1\"\necho \"{\\\"msg\\\": "
		"\\\"$a|$_ansible_check_mode\\\"}\"\n");
	run_fixture_write(f, "library/wants",
		"#!/bin/sh\n# WANT_JSON\nhead -c 15 \"$1\" >\"$0.x\"\n"
		"echo '{\"msg\":' $(cat \"$0.x\") '}}'\n");
	run_fixture_write(f, "library/inside",
		"#!/bin/sh -e\ncat <<'END'\n{\"msg\": "
		"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>}\nEND\n");
	f->show = "msg";
	expect_seen(f, "pairs: {a: \"it's $HOME\"}", "ok \"it's $HOME|False\"");
	expect_seen(f, "wants: {list: [1, 2]}", "ok {\"list\": [1, 2]}");
	expect_seen(f, "inside: {a: 1}", "ok {\"a\": 1, \"_ansible_check_mode\": false");
}

static void output_is_read_with_what_stands_around_it(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/noisy",
		"#!/bin/sh\necho motd\necho ' {\"msg\": 1,'\necho '\"changed\": true}'\n"
		"echo behind\n");
	run_fixture_write(
		f, "library/silent", "#!/bin/sh\necho nothing\necho bad >&2\nexit 3\n");
	run_fixture_write(f, "library/status", "#!/bin/sh\necho '{\"rc\": 4}'\n");
	f->show = "changed";
	expect_seen(
		f, "noisy:", "warning: Module invocation had junk after the JSON data: behind");
	run_fixture_expect(f, "task 'noisy': changed true");
	f->show = "module_stderr";
	expect_seen(f, "silent:", "failed \"bad\\n\"");
	f->show = "rc";
	expect_seen(f, "silent:", "failed 3");
	expect_seen(f, "status:", "failed 4");
}

static void a_node_may_not_say_how_it_is_reached(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/gives",
		"#!/bin/sh\necho '{\"ansible_facts\": {\"ansible_host\": \"evil\", \"mine\": "
		"\"{{ 1 }}\", \"ansible_sh_interpreter\": \"evil\"}, \"_ansible_x\": 1}'\n");
	f->show = "msg";
	expect_seen(f,
		"gives:\n    - debug: {msg: \"{{ mine }} {{ ansible_host == 'evil' }} "
		"{{ ansible_sh_interpreter is defined }}\"}",
		"ok \"{{ 1 }} False False\"");
}

static void check_mode_skips_what_cannot_tell(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/careless", "#!/bin/sh\necho '{\"changed\": true}'\n");
	run_fixture_write(f, "library/careful",
		"#!/bin/sh\n. \"$1\"\necho \"{\\\"msg\\\": \\\"$_ansible_check_mode\\\"}\"\n");
	f->options.check = true;
	f->show = "msg";
	expect_seen(f, "careless:", "skipped \"remote module (careless) does not");
	expect_seen(f, "careful:", "ok \"True\"");
	f->options.check = false;
}

static void a_module_of_ones_own_goes_first(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/stat", "#!/bin/sh\necho '{\"msg\": \"mine\"}'\n");
	f->show = "msg";
	expect_seen(f, "stat: path=/", "ok \"mine\"");
	f->show = "changed";
	expect_seen(f, "ansible.builtin.stat: path=/", "ok false");
}

static void nothing_is_left_on_the_node(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "library/where",
		"#!/bin/sh\n: >\"$(dirname \"$0\")/left\"\n"
		"echo \"{\\\"msg\\\": \\\"$0\\\"}\"\n");
	f->show = "exists";
	expect_seen(f,
		"where:\n      register: w\n    - stat: {path: \"{{ w.msg | dirname }}\"}\n"
		"      register: s\n    - debug: {msg: \"{{ s.stat.exists }}\"}\n"
		"      failed_when: s.stat.exists or not w.msg is search('modelfleet-')",
		"task 'debug': ok");
}

static void a_program_is_a_module(void **state)
{
	struct run_fixture *f = *state;
	AUTO(strbuf_release) struct strbuf program = STRBUF_INIT;

	assert_int_equal(file_read(PROGRAM, FOREIGN_MAX_BYTES, &program, NULL), 0);
	run_fixture_write(f, "library/empty", "");
	const char *path = run_fixture_path(f, "library/compiled");
	assert_int_equal(file_replace(path, program.data, program.len, 0644, NULL), 0);
	f->show = "msg";
	expect_seen(f, "compiled: {a: 1}", "ok {\"a\": 1, ");
}

int main(void)
{

#define RUN(test) cmocka_unit_test_setup_teardown(test, run_fixture_make, run_fixture_drop)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports_are_read_as_python_reads_them),
		cmocka_unit_test(an_import_inside_something_is_optional),
		cmocka_unit_test(relative_imports_are_made_whole),
		cmocka_unit_test(what_is_no_statement_is_no_import),
		cmocka_unit_test(a_module_is_of_the_kind_that_its_text_says),
		cmocka_unit_test(check_mode_is_for_modules_that_look_at_it),
		RUN(python_reads_our_archives),
		cmocka_unit_test(an_archive_has_a_limit),
		RUN(what_cannot_be_run_is_refused_before_a_host_is_touched),
		RUN(names_of_collections_lead_where_they_say),
		RUN(arguments_come_as_the_module_wants_them),
		RUN(output_is_read_with_what_stands_around_it),
		RUN(a_node_may_not_say_how_it_is_reached),
		RUN(a_program_is_a_module),
		RUN(check_mode_skips_what_cannot_tell),
		RUN(a_module_of_ones_own_goes_first),
		RUN(nothing_is_left_on_the_node),
	};

	/* What is installed on this machine is not to matter. */
	setenv("MODELFLEET_ANSIBLE", "", 1);
	setenv("ANSIBLE_COLLECTIONS_PATH", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
