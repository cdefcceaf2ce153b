/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that modules run.
 *
 * Theory of operation. The program leads a session of its own, so that it and what it started
 * can be killed together. We wait for several things at once: its output, room in its input,
 * its end (a pidfd), and the engine. Its end is what counts: a daemon that it left behind may
 * hold the pipes open for ever, so after the end only what lies in them is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "node/module.h"

#define OUTPUT_MAX_DEFAULT ((size_t)1 << 20)
#define KILL_GRACE         2.0  /* seconds between SIGTERM and SIGKILL */
#define DRAIN_TIME         0.1  /* seconds of silence after the end */
#define SAYS_MAX           600  /* bytes of what a program printed, in an error */
#define POLL_TIME          0.02 /* seconds between looks where there is no pidfd */

struct run {
	struct node_call *call;
	struct call_program *program;
	pid_t pid;
	int pidfd;
	int in, out, err;
	size_t given; /* bytes of the input */
	deadline until;
};

/* The program's path by the PATH of its own environment; NULL with errno. */
static char *find_program(const char *name, char *const *env)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	if (strchr(name, '/'))
		return xstrdup(name);
	for (; *env; env++) {
		if (str_starts(*env, "PATH="))
			path = *env + strlen("PATH=");
	}
	while (*name) {
		size_t n = strcspn(path, ":");
		autofree char *full = xasprintf("%.*s%s%s", (int)n, path, n ? "/" : "", name);
		struct stat st;
		if (access(full, X_OK) == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
			return STEAL(full);
		if (!path[n])
			break;
		path += n + 1;
	}
	errno = ENOENT;
	return NULL;
}

static void set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setflags(
		attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
}

/* Starts the program; the login's umask is ours only for that moment. */
static int spawn_with(struct run *r, const int fds[3])
{
	const struct call_program *p = r->program;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	autofree char **env = spawn_environment(p->env);
	autofree char *path = find_program(p->argv[0], env);

	if (!path)
		return -1;
	set_attributes(&attr);
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (p->cwd)
		posix_spawn_file_actions_addchdir_np(&actions, p->cwd);
	mode_t ours = r->call ? umask(r->call->node->login_umask) : 0;
	int failed = posix_spawn(
		&r->pid, path, &actions, &attr, (char *const *)(uintptr_t)p->argv, env);
	if (r->call)
		umask(ours);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	errno = failed;
	return failed ? -1 : 0;
}

/* Takes a descriptor out of its place, so that the place's end leaves it open. */
static int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static int start(struct run *r, struct err *err)
{
	const struct call_program *p = r->program;
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int result = -1;

	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) < 0) {
			err_sys(err, "cannot make a pipe");
			goto out;
		}
	}
	int fds[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
	if (spawn_with(r, fds) < 0) {
		err_sys(err, "cannot run %s%s%s", p->argv[0], p->cwd ? " in " : "",
			p->cwd ? p->cwd : "");
		goto out;
	}
	r->pidfd = pidfd_open(r->pid, 0);
	r->in = take_fd(&pipes[0][1]);
	r->out = take_fd(&pipes[1][0]);
	r->err = take_fd(&pipes[2][0]);
	result = 0;
out:
	for (int i = 0; i < 3; i++) {
		fd_close(&pipes[i][0]);
		fd_close(&pipes[i][1]);
	}
	return result;
}

/* Keeps what is readable, up to the limit; 1 with something, 0 with nothing now, -1 at the
 * end, where the descriptor is closed. */
static int drain(int *fd, struct strbuf *b, size_t max, bool *cut)
{
	char chunk[16384];
	ssize_t got = *fd < 0 ? 0 : read(*fd, chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		fd_close(fd);
		return -1;
	}
	size_t room = max > b->len ? max - b->len : 0;
	*cut |= (size_t)got > room;
	strbuf_add(b, chunk, (size_t)got < room ? (size_t)got : room);
	return 1;
}

static int drain_both(struct run *r)
{
	struct call_program *p = r->program;
	size_t max = p->output_max ? p->output_max : OUTPUT_MAX_DEFAULT;
	int out = drain(&r->out, &p->out, max, &p->out_cut);
	int errors = drain(&r->err, &p->err, max, &p->err_cut);

	return out > errors ? out : errors;
}

/* Gives the program as much of its input as it takes now. */
static void feed(struct run *r)
{
	const struct call_program *p = r->program;
	ssize_t n = 0;

	if (r->given < p->input_len)
		n = write(r->in, (const char *)p->input + r->given, p->input_len - r->given);
	if (n > 0)
		r->given += (size_t)n;
	bool failed = n < 0 && errno != EAGAIN && errno != EINTR;
	if (failed || r->given == p->input_len)
		fd_close(&r->in);
}

/* Waits for one of the things to happen: 0, or -1 with err. */
static int wait_step(struct run *r, struct err *err)
{
	struct pollfd fds[] = {
		{.fd = r->out, .events = POLLIN},
		{.fd = r->err, .events = POLLIN},
		{.fd = r->in, .events = POLLOUT},
		{.fd = r->pidfd, .events = POLLIN},
	};
	struct err why = {0};
	deadline until = deadline_min(r->until, deadline_in(r->pidfd < 0 ? POLL_TIME : 60));

	if (call_wait(r->call, fds, ARRAY_SIZE(fds), until, &why) < 0) {
		if (why.code != ERR_TIMEOUT)
			return err_set(err, why.code, "%s", why.text);
		if (deadline_passed(r->until))
			return err_set(err, ERR_TIMEOUT, "it did not end in time");
	}
	if (fds[2].revents)
		feed(r);
	drain_both(r);
	return 0;
}

/* 1 once the program has ended, 0 before. */
static int reap(struct run *r)
{
	int status = 0;
	pid_t done = waitpid(r->pid, &status, WNOHANG);

	if (done == 0 || (done < 0 && errno == EINTR))
		return 0;
	r->program->status = spawn_exit_code(status);
	r->pid = -1;
	return 1;
}

/* Reads what the program left in its pipes, and a little longer for what it left running. */
static void drain_rest(struct run *r)
{
	deadline until = deadline_in(DRAIN_TIME);

	while (r->out >= 0 || r->err >= 0) {
		struct pollfd fds[] = {
			{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};
		if (wait_fds(fds, ARRAY_SIZE(fds), until, NULL, NULL) < 0 ||
			deadline_passed(until))
			return;
		drain_both(r);
	}
}

/* Ends the program with its process group. */
static void end(struct run *r)
{
	pid_t group = r->pid;
	deadline grace = deadline_in(KILL_GRACE);

	kill(-group, SIGTERM);
	while (!reap(r) && !deadline_passed(grace)) {
		wait_until(deadline_in(POLL_TIME), NULL, NULL);
		drain_both(r);
	}
	kill(-group, SIGKILL);
	while (r->pid > 0 && !reap(r))
		wait_until(deadline_in(POLL_TIME), NULL, NULL);
}

/* Waits for the program's end, moving its input and output meanwhile. */
static int converse(struct run *r, struct err *err)
{
	struct err why = {0};

	feed(r);
	while (!reap(r)) {
		if (wait_step(r, &why) == 0)
			continue;
		if (why.code != ERR_UNREACHABLE || !r->program->unkillable) {
			if (err)
				*err = why;
			return -1;
		}
		r->call = NULL;
	}
	drain_rest(r);
	return 0;
}

static void let_go(struct run *r)
{
	fd_close(&r->in);
	fd_close(&r->out);
	fd_close(&r->err);
	fd_close(&r->pidfd);
}

int call_run(struct node_call *c, struct call_program *p, struct err *err)
{
	struct run r = {.call = c,
		.program = p,
		.pid = -1,
		.pidfd = -1,
		.in = -1,
		.out = -1,
		.err = -1,
		.until = c ? c->until : DEADLINE_NEVER};

	if (p->until)
		r.until = deadline_min(r.until, p->until);
	strbuf_init(&p->out);
	strbuf_init(&p->err);
	if (start(&r, err) < 0)
		return -1;
	fd_set_nonblock(r.in, true);
	fd_set_nonblock(r.out, true);
	fd_set_nonblock(r.err, true);
	int result = converse(&r, err);
	if (result < 0) {
		end(&r);
		err_wrap(err, "%s", p->argv[0]);
	}
	let_go(&r);
	return result;
}

void call_program_release(struct call_program *p)
{
	strbuf_release(&p->out);
	strbuf_release(&p->err);
}

const char *call_program_says(struct arena *a, const struct call_program *p)
{
	const struct strbuf *b = p->err.len ? &p->err : &p->out;
	size_t n = b->len;

	while (n > 0 && strchr(" \t\r\n", b->data[n - 1]))
		n--;
	size_t from = n > SAYS_MAX ? n - SAYS_MAX : 0;
	return n ? arena_strndup(a, b->data + from, n - from) : NULL;
}
