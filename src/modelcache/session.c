/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "modelcache/private.h"

#define HELLO_MS 5000

void modelcache_fail(struct modelcache_error *error, int code, const char *text)
{
	if (!error)
		return;
	error->code = code;
	snprintf(error->text, sizeof(error->text), "%s", text);
}

int session_send(struct session *s, struct mc_message *m)
{
	m->magic = MC_MAGIC;
	m->protocol = MC_VERSION;
	return send(s->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* The descriptor of a packet, or -1. The kernel has closed more than the one there is room for.
 */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/*
 * Reads one packet; 0 if there is none within the time, -1 at the end or where it is no
 * message. *fd is its descriptor, or -1.
 */
static int receive(struct session *s, struct mc_message *m, int *fd, int timeout_ms)
{
	struct pollfd ready[] = {{.fd = s->fd, .events = POLLIN},
		{.fd = s->cache->stop, .events = POLLIN},
		{.fd = s->cache->wake, .events = POLLIN}};
	uint64_t count;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec piece = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};

	*fd = -1;
	int n = poll(ready, 3, timeout_ms);
	if (n > 0 && ready[2].revents && read(ready[2].fd, &count, sizeof(count)) > 0)
		held_sweep(atomic_load(&s->cache->session));
	if (n == 0 || (n < 0 && errno == EINTR))
		return 0;
	if (n < 0 || ready[1].revents)
		return -1;
	ssize_t got = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return -1;
	*fd = descriptor_of(&msg);
	if (!(msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) && mc_message_valid(m, (size_t)got))
		return 1;
	if (*fd >= 0)
		close(*fd);
	return -1;
}

/* ---- open ---- */

static int connect_to(const char *path)
{
	const struct timeval patience = {.tv_sec = HELLO_MS / 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static struct mc_page *map_page(int fd, uint64_t size)
{
	struct stat st;

	if (fd < 0 || size != sizeof(struct mc_page) || fstat(fd, &st) < 0 ||
		(uint64_t)st.st_size != size || !(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK))
		return NULL;
	void *at =
		mmap(NULL, sizeof(struct mc_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int greet(struct session *s, struct modelcache_error *error)
{
	struct mc_message m = {.type = MC_HELLO};
	int fd;

	int n = session_send(s, &m) < 0 ? -1 : receive(s, &m, &fd, HELLO_MS);
	if (n == 0)
		modelcache_fail(error, ETIMEDOUT, "the daemon does not answer");
	else if (n < 0)
		modelcache_fail(error, ECONNRESET,
			"the daemon ended the connection: this user is not in its group, or it "
			"has as many clients as it takes");
	if (n <= 0)
		return -1;
	s->page = m.type == MC_WELCOME ? map_page(fd, m.size) : NULL;
	if (fd >= 0)
		close(fd);
	if (!s->page)
		modelcache_fail(error, EPROTO, "the daemon speaks another protocol");
	return s->page ? 0 : -1;
}

struct session *session_open(struct modelcache *cache, struct modelcache_error *error)
{
	char text[200];
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		modelcache_fail(error, ENOMEM, "no memory");
		return NULL;
	}
	s->cache = cache;
	for (unsigned i = 0; i < MC_SLOTS; i++)
		s->held[i].session = s;
	s->fd = connect_to(cache->path);
	if (s->fd < 0) {
		int code = errno;
		snprintf(text, sizeof(text), "%.120s: %s", cache->path, strerror(code));
		modelcache_fail(error, code, text);
	}
	if (s->fd < 0 || greet(s, error) < 0) {
		session_free(s);
		return NULL;
	}
	return s;
}

void session_free(struct session *s)
{
	for (unsigned i = 0; i < MC_SLOTS; i++) {
		if (s->held[i].model.data)
			munmap((void *)s->held[i].model.data, (size_t)s->held[i].model.size);
	}
	for (unsigned i = 0; i < QUERIES; i++)
		free(atomic_load(&s->queries[i]));
	while (s->requests) {
		struct request *r = s->requests;
		s->requests = r->next;
		if (r->refresh)
			free(r);
	}
	if (s->page)
		munmap(s->page, sizeof(*s->page));
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* ---- requests ---- */

int session_request(struct session *s, struct request *r)
{
	struct mc_message m = {.type = MC_GET, .id = ++s->last_id};

	if (atomic_load(&s->dead))
		return -1;
	snprintf(m.name, sizeof(m.name), "%s", r->name);
	snprintf(m.selector, sizeof(m.selector), "%s", r->selector);
	if (session_send(s, &m) < 0)
		return -1;
	r->id = m.id;
	r->next = s->requests;
	s->requests = r;
	return 0;
}

/* Takes the request with this id out of those that wait. */
static struct request *take_request(struct session *s, uint32_t id)
{
	for (struct request **at = &s->requests; *at; at = &(*at)->next) {
		struct request *r = *at;
		if (r->id == id) {
			*at = r->next;
			return r;
		}
	}
	return NULL;
}

void session_forget(struct session *s, struct request *r)
{
	take_request(s, r->id);
}

static void finish(struct session *s, struct request *r)
{
	if (r->refresh) {
		/* What is not there any more is no failure: the former version serves. */
		r->refresh->again = r->error.code && r->error.code != ENOENT;
		s->again |= r->refresh->again;
		r->refresh->stale = false;
		free(r);
	} else {
		r->done = true;
	}
	pthread_cond_broadcast(&s->cache->answered);
}

void session_fail(struct session *s)
{
	while (s->requests) {
		struct request *r = s->requests;
		s->requests = r->next;
		modelcache_fail(&r->error, ENOTCONN, "the daemon is not there");
		finish(s, r);
	}
}

/* ---- what the daemon says ---- */

/* What former sessions hold for this is needed no more. */
static void retire_before(struct session *s, const char *name, const char *selector)
{
	while ((s = s->before)) {
		struct query *q = query_find(s, name, selector);
		uint64_t target = q ? atomic_load(&q->target) : 0;
		if (target)
			held_retire(&s->held[target >> 32]);
	}
}

void session_retire_before(struct session *s)
{
	for (unsigned i = 0; i < QUERIES; i++) {
		struct query *q = atomic_load(&s->queries[i]);
		if (q && atomic_load(&q->target))
			retire_before(s, q->name, q->selector);
	}
}

/* From here on the query gives this version. */
static void settle(struct session *s, const struct request *r, const struct held *h)
{
	struct query *q = query_add(s, r->name, r->selector);
	const uint64_t one = 1;

	if (!q)
		return;
	uint64_t before = atomic_exchange(&q->target, held_target(h));
	if ((r->refresh || before) && before != held_target(h) &&
		write(s->cache->changed, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

bool session_is_awaited(struct session *s, bool by_users)
{
	bool awaited = false;

	pthread_mutex_lock(&s->cache->lock);
	for (const struct request *r = s->requests; r; r = r->next)
		awaited |= !by_users || !r->refresh;
	pthread_mutex_unlock(&s->cache->lock);
	return awaited;
}

static void on_model(struct session *s, const struct mc_message *m, int fd)
{
	struct modelcache_error error = {0};
	struct held *h = held_fill(s, m, fd, &error), *idle = h;
	struct mc_message asked = {0};

	close(fd);
	pthread_mutex_lock(&s->cache->lock);
	struct request *r = take_request(s, m->id);
	if (r) {
		snprintf(asked.name, sizeof(asked.name), "%s", r->name);
		snprintf(asked.selector, sizeof(asked.selector), "%s", r->selector);
		if (h)
			settle(s, r, h);
		r->error = error;
		if (!r->refresh) {
			r->held = h;
			idle = NULL;
		}
		finish(s, r);
	}
	pthread_mutex_unlock(&s->cache->lock);
	if (idle) /* the use that came along, which nobody waits for */
		held_release(idle);
	if (h && r && atomic_load(&s->cache->session) == s)
		retire_before(s, asked.name, asked.selector);
}

static void on_error(struct session *s, const struct mc_message *m)
{
	pthread_mutex_lock(&s->cache->lock);
	struct request *r = take_request(s, m->id);
	if (r) {
		modelcache_fail(&r->error, m->code ? (int)m->code : EIO, m->text);
		finish(s, r);
	}
	pthread_mutex_unlock(&s->cache->lock);
}

static void on_revoked(struct session *s, const struct mc_message *m)
{
	struct held *h = &s->held[m->slot];

	/* Only this thread gives a slot another serial. */
	if (m->serial && atomic_load(&h->serial) == m->serial)
		held_retire(h);
}

int session_receive(struct session *s, int timeout_ms)
{
	struct mc_message m;
	int fd, n = receive(s, &m, &fd, timeout_ms);

	if (n <= 0)
		return n;
	if (m.type == MC_MODEL && fd >= 0) {
		on_model(s, &m, fd);
		return 1;
	}
	if (fd >= 0)
		close(fd);
	if (m.type == MC_ERROR) {
		on_error(s, &m);
	} else if (m.type == MC_REVOKED) {
		on_revoked(s, &m);
	} else if (m.type == MC_CHANGED) {
		pthread_mutex_lock(&s->cache->lock);
		query_refresh(s, m.name);
		pthread_mutex_unlock(&s->cache->lock);
	} else {
		return -1;
	}
	return 1;
}
