/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where transactions lie, their states, and which of them are kept.
 */
#include "node/transaction_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "node/root.h"
#include "node/session.h"

#define SYSTEM_DIRECTORY  "/var/lib/modelfleet"
#define REVERTED_KEPT     10 /* those that were taken back stay as long as few follow */
#define ABANDONED_SECONDS 86400

static const char *const state_words[] = {[TRANSACTION_ABSENT] = "absent",
	[TRANSACTION_ARMED] = "armed",
	[TRANSACTION_CONFIRMED] = "confirmed",
	[TRANSACTION_REVERTING] = "reverting",
	[TRANSACTION_REVERTED] = "reverted"};

char *transaction_state_directory(void)
{
	const char *given = getenv(TRANSACTION_STATE_VARIABLE);
	char home[1024];

	if (given && *given == '/')
		return xstrdup(given);
	if (getuid() == 0)
		return xstrdup(SYSTEM_DIRECTORY);
	session_home(home);
	return xasprintf("%s/.local/state/modelfleet", home);
}

char *transaction_directory(void)
{
	autofree char *state = transaction_state_directory();

	return xasprintf("%s/transactions", state);
}

int transaction_open_base(bool make, struct err *err)
{
	autofree char *dir = transaction_directory();

	/* Names are no secret, what is in them is: others have to see that root has one. */
	if (make && path_mkdirs(dir, getuid() == 0 ? 0755 : 0700, err) < 0)
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", dir) : fd;
}

int transaction_open_roots(void)
{
	return open(SYSTEM_DIRECTORY "/transactions", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int transaction_check_id(const char *id, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	size_t n = strlen(id);

	if (n == 0 || n > WIRE_TRANSACTION_ID_MAX || *id == '.' || strspn(id, allowed) != n)
		return err_set(err, ERR_INPUT,
			"'%.80s' cannot be the id of a transaction: at most %d letters, "
			"digits, '-' and '.', no dot in front",
			id, WIRE_TRANSACTION_ID_MAX);
	return 0;
}

const char *transaction_state_word(enum transaction_state state)
{
	return state_words[state];
}

char *transaction_name(const char *id, enum transaction_state state)
{
	return xasprintf("%s.%s", id, state_words[state]);
}

enum transaction_state transaction_find(int base_fd, const char *id)
{
	struct stat st;
	unsigned state = TRANSACTION_REVERTED;

	/* From the last state to the first, and again: it may be moving on meanwhile. */
	for (int attempt = 0; attempt < 2; attempt++) {
		for (state = TRANSACTION_REVERTED; state > TRANSACTION_ABSENT; state--) {
			autofree char *name = transaction_name(id, state);
			if (fstatat(base_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
				return state;
		}
	}
	return TRANSACTION_ABSENT;
}

int transaction_open(int base_fd, const char *id, enum transaction_state state)
{
	autofree char *name = transaction_name(id, state);

	return openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int transaction_move(int base_fd, const char *id, enum transaction_state from,
	enum transaction_state to, struct err *err)
{
	autofree char *old = transaction_name(id, from);
	autofree char *new = transaction_name(id, to);

	if (renameat(base_fd, old, base_fd, new) < 0 || fsync(base_fd) < 0)
		return err_sys(err, "move transaction %s from %s to %s", id, state_words[from],
			state_words[to]);
	return 0;
}

/* Takes a directory's name apart; false for what is none of ours. */
static bool parse_name(const char *name, struct transaction_found *out)
{
	const char *dot = strrchr(name, '.');

	out->state = TRANSACTION_REVERTED;
	while (dot && out->state > TRANSACTION_ABSENT &&
		strcmp(dot + 1, state_words[out->state]) != 0)
		out->state--;
	if (!dot || out->state == TRANSACTION_ABSENT)
		return false;
	out->id = xstrndup(name, (size_t)(dot - name));
	if (transaction_check_id(out->id, NULL) == 0)
		return true;
	free(out->id);
	return false;
}

static int latest_first(const void *a, const void *b)
{
	const struct transaction_found *x = a, *y = b;

	return (x->created < y->created) - (x->created > y->created);
}

int transactions_find(int base_fd, struct transactions_found *out, struct err *err)
{
	struct transaction_head head;
	autofd int copy = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	*out = (struct transactions_found){0};
	if (!dir)
		return err_sys(err, "list the transactions");
	copy = -1;
	for (struct dirent *e; out->count < TRANSACTION_LIST_MAX && (e = readdir(dir));) {
		struct transaction_found found;
		if (!parse_name(e->d_name, &found))
			continue;
		autofd int fd = transaction_open(base_fd, found.id, found.state);
		found.created = fd >= 0 && transaction_read_head(fd, &head, NULL) == 0
					? head.created
					: 0;
		*VEC_PUSH(out) = found;
	}
	closedir(dir);
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), latest_first);
	return 0;
}

void transactions_found_release(struct transactions_found *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].id);
	free(f->items);
	*f = (struct transactions_found){0};
}

/* Removes what a helper that was killed had begun to make, once that is surely over. */
static void prune_making(int base_fd)
{
	struct stat st;
	autofd int copy = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		return;
	copy = -1;
	for (struct dirent *e; (e = readdir(dir));) {
		bool ours = str_ends(e->d_name, TRANSACTION_MAKING) ||
			    str_ends(e->d_name, TRANSACTION_GOING);
		if (ours && fstatat(base_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_mtime < time(NULL) - ABANDONED_SECONDS)
			beneath_remove(base_fd, e->d_name);
	}
	closedir(dir);
}

/* A removal that is cut must not leave half a transaction under its name. */
static void remove_transaction(int base_fd, const struct transaction_found *t)
{
	autofree char *name = transaction_name(t->id, t->state);
	autofree char *going = xasprintf("%s" TRANSACTION_GOING, t->id);

	if (renameat(base_fd, name, base_fd, going) == 0)
		beneath_remove(base_fd, going);
}

void transactions_prune(int base_fd)
{
	struct transactions_found found;
	unsigned reverted = 0;

	prune_making(base_fd);
	if (transactions_find(base_fd, &found, NULL) < 0)
		return;
	for (size_t i = 0; i < found.count; i++) {
		const struct transaction_found *t = &found.items[i];
		reverted += t->state == TRANSACTION_REVERTED;
		if (t->state == TRANSACTION_CONFIRMED ||
			(t->state == TRANSACTION_REVERTED && reverted > REVERTED_KEPT))
			remove_transaction(base_fd, t);
	}
	transactions_found_release(&found);
}

int transaction_write_file(
	int fd, const char *name, const char *text, size_t n, struct err *err)
{
	autofd int file = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0 || fd_write_all(file, text, n) < 0 || fsync(file) < 0)
		return err_sys(err, "write the %s of a transaction", name);
	return 0;
}

int transaction_write_head(int fd, const struct transaction_head *h, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char date[32];

	clock_rfc3339((time_t)h->created, date);
	strbuf_addf(&text, "created %lld %s\ntimeout %u\nboot %s\ntitle %s\n",
		(long long)h->created, date, h->confirm_timeout, h->boot, h->title);
	return transaction_write_file(fd, "head", text.data, text.len, err);
}

/* One line "name value" of a head. */
static void take_head_line(struct transaction_head *h, const char *name, char *value)
{
	int64_t number;

	if (strcmp(name, "created") == 0) {
		value[strcspn(value, " ")] = '\0';
		h->created = parse_int(value, 0, INT64_MAX, &number) ? number : 0;
	} else if (strcmp(name, "timeout") == 0) {
		h->confirm_timeout =
			parse_int(value, 0, UINT32_MAX, &number) ? (uint32_t)number : 0;
	} else if (strcmp(name, "boot") == 0) {
		snprintf(h->boot, sizeof(h->boot), "%s", value);
	} else if (strcmp(name, "title") == 0) {
		snprintf(h->title, sizeof(h->title), "%s", value);
	}
}

int transaction_read_head(int fd, struct transaction_head *h, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char *state = NULL;

	*h = (struct transaction_head){0};
	if (file_read_at(fd, "head", TRANSACTION_HEAD_MAX, &text, err) < 0)
		return -1;
	for (char *line = strtok_r(text.data, "\n", &state); line;
		line = strtok_r(NULL, "\n", &state)) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		take_head_line(h, line, value);
	}
	return 0;
}

void transaction_boot(char out[TRANSACTION_BOOT_MAX])
{
	AUTO(strbuf_release) struct strbuf id = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf stat = STRBUF_INIT;
	unsigned long long started = 0;

	file_read("/proc/sys/kernel/random/boot_id", 64, &id, NULL);
	strbuf_rtrim(&id);
	/* A container that boots again keeps its host's boot_id; its first process is new.
	 * The 22nd field is when it began; names may hold blanks, so count from their end. */
	file_read("/proc/1/stat", 4096, &stat, NULL);
	const char *at = strrchr(stat.data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		started = strtoull(at, NULL, 10);
	snprintf(out, TRANSACTION_BOOT_MAX, "%s-%llu", id.data, started);
}
