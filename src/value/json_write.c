/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "value/json.h"
#include "value/number.h"
#include "value/sort.h"

struct json_writer {
	const struct json_write_options *options;
	struct strbuf *out;
	struct err *err;
	unsigned depth;
};

static int write_value(struct json_writer *w, const struct value *v);

static void add_escaped(struct strbuf *out, uint32_t c)
{
	if (c >= 0x10000) {
		c -= 0x10000;
		strbuf_addf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
		return;
	}
	strbuf_addf(out, "\\u%04x", c);
}

static void write_string(struct json_writer *w, const char *s, size_t n)
{
	static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

	strbuf_addch(w->out, '"');
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = utf8_decode(s + i, n - i, &len);
		const char *special = c && c < 0x80 ? strchr(specials, (int)c) : NULL;

		if (special)
			strbuf_addf(w->out, "\\%c", letters[special - specials]);
		else if (c < 0x20 || (w->options->ascii && c > 0x7e))
			add_escaped(w->out, c);
		else
			strbuf_addutf8(w->out, c);
	}
	strbuf_addch(w->out, '"');
}

static int write_float(struct json_writer *w, double d)
{
	if (isfinite(d)) {
		number_add_float(w->out, d);
		return 0;
	}
	if (w->options->strict_numbers)
		return err_set(w->err, ERR_INPUT, "JSON has no NaN and no infinity");
	strbuf_addstr(w->out, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
	return 0;
}

static bool is_indented(const struct json_writer *w)
{
	return w->options->indent || w->options->empty_indent;
}

/* What stands before an item, or before the closing bracket. */
static void break_line(struct json_writer *w)
{
	if (!is_indented(w))
		return;
	strbuf_addch(w->out, '\n');
	for (unsigned i = 0; i < w->depth * w->options->indent; i++)
		strbuf_addch(w->out, ' ');
}

static void separate(struct json_writer *w)
{
	strbuf_addch(w->out, ',');
	if (!is_indented(w) && !w->options->compact)
		strbuf_addch(w->out, ' ');
	break_line(w);
}

static int write_list(struct json_writer *w, const struct value *v)
{
	if (!v->count) {
		strbuf_addstr(w->out, "[]");
		return 0;
	}
	strbuf_addch(w->out, '[');
	w->depth++;
	break_line(w);
	for (size_t i = 0; i < v->count; i++) {
		if (i)
			separate(w);
		if (write_value(w, v->items[i]) < 0)
			return -1;
	}
	w->depth--;
	break_line(w);
	strbuf_addch(w->out, ']');
	return 0;
}

/* A key as the string that Python makes of it. */
static int write_key(struct json_writer *w, const struct value *key)
{
	switch ((enum value_kind)key->kind) {
	case VALUE_STRING: write_string(w, key->text, key->len); return 0;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_BIGINT:
	case VALUE_FLOAT: break;
	default:
		return err_set(
			w->err, ERR_INPUT, "%s cannot be a key in JSON", value_kind_name(key));
	}
	strbuf_addch(w->out, '"');
	if (write_value(w, key) < 0)
		return -1;
	strbuf_addch(w->out, '"');
	return 0;
}

static int write_pairs(struct json_writer *w, const struct value_pair *pairs, size_t count)
{
	strbuf_addch(w->out, '{');
	w->depth++;
	break_line(w);
	for (size_t i = 0; i < count; i++) {
		if (i)
			separate(w);
		if (write_key(w, pairs[i].key) < 0)
			return -1;
		strbuf_addstr(w->out, w->options->compact ? ":" : ": ");
		if (write_value(w, pairs[i].value) < 0)
			return -1;
	}
	w->depth--;
	break_line(w);
	strbuf_addch(w->out, '}');
	return 0;
}

static int write_dict(struct json_writer *w, const struct value *v)
{
	if (!v->pair_count) {
		strbuf_addstr(w->out, "{}");
		return 0;
	}
	if (!w->options->sort_keys)
		return write_pairs(w, v->pairs, v->pair_count);
	autofree struct value_pair *sorted = value_sorted_pairs(v, w->err);
	return sorted ? write_pairs(w, sorted, v->pair_count) : -1;
}

/* A text under the key by which Ansible marks what a plain string would not tell. */
static int write_marked(struct json_writer *w, const char *mark, const struct value *v)
{
	const struct value key = {.kind = VALUE_STRING, .text = mark, .len = strlen(mark)};
	const struct value text = {.kind = VALUE_STRING, .text = v->text, .len = v->len};
	const struct value_pair pair = {.key = &key, .value = &text};

	return write_pairs(w, &pair, 1);
}

static int write_textual(struct json_writer *w, const struct value *v)
{
	if (v->kind == VALUE_BIGINT) {
		strbuf_add(w->out, v->text, v->len);
		return 0;
	}
	if (v->kind == VALUE_VAULT && w->options->mark_vault)
		return write_marked(w, "__ansible_vault", v);
	if (v->kind == VALUE_VAULT)
		return err_set(w->err, ERR_UNSUPPORTED,
			"an encrypted value cannot be written as JSON; decrypt it first");
	if (v->tagged_unsafe && w->options->mark_unsafe)
		return write_marked(w, "__ansible_unsafe", v);
	write_string(w, v->text, v->len);
	return 0;
}

static int write_kind(struct json_writer *w, const struct value *v)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NULL: strbuf_addstr(w->out, "null"); return 0;
	case VALUE_BOOL: strbuf_addstr(w->out, v->boolean ? "true" : "false"); return 0;
	case VALUE_INT: strbuf_addf(w->out, "%" PRId64, v->integer); return 0;
	case VALUE_FLOAT: return write_float(w, v->real);
	case VALUE_LIST:
	case VALUE_TUPLE: return write_list(w, v);
	case VALUE_DICT: return write_dict(w, v);
	case VALUE_OBJECT:
		return err_set(w->err, ERR_UNSUPPORTED,
			"a template's own object cannot be written as JSON");
	default: return write_textual(w, v);
	}
}

static int write_value(struct json_writer *w, const struct value *v)
{
	if (w->depth > JSON_WRITE_MAX_DEPTH)
		return err_set(w->err, ERR_LIMIT, "values inside each other more than %d deep",
			JSON_WRITE_MAX_DEPTH);
	return write_kind(w, v);
}

int json_write(const struct value *v, const struct json_write_options *options,
	struct strbuf *out, struct err *err)
{
	static const struct json_write_options plain = {0};
	struct json_writer w = {.options = options ? options : &plain, .out = out, .err = err};

	return write_value(&w, v);
}
