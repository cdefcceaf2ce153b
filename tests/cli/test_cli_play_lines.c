/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs "minimal" and "oneline", and what of a result is shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "cli/play_text.h"
#include "play/module.h"
#include "value/json.h"

struct scene {
	struct arena arena;
	struct module module;
	struct task task;
	struct play play;
	struct step step;
	struct run_options options;
	struct run_host host;
	struct run run;
	struct play_lines lines;
	struct show show;
	struct strbuf out;
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	s->module.name = "command";
	s->task.module = &s->module;
	s->step = (struct step){
		.kind = STEP_TASK, .name = "task", .play = &s->play, .task = &s->task};
	s->host.name = "alpha";
	s->run = (struct run){.o = &s->options, .hosts = &s->host, .count = 1};
	s->show =
		(struct show){.run = &s->run, .words = &play_words_minimal, .data = &s->lines};
	strbuf_init(&s->out);
	setenv("NO_COLOR", "1", 1);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	strbuf_release(&s->out);
	arena_release(&s->arena);
	free(s);
	return 0;
}

/* Says what became of the task of a module, and expects these lines. */
static void expect(struct scene *s, const char *module, enum task_outcome outcome,
	const char *json, const char *lines)
{
	struct err err = {0};
	const struct value *result =
		json_read(&s->arena, json, strlen(json), NULL, NULL, NULL, &err);

	assert_non_null(result);
	s->module.name = module;
	strbuf_clear(&s->out);
	s->show.words->event(&s->show,
		&(struct run_event){.kind = RUN_RESULT,
			.play = &s->play,
			.host = &s->host,
			.step = &s->step,
			.outcome = outcome,
			.result = result},
		&s->out);
	assert_string_equal(s->out.data, lines);
}

static void test_minimal_of_programs(void **state)
{
	struct scene *s = *state;

	expect(s, "command", TASK_CHANGED,
		"{\"rc\": 0, \"stdout\": \"a\\nb\", \"stderr\": \"\", \"msg\": \"\"}",
		"alpha | CHANGED | rc=0 >>\na\nb\n");
	expect(s, "shell", TASK_FAILED,
		"{\"rc\": 3, \"stdout\": \"out\", \"stderr\": \"err\", \"msg\": \"no\"}",
		"alpha | FAILED | rc=3 >>\nouterrno\n");
	expect(s, "command", TASK_FAILED, "{\"msg\": \"no such program\"}",
		"alpha | FAILED | rc=-1 >>\nno such program\n");
	expect(s, "command", TASK_SKIPPED, "{\"skipped\": true}", "alpha | SKIPPED\n");
}

/* One that goes on by itself has no output yet, one that could not be run has none. */
static void test_minimal_of_programs_without_output(void **state)
{
	struct scene *s = *state;

	expect(s, "command", TASK_CHANGED, "{\"ansible_job_id\": \"j1.2\", \"changed\": true}",
		"alpha | CHANGED => {\n    \"ansible_job_id\": \"j1.2\",\n    \"changed\": "
		"true\n}\n");
	expect(s, "command", TASK_UNREACHABLE,
		"{\"changed\": false, \"msg\": \"away\", \"rc\": null, \"unreachable\": true}",
		"alpha | UNREACHABLE! => {\n    \"changed\": false,\n    \"msg\": \"away\",\n"
		"    \"unreachable\": true\n}\n");
}

static void test_minimal_of_modules(void **state)
{
	struct scene *s = *state;

	expect(s, "file", TASK_OK,
		"{\"path\": \"/x\", \"changed\": false, \"failed\": false, \"_ansible_x\": 1,"
		" \"invocation\": {}, \"diff\": {}}",
		"alpha | SUCCESS => {\n    \"changed\": false,\n    \"path\": \"/x\"\n}\n");
	expect(s, "fail", TASK_FAILED, "{\"msg\": \"no\", \"failed\": true}",
		"alpha | FAILED! => {\n    \"msg\": \"no\"\n}\n");
	expect(s, "debug", TASK_OK, "{\"msg\": \"hi\", \"changed\": false}",
		"alpha | SUCCESS => {\n    \"msg\": \"hi\"\n}\n");
}

static void test_verbose_hides_less(void **state)
{
	struct scene *s = *state;

	s->show.verbosity = 3;
	expect(s, "file", TASK_OK, "{\"invocation\": {}, \"failed\": false}",
		"alpha | SUCCESS => {\n    \"invocation\": {}\n}\n");
}

static void test_differences_stand_in_front(void **state)
{
	struct scene *s = *state;

	s->options.diff = true;
	expect(s, "copy", TASK_CHANGED,
		"{\"changed\": true, \"diff\": {\"before\": \"a\\n\", \"after\": \"b\\n\"}}",
		"--- before\n+++ after\n@@ -1 +1 @@\n-a\n+b\n\n"
		"alpha | CHANGED => {\n    \"changed\": true\n}\n");
}

static void test_oneline(void **state)
{
	struct scene *s = *state;

	s->show.words = &play_words_oneline;
	expect(s, "command", TASK_CHANGED,
		"{\"rc\": 0, \"stdout\": \"a\\r\\nb\", \"stderr\": \"e\\n\"}",
		"alpha | CHANGED | rc=0 | (stdout) a\\r\\nb (stderr) e\\n\n");
	expect(s, "command", TASK_FAILED, "{\"rc\": 1, \"cmd\": [\"a\", \"b\"]}",
		"alpha | FAILED! => {\"cmd\": [\"a\",\"b\"],\"rc\": 1}\n");
	expect(s, "file", TASK_OK, "{\"path\": \"/x\\n\", \"changed\": false}",
		"alpha | SUCCESS => {\"changed\": false,\"path\": \"/x\\n\"}\n");
	expect(s, "file", TASK_UNREACHABLE, "{\"msg\": \"away\"}",
		"alpha | UNREACHABLE!: away\n");
	expect(s, "file", TASK_SKIPPED, "{}", "alpha | SKIPPED\n");
}

static void test_the_tree_keeps_results(void **state)
{
	struct scene *s = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};
	void *dir;

	assert_int_equal(scratch_make(&dir), 0);
	s->lines.tree = dir;
	expect(s, "file", TASK_OK, "{\"changed\": false, \"failed\": false}",
		"alpha | SUCCESS => {\n    \"changed\": false\n}\n");
	autofree char *path = path_join(dir, "alpha");
	assert_int_equal(file_read(path, 1000, &text, &err), 0);
	assert_string_equal(text.data, "{\"changed\": false}");
	assert_int_equal(scratch_remove(&dir), 0);
}

/* On a terminal they stand above the hosts in work, where they can be read back here. */
static void test_warnings(void **state)
{
	struct scene *s = *state;

	s->show.live = true;
	expect(s, "file", TASK_OK, "{\"a\": 1, \"warnings\": [\"one\", \"two\", \"one\"]}",
		"[WARNING]: one\n[WARNING]: two\nalpha | SUCCESS => {\n    \"a\": 1\n}\n");
	expect(s, "file", TASK_SKIPPED, "{\"warnings\": [\"two\"]}", "alpha | SKIPPED\n");
	strlist_release(&s->show.asides);
}

#define DISABLED                                                                               \
	" Deprecation warnings can be disabled by setting deprecation_warnings=False in "      \
	"ansible.cfg.\n"

static void test_deprecations(void **state)
{
	static const char result[] =
		"{\"deprecations\": [{\"msg\": \"Old \", \"version\": \"2.19\","
		" \"collection_name\": \"ansible.builtin\"}, {\"msg\": \"Older!\", \"date\":"
		" \"2030-01-01\"}, {\"msg\": \"Oldest\"}, 7]}";
	struct scene *s = *state;

	s->show.live = true;
	expect(s, "file", TASK_SKIPPED, result,
		"[DEPRECATION WARNING]: Old. This feature will be removed from ansible-core in "
		"version 2.19." DISABLED
		"[DEPRECATION WARNING]: Older! This feature will be removed in a release after "
		"2030-01-01." DISABLED
		"[DEPRECATION WARNING]: Oldest. This feature will be removed in a future "
		"release." DISABLED "alpha | SKIPPED\n");
	strlist_release(&s->show.asides);
	s->show.hides_deprecations = true;
	expect(s, "file", TASK_SKIPPED, result, "alpha | SKIPPED\n");
}

/* Items and attempts say nothing: only what became of the task. */
static void test_only_results_are_told(void **state)
{
	struct scene *s = *state;
	const struct run_event e = {.kind = RUN_ITEM, .host = &s->host, .step = &s->step};

	s->show.words->event(&s->show, &e, &s->out);
	assert_string_equal(s->out.data, "");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_minimal_of_programs),
		T(test_minimal_of_programs_without_output),
		T(test_minimal_of_modules),
		T(test_verbose_hides_less),
		T(test_differences_stand_in_front),
		T(test_oneline),
		T(test_the_tree_keeps_results),
		T(test_warnings),
		T(test_deprecations),
		T(test_only_results_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
