/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program, this makes its Nth change of files below a directory fail, or kills
 * the program before it. Calls are counted that can change what is on disk, and fsync.
 *
 *     FAULT_BELOW    the directory, absolute
 *     FAULT_PROGRAM  the program's name; its children go on unharmed
 *     FAULT_AT       N, from 1
 *     FAULT_ERRNO    what the call fails with; not set: SIGKILL before it
 *     FAULT_LASTS    from N on, every call that needs room on the disk fails
 *     FAULT_MARK     a file that gets the call's name when the fault has come
 *     FAULT_CLOCK    a file with seconds that are added to time(2), read at every call
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What the next object in the search order has under a name. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

enum kind { KEEPS, GROWS }; /* whether a call may need room on the disk */

static unsigned long changes;

static bool is_meant(void)
{
	const char *program = getenv("FAULT_PROGRAM");

	return getenv("FAULT_AT") && program &&
	       strcmp(program, program_invocation_short_name) == 0;
}

static bool is_below(const char *path)
{
	const char *root = getenv("FAULT_BELOW");
	size_t n = root ? strlen(root) : 0;
	char here[PATH_MAX];

	if (*path == '/')
		return n && strncmp(path, root, n) == 0;
	if (!n || !getcwd(here, sizeof(here)))
		return false;
	size_t m = strlen(here);
	if (strncmp(here, root, n < m ? n : m) != 0)
		return false;
	/* The directory lies below the working directory, or is it. */
	return m >= n || strncmp(path, root + m + 1, n - m - 1) == 0;
}

static bool is_below_fd(int fd)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return is_below(path);
}

static void leave_mark(const char *call)
{
	const char *path = getenv("FAULT_MARK");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (!f)
		return;
	fprintf(f, "%s\n", call);
	fclose(f);
}

/* Counts a call; true when it has to fail, with errno set. Does not come back from a kill. */
static bool fails(const char *call, enum kind kind)
{
	unsigned long at = strtoul(getenv("FAULT_AT"), NULL, 10);
	const char *error = getenv("FAULT_ERRNO");
	bool lasts = getenv("FAULT_LASTS") != NULL;

	changes++;
	if (lasts ? changes < at || kind != GROWS : changes != at)
		return false;
	leave_mark(call);
	if (!error)
		kill(getpid(), SIGKILL);
	errno = atoi(error ? error : "0");
	return true;
}

#define CHECK(call, is, kind)                                                                  \
	do {                                                                                   \
		if (is_meant() && (is) && fails(call, kind))                                   \
			return -1;                                                             \
	} while (0)

int open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	CHECK("open", (flags & (O_CREAT | O_TRUNC)) && is_below(path), GROWS);
	return NEXT(open)(path, flags, mode);
}

int mkostemp(char *template, int flags)
{
	CHECK("mkostemp", is_below(template), GROWS);
	return NEXT(mkostemp)(template, flags);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	CHECK("write", is_below_fd(fd), GROWS);
	return NEXT(write)(fd, bytes, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	CHECK("pwrite", is_below_fd(fd), GROWS);
	return NEXT(pwrite)(fd, bytes, n, at);
}

ssize_t copy_file_range(
	int from, off_t *from_at, int to, off_t *to_at, size_t n, unsigned int flags)
{
	CHECK("copy_file_range", is_below_fd(to), GROWS);
	return NEXT(copy_file_range)(from, from_at, to, to_at, n, flags);
}

int ftruncate(int fd, off_t size)
{
	CHECK("ftruncate", is_below_fd(fd), KEEPS);
	return NEXT(ftruncate)(fd, size);
}

int fchmod(int fd, mode_t mode)
{
	CHECK("fchmod", is_below_fd(fd), KEEPS);
	return NEXT(fchmod)(fd, mode);
}

int fsync(int fd)
{
	CHECK("fsync", is_below_fd(fd), KEEPS);
	return NEXT(fsync)(fd);
}

int mkdir(const char *path, mode_t mode)
{
	CHECK("mkdir", is_below(path), GROWS);
	return NEXT(mkdir)(path, mode);
}

int link(const char *from, const char *to)
{
	CHECK("link", is_below(to), GROWS);
	return NEXT(link)(from, to);
}

int rename(const char *from, const char *to)
{
	CHECK("rename", is_below(to), KEEPS);
	return NEXT(rename)(from, to);
}

int unlink(const char *path)
{
	CHECK("unlink", is_below(path), KEEPS);
	return NEXT(unlink)(path);
}

int unlinkat(int at, const char *path, int flags)
{
	CHECK("unlinkat", at == AT_FDCWD ? is_below(path) : is_below_fd(at), KEEPS);
	return NEXT(unlinkat)(at, path, flags);
}

int rmdir(const char *path)
{
	CHECK("rmdir", is_below(path), KEEPS);
	return NEXT(rmdir)(path);
}

time_t time(time_t *out)
{
	const char *path = getenv("FAULT_CLOCK");
	FILE *f = path ? fopen(path, "r") : NULL;
	long long shift = 0;

	if (f && fscanf(f, "%lld", &shift) != 1)
		shift = 0;
	if (f)
		fclose(f);
	time_t now = NEXT(time)(NULL) + (time_t)shift;
	if (out)
		*out = now;
	return now;
}
