/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of models, by key: a page begins behind the id at which the last one ended, so that
 * what is inserted meanwhile shifts nothing.
 *
 * A statement is made of the conditions that are asked for. One of them drives it: the database
 * walks its index in order of the ids and stops when the page is full. The others are looked at
 * row by row, so the one that leaves the fewest drives: the author, then text, then a tag.
 */
#include "daemons/registryd/catalogue_private.h"

#define ARGS_MAX 32
/* Words of a text that count. */
#define WORDS_MAX 8

static const char columns[] =
	"SELECT m.id, m.name, m.hf_model_id, m.origin_repo_url, m.author_id, m.owner, m.task, "
	"m.license_type, m.license, m.library, m.sha, m.last_modified, m.hub_created_at, "
	"m.gated, "
	"m.created_at, m.updated_at, m.vanished_at, m.downloads, m.likes, m.tags ";

/* A statement that is being made. */
struct statement {
	enum sql_kind kind;
	struct strbuf text, from;
	const char *key; /* the id in the index that drives */
	struct sql_arg args[ARGS_MAX];
	size_t count;
	struct strlist words; /* of the text */
	struct strbuf match;  /* as the index for text wants them */
};

static void statement_release(struct statement *s)
{
	strbuf_release(&s->text);
	strbuf_release(&s->from);
	strlist_release(&s->words);
	strbuf_release(&s->match);
}

/* Adds an argument, and the words before and behind its number. */
static void add(struct statement *s, const char *before, struct sql_arg arg, const char *behind)
{
	s->args[s->count++] = arg;
	strbuf_addf(&s->text, "%s$%zu%s", before, s->count, behind);
}

/* ---- text ---- */

static void take_words(struct statement *s, const char *text)
{
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	AUTO(strlist_release) struct strlist words = {0};

	model_search_words(text, &found);
	strlist_split(&words, found.data, " ");
	for (size_t i = 0; i < words.count && i < WORDS_MAX; i++)
		strlist_add(&s->words, words.items[i]);
}

/* The words as a query of the index: each begins a word that is there. */
static void make_match(struct statement *s)
{
	bool sqlite = s->kind == SQL_SQLITE;

	for (size_t i = 0; i < s->words.count; i++)
		strbuf_addf(&s->match, sqlite ? "%s\"%s\"*" : "%s%s:*",
			i == 0   ? ""
			: sqlite ? " "
				 : " & ",
			s->words.items[i]);
}

static void by_text_index(struct statement *s)
{
	make_match(s);
	if (s->kind == SQL_SQLITE)
		add(s, " AND f.ml_models_text MATCH ", sql_text(s->match.data), "");
	else
		add(s, " AND to_tsvector('simple', m.search) @@ to_tsquery('simple', ",
			sql_text(s->match.data), ")");
}

/* The same by looking at a row that something else has found. */
static void by_text_of_row(struct statement *s)
{
	for (size_t i = 0; i < s->words.count; i++)
		add(s, " AND m.search LIKE '% ' || ", sql_text(s->words.items[i]), " || '%'");
}

/* ---- the statement ---- */

static void by_tag_of_row(struct statement *s, const char *tag)
{
	add(s,
		" AND EXISTS (SELECT 1 FROM ml_model_tags t WHERE t.model_id = m.id AND t.tag "
		"= ",
		sql_text(tag), ")");
}

/* What drives, and the conditions of text and tag. */
static void choose(struct statement *s, const struct model_query *q)
{
	bool text = s->words.count > 0, sqlite = s->kind == SQL_SQLITE;

	if (text && sqlite && !q->author) {
		strbuf_addstr(&s->from, "ml_models_text f CROSS JOIN ml_models m ");
		strbuf_addstr(&s->text, " AND m.id = f.rowid");
		s->key = "f.rowid";
		by_text_index(s);
		if (q->tag)
			by_tag_of_row(s, q->tag);
	} else if (q->tag && !q->author) {
		strbuf_addstr(&s->from, "ml_model_tags g CROSS JOIN ml_models m ");
		s->key = "g.model_id";
		add(s, " AND m.id = g.model_id AND g.tag = ", sql_text(q->tag), "");
		if (text)
			by_text_index(s);
	} else {
		strbuf_addstr(&s->from, "ml_models m ");
		if (text && sqlite)
			by_text_of_row(s);
		else if (text)
			by_text_index(s);
		if (q->tag)
			by_tag_of_row(s, q->tag);
	}
}

static void add_equal(struct statement *s, const char *condition, const char *value)
{
	if (value)
		add(s, condition, sql_text(value), "");
}

static void build(struct statement *s, const struct model_query *q)
{
	const char *vanished = q->vanished ? q->vanished : "no";

	if (q->text)
		take_words(s, q->text);
	choose(s, q);
	add_equal(s, " AND m.owner = ", q->author);
	add_equal(s, " AND m.task = ", q->task);
	add_equal(s, " AND m.license_type = ", q->license);
	if (strcmp(vanished, "any") != 0)
		strbuf_addf(&s->text, " AND m.vanished_at IS %sNULL",
			strcmp(vanished, "yes") == 0 ? "NOT " : "");
	autofree char *behind = xasprintf(" AND %s > ", s->key);
	add(s, behind, sql_int(q->after), "");
	autofree char *order = xasprintf(" ORDER BY %s LIMIT ", s->key);
	/* One more tells whether there is a next page. */
	add(s, order, sql_int(q->limit + 1), "");
}

/* ---- answers ---- */

static void add_model(struct sql_result *rows, struct strbuf *out)
{
	static const char *const texts[] = {"name", "hf_model_id", "origin_repo_url", NULL,
		"author", "task", "license_type", "license", "library", "sha", "last_modified",
		"hub_created_at", "gated", "created_at", "updated_at", "vanished_at"};
	size_t column = 1;

	strbuf_addf(out, "{\"id\": %lld", (long long)sql_column_int(rows, 0));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++, column++) {
		size_t n = 0;
		const char *text = sql_column_text(rows, column, &n);
		if (!texts[i]) {
			strbuf_addf(out, ", \"author_id\": %lld",
				(long long)sql_column_int(rows, column));
			continue;
		}
		strbuf_addf(out, ", \"%s\": ", texts[i]);
		if (text)
			strbuf_addjson(out, text, n);
		else
			strbuf_addstr(out, "null");
	}
	strbuf_addf(out, ", \"downloads\": %lld, ", (long long)sql_column_int(rows, column));
	strbuf_addf(out, "\"likes\": %lld, ", (long long)sql_column_int(rows, column + 1));
	/* Tags are stored as the JSON list that they are. */
	strbuf_addf(out, "\"tags\": %s}", sql_column_text(rows, column + 2, NULL));
}

/* Shows rows until the page is full; *last is the id of its last one, 0 when it is the end. */
static int show(struct sql_result *rows, int64_t limit, int64_t *last, struct strbuf *out,
	struct err *err)
{
	int64_t shown = 0, id = 0;
	int more;

	*last = 0;
	while ((more = sql_next(rows, err)) > 0) {
		if (shown == limit) {
			*last = id;
			return 0;
		}
		id = sql_column_int(rows, 0);
		strbuf_addstr(out, shown++ ? ", " : "");
		add_model(rows, out);
	}
	return more;
}

int model_list(
	struct sql *sql, const struct model_query *q, struct strbuf *out, struct err *err)
{
	AUTO(statement_release)
	struct statement s = {.kind = sql_kind(sql),
		.text = STRBUF_INIT,
		.from = STRBUF_INIT,
		.match = STRBUF_INIT,
		.key = "m.id"};
	int64_t last;

	build(&s, q);
	autofree char *text =
		xasprintf("%sFROM %sWHERE 1 = 1%s", columns, s.from.data, s.text.data);
	struct sql_result *rows = sql_query(sql, text, s.args, s.count, err);
	if (!rows)
		return -1;
	strbuf_addstr(out, "{\"models\": [");
	int rc = show(rows, q->limit, &last, out, err);
	sql_finish(rows);
	if (last)
		strbuf_addf(out, "], \"next\": \"%lld\"}\n", (long long)last);
	else
		strbuf_addstr(out, "], \"next\": null}\n");
	return rc;
}

int model_get(struct sql *sql, int64_t id, struct strbuf *out, struct err *err)
{
	autofree char *text = xasprintf("%sFROM ml_models m WHERE m.id = $1", columns);
	const struct sql_arg arg = sql_int(id);
	struct sql_result *rows = sql_query(sql, text, &arg, 1, err);
	int more = rows ? sql_next(rows, err) : -1;

	if (more > 0)
		add_model(rows, out);
	sql_finish(rows);
	if (more == 0)
		return err_set(
			err, ERR_NOTFOUND, "the catalogue has no model %lld", (long long)id);
	strbuf_addch(out, '\n');
	return more < 0 ? -1 : 0;
}
