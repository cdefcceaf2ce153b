/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/fd.h"
#include "value/json.h"
#include "value/number.h"

struct json_reader {
	struct arena *arena;
	const char *text;
	const char *p; /* what is looked at */
	const char *end;
	const char *line_start;
	unsigned line;
	const char *file;
	struct json_options options; /* limits filled in */
	size_t depth;
	size_t nodes;
	struct strbuf string; /* scratch for strings with escapes */
	struct diags *diags;
	struct err *err;
};

static struct value *read_value(struct json_reader *r);

static struct place place_of(const struct json_reader *r, const char *p)
{
	return (struct place){
		.file = r->file, .line = r->line, .column = (unsigned)(p - r->line_start + 1)};
}

static int fail(struct json_reader *r, const char *p, enum err_code code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int fail(struct json_reader *r, const char *p, enum err_code code, const char *fmt, ...)
{
	struct place at = place_of(r, p);
	va_list ap;

	va_start(ap, fmt);
	place_vfail(&at, r->err, code, fmt, ap);
	va_end(ap);
	return -1;
}

/* Fails with what stands at p instead of what was expected. */
static int fail_expected(struct json_reader *r, const char *p, const char *expected)
{
	if (p >= r->end)
		return fail(r, p, ERR_INPUT, "the text ends here, expected %s", expected);
	if (*p > ' ' && *p < 0x7f)
		return fail(r, p, ERR_INPUT, "found '%c', expected %s", *p, expected);
	return fail(
		r, p, ERR_INPUT, "found byte 0x%02x, expected %s", (unsigned char)*p, expected);
}

static void skip_space(struct json_reader *r)
{
	for (; r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p; r->p++)
		if (*r->p == '\n') {
			r->line++;
			r->line_start = r->p + 1;
		}
}

static bool take(struct json_reader *r, char c)
{
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* Takes a word if it stands here. */
static bool take_word(struct json_reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return false;
	r->p += n;
	return true;
}

/* Four hex digits at p, or -1. */
static int hex4(const struct json_reader *r, const char *p)
{
	unsigned value = 0;

	if (r->end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return (int)value;
}

/* The escape \uXXXX, and the second half of a pair; a half without the other is U+FFFD. */
static int read_unicode(struct json_reader *r)
{
	int high = hex4(r, r->p), low;

	if (high < 0)
		return fail_expected(r, r->p, "four hex digits behind \\u");
	r->p += 4;
	unsigned c = (unsigned)high;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' &&
		r->p[1] == 'u' && (low = hex4(r, r->p + 2)) >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + ((unsigned)low - 0xdc00);
		r->p += 6;
	}
	strbuf_addutf8(&r->string, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 0;
}

static int read_escape(struct json_reader *r)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *found = r->p < r->end && *r->p ? strchr(letters, *r->p) : NULL;

	if (found) {
		strbuf_addch(&r->string, bytes[found - letters]);
		r->p++;
		return 0;
	}
	if (!take(r, 'u'))
		return fail_expected(r, r->p, "one of \" \\ / b f n r t u behind a backslash");
	return read_unicode(r);
}

/* Reads a string, whose quote was taken, into the scratch. */
static int read_string(struct json_reader *r)
{
	strbuf_clear(&r->string);
	while (r->p < r->end && *r->p != '"') {
		size_t n = utf8_len(r->p, (size_t)(r->end - r->p));

		if (*r->p == '\\') {
			r->p++;
			if (read_escape(r) < 0)
				return -1;
			continue;
		}
		if ((unsigned char)*r->p < 0x20)
			return fail(r, r->p, ERR_INPUT,
				"found control character 0x%02x in a string, expected an "
				"escape such as \\n",
				(unsigned char)*r->p);
		if (!n)
			return fail(r, r->p, ERR_INPUT,
				"found byte 0x%02x, expected UTF-8; save the file as UTF-8",
				(unsigned char)*r->p);
		strbuf_add(&r->string, r->p, n);
		r->p += n;
	}
	return take(r, '"') ? 0 : fail_expected(r, r->p, "a closing quote");
}

static struct value *new_string(struct json_reader *r)
{
	struct value *v = value_new_stringn(r->arena, r->string.data, r->string.len);

	v->unsafe = r->options.unsafe;
	return v;
}

static const char *skip_digits(const struct json_reader *r, const char *p)
{
	while (p < r->end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Behind the fraction and exponent at p; NULL with err if digits are missing. */
static const char *skip_fraction(struct json_reader *r, const char *p)
{
	if (p < r->end && *p == '.') {
		const char *digits = skip_digits(r, ++p);
		if (digits == p)
			return fail_expected(r, p, "a digit"), NULL;
		p = digits;
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		const char *digits = skip_digits(r, p);
		if (digits == p)
			return fail_expected(r, p, "a digit"), NULL;
		p = digits;
	}
	return p;
}

static struct value *read_number(struct json_reader *r)
{
	const char *start = r->p;
	bool negative = take(r, '-');
	const char *digits = r->p, *whole = skip_digits(r, digits);
	double d;

	if (whole == digits)
		return fail_expected(r, digits, "a value"), NULL;
	if (*digits == '0' && whole > digits + 1)
		return fail(r, digits, ERR_INPUT, "a number begins with 0; JSON has no octal"),
		       NULL;
	const char *end = skip_fraction(r, whole);
	if (!end)
		return NULL;
	r->p = end;
	bool minus_zero = negative && *digits == '0';
	if (r->p == whole && !(minus_zero && r->options.number_texts)) {
		struct value *v = number_new_integer(
			r->arena, negative, digits, (size_t)(whole - digits), 10);
		if (!v)
			fail(r, start, ERR_LIMIT, "an integer of more than %d digits",
				NUMBER_MAX_DIGITS);
		return v;
	}
	if (!number_parse_float(start, (size_t)(r->p - start), &d) ||
		(isinf(d) && r->options.strict_numbers))
		return fail(r, start, ERR_LIMIT, "a number beyond what a double holds"), NULL;
	if (r->options.number_texts)
		return value_new_text(r->arena, VALUE_BIGINT, start, (size_t)(r->p - start));
	return value_new_float(r->arena, d);
}

/* NaN and the infinities, which Python writes and reads; or the number that begins with '-'. */
static struct value *read_special(struct json_reader *r)
{
	const char *start = r->p;
	double d = take_word(r, "NaN")         ? (double)NAN
		   : take_word(r, "Infinity")  ? (double)INFINITY
		   : take_word(r, "-Infinity") ? -(double)INFINITY
					       : 0;

	if (r->p == start)
		return read_number(r);
	if (r->options.strict_numbers)
		return fail(r, start, ERR_INPUT, "NaN and Infinity are not JSON"), NULL;
	return value_new_float(r->arena, d);
}

static struct value *read_list(struct json_reader *r)
{
	struct value *list = value_new_list(r->arena);

	skip_space(r);
	if (take(r, ']'))
		return list;
	for (;;) {
		const struct value *item = read_value(r);

		if (!item)
			return NULL;
		value_list_add(r->arena, list, item);
		skip_space(r);
		if (take(r, ']'))
			return list;
		if (!take(r, ','))
			return fail_expected(r, r->p, "',' or ']'"), NULL;
	}
}

static int check_duplicate(
	struct json_reader *r, const struct value *dict, const struct value *key)
{
	const struct value_pair *first;

	if (!r->options.duplicates_are_errors || !(first = value_dict_find(dict, key)))
		return 0;
	if (!r->diags)
		return fail(r, r->p, ERR_INPUT,
			"the key %.100s is given twice; remove one of them", key->text);
	diag_error(r->diags, &key->place,
		"the key %.100s is given again, first in line %u; remove one of them",
		key->text, first->key->place.line);
	return 0;
}

static struct value *read_key(struct json_reader *r, const struct value *dict)
{
	skip_space(r);
	struct place at = place_of(r, r->p);
	if (!take(r, '"'))
		return fail_expected(r, r->p, "a key in double quotes"), NULL;
	if (read_string(r) < 0)
		return NULL;
	struct value *key = new_string(r);
	key->place = at;
	skip_space(r);
	if (!take(r, ':'))
		return fail_expected(r, r->p, "':' behind a key"), NULL;
	return check_duplicate(r, dict, key) < 0 ? NULL : key;
}

static struct value *read_dict(struct json_reader *r)
{
	struct value *dict = value_new_dict(r->arena);

	skip_space(r);
	if (take(r, '}'))
		return dict;
	for (;;) {
		const struct value *key = read_key(r, dict);
		const struct value *item = key ? read_value(r) : NULL;

		if (!item)
			return NULL;
		value_dict_set_value(r->arena, dict, key, item);
		skip_space(r);
		if (take(r, '}'))
			return dict;
		if (!take(r, ','))
			return fail_expected(r, r->p, "',' or '}'"), NULL;
	}
}

static struct value *copy_constant(struct json_reader *r, const struct value *v)
{
	return arena_memdup(r->arena, v, sizeof(*v));
}

static struct value *read_kind(struct json_reader *r)
{
	if (take(r, '{'))
		return read_dict(r);
	if (take(r, '['))
		return read_list(r);
	if (take(r, '"'))
		return read_string(r) < 0 ? NULL : new_string(r);
	if (take_word(r, "null"))
		return copy_constant(r, &value_null);
	if (take_word(r, "true"))
		return copy_constant(r, &value_true);
	if (take_word(r, "false"))
		return copy_constant(r, &value_false);
	return read_special(r);
}

static struct value *read_value(struct json_reader *r)
{
	skip_space(r);
	struct place at = place_of(r, r->p);
	if (++r->depth > r->options.max_depth)
		return fail(r, r->p, ERR_LIMIT, "values inside each other more than %zu deep",
			       r->options.max_depth),
		       NULL;
	if (++r->nodes > r->options.max_nodes)
		return fail(r, r->p, ERR_LIMIT, "more than %zu values", r->options.max_nodes),
		       NULL;
	struct value *v = read_kind(r);
	if (v)
		v->place = at;
	r->depth--;
	return v;
}

static void fill_limits(struct json_options *o)
{
	if (!o->max_bytes)
		o->max_bytes = JSON_MAX_BYTES;
	if (!o->max_depth)
		o->max_depth = JSON_MAX_DEPTH;
	if (!o->max_nodes)
		o->max_nodes = JSON_MAX_NODES;
}

const struct value *json_read(struct arena *a, const char *text, size_t len, const char *file,
	const struct json_options *options, struct diags *diags, struct err *err)
{
	size_t bom = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
	struct json_reader r = {.arena = a,
		.text = text,
		.p = text + bom,
		.end = text + len,
		.line_start = text + bom,
		.line = 1,
		.file = arena_strdup(a, file),
		.string = STRBUF_INIT,
		.diags = diags,
		.err = err};

	if (options)
		r.options = *options;
	fill_limits(&r.options);
	if (len > r.options.max_bytes) {
		err_set(err, ERR_LIMIT, "%s%s%zu bytes are more than the limit of %zu",
			file ? file : "", file ? ": " : "", len, r.options.max_bytes);
		return NULL;
	}
	const struct value *v = read_value(&r);
	if (v)
		skip_space(&r);
	if (v && r.p < r.end) {
		fail_expected(&r, r.p, "the end of the text");
		v = NULL;
	}
	strbuf_release(&r.string);
	return v;
}

const struct value *json_read_file(struct arena *a, const char *path,
	const struct json_options *options, struct diags *diags, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t max = options && options->max_bytes ? options->max_bytes : JSON_MAX_BYTES;

	if (file_read(path, max, &text, err) < 0)
		return NULL;
	return json_read(a, text.data, text.len, path, options, diags, err);
}
