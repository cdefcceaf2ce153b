/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arming and disarming; see watchdog.h. What the watchdog does when its time has come stands
 * in watchdog_watch.c.
 */
#include "node/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "node/helper_file.h"
#include "node/session.h"
#include "node/transaction_private.h"
#include "node/users.h"

#define UNIT_NAME     "modelfleet-revert.service"
#define TIMER_PREFIX  "modelfleet-revert-"
#define ASK_SECONDS   30.0
#define FIRST_FREE_FD 3

/* The manager that keeps timers and starts units at boot. */
struct manager {
	const char *scope;         /* option of systemctl and systemd-run */
	const char *target;        /* whose .wants the unit is linked from, ordered before */
	const char *runtime;       /* XDG_RUNTIME_DIR=..., or NULL */
	char *units;               /* directory of its unit files */
	char runtime_variable[64]; /* what `runtime` points to */
};

static void manager_release(struct manager *m)
{
	free(m->units);
	m->units = NULL;
}

/* True if this user's manager runs whether or not the user is logged in. */
static bool lingers(void)
{
	struct user u;

	if (!user_by_uid(getuid(), &u))
		return false;
	autofree char *path = xasprintf("/var/lib/systemd/linger/%s", u.name);
	return path_exists(path);
}

/* Finds the manager to use; false where there is none that would survive the session. */
static bool manager_find(struct manager *m)
{
	char home[1024];

	*m = (struct manager){0};
	if (!path_exists("/run/systemd/system"))
		return false;
	if (getuid() == 0) {
		m->scope = "--system";
		m->target = "sysinit.target";
		m->units = xstrdup("/etc/systemd/system");
		return true;
	}
	if (!lingers())
		return false;
	session_home(home);
	snprintf(m->runtime_variable, sizeof(m->runtime_variable),
		"XDG_RUNTIME_DIR=/run/user/%u", (unsigned)getuid());
	m->runtime = m->runtime_variable;
	m->scope = "--user";
	m->target = "basic.target";
	m->units = xasprintf("%s/.config/systemd/user", home);
	return true;
}

const char *watchdog_gap(uint32_t seconds)
{
	AUTO(manager_release) struct manager m = {0};

	if (seconds == 0 || manager_find(&m))
		return "";
	if (!path_exists("/run/systemd/system"))
		return "after a reboot nothing takes the changes back: this node has no "
		       "systemd";
	return "after a reboot nothing takes the changes back: the login user does not linger "
	       "(as root: loginctl enable-linger USER)";
}

static int run_quietly(const struct manager *m, const char *const *argv, struct err *err)
{
	const char *env[] = {m->runtime, NULL};
	struct spawn_options options = {
		.argv = argv, .env = env, .until = deadline_in(ASK_SECONDS)};
	struct spawn_result result;
	int failed = spawn_run(&options, &result, err);

	if (!failed && result.status != 0) {
		strbuf_rtrim(&result.err);
		failed = err_set(err, ERR_SYSTEM, "%s: %s", argv[0], result.err.data);
	}
	spawn_result_release(&result);
	return failed;
}

static int start_timer(const struct manager *m, const char *helper, const char *id,
	const char *title, uint32_t seconds, struct err *err)
{
	const char *state = getenv(TRANSACTION_STATE_VARIABLE);
	autofree char *unit = xasprintf("--unit=" TIMER_PREFIX "%s", id);
	autofree char *active = xasprintf("--on-active=%us", seconds);
	autofree char *about = xasprintf(
		"--description=Takes the changes of %s back unless modelfleet is heard", title);
	autofree char *variable =
		state ? xasprintf("--setenv=" TRANSACTION_STATE_VARIABLE "=%s", state)
		      : xstrdup("--collect");
	const char *argv[] = {"systemd-run", m->scope, "--quiet", "--collect", unit, active,
		"--timer-property=AccuracySec=1s", about, variable, "--", helper, "--watch", id,
		NULL};

	return run_quietly(m, argv, err);
}

/* What runs on in the second child: a process of its own that nobody's end concerns. */
static void run_detached(const char *helper, const char *id)
{
	const char *argv[] = {helper, "--watch", id, NULL};
	int null = open("/dev/null", O_RDWR);

	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
		chdir("/") < 0)
		_exit(127);
	close_range(FIRST_FREE_FD, ~0u, 0);
	execv(helper, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int start_process(const char *helper, const char *id, struct err *err)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		pid_t second = fork();
		if (second == 0)
			run_detached(helper, id);
		_exit(second < 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status != 0)
		return err_sys(err, "start the watchdog");
	return 0;
}

/* Appends a word of a unit file's command. */
static void add_unit_word(struct strbuf *out, const char *word)
{
	strbuf_addch(out, '"');
	for (; *word; word++) {
		if (*word == '%' || *word == '$')
			strbuf_addch(out, *word);
		else if (*word == '"' || *word == '\\')
			strbuf_addch(out, '\\');
		strbuf_addch(out, *word);
	}
	strbuf_addch(out, '"');
}

static void format_unit(const struct manager *m, const char *helper, struct strbuf *out)
{
	autofree char *state = transaction_state_directory();

	strbuf_addf(out,
		"# Written by modelfleet while a change of this node is not confirmed.\n"
		"[Unit]\n"
		"Description=Take back changes that modelfleet did not confirm\n"
		"DefaultDependencies=no\n"
		"Conflicts=shutdown.target\n"
		"Before=%s shutdown.target\n",
		m->target);
	if (getuid() == 0)
		strbuf_addf(out, "After=local-fs.target\nRequiresMountsFor=%s\n", state);
	strbuf_addstr(out, "[Service]\nType=oneshot\nTimeoutStartSec=300\nEnvironment=");
	autofree char *variable = xasprintf(TRANSACTION_STATE_VARIABLE "=%s", state);
	add_unit_word(out, variable);
	strbuf_addstr(out, "\nExecStart=");
	add_unit_word(out, helper);
	strbuf_addstr(out, " --revert-all\n");
}

/* The unit's file and the link in the target's .wants; new memory. */
static void unit_paths(const struct manager *m, char **file, char **link)
{
	*file = xasprintf("%s/" UNIT_NAME, m->units);
	*link = xasprintf("%s/%s.wants/" UNIT_NAME, m->units, m->target);
}

static int write_unit(const struct manager *m, const char *helper, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf there = STRBUF_INIT;
	autofree char *file = NULL;
	autofree char *link = NULL;

	unit_paths(m, &file, &link);
	format_unit(m, helper, &text);
	autofree char *wants = path_dirname(link);
	bool same = file_read(file, 4096, &there, NULL) == 0 && there.len == text.len &&
		    memcmp(there.data, text.data, text.len) == 0;
	if (path_mkdirs(wants, 0755, err) < 0 ||
		(!same && file_replace(file, text.data, text.len, 0644, err) < 0))
		return -1;
	if (symlink("../" UNIT_NAME, link) < 0 && errno != EEXIST)
		return err_sys(err, "make %s", link);
	return dir_sync(wants, err);
}

int watchdog_arm(const char *id, const char *title, uint32_t seconds, struct err *err)
{
	AUTO(manager_release) struct manager m = {0};
	struct err why = {0};

	if (seconds == 0)
		return 0;
	autofree char *state = transaction_state_directory();
	autofree char *bin = path_join(state, "bin");
	autofree char *helper = helper_install(bin, err);
	if (!helper)
		return err_wrap(err, "arm the watchdog");
	bool managed = manager_find(&m);
	if (managed && write_unit(&m, helper, err) < 0)
		return err_wrap(err, "arm the watchdog for a reboot");
	if (managed && start_timer(&m, helper, id, title, seconds, &why) == 0)
		return 0;
	/* Without a manager, or with one that does not answer. */
	return start_process(helper, id, err);
}

/* True if one of the transactions would need the unit after a reboot. */
static bool unit_is_needed(int base_fd)
{
	struct transactions_found found;
	bool needed = false;

	if (transactions_find(base_fd, &found, NULL) < 0)
		return true;
	for (size_t i = 0; i < found.count; i++) {
		const struct transaction_found *t = &found.items[i];
		needed |= t->state == TRANSACTION_ARMED || t->state == TRANSACTION_REVERTING;
	}
	transactions_found_release(&found);
	return needed;
}

/* Stops the timer without waiting for it: it does no harm if it comes. */
static void stop_timer(const struct manager *m, const char *id)
{
	autofree char *timer = xasprintf(TIMER_PREFIX "%s.timer", id);
	const char *argv[] = {
		"systemctl", m->scope, "--no-block", "--quiet", "stop", timer, NULL};
	const char *env[] = {m->runtime, NULL};
	struct spawn_options options = {.argv = argv, .env = env};
	struct spawn_child child;

	if (spawn_start(&options, &child, NULL) < 0)
		return;
	fd_close(&child.in);
	fd_close(&child.out);
	fd_close(&child.err);
}

void watchdog_disarm(const char *id, int base_fd)
{
	AUTO(manager_release) struct manager m = {0};
	struct transaction_head head = {0};
	autofree char *file = NULL;
	autofree char *link = NULL;
	enum transaction_state state = transaction_find(base_fd, id);
	autofd int fd = transaction_open(base_fd, id, state);

	if (fd < 0 || transaction_read_head(fd, &head, NULL) < 0 || head.confirm_timeout == 0 ||
		!manager_find(&m))
		return;
	if (!unit_is_needed(base_fd)) {
		unit_paths(&m, &file, &link);
		unlink(link);
		unlink(file);
	}
	stop_timer(&m, id);
}
