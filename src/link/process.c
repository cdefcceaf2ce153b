/* SPDX-License-Identifier: Apache-2.0 */
#include "link/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"

static pthread_once_t sigpipe_once = PTHREAD_ONCE_INIT;

/* A pipe whose reader is gone must give EPIPE; a handler of the program's own is kept. */
static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int process_start(struct process_transport *p, const char *const *argv, const char *const *env,
	struct err *err)
{
	struct spawn_options o = {.argv = argv, .env = env};

	pthread_once(&sigpipe_once, ignore_sigpipe);
	if (spawn_start(&o, &p->child, err) < 0)
		return -1;
	p->running = true;
	if (fd_set_nonblock(p->child.in, true) < 0 || fd_set_nonblock(p->child.out, true) < 0 ||
		fd_set_nonblock(p->child.err, true) < 0)
		return err_sys(err, "cannot switch a pipe to non-blocking");
	return 0;
}

/* Reads a pipe and closes it at its end. */
static ssize_t read_pipe(int *fd, void *chunk, struct err *err)
{
	if (*fd < 0)
		return TRANSPORT_END;
	ssize_t got = read(*fd, chunk, TRANSPORT_CHUNK);
	if (got > 0)
		return got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return TRANSPORT_AGAIN;
	if (got < 0)
		return err_sys(err, "cannot read from a pipe");
	fd_close(fd);
	return TRANSPORT_END;
}

ssize_t process_read(struct transport *t, void *chunk, struct err *err)
{
	struct process_transport *p = (struct process_transport *)t;
	ssize_t got = read_pipe(&p->child.out, chunk, err);

	t->wire_in += got > 0 ? (uint64_t)got : 0;
	return got;
}

ssize_t process_read_errors(struct transport *t, void *chunk, struct err *err)
{
	struct process_transport *p = (struct process_transport *)t;

	return read_pipe(&p->child.err, chunk, err);
}

ssize_t process_write(struct transport *t, const void *data, size_t n, struct err *err)
{
	struct process_transport *p = (struct process_transport *)t;

	if (p->child.in < 0)
		return TRANSPORT_END;
	ssize_t put = write(p->child.in, data, n);
	if (put >= 0) {
		t->wire_out += (uint64_t)put;
		return put;
	}
	if (errno == EAGAIN || errno == EINTR)
		return TRANSPORT_AGAIN;
	if (errno != EPIPE)
		return err_sys(err, "cannot write to a pipe");
	fd_close(&p->child.in);
	return TRANSPORT_END;
}

bool process_has_input(struct transport *t)
{
	(void)t;
	return false;
}

unsigned process_poll(struct transport *t, bool writing, struct pollfd fds[TRANSPORT_FDS])
{
	const struct spawn_child *child = &((struct process_transport *)t)->child;
	unsigned count = 0;

	if (child->out >= 0)
		fds[count++] = (struct pollfd){.fd = child->out, .events = POLLIN};
	if (child->err >= 0)
		fds[count++] = (struct pollfd){.fd = child->err, .events = POLLIN};
	if (writing && child->in >= 0)
		fds[count++] = (struct pollfd){.fd = child->in, .events = POLLOUT};
	return count;
}

int process_end_input(struct transport *t, struct err *err)
{
	(void)err;
	fd_close(&((struct process_transport *)t)->child.in);
	return 1;
}

int process_stop(struct transport *t, deadline until)
{
	struct process_transport *p = (struct process_transport *)t;

	if (!p->running)
		return -1;
	p->running = false;
	return spawn_exit_code(spawn_stop(&p->child, until));
}
