/* SPDX-License-Identifier: Apache-2.0 */
/* What run-playbook and adhoc take from ansible.cfg, and from files that options name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/cli.h"
#include "made_site.h"

static const char site_yaml[] =
	"- name: Stars\n"
	"  hosts: sentinels\n"
	"  gather_facts: false\n"
	"  tasks:\n"
	"    - name: Shine\n"
	"      debug: {msg: \"{{ ansible_become_password | d('none') }}\"}\n"
	"      tags: bright\n"
	"    - name: Fall\n"
	"      fail: {msg: down}\n"
	"      when: inventory_hostname == falls | default('none')\n";

static void play(struct made_site *s, const char *settings, const char *const *words)
{
	made_write(s, "ansible.cfg", settings, strlen(settings));
	made_write(s, "site.yaml", site_yaml, strlen(site_yaml));
	made_command(s, "run-playbook", words);
}

static void expect_not(const struct strbuf *stream, const char *text)
{
	if (strstr(stream->data, text))
		fail_msg("'%s' is in\n%s", text, stream->data);
}

static void test_tags(void **state)
{
	struct made_site *s = *state;

	play(s, "[tags]\nrun = bright\n", MADE_WORDS("site.yaml", "-e", "falls=h0"));
	made_expect_code(s, EXIT_OK);
	expect_not(&s->out, "Fall");
	play(s, "[tags]\nrun = bright\n",
		MADE_WORDS("site.yaml", "-e", "falls=h0", "-t", "untagged"));
	made_expect_code(s, EXIT_HOST_FAILED);
	expect_not(&s->out, "Shine");
	play(s, "[tags]\nskip = bright\n", MADE_WORDS("site.yaml"));
	expect_not(&s->out, "Shine");
}

static void test_what_is_shown(void **state)
{
	struct made_site *s = *state;

	play(s, "[defaults]\ndisplay_skipped_hosts = no\n", MADE_WORDS("site.yaml"));
	made_expect_in(&s->out, "ok: [h0]");
	expect_not(&s->out, "TASK [Fall]");
	play(s, "[defaults]\nstdout_callback = oneline\n", MADE_WORDS("site.yaml", "-l", "h0"));
	assert_string_equal(s->out.data,
		"h0 | SUCCESS => {    \"changed\": false,    \"msg\": \"none\"}\n"
		"h0 | SKIPPED\n");
	play(s, "[defaults]\nstdout_callback = sparkles\n", MADE_WORDS("site.yaml"));
	made_expect_in(&s->err, "[WARNING]: ");
	made_expect_in(&s->err, "there is no output 'sparkles' here");
	made_expect_in(&s->out, "PLAY RECAP");
}

static void test_v_tells_what_is_not_read(void **state)
{
	struct made_site *s = *state;

	play(s, "[defaults]\nforks = 3\nnocows = 1\n",
		MADE_WORDS("site.yaml", "-v", "--sftp-extra-args=-l 5"));
	made_expect_in(&s->out, "ansible.cfg as config file\n");
	made_expect_in(&s->err, "ansible.cfg:3: defaults.nocows has no meaning here");
	made_expect_in(&s->err, "--sftp-extra-args has no meaning here");
	expect_not(&s->err, "forks");
	play(s, "[defaults]\nnocows = 1\n", MADE_WORDS("site.yaml"));
	assert_string_equal(s->err.data, "");
}

static void test_retry_files(void **state)
{
	struct made_site *s = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = path_join(s->dir, "site.retry");
	struct err err = {0};

	play(s, "[defaults]\nretry_files_enabled = yes\n", MADE_WORDS("site.yaml"));
	made_expect_code(s, EXIT_OK);
	assert_false(path_exists(path));
	play(s, "[defaults]\nretry_files_enabled = yes\n",
		MADE_WORDS("site.yaml", "-e", "falls=h1"));
	made_expect_code(s, EXIT_HOST_FAILED);
	made_expect_in(&s->out, "to retry, use: --limit @");
	assert_int_equal(file_read(path, 1000, &text, &err), 0);
	assert_string_equal(text.data, "h1\n");
	play(s, "", MADE_WORDS("site.yaml", "-l", "@site.retry"));
	made_expect_in(&s->out, "ok: [h1]");
	expect_not(&s->out, "[h0]");
}

static void test_where_a_run_starts(void **state)
{
	struct made_site *s = *state;

	play(s, "", MADE_WORDS("site.yaml", "--start-at-task", "Fa*", "-e", "falls=h0"));
	made_expect_code(s, EXIT_HOST_FAILED);
	expect_not(&s->out, "Shine");
	play(s, "", MADE_WORDS("site.yaml", "--start-at-task", "Rise"));
	made_expect_code(s, EXIT_CANNOT_RUN);
	made_expect_in(&s->err, "no task is named 'Rise'");
}

static void test_roles_path(void **state)
{
	static const char tasks[] = "- debug: {msg: from afar}\n";
	static const char book[] = "- hosts: h0\n  gather_facts: false\n  roles: [far]\n"
				   "  tasks:\n    - include_role: {name: far}\n";
	struct made_site *s = *state;

	made_write(s, "elsewhere/far/tasks/main.yml", tasks, strlen(tasks));
	made_write(s, "roles.yaml", book, strlen(book));
	play(s, "[defaults]\nroles_path = elsewhere\n", MADE_WORDS("roles.yaml"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "ok=2 ");
	play(s, "", MADE_WORDS("roles.yaml"));
	made_expect_code(s, EXIT_ANSIBLE_PARSER);
}

/* A password's file is read before any host is touched. */
static void test_files_of_passwords(void **state)
{
	struct made_site *s = *state;

	made_write(s, "word", " secret \n", 9);
	play(s, "", MADE_WORDS("site.yaml", "--become-password-file", "word"));
	made_expect_code(s, EXIT_OK);
	play(s, "", MADE_WORDS("site.yaml", "--conn-pass-file", "nowhere"));
	made_expect_code(s, EXIT_CANNOT_RUN);
	made_expect_in(&s->err, "SSH password file nowhere");
	play(s, "[defaults]\nbecome_password_file = gone\n", MADE_WORDS("site.yaml"));
	made_expect_code(s, EXIT_CANNOT_RUN);
	made_expect_in(&s->err, "BECOME password file");
	expect_not(&s->out, "ok:");
}

static void test_connections(void **state)
{
	struct made_site *s = *state;

	made_inventory(s, "        h0: {}\n");
	play(s, "", MADE_WORDS("site.yaml", "-c", "local"));
	made_expect_code(s, EXIT_OK);
	play(s, "", MADE_WORDS("site.yaml", "-c", "winrm"));
	made_expect_code(s, EXIT_CANNOT_RUN);
	made_expect_in(&s->err, "--connection: found winrm, expected ssh or local");
}

static void test_adhoc(void **state)
{
	struct made_site *s = *state;

	made_command(s, "adhoc",
		MADE_WORDS("h0", "-m", "debug", "-a", "{\"msg\": [\"a=b\", \"c\"]}", "-o"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "\"msg\": [        \"a=b\",        \"c\"    ]");
	made_command(s, "adhoc", MADE_WORDS("h0", "-a", "echo {{ inventory_hostname }}"));
	made_expect_code(s, EXIT_OK);
	assert_string_equal(s->out.data, "h0 | CHANGED | rc=0 >>\nh0\n");
	made_command(s, "adhoc", MADE_WORDS("h0", "-m", "ansible.builtin.shell"));
	made_expect_code(s, EXIT_ANSIBLE_OPTIONS);
	made_command(s, "adhoc", MADE_WORDS("h*", "--list-hosts", "-l", "h1"));
	assert_string_equal(s->out.data, "  hosts (1):\n    h1\n");
	made_command(s, "adhoc", MADE_WORDS("h0", "-a", "true", "-t", "kept"));
	autofree char *path = path_join(s->dir, "kept/h0");
	assert_true(path_exists(path));
}

int main(void)
{
#define WITH_SITE(t) cmocka_unit_test_setup_teardown(t, made_site_setup, made_site_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SITE(test_tags),
		WITH_SITE(test_what_is_shown),
		WITH_SITE(test_v_tells_what_is_not_read),
		WITH_SITE(test_retry_files),
		WITH_SITE(test_where_a_run_starts),
		WITH_SITE(test_roles_path),
		WITH_SITE(test_files_of_passwords),
		WITH_SITE(test_connections),
		WITH_SITE(test_adhoc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
