/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a model of model-cached, and again whenever another version is current.
 *
 *     cc modelcache.c $(pkg-config --cflags --libs modelcache) -o show-model
 *     ./show-model fraud_detection_model
 */
#include <modelcache.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int show(struct modelcache *cache, const char *name)
{
	struct modelcache_error error;
	const struct modelcache_model *model = modelcache_acquire(cache, name, NULL, &error);

	if (!model) {
		fprintf(stderr, "%s: %s\n", name, error.text);
		return -1;
	}
	/* model->data is valid, and does not change, until the model is released. */
	printf("%s version %s, %llu bytes, %s\n", model->name, model->version,
		(unsigned long long)model->size, model->sha256);
	modelcache_release(model);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct modelcache_error error;
	uint64_t count;

	if (argc != 2) {
		fprintf(stderr, "usage: show-model NAME\n");
		return 2;
	}
	struct modelcache *cache = modelcache_open(getenv("MODELCACHE_SOCKET"), &error);
	if (!cache) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	struct pollfd changed = {.fd = modelcache_fd(cache), .events = POLLIN};
	int failed = show(cache, argv[1]);
	while (!failed && poll(&changed, 1, -1) == 1 &&
		read(changed.fd, &count, sizeof(count)) == sizeof(count))
		failed = show(cache, argv[1]);
	modelcache_close(cache);
	return 1;
}
