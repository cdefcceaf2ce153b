/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module wait: until a port or a path is as asked, with the rules of Ansible's wait_for.
 */
#include "node/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SEARCH_MAX 4096 /* bytes of the text that is searched */
#define CHUNK      65536

const struct node_arg wait_args[] = {
	{"host", ARG_TEXT},
	{"port", ARG_INT},
	{"path", ARG_TEXT},
	{"state", ARG_TEXT},
	{"search", ARG_TEXT},
	{"timeout", ARG_NUMBER},
	{"connect_timeout", ARG_NUMBER},
	{"sleep", ARG_NUMBER},
	{"delay", ARG_NUMBER},
	{"exclude_hosts", ARG_LIST},
	{"active_connection_states", ARG_LIST},
	{NULL, 0},
};

/* A text that is looked for in pieces of content: the end of one piece is kept for the next. */
struct finder {
	const char *text;
	size_t len, kept;
	char buffer[SEARCH_MAX + CHUNK];
};

/* Where the next piece goes, at most CHUNK bytes. */
static char *finder_room(struct finder *f)
{
	return f->buffer + f->kept;
}

/* True if the text is in what has come, n bytes more than before. */
static bool finder_add(struct finder *f, size_t n)
{
	size_t have = f->kept + n;

	if (memmem(f->buffer, have, f->text, f->len))
		return true;
	f->kept = have < f->len ? have : f->len - 1;
	memmove(f->buffer, f->buffer + have - f->kept, f->kept);
	return false;
}

static struct finder *finder_new(const struct wait_work *w)
{
	struct finder *f = xmalloc(sizeof(*f));

	f->kept = 0;
	f->text = w->search;
	f->len = strlen(w->search);
	return f;
}

/* Whether a file holds the text. One that cannot be read does not yet. */
static bool is_in_file(const struct wait_work *w)
{
	autofd int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	autofree struct finder *f = finder_new(w);
	ssize_t got;

	while (fd >= 0 && (got = fd_read_full(fd, finder_room(f), CHUNK)) > 0) {
		if (finder_add(f, (size_t)got))
			return true;
	}
	return false;
}

/* Each answers 1 when the state is reached, 0 when not, -1 with err. */

static int path_present(struct wait_work *w, struct err *err)
{
	struct stat st;

	if (stat(w->path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "Failed to stat %s", w->path);
	return !w->search || is_in_file(w);
}

static int path_absent(struct wait_work *w, struct err *err)
{
	(void)err;
	return access(w->path, F_OK) < 0;
}

/* Connects: a descriptor, -1 when nobody listens, -2 with err when we must not go on. */
static int knock(struct wait_work *w, struct err *err)
{
	struct err why = {0};
	deadline until = deadline_min(deadline_in(w->connect_timeout), w->until);
	int fd = connect_to(w->call, w->host, w->port, until, &why);

	if (fd < 0 && why.code == ERR_UNREACHABLE) {
		err_set(err, why.code, "%s", why.text);
		return -2;
	}
	return fd;
}

/* Reads a connection until the text came, its end, or the time is up. */
static int is_in_stream(struct wait_work *w, int fd, struct err *err)
{
	autofree struct finder *f = finder_new(w);
	struct err why = {0};

	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		if (call_wait(w->call, &readable, 1, w->until, &why) < 0)
			return why.code == ERR_TIMEOUT ? 0
						       : err_set(err, why.code, "%s", why.text);
		ssize_t got = recv(fd, finder_room(f), CHUNK, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return 0;
		if (finder_add(f, (size_t)got))
			return 1;
	}
}

static int port_open(struct wait_work *w, struct err *err)
{
	autofd int fd = knock(w, err);

	if (fd < 0)
		return fd == -2 ? -1 : 0;
	int reached = w->search ? is_in_stream(w, fd, err) : 1;
	shutdown(fd, SHUT_RDWR);
	return reached;
}

static int port_closed(struct wait_work *w, struct err *err)
{
	autofd int fd = knock(w, err);

	return fd == -2 ? -1 : fd < 0;
}

struct wait_state {
	const char *name;
	int (*of_path)(struct wait_work *w, struct err *err);
	int (*of_port)(struct wait_work *w, struct err *err);
	const char *late; /* what is said of a port that is not there in time */
};

static const struct wait_state states[] = {
	{"started", path_present, port_open, ""},
	{"present", path_present, port_open, ""},
	{"stopped", NULL, port_closed, " to stop"},
	{"absent", path_absent, port_closed, " to stop"},
	{"drained", NULL, wait_drained, " to drain"},
};

static const struct wait_state *find_state(const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, name) == 0)
			return &states[i];
	}
	err_set(err, ERR_INPUT,
		"state \"%s\" is none of started, stopped, present, absent, drained", name);
	return NULL;
}

static int late(const struct wait_work *w, const struct wait_state *s, struct err *err)
{
	if (w->path && s->of_path == path_absent)
		return err_set(
			err, ERR_TIMEOUT, "Timeout when waiting for %s to be absent.", w->path);
	if (w->path && w->search)
		return err_set(err, ERR_TIMEOUT,
			"Timeout when waiting for search string %s in %s", w->search, w->path);
	if (w->path)
		return err_set(err, ERR_TIMEOUT, "Timeout when waiting for file %s", w->path);
	if (w->search && s->of_port == port_open)
		return err_set(err, ERR_TIMEOUT,
			"Timeout when waiting for search string %s in %s:%u", w->search,
			w->host, w->port);
	return err_set(err, ERR_TIMEOUT, "Timeout when waiting for %s:%u%s", w->host, w->port,
		s->late);
}

/* Looks again and again until the state is reached. */
static int watch(struct wait_work *w, const struct wait_state *s, struct err *err)
{
	int (*is_reached)(struct wait_work *, struct err *) = w->path ? s->of_path : s->of_port;

	while (!deadline_passed(w->until)) {
		int reached = is_reached(w, err);
		if (reached != 0)
			return reached < 0 ? -1 : 0;
		deadline next = deadline_min(deadline_in(w->sleep), w->until);
		if (call_sleep(w->call, next, err) < 0)
			return -1;
	}
	return late(w, s, err);
}

static int check_combination(
	const struct wait_work *w, const struct wait_state *s, struct err *err)
{
	if (w->port && w->path)
		return err_set(err, ERR_INPUT,
			"port and path parameter can not both be passed to wait_for");
	if (w->path && !s->of_path)
		return err_set(err, ERR_INPUT,
			"state=%s should only be used for checking a port", s->name);
	if (!w->path && !w->port && s->of_port == wait_drained)
		return err_set(err, ERR_INPUT, "state=drained needs a port");
	if (w->search && (!*w->search || strlen(w->search) > SEARCH_MAX))
		return err_set(err, ERR_LIMIT, "search: 1 to %d bytes", SEARCH_MAX);
	return 0;
}

static const char *text_or(struct node_call *c, const char *key, const char *otherwise)
{
	const char *given = call_text_or_null(c, key);

	return given ? given : otherwise;
}

static int check_numbers(struct node_call *c, struct err *err)
{
	static const char *const keys[] = {"timeout", "connect_timeout", "sleep", "delay"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		double given = call_number(c, keys[i], 0);
		if (!(given >= 0 && given <= WIRE_MODULE_TIMEOUT_MAX))
			return err_set(err, ERR_INPUT, "%s is not within 0 and %d seconds",
				keys[i], WIRE_MODULE_TIMEOUT_MAX);
	}
	return 0;
}

static int read_work(struct wait_work *w, struct err *err)
{
	struct node_call *c = w->call;
	int64_t port = item_int(c->args, "port", 0);

	w->host = text_or(c, "host", "127.0.0.1");
	w->state = text_or(c, "state", "started");
	w->search = call_text_or_null(c, "search");
	w->connect_timeout = call_number(c, "connect_timeout", 5);
	w->sleep = call_number(c, "sleep", 1);
	if (check_numbers(c, err) < 0)
		return -1;
	if (port < 0 || port > 65535)
		return err_set(err, ERR_INPUT, "port %lld is none", (long long)port);
	w->port = (uint16_t)port;
	if (call_path_or_null(c, "path", &w->path, err) < 0)
		return -1;
	return w->port || w->path ? 0 : 1;
}

int node_wait(struct node_call *c, struct err *err)
{
	struct wait_work *w = ARENA_NEW(c->arena, struct wait_work);
	int64_t start = clock_ns();
	deadline begin = deadline_in(call_number(c, "delay", 0));

	w->call = c;
	w->until = deadline_min(deadline_in(call_number(c, "timeout", 300)), c->until);
	int idle = read_work(w, err);
	const struct wait_state *s = idle < 0 ? NULL : find_state(w->state, err);
	if (!s || check_combination(w, s, err) < 0 || wait_drained_read(w, err) < 0 ||
		call_sleep(c, begin, err) < 0)
		return -1;
	if ((idle ? call_sleep(c, w->until, err) : watch(w, s, err)) < 0)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_put_int(c->out, "elapsed", (clock_ns() - start) / 1000000000);
	item_put_string(c->out, "state", w->state);
	if (w->port)
		item_put_int(c->out, "port", w->port);
	else
		item_put_null(c->out, "port");
	item_put_string(c->out, "path", w->path);
	item_put_string(c->out, "search", w->search);
	return 0;
}
