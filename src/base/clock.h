/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: monotonic deadlines, wall-clock text, calendar dates, and the one way to wait.
 *
 * A deadline is a point of CLOCK_MONOTONIC in nanoseconds; DEADLINE_NEVER means none.
 * A cancel token is how an interrupt reaches every wait: it owns a descriptor that becomes
 * readable once, for all, when the operator interrupts.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

typedef int64_t deadline;
#define DEADLINE_NEVER INT64_MAX

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t clock_ns(void);
/* The deadline that lies seconds from now; a negative number means never. */
deadline deadline_in(double seconds);
/* The earlier of two. */
deadline deadline_min(deadline a, deadline b);
/* True once the deadline has passed. */
bool deadline_passed(deadline d);
/* Milliseconds until the deadline for poll(2): rounded up, 0 when passed, -1 for never. */
int deadline_poll_ms(deadline d);

/*
 * Writes "2026-02-25T21:00:00Z" (20 characters and NUL; more from the year 10000 on) for a
 * time_t, and nothing for one that lies beyond the calendar of the C library.
 */
void clock_rfc3339(time_t t, char out[32]);
/* Parses what clock_rfc3339 writes, with Z or a numeric offset; false otherwise. */
bool clock_parse_rfc3339(const char *s, time_t *out);
/* True if s is YYYY-MM-DD and names a day of the calendar (2024-02-29 yes, 2023-02-29 no). */
bool clock_is_date(const char *s);

struct cancel {
	int fd;        /* readable once cancelled; poll it, never read it */
	int write_fd;  /* the other end; -1 for an eventfd */
	int requested; /* atomic: 0 go on, 1 finish or undo, 2 stop now */
	/*
	 * Called by every wait with this token, and within it after so many seconds again (a
	 * negative number: not again), so that a supervisor hears of whoever waits long. NULL:
	 * nobody does.
	 */
	void (*pulse)(void);
	double pulse_every;
};

/* Makes a token. Returns -1 with err on failure. */
int cancel_init(struct cancel *c, struct err *err);
/* Requests cancellation; safe in a signal handler; a second request means "stop now". */
void cancel_request(struct cancel *c);
/* 0 while nobody asked, else 1 or 2. A NULL token is never cancelled. */
int cancel_level(const struct cancel *c);
/* Closes the descriptors. */
void cancel_release(struct cancel *c);

struct pollfd;
/*
 * The one wait of the project: poll(2) on fds until one is ready, the deadline passes
 * (ERR_TIMEOUT) or the token is cancelled (ERR_CANCELLED). Returns the number of ready
 * descriptors, or -1 with err. EINTR is retried. At most 14 descriptors.
 */
int wait_fds(struct pollfd *fds, unsigned count, deadline d, const struct cancel *c,
	struct err *err);
/* Sleeps until the deadline (returns 0) or cancellation (-1, ERR_CANCELLED). */
int wait_until(deadline d, const struct cancel *c, struct err *err);

#endif
