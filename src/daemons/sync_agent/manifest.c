/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/manifest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/vec.h"
#include "value/json.h"

void manifest_release(struct manifest *m)
{
	free(m->models.items);
	*m = (struct manifest){0};
}

struct record *manifest_find(const struct manifest *m, const char *file)
{
	for (size_t i = 0; i < m->models.count; i++)
		if (strcmp(m->models.items[i].file, file) == 0)
			return &m->models.items[i];
	return NULL;
}

void manifest_put(struct manifest *m, const struct record *record)
{
	struct record *there = manifest_find(m, record->file);

	if (there)
		*there = *record;
	else
		*VEC_PUSH(&m->models) = *record;
}

void manifest_remove(struct manifest *m, const char *file)
{
	struct record *there = manifest_find(m, file);

	if (there)
		*there = m->models.items[--m->models.count];
}

bool record_is(
	const struct record *r, const char *name, const char *version, const char *run_id)
{
	return strcmp(r->name, name) == 0 && strcmp(r->version, version) == 0 &&
	       strcmp(r->run_id, run_id) == 0;
}

/* ---- in and out ---- */

/* A member's text; NULL where it has none, or has a NUL inside. */
static const char *text_of(struct arena *a, const struct value *v, const char *name)
{
	const struct value *member = value_dict_get(v, name);

	if (!value_text(member) || strlen(member->text) != member->len)
		return NULL;
	return arena_strdup(a, member->text);
}

static const char *version_of(struct arena *a, const struct value *v)
{
	const struct value *member = value_dict_get(v, "version");

	if (member && member->kind == VALUE_INT)
		return arena_printf(a, "%" PRId64, member->integer);
	return text_of(a, v, "version");
}

bool record_read(struct arena *a, const char *file, const struct value *v, struct record *r)
{
	const char *run_id = text_of(a, v, "run_id");

	*r = (struct record){.file = arena_strdup(a, file),
		.name = text_of(a, v, "mlflow_name"),
		.version = version_of(a, v),
		.run_id = run_id ? run_id : "",
		.alias = text_of(a, v, "alias"),
		.downloaded_at = text_of(a, v, "downloaded_at")};
	return r->name && r->version;
}

static const struct value *text_value(struct arena *a, const char *text)
{
	return text ? value_new_string(a, text) : &value_null;
}

/* A version as a number where it is one that reads back as the same text: "7", not "007". */
static const struct value *version_value(struct arena *a, const char *version)
{
	int64_t number;

	if (!parse_int(version, 0, INT64_MAX, &number) ||
		strcmp(version, arena_printf(a, "%" PRId64, number)) != 0)
		return value_new_string(a, version);
	return value_new_int(a, number);
}

struct value *record_value(struct arena *a, const struct record *r)
{
	struct value *v = value_new_dict(a);

	value_dict_set(a, v, "mlflow_name", value_new_string(a, r->name));
	value_dict_set(a, v, "version", version_value(a, r->version));
	value_dict_set(a, v, "alias", text_value(a, r->alias));
	value_dict_set(a, v, "downloaded_at", text_value(a, r->downloaded_at));
	value_dict_set(a, v, "run_id", value_new_string(a, r->run_id));
	return v;
}

struct value *manifest_models(struct arena *a, const struct manifest *m)
{
	struct value *models = value_new_dict(a);

	for (size_t i = 0; i < m->models.count; i++)
		value_dict_set(a, models, m->models.items[i].file,
			record_value(a, &m->models.items[i]));
	return models;
}

static int take_models(
	struct arena *a, const struct value *models, struct manifest *m, struct err *err)
{
	struct record r;

	if (!models || models->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "it has no \"models\"");
	value_dict_foreach (p, models) {
		if (!record_read(a, value_text(p->key), p->value, &r))
			return err_set(err, ERR_INPUT, "\"%s\" is no model with its version",
				value_text(p->key));
		manifest_put(m, &r);
	}
	return 0;
}

int manifest_read(struct arena *a, const char *path, struct manifest *m, struct err *err)
{
	static const struct json_options options = {
		.unsafe = true, .strict_numbers = true, .max_bytes = MANIFEST_MAX_BYTES};
	const struct value *v = json_read_file(a, path, &options, NULL, err);

	*m = (struct manifest){0};
	if (!v)
		return -1;
	m->device_id = text_of(a, v, "device_id");
	m->last_sync = text_of(a, v, "last_sync");
	if (take_models(a, value_dict_get(v, "models"), m, err) < 0) {
		manifest_release(m);
		return err_wrap(err, "%s", path);
	}
	return 0;
}

int manifest_write(const char *path, const struct manifest *m, struct err *err)
{
	static const struct json_write_options options = {.indent = 2};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	struct value *v = value_new_dict(&arena);

	value_dict_set(&arena, v, "device_id", text_value(&arena, m->device_id));
	value_dict_set(&arena, v, "last_sync", text_value(&arena, m->last_sync));
	value_dict_set(&arena, v, "models", manifest_models(&arena, m));
	if (json_write(v, &options, &text, err) < 0)
		return -1;
	strbuf_addch(&text, '\n');
	return file_replace(path, text.data, text.len, 0644, err);
}
