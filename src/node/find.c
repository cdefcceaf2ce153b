/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module find: files below directories that answer a description, as Ansible's module of
 * that name walks them. What needs a regular expression the engine looks at afterwards.
 *
 * An answer holds so many files as fit it; `skip` gets those behind. A directory is read whole
 * before the next one is entered: first what is in it is looked at, files before directories.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "node/digest.h"
#include "node/module.h"
#include "node/pattern.h"
#include "node/users.h"
#include "node/words.h"

#define PAGE_FILES  5000
#define PAGE_BYTES  (3u << 20)
#define LITERAL_MAX 4096

const struct node_arg find_args[] = {
	{"paths", ARG_LIST | ARG_REQUIRED},
	{"patterns", ARG_LIST},
	{"excludes", ARG_LIST},
	{"file_type", ARG_TEXT},
	{"age", ARG_INT},
	{"age_stamp", ARG_TEXT},
	{"size", ARG_INT},
	{"recurse", ARG_BOOL},
	{"hidden", ARG_BOOL},
	{"follow", ARG_BOOL},
	{"depth", ARG_INT},
	{"checksum", ARG_BOOL},
	{"literal", ARG_TEXT},
	{"skip", ARG_INT},
	{NULL, 0},
};

/* One directory on the way down, so that a circle of links is seen. */
struct level {
	const struct level *above;
	dev_t dev;
	ino_t ino;
};

struct search {
	struct node_call *call;
	const char *const *patterns, *const *excludes;
	const char *type, *stamp, *literal;
	bool has_age, has_size, recurse, hidden, follow, checksum;
	int64_t age, size, depth;
	struct timespec now;
	int64_t skip;  /* so many were told before */
	int64_t found; /* in all */
	int64_t told;  /* in this answer */
	int64_t examined;
	bool more; /* there are some that found no place */
};

/* ---- what is looked for ---- */

static bool matches_any(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (pattern_match(*patterns, name))
			return true;
	return false;
}

static bool name_fits(const struct search *s, const char *name)
{
	return (!*s->patterns || matches_any(s->patterns, name)) &&
	       !matches_any(s->excludes, name);
}

static bool type_fits(const struct search *s, mode_t mode)
{
	if (strcmp(s->type, "any") == 0)
		return true;
	if (strcmp(s->type, "directory") == 0)
		return S_ISDIR(mode);
	return strcmp(s->type, "link") == 0 ? S_ISLNK(mode) : S_ISREG(mode);
}

static double seconds_of(const struct timespec *t)
{
	return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

static bool age_fits(const struct search *s, const struct stat *st)
{
	const struct timespec *stamp = strcmp(s->stamp, "atime") == 0   ? &st->st_atim
				       : strcmp(s->stamp, "ctime") == 0 ? &st->st_ctim
									: &st->st_mtim;
	double age = seconds_of(&s->now) - seconds_of(stamp);

	if (!s->has_age)
		return true;
	return s->age >= 0 ? age >= (double)s->age : age <= -(double)s->age;
}

static bool size_fits(const struct search *s, const struct stat *st)
{
	if (!s->has_size || !S_ISREG(st->st_mode))
		return true;
	return s->size >= 0 ? st->st_size >= s->size : st->st_size <= -s->size;
}

/* Whether a file has a text in it; one that cannot be read has not. */
static bool has_literal(const char *path, const char *literal)
{
	size_t n = strlen(literal), kept = 0;
	char buffer[65536 + LITERAL_MAX];
	autofd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t got;

	while (fd >= 0 && (got = read(fd, buffer + kept, 65536)) > 0) {
		size_t len = kept + (size_t)got;
		if (memmem(buffer, len, literal, n))
			return true;
		kept = len < n ? len : n - 1;
		memmove(buffer, buffer + len - kept, kept);
	}
	return false;
}

static bool fits(
	const struct search *s, const char *path, const char *name, const struct stat *st)
{
	return type_fits(s, st->st_mode) && name_fits(s, name) && age_fits(s, st) &&
	       size_fits(s, st) && (!s->literal || has_literal(path, s->literal));
}

/* ---- what is told ---- */

static int tell_checksum(struct search *s, const char *path, struct err *err)
{
	const struct digest_algorithm *sha1 = digest_find("sha1");
	char sum[1][DIGEST_HEX_MAX];
	autofd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		item_put_null(s->call->out, NULL);
		return 0;
	}
	if (digest_fd(s->call, fd, &sha1, 1, sum, err) < 0)
		return err_wrap(err, "%s", path);
	item_put_string(s->call->out, NULL, sum[0]);
	return 0;
}

static void tell_owner(struct item_writer *out, const struct stat *st)
{
	struct user u;
	struct group_entry g;

	item_put_string(out, NULL, user_by_uid(st->st_uid, &u) ? u.name : "");
	item_put_string(out, NULL, group_by_gid(st->st_gid, &g) ? g.name : "");
}

/* A file, as a list without keys: they would be most of the answer. */
static int tell_file(struct search *s, const char *path, const struct stat *st, struct err *err)
{
	struct item_writer *out = s->call->out;
	int result = 0;

	item_open_list(out, NULL);
	item_put_string(out, NULL, path);
	item_put_int(out, NULL, st->st_mode);
	item_put_int(out, NULL, st->st_uid);
	item_put_int(out, NULL, st->st_gid);
	item_put_int(out, NULL, st->st_size);
	item_put_int(out, NULL, (int64_t)st->st_ino);
	item_put_int(out, NULL, (int64_t)st->st_dev);
	item_put_int(out, NULL, (int64_t)st->st_nlink);
	item_put_float(out, NULL, seconds_of(&st->st_atim));
	item_put_float(out, NULL, seconds_of(&st->st_mtim));
	item_put_float(out, NULL, seconds_of(&st->st_ctim));
	tell_owner(out, st);
	if (s->checksum && S_ISREG(st->st_mode))
		result = tell_checksum(s, path, err);
	item_close(out);
	return result;
}

/* ---- the way through directories ---- */

/* Looks at one name in a directory. What went away meanwhile is passed over. */
static int look(struct search *s, const char *dir, const char *name, struct err *err)
{
	autofree char *path = path_join(dir, name);
	struct stat st;

	if ((*name == '.' && !s->hidden) || lstat(path, &st) < 0 || !fits(s, path, name, &st))
		return 0;
	s->found++;
	if (s->found <= s->skip)
		return 0;
	if (s->told >= PAGE_FILES || s->call->out->out->len > PAGE_BYTES) {
		s->more = true;
		return 0;
	}
	s->told++;
	return tell_file(s, path, &st, err);
}

/* True for a directory, and for a link to one. */
static bool is_directory(const char *dir, const struct dirent *e)
{
	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	autofree char *path = path_join(dir, e->d_name);
	return path_is_dir(path);
}

static int read_directory(
	const char *path, struct strlist *files, struct strlist *directories, struct err *err)
{
	DIR *d = opendir(path);

	if (!d)
		return err_set(
			err, ERR_SYSTEM, "[Errno %d] %s: '%s'", errno, strerror(errno), path);
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		strlist_add(is_directory(path, e) ? directories : files, e->d_name);
	}
	closedir(d);
	return 0;
}

static int walk(struct search *s, const char *path, int64_t depth, const struct level *above,
	struct err *why, struct err *err);

/* Goes on into a directory, but not through a link, nor in a circle. */
static int enter(struct search *s, const char *dir, const char *name, int64_t depth,
	const struct level *above, struct err *why, struct err *err)
{
	autofree char *path = path_join(dir, name);
	struct stat st;

	if (lstat(path, &st) < 0 || (S_ISLNK(st.st_mode) && !s->follow) || stat(path, &st) < 0)
		return 0;
	for (const struct level *l = above; l; l = l->above)
		if (l->dev == st.st_dev && l->ino == st.st_ino)
			return 0;
	struct level here = {.above = above, .dev = st.st_dev, .ino = st.st_ino};
	return walk(s, path, depth + 1, &here, why, err);
}

static int look_at_all(
	struct search *s, const char *path, const struct strlist *names, struct err *err)
{
	for (size_t i = 0; !s->more && i < names->count; i++)
		if (look(s, path, names->items[i], err) < 0)
			return -1;
	return 0;
}

/*
 * All in and below a directory. A directory that cannot be read ends the walk of this path, as
 * it does in Ansible: `why` says so then. -1 with err for what ends the module.
 */
static int walk(struct search *s, const char *path, int64_t depth, const struct level *above,
	struct err *why, struct err *err)
{
	AUTO(strlist_release) struct strlist files = {0};
	AUTO(strlist_release) struct strlist directories = {0};
	bool deep = s->depth > 0 && depth > s->depth;

	if (call_tick(s->call, err) < 0)
		return -1;
	if (read_directory(path, &files, &directories, why) < 0)
		return 0;
	s->examined += (int64_t)(files.count + directories.count);
	if (deep)
		return 0;
	if (look_at_all(s, path, &files, err) < 0 ||
		look_at_all(s, path, &directories, err) < 0)
		return -1;
	for (size_t i = 0; s->recurse && !s->more && !why->code && i < directories.count; i++)
		if (enter(s, path, directories.items[i], depth, above, why, err) < 0)
			return -1;
	return 0;
}

/* The path without slashes at its end, "~" and $NAME expanded. */
static const char *expand(struct node_call *c, const char *given)
{
	const char *path = words_expand(c->arena, given, environ);
	size_t n;

	path = call_expand(c, path);
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		continue;
	return arena_strndup(c->arena, path, n);
}

/* Paths that could not be looked at, with the reason. */
struct skipped {
	struct strlist paths, reasons;
};

static int walk_path(
	struct search *s, const char *given, struct skipped *skipped, struct err *err)
{
	const char *path = expand(s->call, given);
	struct err why = {0};
	struct stat st;

	if (*path != '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		err_set(&why, ERR_INPUT, "'%s' is not a directory", path);
	} else {
		struct level top = {.dev = st.st_dev, .ino = st.st_ino};
		if (walk(s, path, 1, &top, &why, err) < 0)
			return -1;
	}
	if (why.code) {
		strlist_add(&skipped->paths, path);
		strlist_add(&skipped->reasons, why.text);
	}
	return 0;
}

static int read_search(struct search *s, struct err *err)
{
	struct node_call *c = s->call;
	const char *type = call_text_or_null(c, "file_type");
	const char *stamp = call_text_or_null(c, "age_stamp");

	s->patterns = call_list(c, "patterns", err);
	s->excludes = s->patterns ? call_list(c, "excludes", err) : NULL;
	if (!s->excludes)
		return -1;
	s->type = type ? type : "file";
	s->stamp = stamp ? stamp : "mtime";
	s->literal = call_text_or_null(c, "literal");
	if (s->literal && (!*s->literal || strlen(s->literal) >= LITERAL_MAX))
		return err_set(err, ERR_LIMIT, "literal: 1 to %d bytes", LITERAL_MAX - 1);
	s->age = item_int(c->args, "age", INT64_MIN);
	s->has_age = s->age != INT64_MIN;
	s->size = item_int(c->args, "size", INT64_MIN);
	s->has_size = s->size != INT64_MIN;
	s->depth = item_int(c->args, "depth", 0);
	s->skip = item_int(c->args, "skip", 0);
	s->recurse = item_bool(c->args, "recurse", false);
	s->hidden = item_bool(c->args, "hidden", false);
	s->follow = item_bool(c->args, "follow", false);
	s->checksum = item_bool(c->args, "checksum", false);
	clock_gettime(CLOCK_REALTIME, &s->now);
	return 0;
}

static void tell_skipped(struct node_call *c, const struct skipped *skipped)
{
	item_open_dict(c->out, "skipped_paths");
	for (size_t i = 0; i < skipped->paths.count; i++)
		item_put_string(c->out, skipped->paths.items[i], skipped->reasons.items[i]);
	item_close(c->out);
}

int node_find(struct node_call *c, struct err *err)
{
	const char *const *paths = call_list(c, "paths", err);
	struct skipped skipped = {0};
	struct search s = {.call = c};
	int result = 0;

	if (!paths || read_search(&s, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_open_list(c->out, "files");
	for (; result == 0 && *paths && !s.more; paths++)
		result = walk_path(&s, *paths, &skipped, err);
	item_close(c->out);
	item_put_int(c->out, "examined", s.examined);
	item_put_bool(c->out, "more", s.more);
	tell_skipped(c, &skipped);
	strlist_release(&skipped.paths);
	strlist_release(&skipped.reasons);
	return result;
}
