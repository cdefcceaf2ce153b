/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the library. A session is one connection: the page that it shares with the daemon, the
 * versions that it has got, and which of them each request means. A daemon that comes back
 * makes a new session, in front of the old ones; these keep what is still in hand, and are
 * freed when the cache is closed (some 60 kB each).
 *
 * Three parties touch a version's slot: threads that acquire and release (no lock, atomics
 * only), the library's thread (fills slots and marks them as gone), the daemon (revokes).
 *
 *     acquire:  in_use + 1; both serials still ours?  else back, and the slow way
 *     daemon:   its serial = 0; in_use 0?             else it puts the serial back
 *     we:       our serial = 0; in_use 0?             then unmapped; else when it is idle
 *
 * Each side writes before it reads, sequentially consistent, so they cannot both go on.
 */
#ifndef MODELCACHE_PRIVATE_H
#define MODELCACHE_PRIVATE_H

#include <pthread.h>
#include <stddef.h>

#include "modelcache/modelcache.h"
#include "modelcache/protocol.h"

#define QUERIES 256u /* a power of two; a quarter stays free */

/* A version that the session has got. */
struct held {
	struct modelcache_model model; /* what users see */
	struct session *session;
	_Atomic uint32_t serial; /* 0: nobody may take it any more */
	/* The serial by which the daemon knows it, 0: the slot is free; our thread's alone. */
	uint32_t named;
	struct mc_message about; /* its texts */
};

/* What was asked for, and the version that is meant. */
struct query {
	char name[sizeof(((struct mc_message *)0)->name)];
	char selector[sizeof(((struct mc_message *)0)->selector)];
	_Atomic uint64_t target; /* slot << 32 | serial; 0: none */
	bool stale;              /* another version is current; it is asked for */
	bool again;              /* that failed: it is asked for once more, later */
};

/* A request that waits; on its caller's stack, or (refresh) on the heap. */
struct request {
	uint32_t id;
	const char *name, *selector;
	struct query *refresh; /* asked for by the library itself */
	bool done;
	struct held *held; /* the answer, with a use; NULL: the error */
	struct modelcache_error error;
	struct request *next;
};

struct session {
	struct modelcache *cache;
	int fd;
	_Atomic bool dead; /* the connection has ended */
	struct mc_page *page;
	struct held held[MC_SLOTS];
	struct query *_Atomic queries[QUERIES];
	unsigned query_count;
	bool again; /* some query is to be asked for again; the library's thread's alone */
	struct request *requests;
	uint32_t last_id;
	struct session *before;
};

struct modelcache {
	struct session *_Atomic session;
	const _Atomic int *alive; /* 1; a page that is 0 in a child of fork */
	pthread_mutex_t lock;     /* of all that is not atomic */
	pthread_cond_t answered;
	pthread_t thread;
	int changed, stop, wake; /* eventfds; wake: something is gone, and idle now */
	char *path;
};

/* ---- session.c: one connection ---- */

/* Connects and says hello. NULL with an error. */
struct session *session_open(struct modelcache *cache, struct modelcache_error *error);
/* Unmaps and frees; nobody uses it. */
void session_free(struct session *s);
/*
 * Receives one message within so many milliseconds (-1: any) and acts on it; 0 if none came, -1
 * when the connection is at its end. By the library's thread, or before it knows the session.
 */
int session_receive(struct session *s, int timeout_ms);
/* Sends a message, without waiting; -1 if it does not go. */
int session_send(struct session *s, struct mc_message *m);
/* Sends a request; the lock is held. -1: the connection is at its end. */
int session_request(struct session *s, struct request *r);
/* Takes back a request that nobody waits for any more; the lock is held. */
void session_forget(struct session *s, struct request *r);
/* Ends all requests with an error; the lock is held. */
void session_fail(struct session *s);

/* True if anybody waits for an answer, or if a user does. Takes the lock. */
bool session_is_awaited(struct session *s, bool by_users);
/* What former sessions hold of what this one has got is needed no more. */
void session_retire_before(struct session *s);

/* ---- held.c: what a session has got ---- */

/* Takes a version in hand, if that may still be; with `orphan`, whatever the daemon says. */
const struct modelcache_model *held_take(struct session *s, uint64_t target, bool orphan);
/* Lets go. What is gone is unmapped by the library's thread, which is told. */
void held_release(struct held *h);
/*
 * The slot of an answer, mapped, with the use that the answer carries. NULL with an error.
 * fd stays the caller's. It and all below is called by the library's thread, without the lock.
 */
struct held *held_fill(
	struct session *s, const struct mc_message *m, int fd, struct modelcache_error *error);
/* Nobody takes it any more; it is unmapped when it is idle. */
void held_retire(struct held *h);
/* Unmaps what is gone and idle, of this session and those before it. */
void held_sweep(struct session *s);
/* What a query's target says of a version. */
uint64_t held_target(const struct held *h);

/* ---- query.c: which version is meant ---- */

/* The query of a name and selector, or NULL. Needs no lock. */
struct query *query_find(struct session *s, const char *name, const char *selector);
/* The same, added if it is not there; the lock is held. NULL: there are too many. */
struct query *query_add(struct session *s, const char *name, const char *selector);
/* Asks for what queries of a name mean now; NULL: all; the lock is held. */
void query_refresh(struct session *s, const char *name);
/* Asks once more for what could not be had. Takes the lock. */
void query_refresh_again(struct session *s);

/* ---- connect.c: the library's thread ---- */

/* Serves the session, and makes another when it ends. Ends with the cache's `stop`. */
void *connect_run(void *cache);

/* Fills an error. */
void modelcache_fail(struct modelcache_error *error, int code, const char *text);

#endif
