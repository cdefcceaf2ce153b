/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives: what is there is compared by the archive's directory, as Ansible compares it by
 * what zipinfo prints of that; unpacking is done by the node's own unzip, as tar does it for
 * the others. (An inflater of our own would have to be carried to every node.)
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/fd.h"
#include "base/path.h"
#include "node/pattern.h"
#include "node/unarchive.h"

#define RATIO_MAX 1100u /* deflate itself cannot do more than 1032 to 1 */
#define SLACK     4096u /* bytes, for what is so small that a ratio says nothing */

/* Places in an itemized line. */
enum { KIND = 1, SUM = 2, SIZE = 3, TIME = 4, PERMS = 5, OWNER = 6, GROUP = 6 };

static bool is_included(const struct archive *a, const char *name)
{
	if (!*a->include)
		return true;
	for (const char *const *i = a->include; *i; i++)
		if (pattern_match(*i, name))
			return true;
	return false;
}

/* Nothing is unpacked that is far more than the archive can hold. */
static int check_size(const struct archive *a, const struct zip_member *m, struct err *err)
{
	if (m->size <= SLACK || m->packed > UINT64_MAX / RATIO_MAX ||
		m->size <= m->packed * RATIO_MAX)
		return 0;
	return err_set(err, ERR_LIMIT, "%s: \"%s\" is said to have %llu bytes, packed in %llu",
		a->src, m->name, (unsigned long long)m->size, (unsigned long long)m->packed);
}

static int list(struct archive *a, struct err *err)
{
	autofd int fd = open(a->src, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s", a->src);
	if (zip_directory_read(fd, &a->zip, a->call->arena, err) < 0)
		return err_wrap(err, "%s", a->src);
	for (size_t i = 0; i < a->zip.count; i++) {
		const struct zip_member *m = &a->zip.items[i];
		if (!is_included(a, m->name))
			continue;
		if (check_size(a, m, err) < 0 || archive_add(a, m->name, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- comparing ---- */

static char kind_of(const struct zip_member *m)
{
	return S_ISDIR(m->mode) ? 'd' : S_ISLNK(m->mode) ? 'L' : 'f';
}

/* The checksum of a file that is there. */
static int sum_of(struct archive *a, const char *path, uint32_t *sum, struct err *err)
{
	uint8_t buffer[65536];
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	*sum = 0;
	if (fd < 0)
		return err_sys(err, "%s", path);
	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		*sum = crc32_add(*sum, buffer, (size_t)got);
		if (call_tick(a->call, err) < 0)
			return -1;
	}
	return got < 0 ? err_sys(err, "read %s", path) : 0;
}

/* The mode that a member gets: the task's, else its own. */
static int mode_for(struct archive *a, const struct zip_member *m, const struct stat *st,
	mode_t *mode, struct err *err)
{
	/* unzip does not set the bits beyond 0777. */
	mode_t own = m->is_unix ? m->mode & 0777 : m->mode & 0777 & ~a->call->node->login_umask;

	if (a->attributes.mode)
		return mode_parse(
			a->attributes.mode, st->st_mode, a->attributes.umask, mode, err);
	*mode = own;
	return 0;
}

static void compare_owner(const struct archive *a, const struct stat *st, char *item)
{
	uid_t uid = a->attributes.has_owner ? a->attributes.owner : geteuid();
	gid_t gid = a->attributes.has_group ? a->attributes.group : getegid();

	if (st->st_uid != uid)
		item[OWNER] = 'o';
	if (st->st_gid != gid)
		item[GROUP] = 'g';
}

/* A file's content and time. 1 when the rest does not count: it is newer, and shall be kept. */
static int compare_file(struct archive *a, const struct zip_member *m, const char *path,
	const struct stat *st, char *item, struct err *err)
{
	bool keep = item_bool(a->call->args, "keep_newer", false);
	uint32_t sum;

	if (keep && st->st_mtim.tv_sec >= m->mtime &&
		(st->st_mtim.tv_sec > m->mtime || st->st_mtim.tv_nsec > 0)) {
		strlist_add(&a->newer, m->name);
		return 1;
	}
	if (st->st_mtim.tv_sec != m->mtime || st->st_mtim.tv_nsec > 0)
		item[TIME] = 't';
	if ((uint64_t)st->st_size != m->size)
		item[SIZE] = 's';
	if (sum_of(a, path, &sum, err) < 0)
		return -1;
	if (sum != m->crc)
		item[SUM] = 'c';
	return 0;
}

static int compare_there(struct archive *a, const struct zip_member *m, const char *path,
	const struct stat *st, struct err *err)
{
	static const char same[] = "..........";
	char item[] = "..........";
	mode_t mode;

	int kept = S_ISREG(st->st_mode) ? compare_file(a, m, path, st, item, err) : 0;
	if (kept != 0)
		return kept < 0 ? -1 : 0;
	if (!S_ISLNK(m->mode)) {
		if (mode_for(a, m, st, &mode, err) < 0)
			return -1;
		if (mode != (st->st_mode & 07777))
			item[PERMS] = 'p';
	}
	compare_owner(a, st, item);
	if (memcmp(item, same, sizeof(same)) == 0)
		return 0;
	item[KIND] = kind_of(m);
	strbuf_addf(&a->diff, "%.9s?? %s\n", item, m->name);
	return 0;
}

static int compare(struct archive *a, const struct zip_member *m, struct err *err)
{
	autofree char *joined = path_join(a->dest, m->name + strspn(m->name, "/"));
	size_t n = strlen(joined);
	struct stat st;

	while (n > 1 && joined[n - 1] == '/')
		joined[--n] = '\0';
	if (lstat(joined, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return err_sys(err, "%s", joined);
		strbuf_addf(&a->diff, ">%c++++++.?? %s\n", kind_of(m), m->name);
		return 0;
	}
	if ((st.st_mode & S_IFMT) == (m->mode & S_IFMT))
		return compare_there(a, m, joined, &st, err);
	strbuf_addf(&a->diff, "c%c++++++.?? %s\n", kind_of(m), m->name);
	return 0;
}

static int is_unpacked(struct archive *a, struct err *err)
{
	for (size_t i = 0; i < a->zip.count; i++) {
		const struct zip_member *m = &a->zip.items[i];
		if (is_included(a, m->name) && !archive_excludes(a, m->name) &&
			compare(a, m, err) < 0)
			return -1;
	}
	return a->diff.len == 0;
}

/* ---- unpacking ---- */

const char *unarchive_zip_pattern(struct arena *a, const char *name)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (const char *c = name; *c; c++) {
		bool special = strchr("*?[", *c) || (c == name && *c == '-');
		strbuf_addf(&out, special ? "[%c]" : *c == '\\' ? "\\%c" : "%c", *c);
	}
	return arena_strndup(a, out.data, out.len);
}

static int unpack(struct archive *a, struct call_program *p, struct err *err)
{
	struct archive_words w = {.items = {"unzip", "-o"}, .count = 2};
	struct err why = {0};

	archive_words(&w, a->opts);
	archive_word(&w, a->src);
	if (*a->exclude || a->newer.count > 0)
		archive_word(&w, "-x");
	archive_words(&w, a->exclude);
	for (size_t i = 0; i < a->newer.count; i++)
		archive_word(&w, unarchive_zip_pattern(a->call->arena, a->newer.items[i]));
	archive_words(&w, a->include);
	archive_word(&w, "-d");
	archive_word(&w, a->dest);
	if (archive_run(a, &w, p, &why) == 0)
		return 0;
	if (why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	return err_set(err, ERR_NOTFOUND,
		"Failed to find handler for \"%s\". Make sure the required command to extract "
		"the file is installed.\nUnable to find required 'unzip' binary in the path.",
		a->src);
}

const struct archive_form unarchive_zip = {
	.handler = "ZipArchive",
	.magic = "PK",
	.list = list,
	.is_unpacked = is_unpacked,
	.unpack = unpack,
};
