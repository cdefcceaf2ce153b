/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on the connection and the program itself: HELLO, PING, ECHO, COPY_SELF,
 * PRUNE_HELPERS.
 */
#include "node/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/request.h"
#include "node/users.h"

#define STALE_UPLOAD_SECONDS 3600

void session_home(char out[1024])
{
	struct user u;
	const char *home = getenv("HOME");

	if (home && *home == '/')
		snprintf(out, 1024, "%s", home);
	else
		snprintf(out, 1024, "%s", user_by_uid(getuid(), &u) ? u.home : "/");
}

int op_hello(struct request *q, struct err *err)
{
	struct utsname system;
	struct timespec now;
	struct user u;
	char home[1024];

	if (uname(&system) < 0)
		return err_sys(err, "uname");
	if (!user_by_uid(getuid(), &u))
		snprintf(u.name, sizeof(u.name), "%u", (unsigned)getuid());
	session_home(home);
	clock_gettime(CLOCK_REALTIME, &now);
	wire_put_hello(&q->reply, &(struct wire_hello){.version = MODELFLEET_VERSION,
					  .machine = system.machine,
					  .hostname = system.nodename,
					  .user = u.name,
					  .home = home,
					  .uid = getuid(),
					  .gid = getgid(),
					  .umask = q->node->login_umask,
					  .now_s = now.tv_sec,
					  .now_ns = (uint32_t)now.tv_nsec});
	return 0;
}

int op_ping(struct request *q, struct err *err)
{
	(void)q;
	(void)err;
	return 0;
}

int op_echo(struct request *q, struct err *err)
{
	return request_bytes(q, q->frame->data, q->frame->len, err);
}

static int copy_content(int from, int to, struct err *err)
{
	uint8_t buffer[16384];
	ssize_t got;

	while ((got = fd_read_full(from, buffer, sizeof(buffer))) > 0) {
		if (fd_write_all(to, buffer, (size_t)got) < 0)
			return err_sys(err, "copy the helper");
	}
	return got < 0 ? err_sys(err, "read the helper") : 0;
}

int op_copy_self(struct request *q, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	const char *base = msg_string(&r, 1024);
	if (msg_end(&r, "a COPY_SELF request", err) < 0)
		return -1;
	if (*base != '/')
		return err_set(err, ERR_INPUT, "%s is no absolute directory", base);
	autofree char *dir = xasprintf("%s/modelfleet-XXXXXX", base);
	if (!mkdtemp(dir) || chmod(dir, 0711) < 0)
		return err_sys(err, "make a directory below %s", base);
	autofree char *path = path_join(dir, "modelfleet-node");
	autofd int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	autofd int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (from < 0 || to < 0)
		return err_sys(err, "copy the helper to %s", path);
	if (copy_content(from, to, err) < 0 || fchmod(to, 0755) < 0) {
		path_remove_tree(dir, NULL);
		return -1;
	}
	msg_put_string(&q->reply, path);
	return 0;
}

/* True for "node-" or "modelfleet-node-" and at least 16 hex digits, or an upload of such. */
static bool is_helper_name(const char *name, bool *upload)
{
	if (str_starts(name, "modelfleet-"))
		name += strlen("modelfleet-");
	if (!str_starts(name, "node-"))
		return false;
	name += strlen("node-");
	size_t digits = strspn(name, "0123456789abcdef");
	*upload = digits >= 16 && name[digits] == '.';
	return digits >= 16 && (*upload || !name[digits]);
}

/* Removes one file beside us if it is an old helper; true when it did. */
static bool prune_one(int dir, const char *name, const struct stat *self, time_t unused_since)
{
	struct stat st;
	bool upload;

	if (!is_helper_name(name, &upload) ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		st.st_uid != getuid() ||
		(st.st_ino == self->st_ino && st.st_dev == self->st_dev))
		return false;
	/* atime may be frozen by the mount: the later of the two times counts. */
	time_t used = st.st_atime > st.st_mtime ? st.st_atime : st.st_mtime;
	time_t limit = upload ? time(NULL) - STALE_UPLOAD_SECONDS : unused_since;
	return used < limit && unlinkat(dir, name, 0) == 0;
}

int op_prune_helpers(struct request *q, struct err *err)
{
	struct msg_reader r;
	struct stat self;
	char exe[4096];
	uint32_t removed = 0;

	msg_read(&r, q->frame->data, q->frame->len);
	uint32_t days = msg_u32(&r);
	if (msg_end(&r, "a PRUNE_HELPERS request", err) < 0)
		return -1;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0 || stat("/proc/self/exe", &self) < 0)
		return err_sys(err, "find the helper's own file");
	exe[n] = '\0';
	autofree char *dir = path_dirname(exe);
	DIR *d = opendir(dir);
	if (!d)
		return err_sys(err, "open %s", dir);
	time_t unused_since = time(NULL) - (time_t)days * 86400;
	for (struct dirent *entry; (entry = readdir(d));)
		removed += prune_one(dirfd(d), entry->d_name, &self, unused_since);
	closedir(d);
	msg_put_u32(&q->reply, removed);
	return 0;
}
