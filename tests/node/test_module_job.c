/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module job: work that goes on without the helper, and what its file says of it.
 */
#include "node/module_call.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/world.h"
#include "value/json.h"

#define PATIENCE 30 /* seconds; what takes longer is an error */

/* A job that was begun, and what its file says. */
struct begun {
	char *path;
	struct arena arena;
	const struct value *said;
};

static void begun_release(struct begun *b)
{
	free(b->path);
	arena_release(&b->arena);
}

/* Begins a job in the world's directory; `module` and its arguments as JSON. */
static enum err_code begin(struct world *w, struct begun *b, double limit, const char *module,
	const char *arguments, const char *more)
{
	struct module_result r;
	enum err_code code = module_call(&w->client, &r, "job", 0,
		"{\"module\": \"%s\", \"arguments\": %s, \"directory\": \"%s/jobs/here\", "
		"\"limit\": %g%s}",
		module, arguments, w->dir, limit, more);

	*b = (struct begun){0};
	if (code == ERR_NONE) {
		assert_true(module_bool(&r, "changed"));
		assert_int_equal(module_int(&r, "started"), 1);
		assert_int_equal(module_int(&r, "finished"), 0);
		b->path = xstrdup(module_text(&r, "results_file"));
		assert_string_equal(path_basename(b->path), module_text(&r, "ansible_job_id"));
	}
	module_result_release(&r);
	return code;
}

static void begin_line(struct world *w, struct begun *b, double limit, const char *line)
{
	autofree char *arguments = xasprintf("{\"line\": \"%s\", \"strip\": true}", line);

	assert_int_equal(begin(w, b, limit, "command", arguments, ""), ERR_NONE);
}

/* Reads the file: true where it has a result. It is whole at any moment. */
static bool has_ended(struct begun *b)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	assert_int_equal(file_read(b->path, 8u << 20, &text, NULL), 0);
	b->said = json_read(&b->arena, text.data, text.len, NULL, NULL, NULL, NULL);
	assert_non_null(b->said);
	return !value_dict_get(b->said, "started");
}

static void await_end(struct begun *b)
{
	deadline until = deadline_in(PATIENCE);

	while (!has_ended(b)) {
		assert_false(deadline_passed(until));
		wait_until(deadline_in(0.05), NULL, NULL);
	}
}

static const char *said(const struct begun *b, const char *key)
{
	const char *text = value_text(value_dict_get(b->said, key));

	assert_non_null(text);
	return text;
}

static bool says(const struct begun *b, const char *key)
{
	const struct value *v = value_dict_get(b->said, key);

	return v && value_truthy(v);
}

static void it_goes_on_without_the_helper(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;

	begin_line(w, &b, 60, "sleep 1; echo out; echo err >&2; exit 3");
	assert_false(has_ended(&b));
	assert_int_equal(value_dict_get(b.said, "started")->integer, 1);
	assert_int_equal(value_dict_get(b.said, "finished")->integer, 0);
	/* Nobody has its pipes: the helper's end is seen while the job runs. */
	client_stop(&w->client);
	w->running = false;
	assert_false(has_ended(&b));
	await_end(&b);
	assert_string_equal(said(&b, "stdout"), "out");
	assert_string_equal(said(&b, "stderr"), "err");
	assert_int_equal(value_dict_get(b.said, "rc")->integer, 3);
	assert_true(says(&b, "failed"));
	assert_true(says(&b, "changed"));
	assert_null(value_dict_get(b.said, "stdout_cut"));
}

static void it_survives_the_helper_s_death(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;

	begin_line(w, &b, 60, "sleep 0.5; echo out");
	world_restart(w); /* and has not the lease of the killed one's root */
	await_end(&b);
	assert_string_equal(said(&b, "stdout"), "out");
	assert_false(says(&b, "failed"));
}

static void its_file_is_for_its_user_alone(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;
	struct stat st;

	begin_line(w, &b, 60, "true");
	await_end(&b);
	assert_int_equal(stat(b.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	autofree char *directory = path_dirname(b.path);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void its_time_is_limited(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;
	AUTO(strbuf_release) struct strbuf pid = STRBUF_INIT;
	int64_t number;

	autofree char *file = path_join(w->dir, "pid");
	autofree char *line = xasprintf("echo $$ > %s; exec sleep 300", file);
	begin_line(w, &b, 0.1, line);
	await_end(&b);
	assert_string_equal(said(&b, "msg"), "Timeout exceeded");
	assert_true(says(&b, "failed"));
	assert_non_null(value_dict_get(b.said, "child_pid"));
	assert_int_equal(file_read(file, 100, &pid, NULL), 0);
	strbuf_rtrim(&pid);
	assert_true(parse_int(pid.data, 1, INT32_MAX, &number));
	assert_int_equal(kill((pid_t)number, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void a_death_is_told(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;

	begin_line(w, &b, 60, "kill -9 $PPID");
	await_end(&b);
	assert_string_equal(
		said(&b, "msg"), "the job's process ended without a result (signal 9)");
	assert_true(says(&b, "failed"));
}

static void a_failure_is_told(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;

	assert_int_equal(
		begin(w, &b, 60, "command", "{\"line\": \"true\", \"chdir\": \"/no/such\"}",
			", \"base\": {\"cmd\": \"true\", \"changed\": false}"),
		ERR_NONE);
	await_end(&b);
	assert_true(says(&b, "failed"));
	assert_non_null(strstr(said(&b, "msg"), "/no/such"));
	assert_string_equal(said(&b, "cmd"), "true");
	assert_false(says(&b, "changed"));
}

static void what_the_module_says_beats_the_base(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b;

	assert_int_equal(
		begin(w, &b, 60, "command", "{\"argv\": [\"printf\", \"\\\"\\\\n\"]}",
			", \"base\": {\"stdout\": \"none\", \"mine\": [1, 2.5, null]}"),
		ERR_NONE);
	await_end(&b);
	assert_string_equal(said(&b, "stdout"), "\"\n");
	assert_int_equal(value_dict_get(b.said, "mine")->count, 3);
	assert_false(says(&b, "failed"));
}

/* Somebody else's module that prints a text. */
static void begin_printer(struct world *w, struct begun *b, const char *prints)
{
	autofree char *program = xasprintf("#!/bin/sh\nsleep 0.3\n%s\n", prints);

	assert_int_equal(module_blob(&w->client, 3, program, strlen(program)), ERR_NONE);
	assert_int_equal(
		begin(w, b, 60, "foreign",
			"{\"module\": \"printer\", \"name\": \"printer\", \"file\": 3, "
			"\"interpreters\": [\"/bin/sh\"]}",
			""),
		ERR_NONE);
}

static void what_others_print_is_their_result(void **state)
{
	struct world *w = *state;
	AUTO(begun_release) struct begun b, empty, nothing;

	begin_printer(w, &b, "echo noise; echo '{\"a\": 1, \"changed\": true}'; echo oh >&2");
	begin_printer(w, &empty, "echo '{ }'; echo oh >&2");
	begin_printer(w, &nothing, "echo no object; echo oh >&2");
	/* Their files came as blobs of a helper that is no more. */
	client_stop(&w->client);
	w->running = false;
	await_end(&b);
	assert_int_equal(value_dict_get(b.said, "a")->integer, 1);
	assert_true(says(&b, "changed"));
	assert_string_equal(said(&b, "stderr"), "oh\n");
	await_end(&empty);
	assert_string_equal(said(&empty, "stderr"), "oh\n");
	await_end(&nothing);
	assert_true(says(&nothing, "failed"));
	assert_string_equal(said(&nothing, "data"), "no object\n");
	assert_string_equal(said(&nothing, "msg"), "the module printed no JSON object");
	assert_string_equal(said(&nothing, "ansible_job_id"), path_basename(nothing.path));
}

static void what_cannot_be_one_is_refused(void **state)
{
	struct world *w = *state;
	struct begun b;
	struct module_result r;

	assert_int_equal(begin(w, &b, 60, "no_such", "{}", ""), ERR_UNSUPPORTED);
	assert_int_equal(begin(w, &b, 60, "job", "{}", ""), ERR_UNSUPPORTED);
	assert_int_equal(begin(w, &b, 60, "pty", "{}", ""), ERR_UNSUPPORTED);
	assert_int_equal(begin(w, &b, 0, "command", "{\"line\": \"true\"}", ""), ERR_INPUT);
	assert_int_equal(begin(w, &b, 60, "command", "{\"lin\": \"true\"}", ""), ERR_INPUT);
	assert_int_equal(module_call(&w->client, &r, "job", FRAME_CHECK,
				 "{\"module\": \"stat\", \"arguments\": {\"path\": \"/\"}, "
				 "\"directory\": \"%s\", \"limit\": 1}",
				 w->dir),
		ERR_UNSUPPORTED);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "job", 0,
				 "{\"module\": \"stat\", \"arguments\": {\"path\": \"/\"}, "
				 "\"directory\": \"relative\", \"limit\": 1}"),
		ERR_INPUT);
	module_result_release(&r);
	autofree char *jobs = path_join(w->dir, "jobs");
	assert_false(path_exists(jobs));
}

static void a_transaction_has_none(void **state)
{
	struct world *w = *state;
	uint8_t buffer[2048];
	struct msg_writer m;
	struct answer a;
	struct begun b;

	autofree char *states = path_join(w->dir, "state");
	setenv("MODELFLEET_STATE_DIR", states, 1);
	world_restart(w);
	msg_begin(&m, buffer, sizeof(buffer));
	wire_put_transaction_begin(
		&m, &(struct wire_transaction_begin){
			    .id = "t1", .title = "a test", .confirm_timeout = 60});
	assert_int_equal(client_call(&w->client, WIRE_TRANSACTION_BEGIN, 0, &m, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(
		begin(w, &b, 60, "command", "{\"line\": \"true\"}", ""), ERR_UNSUPPORTED);
	msg_begin(&m, buffer, sizeof(buffer));
	msg_put_string(&m, "t1");
	assert_int_equal(
		client_call(&w->client, WIRE_TRANSACTION_CONFIRM, 0, &m, &a), ERR_NONE);
	answer_release(&a);
	unsetenv("MODELFLEET_STATE_DIR");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_goes_on_without_the_helper),
		TEST(it_survives_the_helper_s_death),
		TEST(its_file_is_for_its_user_alone),
		TEST(its_time_is_limited),
		TEST(a_death_is_told),
		TEST(a_failure_is_told),
		TEST(what_the_module_says_beats_the_base),
		TEST(what_others_print_is_their_result),
		TEST(what_cannot_be_one_is_refused),
		TEST(a_transaction_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
