/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/catalogue_find.h"

/* The last character there is: what begins with a word comes before it and this. */
#define LAST "\xF4\x8F\xBF\xBF"

void model_finder_release(struct model_finder *f)
{
	for (size_t i = 0; i < f->word_count; i++) {
		free(f->words[i].text);
		free(f->words[i].only);
	}
	strbuf_release(&f->text);
}

/* ---- counting ---- */

/* How many rows a table has for a condition, up to one more than `most`. */
static int count_rows(struct model_finder *f, const char *where, const struct sql_arg *args,
	size_t n, int most, int64_t *count, struct err *err)
{
	autofree char *statement = xasprintf(
		"SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d) AS counted", where, most + 1);
	struct sql_result *rows = sql_query(f->sql, statement, args, n, err);
	int more = rows ? sql_next(rows, err) : -1;

	*count = more > 0 ? sql_column_int(rows, 0) : 0;
	sql_finish(rows);
	return more < 0 ? -1 : 0;
}

/* The same for a column that is to have a value; *least becomes the lesser of both. */
static int count_equal(struct model_finder *f, const char *where, const char *value,
	int64_t *least, struct err *err)
{
	const struct sql_arg arg = sql_text(value);
	int64_t count;

	if (!value)
		return 0;
	if (count_rows(f, where, &arg, 1, MODEL_FEW, &count, err) < 0)
		return -1;
	if (count < *least)
		*least = count;
	return 0;
}

/* The first or the last word that begins so, in new memory; NULL when there is none. */
static int find_word(struct model_finder *f, const struct sql_arg *range, const char *order,
	char **word, struct err *err)
{
	autofree char *statement =
		xasprintf("SELECT word FROM ml_model_words WHERE word >= $1 AND "
			  "word < $2 ORDER BY word %s LIMIT 1",
			order);
	struct sql_result *rows = sql_query(f->sql, statement, range, 2, err);
	int more = rows ? sql_next(rows, err) : -1;

	*word = more > 0 ? xstrdup(sql_column_text(rows, 0, NULL)) : NULL;
	sql_finish(rows);
	return more < 0 ? -1 : 0;
}

static int count_word(struct model_finder *f, struct model_word *word, struct err *err)
{
	autofree char *end = xasprintf("%s" LAST, word->text), *last = NULL;
	const struct sql_arg range[] = {sql_text(word->text), sql_text(end)};

	if (find_word(f, range, "ASC", &word->only, err) < 0 ||
		find_word(f, range, "DESC", &last, err) < 0)
		return -1;
	if (word->only && str_cmp0(word->only, last) != 0)
		free(STEAL(word->only));
	return count_rows(f, "ml_model_words WHERE word >= $1 AND word < $2", range,
		ARRAY_SIZE(range), word->only ? MODEL_FEW : MODEL_COLLECTED, &word->count, err);
}

static void take_words(struct model_finder *f)
{
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	AUTO(strlist_release) struct strlist words = {0};

	model_search_words(f->query->text, &found);
	strlist_split(&words, found.data, " ");
	for (size_t i = 0; i < words.count && i < MODEL_WORDS_MAX; i++)
		f->words[f->word_count++].text = xstrdup(words.items[i]);
}

/* ---- what drives ---- */

enum driver { BY_MODEL, BY_TAG, BY_WORD, BY_BEGINNING };

struct choice {
	enum driver driver;
	const struct model_word *word;
	int64_t count;
};

static void offer(
	struct choice *best, enum driver driver, const struct model_word *word, int64_t count)
{
	if (count < best->count)
		*best = (struct choice){driver, word, count};
}

static int offer_words(struct model_finder *f, struct choice *best, struct err *err)
{
	for (size_t i = 0; i < f->word_count; i++) {
		struct model_word *word = &f->words[i];
		if (count_word(f, word, err) < 0)
			return -1;
		/* One that several words begin with is collected, and not walked. */
		if (word->only)
			offer(best, BY_WORD, word, word->count);
		else if (word->count <= MODEL_COLLECTED)
			offer(best, BY_BEGINNING, word,
				word->count < MODEL_FEW ? word->count : MODEL_FEW);
	}
	return 0;
}

static int choose(struct model_finder *f, struct choice *best, struct err *err)
{
	const struct model_query *q = f->query;
	int64_t tagged = MODEL_FEW + 1, models = MODEL_FEW + 1;

	*best = (struct choice){.driver = BY_MODEL, .count = MODEL_FEW + 2};
	if (!q->tag && f->word_count == 0)
		return 0;
	if (q->tag) {
		if (count_equal(f, "ml_model_tags WHERE tag = $1", q->tag, &tagged, err) < 0)
			return -1;
		offer(best, BY_TAG, NULL, tagged);
	}
	if (offer_words(f, best, err) < 0 ||
		count_equal(f, "ml_models WHERE owner = $1", q->author, &models, err) < 0 ||
		count_equal(f, "ml_models WHERE task = $1", q->task, &models, err) < 0 ||
		count_equal(f, "ml_models WHERE license_type = $1", q->license, &models, err) <
			0)
		return -1;
	offer(best, BY_MODEL, NULL, models);
	return 0;
}

/* ---- the statement ---- */

/* Adds an argument, and the words before and behind its number. */
static void add(
	struct model_finder *f, const char *before, struct sql_arg arg, const char *behind)
{
	f->args[f->count++] = arg;
	strbuf_addf(&f->text, "%s$%zu%s", before, f->count, behind);
}

static void add_equal(struct model_finder *f, const char *condition, const char *value)
{
	if (value)
		add(f, condition, sql_text(value), "");
}

/* The tables, and the condition that drives. "+" keeps SQLite from the index over model_id. */
static void add_driver(struct model_finder *f, const struct choice *c)
{
	static const char *const from[] = {
		[BY_MODEL] = "FROM ml_models m WHERE 1 = 1",
		[BY_TAG] =
			"FROM ml_model_tags g CROSS JOIN ml_models m WHERE m.id = g.model_id",
		[BY_WORD] =
			"FROM ml_model_words g CROSS JOIN ml_models m WHERE m.id = g.model_id",
		[BY_BEGINNING] =
			"FROM (SELECT DISTINCT +model_id AS model_id FROM ml_model_words "
			"WHERE word >= ",
	};

	strbuf_addstr(&f->text, from[c->driver]);
	if (c->driver == BY_TAG)
		add(f, " AND g.tag = ", sql_text(f->query->tag), "");
	if (c->driver == BY_WORD)
		add(f, " AND g.word = ", sql_text(c->word->only), "");
	if (c->driver != BY_BEGINNING)
		return;
	add(f, "", sql_text(c->word->text), " AND word < ");
	add(f, "", sql_text(c->word->text), " || '" LAST "' AND +model_id > ");
	add(f, "", sql_int(f->query->after),
		") g CROSS JOIN ml_models m WHERE m.id = g.model_id");
}

/* What is looked at row by row. */
static void add_conditions(struct model_finder *f, const struct choice *c)
{
	const struct model_query *q = f->query;

	if (q->tag && c->driver != BY_TAG)
		add(f,
			" AND EXISTS (SELECT 1 FROM ml_model_tags t WHERE t.model_id = m.id "
			"AND t.tag = ",
			sql_text(q->tag), ")");
	for (size_t i = 0; i < f->word_count; i++)
		if (&f->words[i] != c->word)
			add(f, " AND m.search LIKE '% ' || ", sql_text(f->words[i].text),
				" || '%'");
	add_equal(f, " AND m.owner = ", q->author);
	add_equal(f, " AND m.task = ", q->task);
	add_equal(f, " AND m.license_type = ", q->license);
	if (str_cmp0(q->vanished, "any") != 0)
		strbuf_addf(&f->text, " AND m.vanished_at IS %sNULL",
			str_cmp0(q->vanished, "yes") == 0 ? "NOT " : "");
}

int model_finder_make(struct model_finder *f, const char *columns, struct err *err)
{
	struct choice choice;

	if (f->query->text)
		take_words(f);
	if (choose(f, &choice, err) < 0)
		return -1;
	const char *key = choice.driver == BY_MODEL ? "m.id" : "g.model_id";
	strbuf_addstr(&f->text, columns);
	add_driver(f, &choice);
	add_conditions(f, &choice);
	autofree char *behind = xasprintf(" AND %s > ", key);
	add(f, behind, sql_int(f->query->after), "");
	autofree char *order = xasprintf(" ORDER BY %s LIMIT ", key);
	/* One more tells whether there is a next page. */
	add(f, order, sql_int(f->query->limit + 1), "");
	return 0;
}
