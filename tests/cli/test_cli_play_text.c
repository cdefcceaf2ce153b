/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of run-playbook: their shape, and their order when hosts run free of each other.
 * Events are made by hand here; tests/system compares whole runs with ansible-playbook.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/play_text.h"
#include "play/include.h"
#include "play/module.h"
#include "value/json.h"

#define HOSTS 3
#define STEPS 6

static int no_run(struct module_call *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static const struct module command = {.name = "command", .run = no_run};
static const struct module debug = {.name = "debug", .run = no_run};
static const struct module meta = {.name = "meta", .run = no_run};

/* A play with one pre_task, three tasks and two handlers; three hosts. */
struct scene {
	struct arena arena;
	struct play play;
	struct step steps[STEPS];
	struct task tasks[STEPS];
	struct playbook playbook;
	struct run_options options;
	struct run_host hosts[HOSTS];
	struct run run;
	struct show show;
	struct strbuf out;
};

enum { PRE, ONE, TWO, THREE, HANDLER_A, HANDLER_B };

static void add_step(struct scene *s, struct steps *list, unsigned index, const char *name)
{
	struct step *step = &s->steps[index];

	*step = (struct step){.kind = STEP_TASK,
		.name = name,
		.play = &s->play,
		.index = index,
		.place = {"site.yaml", index + 10, 3},
		.task = &s->tasks[index]};
	step->task->module = &command;
	step->task->module_name = "command";
	step->handler = list == &s->play.handlers;
	list->items = xrealloc(list->items, list->count + 1, sizeof(struct step *));
	list->items[list->count++] = step;
}

static int setup(void **state)
{
	static const char *const names[HOSTS] = {"alpha", "beta", "gamma"};
	struct scene *s = xcalloc(1, sizeof(*s));

	add_step(s, &s->play.pre_tasks, PRE, "before");
	add_step(s, &s->play.tasks, ONE, "one");
	add_step(s, &s->play.tasks, TWO, "two");
	add_step(s, &s->play.tasks, THREE, "three");
	add_step(s, &s->play.handlers, HANDLER_A, "again");
	add_step(s, &s->play.handlers, HANDLER_B, "more");
	for (size_t i = 0; i < HOSTS; i++)
		s->hosts[i].name = names[i];
	s->playbook.path = "play/site.yaml";
	s->run = (struct run){
		.o = &s->options, .playbook = &s->playbook, .hosts = s->hosts, .count = HOSTS};
	s->show = (struct show){.run = &s->run,
		.words = &play_words_text,
		.count = HOSTS,
		.hosts = xcalloc(HOSTS, sizeof(struct shown_host))};
	strbuf_init(&s->out);
	setenv("NO_COLOR", "1", 1);
	cli_set_color("auto");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	show_release(&s->show);
	strbuf_release(&s->out);
	free(s->play.pre_tasks.items);
	free(s->play.tasks.items);
	free(s->play.handlers.items);
	arena_release(&s->arena);
	free(s);
	return 0;
}

/* ---- telling ---- */

static void tell(struct scene *s, const struct run_event *e)
{
	s->show.words->event(&s->show, e, &s->out);
}

static void begin(struct scene *s, unsigned batch_hosts)
{
	s->show.words->begin(&s->show, &s->out);
	s->show.words->book_begin(&s->show, &s->out);
	tell(s, &(struct run_event){.kind = RUN_PLAY, .play = &s->play, .title = "the play"});
	tell(s, &(struct run_event){.kind = RUN_BATCH, .play = &s->play, .total = batch_hosts});
}

static void end(struct scene *s)
{
	tell(s, &(struct run_event){.kind = RUN_PLAY_END, .play = &s->play});
	s->show.words->book_end(&s->show, "", &s->out);
	s->show.words->end(&s->show, 0, &s->out);
}

static void host_event(struct scene *s, enum run_event_kind kind, unsigned host)
{
	tell(s, &(struct run_event){
			.kind = kind, .play = &s->play, .host = &s->hosts[host], .at_ns = 1});
}

static void task(struct scene *s, unsigned host, unsigned step)
{
	tell(s, &(struct run_event){.kind = RUN_TASK,
			.play = &s->play,
			.host = &s->hosts[host],
			.step = &s->steps[step],
			.title = s->steps[step].name,
			.place = include_place_of(&(struct include_place){0}, step),
			.handler = s->steps[step].handler});
}

static void tell_result(struct scene *s, enum run_event_kind kind, unsigned host, unsigned step,
	enum task_outcome outcome, const char *json, const char *label)
{
	struct err err = {0};
	const struct value *v =
		json_read(&s->arena, json, strlen(json), NULL, NULL, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	tell(s, &(struct run_event){.kind = kind,
			.play = &s->play,
			.host = &s->hosts[host],
			.step = &s->steps[step],
			.title = s->steps[step].name,
			.place = include_place_of(&(struct include_place){0}, step),
			.outcome = outcome,
			.result = v,
			.label = label,
			.handler = s->steps[step].handler});
}

static void result(struct scene *s, unsigned host, unsigned step, enum task_outcome outcome)
{
	tell_result(s, RUN_RESULT, host, step, outcome, "{\"changed\": false}", NULL);
}

/* A task from its beginning to its end. */
static void does(struct scene *s, unsigned host, unsigned step)
{
	task(s, host, step);
	result(s, host, step, TASK_OK);
}

/* What was said since the last call. */
static void expect(struct scene *s, const char *text)
{
	assert_string_equal(s->out.data, text);
	strbuf_clear(&s->out);
}

#define TASK_LINE(name, stars) "\nTASK [" name "] " stars "\n"
#define STARS_67               "*******************************************************************"

/* ---- shape ---- */

/* A heading reaches to column 79 and has three stars at least. */
static void test_banner(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	(void)state;
	play_banner("TASK [caf\xc3\xa9]", &out);
	assert_string_equal(out.data, "\nTASK [caf\xc3\xa9] " STARS_67 "*\n");
	for (unsigned i = 0; i < 100; i++)
		strbuf_addch(&name, 'x');
	strbuf_clear(&out);
	play_banner(name.data, &out);
	assert_true(str_ends(out.data, "xxx ***\n"));
}

static void test_outcomes_have_their_words(void **state)
{
	static const struct {
		enum run_event_kind kind;
		enum task_outcome outcome;
		const char *json, *label, *line;
	} cases[] = {
		{RUN_RESULT, TASK_OK, "{\"changed\": false}", NULL, "ok: [alpha]\n"},
		{RUN_RESULT, TASK_CHANGED, "{\"changed\": true}", NULL, "changed: [alpha]\n"},
		{RUN_RESULT, TASK_SKIPPED, "{}", NULL, "skipping: [alpha]\n"},
		{RUN_RESULT, TASK_FAILED, "{\"msg\": \"no\", \"changed\": false}", NULL,
			"fatal: [alpha]: FAILED! => {\"changed\": false, \"msg\": \"no\"}\n"},
		{RUN_RESULT, TASK_RESCUED, "{\"msg\": \"no\"}", NULL,
			"fatal: [alpha]: FAILED! => {\"msg\": \"no\"}\n"},
		{RUN_RESULT, TASK_IGNORED, "{\"msg\": \"no\"}", NULL,
			"fatal: [alpha]: FAILED! => {\"msg\": \"no\"}\n...ignoring\n"},
		{RUN_RESULT, TASK_UNREACHABLE, "{\"msg\": \"gone\", \"unreachable\": true}",
			NULL,
			"fatal: [alpha]: UNREACHABLE! => {\"msg\": \"gone\", \"unreachable\": "
			"true}\n"},
		{RUN_ITEM, TASK_OK, "{}", "a", "ok: [alpha] => (item=a)\n"},
		{RUN_ITEM, TASK_CHANGED, "{}", "a", "changed: [alpha] => (item=a)\n"},
		{RUN_ITEM, TASK_SKIPPED, "{}", "a", "skipping: [alpha] => (item=a) \n"},
		{RUN_ITEM, TASK_FAILED, "{\"msg\": \"no\"}", "a",
			"failed: [alpha] (item=a) => {\"msg\": \"no\"}\n"},
	};
	struct scene *s = *state;

	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tell_result(s, cases[i].kind, 0, ONE, cases[i].outcome, cases[i].json,
			cases[i].label);
		expect(s, cases[i].line);
	}
	end(s);
}

static void test_verbosity_shows_results(void **state)
{
	static const char json[] =
		"{\"z\": [1, null], \"changed\": false, \"_ansible_no_log\": false, "
		"\"invocation\": {\"a\": 1}, \"diff\": {}}";
	struct scene *s = *state;

	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	s->show.verbosity = 1;
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK, json, NULL);
	expect(s, "ok: [alpha] => {\"changed\": false, \"z\": [1, null]}\n");
	s->show.verbosity = 3;
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK, json, NULL);
	expect(s, "ok: [alpha] => {\n    \"changed\": false,\n    \"diff\": {},\n    "
		  "\"invocation\": {\n        \"a\": 1\n    },\n    \"z\": [\n        1,\n     "
		  "   null\n    ]\n}\n");
	end(s);
}

/* debug exists to say something: it does so without -v, and says nothing else. */
static void test_debug(void **state)
{
	struct scene *s = *state;

	s->tasks[ONE].module = &debug;
	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK,
		"{\"msg\": \"hello\", \"changed\": false, \"failed\": false,"
		" \"_ansible_verbose_always\": true}",
		NULL);
	expect(s, "ok: [alpha] => {\n    \"msg\": \"hello\"\n}\n");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK,
		"{\"name\": [1], \"changed\": false, \"failed\": false,"
		" \"_ansible_verbose_always\": true}",
		NULL);
	expect(s, "ok: [alpha] => {\n    \"name\": [\n        1\n    ]\n}\n");
	end(s);
}

/* A loop's items tell what happened; its end only where that says something else. */
static void test_the_end_of_a_loop(void **state)
{
	struct value loop = {.kind = VALUE_LIST};
	struct scene *s = *state;

	s->tasks[ONE].loop = &loop;
	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK, "{\"results\": []}", NULL);
	expect(s, "");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_FAILED, "{\"results\": [{}]}", NULL);
	expect(s, "");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_IGNORED, "{\"results\": [{}]}", NULL);
	expect(s, "...ignoring\n");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_SKIPPED, "{\"results\": [{}]}", NULL);
	expect(s, "skipping: [alpha]\n");
	end(s);
}

static void test_attempts_and_who_made_them(void **state)
{
	struct scene *s = *state;
	struct run_event e = {.kind = RUN_RETRY,
		.play = &s->play,
		.host = &s->hosts[0],
		.step = &s->steps[ONE],
		.title = "one",
		.number = 2};

	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	tell(s, &e);
	expect(s, "FAILED - RETRYING: [alpha]: one (2 retries left).\n");
	e.delegate = "beta";
	tell(s, &e);
	expect(s, "FAILED - RETRYING: [alpha -> beta]: one (2 retries left).\n");
	e.kind = RUN_RESULT;
	tell(s, &e);
	expect(s, "ok: [alpha -> beta]\n");
	e.outcome = TASK_SKIPPED;
	tell(s, &e);
	expect(s, "skipping: [alpha]\n");
	end(s);
}

static void test_jobs(void **state)
{
	struct scene *s = *state;
	AUTO(arena_release) struct arena arena = {0};
	static const char known[] =
		"{\"ansible_job_id\": \"j1.2\", \"started\": true, \"finished\": false}";
	struct run_event e = {.kind = RUN_ASYNC,
		.play = &s->play,
		.host = &s->hosts[0],
		.step = &s->steps[ONE],
		.title = "one",
		.text = "POLL"};

	e.result = json_read(&arena, known, strlen(known), NULL, NULL, NULL, NULL);
	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	tell(s, &e);
	expect(s, "ASYNC POLL on alpha: jid=j1.2 started=1 finished=0\n");
	e.text = "FAILED";
	tell(s, &e);
	expect(s, "ASYNC FAILED on alpha: jid=j1.2\n");
	e.result = value_new_dict(&arena);
	tell(s, &e);
	expect(s, "ASYNC FAILED on alpha: jid=None\n");
	end(s);
}

static void test_differences(void **state)
{
	struct scene *s = *state;

	s->options.diff = true;
	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	task(s, 0, ONE);
	strbuf_clear(&s->out);
	tell_result(s, RUN_RESULT, 0, ONE, TASK_CHANGED,
		"{\"changed\": true, \"diff\": [{\"before\": \"a\\nb\\n\", \"after\": "
		"\"a\\nc\\n\", \"before_header\": \"/etc/x\", \"after_header\": \"x.j2\"}]}",
		NULL);
	expect(s, "--- before: /etc/x\n+++ after: x.j2\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\n"
		  "changed: [alpha]\n");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_CHANGED,
		"{\"changed\": true, \"diff\": {\"before\": {\"mode\": \"0600\"}, \"after\": "
		"{\"mode\": \"0644\"}}}",
		NULL);
	expect(s, "--- before\n+++ after\n@@ -1,3 +1,3 @@\n {\n-    \"mode\": \"0600\"\n+    "
		  "\"mode\": \"0644\"\n }\n\nchanged: [alpha]\n");
	tell_result(s, RUN_RESULT, 0, ONE, TASK_OK,
		"{\"changed\": false, \"diff\": {\"before\": \"a\", \"after\": \"b\"}}", NULL);
	expect(s, "ok: [alpha]\n");
	end(s);
}

/* ---- order ---- */

#define ONE_LINE   TASK_LINE("one", STARS_67 "**")
#define TWO_LINE   TASK_LINE("two", STARS_67 "**")
#define THREE_LINE TASK_LINE("three", STARS_67)

/* A host that is ahead is held back until all have come to the same task. */
static void test_tasks_stay_together(void **state)
{
	struct scene *s = *state;

	begin(s, 2);
	strbuf_clear(&s->out);
	host_event(s, RUN_HOST, 0);
	does(s, 0, ONE);
	does(s, 0, TWO);
	expect(s, ""); /* beta has not begun */
	host_event(s, RUN_HOST, 1);
	expect(s, "");
	task(s, 1, ONE);
	expect(s, ONE_LINE "ok: [alpha]\n");
	result(s, 1, ONE, TASK_CHANGED);
	expect(s, "changed: [beta]\n");
	task(s, 1, TWO);
	expect(s, TWO_LINE "ok: [alpha]\n");
	host_event(s, RUN_HOST_END, 0);
	result(s, 1, TWO, TASK_OK);
	does(s, 1, THREE);
	expect(s, "ok: [beta]\n" THREE_LINE "ok: [beta]\n");
	end(s);
}

/* A host that failed holds nobody up. */
static void test_a_host_that_ends_early(void **state)
{
	struct scene *s = *state;

	begin(s, 2);
	strbuf_clear(&s->out);
	host_event(s, RUN_HOST, 0);
	host_event(s, RUN_HOST, 1);
	does(s, 1, ONE);
	does(s, 1, TWO);
	task(s, 0, ONE);
	tell_result(s, RUN_RESULT, 0, ONE, TASK_FAILED, "{\"msg\": \"no\"}", NULL);
	expect(s, ONE_LINE "ok: [beta]\nfatal: [alpha]: FAILED! => {\"msg\": \"no\"}\n");
	host_event(s, RUN_HOST_END, 0);
	expect(s, TWO_LINE "ok: [beta]\n");
	end(s);
}

/* Handlers of pre_tasks come before the tasks, also where only one host has any. */
static void test_handlers_stand_behind_their_section(void **state)
{
	struct scene *s = *state;

	begin(s, 2);
	strbuf_clear(&s->out);
	host_event(s, RUN_HOST, 0);
	host_event(s, RUN_HOST, 1);
	does(s, 0, PRE);
	does(s, 0, HANDLER_B);
	does(s, 0, ONE);
	does(s, 1, PRE);
	does(s, 1, ONE);
	does(s, 1, HANDLER_A);
	host_event(s, RUN_HOST_END, 1);
	does(s, 0, HANDLER_A);
	expect(s, "\nTASK [before] "
		  "******************************************************************\n"
		  "ok: [alpha]\nok: [beta]\n"
		  "\nRUNNING HANDLER [more] "
		  "*********************************************************\n"
		  "ok: [alpha]\n" ONE_LINE "ok: [alpha]\nok: [beta]\n"
		  "\nRUNNING HANDLER [again] "
		  "********************************************************\n"
		  "ok: [beta]\nok: [alpha]\n");
	end(s);
}

/* flush_handlers brings them forward, and is not told itself. */
static void test_handlers_that_are_flushed(void **state)
{
	struct scene *s = *state;

	s->tasks[TWO].module = &meta;
	begin(s, 2);
	strbuf_clear(&s->out);
	for (unsigned i = 0; i < 2; i++) {
		host_event(s, RUN_HOST, i);
		does(s, i, ONE);
		task(s, i, TWO);
		if (i == 0)
			does(s, i, HANDLER_A);
		does(s, i, THREE);
	}
	expect(s, ONE_LINE "ok: [alpha]\nok: [beta]\n"
			   "\nRUNNING HANDLER [again] "
			   "********************************************************\n"
			   "ok: [alpha]\n" THREE_LINE "ok: [alpha]\nok: [beta]\n");
	end(s);
}

/* What is left when a batch is interrupted is printed all the same. */
static void test_nothing_is_lost(void **state)
{
	struct scene *s = *state;

	begin(s, 3);
	strbuf_clear(&s->out);
	host_event(s, RUN_HOST, 0);
	does(s, 0, ONE);
	expect(s, "");
	tell(s, &(struct run_event){.kind = RUN_STOP, .text = "1 of 1 hosts failed"});
	tell(s, &(struct run_event){.kind = RUN_PLAY_END, .play = &s->play});
	assert_non_null(strstr(s->out.data, ONE_LINE "ok: [alpha]\n"));
	s->show.words->book_end(&s->show, "", &s->out);
	s->show.words->end(&s->show, 0, &s->out);
}

static void test_each_batch_has_its_heading(void **state)
{
	static const char heading[] =
		"\nPLAY [the play] "
		"****************************************************************\n";
	struct scene *s = *state;

	begin(s, 1);
	expect(s, heading);
	host_event(s, RUN_HOST, 0);
	does(s, 0, ONE);
	host_event(s, RUN_HOST_END, 0);
	strbuf_clear(&s->out);
	tell(s, &(struct run_event){
			.kind = RUN_BATCH, .play = &s->play, .number = 1, .total = 1});
	host_event(s, RUN_HOST, 1);
	does(s, 1, ONE);
	host_event(s, RUN_HOST_END, 1);
	assert_true(str_starts(s->out.data, heading));
	assert_true(str_ends(s->out.data, ONE_LINE "ok: [beta]\n"));
	end(s);
}

static void test_a_play_without_hosts(void **state)
{
	struct scene *s = *state;

	s->show.words->begin(&s->show, &s->out);
	s->show.words->book_begin(&s->show, &s->out);
	tell(s, &(struct run_event){.kind = RUN_PLAY, .play = &s->play, .title = ""});
	tell(s, &(struct run_event){
			.kind = RUN_WARNING, .play = &s->play, .text = "no hosts matched"});
	tell(s, &(struct run_event){.kind = RUN_PLAY_END, .play = &s->play});
	assert_true(str_starts(s->out.data, "\nPLAY ****"));
	assert_true(str_ends(s->out.data, "*\nskipping: no hosts matched\n"));
	s->show.words->book_end(&s->show, "", &s->out);
	s->show.words->end(&s->show, 0, &s->out);
}

/* ---- the end ---- */

static void test_recap(void **state)
{
	struct scene *s = *state;

	begin(s, 3);
	s->hosts[2].counts = (struct host_counts){.ok = 12, .changed = 3, .skipped = 1};
	s->hosts[0].counts = (struct host_counts){.failed = 1};
	strbuf_clear(&s->out);
	end(s);
	expect(s, "\nPLAY RECAP "
		  "*********************************************************************\n"
		  "alpha                      : ok=0    changed=0    unreachable=0    failed=1 "
		  "   skipped=0    rescued=0    ignored=0   \n"
		  "gamma                      : ok=12   changed=3    unreachable=0    failed=0 "
		  "   skipped=1    rescued=0    ignored=0   \n\n");
}

/* A host that the playbook adds has a place in the order like any other. */
static void test_hosts_that_are_added(void **state)
{
	struct scene *s = *state;

	s->run.room = HOSTS;
	s->run.count = s->show.count = 1;
	begin(s, 1);
	strbuf_clear(&s->out);
	s->run.count = s->show.count = HOSTS;
	tell(s, &(struct run_event){.kind = RUN_BATCH, .play = &s->play, .total = 1});
	host_event(s, RUN_HOST, HOSTS - 1);
	does(s, HOSTS - 1, ONE);
	host_event(s, RUN_HOST_END, HOSTS - 1);
	end(s);
	assert_non_null(strstr(s->out.data, "\nok: [gamma]\n"));
}

static void test_hosts_that_were_taken_back(void **state)
{
	struct scene *s = *state;
	struct run_host *h = &s->hosts[0];

	begin(s, 1);
	host_event(s, RUN_HOST, 0);
	does(s, 0, ONE);
	strbuf_clear(&s->out);
	h->failed = true;
	h->counts.failed = 1;
	err_set(&h->err, ERR_INPUT, "listener is not active");
	tell(s, &(struct run_event){
			.kind = RUN_PHASE, .host = h, .play = &s->play, .text = "undo"});
	h->undo = UNDO_HEALTHY;
	host_event(s, RUN_UNDO, 0);
	assert_true(str_ends(s->out.data, "*\nundone: [alpha]: went back, healthy again\n"));
	host_event(s, RUN_HOST_END, 0);
	end(s);
	assert_non_null(strstr(s->out.data, "failed=1"));
	assert_true(str_ends(s->out.data, "  1 host: listener is not active\n    alpha\n    "
					  "went back, healthy again\n\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_banner),
		T(test_outcomes_have_their_words),
		T(test_verbosity_shows_results),
		T(test_debug),
		T(test_the_end_of_a_loop),
		T(test_attempts_and_who_made_them),
		T(test_jobs),
		T(test_differences),
		T(test_tasks_stay_together),
		T(test_a_host_that_ends_early),
		T(test_handlers_stand_behind_their_section),
		T(test_handlers_that_are_flushed),
		T(test_nothing_is_lost),
		T(test_each_batch_has_its_heading),
		T(test_a_play_without_hosts),
		T(test_recap),
		T(test_hosts_that_are_added),
		T(test_hosts_that_were_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
