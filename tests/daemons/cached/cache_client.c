/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for tests: cache_client SOCKET. A line "NAME [VERSION or STAGE]" on its input
 * acquires a model, which it keeps to its end, and is answered by "VERSION CONTENT" or "error
 * ERRNO TEXT".
 */
#include <stdio.h>
#include <string.h>

#include "modelcache/modelcache.h"

#define HELD_MAX 64

int main(int argc, char **argv)
{
	struct modelcache_error error = {0};
	struct modelcache *cache = argc == 2 ? modelcache_open(argv[1], &error) : NULL;
	const struct modelcache_model *held[HELD_MAX];
	char line[512];
	int count = 0;

	if (!cache) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	while (count < HELD_MAX && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		const struct modelcache_model *m =
			modelcache_acquire(cache, line, space, &error);
		if (m) {
			held[count++] = m;
			printf("%s %.*s\n", m->version, (int)m->size,
				m->data ? (const char *)m->data : "");
		} else {
			printf("error %d %s\n", error.code, error.text);
		}
		fflush(stdout);
	}
	while (count)
		modelcache_release(held[--count]);
	modelcache_close(cache);
	return 0;
}
