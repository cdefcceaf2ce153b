/* SPDX-License-Identifier: Apache-2.0 */
#include "node/flags.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* In the order in which lsattr tells them. */
static const struct {
	char letter;
	unsigned flag;
	const char *name; /* Ansible's; NULL: it has none */
} known[] = {{'s', FS_SECRM_FL, "zero"}, {'u', FS_UNRM_FL, "undelete"},
	{'S', FS_SYNC_FL, "synchronous"}, {'D', FS_DIRSYNC_FL, "dirsync"},
	{'i', FS_IMMUTABLE_FL, "immutable"}, {'a', FS_APPEND_FL, "append"},
	{'d', FS_NODUMP_FL, "nodump"}, {'A', FS_NOATIME_FL, "noatime"},
	{'c', FS_COMPR_FL, "compressed"}, {'E', FS_ENCRYPT_FL, "encrypted"},
	{'j', FS_JOURNAL_DATA_FL, "journalled"}, {'I', FS_INDEX_FL, "indexed"},
	{'t', FS_NOTAIL_FL, "notail"}, {'T', FS_TOPDIR_FL, "blockroot"},
	{'e', FS_EXTENT_FL, "extents"}, {'C', FS_NOCOW_FL, "nocow"}, {'x', FS_DAX_FL, NULL},
	{'F', FS_CASEFOLD_FL, NULL}, {'N', FS_INLINE_DATA_FL, "inline"},
	{'P', FS_PROJINHERIT_FL, NULL}, {'V', FS_VERITY_FL, NULL}, {'m', FS_NOCOMP_FL, NULL}};

/* Opens what can have flags: opening a device or a pipe would do more than look. */
static int open_plain(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

static void write_letters(unsigned flags, char letters[FLAGS_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (flags & known[i].flag)
			*letters++ = known[i].letter;
	*letters = '\0';
}

bool flags_read(const char *path, char letters[FLAGS_MAX], unsigned *version)
{
	autofd int fd = open_plain(path);
	unsigned flags = 0;
	int generation = 0;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	write_letters(flags, letters);
	if (version && ioctl(fd, FS_IOC_GETVERSION, &generation) < 0)
		generation = 0;
	if (version)
		*version = (unsigned)generation;
	return true;
}

static int read_letters(const char *letters, unsigned *flags, struct err *err)
{
	*flags = 0;
	for (; *letters; letters++) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && known[i].letter != *letters)
			i++;
		if (i == ARRAY_SIZE(known))
			return err_set(err, ERR_INPUT,
				"chattr failed: \"%c\" is no attribute of a file", *letters);
		*flags |= known[i].flag;
	}
	return 0;
}

const char *flags_wish(struct arena *a, const char *given)
{
	return arena_printf(a, "%s%s", *given == '+' || *given == '-' ? "" : "=", given);
}

bool flags_differ(const char *now, const char *wish)
{
	/* What is taken away is always a change. */
	if (*wish == '-')
		return true;
	return strcmp(now, wish + 1) != 0;
}

void flags_tell_names(struct item_writer *out, const char *letters)
{
	for (; *letters; letters++)
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (known[i].letter == *letters && known[i].name)
				item_put_string(out, NULL, known[i].name);
}

/* What the flags are to be. */
static unsigned combine(char operation, unsigned now, unsigned letters)
{
	switch (operation) {
	case '+': return now | letters;
	case '-': return now & ~letters;
	default: return letters;
	}
}

static int set_flags(const char *path, char operation, unsigned letters, struct err *err)
{
	autofd int fd = open_plain(path);
	unsigned flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return err_sys(err, "chattr failed: reading the flags of %s", path);
	flags = combine(operation, flags, letters);
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return err_sys(err, "chattr failed: setting the flags of %s", path);
	return 0;
}

int flags_apply(
	struct node_call *c, const char *path, const char *wish, bool *changed, struct err *err)
{
	char now[FLAGS_MAX] = "";
	unsigned letters;

	if (read_letters(wish + 1, &letters, err) < 0)
		return -1;
	flags_read(path, now, NULL);
	if (!flags_differ(now, wish))
		return 0;
	*changed = true;
	if (c->check)
		return 0;
	if (transaction_record_note(call_transaction(c),
		    arena_printf(c->arena, "set the attributes %s of %s", wish, path), err) < 0)
		return -1;
	return set_flags(path, *wish, letters, err);
}
