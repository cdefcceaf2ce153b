/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction while a helper works on it: made at the first record, one synced record before
 * each change, and let go. What is recorded about a path, and how it is brought back, stands
 * in transaction_keep.c and transaction_undo.c.
 */
#include "node/transaction_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "node/root.h"
#include "node/watchdog.h"

#define TREE_DEPTH_MAX 64

/* What the journal has of a path. */
struct recorded {
	bool whole; /* not only its attributes */
	struct stat st;
};

static void remember(struct transaction *t, const struct record *r)
{
	struct recorded *known = strmap_get(&t->recorded, r->path);

	if (!known) {
		known = xcalloc(1, sizeof(*known));
		known->st = r->st;
		strmap_set(&t->recorded, r->path, known);
	}
	known->whole |= r->kind != RECORD_ATTRIBUTES;
}

/* False when it is known already. */
static bool remember_service(struct transaction *t, const struct transaction_service *s)
{
	autofree char *key = xasprintf("%s %s", s->manager, s->unit);

	if (strmap_has(&t->recorded, key))
		return false;
	strmap_set(&t->recorded, key, xcalloc(1, sizeof(struct recorded)));
	return true;
}

static void take_records(struct transaction *t, const struct records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *r = &records->items[i];
		if (r->kind < RECORD_SERVICE)
			remember(t, r);
		else if (r->kind == RECORD_SERVICE)
			remember_service(t, &r->service);
		else
			strlist_add(&t->notes, r->path);
		if (r->kept > t->kept)
			t->kept = r->kept;
	}
	t->records = records->count;
	t->journal_len = records->good;
}

static int open_files(struct transaction *t, struct err *err)
{
	t->journal_fd =
		openat(t->fd, "journal", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	t->heard_fd = openat(t->fd, "heard", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (t->journal_fd < 0 || t->heard_fd < 0)
		return err_sys(err, "open the journal of transaction %s", t->id);
	transaction_heard(t);
	return 0;
}

/* A copy whose record was not written any more has the next number already. */
static void skip_kept(struct transaction *t)
{
	struct stat st;
	char name[32];

	do
		snprintf(name, sizeof(name), "kept-%u", ++t->kept);
	while (fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	t->kept--;
}

/* What was armed in an earlier boot has lost its timer. */
static int arm_again(struct transaction *t, struct err *err)
{
	struct transaction_head head;
	char boot[TRANSACTION_BOOT_MAX];

	transaction_boot(boot);
	if (transaction_read_head(t->fd, &head, err) < 0)
		return -1;
	t->confirm_timeout = head.confirm_timeout;
	if (strcmp(head.boot, boot) == 0)
		return 0;
	memcpy(head.boot, boot, sizeof(boot));
	if (transaction_write_head(t->fd, &head, err) < 0)
		return -1;
	return watchdog_arm(t->id, t->title, t->confirm_timeout, err);
}

/* Goes on with a transaction that an earlier helper has begun. */
static int resume(struct transaction *t, struct err *err)
{
	struct records records = {0};

	t->fd = transaction_open(t->base_fd, t->id, TRANSACTION_ARMED);
	if (t->fd < 0)
		return err_sys(err, "open transaction %s", t->id);
	t->lock_fd = transaction_seize(t->fd, true, err);
	if (t->lock_fd < 0 || open_files(t, err) < 0)
		return -1;
	int failed = journal_read(t->fd, &records, err);
	if (!failed && records.damaged)
		failed = err_set(
			err, ERR_INTEGRITY, "the journal of transaction %s is damaged", t->id);
	if (!failed)
		take_records(t, &records);
	records_release(&records);
	if (failed)
		return -1;
	skip_kept(t);
	if (ftruncate(t->journal_fd, (off_t)t->journal_len) < 0)
		return err_sys(err, "cut the journal of transaction %s", t->id);
	return arm_again(t, err);
}

/* The directory with all that belongs in it, under a name that is not a state yet. */
static int make_directory(struct transaction *t, const char *name, struct err *err)
{
	struct transaction_head head = {
		.created = time(NULL), .confirm_timeout = t->confirm_timeout};

	beneath_remove(t->base_fd, name);
	if (mkdirat(t->base_fd, name, 0700) < 0)
		return err_sys(err, "make transaction %s", t->id);
	t->fd = openat(t->base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->fd < 0)
		return err_sys(err, "open transaction %s", t->id);
	snprintf(head.title, sizeof(head.title), "%s", t->title);
	transaction_boot(head.boot);
	t->lock_fd = transaction_lock(t->fd, NULL, err);
	if (t->lock_fd < 0 || transaction_write_head(t->fd, &head, err) < 0 ||
		open_files(t, err) < 0)
		return -1;
	if (fsync(t->journal_fd) < 0 || fsync(t->fd) < 0)
		return err_sys(err, "sync transaction %s", t->id);
	return 0;
}

static int append_note(struct transaction *t, const char *text, struct err *err)
{
	struct record r = {.kind = RECORD_NOTE, .path = text};

	return journal_append(t, &r, err);
}

/* What was noted while there was nothing yet that could be taken back. */
static int append_notes(struct transaction *t, struct err *err)
{
	for (size_t i = 0; i < t->notes.count; i++) {
		if (append_note(t, t->notes.items[i], err) < 0)
			return -1;
	}
	return 0;
}

static int make_armed(struct transaction *t, struct err *err)
{
	autofree char *making = xasprintf("%s" TRANSACTION_MAKING, t->id);
	autofree char *armed = transaction_name(t->id, TRANSACTION_ARMED);

	if (make_directory(t, making, err) < 0 || append_notes(t, err) < 0)
		return -1;
	if (renameat(t->base_fd, making, t->base_fd, armed) < 0 || fsync(t->base_fd) < 0)
		return err_sys(err, "arm transaction %s", t->id);
	return watchdog_arm(t->id, t->title, t->confirm_timeout, err);
}

static void close_files(struct transaction *t)
{
	fd_close(&t->journal_fd);
	fd_close(&t->heard_fd);
	fd_close(&t->lock_fd);
	fd_close(&t->fd);
}

/* Brings the transaction into being, before its first record. */
static int make(struct transaction *t, struct err *err)
{
	t->base_fd = transaction_open_base(true, err);
	if (t->base_fd < 0)
		return -1;
	transactions_prune(t->base_fd);
	if (make_armed(t, err) == 0)
		return 0;
	/* Nothing was recorded and nothing changed: it must not stay as if it were. */
	autofree char *armed = transaction_name(t->id, TRANSACTION_ARMED);
	autofree char *making = xasprintf("%s" TRANSACTION_MAKING, t->id);
	beneath_remove(t->base_fd, armed);
	beneath_remove(t->base_fd, making);
	close_files(t);
	fd_close(&t->base_fd);
	return -1;
}

/* Whether it is still ours: the watchdog may have taken it back meanwhile. */
static int check_armed(const struct transaction *t, struct err *err)
{
	struct stat ours, there;
	autofree char *armed = transaction_name(t->id, TRANSACTION_ARMED);

	if (fstat(t->fd, &ours) == 0 &&
		fstatat(t->base_fd, armed, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
		return 0;
	return err_set(err, ERR_CANCELLED,
		"transaction %s is over: the node has taken it back, or it was confirmed",
		t->id);
}

static int ready(struct transaction *t, struct err *err)
{
	return t->fd < 0 ? make(t, err) : check_armed(t, err);
}

/* What an id that is on the disk means to one who begins it. */
static int look(struct transaction *t, struct err *err)
{
	int base = transaction_open_base(false, NULL);

	if (base < 0)
		return 0;
	enum transaction_state state = transaction_find(base, t->id);
	if (state != TRANSACTION_ARMED) {
		close(base);
		return state == TRANSACTION_ABSENT
			       ? 0
			       : err_set(err, ERR_EXISTS, "transaction %s is %s already", t->id,
					 transaction_state_word(state));
	}
	t->base_fd = base;
	return resume(t, err);
}

struct transaction *transaction_new(const struct wire_transaction_begin *begin, struct err *err)
{
	if (transaction_check_id(begin->id, err) < 0)
		return NULL;
	struct transaction *t = xcalloc(1, sizeof(*t));
	t->id = xstrdup(begin->id);
	t->title = xstrdup(begin->title);
	for (char *c = t->title; *c; c++) {
		if ((unsigned char)*c < ' ')
			*c = ' ';
	}
	t->confirm_timeout = begin->confirm_timeout;
	t->base_fd = t->fd = t->lock_fd = t->heard_fd = t->journal_fd = -1;
	if (look(t, err) == 0)
		return t;
	transaction_free(t);
	return NULL;
}

void transaction_free(struct transaction *t)
{
	if (!t)
		return;
	close_files(t);
	fd_close(&t->base_fd);
	strmap_release(&t->recorded, free);
	strlist_release(&t->notes);
	free(t->id);
	free(t->title);
	free(t);
}

bool transaction_is_empty(const struct transaction *t)
{
	return t->fd < 0;
}

const char *transaction_id(const struct transaction *t)
{
	return t->id;
}

void transaction_heard(struct transaction *t)
{
	char now[32];
	int n = snprintf(now, sizeof(now), "%020lld\n", (long long)clock_ns());

	/* Not synced: it has no meaning after a crash. A failure only makes the watchdog come
	 * too early, which is the safe side. */
	if (t->heard_fd >= 0 && pwrite(t->heard_fd, now, (size_t)n, 0) < 0)
		return;
}

static int record_path(
	struct transaction *t, const char *path, enum record_kind kind, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};

	if (!t)
		return 0;
	autofree char *canonical = keep_canonical_path(path, err);
	if (!canonical)
		return -1;
	const struct recorded *known = strmap_get(&t->recorded, canonical);
	if (ready(t, err) < 0)
		return -1;
	if (known && (known->whole || kind == RECORD_ATTRIBUTES))
		return 0;
	struct record r = {.kind = kind, .path = canonical};
	if (keep_path(t, &r, &arena, err) < 0)
		return -1;
	if (known) { /* its attributes may have changed since they were recorded */
		r.st.st_mode = (r.st.st_mode & S_IFMT) | (known->st.st_mode & 07777);
		r.st.st_uid = known->st.st_uid;
		r.st.st_gid = known->st.st_gid;
		r.st.st_atim = known->st.st_atim;
		r.st.st_mtim = known->st.st_mtim;
	}
	if (r.kept && fsync(t->fd) < 0)
		return err_sys(err, "sync transaction %s", t->id);
	if (journal_append(t, &r, err) < 0)
		return -1;
	remember(t, &r);
	return 0;
}

int transaction_record_path(struct transaction *t, const char *path, struct err *err)
{
	return record_path(t, path, RECORD_NONE, err);
}

int transaction_record_attributes(struct transaction *t, const char *path, struct err *err)
{
	return record_path(t, path, RECORD_ATTRIBUTES, err);
}

static int record_below(
	struct transaction *t, const char *path, unsigned depth, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int result = 0;

	if (!dir)
		return errno == ENOTDIR || errno == ENOENT || errno == ELOOP
			       ? 0
			       : err_sys(err, "list %s", path);
	fd = -1;
	if (depth >= TREE_DEPTH_MAX)
		result = err_set(err, ERR_LIMIT, "%s: more than %d directories deep", path,
			TREE_DEPTH_MAX);
	for (struct dirent *e; result == 0 && (e = readdir(dir));) {
		if (!path_is_component(e->d_name))
			continue;
		autofree char *child = xasprintf("%s/%s", path, e->d_name);
		result = transaction_record_path(t, child, err);
		if (result == 0)
			result = record_below(t, child, depth + 1, err);
	}
	closedir(dir);
	return result;
}

int transaction_record_tree(struct transaction *t, const char *path, struct err *err)
{
	if (!t)
		return 0;
	if (transaction_record_path(t, path, err) < 0)
		return -1;
	return record_below(t, path, 0, err);
}

int transaction_record_service(
	struct transaction *t, const struct transaction_service *s, struct err *err)
{
	struct record r = {.kind = RECORD_SERVICE, .path = s->unit, .service = *s};

	if (!t)
		return 0;
	if (ready(t, err) < 0)
		return -1;
	return remember_service(t, s) ? journal_append(t, &r, err) : 0;
}

void transaction_take_notes(struct transaction *t, struct strlist *out)
{
	*out = t->notes;
	t->notes = (struct strlist){0};
}

int transaction_record_note(struct transaction *t, const char *text, struct err *err)
{
	if (!t || strlist_has(&t->notes, text))
		return 0;
	if (t->fd >= 0 && (check_armed(t, err) < 0 || append_note(t, text, err) < 0))
		return -1;
	strlist_add(&t->notes, text);
	return 0;
}
