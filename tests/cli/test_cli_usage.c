/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines that cannot be run, of every command: what is said of them, and that nothing
 * was begun; and the help, which fits a screen.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/path.h"
#include "cli/cli.h"
#include "made_site.h"

#define SCREEN_LINES   24
#define SCREEN_COLUMNS 80

static const char *const commands[] = {"adhoc", "check", "cleanup", "deploy", "fleet-status",
	"history", "inventory", "publish", "rollback", "run-playbook", "template", "vars",
	"verify-store"};

/* Nothing was begun: no journal, no cache, nothing on a host. */
static void expect_untouched(const struct made_site *s)
{
	static const char *const names[] = {"state", "cache", "home", "h0", "h1"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *path = path_join(s->dir, names[i]);
		if (path_exists(path))
			fail_msg("%s was made", path);
	}
}

static void expect_refusal_as(const struct made_site *s, int code, const char *text)
{
	made_expect_code(s, code);
	made_expect_in(&s->err, text);
	assert_string_equal(s->out.data, "");
}

static void expect_refusal(const struct made_site *s, const char *text)
{
	expect_refusal_as(s, EXIT_CANNOT_RUN, text);
}

/* ---- the program itself ---- */

static void test_the_program_without_a_command(void **state)
{
	struct made_site *s = *state;

	made_run(s, MADE_WORDS("--help"));
	made_expect_code(s, EXIT_OK);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		made_expect_in(&s->out, commands[i]);
	made_run(s, MADE_WORDS("--version"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "modelfleet");
	made_run(s, NULL);
	made_expect_code(s, EXIT_CANNOT_RUN);
}

static void test_a_command_that_is_not_there(void **state)
{
	struct made_site *s = *state;

	made_run(s, MADE_WORDS("deplyo"));
	expect_refusal(s, "deploy");
	made_run(s, MADE_WORDS("xyzzyx"));
	expect_refusal(s, "xyzzyx");
}

/* ---- every command ---- */

/* Those that stand for a program of Ansible's end as that one does. */
static int usage_exit(const char *command)
{
	bool ansible = strcmp(command, "adhoc") == 0 || strcmp(command, "run-playbook") == 0;

	return ansible ? EXIT_ANSIBLE_USAGE : EXIT_CANNOT_RUN;
}

static void test_every_command_knows_its_options(void **state)
{
	struct made_site *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		made_run(s, MADE_WORDS(commands[i], "--no-such-option"));
		expect_refusal_as(
			s, usage_exit(commands[i]), "unknown option '--no-such-option'");
		made_run(s, MADE_WORDS(commands[i], "-i"));
		expect_refusal_as(s, usage_exit(commands[i]), "option '-i' needs a value");
	}
	expect_untouched(s);
}

static void test_every_help_fits_a_screen(void **state)
{
	struct made_site *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t lines = 0;
		made_run(s, MADE_WORDS(commands[i], "--help"));
		made_expect_code(s, EXIT_OK);
		assert_true(str_starts(s->out.data, "usage: "));
		for (const char *line = s->out.data; *line; lines++) {
			size_t n = strcspn(line, "\n");
			if (n > SCREEN_COLUMNS)
				fail_msg("%s: %zu columns: %.*s", commands[i], n, (int)n, line);
			line += n + (line[n] == '\n');
		}
		if (lines > SCREEN_LINES)
			fail_msg("%s: %zu lines:\n%s", commands[i], lines, s->out.data);
	}
	expect_untouched(s);
}

static void test_an_inventory_that_is_not_there(void **state)
{
	static const char *const asking[] = {"check", "deploy", "fleet-status", "cleanup"};
	struct made_site *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(asking); i++) {
		made_run(s, MADE_WORDS(asking[i], "-i", "nowhere.yaml"));
		expect_refusal(s, "nowhere.yaml");
	}
	expect_untouched(s);
}

/* ---- values of options ---- */

struct bad_value {
	const char *option, *value;
	const char *expected; /* what the message says of it */
};

/* How hosts are reached; all commands that touch hosts have these. */
static const struct bad_value connection_values[] = {
	{"--forks", "0", "--forks: found '0', expected a number from 1 to 10000"},
	{"--forks", "10001", "--forks: found '10001'"},
	{"--forks", "many", "--forks: found 'many'"},
	{"--forks", "", "--forks: found ''"},
	{"--forks", "5 ", "--forks: found '5 '"},
	{"--forks", "1e3", "--forks: found '1e3'"},
	{"--timeout", "0", "--timeout: found '0', expected a number of seconds"},
	{"--timeout", "-1", "--timeout: found '-1'"},
	{"--timeout", "soon", "--timeout: found 'soon'"},
	{"--timeout", "1e9", "--timeout: found '1e9'"},
	{"--timeout", "nan", "--timeout: found 'nan'"},
	{"--timeout", "10s", "--timeout: found '10s'"},
	{"--host-timeout", "0", "--host-timeout: found '0'"},
	{"--host-timeout", "x", "--host-timeout: found 'x'"},
	{"--transport", "pigeon",
		"--transport: found 'pigeon', expected one of auto, libssh2, ssh, local"},
	{"--transport", "", "--transport: found ''"},
	{"--host-key-checking", "no",
		"--host-key-checking: found 'no', expected one of strict, accept-new, off"},
	{"--color", "pink", "--color: found 'pink', expected auto, always or never"},
};

static const struct bad_value deploy_values[] = {
	{"--bwlimit", "fast", "--bwlimit: found 'fast', expected bytes per second"},
	{"--bwlimit", "0", "--bwlimit: found '0'"},
	{"--bwlimit", "-5M", "--bwlimit: found '-5M'"},
	{"--serial", "0", "--serial: found '0', expected a number of hosts"},
	{"--serial", "1,,2x", "--serial: found '2x'"},
	{"--serial", "101%", "--serial: found '101%'"},
	{"--serial", "1,%", "--serial: found '%'"},
	{"--serial", "-1", "--serial: found '-1'"},
	{"--serial", "1.5", "--serial: found '1.5'"},
	{"--max-fail-percentage", "-1", "--max-fail-percentage"},
	{"--max-fail-percentage", "101", "--max-fail-percentage"},
	{"--max-fail-percentage", "half", "--max-fail-percentage"},
	{"--soak", "-1", "--soak"},
	{"--soak", "long", "--soak"},
	{"--confirm-timeout", "-1", "--confirm-timeout"},
	{"--confirm-timeout", "x", "--confirm-timeout"},
	{"--playbook", "nowhere.yaml", "nowhere.yaml"},
	{"--models", "fase", "face"},
	{"--tags", "fase", "face"},
	{"--limit", "nobody", "nobody"},
	{"--limit", "@nowhere", "nowhere"},
	{"-e", "@nowhere.yaml", "nowhere.yaml"},
	{"--vault-password-file", "nowhere", "nowhere"},
};

static const struct bad_value status_values[] = {
	{"--watch", "-1", "unknown option '-1'"},
	{"--watch=0", "h0", "--watch: found '0', expected a number of seconds"},
	{"--watch=often", "h0", "--watch: found 'often'"},
	{"--interval", "5", "--interval is for --watch"},
	{"--models", "fase", "face"},
	{"--limit", "nobody", "nobody"},
	{"nobody", "nowhere", "no host to look at: nobody,nowhere matches none"},
	{"--limit=h0", "h1", "no host to look at: h1 matches none"},
};

static const struct bad_value playbook_values[] = {
	{"nowhere.yaml", "--check", "nowhere.yaml"},
	{"site.yaml", "nowhere.yaml", "nowhere.yaml"},
	{"--limit=nobody", "site.yaml", "--limit nobody leaves no host"},
};

static void refuse_all(struct made_site *s, const char *command, const struct bad_value *values,
	size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		made_command(s, command, MADE_WORDS(values[i].option, values[i].value, word));
		expect_refusal(s, values[i].expected);
	}
}

static void test_values_of_connection_options(void **state)
{
	struct made_site *s = *state;

	refuse_all(s, "deploy", connection_values, ARRAY_SIZE(connection_values), NULL);
	refuse_all(s, "fleet-status", connection_values, ARRAY_SIZE(connection_values), NULL);
	made_write(s, "site.yaml", "- hosts: all\n", 13);
	refuse_all(s, "run-playbook", connection_values, ARRAY_SIZE(connection_values),
		"site.yaml");
	expect_untouched(s);
}

static void expect_no_run(const struct made_site *s)
{
	static const char *const names[] = {"state", "h0", "h1"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *path = path_join(s->dir, names[i]);
		if (path_exists(path))
			fail_msg("%s was made", path);
	}
}

static void test_values_of_deploys(void **state)
{
	struct made_site *s = *state;

	refuse_all(s, "deploy", deploy_values, ARRAY_SIZE(deploy_values), NULL);
	made_command(s, "deploy", MADE_WORDS("stray"));
	expect_refusal(s, "stray");
	expect_no_run(s);
}

static void test_values_of_fleet_status(void **state)
{
	struct made_site *s = *state;

	refuse_all(s, "fleet-status", status_values, ARRAY_SIZE(status_values), NULL);
	expect_no_run(s);
}

static void test_values_of_playbooks(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", "- hosts: all\n", 13);
	refuse_all(s, "run-playbook", playbook_values, ARRAY_SIZE(playbook_values), NULL);
	made_command(s, "run-playbook", NULL);
	expect_refusal_as(s, EXIT_ANSIBLE_USAGE, "which playbook?");
	expect_no_run(s);
}

/* What ansible-playbook answers to mistakes, and what we do. */
static void test_mistakes_end_as_in_ansible(void **state)
{
	struct made_site *s = *state;

	made_write(s, "bad.yaml", "- hosts: all\n  tasks: [{nothing: }]\n", 36);
	made_command(s, "run-playbook", MADE_WORDS("bad.yaml"));
	expect_refusal_as(s, EXIT_ANSIBLE_PARSER, "nothing");
	made_command(s, "run-playbook", MADE_WORDS("nowhere.yaml"));
	expect_refusal(s, "the playbook: nowhere.yaml could not be found");
	made_command(s, "adhoc", MADE_WORDS("all"));
	expect_refusal_as(s, EXIT_ANSIBLE_OPTIONS, "No argument passed to module command");
	made_command(s, "adhoc", MADE_WORDS("all", "h1", "-a", "true"));
	expect_refusal_as(s, EXIT_ANSIBLE_OPTIONS, "which hosts?");
	made_command(s, "adhoc", MADE_WORDS("all", "-m", "frobnicate"));
	expect_refusal_as(s, EXIT_ANSIBLE_PARSER, "frobnicate");
	made_command(s, "adhoc", MADE_WORDS("all", "-m", "file", "-a", "pth=/x"));
	expect_refusal_as(s, EXIT_ANSIBLE_PARSER, "did you mean \"path\"?");
	expect_no_run(s);
}

/* ---- playbooks that are looked at ---- */

static const char site_yaml[] = "- name: Stars\n"
				"  hosts: sentinels\n"
				"  gather_facts: false\n"
				"  tags: night\n"
				"  tasks:\n"
				"    - name: Look up\n"
				"      command: \"true\"\n"
				"      tags: [sky, up]\n"
				"    - {name: Look down, command: \"false\", tags: never}\n";

static void test_playbooks_are_told_without_a_run(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", site_yaml, strlen(site_yaml));
	made_command(
		s, "run-playbook", MADE_WORDS("site.yaml", "--list-hosts", "--limit", "h1"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "hosts (1):\n      h1\n");
	made_command(s, "run-playbook", MADE_WORDS("site.yaml", "--list-tasks"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "Look up\tTAGS: [night, sky, up]");
	assert_null(strstr(s->out.data, "Look down"));
	made_command(s, "run-playbook", MADE_WORDS("site.yaml", "--list-tags"));
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, "TASK TAGS: [night, sky, up]");
	made_command(s, "run-playbook", MADE_WORDS("site.yaml", "--syntax-check"));
	made_expect_code(s, EXIT_OK);
	assert_string_equal(s->out.data, "\nplaybook: site.yaml\n");
	expect_no_run(s);
}

static void test_tags_select_tasks(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", site_yaml, strlen(site_yaml));
	made_command(s, "run-playbook", MADE_WORDS("site.yaml", "--tags", "sky"));
	made_expect_code(s, EXIT_OK);
	made_command(s, "run-playbook", MADE_WORDS("site.yaml", "--tags", "never", "-l", "h0"));
	made_expect_code(s, EXIT_HOST_FAILED);
	made_expect_in(&s->out, "TASK [Look down]");
	made_command(s, "run-playbook",
		MADE_WORDS("site.yaml", "--tags", "never", "--skip-tags", "never"));
	made_expect_code(s, EXIT_OK);
	assert_null(strstr(s->out.data, "Look down"));
}

int main(void)
{
#define WITH_SITE(t) cmocka_unit_test_setup_teardown(t, made_site_setup, made_site_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SITE(test_the_program_without_a_command),
		WITH_SITE(test_a_command_that_is_not_there),
		WITH_SITE(test_every_command_knows_its_options),
		WITH_SITE(test_every_help_fits_a_screen),
		WITH_SITE(test_an_inventory_that_is_not_there),
		WITH_SITE(test_values_of_connection_options),
		WITH_SITE(test_values_of_deploys),
		WITH_SITE(test_values_of_fleet_status),
		WITH_SITE(test_values_of_playbooks),
		WITH_SITE(test_mistakes_end_as_in_ansible),
		WITH_SITE(test_playbooks_are_told_without_a_run),
		WITH_SITE(test_tags_select_tasks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
