/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many hosts at once.
 *
 * fleet_run gives every host of a batch a worker thread of its own with a small stack. A
 * worker's code is straight-line; what it wants to show goes as events to the one thread
 * that called fleet_run, which owns the terminal. `forks` bounds how many workers work at a
 * time: it is a number of tokens, not of threads, and a worker gives its token back while it
 * waits for other workers. Batches follow each other; after each, the failure limits decide
 * whether the next one starts.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

enum fleet_state {
	FLEET_WAITING, /* not started; after the run: left out by a limit or an interrupt */
	FLEET_RUNNING,
	FLEET_OK,          /* the work returned 0 */
	FLEET_FAILED,      /* the work returned -1 */
	FLEET_UNREACHABLE, /* the same with ERR_UNREACHABLE or ERR_AUTH, or ERR_TIMEOUT before
			      fleet_reached */
	FLEET_CANCELLED    /* the same with ERR_CANCELLED */
};

/* Numbers of a host that change often: any thread may read them, none waits for them. */
struct fleet_progress {
	const char *phase; /* a string constant, or NULL */
	uint64_t done;     /* bytes */
	uint64_t total;
};

/* One host: name and data are the caller's, the rest is filled in by fleet_run. */
struct fleet_host {
	const char *name;
	void *data;             /* for the work function */
	enum fleet_state state; /* final when fleet_run returned */
	struct err err;         /* why, when it is not FLEET_OK */
	unsigned batch;         /* from 0 */
	int64_t started_ns;     /* CLOCK_MONOTONIC; 0 when it never started */
	int64_t ended_ns;
	struct fleet_progress progress; /* read it with fleet_get_progress */
};

/* How many hosts a batch has: a count, or a percentage of all hosts (rounded down, at least 1).
 */
struct fleet_batch {
	unsigned count;
	double percent; /* used when count is 0 */
};

struct fleet_options {
	unsigned forks; /* hosts in work at a time; 0: all of the batch */
	const struct fleet_batch
		*serial; /* batches; the last repeats; NULL: one of all hosts */
	size_t serial_count;
	double max_fail_percentage; /* of a batch; the run stops when more fail; negative: none
				     */
	bool any_errors_fatal;      /* any failure ends the run with its batch */
	double host_timeout;        /* seconds a host may work; 0 or less: no limit */
	double tick;                /* seconds between ticks; 0 or less: no ticks */
	const struct cancel *cancel;
};

enum fleet_event_kind {
	FLEET_EVENT_BATCH,   /* a batch begins: number = its index, total = its hosts */
	FLEET_EVENT_START,   /* a host begins to work */
	FLEET_EVENT_PHASE,   /* a host enters the phase `phase` */
	FLEET_EVENT_RESULT,  /* something was done: `text` what, number and total as agreed by
				the  caller's own kinds */
	FLEET_EVENT_WARNING, /* `text` */
	FLEET_EVENT_INFO,    /* `text`, for -v */
	FLEET_EVENT_END,     /* a host is done: its state and err are final */
	FLEET_EVENT_STOP,    /* a limit ended the run: `text` says which */
	FLEET_EVENT_TICK     /* time to redraw; no host */
};

struct fleet_event {
	enum fleet_event_kind kind;
	int code;                /* the caller's own distinction, e.g. of results; else 0 */
	struct fleet_host *host; /* NULL for events of the run */
	const char *phase;       /* a string constant, or NULL */
	uint64_t number;
	uint64_t total;
	const char *text; /* valid during the call; NULL for none */
	void *payload;    /* the caller's own (fleet_post); valid during the call */
	void (*release)(void *payload); /* frees it afterwards; NULL: nothing to free */
	int64_t at_ns;                  /* when the worker said so */
};

struct fleet_worker;

/* The work for one host. Returns 0, or -1 with err; runs on the host's thread. */
typedef int (*fleet_work)(struct fleet_worker *w, void *data, struct err *err);
/* Gets every event, on the thread that called fleet_run. */
typedef void (*fleet_listener)(void *data, const struct fleet_event *e);

/*
 * Runs the work for every host and returns when all workers have ended: 0 when every host
 * is FLEET_OK, 1 when some is not, -1 with err when the run itself could not be done.
 * After the first interrupt no further host starts; those in work see the cancel token.
 */
int fleet_run(struct fleet_host *hosts, size_t count, const struct fleet_options *o,
	fleet_work work, fleet_listener listener, void *listener_data, struct err *err);

/* The host a worker works for. */
struct fleet_host *fleet_worker_host(struct fleet_worker *w);
/* When the host's time is up. */
deadline fleet_deadline(const struct fleet_worker *w);
/* The run's cancel token, for link_open and wait_fds. */
const struct cancel *fleet_cancel(const struct fleet_worker *w);
/* Says that the host was reached: later timeouts are failures, not unreachability. */
void fleet_reached(struct fleet_worker *w);

/* Enters a phase (a string constant): an event, and the phase of the host's progress. */
void fleet_phase(struct fleet_worker *w, const char *phase);
/* Sends an event; text may be NULL and is copied. Waits while the queue is full. */
void fleet_emit(struct fleet_worker *w, enum fleet_event_kind kind, int code, uint64_t number,
	uint64_t total, const char *text);
/*
 * Sends a FLEET_EVENT_RESULT with a payload of the caller's own, which `release` frees once
 * the listener has seen it. Waits while the queue is full.
 */
void fleet_post(
	struct fleet_worker *w, int code, void *payload, void (*release)(void *payload));
/* Sets the numbers that a live display samples; costs no event. */
void fleet_set_progress(struct fleet_worker *w, uint64_t done, uint64_t total);
/* Reads a host's numbers; for the listener. */
void fleet_get_progress(const struct fleet_host *host, struct fleet_progress *out);

/* Gives the worker's token back, before it waits for another worker. */
void fleet_yield(struct fleet_worker *w);
/*
 * Takes a token again after fleet_yield. -1 with err when cancelled or timed out; the worker
 * has no token then, and must return.
 */
int fleet_resume(struct fleet_worker *w, struct err *err);

#endif
