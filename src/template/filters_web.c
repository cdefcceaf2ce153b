/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters for URLs and markup, and comments for files of many kinds.
 */
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"
#include "template/urls.h"
#include "template/utf8.h"

static const struct value *filter_urldecode(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);

	for (size_t i = 0; self && i < self->len; i++) {
		uint8_t byte;
		char digits[3] = {0};
		if (self->text[i] == '%' && i + 2 < self->len)
			memcpy(digits, self->text + i + 1, 2);
		if (self->text[i] == '+') {
			strbuf_addch(&text, ' ');
		} else if (digits[0] && parse_hex(digits, &byte, 1)) {
			strbuf_addch(&text, (char)byte);
			i += 2;
		} else {
			strbuf_addch(&text, self->text[i]);
		}
	}
	return self ? new_text(a->ev, &text, err) : NULL;
}

void url_split(const char *s, size_t n, struct url *out)
{
	const char *end = s + n;
	const char *colon = memchr(s, ':', n);
	size_t scheme = 0;

	*out = (struct url){0};
	while (colon && s + scheme < colon &&
		(((s[scheme] | 0x20) >= 'a' && (s[scheme] | 0x20) <= 'z') ||
			(scheme && strchr("0123456789+-.", s[scheme]))))
		scheme++;
	if (colon && scheme > 0 && s + scheme == colon) {
		out->scheme = (struct url_part){s, scheme};
		s = colon + 1;
	}
	if (end - s >= 2 && s[0] == '/' && s[1] == '/') {
		s += 2;
		size_t len = strcspn(s, "/?#");
		len = len > (size_t)(end - s) ? (size_t)(end - s) : len;
		out->netloc = (struct url_part){s, len};
		s += len;
	}
	const char *hash = memchr(s, '#', (size_t)(end - s));
	if (hash) {
		out->fragment = (struct url_part){hash + 1, (size_t)(end - hash - 1)};
		end = hash;
	}
	const char *query = memchr(s, '?', (size_t)(end - s));
	if (query) {
		out->query = (struct url_part){query + 1, (size_t)(end - query - 1)};
		end = query;
	}
	out->path = (struct url_part){s, (size_t)(end - s)};
}

static const struct value *part_text(struct eval *ev, struct url_part part)
{
	return new_textn(ev, part.text ? part.text : "", part.len);
}

static const struct value *part_lower(struct eval *ev, struct url_part part, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (part.text)
		text_change_case(part.text, part.len, CASE_LOWER, &text);
	return new_text(ev, &text, err);
}

/* user:password@host:port; what is not there has no text. */
struct netloc {
	struct url_part user, password, host, port;
};

static struct url_part part_between(const char *from, const char *to)
{
	return (struct url_part){from, (size_t)(to - from)};
}

static void split_netloc(struct url_part netloc, struct netloc *out)
{
	const char *text = netloc.text ? netloc.text : "";
	const char *end = text + netloc.len;
	const char *at = memrchr(text, '@', netloc.len);
	const char *host = at ? at + 1 : text;

	*out = (struct netloc){0};
	if (at) {
		const char *colon = memchr(text, ':', (size_t)(at - text));
		out->user = part_between(text, colon ? colon : at);
		if (colon)
			out->password = part_between(colon + 1, at);
	}
	const char *bracket =
		host < end && *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *tail = bracket ? bracket + 1 : host;
	const char *colon = memchr(tail, ':', (size_t)(end - tail));
	if (colon)
		out->port = part_between(colon + 1, end);
	out->host = bracket ? part_between(host + 1, bracket)
			    : part_between(host, colon ? colon : end);
}

static const struct value *part_or_none(struct eval *ev, struct url_part part)
{
	return part.text ? part_text(ev, part) : &value_null;
}

static const struct value *port_number(struct eval *ev, struct url_part part)
{
	autofree char *digits = xstrndup(part.text ? part.text : "", part.len);
	int64_t number;

	return parse_int(digits, 0, 65535, &number) ? value_new_int(ev->arena, number)
						    : &value_null;
}

static const struct value *url_dict(struct eval *ev, const struct url *url, struct err *err)
{
	struct value *out = value_new_dict(ev->arena);
	struct netloc netloc;

	split_netloc(url->netloc, &netloc);
	const struct value *host =
		netloc.host.len ? part_lower(ev, netloc.host, err) : &value_null;
	const struct value *scheme = part_lower(ev, url->scheme, err);
	if (!host || !scheme)
		return NULL;
	value_dict_set(ev->arena, out, "fragment", part_text(ev, url->fragment));
	value_dict_set(ev->arena, out, "hostname", host);
	value_dict_set(ev->arena, out, "netloc", part_text(ev, url->netloc));
	value_dict_set(ev->arena, out, "password", part_or_none(ev, netloc.password));
	value_dict_set(ev->arena, out, "path", part_text(ev, url->path));
	value_dict_set(ev->arena, out, "port", port_number(ev, netloc.port));
	value_dict_set(ev->arena, out, "query", part_text(ev, url->query));
	value_dict_set(ev->arena, out, "scheme", scheme);
	value_dict_set(ev->arena, out, "username", part_or_none(ev, netloc.user));
	return out;
}

static const struct value *filter_urlsplit(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	const struct value *query = self ? arg_string(a, 0, "", err) : NULL;
	struct url url;

	if (!query)
		return NULL;
	url_split(self->text, self->len, &url);
	const struct value *out = url_dict(a->ev, &url, err);
	if (!out || query->len == 0)
		return out;
	const struct value *part = value_dict_get(out, query->text);
	return part ? part : args_fail(a, err, "unknown URL component: %.60s", query->text);
}

/* Comments go, then tags; white space becomes single spaces. */
static const struct value *filter_striptags(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *self = self_text(a, err);

	if (!self)
		return NULL;
	for (const char *s = self->text; *s;) {
		const char *end = *s == '<' && str_starts(s, "<!--") ? strstr(s, "-->") : NULL;
		size_t skip = 3;
		if (!end && *s == '<') {
			end = strchr(s, '>');
			skip = 1;
		}
		if (end)
			s = end + skip;
		else
			strbuf_addch(&text, *s++);
	}
	const struct value *words =
		text_split(a->ev, new_textn(a->ev, text.data, text.len), NULL, -1);
	for (size_t i = 0; i < words->count; i++)
		strbuf_addf(&out, "%s%s", i ? " " : "", words->items[i]->text);
	return new_text(a->ev, &out, err);
}

static void escape(const struct value *s, struct strbuf *out)
{
	static const struct {
		char c;
		const char *text;
	} table[] = {
		{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};

	for (size_t i = 0; i < s->len; i++) {
		size_t j = 0;
		while (j < ARRAY_SIZE(table) && table[j].c != s->text[i])
			j++;
		if (j < ARRAY_SIZE(table))
			strbuf_addstr(out, table[j].text);
		else
			strbuf_addch(out, s->text[i]);
	}
}

static const struct value *filter_xmlattr(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	int space = arg_bool(a, 0, true, err);

	if (space < 0)
		return NULL;
	if (a->self->kind != VALUE_DICT)
		return args_fail(a, err, "a dict is needed, not '%s'", type_name(a->self));
	for (size_t i = 0; i < a->self->pair_count; i++) {
		const struct value *item = dict_item(a->ev, a->self, i, err);
		const struct value *key =
			item ? repr_string(a->ev, a->self->pairs[i].key, err) : NULL;
		if (!key)
			return NULL;
		if (item->kind == VALUE_NULL || is_undefined(item))
			continue;
		if (strpbrk(key->text, " \t\n\f\r/>="))
			return args_fail(a, err, "invalid character in attribute name '%.60s'",
				key->text);
		const struct value *text = repr_string(a->ev, item, err);
		if (!text)
			return NULL;
		if (out.len || space)
			strbuf_addch(&out, ' ');
		escape(key, &out);
		strbuf_addstr(&out, "=\"");
		escape(text, &out);
		strbuf_addch(&out, '"');
	}
	return new_text(a->ev, &out, err);
}

static bool is_letter(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80);
}

/* The length of the next piece that is kept together: a word, or its part up to a hyphen. */
static size_t piece_length(const char *s, bool hyphens)
{
	size_t n = strcspn(s, " \t");

	for (size_t i = 1; hyphens && i + 1 < n; i++) {
		if (s[i] == '-' && is_letter(s[i - 1]) && is_letter(s[i + 1]))
			return i + 1;
	}
	return n;
}

/* How wordwrap breaks lines. */
struct wrap {
	size_t width;
	bool break_long;
	bool hyphens;
	const char *separator;
};

/* Wraps one line as textwrap does: words joined while they fit, long ones broken. */
static void wrap_line(const struct value *line, const struct wrap *w, struct strbuf *out)
{
	const char *s = line->text;
	size_t used = 0;
	bool first = true;

	while (*s) {
		size_t blanks = strspn(s, " \t");
		size_t len = piece_length(s + blanks, w->hyphens);
		size_t room = utf8_count(s + blanks, len);
		if (len == 0)
			break;
		if (!first && used + blanks + room <= w->width) {
			strbuf_add(out, s, blanks + len);
			used += blanks + room;
			s += blanks + len;
			continue;
		}
		/* Indentation of the first line stays. */
		size_t indent = first ? blanks : 0;
		if (!first)
			strbuf_addstr(out, w->separator);
		strbuf_add(out, s, indent);
		s += blanks;
		used = indent;
		first = false;
		while (w->break_long && used + room > w->width && w->width > used) {
			size_t part = utf8_offset(s, len, w->width - used);
			strbuf_add(out, s, part);
			strbuf_addstr(out, w->separator);
			s += part;
			len -= part;
			room -= w->width - used;
			used = 0;
		}
		strbuf_add(out, s, len);
		s += len;
		used += room;
	}
}

static const struct value *filter_wordwrap(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	int break_long = arg_bool(a, 1, true, err);
	int hyphens = arg_bool(a, 3, true, err);
	int64_t width;

	if (!self || break_long < 0 || hyphens < 0 || arg_int(a, 0, 79, &width, err) < 0)
		return NULL;
	if (width <= 0)
		return args_fail(a, err, "the width must be above 0");
	const struct value *between =
		arg_given(a, 2) ? arg_string(a, 2, "", err) : new_textn(a->ev, "\n", 1);
	const struct value *lines = between ? text_lines(a->ev, self, false) : NULL;
	struct wrap w = {(size_t)width, break_long, hyphens, between ? between->text : ""};
	for (size_t i = 0; lines && i < lines->count; i++) {
		if (i > 0)
			strbuf_addstr(&out, between->text);
		wrap_line(lines->items[i], &w, &out);
	}
	return lines ? new_text(a->ev, &out, err) : NULL;
}

/* The parts of a comment. */
struct comment_style {
	const char *name;
	const char *beginning;
	const char *decoration;
	const char *end;
};

static const struct comment_style comment_styles[] = {
	{"plain", "", "# ", ""},
	{"erlang", "", "% ", ""},
	{"c", "", "// ", ""},
	{"cblock", "/*", " * ", " */"},
	{"xml", "<!--", " - ", "-->"},
};

static const char *named_text(struct args *a, const char *name, const char *fallback)
{
	const struct value *v = value_dict_get(a->named, name);

	return v && value_is_string(v) ? v->text : fallback;
}

static int64_t named_count(struct args *a, const char *name)
{
	const struct value *v = value_dict_get(a->named, name);
	int64_t n = 1;

	return v && number_int64(v, &n) && n >= 0 && n < 1000 ? n : 1;
}

static const char *without_trailing_space(struct args *a, const char *s)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(" \t\n\r", s[n - 1]))
		n--;
	return arena_strndup(a->ev->arena, s, n);
}

static void comment_lines(const struct value *lines, const char *decoration, const char *bare,
	const char *newline, struct strbuf *out)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct value *line = lines->items[i];
		bool last = i + 1 == lines->count;
		strbuf_addstr(out, line->len == 0 && !last ? bare : decoration);
		strbuf_add(out, line->text, line->len);
		if (!last)
			strbuf_addstr(out, newline);
	}
}

static const struct value *filter_comment(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	const struct value *name = self ? arg_string(a, 0, "plain", err) : NULL;
	const struct comment_style *style = NULL;

	for (size_t i = 0; name && i < ARRAY_SIZE(comment_styles); i++) {
		if (strcmp(comment_styles[i].name, name->text) == 0)
			style = &comment_styles[i];
	}
	if (!style)
		return name ? args_fail(a, err, "there is no style '%.60s'", name->text) : NULL;
	const char *newline = named_text(a, "newline", "\n");
	const char *decoration = named_text(a, "decoration", style->decoration);
	const char *bare = without_trailing_space(a, decoration);
	const char *prefix = named_text(a, "prefix", bare);
	const char *postfix = named_text(a, "postfix", bare);
	const char *beginning = named_text(a, "beginning", style->beginning);
	const char *end = named_text(a, "end", style->end);
	struct value separator = {
		.kind = VALUE_STRING, .text = newline, .len = strlen(newline)};
	if (separator.len == 0)
		return args_fail(a, err, "newline must not be empty");
	if (*beginning)
		strbuf_addf(&out, "%s%s", beginning, newline);
	for (int64_t i = named_count(a, "prefix_count"); *prefix && i > 0; i--)
		strbuf_addf(&out, "%s%s", strcmp(prefix, newline) ? prefix : "", newline);
	comment_lines(text_split(a->ev, self, &separator, -1), decoration, bare, newline, &out);
	for (int64_t i = named_count(a, "postfix_count"); i > 0; i--)
		strbuf_addf(&out, "%s%s", newline, postfix);
	if (*end)
		strbuf_addf(&out, "%s%s", newline, end);
	return new_text(a->ev, &out, err);
}

static const struct value *filter_win_basename(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);

	if (!self)
		return NULL;
	size_t from = self->len >= 2 && self->text[1] == ':' ? 2 : 0;
	for (size_t i = from; i < self->len; i++) {
		if (self->text[i] == '/' || self->text[i] == '\\')
			from = i + 1;
	}
	return new_textn(a->ev, self->text + from, self->len - from);
}

static const struct value *filter_win_dirname(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);

	if (!self)
		return NULL;
	size_t drive = self->len >= 2 && self->text[1] == ':' ? 2 : 0;
	size_t n = self->len;
	while (n > drive && self->text[n - 1] != '/' && self->text[n - 1] != '\\')
		n--;
	size_t end = n;
	while (end > drive && (self->text[end - 1] == '/' || self->text[end - 1] == '\\'))
		end--;
	return new_textn(a->ev, self->text, end > drive ? end : n);
}

static const struct value *filter_win_splitdrive(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	struct value *parts = value_new_list(a->ev->arena);

	if (!self)
		return NULL;
	size_t drive = self->len >= 2 && self->text[1] == ':' ? 2 : 0;
	parts->kind = VALUE_TUPLE;
	value_list_add(a->ev->arena, parts, new_textn(a->ev, self->text, drive));
	value_list_add(
		a->ev->arena, parts, new_textn(a->ev, self->text + drive, self->len - drive));
	return parts;
}

static const struct callable entries[] = {
	{"comment", filter_comment, "style **", 0},
	{"striptags", filter_striptags, NULL, 0},
	{"urldecode", filter_urldecode, NULL, 0},
	{"urlsplit", filter_urlsplit, "query", 0},
	{"win_basename", filter_win_basename, NULL, 0},
	{"win_dirname", filter_win_dirname, NULL, 0},
	{"win_splitdrive", filter_win_splitdrive, NULL, 0},
	{"wordwrap", filter_wordwrap, "width break_long_words wrapstring break_on_hyphens", 0},
	{"xmlattr", filter_xmlattr, "autospace", 0},
};

CALLABLES(filters_web, entries);
