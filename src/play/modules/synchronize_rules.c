/* SPDX-License-Identifier: Apache-2.0 */
/* What synchronize is asked for: its arguments, and what the rules bring and leave out. */
#include "play/modules/synchronize.h"

#include "text/glob.h"

#define RULE(member) offsetof(struct synchronize_rules, member)

int synchronize_rules_read(struct module_call *c, struct synchronize_rules *r, struct err *err)
{
	static const struct {
		const char *argument;
		size_t member;
	} archived[] = {{"recursive", RULE(recursive)}, {"links", RULE(links)},
		{"perms", RULE(perms)}, {"times", RULE(times)}, {"owner", RULE(owner)},
		{"group", RULE(group)}};
	bool archive = argument_bool(c, "archive");

	for (size_t i = 0; i < ARRAY_SIZE(archived); i++)
		*(bool *)(void *)((char *)r + archived[i].member) =
			argument_value(c, archived[i].argument)
				? argument_bool(c, archived[i].argument)
				: archive;
	r->devices = r->specials = archive;
	r->dirs = argument_bool(c, "dirs");
	r->copy_links = argument_bool(c, "copy_links");
	r->checksum = argument_bool(c, "checksum");
	r->existing = argument_bool(c, "existing_only");
	r->remove = argument_bool(c, "delete");
	if (synchronize_options_read(c, r, err) < 0)
		return -1;
	r->remove = (r->remove || r->remove_excluded) && (r->recursive || r->dirs);
	return 0;
}

void synchronize_rules_release(struct synchronize_rules *r)
{
	free(r->filters.items);
	*r = (struct synchronize_rules){0};
}

bool synchronize_brings(const struct synchronize_rules *r, mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return true;
	case S_IFDIR: return r->recursive || r->dirs;
	case S_IFLNK: return r->links;
	case S_IFCHR:
	case S_IFBLK: return r->devices;
	case S_IFIFO:
	case S_IFSOCK: return r->specials;
	default: return false;
	}
}

/* The first filter that a name matches decides. */
static bool is_left_out(const struct synchronize_rules *r, const char *path, bool directory)
{
	for (size_t i = 0; i < r->filters.count; i++)
		if (glob_path_match(r->filters.items[i].pattern, path, directory))
			return !r->filters.items[i].include;
	return false;
}

bool synchronize_excludes(const struct synchronize_rules *r, const char *path, bool directory)
{
	if (r->filters.count == 0)
		return false;
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		autofree char *above = xstrndup(path, (size_t)(slash - path));
		if (is_left_out(r, above, true))
			return true;
	}
	return is_left_out(r, path, directory);
}
