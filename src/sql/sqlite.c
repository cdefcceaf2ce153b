/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite. The file is in WAL mode: readers do not wait for the writer nor it for them, and a
 * commit is one write and one fsync (synchronous=FULL). Writers begin with BEGIN IMMEDIATE, so
 * that two of them wait for each other before they have read anything; a transaction that
 * reads first and wants to write then would have to be refused.
 */
#include "sql/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define HEARD_INTERVAL 0.1 /* seconds between two looks for others' commits */

static const struct {
	int code; /* an extended one, or what it begins with */
	enum err_code means;
} codes[] = {
	{SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS},
	{SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS},
	{SQLITE_CONSTRAINT_ROWID, ERR_EXISTS},
	{SQLITE_CONSTRAINT, ERR_INPUT},
	{SQLITE_MISMATCH, ERR_INPUT},
	{SQLITE_RANGE, ERR_INPUT},
	{SQLITE_ERROR, ERR_INPUT},
	{SQLITE_BUSY, ERR_BUSY},
	{SQLITE_LOCKED, ERR_BUSY},
	{SQLITE_PROTOCOL, ERR_BUSY},
	{SQLITE_READONLY, ERR_DENIED},
	{SQLITE_PERM, ERR_DENIED},
	{SQLITE_AUTH, ERR_DENIED},
	{SQLITE_FULL, ERR_NOSPACE},
	{SQLITE_CORRUPT, ERR_INTEGRITY},
	{SQLITE_NOTADB, ERR_INTEGRITY},
	{SQLITE_TOOBIG, ERR_LIMIT},
	{SQLITE_INTERRUPT, ERR_CANCELLED},
};

static int fail_code(
	const char *path, int code, const char *text, const char *doing, struct err *err)
{
	enum err_code means = ERR_SYSTEM;

	for (size_t i = ARRAY_SIZE(codes); i-- > 0;)
		if (codes[i].code == code || codes[i].code == (code & 0xff))
			means = codes[i].means;
	return err_set(err, means, "sqlite:%s: %s: %s", path, doing, text);
}

int sqlite_fail(const struct sqlite *s, const char *doing, struct err *err)
{
	int code = sqlite3_extended_errcode(s->db), base = code & 0xff;

	/* Behind these two is the operating system, which knows better. */
	if ((base == SQLITE_CANTOPEN || base == SQLITE_IOERR) && sqlite3_system_errno(s->db)) {
		errno = sqlite3_system_errno(s->db);
		return err_sys(err, "sqlite:%s: %s", s->path, doing);
	}
	return fail_code(s->path, code, sqlite3_errmsg(s->db), doing, err);
}

static void close_db(struct sql *sql)
{
	struct sqlite *s = (struct sqlite *)sql;

	sqlite_forget_statements(s);
	strmap_release(&s->statements, NULL);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

static int always_ready(struct sql *sql, struct err *err)
{
	(void)sql, (void)err;
	return 0;
}

static int run_script(struct sql *sql, const char *text, struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;

	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(s, "cannot run a statement", err);
	return 0;
}

static int commit(struct sql *sql, struct err *err)
{
	return run_script(sql, "COMMIT", err);
}

/* The first value that a statement gives, as an integer. */
static int ask(struct sqlite *s, const char *statement, int64_t *out, struct err *err)
{
	if (sqlite_start(&s->sql, statement, NULL, 0, err) < 0)
		return -1;
	int found = sqlite_step(&s->sql, err);
	*out = found > 0 ? sqlite_int(&s->sql, 0) : 0;
	sqlite_stop(&s->sql);
	return found < 0 ? -1 : 0;
}

static int listen_to_all(struct sql *sql, const char *channel, struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;

	(void)channel;
	if (!s->listening && ask(s, "PRAGMA data_version", &s->version, err) < 0)
		return -1;
	s->listening = true;
	return 0;
}

static int heard_by_all(struct sql *sql, const char *channel, struct err *err)
{
	(void)sql, (void)channel, (void)err;
	return 0;
}

static int heard(struct sql *sql, struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;
	int64_t version;

	if (!s->listening)
		return 0;
	if (ask(s, "PRAGMA data_version", &version, err) < 0)
		return -1;
	bool changed = version != s->version;
	s->version = version;
	return changed;
}

static int wait_a_little(
	struct sql *sql, deadline until, const struct cancel *cancel, struct err *err)
{
	(void)sql;
	return wait_until(deadline_min(until, deadline_in(HEARD_INTERVAL)), cancel, err);
}

static int try_lock(struct sql *sql, const char *name, struct err *err)
{
	struct sqlite *s = (struct sqlite *)sql;
	autofree char *path = xasprintf("%s.%s.lock", s->path, name);
	autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(err, "cannot open the lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_sys(err, "cannot lock %s", path);
	strmap_set(&sql->locks, name, (void *)(intptr_t)fd);
	fd = -1;
	return 1;
}

static void unlock(struct sql *sql, const char *name)
{
	close((int)(intptr_t)strmap_get(&sql->locks, name));
}

static const struct sql_ops ops = {
	.kind = SQL_SQLITE,
	.close = close_db,
	.ready = always_ready,
	.script = run_script,
	.commit = commit,
	.start = sqlite_start,
	.step = sqlite_step,
	.stop = sqlite_stop,
	.changed = sqlite_changed,
	.columns = sqlite_columns,
	.column_name = sqlite_column_name,
	.is_null = sqlite_is_null,
	.column_int = sqlite_int,
	.column_real = sqlite_real,
	.column_text = sqlite_text,
	.column_blob = sqlite_blob,
	.begin = {[SQL_READING] = "BEGIN", [SQL_WRITING] = "BEGIN IMMEDIATE"},
	.try_lock = try_lock,
	.unlock = unlock,
	.listen = listen_to_all,
	.notify = heard_by_all,
	.heard = heard,
	.wait = wait_a_little,
};

/*
 * The switch to WAL wants the file for itself for a moment and does not wait for it as other
 * statements do. Where somebody else has switched meanwhile, there is nothing to do.
 */
static int switch_to_wal(struct sqlite *s, struct err *err)
{
	deadline until = deadline_in(SQL_BUSY_SECONDS);

	while (sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK) {
		if ((sqlite3_errcode(s->db) & 0xff) != SQLITE_BUSY || deadline_passed(until))
			return sqlite_fail(s, "cannot open it", err);
		wait_until(deadline_in(0.02), NULL, NULL);
	}
	return 0;
}

static int set_up(struct sqlite *s, struct err *err)
{
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, SQL_BUSY_SECONDS * 1000);
	if (switch_to_wal(s, err) < 0)
		return -1;
	return run_script(&s->sql,
		"PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF",
		err);
}

static int open_db(struct sqlite *s, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	autofree char *dir = path_dirname(s->path);

	if (path_mkdirs(dir, 0755, err) < 0)
		return -1;
	/* A leading "file:" or ":memory:" would mean something else to the library. */
	autofree char *file = *s->path == '/' ? xstrdup(s->path) : xasprintf("./%s", s->path);
	if (sqlite3_open_v2(file, &s->db, flags, NULL) != SQLITE_OK)
		return sqlite_fail(s, "cannot open it", err);
	return set_up(s, err);
}

struct sql *sqlite_open(const char *path, struct err *err)
{
	if (!*path) {
		err_set(err, ERR_INPUT, "sqlite: has no path; write sqlite:PATH");
		return NULL;
	}
	struct sqlite *s = xcalloc(1, sizeof(*s));
	s->sql.ops = &ops;
	s->sql.name = xasprintf("sqlite:%s", path);
	s->path = xstrdup(path);
	if (open_db(s, err) < 0) {
		sql_close(&s->sql);
		return NULL;
	}
	return &s->sql;
}
