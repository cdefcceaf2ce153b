/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether other hosts may ask for a host's facts. They do so by `hostvars`, which stands in a
 * playbook, in variables or in a template: where any file beside the playbook has the word,
 * facts are fetched when they are gathered, not when they are first asked for.
 */
#include "play/facts_early.h"

#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

#define FILE_MAX  (256u << 10) /* bytes; what is larger is data */
#define FILES_MAX 5000
#define DEPTH_MAX 8

static const char word[] = "hostvars";

/* What is beside a playbook, and what is in a site whose playbooks have a directory of their
 * own. */
static const char *const places[] = {".", "../roles", "../templates", "../group_vars",
	"../host_vars", "../inventory", "../inventories"};

static bool tree_has_word(const char *directory, unsigned depth, unsigned *left);

static bool file_has_word(const char *path, const struct stat *st)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	return st->st_size <= FILE_MAX && file_read(path, FILE_MAX, &text, NULL) == 0 &&
	       memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* Beyond the limits it is taken for granted. */
static bool entry_has_word(const char *path, unsigned depth, unsigned *left)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return depth == 0 || tree_has_word(path, depth - 1, left);
	if (!S_ISREG(st.st_mode))
		return false;
	if (*left == 0)
		return true;
	--*left;
	return file_has_word(path, &st);
}

static bool tree_has_word(const char *directory, unsigned depth, unsigned *left)
{
	DIR *d = opendir(directory);
	bool found = false;

	for (struct dirent *e; d && !found && (e = readdir(d));) {
		autofree char *path = path_join(directory, e->d_name);
		if (e->d_name[0] != '.')
			found = entry_has_word(path, depth, left);
	}
	if (d)
		closedir(d);
	return found;
}

static bool site_has_word(const char *playbook)
{
	autofree char *directory = path_dirname(playbook);
	unsigned left = FILES_MAX;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !found; i++) {
		autofree char *place = path_join(directory, places[i]);
		found = tree_has_word(place, DEPTH_MAX, &left);
	}
	return found;
}

/* The last answer: all hosts of a play ask the same. Not const, since it saves reading a site
 * once for each of them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[4096];
static bool last_answer;

bool facts_may_be_read_by_others(const char *playbook)
{
	size_t n = strlen(playbook);

	if (n >= sizeof(last))
		return true;
	pthread_mutex_lock(&lock);
	if (strcmp(last, playbook) != 0) {
		last_answer = site_has_word(playbook);
		memcpy(last, playbook, n + 1);
	}
	bool answer = last_answer;
	pthread_mutex_unlock(&lock);
	return answer;
}
