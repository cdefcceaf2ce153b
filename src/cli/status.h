/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet fleet-status` share: what each host has, beside what it is to
 * have. Internal to cli/.
 */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "base/vec.h"
#include "cli/engine.h"
#include "fleet/fleet.h"
#include "sync/content.h"
#include "sync/host.h"

/* A service that the variables name, as the node says it is. */
struct status_service {
	const char *name;
	const char *active; /* the manager's word: "active", "failed" ...; "" when unknown */
	const char *sub;    /* "running" */
	bool healthy;       /* it is up */
};

/* A transaction that lies on the node. */
struct status_transaction {
	const char *id, *state, *title, *outcome;
	int64_t created;
};

/* One host. Filled by its worker; texts live in its arena. */
struct status_host {
	const char *name;
	struct vars_view *view;
	struct connection connection;
	const struct host_models *models;
	const struct status *status; /* all of it */
	struct arena arena;
	bool reached;
	struct err err;
	struct sync_report report;
	struct strlist there; /* "MODEL/VERSION" of all versions on the node */
	struct {
		struct status_service *items;
		size_t count, cap;
	} services;
	struct err services_err; /* why they cannot be told */
	struct {
		struct status_transaction *items;
		size_t count, cap;
	} transactions;
	/* By the journal; NULL: never. */
	const char *deployed, *deploy_run, *deploy_outcome;
};

struct status {
	struct engine engine;
	const char *models; /* -m */
	struct registry_site registry;
	struct content *content;
	struct status_host *hosts;
	size_t count;
};

/* How a host stands. */
enum status_state { STATUS_AS_WANTED, STATUS_DIFFERS, STATUS_AWAY };
/* The state of a host that was asked. */
enum status_state status_of(const struct status_host *h);
/* The word for how a model stands on a host: "ok", "absent", "differs", "drifted". */
const char *status_model_word(const struct sync_result *r);

/* Asks one host; a worker of fleet_run whose data is a struct status_host (status_host.c). */
int status_ask(struct fleet_worker *w, void *host, struct err *err);
/* Fills in the last deploys from the site's journal (status_journal.c). */
void status_read_journal(struct status *s);

/* Appends the versions of a model on a host, newest first, between commas; "-" for none. */
void status_add_versions(const struct status_host *h, const char *model, const char *separator,
	struct strbuf *out);
/* Prints a table for people (status_print.c). */
void status_print_text(const struct status *s);
/* Prints one JSON object a host, and one for all. */
void status_print_json(const struct status *s, int exit_code);

#endif
