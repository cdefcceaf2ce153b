/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module copy: content under a path, with the rules of Ansible's module of that name.
 * Asked by size and hash alone it tells whether content is needed, so that a rendered file
 * that has not changed costs no transfer.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/attributes.h"
#include "node/copy.h"
#include "node/digest.h"

const struct node_arg copy_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"basename", ARG_TEXT},
	{"content", ARG_CONTENT},
	{"size", ARG_INT},
	{"hash", ARG_BYTES},
	{"remote_src", ARG_TEXT},
	{"force", ARG_BOOL},
	{"backup", ARG_BOOL},
	{"validate", ARG_TEXT},
	{"follow", ARG_BOOL},
	{"local_follow", ARG_BOOL},
	{"directory_mode", ARG_TEXT},
	ATTRIBUTES_ARGS,
	{NULL, 0},
};

/* What is known of the content that shall be there. */
struct wanted {
	bool here;         /* `content` is set: it can be written */
	bool is_directory; /* remote_src is a directory */
	struct change_content content;
	uint64_t size;
	char hash[DIGEST_HEX_MAX]; /* XXH3-128; "" when `here` */
	char sha1[DIGEST_HEX_MAX];
	const char *src;    /* remote_src */
	struct stat source; /* of it */
};

/* The content's SHA-1, and its size. */
static int look_at_content(struct node_call *c, struct wanted *w, struct err *err)
{
	const struct digest_algorithm *sha1 = digest_find("sha1");
	struct stat st;

	if (!w->content.path) {
		w->size = w->content.len;
		digest_bytes(sha1, w->content.data, w->content.len, w->sha1);
		return 0;
	}
	autofd int fd = open(w->content.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "%s", w->content.path);
	w->size = (uint64_t)st.st_size;
	return digest_fd(c, fd, &sha1, 1, &w->sha1, err);
}

static int read_remote(struct node_call *c, struct wanted *w, const char *src, struct err *err)
{
	if (stat(src, &w->source) < 0)
		return errno == ENOENT ? err_set(err, ERR_NOTFOUND, "Source %s not found", src)
				       : err_sys(err, "Source %s", src);
	w->src = src;
	w->is_directory = S_ISDIR(w->source.st_mode);
	if (w->is_directory)
		return 0;
	if (!S_ISREG(w->source.st_mode))
		return err_set(
			err, ERR_INPUT, "Cannot copy invalid source '%s': not a file", src);
	w->here = true;
	w->content.path = src;
	return look_at_content(c, w, err);
}

/* Finds out which of the three ways the content is given. */
static int read_wanted(struct node_call *c, struct wanted *w, struct err *err)
{
	const struct item *hash = item_get(c->args, "hash");
	const char *src;

	*w = (struct wanted){0};
	if (call_path_or_null(c, "remote_src", &src, err) < 0)
		return -1;
	if (src)
		return read_remote(c, w, src, err);
	int given = call_content(c, "content", &w->content, err);
	if (given < 0)
		return -1;
	w->here = given > 0;
	if (w->here)
		return look_at_content(c, w, err);
	int64_t size = item_int(c->args, "size", -1);
	if (size < 0 || !hash || hash->type != ITEM_BYTES || hash->len != WIRE_HASH_SIZE)
		return err_set(err, ERR_INPUT,
			"copy needs \"content\", \"remote_src\", or \"size\" and \"hash\"");
	w->size = (uint64_t)size;
	hex_encode(hash->text, hash->len, w->hash);
	return 0;
}

/* Whether a path holds the content already: 1 or 0, -1 with err. Its SHA-1 is told. */
static int is_same(struct node_call *c, struct wanted *w, const char *path, struct err *err)
{
	const struct digest_algorithm *both[] = {digest_find("sha1"), digest_find("xxh128")};
	char sums[2][DIGEST_HEX_MAX];
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != w->size)
		return 0;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : err_sys(err, "%s", path);
	if (digest_fd(c, fd, both, w->here ? 1 : 2, sums, err) < 0)
		return err_wrap(err, "%s", path);
	if (w->here)
		return strcmp(sums[0], w->sha1) == 0;
	if (strcmp(sums[1], w->hash) != 0)
		return 0;
	memcpy(w->sha1, sums[0], sizeof(w->sha1));
	return 1;
}

/* For a diff: the former content, null where there is none, nothing where it is too much. */
static void tell_before(struct node_call *c, const char *path)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	struct stat st;

	if (!c->diff)
		return;
	if (stat(path, &st) < 0)
		item_put_null(c->out, "before");
	else if (S_ISREG(st.st_mode) && file_read(path, COPY_BEFORE_MAX, &content, NULL) == 0)
		item_put_bytes(c->out, "before", content.data, content.len);
}

/* Makes the directories of a path that ends with a slash, with directory_mode. */
static int make_parents(
	struct node_call *c, const char *dir, const struct attributes *a, struct err *err)
{
	struct attributes of_dirs = *a;
	bool changed = false;

	if (path_is_dir(dir))
		return 0;
	autofree char *parent = path_dirname(dir);
	if (make_parents(c, parent, a, err) < 0)
		return -1;
	of_dirs.mode = call_text_or_null(c, "directory_mode");
	if (change_directory(call_transaction(c), dir, NULL, a->umask, err) < 0)
		return -1;
	return attributes_apply(c, dir, &of_dirs, &changed, NULL, err);
}

/*
 * The path that is written: below `path` where that is a directory, behind a link that is
 * followed. 1 with it, 0 when the result is told already, -1 with err.
 */
static int find_place(
	struct node_call *c, const struct attributes *a, const char **path, struct err *err)
{
	const char *given = *path, *name = call_text_or_null(c, "basename");
	const char *src = call_text_or_null(c, "remote_src");

	if (!name && src)
		name = path_basename(src);
	if (name && *name && !path_is_component(name))
		return err_set(err, ERR_INPUT, "\"%s\" cannot be a file's name", name);
	if (str_ends(given, "/") && !path_is_dir(given)) {
		if (c->check) {
			item_put_bool(c->out, "changed", true);
			item_put_stringf(
				c->out, "msg", "dest directory %s would be created", given);
			return 0;
		}
		autofree char *dir = xstrndup(given, strlen(given) - 1);
		if (make_parents(c, dir, a, err) < 0)
			return -1;
	}
	if (!path_is_dir(given))
		return 1;
	if (!name || !*name)
		return err_set(err, ERR_INPUT, "%s is a directory", given);
	size_t slash = str_ends(given, "/");
	*path = arena_printf(c->arena, "%.*s/%s", (int)(strlen(given) - slash), given, name);
	return path_is_dir(*path) ? err_set(err, ERR_EXISTS, "%s is a directory", *path) : 1;
}

/* In check mode a task before this one may be what makes a directory. */
static bool is_to_come(struct node_call *c, const char *dir)
{
	return c->check && !call_text_or_null(c, "remote_src") && access(dir, F_OK) < 0 &&
	       errno == ENOENT;
}

/* Follows a link, leaves what is not to be replaced, and checks the directory; as above. */
static int check_place(struct node_call *c, const char **path, struct err *err)
{
	if (path_exists(*path)) {
		char *real = item_bool(c->args, "follow", false) ? realpath(*path, NULL) : NULL;
		if (real)
			*path = arena_strdup(c->arena, real);
		free(real);
		if (!item_bool(c->args, "force", true)) {
			item_put_bool(c->out, "changed", false);
			item_put_bool(c->out, "need", false);
			item_put_string(c->out, "msg", "file already exists");
			item_put_string(c->out, "dest", *path);
			attributes_tell(c, *path);
			return 0;
		}
	}
	autofree char *dir = path_dirname(*path);
	if (is_to_come(c, dir))
		return 1;
	if (access(dir, F_OK) < 0 && errno == EACCES)
		return err_set(
			err, ERR_DENIED, "Destination directory %s is not accessible", dir);
	if (!path_is_dir(dir))
		return err_set(
			err, ERR_NOTFOUND, "Destination directory %s does not exist", dir);
	return 1;
}

/* Who cannot write may still be told that nothing has to be written. */
static int check_writable(struct node_call *c, const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);

	if (access(dir, W_OK) < 0 && !is_to_come(c, dir))
		return err_set(err, ERR_DENIED, "Destination %s not writable", dir);
	return 0;
}

static int write_file(struct node_call *c, const struct wanted *w, const struct attributes *a,
	const char *path, struct err *err)
{
	struct change_write write = {.call = c,
		.path = path,
		.content = w->content,
		.validate = call_text_or_null(c, "validate"),
		.want_backup = item_bool(c->args, "backup", false),
		.umask = a->umask};
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		st = (struct stat){.st_mode = S_IFREG | (0666 & ~a->umask)};
	if (attributes_resolve(a, &st, &write.attributes, err) < 0)
		return -1;
	if (w->source.st_ino) { /* a copy on the node keeps the times, as Ansible's does */
		write.attributes.has_mtime = write.attributes.has_atime = true;
		write.attributes.mtime = w->source.st_mtim;
		write.attributes.atime = w->source.st_atim;
	}
	int result = change_write(call_transaction(c), &write, err);
	if (result == 0 && write.backup)
		item_put_string(c->out, "backup_file", write.backup);
	free(write.backup);
	return result;
}

static void tell_side(struct node_call *c, const char *key, const char *path,
	const struct change_attributes *a)
{
	item_open_dict(c->out, key);
	item_put_string(c->out, "path", path);
	attributes_tell_side(c->out, a);
	item_close(c->out);
}

/* Corrects owner, group and mode; where the content was the same, they are the diff. */
static int dress(struct node_call *c, const char *path, const struct attributes *a,
	bool *changed, struct err *err)
{
	struct attributes_diff diff = {0};
	bool same = !*changed;

	if (attributes_apply(c, path, a, changed, &diff, err) < 0)
		return -1;
	if (!same || !c->diff)
		return 0;
	item_open_dict(c->out, "diff");
	tell_side(c, "before", path, &diff.before);
	tell_side(c, "after", path, &diff.after);
	item_close(c->out);
	return 0;
}

/* Brings the content to its place, or says that it is needed. */
static int put_file(struct node_call *c, struct wanted *w, const struct attributes *a,
	const char *path, struct err *err)
{
	int same = is_same(c, w, path, err);
	bool changed = same == 0;

	if (same < 0 || (changed && check_writable(c, path, err) < 0))
		return -1;
	item_put_string(c->out, "dest", path);
	item_put_bool(c->out, "differs", changed);
	item_put_bool(c->out, "need", changed && !w->here);
	if (changed)
		tell_before(c, path);
	if (changed && w->here && !c->check && write_file(c, w, a, path, err) < 0)
		return -1;
	if ((!changed || w->here) && dress(c, path, a, &changed, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", changed);
	if (*w->sha1)
		item_put_string(c->out, "checksum", w->sha1);
	attributes_tell(c, path);
	return 0;
}

int node_copy(struct node_call *c, struct err *err)
{
	struct wanted w;
	struct attributes a;
	const char *path = call_path(c, "path", err);

	if (!path || read_wanted(c, &w, err) < 0)
		return -1;
	if (attributes_read(c, &a, err) < 0)
		return -1;
	if (a.mode && strcmp(a.mode, "preserve") == 0)
		a.mode = arena_printf(c->arena, "%o", (unsigned)w.source.st_mode & 07777);
	if (w.is_directory)
		return copy_tree(c, w.src, path, &a, err);
	int placed = find_place(c, &a, &path, err);
	if (placed > 0)
		placed = check_place(c, &path, err);
	return placed > 0 ? put_file(c, &w, &a, path, err) : placed;
}
