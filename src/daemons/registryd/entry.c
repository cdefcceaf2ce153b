/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/entry.h"

#include <inttypes.h>

#include "base/strmap.h"
#include "value/json.h"

/* How entries stand in registry.json: in a list in an object. */
#define FILE_INDENT 2
#define FILE_DEPTH  2

static const struct json_options metadata_options = {.duplicates_are_errors = true,
	.strict_numbers = true,
	.number_texts = true,
	.max_bytes = ENTRY_METADATA_MAX,
	.max_depth = ENTRY_METADATA_DEPTH};
static const struct json_write_options one_line = {.compact = true, .strict_numbers = true};

const struct value *entry_metadata_read(struct arena *a, const char *json, struct err *err)
{
	const struct value *v =
		json_read(a, json, strlen(json), NULL, &metadata_options, NULL, err);

	if (v && v->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "metadata is %s; expected an object",
			value_kind_name(v));
		return NULL;
	}
	return v;
}

int entry_metadata_write(const struct value *metadata, struct strbuf *out, struct err *err)
{
	size_t before = out->len;

	if (json_write(metadata, &one_line, out, err) < 0)
		return -1;
	if (out->len - before > ENTRY_METADATA_MAX)
		return err_set(
			err, ERR_LIMIT, "metadata of more than %u bytes", ENTRY_METADATA_MAX);
	return 0;
}

const struct value *entry_metadata_merge(
	struct arena *a, const struct value *metadata, const struct value *patch)
{
	if (patch->kind != VALUE_DICT)
		return patch;
	struct value *merged = value_new_dict(a);
	if (metadata && metadata->kind == VALUE_DICT)
		value_dict_foreach (p, metadata)
			value_dict_set_value(a, merged, p->key, p->value);
	value_dict_foreach (p, patch) {
		if (p->value->kind == VALUE_NULL) {
			value_dict_remove(a, merged, p->key);
			continue;
		}
		const struct value *old = value_dict_get_value(merged, p->key);
		value_dict_set_value(a, merged, p->key, entry_metadata_merge(a, old, p->value));
	}
	return merged;
}

/* The entry as a value; metadata is what its text says. */
static struct value *fields_value(struct arena *a, const struct entry *e)
{
	struct value *v = value_new_dict(a);
	const struct value *metadata = entry_metadata_read(a, e->metadata, NULL);

	value_dict_set(a, v, "model_name", value_new_string(a, e->model_name));
	value_dict_set(a, v, "version", value_new_int(a, e->version));
	value_dict_set(a, v, "path", value_new_string(a, e->path));
	value_dict_set(a, v, "status", value_new_string(a, entry_status_name(e->status)));
	value_dict_set(a, v, "creation_timestamp", value_new_string(a, e->creation_timestamp));
	value_dict_set(a, v, "metadata", metadata ? metadata : value_new_dict(a));
	if (e->date)
		value_dict_set(a, v, "date", value_new_string(a, e->date));
	return v;
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, ",\"%s\":", key);
	strbuf_addjson(out, text, strlen(text));
}

static void add_one_line(struct strbuf *out, const struct entry *e)
{
	strbuf_addstr(out, "{\"model_name\":");
	strbuf_addjson(out, e->model_name, strlen(e->model_name));
	strbuf_addf(out, ",\"version\":%" PRId64, e->version);
	add_text(out, "path", e->path);
	add_text(out, "status", entry_status_name(e->status));
	add_text(out, "creation_timestamp", e->creation_timestamp);
	strbuf_addstr(out, ",\"metadata\":");
	strbuf_addstr(out, e->metadata);
	if (e->date)
		add_text(out, "date", e->date);
	strbuf_addch(out, '}');
}

static const char *const field_names[] = {
	"model_name", "version", "path", "status", "creation_timestamp", "metadata", "date"};

static bool is_field(const struct value *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(field_names); i++)
		if (entry_key_is(key, field_names[i]))
			return true;
	return false;
}

/* Lines of their own, as they stand in the file but for the first one's indentation. */
static void add_file_text(struct strbuf *out, const struct entry *e, const struct value *others)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct json_write_options options = {.indent = FILE_INDENT};
	struct value *v = fields_value(&arena, e);

	if (others)
		value_dict_foreach (p, others)
			if (!is_field(p->key))
				value_dict_set_value(&arena, v, p->key, p->value);
	json_write(v, &options, &text, NULL);
	for (const char *line = text.data; *line;) {
		size_t n = strcspn(line, "\n");
		strbuf_add(out, line, n);
		line += n;
		if (*line++ == '\n')
			strbuf_addf(out, "\n%*s", FILE_INDENT * FILE_DEPTH, "");
		else
			break;
	}
}

/* Copies a string behind the struct, and moves on. */
static const char *put(char **at, const char *s)
{
	char *copy = *at;

	if (!s)
		return NULL;
	size_t n = strlen(s) + 1;
	memcpy(copy, s, n);
	*at += n;
	return copy;
}

static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* One piece of memory for all: lists hold many entries. */
struct entry *entry_new(
	const struct entry *fields, uint64_t position, bool in_file, const struct value *others)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf file = STRBUF_INIT;

	add_one_line(&json, fields);
	if (in_file)
		add_file_text(&file, fields, others);
	struct entry *e =
		xmalloc(sizeof(*e) + size_of(fields->model_name) + size_of(fields->path) +
			size_of(fields->creation_timestamp) + size_of(fields->metadata) +
			size_of(fields->date) + json.len + 1 + file.len + 1);
	char *at = (char *)(e + 1);
	*e = (struct entry){.model_name = put(&at, fields->model_name),
		.version = fields->version,
		.path = put(&at, fields->path),
		.status = fields->status,
		.creation_timestamp = put(&at, fields->creation_timestamp),
		.metadata = put(&at, fields->metadata),
		.date = put(&at, fields->date),
		.json = put(&at, json.data),
		.json_len = json.len,
		.position = position,
		.file_text = in_file ? put(&at, file.data) : NULL};
	atomic_init(&e->references, 1);
	snprintf(e->etag, sizeof(e->etag), "%016" PRIx64, str_hash(json.data, json.len));
	return e;
}

struct entry *entry_ref(const struct entry *entry)
{
	struct entry *e = (struct entry *)entry;

	atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
	return e;
}

void entry_unref(const struct entry *entry)
{
	struct entry *e = (struct entry *)entry;

	if (e && atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1)
		free(e);
}
