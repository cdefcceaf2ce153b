/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of models, and single ones, as JSON. */
#include "daemons/registryd/catalogue_find.h"

static const char columns[] =
	"SELECT m.id, m.name, m.hf_model_id, m.origin_repo_url, m.author_id, m.owner, m.task, "
	"m.license_type, m.license, m.library, m.sha, m.last_modified, m.hub_created_at, "
	"m.gated, m.created_at, m.updated_at, m.vanished_at, m.downloads, m.likes, m.tags ";

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
	AUTO(model_finder_release)
	struct model_finder f = {.sql = sql, .query = q, .text = STRBUF_INIT};
	int64_t last;

	if (model_finder_make(&f, columns, err) < 0)
		return -1;
	struct sql_result *rows = sql_query(sql, f.text.data, f.args, f.count, err);
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
