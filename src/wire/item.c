/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/item.h"

#include <stdio.h>

#include "wire/message.h"

/* Writing. */

/* Notes the first mistake; all that follows is ignored. */
static void refuse(struct item_writer *w, enum err_code code, const char *text)
{
	if (w->wrong)
		return;
	w->wrong = text;
	w->code = code;
}

/* Room for n more bytes within the limit of a tree. */
static bool has_room(struct item_writer *w, size_t n)
{
	if (n > ITEM_SIZE_MAX || w->out->len > ITEM_SIZE_MAX - n)
		refuse(w, ERR_LIMIT, "it is larger than a tree may be");
	return !w->wrong;
}

static void add_number(struct strbuf *b, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_addch(b, (char)(uint8_t)(v >> (8 * i)));
}

/* Writes key and type of an item with n more bytes; false when it may not stand here. */
static bool start(struct item_writer *w, const char *key, enum item_type type, size_t n)
{
	size_t key_len = key ? strlen(key) : 0;

	if (w->wrong)
		return false;
	if (w->depth == 0 || w->open[w->depth - 1].dict != (key != NULL))
		refuse(w, ERR_INPUT, "a key in a list, or none in a dict");
	else if (key_len > UINT16_MAX || ++w->total > ITEM_COUNT_MAX)
		refuse(w, ERR_LIMIT, "it has too many items, or a key too long");
	if (w->wrong || !has_room(w, n) || !has_room(w, n + key_len + 3))
		return false;
	w->open[w->depth - 1].count++;
	if (key) {
		add_number(w->out, key_len, 2);
		strbuf_add(w->out, key, key_len);
	}
	strbuf_addch(w->out, (char)type);
	return true;
}

static void open_level(struct item_writer *w, bool dict)
{
	w->open[w->depth].at = w->out->len;
	w->open[w->depth].count = 0;
	w->open[w->depth].dict = dict;
	w->depth++;
	add_number(w->out, 0, 4);
}

void item_begin(struct item_writer *w, struct strbuf *out)
{
	*w = (struct item_writer){.out = out};
	strbuf_clear(out);
	strbuf_addch(out, ITEM_DICT);
	open_level(w, true);
}

void item_put_null(struct item_writer *w, const char *key)
{
	start(w, key, ITEM_NULL, 0);
}

void item_put_bool(struct item_writer *w, const char *key, bool b)
{
	start(w, key, b ? ITEM_TRUE : ITEM_FALSE, 0);
}

void item_put_int(struct item_writer *w, const char *key, int64_t i)
{
	if (start(w, key, ITEM_INT, 8))
		add_number(w->out, (uint64_t)i, 8);
}

void item_put_float(struct item_writer *w, const char *key, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	if (start(w, key, ITEM_FLOAT, 8))
		add_number(w->out, bits, 8);
}

static void put_text(
	struct item_writer *w, const char *key, enum item_type type, const void *s, size_t n)
{
	if (!start(w, key, type, n > ITEM_SIZE_MAX ? n : n + 4))
		return;
	add_number(w->out, n, 4);
	strbuf_add(w->out, s, n);
}

void item_put_stringn(struct item_writer *w, const char *key, const char *s, size_t n)
{
	put_text(w, key, ITEM_STRING, s, n);
}

void item_put_string(struct item_writer *w, const char *key, const char *s)
{
	if (s)
		put_text(w, key, ITEM_STRING, s, strlen(s));
	else
		item_put_null(w, key);
}

void item_put_stringf(struct item_writer *w, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *s = xvasprintf(fmt, ap);
	va_end(ap);
	item_put_string(w, key, s);
}

void item_put_bytes(struct item_writer *w, const char *key, const void *data, size_t n)
{
	put_text(w, key, ITEM_BYTES, data, n);
}

static void open_item(struct item_writer *w, const char *key, enum item_type type)
{
	if (!w->wrong && w->depth == ITEM_DEPTH_MAX)
		refuse(w, ERR_LIMIT, "lists and dicts are too deep inside one another");
	if (start(w, key, type, 4))
		open_level(w, type == ITEM_DICT);
}

void item_open_dict(struct item_writer *w, const char *key)
{
	open_item(w, key, ITEM_DICT);
}

void item_open_list(struct item_writer *w, const char *key)
{
	open_item(w, key, ITEM_LIST);
}

/* Ends a level: its count goes where its place was kept. */
static void close_level(struct item_writer *w)
{
	w->depth--;
	for (unsigned i = 0; i < 4; i++)
		w->out->data[w->open[w->depth].at + i] =
			(char)(uint8_t)(w->open[w->depth].count >> (8 * i));
}

void item_close(struct item_writer *w)
{
	if (w->wrong)
		return;
	if (w->depth <= 1)
		refuse(w, ERR_INPUT, "a close without an open");
	else
		close_level(w);
}

int item_finish(struct item_writer *w, struct err *err)
{
	if (!w->wrong && w->depth != 1)
		refuse(w, ERR_INPUT, "a list or dict is not closed");
	if (w->wrong)
		return err_set(err, w->code, "a tree of items: %s", w->wrong);
	close_level(w);
	return 0;
}

/* Reading. */

struct parse {
	struct msg_reader r;
	struct arena *arena;
	uint32_t total;
	struct err *err;
};

static int parse_item(struct parse *p, struct item *out, unsigned depth);

static int malformed(struct parse *p)
{
	return err_set(p->err, ERR_PROTOCOL, "a tree of items is cut or malformed");
}

static int parse_children(struct parse *p, struct item *out, unsigned depth)
{
	bool dict = out->type == ITEM_DICT;
	uint32_t count = msg_u32(&p->r);

	if (depth > ITEM_DEPTH_MAX)
		return err_set(
			p->err, ERR_LIMIT, "items more than %d levels deep", ITEM_DEPTH_MAX);
	/* An item is at least its type, with its key's length in a dict. */
	if (p->r.bad || count > msg_left(&p->r) / (dict ? 3 : 1))
		return malformed(p);
	if (count > ITEM_COUNT_MAX - p->total)
		return err_set(
			p->err, ERR_LIMIT, "more than %u items in a tree", ITEM_COUNT_MAX);
	p->total += count;
	out->count = count;
	out->items = arena_array(p->arena, count + 1u, sizeof(*out->items));
	for (uint32_t i = 0; i < count; i++) {
		struct item *child = &out->items[i];
		if (dict) {
			child->key_len = msg_u16(&p->r);
			if (p->r.bad || child->key_len > msg_left(&p->r))
				return malformed(p);
			child->key = (const char *)p->r.at;
			p->r.at += child->key_len;
		}
		if (parse_item(p, child, depth + 1) < 0)
			return -1;
	}
	return 0;
}

static int parse_scalar(struct parse *p, struct item *out)
{
	uint64_t bits;
	size_t n;

	switch (out->type) {
	case ITEM_INT: out->integer = msg_i64(&p->r); break;
	case ITEM_FLOAT:
		bits = msg_u64(&p->r);
		memcpy(&out->real, &bits, sizeof(bits));
		break;
	case ITEM_STRING:
	case ITEM_BYTES:
		out->text = (const char *)msg_bytes(&p->r, &n);
		out->len = (uint32_t)n;
		break;
	default: break;
	}
	return p->r.bad ? malformed(p) : 0;
}

static int parse_item(struct parse *p, struct item *out, unsigned depth)
{
	out->type = msg_u8(&p->r);
	if (p->r.bad || out->type > ITEM_DICT)
		return malformed(p);
	return out->type >= ITEM_LIST ? parse_children(p, out, depth) : parse_scalar(p, out);
}

const struct item *item_parse(struct arena *a, const void *data, size_t n, struct err *err)
{
	struct parse p = {.arena = a, .err = err};

	if (n > ITEM_SIZE_MAX) {
		err_set(err, ERR_LIMIT, "a tree of %zu bytes; at most %u", n, ITEM_SIZE_MAX);
		return NULL;
	}
	struct item *top = ARENA_NEW(a, struct item);
	msg_read(&p.r, data, n);
	if (parse_item(&p, top, 1) < 0)
		return NULL;
	if (top->type != ITEM_DICT || msg_left(&p.r) > 0) {
		malformed(&p);
		return NULL;
	}
	return top;
}

const struct item *item_get(const struct item *d, const char *key)
{
	size_t n = strlen(key);

	if (!d || d->type != ITEM_DICT)
		return NULL;
	for (uint32_t i = 0; i < d->count; i++) {
		const struct item *child = &d->items[i];
		if (child->key_len == n && memcmp(child->key, key, n) == 0)
			return child;
	}
	return NULL;
}

const char *item_text(struct arena *a, const struct item *d, const char *key)
{
	const struct item *i = item_get(d, key);

	if (!i || i->type != ITEM_STRING || memchr(i->text, 0, i->len))
		return NULL;
	return arena_strndup(a, i->text, i->len);
}

bool item_bool(const struct item *d, const char *key, bool otherwise)
{
	const struct item *i = item_get(d, key);

	if (!i || (i->type != ITEM_TRUE && i->type != ITEM_FALSE))
		return otherwise;
	return i->type == ITEM_TRUE;
}

int64_t item_int(const struct item *d, const char *key, int64_t otherwise)
{
	const struct item *i = item_get(d, key);

	return i && i->type == ITEM_INT ? i->integer : otherwise;
}
