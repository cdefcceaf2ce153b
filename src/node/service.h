/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services of a node: their state, and how it is changed, behind one table of managers:
 *
 *     systemd        the system's units, by systemctl
 *     systemd_user   the units of the helper's user, by systemctl --user
 *     commands       one service that the operator's own commands start, stop and ask
 *
 * Everything works for a module's call (which sends signs of life meanwhile) and without one:
 * a transaction that the watchdog takes back has no engine. Nothing here records anything;
 * who changes a service within a transaction records it first.
 *
 * As few processes as possible: states of all units are learnt by one `systemctl show`, and
 * several units are restarted by one `systemctl restart`.
 */
#ifndef NODE_SERVICE_H
#define NODE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/transaction.h"

struct node_call;

#define SERVICE_UNITS_MAX    64 /* of one call */
#define SERVICE_LOG_LINES    10
#define SERVICE_LOG_MAX      8192  /* bytes of a log that an error or a result shows */
#define SERVICE_COMMAND_TIME 60    /* seconds for a question to a manager */
#define SERVICE_RESTORE_TIME 90    /* seconds to bring one service back */
#define SERVICE_WATCH_MAX    86400 /* seconds */

enum service_action {
	SERVICE_START,
	SERVICE_STOP,
	SERVICE_RESTART,
	SERVICE_RELOAD,
	SERVICE_ENABLE,
	SERVICE_DISABLE,
	SERVICE_MASK,
	SERVICE_UNMASK
};

/* What is known about a unit. Texts are the arena's and never NULL; "" is not known. */
struct service_state {
	const char *name;       /* as it was asked for */
	const char *id;         /* with its suffix: "ssh.service" */
	const char *load;       /* loaded, not-found, masked, error, bad-setting */
	const char *active;     /* active, inactive, failed, activating, deactivating, ... */
	const char *sub;        /* running, exited, dead, start-pre, auto-restart, ... */
	const char *enabled;    /* enabled, disabled, static, masked, ... */
	const char *result;     /* success, exit-code, signal, timeout, ... of the last run */
	const char *invocation; /* changes with each start */
	int64_t main_pid;       /* 0: none */
	int64_t restarts;       /* that the manager did by itself */
	int64_t exit_status;    /* of the main process's last run */
	int64_t since_us;       /* CLOCK_MONOTONIC of the last way into active; 0: never */
	int64_t job;            /* number of the job that is queued for it; 0: none */
	bool need_reload;       /* its files are newer than what the manager read */
	const char *properties; /* with `all_properties`: the manager's own lines NAME=VALUE */
	size_t properties_len;
};

/* What starts, stops and asks a service of the manager `commands`: lines for /bin/sh. */
struct service_commands {
	const char *start, *stop, *restart, *reload, *status; /* NULL: there is none */
};

/* A piece of work for a manager. */
struct service_work {
	const struct service_manager *manager;
	const char *const *units;
	size_t count;
	struct service_commands commands; /* of the manager `commands` */
	bool all_properties;              /* ask for everything that the manager knows */
	struct arena *arena;              /* of all results */
	struct node_call *call;           /* NULL: nobody waits for signs of life */
	deadline until;                   /* of the whole work */
	int64_t log_since; /* seconds since 1970: older lines do not matter; 0: all */
};

struct service_manager {
	const char *name;
	/* Fills in the state of each unit of the work, in their order. */
	int (*query)(struct service_work *w, struct service_state *states, struct err *err);
	/*
	 * Does something to units, all of them at once, and waits until it is done, unless
	 * `wait` is false. ERR_TIMEOUT at the work's deadline: what was asked for goes on.
	 */
	int (*act)(struct service_work *w, enum service_action action, const char *const *units,
		size_t count, bool wait, struct err *err);
	/* Reads the units' files again; NULL: such a manager has none. */
	int (*daemon_reload)(struct service_work *w, struct err *err);
	/* Starts the manager itself again, with its services kept; NULL likewise. */
	int (*daemon_reexec)(struct service_work *w, struct err *err);
	/* Makes a unit inactive whatever it hangs in, and forgets that it failed. */
	int (*halt)(struct service_work *w, const char *unit, struct err *err);
	/* Forgets that units failed, and how often: a limit of starts counts it. NULL: nothing
	 * is kept. */
	void (*forget)(struct service_work *w, const char *const *units, size_t count);
	/* Appends the last lines of a unit's log; nothing when they cannot be read. */
	void (*log)(struct service_work *w, const struct service_state *s, struct strbuf *out);
	bool keeps_invocations; /* `since_us` and `invocation` tell a restart */
};

/* The manager with a name; NULL with ERR_INPUT that lists those there are. */
const struct service_manager *service_manager_find(const char *name, struct err *err);
/* A state in which nothing is known of a unit yet but its name, and whether it is loaded. */
void service_state_init(struct service_state *s, const char *unit, const char *load);
/* True while a unit runs: active, or on its way from there to there (reloading). */
bool service_is_active(const struct service_state *s);
/* Words for people: "rec.service is failed (failed), result exit-code, status 3". */
const char *service_describe(struct arena *a, const struct service_state *s);

/*
 * Brings a service back to what was recorded, whatever it hangs in: halts it, and starts it
 * again if it was active, so that it reads the files that were put back before. Units whose
 * files changed are read again first. While booting, only what decides about starting is put
 * back (files, enabled): starting is the boot's own work. `call` may be NULL.
 * -1 with err that says what the manager knows.
 */
int service_restore(const struct transaction_service *s, bool booting, struct node_call *call,
	struct err *err);

/*
 * Waits until every unit has been active for so many seconds without a restart; counts the
 * time that it was before. -1 at once when one is not, with its state in err and the last
 * lines of its log in `log`. `states` is filled in either way, as it is at the end.
 */
int service_watch(struct service_work *w, double seconds, struct service_state *states,
	struct strbuf *log, struct err *err);

#endif
