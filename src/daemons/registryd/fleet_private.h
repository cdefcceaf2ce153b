/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fleet.h share. */
#ifndef REGISTRYD_FLEET_PRIVATE_H
#define REGISTRYD_FLEET_PRIVATE_H

#include <pthread.h>

#include "base/str.h"
#include "daemons/registryd/fleet.h"

struct fleet {
	char *uri;
	pthread_mutex_t lock; /* of the connection */
	struct sql *sql;
};

/* Makes the tables (fleet_schema.c). */
int fleet_migrate(struct sql *sql, struct err *err);

/* A batch that is being taken, in a transaction. */
struct taking {
	struct sql *sql;
	const struct fleet_batch *batch;
	char now[32];    /* when it came */
	char at[32];     /* when the event at hand was, at most now */
	int64_t number;  /* of the last event that was kept */
	int64_t taken;   /* events of this batch */
	bool may_exceed; /* it may have made more rows than are kept */
};

/* Runs a statement whose number of rows does not matter. */
int taking_run(struct taking *t, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err);
/* A member's text as an argument; NULL where it has none. */
struct sql_arg taking_text(const struct value *event, const char *name);
/* The text of a member `error` likewise. */
struct sql_arg taking_error(const struct value *event);
/* A member that has to be a name: not empty, and no longer than FLEET_NAME_MAX. */
const char *taking_name(const struct value *event, const char *name, struct err *err);

/* ---- events of a rollout (fleet_take_run.c) ---- */

/* A run begins: its hosts wait. */
int take_run_start(struct taking *t, const struct value *event, struct err *err);
/* A host begins, or goes to another phase. */
int take_progress(struct taking *t, const struct value *event, struct err *err);
/* What became of a model on a host. */
int take_model(struct taking *t, const struct value *event, struct err *err);
/* A host is done. */
int take_host_end(struct taking *t, const struct value *event, struct err *err);
/* The run is over. */
int take_run_end(struct taking *t, const struct value *event, struct err *err);

/* ---- states (fleet_take_host.c) ---- */

/* A model on a host. */
struct model_state {
	const char *host, *model, *state;
	struct sql_arg version, wanted, error;
	int64_t drift;
	const struct value *drifted; /* a LIST of texts, or NULL */
};
/* Keeps it, unless what is known is newer. */
int taking_put_state(struct taking *t, const struct model_state *state, struct err *err);
/* The same of a host as a whole; a health of NULL leaves what is known. */
int taking_put_host(struct taking *t, const char *host, const char *state, const char *health,
	struct sql_arg error, struct err *err);
/* What fleet-status saw of a host. */
int take_look(struct taking *t, const struct value *event, struct err *err);

#endif
