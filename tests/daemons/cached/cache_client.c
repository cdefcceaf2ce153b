/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for tests: cache_client SOCKET. A line "NAME [VERSION or STAGE]" on its input
 * acquires a model, which it keeps until 63 others came, and is answered by "VERSION CONTENT"
 * or "error ERRNO TEXT".
 */
#include <stdio.h>
#include <string.h>

#include "modelcache/modelcache.h"

#define HELD_MAX 64

int main(int argc, char **argv)
{
	struct modelcache_error error = {0};
	struct modelcache *cache = argc == 2 ? modelcache_open(argv[1], &error) : NULL;
	const struct modelcache_model *held[HELD_MAX] = {0};
	char line[512];
	unsigned count = 0;

	if (!cache) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		const struct modelcache_model *m =
			modelcache_acquire(cache, line, space, &error);
		if (m) {
			modelcache_release(held[count % HELD_MAX]);
			held[count++ % HELD_MAX] = m;
			printf("%s %.*s\n", m->version, (int)m->size,
				m->data ? (const char *)m->data : "");
		} else {
			printf("error %d %s\n", error.code, error.text);
		}
		fflush(stdout);
	}
	for (unsigned i = 0; i < HELD_MAX; i++)
		modelcache_release(held[i]);
	modelcache_close(cache);
	return 0;
}
