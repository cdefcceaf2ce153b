/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: connections from the node whose bytes the engine reads and writes by number.
 */
#ifndef NODE_TUNNEL_H
#define NODE_TUNNEL_H

struct tunnels;

/* Closes all tunnels; NULL is fine. */
void tunnels_free(struct tunnels *t);

#endif
