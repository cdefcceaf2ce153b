/* SPDX-License-Identifier: Apache-2.0 */
#include "node/users.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/spawn.h"
#include "base/str.h"

#define GROUPS_MAX 256

/* Copies the next field of a colon-separated line; false when it does not fit or is absent. */
static bool next_field(const char **line, char *out, size_t cap)
{
	if (!*line)
		return false;
	size_t n = strcspn(*line, ":\n");
	if (n >= cap)
		return false;
	memcpy(out, *line, n);
	out[n] = '\0';
	*line = (*line)[n] == ':' ? *line + n + 1 : NULL;
	return true;
}

static bool next_id(const char **line, unsigned *out)
{
	char digits[16];
	int64_t value;

	if (!next_field(line, digits, sizeof(digits)) ||
		!parse_int(digits, 0, (int64_t)UINT32_MAX - 1, &value))
		return false;
	*out = (unsigned)value;
	return true;
}

bool user_parse(const char *line, struct user *out)
{
	char ignored[1024];

	return next_field(&line, out->name, sizeof(out->name)) && *out->name &&
	       next_field(&line, ignored, sizeof(ignored)) && next_id(&line, &out->uid) &&
	       next_id(&line, &out->gid) && next_field(&line, ignored, sizeof(ignored)) &&
	       next_field(&line, out->home, sizeof(out->home));
}

static bool group_parse(const char *line, struct group_entry *out)
{
	char ignored[1024];

	return next_field(&line, out->name, sizeof(out->name)) && *out->name &&
	       next_field(&line, ignored, sizeof(ignored)) && next_id(&line, &out->gid);
}

/* Whom a search is for: a name, or a number when the name is NULL. */
struct wanted {
	const char *name;
	unsigned id;
};

static bool is_user(const struct wanted *w, const char *line, void *out)
{
	struct user *u = out;

	return user_parse(line, u) &&
	       (w->name ? strcmp(w->name, u->name) == 0 : w->id == u->uid);
}

static bool is_group(const struct wanted *w, const char *line, void *out)
{
	struct group_entry *g = out;

	return group_parse(line, g) &&
	       (w->name ? strcmp(w->name, g->name) == 0 : w->id == g->gid);
}

/* The two databases: what getent calls them, their files, and how a line is compared. */
struct database {
	const char *name;
	const char *file;
	bool (*matches)(const struct wanted *w, const char *line, void *out);
};

static const struct database users = {"passwd", "/etc/passwd", is_user};
static const struct database groups = {"group", "/etc/group", is_group};

static bool find_in_file(const struct database *d, const struct wanted *w, void *out)
{
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	FILE *file = fopen(d->file, "re");

	while (file && !found && getline(&line, &cap, file) > 0)
		found = d->matches(w, line, out);
	if (file)
		fclose(file);
	free(line);
	return found;
}

static bool ask_getent(const struct database *d, const struct wanted *w, void *out)
{
	char number[16];
	const char *argv[] = {"getent", d->name, w->name, NULL};
	struct spawn_options options = {.argv = argv, .until = deadline_in(10)};
	struct spawn_result result;

	snprintf(number, sizeof(number), "%u", w->id);
	if (!w->name)
		argv[2] = number;
	bool found = spawn_run(&options, &result, NULL) == 0 && result.status == 0 &&
		     d->matches(w, result.out.data, out);
	spawn_result_release(&result);
	return found;
}

static bool find(const struct database *d, const struct wanted *w, void *out)
{
	return find_in_file(d, w, out) || ask_getent(d, w, out);
}

bool user_by_uid(uid_t uid, struct user *out)
{
	return find(&users, &(struct wanted){.id = uid}, out);
}

bool user_by_name(const char *name, struct user *out)
{
	return find(&users, &(struct wanted){.name = name}, out);
}

bool group_by_gid(gid_t gid, struct group_entry *out)
{
	return find(&groups, &(struct wanted){.id = gid}, out);
}

bool group_by_name(const char *name, struct group_entry *out)
{
	return find(&groups, &(struct wanted){.name = name}, out);
}

/* True if a group's line ends with a list of members that names the user. */
static bool has_member(const char *members, const char *name)
{
	size_t n = strlen(name);

	while (*members && *members != '\n') {
		size_t len = strcspn(members, ",\n");
		if (len == n && memcmp(members, name, n) == 0)
			return true;
		members += len + (members[len] == ',');
	}
	return false;
}

static size_t supplementary_groups(const struct user *u, gid_t *gids)
{
	char *line = NULL, name[256];
	size_t cap = 0, count = 0;
	FILE *file = fopen("/etc/group", "re");

	gids[count++] = u->gid;
	while (file && count < GROUPS_MAX && getline(&line, &cap, file) > 0) {
		const char *at = line;
		gid_t gid;
		if (next_field(&at, name, sizeof(name)) &&
			next_field(&at, name, sizeof(name)) && next_id(&at, &gid) && at &&
			has_member(at, u->name))
			gids[count++] = gid;
	}
	if (file)
		fclose(file);
	free(line);
	return count;
}

int user_become(const struct user *u, struct err *err)
{
	gid_t gids[GROUPS_MAX];
	size_t count = supplementary_groups(u, gids);

	if (setgroups(count, gids) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
		setresuid(u->uid, u->uid, u->uid) < 0)
		return err_sys(err, "become user %s", u->name);
	if (setenv("HOME", u->home, 1) < 0 || setenv("USER", u->name, 1) < 0 ||
		setenv("LOGNAME", u->name, 1) < 0)
		return err_sys(err, "set the environment of user %s", u->name);
	return 0;
}
