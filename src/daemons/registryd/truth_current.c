/* SPDX-License-Identifier: Apache-2.0 */
/* What model_registry.yaml said last, kept in the store's directory; see truth.h. */
#include "base/fd.h"
#include "base/log.h"
#include "daemons/registryd/truth_private.h"
#include "value/json.h"

#define FILE_NAME STORE_FLEET_DIR "/registryd-current.json"
#define FILE_MAX  (8u << 20)

static char *file_path(const struct truth *t)
{
	return xasprintf("%s/" FILE_NAME, files_root(t->files));
}

/* A file that is broken says nothing, as one that is not there: it is written anew. */
int truth_current_read(struct truth *t, struct err *err)
{
	static const struct json_options options = {.max_bytes = FILE_MAX};
	AUTO(arena_release) struct arena arena = {0};
	autofree char *path = file_path(t);
	struct err why = {0};
	const struct value *v = json_read_file(&arena, path, &options, NULL, &why);

	if (!v && why.code != ERR_NOTFOUND && why.code != ERR_INPUT)
		return err_set(err, why.code, "%s", why.text);
	if (why.code == ERR_INPUT)
		log_warning("%s is passed over", why.text);
	if (!v || v->kind != VALUE_DICT)
		return 0;
	value_dict_foreach (p, v) {
		const char *model = value_text(p->key), *date = value_text(p->value);
		if (model && date)
			free(strmap_set(&t->current, model, xstrdup(date)));
	}
	return 0;
}

int truth_current_write(struct truth *t, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = file_path(t);
	const char *between = "{\n";

	strmap_foreach (e, &t->current) {
		strbuf_addstr(&text, between);
		strbuf_addjson(&text, e->key, strlen(e->key));
		strbuf_addstr(&text, ": ");
		strbuf_addjson(&text, e->value, strlen(e->value));
		between = ",\n";
	}
	strbuf_addstr(&text, text.len ? "\n}\n" : "{}\n");
	return file_replace(path, text.data, text.len, 0644, err);
}

int truth_current_set(struct truth *t, const char *model, const char *date, struct err *err)
{
	free(strmap_set(&t->current, model, xstrdup(date)));
	return truth_current_write(t, err);
}
