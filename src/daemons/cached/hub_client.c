/* SPDX-License-Identifier: Apache-2.0 */
/* A client: what it says, and what it is told. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemons/cached/hub_private.h"

#define TURN   32        /* messages that are read before others have their turn */
#define SNDBUF (1 << 20) /* bytes; what does not fit ends the client */
#define LEN(a) ((int)sizeof(a) - 1)

struct hub_client *hub_client_new(struct hub *h, int fd, uid_t uid)
{
	const int size = SNDBUF;
	struct hub_client *c = xcalloc(1, sizeof(*c));

	/* The kernel may allow less; then a lazy client is ended earlier. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->hub = h;
	c->fd = fd;
	c->uid = uid;
	c->number = ++h->last_client;
	return c;
}

static void end_with(struct hub_client *c, const char *why)
{
	if (c->broken)
		return;
	c->broken = true;
	log_warning("a client of the socket is ended: %s", why);
	pthread_mutex_lock(&c->hub->lock);
	c->hub->counts.broken++;
	pthread_mutex_unlock(&c->hub->lock);
}

/* Ends a client that has done nothing wrong. It goes on with what it has, and may come again.
 */
static void send_away(struct hub_client *c)
{
	log_warning("a client of the socket is sent away: too many descriptors are on their "
		    "way to others, who do not take them");
	c->broken = true;
}

void hub_client_send(struct hub_client *c, struct mc_message *m, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec piece = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};

	m->magic = MC_MAGIC;
	m->protocol = MC_VERSION;
	if (fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	if (c->broken)
		return;
	if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		c->untaken += fd >= 0;
		return;
	}
	if (errno == ETOOMANYREFS)
		/* The kernel counts by our user, and so all processes that it has. */
		send_away(c);
	else if (errno != EPIPE && errno != ECONNRESET)
		end_with(c, "it does not take what it is sent");
	c->broken = true; /* whoever went away has the right to */
}

static void send_error(struct hub_client *c, uint32_t id, int code, const char *text)
{
	struct mc_message m = {.type = MC_ERROR, .id = id, .code = (uint32_t)code};

	snprintf(m.text, sizeof(m.text), "%s", text);
	hub_client_send(c, &m, -1);
}

/* ---- what a client says ---- */

/* A page that neither side can make shorter. */
static int make_page(struct mc_page **page)
{
	autofd int fd = memfd_create("model-cached page", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(**page)) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -1;
	void *at = mmap(NULL, sizeof(**page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	*page = at;
	int out = fd;
	fd = -1;
	return out;
}

static void on_hello(struct hub_client *c, const struct mc_message *m)
{
	struct mc_message welcome = {.type = MC_WELCOME, .size = sizeof(struct mc_page)};
	struct mc_page *page = NULL;

	(void)m;
	if (!hub_may_send(c)) {
		send_away(c);
		return;
	}
	autofd int fd = make_page(&page);
	if (fd < 0) {
		end_with(c, "there is no memory for its page");
		return;
	}
	pthread_mutex_lock(&c->hub->lock);
	c->page = page;
	pthread_mutex_unlock(&c->hub->lock);
	c->greeted = true;
	hub_client_send(c, &welcome, fd);
}

/* The cache's answer, on whatever thread a load ends. */
static void on_answer(void *arg, struct cache_model *model, const struct err *err)
{
	struct hub_ask *ask = arg;
	struct hub *h = ask->hub;

	ask->model = model;
	ask->err = *err;
	pthread_mutex_lock(&h->lock);
	ask->next = h->answered;
	h->answered = ask;
	if (!pthread_equal(pthread_self(), h->self))
		hub_wake(h);
	pthread_cond_broadcast(&h->idle);
	pthread_mutex_unlock(&h->lock);
}

/* False: too many wait already. */
static bool count_request(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	bool room = h->asks < HUB_WAITING;
	h->counts.requests++;
	h->asks += room;
	pthread_mutex_unlock(&h->lock);
	return room;
}

static void on_get(struct hub_client *c, const struct mc_message *m)
{
	const char *version = NULL, *stage = NULL;
	struct hub *h = c->hub;

	if (c->requests >= h->options.requests || !count_request(h)) {
		send_error(c, m->id, EAGAIN, "too many requests wait for an answer");
		return;
	}
	if (m->selector[0] == '@')
		stage = m->selector + 1;
	else if (mc_is_version(m->selector))
		version = m->selector;
	else if (m->selector[0])
		stage = m->selector;
	struct hub_ask *ask = xcalloc(1, sizeof(*ask));
	*ask = (struct hub_ask){.hub = h, .client = c->number, .id = m->id};
	c->requests++;
	cache_get(h->cache, m->name, version, stage, on_answer, ask);
}

static void on_drop(struct hub_client *c, const struct mc_message *m)
{
	struct hub_slot *s = &c->slots[m->slot];

	if (!s->model || s->serial != m->serial)
		end_with(c, "it gives back what it does not have");
	else
		hub_slot_free(c, s);
}

static const struct {
	uint16_t type;
	bool greeted; /* only after HELLO, or only before */
	void (*handle)(struct hub_client *c, const struct mc_message *m);
} messages[] = {
	{MC_HELLO, false, on_hello},
	{MC_GET, true, on_get},
	{MC_DROP, true, on_drop},
};

static void handle(struct hub_client *c, const struct mc_message *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (messages[i].type == m->type && messages[i].greeted == c->greeted) {
			messages[i].handle(c, m);
			return;
		}
	}
	end_with(c, "it says what may not be said now");
}

void hub_client_read(struct hub_client *c)
{
	struct mc_message m;

	for (int i = 0; i < TURN && !c->broken; i++) {
		struct iovec piece = {.iov_base = &m, .iov_len = sizeof(m)};
		/* Without room for descriptors the kernel closes those that are sent. */
		struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
		ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			c->broken = true;
		else if (msg.msg_flags & MSG_CTRUNC)
			end_with(c, "it sends descriptors");
		else if ((msg.msg_flags & MSG_TRUNC) || !mc_message_valid(&m, (size_t)n))
			end_with(c, "it does not speak this protocol");
		else
			handle(c, &m);
	}
}

/* ---- what a client is told ---- */

static int errno_of(const struct err *err)
{
	static const struct {
		enum err_code code;
		int number;
	} table[] = {
		{ERR_NOTFOUND, ENOENT},
		{ERR_BUSY, EBUSY},
		{ERR_LIMIT, EFBIG},
		{ERR_NOSPACE, ENOMEM},
		{ERR_TIMEOUT, ETIMEDOUT},
		{ERR_UNREACHABLE, EHOSTUNREACH},
		{ERR_DENIED, EACCES},
		{ERR_AUTH, EACCES},
		{ERR_INPUT, EINVAL},
		{ERR_CANCELLED, ECANCELED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].code == err->code)
			return table[i].number;
	}
	return EIO;
}

static void send_model(struct hub_client *c, const struct hub_ask *ask, struct hub_slot *s)
{
	const struct cache_model *model = ask->model;
	struct mc_message m = {.type = MC_MODEL,
		.id = ask->id,
		.slot = (uint32_t)(s - c->slots),
		.serial = s->serial,
		.size = model->blob->size,
		.loaded_at = model->loaded_at};

	snprintf(m.name, sizeof(m.name), "%.*s", LEN(m.name), model->name);
	snprintf(m.version, sizeof(m.version), "%.*s", LEN(m.version), model->version);
	snprintf(m.stage, sizeof(m.stage), "%.*s", LEN(m.stage), model->stage);
	snprintf(m.run_id, sizeof(m.run_id), "%.*s", LEN(m.run_id), model->run_id);
	snprintf(m.sha256, sizeof(m.sha256), "%s", model->blob->sha256);
	hub_client_send(c, &m, model->blob->fd);
}

void hub_client_answer(struct hub_client *c, struct hub_ask *ask)
{
	struct cache *cache = c->hub->cache;

	c->requests--;
	if (!ask->model) {
		send_error(c, ask->id, errno_of(&ask->err), ask->err.text);
		return;
	}
	if (!hub_may_send(c)) {
		cache_release(cache, ask->model);
		send_error(c, ask->id, EAGAIN, "its user has not taken what it was sent");
		return;
	}
	struct hub_slot *s = hub_slot_take(c, ask->model);
	/* One that has left since it was found was taken back before it had this slot. */
	if (s && cache_is_leaving(cache, ask->model))
		hub_revoke(c->hub, ask->model, true);
	/* From here on the slot keeps it, and what the client does with it is all its use. */
	cache_release(cache, ask->model);
	if (s)
		send_model(c, ask, s);
	else
		send_error(c, ask->id, EMFILE, "this client holds as many versions as it may");
}

void hub_client_tell(struct hub_client *c)
{
	for (uint32_t i = 0; i < MC_SLOTS; i++) {
		struct mc_message m = {.type = MC_REVOKED, .slot = i};
		pthread_mutex_lock(&c->hub->lock);
		bool tell = c->slots[i].tell;
		c->slots[i].tell = false;
		m.serial = c->slots[i].serial;
		pthread_mutex_unlock(&c->hub->lock);
		if (tell)
			hub_client_send(c, &m, -1);
	}
}

void hub_client_free(struct hub_client *c)
{
	for (struct hub_slot *s = c->slots; s < c->slots + MC_SLOTS; s++) {
		if (s->model)
			hub_slot_free(c, s);
	}
	if (c->page)
		munmap(c->page, sizeof(*c->page));
	/* A child between fork and exec has the connection, too: close is not enough. */
	epoll_ctl(c->hub->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	hub_linger(c);
}
