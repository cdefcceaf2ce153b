/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "text/glob.h"

/* A component of a path or pattern. */
struct part {
	const char *p;
	size_t len;
};

/* The first component of s; *s moves behind it and its slash, to NULL at the end. */
static struct part take(const char **s, const char *end)
{
	const char *start = *s, *slash = memchr(start, '/', (size_t)(end - start));

	*s = slash ? slash + 1 : NULL;
	return (struct part){start, (size_t)((slash ? slash : end) - start)};
}

static bool is_double_star(struct part p)
{
	return p.len == 2 && p.p[0] == '*' && p.p[1] == '*';
}

/*
 * Component by component; only the last "**" need ever take one more, as with a star among
 * characters. NULL means that no component is left.
 */
static bool match_parts(
	const char *pattern, const char *pattern_end, const char *path, const char *path_end)
{
	const char *behind_star = NULL, *retry = NULL;

	while (path || pattern) {
		const char *next_pattern = pattern, *next_path = path;
		struct part want =
			pattern ? take(&next_pattern, pattern_end) : (struct part){0};

		if (pattern && is_double_star(want)) {
			if (!next_pattern)
				return path != NULL;
			behind_star = pattern = next_pattern;
			retry = path;
			continue;
		}
		struct part found = path ? take(&next_path, path_end) : (struct part){0};
		if (pattern && path && glob_match_n(want.p, want.len, found.p, found.len)) {
			pattern = next_pattern;
			path = next_path;
			continue;
		}
		if (!behind_star || !retry)
			return false;
		take(&retry, path_end);
		path = retry;
		pattern = behind_star;
	}
	return true;
}

/* Matches a path that is all of what is looked at, up to its end. */
static bool match_whole(struct part pattern, bool anchored, const char *path, size_t len)
{
	const char *start = path;

	if (!anchored) {
		const char *slash = memrchr(path, '/', len);
		start = slash ? slash + 1 : path;
	}
	return match_parts(pattern.p, pattern.p + pattern.len, start, path + len);
}

bool glob_path_match(const char *pattern, const char *path, bool is_dir)
{
	struct part p = {pattern, strlen(pattern)};
	bool only_dirs = p.len > 1 && p.p[p.len - 1] == '/';

	p.len -= only_dirs;
	bool anchored = memchr(p.p, '/', p.len) != NULL;
	if (p.len && p.p[0] == '/')
		p = (struct part){p.p + 1, p.len - 1};
	/* A directory that is covered covers what is below it. */
	for (const char *slash = path; (slash = strchr(slash, '/')); slash++)
		if (match_whole(p, anchored, path, (size_t)(slash - path)))
			return true;
	return (is_dir || !only_dirs) && match_whole(p, anchored, path, strlen(path));
}

static int check_part(const char *pattern, struct part part, struct err *err)
{
	autofree char *text = xstrndup(part.p, part.len);

	if (!part.len)
		return err_set(
			err, ERR_INPUT, "the pattern %s has an empty component", pattern);
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return err_set(err, ERR_INPUT,
			"the pattern %s has the component %s; patterns stay below the version",
			pattern, text);
	if (strstr(text, "**") && part.len != 2)
		return err_set(err, ERR_INPUT,
			"the pattern %s has ** inside of %s; ** stands alone between slashes",
			pattern, text);
	if (!glob_sets_closed(part.p, part.len))
		return err_set(err, ERR_INPUT, "the pattern %s has a [ without its ]", pattern);
	return 0;
}

int glob_path_check(const char *pattern, struct err *err)
{
	size_t len = strlen(pattern);
	const char *p = pattern, *end = pattern + len;

	if (!len || len > GLOB_MAX_PATTERN)
		return err_set(err, ERR_INPUT, "a pattern has 1 to %d bytes, this one %zu",
			GLOB_MAX_PATTERN, len);
	if (*p == '/')
		p++;
	if (end > p + 1 && end[-1] == '/')
		end--;
	while (p)
		if (check_part(pattern, take(&p, end), err) < 0)
			return -1;
	return 0;
}
