/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change_write: a file as a whole, by a temporary one beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change.h"
#include "node/change_name.h"
#include "node/content.h"
#include "node/module.h"
#include "node/words.h"

#define XATTR_NAMES_MAX 4096
#define XATTR_VALUE_MAX 65536
#define VALIDATE_OUTPUT 500 /* bytes of what a validator says in an error */

/* A file that is being written. */
struct making {
	struct change_write *w;
	struct stat former;
	bool has_former; /* a regular file is there, whose attributes are kept */
	char *name;      /* of the temporary file */
	int fd;
};

/* Extended attributes of the former file, where both file systems have them: labels and access
 * lists. What gives a program rights stays behind, its content is another now. */
static void copy_xattrs(const char *from, int to)
{
	char names[XATTR_NAMES_MAX], value[XATTR_VALUE_MAX];
	ssize_t n = llistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		const char *name = names + at;
		if (strcmp(name, "security.capability") == 0)
			continue;
		ssize_t len = lgetxattr(from, name, value, sizeof(value));
		if (len >= 0)
			(void)!fsetxattr(to, name, value, (size_t)len, 0);
	}
}

static int write_content(struct making *m, struct err *err)
{
	const struct change_content *c = &m->w->content;

	if (c->path) {
		autofd int from = open(c->path, O_RDONLY | O_CLOEXEC);
		if (from < 0)
			return err_sys(err, "%s", c->path);
		return content_share(from, m->fd, NULL, err);
	}
	if (c->len > 0 && fd_write_all(m->fd, c->data, c->len) < 0)
		return err_sys(err, "write");
	return 0;
}

/* Owner and group: those asked for must be had; keeping the former ones may be refused to who
 * is not root. */
static int dress_owner(struct making *m, struct err *err)
{
	const struct change_attributes *a = &m->w->attributes;
	uid_t uid = m->has_former ? m->former.st_uid : geteuid();
	gid_t gid = m->has_former ? m->former.st_gid : getegid();

	if (fchown(m->fd, uid, gid) < 0 && errno != EPERM)
		return err_sys(err, "cannot keep the owner of %s", m->w->path);
	if ((a->has_owner || a->has_group) && fchown(m->fd, a->has_owner ? a->owner : (uid_t)-1,
						      a->has_group ? a->group : (gid_t)-1) < 0)
		return err_sys(err, "cannot set the owner of %s", m->w->path);
	return 0;
}

static int dress(struct making *m, struct err *err)
{
	const struct change_attributes *a = &m->w->attributes;
	mode_t kept = m->has_former ? m->former.st_mode & 07777 : 0666 & ~m->w->umask;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (m->has_former)
		copy_xattrs(m->w->path, m->fd);
	if (dress_owner(m, err) < 0)
		return -1;
	if (fchmod(m->fd, a->has_mode ? a->mode : kept) < 0)
		return err_sys(err, "cannot set the permissions of %s", m->w->path);
	if (a->has_atime)
		times[0] = a->atime;
	if (a->has_mtime)
		times[1] = a->mtime;
	if ((a->has_atime || a->has_mtime) && futimens(m->fd, times) < 0)
		return err_sys(err, "cannot set the times of %s", m->w->path);
	return fsync(m->fd) < 0 ? err_sys(err, "write") : 0;
}

static int refuse_invalid(const struct call_program *p, struct err *err)
{
	const struct strbuf *says = p->err.len ? &p->err : &p->out;
	size_t from = says->len > VALIDATE_OUTPUT ? says->len - VALIDATE_OUTPUT : 0;

	return err_set(err, ERR_INPUT, "failed to validate: %s exited with %d: %s", p->argv[0],
		p->status, says->len ? says->data + from : "it gave no reason");
}

/* Runs the validator on the temporary file. */
static int validate(struct making *m, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};

	if (!m->w->validate)
		return 0;
	if (!strstr(m->w->validate, "%s"))
		return err_set(err, ERR_INPUT, "validate must contain %%s: %s", m->w->validate);
	const char *const *argv = words_split(&arena, m->w->validate, m->name, err);
	if (!argv)
		return err_wrap(err, "validate");
	struct call_program p = {.argv = argv};
	int result = call_run(m->w->call, &p, err);
	if (result == 0 && p.status != 0)
		result = refuse_invalid(&p, err);
	call_program_release(&p);
	return result;
}

/* "PATH.PID.YYYY-MM-DD@HH:MM:SS~", in local time. */
static char *backup_name(const char *path)
{
	char when[32];
	struct tm tm;
	time_t now = time(NULL);

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d@%H:%M:%S~", &tm);
	return xasprintf("%s.%d.%s", path, (int)getpid(), when);
}

/* Copies the former file with its attributes, under the backup's name in one step. */
static int back_up(struct transaction *t, struct making *m, struct err *err)
{
	autofree char *name = backup_name(m->w->path);
	struct change_write copy = {.path = name,
		.content = {.path = m->w->path},
		.attributes = {.has_mode = true,
			.mode = m->former.st_mode & 07777,
			.has_mtime = true,
			.mtime = m->former.st_mtim,
			.has_atime = true,
			.atime = m->former.st_atim}};

	if (geteuid() == 0) {
		copy.attributes.has_owner = copy.attributes.has_group = true;
		copy.attributes.owner = m->former.st_uid;
		copy.attributes.group = m->former.st_gid;
	}
	if (change_write(t, &copy, err) < 0)
		return err_wrap(err, "backup");
	m->w->backup = STEAL(name);
	return 0;
}

/* All that can fail, before the one step that changes something. The record comes first: an
 * undo also removes what a helper that was killed has left half made beside the path. */
static int prepare(struct transaction *t, struct making *m, struct err *err)
{
	if (transaction_record_path(t, m->w->path, err) < 0)
		return -1;
	m->fd = open(m->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return err_sys(err, "cannot write beside %s", m->w->path);
	if (write_content(m, err) < 0 || dress(m, err) < 0)
		return err_wrap(err, "%s", m->w->path);
	fd_close(&m->fd); /* a program cannot be run while it is open for writing */
	if (validate(m, err) < 0)
		return -1;
	return m->w->want_backup && m->has_former ? back_up(t, m, err) : 0;
}

int change_write(struct transaction *t, struct change_write *w, struct err *err)
{
	struct making m = {.w = w, .fd = -1};

	w->backup = NULL;
	bool there = lstat(w->path, &m.former) == 0;
	if (there && S_ISDIR(m.former.st_mode))
		return err_set(err, ERR_EXISTS, "%s is a directory", w->path);
	m.has_former = there && S_ISREG(m.former.st_mode);
	autofree char *name = change_name_beside(w->path);
	m.name = name;
	int result = prepare(t, &m, err);
	fd_close(&m.fd);
	if (result == 0 && rename(name, w->path) < 0)
		result = err_sys(err, "cannot replace %s", w->path);
	if (result < 0) {
		unlink(name);
		return -1;
	}
	return change_sync_parent(w->path, err);
}
