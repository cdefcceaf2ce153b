/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `pty`. The first request of a conversation has `argv` and starts the program,
 * whose session has the terminal; later ones give it input. Each answers with what the program
 * wrote since, as soon as it pauses, or when the time to wait for that is over. A program that
 * is still there when the helper ends, or when another is started, is ended with its session.
 */
#include "node/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "node/module.h"

#define OUTPUT_MAX     (1u << 20) /* bytes of one answer */
#define PAUSE_SECONDS  0.03       /* of silence, after which what came is told */
#define ANSWER_SECONDS 0.05 /* before input: a prompt for a password drops what is early */
#define KILL_SECONDS   2.0
#define POLL_SECONDS   0.02

const struct node_arg pty_args[] = {
	{"argv", ARG_LIST},
	{"chdir", ARG_TEXT},
	{"environment", ARG_DICT},
	{"echo", ARG_BOOL},
	{"input", ARG_TEXT | ARG_BYTES},
	{"wait", ARG_NUMBER},
	{"stop", ARG_BOOL},
	{0},
};

struct pty {
	pid_t pid; /* -1 once it has ended */
	int fd;    /* the master's side; -1 once nobody has the other */
	int status;
};

/* ---- starting ---- */

/* Opens a terminal of 80 columns; `slave` takes the name of the program's side. */
static int open_terminal(bool echo, char slave[64], struct err *err)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct termios t;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open a terminal");
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, slave, 64) != 0) {
		err_sys(err, "cannot set up a terminal");
		fd_close(&fd);
		return -1;
	}
	(void)!ioctl(fd, TIOCSWINSZ, &size);
	if (!echo && tcgetattr(fd, &t) == 0) {
		t.c_lflag &= ~(tcflag_t)ECHO;
		(void)!tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* Starts the program: the first terminal that the leader of a session opens becomes its own. */
static int spawn_on(struct node_call *c, const char *const *argv, const char *cwd,
	const char *const *extra, const char *slave, pid_t *pid)
{
	autofree char **env = spawn_environment(extra);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, slave, O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, 0, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (cwd)
		posix_spawn_file_actions_addchdir_np(&actions, cwd);
	mode_t ours = umask(c->node->login_umask);
	int failed = posix_spawnp(
		pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, env);
	umask(ours);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

static int start(struct node_call *c, struct err *err)
{
	const char *const *argv = call_list(c, "argv", err);
	const char *const *env = argv ? call_environment(c, NULL, err) : NULL;
	const char *cwd;
	char slave[64];
	pid_t pid;

	if (!env || call_path_or_null(c, "chdir", &cwd, err) < 0)
		return -1;
	if (!argv[0])
		return err_set(err, ERR_INPUT, "no command given");
	if (cwd && !path_is_dir(cwd))
		return err_set(err, ERR_NOTFOUND, "%s is no directory", cwd);
	if (transaction_record_note(
		    call_transaction(c), arena_printf(c->arena, "ran %s", argv[0]), err) < 0)
		return -1;
	int fd = open_terminal(item_bool(c->args, "echo", false), slave, err);
	if (fd < 0)
		return -1;
	int failed = spawn_on(c, argv, cwd, env, slave, &pid);
	if (failed) {
		fd_close(&fd);
		return err_set(err, ERR_NOTFOUND,
			"The command was not found or was not executable: %s.", argv[0]);
	}
	fd_set_nonblock(fd, true);
	c->node->pty = xcalloc(1, sizeof(*c->node->pty));
	*c->node->pty = (struct pty){.pid = pid, .fd = fd};
	return 0;
}

/* ---- talking ---- */

/* True once the program has ended. */
static bool has_ended(struct pty *p)
{
	int status;

	if (p->pid > 0 && waitpid(p->pid, &status, WNOHANG) == p->pid) {
		p->status = spawn_exit_code(status);
		p->pid = -1;
	}
	return p->pid < 0;
}

/* Takes what is there to be read: true if there was something. */
static bool take(struct pty *p, struct strbuf *out)
{
	char chunk[16384];
	bool some = false;

	while (p->fd >= 0 && out->len < OUTPUT_MAX) {
		ssize_t n = read(p->fd, chunk, sizeof(chunk));
		if (n > 0) {
			strbuf_add(out, chunk, (size_t)n);
			some = true;
		} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			break;
		} else {
			fd_close(&p->fd); /* nobody has the other side any more */
		}
	}
	return some;
}

/* Waits a little for more: 0, or -1 with err when the engine is gone. */
static int wait_for_more(struct node_call *c, struct pty *p, struct err *err)
{
	struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN}};
	struct err why = {0};

	if (p->fd < 0)
		return call_sleep(c, deadline_in(POLL_SECONDS), err);
	if (call_wait(c, fds, 1, deadline_in(PAUSE_SECONDS), &why) < 0 &&
		why.code != ERR_TIMEOUT)
		return err_set(err, why.code, "%s", why.text);
	return 0;
}

/* Reads until the program pauses, has ended, or has been silent for as long as is asked. */
static int listen(struct node_call *c, struct pty *p, struct strbuf *out, struct err *err)
{
	deadline until = deadline_min(c->until, deadline_in(call_number(c, "wait", 0)));

	for (;;) {
		bool ended = has_ended(p), more = take(p, out);
		if (ended || out->len >= OUTPUT_MAX || (out->len > 0 && !more) ||
			(out->len == 0 && deadline_passed(until)))
			return 0;
		if (wait_for_more(c, p, err) < 0)
			return -1;
	}
}

/* Gives the program input; what it cannot take at once is waited for. */
static int feed(struct node_call *c, struct pty *p, struct err *err)
{
	const struct item *input = item_get(c->args, "input");
	size_t given = 0;

	if (!input || input->type == ITEM_NULL || p->fd < 0)
		return 0;
	if (call_sleep(c, deadline_in(ANSWER_SECONDS), err) < 0)
		return -1;
	while (given < input->len && !has_ended(p)) {
		ssize_t n = write(p->fd, input->text + given, input->len - given);
		if (n > 0)
			given += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return 0; /* it reads no more: its end tells */
		else if (call_sleep(c, deadline_in(POLL_SECONDS), err) < 0)
			return -1;
		if (deadline_passed(c->until))
			return err_set(err, ERR_TIMEOUT, "the program takes no input");
	}
	return 0;
}

void pty_free(struct pty *p)
{
	deadline grace = deadline_in(KILL_SECONDS);

	if (!p)
		return;
	fd_close(&p->fd); /* the session's programs get SIGHUP */
	if (p->pid > 0) {
		pid_t group = p->pid;
		kill(-group, SIGHUP);
		kill(-group, SIGCONT);
		while (!has_ended(p) && !deadline_passed(grace))
			wait_until(deadline_in(POLL_SECONDS), NULL, NULL);
		kill(-group, SIGKILL);
		while (!has_ended(p))
			wait_until(deadline_in(POLL_SECONDS), NULL, NULL);
	}
	free(p);
}

static void drop(struct node *n)
{
	pty_free(n->pty);
	n->pty = NULL;
}

static int converse(struct node_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct pty *p = c->node->pty;

	if (feed(c, p, err) < 0 || listen(c, p, &out, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", true);
	item_put_stringn(c->out, "output", out.data, out.len);
	item_put_bool(c->out, "ended", p->pid < 0 && out.len < OUTPUT_MAX);
	item_put_int(c->out, "status", p->status);
	return 0;
}

int node_pty(struct node_call *c, struct err *err)
{
	const struct item *argv = item_get(c->args, "argv");
	bool starts = argv && argv->type == ITEM_LIST;

	if (starts || item_bool(c->args, "stop", false))
		drop(c->node);
	if (!starts && item_bool(c->args, "stop", false)) {
		item_put_bool(c->out, "changed", true);
		return 0;
	}
	if (starts && start(c, err) < 0)
		return -1;
	if (!c->node->pty)
		return err_set(err, ERR_NOTFOUND, "no program runs on a terminal");
	int result = converse(c, err);
	if (result < 0 || c->node->pty->pid < 0)
		drop(c->node);
	return result;
}
