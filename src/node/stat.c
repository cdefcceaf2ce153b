/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules stat and slurp: what a path is, and what is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mode.h"
#include "node/digest.h"
#include "node/flags.h"
#include "node/module.h"
#include "node/resolve.h"
#include "node/users.h"

#define SLURP_MAX (3u << 20) /* bytes: with its frame it fits a result */

const struct node_arg stat_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"follow", ARG_BOOL},
	{"checksum", ARG_TEXT},
	{"get_mime", ARG_BOOL},
	{"get_attributes", ARG_BOOL},
	{NULL, 0},
};

const struct node_arg slurp_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"max", ARG_INT},
	{NULL, 0},
};

static double seconds_of(const struct timespec *t)
{
	return (double)t->tv_sec + 1e-9 * (double)t->tv_nsec;
}

/* The bits that have keys of their own. */
static void tell_bits(struct item_writer *out, mode_t mode)
{
	for (const struct mode_key *k = mode_keys; k->name; k++)
		item_put_bool(out, k->name, (mode & k->mask) == k->value);
}

static void tell_stat(struct item_writer *out, const struct stat *st)
{
	item_put_stringf(out, "mode", "%04o", (unsigned)st->st_mode & 07777);
	item_put_int(out, "uid", st->st_uid);
	item_put_int(out, "gid", st->st_gid);
	item_put_int(out, "size", st->st_size);
	item_put_int(out, "inode", (int64_t)st->st_ino);
	item_put_int(out, "dev", (int64_t)st->st_dev);
	item_put_int(out, "nlink", (int64_t)st->st_nlink);
	item_put_float(out, "atime", seconds_of(&st->st_atim));
	item_put_float(out, "mtime", seconds_of(&st->st_mtim));
	item_put_float(out, "ctime", seconds_of(&st->st_ctim));
	item_put_int(out, "blocks", st->st_blocks);
	item_put_int(out, "block_size", st->st_blksize);
	item_put_int(out, "device_type", (int64_t)st->st_rdev);
	tell_bits(out, st->st_mode);
}

static void tell_names(struct item_writer *out, const struct stat *st)
{
	struct user u;
	struct group_entry g;

	if (user_by_uid(st->st_uid, &u))
		item_put_string(out, "pw_name", u.name);
	if (group_by_gid(st->st_gid, &g))
		item_put_string(out, "gr_name", g.name);
}

static int tell_checksum(struct node_call *c, const char *path, const char *name,
	const struct stat *st, struct err *err)
{
	const struct digest_algorithm *a = digest_find(name);
	char sum[1][DIGEST_HEX_MAX];

	if (!a)
		return err_set(err, ERR_INPUT, "\"%s\" is none of the checksums %s", name,
			DIGEST_NAMES);
	if (!S_ISREG(st->st_mode) || access(path, R_OK) < 0)
		return 0;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", path);
	if (digest_fd(c, fd, &a, 1, sum, err) < 0)
		return err_wrap(err, "%s", path);
	item_put_string(c->out, "checksum", sum[0]);
	return 0;
}

/* What file(1) says of the content, where the node has it. */
static int tell_mime(struct node_call *c, const char *path, struct err *err)
{
	const char *const argv[] = {"file", "--mime-type", "--mime-encoding", path, NULL};
	AUTO(call_program_release) struct call_program p = {.argv = argv};
	const char *type = "unknown", *charset = "unknown";
	struct err why = {0};

	if (call_run(c, &p, &why) < 0) {
		if (why.code != ERR_NOTFOUND && why.code != ERR_DENIED)
			return err_set(err, why.code, "%s", why.text);
	} else if (p.status == 0) {
		const char *colon = strrchr(p.out.data, ':');
		const char *semicolon = colon ? strchr(colon, ';') : NULL;
		const char *equals = semicolon ? strchr(semicolon, '=') : NULL;
		if (equals) {
			colon += 1 + strspn(colon + 1, " ");
			type = arena_strndup(c->arena, colon, (size_t)(semicolon - colon));
			charset =
				arena_strndup(c->arena, equals + 1, strcspn(equals + 1, " \n"));
		}
	}
	item_put_string(c->out, "mimetype", type);
	item_put_string(c->out, "charset", charset);
	return 0;
}

/* What chattr(1) has set, where the file system has such flags. */
static void tell_flags(struct node_call *c, const char *path)
{
	char letters[FLAGS_MAX] = "";
	unsigned version;

	if (flags_read(path, letters, &version))
		item_put_stringf(c->out, "version", "%u", version);
	else
		item_put_null(c->out, "version");
	item_put_string(c->out, "attr_flags", letters);
	item_open_list(c->out, "attributes");
	flags_tell_names(c->out, letters);
	item_close(c->out);
}

static int tell_existing(
	struct node_call *c, const char *path, const struct stat *st, struct err *err)
{
	const char *checksum = call_text_or_null(c, "checksum");

	item_put_bool(c->out, "exists", true);
	item_put_string(c->out, "path", path);
	tell_stat(c->out, st);
	item_put_bool(c->out, "readable", access(path, R_OK) == 0);
	item_put_bool(c->out, "writeable", access(path, W_OK) == 0);
	item_put_bool(c->out, "executable", access(path, X_OK) == 0);
	if (S_ISLNK(st->st_mode)) {
		item_put_string(c->out, "lnk_source", resolve_path(c->arena, path));
		item_put_string(c->out, "lnk_target", resolve_link(c->arena, path));
	}
	tell_names(c->out, st);
	if (item_bool(c->args, "get_mime", false) && tell_mime(c, path, err) < 0)
		return -1;
	if (item_bool(c->args, "get_attributes", false))
		tell_flags(c, path);
	return checksum && *checksum ? tell_checksum(c, path, checksum, st, err) : 0;
}

int node_stat(struct node_call *c, struct err *err)
{
	const char *path = call_path(c, "path", err);
	struct stat st;

	if (!path)
		return -1;
	bool follow = item_bool(c->args, "follow", false);
	bool exists = (follow ? stat(path, &st) : lstat(path, &st)) == 0;
	if (!exists && errno != ENOENT)
		return err_sys(err, "%s", path);
	item_put_bool(c->out, "changed", false);
	item_open_dict(c->out, "stat");
	if (!exists)
		item_put_bool(c->out, "exists", false);
	else if (tell_existing(c, path, &st, err) < 0)
		return -1;
	item_close(c->out);
	return 0;
}

int node_slurp(struct node_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	int64_t max = item_int(c->args, "max", SLURP_MAX);
	const char *path = call_path(c, "path", err);

	if (!path)
		return -1;
	if (max < 0 || max > SLURP_MAX)
		return err_set(err, ERR_LIMIT, "max is not within 0 and %u", SLURP_MAX);
	if (file_read(path, (size_t)max, &content, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_put_bytes(c->out, "content", content.data, content.len);
	item_put_int(c->out, "size", (int64_t)content.len);
	item_put_string(c->out, "source", path);
	return 0;
}
