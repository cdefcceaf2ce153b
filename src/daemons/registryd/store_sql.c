/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry in SQLite or PostgreSQL. Every batch counts `registry_state.revision` up by one,
 * in its transaction and with that row locked, so that writers of all processes come one after
 * another and revisions are committed in their order. An entry has the revision of its last
 * change, and what was deleted leaves its name and revision behind: what is new since a
 * revision is two short queries.
 *
 * That a model has one production version is decided in memory, with everything read under
 * that lock; the partial unique index is for those who write by other means.
 */
#include "daemons/registryd/store_private.h"
#include "sql/sql.h"

#define CHANNEL "modelfleet_registry"

struct sql_store {
	struct entry_store store;
	struct sql *sql;
	int64_t revision; /* which the list at hand is of */
	bool reload;      /* the list may be wrong: a commit failed */
};

/* `metadata` keeps its text: json, unlike jsonb, does. */
static const struct sql_migration schema[] = {
	{
		.sqlite =
			"CREATE TABLE registry_entries (position bigint PRIMARY KEY, "
			"model_name text NOT NULL, version bigint NOT NULL CHECK (version > "
			"0), "
			"path text NOT NULL, status text NOT NULL "
			"CHECK (status IN ('staging', 'production', 'archived')), "
			"creation_timestamp text NOT NULL, metadata text NOT NULL, date text, "
			"revision bigint NOT NULL, UNIQUE (model_name, version))",
		.postgresql =
			"CREATE TABLE registry_entries (position bigint PRIMARY KEY, "
			"model_name text NOT NULL, version bigint NOT NULL CHECK (version > "
			"0), "
			"path text NOT NULL, status text NOT NULL "
			"CHECK (status IN ('staging', 'production', 'archived')), "
			"creation_timestamp text NOT NULL, metadata json NOT NULL, date text, "
			"revision bigint NOT NULL, UNIQUE (model_name, version))",
	},
	{.both = "CREATE UNIQUE INDEX registry_one_production ON registry_entries (model_name) "
		 "WHERE status = 'production'; "
		 "CREATE INDEX registry_entries_revision ON registry_entries (revision); "
		 "CREATE TABLE registry_removed (model_name text NOT NULL, "
		 "version bigint NOT NULL, revision bigint NOT NULL, "
		 "PRIMARY KEY (model_name, version)); "
		 "CREATE INDEX registry_removed_revision ON registry_removed (revision); "
		 "CREATE TABLE registry_state (id integer PRIMARY KEY CHECK (id = 1), "
		 "revision bigint NOT NULL); "
		 "INSERT INTO registry_state (id, revision) VALUES (1, 0)"},
};

/* The revision that is committed; `lock` keeps it so until the end of the transaction. */
static int read_revision(struct sql_store *s, bool lock, int64_t *out, struct err *err)
{
	const char *statement =
		lock && sql_kind(s->sql) == SQL_POSTGRESQL
			? "SELECT revision FROM registry_state WHERE id = 1 FOR UPDATE"
			: "SELECT revision FROM registry_state WHERE id = 1";
	struct sql_result *row = sql_query(s->sql, statement, NULL, 0, err);
	int found = row ? sql_next(row, err) : -1;

	*out = found > 0 ? sql_column_int(row, 0) : 0;
	sql_finish(row);
	if (found == 0)
		return err_set(
			err, ERR_INTEGRITY, "%s: registry_state has no row", s->store.name);
	return found < 0 ? -1 : 0;
}

static void forget(struct entry_list *list, const char *name, int64_t version)
{
	const struct entry *old = entry_list_find(list, name, version);

	if (old)
		entry_list_remove(list, old);
}

static int read_removed(
	struct sql_store *s, int64_t since, struct entry_list *list, struct err *err)
{
	const struct sql_arg arg = sql_int(since);
	struct sql_result *row = sql_query(s->sql,
		"SELECT model_name, version FROM registry_removed WHERE revision > $1", &arg, 1,
		err);
	int more = -1;

	while (row && (more = sql_next(row, err)) > 0)
		forget(list, sql_column_text(row, 0, NULL), sql_column_int(row, 1));
	sql_finish(row);
	return more;
}

/* Puts a row into a list. Others may have written it: it is looked at as a file would be. */
static int read_entry(const struct sql_result *row, struct entry_list *list, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf metadata = STRBUF_INIT;
	struct entry fields = {.model_name = sql_column_text(row, 1, NULL),
		.version = sql_column_int(row, 2),
		.path = sql_column_text(row, 3, NULL),
		.creation_timestamp = sql_column_text(row, 5, NULL),
		.date = sql_column_text(row, 7, NULL)};
	uint64_t position = (uint64_t)sql_column_int(row, 0);

	if (!entry_status_read(sql_column_text(row, 4, NULL), &fields.status))
		return err_set(
			err, ERR_INPUT, "status: expected staging, production or archived");
	const struct value *v = entry_metadata_read(&arena, sql_column_text(row, 6, NULL), err);
	if (!v || entry_metadata_write(v, &metadata, err) < 0 ||
		entry_check_fields(&fields, err) < 0)
		return -1;
	fields.metadata = metadata.data;
	const struct entry *old = entry_list_find(list, fields.model_name, fields.version);
	struct entry *e = entry_new(&fields, position, false, NULL);
	if (old && old->position == position) {
		entry_list_replace(list, e);
		return 0;
	}
	if (old)
		entry_list_remove(list, old);
	entry_list_add(list, e);
	return 0;
}

static int read_entries(
	struct sql_store *s, int64_t since, struct entry_list *list, struct err *err)
{
	const struct sql_arg arg = sql_int(since);
	struct sql_result *row = sql_query(s->sql,
		"SELECT position, model_name, version, path, status, creation_timestamp, "
		"metadata, date FROM registry_entries WHERE revision > $1 ORDER BY position",
		&arg, 1, err);
	int more = -1;

	while (row && (more = sql_next(row, err)) > 0) {
		if (list->count > ENTRY_STORE_MAX)
			more = err_set(err, ERR_LIMIT, "more than %u entries", ENTRY_STORE_MAX);
		else
			more = read_entry(row, list, err);
		if (more == 0)
			continue;
		err_wrap(err, "%s: version %lld of %.200s", s->store.name,
			(long long)sql_column_int(row, 2), sql_column_text(row, 1, NULL));
		break;
	}
	sql_finish(row);
	return more;
}

/* Reads what is new, within a transaction, and publishes it. */
static int read_changes(struct sql_store *s, int64_t revision, struct err *err)
{
	int64_t since = s->reload ? -1 : s->revision;
	struct entry_list *list =
		s->reload ? entry_list_new() : entry_list_copy(s->store.current);

	list->last = s->store.current->last;
	if (read_removed(s, since, list, err) < 0 || read_entries(s, since, list, err) < 0) {
		entry_list_unref(list);
		return -1;
	}
	s->revision = revision;
	s->reload = false;
	entry_store_publish(&s->store, list);
	return 0;
}

static int catch_up(struct sql_store *s, bool lock, struct err *err)
{
	int64_t revision;

	if (read_revision(s, lock, &revision, err) < 0)
		return -1;
	return revision == s->revision && !s->reload ? 0 : read_changes(s, revision, err);
}

static int refresh(struct entry_store *store, bool sure, struct err *err)
{
	struct sql_store *s = (struct sql_store *)store;
	int heard = sql_heard(s->sql, err);

	if (heard < 0)
		return -1;
	if (!heard && !sure && !s->reload)
		return 0;
	if (sql_begin(s->sql, SQL_READING, err) == 0 && catch_up(s, false, err) == 0)
		return sql_commit(s->sql, err);
	sql_rollback(s->sql);
	s->reload = true;
	return -1;
}

static int begin(struct entry_store *store, struct err *err)
{
	struct sql_store *s = (struct sql_store *)store;

	if (sql_begin(s->sql, SQL_WRITING, err) < 0)
		return -1;
	if (catch_up(s, true, err) == 0)
		return 0;
	sql_rollback(s->sql);
	return -1;
}

static int run(struct sql_store *s, const char *statement, const struct sql_arg *args, size_t n,
	struct err *err)
{
	return sql_change(s->sql, statement, args, n, err) < 0 ? -1 : 0;
}

static int write_removal(
	struct sql_store *s, const struct entry *e, int64_t revision, struct err *err)
{
	const struct sql_arg args[] = {
		sql_text(e->model_name), sql_int(e->version), sql_int(revision)};

	if (run(s, "DELETE FROM registry_entries WHERE model_name = $1 AND version = $2", args,
		    2, err) < 0)
		return -1;
	return run(s,
		"INSERT INTO registry_removed (model_name, version, revision) "
		"VALUES ($1, $2, $3) ON CONFLICT (model_name, version) "
		"DO UPDATE SET revision = excluded.revision",
		args, 3, err);
}

static int write_update(
	struct sql_store *s, const struct entry *e, int64_t revision, struct err *err)
{
	const struct sql_arg args[] = {sql_text(e->model_name), sql_int(e->version),
		sql_text(entry_status_name(e->status)), sql_text(e->metadata),
		sql_text(e->date), sql_int(revision)};

	return run(s,
		"UPDATE registry_entries SET status = $3, metadata = $4, date = $5, "
		"revision = $6 WHERE model_name = $1 AND version = $2",
		args, ARRAY_SIZE(args), err);
}

static int write_new(
	struct sql_store *s, const struct entry *e, int64_t revision, struct err *err)
{
	const struct sql_arg args[] = {sql_int((int64_t)e->position), sql_text(e->model_name),
		sql_int(e->version), sql_text(e->path), sql_text(entry_status_name(e->status)),
		sql_text(e->creation_timestamp), sql_text(e->metadata), sql_text(e->date),
		sql_int(revision)};

	return run(s,
		"INSERT INTO registry_entries (position, model_name, version, path, status, "
		"creation_timestamp, metadata, date, revision) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		args, ARRAY_SIZE(args), err);
}

/*
 * In an order in which no unique index sees two at any moment: what leaves a name or the
 * production goes before what comes.
 */
enum turn { TURN_REMOVAL, TURN_DEMOTION, TURN_PROMOTION, TURN_NEW, TURN_COUNT };

static enum turn turn_of(const struct entry_edit *edit)
{
	if (!edit->after)
		return edit->before ? TURN_REMOVAL : TURN_COUNT; /* it came and went */
	if (!edit->before)
		return TURN_NEW;
	return edit->after->status == ENTRY_PRODUCTION ? TURN_PROMOTION : TURN_DEMOTION;
}

static int write_edits(
	struct sql_store *s, const struct entry_edits *edits, int64_t revision, struct err *err)
{
	static int (*const writers[])(struct sql_store *, const struct entry *, int64_t,
		struct err *) = {[TURN_REMOVAL] = write_removal,
		[TURN_DEMOTION] = write_update,
		[TURN_PROMOTION] = write_update,
		[TURN_NEW] = write_new};

	for (unsigned turn = 0; turn < TURN_COUNT; turn++)
		for (size_t i = 0; i < edits->count; i++) {
			const struct entry_edit *edit = &edits->items[i];
			const struct entry *e = edit->after ? edit->after : edit->before;

			if (turn_of(edit) == turn && writers[turn](s, e, revision, err) < 0)
				return -1;
		}
	return 0;
}

static int write_batch(
	struct sql_store *s, const struct entry_edits *edits, int64_t revision, struct err *err)
{
	const struct sql_arg arg = sql_int(revision);

	if (write_edits(s, edits, revision, err) < 0 ||
		run(s, "UPDATE registry_state SET revision = $1 WHERE id = 1", &arg, 1, err) <
			0 ||
		sql_notify(s->sql, CHANNEL, err) < 0)
		return -1;
	return sql_commit(s->sql, err);
}

static int commit(struct entry_store *store, const struct entry_list *next,
	const struct entry_edits *edits, struct err *err)
{
	struct sql_store *s = (struct sql_store *)store;

	(void)next;
	if (write_batch(s, edits, s->revision + 1, err) == 0) {
		s->revision++;
		return 0;
	}
	sql_rollback(s->sql);
	s->reload = true;
	return -1;
}

static void abandon(struct entry_store *store)
{
	sql_rollback(((struct sql_store *)store)->sql);
}

static void free_store(struct entry_store *store)
{
	struct sql_store *s = (struct sql_store *)store;

	sql_close(s->sql);
	free(s);
}

static struct entry_store *open_kind(
	const struct entry_store_ops *ops, const char *uri, struct err *err)
{
	struct sql *sql = sql_open(uri, err);

	if (!sql)
		return NULL;
	struct sql_store *s = xcalloc(1, sizeof(*s));
	entry_store_init(&s->store, ops, xstrdup(sql_name(sql)));
	s->sql = sql;
	s->reload = true;
	if (sql_migrate(sql, "registry", schema, ARRAY_SIZE(schema), err) < 0 ||
		sql_listen(sql, CHANNEL, err) < 0 || refresh(&s->store, true, err) < 0) {
		entry_store_free(&s->store);
		return NULL;
	}
	return &s->store;
}

static struct entry_store *open_sqlite(const char *uri, struct err *err)
{
	return open_kind(&entry_store_sqlite, uri, err);
}

static struct entry_store *open_postgresql(const char *uri, struct err *err)
{
	return open_kind(&entry_store_postgresql, uri, err);
}

const struct entry_store_ops entry_store_sqlite = {
	.prefix = "sqlite:",
	.whole = true,
	.open = open_sqlite,
	.refresh = refresh,
	.begin = begin,
	.commit = commit,
	.abandon = abandon,
	.free = free_store,
};

const struct entry_store_ops entry_store_postgresql = {
	.prefix = "postgresql://",
	.whole = true,
	.open = open_postgresql,
	.refresh = refresh,
	.begin = begin,
	.commit = commit,
	.abandon = abandon,
	.free = free_store,
};
