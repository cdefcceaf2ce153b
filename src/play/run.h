/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running playbooks: plays one after the other, hosts of a batch at once, one runner a host.
 *
 * Theory of operation. run_playbook works a play as fleet_run's batches. A worker takes its
 * host through the whole play: tasks, then the handlers that were notified, then (in a play
 * with a transaction) the confirm. Hosts do not wait for each other. Before every task a
 * worker looks whether the batch is over its failure limit. Links stay open between plays.
 *
 * A host that fails in a play with a transaction is taken back at once: files first, then
 * services, then the play's health checks once more. Its state is then `rolled back`, and it
 * takes no part in what follows.
 *
 * Workers tell what happens as run events; the listener is called on the thread that called
 * run_playbook, in each host's order.
 */
#ifndef PLAY_RUN_H
#define PLAY_RUN_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/diag.h"
#include "fleet/fleet.h"
#include "inventory/inventory.h"
#include "link/link.h"
#include "play/playbook.h"
#include "sync/connection.h"
#include "sync/content.h"
#include "sync/host.h"
#include "vars/vars.h"

/* What became of a task, or of one item of its loop, on a host. */
enum task_outcome {
	TASK_OK,
	TASK_CHANGED,
	TASK_SKIPPED,
	TASK_FAILED,
	TASK_IGNORED, /* failed, and ignore_errors says that it does not matter */
	TASK_RESCUED, /* failed, and a rescue section took over */
	TASK_UNREACHABLE
};

/* What became of a host's transaction. */
enum undo_outcome {
	UNDO_NONE,      /* nothing had to be taken back */
	UNDO_HEALTHY,   /* taken back, and its checks pass again */
	UNDO_UNCHECKED, /* taken back; the play has no checks */
	UNDO_UNHEALTHY, /* taken back, and the checks fail all the same */
	UNDO_FAILED,    /* could not be taken back whole */
	UNDO_LEFT       /* the node is out of reach: its watchdog does it */
};

struct host_counts {
	unsigned ok, changed, unreachable, failed, skipped, rescued, ignored;
};

/* One host of a run; made once, whatever plays it is in. */
struct run_host {
	const struct host *host;
	const char *name;
	struct vars_view *view; /* the caller's; the worker's while a play runs */
	struct connection connection;
	const struct host_models *models; /* NULL: no set was resolved for it */
	struct runner *runner;            /* made by run_playbook; NULL before */
	/* While a play works on it, for the listener's fleet_get_progress; else NULL. */
	const struct fleet_host *fleet;

	/* Filled in by the run; read by the listener once the host has ended a play. */
	struct host_counts counts;
	bool joined;      /* it came to the run when that was under way */
	bool failed;      /* it is out of the run */
	bool unreachable; /* likewise */
	bool stopped; /* likewise: a limit or an interrupt ended its play; it did not fail */
	enum undo_outcome undo;
	bool confirmed;      /* a transaction of this run was confirmed, and stands */
	struct err err;      /* the first failure */
	struct err undo_err; /* why it could not be taken back, or why it is not healthy */
	const struct step *failed_step;
	struct sync_report
		report; /* of sync_models; summed over plays by the caller's reading */
	struct link_stats link;
	bool connected;
};

enum run_event_kind {
	RUN_PLAY,  /* a play begins; host NULL */
	RUN_BATCH, /* a batch begins: number, total as in FLEET_EVENT_BATCH */
	RUN_HOST,  /* a host begins a play */
	RUN_PHASE, /* a host enters a phase: text, one of "connect", "sync", "render",
		      "restart",  "check", "soak", "confirm", "undo", or "task" */
	RUN_TASK,  /* a host begins a task: step; NULL for the gathering of facts. A `meta` task
		      has no RUN_RESULT */
	RUN_RETRY, /* an attempt of a task failed, others follow: number of those left */
	RUN_ASYNC, /* of a task's job: text "POLL", "OK" or "FAILED", result what is known of it
		    */
	RUN_INCLUDED, /* a file of tasks was included: step, text; those tasks follow */
	RUN_ITEM,     /* one item of a loop is done: step, outcome, result, label */
	RUN_RESULT,   /* a task is done: step, outcome, result */
	RUN_UNDO,     /* a host was taken back: host->undo */
	RUN_WARNING,  /* text; number 1: not of the host alone */
	RUN_HOST_END, /* a host has ended the play */
	RUN_SAY,      /* text of a person's question, told as it is; host may be NULL */
	RUN_TERMINAL, /* a person is asked (number 1) or no more (0); host may be NULL */
	RUN_STOP,     /* a limit ended the run: text */
	RUN_PLAY_END,
	RUN_TICK
};

struct run_event {
	enum run_event_kind kind;
	const struct play *play;
	struct run_host *host; /* NULL for events of the run */
	const struct step *step;
	const char *title; /* of the step or play, rendered for the host; NULL for none */
	enum task_outcome outcome;
	const struct value *result; /* valid during the call; secrets already taken out */
	const char *label;          /* of a loop's item */
	const char *delegate;       /* the host that worked for it; NULL: itself, or none */
	bool handler;
	uint64_t place; /* of the step, growing on each host; see include.h */
	uint64_t number, total;
	const char *text;
	int64_t at_ns;
};

typedef void (*run_listener)(void *data, const struct run_event *e);

/* A question to whoever started the run, asked between plays. */
struct run_question {
	const char *text; /* shown in front of the answer, without ": " */
	bool hidden;      /* what is typed is not shown */
};

/* A wait that a person may end, or ends with a text. */
struct run_pause {
	double seconds; /* negative: until Enter */
	bool echo;      /* show what is typed; not with a time */
	/* Called once keys can be read: tells what can be done. */
	void (*begin)(void *data);
	/* Tells a line. */
	void (*say)(void *data, const char *line);
	/* Called every second or so; -1 with err when the wait has to end. */
	int (*keep)(void *data, struct err *err);
	void *data; /* of these */
};

/*
 * How a run asks somebody: 1 when that was done, 0 where nobody is there, -1 with err. `ask` is
 * called on the thread of run_playbook, `pause` on that of a host.
 */
struct run_person {
	int (*ask)(void *data, const struct run_question *q, struct strbuf *answer,
		struct err *err);
	int (*pause)(
		void *data, const struct run_pause *q, struct strbuf *input, struct err *err);
	void *data;
};

/* What the caller gives to a run. */
struct run_options {
	/* Playbooks add hosts and groups to both; hosts' threads look at the inventory by vars.
	 */
	struct vars_site *vars;
	const struct inventory *inventory;
	const struct secrets *secrets;
	struct content *content;  /* for sync_models; NULL: it is refused */
	struct sync_options sync; /* its holder, repair, rehash, stall */
	struct strlist tags, skip_tags;
	struct strlist said_tags; /* --tags as given, names of models too: ansible_run_tags */
	const char *limit;        /* --limit; NULL: all */
	const char *roles_path;   /* as in playbook_options, for roles that are included */
	const struct play_places *places; /* likewise */
	const char *interpreter; /* Python's on the nodes, where no variable says; or NULL */
	int verbosity;           /* of -v, for modules */
	const struct step *start_at; /* the first task that is done (start.h); NULL: all */
	/*
	 * Whether a task is done, asked by every host's thread when it comes to it; NULL: all
	 * are.
	 */
	bool (*step)(void *step_data, const struct step *s);
	void *step_data;
	const struct run_person *person; /* NULL: nobody can be asked */
	bool check, diff;
	bool rollback_on_abort; /* take back hosts that are done when a limit ends the run */
	bool force_handlers;
	/*
	 * Plays are about different hosts: one of a single batch whose hosts all failed does
	 * not end the run, as it does by Ansible's rule.
	 */
	bool plays_apart;
	/* Beat the play's own words, for deploy-models' options; NULL or negative: as written.
	 */
	const struct value *serial, *soak;
	double max_fail_percentage; /* NAN: as written */
	double confirm_timeout;     /* negative: as written */
	unsigned forks;
	double connect_timeout, host_timeout, tick;
	const char *run_id; /* names the transactions; letters, digits, '-', '.' */
	const char *title;  /* of the run, for people who find a transaction on a node */
	const struct cancel *cancel;
	run_listener listener;
	void *listener_data;
};

#define RUN_MAX_NEW_HOSTS 4096 /* that a run takes beside those that it begins with */

struct run {
	const struct run_options *o;
	const struct playbook *playbook;
	struct run_host *hosts;    /* every host that some play may touch */
	size_t count;              /* grows between plays, where playbooks add hosts */
	size_t room;               /* for how many there is memory; 0: no host is added */
	bool stopped;              /* a limit or an interrupt ended it */
	struct run_shared *shared; /* run_playbook's own */
};

/*
 * Runs a playbook. `hosts` are the inventory's hosts that the caller has prepared (view and
 * connection read); a play works on those of them that its pattern and the limit select. A run
 * may go on with a further playbook: hosts keep what was set and registered, and their links.
 * Returns 0 when it ran (see the hosts for what became of them), -1 with err when it could
 * not be run at all.
 */
int run_playbook(struct run *run, struct err *err);
/* Ends links and frees the runners. */
void run_release(struct run *run);

#endif
