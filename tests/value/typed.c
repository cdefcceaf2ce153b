/* SPDX-License-Identifier: Apache-2.0 */
#include "value/typed.h"

#include <inttypes.h>

#include "value/number.h"

static void add_items(struct strbuf *out, const struct value *v, const char *brackets)
{
	strbuf_addch(out, brackets[0]);
	for (size_t i = 0; i < v->count; i++) {
		strbuf_addstr(out, i ? ", " : "");
		typed_add(out, v->items[i]);
	}
	strbuf_addch(out, brackets[1]);
}

static void add_pairs(struct strbuf *out, const struct value *v)
{
	strbuf_addch(out, '{');
	for (size_t i = 0; i < v->pair_count; i++) {
		strbuf_addstr(out, i ? ", " : "");
		typed_add(out, v->pairs[i].key);
		strbuf_addstr(out, " = ");
		typed_add(out, v->pairs[i].value);
	}
	strbuf_addch(out, '}');
}

/* Printable ASCII as it is, anything else as \uXXXXXX; counts characters, not bytes. */
static void add_text(struct strbuf *out, char mark, const struct value *v)
{
	strbuf_addf(out, "%c:\"", mark);
	for (size_t i = 0, len; i < v->len; i += len) {
		uint32_t c = utf8_decode(v->text + i, v->len - i, &len);

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			strbuf_addch(out, (char)c);
		else
			strbuf_addf(out, "\\u%06x", c);
	}
	strbuf_addch(out, '"');
}

void typed_add(struct strbuf *out, const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NULL: strbuf_addstr(out, "null"); break;
	case VALUE_BOOL: strbuf_addstr(out, v->boolean ? "true" : "false"); break;
	case VALUE_INT: strbuf_addf(out, "i:%" PRId64, v->integer); break;
	case VALUE_BIGINT: strbuf_addf(out, "i:%s", v->text); break;
	case VALUE_FLOAT:
		strbuf_addstr(out, "f:");
		number_add_float(out, v->real);
		break;
	case VALUE_STRING: add_text(out, v->tagged_unsafe ? 'u' : 's', v); break;
	case VALUE_BYTES:
		strbuf_addstr(out, "b:");
		strbuf_addhex(out, v->text, v->len);
		break;
	case VALUE_DATE: strbuf_addf(out, "d:%s", v->text); break;
	case VALUE_DATETIME: strbuf_addf(out, "t:%s", v->text); break;
	case VALUE_VAULT: add_text(out, 'v', v); break;
	case VALUE_LIST: add_items(out, v, "[]"); break;
	case VALUE_TUPLE: add_items(out, v, "()"); break;
	case VALUE_DICT: add_pairs(out, v); break;
	case VALUE_OBJECT: strbuf_addstr(out, "object"); break;
	}
}

void typed_add_text(struct strbuf *out, const struct strbuf *text)
{
	const struct value v = {.kind = VALUE_STRING, .text = text->data, .len = text->len};

	typed_add(out, &v);
}
