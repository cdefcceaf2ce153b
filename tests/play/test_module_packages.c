/* SPDX-License-Identifier: Apache-2.0 */
/* service, apt and pip: what the engine refuses before the node is asked, and what it asks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/fd.h"
#include "play/run_fixture.h"

#define PLAY "- hosts: all\n  gather_facts: false\n  tasks:\n"

static void expect(struct run_fixture *f, const char *shown, const char *task, const char *seen)
{
	f->show = shown;
	run_fixture_play(f, arena_printf(&f->arena, PLAY "    - %s\n", task));
	run_fixture_expect(f, seen);
}

static const char *commands(struct run_fixture *f, const char *state)
{
	const char *flag = run_fixture_path(f, "runs");

	return arena_printf(&f->arena,
		"service: {name: camera, state: %s, use: commands, commands: {start: 'touch "
		"%s', stop: 'rm %s', status: 'test -e %s'}}",
		state, flag, flag, flag);
}

static void test_a_service_of_commands(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "state", commands(f, "started"), "h1 task 'service': changed \"started\"\n");
	expect(f, "state", commands(f, "started"), "h1 task 'service': ok \"started\"\n");
	expect(f, "state", commands(f, "restarted"),
		"h1 task 'service': changed \"started\"\n");
	expect(f, "state", commands(f, "reloaded"), "h1 task 'service': failed");
	expect(f, "name", commands(f, "stopped"), "h1 task 'service': changed \"camera\"\n");
	expect(f, "name", commands(f, "stopped"), "h1 task 'service': ok \"camera\"\n");
}

static void test_a_service_in_check_mode(void **state)
{
	struct run_fixture *f = *state;

	f->options.check = true;
	expect(f, "state", commands(f, "started"), "h1 task 'service': changed \"started\"\n");
	expect(f, "state", commands(f, "stopped"), "h1 task 'service': ok \"stopped\"\n");
}

static void test_services_that_are_refused(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "msg", "service: {name: a, state: started, use: openrc}",
		"use: openrc is not supported: auto, systemd, systemd_user and commands are");
	expect(f, "msg", "service: {name: a, state: started, use: commands}",
		"use: commands needs commands");
	expect(f, "msg", "service: {name: a, state: started, pattern: x}",
		"pattern is not supported");
	expect(f, "msg", "systemd: {name: a, scope: global}", "scope global is not supported");
	expect(f, "msg", "systemd: {state: started}", "state needs a name");
}

static void test_what_systemd_ignores_is_said(void **state)
{
	struct run_fixture *f = *state;
	const char *flag = run_fixture_path(f, "runs");

	expect(f, "warnings",
		arena_printf(&f->arena,
			"service: {name: a, state: stopped, use: commands, sleep: 3, commands: "
			"{stop: 'true', status: 'test -e %s'}}",
			flag),
		"[\"Ignoring \\\"sleep\\\" as it is not used in \\\"commands\\\"\"]");
}

static void test_debs_that_are_refused(void **state)
{
	struct run_fixture *f = *state;
	static const char whole[] =
		"!<arch>\n"
		"debian-binary   1700000000  0     0     100644  4         `\n"
		"2.0\n"
		"control.tar.xz  1700000000  0     0     100644  400       `\n"
		"cut";
	static const char huge[] =
		"!<arch>\n"
		"debian-binary   1700000000  0     0     100644  9999999999`\n";

	run_fixture_write(f, "files/empty.deb", "");
	run_fixture_write(f, "files/text.deb", "This is no archive.\n");
	run_fixture_write(f, "files/cut.deb", whole);
	run_fixture_write(f, "files/huge.deb", huge);
	expect(f, "msg", "apt: {debs: [empty.deb]}", "empty.deb is no Debian package");
	expect(f, "msg", "apt: {debs: [text.deb]}", "text.deb is no Debian package");
	expect(f, "msg", "apt: {debs: [cut.deb]}", "cut.deb is no whole Debian package");
	expect(f, "msg", "apt: {debs: [huge.deb]}", "huge.deb is no whole Debian package");
	expect(f, "msg", "apt: {debs: [absent.deb]}", "could not find absent.deb");
	expect(f, "msg", "apt: {deb: 'http://127.0.0.1:9/x.deb'}", "http://127.0.0.1:9/x.deb");
	expect(f, "msg", "apt: {deb: /x.deb, state: absent}",
		"deb only supports state=present");
	expect(f, "msg", "apt: {deb: /x.deb, name: x}", "mutually exclusive");
}

static void test_pip_arguments_that_are_refused(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "msg", "pip: {state: present}",
		"one of name, wheels and requirements is needed");
	expect(f, "msg", "pip: {name: [a, b], version: '1'}", "version needs exactly one name");
	expect(f, "msg", "pip: {name: a>1, version: '1'}", "give the version once");
	expect(f, "msg", "pip: {name: a, requirements: /r}", "exclude each other");
	expect(f, "msg", "pip: {name: a, virtualenv: /v, executable: /p}",
		"exclude each other");
	expect(f, "msg", "pip: {name: a, version: '1', state: latest}", "contradict");
	run_fixture_write(f, "files/lens.whl", "");
	expect(f, "msg", "pip: {wheels: [lens.whl]}", "lens.whl is no wheel's name");
}

/* A "python" that tells what it was asked, and a pip that tells what it was told. */
static void make_python(struct run_fixture *f, const char *answers)
{
	run_fixture_write(f, "venv/bin/python",
		arena_printf(&f->arena,
			"#!/bin/sh\n"
			"if [ \"$1\" = -c ]; then shift 2; printf '%%s\\n' \"$@\" > %s; %s; "
			"exit; fi\n"
			"echo told \"$@\"\n",
			run_fixture_path(f, "asked"), answers));
	assert_int_equal(0, chmod(run_fixture_path(f, "venv/bin/python"), 0755));
}

static const char *pip(struct run_fixture *f, const char *arguments)
{
	return arena_printf(
		&f->arena, "pip: {virtualenv: %s, %s}", run_fixture_path(f, "venv"), arguments);
}

static void test_requirements_stay_whole(void **state)
{
	struct run_fixture *f = *state;
	AUTO(strbuf_release) struct strbuf asked = STRBUF_INIT;

	make_python(f, "echo met; echo met; echo met");
	expect(f, "cmd", pip(f, "name: 'numpy>=1.2,<2, uvicorn[a,b]==3, lens'"),
		"h1 task 'pip': ok []\n");
	assert_int_equal(0, file_read(run_fixture_path(f, "asked"), 1000, &asked, NULL));
	assert_string_equal(asked.data, "r\nnumpy>=1.2,<2\nr\nuvicorn[a,b]==3\nr\nlens\n");
}

static void test_what_is_not_met_is_installed(void **state)
{
	struct run_fixture *f = *state;

	make_python(f, "echo have lens 1; echo unmet");
	expect(f, "stdout", pip(f, "name: lens, version: '2', extra_args: '--no-index -v'"),
		"told -m pip install --no-index -v lens==2");
	expect(f, "stdout", pip(f, "name: lens, state: absent"), "h1 task 'pip': ok \"\"\n");
	make_python(f, "echo have lens 1; echo met");
	expect(f, "stdout", pip(f, "name: lens, state: absent"),
		"told -m pip uninstall --yes lens");
	expect(f, "stdout", pip(f, "name: lens, state: forcereinstall"),
		"told -m pip install --upgrade --force-reinstall lens");
}

static void test_a_wheel_is_named_as_its_file(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "files/lens-2.0-py3-none-any.whl", "PK");
	make_python(f, "echo met");
	expect(f, "cmd", pip(f, "wheels: [lens-2.0-py3-none-any.whl]"),
		"h1 task 'pip': ok []\n");
	make_python(f, "echo unmet");
	expect(f, "stdout", pip(f, "wheels: [lens-2.0-py3-none-any.whl]"),
		"/lens-2.0-py3-none-any.whl");
}

static void test_a_python_that_answers_nonsense(void **state)
{
	struct run_fixture *f = *state;

	make_python(f, "echo hello");
	expect(f, "msg", pip(f, "name: lens"), "answered 0 of 1 questions");
	make_python(f, "echo no such module >&2; exit 1");
	expect(f, "msg", pip(f, "name: lens"), "what is installed: no such module");
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_a_service_of_commands),
		RUN(test_a_service_in_check_mode),
		RUN(test_services_that_are_refused),
		RUN(test_what_systemd_ignores_is_said),
		RUN(test_debs_that_are_refused),
		RUN(test_pip_arguments_that_are_refused),
		RUN(test_requirements_stay_whole),
		RUN(test_what_is_not_met_is_installed),
		RUN(test_a_wheel_is_named_as_its_file),
		RUN(test_a_python_that_answers_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
