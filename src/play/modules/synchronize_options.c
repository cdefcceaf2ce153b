/* SPDX-License-Identifier: Apache-2.0 */
/* The options of rsync in rsync_opts: those that say what is brought are understood. */
#include "play/modules/synchronize.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/suggest.h"
#include "base/vec.h"
#include "play/runner.h"
#include "text/glob.h"

#define RULE(member)  offsetof(struct synchronize_rules, member)
#define LIST_FILE_MAX (1u << 20) /* bytes of a file of patterns */

/* Options that set rules; a letter stands for the long one. */
static const struct {
	const char *name;
	char letter;
	size_t member;
	bool on;
} flags[] = {
	{"--checksum", 'c', RULE(checksum), true},
	{"--copy-links", 'L', RULE(copy_links), true},
	{"--delete", 0, RULE(remove), true},
	{"--delete-after", 0, RULE(remove), true},
	{"--delete-before", 0, RULE(remove), true},
	{"--delete-delay", 0, RULE(remove), true},
	{"--delete-during", 0, RULE(remove), true},
	{"--delete-excluded", 0, RULE(remove_excluded), true},
	{"--devices", 0, RULE(devices), true},
	{"--dirs", 'd', RULE(dirs), true},
	{"--existing", 0, RULE(existing), true},
	{"--force", 0, RULE(force), true},
	{"--group", 'g', RULE(group), true},
	{"--ignore-existing", 0, RULE(ignore_existing), true},
	{"--ignore-non-existing", 0, RULE(existing), true},
	{"--ignore-times", 'I', RULE(ignore_times), true},
	{"--links", 'l', RULE(links), true},
	{"--mkpath", 0, RULE(mkpath), true},
	{"--no-devices", 0, RULE(devices), false},
	{"--no-group", 0, RULE(group), false},
	{"--no-g", 0, RULE(group), false},
	{"--no-links", 0, RULE(links), false},
	{"--no-l", 0, RULE(links), false},
	{"--no-owner", 0, RULE(owner), false},
	{"--no-o", 0, RULE(owner), false},
	{"--no-perms", 0, RULE(perms), false},
	{"--no-p", 0, RULE(perms), false},
	{"--no-recursive", 0, RULE(recursive), false},
	{"--no-r", 0, RULE(recursive), false},
	{"--no-specials", 0, RULE(specials), false},
	{"--no-times", 0, RULE(times), false},
	{"--no-t", 0, RULE(times), false},
	{"--numeric-ids", 0, RULE(numeric_ids), true},
	{"--omit-dir-times", 'O', RULE(omit_dir_times), true},
	{"--owner", 'o', RULE(owner), true},
	{"--perms", 'p', RULE(perms), true},
	{"--prune-empty-dirs", 'm', RULE(prune_empty), true},
	{"--recursive", 'r', RULE(recursive), true},
	{"--size-only", 0, RULE(size_only), true},
	{"--specials", 0, RULE(specials), true},
	{"--times", 't', RULE(times), true},
	{"--update", 'u', RULE(update), true},
};

/* Options about how rsync works, which have no meaning here. */
static const struct {
	const char *name; /* with "=": it has a value */
	char letter;
} harmless[] = {{"--blocking-io", 0}, {"--bwlimit=", 0}, {"--compress", 'z'},
	{"--compress-choice=", 0}, {"--compress-level=", 0}, {"--contimeout=", 0},
	{"--delay-updates", 0}, {"--human-readable", 'h'}, {"--inplace", 0},
	{"--itemize-changes", 'i'}, {"--no-compress", 0}, {"--no-inc-recursive", 0},
	{"--no-motd", 0}, {"--no-whole-file", 0}, {"--partial", 0}, {"--partial-dir=", 0},
	{"--progress", 'P'}, {"--protect-args", 's'}, {"--quiet", 'q'}, {"--rsh=", 0},
	{"--rsync-path=", 0}, {"--sparse", 'S'}, {"--stats", 0}, {"--timeout=", 0},
	{"--verbose", 'v'}, {"--whole-file", 'W'}};

static void set_rule(struct synchronize_rules *r, size_t member, bool on)
{
	*(bool *)(void *)((char *)r + member) = on;
}

static void set_archive(struct synchronize_rules *r)
{
	static const size_t members[] = {RULE(recursive), RULE(links), RULE(perms), RULE(times),
		RULE(owner), RULE(group), RULE(devices), RULE(specials)};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		set_rule(r, members[i], true);
}

/* ---- options with a value ---- */

/* A pattern of rsync's as one of text/glob: without a slash in front it holds at any depth. */
int synchronize_filter_add(struct module_call *c, struct synchronize_rules *r, bool include,
	const char *pattern, struct err *err)
{
	/* A directory and all in it: as a directory's pattern has it here. */
	if (str_ends(pattern, "/***"))
		pattern = arena_strndup(c->arena, pattern, strlen(pattern) - 3);
	size_t n = strlen(pattern);
	const char *slash = n ? memchr(pattern, '/', n - 1) : NULL;
	bool rooted = *pattern == '/' && pattern[1];

	if (strchr(pattern, '\\'))
		return err_set(err, ERR_UNSUPPORTED,
			"escapes in patterns are not supported (%s)", pattern);
	if (slash && !rooted)
		pattern = arena_printf(c->arena, "**/%s", pattern);
	if (glob_path_check(pattern, err) < 0)
		return -1;
	*VEC_PUSH(&r->filters) = (struct synchronize_filter){
		.include = include, .pattern = arena_strdup(c->arena, pattern)};
	return 0;
}

/* "+ PATTERN", "- PATTERN", or a bare one, which is as `include` says. */
static int add_rule(struct module_call *c, struct synchronize_rules *r, bool include,
	const char *rule, struct err *err)
{
	if ((*rule == '+' || *rule == '-') && rule[1] == ' ')
		return synchronize_filter_add(c, r, *rule == '+', rule + 2, err);
	return synchronize_filter_add(c, r, include, rule, err);
}

static int read_exclude(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	return add_rule(c, r, false, value, err);
}

static int read_include(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	return add_rule(c, r, true, value, err);
}

static int read_filter(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	static const struct {
		const char *word;
		bool include;
	} kinds[] = {{"+ ", true}, {"- ", false}, {"include ", true}, {"exclude ", false}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(value, kinds[i].word))
			return synchronize_filter_add(
				c, r, kinds[i].include, value + strlen(kinds[i].word), err);
	return err_set(err, ERR_UNSUPPORTED,
		"\"%s\": only rules that begin with \"+ \" or \"- \" are supported", value);
}

/* The lines of a file of this machine; empty ones and comments do not count. */
static int read_list(struct module_call *c, struct synchronize_rules *r, bool include,
	const char *name, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strlist_release) struct strlist lines = {0};
	autofree char *path = runner_find(c, "files", name, err);

	if (!path || file_read(path, LIST_FILE_MAX, &text, err) < 0)
		return -1;
	strlist_split(&lines, text.data, "\n");
	for (size_t i = 0; i < lines.count; i++) {
		const char *line = lines.items[i];
		if (*line && *line != '#' && *line != ';' &&
			add_rule(c, r, include, line, err) < 0)
			return err_wrap(err, "%s", path);
	}
	return 0;
}

static int read_exclude_from(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	return read_list(c, r, false, value, err);
}

static int read_include_from(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	return read_list(c, r, true, value, err);
}

/* "10", "1.5M", "2kb": letters for powers of 1024, with a "b" behind of 1000. */
static int read_size(const char *text, uint64_t *size, struct err *err)
{
	static const char letters[] = "kmgt";
	char *end;
	double n = strtod(text, &end);

	if (end == text || n < 0 || !isdigit((unsigned char)*text))
		return err_set(err, ERR_INPUT, "\"%s\" is no size", text);
	const char *letter = *end ? strchr(letters, tolower((unsigned char)*end)) : NULL;
	double unit = letter && tolower((unsigned char)end[1]) == 'b' && !end[2] ? 1000 : 1024;
	if (letter)
		end += unit < 1001 ? 2 : 1;
	else if (tolower((unsigned char)*end) == 'b')
		end++;
	for (; letter && letter >= letters; letter--)
		n *= unit;
	if (*end || n > 1e18)
		return err_set(err, ERR_INPUT, "\"%s\" is no size", text);
	*size = (uint64_t)n;
	return 0;
}

static int read_max_size(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	(void)c;
	return read_size(value, &r->max_size, err);
}

static int read_min_size(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	(void)c;
	return read_size(value, &r->min_size, err);
}

static int read_chmod(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	mode_t mode = S_IFREG;

	r->chmod = r->chmod ? arena_printf(c->arena, "%s,%s", r->chmod, value) : value;
	return synchronize_chmod(value, &mode, err);
}

static int read_chown(
	struct module_call *c, struct synchronize_rules *r, const char *value, struct err *err)
{
	size_t n = strcspn(value, ":");

	if (strchr(value, '*') || (!n && strlen(value) < 2))
		return err_set(err, ERR_INPUT, "\"%s\" names no owner", value);
	if (n) {
		r->chown_user = arena_strndup(c->arena, value, n);
		r->owner = true;
	}
	if (value[n] && value[n + 1]) {
		r->chown_group = arena_strdup(c->arena, value + n + 1);
		r->group = true;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct module_call *c, struct synchronize_rules *r, const char *value,
		struct err *err);
} valued[] = {
	{"--chmod", read_chmod},
	{"--chown", read_chown},
	{"--exclude", read_exclude},
	{"--exclude-from", read_exclude_from},
	{"--filter", read_filter},
	{"-f", read_filter},
	{"--include", read_include},
	{"--include-from", read_include_from},
	{"--max-size", read_max_size},
	{"--min-size", read_min_size},
};

/* NAME=VALUE, or VALUE as the next word: how many words were used, 0 for another option. */
static int read_valued(struct module_call *c, struct synchronize_rules *r, const char *word,
	const char *next, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(valued); i++) {
		size_t n = strlen(valued[i].name);
		if (strncmp(word, valued[i].name, n) != 0 || (word[n] != '=' && word[n]))
			continue;
		const char *value = word[n] ? word + n + 1 : next;
		if (!value)
			return err_set(err, ERR_INPUT, "rsync_opts: %s without a %s", word,
				strstr(word, "clude") ? "pattern" : "value");
		if (valued[i].read(c, r, value, err) < 0)
			return err_wrap(err, "rsync_opts: %s", valued[i].name);
		return word[n] ? 1 : 2;
	}
	return 0;
}

/* ---- all of them ---- */

static bool read_letter(struct synchronize_rules *r, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].letter == letter) {
			set_rule(r, flags[i].member, flags[i].on);
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (harmless[i].letter == letter)
			return true;
	if (letter == 'a')
		set_archive(r);
	if (letter == 'D')
		r->devices = r->specials = true;
	return letter == 'a' || letter == 'D';
}

static bool read_long(struct synchronize_rules *r, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].name, word) == 0) {
			set_rule(r, flags[i].member, flags[i].on);
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		const char *name = harmless[i].name;
		if (str_ends(name, "=") ? str_starts(word, name) : strcmp(word, name) == 0)
			return true;
	}
	if (strcmp(word, "--archive") != 0)
		return false;
	set_archive(r);
	return true;
}

/* An option without a value, or letters of several in one word. */
static bool read_flags(struct synchronize_rules *r, const char *word)
{
	if (word[0] != '-' || word[1] == '-' || !word[1])
		return read_long(r, word);
	for (const char *letter = word + 1; *letter; letter++)
		if (!read_letter(r, *letter))
			return false;
	return true;
}

/* Says what is there in the place of an option, or that it is misspelt. */
static int refuse(const char *word, struct err *err)
{
	const char *instead = synchronize_instead(word);
	struct suggestion near = {0};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		suggest_add(&near, word, flags[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(valued); i++) {
		autofree char *name = xstrndup(word, strcspn(word, "="));
		suggest_add(&near, name, valued[i].name);
	}
	if (instead)
		return err_set(err, ERR_UNSUPPORTED, "rsync_opts: \"%s\" is not supported: %s",
			word, instead);
	if (str_starts(word, "--") && near.word)
		return err_set(err, ERR_UNSUPPORTED,
			"rsync_opts: \"%s\" is not supported; did you mean \"%s\"?", word,
			near.word);
	return err_set(err, ERR_UNSUPPORTED,
		"rsync_opts: \"%s\" is not supported; the transfer is not done by rsync", word);
}

int synchronize_options_read(
	struct module_call *c, struct synchronize_rules *r, struct err *err)
{
	const struct value *words = argument_value(c, "rsync_opts");
	size_t count = words && words->kind == VALUE_LIST ? words->count : 0;

	for (size_t i = 0; i < count; i++) {
		const char *word = value_text(words->items[i]);
		const char *next = i + 1 < count ? value_text(words->items[i + 1]) : NULL;
		int used = word ? read_valued(c, r, word, next, err) : 0;
		if (used < 0)
			return -1;
		if (used == 0 && (!word || !read_flags(r, word)))
			return refuse(word ? word : value_kind_name(words->items[i]), err);
		i += used > 1;
	}
	return 0;
}
