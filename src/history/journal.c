/* SPDX-License-Identifier: Apache-2.0 */
#include "history/journal.h"

#include <dirent.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "history/identity.h"
#include "history/journal_file.h"

#define SUFFIX ".json"

static const char *const outcome_names[] = {
	[JOURNAL_OK] = "ok",
	[JOURNAL_CHANGED] = "changed",
	[JOURNAL_FAILED] = "failed",
	[JOURNAL_DRIFTED] = "drifted",
	[JOURNAL_UNREACHABLE] = "unreachable",
	[JOURNAL_ROLLED_BACK] = "rolled_back",
	[JOURNAL_SKIPPED] = "skipped",
};

const char *journal_outcome_name(enum journal_outcome o)
{
	return outcome_names[o];
}

bool journal_outcome_parse(const char *name, enum journal_outcome *out)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(outcome_names); i++) {
		if (strcmp(name, outcome_names[i]) == 0) {
			*out = (enum journal_outcome)i;
			return true;
		}
	}
	return false;
}

/* An id is a file's name, so nothing else than these characters may stand in it. */
static bool is_id(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n <= 128 && id[0] != '.' &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		       n;
}

static char *entry_path(const char *dir, const char *id)
{
	autofree char *name = xasprintf("%s" SUFFIX, id);

	return path_join(dir, name);
}

/* "20260225T210000Z-deploy-1f3a9c": sorts by age, and tells two runs of a second apart. */
static char *make_id(time_t start, const char *name)
{
	struct tm tm;
	char stamp[32];
	uint8_t salt[3];

	gmtime_r(&start, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt)) {
		pid_t pid = getpid();
		memcpy(salt, &pid, sizeof(salt));
	}
	return xasprintf("%s-%s-%02x%02x%02x", stamp, name, salt[0], salt[1], salt[2]);
}

int journal_list(const char *dir, struct strlist *ids, struct err *err)
{
	DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, "open the journal %s", dir);
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends(e->d_name, SUFFIX))
			continue;
		autofree char *id = xstrndup(e->d_name, strlen(e->d_name) - strlen(SUFFIX));
		if (is_id(id))
			strlist_add(ids, id);
	}
	closedir(d);
	strlist_sort(ids);
	return 0;
}

/* Removes what is beyond the limits, oldest first. What cannot be removed is left. */
static void prune(const char *dir, const char *keep)
{
	AUTO(strlist_release) struct strlist ids = {0};
	uint64_t bytes = 0;
	size_t runs = 0;

	if (journal_list(dir, &ids, NULL) < 0)
		return;
	for (size_t i = ids.count; i-- > 0;) {
		autofree char *path = entry_path(dir, ids.items[i]);
		struct stat st;
		if (stat(path, &st) < 0)
			continue;
		bytes += (uint64_t)st.st_size;
		runs++;
		if (strcmp(ids.items[i], keep) != 0 &&
			(runs > JOURNAL_RUNS_MAX || bytes > JOURNAL_BYTES_MAX))
			unlink(path);
	}
}

int journal_write(const struct journal_run *run, const char *dir, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = entry_path(dir, run->id);

	if (journal_encode(run, &text, err) < 0)
		return err_wrap(err, "journal entry %s", run->id);
	if (text.len > JOURNAL_ENTRY_MAX)
		return err_set(err, ERR_LIMIT, "journal entry %s: %zu bytes, at most %u fit",
			run->id, text.len, JOURNAL_ENTRY_MAX);
	return file_replace(path, text.data, text.len, 0600, err);
}

int journal_begin(struct journal_run *run, const char *dir, const char *name,
	const char *command, struct err *err)
{
	run->start = time(NULL);
	run->end = 0;
	if (!is_id(name))
		return err_set(err, ERR_INPUT, "a journal entry cannot be named \"%s\"", name);
	if (run->id)
		return err_set(
			err, ERR_EXISTS, "the journal entry %s was begun already", run->id);
	run->id = make_id(run->start, name);
	run->command = xstrdup(command);
	run->user = identity_user();
	run->admin = identity_host();
	if (path_mkdirs(dir, 0700, err) < 0)
		return -1;
	if (journal_write(run, dir, err) < 0)
		return -1;
	prune(dir, run->id);
	return 0;
}

int journal_end(struct journal_run *run, const char *dir, int exit_code, struct err *err)
{
	run->end = time(NULL);
	run->exit_code = exit_code;
	return journal_write(run, dir, err);
}

struct journal_host *journal_add_host(struct journal_run *run, const char *name,
	enum journal_outcome outcome, const char *error)
{
	struct {
		struct journal_host *items;
		size_t count, cap;
	} hosts = {run->hosts, run->host_count, run->host_cap};

	struct journal_host *host = VEC_PUSH(&hosts);
	*host = (struct journal_host){
		.name = xstrdup(name), .outcome = outcome, .error = xstrdup(error)};
	run->hosts = hosts.items;
	run->host_count = hosts.count;
	run->host_cap = hosts.cap;
	return host;
}

struct journal_host *journal_find_host(struct journal_run *run, const char *name)
{
	for (size_t i = 0; i < run->host_count; i++)
		if (strcmp(run->hosts[i].name, name) == 0)
			return &run->hosts[i];
	return NULL;
}

void journal_run_release(struct journal_run *run)
{
	for (size_t i = 0; i < run->host_count; i++) {
		free(run->hosts[i].name);
		free(run->hosts[i].error);
	}
	free(run->hosts);
	strlist_release(&run->versions);
	free(run->id);
	free(run->command);
	free(run->user);
	free(run->admin);
	*run = (struct journal_run){0};
}

int journal_read(const char *dir, const char *id, struct journal_run *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	*out = (struct journal_run){0};
	if (!is_id(id))
		return err_set(err, ERR_INPUT, "\"%s\" is not the id of a run", id);
	autofree char *path = entry_path(dir, id);
	if (file_read(path, JOURNAL_ENTRY_MAX, &text, err) < 0)
		return -1;
	if (journal_decode(text.data, text.len, path, out, err) < 0) {
		journal_run_release(out);
		return -1;
	}
	free(out->id);
	out->id = xstrdup(id);
	return 0;
}

/* True if the id is of the command `name`: the part between the two dashes. */
static bool id_has_name(const char *id, const char *name)
{
	const char *first = strchr(id, '-');
	const char *last = strrchr(id, '-');
	size_t n = name ? strlen(name) : 0;

	if (!name)
		return true;
	return first && last > first && (size_t)(last - first - 1) == n &&
	       strncmp(first + 1, name, n) == 0;
}

int journal_last(const char *dir, const char *name, struct journal_run *out, struct diags *d,
	struct err *err)
{
	AUTO(strlist_release) struct strlist ids = {0};

	*out = (struct journal_run){0};
	if (journal_list(dir, &ids, err) < 0)
		return -1;
	for (size_t i = ids.count; i-- > 0;) {
		struct err bad;
		if (!id_has_name(ids.items[i], name))
			continue;
		if (journal_read(dir, ids.items[i], out, &bad) < 0) {
			diag_warning(d, NULL, "%s; this run is left out", bad.text);
			continue;
		}
		if (!out->check)
			return 0;
		journal_run_release(out);
	}
	return err_set(err, ERR_NOTFOUND, "the journal %s has no run%s%s", dir,
		name ? " of " : "", name ? name : "");
}

void journal_failed_hosts(const struct journal_run *run, struct strlist *out)
{
	for (size_t i = 0; i < run->host_count; i++) {
		const struct journal_host *h = &run->hosts[i];
		if (h->outcome != JOURNAL_OK && h->outcome != JOURNAL_CHANGED)
			strlist_add(out, h->name);
	}
}

char *journal_site_dir(const char *inventory)
{
	autofree char *state = path_user_dir("state");
	autofree char *real = realpath(inventory, NULL);
	autofree char *name = identity_path_name(real ? real : inventory);
	autofree char *journals = path_join(state, "journal");

	return path_join(journals, name);
}
