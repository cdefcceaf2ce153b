/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module pty: programs on a terminal, over several requests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "node/module_call.h"
#include "node/world.h"

/* Runs a request and adds what the program wrote; its result is the caller's to release. */
static void talk(
	struct world *w, struct module_result *r, struct strbuf *said, const char *json)
{
	assert_int_equal(module_call(&w->client, r, "pty", 0, "%s", json), ERR_NONE);
	strbuf_addstr(said, module_text(r, "output"));
}

/* Goes on until the program has ended; its exit status. */
static int64_t finish(struct world *w, struct strbuf *said)
{
	for (;;) {
		struct module_result r;
		talk(w, &r, said, "{\"wait\": 10}");
		bool ended = module_bool(&r, "ended");
		int64_t status = module_int(&r, "status");
		module_result_release(&r);
		if (ended)
			return status;
	}
}

static void a_question_is_answered(void **state)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct module_result r;

	talk(*state, &r, &said,
		"{\"argv\": [\"sh\", \"-c\", \"printf 'name? '; read n; echo hello $n; exit "
		"3\"], \"wait\": 10}");
	assert_string_equal(said.data, "name? ");
	assert_false(module_bool(&r, "ended"));
	module_result_release(&r);
	talk(*state, &r, &said, "{\"input\": \"you\\n\", \"wait\": 10}");
	bool ended = module_bool(&r, "ended");
	int64_t status = module_int(&r, "status");
	module_result_release(&r);
	assert_int_equal(ended ? status : finish(*state, &said), 3);
	assert_string_equal(said.data, "name? hello you\r\n");
}

static void input_is_shown_where_that_is_asked_for(void **state)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct module_result r;

	talk(*state, &r, &said,
		"{\"argv\": [\"sh\", \"-c\", \"read n; test -t 1\"], \"echo\": true}");
	module_result_release(&r);
	talk(*state, &r, &said, "{\"input\": \"you\\n\", \"wait\": 10}");
	bool ended = module_bool(&r, "ended");
	module_result_release(&r);
	if (!ended)
		assert_int_equal(finish(*state, &said), 0);
	assert_string_equal(said.data, "you\r\n");
}

static void environment_and_directory_are_the_tasks(void **state)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct module_result r;

	talk(*state, &r, &said,
		"{\"argv\": [\"sh\", \"-c\", \"echo $WORD; pwd; tty >/dev/null\"], \"chdir\": "
		"\"/usr\", \"environment\": {\"WORD\": \"from the task\"}, \"wait\": 10}");
	bool ended = module_bool(&r, "ended");
	module_result_release(&r);
	if (!ended)
		assert_int_equal(finish(*state, &said), 0);
	assert_string_equal(said.data, "from the task\r\n/usr\r\n");
}

static void a_silent_program_is_waited_for_as_long_as_asked(void **state)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct module_result r;

	talk(*state, &r, &said, "{\"argv\": [\"sleep\", \"60\"], \"wait\": 0.2}");
	assert_false(module_bool(&r, "ended"));
	module_result_release(&r);
	struct world *w = *state;
	assert_int_equal(module_call(&w->client, &r, "pty", 0, "{\"stop\": true}"), ERR_NONE);
	module_result_release(&r);
	/* It is gone: there is nothing to talk with. */
	assert_int_equal(
		module_call(&w->client, &r, "pty", 0, "{\"wait\": 0.1}"), ERR_NOTFOUND);
	module_result_release(&r);
}

static void what_cannot_be_started_is_told(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(
		module_call(&w->client, &r, "pty", 0, "{\"argv\": [\"/nowhere/program\"]}"),
		ERR_NOTFOUND);
	assert_non_null(strstr(r.text, "/nowhere/program"));
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "pty", 0,
				 "{\"argv\": [\"true\"], \"chdir\": \"/nowhere\"}"),
		ERR_NOTFOUND);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "pty", 0, "{\"argv\": []}"), ERR_INPUT);
	module_result_release(&r);
	assert_int_equal(
		module_call(&w->client, &r, "pty", FRAME_CHECK, "{\"argv\": [\"true\"]}"),
		ERR_UNSUPPORTED);
	module_result_release(&r);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_question_is_answered),
		WORLD_TEST(input_is_shown_where_that_is_asked_for),
		WORLD_TEST(environment_and_directory_are_the_tasks),
		WORLD_TEST(a_silent_program_is_waited_for_as_long_as_asked),
		WORLD_TEST(what_cannot_be_started_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
