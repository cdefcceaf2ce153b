/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching units. Theory of operation: one question to the manager in the beginning gives
 * each unit's main process, and since when it is active; what it was up before counts. Then
 * we sleep on the processes' descriptors, so that the first death wakes us at once and waiting
 * costs nothing; where a unit has no main process, or the kernel no such descriptors, the
 * manager is asked every second. One question in the end decides.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/service_run.h"

#define SAMPLE_SECONDS 1.0
#define SETTLE_SECONDS 0.05 /* for a manager to notice what we saw */
#define WATCH_FDS      8    /* processes that are slept on; where there are more, we ask */

struct watch {
	struct service_work *work;
	struct service_state *first; /* what the units were in the beginning */
	struct service_state *now;
	int64_t *up_since; /* nanoseconds: from when on a unit counts as stable */
	int64_t needed;    /* nanoseconds */
	int fds[WATCH_FDS];
	unsigned fd_count;
	bool all_have_fds;
	bool hurry; /* a process was gone before it could be slept on */
};

static void close_processes(struct watch *w)
{
	for (unsigned i = 0; i < w->fd_count; i++)
		fd_close(&w->fds[i]);
	w->fd_count = 0;
}

/* Opens descriptors of the main processes as far as they go. */
static void open_processes(struct watch *w)
{
	close_processes(w);
	w->all_have_fds = w->work->count <= WATCH_FDS;
	w->hurry = false;
	for (size_t i = 0; i < w->work->count && w->fd_count < WATCH_FDS; i++) {
		pid_t pid = (pid_t)w->now[i].main_pid;
		int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
		if (fd >= 0)
			w->fds[w->fd_count++] = fd;
		else
			w->all_have_fds = false;
		w->hurry |= pid > 0 && fd < 0 && errno == ESRCH;
	}
}

static bool is_starting(const struct service_state *s)
{
	return strcmp(s->active, "activating") == 0 && strcmp(s->sub, "auto-restart") != 0;
}

/* Why a unit is not stable, as words behind its name; NULL while it is. */
static const char *trouble(
	struct arena *a, const struct service_state *first, const struct service_state *now)
{
	if (!service_is_active(now) && !is_starting(now))
		return service_describe(a, now);
	if (now->restarts > first->restarts)
		return arena_printf(a, "%s was restarted by its manager (%lld times)", now->id,
			(long long)(now->restarts - first->restarts));
	if (strcmp(now->invocation, first->invocation) != 0 && *first->invocation)
		return arena_printf(a, "%s was started anew meanwhile", now->id);
	return NULL;
}

static int fail(struct watch *w, const struct service_state *s, const char *why,
	struct strbuf *log, struct err *err)
{
	w->work->manager->log(w->work, s, log);
	return err_set(err, ERR_INTEGRITY, "not stable: %s", why);
}

/* Compares all units with what they were; the first trouble ends the watch. */
static int compare(struct watch *w, struct strbuf *log, struct err *err)
{
	for (size_t i = 0; i < w->work->count; i++) {
		const char *why = trouble(w->work->arena, &w->first[i], &w->now[i]);
		if (why)
			return fail(w, &w->now[i], why, log, err);
	}
	return 0;
}

/* From when on each unit counts; a unit that still starts has not begun. */
static void note_begin(struct watch *w, int64_t began)
{
	for (size_t i = 0; i < w->work->count; i++) {
		const struct service_state *s = &w->now[i];
		if (!service_is_active(s))
			w->up_since[i] = 0;
		else if (w->work->manager->keeps_invocations && s->since_us > 0)
			w->up_since[i] = s->since_us * 1000;
		else if (w->up_since[i] == 0)
			w->up_since[i] = began;
	}
}

/* When the last unit will have been up for long enough; never while one still starts. */
static deadline stable_at(const struct watch *w)
{
	deadline at = 0;

	for (size_t i = 0; i < w->work->count; i++) {
		if (w->up_since[i] == 0)
			return DEADLINE_NEVER;
		if (w->up_since[i] + w->needed > at)
			at = w->up_since[i] + w->needed;
	}
	return at;
}

/* When the manager is asked again at the latest. */
static deadline next_question(const struct watch *w, deadline at)
{
	if (w->hurry)
		return deadline_in(SETTLE_SECONDS);
	if (w->all_have_fds && at != DEADLINE_NEVER)
		return at;
	return deadline_min(at, deadline_in(SAMPLE_SECONDS));
}

/* Sleeps until the time is up, a process has ended, or it is time to ask again. */
static int sleep_once(struct watch *w, deadline at, struct err *err)
{
	struct pollfd fds[WATCH_FDS];
	deadline next = deadline_min(next_question(w, at), w->work->until);
	struct err why = {0};

	for (unsigned i = 0; i < w->fd_count; i++)
		fds[i] = (struct pollfd){.fd = w->fds[i], .events = POLLIN};
	if (call_wait(w->work->call, fds, w->fd_count, next, &why) >= 0)
		return call_sleep(w->work->call, deadline_in(SETTLE_SECONDS), err);
	return why.code == ERR_TIMEOUT ? 0 : err_set(err, why.code, "%s", why.text);
}

static int timed_out(struct watch *w, struct err *err)
{
	for (size_t i = 0; i < w->work->count; i++) {
		if (w->up_since[i] == 0 || clock_ns() < w->up_since[i] + w->needed)
			return err_set(err, ERR_TIMEOUT,
				"not stable for %.3g seconds within the time that was left: %s",
				(double)w->needed / 1e9,
				service_describe(w->work->arena, &w->now[i]));
	}
	return 0;
}

static int watch(struct watch *w, struct strbuf *log, struct err *err)
{
	struct service_work *work = w->work;

	if (work->manager->query(work, w->now, err) < 0)
		return -1;
	memcpy(w->first, w->now, work->count * sizeof(*w->first));
	note_begin(w, clock_ns());
	for (;;) {
		deadline at = stable_at(w);
		if (compare(w, log, err) < 0)
			return -1;
		if (deadline_passed(at))
			return 0;
		if (deadline_passed(work->until))
			return timed_out(w, err);
		open_processes(w);
		if (sleep_once(w, at, err) < 0 || work->manager->query(work, w->now, err) < 0)
			return -1;
		note_begin(w, clock_ns());
	}
}

int service_watch(struct service_work *work, double seconds, struct service_state *states,
	struct strbuf *log, struct err *err)
{
	struct watch w = {.work = work,
		.first = arena_array(work->arena, work->count, sizeof(*states)),
		.now = states,
		.up_since = arena_array(work->arena, work->count, sizeof(int64_t)),
		.needed = (int64_t)(seconds * 1e9)};

	int result = watch(&w, log, err);
	close_processes(&w);
	return result;
}
