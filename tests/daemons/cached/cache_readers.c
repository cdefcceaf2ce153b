/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers for tests: cache_readers SOCKET NAME. Eight threads acquire the model, compare all
 * its bytes with its version's first letter, and release it, until the input ends. A line
 * "VERSION" is printed when another version is read; at the end "READS FAILED WRONG". Exit code
 * 1 if a read failed or gave something wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "modelcache/modelcache.h"

#define READERS 8

static struct {
	struct modelcache *cache;
	const char *name;
	atomic_bool stop;
	atomic_ulong reads, failed, wrong;
	pthread_mutex_t lock;
	char last[64];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_right(const struct modelcache_model *m)
{
	const char *bytes = m->data;

	for (uint64_t i = 0; i < m->size; i++) {
		if (bytes[i] != m->version[0])
			return false;
	}
	return true;
}

/* Says when the version is not the one of before. */
static void tell(const char *version)
{
	pthread_mutex_lock(&state.lock);
	if (strcmp(state.last, version) != 0) {
		snprintf(state.last, sizeof(state.last), "%s", version);
		puts(version);
	}
	pthread_mutex_unlock(&state.lock);
}

static void *read_models(void *data)
{
	(void)data;
	while (!atomic_load(&state.stop)) {
		struct modelcache_error error = {0};
		const struct modelcache_model *m =
			modelcache_acquire(state.cache, state.name, NULL, &error);
		atomic_fetch_add(&state.reads, 1);
		if (!m) {
			fprintf(stderr, "%s\n", error.text);
			atomic_fetch_add(&state.failed, 1);
		} else {
			if (!is_right(m))
				atomic_fetch_add(&state.wrong, 1);
			tell(m->version);
		}
		modelcache_release(m);
		usleep(100); /* others work here, too */
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct modelcache_error error = {0};
	pthread_t readers[READERS];
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	state.cache = argc == 3 ? modelcache_open(argv[1], &error) : NULL;
	if (!state.cache) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	state.name = argv[2];
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_models, NULL);
	while (fgets(line, sizeof(line), stdin))
		;
	atomic_store(&state.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	modelcache_close(state.cache);
	printf("%lu %lu %lu\n", state.reads, state.failed, state.wrong);
	return state.failed || state.wrong;
}
