/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/mount.h>

#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"

int scratch_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/modelfleet-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");

	*state = path;
	return mkdtemp(path) ? 0 : -1;
}

int scratch_remove(void **state)
{
	struct err err = {0};
	int result = path_remove_tree(*state, &err);

	if (result < 0)
		print_error("%s\n", err.text);
	free(*state);
	return result;
}

void scratch_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

bool scratch_holds(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	autofree char *found = xcalloc(1, strlen(text) + 2);

	if (!f)
		return false;
	size_t n = fread(found, 1, strlen(text) + 1, f);
	fclose(f);
	return n == strlen(text) && memcmp(found, text, n) == 0;
}

char *scratch_list(const char *path)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct strbuf joined = STRBUF_INIT;
	DIR *dir = opendir(path);

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strlist_add(&names, entry->d_name);
	}
	closedir(dir);
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++)
		strbuf_addf(&joined, "%s%s", i ? " " : "", names.items[i]);
	return strbuf_detach(&joined, NULL);
}

size_t scratch_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", "..", and the directory's own */
}

bool scratch_can_mount(const char *path)
{
	return mount("none", path, "tmpfs", 0, "size=64k") == 0 &&
	       umount2(path, MNT_DETACH) == 0;
}
