/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/paths.h"

#include <ctype.h>
#include <limits.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"

/* Appends the variable that "$NAME" or "${NAME}" at s names; gives the length taken, or 0. */
static size_t expand_variable(const char *s, struct strbuf *out)
{
	bool braced = s[1] == '{';
	const char *name = s + (braced ? 2 : 1);
	size_t len = 0;

	while (isalnum((unsigned char)name[len]) || name[len] == '_')
		len++;
	if (len == 0 || (braced && name[len] != '}'))
		return 0;
	autofree char *copy = xstrndup(name, len);
	const char *value = getenv(copy);
	if (!value)
		return 0;
	strbuf_addstr(out, value);
	return len + (braced ? 3 : 1);
}

static void expand_variables(const char *path, struct strbuf *out)
{
	while (*path) {
		size_t taken = *path == '$' ? expand_variable(path, out) : 0;
		if (taken == 0)
			strbuf_addch(out, *path);
		path += taken > 0 ? taken : 1;
	}
}

/* Takes "." and ".." components and double slashes out of an absolute path. */
static char *normalise(struct arena *arena, const char *path)
{
	AUTO(strlist_release) struct strlist parts = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t kept = 0;

	autofree char *copy = xstrdup(path);
	for (char *p = copy, *next; p; p = next) {
		next = strchr(p, '/');
		if (next)
			*next++ = '\0';
		if (!strcmp(p, "..")) {
			kept -= kept > 0;
		} else if (*p && strcmp(p, ".") != 0) {
			strlist_add(&parts, p);
			char *last = parts.items[parts.count - 1];
			parts.items[parts.count - 1] = parts.items[kept];
			parts.items[kept++] = last;
		}
	}
	for (size_t i = 0; i < kept; i++)
		strbuf_addf(&out, "/%s", parts.items[i]);
	return arena_strdup(arena, kept > 0 ? out.data : "/");
}

char *path_absolute(struct arena *arena, const char *path, const char *base)
{
	AUTO(strbuf_release) struct strbuf expanded = STRBUF_INIT;
	char cwd[PATH_MAX];

	autofree char *home = path_expand_home(path);
	expand_variables(home, &expanded);
	if (expanded.data[0] != '/' && !base)
		base = getcwd(cwd, sizeof(cwd)) ? cwd : "/";
	if (expanded.data[0] == '/')
		return normalise(arena, expanded.data);
	autofree char *joined = xasprintf("%s/%s", base, expanded.data);
	return normalise(arena, joined);
}
