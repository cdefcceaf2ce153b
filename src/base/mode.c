/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mode.h"

#include <dirent.h>
#include <string.h>

#include "base/path.h"

#define TYPE(name, type)                                                                       \
	{                                                                                      \
		name, S_IFMT, type                                                             \
	}
#define BIT(name, bit)                                                                         \
	{                                                                                      \
		name, bit, bit                                                                 \
	}

const struct mode_key mode_keys[] = {TYPE("isdir", S_IFDIR), TYPE("ischr", S_IFCHR),
	TYPE("isblk", S_IFBLK), TYPE("isreg", S_IFREG), TYPE("isfifo", S_IFIFO),
	TYPE("islnk", S_IFLNK), TYPE("issock", S_IFSOCK), BIT("wusr", S_IWUSR),
	BIT("rusr", S_IRUSR), BIT("xusr", S_IXUSR), BIT("wgrp", S_IWGRP), BIT("rgrp", S_IRGRP),
	BIT("xgrp", S_IXGRP), BIT("woth", S_IWOTH), BIT("roth", S_IROTH), BIT("xoth", S_IXOTH),
	BIT("isuid", S_ISUID), BIT("isgid", S_ISGID), {NULL, 0, 0}};

static const struct {
	const char *name;
	mode_t type;
} kinds[] = {{"block", S_IFBLK}, {"char", S_IFCHR}, {"directory", S_IFDIR}, {"fifo", S_IFIFO},
	{"file", S_IFREG}, {"link", S_IFLNK}, {"socket", S_IFSOCK}};

const char *mode_kind(mode_t mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == (mode & S_IFMT))
			return kinds[i].name;
	return "other";
}

mode_t mode_of_kind(const char *kind)
{
	for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].type;
	return 0;
}

int directory_files(const char *path, struct strlist *names)
{
	struct stat st;
	DIR *d = opendir(path);

	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));) {
		autofree char *file = path_join(path, e->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			strlist_add(names, e->d_name);
	}
	closedir(d);
	strlist_sort(names);
	return 0;
}
