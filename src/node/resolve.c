/* SPDX-License-Identifier: Apache-2.0 */
#include "node/resolve.h"

#include <errno.h>
#include <unistd.h>

#include "base/path.h"

#define LINKS_MAX   40
#define TARGET_SIZE 4096

const char *resolve_link(struct arena *a, const char *path)
{
	char target[TARGET_SIZE];
	ssize_t n = readlink(path, target, sizeof(target));

	if (n == (ssize_t)sizeof(target))
		errno = ENAMETOOLONG;
	return n < 0 || n == (ssize_t)sizeof(target) ? NULL
						     : arena_strndup(a, target, (size_t)n);
}

static const char *resolve(struct arena *a, const char *path, unsigned links)
{
	autofree char *real = realpath(path, NULL);

	if (real)
		return arena_strdup(a, real);
	if (links == LINKS_MAX || strcmp(path, "/") == 0)
		return path;
	autofree char *parent = path_dirname(path);
	const char *above = resolve(a, parent, links + 1);
	const char *target = resolve_link(a, path);
	autofree char *next = path_join(above, target ? target : path_basename(path));
	if (target)
		return resolve(a, arena_strdup(a, next), links + 1);
	return arena_strdup(a, next);
}

const char *resolve_path(struct arena *a, const char *path)
{
	return resolve(a, path, 0);
}
