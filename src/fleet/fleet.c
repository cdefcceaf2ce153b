/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation.
 *
 * The thread that calls fleet_run is the owner. It owns the terminal, the hosts' states and
 * the decision which host starts; workers own nothing but their host's data. All that a
 * worker has to say goes through one bounded queue, in order, and the owner hands it to the
 * listener; so the listener and everything it touches need no lock.
 *
 * The owner's loop: start workers while there are tokens and hosts; wait for the queue, the
 * next tick or an interrupt; take the events. A worker's last event is END; on it the owner
 * joins the thread, settles the host's state and counts failures. A batch is over when all
 * that were started have ended, and only then do the limits decide about the next one. They
 * are looked at after every END, too, so that a batch that has failed starts no more hosts.
 *
 * Tokens: the owner takes one for each worker that it starts, and the worker gives it back at
 * its end. In between, a worker that waits for others gives its token back (fleet_yield) and
 * takes one again (fleet_resume); those who resume go before new hosts, or a run with one
 * token could begin all hosts and end none. fleet_yield nudges the owner, which may start
 * another host with the token.
 *
 * Interrupts: after the first one, the owner starts no further host, and waits for those in
 * work, which see the same cancel token in every wait. A queue that is full makes workers
 * wait without deadline; that is safe, because the owner takes events until the last worker
 * has ended.
 *
 * What two threads share: the queue (its lock), the tokens (an eventfd), and each host's
 * progress (atomics). A worker's result is written before END and read after the join.
 */
#include "fleet/fleet.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "fleet/event_queue.h"
#include "fleet/tokens.h"

#define WORKER_STACK ((size_t)512 * 1024)

struct fleet_worker {
	struct run *run;
	struct fleet_host *host;
	pthread_t thread;
	deadline until;
	bool reached;
	bool has_token;
	int result;
	struct err err;
};

struct run {
	struct fleet_host *hosts;
	size_t count;
	const struct fleet_options *options;
	fleet_work work;
	fleet_listener listener;
	void *listener_data;
	struct event_queue queue;
	struct tokens tokens;
	struct fleet_worker *workers; /* one for each host */
	size_t next;                  /* host to start */
	size_t batch_end;
	size_t batch_size;
	size_t batch_failed;
	size_t batch_given_up; /* by the work itself */
	size_t working;        /* workers that were started and not joined */
	bool stopped;          /* a limit or an interrupt: no further host starts */
	deadline tick;
};

static bool is_failure(enum fleet_state state)
{
	return state == FLEET_FAILED || state == FLEET_UNREACHABLE;
}

/* Hands an event of the run itself to the listener. */
static void tell(struct run *r, struct fleet_event e)
{
	e.at_ns = clock_ns();
	if (r->listener)
		r->listener(r->listener_data, &e);
}

/* How a worker's result counts. */
static enum fleet_state judge(const struct fleet_worker *w)
{
	if (w->result == 0)
		return FLEET_OK;
	switch (w->err.code) {
	case ERR_CANCELLED: return FLEET_CANCELLED;
	case ERR_UNREACHABLE:
	case ERR_AUTH: return FLEET_UNREACHABLE;
	case ERR_TIMEOUT: return w->reached ? FLEET_FAILED : FLEET_UNREACHABLE;
	default: return FLEET_FAILED;
	}
}

static void emit(struct fleet_worker *w, struct fleet_event e)
{
	e.host = w->host;
	e.at_ns = clock_ns();
	event_queue_put(&w->run->queue, &e);
}

static void *worker_main(void *data)
{
	struct fleet_worker *w = data;

	w->result = w->run->work(w, w->host->data, &w->err);
	if (w->has_token)
		tokens_give(&w->run->tokens);
	emit(w, (struct fleet_event){.kind = FLEET_EVENT_END});
	return NULL;
}

/* Starts a thread with a small stack; the error number of pthread_create. */
static int start_thread(struct fleet_worker *w)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	int failed = pthread_create(&w->thread, &attr, worker_main, w);
	pthread_attr_destroy(&attr);
	return failed;
}

/* Settles what a host has come to, and tells. */
static void settle(struct run *r, struct fleet_worker *w)
{
	struct fleet_host *host = w->host;

	host->state = judge(w);
	host->ended_ns = clock_ns();
	if (host->state != FLEET_OK)
		host->err = w->err;
	if (is_failure(host->state))
		r->batch_failed++;
	r->batch_given_up += host->state == FLEET_CANCELLED;
	tell(r, (struct fleet_event){.kind = FLEET_EVENT_END, .host = host});
}

/* Says why the run stops, once. */
static void stop(struct run *r, const char *why)
{
	if (!r->stopped)
		tell(r, (struct fleet_event){.kind = FLEET_EVENT_STOP, .text = why});
	r->stopped = true;
}

/* The limits, after every host: failures of this batch beyond what is allowed. */
static void check_limits(struct run *r)
{
	const struct fleet_options *o = r->options;
	double percent = 100.0 * (double)r->batch_failed / (double)r->batch_size;
	size_t unfinished = r->count - r->next;

	if (r->batch_failed == 0 || (unfinished == 0 && r->working == 0))
		return;
	if (o->any_errors_fatal)
		stop(r, "a host failed, and any_errors_fatal is set");
	else if (o->max_fail_percentage >= 0 && percent > o->max_fail_percentage)
		stop(r, "more hosts of the batch failed than max_fail_percentage allows");
	else if (r->batch_failed == r->batch_size)
		stop(r, "all hosts of the batch failed");
	else if (r->batch_failed + r->batch_given_up == r->batch_size)
		stop(r, "no host of the batch came to its end");
}

/* Starts the next host; the token is taken. */
static void start_host(struct run *r)
{
	struct fleet_host *host = &r->hosts[r->next];
	struct fleet_worker *w = &r->workers[r->next];

	r->next++;
	host->state = FLEET_RUNNING;
	host->started_ns = clock_ns();
	*w = (struct fleet_worker){.run = r, .host = host, .has_token = true};
	w->until = r->options->host_timeout > 0 ? deadline_in(r->options->host_timeout)
						: DEADLINE_NEVER;
	tell(r, (struct fleet_event){.kind = FLEET_EVENT_START, .host = host});
	r->working++;
	int failed = start_thread(w);
	if (!failed)
		return;
	r->working--;
	tokens_give(&r->tokens);
	w->result = err_set(&w->err, ERR_SYSTEM, "cannot start a thread: %s", strerror(failed));
	settle(r, w);
	check_limits(r);
}

/* Starts hosts while there are tokens, unless the operator has interrupted. */
static void start_hosts(struct run *r)
{
	/* The interrupt is looked for before each host: workers that it ends give their tokens
	 * back while this loop runs. */
	for (;;) {
		if (cancel_level(r->options->cancel))
			stop(r, "interrupted");
		if (r->stopped || r->next >= r->batch_end || !tokens_try(&r->tokens))
			return;
		start_host(r);
	}
}

/* Takes one event of a worker. */
static void take_event(struct run *r, const struct fleet_event *e)
{
	if (e->kind != FLEET_EVENT_END) {
		if (r->listener)
			r->listener(r->listener_data, e);
		return;
	}
	struct fleet_worker *w = &r->workers[e->host - r->hosts];
	pthread_join(w->thread, NULL);
	r->working--;
	settle(r, w);
	check_limits(r);
}

static void take_events(struct run *r)
{
	struct fleet_event e;

	event_queue_drain(&r->queue);
	while (event_queue_take(&r->queue, &e)) {
		take_event(r, &e);
		event_release(&e);
	}
}

/* Waits for events, a tick or an interrupt. */
static void wait_events(struct run *r)
{
	struct pollfd p = {.fd = r->queue.fd, .events = POLLIN};
	const struct cancel *cancel = r->stopped ? NULL : r->options->cancel;
	struct err why = {0};

	wait_fds(&p, 1, r->tick, cancel, &why);
	if (why.code == ERR_CANCELLED)
		stop(r, "interrupted");
	if (deadline_passed(r->tick)) {
		tell(r, (struct fleet_event){.kind = FLEET_EVENT_TICK});
		r->tick = deadline_in(r->options->tick);
	}
}

/* How many hosts the batch of an index has. */
static size_t size_of_batch(const struct run *r, size_t index)
{
	const struct fleet_options *o = r->options;

	if (o->serial_count == 0)
		return r->count;
	const struct fleet_batch *b =
		&o->serial[index < o->serial_count ? index : o->serial_count - 1];
	if (b->count > 0)
		return b->count;
	size_t hosts = (size_t)(b->percent * (double)r->count / 100.0);
	return hosts > 0 ? hosts : 1;
}

static void run_batch(struct run *r, size_t index)
{
	size_t left = r->count - r->next, size = size_of_batch(r, index);

	r->batch_size = size < left ? size : left;
	r->batch_end = r->next + r->batch_size;
	r->batch_failed = r->batch_given_up = 0;
	for (size_t i = r->next; i < r->batch_end; i++)
		r->hosts[i].batch = (unsigned)index;
	tell(r, (struct fleet_event){
			.kind = FLEET_EVENT_BATCH, .number = index, .total = r->batch_size});
	start_hosts(r);
	while (r->working > 0 || (!r->stopped && r->next < r->batch_end)) {
		wait_events(r);
		take_events(r);
		start_hosts(r);
	}
}

static void run_release(struct run *r)
{
	event_queue_release(&r->queue);
	tokens_release(&r->tokens);
	free(r->workers);
}

int fleet_run(struct fleet_host *hosts, size_t count, const struct fleet_options *o,
	fleet_work work, fleet_listener listener, void *listener_data, struct err *err)
{
	struct run r = {
		.hosts = hosts,
		.count = count,
		.options = o,
		.work = work,
		.listener = listener,
		.listener_data = listener_data,
		.tick = o->tick > 0 ? deadline_in(o->tick) : DEADLINE_NEVER,
	};
	unsigned forks = o->forks > 0 ? o->forks : (unsigned)count;
	int result = 0;

	if (event_queue_init(&r.queue, err) < 0)
		return -1;
	if (tokens_init(&r.tokens, forks, err) < 0) {
		event_queue_release(&r.queue);
		return -1;
	}
	r.workers = xcalloc(count > 0 ? count : 1, sizeof(*r.workers));
	for (size_t batch = 0; r.next < count && !r.stopped; batch++)
		run_batch(&r, batch);
	run_release(&r);
	for (size_t i = 0; i < count; i++)
		result |= hosts[i].state != FLEET_OK;
	return result;
}

struct fleet_host *fleet_worker_host(struct fleet_worker *w)
{
	return w->host;
}

deadline fleet_deadline(const struct fleet_worker *w)
{
	return w->until;
}

const struct cancel *fleet_cancel(const struct fleet_worker *w)
{
	return w->run->options->cancel;
}

void fleet_reached(struct fleet_worker *w)
{
	w->reached = true;
}

void fleet_phase(struct fleet_worker *w, const char *phase)
{
	__atomic_store_n(&w->host->progress.phase, phase, __ATOMIC_RELEASE);
	emit(w, (struct fleet_event){.kind = FLEET_EVENT_PHASE, .phase = phase});
}

void fleet_emit(struct fleet_worker *w, enum fleet_event_kind kind, int code, uint64_t number,
	uint64_t total, const char *text)
{
	emit(w, (struct fleet_event){.kind = kind,
			.code = code,
			.phase = __atomic_load_n(&w->host->progress.phase, __ATOMIC_ACQUIRE),
			.number = number,
			.total = total,
			.text = text});
}

void fleet_post(struct fleet_worker *w, int code, void *payload, void (*release)(void *payload))
{
	emit(w, (struct fleet_event){.kind = FLEET_EVENT_RESULT,
			.code = code,
			.phase = __atomic_load_n(&w->host->progress.phase, __ATOMIC_ACQUIRE),
			.payload = payload,
			.release = release});
}

void fleet_set_progress(struct fleet_worker *w, uint64_t done, uint64_t total)
{
	__atomic_store_n(&w->host->progress.done, done, __ATOMIC_RELAXED);
	__atomic_store_n(&w->host->progress.total, total, __ATOMIC_RELAXED);
}

void fleet_get_progress(const struct fleet_host *host, struct fleet_progress *out)
{
	out->phase = __atomic_load_n(&host->progress.phase, __ATOMIC_ACQUIRE);
	out->done = __atomic_load_n(&host->progress.done, __ATOMIC_RELAXED);
	out->total = __atomic_load_n(&host->progress.total, __ATOMIC_RELAXED);
}

void fleet_yield(struct fleet_worker *w)
{
	if (!w->has_token)
		return;
	w->has_token = false;
	tokens_give(&w->run->tokens);
	event_queue_nudge(&w->run->queue);
}

int fleet_resume(struct fleet_worker *w, struct err *err)
{
	if (w->has_token)
		return 0;
	if (tokens_take(&w->run->tokens, w->until, w->run->options->cancel, err) < 0)
		return -1;
	w->has_token = true;
	return 0;
}
