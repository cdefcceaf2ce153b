/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules read and edit: a file's content on its way to the engine, and a part of it
 * replaced. The engine works out what a text becomes (regular expressions are its own), and
 * sends back only what is new; the hash of what it has seen makes sure that nothing else has
 * changed the file meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/attributes.h"
#include "node/digest.h"
#include "node/resolve.h"
#include "node/users.h"

#define READ_MAX  (3u << 20)  /* bytes of one answer: with its frame they fit a result */
#define WHOLE_MAX (64u << 20) /* bytes of a file that is edited */

const struct node_arg read_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"offset", ARG_INT},
	{"max", ARG_INT},
	{"hash", ARG_BOOL},
	{"user", ARG_TEXT},
	ATTRIBUTES_ARGS,
	{NULL, 0},
};

const struct node_arg edit_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"hash", ARG_TEXT},
	{"at", ARG_INT},
	{"cut", ARG_INT},
	{"content", ARG_CONTENT},
	{"create", ARG_BOOL},
	{"follow", ARG_BOOL},
	{"backup", ARG_BOOL},
	{"validate", ARG_TEXT},
	ATTRIBUTES_ARGS,
	{NULL, 0},
};

/* A file, and what its attributes shall be. */
struct target {
	const char *path; /* that is written: a link, or what it points to */
	const char *real; /* behind links */
	struct stat st;   /* where it is not there: what it would have by itself */
	bool exists;
	struct attributes asked;
	struct change_attributes want;
	struct attributes_diff diff;
	bool differs; /* the attributes do */
};

static int look(struct node_call *c, struct target *t, struct err *err)
{
	const char *path = call_path(c, "path", err);

	if (!path || attributes_read(c, &t->asked, err) < 0)
		return -1;
	t->real = resolve_path(c->arena, path);
	t->path = item_bool(c->args, "follow", true) ? t->real : path;
	t->exists = lstat(t->real, &t->st) == 0;
	if (!t->exists && errno != ENOENT && errno != ENOTDIR)
		return err_sys(err, "%s", path);
	if (!t->exists)
		t->st = (struct stat){.st_mode = S_IFREG | (0666 & ~t->asked.umask),
			.st_uid = geteuid(),
			.st_gid = getegid()};
	if (attributes_resolve(&t->asked, &t->st, &t->want, err) < 0)
		return -1;
	t->differs = attributes_compare(&t->diff, &t->want, &t->st);
	t->differs |= attributes_compare_flags(c, &t->diff, &t->asked, t->real);
	return 0;
}

static void tell_attributes(struct node_call *c, const struct target *t)
{
	item_put_bool(c->out, "attributes_differ", t->differs);
	if (!c->diff || !t->differs)
		return;
	item_open_dict(c->out, "attributes_before");
	attributes_tell_side(c->out, &t->diff.before);
	item_close(c->out);
	item_open_dict(c->out, "attributes_after");
	attributes_tell_side(c->out, &t->diff.after);
	item_close(c->out);
}

static const char *kind_of(const struct target *t)
{
	if (!t->exists)
		return "absent";
	if (S_ISDIR(t->st.st_mode))
		return "directory";
	return S_ISREG(t->st.st_mode) ? "file" : "other";
}

/* Opens a regular file; a pipe or a device would keep us waiting. */
static int open_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	fd_close(&fd);
	return err_set(err, ERR_INPUT, "%s is no file", path);
}

static int hash_file(struct node_call *c, int fd, char hex[DIGEST_HEX_MAX], struct err *err)
{
	const struct digest_algorithm *xxh = digest_find("xxh128");

	return digest_fd(c, fd, &xxh, 1, (char(*)[DIGEST_HEX_MAX])hex, err);
}

/* A piece of the content; `end` says that nothing is behind it. What /proc has tells its length
 * only by being read. */
static int tell_content(
	struct node_call *c, int fd, uint64_t offset, size_t max, struct err *err)
{
	autofree char *buffer = xmalloc(max + 1);
	ssize_t got = fd_pread_full(fd, buffer, max + 1, offset);

	if (got < 0)
		return err_sys(err, "read");
	bool end = (size_t)got <= max;
	item_put_bool(c->out, "end", end);
	item_put_bytes(c->out, "content", buffer, end ? (size_t)got : max);
	return 0;
}

/* Whose home a path may lie in, for who has to own what is made there. */
static int tell_user(struct node_call *c, struct err *err)
{
	const char *name = call_text_or_null(c, "user");
	struct user u;

	if (!name)
		return 0;
	if (!user_by_name(name, &u))
		return err_set(err, ERR_NOTFOUND,
			"Failed to lookup user %s: 'getpwnam(): name not found: %s'", name,
			name);
	item_put_int(c->out, "user_uid", u.uid);
	item_put_int(c->out, "user_gid", u.gid);
	return 0;
}

static int read_content(struct node_call *c, const struct target *t, struct err *err)
{
	int64_t offset = item_int(c->args, "offset", 0);
	int64_t max = item_int(c->args, "max", READ_MAX);
	char hash[DIGEST_HEX_MAX];

	if (offset < 0 || max < 0 || max > READ_MAX)
		return err_set(err, ERR_LIMIT, "at most %u bytes are read at once", READ_MAX);
	autofd int fd = open_file(t->real, err);
	if (fd < 0)
		return -1;
	if (item_bool(c->args, "hash", false)) {
		if (hash_file(c, fd, hash, err) < 0)
			return err_wrap(err, "%s", t->real);
		item_put_string(c->out, "hash", hash);
	}
	return tell_content(c, fd, (uint64_t)offset, (size_t)max, err);
}

int node_read(struct node_call *c, struct err *err)
{
	struct target t = {0};

	if (tell_user(c, err) < 0 || look(c, &t, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_put_string(c->out, "kind", kind_of(&t));
	item_put_string(c->out, "path", t.real);
	item_put_string(c->out, "named", call_path(c, "path", NULL));
	tell_attributes(c, &t);
	attributes_tell(c, t.real);
	return t.exists && S_ISREG(t.st.st_mode) ? read_content(c, &t, err) : 0;
}

/* ---- edit ---- */

/*
 * The file's content as it is. 1 with it; 0 when it is not what the engine has seen, by the
 * hash: it has to look again.
 */
static int read_former(
	struct node_call *c, const struct target *t, struct strbuf *former, struct err *err)
{
	const char *seen = call_text_or_null(c, "hash");
	char hash[DIGEST_HEX_MAX];

	if (!seen || !t->exists)
		return !seen && !t->exists;
	if (!S_ISREG(t->st.st_mode))
		return 0;
	if (file_read(t->real, WHOLE_MAX, former, err) < 0)
		return -1;
	digest_bytes(digest_find("xxh128"), former->data, former->len, hash);
	return strcmp(hash, seen) == 0;
}

/* Appends the bytes of an argument that is content. */
static int add_content(struct node_call *c, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct change_content content;

	if (call_content(c, "content", &content, err) < 0)
		return -1;
	if (!content.path) {
		strbuf_add(out, content.data, content.len);
		return 0;
	}
	if (file_read(content.path, WHOLE_MAX, &text, err) < 0)
		return -1;
	strbuf_add(out, text.data, text.len);
	return 0;
}

/* What the file becomes: `cut` bytes at `at` give way to the content. */
static int replace_part(
	struct node_call *c, const struct strbuf *former, struct strbuf *out, struct err *err)
{
	int64_t at = item_int(c->args, "at", 0), cut = item_int(c->args, "cut", 0);
	int64_t len = (int64_t)former->len;

	if (at < 0 || cut < 0 || at > len || cut > len - at)
		return err_set(err, ERR_INPUT, "no %lld bytes can be cut at %lld of %lld",
			(long long)cut, (long long)at, (long long)len);
	strbuf_add(out, former->data, (size_t)at);
	if (add_content(c, out, err) < 0)
		return -1;
	strbuf_add(out, former->data + at + cut, (size_t)(len - at - cut));
	return 0;
}

static int write_content(struct node_call *c, const struct target *t,
	const struct strbuf *content, struct err *err)
{
	struct change_write write = {.call = c,
		.path = t->path,
		.content = {.data = content->data, .len = content->len},
		.attributes = t->want,
		.validate = call_text_or_null(c, "validate"),
		.want_backup = item_bool(c->args, "backup", false),
		.umask = t->asked.umask};
	autofree char *parent = path_dirname(t->path);

	if (item_bool(c->args, "create", false) &&
		change_directory(call_transaction(c), parent, NULL, t->asked.umask, err) < 0)
		return -1;
	int result = change_write(call_transaction(c), &write, err);
	if (result == 0 && write.backup)
		item_put_string(c->out, "backup_file", write.backup);
	free(write.backup);
	return result;
}

/* Replaces the content. 1 when that is done, 0 when the file is another by now. */
static int edit_content(struct node_call *c, const struct target *t, struct err *err)
{
	AUTO(strbuf_release) struct strbuf former = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	int same = read_former(c, t, &former, err);

	if (same <= 0)
		return same;
	if (replace_part(c, &former, &content, err) < 0)
		return -1;
	if (former.len == content.len && t->exists &&
		memcmp(former.data, content.data, content.len) == 0)
		return 1;
	return !c->check && write_content(c, t, &content, err) < 0 ? -1 : 1;
}

int node_edit(struct node_call *c, struct err *err)
{
	const struct item *content = item_get(c->args, "content");
	struct target t = {0};
	bool changed = false;
	int done = 1;

	if (look(c, &t, err) < 0)
		return -1;
	if (content && content->type != ITEM_NULL)
		done = edit_content(c, &t, err);
	if (done < 0)
		return -1;
	item_put_bool(c->out, "stale", done == 0);
	if (done > 0 && path_exists(t.path) &&
		attributes_apply(c, t.path, &t.asked, &changed, NULL, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", done > 0 && (content || changed));
	tell_attributes(c, &t);
	attributes_tell(c, t.path);
	return 0;
}
