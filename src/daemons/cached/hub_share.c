/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients share, so that none takes it from the others: connections, and descriptors that
 * were sent and not taken yet, of which the kernel lets our user have so many as a process may
 * have open (unix(7), ETOOMANYREFS). A user may have as much of each as is left to all others:
 * one alone has half, and several together never have everything. Descriptors are shared out
 * likewise among a user's clients. Of connections root and our own user may have what there is.
 *
 * A client that was ended keeps what it has not taken until it closes its own end. So such a
 * connection lingers here, and counts. Nobody waits for it: it is looked at when somebody
 * connects, leaves, or finds that there is no room.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemons/cached/hub_private.h"

struct share {
	unsigned own, all;
};

static void add(struct share *share, const struct hub_client *c, uid_t uid, unsigned n)
{
	share->all += n;
	share->own += c->uid == uid ? n : 0;
}

static bool may_have_more(const struct share *share, unsigned limit)
{
	return share->own + share->all < limit;
}

/* Every message is as long; with what the kernel counts besides, there are fewer than this. */
static void look_again(struct hub_client *c)
{
	int bytes = 0;

	if (!c->untaken || ioctl(c->fd, SIOCOUTQ, &bytes) < 0 || bytes < 0)
		return;
	unsigned messages = (unsigned)bytes / (unsigned)sizeof(struct mc_message);
	if (messages < c->untaken)
		c->untaken = messages;
}

void hub_linger(struct hub_client *c)
{
	look_again(c);
	if (!c->untaken) {
		fd_close(&c->fd);
		free(c);
		return;
	}
	shutdown(c->fd, SHUT_RDWR);
	c->next = c->hub->lingering;
	c->hub->lingering = c;
}

void hub_linger_end(struct hub *h, bool all)
{
	for (struct hub_client **at = &h->lingering; *at;) {
		struct hub_client *c = *at;
		look_again(c);
		if (c->untaken && !all) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		fd_close(&c->fd);
		free(c);
	}
}

bool hub_may_connect(struct hub *h, uid_t uid)
{
	bool privileged = uid == 0 || uid == geteuid();
	struct share share = {0};

	hub_linger_end(h, false);
	for (const struct hub_client *c = h->clients; c; c = c->next)
		add(&share, c, uid, 1);
	for (const struct hub_client *c = h->lingering; c; c = c->next)
		add(&share, c, uid, 1);
	return privileged ? share.all < h->options.clients
			  : may_have_more(&share, h->options.clients);
}

static bool has_room(const struct hub_client *client)
{
	const struct hub *h = client->hub;
	struct share share = {0};

	for (const struct hub_client *c = h->clients; c; c = c->next)
		add(&share, c, client->uid, c->untaken);
	for (const struct hub_client *c = h->lingering; c; c = c->next)
		add(&share, c, client->uid, c->untaken);
	const struct share within = {.own = client->untaken, .all = share.own};
	return may_have_more(&share, h->options.descriptors) &&
	       may_have_more(&within, h->options.descriptors / 2);
}

bool hub_may_send(struct hub_client *client)
{
	struct hub *h = client->hub;

	if (has_room(client))
		return true;
	for (struct hub_client *c = h->clients; c; c = c->next)
		look_again(c);
	hub_linger_end(h, false);
	return has_room(client);
}

unsigned hub_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	return limit.rlim_cur < INT32_MAX ? (unsigned)limit.rlim_cur : INT32_MAX;
}
