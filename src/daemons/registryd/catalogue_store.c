/* SPDX-License-Identifier: Apache-2.0 */
/* One model of the Hub into the tables: created, updated, or seen again. */
#include <ctype.h>

#include "daemons/registryd/catalogue_license.h"
#include "daemons/registryd/catalogue_private.h"

/* ---- what is stored of a model ---- */

/* The columns that are made of what the Hub says. */
struct row {
	const struct hub_model *m;
	const char *name, *license_type;
	char *owner, *url;
	struct strbuf tags, search;
};

static void row_release(struct row *row)
{
	free(row->owner);
	free(row->url);
	strbuf_release(&row->tags);
	strbuf_release(&row->search);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

void model_search_words(const char *text, struct strbuf *out)
{
	while (*text) {
		for (; *text && !is_word(*text); text++) {
		}
		if (*text)
			strbuf_addch(out, ' ');
		for (; is_word(*text); text++)
			strbuf_addch(out, (char)tolower((unsigned char)*text));
	}
}

static void add_tags(struct row *row)
{
	const struct hub_model *m = row->m;

	strbuf_addch(&row->tags, '[');
	for (size_t i = 0; i < m->tag_count; i++) {
		strbuf_addstr(&row->tags, i ? ", " : "");
		strbuf_addjson(&row->tags, m->tags[i], strlen(m->tags[i]));
		/* Those with a colon ("arxiv:...", "region:us") are no words for people. */
		if (!strchr(m->tags[i], ':'))
			model_search_words(m->tags[i], &row->search);
	}
	strbuf_addch(&row->tags, ']');
}

static struct row row_make(const struct model_writer *w, const struct hub_model *m)
{
	const char *slash = strchr(m->id, '/');
	struct row row = {.m = m,
		.name = slash ? slash + 1 : m->id,
		.license_type = license_type(m->license),
		.owner = slash ? xstrndup(m->id, (size_t)(slash - m->id)) : NULL,
		.url = xasprintf("%s/%s", w->endpoint, m->id),
		.tags = STRBUF_INIT,
		.search = STRBUF_INIT};

	model_search_words(m->id, &row.search);
	if (m->task)
		model_search_words(m->task, &row.search);
	add_tags(&row);
	return row;
}

/* ---- the tables ---- */

static int first_int(struct sql *sql, const char *statement, const struct sql_arg *args,
	size_t n, int64_t *out, struct err *err)
{
	struct sql_result *rows = sql_query(sql, statement, args, n, err);
	int more = rows ? sql_next(rows, err) : -1;

	if (more > 0)
		*out = sql_column_int(rows, 0);
	sql_finish(rows);
	return more == 0 ? err_set(err, ERR_NOTFOUND, "%s: there is no row", statement) : more;
}

int model_writer_begin(struct model_writer *w, struct err *err)
{
	static const char user[] =
		"INSERT INTO users (username, email, is_developer) "
		"VALUES ('hf_sync_system', 'system@pocket-ai.local', true) "
		"ON CONFLICT (username) DO NOTHING;"
		"CREATE TEMPORARY TABLE IF NOT EXISTS sync_seen (model_id BIGINT PRIMARY KEY);"
		"DELETE FROM sync_seen;";

	clock_rfc3339(time(NULL), w->now);
	if (sql_script(w->sql, user, err) < 0)
		return -1;
	int rc = first_int(w->sql, "SELECT id FROM users WHERE username = 'hf_sync_system'",
		NULL, 0, &w->author_id, err);
	return rc < 0 ? -1 : 0;
}

/* What the table has of a model. */
struct known {
	int64_t id; /* 0: nothing */
	bool changed, counts_changed;
};

static bool differs(struct sql_result *rows, size_t column, const char *now)
{
	return str_cmp0(sql_column_text(rows, column, NULL), now) != 0;
}

static int look(struct sql *sql, const struct row *row, struct known *known, struct err *err)
{
	static const char statement[] =
		"SELECT id, downloads, likes, sha, last_modified, gated, tags, task, license, "
		"vanished_at FROM ml_models WHERE hf_model_id = $1";
	const struct hub_model *m = row->m;
	const struct sql_arg id = sql_text(m->id);
	struct sql_result *rows = sql_query(sql, statement, &id, 1, err);
	int more = rows ? sql_next(rows, err) : -1;

	*known = (struct known){0};
	if (more > 0) {
		const char *now[] = {m->sha, m->last_modified, m->gated, row->tags.data,
			m->task, m->license, NULL};
		known->id = sql_column_int(rows, 0);
		known->counts_changed = sql_column_int(rows, 1) != m->downloads ||
					sql_column_int(rows, 2) != m->likes;
		for (size_t i = 0; i < ARRAY_SIZE(now); i++)
			known->changed |= differs(rows, 3 + i, now[i]);
	}
	sql_finish(rows);
	return more < 0 ? -1 : 0;
}

/* Writes down that this sync has seen a model: 1, 0 for the second time, -1 with err. */
static int64_t see(struct sql *sql, int64_t id, struct err *err)
{
	const struct sql_arg arg = sql_int(id);

	return sql_change(sql,
		"INSERT INTO sync_seen (model_id) VALUES ($1) ON CONFLICT (model_id) DO "
		"NOTHING",
		&arg, 1, err);
}

/* Writes texts of a model into a table of them; one that stands twice is one row. */
static int write_texts(struct sql *sql, const char *statement, const char *const *texts,
	size_t count, int64_t id, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct sql_arg args[] = {sql_text(texts[i]), sql_int(id)};
		if (sql_change(sql, statement, args, ARRAY_SIZE(args), err) < 0)
			return -1;
	}
	return 0;
}

/* Writes what belongs to a row in other tables. */
static int write_rest(struct sql *sql, const struct row *row, int64_t id, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_split(&words, row->search.data, " ");
	if (write_texts(sql,
		    "INSERT INTO ml_model_words (word, model_id) VALUES ($1, $2) "
		    "ON CONFLICT (word, model_id) DO NOTHING",
		    (const char *const *)words.items, words.count, id, err) < 0)
		return -1;
	return write_texts(sql,
		"INSERT INTO ml_model_tags (tag, model_id) VALUES ($1, $2) "
		"ON CONFLICT (tag, model_id) DO NOTHING",
		(const char *const *)row->m->tags, row->m->tag_count, id, err);
}

static int create(struct model_writer *w, const struct row *row, int64_t *id, struct err *err)
{
	static const char statement[] =
		"INSERT INTO ml_models (name, hf_model_id, origin_repo_url, author_id, tags, "
		"task, license_type, license, owner, library, sha, last_modified, "
		"hub_created_at, gated, downloads, likes, search, created_at, updated_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
		"$16, $17, $18, $18) RETURNING id";
	const struct hub_model *m = row->m;
	const struct sql_arg args[] = {sql_text(row->name), sql_text(m->id), sql_text(row->url),
		sql_int(w->author_id), sql_text(row->tags.data), sql_text(m->task),
		sql_text(row->license_type), sql_text(m->license), sql_text(row->owner),
		sql_text(m->library), sql_text(m->sha), sql_text(m->last_modified),
		sql_text(m->created_at), sql_text(m->gated), sql_int(m->downloads),
		sql_int(m->likes), sql_text(row->search.data), sql_text(w->now)};

	if (first_int(w->sql, statement, args, ARRAY_SIZE(args), id, err) < 0)
		return -1;
	return write_rest(w->sql, row, *id, err);
}

static int update(struct model_writer *w, const struct row *row, int64_t id, struct err *err)
{
	static const char statement[] =
		"UPDATE ml_models SET tags = $1, task = $2, license_type = $3, license = $4, "
		"library = $5, sha = $6, last_modified = $7, gated = $8, downloads = $9, likes "
		"= $10, search = $11, updated_at = $12, vanished_at = NULL WHERE id = $13";
	const struct hub_model *m = row->m;
	const struct sql_arg args[] = {sql_text(row->tags.data), sql_text(m->task),
		sql_text(row->license_type), sql_text(m->license), sql_text(m->library),
		sql_text(m->sha), sql_text(m->last_modified), sql_text(m->gated),
		sql_int(m->downloads), sql_int(m->likes), sql_text(row->search.data),
		sql_text(w->now), sql_int(id)};
	static const char *const forget[] = {
		"DELETE FROM ml_model_tags WHERE model_id = $1",
		"DELETE FROM ml_model_words WHERE model_id = $1",
	};
	const struct sql_arg of = sql_int(id);

	if (sql_change(w->sql, statement, args, ARRAY_SIZE(args), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(forget); i++)
		if (sql_change(w->sql, forget[i], &of, 1, err) < 0)
			return -1;
	return write_rest(w->sql, row, id, err);
}

/* How often a model is fetched changes every day, and is no change of the model. */
static int update_counts(
	struct model_writer *w, const struct hub_model *m, int64_t id, struct err *err)
{
	const struct sql_arg args[] = {sql_int(m->downloads), sql_int(m->likes), sql_int(id)};

	return sql_change(w->sql,
		       "UPDATE ml_models SET downloads = $1, likes = $2 WHERE id = $3", args,
		       ARRAY_SIZE(args), err) < 0
		       ? -1
		       : 0;
}

bool model_is_at_fault(const struct err *err)
{
	return err->code == ERR_INPUT || err->code == ERR_EXISTS || err->code == ERR_LIMIT;
}

/* Writes a row; what it has done is taken back when it fails by the row's own fault. */
static int write_row(
	struct model_writer *w, const struct row *row, int64_t *id, struct err *err)
{
	struct err why = {0};

	if (sql_script(w->sql, "SAVEPOINT model", err) < 0)
		return -1;
	int rc = *id ? update(w, row, *id, &why) : create(w, row, id, &why);
	if (rc == 0)
		return sql_script(w->sql, "RELEASE model", err);
	if (model_is_at_fault(&why) &&
		sql_script(w->sql, "ROLLBACK TO model; RELEASE model", err) < 0)
		return -1;
	if (err)
		*err = why;
	return -1;
}

static int store_row(
	struct model_writer *w, const struct row *row, enum stored *how, struct err *err)
{
	struct known known;

	if (look(w->sql, row, &known, err) < 0)
		return -1;
	int64_t id = known.id, first = id ? see(w->sql, id, err) : 1;
	if (first < 0)
		return -1;
	*how = STORED_AGAIN;
	if (first == 0)
		return 0;
	*how = !id ? STORED_CREATED : known.changed ? STORED_UPDATED : STORED_UNCHANGED;
	if (*how == STORED_UNCHANGED)
		return known.counts_changed ? update_counts(w, row->m, id, err) : 0;
	if (write_row(w, row, &id, err) < 0)
		return -1;
	return *how == STORED_CREATED && see(w->sql, id, err) < 0 ? -1 : 0;
}

int model_store(
	struct model_writer *w, const struct hub_model *m, enum stored *how, struct err *err)
{
	AUTO(row_release) struct row row = row_make(w, m);

	return store_row(w, &row, how, err);
}

int64_t model_mark_vanished(struct model_writer *w, struct err *err)
{
	const struct sql_arg now = sql_text(w->now);

	return sql_change(w->sql,
		"UPDATE ml_models SET vanished_at = $1, updated_at = $1 "
		"WHERE hf_model_id IS NOT NULL AND vanished_at IS NULL AND NOT EXISTS "
		"(SELECT 1 FROM sync_seen WHERE sync_seen.model_id = ml_models.id)",
		&now, 1, err);
}
