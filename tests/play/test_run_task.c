/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task on one host: conditions, loops, attempts, what it registers and what it says of
 * change and failure. ansible-playbook says the same of these playbooks (oracle_run.py).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/scratch.h"
#include "play/run_fixture.h"

#define PLAY     "- hosts: all\n  gather_facts: false\n  tasks:\n"
#define BEGINS   "play 'all'\nbatch 0 of 1\n"
#define ONE_STOP "stop: all hosts of the batch failed\n"

/* A list of tasks, what is shown of results, and what is to be seen after the play's head. */
static void expect(
	struct run_fixture *f, const char *shown, const char *tasks, const char *seen)
{
	f->show = shown;
	const char *book = arena_printf(&f->arena, PLAY "%s", tasks);
	const char *got = run_fixture_play(f, book);
	const char *stopped = strstr(got, ONE_STOP);

	if (stopped)
		got = stopped + strlen(ONE_STOP);
	else if (str_starts(got, BEGINS))
		got += strlen(BEGINS);
	assert_string_equal(got, seen);
}

static void results_are_seen_by_later_tasks(void **state)
{
	expect(*state, "msg",
		"    - debug: {msg: 'hello {{ inventory_hostname }}'}\n"
		"      register: said\n"
		"    - debug: {msg: '{{ said.msg }} {{ said.changed }} {{ said.failed }}'}\n",
		"h1 task 'debug': ok \"hello h1\"\n"
		"h1 task 'debug': ok \"hello h1 False False\"\n");
}

static void a_program_gives_its_output(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "stdout_lines", "    - shell: 'echo one; echo two; exit 0'\n",
		"h1 task 'shell': changed [\"one\", \"two\"]\n");
	expect(f, "msg", "    - command: 'false'\n      ignore_errors: true\n",
		"h1 task 'command': ignored \"non-zero return code\"\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=1 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1");
}

static void conditions_are_all_to_hold(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "skip_reason",
		"    - debug: {msg: a}\n      when: [true, 1 == 1]\n"
		"    - debug: {msg: b}\n      when: [true, 1 == 2]\n"
		"      register: b\n"
		"    - debug: {msg: c}\n      when: b is skipped\n"
		"    - debug: {msg: d}\n      when: nothing is defined and nothing.at_all\n",
		"h1 task 'debug': ok\n"
		"h1 task 'debug': skipped \"Conditional result was False\"\n"
		"h1 task 'debug': ok\n"
		"h1 task 'debug': skipped \"Conditional result was False\"\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=2 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0");
}

static void a_condition_that_cannot_be_told_fails(void **state)
{
	struct run_fixture *f = *state;

	expect(f, NULL, "    - debug: {msg: a}\n      when: nowhere == 1\n",
		"h1 task 'debug': failed\n");
	assert_non_null(strstr(run_fixture_host(f, "h1")->err.text, "nowhere"));
	assert_true(run_fixture_host(f, "h1")->failed);
}

static void a_loop_ends_where_its_condition_says(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "msg",
		"    - debug: {msg: '{{ item }}'}\n"
		"      loop: [a, b, c]\n"
		"      register: shown\n"
		"      loop_control: {break_when: [item != 'a', shown.msg == 'b']}\n"
		"    - debug: {msg: '{{ shown.results | length }}'}\n",
		"h1 item 'a': ok \"a\"\n"
		"h1 item 'b': ok \"b\"\n"
		"h1 task 'debug': ok \"All items completed\"\n"
		"h1 task 'debug': ok 2\n");
	expect(f, NULL,
		"    - debug: {msg: '{{ item }}'}\n"
		"      loop: [a, b]\n"
		"      loop_control: {break_when: nowhere}\n",
		"h1 item 'a': failed\n"
		"h1 task 'debug': failed\n");
}

static void loops_run_once_for_each_item(void **state)
{
	expect(*state, "msg",
		"    - debug: {msg: 'got {{ item }}'}\n"
		"      loop: [a, b]\n"
		"      register: all\n"
		"    - debug: {msg: \"{{ all.results | map(attribute='msg') | join('+') "
		"}}\"}\n",
		"h1 item 'a': ok \"got a\"\n"
		"h1 item 'b': ok \"got b\"\n"
		"h1 task 'debug': ok \"All items completed\"\n"
		"h1 task 'debug': ok \"got a+got b\"\n");
}

static void an_item_is_skipped_alone(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "msg",
		"    - debug: {msg: '{{ item }}'}\n      loop: [1, 2]\n      when: item > 1\n",
		"h1 item '1': skipped\n"
		"h1 item '2': ok 2\n"
		"h1 task 'debug': ok \"All items completed\"\n");
	expect(f, "msg",
		"    - debug: {msg: '{{ item }}'}\n      loop: [1, 2]\n      when: item > 2\n",
		"h1 item '1': skipped\n"
		"h1 item '2': skipped\n"
		"h1 task 'debug': skipped \"All items skipped\"\n");
	expect(f, "skipped_reason", "    - debug: {msg: '{{ item }}'}\n      loop: []\n",
		"h1 task 'debug': skipped \"No items in the list\"\n");
}

static void a_failed_item_does_not_stop_the_others(void **state)
{
	expect(*state, "msg",
		"    - fail: {msg: 'no {{ item }}'}\n      loop: [1, 2, 3]\n"
		"      when: item != 2\n",
		"h1 item '1': failed \"no 1\"\n"
		"h1 item '2': skipped\n"
		"h1 item '3': failed \"no 3\"\n"
		"h1 task 'fail': failed \"One or more items failed\"\n");
}

static void loop_control_names_things(void **state)
{
	expect(*state, "msg",
		"    - debug: {msg: '{{ n }}={{ thing.k }} of {{ ansible_loop.length }}'}\n"
		"      loop: [{k: x}, {k: y}]\n"
		"      loop_control: {loop_var: thing, index_var: n, label: '{{ thing.k }}',\n"
		"        extended: true}\n",
		"h1 item 'x': ok \"0=x of 2\"\n"
		"h1 item 'y': ok \"1=y of 2\"\n"
		"h1 task 'debug': ok \"All items completed\"\n");
}

static void with_words_loop_over_lookups(void **state)
{
	expect(*state, "msg",
		"    - debug: {msg: '{{ item.key }}{{ item.value }}'}\n"
		"      with_dict: {a: 1, b: 2}\n"
		"      loop_control: {label: '{{ item.key }}'}\n"
		"    - debug: {msg: '{{ item }}'}\n"
		"      with_items: [[1, 2], 3]\n",
		"h1 item 'a': ok \"a1\"\n"
		"h1 item 'b': ok \"b2\"\n"
		"h1 task 'debug': ok \"All items completed\"\n"
		"h1 item '1': ok 1\n"
		"h1 item '2': ok 2\n"
		"h1 item '3': ok 3\n"
		"h1 task 'debug': ok \"All items completed\"\n");
}

static void a_loop_sees_what_its_items_set(void **state)
{
	expect(*state, "msg",
		"    - set_fact: {sum: '{{ (sum | default(0)) + item }}'}\n"
		"      loop: [1, 2, 3]\n"
		"    - debug: {msg: '{{ sum }}'}\n",
		"h1 item '1': ok\n"
		"h1 item '2': ok\n"
		"h1 item '3': ok\n"
		"h1 task 'set_fact': ok \"All items completed\"\n"
		"h1 task 'debug': ok 6\n");
}

static void attempts_end_when_it_is_done(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "attempts",
		"    - shell: 'echo x >> {{ DIR }}/count; wc -l < {{ DIR }}/count'\n"
		"      register: n\n"
		"      until: n.stdout | int == 3\n"
		"      retries: 5\n"
		"      delay: 0\n",
		"h1 retry 'shell': 5 left\nh1 retry 'shell': 4 left\n"
		"h1 task 'shell': changed 3\n");
	expect(f, "attempts",
		"    - command: 'false'\n      register: n\n      until: n.rc == 0\n"
		"      retries: 2\n      delay: 0\n      ignore_errors: true\n",
		"h1 retry 'command': 2 left\nh1 retry 'command': 1 left\n"
		"h1 task 'command': ignored 2\n");
}

static void a_task_says_what_change_and_failure_are(void **state)
{
	expect(*state, NULL,
		"    - command: echo same\n      register: r\n"
		"      changed_when: \"'new' in r.stdout\"\n"
		"    - command: 'false'\n      register: r\n      failed_when: r.rc > 1\n"
		"    - command: 'true'\n      failed_when: true\n      ignore_errors: true\n"
		"    - debug: {msg: x}\n      changed_when: true\n",
		"h1 task 'command': ok\n"
		"h1 task 'command': changed\n"
		"h1 task 'command': ignored\n"
		"h1 task 'debug': changed\n");
}

static void the_hidden_is_hidden(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "*",
		"    - debug: {msg: geheim}\n      no_log: true\n      register: r\n"
		"    - debug: {msg: '{{ r.msg | length }}'}\n"
		"    - debug: {msg: '{{ item }}'}\n      no_log: true\n      loop: [geheim]\n",
		"h1 task 'debug': ok {\"censored\": \"the output has been hidden due to the "
		"fact that 'no_log: true' was specified for this result\", \"changed\": "
		"false}\n"
		"h1 task 'debug': ok {\"changed\": false, \"_ansible_verbose_always\": true, "
		"\"msg\": 6, \"failed\": false}\n"
		"h1 item '(censored due to no_log)': ok {\"censored\": \"the output has been "
		"hidden due to the fact that 'no_log: true' was specified for this result\", "
		"\"changed\": false}\n"
		"h1 task 'debug': ok {\"censored\": \"the output has been hidden due to the "
		"fact that 'no_log: true' was specified for this result\", \"changed\": "
		"false}\n");
	expect(f, "msg", "    - fail: {msg: geheim}\n      no_log: true\n",
		"h1 task 'fail': failed\n");
	assert_null(strstr(run_fixture_host(f, "h1")->err.text, "geheim"));
}

static void what_a_node_says_is_not_templated(void **state)
{
	expect(*state, "msg",
		"    - command: printf '%s' '{{ '{{' }} 6 * 7 {{ '}}' }}'\n      register: r\n"
		"    - debug: {msg: '{{ r.stdout }}'}\n",
		"h1 task 'command': changed \"\"\n"
		"h1 task 'debug': ok \"{{ 6 * 7 }}\"\n");
}

static void omitted_arguments_are_not_given(void **state)
{
	expect(*state, NULL,
		"    - file: {path: '{{ DIR }}/made', state: touch, mode: '{{ nomode | "
		"default(omit) }}'}\n",
		"h1 task 'file': changed\n");
}

static void variables_have_their_rank(void **state)
{
	struct run_fixture *f = *state;

	strlist_add(&f->extra, "extra=e");
	run_fixture_write(f, "more.yaml", "a: file\nb: file\nextra: file\n");
	f->show = "msg";
	run_fixture_play(f,
		"- hosts: all\n"
		"  gather_facts: false\n"
		"  vars: {a: play, b: play, c: play, d: play, extra: play}\n"
		"  vars_files: [more.yaml]\n"
		"  tasks:\n"
		"    - set_fact: {d: fact}\n"
		"    - vars: {b: block, c: block}\n"
		"      block:\n"
		"        - debug: {msg: '{{ a }} {{ b }} {{ c }} {{ d }} {{ extra }}'}\n"
		"          vars: {c: task, d: task, extra: task}\n"
		"    - debug: {msg: '{{ a }} {{ b }} {{ c }} {{ d }}'}\n"
		"    - debug: {msg: '{{ d }} {{ extra }}'}\n"
		"      loop: [l]\n"
		"      loop_control: {loop_var: extra}\n");
	run_fixture_expect(f, "'debug': ok \"file block task fact e\"\n");
	run_fixture_expect(f, "'debug': ok \"file file play fact\"\n");
	run_fixture_expect(f, "item 'l': ok \"fact l\"\n");
}

static void the_environment_is_that_of_all_around(void **state)
{
	struct run_fixture *f = *state;

	f->show = "stdout";
	run_fixture_play(f, "- hosts: all\n"
			    "  gather_facts: false\n"
			    "  environment: {A: play, B: play}\n"
			    "  tasks:\n"
			    "    - environment: {B: block}\n"
			    "      block:\n"
			    "        - shell: echo $A $B $C\n"
			    "          environment: {C: '{{ 6 * 7 }}'}\n");
	run_fixture_expect(f, "'shell': changed \"play block 42\"\n");
}

static void check_mode_changes_nothing(void **state)
{
	struct run_fixture *f = *state;

	f->options.check = true;
	expect(f, "msg",
		"    - file: {path: '{{ DIR }}/made', state: directory}\n"
		"    - debug: {msg: '{{ ansible_check_mode }}'}\n"
		"    - file: {path: '{{ DIR }}/really', state: directory}\n"
		"      check_mode: false\n",
		"h1 task 'file': changed\n"
		"h1 task 'debug': ok true\n"
		"h1 task 'file': changed\n");
	assert_int_not_equal(access(run_fixture_path(f, "made"), F_OK), 0);
	assert_int_equal(access(run_fixture_path(f, "really"), F_OK), 0);
}

/* Writes n bytes, of few or of all values. */
static void write_noise(struct run_fixture *f, const char *name, size_t n, unsigned mask)
{
	struct strbuf text = STRBUF_INIT;
	uint32_t x = 1;

	while (text.len < n) {
		x = x * 1664525 + 1013904223;
		strbuf_addch(&text, (char)(('a' ^ (x >> 24)) & mask));
	}
	FILE *out = fopen(run_fixture_path(f, "%s", name), "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text.data, 1, text.len, out), text.len);
	assert_int_equal(fclose(out), 0);
	strbuf_release(&text);
}

static void large_files_go_over(void **state)
{
	struct run_fixture *f = *state;

	write_noise(f, "words", 900000, 0x63);
	write_noise(f, "noise", 700000, 0xff);
	expect(f, NULL,
		"    - copy: {src: '{{ DIR }}/{{ item }}', dest: '{{ DIR }}/{{ item "
		"}}.there'}\n"
		"      loop: [words, noise, words]\n"
		"    - command: cmp {{ DIR }}/words {{ DIR }}/words.there\n"
		"    - command: cmp {{ DIR }}/noise {{ DIR }}/noise.there\n",
		"h1 item 'words': changed\n"
		"h1 item 'noise': changed\n"
		"h1 item 'words': ok\n"
		"h1 task 'copy': changed\n"
		"h1 task 'command': changed\n"
		"h1 task 'command': changed\n");
	/* The words were sent compressed, and once. */
	assert_true(run_fixture_host(f, "h1")->link.bytes_out < 1200000);
}

static void a_task_has_its_time(void **state)
{
	struct run_fixture *f = *state;

	expect(f, "msg",
		"    - command: sleep 30\n      timeout: 1\n      ignore_errors: true\n"
		"    - debug: {msg: goes on}\n",
		"h1 task 'command': ignored \"the command action did not end within its "
		"timeout of 1 seconds and was given up\"\n"
		"h1 task 'debug': ok \"goes on\"\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(results_are_seen_by_later_tasks),
		TEST(a_program_gives_its_output),
		TEST(conditions_are_all_to_hold),
		TEST(a_condition_that_cannot_be_told_fails),
		TEST(loops_run_once_for_each_item),
		TEST(a_loop_ends_where_its_condition_says),
		TEST(an_item_is_skipped_alone),
		TEST(a_failed_item_does_not_stop_the_others),
		TEST(loop_control_names_things),
		TEST(with_words_loop_over_lookups),
		TEST(a_loop_sees_what_its_items_set),
		TEST(attempts_end_when_it_is_done),
		TEST(a_task_says_what_change_and_failure_are),
		TEST(the_hidden_is_hidden),
		TEST(what_a_node_says_is_not_templated),
		TEST(omitted_arguments_are_not_given),
		TEST(variables_have_their_rank),
		TEST(the_environment_is_that_of_all_around),
		TEST(check_mode_changes_nothing),
		TEST(large_files_go_over),
		TEST(a_task_has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
