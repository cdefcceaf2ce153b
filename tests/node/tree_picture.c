/* SPDX-License-Identifier: Apache-2.0 */
#include "node/tree_picture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

static void add_all(struct strbuf *out, const char *dir);

static void add_content(struct strbuf *out, const char *path, const struct stat *st)
{
	char target[4096];

	if (S_ISREG(st->st_mode)) {
		strbuf_addf(out, " %lld.%09ld ", (long long)st->st_mtim.tv_sec,
			st->st_mtim.tv_nsec);
		assert_int_equal(file_read(path, 1u << 20, out, NULL), 0);
	} else if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target));
		assert_true(n > 0);
		strbuf_addf(out, " -> %.*s", (int)n, target);
	}
}

static void add_entry(struct strbuf *out, const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	strbuf_addf(out, "%s %o %u %u", path, (unsigned)st.st_mode, (unsigned)st.st_uid,
		(unsigned)st.st_gid);
	add_content(out, path, &st);
	strbuf_addch(out, '\n');
	if (S_ISDIR(st.st_mode))
		add_all(out, path);
}

static void add_all(struct strbuf *out, const char *dir)
{
	AUTO(strlist_release) struct strlist names = {0};
	DIR *d = opendir(dir);

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (path_is_component(e->d_name))
			strlist_add(&names, e->d_name);
	}
	closedir(d);
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		autofree char *path = path_join(dir, names.items[i]);
		add_entry(out, path);
	}
}

char *tree_picture(const char *dir)
{
	struct strbuf out = STRBUF_INIT;

	add_all(&out, dir);
	return strbuf_detach(&out, NULL);
}
