/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: the states file, touch and absent, and what all states share.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "node/file.h"
#include "node/resolve.h"

#define NAMES_MAX 1000 /* of what is removed, in a diff */

static bool is(const char *state, const char *name)
{
	return strcmp(state, name) == 0;
}

const char *file_target(const struct file_work *f, const char *path)
{
	const char *state = path_state(path, NULL);

	if (!f->follow || !state || !is(state, "link"))
		return path;
	return resolve_path(f->call->arena, path);
}

/* The point of time that an argument names: 1 with it, 0 when the time is kept. */
static int read_time(
	const char *given, const char *format, struct timespec *out, struct err *err)
{
	struct tm tm = {.tm_isdst = -1};

	if (!given)
		return 0;
	if (strcmp(given, "now") == 0) {
		clock_gettime(CLOCK_REALTIME, out);
		return 1;
	}
	const char *end = strptime(given, format, &tm);
	time_t t = end && !*end ? mktime(&tm) : (time_t)-1;
	if (t == (time_t)-1)
		return err_set(err, ERR_INPUT,
			"Error while obtaining timestamp for time %s using format %s", given,
			format);
	*out = (struct timespec){.tv_sec = t};
	return 1;
}

static void note_time(bool *before, bool *after, struct timespec *was, struct timespec *is_now,
	const struct timespec *from, const struct timespec *to)
{
	if (from->tv_sec == to->tv_sec && from->tv_nsec == to->tv_nsec)
		return;
	*before = *after = true;
	*was = *from;
	*is_now = *to;
}

/* Sets the times of a path, or of what it points to. */
static int set_times(
	struct file_work *f, const char *path, struct attributes_diff *diff, struct err *err)
{
	struct change_attributes want = {0};
	struct stat st;
	bool differs;

	int mtime = read_time(f->mtime, f->mtime_format, &want.mtime, err);
	int atime = read_time(f->atime, f->atime_format, &want.atime, err);
	if (mtime < 0 || atime < 0)
		return -1;
	want.has_mtime = mtime > 0;
	want.has_atime = atime > 0;
	if (!want.has_mtime && !want.has_atime)
		return 0;
	if (stat(path, &st) < 0)
		return err_sys(
			err, "Error while updating modification or access time: %s", path);
	if (want.has_mtime && diff)
		note_time(&diff->before.has_mtime, &diff->after.has_mtime, &diff->before.mtime,
			&diff->after.mtime, &st.st_mtim, &want.mtime);
	if (want.has_atime && diff)
		note_time(&diff->before.has_atime, &diff->after.has_atime, &diff->before.atime,
			&diff->after.atime, &st.st_atim, &want.atime);
	if (change_attributes(call_transaction(f->call), path, &want, true, f->call->check,
		    &differs, err) < 0)
		return -1;
	f->changed |= differs;
	return 0;
}

int file_dress_with(
	struct file_work *f, const char *path, struct attributes_diff *diff, struct err *err)
{
	if (attributes_apply(f->call, path, &f->attributes, &f->changed, diff, err) < 0)
		return -1;
	return set_times(f, path, diff, err);
}

int file_dress(struct file_work *f, const char *path, struct err *err)
{
	return file_dress_with(f, path, &f->diff, err);
}

int file_file(struct file_work *f, struct err *err)
{
	if (f->follow && is(f->former, "link")) {
		f->path = resolve_path(f->call->arena, f->path);
		f->former = path_state(f->path, err);
		if (!f->former)
			return -1;
	}
	if (!is(f->former, "file") && !is(f->former, "hard"))
		return err_set(err, is(f->former, "absent") ? ERR_NOTFOUND : ERR_EXISTS,
			"file (%s) is %s, cannot continue", f->path, f->former);
	return file_dress(f, file_target(f, f->path), err);
}

static int make_empty(struct file_work *f, struct err *err)
{
	struct change_write write = {.path = f->path, .umask = f->attributes.umask};

	f->changed = true;
	if (change_write(call_transaction(f->call), &write, err) < 0)
		return err_wrap(err, "Error, could not touch target");
	return 0;
}

int file_touch(struct file_work *f, struct err *err)
{
	bool made = is(f->former, "absent");

	if (made && f->call->check) {
		f->changed = true;
		f->no_diff = true;
		return 0;
	}
	if (made && make_empty(f, err) < 0)
		return -1;
	if (file_dress(f, file_target(f, f->path), err) == 0)
		return 0;
	/* What could not be dressed is not left behind. */
	if (made)
		change_remove(call_transaction(f->call), f->path, NULL);
	return -1;
}

/* Notes the names below a directory, as far as a diff shows them. */
static void note_names(struct file_work *f, const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (is(e->d_name, ".") || is(e->d_name, "..") ||
			f->directories.count + f->files.count >= NAMES_MAX)
			continue;
		autofree char *child = path_join(path, e->d_name);
		const char *state = path_state(child, NULL);
		bool directory = state && is(state, "directory");
		strlist_add(directory ? &f->directories : &f->files, child);
		if (directory)
			note_names(f, child);
	}
	if (d)
		closedir(d);
}

int file_absent(struct file_work *f, struct err *err)
{
	if (is(f->former, "absent")) {
		f->no_diff = true;
		return 0;
	}
	f->changed = true;
	if (f->call->diff && is(f->former, "directory"))
		note_names(f, f->path);
	return f->call->check ? 0 : change_remove(call_transaction(f->call), f->path, err);
}
