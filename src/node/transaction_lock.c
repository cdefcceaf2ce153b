/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who works on a transaction: a lock on a file of its directory, of the kind that names its
 * holder's process and goes with it, however that ends. (Such a lock also goes when its
 * process closes the file once more, so nothing else opens the file.)
 *
 * One who takes a transaction back must be sure that nobody changes anything meanwhile: it
 * ends the holder with all processes that it has started, and has the lock before it begins.
 */
#include "node/transaction_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"

#define TERM_SECONDS  2.0
#define WAIT_SECONDS  600.0
#define PAUSE_SECONDS 0.02
#define DEPTH_MAX     32

struct processes {
	pid_t *items;
	size_t count;
	size_t cap;
};

int transaction_lock(int fd, pid_t *holder, struct err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int file = openat(fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (file < 0)
		return err_sys(err, "open the lock of a transaction");
	if (fcntl(file, F_SETLK, &lock) == 0)
		return file;
	int failed = errno;
	if (holder)
		*holder = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK
				  ? lock.l_pid
				  : 0;
	close(file);
	errno = failed;
	if (failed != EACCES && failed != EAGAIN)
		return err_sys(err, "lock a transaction");
	return err_set(err, ERR_BUSY, "another helper works on this transaction");
}

/* The parent of a process, by /proc; 0 when it has gone. */
static pid_t parent_of(const char *pid)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = xasprintf("/proc/%s/stat", pid);

	if (file_read(path, 4096, &text, NULL) < 0)
		return 0;
	/* "PID (NAME) STATE PARENT"; the name may hold anything. */
	const char *at = strrchr(text.data, ')');
	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

/* Adds the children of those that were found so far; true if there were any. */
static bool add_children(struct processes *p)
{
	DIR *dir = opendir("/proc");
	size_t before = p->count;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		int64_t pid;
		if (!parse_int(e->d_name, 2, INT32_MAX, &pid))
			continue;
		pid_t parent = parent_of(e->d_name);
		bool known = false, child = false;
		for (size_t i = 0; i < p->count; i++) {
			known |= p->items[i] == (pid_t)pid;
			child |= p->items[i] == parent;
		}
		if (child && !known && (pid_t)pid != getpid())
			*VEC_PUSH(p) = (pid_t)pid;
	}
	if (dir)
		closedir(dir);
	return p->count > before;
}

static bool any_alive(const struct processes *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (kill(p->items[i], 0) == 0)
			return true;
	}
	return false;
}

static void signal_all(const struct processes *p, int number)
{
	for (size_t i = 0; i < p->count; i++)
		kill(p->items[i], number);
}

void transaction_end_holder(pid_t holder)
{
	struct processes p = {0};

	if (holder <= 1 || holder == getpid())
		return;
	*VEC_PUSH(&p) = holder;
	for (int depth = 0; depth < DEPTH_MAX && add_children(&p); depth++)
		;
	signal_all(&p, SIGTERM);
	deadline until = deadline_in(TERM_SECONDS);
	while (any_alive(&p) && !deadline_passed(until))
		wait_until(deadline_in(PAUSE_SECONDS), NULL, NULL);
	signal_all(&p, SIGKILL);
	free(p.items);
}

int transaction_seize(int fd, bool end_holder, struct err *err)
{
	deadline until = deadline_in(WAIT_SECONDS);
	struct err why = {0};
	pid_t holder = 0;
	int file;

	while ((file = transaction_lock(fd, &holder, &why)) < 0) {
		if (why.code != ERR_BUSY || deadline_passed(until))
			return err_set(err, why.code, "%s", why.text);
		if (end_holder)
			transaction_end_holder(holder);
		wait_until(deadline_in(PAUSE_SECONDS), NULL, NULL);
	}
	return file;
}
