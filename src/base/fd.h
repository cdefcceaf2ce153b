/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: whole reads and writes, files read and replaced in one step.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Closes *fd if it is not negative and sets it to -1; keeps errno. */
void fd_close(int *fd);
/* `autofd int fd = -1;` closes at the end of the scope. */
#define autofd AUTO(fd_close)

/* Writes all n bytes to a blocking descriptor; -1 with errno set. */
int fd_write_all(int fd, const void *data, size_t n);
/* Reads until n bytes or the end; returns the number read, or -1 with errno set. */
ssize_t fd_read_full(int fd, void *data, size_t n);
/* The same at an offset, without moving the descriptor's own. */
ssize_t fd_pread_full(int fd, void *data, size_t n, uint64_t offset);
/* Writes all n bytes at an offset, without moving the descriptor's own; -1 with errno set. */
int fd_pwrite_all(int fd, const void *data, size_t n, uint64_t offset);
/* Switches O_NONBLOCK on or off; -1 with errno set. */
int fd_set_nonblock(int fd, bool on);

/*
 * Copies up to n bytes from where one file stands to where another does, by the file system's
 * own means where it has them. What was copied, 0 at the end, -1 with errno.
 */
ssize_t fd_copy_piece(int from, int to, size_t n);
/* Reads a whole file of at most max bytes; ERR_LIMIT beyond that, and err names the path. */
int file_read(const char *path, size_t max, struct strbuf *out, struct err *err);
/* The same relative to a directory descriptor (AT_FDCWD for none). */
int file_read_at(int dirfd, const char *path, size_t max, struct strbuf *out, struct err *err);
/*
 * Replaces a file in one step: a temporary file beside it, written, fsynced, renamed, and
 * the directory fsynced. After a crash the old or the new content is there, never a mixture.
 */
int file_replace(const char *path, const void *data, size_t n, mode_t mode, struct err *err);
/*
 * The same for a file that people keep: its permissions stay, and its owner and group as far as
 * we may set them. A file that is not there is made with `mode`.
 */
int file_replace_keeping(
	const char *path, const void *data, size_t n, mode_t mode, struct err *err);
struct stat;
/*
 * The same, and tells what the new file is, so that it can be known again: nobody has changed
 * it while stat(2) of the path gives the same device, inode, size, mtime and ctime.
 */
int file_replace_known(const char *path, const void *data, size_t n, mode_t mode,
	struct stat *written, struct err *err);
/* fsyncs a directory by its path. */
int dir_sync(const char *path, struct err *err);

#endif
