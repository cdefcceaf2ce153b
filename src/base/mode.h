/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bits of a file's mode are called, and which files a directory holds.
 */
#ifndef BASE_MODE_H
#define BASE_MODE_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

/* A key of Ansible's stat: true where the masked bits have the value. */
struct mode_key {
	const char *name;
	mode_t mask, value;
};
/* All of them, ended by one without a name. */
extern const struct mode_key mode_keys[];

/* What kind a file is: file, directory, link, fifo, socket, char, block; else "other". */
const char *mode_kind(mode_t mode);
/* The type that a kind means (S_IFREG and so on); 0 for any other word, and for NULL. */
mode_t mode_of_kind(const char *kind);

/* Adds the names of the files in a directory, sorted by bytes; links to files count. -1 with
 * errno.
 */
int directory_files(const char *path, struct strlist *names);

#endif
