/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deploy command as a process: events that are JSON and documented, and exit codes. Hosts
 * are directories of this machine, except where one has to be out of reach.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "cli/cli.h"
#include "made_site.h"
#include "value/json.h"
#include "value/value.h"

static void deploy(struct made_site *s, const char *const *words)
{
	made_command(s, "deploy", words);
}

/* ---- events ---- */

struct events {
	const struct value *items[200];
	size_t count;
};

static void read_events(struct made_site *s, struct events *events)
{
	struct err err = {0};

	events->count = 0;
	for (char *line = s->out.data, *end; (end = strchr(line, '\n')); line = end + 1) {
		assert_true(events->count < ARRAY_SIZE(events->items));
		const struct value *v = json_read(
			&s->arena, line, (size_t)(end - line), "event", NULL, NULL, &err);
		if (!v)
			fail_msg("%s: %.*s", err.text, (int)(end - line), line);
		assert_int_equal(v->kind, VALUE_DICT);
		events->items[events->count++] = v;
	}
	assert_true(str_ends(s->out.data, "}\n"));
}

static const char *text_of(const struct value *event, const char *member)
{
	const struct value *v = value_dict_get(event, member);

	return v && value_is_string(v) ? value_text(v) : "";
}

/* The first event of a kind that names a host (any, when NULL). */
static const struct value *find_event(
	const struct events *events, const char *kind, const char *host)
{
	for (size_t i = 0; i < events->count; i++) {
		if (strcmp(text_of(events->items[i], "event"), kind) == 0 &&
			(!host || strcmp(text_of(events->items[i], "host"), host) == 0))
			return events->items[i];
	}
	fail_msg("no event %s of %s", kind, host ? host : "the run");
	return NULL;
}

static int64_t number_of(const struct value *event, const char *member)
{
	const struct value *v = value_dict_get(event, member);

	assert_non_null(v);
	assert_int_equal(v->kind, VALUE_INT);
	return v->integer;
}

/* Every event and every member that is printed stands in the reference, in backquotes. */
static void expect_documented(const struct events *events)
{
	AUTO(strbuf_release) struct strbuf reference = STRBUF_INIT;
	struct err err = {0};

	if (file_read(EVENTS_REFERENCE, 1 << 20, &reference, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < events->count; i++) {
		autofree char *kind = xasprintf("`%s`", text_of(events->items[i], "event"));
		if (!strstr(reference.data, kind))
			fail_msg("the event %s is not documented", kind);
		value_dict_foreach (pair, events->items[i]) {
			autofree char *member = xasprintf("`%s`", value_text(pair->key));
			if (!strstr(reference.data, member))
				fail_msg("%s of %s is not documented", member, kind);
		}
	}
}

static void test_events_of_a_run(void **state)
{
	struct made_site *s = *state;
	struct events events;

	deploy(s, MADE_WORDS("--json"));
	made_expect_code(s, EXIT_OK);
	assert_string_equal(s->err.data, "");
	read_events(s, &events);
	expect_documented(&events);
	assert_string_equal(text_of(events.items[0], "event"), "run_start");
	assert_string_equal(text_of(events.items[events.count - 1], "event"), "run_end");
	const struct value *model = find_event(&events, "model", "h1");
	assert_string_equal(text_of(model, "outcome"), "sent");
	assert_int_equal(number_of(model, "bytes_sent"), 20000);
	assert_string_equal(text_of(find_event(&events, "host_end", "h1"), "state"), "changed");
	const struct value *end = find_event(&events, "run_end", NULL);
	assert_int_equal(number_of(end, "exit_code"), EXIT_OK);
	assert_int_equal(number_of(end, "changed"), 2);
	assert_int_equal(number_of(end, "bytes_sent"), 40000);
}

static void test_every_event_has_a_time(void **state)
{
	struct made_site *s = *state;
	struct events events;

	deploy(s, MADE_WORDS("--json", "--check"));
	made_expect_code(s, EXIT_OK);
	read_events(s, &events);
	for (size_t i = 0; i < events.count; i++) {
		time_t t;
		assert_true(clock_parse_rfc3339(text_of(events.items[i], "time"), &t));
		assert_in_range(t, time(NULL) - 60, time(NULL));
	}
}

/* File names may hold anything; the events stay JSON, and keep what JSON can hold. */
static void test_events_with_strange_file_names(void **state)
{
	struct made_site *s = *state;
	struct events events;

	deploy(s, NULL);
	made_expect_code(s, EXIT_OK);
	made_write(s, "h0/face/2026-01-01/a \"quoted\"\n\\name\xff\x01", "x", 1);
	deploy(s, MADE_WORDS("--json"));
	made_expect_code(s, EXIT_HOST_FAILED);
	read_events(s, &events);
	const struct value *model = find_event(&events, "model", "h0");
	assert_string_equal(text_of(model, "outcome"), "drifted");
	const struct value *drifted = value_dict_get(model, "drifted");
	assert_int_equal(drifted->count, 1);
	assert_string_equal(value_text(drifted->items[0]),
		"a \"quoted\"\n\\name\xef\xbf\xbd\x01: not part of the version");
}

static void test_events_of_failures(void **state)
{
	struct made_site *s = *state;
	struct events events;

	/* A root below a file cannot be made. */
	made_inventory(s,
		MADE_LOCAL("h0") "        gone: {ansible_host: 127.0.0.1, ansible_port: 1}\n"
				 "        bad: {ansible_connection: local, "
				 "sentinelcam_model_registry: /etc/passwd/models}\n");
	deploy(s, MADE_WORDS("--json"));
	made_expect_code(s, EXIT_HOST_FAILED);
	read_events(s, &events);
	expect_documented(&events);
	const struct value *gone = find_event(&events, "host_end", "gone");
	assert_string_equal(text_of(gone, "state"), "unreachable");
	assert_string_equal(text_of(gone, "phase"), "connect");
	assert_string_equal(text_of(value_dict_get(gone, "error"), "code"), "unreachable");
	const struct value *bad = find_event(&events, "host_end", "bad");
	assert_string_equal(text_of(bad, "state"), "failed");
	assert_string_equal(text_of(bad, "phase"), "sync");
	assert_string_equal(text_of(find_event(&events, "model", "bad"), "outcome"), "failed");
	assert_string_equal(text_of(find_event(&events, "host_end", "h0"), "state"), "changed");
	const struct value *end = find_event(&events, "run_end", NULL);
	assert_int_equal(number_of(end, "failed"), 1);
	assert_int_equal(number_of(end, "unreachable"), 1);
	assert_int_equal(number_of(end, "exit_code"), EXIT_HOST_FAILED);
}

/* What became of a task on h0. */
static const char *outcome_of(const struct events *events, const char *task)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct value *e = events->items[i];
		if (strcmp(text_of(e, "event"), "task") == 0 &&
			strcmp(text_of(e, "host"), "h0") == 0 &&
			strcmp(text_of(e, "task"), task) == 0)
			return text_of(e, "outcome");
	}
	fail_msg("no task %s on h0", task);
	return NULL;
}

/* A model's name among the tags selects that model, and nothing that is not about models. */
static void test_one_model_alone(void **state)
{
	static const char packages[] = "The packages can be read here";
	struct made_site *s = *state;
	struct events events;

	deploy(s, MADE_WORDS("--json", "-e", "sentinel_accelerator_type=coral"));
	made_expect_code(s, EXIT_OK);
	read_events(s, &events);
	assert_string_equal(outcome_of(&events, packages), "ok");
	deploy(s, MADE_WORDS("--json", "-e", "sentinel_accelerator_type=coral", "-t", "face"));
	made_expect_code(s, EXIT_OK);
	read_events(s, &events);
	assert_string_equal(outcome_of(&events, packages), "skipped");
	assert_string_equal(outcome_of(&events, "See what came"), "ok");
}

static void test_events_of_a_playbook(void **state)
{
	static const char playbook[] =
		"- name: Some\n  hosts: sentinels\n  gather_facts: false\n  tasks:\n"
		"    - name: Ask\n      command: echo {{ item }}\n      loop: [a]\n"
		"    - name: Fail\n      fail: {msg: on purpose}\n"
		"      when: inventory_hostname == 'h1'\n";
	struct made_site *s = *state;
	struct events events;

	made_write(s, "site.yaml", playbook, sizeof(playbook) - 1);
	made_command(s, "run-playbook", MADE_WORDS("--json", "site.yaml"));
	made_expect_code(s, EXIT_HOST_FAILED);
	assert_string_equal(s->err.data, "");
	read_events(s, &events);
	expect_documented(&events);
	assert_string_equal(text_of(find_event(&events, "item", "h0"), "item"), "a");
	assert_string_equal(text_of(find_event(&events, "task", "h0"), "outcome"), "changed");
	assert_string_equal(text_of(find_event(&events, "host_end", "h0"), "state"), "changed");
	const struct value *failed = find_event(&events, "host_end", "h1");
	assert_string_equal(text_of(failed, "task"), "Fail");
	assert_string_equal(text_of(value_dict_get(failed, "error"), "text"), "on purpose");
	assert_int_equal(number_of(find_event(&events, "run_end", NULL), "failed"), 1);
}

/* A service manager that is a user's commands, and says that the service is down. */
static void test_events_of_a_status(void **state)
{
	struct made_site *s = *state;
	struct events events;

	made_inventory(s,
		MADE_LOCAL("h0") "        h1: {ansible_connection: local, model_become: false, "
				 "model_services: [{name: none, manager: commands, "
				 "commands: {status: exit 3}}]}\n"
				 "        gone: {ansible_host: 127.0.0.1, ansible_port: 1}\n");
	deploy(s, MADE_WORDS("--no-activate"));
	made_expect_code(s, EXIT_UNREACHABLE);
	made_command(s, "fleet-status", MADE_WORDS("--json"));
	made_expect_code(s, EXIT_HOST_FAILED);
	read_events(s, &events);
	expect_documented(&events);
	const struct value *h0 = find_event(&events, "host", "h0");
	assert_string_equal(text_of(h0, "state"), "as_wanted");
	assert_string_equal(text_of(h0, "deploy_outcome"), "changed");
	const struct value *h1 = find_event(&events, "host", "h1");
	assert_string_equal(text_of(h1, "state"), "differs");
	assert_int_equal(value_dict_get(h1, "services")->count, 1);
	const struct value *service = value_dict_get(h1, "services")->items[0];
	assert_string_equal(text_of(service, "service"), "none");
	assert_string_not_equal(text_of(service, "active"), "active");
	assert_string_equal(text_of(find_event(&events, "host", "gone"), "state"), "away");
	const struct value *all = find_event(&events, "status", NULL);
	assert_int_equal(number_of(all, "away"), 1);
	assert_int_equal(number_of(all, "exit_code"), EXIT_HOST_FAILED);
}

/* ---- exit codes ---- */

static void test_codes_of_what_cannot_run(void **state)
{
	struct made_site *s = *state;
	static const struct {
		const char *words[4];
		const char *text;
	} cases[] = {
		{{"--no-such-option"}, "unknown option"},
		{{"--forks", "many"}, "--forks"},
		{{"--forks", "0"}, "--forks"},
		{{"--bwlimit", "fast"}, "--bwlimit"},
		{{"--timeout", "-1"}, "--timeout"},
		{{"--color", "pink"}, "--color"},
		{{"--transport", "pigeon"}, "--transport"},
		{{"--models", "fase"}, "face"},
		{{"--limit", "nobody"}, "nobody"},
		{{"stray"}, "stray"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		deploy(s, cases[i].words);
		made_expect_code(s, EXIT_CANNOT_RUN);
		if (!strstr(s->err.data, cases[i].text))
			fail_msg("'%s' is not in: %s", cases[i].text, s->err.data);
	}
	autofree char *node = path_join(s->dir, "h0");
	assert_false(path_exists(node));
}

static void test_code_of_drift(void **state)
{
	struct made_site *s = *state;

	deploy(s, NULL);
	made_expect_code(s, EXIT_OK);
	made_write(s, "h1/face/2026-01-01/own.txt", "x", 1);
	deploy(s, NULL);
	made_expect_code(s, EXIT_HOST_FAILED);
	assert_non_null(strstr(s->out.data, "own.txt: not part of the version"));
	deploy(s, MADE_WORDS("--repair"));
	made_expect_code(s, EXIT_OK);
	deploy(s, NULL);
	made_expect_code(s, EXIT_OK);
}

static void test_code_of_an_unreachable_host(void **state)
{
	struct made_site *s = *state;

	made_inventory(s, MADE_LOCAL("h0") "        gone: {ansible_host: 127.0.0.1, "
					   "ansible_port: 1}\n");
	deploy(s, NULL);
	made_expect_code(s, EXIT_UNREACHABLE);
	deploy(s, MADE_WORDS("--limit", "h0"));
	made_expect_code(s, EXIT_OK);
}

/* A slow run is interrupted: it says so, and its events end as they should. */
static void test_code_of_an_interrupt(void **state)
{
	struct made_site *s = *state;
	const char *const argv[] = {
		MODELFLEET, "deploy", "-i", "hosts.yaml", "--json", "--bwlimit", "200k", NULL};
	const char *const env[] = {s->home, s->cache, s->state, NULL};
	struct spawn_child child;
	struct events events;
	char byte;

	made_noise(s, "sink/face/2026-01-01/large.bin", 3000000);
	assert_int_equal(
		spawn_start(&(struct spawn_options){.argv = argv, .env = env, .cwd = s->dir},
			&child, NULL),
		0);
	while (!strstr(s->out.data, "\"sync\"") && fd_read_full(child.out, &byte, 1) == 1)
		strbuf_addch(&s->out, byte);
	usleep(100000);
	assert_int_equal(kill(child.pid, SIGINT), 0);
	while (fd_read_full(child.out, &byte, 1) == 1)
		strbuf_addch(&s->out, byte);
	s->code = spawn_exit_code(spawn_stop(&child, deadline_in(60)));
	made_expect_code(s, EXIT_INTERRUPTED);
	read_events(s, &events);
	assert_int_equal(
		number_of(find_event(&events, "run_end", NULL), "exit_code"), EXIT_INTERRUPTED);
	autofree char *version = path_join(s->dir, "h0/face/2026-01-01");
	assert_false(path_exists(version));
}

static void test_the_failed_hosts_of_the_last_run(void **state)
{
	struct made_site *s = *state;
	struct events events;

	made_write(s, "h1", "in the way", 10);
	deploy(s, NULL);
	made_expect_code(s, EXIT_HOST_FAILED);
	autofree char *obstacle = path_join(s->dir, "h1");
	assert_int_equal(unlink(obstacle), 0);
	deploy(s, MADE_WORDS("--limit-failed", "--json"));
	made_expect_code(s, EXIT_OK);
	read_events(s, &events);
	const struct value *hosts =
		value_dict_get(find_event(&events, "run_start", NULL), "hosts");
	assert_int_equal(hosts->count, 1);
	assert_string_equal(value_text(hosts->items[0]), "h1");
}

static void test_a_check_changes_nothing(void **state)
{
	struct made_site *s = *state;

	deploy(s, MADE_WORDS("--check"));
	made_expect_code(s, EXIT_OK);
	assert_non_null(strstr(s->out.data, "h0: would send face 2026-01-01"));
	autofree char *node = path_join(s->dir, "h0");
	assert_false(path_exists(node));
}

#define WITH_SITE(t) cmocka_unit_test_setup_teardown(t, made_site_setup, made_site_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SITE(test_events_of_a_run),
		WITH_SITE(test_every_event_has_a_time),
		WITH_SITE(test_events_with_strange_file_names),
		WITH_SITE(test_events_of_failures),
		WITH_SITE(test_one_model_alone),
		WITH_SITE(test_events_of_a_playbook),
		WITH_SITE(test_events_of_a_status),
		WITH_SITE(test_codes_of_what_cannot_run),
		WITH_SITE(test_code_of_drift),
		WITH_SITE(test_code_of_an_unreachable_host),
		WITH_SITE(test_code_of_an_interrupt),
		WITH_SITE(test_the_failed_hosts_of_the_last_run),
		WITH_SITE(test_a_check_changes_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
