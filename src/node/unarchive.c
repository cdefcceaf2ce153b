/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module unarchive: an archive unpacked below a directory. Of a tar archive the node's own
 * tar also says whether that was done before (tar --diff).
 *
 * No member may leave the directory: absolute names lose their slash as tar has it, ".." is
 * refused, and so is a member whose way leads through a link out of it. (Links that the archive
 * itself brings tar makes last.) What is about to be replaced or made is recorded first, name
 * by name, so that a transaction can take the archive back.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/pattern.h"
#include "node/resolve.h"
#include "node/unarchive.h"

#define LIST_MAX    (8u << 20) /* bytes of an archive's list of names */
#define MEMBERS_MAX 100000u

const struct node_arg unarchive_args[] = {
	{"src", ARG_TEXT},
	{"content", ARG_CONTENT},
	{"dest", ARG_TEXT | ARG_REQUIRED},
	{"exclude", ARG_LIST},
	{"include", ARG_LIST},
	{"extra_opts", ARG_LIST},
	{"keep_newer", ARG_BOOL},
	{"list_files", ARG_BOOL},
	ATTRIBUTES_ARGS,
	{NULL, 0},
};

static void archive_release(struct archive *a)
{
	scratch_release(&a->scratch);
	strlist_release(&a->members);
	strlist_release(&a->newer);
	strbuf_release(&a->diff);
	zip_directory_release(&a->zip);
}

/* ---- what is asked ---- */

/* The archive as a path that tar can open: a blob has none but our descriptor's. */
static int find_source(struct archive *a, struct err *err)
{
	struct change_content content;
	int given = call_content(a->call, "content", &content, err);

	if (given < 0)
		return -1;
	if (given > 0 && !content.path) {
		a->src = scratch_put(&a->scratch, a->call->arena, "archive", &content, err);
		return a->src ? 0 : -1;
	}
	if (given > 0) {
		const char *number = strrchr(content.path, '/');
		a->src = arena_printf(
			a->call->arena, "/proc/%d/fd%s", (int)getpid(), number ? number : "");
		return 0;
	}
	a->src = call_path(a->call, "src", err);
	if (!a->src)
		return -1;
	if (access(a->src, R_OK) == 0)
		return 0;
	return errno == ENOENT
		       ? err_set(err, ERR_NOTFOUND, "Source '%s' does not exist", a->src)
		       : err_set(err, ERR_DENIED, "Source '%s' not readable", a->src);
}

static int find_form(struct archive *a, struct err *err);

static int read_archive(struct archive *a, struct err *err)
{
	struct node_call *c = a->call;

	a->dest = call_path(c, "dest", err);
	if (!a->dest || attributes_read(c, &a->attributes, err) < 0)
		return -1;
	a->exclude = call_list(c, "exclude", err);
	a->include = a->exclude ? call_list(c, "include", err) : NULL;
	a->opts = a->include ? call_list(c, "extra_opts", err) : NULL;
	if (!a->opts)
		return -1;
	if (!path_is_dir(a->dest))
		return err_set(
			err, ERR_NOTFOUND, "Destination '%s' is not a directory", a->dest);
	return find_source(a, err) < 0 ? -1 : find_form(a, err);
}

/* ---- tar ---- */

void archive_word(struct archive_words *w, const char *word)
{
	w->full |= w->count + 1 >= UNARCHIVE_WORDS;
	if (!w->full)
		w->items[w->count++] = word;
}

void archive_words(struct archive_words *w, const char *const *words)
{
	for (; *words; words++)
		archive_word(w, *words);
}

int archive_run(struct archive *a, const struct archive_words *w, struct call_program *p,
	struct err *err)
{
	static const char *const environment[] = {"LC_ALL=C", "LANG=C", "LANGUAGE=C", NULL};

	if (w->full)
		return err_set(err, ERR_LIMIT,
			"exclude, include, extra_opts and newer files: more than %d words",
			UNARCHIVE_WORDS);
	*p = (struct call_program){
		.argv = w->items, .env = environment, .cwd = a->dest, .output_max = LIST_MAX};
	if (call_run(a->call, p, err) < 0)
		return err_wrap(err, "%s", w->items[0]);
	return 0;
}

/* Whose the files shall be: tar has to know it where it compares, and where it unpacks. */
static void add_owner(struct archive *a, struct archive_words *w)
{
	static const char *const names[] = {"owner", "group"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = call_text_or_null(a->call, names[i]);
		if (name)
			archive_word(
				w, arena_printf(a->call->arena, "--%s=%s", names[i], name));
	}
	if (item_bool(a->call->args, "keep_newer", false))
		archive_word(w, "--keep-newer-files");
}

/* Runs tar in one of its modes. It finds out by itself what an archive is compressed with. */
static int run_tar(struct archive *a, const char *mode, struct call_program *p, struct err *err)
{
	struct archive_words w = {.items = {"tar", mode, "-C", a->dest}, .count = 4};

	if (*a->opts)
		archive_word(&w, "--show-transformed-names");
	archive_words(&w, a->opts);
	if (strcmp(mode, "--list") != 0)
		add_owner(a, &w);
	else
		archive_word(&w, "--quoting-style=escape");
	for (const char *const *e = a->exclude; *e; e++)
		archive_word(&w, arena_printf(a->call->arena, "--exclude=%s", *e));
	archive_word(&w, "-f");
	archive_word(&w, a->src);
	archive_words(&w, a->include);
	return archive_run(a, &w, p, err);
}

/* A name as tar's style "escape" writes it. */
static char *unescape(const char *text, size_t len)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";

	for (size_t i = 0; i < len; i++) {
		const char *letter;
		if (text[i] != '\\' || i + 1 == len) {
			strbuf_addch(&out, text[i]);
		} else if (text[i + 1] >= '0' && text[i + 1] <= '3' && i + 3 < len) {
			strbuf_addch(
				&out, (char)((text[i + 1] - '0') << 6 |
					      (text[i + 2] - '0') << 3 | (text[i + 3] - '0')));
			i += 3;
		} else {
			i++;
			letter = strchr(from, text[i]);
			strbuf_addch(&out, letter ? to[letter - from] : text[i]);
		}
	}
	return strbuf_detach(&out, NULL);
}

/* ---- members ---- */

/* A member must stay below dest, whatever links are on its way. */
static int check_member(struct archive *a, const char *name, struct err *err)
{
	struct arena *arena = a->call->arena;
	const char *root = resolve_path(arena, a->dest);
	autofree char *path = path_join(a->dest, name);
	autofree char *dir = path_dirname(path);
	const char *real = resolve_path(arena, dir);
	size_t n = strlen(root);

	for (const char *p = name; *p; p += strspn(p, "/")) {
		size_t part = strcspn(p, "/");
		if (part == 2 && p[0] == '.' && p[1] == '.')
			return err_set(err, ERR_INPUT, "%s: \"%s\" leads out of %s", a->src,
				name, a->dest);
		p += part;
	}
	bool below = strcmp(root, "/") == 0 ||
		     (strncmp(real, root, n) == 0 && (real[n] == '/' || !real[n]));
	if (strcmp(name, ".") == 0 || below)
		return 0;
	return err_set(err, ERR_INPUT,
		"%s: \"%s\" would be written to %s, out of %s, by a link", a->src, name, real,
		a->dest);
}

bool archive_excludes(const struct archive *a, const char *name)
{
	for (const char *const *e = a->exclude; *e; e++)
		if (pattern_match(*e, name))
			return true;
	return false;
}

int archive_add(struct archive *a, const char *name, struct err *err)
{
	const char *relative = name + strspn(name, "/");

	if (!*relative || archive_excludes(a, relative))
		return 0;
	if (a->members.count >= MEMBERS_MAX)
		return err_set(
			err, ERR_LIMIT, "%s has more than %u members", a->src, MEMBERS_MAX);
	if (check_member(a, relative, err) < 0)
		return -1;
	strlist_add(&a->members, relative);
	return 0;
}

static int list_tar(struct archive *a, struct err *err)
{
	struct call_program p;
	int result = run_tar(a, "--list", &p, err);

	if (result == 0 && p.status != 0)
		result = err_set(err, ERR_INPUT,
			"Failed to find handler for \"%s\". Make sure the required command to "
			"extract the file is installed. %s",
			a->src, p.err.data);
	if (result == 0 && p.out_cut)
		result = err_set(err, ERR_LIMIT, "%s has too many members", a->src);
	for (const char *line = p.out.data; result == 0 && *line;) {
		size_t n = strcspn(line, "\n");
		autofree char *name = unescape(line, n);
		result = archive_add(a, name, err);
		line += n + (line[n] == '\n');
	}
	call_program_release(&p);
	return result;
}

/* ---- is it there already ---- */

/* What of tar's differences counts: what the task sets by itself does not. */
static bool counts(const struct archive *a, const char *line)
{
	static const char missing[] = ": Warning: Cannot stat: No such file or directory";
	/* Ansible does not look for this one, and leaves out a link that alone is missing. */
	static const char no_link[] = ": Warning: Cannot readlink: No such file or directory";
	bool root = geteuid() == 0;

	if (str_ends(line, ": : Warning: Cannot stat: No such file or directory"))
		return false;
	return (root && !a->attributes.has_owner && str_ends(line, ": Uid differs")) ||
	       (root && !a->attributes.has_group && str_ends(line, ": Gid differs")) ||
	       (!a->attributes.mode && str_ends(line, ": Mode differs")) ||
	       str_ends(line, ": Mod time differs") || str_ends(line, missing) ||
	       str_ends(line, no_link) || strstr(line, ": Invalid owner") ||
	       strstr(line, ": Invalid group");
}

static bool any_counts(const struct archive *a, const struct strbuf *said)
{
	AUTO(strlist_release) struct strlist lines = {0};
	bool found = false;

	strlist_split(&lines, said->data, "\n");
	for (size_t i = 0; i < lines.count; i++)
		found |= counts(a, lines.items[i]);
	return found;
}

static int is_tar_unpacked(struct archive *a, struct err *err)
{
	struct call_program p;
	int result = run_tar(a, "--diff", &p, err);

	if (result == 0)
		result = !any_counts(a, &p.out) && !any_counts(a, &p.err);
	call_program_release(&p);
	return result;
}

static int unpack_tar(struct archive *a, struct call_program *p, struct err *err)
{
	return run_tar(a, "--extract", p, err);
}

/* The last one is for all that has no other magic. */
static const struct archive_form *const forms[] = {
	&unarchive_zip,
	&(const struct archive_form){.handler = "TgzArchive",
		.magic = "\x1f\x8b",
		.list = list_tar,
		.is_unpacked = is_tar_unpacked,
		.unpack = unpack_tar},
	&(const struct archive_form){.handler = "TarArchive",
		.magic = "",
		.list = list_tar,
		.is_unpacked = is_tar_unpacked,
		.unpack = unpack_tar},
};

static int find_form(struct archive *a, struct err *err)
{
	char head[8] = {0};
	autofd int fd = open(a->src, O_RDONLY | O_CLOEXEC);
	size_t i = 0;

	if (fd < 0)
		return err_sys(err, "%s", a->src);
	ssize_t got = fd_pread_full(fd, head, sizeof(head), 0);
	if (got <= 0)
		return err_set(
			err, ERR_INPUT, "Invalid archive '%s', the file is 0 bytes", a->src);
	while (strncmp(head, forms[i]->magic, strlen(forms[i]->magic)) != 0)
		i++;
	a->form = forms[i];
	return 0;
}

static int list_members(struct archive *a, struct err *err)
{
	if (a->form->list(a, err) < 0)
		return -1;
	if (a->members.count > 0)
		return 0;
	return err_set(err, ERR_INPUT,
		"%s has no files in it. Empty archive files are not supported.", a->src);
}

/* ---- unpacking ---- */

/* Notes what a member replaces or makes, its directories first. */
static int record(struct archive *a, const char *member, struct err *err)
{
	struct transaction *t = call_transaction(a->call);
	autofree char *path = path_join(a->dest, member);
	char *begin = path + strlen(a->dest) + 1;

	for (char *p = begin; t && *p; p++) {
		if (*p != '/' || p == begin)
			continue;
		*p = 0;
		int result = path_exists(path) ? 0 : transaction_record_path(t, path, err);
		*p = '/';
		if (result < 0)
			return -1;
	}
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = 0;
	return transaction_record_path(t, path, err);
}

static int extract(struct archive *a, struct err *err)
{
	struct item_writer *out = a->call->out;
	struct call_program p;

	for (size_t i = 0; i < a->members.count; i++)
		if (record(a, a->members.items[i], err) < 0)
			return -1;
	int result = a->form->unpack(a, &p, err);
	if (result == 0 && p.status != 0)
		result = err_set(err, ERR_SYSTEM, "failed to unpack %s to %s: %s", a->src,
			a->dest, p.err.data);
	if (result == 0) {
		item_open_dict(out, "extract_results");
		item_put_int(out, "rc", p.status);
		item_put_string(out, "out", p.out.data);
		item_put_string(out, "err", p.err.data);
		item_close(out);
		a->changed = true;
	}
	call_program_release(&p);
	return result;
}

/* Owner, group and mode of the members, and of the directories at the top. */
static int dress(struct archive *a, struct err *err)
{
	for (size_t i = 0; i < a->members.count; i++) {
		const char *member = a->members.items[i];
		autofree char *path = path_join(a->dest, member);
		autofree char *top =
			xasprintf("%s/%.*s", a->dest, (int)strcspn(member, "/"), member);
		size_t n = strlen(path);
		while (n > 1 && path[n - 1] == '/')
			path[--n] = 0;
		if (attributes_apply(a->call, path, &a->attributes, &a->changed, NULL, err) <
				0 ||
			(strchr(member, '/') && attributes_apply(a->call, top, &a->attributes,
							&a->changed, NULL, err) < 0))
			return -1;
	}
	return 0;
}

static void tell(struct archive *a)
{
	struct item_writer *out = a->call->out;

	item_put_bool(out, "changed", a->changed);
	item_put_string(out, "handler", a->form->handler);
	item_put_string(out, "dest", a->dest);
	item_put_string(out, "src", a->src);
	attributes_tell(a->call, a->dest);
	if (a->diff.len > 0) {
		item_open_dict(out, "diff");
		item_put_string(out, "prepared", a->diff.data);
		item_close(out);
	}
	if (!item_bool(a->call->args, "list_files", false))
		return;
	item_open_list(out, "files");
	for (size_t i = 0; i < a->members.count; i++)
		item_put_string(out, NULL, a->members.items[i]);
	item_close(out);
}

int node_unarchive(struct node_call *c, struct err *err)
{
	AUTO(archive_release) struct archive a = {.call = c, .diff = STRBUF_INIT};

	if (read_archive(&a, err) < 0 || list_members(&a, err) < 0)
		return -1;
	int there = a.form->is_unpacked(&a, err);
	if (there < 0)
		return -1;
	if (c->check) {
		a.changed = !there;
		tell(&a);
		return 0;
	}
	if ((!there && extract(&a, err) < 0) || dress(&a, err) < 0)
		return -1;
	tell(&a);
	return 0;
}
