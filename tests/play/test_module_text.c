/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that edit a text, over texts that nobody would write: what they bring in is there
 * the second time, and in check mode they tell what they would do. Whether the result is
 * Ansible's is another test's affair.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "play/run_fixture.h"

#define BLOCK_BEGIN "# BEGIN ANSIBLE MANAGED BLOCK\n"
#define BLOCK_END   "# END ANSIBLE MANAGED BLOCK\n"
#define KEY         "AAAAC3NzaC1lZDI1NTE5AAAAIGt4nG3iVt0mXo3bq1bC0c5Xy4k4b0cV4m8z0f3a1b2c"

#define TEXT(literal)                                                                          \
	{                                                                                      \
		literal, sizeof(literal) - 1                                                   \
	}

static const struct {
	const char *data;
	size_t len;
} texts[] = {
	TEXT(""),
	TEXT("\n"),
	TEXT("\n\n\n"),
	TEXT("wanted"),
	TEXT("wanted\nwanted\n"),
	TEXT("a\nno end"),
	TEXT("a\r\nwanted\r\nb\r\n"),
	TEXT("a\rwanted\rb"),
	TEXT(" wanted \n\twanted\n"),
	TEXT("a\0b\nwanted\0\n"),
	TEXT("\xff\xfe\n\xc3(\nwanted\n"),
	TEXT("gr\xc3\xbc\xc3\x9f\x65\n\xe2\x80\xa8wanted\n"),
	TEXT(BLOCK_BEGIN "x\n" BLOCK_END),
	TEXT(BLOCK_BEGIN),
	TEXT(BLOCK_END "a\n" BLOCK_BEGIN "b\n"),
	TEXT(BLOCK_BEGIN BLOCK_BEGIN "a\n" BLOCK_END "b\n" BLOCK_END),
	TEXT("# BEGIN ANSIBLE MANAGED BLOCK"),
	TEXT("ssh-ed25519 " KEY " wanted\n"),
	TEXT("command=\"a \\\"b\\\" c\",no-pty ssh-ed25519 " KEY "\n"),
	TEXT("command=\"never closed ssh-ed25519 " KEY "\n"),
	TEXT("h ssh-ed25519 " KEY "\n@revoked h ssh-ed25519 " KEY "\n"),
	TEXT("|1|bad|salt ssh-ed25519 " KEY "\nh\nh ssh-ed25519\nh,g ssh-ed25519 x\n"),
	TEXT("[h]:22 ssh-rsa AAAA\nh ssh-dss " KEY "\n h ssh-ed25519 " KEY),
};

#define LOOP "      loop: '{{ names }}'\n      ignore_errors: true\n      register: "

/*
 * Shows the texts for which what a check told was not done, or was done twice; but not the one
 * whose name is `but`.
 */
static bool tell_differing(const struct run_fixture *f, const char *task, const char *but)
{
	bool any = false;

	for (const char *line = f->seen.data; *line;) {
		size_t n = strcspn(line, "\n");
		autofree char *text = xstrndup(line, n);
		if (strstr(text, "DIFFERS") && !(but && strstr(text, but))) {
			print_error("%s\n%s\n", task, text);
			any = true;
		}
		line += n + (line[n] == '\n');
	}
	return any;
}

/*
 * A task is run over all texts three times: as a check, and twice. Of one of them, `but`,
 * Ansible changes something the second time, too.
 */
static void check_but(struct run_fixture *f, const char *but, const char *task)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *path = run_fixture_path(f, "text%zu", i);
		assert_int_equal(
			file_replace(path, texts[i].data, texts[i].len, 0644, NULL), 0);
		strbuf_addf(&names, "%stext%zu", i ? ", " : "", i);
	}
	f->show = "msg";
	run_fixture_play(f,
		arena_printf(&f->arena,
			"- hosts: all\n  gather_facts: false\n"
			"  vars: {d: '%s', key: ssh-ed25519 " KEY ", names: [%s]}\n  tasks:\n"
			"    - %s\n" LOOP "told\n      check_mode: true\n"
			"    - %s\n" LOOP "done\n"
			"    - %s\n" LOOP "again\n"
			"    - fail: {msg: 'DIFFERS: {{ [told.results[i], done.results[i],"
			" again.results[i]] | map(attribute=\"changed\") | list }}'}\n"
			"      when: told.results[i].changed != done.results[i].changed or"
			" told.results[i].failed != done.results[i].failed or"
			" again.results[i].failed != done.results[i].failed or"
			" again.results[i].changed\n"
			"      loop: '{{ names }}'\n      loop_control: {index_var: i}\n",
			f->dir, names.data, task, task, task));
	assert_false(tell_differing(f, task, but));
	run_fixture_expect(f, but ? "h1 task 'fail': failed" : "h1 task 'fail': skipped");
}

static void check(struct run_fixture *f, const char *task)
{
	check_but(f, NULL, task);
}

static void lines(void **state)
{
	check(*state, "lineinfile: {path: '{{ d }}/{{ item }}', line: wanted}");
	check(*state,
		"lineinfile: {path: '{{ d }}/{{ item }}', line: wanted, insertbefore: BOF}");
	check(*state,
		"lineinfile: {path: '{{ d }}/{{ item }}', line: wanted it, regexp: ^want}");
	check_but(*state, "'text7'",
		"lineinfile: {path: '{{ d }}/{{ item }}', line: first, insertafter: ^a}");
	check(*state,
		"lineinfile: {path: '{{ d }}/{{ item }}', regexp: wanted, state: absent}");
	check(*state, "lineinfile: {path: '{{ d }}/{{ item }}', line: wanted, state: absent}");
}

static void blocks(void **state)
{
	check(*state, "blockinfile: {path: '{{ d }}/{{ item }}', block: wanted}");
	check_but(*state, "'text13'",
		"blockinfile: {path: '{{ d }}/{{ item }}', block: \"a\\nb\\n\","
		" insertbefore: BOF}");
	check(*state, "blockinfile: {path: '{{ d }}/{{ item }}', block: '', insertafter: ^a}");
	check(*state, "blockinfile: {path: '{{ d }}/{{ item }}', state: absent}");
}

static void replacements(void **state)
{
	check(*state, "replace: {path: '{{ d }}/{{ item }}', regexp: '[wn]anted', replace: x}");
	check(*state, "replace: {path: '{{ d }}/{{ item }}', regexp: '^a$', replace: '',"
		      " before: wanted}");
	check(*state, "replace: {path: '{{ d }}/{{ item }}', regexp: '\\r'}");
}

static void keys(void **state)
{
	check(*state,
		"authorized_key: {user: root, path: '{{ d }}/{{ item }}', key: '{{ key }}',"
		" manage_dir: false}");
	check(*state,
		"authorized_key: {user: root, path: '{{ d }}/{{ item }}', key: '{{ key }}',"
		" manage_dir: false, key_options: 'no-pty,from=\"h\"', comment: me}");
	check(*state,
		"authorized_key: {user: root, path: '{{ d }}/{{ item }}', key: '{{ key }}',"
		" manage_dir: false, state: absent}");
}

static void known_hosts(void **state)
{
	check(*state, "known_hosts: {name: h, path: '{{ d }}/{{ item }}', key: 'h {{ key }}'}");
	check_but(*state, "'text20'",
		"known_hosts: {name: h, path: '{{ d }}/{{ item }}', state: absent}");
}

int main(void)
{
#define RUN_TEST(f) cmocka_unit_test_setup_teardown(f, run_fixture_make, run_fixture_drop)
	const struct CMUnitTest tests[] = {
		RUN_TEST(lines),
		RUN_TEST(blocks),
		RUN_TEST(replacements),
		RUN_TEST(keys),
		RUN_TEST(known_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
