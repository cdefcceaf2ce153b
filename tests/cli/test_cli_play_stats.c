/* SPDX-License-Identifier: Apache-2.0 */
/* What set_stats says, added up for the recap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/play_stats.h"
#include "value/json.h"

struct scene {
	struct arena arena;
	struct play_stats stats;
	struct run_host alpha, beta;
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	s->alpha.name = "alpha";
	s->beta.name = "beta";
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	play_stats_release(&s->stats);
	arena_release(&s->arena);
	free(s);
	return 0;
}

static const struct value *parse(struct scene *s, const char *json)
{
	const struct value *v =
		json_read(&s->arena, json, strlen(json), NULL, NULL, NULL, NULL);

	assert_non_null(v);
	return v;
}

/* A task of number `key` ends on a host with this result. */
static void ends(struct scene *s, struct run_host *host, uint64_t key,
	enum task_outcome outcome, const char *json)
{
	play_stats_add(&s->stats,
		&(struct run_event){.kind = RUN_RESULT,
			.host = host,
			.outcome = outcome,
			.result = parse(s, json)},
		key);
}

/* The `ansible_stats` of a result: added up, of the run. */
#define STATS(data) "{\"ansible_stats\": {\"aggregate\": true, \"data\": " data "}}"

static void expect(struct scene *s, const char *host, const char *json)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	play_stats_settle(&s->stats);
	assert_int_equal(json_write(play_stats_of(&s->stats, host), NULL, &text, NULL), 0);
	assert_string_equal(text.data, json);
}

static void test_equal_kinds_add_up(void **state)
{
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_OK,
		STATS("{\"n\": 1, \"r\": 0.5, \"t\": \"a\", \"l\": [1], \"d\": {\"a\": {\"x\": "
		      "1}}}"));
	ends(s, &s->beta, 2, TASK_CHANGED,
		STATS("{\"n\": 2, \"r\": 0.25, \"t\": \"b\", \"l\": [2], \"d\": {\"a\": "
		      "{\"y\": 2}}}"));
	expect(s, NULL,
		"{\"n\": 3, \"r\": 0.75, \"t\": \"ab\", \"l\": [1, 2], "
		"\"d\": {\"a\": {\"x\": 1, \"y\": 2}}}");
}

static void test_another_kind_does_not_count(void **state)
{
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_OK, STATS("{\"n\": 1, \"b\": true}"));
	ends(s, &s->alpha, 2, TASK_OK, STATS("{\"n\": \"two\", \"b\": false}"));
	expect(s, NULL, "{\"n\": 1, \"b\": true}");
}

static void test_later_word_replaces(void **state)
{
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_OK, STATS("{\"n\": 1}"));
	ends(s, &s->alpha, 2, TASK_OK,
		"{\"ansible_stats\": {\"aggregate\": false, \"data\": {\"n\": 5}}}");
	expect(s, NULL, "{\"n\": 5}");
}

/* Hosts run free of each other: the order of tasks counts, and batches follow each other. */
static void test_order_is_that_of_tasks(void **state)
{
	struct scene *s = *state;

	ends(s, &s->beta, 2, TASK_OK, STATS("{\"l\": [\"second\"]}"));
	ends(s, &s->alpha, 1, TASK_OK, STATS("{\"l\": [\"first\"]}"));
	play_stats_settle(&s->stats);
	ends(s, &s->alpha, 1, TASK_OK, STATS("{\"l\": [\"next batch\"]}"));
	expect(s, NULL, "{\"l\": [\"first\", \"second\", \"next batch\"]}");
}

static void test_of_hosts(void **state)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct scene *s = *state;

	ends(s, &s->beta, 1, TASK_OK,
		"{\"ansible_stats\": {\"per_host\": true, \"data\": {\"n\": 2}}}");
	ends(s, &s->alpha, 1, TASK_OK,
		"{\"ansible_stats\": {\"per_host\": true, \"data\": {\"n\": 1}}}");
	expect(s, "alpha", "{\"n\": 1}");
	expect(s, "beta", "{\"n\": 2}");
	expect(s, NULL, "{}");
	play_stats_hosts(&s->stats, &names);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.items[0], "alpha");
	assert_string_equal(names.items[1], "beta");
}

static void test_items_of_a_loop(void **state)
{
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_OK,
		"{\"results\": [" STATS("{\"n\": 1}") ", " STATS("{\"n\": 4}") ", {}]}");
	expect(s, NULL, "{\"n\": 5}");
}

static void test_what_says_nothing(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_FAILED, STATS("{\"n\": 1}"));
	ends(s, &s->alpha, 1, TASK_SKIPPED, STATS("{\"n\": 1}"));
	ends(s, &s->alpha, 1, TASK_OK, STATS("{}"));
	ends(s, &s->alpha, 1, TASK_OK, "{\"ansible_stats\": \"none\"}");
	ends(s, &s->alpha, 1, TASK_OK, "{\"changed\": true}");
	play_stats_tell(&s->stats, &out);
	assert_string_equal(out.data, "");
}

static void test_lines(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct scene *s = *state;

	ends(s, &s->alpha, 1, TASK_OK,
		"{\"ansible_stats\": {\"per_host\": true, \"data\": {\"b\": [1], \"a\": 2}}}");
	ends(s, &s->alpha, 2, TASK_OK, STATS("{\"n\": 1}"));
	play_stats_tell(&s->stats, &out);
	assert_true(str_starts(out.data, "\nCUSTOM STATS: ***"));
	assert_true(str_ends(
		out.data, "*\n\talpha: { \"a\": 2, \"b\": [  1 ]}\n\n\tRUN: { \"n\": 1}\n\n"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_equal_kinds_add_up),
		T(test_another_kind_does_not_count),
		T(test_later_word_replaces),
		T(test_order_is_that_of_tasks),
		T(test_of_hosts),
		T(test_items_of_a_loop),
		T(test_what_says_nothing),
		T(test_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
