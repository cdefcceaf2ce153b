/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `diff` of a result: made of contents, and shown.
 */
#include "play/diff.h"
#include "value/json.h"

/* Bytes at the beginning of a file among which a NUL says that it is no text. */
#define BINARY_LOOK 8192u

/* A text of a file: what is not UTF-8 becomes U+FFFD; unsafe. */
static const struct value *text_of(struct arena *arena, const struct diff_side *side)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t n;

	for (size_t i = 0; i < side->len; i += n)
		strbuf_addutf8(&text, utf8_decode(side->data + i, side->len - i, &n));
	struct value *v = value_new_stringn(arena, text.data, text.len);
	v->unsafe = true;
	return v;
}

/* How the two sides of a `diff` are called. */
struct side_names {
	const char *text, *header, *binary, *larger;
};

static const struct side_names before_names = {
	"before", "before_header", "dst_binary", "dst_larger"};
static const struct side_names after_names = {
	"after", "after_header", "src_binary", "src_larger"};

static void set_side(struct arena *arena, struct value *diff, const struct side_names *names,
	const struct diff_side *side)
{
	size_t look = side->len < BINARY_LOOK ? side->len : BINARY_LOOK;

	if (side->larger) {
		value_dict_set(
			arena, diff, names->larger, value_new_int(arena, DIFF_CONTENT_MAX));
		return;
	}
	if (!side->data) {
		value_dict_set(arena, diff, names->text, value_new_string(arena, ""));
		return;
	}
	if (memchr(side->data, 0, look)) {
		value_dict_set(arena, diff, names->binary, value_new_int(arena, 1));
		return;
	}
	value_dict_set(arena, diff, names->text, text_of(arena, side));
	if (side->header)
		value_dict_set(
			arena, diff, names->header, value_new_string(arena, side->header));
}

const struct value *diff_of_contents(
	struct arena *arena, const struct diff_side *before, const struct diff_side *after)
{
	struct value *diff = value_new_dict(arena);

	set_side(arena, diff, &before_names, before);
	set_side(arena, diff, &after_names, after);
	return diff;
}

/* One side as text: mappings as JSON, null as nothing. */
static void show_side(const struct value *v, struct strbuf *out)
{
	static const struct json_write_options json = {
		.indent = 4, .sort_keys = true, .ascii = true};

	if (v->kind == VALUE_NULL)
		return;
	if (value_is_textual(v)) {
		strbuf_add(out, v->text, v->len);
		return;
	}
	if (json_write(v, &json, out, NULL) == 0)
		strbuf_addch(out, '\n');
}

static void show_skipped(const struct value *diff, struct strbuf *out)
{
	static const struct {
		const char *key, *side;
		bool size;
	} skips[] = {{"dst_binary", "destination", false}, {"src_binary", "source", false},
		{"dst_larger", "destination", true}, {"src_larger", "source", true}};

	for (size_t i = 0; i < ARRAY_SIZE(skips); i++) {
		if (!value_dict_get(diff, skips[i].key))
			continue;
		if (skips[i].size)
			strbuf_addf(out, "diff skipped: %s file size is greater than %u\n",
				skips[i].side, DIFF_CONTENT_MAX);
		else
			strbuf_addf(out, "diff skipped: %s file appears to be binary\n",
				skips[i].side);
	}
}

static void show(const struct value *diff, struct strbuf *out)
{
	const struct value *before = value_dict_get(diff, "before");
	const struct value *after = value_dict_get(diff, "after");
	const struct value *prepared = value_dict_get(diff, "prepared");
	AUTO(strbuf_release) struct strbuf was = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf is = STRBUF_INIT;

	show_skipped(diff, out);
	if (before && after) {
		show_side(before, &was);
		show_side(after, &is);
		if (diff_unified(value_text(value_dict_get(diff, "before_header")), was.data,
			    was.len, value_text(value_dict_get(diff, "after_header")), is.data,
			    is.len, out))
			strbuf_addch(out, '\n');
	}
	if (value_is_string(prepared))
		strbuf_add(out, prepared->text, prepared->len);
}

void diff_format(const struct value *diff, struct strbuf *out)
{
	if (!diff)
		return;
	if (diff->kind != VALUE_LIST) {
		show(diff, out);
		return;
	}
	value_list_foreach (one, diff)
		show(one, out);
}
