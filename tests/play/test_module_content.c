/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template and copy beyond what Ansible can be asked about: vaults, what crosses the link, and
 * what is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/scratch.h"
#include "play/run_fixture.h"

#define LARGE 400000 /* bytes */

/* Runs tasks that lie beside their files; `d` is the directory. */
static void tasks(struct run_fixture *f, const char *shown, const char *text)
{
	f->show = shown;
	run_fixture_play(f,
		arena_printf(&f->arena,
			"- hosts: all\n  gather_facts: false\n  vars: {d: '%s', word: plain}\n"
			"  tasks:\n%s",
			f->dir, text));
}

static void write_vault(
	struct run_fixture *f, struct secrets *secrets, const char *name, const char *text)
{
	AUTO(strbuf_release) struct strbuf envelope = STRBUF_INIT;
	struct err err = {0};

	if (secrets->passwords.count == 0)
		assert_int_equal(
			vault_secrets_add(&secrets->passwords, NULL, "pass", 4, &err), 0);
	assert_int_equal(
		vault_encrypt(text, strlen(text), secrets->passwords.items, &envelope, &err),
		0);
	run_fixture_write(f, name, envelope.data);
}

static void vaults_are_opened(void **state)
{
	struct run_fixture *f = *state;
	AUTO(secrets_release) struct secrets secrets = {0};

	write_vault(f, &secrets, "t.j2", "{{ word }}\n");
	write_vault(f, &secrets, "file", "secret\n");
	f->options.secrets = &secrets;
	tasks(f, NULL,
		"    - template: {src: '{{ d }}/t.j2', dest: '{{ d }}/t'}\n"
		"    - template: {src: '{{ d }}/t.j2', dest: '{{ d }}/t2', trim_blocks: "
		"false}\n"
		"    - copy: {src: '{{ d }}/file', dest: '{{ d }}/open'}\n"
		"    - copy: {src: '{{ d }}/file', dest: '{{ d }}/closed', decrypt: false}\n");
	assert_true(scratch_holds(run_fixture_path(f, "t"), "plain\n"));
	assert_true(scratch_holds(run_fixture_path(f, "t2"), "plain\n"));
	assert_true(scratch_holds(run_fixture_path(f, "open"), "secret\n"));
	assert_false(scratch_holds(run_fixture_path(f, "closed"), "secret\n"));
}

static void a_vault_without_its_password_is_refused(void **state)
{
	struct run_fixture *f = *state;
	AUTO(secrets_release) struct secrets secrets = {0};
	struct secrets none = {0};

	write_vault(f, &secrets, "file", "secret\n");
	f->options.secrets = &none;
	tasks(f, NULL, "    - copy: {src: '{{ d }}/file', dest: '{{ d }}/open'}\n");
	run_fixture_expect(f, "h1 task 'copy': failed");
	assert_int_equal(access(run_fixture_path(f, "open"), F_OK), -1);
}

static uint64_t bytes_sent(struct run_fixture *f)
{
	return run_fixture_host(f, "h1")->link.bytes_out;
}

static void content_that_is_there_is_not_sent(void **state)
{
	struct run_fixture *f = *state;
	autofree char *large = xmalloc(LARGE + 1);
	const char *copy = "    - copy: {src: '{{ d }}/large', dest: '{{ d }}/out'}\n";
	uint64_t seed = 1;

	for (size_t i = 0; i < LARGE; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		large[i] = (char)('!' + (seed >> 33) % 90);
	}
	large[LARGE] = 0;
	run_fixture_write(f, "large", large);
	f->options.check = true;
	tasks(f, NULL, copy);
	run_fixture_expect(f, "h1 task 'copy': changed");
	assert_true(bytes_sent(f) < 10000);
	f->options.check = false;
	tasks(f, NULL, copy);
	run_fixture_expect(f, "h1 task 'copy': changed");
	assert_true(bytes_sent(f) > LARGE / 2);
	assert_true(scratch_holds(run_fixture_path(f, "out"), large));
	tasks(f, NULL, copy);
	run_fixture_expect(f, "h1 task 'copy': ok");
	assert_true(bytes_sent(f) < 10000);
}

/*
 * One file in two syntaxes: what was compiled for one is not used for the other, and what is
 * included has the syntax of the file that includes it.
 */
static void syntaxes_are_kept_apart(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(
		f, "in.j2", "<< word >> (( word )) {{ word }}\n{% include 'part.j2' %}");
	run_fixture_write(f, "part.j2", "part << word >>\n");
	tasks(f, NULL,
		"    - template: {src: '{{ d }}/in.j2', dest: '{{ d }}/a',"
		" variable_start_string: '<<', variable_end_string: '>>'}\n"
		"    - template: {src: '{{ d }}/in.j2', dest: '{{ d }}/b',"
		" variable_start_string: '((', variable_end_string: '))'}\n"
		"    - template: {src: '{{ d }}/in.j2', dest: '{{ d }}/c'}\n");
	assert_true(scratch_holds(
		run_fixture_path(f, "a"), "plain (( word )) {{ word }}\npart plain"));
	assert_true(scratch_holds(
		run_fixture_path(f, "b"), "<< word >> plain {{ word }}\npart << word >>"));
	assert_true(scratch_holds(
		run_fixture_path(f, "c"), "<< word >> (( word )) plain\npart << word >>"));
}

static void other_encodings_are_refused(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "t.j2", "x\n");
	tasks(f, "msg",
		"    - template: {src: '{{ d }}/t.j2', dest: '{{ d }}/t',"
		" output_encoding: latin-1}\n");
	run_fixture_expect(f, "output_encoding: found 'latin-1'; only utf-8 is supported");
}

static void a_link_that_leads_back_is_refused(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "tree/sub/a", "a");
	assert_int_equal(symlink("..", run_fixture_path(f, "tree/sub/back")), 0);
	tasks(f, "msg", "    - copy: {src: '{{ d }}/tree', dest: '{{ d }}/out'}\n");
	run_fixture_expect(f, "a link that leads back");
	assert_int_equal(access(run_fixture_path(f, "out"), F_OK), -1);
}

static void check_mode_writes_nothing(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "tree/sub/a", "a");
	f->options.check = true;
	tasks(f, NULL,
		"    - copy: {src: '{{ d }}/tree', dest: '{{ d }}/out'}\n"
		"    - copy: {content: x, dest: '{{ d }}/text'}\n"
		"    - file: {path: '{{ d }}/dir', state: directory}\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=3 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
	assert_int_equal(access(run_fixture_path(f, "out"), F_OK), -1);
	assert_int_equal(access(run_fixture_path(f, "text"), F_OK), -1);
	assert_int_equal(access(run_fixture_path(f, "dir"), F_OK), -1);
}

static void an_expression_of_a_node_is_not_evaluated(void **state)
{
	struct run_fixture *f = *state;

	tasks(f, "msg",
		"    - command: echo 1 + 1\n      register: said\n"
		"    - debug: {var: '{{ said.stdout }}'}\n");
	run_fixture_expect(f, "the expression came from a node and is not evaluated");
}

#define T(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(vaults_are_opened),
		T(a_vault_without_its_password_is_refused),
		T(content_that_is_there_is_not_sent),
		T(syntaxes_are_kept_apart),
		T(other_encodings_are_refused),
		T(a_link_that_leads_back_is_refused),
		T(check_mode_writes_nothing),
		T(an_expression_of_a_node_is_not_evaluated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
