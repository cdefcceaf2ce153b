/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of a test's own, and files in it.
 */
#ifndef TESTS_INVENTORY_FILES_H
#define TESTS_INVENTORY_FILES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

struct files {
	char dir[64];
};

/* Makes the directory. */
static inline void files_init(struct files *f)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/modelfleet-inventory.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

/* The path of a file in it, in new memory. */
static inline char *files_path(const struct files *f, const char *name)
{
	return path_join(f->dir, name);
}

/* Writes a file, its directories too. */
static inline void files_write(
	const struct files *f, const char *name, const char *text, mode_t mode)
{
	autofree char *path = files_path(f, name);
	autofree char *dir = path_dirname(path);

	assert_int_equal(path_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
}

/* Removes the directory with all in it. */
static inline void files_release(struct files *f)
{
	path_remove_tree(f->dir, NULL);
}

#endif
