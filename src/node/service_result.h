/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules `service` and `watch` share: their arguments, and how states are told.
 */
#ifndef NODE_SERVICE_RESULT_H
#define NODE_SERVICE_RESULT_H

#include "node/module.h"
#include "node/service.h"

/* Fills in the work that the arguments `manager`, `units`, `commands` and `timeout` describe.
 */
int service_work_init(struct service_work *w, struct node_call *c, struct err *err);
/* What `systemctl is-enabled` would say by its exit status; -1 when that is not known. */
int service_is_enabled(const struct service_state *s);
/* Writes `units`; `changed` holds a boolean for each unit, or is NULL. */
void service_put_units(struct node_call *c, const struct service_work *w,
	const struct service_state *states, const bool *changed);
/* Writes a failure: `failed`, `msg`, and `log` if there is one. */
void service_put_failure(struct node_call *c, const struct err *failure, const char *log);

#endif
