/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager of an operator's own commands, with a real process as the service; and bringing
 * back what was recorded.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/service.h"

struct service_world {
	char *dir;
	char *start, *stop, *status;
	struct arena arena;
	const char *unit;
	struct service_work work;
};

static int make_world(void **state)
{
	struct service_world *w = xcalloc(1, sizeof(*w));
	char dir[] = "/tmp/modelfleet-test-service-XXXXXX";

	assert_non_null(mkdtemp(dir));
	w->dir = xstrdup(dir);
	/* The service keeps its output open, as a daemon without manners does. */
	w->start = xasprintf("sleep 1000 & echo $! > %s/pid", dir);
	w->stop = xasprintf("kill $(cat %s/pid) && rm %s/pid", dir, dir);
	w->status = xasprintf("kill -0 $(cat %s/pid)", dir);
	w->unit = "recorder";
	w->work = (struct service_work){.manager = service_manager_find("commands", NULL),
		.units = &w->unit,
		.count = 1,
		.commands = {.start = w->start, .stop = w->stop, .status = w->status},
		.arena = &w->arena,
		.until = deadline_in(20)};
	*state = w;
	return 0;
}

static int act(struct service_world *w, enum service_action action, struct err *err)
{
	return w->work.manager->act(&w->work, action, w->work.units, 1, true, err);
}

static bool is_active(struct service_world *w)
{
	struct service_state s;

	assert_int_equal(0, w->work.manager->query(&w->work, &s, NULL));
	return service_is_active(&s);
}

static int64_t pid_of(struct service_world *w)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	autofree char *path = path_join(w->dir, "pid");
	int64_t pid = 0;

	if (file_read(path, 100, &b, NULL) == 0) {
		strbuf_rtrim(&b);
		assert_true(parse_int(b.data, 1, INT32_MAX, &pid));
	}
	return pid;
}

static int remove_world(void **state)
{
	struct service_world *w = *state;

	if (pid_of(w))
		act(w, SERVICE_STOP, NULL);
	path_remove_tree(w->dir, NULL);
	arena_release(&w->arena);
	free(w->dir);
	free(w->start);
	free(w->stop);
	free(w->status);
	free(w);
	return 0;
}

static void test_start_and_stop(void **state)
{
	struct service_world *w = *state;

	assert_false(is_active(w));
	assert_int_equal(0, act(w, SERVICE_START, NULL));
	assert_true(is_active(w));
	assert_int_equal(0, act(w, SERVICE_STOP, NULL));
	assert_false(is_active(w));
}

static void test_restart_without_a_command_of_its_own(void **state)
{
	struct service_world *w = *state;

	assert_int_equal(0, act(w, SERVICE_START, NULL));
	int64_t before = pid_of(w);
	assert_int_equal(0, act(w, SERVICE_RESTART, NULL));
	assert_true(is_active(w));
	assert_int_not_equal(before, pid_of(w));
}

static void test_what_a_command_says(void **state)
{
	struct service_world *w = *state;
	struct err err = {0};

	w->work.commands.start = "echo the lens is missing >&2; exit 7";
	assert_int_equal(-1, act(w, SERVICE_START, &err));
	assert_non_null(strstr(err.text, "ended with 7: the lens is missing"));
}

static void test_a_command_that_hangs(void **state)
{
	struct service_world *w = *state;
	struct err err = {0};

	w->work.commands.start = "sleep 100";
	w->work.until = deadline_in(0.2);
	assert_int_equal(-1, act(w, SERVICE_START, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void test_what_cannot_be_done(void **state)
{
	struct service_world *w = *state;
	struct err err = {0};

	assert_int_equal(-1, act(w, SERVICE_ENABLE, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(-1, act(w, SERVICE_RELOAD, &err));
	assert_non_null(strstr(err.text, "reload recorder"));
	const char *two[] = {"a", "b"};
	struct service_state states[2];
	w->work.units = two;
	w->work.count = 2;
	assert_int_equal(-1, w->work.manager->query(&w->work, states, &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static struct transaction_service recorded(const struct service_world *w, bool active)
{
	return (struct transaction_service){.manager = "commands",
		.unit = w->unit,
		.active = active,
		.enabled = -1,
		.start = w->start,
		.stop = w->stop};
}

static void test_restore_restarts_what_ran(void **state)
{
	struct service_world *w = *state;
	struct transaction_service s = recorded(w, true);

	assert_int_equal(0, act(w, SERVICE_START, NULL));
	int64_t before = pid_of(w);
	assert_int_equal(0, service_restore(&s, false, NULL, NULL));
	assert_true(is_active(w));
	assert_int_not_equal(before, pid_of(w));
}

static void test_restore_starts_what_is_down(void **state)
{
	struct service_world *w = *state;
	struct transaction_service s = recorded(w, true);

	assert_int_equal(0, service_restore(&s, false, NULL, NULL));
	assert_true(is_active(w));
}

static void test_restore_stops_what_did_not_run(void **state)
{
	struct service_world *w = *state;
	struct transaction_service s = recorded(w, false);

	assert_int_equal(0, act(w, SERVICE_START, NULL));
	assert_int_equal(0, service_restore(&s, false, NULL, NULL));
	assert_false(is_active(w));
}

static void test_restore_leaves_starting_to_the_boot(void **state)
{
	struct service_world *w = *state;
	struct transaction_service s = recorded(w, true);

	assert_int_equal(0, service_restore(&s, true, NULL, NULL));
	assert_false(is_active(w));
}

static void test_watch_sees_an_end(void **state)
{
	struct service_world *w = *state;
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct service_state s;
	struct err err = {0};

	assert_int_equal(0, act(w, SERVICE_START, NULL));
	assert_int_equal(0, service_watch(&w->work, 0.1, &s, &log, &err));
	assert_int_equal(0, act(w, SERVICE_STOP, NULL));
	assert_int_equal(-1, service_watch(&w->work, 0.1, &s, &log, &err));
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_non_null(strstr(err.text, "recorder is inactive"));
}

static void test_managers(void **state)
{
	struct err err = {0};

	(void)state;
	assert_non_null(service_manager_find("systemd", NULL));
	assert_non_null(service_manager_find("systemd_user", NULL));
	assert_null(service_manager_find("upstart", &err));
	assert_non_null(strstr(err.text, "systemd, systemd_user, commands"));
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_start_and_stop),
		WITH_WORLD(test_restart_without_a_command_of_its_own),
		WITH_WORLD(test_what_a_command_says),
		WITH_WORLD(test_a_command_that_hangs),
		WITH_WORLD(test_what_cannot_be_done),
		WITH_WORLD(test_restore_restarts_what_ran),
		WITH_WORLD(test_restore_starts_what_is_down),
		WITH_WORLD(test_restore_stops_what_did_not_run),
		WITH_WORLD(test_restore_leaves_starting_to_the_boot),
		WITH_WORLD(test_watch_sees_an_end),
		cmocka_unit_test(test_managers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
