/* SPDX-License-Identifier: Apache-2.0 */
/* What became of hosts, in states, exit codes and recaps; and the block on a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/show.h"

#define HOSTS 4

struct scene {
	struct run_options options;
	struct run_host hosts[HOSTS];
	struct run run;
	struct show show;
	struct cancel cancel;
	struct strbuf said;
};

static void say_nothing(struct show *s, struct strbuf *out)
{
	(void)s;
	(void)out;
}

/* Words that tell which hosts are done. */
static void say_done(struct show *s, const struct run_event *e, struct strbuf *out)
{
	struct scene *scene = s->data;

	(void)out;
	if (show_ends_host(s, e))
		strbuf_addf(&scene->said, "%s ", e->host->name);
}

static void say_end(struct show *s, int exit_code, struct strbuf *out)
{
	(void)s;
	(void)exit_code;
	(void)out;
}

static const struct show_words words = {
	.begin = say_nothing, .event = say_done, .end = say_end};

static int setup(void **state)
{
	static const char *const names[HOSTS] = {"a", "b", "c", "d"};
	struct scene *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; i < HOSTS; i++)
		s->hosts[i].name = names[i];
	s->run = (struct run){.o = &s->options, .hosts = s->hosts, .count = HOSTS};
	s->show =
		(struct show){.run = &s->run, .words = &words, .data = s, .cancel = &s->cancel};
	strbuf_init(&s->said);
	show_init(&s->show);
	for (size_t i = 0; i < HOSTS; i++)
		s->show.hosts[i].plays = 1;
	*state = s;
	return cancel_init(&s->cancel, NULL);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	show_release(&s->show);
	strbuf_release(&s->said);
	cancel_release(&s->cancel);
	free(s);
	return 0;
}

static void tell(struct scene *s, enum run_event_kind kind, unsigned host, const char *text)
{
	show_listen(&s->show, &(struct run_event){.kind = kind,
				      .host = &s->hosts[host],
				      .text = text,
				      .title = text,
				      .at_ns = (int64_t)(kind + 1) * 1000000000});
}

static void begin_all(struct scene *s)
{
	for (unsigned i = 0; i < HOSTS; i++)
		tell(s, RUN_HOST, i, NULL);
}

/* ---- states and exit codes ---- */

static void make(struct scene *s, unsigned host, enum show_state state)
{
	struct run_host *h = &s->hosts[host];

	switch (state) {
	case SHOW_CHANGED: h->counts.changed = 1; break;
	case SHOW_FAILED:
		h->failed = true;
		err_set(&h->err, ERR_NOSPACE, "no space left");
		break;
	case SHOW_UNREACHABLE: h->unreachable = true; break;
	case SHOW_ROLLED_BACK:
		h->failed = true;
		h->undo = UNDO_HEALTHY;
		err_set(&h->err, ERR_INPUT, "listener is not active");
		break;
	case SHOW_INTERRUPTED: h->stopped = true; break;
	default: break;
	}
}

static void test_states(void **state)
{
	struct scene *s = *state;

	assert_int_equal(show_state(&s->show, &s->hosts[0]), SHOW_NOT_RUN);
	begin_all(s);
	for (int wanted = SHOW_UNCHANGED; wanted < SHOW_STATES; wanted++) {
		if (wanted == SHOW_DRIFTED)
			continue;
		s->hosts[0] = (struct run_host){.name = "a"};
		make(s, 0, (enum show_state)wanted);
		assert_int_equal(show_state(&s->show, &s->hosts[0]), wanted);
		assert_non_null(show_state_name((enum show_state)wanted));
	}
}

/* A host that could not be taken back whole is a failed one, whatever it tried. */
static void test_a_way_back_that_failed(void **state)
{
	static const enum undo_outcome bad[] = {UNDO_UNHEALTHY, UNDO_FAILED};
	struct scene *s = *state;

	begin_all(s);
	make(s, 0, SHOW_ROLLED_BACK);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s->hosts[0].undo = bad[i];
		assert_int_equal(show_state(&s->show, &s->hosts[0]), SHOW_FAILED);
	}
}

static void test_the_gravest_decides_the_exit_code(void **state)
{
	static const struct {
		enum show_state states[HOSTS];
		int code;
	} cases[] = {
		{{SHOW_UNCHANGED, SHOW_CHANGED, SHOW_CHANGED, SHOW_UNCHANGED}, EXIT_OK},
		{{SHOW_CHANGED, SHOW_ROLLED_BACK, SHOW_UNCHANGED, SHOW_UNCHANGED},
			EXIT_ROLLED_BACK},
		{{SHOW_CHANGED, SHOW_ROLLED_BACK, SHOW_UNREACHABLE, SHOW_UNCHANGED},
			EXIT_UNREACHABLE},
		{{SHOW_FAILED, SHOW_ROLLED_BACK, SHOW_UNREACHABLE, SHOW_UNCHANGED},
			EXIT_HOST_FAILED},
	};
	struct scene *s = *state;

	begin_all(s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned k = 0; k < HOSTS; k++) {
			s->hosts[k] = (struct run_host){.name = s->hosts[k].name};
			make(s, k, cases[i].states[k]);
		}
		assert_int_equal(show_exit_code(&s->show), cases[i].code);
	}
	cancel_request(&s->cancel);
	assert_int_equal(show_exit_code(&s->show), EXIT_INTERRUPTED);
}

/* A limit that ended the run before hosts failed by themselves is a failure, too. */
static void test_a_run_that_was_stopped(void **state)
{
	struct scene *s = *state;

	begin_all(s);
	s->run.stopped = true;
	assert_int_equal(show_exit_code(&s->show), EXIT_HOST_FAILED);
}

/* ---- when a host is done ---- */

static void test_a_host_is_done_after_its_last_play(void **state)
{
	struct scene *s = *state;

	s->show.hosts[0].plays = 2;
	begin_all(s);
	tell(s, RUN_HOST_END, 0, NULL);
	assert_string_equal(s->said.data, "");
	tell(s, RUN_HOST_END, 1, NULL);
	tell(s, RUN_HOST, 0, NULL);
	tell(s, RUN_HOST_END, 0, NULL);
	assert_string_equal(s->said.data, "b a ");
}

static void test_a_host_that_failed_is_done_at_once(void **state)
{
	struct scene *s = *state;

	s->show.hosts[0].plays = 3;
	begin_all(s);
	make(s, 0, SHOW_FAILED);
	tell(s, RUN_HOST_END, 0, NULL);
	assert_string_equal(s->said.data, "a ");
}

/* Where all may be taken back in the end, only what failed is told before. */
static void test_done_may_not_be_done(void **state)
{
	struct scene *s = *state;

	s->options.rollback_on_abort = true;
	begin_all(s);
	make(s, 1, SHOW_FAILED);
	tell(s, RUN_HOST_END, 0, NULL);
	tell(s, RUN_HOST_END, 1, NULL);
	assert_string_equal(s->said.data, "b ");
}

static void test_the_phase_of_a_failure(void **state)
{
	struct scene *s = *state;

	begin_all(s);
	tell(s, RUN_PHASE, 0, "sync");
	make(s, 0, SHOW_FAILED);
	tell(s, RUN_HOST_END, 0, NULL);
	tell(s, RUN_PHASE, 1, "check");
	tell(s, RUN_PHASE, 1, "undo");
	tell(s, RUN_PHASE, 1, "check");
	make(s, 1, SHOW_ROLLED_BACK);
	tell(s, RUN_HOST_END, 1, NULL);
	assert_string_equal(s->show.hosts[0].failed_phase, "sync");
	assert_string_equal(s->show.hosts[1].failed_phase, "check");
	assert_null(s->show.hosts[2].failed_phase);
}

/* ---- errors ---- */

static void test_equal_errors_are_told_once(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct scene *s = *state;

	begin_all(s);
	make(s, 0, SHOW_FAILED);
	make(s, 1, SHOW_ROLLED_BACK);
	make(s, 2, SHOW_FAILED);
	show_errors(&s->show, &out);
	assert_string_equal(out.data, "  2 hosts: no space left\n"
				      "    a, c\n"
				      "    free space there, or give the host fewer models\n"
				      "  1 host: listener is not active\n"
				      "    b\n"
				      "    went back, healthy again\n");
}

/* "One or more items failed" tells nobody anything. */
static void test_a_loop_fails_with_its_first_item(void **state)
{
	struct scene *s = *state;
	struct arena arena = {0};
	struct value *result = value_new_dict(&arena);
	struct run_event e = {.kind = RUN_ITEM,
		.host = &s->hosts[0],
		.outcome = TASK_FAILED,
		.label = "listener",
		.result = result};

	begin_all(s);
	make(s, 0, SHOW_FAILED);
	value_dict_set(&arena, result, "msg", value_new_string(&arena, "it is not active"));
	show_listen(&s->show, &e);
	e.label = "sentinel";
	show_listen(&s->show, &e);
	assert_string_equal(show_why(&s->show, &s->hosts[0]), "listener: it is not active");
	e.kind = RUN_RESULT;
	e.outcome = TASK_IGNORED;
	show_listen(&s->show, &e);
	assert_string_equal(show_why(&s->show, &s->hosts[0]), "no space left");
	arena_release(&arena);
}

/* ---- the block ---- */

static void test_the_block_names_hosts_in_work(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct scene *s = *state;

	begin_all(s);
	for (unsigned i = 2; i < HOSTS; i++)
		tell(s, RUN_HOST_END, i, NULL);
	tell(s, RUN_PHASE, 0, "restart");
	tell(s, RUN_TASK, 0, "Restart \033[2J what\nchanged");
	show_live_draw(&s->show, &out);
	assert_int_equal(s->show.drawn, 3);
	assert_non_null(strstr(out.data, "  a                    restart    Restart ?[2J "
					 "what?changed\n"));
	assert_non_null(strstr(out.data, "2 of 4 hosts done\n"));
	strbuf_clear(&out);
	show_live_erase(&s->show, &out);
	assert_string_equal(out.data, "\033[3A\r\033[J");
	assert_int_equal(s->show.drawn, 0);
}

static void test_a_long_line_is_cut(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf title = STRBUF_INIT;
	struct scene *s = *state;

	for (unsigned i = 0; i < 200; i++)
		strbuf_addstr(&title, "\xc3\xa9");
	tell(s, RUN_HOST, 0, NULL);
	tell(s, RUN_TASK, 0, title.data);
	show_live_draw(&s->show, &out);
	size_t line = strcspn(out.data, "\n");
	assert_int_equal(utf8_len(out.data + line - 2, 2), 2);
	assert_true(line < 400);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_states),
		T(test_a_way_back_that_failed),
		T(test_the_gravest_decides_the_exit_code),
		T(test_a_run_that_was_stopped),
		T(test_a_host_is_done_after_its_last_play),
		T(test_a_host_that_failed_is_done_at_once),
		T(test_done_may_not_be_done),
		T(test_the_phase_of_a_failure),
		T(test_equal_errors_are_told_once),
		T(test_a_loop_fails_with_its_first_item),
		T(test_the_block_names_hosts_in_work),
		T(test_a_long_line_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
