/* SPDX-License-Identifier: Apache-2.0 */
#include "vars/args.h"

#include <ctype.h>

/* How deep inside quotes and template delimiters the splitter is. */
struct nesting {
	char quote;
	int print;   /* {{ }} */
	int block;   /* {% %} */
	int comment; /* {# #} */
};

static bool nested(const struct nesting *n)
{
	return n->quote || n->print > 0 || n->block > 0 || n->comment > 0;
}

static void scan_quotes(struct nesting *n, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((s[i] != '"' && s[i] != '\'') || (i > 0 && s[i - 1] == '\\'))
			continue;
		if (!n->quote)
			n->quote = s[i];
		else if (n->quote == s[i])
			n->quote = '\0';
	}
}

static int count(const char *s, size_t len, char a, char b)
{
	int found = 0;

	for (size_t i = 0; i + 1 < len; i++)
		if (s[i] == a && s[i + 1] == b) {
			found++;
			i++;
		}
	return found;
}

static void scan_delimiters(int *depth, const char *s, size_t len, char mark)
{
	char open = '{', close = '}';

	if (mark == '{')
		*depth += count(s, len, '{', '{') - count(s, len, '}', '}');
	else
		*depth += count(s, len, open, mark) - count(s, len, mark, close);
	if (*depth < 0)
		*depth = 0;
}

/* Words end at spaces and line ends, not at tabs. */
static bool is_gap(char c)
{
	return c == ' ' || c == '\n';
}

/*
 * The length of the next word: pieces between white space, joined while quotes or delimiters
 * stay open. The white space in between belongs to the word.
 */
static int word_len(const char *s, size_t *len, struct err *err)
{
	struct nesting n = {0};
	const char *p = s;

	do {
		const char *piece = p;
		while (*p && !is_gap(*p))
			p++;
		size_t piece_len = (size_t)(p - piece);
		scan_quotes(&n, piece, piece_len);
		scan_delimiters(&n.print, piece, piece_len, '{');
		scan_delimiters(&n.block, piece, piece_len, '%');
		scan_delimiters(&n.comment, piece, piece_len, '#');
		*len = (size_t)(p - s);
		while (is_gap(*p))
			p++;
	} while (nested(&n) && *p);
	if (nested(&n))
		return err_set(err, ERR_USAGE,
			"a quote or a template's delimiter is not closed in: %.200s", s);
	return 0;
}

static bool hex_value(const char *s, size_t n, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)s[i]);
		if (!isxdigit(c))
			return false;
		*out = *out * 16 + (uint32_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	return *out > 0 && *out <= 0x10ffff && !(*out >= 0xd800 && *out < 0xe000);
}

static void add_utf8(struct strbuf *out, uint32_t c)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1) {
		strbuf_addch(out, (char)c);
		return;
	}
	strbuf_addch(out, (char)(lead[n] | c >> (6 * (n - 1))));
	for (int i = n - 2; i >= 0; i--)
		strbuf_addch(out, (char)(0x80 | (c >> (6 * i) & 0x3f)));
}

/* Appends what an escape at s means and gives its length; 0 if it is none. */
static size_t decode_escape(const char *s, struct strbuf *out)
{
	static const char letters[] = "\\'\"abfnrtv";
	static const char meant[] = "\\'\"\a\b\f\n\r\t\v";
	const char *known = s[1] ? strchr(letters, s[1]) : NULL;
	size_t digits = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
	uint32_t code;

	if (known) {
		strbuf_addch(out, meant[known - letters]);
		return 2;
	}
	if (digits == 0 || !hex_value(s + 2, digits, &code))
		return 0;
	add_utf8(out, code);
	return digits + 2;
}

static void decode_escapes(const char *s, size_t n, struct strbuf *out)
{
	autofree char *text = xstrndup(s, n);

	for (const char *p = text; *p;) {
		size_t taken = *p == '\\' ? decode_escape(p, out) : 0;
		if (taken == 0)
			strbuf_addch(out, *p);
		p += taken > 0 ? taken : 1;
	}
}

/* Cuts white space at both ends. */
static void trim(const char **s, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

static bool is_quoted(const char *s, size_t n)
{
	return n > 1 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0] && s[n - 2] != '\\';
}

/* The first "=" that is neither at the start nor behind a backslash. */
static const char *find_equals(const struct strbuf *word)
{
	for (size_t i = 1; i < word->len; i++)
		if (word->data[i] == '=' && word->data[i - 1] != '\\')
			return word->data + i;
	return NULL;
}

/* Finds name and value of a word that is a pair. */
static void split_pair(struct arena *arena, struct strbuf *decoded, struct args_word *word)
{
	const char *equals = find_equals(decoded), *name = decoded->data;

	if (!equals)
		return;
	const char *value = equals + 1;
	size_t name_len = (size_t)(equals - name), len = decoded->len - name_len - 1;
	trim(&name, &name_len);
	trim(&value, &len);
	if (is_quoted(value, len)) {
		value++;
		len -= 2;
	}
	word->name = arena_strndup(arena, name, name_len);
	word->value = arena_strndup(arena, value, len);
}

int args_word_next(
	struct arena *arena, const char **text, struct args_word *word, struct err *err)
{
	AUTO(strbuf_release) struct strbuf decoded = STRBUF_INIT;
	const char *end;

	while (is_gap(**text))
		(*text)++;
	if (!**text)
		return 0;
	*word = (struct args_word){.text = *text};
	if (word_len(*text, &word->len, err) < 0)
		return -1;
	for (end = *text + word->len; is_gap(*end);)
		end++;
	word->gap = (size_t)(end - *text) - word->len;
	decode_escapes(*text, word->len, &decoded);
	word->decoded = arena_strndup(arena, decoded.data, decoded.len);
	split_pair(arena, &decoded, word);
	*text = end;
	return 1;
}

int args_parse(struct arena *arena, const char *text, const struct place *at,
	struct value *dict, struct err *err)
{
	struct args_word word;
	int got;

	if (strlen(text) > ARGS_MAX)
		return err_set(err, ERR_LIMIT, "an argument is longer than %u bytes", ARGS_MAX);
	while ((got = args_word_next(arena, &text, &word, err)) > 0) {
		if (!word.name)
			return err_set(err, ERR_USAGE, "expected NAME=VALUE, found: %.200s",
				word.decoded);
		struct value *value = value_new_string(arena, word.value);
		value->place = *at;
		value_dict_set(arena, dict, word.name, value);
	}
	return got;
}
