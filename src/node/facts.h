/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module facts share. A collector adds facts of one kind to the open
 * dict of the result, by their full names; what the node does not have is left out.
 */
#ifndef NODE_FACTS_H
#define NODE_FACTS_H

#include "node/module.h"

#define FACTS_FILE_MAX (1u << 20) /* bytes of a file that facts are read from */

/* Kernel, architecture, and the names of the host. */
int facts_platform(struct node_call *c, struct err *err);
/* The distribution and its family. */
int facts_distribution(struct node_call *c, struct err *err);
/* The service manager. */
int facts_service_mgr(struct node_call *c, struct err *err);
/* The package manager. */
int facts_pkg_mgr(struct node_call *c, struct err *err);
/* The user that the helper runs as. */
int facts_user(struct node_call *c, struct err *err);
/* The environment. */
int facts_env(struct node_call *c, struct err *err);
/* The clock. */
int facts_date_time(struct node_call *c, struct err *err);
/* Processors. */
int facts_cpu(struct node_call *c, struct err *err);
/* Memory and how long the node is up. */
int facts_memory(struct node_call *c, struct err *err);
/* Interfaces, addresses, and the way out. */
int facts_network(struct node_call *c, struct err *err);

/* The first line of a file, in the arena; NULL when it cannot be read. */
const char *facts_line(struct node_call *c, const char *path);

#endif
