/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all of the parser uses, and the ways in: a whole template, one expression.
 */
#include "template/parser.h"

#include "template/syntax.h"

struct node *parser_node(struct parser *p, enum node_kind kind, const struct token *at)
{
	struct node *node = ARENA_NEW(p->arena, struct node);

	node->kind = (uint8_t)kind;
	node->line = at->line;
	node->column = at->column;
	return node;
}

void *parser_fail(
	struct parser *p, const struct token *at, struct err *err, const char *fmt, ...)
{
	struct place place = {.file = p->file, .line = at->line, .column = at->column};
	va_list ap;

	va_start(ap, fmt);
	place_vfail(&place, err, ERR_INPUT, fmt, ap);
	va_end(ap);
	return NULL;
}

const char *parser_found(struct parser *p, const struct token *token)
{
	switch (token->kind) {
	case TOKEN_NAME:
	case TOKEN_INTEGER:
	case TOKEN_FLOAT: return arena_printf(p->arena, "'%.60s'", token->text);
	case TOKEN_STRING: return "a string";
	case TOKEN_END: return "the end of the template";
	default: return arena_printf(p->arena, "'%s'", token_kind_name(token->kind));
	}
}

const char *parser_choice(struct parser *p, const char *const *words)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; words[i]; i++)
		strbuf_addf(&text, "%s'%s'",
			i == 0         ? ""
			: words[i + 1] ? ", "
				       : " or ",
			words[i]);
	return arena_strdup(p->arena, text.data);
}

bool parser_skip(struct parser *p, enum token_kind kind)
{
	if (p->token->kind != kind)
		return false;
	if (kind != TOKEN_END)
		p->token++;
	return true;
}

bool parser_at_name(const struct parser *p, const char *name)
{
	return p->token->kind == TOKEN_NAME && strcmp(p->token->text, name) == 0;
}

bool parser_skip_name(struct parser *p, const char *name)
{
	if (!parser_at_name(p, name))
		return false;
	p->token++;
	return true;
}

int parser_expect(struct parser *p, enum token_kind kind, struct err *err)
{
	if (parser_skip(p, kind))
		return 0;
	parser_fail(p, p->token, err, "found %s, expected '%s'", parser_found(p, p->token),
		token_kind_name(kind));
	return -1;
}

int parser_enter(struct parser *p, struct err *err)
{
	if (++p->depth <= PARSER_MAX_DEPTH)
		return 0;
	parser_fail(p, p->token, err, "more than %d expressions or blocks inside one another",
		PARSER_MAX_DEPTH);
	p->depth--;
	return -1;
}

int parser_check_unknown(struct parser *p, struct err *err)
{
	if (!p->unknown)
		return 0;
	parser_fail(p, p->unknown_at, err, "%s", p->unknown);
	return -1;
}

void parser_leave(struct parser *p)
{
	p->depth--;
}

struct node_list parser_list(struct parser *p, struct node_vec *vec)
{
	struct node_list list = {.count = vec->count};

	if (vec->count)
		list.items =
			arena_memdup(p->arena, vec->items, vec->count * sizeof(*vec->items));
	node_vec_release(vec);
	return list;
}

void node_vec_release(struct node_vec *vec)
{
	free(vec->items);
	*vec = (struct node_vec){0};
}

/* A copy of the source in which every line ends with "\n". */
static char *normalize_lines(
	struct arena *arena, const char *source, size_t n, size_t *len, size_t *newlines)
{
	char *text = arena_alloc(arena, n + 1);
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (source[i] == '\r') {
			text[out++] = '\n';
			if (i + 1 < n && source[i + 1] == '\n')
				i++;
		} else {
			text[out++] = source[i];
		}
	}
	*len = out;
	*newlines = 0;
	while (*newlines < out && text[out - 1 - *newlines] == '\n')
		++*newlines;
	return text;
}

static const struct node *parse_whole_expression(struct parser *p, struct err *err)
{
	const struct node *node = parse_expression(p, true, err);

	if (node && parser_check_unknown(p, err) < 0)
		return NULL;
	if (node && p->token->kind != TOKEN_END)
		return parser_fail(p, p->token, err,
			"found %s behind the end of the expression%s",
			parser_found(p, p->token),
			p->token->kind == TOKEN_ASSIGN ? "; == compares" : "");
	return node;
}

static int parse_all(struct parser *p, struct err *err)
{
	struct template *t = p->template;
	int rc = 0;

	if (t->expression) {
		const struct node *node = parse_whole_expression(p, err);
		const struct node **items = arena_array(p->arena, 1, sizeof(*items));
		items[0] = node;
		t->body = (struct node_list){.items = items, .count = 1};
		rc = node ? 0 : -1;
	} else {
		rc = parse_body(p, NULL, &t->body, err);
	}
	return rc;
}

/* Names that are not set anywhere need not be looked for in scopes. */
static void mark_free_names(struct parser *p)
{
	static const char *const implied[] = {
		"loop", "caller", "varargs", "kwargs", "super", "self"};

	for (size_t i = 0; i < ARRAY_SIZE(implied); i++)
		strmap_set(&p->bound, implied[i], p);
	for (size_t i = 0; i < p->names.count; i++)
		p->names.items[i]->flag = !strmap_has(&p->bound, p->names.items[i]->key.text);
}

/* Puts into the template what was gathered while it was read. */
static void take_gathered(struct parser *p)
{
	struct template *t = p->template;

	t->block_count = p->blocks.count;
	if (t->block_count)
		t->blocks = arena_memdup(
			p->arena, p->blocks.items, t->block_count * sizeof(*t->blocks));
	t->use_count = p->uses.count;
	if (t->use_count)
		t->uses =
			arena_memdup(p->arena, p->uses.items, t->use_count * sizeof(*t->uses));
	mark_free_names(p);
}

static void parser_release(struct parser *p)
{
	free(p->blocks.items);
	free(p->names.items);
	free(p->uses.items);
	strmap_release(&p->bound, NULL);
}

static const struct template *compile(struct arena *arena, struct lexer_input *in,
	const struct template_syntax *syntax, struct err *err)
{
	struct template *t = ARENA_NEW(arena, struct template);
	struct tokens tokens;

	in->source = normalize_lines(arena, in->source, in->len, &in->len, &t->newlines);
	if (in->len > 0 && in->source[in->len - 1] == '\n' && !in->expression &&
		!syntax->keep_trailing_newline)
		in->len--;
	if (lexer_run(arena, in, &tokens, err) < 0)
		return NULL;
	AUTO(parser_release)
	struct parser p = {
		.arena = arena, .file = in->at.file, .token = tokens.items, .template = t};
	t->file = in->at.file;
	t->syntax = syntax;
	t->expression = in->expression;
	if (parse_all(&p, err) < 0)
		return NULL;
	take_gathered(&p);
	return t;
}

static int check_size(size_t n, const struct place *at, struct err *err)
{
	if (n <= TEMPLATE_MAX_SOURCE)
		return 0;
	return place_fail(at, err, ERR_LIMIT,
		"a template of %zu bytes; at most %u are accepted", n, TEMPLATE_MAX_SOURCE);
}

const struct template *template_compile(struct arena *arena, const char *source, size_t n,
	const struct place *at, const struct template_syntax *syntax, struct err *err)
{
	struct lexer_input in = {.source = source, .len = n};

	if (at)
		in.at = *at;
	if (check_size(n, &in.at, err) < 0)
		return NULL;
	in.syntax = syntax_header(arena, &in, syntax, err);
	if (!in.syntax)
		return NULL;
	return compile(arena, &in, in.syntax, err);
}

const struct template *template_compile_expression(struct arena *arena, const char *source,
	size_t n, const struct place *at, struct err *err)
{
	struct lexer_input in = {.source = source,
		.len = n,
		.syntax = &template_syntax_file,
		.expression = true};

	if (at)
		in.at = *at;
	if (check_size(n, &in.at, err) < 0)
		return NULL;
	const struct template *t = compile(arena, &in, in.syntax, err);
	if (!t && err && memmem(source, n, "{{", 2)) {
		const char *why = arena_strdup(arena, err->text);
		err_set(err, err->code, "%s; an expression stands without {{ }}", why);
	}
	return t;
}
