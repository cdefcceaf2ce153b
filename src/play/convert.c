/* SPDX-License-Identifier: Apache-2.0 */
#include "play/convert.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include "inventory/literal.h"
#include "template/template.h"
#include "value/json.h"
#include "value/number.h"

/* A text without white space at its ends. */
struct trimmed {
	const char *text;
	size_t len;
};

static struct trimmed trim(const struct value *v)
{
	struct trimmed t = {v->text, v->len};

	while (t.len > 0 && isspace((unsigned char)t.text[0])) {
		t.text++;
		t.len--;
	}
	while (t.len > 0 && isspace((unsigned char)t.text[t.len - 1]))
		t.len--;
	return t;
}

static bool bool_word(struct trimmed t, bool *out)
{
	static const char *const words[][2] = {{"no", "yes"}, {"false", "true"}, {"off", "on"},
		{"0", "1"}, {"n", "y"}, {"f", "t"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t truth = 0; truth < 2; truth++)
			if (strlen(words[i][truth]) == t.len &&
				strncasecmp(words[i][truth], t.text, t.len) == 0) {
				*out = truth == 1;
				return true;
			}
	return false;
}

bool value_to_bool(const struct value *v, bool *out)
{
	switch (v->kind) {
	case VALUE_BOOL: *out = v->boolean; return true;
	case VALUE_INT: *out = v->integer == 1; return v->integer == 0 || v->integer == 1;
	case VALUE_FLOAT: *out = v->real != 0; return v->real == 0.0 || v->real == 1.0;
	case VALUE_STRING: return bool_word(trim(v), out);
	default: return false;
	}
}

bool value_to_int(const struct value *v, int64_t *out)
{
	if (v->kind == VALUE_INT) {
		*out = v->integer;
		return true;
	}
	if (v->kind == VALUE_BOOL) {
		*out = v->boolean;
		return true;
	}
	if (v->kind != VALUE_STRING)
		return false;
	struct trimmed t = trim(v);
	if (t.len > 1 && t.text[0] == '+' && isdigit((unsigned char)t.text[1])) {
		t.text++;
		t.len--;
	}
	autofree char *digits = xstrndup(t.text, t.len);
	return parse_int(digits, INT64_MIN, INT64_MAX, out);
}

/* The words that Python's float() takes for numbers. */
static bool number_word(struct trimmed t, double *out)
{
	static const char *const words[] = {"inf", "infinity", "nan"};
	bool negative = t.len > 0 && t.text[0] == '-';

	if (t.len > 0 && (t.text[0] == '-' || t.text[0] == '+')) {
		t.text++;
		t.len--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == t.len && strncasecmp(words[i], t.text, t.len) == 0) {
			*out = words[i][0] == 'n' ? NAN : negative ? -INFINITY : INFINITY;
			return true;
		}
	return false;
}

bool value_to_number(const struct value *v, double *out)
{
	int64_t i;

	if (v->kind == VALUE_FLOAT) {
		*out = v->real;
		return true;
	}
	if (value_to_int(v, &i)) {
		*out = (double)i;
		return true;
	}
	if (v->kind != VALUE_STRING)
		return false;
	struct trimmed t = trim(v);
	return number_word(t, out) || number_parse_float(t.text, t.len, out);
}

/* A text made from a value keeps its place and its trust. */
static struct value *derived(
	struct arena *a, const struct value *from, const char *text, size_t len)
{
	struct value *v = value_new_stringn(a, text, len);

	v->place = from->place;
	v->unsafe = from->unsafe;
	v->tagged_unsafe = from->tagged_unsafe;
	return v;
}

const struct value *value_to_text(struct arena *a, const struct value *v)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (v->kind == VALUE_STRING)
		return v;
	if (template_str(v, &text, NULL) < 0)
		return NULL;
	return derived(a, v, text.data, text.len);
}

const struct value *value_to_list(struct arena *a, const struct value *v)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE)
		return v;
	if (v->kind != VALUE_STRING && v->kind != VALUE_INT && v->kind != VALUE_FLOAT &&
		v->kind != VALUE_BOOL)
		return NULL;
	const struct value *text = value_to_text(a, v);
	struct value *list = value_new_list(a);
	list->place = v->place;
	const char *at = text->text, *end = at + text->len;
	for (;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma && v->kind == VALUE_STRING ? comma : end;
		value_list_add(a, list, derived(a, text, at, (size_t)(stop - at)));
		if (stop == end)
			return list;
		at = stop + 1;
	}
}

/* Where the reader of "k=v, k2='v 2'" is. */
struct pair_reader {
	struct arena *arena;
	const struct value *source;
	struct value *dict;
	struct strbuf field;
};

/* Ends a field; false if it is no pair. */
static bool end_pair(struct pair_reader *r)
{
	const char *equals = memchr(r->field.data, '=', r->field.len);

	if (r->field.len == 0)
		return true;
	if (!equals)
		return false;
	size_t name = (size_t)(equals - r->field.data);
	value_dict_set(r->arena, r->dict, arena_strndup(r->arena, r->field.data, name),
		derived(r->arena, r->source, equals + 1, r->field.len - name - 1));
	strbuf_clear(&r->field);
	return true;
}

static bool read_pairs(struct pair_reader *r, struct trimmed t)
{
	char quote = '\0';

	for (size_t i = 0; i < t.len; i++) {
		char c = t.text[i];
		if (c == '\\' && i + 1 < t.len) {
			strbuf_addch(&r->field, t.text[++i]);
		} else if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? '\0' : c;
		} else if (!quote && (c == ',' || c == ' ')) {
			if (!end_pair(r))
				return false;
		} else if (c != '\\') {
			strbuf_addch(&r->field, c);
		}
	}
	return end_pair(r);
}

const struct value *value_to_dict(struct arena *a, const struct value *v)
{
	if (v->kind == VALUE_DICT)
		return v;
	if (v->kind != VALUE_STRING)
		return NULL;
	if (v->len > 0 && v->text[0] == '{') {
		const struct value *read =
			json_read(a, v->text, v->len, NULL, NULL, NULL, NULL);
		if (!read)
			read = literal_parse(a, v->text, v->len, &v->place);
		if (!read || read->kind != VALUE_DICT)
			return NULL;
		return v->unsafe ? value_copy_unsafe(a, read) : read;
	}
	struct pair_reader r = {
		.arena = a, .source = v, .dict = value_new_dict(a), .field = STRBUF_INIT};
	r.dict->place = v->place;
	bool ok = memchr(v->text, '=', v->len) && read_pairs(&r, trim(v));
	strbuf_release(&r.field);
	return ok ? r.dict : NULL;
}

const struct value *value_to_mode(struct arena *a, const struct value *v)
{
	char octal[32];

	if (v->kind != VALUE_INT)
		return v->kind == VALUE_STRING ? v : NULL;
	if (v->integer < 0)
		return NULL;
	int n = snprintf(octal, sizeof(octal), "0%" PRIo64, (uint64_t)v->integer);
	return derived(a, v, octal, (size_t)n);
}
