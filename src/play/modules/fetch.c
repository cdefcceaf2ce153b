/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: a file of the node, brought to this machine.
 *
 * The file comes in pieces and goes to the disk as it comes, into a temporary file beside its
 * place that takes its name when the checksum is right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "play/modules/modules.h"
#include "play/modules/remote.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "src", .type = ARGUMENT_PATH, .required = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	{.name = "flat", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "fail_on_missing", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "validate_checksum", .type = ARGUMENT_BOOL, .fallback = "true"},
	{0},
};

/* The file of the node. */
struct source {
	const char *path;
	const char *state;    /* absent, directory, file, other */
	const char *checksum; /* SHA-1, of a file that we may read; else NULL */
	int64_t size;
};

static bool is_true(const struct value *dict, const char *key)
{
	const struct value *v = value_dict_get(dict, key);

	return v && value_truthy(v);
}

static int look(struct module_call *c, struct source *s, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, s->path));
	value_dict_set(c->arena, args, "follow", &value_true);
	value_dict_set(c->arena, args, "checksum", value_new_string(c->arena, "sha1"));
	const struct value *answer = runner_ask_node(c, "stat", args, err);
	if (!answer)
		return -1;
	const struct value *stat = value_dict_get(answer, "stat");
	const struct value *size = value_dict_get(stat, "size");
	s->checksum = value_text(value_dict_get(stat, "checksum"));
	s->size = size && size->kind == VALUE_INT ? size->integer : 0;
	s->state = !is_true(stat, "exists") ? "absent"
		   : is_true(stat, "isdir") ? "directory"
		   : is_true(stat, "isreg") ? "file"
					    : "other";
	return 0;
}

/* What is no file, or not to be read: a failure, or passed over when the task says so. */
static int refuse(struct module_call *c, const struct source *s, struct err *err)
{
	bool directory = strcmp(s->state, "directory") == 0;
	bool missing = strcmp(s->state, "absent") == 0;
	const char *why =
		directory ? "remote file is a directory, fetch cannot work on directories"
		: missing
			? "the remote file does not exist, not transferring, ignored"
			: arena_printf(c->arena, "%s is no file, or is not readable", s->path);

	call_set_bool(c, "changed", false);
	if (argument_bool(c, "fail_on_missing"))
		return err_set(err, ERR_NOTFOUND, "%s", why);
	if (directory)
		why = arena_printf(c->arena, "%s, not transferring, ignored", why);
	else
		call_set_text(c, "file", s->path);
	call_set_text(c, "msg", why);
	return 0;
}

/* Appends a path of the node to a directory, part by part; none of them may lead out of it. */
static int add_below(struct strbuf *path, const char *below, struct err *err)
{
	AUTO(strlist_release) struct strlist parts = {0};

	strlist_split(&parts, below, "/");
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], ".") == 0)
			continue;
		if (strcmp(parts.items[i], "..") == 0)
			return err_set(err, ERR_INPUT,
				"src: %s: .. would lead out of the host's directory; flat: "
				"true takes the file's name alone",
				below);
		strbuf_addf(path, "/%s", parts.items[i]);
	}
	return 0;
}

/* With `flat`: dest itself, or the file's name in it when it ends with a slash. */
static int add_flat(
	struct module_call *c, const struct source *s, struct strbuf *path, struct err *err)
{
	if (str_ends(argument_text(c, "dest"), "/"))
		strbuf_addf(path, "/%s", path_basename(s->path));
	else if (path_is_dir(path->data))
		return err_set(err, ERR_INPUT,
			"dest is an existing directory, use a trailing slash if you want to "
			"fetch src into that directory");
	return 0;
}

/* Else: below a directory of the host's, under the path that it has there. */
static int add_host(
	struct module_call *c, const struct source *s, struct strbuf *path, struct err *err)
{
	const char *host = runner_host(c->runner)->name;

	if (!path_is_component(host))
		return err_set(
			err, ERR_INPUT, "%s can be no directory's name; use flat: true", host);
	strbuf_addf(path, "/%s", host);
	return add_below(path, s->path, err);
}

/* Where the file goes on this machine. */
static int find_place(
	struct module_call *c, const struct source *s, struct strbuf *path, struct err *err)
{
	autofree char *expanded = path_expand_home(argument_text(c, "dest"));
	autofree char *dest = path_join(c->step->play->directory, expanded);

	strbuf_addstr(path, dest);
	while (path->len > 1 && path->data[path->len - 1] == '/')
		strbuf_truncate(path, path->len - 1);
	return argument_bool(c, "flat") ? add_flat(c, s, path, err) : add_host(c, s, path, err);
}

/* The digest of a file here in hex; "" when it is not there. */
static int digest_here(
	const char *path, enum digest_kind kind, char hex[DIGEST_HEX_MAX], struct err *err)
{
	unsigned char sum[DIGEST_MAX];
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	hex[0] = 0;
	if (fd < 0)
		return 0;
	if (digest_fd(kind, fd, sum, err) < 0)
		return err_wrap(err, "%s", path);
	hex_encode(sum, digest_size(kind), hex);
	return 0;
}

/* A file that is being received. */
struct receiving {
	struct module_call *call;
	int fd;
	uint64_t done, total;
};

static int receive(void *arg, const void *data, size_t n, struct err *err)
{
	struct receiving *r = arg;

	if (fd_write_all(r->fd, data, n) < 0)
		return err_sys(err, "write");
	r->done += n;
	runner_progress(r->call->runner, r->done, r->total);
	return 0;
}

/* Brings the content into an open file. */
static int transfer(struct module_call *c, const struct source *s, int fd, struct err *err)
{
	struct receiving r = {.call = c, .fd = fd, .total = (uint64_t)s->size};
	struct tree_sink sink = {.write = receive, .arg = &r};
	struct value *args = value_new_dict(c->arena);
	struct remote_file file;

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, s->path));
	if (remote_read(c, args, &sink, INT64_MAX, &file, err) < 0)
		return -1;
	if (strcmp(file.kind, "file") != 0)
		return err_set(err, ERR_NOTFOUND, "%s is gone meanwhile", s->path);
	return fsync(fd) < 0 ? err_sys(err, "write") : 0;
}

/* Takes the received file under its name, if its checksum is right. */
static int take(struct module_call *c, const struct source *s, const char *part,
	const char *dest, struct err *err)
{
	char sha1[DIGEST_HEX_MAX], md5[DIGEST_HEX_MAX];

	if (digest_here(part, DIGEST_SHA1, sha1, err) < 0)
		return -1;
	if (digest_here(part, DIGEST_MD5, md5, NULL) < 0)
		md5[0] = 0;
	call_set_text(c, "md5sum", *md5 ? md5 : NULL);
	call_set_text(c, "remote_md5sum", NULL);
	call_set_text(c, "dest", dest);
	call_set_text(c, "checksum", sha1);
	call_set_text(c, "remote_checksum", s->checksum);
	if (argument_bool(c, "validate_checksum") && strcmp(sha1, s->checksum) != 0) {
		call_set_text(c, "file", s->path);
		return err_set(err, ERR_INTEGRITY, "checksum mismatch");
	}
	if (rename(part, dest) < 0)
		return err_sys(err, "%s", dest);
	call_set_bool(c, "changed", true);
	return 0;
}

static int fetch_to(
	struct module_call *c, const struct source *s, const char *dest, struct err *err)
{
	autofree char *dir = path_dirname(dest);
	unsigned char random[6];
	char suffix[2 * sizeof(random) + 1];

	if (path_mkdirs(dir, 0777, err) < 0 || crypto_random(random, sizeof(random), err) < 0)
		return -1;
	hex_encode(random, sizeof(random), suffix);
	autofree char *part = xasprintf("%s.part-%s", dest, suffix);
	autofd int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(err, "cannot write beside %s", dest);
	int result = transfer(c, s, fd, err);
	if (result == 0)
		result = take(c, s, part, dest, err);
	if (result < 0)
		unlink(part);
	return result;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf dest = STRBUF_INIT;
	struct source s = {.path = argument_text(c, "src")};
	char sha1[DIGEST_HEX_MAX], md5[DIGEST_HEX_MAX];

	if (look(c, &s, err) < 0)
		return -1;
	if (strcmp(s.state, "file") != 0 || !s.checksum)
		return refuse(c, &s, err);
	if (find_place(c, &s, &dest, err) < 0 ||
		digest_here(dest.data, DIGEST_SHA1, sha1, err) < 0)
		return -1;
	if (strcmp(sha1, s.checksum) != 0)
		return fetch_to(c, &s, dest.data, err);
	if (digest_here(dest.data, DIGEST_MD5, md5, NULL) < 0)
		md5[0] = 0;
	call_set_bool(c, "changed", false);
	call_set_text(c, "md5sum", *md5 ? md5 : NULL);
	call_set_text(c, "file", s.path);
	call_set_text(c, "dest", dest.data);
	call_set_text(c, "checksum", sha1);
	return 0;
}

const struct module module_fetch = {
	.name = "fetch",
	.arguments = arguments,
	.run = run,
};
