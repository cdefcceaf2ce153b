/* SPDX-License-Identifier: Apache-2.0 */
/* Options of rsync that there is nothing for here, and what does the same. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "play/modules/synchronize.h"

#define KEEP  "a play with \"transaction: true\" takes back what it changes when it fails"
#define RULES "write the rules as --exclude and --include, or name a file by --exclude-from"

static const struct {
	const char *name;
	char letter;
	const char *instead;
} absent[] = {
	{"--acls", 'A', "access lists are not brought"},
	{"--append", 0, "files are compared and replaced whole; leave it out"},
	{"--append-verify", 0, "files are compared and replaced whole; leave it out"},
	{"--backup", 'b', KEEP},
	{"--backup-dir", 0, KEEP},
	{"--compare-dest", 0, "the argument link_dest is there"},
	{"--copy-dest", 0, "the argument link_dest is there"},
	{"--cvs-exclude", 'C', RULES},
	{"--dry-run", 'n', "--check of the run, or check_mode of the task, changes nothing"},
	{"--files-from", 0, "give each by --include, then --exclude=*"},
	{"--fuzzy", 'y', "leave it out: the file of the same name is the basis of a delta"},
	{"--hard-links", 'H', "each name would be a file; make them by \"file: state=hard\""},
	{"--link-dest", 0, "it is the argument link_dest"},
	{"--one-file-system", 'x', "leave mounted directories out by --exclude"},
	{"--relative", 'R', "name the directory in dest"},
	{"--remove-source-files", 0, "remove them by \"file: state=absent\" behind"},
	{"--suffix", 0, KEEP},
	{"--xattrs", 'X', "extended attributes are not brought"},
	{"-F", 'F', RULES},
};

const char *synchronize_instead(const char *word)
{
	size_t n = strcspn(word, "=");
	bool letters = word[0] == '-' && word[1] && word[1] != '-';

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		if (letters && absent[i].letter && strchr(word + 1, absent[i].letter))
			return absent[i].instead;
		if (strlen(absent[i].name) == n && strncmp(absent[i].name, word, n) == 0)
			return absent[i].instead;
	}
	return NULL;
}
