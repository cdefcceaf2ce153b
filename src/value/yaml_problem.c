/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places, and errors of libyaml's parser in words that help.
 */
#include "value/yaml_reader.h"

/*
 * libyaml counts characters; we count bytes. Marks come in the order of the text with few
 * exceptions, so a cursor walks along and steps back where it must.
 */
size_t yaml_offset(struct yaml_reader *r, const yaml_mark_t *mark)
{
	size_t at = r->mark_offset, i = r->mark_index, index = mark->index;

	for (; i < index && at < r->len; i++)
		for (at++; at < r->len && (r->text[at] & 0xc0) == 0x80;)
			at++;
	for (; i > index && at > 0; i--)
		for (at--; at > 0 && (r->text[at] & 0xc0) == 0x80;)
			at--;
	r->mark_offset = at;
	r->mark_index = index;
	return at;
}

/* The beginning of the line that holds an offset, `column` characters before it. */
static size_t line_start_of(const struct yaml_reader *r, size_t offset, size_t column)
{
	for (; column > 0 && offset > 0; column--)
		for (offset--; offset > 0 && (r->text[offset] & 0xc0) == 0x80;)
			offset--;
	return offset;
}

struct place yaml_place(struct yaml_reader *r, const yaml_mark_t *mark)
{
	size_t offset = yaml_offset(r, mark);

	if (r->line != mark->line + 1 || offset < r->line_start) {
		r->line_start = line_start_of(r, offset, mark->column);
		r->line = mark->line + 1;
	}
	return (struct place){.file = r->file,
		.line = (unsigned)r->line,
		.column = (unsigned)(offset - r->line_start + 1)};
}

int yaml_fail(
	struct yaml_reader *r, const struct place *at, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	place_vfail(at, r->err, code, fmt, ap);
	va_end(ap);
	return -1;
}

bool yaml_line_has_bare_template(const struct yaml_reader *r, size_t line_start)
{
	const char *line = r->text + line_start;
	const char *end = memchr(line, '\n', r->len - line_start);
	size_t n = end ? (size_t)(end - line) : r->len - line_start;
	const char *brace = memmem(line, n, "{{", 2);

	if (!brace)
		return false;
	while (brace > line && brace[-1] == ' ')
		brace--;
	return brace == line || strchr(":-,[", brace[-1]);
}

#define QUOTE_TEMPLATE "a value that begins with {{ needs quotes: \"{{ name }}\""

struct remedy {
	const char *problem; /* a part of libyaml's text */
	char at;             /* the character in question, 0 for any */
	const char *text;
};

static const struct remedy remedies[] = {
	{"cannot start any token", '\t', "indent with spaces: YAML forbids tabs there"},
	{"cannot start any token", '@', "put a value that begins with @ into quotes"},
	{"cannot start any token", '`', "put a value that begins with ` into quotes"},
	{"cannot start any token", '%', "put a value that begins with % into quotes"},
	{"tab character", 0, "indent with spaces: YAML forbids tabs there"},
	{"mapping values are not allowed", 0,
		"put a value that holds \": \" into quotes, or correct the indentation"},
	{"could not find expected ':'", 0,
		"a key ends with \": \"; text with lines needs quotes"},
	{"did not find expected key", 0,
		"indent the keys of one mapping alike; text behind a closing quote is not "
		"allowed"},
	{"did not find expected '-'", 0, "indent the items of one list alike"},
	{"did not find expected ',' or '}'", 0,
		"close the { or separate the entries by commas"},
	{"did not find expected ',' or ']'", 0, "close the [ or separate the items by commas"},
	{"unexpected end of stream", 0, "close the quote"},
	{"unexpected document indicator", 0, "close the quote"},
	{"unknown escape", 0, "write \\\\ for a backslash, or use single quotes"},
	{"undefined tag handle", 0, "tags begin with !! or !"},
	{"control characters", 0, "write it as an escape in double quotes: \"\\x07\""},
	{"UTF-8", 0, "save the file as UTF-8"},
};

static const char *find_remedy(const char *problem, char at)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (strstr(problem, remedies[i].problem) &&
			(!remedies[i].at || remedies[i].at == at))
			return remedies[i].text;
	return NULL;
}

/* The reader's errors have an offset in bytes, and no mark. */
static struct place place_of_byte(struct yaml_reader *r, size_t offset)
{
	unsigned line = 1;
	size_t start = 0;

	if (offset > r->len)
		offset = r->len;
	for (size_t i = 0; i < offset; i++)
		if (r->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	return (struct place){
		.file = r->file, .line = line, .column = (unsigned)(offset - start + 1)};
}

static void add_context(struct yaml_reader *r, struct strbuf *text)
{
	if (!r->parser.context)
		return;
	strbuf_addf(text, " %s", r->parser.context);
	/* The scanner's contexts stand where the problem is; the parser's begin earlier. */
	if (r->parser.context_mark.line != r->parser.problem_mark.line)
		strbuf_addf(text, " that begins in line %zu", r->parser.context_mark.line + 1);
}

int yaml_fail_parser(struct yaml_reader *r)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *problem = r->parser.problem ? r->parser.problem : "cannot be parsed";
	struct place at;

	if (r->parser.error == YAML_READER_ERROR) {
		at = place_of_byte(r, r->parser.problem_offset);
		strbuf_addstr(&text, problem);
		if (r->parser.problem_value >= 0)
			strbuf_addf(&text, " (#x%02X)", (unsigned)r->parser.problem_value);
		const char *remedy = find_remedy(problem, 0);
		return yaml_fail(
			r, &at, ERR_INPUT, "%s; %s", text.data, remedy ? remedy : "remove it");
	}
	at = yaml_place(r, &r->parser.problem_mark);
	strbuf_addstr(&text, problem);
	add_context(r, &text);
	char found = r->mark_offset < r->len ? r->text[r->mark_offset] : '\0';
	const char *remedy = yaml_line_has_bare_template(r, r->line_start)
				     ? QUOTE_TEMPLATE
				     : find_remedy(problem, found);
	return yaml_fail(r, &at, ERR_INPUT, "%s%s%s", text.data, remedy ? "; " : "",
		remedy ? remedy : "");
}
