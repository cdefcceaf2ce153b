/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large and how full a mounted file system is. One whose server is gone answers never, and
 * who asks cannot be interrupted: file systems of a network are asked by a process of its own.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "node/facts_mounts.h"

/* True for file systems that others serve. */
static bool may_hang(const char *type)
{
	static const char *const served[] = {"nfs", "cifs", "smb", "fuse.", "ceph", "afs", "9p",
		"glusterfs", "lustre", "ncp", "coda", "gfs", "beegfs", "autofs"};

	for (size_t i = 0; i < ARRAY_SIZE(served); i++)
		if (str_starts(type, served[i]))
			return true;
	return false;
}

/* The process that may hang: it tells by a pipe. */
static _Noreturn void ask_and_end(int fd, const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) == 0)
		fd_write_all(fd, &st, sizeof(st));
	_exit(0);
}

/* 1 with an answer, 0 when there is none, -1 when it takes too long. */
static int ask_another(
	struct node_call *c, const char *path, double seconds, struct statvfs *st)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	pid_t child = fork();
	if (child == 0)
		ask_and_end(ends[1], path);
	close(ends[1]);
	autofd int fd = ends[0];
	if (child < 0)
		return 0;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int count = call_wait(c, &ready, 1, deadline_in(seconds), NULL);
	if (count > 0 && ready.revents) {
		bool whole = fd_read_full(fd, st, sizeof(*st)) == (ssize_t)sizeof(*st);
		waitpid(child, NULL, 0);
		return whole;
	}
	/* It may not end before its server is back: nobody waits for it. */
	kill(child, SIGKILL);
	waitpid(child, NULL, WNOHANG);
	return -1;
}

static void put_size(struct item_writer *out, const struct statvfs *st)
{
	int64_t blocks = (int64_t)st->f_blocks, available = (int64_t)st->f_bavail;
	int64_t inodes = (int64_t)st->f_files, free = (int64_t)st->f_favail;

	item_put_int(out, "size_total", (int64_t)st->f_frsize * blocks);
	item_put_int(out, "size_available", (int64_t)st->f_frsize * available);
	item_put_int(out, "block_size", (int64_t)st->f_bsize);
	item_put_int(out, "block_total", blocks);
	item_put_int(out, "block_available", available);
	item_put_int(out, "block_used", blocks - available);
	item_put_int(out, "inode_total", inodes);
	item_put_int(out, "inode_available", free);
	item_put_int(out, "inode_used", inodes - free);
}

int mount_put_size(struct node_call *c, const char *path, const char *type, double seconds)
{
	struct statvfs st;
	int known =
		may_hang(type) ? ask_another(c, path, seconds, &st) : statvfs(path, &st) == 0;

	if (known > 0)
		put_size(c->out, &st);
	return known < 0 ? -1 : 0;
}
