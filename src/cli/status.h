/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet fleet-status` share: what each host has, beside what it is to
 * have. Internal to cli/.
 *
 * A round: status_read_store and status_read_journal say what is known here, the hosts are
 * asked by a worker each (status_ask), status_settle puts both together, and the printers make
 * a page, JSON or metrics of it. They look at settled hosts only, so tests make them up.
 */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include <sys/ioctl.h>

#include "base/vec.h"
#include "cli/engine.h"
#include "fleet/fleet.h"
#include "play/line.h"
#include "registry/reports.h"
#include "sync/content.h"
#include "sync/host.h"

/* By what it is known which version of a model a host runs; the first that tells counts. */
enum status_known {
	STATUS_UNKNOWN,
	STATUS_BY_CONFIG, /* a config on the host names the version's directory */
	STATUS_BY_LINK,   /* a link of model_set's linked_files leads to it */
	STATUS_BY_REPORT  /* the last command that changed or looked at the host noted it */
};

/* One model on one host. Strings live in the host's arena or with the resolution. */
struct status_model {
	const char *model, *wanted;
	const struct sync_result *result; /* NULL: the host keeps the store itself */
	const char *there;   /* the wanted version where it is, else the newest; NULL: none */
	struct strlist runs; /* versions in use, as far as known; sorted */
	enum status_known known;
	bool no_config; /* a config that is to name it is not on the host */
	uint64_t bytes; /* of all its versions on the host that were verified once */
};

/* A service that the variables name, as the node says it is. */
struct status_service {
	const char *name;
	const char *active; /* the manager's word: "active", "failed" ...; "" when unknown */
	const char *sub;    /* "running" */
	const char *error;  /* why its state is not known; NULL: it is */
	bool healthy;       /* it is up */
};

/* A transaction that lies on the node. */
struct status_transaction {
	const char *id, *state, *title, *outcome;
	int64_t created;
};

/* A version that lies on the node, or what an interrupted run left of one. */
struct status_version {
	const char *path; /* "MODEL/VERSION" */
	uint64_t bytes;   /* 0 where it was never verified */
	int64_t written;  /* of staging: when, seconds since 1970 */
	bool verified;
};
struct status_versions {
	struct status_version *items;
	size_t count, cap;
};

/* What a config on the host said of a model. */
struct status_named {
	const char *model;
	const char *version; /* NULL: the config is not there */
	enum status_known known;
};

/* One host. Filled by its worker; texts live in its arena. */
struct status_host {
	const char *name;
	struct vars_view *view;
	struct connection connection;
	struct line line; /* stays open between the rounds of --watch */
	const struct host_models *models;
	const struct status *status; /* all of it */
	struct arena arena;          /* of this round */

	/* What it answered. */
	bool reached;
	struct err err;
	struct sync_report report;
	struct status_versions there, staging; /* there: sorted by path */
	struct {
		struct status_named *items;
		size_t count, cap;
	} named;
	struct {
		struct status_service *items;
		size_t count, cap;
	} services;
	struct {
		struct status_transaction *items;
		size_t count, cap;
	} transactions;
	uint64_t disk_free, disk_total; /* 0: there is no directory for models yet */
	struct strlist problems;        /* what could not be looked at, in words */

	/* What is known here. */
	time_t deployed; /* 0: never, as far as known */
	const char *deploy_run;
	const char *deploy_outcome; /* NULL: another machine's deploy, by the store's report */
	const char *deploy_error;   /* why it did not come to its good end; NULL: it did */
	const struct report *reported; /* NULL: none */

	/* What follows from all that (status_settle). */
	struct {
		struct status_model *items;
		size_t count, cap;
	} rows;
	struct status_versions extra; /* versions that nobody wants or runs */
};

/* How the hosts of a round are shown. */
struct status_page {
	bool all;       /* every host by itself, with all its models */
	unsigned width; /* of the terminal; 0: no limit */
	time_t now;
};

struct status {
	struct engine engine;
	const char *models; /* -m */
	const char *metrics;
	bool verify, watch, all;
	double interval; /* seconds between rounds */
	struct registry_site registry;
	struct content *content;
	struct status_host *hosts;
	size_t count;

	struct reports reports;
	struct err reports_err;    /* why they could not be read */
	bool running;              /* another run holds the site's lock: */
	struct lock_holder holder; /* who */
	time_t began;              /* this round */
	double seconds;            /* that it took */
	struct tell *tell;         /* who tells a registry; NULL: nobody */
};

/* How a host stands. */
enum status_state { STATUS_AS_WANTED, STATUS_DIFFERS, STATUS_AWAY, STATUS_STATES };

/* ---- asking ---- */

/*
 * Resolves what the hosts that the words name (none: all that --limit leaves) are to have.
 * Nothing is asked yet (status_round.c).
 */
int status_prepare(struct status *s, const struct strlist *words, struct err *err);
/* Forgets hosts and what is wanted; the lines are closed. */
void status_forget(struct status *s);
/* Asks all hosts once, and settles what is known of them (status_round.c). */
int status_round(struct status *s, struct err *err);
/* Asks one host; a worker of fleet_run whose data is a struct status_host (status_host.c). */
int status_ask(struct fleet_worker *w, void *host, struct err *err);
/* Forgets what a host answered; its line stays open (status_host.c). */
void status_clear(struct status_host *h);
/* Fills in the last deploys from the site's journal and the store's reports. */
void status_read_journal(struct status *s);
/* Reads the store's reports, and who holds the site's lock (status_journal.c). */
void status_read_store(struct status *s);
/*
 * Rounds until an interrupt: the exit code of the last whole one, EXIT_INTERRUPTED where there
 * was none, or -1 with err (status_watch.c).
 */
int status_watch(struct status *s, const struct strlist *words, struct err *err);

/* ---- what follows (status_settle.c) ---- */

/*
 * Appends the versions of a model that a config's text names as MODEL/YYYY-MM-DD, sorted, each
 * once. Lines that begin with '#' or ';' are comments.
 */
void status_scan_config(const char *text, const char *model, struct strlist *versions);
/* Makes the rows of a host and the versions that nobody wants out of what is known of it. */
void status_settle(struct status_host *h);
/* The state of a host that was asked and settled. */
enum status_state status_of(const struct status_host *h);
/* The word for it in events: "as_wanted", "differs", "away". */
const char *status_state_name(enum status_state state);
/* True if a model is on its host as wanted, and nothing says that another version runs. */
bool status_model_fine(const struct status_model *m);
/*
 * The word for how a model stands on a host: "ok", "absent", "differs", "drifted", "failed",
 * "no config", "runs other", or "in store" for a host that keeps the store.
 */
const char *status_model_word(const struct status_model *m);
/* The word for how it is known what runs: "config", "link", "report", ""; never NULL. */
const char *status_known_word(enum status_known known);
/* The exit code of a round: the gravest of its hosts. */
int status_exit_code(const struct status *s);

/* ---- showing ---- */

/* The size of the terminal that standard output is; 80 columns and no rows for any other. */
struct winsize status_terminal(void);
/* Appends a page for people (status_print.c). */
void status_add_page(
	const struct status *s, const struct status_page *page, struct strbuf *out);
/* Appends the hosts and their models, equal hosts together (status_table.c). */
void status_add_table(
	const struct status *s, const struct status_page *page, struct strbuf *out);
/* Appends one JSON object a host, and one for all (status_json.c). */
void status_add_json(const struct status *s, int exit_code, struct strbuf *out);
/* Writes the metrics to the file of --metrics, in one step; nothing without that. */
int status_write_metrics(const struct status *s, struct err *err);
/* Appends the text that Prometheus' node_exporter reads (status_metrics.c). */
void status_add_metrics(const struct status *s, struct strbuf *out);
/* Appends names between commas, the first ones alone where there are many. */
void status_add_names(const struct strlist *names, size_t max, struct strbuf *out);
/* Appends a node's text with question marks for what would move the cursor. */
void status_add_clean(struct strbuf *out, const char *text);
/* Appends what --all tells of a host beside its models: last deploy, disk, what lies around. */
void status_add_details(const struct status_host *h, time_t now, struct strbuf *out);

#endif
