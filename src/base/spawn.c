/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children are started by posix_spawn, which is safe in a process with threads. Pipes are
 * made close-on-exec, so that a child started at the same moment by another thread does not
 * inherit them.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define OUTPUT_MAX_DEFAULT ((size_t)1 << 20)
#define KILL_GRACE_SECONDS 2.0

extern char **environ;

/* True if one of the entries has the name of `entry` ("NAME=value"). */
static bool is_replaced(const char *entry, const char *const *by)
{
	size_t name = strcspn(entry, "=") + 1;

	while (by && *by && strncmp(entry, *by, name) != 0)
		by++;
	return by && *by;
}

char **spawn_environment(const char *const *extra)
{
	size_t count = 0, extra_count = 0, used = 0;

	while (environ[count])
		count++;
	while (extra && extra[extra_count])
		extra_count++;
	char **merged = xcalloc(count + extra_count + 1, sizeof(*merged));
	for (size_t i = 0; i < count; i++) {
		if (!is_replaced(environ[i], extra))
			merged[used++] = environ[i];
	}
	for (size_t k = 0; k < extra_count; k++) {
		if (!is_replaced(extra[k], extra + k + 1))
			merged[used++] = (char *)(uintptr_t)extra[k];
	}
	return merged;
}

/* Default handlers and an empty mask for the child. */
static void reset_signals(posix_spawnattr_t *attr)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int spawn_with(
	const struct spawn_options *o, const int fds[3], pid_t *pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	reset_signals(&attr);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (o->cwd)
		posix_spawn_file_actions_addchdir_np(&actions, o->cwd);
	autofree char **env = spawn_environment(o->env);
	int failed = posix_spawnp(
		pid, o->argv[0], &actions, &attr, (char *const *)(uintptr_t)o->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	if (!failed)
		return 0;
	return o->cwd ? err_sys(err, "cannot run %s in %s", o->argv[0], o->cwd)
		      : err_sys(err, "cannot run %s", o->argv[0]);
}

int spawn_start(const struct spawn_options *o, struct spawn_child *child, struct err *err)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int result = -1;

	*child = (struct spawn_child){.pid = -1, .in = -1, .out = -1, .err = -1};
	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) < 0) {
			err_sys(err, "cannot make a pipe");
			goto out;
		}
	}
	int fds[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
	if (spawn_with(o, fds, &child->pid, err) < 0)
		goto out;
	child->in = pipes[0][1];
	child->out = pipes[1][0];
	child->err = pipes[2][0];
	pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
	result = 0;
out:
	for (int i = 0; i < 3; i++) {
		fd_close(&pipes[i][0]);
		fd_close(&pipes[i][1]);
	}
	return result;
}

/* Waits for a child's end; -1 with err when the deadline or a cancellation comes first. */
static int reap(
	pid_t pid, int *status, deadline until, const struct cancel *cancel, struct err *err)
{
	for (double pause = 0.001;; pause = pause < 0.01 ? 2 * pause : pause) {
		pid_t done = waitpid(pid, status, WNOHANG);
		if (done == pid || (done < 0 && errno != EINTR))
			return 0;
		if (deadline_passed(until))
			return err_set(err, ERR_TIMEOUT, "timed out");
		if (wait_until(deadline_min(until, deadline_in(pause)), cancel, err) < 0)
			return -1;
	}
}

int spawn_stop(struct spawn_child *child, deadline until)
{
	int status = 0;

	fd_close(&child->in);
	fd_close(&child->out);
	fd_close(&child->err);
	if (child->pid <= 0)
		return 0;
	if (reap(child->pid, &status, until, NULL, NULL) < 0) {
		kill(child->pid, SIGTERM);
		deadline grace = deadline_in(KILL_GRACE_SECONDS);
		if (reap(child->pid, &status, grace, NULL, NULL) < 0) {
			kill(child->pid, SIGKILL);
			while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
				;
		}
	}
	child->pid = -1;
	return status;
}

/* Moves what is readable into b; closes the descriptor at the end of the stream. */
static int drain(int *fd, struct strbuf *b, size_t max, struct err *err)
{
	char chunk[8192];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		fd_close(fd);
		return 0;
	}
	if (b->len + (size_t)n > max)
		return err_set(err, ERR_LIMIT, "printed more than %zu bytes", max);
	strbuf_add(b, chunk, (size_t)n);
	return 0;
}

/* Feeds the child's input as far as it takes it; closes the pipe when all is given. */
static void feed(struct spawn_child *child, const struct spawn_options *o, size_t *given)
{
	ssize_t n = write(child->in, (const char *)o->input + *given, o->input_len - *given);

	if (n > 0)
		*given += (size_t)n;
	bool failed = n < 0 && errno != EINTR && errno != EAGAIN;
	if (failed || *given == o->input_len)
		fd_close(&child->in);
}

/* Feeds and drains the child until its output ends, then waits for its own end. */
static int converse(struct spawn_child *child, const struct spawn_options *o,
	struct spawn_result *result, struct err *err)
{
	size_t max = o->output_max ? o->output_max : OUTPUT_MAX_DEFAULT;
	deadline until = o->until ? o->until : DEADLINE_NEVER;
	size_t given = 0;

	if (o->input_len == 0)
		fd_close(&child->in);
	else
		fd_set_nonblock(child->in, true);
	while (child->out >= 0 || child->err >= 0) {
		struct pollfd fds[3] = {
			{.fd = child->out, .events = POLLIN},
			{.fd = child->err, .events = POLLIN},
			{.fd = child->in, .events = POLLOUT},
		};
		if (wait_fds(fds, 3, until, o->cancel, err) < 0)
			return -1;
		if (fds[0].revents && drain(&child->out, &result->out, max, err) < 0)
			return -1;
		if (fds[1].revents && drain(&child->err, &result->err, max, err) < 0)
			return -1;
		if (fds[2].revents)
			feed(child, o, &given);
	}
	fd_close(&child->in);
	if (reap(child->pid, &result->status, until, o->cancel, err) < 0)
		return -1;
	child->pid = -1;
	return 0;
}

int spawn_run(const struct spawn_options *o, struct spawn_result *result, struct err *err)
{
	struct spawn_child child;

	*result = (struct spawn_result){.out = STRBUF_INIT, .err = STRBUF_INIT};
	if (spawn_start(o, &child, err) < 0)
		return -1;
	if (converse(&child, o, result, err) < 0) {
		err_wrap(err, "%s", o->argv[0]);
		result->status = spawn_stop(&child, 0);
		return -1;
	}
	return 0;
}

void spawn_result_release(struct spawn_result *r)
{
	strbuf_release(&r->out);
	strbuf_release(&r->err);
}

int spawn_exit_code(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}
