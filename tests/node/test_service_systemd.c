/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemctl is told, and what is made of its answers, with a program in its place that
 * keeps a unit's state in files. tests/system/test_services.py has the real one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/service.h"

/* NAME.state is the unit's state; NAME.start is the state that a start leads to, NAME.stop the
 * one of a stop, or "hang". */
static const char systemctl[] =
	"#!/bin/sh\n"
	"cd \"$SYSTEMCTL_STATES\"\n"
	"while [ $# -gt 0 ] && [ \"$1\" != -- ]; do\n"
	"	case $1 in --no-block) block=no ;; --property) shift ;; -*) ;; *) verb=$1 ;; "
	"esac\n"
	"	shift\n"
	"done\n"
	"[ $# = 0 ] || shift\n"
	"echo \"$verb $*\" >> log\n"
	"to() {\n"
	"	echo $2 > $1.state\n"
	"	echo $(($(cat invocation) + 1)) > invocation\n"
	"	cp invocation $1.invocation\n"
	"}\n"
	"lead() {\n"
	"	case $(cat $1.$2) in\n"
	"	hang) to $1 $3; [ \"$block\" = no ] || exec sleep 100 ;;\n"
	"	*) to $1 $(cat $1.$2) ;;\n"
	"	esac\n"
	"}\n"
	"for unit; do\n"
	"	case $verb in\n"
	"	show)\n"
	"		state=$(cat $unit.state 2>/dev/null)\n"
	"		echo Id=$unit.service\n"
	"		echo LoadState=$([ \"$state\" ] && echo loaded || echo not-found)\n"
	"		echo ActiveState=${state:-inactive}\n"
	"		echo NeedDaemonReload=$([ -e reload ] && echo yes || echo no)\n"
	"		echo InvocationID=$(cat $unit.invocation)\n"
	"		echo UnitFileState=disabled\n"
	"		case $state in activating|deactivating) echo Job=7 ;; esac\n"
	"		echo ;;\n"
	"	start|restart) lead $unit start activating ;;\n"
	"	stop) lead $unit stop deactivating ;;\n"
	"	kill) to $unit failed ;;\n"
	"	reset-failed) to $unit inactive ;;\n"
	"	enable) ;;\n"
	"	esac\n"
	"	[ $verb = show ] || [ \"$(cat $unit.state)\" != failed ] || failed=1\n"
	"done\n"
	"[ $verb != daemon-reload ] || rm reload\n"
	"exit ${failed:-0}\n";

struct systemd_world {
	char *dir;
	struct arena arena;
	const char *units[2];
	struct service_work work;
};

static void write_file(struct systemd_world *w, const char *name, const char *text, mode_t mode)
{
	autofree char *path = path_join(w->dir, name);

	assert_int_equal(0, file_replace(path, text, strlen(text), mode, NULL));
}

static const char *read_text(struct systemd_world *w, const char *name)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	autofree char *path = path_join(w->dir, name);

	file_read(path, 100000, &b, NULL);
	strbuf_rtrim(&b);
	return arena_strndup(&w->arena, b.data, b.len);
}

static void unit(struct systemd_world *w, const char *name, const char *state,
	const char *start, const char *stop)
{
	const char *const kinds[] = {"state", "start", "stop", "invocation"};
	const char *const texts[] = {state, start, stop, "1"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		write_file(w, arena_printf(&w->arena, "%s.%s", name, kinds[i]), texts[i], 0644);
}

static int make_world(void **state)
{
	struct systemd_world *w = xcalloc(1, sizeof(*w));
	char dir[] = "/tmp/modelfleet-test-systemd-XXXXXX";

	assert_non_null(mkdtemp(dir));
	w->dir = xstrdup(dir);
	write_file(w, "systemctl", systemctl, 0755);
	write_file(
		w, "journalctl", "#!/bin/sh\n[ $1 = --sync ] || echo lines of \"$@\"\n", 0755);
	write_file(w, "invocation", "1", 0644);
	setenv("SYSTEMCTL_STATES", dir, 1);
	setenv("PATH", arena_printf(&w->arena, "%s:/usr/bin:/bin", dir), 1);
	unit(w, "a", "active", "active", "inactive");
	unit(w, "b", "inactive", "active", "inactive");
	w->units[0] = "a";
	w->units[1] = "b";
	w->work = (struct service_work){.manager = service_manager_find("systemd", NULL),
		.units = w->units,
		.count = 2,
		.arena = &w->arena,
		.until = deadline_in(20)};
	*state = w;
	return 0;
}

static int remove_world(void **state)
{
	struct systemd_world *w = *state;

	path_remove_tree(w->dir, NULL);
	arena_release(&w->arena);
	free(w->dir);
	free(w);
	return 0;
}

static int act(struct systemd_world *w, enum service_action action, struct err *err)
{
	return w->work.manager->act(&w->work, action, w->units, w->work.count, true, err);
}

static void test_one_question_for_all(void **state)
{
	struct systemd_world *w = *state;
	struct service_state s[2];

	assert_int_equal(0, w->work.manager->query(&w->work, s, NULL));
	assert_string_equal(s[0].active, "active");
	assert_string_equal(s[1].active, "inactive");
	assert_string_equal(read_text(w, "log"), "show a b");
}

static void test_one_command_for_all(void **state)
{
	struct systemd_world *w = *state;

	assert_int_equal(0, act(w, SERVICE_RESTART, NULL));
	assert_string_equal(read_text(w, "log"), "restart a b");
	assert_string_equal(read_text(w, "b.state"), "active");
}

static void test_a_failure_names_the_unit(void **state)
{
	struct systemd_world *w = *state;
	struct err err = {0};

	unit(w, "b", "inactive", "failed", "inactive");
	assert_int_equal(-1, act(w, SERVICE_START, &err));
	assert_string_equal(err.text, "start a, b failed; b.service is failed");
}

static void test_a_deadline_tells_what_is_known(void **state)
{
	struct systemd_world *w = *state;
	struct err err = {0};

	unit(w, "a", "inactive", "hang", "inactive");
	w->work.until = deadline_in(0.3);
	assert_int_equal(-1, act(w, SERVICE_START, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "is not done in time"));
	assert_non_null(strstr(err.text, "a.service is activating, a job is still queued"));
}

static void test_halt_kills_what_does_not_stop(void **state)
{
	struct systemd_world *w = *state;

	unit(w, "a", "active", "active", "hang");
	assert_int_equal(0, w->work.manager->halt(&w->work, "a", NULL));
	assert_string_equal(read_text(w, "a.state"), "inactive");
	assert_non_null(strstr(read_text(w, "log"), "kill a"));
	assert_non_null(strstr(read_text(w, "log"), "reset-failed a"));
}

static void test_halt_lets_go_what_stops(void **state)
{
	struct systemd_world *w = *state;

	assert_int_equal(0, w->work.manager->halt(&w->work, "a", NULL));
	assert_string_equal(read_text(w, "log"), "stop a\nshow a");
}

static int restore(const char *name, bool active, int enabled, bool booting, struct err *err)
{
	struct transaction_service s = {
		.manager = "systemd", .unit = name, .active = active, .enabled = enabled};

	return service_restore(&s, booting, NULL, err);
}

static void test_restore_restarts_what_runs(void **state)
{
	struct systemd_world *w = *state;

	assert_int_equal(0, restore("a", true, -1, false, NULL));
	assert_string_equal(read_text(w, "log"), "show a\nrestart a");
}

static void test_restore_halts_what_hangs(void **state)
{
	struct systemd_world *w = *state;

	unit(w, "a", "activating", "active", "inactive");
	assert_int_equal(0, restore("a", true, -1, false, NULL));
	assert_string_equal(read_text(w, "log"), "show a\nstop a\nshow a\nstart a");
	assert_string_equal(read_text(w, "a.state"), "active");
}

static void test_restore_reads_changed_files_again(void **state)
{
	struct systemd_world *w = *state;

	write_file(w, "reload", "", 0644);
	assert_int_equal(0, restore("b", false, 1, false, NULL));
	assert_non_null(strstr(read_text(w, "log"), "daemon-reload"));
	assert_non_null(strstr(read_text(w, "log"), "enable b"));
	assert_null(strstr(read_text(w, "log"), "start"));
}

static void test_restore_says_what_does_not_come_back(void **state)
{
	struct systemd_world *w = *state;
	struct err err = {0};

	unit(w, "a", "failed", "failed", "inactive");
	assert_int_equal(-1, restore("a", true, -1, false, &err));
	assert_non_null(strstr(err.text, "bring a back: start a failed; a.service is failed"));
}

static int watch(struct systemd_world *w, double seconds, struct strbuf *log, struct err *err)
{
	struct service_state s[2];

	w->work.count = 1;
	return service_watch(&w->work, seconds, s, log, err);
}

static void test_watch_sees_a_failure(void **state)
{
	struct systemd_world *w = *state;
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct err err = {0};

	assert_int_equal(0, watch(w, 0.05, &log, &err));
	unit(w, "a", "failed", "active", "inactive");
	assert_int_equal(-1, watch(w, 0.05, &log, &err));
	assert_string_equal(err.text, "not stable: a.service is failed");
	assert_non_null(strstr(log.data, "--unit a.service"));
}

/* Waits until systemctl was called so many times: what it said before the last one is known. */
static void await_calls(struct systemd_world *w, unsigned count)
{
	deadline until = deadline_in(60);

	while (!deadline_passed(until)) {
		unsigned lines = 0;
		for (const char *s = read_text(w, "log"); *s; s++)
			lines += *s == '\n';
		if (lines + 1 >= count) /* the last one has no end here */
			return;
		usleep(10000);
	}
}

/* A unit without a main process is asked about every second. */
static void test_watch_sees_a_restart(void **state)
{
	struct systemd_world *w = *state;
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct err err = {0};

	write_file(w, "journalctl", "#!/bin/sh\n", 0755);
	pid_t pid = fork();
	if (pid == 0) {
		await_calls(w, 2);
		write_file(w, "a.invocation", "99", 0644);
		_exit(0);
	}
	assert_int_equal(-1, watch(w, 60, &log, &err));
	assert_string_equal(err.text, "not stable: a.service was started anew meanwhile");
}

static void test_watch_of_what_never_comes_up(void **state)
{
	struct systemd_world *w = *state;
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct err err = {0};

	unit(w, "a", "activating", "active", "inactive");
	w->work.until = deadline_in(0.2);
	assert_int_equal(-1, watch(w, 0.1, &log, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_one_question_for_all),
		WITH_WORLD(test_one_command_for_all),
		WITH_WORLD(test_a_failure_names_the_unit),
		WITH_WORLD(test_a_deadline_tells_what_is_known),
		WITH_WORLD(test_halt_kills_what_does_not_stop),
		WITH_WORLD(test_halt_lets_go_what_stops),
		WITH_WORLD(test_restore_restarts_what_runs),
		WITH_WORLD(test_restore_halts_what_hangs),
		WITH_WORLD(test_restore_reads_changed_files_again),
		WITH_WORLD(test_restore_says_what_does_not_come_back),
		WITH_WORLD(test_watch_sees_a_failure),
		WITH_WORLD(test_watch_sees_a_restart),
		WITH_WORLD(test_watch_of_what_never_comes_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
