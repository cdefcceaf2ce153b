/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/publish_manifest.h"

#include "base/clock.h"
#include "base/path.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "value/found.h"
#include "tree/manifest.h"
#include "value/number.h"
#include "value/yaml.h"
#include "value/yaml_emit.h"

#define DIGEST_KEY "digest: \""
#define DIGEST_LINE                                                                            \
	(sizeof(DIGEST_KEY) - 1 + 2 * TREE_SHA256_SIZE + 2) /* with quote, newline */

/* ---- writing ---- */

/* A string as YAML can hold it. */
static const struct value *text_value(struct arena *a, const char *s)
{
	AUTO(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t left = strlen(s), n;

	for (; left; s += n, left -= n)
		strbuf_addutf8(&clean, utf8_decode(s, left, &n));
	return value_new_stringn(a, clean.data, clean.len);
}

static const struct value *hex_value(struct arena *a, const uint8_t *data, size_t n)
{
	char hex[2 * TREE_SHA256_SIZE + 1];

	hex_encode(data, n, hex);
	return value_new_string(a, hex);
}

static const struct value *file_value(struct arena *a, const struct version_file *f)
{
	struct value *v = value_new_dict(a);

	value_dict_set(a, v, "path", text_value(a, f->path));
	if (f->link) {
		value_dict_set(a, v, "link", text_value(a, f->link));
		return v;
	}
	value_dict_set(a, v, "size", value_new_int(a, (int64_t)f->size));
	value_dict_set(a, v, "xxh3_128", hex_value(a, f->hash, sizeof(f->hash)));
	value_dict_set(a, v, "sha256", hex_value(a, f->sha256, sizeof(f->sha256)));
	return v;
}

static const struct value *manifest_value(struct arena *a, const struct version_manifest *m)
{
	struct value *v = value_new_dict(a), *files = value_new_list(a);
	char published[32];

	clock_rfc3339(m->published, published);
	for (size_t i = 0; i < m->count; i++)
		value_list_add(a, files, file_value(a, &m->items[i]));
	value_dict_set(a, v, "modelfleet_manifest", value_new_int(a, VERSION_MANIFEST_FORMAT));
	value_dict_set(a, v, "model", text_value(a, m->model));
	value_dict_set(a, v, "version", text_value(a, m->version));
	value_dict_set(a, v, "published", value_new_string(a, published));
	value_dict_set(a, v, "by", text_value(a, m->by));
	value_dict_set(a, v, "from", text_value(a, m->from));
	if (m->note)
		value_dict_set(a, v, "note", text_value(a, m->note));
	value_dict_set(a, v, "files", files);
	return v;
}

int version_manifest_print(
	const struct version_manifest *m, struct strbuf *out, struct err *err)
{
	static const struct yaml_emit_options options = {
		.flow = YAML_FLOW_LEAVES, .width = -1, .unicode = true, .no_aliases = true};
	AUTO(arena_release) struct arena a = {0};
	char digest[DIGEST_HEX_MAX];
	size_t start = out->len;

	if (yaml_emit(manifest_value(&a, m), &options, out, err) < 0 ||
		digest_hex(DIGEST_SHA256, out->data + start, out->len - start, digest, err) < 0)
		return -1;
	strbuf_addf(out, DIGEST_KEY "%s\"\n", digest);
	if (out->len - start > VERSION_MANIFEST_MAX)
		return err_set(err, ERR_LIMIT,
			VERSION_MANIFEST " would have %zu bytes, at most %u: publish fewer "
					 "files, or shorter names",
			out->len - start, VERSION_MANIFEST_MAX);
	return 0;
}

/* ---- reading ---- */

/* Fills an error about a value: what it was found to be, and what it should have been. */
static int wrong(
	const struct value *dict, const char *key, const char *expected, struct err *err)
{
	const struct value *v = value_dict_get(dict, key);
	char found[FOUND_MAX] = "nothing";

	if (v)
		found_text(v, found);
	return place_fail(v ? &v->place : &dict->place, err, ERR_INPUT,
		"%s: found %s, expected %s", key, found, expected);
}

/* A text without NUL bytes, copied; NULL with err. */
static const char *get_text(struct version_manifest *m, const struct value *dict,
	const char *key, const char *expected, struct err *err)
{
	const struct value *v = value_dict_get(dict, key);

	if (!value_is_string(v) || strlen(v->text) != v->len) {
		wrong(dict, key, expected, err);
		return NULL;
	}
	return arena_strndup(&m->arena, v->text, v->len);
}

static int get_hex(
	const struct value *dict, const char *key, uint8_t *out, size_t n, struct err *err)
{
	const char *text = value_text(value_dict_get(dict, key));

	if (!text || !parse_hex(text, out, n))
		return wrong(dict, key, n == TREE_HASH_SIZE ? "32 hex digits" : "64 hex digits",
			err);
	return 0;
}

static int get_content(const struct value *v, struct version_file *f, struct err *err)
{
	const struct value *size = value_dict_get(v, "size");

	if (!size || size->kind != VALUE_INT || size->integer < 0)
		return wrong(v, "size", "a number of bytes", err);
	f->size = (uint64_t)size->integer;
	if (get_hex(v, "xxh3_128", f->hash, sizeof(f->hash), err) < 0)
		return -1;
	return get_hex(v, "sha256", f->sha256, sizeof(f->sha256), err);
}

static int get_file(struct version_manifest *m, const struct value *v, struct err *err)
{
	struct version_file f = {0};

	f.path = get_text(m, v, "path", "the path of a file", err);
	if (!f.path)
		return -1;
	if (!path_is_contained(f.path) || strcmp(f.path, VERSION_MANIFEST) == 0)
		return wrong(v, "path", "a path inside the version", err);
	if (m->count && strcmp(m->items[m->count - 1].path, f.path) >= 0)
		return wrong(v, "path", "paths in the order of their bytes, each once", err);
	if (value_dict_get(v, "link")) {
		f.link = get_text(m, v, "link", "where the link leads", err);
		if (!f.link)
			return -1;
		if (!manifest_link_ok(f.path, f.link))
			return wrong(v, "link", "a path that stays inside the version", err);
	} else if (get_content(v, &f, err) < 0) {
		return -1;
	}
	*VEC_PUSH(m) = f;
	return 0;
}

static int get_files(struct version_manifest *m, const struct value *v, struct err *err)
{
	const struct value *files = value_dict_get(v, "files");

	if (!files || files->kind != VALUE_LIST)
		return wrong(v, "files", "a list", err);
	if (files->count > MANIFEST_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "%zu files; at most %d", files->count,
			MANIFEST_ENTRIES_MAX);
	value_list_foreach (file, files) {
		if (file->kind != VALUE_DICT)
			return wrong(v, "files", "mappings with `path`", err);
		if (get_file(m, file, err) < 0)
			return -1;
	}
	return 0;
}

static int get_head(struct version_manifest *m, const struct value *v, struct err *err)
{
	const struct value *format = value_dict_get(v, "modelfleet_manifest");
	const char *published;

	if (!format || format->kind != VALUE_INT || format->integer != VERSION_MANIFEST_FORMAT)
		return wrong(v, "modelfleet_manifest", "1", err);
	if (!(m->model = get_text(m, v, "model", "a name", err)) ||
		!(m->version = get_text(m, v, "version", "YYYY-MM-DD in quotes", err)) ||
		!(m->by = get_text(m, v, "by", "who published it", err)) ||
		!(m->from = get_text(m, v, "from", "where it came from", err)) ||
		!(published = get_text(m, v, "published", "a time in quotes", err)))
		return -1;
	if (!path_is_component(m->model))
		return wrong(v, "model", "the name of a model", err);
	if (!clock_is_date(m->version))
		return wrong(v, "version", "YYYY-MM-DD in quotes", err);
	if (!clock_parse_rfc3339(published, &m->published))
		return wrong(v, "published", "a time, e.g. '2026-02-02T09:30:00Z'", err);
	if (value_dict_get(v, "note") && !(m->note = get_text(m, v, "note", "a text", err)))
		return -1;
	return 0;
}

/* The last line holds the digest of all before it. */
static int check_digest(const char *text, size_t n, struct err *err)
{
	uint8_t said[TREE_SHA256_SIZE], is[DIGEST_MAX];

	if (n < DIGEST_LINE)
		return err_set(err, ERR_INPUT, "the last line is not its digest");
	const char *line = text + n - DIGEST_LINE;
	autofree char *hex =
		xstrndup(line + sizeof(DIGEST_KEY) - 1, (size_t)2 * TREE_SHA256_SIZE);
	if (memcmp(line, DIGEST_KEY, sizeof(DIGEST_KEY) - 1) != 0 ||
		memcmp(text + n - 2, "\"\n", 2) != 0 || !parse_hex(hex, said, sizeof(said)))
		return err_set(err, ERR_INPUT, "the last line is not its digest");
	if (digest_data(DIGEST_SHA256, text, n - DIGEST_LINE, is, err) < 0)
		return -1;
	if (memcmp(said, is, sizeof(said)) != 0)
		return err_set(err, ERR_INTEGRITY, "changed since it was written");
	return 0;
}

static int parse(struct version_manifest *m, const char *name, const char *text, size_t n,
	struct err *err)
{
	static const struct yaml_options options = {
		.duplicates_are_errors = true, .lenient_dates = true, .safe_loader = true};
	AUTO(arena_release) struct arena a = {0};

	if (n > VERSION_MANIFEST_MAX)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes; at most %u", name, n,
			VERSION_MANIFEST_MAX);
	const struct value *v = yaml_read(&a, text, n, name, &options, NULL, err);
	if (!v)
		return -1;
	if (v->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "%s: found %s, expected a mapping", name,
			value_kind_name(v));
	if (get_head(m, v, err) < 0 || get_files(m, v, err) < 0)
		return -1;
	return check_digest(text, n, err) < 0 ? err_wrap(err, "%s", name) : 0;
}

int version_manifest_parse(struct version_manifest *m, const char *name, const char *text,
	size_t n, struct err *err)
{
	*m = (struct version_manifest){0};
	return parse(m, name, text, n, err);
}

void version_manifest_release(struct version_manifest *m)
{
	arena_release(&m->arena);
	free(m->items);
	*m = (struct version_manifest){0};
}

static int by_path(const void *a, const void *b)
{
	const struct version_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

const struct version_file *version_manifest_find(
	const struct version_manifest *m, const char *path)
{
	struct version_file key = {.path = path};

	return m->count ? bsearch(&key, m->items, m->count, sizeof(*m->items), by_path) : NULL;
}
