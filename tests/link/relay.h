/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP relay that behaves as bad networks do: it delays, cuts bytes into odd pieces, stalls,
 * and cuts connections. It runs on a thread of its own.
 */
#ifndef TESTS_LINK_RELAY_H
#define TESTS_LINK_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct relay_options {
	unsigned to_port;     /* on loopback */
	unsigned delay_ms;    /* of every byte, in each direction */
	unsigned max_piece;   /* bytes moved at once: random up to this; 0: 64 kB */
	uint64_t stall_after; /* bytes from the server after which nothing moves; 0: never */
	uint64_t cut_after;   /* bytes from the server after which it hangs up; 0: never */
	uint64_t pause_every; /* bytes from the client between pauses of 20 ms; 0: none */
};

struct relay {
	struct relay_options options;
	unsigned port;
	int listen_fd;
	int stop_fd;
	pthread_t thread;
};

/* Starts a relay. */
void relay_start(struct relay *r, const struct relay_options *o);
/* Ends it and all its connections. */
void relay_stop(struct relay *r);

#endif
