/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a load of model-cached is measured against in cache.py: `cache_copy FILE COPY` copies a
 * file in pieces and takes its SHA-256 on the way, as `cp` and `sha256sum` would together. It
 * prints the seconds, and removes the copy.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "crypto/digest.h"

#define PIECE (256u << 10)

static int copy(int from, int to, struct digest *digest)
{
	autofree char *piece = xmalloc(PIECE);

	for (;;) {
		ssize_t n = fd_read_full(from, piece, PIECE);
		if (n <= 0)
			return (int)n;
		digest_update(digest, piece, (size_t)n);
		if (fd_write_all(to, piece, (size_t)n) < 0)
			return -1;
	}
}

int main(int argc, char **argv)
{
	AUTO(digest_release) struct digest digest = {0};
	uint8_t sum[DIGEST_MAX];
	int64_t began = clock_ns();
	autofd int from = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	autofd int to =
		from >= 0 ? open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

	if (to < 0 || digest_init(&digest, DIGEST_SHA256, NULL) < 0 ||
		copy(from, to, &digest) < 0) {
		perror("cache_copy FILE COPY");
		return 1;
	}
	digest_final(&digest, sum);
	printf("%.6f\n", (double)(clock_ns() - began) / 1e9);
	unlink(argv[2]);
	return 0;
}
