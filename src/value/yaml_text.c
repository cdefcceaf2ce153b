/* SPDX-License-Identifier: Apache-2.0 */
#include "value/yaml_text.h"

#include <inttypes.h>
#include <math.h>

#include "value/number.h"
#include "value/yaml_scalar.h"

void yaml_add_float(struct strbuf *out, double d)
{
	AUTO(strbuf_release) struct strbuf repr = STRBUF_INIT;

	if (isnan(d) || isinf(d)) {
		strbuf_addstr(out, isnan(d) ? ".nan" : d > 0 ? ".inf" : "-.inf");
		return;
	}
	number_add_float(&repr, d);
	/* YAML 1.1 knows an exponent only behind a point. */
	const char *exponent = strchr(repr.data, '.') ? NULL : strchr(repr.data, 'e');
	if (!exponent) {
		strbuf_addstr(out, repr.data);
		return;
	}
	strbuf_add(out, repr.data, (size_t)(exponent - repr.data));
	strbuf_addf(out, ".0%s", exponent);
}

/* Plain without any doubt, in block and flow context; what else is safe gets quotes. */
static bool is_safe_plain(const char *s, size_t n)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.";
	static const char rest[] = "0123456789-+@%";

	if (!n || !strchr(first, s[0]))
		return n && s[0] >= '0' && s[0] <= '9' && strspn(s, "0123456789.-abcdef") == n;
	for (size_t i = 0; i < n; i++)
		if (!s[i] || (!strchr(first, s[i]) && !strchr(rest, s[i])))
			return false;
	return true;
}

/* True if single quotes can hold it on one line. */
static bool is_printable(const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = utf8_decode(s + i, n - i, &len);
		bool line_break = c == 0x85 || c == 0x2028 || c == 0x2029;

		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || line_break || c == 0xfeff ||
			c > 0xfffd)
			return false;
	}
	return true;
}

static void add_single(struct strbuf *out, const char *s, size_t n)
{
	strbuf_addch(out, '\'');
	for (size_t i = 0; i < n; i++) {
		strbuf_addch(out, s[i]);
		if (s[i] == '\'')
			strbuf_addch(out, '\'');
	}
	strbuf_addch(out, '\'');
}

static void add_double(struct strbuf *out, const char *s, size_t n)
{
	strbuf_addch(out, '"');
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = utf8_decode(s + i, n - i, &len);

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", (char)c);
		else if (c == '\n')
			strbuf_addstr(out, "\\n");
		else if (c == '\t')
			strbuf_addstr(out, "\\t");
		else if (is_printable(s + i, len))
			strbuf_add(out, s + i, len);
		else
			strbuf_addf(out,
				c > 0xffff ? "\\U%08x"
				: c > 0xff ? "\\u%04x"
					   : "\\x%02x",
				c);
	}
	strbuf_addch(out, '"');
}

/* Text in quotes as wished, or in those that it needs. */
static void add_text(struct strbuf *out, const struct value *v, enum yaml_quotes wish)
{
	enum yaml_tag plain_tag = v->kind == VALUE_STRING ? YAML_TAG_STR : YAML_TAG_TIMESTAMP;

	if (wish == YAML_QUOTES_NONE && is_safe_plain(v->text, v->len) &&
		yaml_resolve(v->text, v->len) == plain_tag)
		strbuf_add(out, v->text, v->len);
	else if (wish == YAML_QUOTES_DOUBLE || !is_printable(v->text, v->len))
		add_double(out, v->text, v->len);
	else
		add_single(out, v->text, v->len);
}

bool yaml_add_scalar(struct strbuf *out, const struct value *v, enum yaml_quotes wish)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NULL: strbuf_addstr(out, "null"); return true;
	case VALUE_BOOL: strbuf_addstr(out, v->boolean ? "true" : "false"); return true;
	case VALUE_INT: strbuf_addf(out, "%" PRId64, v->integer); return true;
	case VALUE_FLOAT: yaml_add_float(out, v->real); return true;
	case VALUE_BIGINT:
	case VALUE_DATETIME: strbuf_add(out, v->text, v->len); return true;
	case VALUE_STRING:
	case VALUE_DATE: add_text(out, v, wish); return true;
	default: return false;
	}
}
