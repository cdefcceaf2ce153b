/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors: eight bytes that tell the length of a header of JSON, the header, the tensors'
 * bytes. They cover the rest of the file without holes.
 */
#include <stdlib.h>

#include "source/format_read.h"
#include "value/json.h"

#define HEADER_MAX (100u << 20) /* the specification's limit */
#define METADATA   "__metadata__"

struct span {
	uint64_t begin, end;
};

struct spans {
	struct span *items;
	size_t count;
};

static int by_begin(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* A tensor's bytes as its header tells them. */
static int read_span(const struct value_pair *p, struct span *out, struct err *err)
{
	const struct value *offsets = value_dict_get(p->value, "data_offsets");

	if (!offsets || offsets->kind != VALUE_LIST || offsets->count != 2)
		return format_broken(
			err, "has the tensor \"%.100s\" without its offsets", p->key->text);
	const struct value *begin = offsets->items[0], *end = offsets->items[1];
	if (begin->kind != VALUE_INT || end->kind != VALUE_INT || begin->integer < 0 ||
		end->integer < begin->integer)
		return format_broken(err,
			"has the tensor \"%.100s\" with offsets that cannot be", p->key->text);
	*out = (struct span){(uint64_t)begin->integer, (uint64_t)end->integer};
	return 0;
}

/* Whether the tensors follow each other from 0 to `size`. */
static int check_cover(struct spans *spans, uint64_t size, struct err *err)
{
	uint64_t at = 0;

	qsort(spans->items, spans->count, sizeof(*spans->items), by_begin);
	for (size_t i = 0; i < spans->count; i++) {
		if (spans->items[i].begin != at)
			return format_broken(err,
				"has tensors with a hole or an overlap at %llu",
				(unsigned long long)at);
		at = spans->items[i].end;
	}
	if (at != size)
		return format_broken(err,
			"has %llu bytes of tensors, and its header tells %llu",
			(unsigned long long)size, (unsigned long long)at);
	return 0;
}

static int check_tensors(
	struct arena *a, const struct value *header, uint64_t size, struct err *err)
{
	struct spans spans = {0};

	if (header->kind != VALUE_DICT)
		return format_broken(err, "has a header that is no mapping");
	if (header->pair_count > FORMAT_PARTS_MAX)
		return err_set(err, ERR_LIMIT, "has more than %u tensors", FORMAT_PARTS_MAX);
	spans.items = arena_array(a, header->pair_count + 1, sizeof(*spans.items));
	value_dict_foreach (p, header) {
		if (strcmp(value_text(p->key), METADATA) == 0)
			continue;
		if (read_span(p, &spans.items[spans.count++], err) < 0)
			return -1;
	}
	return check_cover(&spans, size, err);
}

static int read_header(struct format_file *f, uint64_t n, struct strbuf *text, struct err *err)
{
	while (text->len < n) {
		uint64_t left = n - text->len;
		size_t piece = left < FORMAT_WINDOW ? (size_t)left : FORMAT_WINDOW;
		const unsigned char *b = format_bytes(f, 8 + text->len, piece, err);
		if (!b)
			return -1;
		strbuf_add(text, b, piece);
	}
	return 0;
}

int format_check_safetensors(struct format_file *f, struct err *err)
{
	static const struct json_options options = {.strict_numbers = true, .unsafe = true};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	uint64_t n;

	if (format_number(f, 0, 8, &n, err) < 0)
		return -1;
	if (n > HEADER_MAX)
		return format_broken(err, "has a header of %llu bytes, more than %u",
			(unsigned long long)n, HEADER_MAX);
	if (read_header(f, n, &text, err) < 0)
		return -1;
	struct err why = {0};
	const struct value *header =
		json_read(&arena, text.data, text.len, NULL, &options, NULL, &why);
	if (!header)
		return err_set(err, why.code == ERR_LIMIT ? ERR_LIMIT : ERR_INTEGRITY,
			"has a header that cannot be read: %s", why.text);
	return check_tensors(&arena, header, f->size - 8 - n, err);
}
