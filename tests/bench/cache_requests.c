/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of a model for cache.py: they take it in hand, read some of its bytes and let it go,
 * at moments that are fixed beforehand.
 *
 *     cache_requests SOCKET MODEL PROCESSES THREADS BYTES
 *
 * Each reader is a thread; PROCESSES have a cache of their own each. The moments are a Poisson
 * process whose seed is the reader's number. A latency counts from the moment that was meant,
 * not from that at which the reader came to it: what holds a reader up is seen in all requests
 * that it delays. A read fails if the model is not to be had, or if a word of what was read is
 * not the number of the version, which is what such a model consists of.
 *
 * Lines on the input, each answered by a line of JSON:
 *
 *     calibrate        the median of reads one after the other, in nanoseconds
 *     rate PER_SECOND  all readers together begin; 0: they pause
 *     begin            a phase begins
 *     end VERSION      waits until all have read this version (0: any), and ends the phase:
 *                      latencies in nanoseconds, and the number of reads that have failed so
 * far hold MODEL...    each process takes these models in hand, for good
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "modelcache/modelcache.h"

#define LATE_MAX INT64_C(10000000000) /* nanoseconds after which there is no measuring */

enum { READERS_MAX = 64, SAMPLES = 1 << 17, CALIBRATIONS = 500, LINE = 1024 };

struct sample {
	int64_t meant, latency; /* nanoseconds */
};

/* What a reader shares with the process that reads commands. */
struct reader {
	_Atomic size_t count; /* samples ever; the last SAMPLES are there */
	_Atomic int64_t next; /* the moment that it waits for, or is late for */
	_Atomic int64_t version, failed;
	struct sample samples[SAMPLES];
};

/* In memory of all processes. */
struct shared {
	_Atomic double rate; /* of one reader, a second */
	_Atomic uint32_t ready;
	char hold[LINE]; /* written before `holding` */
	_Atomic int holding;
	struct reader readers[READERS_MAX], own;
};

/* What a thread works on; each process has its own. */
struct work {
	struct shared *shared;
	struct reader *reader;
	struct modelcache *cache;
	const char *model;
	size_t bytes;
	uint64_t random;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "cache_requests: %s\n", what);
	exit(1);
}

/* xorshift64*: between 0 and 1, never 0. */
static double draw(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return ((double)((*seed * 2685821657736338717u) >> 11) + 1) / 9007199254740993.0;
}

/* True if n words are all the same. */
static bool are(const uint64_t *words, size_t n, uint64_t expected)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= words[i] ^ expected;
	return differ == 0;
}

/* One request. False if it failed. */
static bool read_model(struct work *w)
{
	const struct modelcache_model *m = modelcache_acquire(w->cache, w->model, NULL, NULL);
	int64_t version;

	if (!m)
		return false;
	bool good = parse_int(m->version, 1, INT64_MAX, &version) && m->size >= w->bytes;
	if (good) {
		size_t room = (m->size - w->bytes) / sizeof(uint64_t);
		const uint64_t *words = m->data;
		words += (size_t)(draw(&w->random) * (double)room);
		good = are(words, w->bytes / sizeof(*words), (uint64_t)version);
		atomic_store(&w->reader->version, version);
	}
	modelcache_release(m);
	return good;
}

static void sleep_until(int64_t moment)
{
	const struct timespec at = {moment / 1000000000, moment % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void note(struct reader *r, int64_t meant)
{
	size_t n = atomic_load(&r->count);

	r->samples[n % SAMPLES] = (struct sample){meant, clock_ns() - meant};
	atomic_store(&r->count, n + 1);
}

static void *read_on(void *data)
{
	struct work *w = data;
	int64_t next = clock_ns();

	prctl(PR_SET_TIMERSLACK, 1);
	if (!read_model(w))
		atomic_fetch_add(&w->reader->failed, 1);
	atomic_fetch_add(&w->shared->ready, 1);
	for (;;) {
		double rate = atomic_load(&w->shared->rate);
		if (rate <= 0) {
			next = clock_ns() + 10000000;
			atomic_store(&w->reader->next, next);
			sleep_until(next);
			continue;
		}
		next += (int64_t)(-log(draw(&w->random)) / rate * 1e9);
		atomic_store(&w->reader->next, next);
		sleep_until(next);
		if (clock_ns() - next > LATE_MAX)
			fail("the readers do not keep up: something else runs on this machine");
		if (!read_model(w))
			atomic_fetch_add(&w->reader->failed, 1);
		note(w->reader, next);
	}
	return NULL;
}

/* ---- a process with readers ---- */

static void hold(struct modelcache *cache, char *names)
{
	char *rest = names;

	for (char *name; (name = strtok_r(rest, " \n", &rest));)
		if (!modelcache_acquire(cache, name, NULL, NULL))
			fail("a model to hold is not there");
}

static _Noreturn void serve(struct work *first, const char *socket, int threads, int number)
{
	struct work *works = calloc((size_t)threads, sizeof(*works));
	struct modelcache_error error = {0};
	char names[LINE];
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	first->cache = modelcache_open(socket, &error);
	if (!first->cache || !works)
		fail(error.text);
	for (int i = 0; i < threads; i++) {
		int reader = number * threads + i;
		works[i] = *first;
		works[i].reader = &first->shared->readers[reader];
		works[i].random = 20240120 + (uint64_t)reader;
		if (pthread_create(&thread, NULL, read_on, &works[i]) != 0)
			fail("no thread");
	}
	while (!atomic_load(&first->shared->holding))
		usleep(10000);
	memcpy(names, first->shared->hold, sizeof(names));
	hold(first->cache, names);
	atomic_fetch_add(&first->shared->ready, 1);
	for (;;)
		pause();
}

/* ---- commands ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void calibrate(struct work *w, const char *socket)
{
	int64_t times[CALIBRATIONS];

	w->cache = modelcache_open(socket, NULL);
	if (!w->cache)
		fail("no daemon");
	for (int i = 0; i < CALIBRATIONS; i++) {
		int64_t began = clock_ns();
		if (!read_model(w))
			fail("a read has failed");
		times[i] = clock_ns() - began;
	}
	modelcache_close(w->cache);
	qsort(times, CALIBRATIONS, sizeof(*times), compare);
	printf("{\"median\": %lld}\n", (long long)times[CALIBRATIONS / 2]);
}

/* Waits a little for the readers' processes, none of which ends by itself. */
static void wait_for_readers(void)
{
	if (waitpid(-1, NULL, WNOHANG) > 0)
		fail("a process with readers has ended");
	usleep(1000);
}

static void wait_ready(struct shared *s, uint32_t count)
{
	while (atomic_load(&s->ready) < count)
		wait_for_readers();
}

/* Waits until nothing is late that was meant before a moment. */
static void wait_done(struct shared *s, int readers, int64_t version, int64_t end)
{
	for (int i = 0; i < readers; i++)
		while ((version && atomic_load(&s->readers[i].version) != version) ||
			atomic_load(&s->readers[i].next) < end)
			wait_for_readers();
}

static int64_t print_samples(const struct reader *r, int64_t begin, int64_t end, bool *first)
{
	size_t count = atomic_load(&r->count);

	if (count > SAMPLES && r->samples[count % SAMPLES].meant > begin)
		fail("a phase has more requests than are kept");
	for (size_t i = count > SAMPLES ? count - SAMPLES : 0; i < count; i++) {
		const struct sample *s = &r->samples[i % SAMPLES];
		if (s->meant < begin || s->meant >= end)
			continue;
		printf("%s%lld", *first ? "" : ",", (long long)s->latency);
		*first = false;
	}
	return atomic_load(&r->failed);
}

static void end_phase(struct shared *s, int readers, int64_t version, int64_t begin)
{
	bool first = true;
	int64_t failed = 0;

	wait_done(s, readers, version, 0);
	int64_t end = clock_ns();
	wait_done(s, readers, 0, end);
	printf("{\"latencies\": [");
	for (int i = 0; i < readers; i++)
		failed += print_samples(&s->readers[i], begin, end, &first);
	printf("], \"failed\": %lld, \"seconds\": %.3f}\n", (long long)failed,
		(double)(end - begin) / 1e9);
}

static void obey(struct work *w, const char *socket, int processes, int threads)
{
	int readers = processes * threads;
	uint32_t ready = (uint32_t)readers;
	int64_t begin = 0, version;
	char line[LINE], *end;

	wait_ready(w->shared, ready);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		const char *rest = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
		if (!strcmp(line, "calibrate")) {
			calibrate(w, socket);
		} else if (!strncmp(line, "rate ", 5)) {
			atomic_store(&w->shared->rate, strtod(rest, &end) / readers);
			printf("{}\n");
		} else if (!strcmp(line, "begin")) {
			begin = clock_ns();
			printf("{}\n");
		} else if (!strncmp(line, "end ", 4) &&
			   parse_int(rest, 0, INT64_MAX, &version)) {
			end_phase(w->shared, readers, version, begin);
		} else if (!strncmp(line, "hold ", 5)) {
			memcpy(w->shared->hold, rest, strlen(rest) + 1);
			atomic_store(&w->shared->holding, 1);
			wait_ready(w->shared, ready + (uint32_t)processes);
			printf("{}\n");
		} else {
			fail("a line that is no command");
		}
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	int64_t processes, threads, bytes;

	if (argc != 6 || !parse_int(argv[3], 1, READERS_MAX, &processes) ||
		!parse_int(argv[4], 1, READERS_MAX / processes, &threads) ||
		!parse_int(argv[5], sizeof(uint64_t), INT64_MAX, &bytes))
		fail("usage: cache_requests SOCKET MODEL PROCESSES THREADS BYTES");
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("no memory");
	struct work w = {.shared = shared,
		.reader = &shared->own,
		.model = argv[2],
		.bytes = (size_t)bytes,
		.random = 1};
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();
		if (pid < 0)
			fail("no process");
		if (pid == 0)
			serve(&w, argv[1], (int)threads, i);
	}
	obey(&w, argv[1], (int)processes, (int)threads);
	return 0;
}
