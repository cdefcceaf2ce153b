/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted, by /proc/self/mountinfo (proc(5)): a line has id, parent's id, device, root
 * within the file system, mount point, options, optional fields, "-", type, source, options.
 */
#include <sys/stat.h>

#include "node/mount.h"

#define MOUNTS_MAX 20000

struct mounted {
	int64_t id, parent;
	const char *root, *point, *source;
};

/* A field with its octal escapes undone. */
static const char *unescaped(struct arena *a, const char *field, size_t n)
{
	char *text = arena_strndup(a, field, n), *to = text;

	for (const char *at = text; *at; at++) {
		bool escape = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' &&
			      at[2] <= '7' && at[3] >= '0' && at[3] <= '7';
		*to++ = escape ? (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + at[3] - '0')
			       : *at;
		at += escape ? 3 : 0;
	}
	*to = '\0';
	return text;
}

/* Field i of a line, from 0; "" beyond the last. */
static const char *field(struct arena *a, const char *line, size_t n, size_t i)
{
	for (size_t at = 0; at < n; at++) {
		size_t len = strcspn(line + at, " \n");
		if (i-- == 0)
			return unescaped(a, line + at, len);
		at += len;
	}
	return "";
}

static struct mounted read_line(struct arena *a, const char *line, size_t n)
{
	struct mounted m = {.root = field(a, line, n, 3), .point = field(a, line, n, 4)};
	const char *behind = strstr(line, " - ");

	if (!parse_int(field(a, line, n, 0), 0, INT64_MAX, &m.id) ||
		!parse_int(field(a, line, n, 1), 0, INT64_MAX, &m.parent))
		m.id = m.parent = -1;
	m.source = behind && behind < line + n
			   ? field(a, behind + 3, n - (size_t)(behind + 3 - line), 1)
			   : "";
	return m;
}

static const struct mounted *find_id(const struct mounted *all, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].id == id)
			return &all[i];
	}
	return NULL;
}

/* Where a mount comes from: within another, the directory that it shows. */
static const char *source_of(
	struct arena *a, const struct mounted *m, const struct mounted *all, size_t count)
{
	const struct mounted *above = m->parent == 1 ? NULL : find_id(all, count, m->parent);
	const char *root = m->root;

	if (!above)
		return m->source;
	size_t n = strlen(above->root);
	if (n > 1 && strncmp(root, above->root, n) == 0 && root[n] == '/')
		root += n;
	return strcmp(above->point, "/") == 0 ? root
					      : arena_printf(a, "%s%s", above->point, root);
}

const char *mount_source(struct arena *a, const char *mountinfo, const char *path, bool device)
{
	size_t count = 0, lines = 0;
	const char *found = NULL;

	for (const char *at = mountinfo; *at; at++)
		lines += *at == '\n';
	lines = lines < MOUNTS_MAX ? lines : MOUNTS_MAX;
	struct mounted *all = arena_array(a, lines + 1, sizeof(*all));
	while (*mountinfo && count < lines) {
		size_t n = strcspn(mountinfo, "\n");
		all[count++] = read_line(a, mountinfo, n);
		mountinfo += n + (mountinfo[n] == '\n');
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(all[i].point, path) == 0)
			found = device ? all[i].source : source_of(a, &all[i], all, count);
	}
	return found;
}

bool mount_is_point(const char *path)
{
	AUTO(strbuf_release) struct strbuf above = STRBUF_INIT;
	struct stat here, there;

	strbuf_addf(&above, "%s/..", path);
	if (lstat(path, &here) < 0 || S_ISLNK(here.st_mode) || stat(above.data, &there) < 0)
		return false;
	return here.st_dev != there.st_dev || here.st_ino == there.st_ino;
}
