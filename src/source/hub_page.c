/* SPDX-License-Identifier: Apache-2.0 */
/* One page of a list of models: what the Hub says of each, taken with care. */
#include <ctype.h>

#include "source/hub_list.h"
#include "value/json.h"

#define LICENSE_TAG "license:"
#define SHA_LEN     40

/* A member's text when it is one that can be kept. */
static const char *text_of(const struct value *v)
{
	if (!value_is_string(v) || v->len == 0 || v->len > HUB_TEXT_MAX)
		return NULL;
	return strlen(v->text) == v->len ? v->text : NULL;
}

static const char *member(const struct value *entry, const char *name)
{
	return text_of(value_dict_get(entry, name));
}

static int64_t number(const struct value *entry, const char *name)
{
	const struct value *v = value_dict_get(entry, name);

	return v && v->kind == VALUE_INT && v->integer > 0 ? v->integer : 0;
}

static bool is_true(const struct value *entry, const char *name)
{
	const struct value *v = value_dict_get(entry, name);

	return v && v->kind == VALUE_BOOL && v->boolean;
}

/* ---- names ---- */

static bool is_name(const char *text, size_t n)
{
	if (n == 0 || n > HUB_NAME_MAX || strchr("-.", text[0]) || strchr("-.", text[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
			return false;
		if (i && text[i] == '.' && text[i - 1] == '.')
			return false;
	}
	return true;
}

/* OWNER/NAME, or NAME: what may stand in a URL and in a path. */
static bool is_id(const char *id)
{
	size_t n = strcspn(id, "/");

	if (!is_name(id, n))
		return false;
	return id[n] == '\0' || is_name(id + n + 1, strlen(id + n + 1));
}

static bool is_commit(const char *sha)
{
	return sha && strlen(sha) == SHA_LEN && strspn(sha, "0123456789abcdef") == SHA_LEN;
}

/* ---- what a model has ---- */

static const char *gated(const struct value *entry)
{
	const char *said = member(entry, "gated");

	return said ? said : is_true(entry, "gated") ? "manual" : NULL;
}

/* The license of a card: a text, or a list of which the first text counts. */
static const char *card_license(const struct value *entry)
{
	const struct value *license =
		value_dict_get(value_dict_get(entry, "cardData"), "license");
	const char *found = text_of(license);

	if (license && license->kind == VALUE_LIST)
		for (size_t i = 0; i < license->count && !found; i++)
			found = text_of(license->items[i]);
	return found;
}

static const char *license(const struct value *entry, const struct hub_model *m)
{
	for (size_t i = 0; i < m->tag_count; i++)
		if (str_starts(m->tags[i], LICENSE_TAG))
			return m->tags[i] + strlen(LICENSE_TAG);
	return card_license(entry);
}

static void take_tags(struct arena *a, const struct value *entry, struct hub_model *m)
{
	const struct value *tags = value_dict_get(entry, "tags");

	if (!tags || tags->kind != VALUE_LIST)
		return;
	m->tags = arena_array(a, tags->count + 1, sizeof(*m->tags));
	value_list_foreach (tag, tags) {
		const char *text = text_of(tag);
		if (text && m->tag_count < HUB_TAGS_MAX)
			m->tags[m->tag_count++] = text;
	}
}

static struct hub_model read_model(struct arena *a, const struct value *entry, const char *id)
{
	struct hub_model m = {
		.id = id,
		.sha = member(entry, "sha"),
		.last_modified = member(entry, "lastModified"),
		.created_at = member(entry, "createdAt"),
		.task = member(entry, "pipeline_tag"),
		.library = member(entry, "library_name"),
		.gated = gated(entry),
		.downloads = number(entry, "downloads"),
		.likes = number(entry, "likes"),
	};

	if (!is_commit(m.sha))
		m.sha = NULL;
	take_tags(a, entry, &m);
	m.license = license(entry, &m);
	return m;
}

/* ---- the page ---- */

static void refuse(const struct hub_listing *l, const char *id, const char *why)
{
	if (l->refuse)
		l->refuse(l->data, id, why);
}

static int take_entry(struct arena *a, const struct value *entry, const struct hub_listing *l,
	struct err *err)
{
	const char *id = member(entry, "id");

	if (!id)
		id = member(entry, "modelId");
	if (!id || !is_id(id)) {
		refuse(l, id ? id : "", id ? "its name is no OWNER/NAME" : "it has no name");
		return 0;
	}
	if (is_true(entry, "private") || is_true(entry, "disabled"))
		return 0;
	struct hub_model m = read_model(a, entry, id);
	return l->take(l->data, &m, err);
}

/* Makes bytes that are no UTF-8, which one model's card may have, question marks. */
static void mend(char *text, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_len(text + i, n - i);
		if (len == 0) {
			text[i] = '?';
			len = 1;
		}
	}
}

int hub_list_page(char *text, size_t n, const struct hub_listing *listing, struct err *err)
{
	static const struct json_options options = {.unsafe = true};
	AUTO(arena_release) struct arena arena = {0};

	mend(text, n);
	const struct value *page = json_read(&arena, text, n, NULL, &options, NULL, err);
	if (!page)
		return err_wrap(err, "the list of models");
	if (page->kind != VALUE_LIST)
		return err_set(err, ERR_PROTOCOL, "the list of models is no list");
	value_list_foreach (entry, page) {
		int rc = take_entry(&arena, entry, listing, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}
