/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link is made of. Private to link/.
 */
#ifndef LINK_PRIVATE_H
#define LINK_PRIVATE_H

#include "link/bootstrap.h"
#include "link/memory.h"
#include "link/pump.h"
#include "link/transport.h"

#define LINK_CTX_MAX 16

struct link {
	struct arena arena;          /* of what lives as long as the link */
	struct link_options options; /* during link_open the caller's; afterwards our copies */
	const struct cancel *cancel;
	struct ssh_settings settings;
	struct host_memory memory;
	struct transport *transport;
	struct pump *pump;
	uint32_t last_id;
	struct wire_hello hello;
	char *helper_file;                /* on the node, absolute or with "~/" */
	const char *become[LINK_CTX_MAX]; /* the user behind a ctx */
	bool installed;
	uint32_t prune_id;  /* of the request whose answer nobody waits for; 0 for none */
	int64_t opened_ns;  /* when link_open began */
	int64_t connect_ns; /* durations, as in link_stats */
	int64_t start_ns;
};

/*
 * Connects by the transport that the options, the ssh configuration and memory suggest, and
 * starts the helper; falls back to the ssh program where libssh2 cannot do it.
 */
int link_connect(struct link *link, deadline until, struct err *err);

#endif
