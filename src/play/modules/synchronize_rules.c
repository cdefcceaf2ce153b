/* SPDX-License-Identifier: Apache-2.0 */
/* What synchronize is asked for: its arguments, and options of rsync in rsync_opts. */
#include "play/modules/synchronize.h"

#include "base/vec.h"
#include "text/glob.h"

#define RULE(member) offsetof(struct synchronize_rules, member)

/* Options that set a rule. */
static const struct {
	const char *name;
	size_t member;
	bool on;
} options[] = {
	{"--checksum", RULE(checksum), true},
	{"-c", RULE(checksum), true},
	{"--copy-links", RULE(copy_links), true},
	{"-L", RULE(copy_links), true},
	{"--delete", RULE(remove), true},
	{"--delete-after", RULE(remove), true},
	{"--delete-before", RULE(remove), true},
	{"--delete-during", RULE(remove), true},
	{"--delete-excluded", RULE(remove_excluded), true},
	{"--dirs", RULE(dirs), true},
	{"--existing", RULE(existing), true},
	{"--devices", RULE(devices), true},
	{"--ignore-existing", RULE(ignore_existing), true},
	{"--no-devices", RULE(devices), false},
	{"--no-group", RULE(group), false},
	{"--no-g", RULE(group), false},
	{"--no-links", RULE(links), false},
	{"--no-l", RULE(links), false},
	{"--no-owner", RULE(owner), false},
	{"--no-o", RULE(owner), false},
	{"--no-perms", RULE(perms), false},
	{"--no-p", RULE(perms), false},
	{"--no-recursive", RULE(recursive), false},
	{"--no-specials", RULE(specials), false},
	{"--no-times", RULE(times), false},
	{"--no-t", RULE(times), false},
	{"--omit-dir-times", RULE(omit_dir_times), true},
	{"-O", RULE(omit_dir_times), true},
	{"--specials", RULE(specials), true},
	{"--update", RULE(update), true},
	{"-u", RULE(update), true},
};

/* Options about how rsync works, which have no meaning here. */
static const char *const harmless[] = {"--compress", "-z", "--delay-updates",
	"--human-readable", "-h", "--inplace", "--no-motd", "--partial", "--progress",
	"--quiet", "-q", "--stats", "--verbose", "-v", "--whole-file", "-W"};

static bool *rule_at(struct synchronize_rules *r, size_t member)
{
	return (bool *)(void *)((char *)r + member);
}

/* A pattern of rsync's as one of text/glob: without a slash in front it holds at any depth. */
static int add_filter(struct module_call *c, struct synchronize_rules *r, bool include,
	const char *pattern, struct err *err)
{
	size_t n = strlen(pattern);
	const char *slash = n ? memchr(pattern, '/', n - 1) : NULL;
	bool rooted = *pattern == '/' && pattern[1];

	if (strchr(pattern, '\\'))
		return err_set(err, ERR_UNSUPPORTED,
			"rsync_opts: escapes in patterns are not supported (%s)", pattern);
	if (slash && !rooted)
		pattern = arena_printf(c->arena, "**/%s", pattern);
	if (glob_path_check(pattern, err) < 0)
		return err_wrap(err, "rsync_opts");
	*VEC_PUSH(&r->filters) = (struct synchronize_filter){
		.include = include, .pattern = arena_strdup(c->arena, pattern)};
	return 0;
}

/* --exclude=PATTERN, --include=PATTERN, or the pattern as the next word: how many words. */
static int read_filter(struct module_call *c, struct synchronize_rules *r, const char *word,
	const char *next, struct err *err)
{
	static const char *const names[] = {"--exclude", "--include"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);
		if (strncmp(word, names[i], n) != 0 || (word[n] != '=' && word[n] != '\0'))
			continue;
		const char *pattern = word[n] == '=' ? word + n + 1 : next;
		if (!pattern)
			return err_set(
				err, ERR_INPUT, "rsync_opts: %s without a pattern", word);
		if (add_filter(c, r, i == 1, pattern, err) < 0)
			return -1;
		return word[n] == '=' ? 1 : 2;
	}
	return 0;
}

static bool read_option(struct synchronize_rules *r, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, word) == 0) {
			*rule_at(r, options[i].member) = options[i].on;
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (strcmp(harmless[i], word) == 0)
			return true;
	return false;
}

static int read_options(struct module_call *c, struct synchronize_rules *r, struct err *err)
{
	const struct value *words = argument_value(c, "rsync_opts");
	size_t count = words && words->kind == VALUE_LIST ? words->count : 0;

	for (size_t i = 0; i < count; i++) {
		const char *word = value_text(words->items[i]);
		const char *next = i + 1 < count ? value_text(words->items[i + 1]) : NULL;
		int used = word ? read_filter(c, r, word, next, err) : 0;
		if (used < 0)
			return -1;
		if (used == 0 && (!word || !read_option(r, word)))
			return err_set(err, ERR_UNSUPPORTED,
				"rsync_opts: \"%s\" is not supported; the transfer is not done "
				"by "
				"rsync",
				word ? word : value_kind_name(words->items[i]));
		i += used > 1;
	}
	return 0;
}

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
		*rule_at(r, archived[i].member) =
			argument_value(c, archived[i].argument)
				? argument_bool(c, archived[i].argument)
				: archive;
	r->devices = r->specials = archive;
	r->dirs = argument_bool(c, "dirs");
	r->copy_links = argument_bool(c, "copy_links");
	r->checksum = argument_bool(c, "checksum");
	r->existing = argument_bool(c, "existing_only");
	r->remove = argument_bool(c, "delete");
	if (read_options(c, r, err) < 0)
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
