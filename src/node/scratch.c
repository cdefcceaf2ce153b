/* SPDX-License-Identifier: Apache-2.0 */
#include "node/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define TEMPLATE "/modelfleet-XXXXXX"

static int make_directory(struct scratch *s, struct err *err)
{
	const char *given = getenv("TMPDIR");
	autofree char *path = xasprintf("%s" TEMPLATE, given && *given == '/' ? given : "/tmp");

	if (!mkdtemp(path))
		return err_sys(err, "make a directory %s", path);
	s->directory = STEAL(path);
	return 0;
}

/* Copies a file, which may be a blob: read from its beginning wherever its offset is. */
static int copy_file(int to, const char *from, struct err *err)
{
	autofd int fd = open(from, O_RDONLY | O_CLOEXEC);
	uint8_t piece[16384];
	uint64_t at = 0;
	ssize_t got;

	if (fd < 0)
		return err_sys(err, "open %s", from);
	while ((got = fd_pread_full(fd, piece, sizeof(piece), at)) > 0) {
		if (fd_write_all(to, piece, (size_t)got) < 0)
			return err_sys(err, "write a temporary file");
		at += (uint64_t)got;
	}
	return got < 0 ? err_sys(err, "read %s", from) : 0;
}

const char *scratch_put(struct scratch *s, struct arena *a, const char *name,
	const struct change_content *content, struct err *err)
{
	if (!*name || *name == '.' || strchr(name, '/')) {
		err_set(err, ERR_INPUT, "\"%s\" is no name for a file", name);
		return NULL;
	}
	if (!s->directory && make_directory(s, err) < 0)
		return NULL;
	const char *path = arena_printf(a, "%s/%s", s->directory, name);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_sys(err, "make %s", path);
		return NULL;
	}
	if (content->path)
		return copy_file(fd, content->path, err) < 0 ? NULL : path;
	if (fd_write_all(fd, content->data, content->len) < 0) {
		err_sys(err, "write %s", path);
		return NULL;
	}
	return path;
}

void scratch_release(struct scratch *s)
{
	if (s->directory)
		path_remove_tree(s->directory, NULL);
	free(s->directory);
	s->directory = NULL;
}
