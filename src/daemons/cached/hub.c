/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemons/cached/hub_private.h"

#define EVENTS 32

/* ---- the socket ---- */

/* Removes a socket that nobody listens on; ERR_BUSY where somebody does. */
static int remove_dead(const struct sockaddr_un *address, struct err *err)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0; /* bind says what is wrong */
	autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN)
		return err_set(err, ERR_BUSY, "socket %s: somebody listens there already",
			address->sun_path);
	if (unlink(address->sun_path) < 0)
		return err_sys(err, "socket %s: remove", address->sun_path);
	return 0;
}

/* The kernel decides by the socket's mode first, and we by who connects. */
static int bind_socket(struct hub *h, struct err *err)
{
	const char *path = h->address.sun_path;
	bool shared = h->group != (gid_t)-1;

	h->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listener < 0)
		return err_sys(err, "socket");
	/* Before listen(2) nobody can connect, whatever the mode is. */
	if (bind(h->listener, (const struct sockaddr *)&h->address, sizeof(h->address)) < 0)
		return err_sys(err, "socket %s: bind", path);
	if (shared && chown(path, (uid_t)-1, h->group) < 0)
		return err_sys(err, "socket %s: give it to group %s", path, h->options.group);
	if (chmod(path, shared ? 0660 : 0600) < 0)
		return err_sys(err, "socket %s: chmod", path);
	if (listen(h->listener, 64) < 0)
		return err_sys(err, "socket %s: listen", path);
	return 0;
}

static int watch_fd(struct hub *h, int fd, void *data, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_sys(err, "epoll");
	return 0;
}

static int open_descriptors(struct hub *h, struct err *err)
{
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (h->epoll < 0 || h->wake < 0 || h->spare < 0)
		return err_sys(err, "descriptors");
	if (watch_fd(h, h->listener, &h->listener, err) < 0 ||
		watch_fd(h, h->wake, &h->wake, err) < 0)
		return -1;
	return 0;
}

/* ---- clients ---- */

static void count_refused(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	h->counts.refused++;
	pthread_mutex_unlock(&h->lock);
}

static void add_client(struct hub *h, int fd, uid_t uid)
{
	struct hub_client *c = hub_client_new(h, fd, uid);

	if (watch_fd(h, fd, c, NULL) < 0) {
		hub_client_free(c);
		return;
	}
	pthread_mutex_lock(&h->lock);
	c->next = h->clients;
	h->clients = c;
	h->counts.accepted++;
	h->counts.clients++;
	pthread_mutex_unlock(&h->lock);
}

static void accept_client(struct hub *h)
{
	autofd int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uid_t uid;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* One descriptor is kept for this: whoever waits is sent away, not forgotten.
		 */
		fd_close(&h->spare);
		fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		fd_close(&fd);
		h->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		count_refused(h);
	}
	if (fd < 0)
		return;
	if (!hub_peer_allowed(fd, h->group, &uid) || !hub_may_connect(h, uid)) {
		count_refused(h);
		return;
	}
	add_client(h, fd, uid);
	fd = -1;
}

/* Takes out and ends those who broke the rules or went away. */
static void reap(struct hub *h, bool all)
{
	struct hub_client *ended = NULL;

	pthread_mutex_lock(&h->lock);
	for (struct hub_client **at = &h->clients; *at;) {
		struct hub_client *c = *at;
		if (!c->broken && !all) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next = ended;
		ended = c;
		h->counts.clients--;
	}
	pthread_mutex_unlock(&h->lock);
	while (ended) {
		struct hub_client *c = ended;
		ended = c->next;
		hub_client_free(c);
	}
}

/* ---- answers and news ---- */

static struct hub_client *find_client(struct hub *h, uint64_t number)
{
	struct hub_client *c = h->clients;

	while (c && c->number != number)
		c = c->next;
	return c;
}

static void give_answers(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	struct hub_ask *ask = h->answered;
	h->answered = NULL;
	pthread_mutex_unlock(&h->lock);
	while (ask) {
		struct hub_ask *next = ask->next;
		struct hub_client *c = find_client(h, ask->client);
		if (c && !c->broken)
			hub_client_answer(c, ask);
		else
			cache_release(h->cache, ask->model);
		free(ask);
		pthread_mutex_lock(&h->lock);
		if (--h->asks == 0)
			pthread_cond_broadcast(&h->idle);
		pthread_mutex_unlock(&h->lock);
		ask = next;
	}
}

static void tell_news(struct hub *h)
{
	AUTO(strlist_release) struct strlist names = {0};

	pthread_mutex_lock(&h->lock);
	names = h->changed;
	h->changed = (struct strlist){0};
	pthread_mutex_unlock(&h->lock);
	for (struct hub_client *c = h->clients; c; c = c->next) {
		for (size_t i = 0; i < names.count && c->greeted; i++) {
			struct mc_message m = {.type = MC_CHANGED};
			snprintf(m.name, sizeof(m.name), "%s", names.items[i]);
			hub_client_send(c, &m, -1);
		}
		hub_client_tell(c);
	}
}

static void on_changed(
	void *data, const struct cache_model *now, const struct cache_model *before)
{
	struct hub *h = data;

	(void)before;
	pthread_mutex_lock(&h->lock);
	if (!strlist_has(&h->changed, now->name))
		strlist_add(&h->changed, now->name);
	pthread_mutex_unlock(&h->lock);
	hub_wake(h);
}

/* ---- the thread ---- */

static void handle_event(struct hub *h, void *source)
{
	uint64_t count;

	if (source == &h->listener)
		accept_client(h);
	else if (source != &h->wake)
		hub_client_read(source);
	else if (read(h->wake, &count, sizeof(count)) == sizeof(count))
		tell_news(h);
}

static bool stopped(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	bool stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

static void *serve(void *data)
{
	struct hub *h = data;
	struct epoll_event events[EVENTS];

	pthread_mutex_lock(&h->lock);
	h->self = pthread_self();
	pthread_mutex_unlock(&h->lock);
	while (!stopped(h)) {
		int n = epoll_wait(h->epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++)
			handle_event(h, events[i].data.ptr);
		give_answers(h);
		reap(h, false);
	}
	return NULL;
}

static void release(struct hub *h)
{
	fd_close(&h->listener);
	fd_close(&h->epoll);
	fd_close(&h->wake);
	fd_close(&h->spare);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->idle);
	strlist_release(&h->changed);
	free(h);
}

static int prepare(struct hub *h, struct err *err)
{
	const struct hub_options *o = &h->options;

	if (strlen(o->path) >= sizeof(h->address.sun_path))
		return err_set(err, ERR_INPUT, "socket %s: longer than %zu bytes", o->path,
			sizeof(h->address.sun_path) - 1);
	h->address.sun_family = AF_UNIX;
	memcpy(h->address.sun_path, o->path, strlen(o->path));
	if (o->group && hub_group(o->group, &h->group, err) < 0)
		return err_wrap(err, "socket %s", o->path);
	if (remove_dead(&h->address, err) < 0 || bind_socket(h, err) < 0)
		return -1;
	return open_descriptors(h, err);
}

struct hub *hub_start(struct cache *cache, const struct hub_options *options, struct err *err)
{
	struct hub *h = xcalloc(1, sizeof(*h));

	h->cache = cache;
	h->options = *options;
	if (!h->options.clients)
		h->options.clients = HUB_CLIENTS;
	if (!h->options.requests)
		h->options.requests = HUB_REQUESTS;
	if (!h->options.descriptors)
		h->options.descriptors = hub_descriptors();
	h->group = (gid_t)-1;
	h->listener = h->epoll = h->wake = h->spare = -1;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->idle, NULL);
	if (prepare(h, err) < 0) {
		release(h);
		return NULL;
	}
	cache_watch(cache, &(struct cache_watcher){hub_look, hub_revoke, on_changed, h});
	if (pthread_create(&h->thread, NULL, serve, h) != 0) {
		cache_watch(cache, NULL);
		err_set(err, ERR_SYSTEM, "socket %s: no thread for it", options->path);
		release(h);
		return NULL;
	}
	return h;
}

/* Requests on their way come back to us, so they are waited for. */
static void wait_for_asks(struct hub *h)
{
	pthread_mutex_lock(&h->lock);
	while (h->asks) {
		pthread_mutex_unlock(&h->lock);
		give_answers(h);
		pthread_mutex_lock(&h->lock);
		if (h->asks && !h->answered)
			pthread_cond_wait(&h->idle, &h->lock);
	}
	pthread_mutex_unlock(&h->lock);
}

void hub_stop(struct hub *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	hub_wake(h);
	pthread_join(h->thread, NULL);
	unlink(h->address.sun_path);
	reap(h, true);
	hub_linger_end(h, true);
	wait_for_asks(h);
	cache_watch(h->cache, NULL);
	release(h);
}

void hub_counts(struct hub *h, struct hub_counts *counts)
{
	pthread_mutex_lock(&h->lock);
	*counts = h->counts;
	pthread_mutex_unlock(&h->lock);
}
