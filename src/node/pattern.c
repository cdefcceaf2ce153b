/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pattern.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/str.h"

/* A class in brackets at p[0] == '[': behind it in *end, NULL when it has no end. */
static bool match_class(const char *p, char c, const char **end)
{
	bool negated = *++p == '!', found = false;
	const char *first = p += negated;

	for (; *p && (*p != ']' || p == first); p++) {
		unsigned char low = (unsigned char)*p, high = low, is = (unsigned char)c;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			high = (unsigned char)p[2];
			p += 2;
		}
		found |= low <= is && is <= high;
	}
	*end = *p ? p + 1 : NULL;
	return found != negated;
}

/* Matches one character at least; behind its pattern in *next. */
static bool match_one(const char *p, char c, const char **next)
{
	const char *end;

	*next = p + 1;
	if (*p == '?')
		return true;
	if (*p == '[') {
		bool matched = match_class(p, c, &end);
		if (end) {
			*next = end;
			return matched;
		}
	}
	return *p == c;
}

bool pattern_match(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL, *next;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = name;
		} else if (*pattern && match_one(pattern, *name, &next)) {
			pattern = next;
			name++;
		} else if (star) {
			/* The last star takes one character more. */
			pattern = star;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool is_plain(const char *component)
{
	return !strpbrk(component, "*?[");
}

static bool exists_below(const char *base, const char *rest);

/* Tries each name of a directory that matches a component. */
static bool search(const char *dir, const char *component, const char *rest)
{
	DIR *d = opendir(*dir ? dir : ".");
	bool found = false;

	for (struct dirent *e; !found && d && (e = readdir(d));) {
		if ((e->d_name[0] == '.' && *component != '.') || strcmp(e->d_name, ".") == 0 ||
			strcmp(e->d_name, "..") == 0 || !pattern_match(component, e->d_name))
			continue;
		autofree char *path = xasprintf("%s%s", dir, e->d_name);
		found = exists_below(path, rest);
	}
	if (d)
		closedir(d);
	return found;
}

/* `base` is a path without patterns, `rest` is "" or begins with a slash. */
static bool exists_below(const char *base, const char *rest)
{
	struct stat st;
	size_t slashes = strspn(rest, "/"), n = strcspn(rest + slashes, "/");

	if (!*rest)
		return lstat(base, &st) == 0;
	autofree char *dir = xasprintf("%s%.*s", base, (int)slashes, rest);
	autofree char *component = xstrndup(rest + slashes, n);
	rest += slashes + n;
	if (n == 0)
		return stat(dir, &st) == 0 && S_ISDIR(st.st_mode);
	if (!is_plain(component))
		return search(dir, component, rest);
	autofree char *path = xasprintf("%s%s", dir, component);
	return exists_below(path, rest);
}

bool pattern_exists(const char *pattern)
{
	if (*pattern == '/')
		return exists_below("", pattern);
	size_t n = strcspn(pattern, "/");
	autofree char *first = xstrndup(pattern, n);
	if (!is_plain(first))
		return search("", first, pattern + n);
	return *pattern && exists_below(first, pattern + n);
}
