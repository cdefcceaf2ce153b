/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives model-cached's core for cache.py: a server in a process of its own, and clients in
 * this one. `cache_bench SOCKET MEGABYTES` prints a line of JSON; times are in nanoseconds.
 *
 * Hits: threads that take a model in hand and let it go, each pair timed. Socket: a request and
 * its answer with the descriptor, one after the other, without the library. Exchange: the time
 * that the cache's lock is held to make another version current, and how long it takes until a
 * client's library gives it.
 */
#include <pthread.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemons/cached/hub.h"
#include "modelcache/modelcache.h"
#include "modelcache/protocol.h"

enum { THREADS = 8, HITS = 200000, ROUND_TRIPS = 20000, SWAPS = 20 };

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "cache_bench: %s\n", what);
	exit(1);
}

/* ---- the server ---- */

static void put(struct cache *cache, const char *version, size_t size)
{
	const struct cache_about about = {.name = "m", .version = version};
	struct blob_writer w = {.fd = -1};
	autofree char *bytes = xcalloc(1, size);
	struct err err = {0};

	if (blob_begin(&w, "m", size, &err) < 0 || blob_write(&w, bytes, size, &err) < 0)
		fail(err.text);
	if (cache_put(cache, &about, blob_seal(&w, &err), true, &err) < 0)
		fail(err.text);
}

/* Makes the other version current for each byte that comes, and answers with the lock's time.
 */
static void serve(const char *path, size_t size, int from, int to)
{
	struct cache *cache = cache_new(&(struct cache_options){0});
	struct cache_counts counts;
	struct err err = {0};
	char byte;

	put(cache, "2", size);
	put(cache, "1", size);
	struct hub *hub = hub_start(cache, &(struct hub_options){.path = path}, &err);
	if (!hub)
		fail(err.text);
	counts.swap_seconds_last = 0;
	for (int i = 0; fd_write_all(to, &counts.swap_seconds_last, sizeof(double)) == 0 &&
			read(from, &byte, 1) == 1;
		i++) {
		cache_set_current(cache, "m", i % 2 ? "1" : "2", &err);
		cache_counts(cache, &counts);
	}
	hub_stop(hub);
	cache_free(cache);
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, int64_t *times, size_t n, const char *end)
{
	qsort(times, n, sizeof(*times), compare);
	printf("\"%s\": {\"median\": %lld, \"p99\": %lld, \"max\": %lld}%s", name,
		(long long)times[n / 2], (long long)times[n - 1 - n / 100],
		(long long)times[n - 1], end);
}

struct reader {
	struct modelcache *cache;
	pthread_t thread;
	int64_t *times;
};

static void *hit(void *data)
{
	struct reader *r = data;

	for (int i = 0; i < HITS; i++) {
		int64_t begin = clock_ns();
		const struct modelcache_model *m =
			modelcache_acquire(r->cache, "m", NULL, NULL);
		if (!m)
			fail("no model");
		modelcache_release(m);
		r->times[i] = clock_ns() - begin;
	}
	return NULL;
}

static void measure_hits(struct modelcache *cache)
{
	autofree int64_t *times = xcalloc((size_t)THREADS * HITS, sizeof(*times));
	struct reader readers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){.cache = cache, .times = times + (size_t)i * HITS};
		if (pthread_create(&readers[i].thread, NULL, hit, &readers[i]) != 0)
			fail("no thread");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(readers[i].thread, NULL);
	print_times("hit", times, (size_t)THREADS * HITS, ", ");
}

/* Sends a message and takes the answer, descriptor and all. */
static void round_trip(int fd, struct mc_message *m)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec piece = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	int got;

	if (send(fd, m, sizeof(*m), 0) < 0 || recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) < 0 ||
		!CMSG_FIRSTHDR(&msg))
		fail("no answer on the socket");
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	close(got);
}

static void measure_socket(const char *path)
{
	autofree int64_t *times = xcalloc(ROUND_TRIPS, sizeof(*times));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct mc_message m = {.magic = MC_MAGIC, .protocol = MC_VERSION, .type = MC_HELLO};

	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("no connection");
	round_trip(fd, &m);
	for (int i = 0; i < ROUND_TRIPS; i++) {
		m = (struct mc_message){
			.magic = MC_MAGIC, .protocol = MC_VERSION, .type = MC_GET, .name = "m"};
		int64_t begin = clock_ns();
		round_trip(fd, &m);
		times[i] = clock_ns() - begin;
	}
	print_times("socket", times, ROUND_TRIPS, ", ");
}

/* One exchange: the lock's time from the server, and how long until the library gives it. */
static void exchange(struct modelcache *cache, int to, int from, int64_t *lock, int64_t *seen)
{
	struct pollfd changed = {.fd = modelcache_fd(cache), .events = POLLIN};
	int64_t begin = clock_ns();
	double seconds;
	uint64_t count;

	if (fd_write_all(to, "x", 1) < 0 || poll(&changed, 1, 60000) != 1 ||
		read(changed.fd, &count, sizeof(count)) != sizeof(count))
		fail("no exchange");
	*seen = clock_ns() - begin;
	if (fd_read_full(from, &seconds, sizeof(seconds)) != sizeof(seconds))
		fail("the server is gone");
	*lock = (int64_t)(seconds * 1e9);
}

static void measure_swaps(struct modelcache *cache, int to, int from)
{
	int64_t lock[SWAPS], seen[SWAPS];

	for (int i = 0; i < SWAPS; i++)
		exchange(cache, to, from, &lock[i], &seen[i]);
	print_times("exchange", lock, SWAPS, ", ");
	print_times("exchange_seen", seen, SWAPS, "");
}

int main(int argc, char **argv)
{
	int to[2], from[2];
	int64_t megabytes;
	double ready;
	struct modelcache_error error = {0};

	if (argc != 3 || strlen(argv[1]) > 107 || !parse_int(argv[2], 1, 100000, &megabytes) ||
		pipe(to) < 0 || pipe(from) < 0)
		fail("usage: cache_bench SOCKET MEGABYTES");
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		serve(argv[1], (size_t)megabytes * 1000000, to[0], from[1]);
		_exit(0);
	}
	close(from[1]);
	if (pid < 0 || fd_read_full(from[0], &ready, sizeof(ready)) != sizeof(ready))
		fail("no server");
	struct modelcache *cache = modelcache_open(argv[1], &error);
	if (!cache)
		fail(error.text);
	printf("{");
	measure_hits(cache);
	measure_socket(argv[1]);
	measure_swaps(cache, to[1], from[0]);
	printf("}\n");
	modelcache_close(cache);
	close(to[1]);
	waitpid(pid, NULL, 0);
	return 0;
}
