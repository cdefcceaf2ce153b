/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of the socket says and hears, message by message and without the library. */
#ifndef TESTS_HUB_TALK_H
#define TESTS_HUB_TALK_H

#include <sys/types.h>

#include "modelcache/cache_fixture.h"
#include "modelcache/protocol.h"

/* Connects. */
int talk_dial(const struct cache_fixture *f);
/* An empty message of a type. */
struct mc_message talk_message(enum mc_type type);
/* Sends so many bytes of a message. */
void talk_say(int fd, const struct mc_message *m, size_t n);
/* Waits for a message; its type, or -1 at the end of the connection. Drops its descriptor. */
int talk_hear(int fd, struct mc_message *m);
/* Connects and says hello. */
int talk_greet(const struct cache_fixture *f);
/* Asks for "fraud". */
void talk_ask(int fd, uint32_t id);
/* Somebody else is served as before: with "fraud", which has 100 bytes. */
void talk_expect_service(const struct cache_fixture *f);
/*
 * What another user with these groups meets: the type of the first answer; 1: root alone may
 * try, 2: it cannot connect, 3: the connection ends.
 */
int talk_ask_as(const struct cache_fixture *f, uid_t uid, gid_t gid, gid_t other);

#endif
