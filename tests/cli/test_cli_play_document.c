/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as one JSON document: the order of its tasks when hosts run free of each other, and
 * what Ansible's document does not have. Events are made by hand; output.py compares whole
 * documents with Ansible's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/play_document.h"
#include "play/include.h"
#include "play/module.h"
#include "value/json.h"

#define HOSTS 2
#define STEPS 3

static int no_run(struct module_call *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static const struct module command = {.name = "command", .run = no_run};
static const struct module meta = {.name = "meta", .run = no_run};

/* A play of two tasks and a handler on two hosts. */
struct scene {
	struct arena arena;
	struct play play;
	struct step steps[STEPS];
	struct step *listed[STEPS];
	struct task tasks[STEPS];
	struct run_options options;
	struct run_host hosts[HOSTS];
	struct run run;
	struct show show;
	struct strbuf out;
};

enum { ONE, TWO, HANDLER };

static int setup(void **state)
{
	static const char *const names[] = {"one", "two", "handles"};
	struct scene *s = xcalloc(1, sizeof(*s));

	for (unsigned i = 0; i < STEPS; i++) {
		s->tasks[i] = (struct task){.module = &command, .module_name = "command"};
		s->steps[i] = (struct step){.kind = STEP_TASK,
			.name = names[i],
			.play = &s->play,
			.index = i,
			.place = {"/site.yaml", i + 10, 3},
			.task = &s->tasks[i],
			.handler = i == HANDLER};
		s->listed[i] = &s->steps[i];
	}
	s->play.place = (struct place){"/site.yaml", 1, 1};
	s->play.tasks = (struct steps){.items = s->listed, .count = 2};
	s->play.handlers = (struct steps){.items = s->listed + HANDLER, .count = 1};
	s->hosts[0].name = "alpha";
	s->hosts[1].name = "beta";
	s->run = (struct run){.o = &s->options, .hosts = s->hosts, .count = HOSTS};
	s->show = (struct show){.run = &s->run,
		.words = &play_words_document,
		.run_id = "20260225-1",
		.count = HOSTS,
		.hosts = xcalloc(HOSTS, sizeof(struct shown_host))};
	strbuf_init(&s->out);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	show_release(&s->show);
	strbuf_release(&s->out);
	arena_release(&s->arena);
	free(s);
	return 0;
}

/* ---- telling ---- */

static void tell(struct scene *s, struct run_event e)
{
	e.play = &s->play;
	s->show.words->event(&s->show, &e, &s->out);
}

static void begin(struct scene *s)
{
	s->show.words->begin(&s->show, &s->out);
	tell(s, (struct run_event){.kind = RUN_PLAY, .title = "the play"});
	tell(s, (struct run_event){.kind = RUN_BATCH, .total = HOSTS});
	for (unsigned i = 0; i < HOSTS; i++)
		tell(s, (struct run_event){.kind = RUN_HOST, .host = &s->hosts[i]});
}

static struct run_event event_of(
	struct scene *s, enum run_event_kind kind, unsigned host, unsigned step)
{
	return (struct run_event){.kind = kind,
		.host = &s->hosts[host],
		.step = &s->steps[step],
		.title = s->steps[step].name,
		.place = include_place_of(&(struct include_place){0}, step),
		.handler = s->steps[step].handler};
}

static void does(struct scene *s, unsigned host, unsigned step, enum task_outcome outcome,
	const char *json)
{
	struct run_event e = event_of(s, RUN_RESULT, host, step);

	tell(s, event_of(s, RUN_TASK, host, step));
	e.outcome = outcome;
	e.result = json_read(&s->arena, json, strlen(json), NULL, NULL, NULL, NULL);
	assert_non_null(e.result);
	tell(s, e);
	s->hosts[host].counts.ok++;
}

/* Ends the play and the playbook, and reads the document. */
static const struct value *end(struct scene *s)
{
	struct err err = {0};

	tell(s, (struct run_event){.kind = RUN_PLAY_END});
	s->show.words->book_end(&s->show, "", &s->out);
	const struct value *document =
		json_read(&s->arena, s->out.data, s->out.len, NULL, NULL, NULL, &err);
	if (!document)
		fail_msg("%s: %s", err.text, s->out.data);
	strbuf_clear(&s->out);
	return document;
}

/* ---- looking ---- */

static const struct value *at(const struct value *v, const char *key)
{
	const struct value *member = value_dict_get(v, key);

	if (!member)
		fail_msg("there is no member %s", key);
	return member;
}

static const struct value *tasks_of(const struct value *document)
{
	return at(at(document, "plays")->items[0], "tasks");
}

static void expect_task(const struct value *tasks, size_t i, const char *name, size_t hosts)
{
	assert_true(i < tasks->count);
	assert_string_equal(value_text(at(at(tasks->items[i], "task"), "name")), name);
	assert_int_equal(at(tasks->items[i], "hosts")->pair_count, hosts);
}

/* ---- tests ---- */

static void test_tasks_stand_in_their_order(void **state)
{
	struct scene *s = *state;

	begin(s);
	does(s, 1, ONE, TASK_OK, "{}");
	does(s, 1, HANDLER, TASK_OK, "{}");
	does(s, 0, ONE, TASK_OK, "{}");
	does(s, 0, TWO, TASK_OK, "{}");
	does(s, 0, HANDLER, TASK_OK, "{}");
	const struct value *tasks = tasks_of(end(s));
	assert_int_equal(tasks->count, 3);
	expect_task(tasks, 0, "one", 2);
	expect_task(tasks, 1, "two", 1);
	expect_task(tasks, 2, "handles", 2);
}

static void test_free_hosts_have_tasks_of_their_own(void **state)
{
	struct scene *s = *state;

	s->play.free = true;
	begin(s);
	does(s, 1, ONE, TASK_OK, "{}");
	does(s, 1, TWO, TASK_OK, "{}");
	does(s, 0, ONE, TASK_OK, "{}");
	const struct value *tasks = tasks_of(end(s));
	assert_int_equal(tasks->count, 3);
	expect_task(tasks, 0, "one", 1);
	expect_task(tasks, 1, "two", 1);
	expect_task(tasks, 2, "one", 1);
	assert_true(value_equal(
		at(at(tasks->items[0], "task"), "id"), at(at(tasks->items[2], "task"), "id")));
	assert_false(value_equal(
		at(at(tasks->items[0], "task"), "id"), at(at(tasks->items[1], "task"), "id")));
}

static void test_meta_has_no_entry(void **state)
{
	struct scene *s = *state;

	s->tasks[ONE].module = &meta;
	begin(s);
	tell(s, event_of(s, RUN_TASK, 0, ONE));
	does(s, 0, TWO, TASK_OK, "{}");
	const struct value *tasks = tasks_of(end(s));
	assert_int_equal(tasks->count, 1);
	expect_task(tasks, 0, "two", 1);
}

static void expect_result(
	struct scene *s, enum task_outcome outcome, const char *result, const char *expected)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct json_write_options sorted = {.sort_keys = true};

	begin(s);
	does(s, 0, ONE, outcome, result);
	const struct value *hosts = at(tasks_of(end(s))->items[0], "hosts");
	assert_int_equal(json_write(at(hosts, "alpha"), &sorted, &text, NULL), 0);
	assert_string_equal(text.data, expected);
	s->show.words->release(&s->show);
}

static void test_results(void **state)
{
	struct scene *s = *state;

	expect_result(s, TASK_OK, "{\"changed\": false, \"failed\": false}",
		"{\"action\": \"command\", \"changed\": false}");
	expect_result(s, TASK_FAILED, "{\"msg\": \"no\"}",
		"{\"action\": \"command\", \"failed\": true, \"msg\": \"no\"}");
	expect_result(s, TASK_IGNORED, "{\"unreachable\": true}",
		"{\"action\": \"command\", \"unreachable\": true}");
	expect_result(s, TASK_SKIPPED, "{\"_ansible_verbose_always\": true}",
		"{\"action\": \"command\", \"skipped\": true}");
	expect_result(s, TASK_OK, "{\"results\": [{\"_ansible_item_label\": 1, \"item\": 1}]}",
		"{\"action\": \"command\", \"results\": [{\"item\": 1}]}");
}

static void test_hosts_that_were_taken_back(void **state)
{
	struct scene *s = *state;

	begin(s);
	does(s, 0, ONE, TASK_FAILED, "{}");
	assert_null(value_dict_get(end(s), "taken_back"));
	s->hosts[0].undo = UNDO_FAILED;
	err_set(&s->hosts[0].undo_err, ERR_SYSTEM, "the disk is full");
	tell(s, (struct run_event){.kind = RUN_UNDO, .host = &s->hosts[0]});
	const struct value *taken_back = at(end(s), "taken_back");
	assert_string_equal(value_text(at(taken_back, "alpha")),
		"could not go back whole: the disk is full");
}

/* The second playbook of a run prints the plays of both. */
static void test_playbooks_add_up(void **state)
{
	struct scene *s = *state;

	begin(s);
	does(s, 0, ONE, TASK_OK, "{}");
	assert_int_equal(at(end(s), "plays")->count, 1);
	tell(s, (struct run_event){.kind = RUN_PLAY, .title = "nobody's"});
	const struct value *plays = at(end(s), "plays");
	assert_int_equal(plays->count, 2);
	assert_string_equal(value_text(at(at(plays->items[1], "play"), "name")), "nobody's");
	assert_int_equal(at(plays->items[1], "tasks")->count, 0);
}

static void test_sums(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->hosts[1].counts = (struct host_counts){.ok = 3, .failed = 1, .rescued = 2};
	const struct value *stats = at(end(s), "stats");
	assert_int_equal(stats->pair_count, 1); /* nothing became of alpha */
	const struct value *beta = at(stats, "beta");
	assert_int_equal(at(beta, "ok")->integer, 3);
	assert_int_equal(at(beta, "failures")->integer, 1);
	assert_int_equal(at(beta, "rescued")->integer, 2);
	assert_int_equal(at(beta, "unreachable")->integer, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tasks_stand_in_their_order),
		T(test_free_hosts_have_tasks_of_their_own),
		T(test_meta_has_no_entry),
		T(test_results),
		T(test_hosts_that_were_taken_back),
		T(test_playbooks_add_up),
		T(test_sums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
