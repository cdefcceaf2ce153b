/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacement templates: parsed once, then filled in for every match.
 */
#include "base/vec.h"
#include "text/regex.h"
#include "text/regex_translate.h"

/* A part of a template: a group, or literal bytes in `literals`. */
struct part {
	int group; /* -1 for a literal */
	size_t start;
	size_t len;
};

struct template
{
	const struct regex *re;
	const char *text;
	size_t len;
	size_t at;
	struct strbuf literals;
	struct {
		struct part *items;
		size_t count, cap;
	} parts;
	struct err *err;
};

static void template_release(struct template *t)
{
	strbuf_release(&t->literals);
	free(t->parts.items);
}

static int template_fail(struct template *t, size_t at, const char *what)
{
	return err_set(t->err, ERR_INPUT, "replacement: %s at offset %zu", what, at);
}

/* Adds a character to the literal that is last, or begins one. */
static void add_literal(struct template *t, uint32_t c)
{
	size_t start = t->literals.len;
	struct part *last = t->parts.count ? &t->parts.items[t->parts.count - 1] : NULL;

	strbuf_addutf8(&t->literals, c);
	if (last && last->group < 0)
		last->len += t->literals.len - start;
	else
		*VEC_PUSH(&t->parts) = (struct part){
			.group = -1, .start = start, .len = t->literals.len - start};
}

static int add_group(struct template *t, size_t at, int64_t group)
{
	if (group < 0 || group > regex_group_count(t->re))
		return template_fail(t, at, "invalid group reference");
	*VEC_PUSH(&t->parts) = (struct part){.group = (int)group};
	return 0;
}

/* "\g<1>" or "\g<name>"; t->at is behind the g. */
static int parse_named(struct template *t, size_t from)
{
	const char *start = t->text + t->at + 1;
	const char *end = t->at < t->len && t->text[t->at] == '<'
				  ? memchr(start, '>', t->len - t->at - 1)
				  : NULL;
	int64_t group;

	if (!end)
		return template_fail(t, from, "expected \\g<name> or \\g<number>");
	autofree char *name = xstrndup(start, (size_t)(end - start));
	t->at += strlen(name) + 2;
	if (start + strlen(name) != end)
		return template_fail(t, from, "bad character in group name");
	if (parse_int(name, 0, 99999, &group))
		return add_group(t, from, group);
	if (!regex_is_name(name, strlen(name)))
		return template_fail(t, from, "bad character in group name");
	int number = regex_group_number(t->re, name);
	return number < 0 ? template_fail(t, from, "unknown group name")
			  : add_group(t, from, number);
}

static bool is_digit(const struct template *t, size_t at, char highest)
{
	return at < t->len && t->text[at] >= '0' && t->text[at] <= highest;
}

/* "\1", "\12", and octal: "\0", "\012", "\141". */
static int parse_digits(struct template *t, size_t from)
{
	size_t first = t->at;
	bool octal = t->text[first] == '0' ||
		     (is_digit(t, first, '7') && is_digit(t, first + 1, '7') &&
			     is_digit(t, first + 2, '7'));
	unsigned value = 0, base = octal ? 8 : 10, max = octal ? 3 : 2;

	for (unsigned i = 0; i < max && is_digit(t, t->at, octal ? '7' : '9'); i++)
		value = value * base + (unsigned)(t->text[t->at++] - '0');
	if (!octal)
		return add_group(t, from, value);
	if (value > 0377)
		return template_fail(t, from, "octal escape beyond 0o377");
	add_literal(t, value);
	return 0;
}

static int parse_escape(struct template *t)
{
	static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
	size_t from = t->at++, len;

	if (t->at == t->len)
		return template_fail(t, from, "bad escape (end of template)");
	char c = t->text[t->at];
	if (c >= '0' && c <= '9')
		return parse_digits(t, from);
	if (c == 'g') {
		t->at++;
		return parse_named(t, from);
	}
	const char *simple = c ? strchr(letters, c) : NULL;
	if (simple) {
		add_literal(t, (unsigned char)bytes[simple - letters]);
		t->at++;
		return 0;
	}
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return template_fail(t, from, "bad escape");
	/* Anything else keeps its backslash, but for the backslash itself. */
	if (c != '\\')
		add_literal(t, '\\');
	add_literal(t, utf8_decode(t->text + t->at, t->len - t->at, &len));
	t->at += len;
	return 0;
}

static int template_parse(struct template *t)
{
	while (t->at < t->len) {
		size_t len;

		if (t->text[t->at] == '\\') {
			if (parse_escape(t) < 0)
				return -1;
			continue;
		}
		add_literal(t, utf8_decode(t->text + t->at, t->len - t->at, &len));
		t->at += len;
	}
	return 0;
}

static void template_fill(const struct template *t, const char *text,
	const struct regex_result *match, struct strbuf *out)
{
	for (size_t i = 0; i < t->parts.count; i++) {
		const struct part *p = &t->parts.items[i];

		if (p->group < 0) {
			strbuf_add(out, t->literals.data + p->start, p->len);
			continue;
		}
		const struct regex_span *span = &match->spans[p->group];
		if (span->set)
			strbuf_add(out, text + span->start, span->end - span->start);
	}
}

int regex_expand(const struct regex *re, const char *text, const struct regex_result *match,
	const char *replacement, size_t replacement_len, struct strbuf *out, struct err *err)
{
	AUTO(template_release)
	struct template t = {.re = re,
		.text = replacement,
		.len = replacement_len,
		.literals = STRBUF_INIT,
		.err = err};

	if (template_parse(&t) < 0)
		return -1;
	template_fill(&t, text, match, out);
	return 0;
}

int regex_sub(const struct regex *re, const char *text, size_t len, const char *replacement,
	size_t replacement_len, size_t count, struct strbuf *out, struct err *err)
{
	AUTO(template_release)
	struct template t = {.re = re,
		.text = replacement,
		.len = replacement_len,
		.literals = STRBUF_INIT,
		.err = err};
	struct regex_iter it = {.re = re, .text = text, .len = len};
	struct regex_result match;
	size_t copied = 0, start = out->len;
	int done = 0, rc;

	if (template_parse(&t) < 0)
		return -1;
	while ((!count || (size_t)done < count) && (rc = regex_next(&it, &match, err)) != 0) {
		if (rc < 0)
			return -1;
		strbuf_add(out, text + copied, match.spans[0].start - copied);
		template_fill(&t, text, &match, out);
		copied = match.spans[0].end;
		done++;
		if (out->len - start > REGEX_MAX_OUTPUT)
			return err_set(err, ERR_LIMIT,
				"the replaced text is longer than %u bytes", REGEX_MAX_OUTPUT);
	}
	strbuf_add(out, text + copied, len - copied);
	return done;
}
