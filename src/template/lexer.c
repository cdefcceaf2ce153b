/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer side of the lexer: text between delimiters, comments, raw blocks, line statements
 * and white-space control. What stands inside delimiters is read by scan.c.
 *
 * At each offset the first candidate counts that begins there: a raw block, then delimiters
 * from long to short, as Jinja2's combined pattern tries them.
 */
#include "template/scan.h"

enum begin_kind {
	BEGIN_NONE,
	BEGIN_RAW,
	BEGIN_VARIABLE,
	BEGIN_BLOCK,
	BEGIN_COMMENT,
	BEGIN_LINE_STATEMENT,
	BEGIN_LINE_COMMENT
};

/* Where the next piece of code begins and what it is. */
struct begin {
	enum begin_kind kind;
	size_t at;    /* first byte of the delimiter (of its indentation, for line prefixes) */
	size_t after; /* behind the delimiter and its sign */
	char sign;    /* '-', '+' or 0 */
};

struct delimiter {
	const char *text;
	enum begin_kind kind;
};

#define DELIMITERS 5

struct data_lexer {
	struct lexer lx;
	struct delimiter delimiters[DELIMITERS]; /* in the order they are tried */
	size_t delimiter_count;
	bool first_bytes[256]; /* a delimiter may begin with this byte */
	bool line_starting;    /* what came before ended a line */
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v';
}

static size_t skip_space(const struct lexer *lx, size_t at)
{
	while (at < lx->len && is_space(lx->source[at]))
		at++;
	return at;
}

static void add_delimiter(struct data_lexer *dl, const char *text, enum begin_kind kind)
{
	if (!text || !*text)
		return;
	size_t i = dl->delimiter_count++;
	for (; i > 0 && strlen(dl->delimiters[i - 1].text) < strlen(text); i--)
		dl->delimiters[i] = dl->delimiters[i - 1];
	dl->delimiters[i] = (struct delimiter){text, kind};
	if (kind == BEGIN_LINE_STATEMENT || kind == BEGIN_LINE_COMMENT) {
		for (const char *c = " \t\v\f"; *c; c++)
			dl->first_bytes[(unsigned char)*c] = true;
	}
	dl->first_bytes[(unsigned char)text[0]] = true;
}

/* Equally long ones are tried in the order of the names that Jinja2 gives them, last first. */
static void set_delimiters(struct data_lexer *dl, const struct template_syntax *syntax)
{
	add_delimiter(dl, syntax->variable_start, BEGIN_VARIABLE);
	add_delimiter(dl, syntax->line_statement, BEGIN_LINE_STATEMENT);
	add_delimiter(dl, syntax->line_comment, BEGIN_LINE_COMMENT);
	add_delimiter(dl, syntax->comment_start, BEGIN_COMMENT);
	add_delimiter(dl, syntax->block_start, BEGIN_BLOCK);
}

/* The offset behind "{% WORD " at an offset, and the sign that may be in it; or 0. */
static size_t match_word(struct lexer *lx, size_t at, const char *word, char *sign)
{
	const char *start = lx->in->syntax->block_start;

	if (!scan_at(lx, at, start))
		return 0;
	at += strlen(start);
	*sign = 0;
	if (at < lx->len && (lx->source[at] == '-' || lx->source[at] == '+'))
		*sign = lx->source[at++];
	at = skip_space(lx, at);
	return scan_at(lx, at, word) ? skip_space(lx, at + strlen(word)) : 0;
}

/* The offset behind "{%- raw %}" or "{% raw -%}" at an offset, or 0. */
static size_t match_raw_begin(struct lexer *lx, size_t at, char *sign)
{
	const struct template_syntax *syntax = lx->in->syntax;

	at = match_word(lx, at, "raw", sign);
	if (!at)
		return 0;
	if (at < lx->len && lx->source[at] == '-' && scan_at(lx, at + 1, syntax->block_end))
		return skip_space(lx, at + 1 + strlen(syntax->block_end));
	if (!scan_at(lx, at, syntax->block_end))
		return 0;
	return at + strlen(syntax->block_end);
}

/* A line prefix at an offset, indentation before it; the offset behind it, or 0. */
static size_t match_prefix(struct lexer *lx, size_t at, const struct delimiter *d)
{
	bool line_start = at == 0 || lx->source[at - 1] == '\n';
	bool comment = d->kind == BEGIN_LINE_COMMENT;

	if (!line_start && !(comment && !is_space(lx->source[at - 1])))
		return 0;
	while (at < lx->len &&
		(is_blank(lx->source[at]) || (comment && lx->source[at] == '\f')))
		at++;
	return scan_at(lx, at, d->text) ? at + strlen(d->text) : 0;
}

static bool match_delimiter(
	struct lexer *lx, size_t at, const struct delimiter *d, struct begin *begin)
{
	*begin = (struct begin){.kind = d->kind, .at = at};
	if (d->kind == BEGIN_LINE_STATEMENT || d->kind == BEGIN_LINE_COMMENT)
		begin->after = match_prefix(lx, at, d);
	else if (scan_at(lx, at, d->text))
		begin->after = at + strlen(d->text);
	if (!begin->after)
		return false;
	char next = begin->after < lx->len ? lx->source[begin->after] : '\0';
	if (next == '-' || next == '+') {
		begin->sign = next;
		begin->after++;
	}
	return true;
}

static struct begin find_begin(struct data_lexer *dl)
{
	struct lexer *lx = &dl->lx;
	struct begin begin;

	for (size_t at = lx->pos; at < lx->len; at++) {
		if (!dl->first_bytes[(unsigned char)lx->source[at]])
			continue;
		begin.after = match_raw_begin(lx, at, &begin.sign);
		if (begin.after) {
			begin.kind = BEGIN_RAW;
			begin.at = at;
			return begin;
		}
		for (size_t i = 0; i < dl->delimiter_count; i++) {
			if (match_delimiter(lx, at, &dl->delimiters[i], &begin))
				return begin;
		}
	}
	return (struct begin){.at = lx->len, .after = lx->len};
}

/* Where data that began at `from` ends when code with a sign follows at `to`. */
static size_t strip_data(
	const struct data_lexer *dl, size_t from, size_t to, char sign, bool variable)
{
	const char *source = dl->lx.source;
	size_t end = to;

	if (sign == '-') {
		while (end > from && is_space(source[end - 1]))
			end--;
		return end;
	}
	if (sign == '+' || variable || !dl->lx.in->syntax->lstrip_blocks)
		return to;
	while (end > from && source[end - 1] != '\n' && is_space(source[end - 1]))
		end--;
	bool starts = end > from ? source[end - 1] == '\n' : dl->line_starting;
	return starts ? end : to;
}

/* Adds text as it will be printed: line ends as the syntax wants them. */
static void push_data(struct lexer *lx, size_t from, size_t to)
{
	const char *newline = lx->in->syntax->newline;

	if (to <= from)
		return;
	if (strcmp(newline, "\n") == 0) {
		scan_push(lx, TOKEN_DATA, from, lx->source + from, to - from);
		return;
	}
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	for (size_t i = from; i < to; i++) {
		if (lx->source[i] == '\n')
			strbuf_addstr(&text, newline);
		else
			strbuf_addch(&text, lx->source[i]);
	}
	scan_push(lx, TOKEN_DATA, from, text.data, text.len);
}

/* The offset behind a closing delimiter with its sign at `at`, or 0 if none is there. */
static size_t match_end(const struct lexer *lx, size_t at, const char *end)
{
	bool trim = lx->in->syntax->trim_blocks;

	if (at < lx->len && (lx->source[at] == '+' || lx->source[at] == '-') &&
		scan_at(lx, at + 1, end)) {
		size_t after = at + 1 + strlen(end);
		return lx->source[at] == '-' ? skip_space(lx, after) : after;
	}
	if (!scan_at(lx, at, end))
		return 0;
	at += strlen(end);
	return trim && at < lx->len && lx->source[at] == '\n' ? at + 1 : at;
}

static int read_comment(struct lexer *lx, const struct begin *begin, struct err *err)
{
	const char *end = lx->in->syntax->comment_end;

	/* The sign of "{#-" may not be taken for the sign of "-#}". */
	for (size_t at = begin->after; at < lx->len; at++) {
		size_t after = match_end(lx, at, end);
		if (after) {
			lx->pos = after;
			return 0;
		}
	}
	return scan_fail(
		lx, begin->at, err, "the comment that begins here is not closed; add %s", end);
}

/* The offset behind "{% endraw %}" at `at`, or 0. */
static size_t match_raw_end(struct lexer *lx, size_t at, char *sign)
{
	at = match_word(lx, at, "endraw", sign);
	return at ? match_end(lx, at, lx->in->syntax->block_end) : 0;
}

static int read_raw(struct data_lexer *dl, const struct begin *begin, struct err *err)
{
	struct lexer *lx = &dl->lx;
	char sign;

	dl->line_starting = lx->source[begin->after - 1] == '\n';
	for (size_t at = begin->after; at < lx->len; at++) {
		size_t after = match_raw_end(lx, at, &sign);
		if (after) {
			push_data(lx, begin->after,
				strip_data(dl, begin->after, at, sign, false));
			lx->pos = after;
			return 0;
		}
	}
	return scan_fail(lx, begin->at, err,
		"the raw block that begins here is not closed; add %s endraw %s",
		lx->in->syntax->block_start, lx->in->syntax->block_end);
}

static int read_code(struct lexer *lx, const struct begin *begin, struct err *err)
{
	const struct template_syntax *syntax = lx->in->syntax;
	bool variable = begin->kind == BEGIN_VARIABLE;
	struct lexer_until until = {.end = variable ? syntax->variable_end : syntax->block_end,
		.begin = begin->at,
		.plus = !variable,
		.trim_newline = !variable && syntax->trim_blocks,
		.kind = variable ? TOKEN_VARIABLE_END : TOKEN_BLOCK_END};

	if (begin->kind == BEGIN_LINE_STATEMENT)
		until = (struct lexer_until){
			.begin = begin->at, .line = true, .kind = TOKEN_BLOCK_END};
	scan_push(lx, variable ? TOKEN_VARIABLE_BEGIN : TOKEN_BLOCK_BEGIN, begin->at, "", 0);
	lx->pos = begin->after;
	return scan_code(lx, &until, err);
}

static int read_begin(struct data_lexer *dl, const struct begin *begin, struct err *err)
{
	struct lexer *lx = &dl->lx;

	switch (begin->kind) {
	case BEGIN_RAW: return read_raw(dl, begin, err);
	case BEGIN_COMMENT: return read_comment(lx, begin, err);
	case BEGIN_LINE_COMMENT:
		lx->pos = begin->after;
		while (lx->pos < lx->len && lx->source[lx->pos] != '\n')
			lx->pos++;
		return 0;
	default: return read_code(lx, begin, err);
	}
}

static int read_data(struct data_lexer *dl, struct err *err)
{
	struct lexer *lx = &dl->lx;

	while (lx->pos < lx->len) {
		size_t from = lx->pos;
		struct begin begin = find_begin(dl);
		push_data(lx, from,
			strip_data(dl, from, begin.at, begin.sign,
				begin.kind == BEGIN_VARIABLE || begin.kind == BEGIN_NONE));
		lx->pos = begin.at;
		if (begin.kind == BEGIN_NONE)
			break;
		if (read_begin(dl, &begin, err) < 0)
			return -1;
		dl->line_starting = lx->pos > 0 && lx->source[lx->pos - 1] == '\n';
	}
	return 0;
}

int lexer_run(
	struct arena *arena, const struct lexer_input *in, struct tokens *out, struct err *err)
{
	struct data_lexer dl = {.lx = {.arena = arena,
					.in = in,
					.source = in->source,
					.len = in->len,
					.line = 1},
		.line_starting = true};
	int rc;

	set_delimiters(&dl, in->syntax);
	if (in->expression)
		rc = scan_code(&dl.lx, &(struct lexer_until){.kind = TOKEN_END}, err);
	else
		rc = read_data(&dl, err);
	if (rc == 0) {
		scan_push(&dl.lx, TOKEN_END, dl.lx.len, "", 0);
		out->count = dl.lx.tokens.count;
		out->items = arena_memdup(
			arena, dl.lx.tokens.items, out->count * sizeof(*out->items));
	}
	free(dl.lx.tokens.items);
	strmap_release(&dl.lx.names, NULL);
	return rc;
}
