/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module file: states of a path, with the rules of Ansible's module of that name. This
 * part reads the arguments, knows the table of states, and tells the result.
 */
#include "node/file.h"

#include <unistd.h>

#include "base/path.h"

const struct node_arg file_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT},
	{"src", ARG_TEXT},
	{"force", ARG_BOOL},
	{"follow", ARG_BOOL},
	{"recurse", ARG_BOOL},
	ATTRIBUTES_ARGS,
	{"modification_time", ARG_TEXT},
	{"modification_time_format", ARG_TEXT},
	{"access_time", ARG_TEXT},
	{"access_time_format", ARG_TEXT},
	{NULL, 0},
};

struct state {
	const char *name;
	int (*ensure)(struct file_work *f, struct err *err);
	const char *key; /* under which the result tells the path */
	bool takes_src;
	const char *times; /* what times are when nothing is said */
	bool enters;       /* with src, a path that is a directory means a name in it */
};

static const struct state states[] = {
	{"file", file_file, "path", false, NULL, true},
	{"directory", file_directory, "path", false, NULL, true},
	{"link", file_link, "dest", true, NULL, false},
	{"hard", file_hard, "dest", true, NULL, true},
	{"touch", file_touch, "dest", false, "now", true},
	{"absent", file_absent, "path", false, NULL, false},
};

static const struct state *find_state(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, name) == 0)
			return &states[i];
	}
	return NULL;
}

/* A time argument; "preserve" is NULL. */
static const char *read_time(struct node_call *c, const char *key, const char *otherwise)
{
	const char *given = call_text_or_null(c, key);

	if (!given)
		return otherwise;
	return strcmp(given, "preserve") == 0 ? NULL : given;
}

static const char *read_format(struct node_call *c, const char *key)
{
	const char *given = call_text_or_null(c, key);

	return given ? given : "%Y%m%d%H%M.%S";
}

/* What a path becomes that is a directory while a file in it is meant. */
static int enter_directory(struct file_work *f, const struct state *s, struct err *err)
{
	if ((!s || s->enters) && f->src && path_is_dir(f->path))
		f->path = arena_printf(f->call->arena, "%s/%s", f->path, path_basename(f->src));
	f->former = path_state(f->path, err);
	return f->former ? 0 : -1;
}

/* The state that is meant when none is given. */
static const char *state_by_default(const struct file_work *f)
{
	if (strcmp(f->former, "absent") != 0)
		return f->former;
	return f->recurse ? "directory" : "file";
}

static int check_combination(const struct file_work *f, const struct state *s, struct err *err)
{
	if (f->recurse && strcmp(s->name, "directory") != 0)
		return err_set(
			err, ERR_INPUT, "recurse option requires state to be 'directory'");
	if (f->src && !s->takes_src)
		return err_set(
			err, ERR_INPUT, "src option requires state to be 'link' or 'hard'");
	return 0;
}

static int read_work(struct file_work *f, const struct state **state, struct err *err)
{
	struct node_call *c = f->call;
	const char *name = call_text_or_null(c, "state");

	f->path = call_path(c, "path", err);
	if (!f->path || attributes_read(c, &f->attributes, err) < 0)
		return -1;
	f->warning = f->attributes.unknown;
	f->src = call_expand(c, call_text_or_null(c, "src"));
	f->force = item_bool(c->args, "force", false);
	f->follow = item_bool(c->args, "follow", true);
	f->recurse = item_bool(c->args, "recurse", false);
	*state = name ? find_state(name) : NULL;
	if (name && !*state)
		return err_set(err, ERR_INPUT,
			"state \"%s\" is none of absent, directory, file, hard, link, touch",
			name);
	if (enter_directory(f, *state, err) < 0)
		return -1;
	if (!*state)
		*state = find_state(state_by_default(f));
	f->state = (*state)->name;
	f->mtime = read_time(c, "modification_time", (*state)->times);
	f->atime = read_time(c, "access_time", (*state)->times);
	f->mtime_format = read_format(c, "modification_time_format");
	f->atime_format = read_format(c, "access_time_format");
	return check_combination(f, *state, err);
}

static double seconds_of(const struct timespec *t)
{
	return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

static void tell_names(struct item_writer *out, const char *key, const struct strlist *names)
{
	item_open_list(out, key);
	for (size_t i = 0; i < names->count; i++)
		item_put_string(out, NULL, names->items[i]);
	item_close(out);
}

/* What was below a directory that is removed. */
static void tell_content(const struct file_work *f)
{
	struct item_writer *out = f->call->out;

	item_open_dict(out, "path_content");
	tell_names(out, "directories", &f->directories);
	tell_names(out, "files", &f->files);
	item_close(out);
}

/* One side of the diff. */
static void tell_side(struct file_work *f, const char *key, const struct change_attributes *a,
	const char *state, const char *src)
{
	struct item_writer *out = f->call->out;

	item_open_dict(out, key);
	item_put_string(out, "path", f->path);
	if (strcmp(f->former, f->state) != 0)
		item_put_string(out, "state", state);
	attributes_tell_side(out, a);
	if (a->has_mtime)
		item_put_float(out, "mtime", seconds_of(&a->mtime));
	if (a->has_atime)
		item_put_float(out, "atime", seconds_of(&a->atime));
	if (src)
		item_put_string(out, "src", src);
	if (a == &f->diff.before && strcmp(f->state, "absent") == 0 &&
		strcmp(f->former, "directory") == 0)
		tell_content(f);
	item_close(out);
}

static void tell_diff(struct file_work *f)
{
	item_open_dict(f->call->out, "diff");
	tell_side(f, "before", &f->diff.before, f->former, f->old_src);
	tell_side(f, "after", &f->diff.after, f->state, f->new_src);
	item_close(f->call->out);
}

static void tell_result(struct file_work *f, const struct state *s)
{
	struct item_writer *out = f->call->out;

	item_put_bool(out, "changed", f->changed);
	item_put_string(out, s->key, f->path);
	if (s->takes_src)
		item_put_string(out, "src", f->src);
	if (f->warning) {
		item_open_list(out, "warnings");
		item_put_string(out, NULL, f->warning);
		item_close(out);
	}
	if (access(f->path, F_OK) == 0)
		attributes_tell(f->call, f->path);
	else if (s->ensure == file_absent)
		item_put_string(out, "state", "absent");
	if (f->call->diff && !f->no_diff)
		tell_diff(f);
}

int node_file(struct node_call *c, struct err *err)
{
	struct file_work f = {.call = c};
	const struct state *state;

	int result = read_work(&f, &state, err) < 0 ? -1 : state->ensure(&f, err);
	if (result == 0)
		tell_result(&f, state);
	strlist_release(&f.directories);
	strlist_release(&f.files);
	return result;
}
