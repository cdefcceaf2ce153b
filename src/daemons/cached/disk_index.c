/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/disk_index.h"

#include <inttypes.h>

#include "base/vec.h"
#include "value/json.h"

void disk_version_copy(struct disk_version *to, const struct disk_version *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->version = xstrdup(from->version);
	to->run_id = xstrdup(from->run_id);
	to->stage = xstrdup(from->stage);
}

void disk_version_release(struct disk_version *v)
{
	free(v->name);
	free(v->version);
	free(v->run_id);
	free(v->stage);
	*v = (struct disk_version){0};
}

/* ---- the list ---- */

struct disk_version *disk_index_find(const struct disk_index *index, const char *name,
	const char *version, const char *run_id)
{
	for (size_t i = 0; i < index->count; i++) {
		struct disk_version *v = &index->items[i];
		if (strcmp(v->name, name) == 0 && strcmp(v->version, version) == 0 &&
			strcmp(v->run_id, run_id) == 0)
			return v;
	}
	return NULL;
}

struct disk_version *disk_index_current(const struct disk_index *index, const char *name)
{
	for (size_t i = 0; i < index->count; i++)
		if (index->items[i].current && strcmp(index->items[i].name, name) == 0)
			return &index->items[i];
	return NULL;
}

/* The first of the index that has a content. */
static const struct disk_version *first_with(const struct disk_index *index, const char *sha256)
{
	for (size_t i = 0; i < index->count; i++)
		if (strcmp(index->items[i].sha256, sha256) == 0)
			return &index->items[i];
	return NULL;
}

bool disk_index_has(const struct disk_index *index, const char *sha256)
{
	return first_with(index, sha256) != NULL;
}

void disk_index_put(struct disk_index *index, const struct disk_version *v)
{
	struct disk_version *there = disk_index_find(index, v->name, v->version, v->run_id);

	if (there)
		disk_version_release(there);
	else
		there = VEC_PUSH(index);
	disk_version_copy(there, v);
}

void disk_index_remove(struct disk_index *index, struct disk_version *v)
{
	size_t at = (size_t)(v - index->items);

	disk_version_release(v);
	memmove(v, v + 1, (--index->count - at) * sizeof(*v));
}

void disk_index_set_current(struct disk_index *index, struct disk_version *v)
{
	for (size_t i = 0; i < index->count; i++)
		if (strcmp(index->items[i].name, v->name) == 0)
			index->items[i].current = &index->items[i] == v;
}

uint64_t disk_index_bytes(const struct disk_index *index)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < index->count; i++)
		if (first_with(index, index->items[i].sha256) == &index->items[i])
			sum += index->items[i].size;
	return sum;
}

struct disk_version *disk_index_oldest(const struct disk_index *index)
{
	struct disk_version *oldest = NULL;

	for (size_t i = 0; i < index->count; i++) {
		struct disk_version *v = &index->items[i];
		if (!oldest || v->current < oldest->current ||
			(v->current == oldest->current && v->used < oldest->used))
			oldest = v;
	}
	return oldest;
}

void disk_index_release(struct disk_index *index)
{
	for (size_t i = 0; i < index->count; i++)
		disk_version_release(&index->items[i]);
	free(index->items);
	*index = (struct disk_index){0};
}

/* ---- its text ---- */

/* The text of a member, which has to be there; NULL with err. */
static const char *text_of(const struct value *v, const char *key, struct err *err)
{
	const struct value *text = value_dict_get(v, key);

	if (text && value_is_string(text) && strlen(text->text) == text->len)
		return text->text;
	err_set(err, ERR_INPUT, "a version without its \"%s\"", key);
	return NULL;
}

static int64_t number_of(const struct value *v, const char *key)
{
	const struct value *number = value_dict_get(v, key);

	return number && number->kind == VALUE_INT && number->integer > 0 ? number->integer : 0;
}

static int read_version(struct disk_index *index, const struct value *said, struct err *err)
{
	const struct value *current = value_dict_get(said, "current");
	const char *name = text_of(said, "name", err), *version = text_of(said, "version", err);
	const char *run = text_of(said, "run_id", err), *stage = text_of(said, "stage", err);
	const char *sha256 = text_of(said, "sha256", err);
	unsigned char digest[DISK_SHA256_LEN / 2];

	if (!name || !version || !run || !stage || !sha256)
		return -1;
	if (!parse_hex(sha256, digest, sizeof(digest)))
		return err_set(err, ERR_INPUT, "\"%.80s\" is no SHA-256", sha256);
	struct disk_version *v = VEC_PUSH(index);
	*v = (struct disk_version){.name = xstrdup(name),
		.version = xstrdup(version),
		.run_id = xstrdup(run),
		.stage = xstrdup(stage),
		.size = (uint64_t)number_of(said, "size"),
		.used = number_of(said, "used"),
		.current = current && current->kind == VALUE_BOOL && current->boolean};
	hex_encode(digest, sizeof(digest), v->sha256);
	return 0;
}

int disk_index_read(struct disk_index *index, const char *text, size_t n, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct json_options options = {.max_bytes = DISK_INDEX_MAX, .unsafe = true};
	const struct value *said = json_read(&arena, text, n, NULL, &options, NULL, err);
	const struct value *versions = said ? value_dict_get(said, "versions") : NULL;

	if (!said)
		return -1;
	if (!versions || versions->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT, "expected a list of versions");
	if (versions->count > DISK_VERSIONS_MAX)
		return err_set(err, ERR_LIMIT, "more than %u versions", DISK_VERSIONS_MAX);
	value_list_foreach (v, versions)
		if (read_version(index, v, err) < 0)
			return -1;
	return 0;
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, "\"%s\": ", key);
	strbuf_addjson(out, text, strlen(text));
	strbuf_addstr(out, ", ");
}

void disk_index_write(const struct disk_index *index, struct strbuf *out)
{
	strbuf_addstr(out, "{\"versions\": [");
	for (size_t i = 0; i < index->count; i++) {
		const struct disk_version *v = &index->items[i];
		strbuf_addstr(out, i ? ",\n{" : "\n{");
		add_text(out, "name", v->name);
		add_text(out, "version", v->version);
		add_text(out, "run_id", v->run_id);
		add_text(out, "stage", v->stage);
		add_text(out, "sha256", v->sha256);
		strbuf_addf(out,
			"\"size\": %" PRIu64 ", \"used\": %" PRId64 ", \"current\": %s}",
			v->size, v->used, v->current ? "true" : "false");
	}
	strbuf_addstr(out, "\n]}\n");
}
