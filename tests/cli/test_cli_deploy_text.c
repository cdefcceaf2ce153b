/* SPDX-License-Identifier: Apache-2.0 */
/* What a deploy says of its hosts, in words: one line for each model, and one for each host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/deploy.h"
#include "registry/store.h"

#define HOSTS 3

struct scene {
	struct deploy deploy;
	struct store store;
	struct run_options options;
	struct run_host hosts[HOSTS];
	struct run run;
	struct show show;
	struct cancel cancel;
	struct arena arena;
	struct strbuf out;
};

static int setup(void **state)
{
	static const char *const names[HOSTS] = {"n1", "n2", "n3"};
	struct scene *s = xcalloc(1, sizeof(*s));

	cli_set_color("never");
	strbuf_init(&s->out);
	s->store.location = (char *)"/srv/models";
	s->deploy.run.registry.store = &s->store;
	s->deploy.run.registry.resolution.use_count = 2;
	for (size_t i = 0; i < HOSTS; i++)
		s->hosts[i].name = names[i];
	s->run = (struct run){.o = &s->options, .hosts = s->hosts, .count = HOSTS};
	s->show = (struct show){.run = &s->run,
		.words = &deploy_words_text,
		.data = &s->deploy,
		.cancel = &s->cancel};
	show_init(&s->show);
	for (size_t i = 0; i < HOSTS; i++)
		s->show.hosts[i].plays = 1;
	*state = s;
	return cancel_init(&s->cancel, NULL);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	for (size_t i = 0; i < HOSTS; i++)
		sync_report_release(&s->hosts[i].report);
	show_release(&s->show);
	strbuf_release(&s->out);
	arena_release(&s->arena);
	cancel_release(&s->cancel);
	free(s);
	return 0;
}

/* ---- what happens ---- */

static void begin(struct scene *s)
{
	deploy_words_text.begin(&s->show, &s->out);
	for (size_t i = 0; i < HOSTS; i++)
		s->show.hosts[i].started_ns = 1000000000;
	strbuf_clear(&s->out);
}

static struct sync_result *add_model(struct scene *s, size_t host, enum sync_outcome outcome)
{
	struct sync_report *r = &s->hosts[host].report;

	r->results = xrealloc(r->results, r->count + 1, sizeof(*r->results));
	r->results[r->count] = (struct sync_result){
		.model = "face", .version = "2026-02-02", .outcome = outcome};
	return &r->results[r->count++];
}

/* The host has ended its only play; what the words say of it. */
static const char *end_host(struct scene *s, size_t host)
{
	struct shown_host *shown = &s->show.hosts[host];

	strbuf_clear(&s->out);
	shown->plays = 0;
	shown->done = true;
	shown->ended_ns = 3500000000;
	deploy_words_text.event(&s->show,
		&(struct run_event){.kind = RUN_HOST_END, .host = &s->hosts[host]}, &s->out);
	return s->out.data;
}

static void change_task(struct scene *s, size_t host, struct task *task, const char *label)
{
	const struct step step = {.kind = STEP_TASK, .task = task};

	deploy_words_text.event(&s->show,
		&(struct run_event){.kind = label ? RUN_ITEM : RUN_RESULT,
			.host = &s->hosts[host],
			.step = &step,
			.title = "Render",
			.label = label,
			.outcome = TASK_CHANGED},
		&s->out);
}

/* ---- headlines ---- */

static void test_the_headline(void **state)
{
	struct scene *s = *state;

	deploy_words_text.begin(&s->show, &s->out);
	assert_string_equal(s->out.data, "2 models from /srv/models to 3 hosts\n");
}

static void test_the_headline_of_a_check(void **state)
{
	struct scene *s = *state;

	s->options.check = true;
	s->deploy.run.registry.resolution.use_count = 1;
	deploy_words_text.begin(&s->show, &s->out);
	assert_string_equal(s->out.data, "checking 1 model from /srv/models to 3 hosts\n");
}

/* ---- hosts ---- */

static void test_a_host_that_had_everything(void **state)
{
	struct scene *s = *state;

	begin(s);
	add_model(s, 0, SYNC_CURRENT);
	assert_string_equal(end_host(s, 0), "n1: ok\n");
}

static void test_models_that_are_current_are_told_with_v(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->show.verbosity = 1;
	add_model(s, 0, SYNC_CURRENT);
	assert_string_equal(end_host(s, 0), "n1: current face 2026-02-02\nn1: ok\n");
}

static void test_a_model_that_was_sent(void **state)
{
	struct scene *s = *state;

	begin(s);
	struct sync_result *r = add_model(s, 0, SYNC_SENT);
	r->files_sent = 3;
	r->files_delta = 2;
	r->files_reused = 1;
	r->bytes_sent = 1500000;
	s->hosts[0].report.bytes_sent = 1500000;
	s->hosts[0].counts.changed = 1;
	assert_string_equal(end_host(s, 0), "n1: sent face 2026-02-02, 3 files in 1.5 MB (2 as "
					    "delta), 1 found on the node\n"
					    "n1: changed, 1.5 MB in 2.5 s\n");
}

static void test_a_check_tells_what_would_be(void **state)
{
	struct scene *s = *state;

	s->options.check = true;
	begin(s);
	struct sync_result *r = add_model(s, 0, SYNC_SENT);
	r->files_sent = 1;
	r->bytes_sent = 2000;
	add_model(s, 0, SYNC_REPAIRED);
	s->hosts[0].report.bytes_sent = 2000;
	s->hosts[0].counts.changed = 1;
	assert_string_equal(end_host(s, 0), "n1: would send face 2026-02-02, 1 file in 2.0 kB\n"
					    "n1: would repair face 2026-02-02\n"
					    "n1: would change, 2.0 kB in 2.5 s\n");
}

static void test_drift_is_named(void **state)
{
	struct scene *s = *state;

	begin(s);
	struct sync_result *r = add_model(s, 0, SYNC_DRIFTED);
	strlist_add(&r->drifted, "own.txt: not part of the version");
	r->drift = 7;
	assert_string_equal(end_host(s, 0), "n1: drifted face 2026-02-02\n"
					    "n1:   own.txt: not part of the version\n"
					    "n1:   and 6 more\n"
					    "n1: drifted\n");
}

static void test_a_host_that_failed(void **state)
{
	struct scene *s = *state;

	begin(s);
	struct sync_result *r = add_model(s, 0, SYNC_FAILED);
	err_set(&r->err, ERR_INTEGRITY, "model.bin: damaged");
	add_model(s, 0, SYNC_SENT);
	s->hosts[0].failed = true;
	err_set(&s->hosts[0].err, ERR_INTEGRITY, "face 2026-02-02: model.bin: damaged");
	s->show.hosts[0].failed_phase = "sync";
	assert_string_equal(end_host(s, 0),
		"n1: sent face 2026-02-02\n"
		"n1: failed (sync): face 2026-02-02: model.bin: damaged\n");
}

static void test_a_host_out_of_reach(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->hosts[1].unreachable = true;
	err_set(&s->hosts[1].err, ERR_UNREACHABLE, "no route to host");
	assert_string_equal(end_host(s, 1), "n2: unreachable (start): no route to host\n");
}

static void test_a_host_that_went_back(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->hosts[0].failed = true;
	s->hosts[0].undo = UNDO_UNHEALTHY;
	err_set(&s->hosts[0].err, ERR_INPUT, "sentinel: wrong shape");
	err_set(&s->hosts[0].undo_err, ERR_INPUT, "port 5566 is closed");
	s->show.hosts[0].failed_phase = "restart";
	assert_string_equal(end_host(s, 0),
		"n1: failed (restart): sentinel: wrong shape\n"
		"n1: went back, and is not healthy either: port 5566 is closed\n");
}

static void test_a_host_that_was_taken_back_with_others(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->hosts[0].undo = UNDO_HEALTHY;
	assert_string_equal(end_host(s, 0),
		"n1: taken back with the others\nn1: went back, healthy again\n");
}

/* ---- what else changed ---- */

static void test_changes_wait_for_their_host(void **state)
{
	static struct task task, looped = {.loop = &value_null};
	struct scene *s = *state;

	begin(s);
	change_task(s, 0, &task, NULL);
	change_task(s, 0, &looped, "/etc/a.yaml");
	change_task(s, 0, &looped, NULL); /* the loop as a whole tells nothing new */
	change_task(s, 1, &task, NULL);
	assert_string_equal(s->out.data, "");
	assert_string_equal(end_host(s, 0), "n1: Render\nn1: Render: /etc/a.yaml\nn1: ok\n");
	assert_string_equal(end_host(s, 1), "n2: Render\nn2: ok\n");
}

static void test_other_events(void **state)
{
	struct scene *s = *state;

	begin(s);
	deploy_words_text.event(&s->show,
		&(struct run_event){
			.kind = RUN_WARNING, .host = &s->hosts[0], .text = "no watchdog"},
		&s->out);
	deploy_words_text.event(&s->show,
		&(struct run_event){.kind = RUN_STOP, .text = "1 of 2 hosts failed"}, &s->out);
	deploy_words_text.event(&s->show,
		&(struct run_event){.kind = RUN_PHASE, .host = &s->hosts[0], .text = "sync"},
		&s->out);
	assert_string_equal(
		s->out.data, "n1: warning: no watchdog\nstopped: 1 of 2 hosts failed\n");
}

/* ---- the end ---- */

static void test_the_recap(void **state)
{
	struct scene *s = *state;

	begin(s);
	s->show.started_ns = clock_ns();
	s->hosts[0].counts.changed = 1;
	struct sync_result *r = add_model(s, 0, SYNC_SENT);
	r->bytes_saved = 500000;
	s->hosts[0].report.bytes_sent = 20000;
	end_host(s, 0);
	for (size_t i = 1; i < HOSTS; i++) {
		s->hosts[i].unreachable = true;
		err_set(&s->hosts[i].err, ERR_UNREACHABLE, "no route");
		end_host(s, i);
	}
	strbuf_clear(&s->out);
	deploy_words_text.end(&s->show, EXIT_UNREACHABLE, &s->out);
	assert_non_null(
		strstr(s->out.data, "\n3 hosts: 1 changed, 2 unreachable; 20.0 kB sent, "
				    "500.0 kB saved; 0."));
	assert_non_null(strstr(s->out.data, "  2 hosts: no route\n    n2, n3\n"));
}

/* Hosts that an interrupt left without an end of their own are told in the recap. */
static void test_hosts_without_an_end(void **state)
{
	struct scene *s = *state;

	begin(s);
	end_host(s, 0);
	s->hosts[1].stopped = true;
	s->show.hosts[2].started_ns = 0;
	strbuf_clear(&s->out);
	deploy_words_text.end(&s->show, EXIT_INTERRUPTED, &s->out);
	assert_true(str_starts(s->out.data, "n2: interrupted\n"));
	assert_non_null(
		strstr(s->out.data, "3 hosts: 1 unchanged, 1 interrupted, 1 not run; "));
}

int main(void)
{
#define SCENE_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_the_headline),
		SCENE_TEST(test_the_headline_of_a_check),
		SCENE_TEST(test_a_host_that_had_everything),
		SCENE_TEST(test_models_that_are_current_are_told_with_v),
		SCENE_TEST(test_a_model_that_was_sent),
		SCENE_TEST(test_a_check_tells_what_would_be),
		SCENE_TEST(test_drift_is_named),
		SCENE_TEST(test_a_host_that_failed),
		SCENE_TEST(test_a_host_out_of_reach),
		SCENE_TEST(test_a_host_that_went_back),
		SCENE_TEST(test_a_host_that_was_taken_back_with_others),
		SCENE_TEST(test_changes_wait_for_their_host),
		SCENE_TEST(test_other_events),
		SCENE_TEST(test_the_recap),
		SCENE_TEST(test_hosts_without_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
