/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands inside delimiters: names, numbers, strings, operators. The grammar of each is
 * the pattern of that name in Jinja2's lexer.
 */
#include "template/scan.h"

#include "template/utf8.h"

static const struct operator_text {
	char text[3];
	enum token_kind kind;
} operators[] = {
	{"//", TOKEN_FLOORDIV},
	{"**", TOKEN_POW},
	{"==", TOKEN_EQ},
	{"!=", TOKEN_NE},
	{">=", TOKEN_GE},
	{"<=", TOKEN_LE},
	{"+", TOKEN_ADD},
	{"-", TOKEN_SUB},
	{"/", TOKEN_DIV},
	{"*", TOKEN_MUL},
	{"%", TOKEN_MOD},
	{"~", TOKEN_TILDE},
	{"[", TOKEN_LBRACKET},
	{"]", TOKEN_RBRACKET},
	{"(", TOKEN_LPAREN},
	{")", TOKEN_RPAREN},
	{"{", TOKEN_LBRACE},
	{"}", TOKEN_RBRACE},
	{">", TOKEN_GT},
	{"<", TOKEN_LT},
	{"=", TOKEN_ASSIGN},
	{".", TOKEN_DOT},
	{":", TOKEN_COLON},
	{"|", TOKEN_PIPE},
	{",", TOKEN_COMMA},
	{";", TOKEN_SEMICOLON},
};

static const char *const kind_names[] = {
	[TOKEN_END] = "end of template",
	[TOKEN_DATA] = "template text",
	[TOKEN_VARIABLE_BEGIN] = "begin of print statement",
	[TOKEN_VARIABLE_END] = "end of print statement",
	[TOKEN_BLOCK_BEGIN] = "begin of statement block",
	[TOKEN_BLOCK_END] = "end of statement block",
	[TOKEN_NAME] = "name",
	[TOKEN_STRING] = "string",
	[TOKEN_INTEGER] = "integer",
	[TOKEN_FLOAT] = "float",
};

const char *token_kind_name(enum token_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (operators[i].kind == kind)
			return operators[i].text;
	}
	return kind_names[kind];
}

/* Line and column of an offset; offsets come in order, so each byte is looked at once. */
static void locate(struct lexer *lx, size_t at, unsigned *line, unsigned *column)
{
	if (at < lx->place_pos) {
		lx->place_pos = lx->line_start = 0;
		lx->line = 1;
	}
	for (; lx->place_pos < at && lx->place_pos < lx->len; lx->place_pos++) {
		if (lx->source[lx->place_pos] == '\n') {
			lx->line++;
			lx->line_start = lx->place_pos + 1;
		}
	}
	const struct place *base = &lx->in->at;
	*column = (unsigned)(at - lx->line_start) + 1;
	if (lx->line == 1 && base->column > 0)
		*column += base->column - 1;
	*line = lx->line + (base->line > 0 ? base->line - 1 : 0);
}

int scan_fail(struct lexer *lx, size_t at, struct err *err, const char *fmt, ...)
{
	struct place place = {.file = lx->in->at.file};
	va_list ap;

	locate(lx, at, &place.line, &place.column);
	va_start(ap, fmt);
	place_vfail(&place, err, ERR_INPUT, fmt, ap);
	va_end(ap);
	return -1;
}

void scan_push(struct lexer *lx, enum token_kind kind, size_t at, const char *text, size_t len)
{
	struct token *token = VEC_PUSH(&lx->tokens);

	*token = (struct token){
		.kind = kind, .text = arena_strndup(lx->arena, text, len), .len = len};
	locate(lx, at, &token->line, &token->column);
}

bool scan_at(const struct lexer *lx, size_t at, const char *s)
{
	size_t n = strlen(s);

	return at <= lx->len && n <= lx->len - at && memcmp(lx->source + at, s, n) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

/* If the code ends here: the offset behind its end, else 0. */
static size_t match_until(const struct lexer *lx, const struct lexer_until *until)
{
	size_t at = lx->pos;

	if (until->line) {
		while (at < lx->len && lx->source[at] != '\n' && is_space(lx->source[at]))
			at++;
		if (at < lx->len && lx->source[at] != '\n')
			return 0;
		while (at < lx->len && is_space(lx->source[at]))
			at++;
		while (at < lx->len && at > lx->pos && lx->source[at - 1] != '\n')
			at--;
		return at ? at : 1;
	}
	if (!until->end)
		return 0;
	char c = at < lx->len ? lx->source[at] : '\0';
	if ((c == '-' || (c == '+' && until->plus)) && scan_at(lx, at + 1, until->end)) {
		at += 1 + strlen(until->end);
		while (c == '-' && at < lx->len && is_space(lx->source[at]))
			at++;
		return at;
	}
	if (!scan_at(lx, at, until->end))
		return 0;
	at += strlen(until->end);
	return until->trim_newline && at < lx->len && lx->source[at] == '\n' ? at + 1 : at;
}

/* Digits with single underscores between them, from `at`; the offset behind them. */
static size_t skip_digits(const struct lexer *lx, size_t at, const char *allowed)
{
	while (at < lx->len) {
		if (strchr(allowed, lx->source[at]) && lx->source[at])
			at++;
		else if (lx->source[at] == '_' && at + 1 < lx->len && lx->source[at + 1] &&
			 strchr(allowed, lx->source[at + 1]))
			at += 2;
		else
			break;
	}
	return at;
}

#define DECIMAL "0123456789"

/* The offset behind a float at pos, or 0 if what is there is none. */
static size_t match_float(const struct lexer *lx)
{
	size_t at = skip_digits(lx, lx->pos, DECIMAL);
	size_t end = 0;

	if (lx->pos > 0 && lx->source[lx->pos - 1] == '.')
		return 0;
	if (at + 1 < lx->len && lx->source[at] == '.' && is_digit(lx->source[at + 1]))
		at = end = skip_digits(lx, at + 1, DECIMAL);
	if (at < lx->len && (lx->source[at] == 'e' || lx->source[at] == 'E')) {
		size_t exponent = at + 1;
		if (exponent < lx->len &&
			(lx->source[exponent] == '+' || lx->source[exponent] == '-'))
			exponent++;
		if (exponent < lx->len && is_digit(lx->source[exponent]))
			end = skip_digits(lx, exponent, DECIMAL);
	}
	return end;
}

static size_t match_integer(const struct lexer *lx)
{
	static const struct {
		char letter;
		const char *digits;
	} bases[] = {{'b', "01"}, {'o', "01234567"}, {'x', DECIMAL "abcdefABCDEF"}};
	size_t at = lx->pos;

	if (lx->source[at] != '0')
		return skip_digits(lx, at, DECIMAL);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (at + 1 < lx->len && (lx->source[at + 1] | 0x20) == bases[i].letter) {
			size_t from = at + 2;
			if (from < lx->len && lx->source[from] == '_')
				from++;
			size_t end = skip_digits(lx, from, bases[i].digits);
			if (end > from)
				return end;
		}
	}
	return skip_digits(lx, at, "0");
}

static void scan_number(struct lexer *lx)
{
	size_t end = match_float(lx);
	enum token_kind kind = end ? TOKEN_FLOAT : TOKEN_INTEGER;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!end)
		end = match_integer(lx);
	for (size_t i = lx->pos; i < end; i++) {
		if (lx->source[i] != '_')
			strbuf_addch(&text, lx->source[i]);
	}
	scan_push(lx, kind, lx->pos, text.data, text.len);
	lx->pos = end;
}

static int hex_digits(const char *s, size_t n, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
			return -1;
		*out = *out * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return 0;
}

/* One escape behind its backslash at s[0..n); how many bytes it takes, 0 if it is wrong. */
static size_t decode_escape(const char *s, size_t n, struct strbuf *out)
{
	static const char simple[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
	uint32_t code = 0;
	size_t digits = s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : s[0] == 'U' ? 8 : 0;

	for (size_t i = 0; i < sizeof(simple) - 1; i += 2) {
		if (simple[i] == s[0]) {
			strbuf_addch(out, simple[i + 1]);
			return 1;
		}
	}
	if (s[0] == '\n')
		return 1;
	if (digits) {
		if (n <= digits || hex_digits(s + 1, digits, &code) < 0 || code > 0x10ffff)
			return 0;
		utf8_add(out, code);
		return digits + 1;
	}
	while (digits < 3 && digits < n && s[digits] >= '0' && s[digits] <= '7')
		code = code * 8 + (uint32_t)(s[digits++] - '0');
	if (digits) {
		utf8_add(out, code);
		return digits;
	}
	if (s[0] == 'N')
		return 0;
	strbuf_addch(out, '\\');
	return SIZE_MAX;
}

static int decode_string(
	struct lexer *lx, size_t from, size_t to, struct strbuf *out, struct err *err)
{
	for (size_t i = from; i < to; i++) {
		if (lx->source[i] != '\\' || i + 1 >= to) {
			strbuf_addch(out, lx->source[i]);
			continue;
		}
		size_t taken = decode_escape(lx->source + i + 1, to - i - 1, out);
		if (taken == 0)
			return scan_fail(lx, i, err,
				"the escape \\%c in this string is not valid",
				lx->source[i + 1]);
		if (taken != SIZE_MAX)
			i += taken;
	}
	return 0;
}

static int scan_string(struct lexer *lx, bool literal_backslashes, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char quote = lx->source[lx->pos];
	size_t at = lx->pos + 1;

	while (at < lx->len && lx->source[at] != quote)
		at += lx->source[at] == '\\' ? 2 : 1;
	if (at >= lx->len)
		return scan_fail(lx, lx->pos, err, "the string that begins here is not closed");
	if (literal_backslashes)
		strbuf_add(&text, lx->source + lx->pos + 1, at - lx->pos - 1);
	else if (decode_string(lx, lx->pos + 1, at, &text, err) < 0)
		return -1;
	scan_push(lx, TOKEN_STRING, lx->pos, text.data, text.len);
	lx->pos = at + 1;
	return 0;
}

/* Keeps track of brackets, so that "}}" inside a dict does not end the expression. */
static int balance(struct lexer *lx, char c, struct err *err)
{
	const char *pair = strchr("()[]{}", c);

	if (!pair)
		return 0;
	if (c == '(' || c == '[' || c == '{') {
		if (lx->bracket_count == LEXER_MAX_BRACKETS)
			return scan_fail(lx, lx->pos, err,
				"more than %d brackets inside one another", LEXER_MAX_BRACKETS);
		lx->brackets[lx->bracket_count++] = pair[1];
		return 0;
	}
	if (lx->bracket_count == 0)
		return scan_fail(lx, lx->pos, err, "unexpected '%c'", c);
	char awaited = lx->brackets[--lx->bracket_count];
	if (awaited != c)
		return scan_fail(
			lx, lx->pos, err, "unexpected '%c', expected '%c'", c, awaited);
	return 0;
}

static int scan_operator(struct lexer *lx, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (!scan_at(lx, lx->pos, operators[i].text))
			continue;
		if (balance(lx, lx->source[lx->pos], err) < 0)
			return -1;
		scan_push(lx, operators[i].kind, lx->pos, operators[i].text,
			strlen(operators[i].text));
		lx->pos += strlen(operators[i].text);
		return 0;
	}
	char c = lx->source[lx->pos];
	if (c >= ' ' && c < 0x7f)
		return scan_fail(lx, lx->pos, err, "unexpected character '%c'", c);
	return scan_fail(lx, lx->pos, err, "unexpected byte 0x%02x", (unsigned char)c);
}

static int scan_name(struct lexer *lx, struct err *err)
{
	size_t at = lx->pos;

	while (at < lx->len && (is_name_start(lx->source[at]) || is_digit(lx->source[at]))) {
		size_t n = utf8_len(lx->source + at, lx->len - at);
		if (n == 0)
			return scan_fail(lx, at, err, "unexpected byte 0x%02x: not UTF-8",
				(unsigned char)lx->source[at]);
		at += n;
	}
	scan_push(lx, TOKEN_NAME, lx->pos, lx->source + lx->pos, at - lx->pos);
	struct token *token = &lx->tokens.items[lx->tokens.count - 1];
	const char *known = strmap_get(&lx->names, token->text);
	if (known)
		token->text = known;
	else
		strmap_set(&lx->names, token->text, (void *)(uintptr_t)token->text);
	lx->pos = at;
	return 0;
}

static int scan_token(struct lexer *lx, bool literal_backslashes, struct err *err)
{
	char c = lx->source[lx->pos];

	if (is_space(c)) {
		lx->pos++;
		return 0;
	}
	if (is_digit(c)) {
		scan_number(lx);
		return 0;
	}
	if (is_name_start(c))
		return scan_name(lx, err);
	if (c == '\'' || c == '"')
		return scan_string(lx, literal_backslashes, err);
	return scan_operator(lx, err);
}

int scan_code(struct lexer *lx, const struct lexer_until *until, struct err *err)
{
	bool literal = lx->in->syntax->literal_backslashes && until->kind == TOKEN_VARIABLE_END;

	lx->bracket_count = 0;
	while (lx->pos < lx->len || (until->line && lx->bracket_count == 0)) {
		size_t after = lx->bracket_count == 0 ? match_until(lx, until) : 0;
		if (after) {
			scan_push(lx, until->kind, lx->pos, "", 0);
			lx->pos = after < lx->len ? after : lx->len;
			return 0;
		}
		if (scan_token(lx, literal, err) < 0)
			return -1;
	}
	if (lx->bracket_count > 0)
		return scan_fail(lx, lx->len, err, "the end, where '%c' is expected",
			lx->brackets[lx->bracket_count - 1]);
	if (!until->end)
		return 0;
	return scan_fail(
		lx, until->begin, err, "what begins here is not closed; add %s", until->end);
}
