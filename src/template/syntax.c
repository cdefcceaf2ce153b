/* SPDX-License-Identifier: Apache-2.0 */
#include "template/syntax.h"

#include "base/suggest.h"

#define JINJA_DELIMITERS                                                                       \
	.block_start = "{%", .block_end = "%}", .variable_start = "{{", .variable_end = "}}",  \
	.comment_start = "{#", .comment_end = "#}", .newline = "\n"

const struct template_syntax template_syntax_jinja = {JINJA_DELIMITERS};
const struct template_syntax template_syntax_file = {
	JINJA_DELIMITERS, .trim_blocks = true, .restore_newlines = true};
const struct template_syntax template_syntax_yaml = {JINJA_DELIMITERS, .trim_blocks = true,
	.restore_newlines = true, .literal_backslashes = true};

#define HEADER "#jinja2:"

/* An option of the header: a member of template_syntax. */
struct header_option {
	const char *name;
	size_t offset;
	enum { OPTION_TEXT, OPTION_PREFIX, OPTION_BOOL, OPTION_NEWLINE } kind;
};

#define TEXT(name)   #name "_string", offsetof(struct template_syntax, name), OPTION_TEXT
#define PREFIX(name) #name "_prefix", offsetof(struct template_syntax, name), OPTION_PREFIX
#define BOOL(name)   #name, offsetof(struct template_syntax, name), OPTION_BOOL

static const struct header_option options[] = {
	{TEXT(block_start)},
	{TEXT(block_end)},
	{TEXT(variable_start)},
	{TEXT(variable_end)},
	{TEXT(comment_start)},
	{TEXT(comment_end)},
	{PREFIX(line_statement)},
	{PREFIX(line_comment)},
	{BOOL(trim_blocks)},
	{BOOL(lstrip_blocks)},
	{BOOL(keep_trailing_newline)},
	{"newline_sequence", offsetof(struct template_syntax, newline), OPTION_NEWLINE},
};

static int fail(
	const struct lexer_input *in, struct err *err, const char *what, const char *word)
{
	return place_fail(&in->at, err, ERR_INPUT,
		"in the line that begins with %s: %s '%.60s'", HEADER, what, word);
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = '\0';
	return s;
}

/* A quoted Python string, its escapes decoded in place; NULL if it is none. */
static char *unquote(char *s)
{
	static const char escapes[] = "n\nr\rt\t\\\\''\"\"";
	size_t n = strlen(s);
	char *out = s;
	const char quote = s[0];

	if (n < 2 || (s[0] != '\'' && s[0] != '"') || s[n - 1] != s[0])
		return NULL;
	for (char *in = s + 1; in < s + n - 1; in++) {
		const char *known = in[0] == '\\' ? strchr(escapes, in[1]) : NULL;
		if (in[0] == quote)
			return NULL;
		if (known) {
			*out++ = known[1];
			in++;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return s;
}

static int set_option(const struct lexer_input *in, const struct header_option *option,
	char *word, struct template_syntax *syntax, struct err *err)
{
	char *member = (char *)syntax + option->offset;

	if (option->kind == OPTION_BOOL) {
		bool yes = strcmp(word, "True") == 0;
		if (!yes && strcmp(word, "False") != 0)
			return fail(in, err, "expected True or False, found", word);
		memcpy(member, &yes, sizeof(yes));
		return 0;
	}
	const char *text = option->kind == OPTION_PREFIX && strcmp(word, "None") == 0
				   ? NULL
				   : unquote(word);
	if (!text && strcmp(word, "None") != 0)
		return fail(in, err, "expected a text in quotes, found", word);
	if (option->kind == OPTION_TEXT && (!text || !*text))
		return fail(in, err, "a delimiter cannot be empty:", option->name);
	if (option->kind == OPTION_NEWLINE &&
		(!text || (strcmp(text, "\n") && strcmp(text, "\r\n") && strcmp(text, "\r"))))
		return fail(in, err, "not a line end:", option->name);
	memcpy(member, &text, sizeof(text));
	return 0;
}

static int read_pair(const struct lexer_input *in, char *pair, struct template_syntax *syntax,
	struct err *err)
{
	struct suggestion near = {0};
	char *colon = strchr(pair, ':');

	if (!colon)
		return fail(in, err, "expected 'option: value', found", trim(pair));
	*colon = '\0';
	const char *name = trim(pair);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, name) == 0)
			return set_option(in, &options[i], trim(colon + 1), syntax, err);
		suggest_add(&near, name, options[i].name);
	}
	if (near.word)
		return fail(in, err, "unknown option; did you mean", near.word);
	return fail(in, err, "unknown option", name);
}

static int check(const struct lexer_input *in, const struct template_syntax *s, struct err *err)
{
	if (strcmp(s->block_start, s->variable_start) == 0 ||
		strcmp(s->block_start, s->comment_start) == 0 ||
		strcmp(s->variable_start, s->comment_start) == 0)
		return fail(in, err,
			"blocks, variables and comments must begin differently, all",
			s->block_start);
	return 0;
}

const struct template_syntax *syntax_header(struct arena *arena, struct lexer_input *in,
	const struct template_syntax *syntax, struct err *err)
{
	if (in->len < strlen(HEADER) || memcmp(in->source, HEADER, strlen(HEADER)) != 0)
		return syntax;
	const char *end = memchr(in->source, '\n', in->len);
	if (!end) {
		fail(in, err, "nothing follows; expected a template on the next line, after",
			HEADER);
		return NULL;
	}
	char *line = arena_strndup(arena, in->source + strlen(HEADER),
		(size_t)(end - in->source) - strlen(HEADER));
	struct template_syntax *own = arena_memdup(arena, syntax, sizeof(*syntax));
	for (char *pair = line, *next; pair; pair = next) {
		next = strchr(pair, ',');
		if (next)
			*next++ = '\0';
		if (read_pair(in, pair, own, err) < 0)
			return NULL;
	}
	if (check(in, own, err) < 0)
		return NULL;
	in->len -= (size_t)(end + 1 - in->source);
	in->source = end + 1;
	in->at.line = in->at.line ? in->at.line + 1 : 2;
	in->at.column = 0;
	return own;
}
