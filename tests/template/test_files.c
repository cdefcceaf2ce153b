/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups and includes that reach files and programs, in a folder of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "template/harness.h"

struct fixture {
	char dir[64];
	struct template_search search;
	struct harness h;
};

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	autofree char *path = path_join(f->dir, name);
	autofree char *dir = path_dirname(path);

	assert_int_equal(path_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/template_files.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	strlist_add(&f->search.paths, f->dir);
	harness_init(&f->h, "n: 5\n");
	f->h.ctx.files = &template_files_local;
	f->h.ctx.files_data = &f->search;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	harness_release(&f->h);
	strlist_release(&f->search.paths);
	path_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

static void expect(struct fixture *f, const char *template, const char *text)
{
	assert_string_equal(harness_eval(&f->h, template), text);
}

static void test_file(void **state)
{
	struct fixture *f = *state;

	write_file(f, "files/a.txt", "  in files\n\n");
	write_file(f, "b.txt", "beside");
	expect(f, "{{ lookup('file', 'a.txt') }}", "\"  in files\"");
	expect(f, "{{ lookup('file', 'a.txt', lstrip=true, rstrip=false) }}",
		"\"in files\\n\\n\"");
	expect(f, "{{ lookup('file', 'a.txt', 'b.txt') }}", "\"  in files,beside\"");
	expect(f, "{{ query('file', 'a.txt', 'b.txt') | length }}", "2");
	expect(f, "{{ lookup('file', 'none.txt', errors='ignore') is none }}", "true");
	assert_non_null(strstr(
		harness_eval(&f->h, "{{ lookup('file', 'none.txt') }}"), "none.txt not found"));
}

/* What a file holds is text, even if it looks like a template. */
static void test_file_is_no_template(void **state)
{
	struct fixture *f = *state;

	write_file(f, "files/t", "{{ n }}");
	expect(f, "{{ lookup('file', 't') }}", "\"{{ n }}\"");
}

static void test_template(void **state)
{
	struct fixture *f = *state;

	write_file(f, "templates/t.j2", "{{ n }}{{ extra | default('-') }}\\n\n");
	expect(f, "{{ lookup('template', 't.j2') }}", "\"5-\\\\n\\n\"");
	expect(f, "{{ lookup('template', 't.j2', template_vars={'extra': 'x'}) }}",
		"\"5x\\\\n\\n\"");
	write_file(f, "templates/u.j2", "[[ n ]] {{ n }}");
	expect(f,
		"{{ lookup('template', 'u.j2', variable_start_string='[[', "
		"variable_end_string=']]') }}",
		"\"5 {{ n }}\"");
	write_file(f, "templates/bad.j2", "a\n{{ nowhere }}");
	assert_non_null(strstr(harness_eval(&f->h, "{{ lookup('template', 'bad.j2') }}"),
		"/templates/bad.j2:2:4: 'nowhere' is undefined"));
}

static void test_include(void **state)
{
	struct fixture *f = *state;

	write_file(f, "templates/part.j2", "part {{ n }}\n");
	write_file(f, "templates/base.j2", "<{% block b %}{% endblock %}>");
	write_file(f, "templates/m.j2", "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}");
	expect(f, "{% include 'part.j2' %}", "\"part 5\"");
	expect(f, "{% extends 'base.j2' %}{% block b %}{{ n }}{% endblock %}", "\"<5>\"");
	expect(f, "{% from 'm.j2' import twice %}{{ twice('a') }}", "\"aa\"");
	expect(f, "{% include 'none.j2' ignore missing %}x", "\"x\"");
	write_file(f, "templates/self.j2", "{% include 'self.j2' %}");
	assert_non_null(
		strstr(harness_eval(&f->h, "{% include 'self.j2' %}"), "inside one another"));
	write_file(f, "templates/ext.j2", "{% extends 'ext.j2' %}");
	assert_non_null(strstr(harness_eval(&f->h, "{% extends 'ext.j2' %}"), "without end"));
}

static void test_pipe(void **state)
{
	struct fixture *f = *state;

	expect(f, "{{ lookup('pipe', 'echo hello; echo you') }}", "\"hello\\nyou\"");
	expect(f, "{{ query('lines', 'echo a; echo b') }}", "[\"a\", \"b\"]");
	assert_non_null(
		strstr(harness_eval(&f->h, "{{ lookup('pipe', 'echo why >&2; exit 3') }}"),
			"ended with 3: why"));
	f->search.until = deadline_in(0.2);
	harness_eval(&f->h, "{{ lookup('pipe', 'sleep 30') }}");
	assert_int_equal(f->h.err.code, ERR_TIMEOUT);
}

/* A file is read once in a rendering; the next rendering sees what it has become. */
static void test_include_reads_anew(void **state)
{
	struct fixture *f = *state;
	const char *twice = "{% for i in [1, 2] %}{% include 'part.j2' %}{% endfor %}";

	write_file(f, "templates/part.j2", "old");
	expect(f, twice, "\"oldold\"");
	write_file(f, "templates/part.j2", "new");
	expect(f, twice, "\"newnew\"");
}

static void test_first_found(void **state)
{
	struct fixture *f = *state;
	autofree char *want = xasprintf("\"%s/files/b\"", f->dir);

	write_file(f, "files/b", "");
	write_file(f, "files/sub/c", "");
	expect(f, "{{ lookup('first_found', 'a', 'b') }}", want);
	expect(f, "{{ lookup('first_found', ['a', 'b']) }}", want);
	expect(f, "{{ lookup('first_found', 'a,b') }}", want);
	expect(f,
		"{{ lookup('first_found', {'files': ['c'], 'paths': ['none', 'sub']}) "
		"| basename }}",
		"\"c\"");
	expect(f, "{{ query('first_found', {'files': ['zz'], 'skip': true}) }}", "[]");
	assert_non_null(strstr(
		harness_eval(&f->h, "{{ lookup('first_found', 'zz') }}"), "no file was found"));
}

static void test_fileglob(void **state)
{
	struct fixture *f = *state;
	autofree char *pattern = xasprintf("{{ '%s/files/*.x' | fileglob | length }}", f->dir);

	write_file(f, "files/1.x", "");
	write_file(f, "files/2.x", "");
	write_file(f, "files/3.y", "");
	expect(f, "{{ query('fileglob', '*.y') | map('basename') | list }}", "[\"3.y\"]");
	expect(f, "{{ query('fileglob', 'files/*.x') | map('basename') | sort }}",
		"[\"1.x\", \"2.x\"]");
	expect(f, pattern, "2");
}

/* What depends on the process: its environment, its user, links on its disk. */
static void test_expansions(void **state)
{
	struct fixture *f = *state;
	autofree char *link = path_join(f->dir, "link");
	autofree char *real =
		xasprintf("{{ '%s/link/x' | realpath == '%s/x' }}", f->dir, f->dir);
	autofree char *home = xstrdup(getenv("HOME") ? getenv("HOME") : "");

	write_file(f, "x", "");
	assert_int_equal(symlink(f->dir, link), 0);
	expect(f, real, "true");
	setenv("HOME", "/of/mine//", 1);
	setenv("MODELFLEET_TEST", "va lue", 1);
	expect(f, "{{ '~/x' | expanduser }}", "\"/of/mine/x\"");
	expect(f, "{{ '~' | expanduser }}", "\"/of/mine\"");
	expect(f, "{{ '~root/x' | expanduser }}", "\"/root/x\"");
	expect(f, "{{ '$MODELFLEET_TEST/${MODELFLEET_TEST}.$$/${' | expandvars }}",
		"\"va lue/va lue.$$/${\"");
	unsetenv("HOME");
	expect(f, "{{ '~/x' | expanduser == '~' | expanduser ~ '/x' }}", "true");
	setenv("HOME", home, 1);
	unsetenv("MODELFLEET_TEST");
}

/* What `openssl passwd` makes of the same. */
static void test_password_hash(void **state)
{
	struct fixture *f = *state;

	expect(f, "{{ 'Hello world!' | password_hash('sha512', 'saltstring', rounds=5000) }}",
		"\"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI"
		"68u4OTLiBFdcbYEdFCoEOfaS35inz1\"");
	expect(f, "{{ 'Hello world!' | password_hash('sha256', 'saltstring', rounds=5000) }}",
		"\"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5\"");
	expect(f,
		"{{ 'Hello world!' | password_hash('sha256', 'saltstringsaltst', rounds=10000) "
		"}}",
		"\"$5$rounds=10000$saltstringsaltst$3xv."
		"VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA\"");
	/* Without a salt, another one each time; it is no secret of ours which. */
	expect(f,
		"{% set p = 'x' | password_hash('sha256', rounds=1234) %}"
		"{{ p is match('[$]5[$]rounds=1234[$][./0-9A-Za-z]{16}[$]') and "
		"p != 'x' | password_hash('sha256', rounds=1234) }}",
		"true");
	expect(f, "{{ 'x' | password_hash('nosuch') }}",
		"t:1:10: password_hash: 'nosuch' is none of sha512, sha256, md5, blowfish");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_is_no_template, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_template, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_include, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_include_reads_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pipe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fileglob, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expansions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_password_hash, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
