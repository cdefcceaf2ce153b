/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module wait share.
 */
#ifndef NODE_WAIT_H
#define NODE_WAIT_H

#include "node/connect.h"

/* One call of wait. */
struct wait_work {
	struct node_call *call;
	const char *host;
	uint16_t port; /* 0: none */
	const char *path;
	const char *state;
	const char *search; /* NULL: none */
	double connect_timeout, sleep;
	deadline until;
	/* drained: connections to these addresses and not from those. */
	struct ip_address own[CONNECT_ADDRESSES_MAX];
	struct ip_address excluded[CONNECT_ADDRESSES_MAX];
	int own_count, excluded_count;
	unsigned states; /* bits by the kernel's numbers of TCP states */
};

/* Reads what only drained takes: hosts that do not count, states that do. */
int wait_drained_read(struct wait_work *w, struct err *err);
/* True when no connection to the port is left: 1 or 0, -1 with err. */
int wait_drained(struct wait_work *w, struct err *err);

#endif
