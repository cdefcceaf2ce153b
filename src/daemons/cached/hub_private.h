/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the socket's server. One thread reads, answers and ends clients. Other threads come in
 * by two ways: the cache asks about use and takes versions back (hub_look, hub_revoke, with the
 * cache's lock held), and loads end (hub_answer). They touch only what the hub's lock guards,
 * and wake the thread for the rest.
 *
 * Order of locks: the cache's, then the hub's. So nothing here calls the cache under the hub's
 * lock.
 */
#ifndef DAEMONS_CACHED_HUB_PRIVATE_H
#define DAEMONS_CACHED_HUB_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/un.h>

#include "base/str.h"
#include "daemons/cached/hub.h"
#include "modelcache/protocol.h"

/* A version that a client has got. */
struct hub_slot {
	struct cache_model *model; /* a reference of cache_keep; NULL: free */
	uint32_t serial;
	bool revoked;
	bool tell; /* REVOKED has to be sent */
};

struct hub_client {
	struct hub *hub;
	uint64_t number; /* by which answers find it */
	int fd;
	uid_t uid;
	unsigned requests; /* unanswered */
	unsigned untaken;  /* descriptors that were sent; it may have taken some of them */
	bool greeted, broken;
	/* Guarded by the hub's lock. */
	struct mc_page *page; /* NULL before HELLO */
	struct hub_slot slots[MC_SLOTS];
	uint32_t last_serial;
	struct hub_client *next;
};

/* A request on its way through the cache. */
struct hub_ask {
	struct hub *hub;
	uint64_t client;
	uint32_t id;
	struct cache_model *model; /* the answer, with a reference; NULL: the error */
	struct err err;
	struct hub_ask *next;
};

struct hub {
	struct cache *cache;
	struct hub_options options;
	struct sockaddr_un address;
	gid_t group; /* (gid_t)-1: none */
	int listener, epoll, wake, spare;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;          /* an answer came, or the last was taken */
	struct hub_client *lingering; /* ended, with descriptors that they have not taken */
	/* Guarded by the lock; clients are added and removed by the thread alone. */
	struct hub_client *clients;
	struct hub_ask *answered;
	struct strlist changed; /* names to tell of */
	unsigned asks;          /* on their way, or answered and not taken */
	pthread_t self;         /* the thread, once it runs */
	bool stop;
	struct hub_counts counts;
	uint64_t last_client;
};

/* ---- hub_client.c ---- */

/* Takes a user's connection over. */
struct hub_client *hub_client_new(struct hub *h, int fd, uid_t uid);
/* Reads what has come, as far as it is this client's turn. Sets `broken`. */
void hub_client_read(struct hub_client *c);
/* Gives a version, or an error. Takes the answer's reference over. */
void hub_client_answer(struct hub_client *c, struct hub_ask *ask);
/* Sends what is to be told of revoked slots. */
void hub_client_tell(struct hub_client *c);
/* Sends a message, with a descriptor if fd is not -1. A client that takes nothing is broken. */
void hub_client_send(struct hub_client *c, struct mc_message *m, int fd);
/* Ends a client, which is in the hub's list no more. */
void hub_client_free(struct hub_client *c);

/* ---- hub_use.c ---- */

/* struct cache_watcher's. */
void hub_look(void *data, const struct cache_model *model, struct cache_use *use);
bool hub_revoke(void *data, const struct cache_model *model, bool force);
/*
 * Gives a client a slot for a version, with one use that the client has to give back, and keeps
 * a reference. NULL: all its slots are taken.
 */
struct hub_slot *hub_slot_take(struct hub_client *c, struct cache_model *model);
/* Frees a slot, and gives its reference back. */
void hub_slot_free(struct hub_client *c, struct hub_slot *slot);
/* Wakes the thread. */
void hub_wake(struct hub *h);

/* ---- hub_peer.c ---- */

/* Finds the group by its name. ERR_INPUT. */
int hub_group(const char *name, gid_t *group, struct err *err);
/* True if who is at the other end may connect; then *uid is who that is. */
bool hub_peer_allowed(int fd, gid_t group, uid_t *uid);

/* ---- hub_share.c ---- */

/* True if a user may have one connection more. */
bool hub_may_connect(struct hub *h, uid_t uid);
/* True if a client may be sent one descriptor more. */
bool hub_may_send(struct hub_client *client);
/* Takes a client over that has ended, and frees it when it has taken all it was sent. */
void hub_linger(struct hub_client *c);
/* Frees those that have taken all they were sent; with `all` the others as well. */
void hub_linger_end(struct hub *h, bool all);
/* Descriptors that the kernel lets our user have on their way. */
unsigned hub_descriptors(void);

#endif
