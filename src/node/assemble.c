/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module assemble: the files of a directory of the node, one behind the other, as one
 * file. They are put together in a temporary file; from there on it is a copy on the node.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mode.h"
#include "base/path.h"
#include "node/attributes.h"
#include "node/digest.h"
#include "node/module.h"
#include "node/scratch.h"

const struct node_arg assemble_args[] = {
	{"src", ARG_TEXT | ARG_REQUIRED},
	{"names", ARG_LIST},
	{"list", ARG_BOOL},
	{"delimiter", ARG_BYTES},
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"backup", ARG_BOOL},
	{"validate", ARG_TEXT},
	ATTRIBUTES_ARGS,
	{NULL, 0},
};

/* The names of the files in a directory. */
static int list_files(const char *dir, struct strlist *names, struct err *err)
{
	if (directory_files(dir, names) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(err, ERR_NOTFOUND, "Source (%s) does not exist", dir);
	if (errno == ENOTDIR)
		return err_set(err, ERR_INPUT, "Source (%s) is not a directory", dir);
	return err_sys(err, "Source (%s)", dir);
}

/* The file that is put together. */
struct whole {
	int fd;
	const struct item *delimiter; /* NULL: none */
	bool started;                 /* there is a fragment */
	bool open_line;               /* its last line has no end */
};

static int write_bytes(struct whole *w, const void *data, size_t n, struct err *err)
{
	return n && fd_write_all(w->fd, data, n) < 0 ? err_sys(err, "write") : 0;
}

/* What stands between two fragments: a line is ended, and so is the delimiter's. */
static int add_between(struct whole *w, struct err *err)
{
	const struct item *d = w->delimiter;

	if (w->open_line && write_bytes(w, "\n", 1, err) < 0)
		return -1;
	if (!w->started || !d || d->len == 0)
		return 0;
	if (write_bytes(w, d->text, d->len, err) < 0)
		return -1;
	return d->text[d->len - 1] != '\n' ? write_bytes(w, "\n", 1, err) : 0;
}

/* Copies a fragment; its last byte is in *last. */
static int copy_fragment(struct whole *w, int from, char *last, struct err *err)
{
	char piece[65536];
	ssize_t got;

	while ((got = fd_read_full(from, piece, sizeof(piece))) > 0) {
		*last = piece[got - 1];
		if (write_bytes(w, piece, (size_t)got, err) < 0)
			return -1;
	}
	return got < 0 ? err_sys(err, "read") : 0;
}

static int add_fragment(struct node_call *c, struct whole *w, const char *path, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char last = 0;

	if (fd < 0)
		return err_sys(err, "%s", path);
	if (add_between(w, err) < 0 || call_tick(c, err) < 0)
		return -1;
	if (copy_fragment(w, fd, &last, err) < 0)
		return err_wrap(err, "%s", path);
	w->open_line = last != '\n';
	w->started = true;
	return 0;
}

/* Puts all together in an open, empty file. */
static int put_together(
	struct node_call *c, const char *src, const char *const *names, int fd, struct err *err)
{
	const struct item *delimiter = item_get(c->args, "delimiter");
	struct whole w = {.fd = fd,
		.delimiter = delimiter && delimiter->type == ITEM_BYTES ? delimiter : NULL};

	for (; *names; names++) {
		autofree char *path = path_join(src, *names);
		if (!path_is_component(*names))
			return err_set(err, ERR_INPUT, "\"%s\" is no file's name", *names);
		if (add_fragment(c, &w, path, err) < 0)
			return -1;
	}
	return 0;
}

/* The arguments of a copy of the whole. */
static const struct item *copy_arguments(
	struct node_call *c, const char *from, struct strbuf *out, struct err *err)
{
	static const char *const passed[] = {"path", "validate", "owner", "group", "mode",
		"attributes", "seuser", "serole", "setype", "selevel"};
	struct item_writer w;

	item_begin(&w, out);
	item_put_string(&w, "remote_src", from);
	item_put_bool(&w, "backup", item_bool(c->args, "backup", false));
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		item_put_string(&w, passed[i], call_text_or_null(c, passed[i]));
	if (item_finish(&w, err) < 0)
		return NULL;
	return item_parse(c->arena, out->data, out->len, err);
}

static int tell_md5(struct node_call *c, const char *path, struct err *err)
{
	const struct digest_algorithm *md5 = digest_find("md5");
	char sum[1][DIGEST_HEX_MAX];
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s", path);
	if (digest_fd(c, fd, &md5, 1, sum, err) < 0)
		return -1;
	item_put_string(c->out, "md5sum", sum[0]);
	return 0;
}

static int copy_whole(struct node_call *c, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct node_call copy = *c;

	if (tell_md5(c, path, err) < 0)
		return -1;
	copy.args = copy_arguments(c, path, &text, err);
	return copy.args ? node_copy(&copy, err) : -1;
}

static int assemble(
	struct node_call *c, const char *src, const char *const *names, struct err *err)
{
	const struct change_content nothing = {.data = "", .len = 0};
	AUTO(scratch_release) struct scratch scratch = {0};
	const char *path = scratch_put(&scratch, c->arena, "assembled", &nothing, err);

	if (!path)
		return -1;
	autofd int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", path);
	if (put_together(c, src, names, fd, err) < 0)
		return -1;
	return copy_whole(c, path, err);
}

int node_assemble(struct node_call *c, struct err *err)
{
	AUTO(strlist_release) struct strlist all = {0};
	const struct item *names = item_get(c->args, "names");
	const char *src = call_path(c, "src", err);

	if (!src || list_files(src, &all, err) < 0)
		return -1;
	if (item_bool(c->args, "list", false)) {
		item_put_bool(c->out, "changed", false);
		item_open_list(c->out, "names");
		for (size_t i = 0; i < all.count; i++)
			item_put_string(c->out, NULL, all.items[i]);
		item_close(c->out);
		return 0;
	}
	const char *const *given = call_list(c, "names", err);
	if (!given)
		return -1;
	if ((!names || names->type == ITEM_NULL) && all.count > 0)
		given = (const char *const *)all.items;
	return assemble(c, src, given, err);
}
