/* SPDX-License-Identifier: Apache-2.0 */
#include "play/items.h"

static int put_value(
	struct item_writer *w, const char *key, const struct value *v, struct err *err);

static int put_list(
	struct item_writer *w, const char *key, const struct value *v, struct err *err)
{
	item_open_list(w, key);
	value_list_foreach (item, v)
		if (put_value(w, NULL, item, err) < 0)
			return -1;
	item_close(w);
	return 0;
}

static int put_pairs(struct item_writer *w, const struct value *v, struct err *err)
{
	value_dict_foreach (p, v) {
		if (!value_is_string(p->key) || strlen(p->key->text) != p->key->len)
			return err_set(err, ERR_INPUT,
				"a key of a mapping is %s; expected a text",
				value_kind_name(p->key));
		if (put_value(w, p->key->text, p->value, err) < 0)
			return -1;
	}
	return 0;
}

static int put_dict(
	struct item_writer *w, const char *key, const struct value *v, struct err *err)
{
	item_open_dict(w, key);
	if (put_pairs(w, v, err) < 0)
		return -1;
	item_close(w);
	return 0;
}

static int put_value(
	struct item_writer *w, const char *key, const struct value *v, struct err *err)
{
	switch (v->kind) {
	case VALUE_NULL: item_put_null(w, key); return 0;
	case VALUE_BOOL: item_put_bool(w, key, v->boolean); return 0;
	case VALUE_INT: item_put_int(w, key, v->integer); return 0;
	case VALUE_FLOAT: item_put_float(w, key, v->real); return 0;
	case VALUE_BYTES: item_put_bytes(w, key, v->text, v->len); return 0;
	case VALUE_LIST:
	case VALUE_TUPLE: return put_list(w, key, v, err);
	case VALUE_DICT: return put_dict(w, key, v, err);
	case VALUE_OBJECT:
	case VALUE_VAULT:
		return err_set(err, ERR_INPUT, "%s: %s cannot be sent to a node",
			key ? key : "an item", value_kind_name(v));
	default: item_put_stringn(w, key, v->text, v->len); return 0;
	}
}

int items_write(const struct value *dict, struct strbuf *out, struct err *err)
{
	struct item_writer w;

	item_begin(&w, out);
	if (put_pairs(&w, dict, err) < 0)
		return -1;
	return item_finish(&w, err);
}

/* The text as UTF-8. */
static struct value *read_text(struct arena *arena, const char *text, size_t n)
{
	AUTO(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = utf8_len(text + i, n - i);
		if (len > 0) {
			strbuf_add(&clean, text + i, len);
			continue;
		}
		strbuf_addutf8(&clean, 0xfffd);
		len = 1;
	}
	struct value *v = value_new_stringn(arena, clean.data, clean.len);
	v->unsafe = true;
	return v;
}

static struct value *read_dict(struct arena *arena, const struct item *item)
{
	struct value *v = value_new_dict(arena);

	for (uint32_t i = 0; i < item->count; i++) {
		const struct item *member = &item->items[i];
		value_dict_set_value(arena, v, read_text(arena, member->key, member->key_len),
			items_read(arena, member));
	}
	return v;
}

static struct value *read_list(struct arena *arena, const struct item *item)
{
	struct value *v = value_new_list(arena);

	for (uint32_t i = 0; i < item->count; i++)
		value_list_add(arena, v, items_read(arena, &item->items[i]));
	return v;
}

struct value *items_read(struct arena *arena, const struct item *item)
{
	struct value *v = ARENA_NEW(arena, struct value);

	switch (item->type) {
	case ITEM_FALSE:
	case ITEM_TRUE:
		v->kind = VALUE_BOOL;
		v->boolean = item->type == ITEM_TRUE;
		return v;
	case ITEM_INT: return value_new_int(arena, item->integer);
	case ITEM_FLOAT: return value_new_float(arena, item->real);
	case ITEM_STRING: return read_text(arena, item->text, item->len);
	case ITEM_BYTES: {
		struct value *bytes = value_new_text(arena, VALUE_BYTES, item->text, item->len);
		bytes->unsafe = true;
		return bytes;
	}
	case ITEM_LIST: return read_list(arena, item);
	case ITEM_DICT: return read_dict(arena, item);
	default: return v; /* NULL */
	}
}
