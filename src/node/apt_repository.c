/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module apt_repository: one line among the sources of packages, sources.list(5). As in
 * Ansible, a source that is there in any file is enough, one that is commented out is enabled
 * again, and files are written in one form of spaces and comments where anything changes.
 */
#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "node/apt.h"
#include "node/attributes.h"

#define MAIN_LIST "/etc/apt/sources.list"
#define PARTS     "/etc/apt/sources.list.d"
#define LIST_MAX  (4u << 20) /* bytes of one file */

const struct node_arg apt_repository_args[] = {
	{"repo", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT},
	{"filename", ARG_TEXT},
	{"mode", ARG_TEXT},
	{"update_cache", ARG_BOOL},
	{"environment", ARG_DICT},
	{"update_cache_retries", ARG_INT},
	{"update_cache_retry_max_delay", ARG_INT},
	{NULL, 0},
};

/* One line of a file. */
struct source {
	bool valid; /* it names a source */
	bool enabled;
	const char *text; /* with single spaces if it is valid */
	const char *comment;
};

struct source_file {
	const char *path;
	bool existed, is_new; /* is_new: the line that is added made it */
	const char *before;   /* its content */
	const char *shown;    /* its content in our form, before the change */
	struct {
		struct source *items;
		size_t count, cap;
	} lines;
};

struct sources {
	struct node_call *call;
	struct {
		struct source_file *items;
		size_t count, cap;
	} files;
};

static void sources_release(struct sources *s)
{
	for (size_t i = 0; i < s->files.count; i++)
		free(s->files.items[i].lines.items);
	free(s->files.items);
}

/* n bytes without the white space around them. */
static const char *trimmed(struct arena *a, const char *text, size_t n)
{
	while (n > 0 && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return arena_strndup(a, text, n);
}

/* A source with single spaces between its words. */
static const char *single_spaced(struct arena *a, const char *text)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct strbuf out = STRBUF_INIT;

	strlist_split(&words, text, " \t");
	for (size_t i = 0; i < words.count; i++)
		strbuf_addf(&out, "%s%s", i ? " " : "", words.items[i]);
	const char *kept = arena_strndup(a, out.data, out.len);
	strbuf_release(&out);
	return kept;
}

static struct source read_line(struct arena *a, const char *line, size_t n)
{
	const char *text = trimmed(a, line, n);
	struct source s = {.enabled = *text != '#', .comment = ""};

	text += !s.enabled;
	const char *hash = *text ? strchr(text + 1, '#') : NULL;
	if (hash)
		s.comment = trimmed(a, hash + 1, strlen(hash + 1));
	s.text = trimmed(a, text, hash ? (size_t)(hash - text) : strlen(text));
	size_t first = strcspn(s.text, " \t");
	s.valid = (first == 3 && strncmp(s.text, "deb", 3) == 0) ||
		  (first == 7 && strncmp(s.text, "deb-src", 7) == 0);
	if (s.valid)
		s.text = single_spaced(a, s.text);
	return s;
}

/* The file's content in the form that is written. */
static const char *write_lines(struct arena *a, const struct source_file *f)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < f->lines.count; i++) {
		const struct source *s = &f->lines.items[i];
		strbuf_addf(&out, "%s%s%s%s\n", s->enabled ? "" : "# ", s->text,
			*s->comment ? " # " : "", s->comment);
	}
	const char *kept = arena_strndup(a, out.data, out.len);
	strbuf_release(&out);
	return kept;
}

static int load(struct sources *s, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct arena *a = s->call->arena;

	if (file_read(path, LIST_MAX, &text, err) < 0)
		return -1;
	struct source_file *f = VEC_PUSH(&s->files);
	*f = (struct source_file){.path = arena_strdup(a, path),
		.existed = true,
		.before = arena_strndup(a, text.data, text.len)};
	for (const char *line = f->before; *line;) {
		size_t n = strcspn(line, "\n");
		*VEC_PUSH(&f->lines) = read_line(a, line, n);
		line += n + (line[n] == '\n');
	}
	f->shown = write_lines(a, f);
	return 0;
}

/* All files of sources: the main one, then the parts by name. */
static int load_all(struct sources *s, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	DIR *d = opendir(PARTS);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (str_ends(e->d_name, ".list") && *e->d_name != '.')
			strlist_addf(&names, PARTS "/%s", e->d_name);
	}
	if (d)
		closedir(d);
	strlist_sort(&names);
	if (access(MAIN_LIST, F_OK) == 0 && load(s, MAIN_LIST, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (load(s, names.items[i], err) < 0)
			return -1;
	return 0;
}

/* Where a new source goes: a file named after the host and path that it comes from. */
static const char *suggest_path(struct sources *s, const char *text)
{
	const char *name = call_text_or_null(s->call, "filename");
	struct arena *a = s->call->arena;
	struct strbuf out = STRBUF_INIT;

	if (name)
		return strchr(name, '/') ? arena_printf(a, "%s.list", name)
					 : arena_printf(a, PARTS "/%s.list", name);
	text += strcspn(text, " ");
	text += strspn(text, " ");
	if (*text == '[') {
		text += strcspn(text, "]");
		text += strspn(text, "] ");
	}
	const char *scheme = strstr(text, "://");
	size_t n = strcspn(text, " ");
	if (scheme && scheme < text + n) {
		n -= (size_t)(scheme + 3 - text);
		text = scheme + 3;
	}
	const char *at = memchr(text, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)text[i]))
			strbuf_addch(&out, text[i]);
		else if (out.len > 0 && out.data[out.len - 1] != '_')
			strbuf_addch(&out, '_');
	}
	while (out.len > 0 && out.data[out.len - 1] == '_')
		strbuf_truncate(&out, out.len - 1);
	const char *path = arena_printf(a, PARTS "/%s.list", out.data);
	strbuf_release(&out);
	return path;
}

static struct source_file *find_file(struct sources *s, const char *path)
{
	for (size_t i = 0; i < s->files.count; i++)
		if (strcmp(s->files.items[i].path, path) == 0)
			return &s->files.items[i];
	struct source_file *f = VEC_PUSH(&s->files);
	*f = (struct source_file){.path = path, .before = "", .shown = ""};
	return f;
}

static void add_source(struct sources *s, const char *text)
{
	bool found = false;

	for (size_t i = 0; i < s->files.count; i++) {
		struct source_file *f = &s->files.items[i];
		for (size_t k = 0; k < f->lines.count; k++) {
			struct source *line = &f->lines.items[k];
			if (!line->valid || strcmp(line->text, text) != 0)
				continue;
			line->enabled = true;
			found = true;
		}
	}
	if (found)
		return;
	struct source_file *f = find_file(s, suggest_path(s, text));
	f->is_new = true;
	*VEC_PUSH(&f->lines) =
		(struct source){.valid = true, .enabled = true, .text = text, .comment = ""};
}

static void remove_source(struct sources *s, const char *text)
{
	for (size_t i = 0; i < s->files.count; i++) {
		struct source_file *f = &s->files.items[i];
		size_t kept = 0;
		for (size_t k = 0; k < f->lines.count; k++) {
			const struct source *line = &f->lines.items[k];
			if (!line->valid || !line->enabled || strcmp(line->text, text) != 0)
				f->lines.items[kept++] = *line;
		}
		f->lines.count = kept;
	}
}

/* Whether anything has to be written. */
static bool has_changes(struct sources *s)
{
	for (size_t i = 0; i < s->files.count; i++) {
		const struct source_file *f = &s->files.items[i];
		if (strcmp(f->shown, write_lines(s->call->arena, f)) != 0)
			return true;
	}
	return false;
}

static int write_content(
	struct sources *s, const struct source_file *f, const char *content, struct err *err)
{
	struct attributes mode = {0};
	bool changed;
	struct change_write w = {.call = s->call,
		.path = f->path,
		.content = {.data = content, .len = strlen(content)},
		.umask = s->call->node->login_umask};

	if (change_write(call_transaction(s->call), &w, err) < 0)
		return -1;
	if (!f->is_new || !call_text_or_null(s->call, "mode"))
		return 0;
	mode.mode = call_text_or_null(s->call, "mode");
	return attributes_apply(s->call, f->path, &mode, &changed, NULL, err);
}

/* Brings a file to what its lines say; one without lines goes. */
static int save_file(struct sources *s, const struct source_file *f, struct err *err)
{
	const char *after = write_lines(s->call->arena, f);
	struct transaction *t = call_transaction(s->call);

	if (f->lines.count == 0)
		return f->existed ? change_remove(t, f->path, err) : 0;
	if (f->existed && strcmp(f->before, after) == 0)
		return 0;
	autofree char *directory = path_dirname(f->path);
	if (change_directory(t, directory, NULL, s->call->node->login_umask, err) < 0)
		return -1;
	return write_content(s, f, after, err);
}

static int save(struct sources *s, struct err *err)
{
	for (size_t i = 0; i < s->files.count; i++)
		if (save_file(s, &s->files.items[i], err) < 0)
			return -1;
	return 0;
}

/* Puts every file back: its sources are out of reach. What goes wrong here, nobody can mend. */
static void take_back(struct sources *s)
{
	for (size_t i = 0; i < s->files.count; i++) {
		struct source_file *f = &s->files.items[i];
		f->is_new = false;
		if (f->existed)
			(void)!write_content(s, f, f->before, NULL);
		else
			(void)!change_remove(call_transaction(s->call), f->path, NULL);
	}
}

static void tell_diff(struct sources *s)
{
	struct item_writer *out = s->call->out;

	item_open_list(out, "diff");
	for (size_t i = 0; i < s->files.count; i++) {
		const struct source_file *f = &s->files.items[i];
		bool gone = f->lines.count == 0;
		if (!*f->shown && gone)
			continue;
		item_open_dict(out, NULL);
		item_put_string(out, "before", f->shown);
		item_put_string(out, "after", write_lines(s->call->arena, f));
		item_put_string(out, "before_header", *f->shown ? f->path : "/dev/null");
		item_put_string(out, "after_header", gone ? "/dev/null" : f->path);
		item_close(out);
	}
	item_close(out);
}

static int apply(struct sources *s, struct err *err)
{
	if (save(s, err) < 0) {
		take_back(s);
		return -1;
	}
	if (!item_bool(s->call->args, "update_cache", true))
		return 0;
	if (apt_refresh(s->call, err) == 0)
		return 0;
	take_back(s);
	return -1;
}

int node_apt_repository(struct node_call *c, struct err *err)
{
	AUTO(sources_release) struct sources s = {.call = c};
	const char *repo = call_text(c, "repo", err), *state = call_text_or_null(c, "state");

	if (!repo)
		return -1;
	struct source wanted = read_line(c->arena, repo, strlen(repo));
	if (!wanted.valid || !wanted.enabled)
		return err_set(err, ERR_INPUT, "Invalid repository string: %s", repo);
	if (load_all(&s, err) < 0)
		return -1;
	if (state && strcmp(state, "absent") == 0)
		remove_source(&s, wanted.text);
	else
		add_source(&s, wanted.text);
	bool changed = has_changes(&s);
	if (changed && !c->check && apply(&s, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", changed);
	if (changed && c->diff) {
		tell_diff(&s);
		return 0;
	}
	item_open_dict(c->out, "diff");
	item_close(c->out);
	return 0;
}
