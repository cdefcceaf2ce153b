/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Home directories, apart from path.c: they ask NSS, which the static node helper must not
 * be linked with.
 */
#include "base/path.h"

#include <pwd.h>
#include <unistd.h>

/* The home directory of a user (n bytes of a name; the own one for n = 0), or NULL. */
static char *home_of(const char *name, size_t n)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;
	const char *home = getenv("HOME");

	if (n == 0 && home && *home)
		return xstrdup(home);
	autofree char *user = xstrndup(name, n);
	if (n)
		getpwnam_r(user, &entry, buffer, sizeof(buffer), &found);
	else
		getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found);
	return found ? xstrdup(found->pw_dir) : NULL;
}

char *path_expand_home(const char *path)
{
	if (*path != '~')
		return xstrdup(path);
	size_t n = strcspn(path + 1, "/");
	autofree char *home = home_of(path + 1, n);
	if (!home)
		return xstrdup(path);
	return xasprintf("%s%s", home, path + 1 + n);
}

char *path_user_dir(const char *kind)
{
	static const struct {
		const char *kind, *variable, *fallback;
	} dirs[] = {
		{"state", "XDG_STATE_HOME", "~/.local/state"},
		{"cache", "XDG_CACHE_HOME", "~/.cache"},
		{"config", "XDG_CONFIG_HOME", "~/.config"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (strcmp(kind, dirs[i].kind) != 0)
			continue;
		const char *given = getenv(dirs[i].variable);
		autofree char *base = given && *given == '/'
					      ? xstrdup(given)
					      : path_expand_home(dirs[i].fallback);
		return path_join(base, "modelfleet");
	}
	return NULL;
}
