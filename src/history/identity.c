/* SPDX-License-Identifier: Apache-2.0 */
#include "history/identity.h"

#include <ctype.h>
#include <pwd.h>
#include <unistd.h>

#include "base/path.h"
#include "base/strmap.h"

/* Names are shown and become parts of files: letters, digits and a few signs only. */
static char *harmless(const char *s, size_t max)
{
	char *copy = xstrndup(s, strnlen(s, max));

	for (char *p = copy; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-@", *p))
			*p = '_';
	return copy;
}

char *identity_user(void)
{
	const char *sudo_user = getenv("SUDO_USER");
	char memory[4096];
	struct passwd entry;
	struct passwd *found = NULL;

	if (geteuid() == 0 && sudo_user && *sudo_user)
		return harmless(sudo_user, 64);
	if (getpwuid_r(geteuid(), &entry, memory, sizeof(memory), &found) == 0 && found)
		return harmless(found->pw_name, 64);
	return xasprintf("uid-%ld", (long)geteuid());
}

char *identity_host(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return xstrdup("localhost");
	return harmless(name, sizeof(name));
}

char *identity_path_name(const char *path)
{
	autofree char *name = harmless(path_basename(path), 64);
	unsigned long long hash = str_hash(path, strlen(path));

	return xasprintf("%s-%016llx", *name && *name != '.' ? name : "site", hash);
}
