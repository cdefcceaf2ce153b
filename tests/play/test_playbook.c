/* SPDX-License-Identifier: Apache-2.0 */
/* What a playbook becomes: plain structures, with what steps inherit, and its limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/module.h"
#include "play/playbook.h"
#include "play/role.h"
#include "value/json.h"

struct fixture {
	struct playbook playbook;
	struct diags diags;
	struct strbuf text;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strbuf_init(&f->text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	playbook_release(&f->playbook);
	diags_release(&f->diags);
	strbuf_release(&f->text);
	free(f);
	return 0;
}

static const char *findings(struct fixture *f)
{
	strbuf_clear(&f->text);
	for (size_t i = 0; i < f->diags.count; i++)
		diag_format(&f->diags.items[i], &f->text);
	return f->text.data;
}

/* Reads plays that are good. */
static const struct play *plays(struct fixture *f, const char *text)
{
	int rc = playbook_parse_text(
		&f->playbook, "site.yml", "corpus", text, strlen(text), NULL, &f->diags);

	if (rc < 0)
		fail_msg("%s", findings(f));
	return f->playbook.plays[0];
}

/* Reads tasks, as those of a play without more. */
static const struct steps *tasks(struct fixture *f, const char *text)
{
	autofree char *play = xasprintf("- hosts: all\n  become: yes\n  tasks:\n%s", text);

	return &plays(f, play)->tasks;
}

/* Reads one task. */
static const struct step *task(struct fixture *f, const char *text)
{
	const struct steps *all = tasks(f, text);

	assert_int_equal(all->count, 1);
	return all->items[0];
}

/* Reads plays that are refused; the findings. */
static const char *refused(struct fixture *f, const char *text)
{
	int rc = playbook_parse_text(
		&f->playbook, "site.yml", "corpus", text, strlen(text), NULL, &f->diags);

	assert_int_equal(rc, -1);
	return findings(f);
}

static const char *json(struct fixture *f, const struct value *v)
{
	if (!v)
		return "nothing";
	strbuf_clear(&f->text);
	assert_int_equal(json_write(v, NULL, &f->text, NULL), 0);
	return f->text.data;
}

static void test_play(void **state)
{
	struct fixture *f = *state;
	const struct play *p = plays(f,
		"- name: Models\n  hosts: [web, db]\n  gather_facts: no\n  serial: [1, 50%]\n"
		"  max_fail_percentage: 10\n  order: sorted\n  force_handlers: yes\n"
		"  any_errors_fatal: yes\n  vars: {a: 1}\n  vars_files: more.yml\n  tags: x, "
		"y\n");

	assert_string_equal(p->name, "Models");
	assert_string_equal(p->directory, "corpus");
	assert_int_equal(p->place.line, 1);
	assert_string_equal(json(f, p->hosts), "[\"web\", \"db\"]");
	assert_false(p->gather_facts->boolean);
	assert_string_equal(json(f, p->serial), "[1, \"50%\"]");
	assert_string_equal(json(f, p->max_fail_percentage), "10");
	assert_string_equal(json(f, p->order), "\"sorted\"");
	assert_true(p->force_handlers->boolean);
	assert_true(p->attributes[ATTRIBUTE_ANY_ERRORS_FATAL]->boolean);
	assert_string_equal(json(f, p->vars), "{\"a\": 1}");
	assert_string_equal(json(f, p->vars_files), "[\"more.yml\"]");
	assert_int_equal(p->tags.count, 2);
	assert_string_equal(p->tags.items[1], "y");
	assert_null(p->transaction.enabled);
}

static void test_play_is_named_by_its_hosts(void **state)
{
	assert_string_equal(plays(*state, "- hosts: [web, db]\n")->name, "web,db");
}

static void test_transaction(void **state)
{
	struct fixture *f = *state;
	const struct play *p = plays(f,
		"- hosts: all\n  transaction: {confirm_timeout: 60, soak: \"{{ s }}\"}\n"
		"- hosts: all\n  transaction: yes\n- hosts: all\n  transaction: no\n"
		"- hosts: all\n  transaction: \"{{ t }}\"\n");

	assert_true(p->transaction.enabled->boolean);
	assert_int_equal(p->transaction.confirm_timeout->integer, 60);
	assert_string_equal(p->transaction.soak->text, "{{ s }}");
	assert_true(f->playbook.plays[1]->transaction.enabled->boolean);
	assert_null(f->playbook.plays[1]->transaction.soak);
	assert_false(f->playbook.plays[2]->transaction.enabled->boolean);
	assert_string_equal(f->playbook.plays[3]->transaction.enabled->text, "{{ t }}");
}

static void test_transaction_mistakes(void **state)
{
	assert_string_equal(
		refused(*state, "- hosts: all\n  transaction: {confirm: 60, soak: long}\n"
				"- hosts: all\n  transaction: perhaps\n"
				"- hosts: all\n  soak: 5\n"),
		"site.yml:2:17: error: \"confirm\" is no keyword of transaction\n"
		"site.yml:2:36: error: soak: found \"long\", expected a number\n"
		"site.yml:4:16: error: transaction: found \"perhaps\", expected true or false\n"
		"site.yml:6:3: error: \"soak\" is a keyword of transaction, not of a play\n");
}

static void test_task(void **state)
{
	struct fixture *f = *state;
	const struct step *s = task(f,
		"    - name: Say it\n      debug:\n        msg: \"{{ item }}\"\n"
		"      register: said\n      loop: [1, 2]\n      loop_control: {label: x}\n"
		"      until: said is succeeded\n      retries: 5\n      delay: 2\n"
		"      changed_when: no\n      failed_when: said.x == 1\n      vars: {a: 1}\n"
		"      delegate_to: other\n      run_once: yes\n      notify: [one, two]\n");
	const struct task *t = s->task;

	assert_int_equal(s->kind, STEP_TASK);
	assert_string_equal(s->place.file, "site.yml");
	assert_int_equal(s->place.line, 4);
	assert_string_equal(step_title(s), "Say it");
	assert_ptr_equal(t->module, module_find("debug"));
	assert_string_equal(json(f, t->args), "{\"msg\": \"{{ item }}\"}");
	assert_null(t->free_form);
	assert_string_equal(t->register_name, "said");
	assert_string_equal(json(f, t->loop), "[1, 2]");
	assert_null(t->loop_lookup);
	assert_string_equal(json(f, t->loop_control), "{\"label\": \"x\"}");
	assert_string_equal(json(f, t->until), "\"said is succeeded\"");
	assert_int_equal(t->retries->integer, 5);
	assert_int_equal(t->delay->integer, 2);
	assert_false(t->changed_when->boolean);
	assert_string_equal(json(f, t->failed_when), "\"said.x == 1\"");
	assert_string_equal(json(f, s->vars), "{\"a\": 1}");
	assert_string_equal(json(f, step_attribute(s, ATTRIBUTE_DELEGATE_TO)), "\"other\"");
	assert_true(step_attribute(s, ATTRIBUTE_RUN_ONCE)->boolean);
	assert_string_equal(json(f, step_attribute(s, ATTRIBUTE_NOTIFY)), "[\"one\", \"two\"]");
}

static void test_title_without_a_name(void **state)
{
	assert_string_equal(step_title(task(*state, "    - ansible.builtin.debug:\n")),
		"ansible.builtin.debug");
}

static void test_with(void **state)
{
	struct fixture *f = *state;
	const struct task *t = task(f, "    - debug:\n      with_dict: {a: 1}\n")->task;

	assert_string_equal(t->loop_lookup, "dict");
	assert_string_equal(json(f, t->loop), "{\"a\": 1}");
}

static void test_args_beside_the_action(void **state)
{
	struct fixture *f = *state;
	const struct task *t =
		task(f, "    - command: ls creates=/b\n      args: {chdir: /a, creates: /a}\n")
			->task;

	assert_string_equal(t->free_form->text, "ls");
	assert_string_equal(json(f, t->args), "{\"chdir\": \"/a\", \"creates\": \"/b\"}");
}

static void test_local_action(void **state)
{
	struct fixture *f = *state;
	const struct steps *all =
		tasks(f, "    - local_action: debug msg=x\n"
			 "    - local_action: debug msg=x\n      delegate_to: other\n");

	assert_string_equal(
		json(f, step_attribute(all->items[0], ATTRIBUTE_DELEGATE_TO)), "\"localhost\"");
	assert_string_equal(
		json(f, step_attribute(all->items[1], ATTRIBUTE_DELEGATE_TO)), "\"localhost\"");
	assert_string_equal(json(f, all->items[1]->task->args), "{\"msg\": \"x\"}");
}

static void test_free_form_keeps_its_place_and_trust(void **state)
{
	struct fixture *f = *state;
	const struct steps *all =
		tasks(f, "    - command: ls {{ a }}\n    - command: !unsafe ls {{ a b }}\n"
			 "    - command: {cmd: 5}\n");

	assert_int_equal(all->items[0]->task->free_form->place.line, 4);
	assert_int_equal(all->items[0]->task->free_form->place.column, 16);
	assert_false(all->items[0]->task->free_form->tagged_unsafe);
	assert_true(all->items[1]->task->free_form->tagged_unsafe);
	assert_string_equal(all->items[2]->task->free_form->text, "5");
}

static void test_inherited(void **state)
{
	struct fixture *f = *state;
	const struct steps *all =
		tasks(f, "    - become_user: block\n      no_log: yes\n      notify: outer\n"
			 "      delegate_to: there\n      run_once: yes\n      block:\n"
			 "        - debug:\n"
			 "        - debug:\n          become: null\n          no_log: no\n"
			 "          notify: inner\n          delegate_to: here\n");
	const struct steps *inner = &all->items[0]->block->block;
	const struct step *plain = inner->items[0], *own = inner->items[1];

	assert_ptr_equal(plain->outer, all->items[0]);
	assert_true(step_attribute(plain, ATTRIBUTE_BECOME)->boolean);
	assert_string_equal(step_attribute(plain, ATTRIBUTE_BECOME_USER)->text, "block");
	assert_true(step_attribute(plain, ATTRIBUTE_NO_LOG)->boolean);
	assert_null(step_attribute(plain, ATTRIBUTE_PORT));
	assert_string_equal(step_attribute(plain, ATTRIBUTE_NOTIFY)->text, "outer");
	assert_string_equal(step_attribute(plain, ATTRIBUTE_DELEGATE_TO)->text, "there");
	assert_true(step_attribute(plain, ATTRIBUTE_RUN_ONCE)->boolean);
	assert_int_equal(step_attribute(own, ATTRIBUTE_BECOME)->kind, VALUE_NULL);
	assert_false(step_attribute(own, ATTRIBUTE_NO_LOG)->boolean);
	assert_string_equal(step_attribute(own, ATTRIBUTE_NOTIFY)->text, "inner");
	assert_string_equal(step_attribute(own, ATTRIBUTE_DELEGATE_TO)->text, "here");
}

static void test_environment_adds_up(void **state)
{
	struct fixture *f = *state;
	const struct play *p =
		plays(f, "- hosts: all\n  environment: {A: 1}\n  tasks:\n"
			 "    - environment: [{B: 2}, \"{{ c }}\"]\n      block:\n"
			 "        - debug:\n          environment: {A: 4}\n        - debug:\n"
			 "    - debug:\n");
	const struct steps *inner = &p->tasks.items[0]->block->block;

	assert_string_equal(json(f, step_attribute(inner->items[0], ATTRIBUTE_ENVIRONMENT)),
		"[{\"A\": 1}, {\"B\": 2}, \"{{ c }}\", {\"A\": 4}]");
	assert_string_equal(json(f, step_attribute(inner->items[1], ATTRIBUTE_ENVIRONMENT)),
		"[{\"A\": 1}, {\"B\": 2}, \"{{ c }}\"]");
	assert_string_equal(json(f, step_attribute(p->tasks.items[1], ATTRIBUTE_ENVIRONMENT)),
		"[{\"A\": 1}]");
}

static void test_conditions(void **state)
{
	struct fixture *f = *state;
	const struct steps *all =
		tasks(f, "    - debug:\n      when: [a, true, \"\", null, b == 1]\n"
			 "    - debug:\n      when: no\n    - debug:\n      when:\n");

	assert_int_equal(all->items[0]->when.count, 3);
	assert_string_equal(all->items[0]->when.items[2]->text, "b == 1");
	assert_int_equal(all->items[1]->when.count, 1);
	assert_int_equal(all->items[2]->when.count, 0);
}

static void test_handlers(void **state)
{
	struct fixture *f = *state;
	const struct play *p = plays(f,
		"- hosts: all\n  handlers:\n    - name: one\n      debug:\n      listen: [a, "
		"b]\n"
		"    - become: yes\n      block:\n        - name: two\n          debug:\n"
		"          listen: c\n    - import_tasks: good/handlers/all.yml\n");

	assert_int_equal(p->handlers.count, 3);
	assert_true(p->handlers.items[0]->handler);
	assert_int_equal(p->handlers.items[0]->task->listen.count, 2);
	assert_string_equal(p->handlers.items[0]->task->listen.items[1], "b");
	assert_string_equal(p->handlers.items[1]->name, "two");
	assert_true(step_attribute(p->handlers.items[1], ATTRIBUTE_BECOME)->boolean);
	assert_string_equal(p->handlers.items[2]->name, "restart");
	assert_string_equal(p->handlers.items[2]->place.file, "corpus/good/handlers/all.yml");
}

static void test_imported_tasks(void **state)
{
	struct fixture *f = *state;
	const struct step *s = task(f,
		"    - import_tasks: good/tasks/two.yml\n      when: a\n      become: no\n"
		"      vars: {b: 1}\n      tags: t\n");
	const struct step *inner = s->block->block.items[0];

	assert_int_equal(s->kind, STEP_BLOCK);
	assert_int_equal(s->block->block.count, 2);
	assert_int_equal(s->when.count, 1);
	assert_string_equal(json(f, s->vars), "{\"b\": 1}");
	assert_string_equal(inner->name, "two");
	assert_ptr_equal(inner->outer, s);
	assert_false(step_attribute(inner, ATTRIBUTE_BECOME)->boolean);
}

static void test_imported_playbook(void **state)
{
	struct fixture *f = *state;
	const struct play *p =
		plays(f, "- import_playbook: good/more/other.yml\n  when: [a, b]\n  tags: t\n"
			 "  vars: {b: 9}\n");
	const struct step *guard = p->tasks.items[0];

	assert_string_equal(p->name, "other");
	assert_string_equal(p->directory, "corpus/good/more");
	assert_string_equal(json(f, p->vars), "{\"b\": 9, \"c\": 1}");
	assert_int_equal(p->when.count, 2);
	assert_int_equal(p->tags.count, 2);
	assert_int_equal(p->tasks.count, 1);
	assert_int_equal(guard->kind, STEP_BLOCK);
	assert_int_equal(guard->when.count, 2);
	assert_ptr_equal(guard->block->block.items[0]->outer, guard);
	assert_string_equal(p->handlers.items[0]->name, "handler of other");
	assert_null(p->handlers.items[0]->outer);
	assert_int_equal(f->playbook.count, 2);
}

static void test_numbers_of_steps(void **state)
{
	struct fixture *f = *state;
	const struct play *p =
		plays(f, "- hosts: all\n  handlers:\n    - debug:\n  tasks:\n    - block:\n"
			 "        - debug:\n      always:\n        - debug:\n  pre_tasks:\n"
			 "    - debug:\n");

	assert_int_equal(p->pre_tasks.items[0]->index, 0);
	assert_int_equal(p->tasks.items[0]->index, 1);
	assert_int_equal(p->tasks.items[0]->block->block.items[0]->index, 2);
	assert_int_equal(p->tasks.items[0]->block->always.items[0]->index, 3);
	assert_int_equal(p->handlers.items[0]->index, 4);
	assert_int_equal(f->playbook.step_count, 5);
}

static void test_vars_lists_melt(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
		json(f, plays(f, "- hosts: all\n  vars: [{a: 1, b: 1}, {b: 2}]\n")->vars),
		"{\"a\": 1, \"b\": 2}");
}

static void test_findings_are_sorted_and_once(void **state)
{
	assert_string_equal(
		refused(*state, "- hosts: all\n  handlers:\n    - dbug:\n  tasks:\n"
				"    - import_tasks: bad/files/bad.yml\n"
				"    - import_tasks: bad/files/bad.yml\n  tsks: []\n"),
		"corpus/bad/files/bad.yml:2:3: error: \"dbug\" is neither a module nor a "
		"keyword of a task; did you mean \"debug\"?\n"
		"site.yml:3:7: error: \"dbug\" is neither a module nor a keyword of a task; "
		"did you mean \"debug\"?\n"
		"site.yml:7:3: error: \"tsks\" is no keyword of a play; did you mean "
		"\"tasks\"?\n");
}

static void test_warnings_are_no_errors(void **state)
{
	struct fixture *f = *state;

	tasks(f, "    - import_tasks: good/tasks/empty.yml\n    - debug:\n      debug:\n");
	assert_string_equal(findings(f),
		"site.yml:4:21: warning: corpus/good/tasks/empty.yml holds no tasks\n"
		"site.yml:6:7: warning: the key debug is given again, first in line 5; remove "
		"one of them (the last one counts)\n");
}

static void test_depth_is_limited(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "[{\"hosts\": \"all\", \"tasks\": [");
	for (int i = 0; i < PLAYBOOK_MAX_DEPTH; i++)
		strbuf_addstr(&text, "{\"block\": [");
	for (int i = 0; i < PLAYBOOK_MAX_DEPTH; i++)
		strbuf_addstr(&text, "]}");
	strbuf_addstr(&text, "]}]");

	assert_non_null(strstr(
		refused(*state, text.data), "imports and blocks are nested deeper than 40"));
}

static void test_steps_are_limited(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "- hosts: all\n  tasks:\n");
	for (int i = 0; i < PLAYBOOK_MAX_STEPS + 2; i++)
		strbuf_addstr(&text, "    - debug:\n");

	assert_string_equal(refused(*state, text.data),
		"site.yml:20003:7: error: more than 20000 tasks and blocks, with those of "
		"imports\n");
}

static void test_size_is_limited(void **state)
{
	struct fixture *f = *state;
	size_t n = PLAYBOOK_MAX_BYTES + 1;
	autofree char *text = xmalloc(n + 1);

	memset(text, ' ', n);
	text[n] = '\0';
	assert_string_equal(refused(f, text), "error: site.yml: larger than 4194304 bytes\n");
}

static void test_missing_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		playbook_parse(&f->playbook, "corpus/nowhere.yml", NULL, &f->diags), -1);
	assert_string_equal(findings(f),
		"error: cannot open corpus/nowhere.yml: No such file or directory\n");
}

/* A place that is one by two rules is named once. */
static void test_places_of_roles_are_named_once(void **state)
{
	AUTO(strbuf_release) struct strbuf looked = STRBUF_INIT;

	(void)state;
	assert_null(role_find("is_not_there", "/a:/b:/a", "/site", "/site/roles", &looked));
	assert_string_equal(looked.data, "/site/roles/is_not_there, /a/is_not_there, "
					 "/b/is_not_there, /site/is_not_there, is_not_there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_play),
		TEST(test_play_is_named_by_its_hosts),
		TEST(test_transaction),
		TEST(test_transaction_mistakes),
		TEST(test_task),
		TEST(test_title_without_a_name),
		TEST(test_with),
		TEST(test_places_of_roles_are_named_once),
		TEST(test_args_beside_the_action),
		TEST(test_local_action),
		TEST(test_free_form_keeps_its_place_and_trust),
		TEST(test_inherited),
		TEST(test_environment_adds_up),
		TEST(test_conditions),
		TEST(test_handlers),
		TEST(test_imported_tasks),
		TEST(test_imported_playbook),
		TEST(test_numbers_of_steps),
		TEST(test_vars_lists_melt),
		TEST(test_findings_are_sorted_and_once),
		TEST(test_warnings_are_no_errors),
		TEST(test_depth_is_limited),
		TEST(test_steps_are_limited),
		TEST(test_size_is_limited),
		TEST(test_missing_file),
	};

	/* Modules of an Ansible that is installed here are not to be found. */
	setenv("MODELFLEET_ANSIBLE", "", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
