/* SPDX-License-Identifier: Apache-2.0 */
/* Colours and live displays: on terminals, where they are wanted, and nowhere else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/cli.h"
#include "made_site.h"

#define GREEN  "\033[0;32m"
#define YELLOW "\033[0;33m"
#define ERASE  "\r\033[J"

static const char playbook[] = "- hosts: sentinels\n"
			       "  gather_facts: false\n"
			       "  tasks: [{name: Say, command: echo hello}]\n";

static bool has_escapes(const struct made_site *s)
{
	return memchr(s->out.data, '\033', s->out.len) ||
	       memchr(s->err.data, '\033', s->err.len);
}

struct shown {
	const char *command;
	const char *words[4];
	const char *color; /* that is surely among what is printed */
	int code;
};

static const struct shown shown[] = {
	{"deploy", {"--no-activate"}, YELLOW, EXIT_OK},
	{"fleet-status", {"--all"}, GREEN, EXIT_OK},
	{"run-playbook", {"site.yaml"}, YELLOW, EXIT_OK},
};

static void test_no_colours_on_a_pipe(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", playbook, strlen(playbook));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		made_command(s, shown[i].command, shown[i].words);
		made_expect_code(s, shown[i].code);
		assert_false(has_escapes(s));
	}
}

static void test_colours_on_a_pipe_that_asks_for_them(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", playbook, strlen(playbook));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		made_command(s, shown[i].command,
			MADE_WORDS(shown[i].words[0], "--color", "always"));
		made_expect_code(s, shown[i].code);
		made_expect_in(&s->out, shown[i].color);
	}
}

static void test_colours_on_a_terminal(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", playbook, strlen(playbook));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		made_on_terminal(s, shown[i].command, shown[i].words, "xterm", NULL);
		made_expect_code(s, shown[i].code);
		made_expect_in(&s->out, shown[i].color);
	}
}

/* NO_COLOR, --color never and a dumb terminal: no colour, whatever else is drawn. */
static void test_terminals_without_colours(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", playbook, strlen(playbook));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const char *const never[] = {shown[i].words[0], "--color", "never", NULL};
		made_on_terminal(s, shown[i].command, shown[i].words, "xterm", "1");
		assert_null(strstr(s->out.data, "m"
						"\033["));
		assert_null(strstr(s->out.data, "\033[0;3"));
		made_on_terminal(s, shown[i].command, shown[i].words, "dumb", NULL);
		assert_null(strstr(s->out.data, "\033[0;3"));
		made_on_terminal(s, shown[i].command, never, "xterm", NULL);
		made_expect_code(s, shown[i].code);
		assert_null(strstr(s->out.data, "\033[0;3"));
	}
}

static void test_a_deploy_is_live_on_a_terminal(void **state)
{
	struct made_site *s = *state;

	made_on_terminal(s, "deploy", MADE_WORDS("--no-activate"), "xterm", "1");
	made_expect_code(s, EXIT_OK);
	made_expect_in(&s->out, ERASE);
	made_expect_in(&s->out, "of 2 hosts done");
	made_expect_in(&s->out, "2 hosts: 2 changed");
	made_command(s, "deploy", MADE_WORDS("--no-activate"));
	assert_null(strstr(s->out.data, "hosts done"));
}

/* What -v tells would be torn by a block of lines that is drawn again and again. */
static void test_more_words_are_plain(void **state)
{
	struct made_site *s = *state;

	made_on_terminal(s, "deploy", MADE_WORDS("--no-activate", "-vv"), "xterm", "1");
	made_expect_code(s, EXIT_OK);
	assert_null(strstr(s->out.data, ERASE));
	made_expect_in(&s->out, "h0: sync");
}

static void test_json_is_the_same_everywhere(void **state)
{
	static const char *const kinds[] = {"deploy", "fleet-status"};
	struct made_site *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *const *words =
			i ? MADE_WORDS("--json") : MADE_WORDS("--json", "--no-activate");
		made_on_terminal(s, kinds[i], words, "xterm", NULL);
		made_expect_code(s, EXIT_OK);
		assert_false(has_escapes(s));
		assert_true(str_starts(s->out.data, "{\"event\":"));
	}
}

static void test_findings_are_plain(void **state)
{
	struct made_site *s = *state;

	made_inventory(s, "        h0: {ansible_connection: pigeon}\n");
	made_on_terminal(s, "deploy", NULL, "xterm", NULL);
	made_expect_code(s, EXIT_CANNOT_RUN);
	made_expect_in(&s->out, "pigeon");
	made_expect_in(&s->out, "1 error; nothing was changed");
}

/* Ansible's stars fill the line of a terminal, and 79 columns of anything else. */
static void test_banners_of_playbooks(void **state)
{
	struct made_site *s = *state;

	made_write(s, "site.yaml", playbook, strlen(playbook));
	made_command(s, "run-playbook", MADE_WORDS("site.yaml"));
	const char *line = strstr(s->out.data, "TASK [Say] *");
	assert_non_null(line);
	assert_in_range(strcspn(line, "\n"), 78, 80);
	made_expect_in(&s->out, "h0                         : ok=1    changed=1    ");
}

int main(void)
{
#define WITH_SITE(t) cmocka_unit_test_setup_teardown(t, made_site_setup, made_site_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SITE(test_no_colours_on_a_pipe),
		WITH_SITE(test_colours_on_a_pipe_that_asks_for_them),
		WITH_SITE(test_colours_on_a_terminal),
		WITH_SITE(test_terminals_without_colours),
		WITH_SITE(test_a_deploy_is_live_on_a_terminal),
		WITH_SITE(test_more_words_are_plain),
		WITH_SITE(test_json_is_the_same_everywhere),
		WITH_SITE(test_findings_are_plain),
		WITH_SITE(test_banners_of_playbooks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
