/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Item trees from any bytes: what is read is written again, and must be read as the same bytes
 * once more.
 */
#include "wire/item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The writer's keys are NUL-terminated: a tree with others, or without room, is left out. */
static bool write_item(struct item_writer *w, struct arena *a, const struct item *i, bool keyed)
{
	const char *key = keyed ? arena_strndup(a, i->key, i->key_len) : NULL;
	bool fine = !keyed || !memchr(i->key, 0, i->key_len);

	switch (i->type) {
	case ITEM_NULL: item_put_null(w, key); break;
	case ITEM_FALSE:
	case ITEM_TRUE: item_put_bool(w, key, i->type == ITEM_TRUE); break;
	case ITEM_INT: item_put_int(w, key, i->integer); break;
	case ITEM_FLOAT: item_put_float(w, key, i->real); break;
	case ITEM_STRING: item_put_stringn(w, key, i->text, i->len); break;
	case ITEM_BYTES: item_put_bytes(w, key, i->text, i->len); break;
	default:
		if (i->type == ITEM_LIST)
			item_open_list(w, key);
		else
			item_open_dict(w, key);
		for (uint32_t k = 0; k < i->count; k++)
			fine &= write_item(w, a, &i->items[k], i->type == ITEM_DICT);
		item_close(w);
	}
	return fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct item_writer w;
	bool fine = true;
	const struct item *top = item_parse(&arena, data, size, NULL);

	if (!top)
		return 0;
	item_begin(&w, &out);
	for (uint32_t k = 0; k < top->count; k++)
		fine &= write_item(&w, &arena, &top->items[k], true);
	if (!fine)
		return 0;
	if (item_finish(&w, NULL) < 0 || out.len != size || memcmp(out.data, data, size) != 0)
		abort();
	return 0;
}
