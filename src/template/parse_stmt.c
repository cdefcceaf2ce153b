/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text, print statements, and the tags. Each tag is an entry of a table; what is between a tag
 * and its end is read by parse_body, which stops at the names that the tag gives it.
 */
#include "template/parser.h"

#include "base/strmap.h"
#include "base/suggest.h"

typedef const struct node *(*tag_fn)(struct parser *p, struct node *node, struct err *err);

/* Reads a body up to one of the tags, which stays: the next token is its name. */
static int parse_until(
	struct parser *p, const char *const *ends, struct node_list *out, struct err *err)
{
	/* As Python has it: "# for x in y:" */
	parser_skip(p, TOKEN_COLON);
	if (parser_expect(p, TOKEN_BLOCK_END, err) < 0 || parser_enter(p, err) < 0)
		return -1;
	int rc = parse_body(p, ends, out, err);
	parser_leave(p);
	return rc;
}

/* The same with one end, which is passed over. */
static int parse_until_end(
	struct parser *p, const char *end, struct node_list *out, struct err *err)
{
	const char *const ends[] = {end, NULL};

	if (parse_until(p, ends, out, err) < 0)
		return -1;
	p->token++;
	return 0;
}

static bool is_constant_name(const char *name)
{
	static const char *const names[] = {"true", "false", "none", "True", "False", "None"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Checks that a node can be assigned to. */
static int check_target(
	struct parser *p, const struct node *target, const struct token *at, struct err *err)
{
	if (target->kind == NODE_NAME && !is_constant_name(target->key.text)) {
		strmap_set(&p->bound, target->key.text, p);
		return 0;
	}
	if (target->kind == NODE_TUPLE || target->kind == NODE_LIST) {
		for (size_t i = 0; i < target->list.count; i++) {
			if (check_target(p, target->list.items[i], at, err) < 0)
				return -1;
		}
		return 0;
	}
	if (target->kind == NODE_NSREF)
		return 0;
	parser_fail(p, at, err, "this cannot be assigned to; expected a name");
	return -1;
}

/* name.attribute of a namespace, in set only. */
static const struct node *parse_namespace_target(struct parser *p)
{
	const struct token *at = p->token;

	if (at->kind != TOKEN_NAME || at[1].kind != TOKEN_DOT || at[2].kind != TOKEN_NAME)
		return NULL;
	struct node *node = parser_node(p, NODE_NSREF, at);
	node->key = value_key(at->text, at->len);
	node->attribute = at[2].text;
	p->token += 3;
	return node;
}

const struct node *parse_target(struct parser *p, struct err *err)
{
	const struct token *at = p->token;

	if (at->kind != TOKEN_NAME || is_constant_name(at->text))
		return parser_fail(p, at, err, "found %s, expected a name to assign to",
			parser_found(p, at));
	p->token++;
	strmap_set(&p->bound, at->text, p);
	return parse_name(p, at);
}

static const struct node *parse_targets(
	struct parser *p, const char *end_name, bool namespaces, struct err *err)
{
	const struct token *at = p->token;
	const struct node *node = namespaces ? parse_namespace_target(p) : NULL;

	if (node && p->token->kind != TOKEN_COMMA)
		return node;
	p->token = at;
	node = parse_tuple(p, TUPLE_TARGET, end_name, false, err);
	if (!node || check_target(p, node, at, err) < 0)
		return NULL;
	return node;
}

static const struct node *parse_for(struct parser *p, struct node *node, struct err *err)
{
	static const char *const ends[] = {"else", "endfor", NULL};

	node->a = parse_targets(p, "in", false, err);
	if (!node->a)
		return NULL;
	if (!parser_skip_name(p, "in"))
		return parser_fail(
			p, p->token, err, "found %s, expected 'in'", parser_found(p, p->token));
	node->b = parse_tuple(p, TUPLE_NO_COND, "recursive", false, err);
	if (!node->b)
		return NULL;
	if (parser_skip_name(p, "if")) {
		node->c = parse_expression(p, true, err);
		if (!node->c)
			return NULL;
	}
	node->flag = parser_skip_name(p, "recursive");
	unsigned captures = p->captures;
	p->loops++;
	int rc = parse_until(p, ends, &node->list, err);
	p->loops--;
	node->context = p->captures != captures;
	if (rc < 0)
		return NULL;
	if (strcmp(p->token++->text, "endfor") == 0)
		return node;
	return parse_until_end(p, "endfor", &node->other, err) < 0 ? NULL : node;
}

static const struct node *parse_if(struct parser *p, struct node *node, struct err *err);

/* "elif" as an if of its own inside the else branch. */
static int parse_elif(struct parser *p, struct node *node, struct err *err)
{
	const struct node **items = arena_array(p->arena, 1, sizeof(*items));
	const struct token *at = p->token++;

	if (parser_enter(p, err) < 0)
		return -1;
	items[0] = parse_if(p, parser_node(p, NODE_IF, at), err);
	parser_leave(p);
	node->other = (struct node_list){.items = items, .count = 1};
	return items[0] ? 0 : -1;
}

static const struct node *parse_if(struct parser *p, struct node *node, struct err *err)
{
	static const char *const ends[] = {"elif", "else", "endif", NULL};

	p->conditional++;
	node->a = parse_tuple(p, TUPLE_NO_COND, NULL, false, err);
	if (!node->a || parse_until(p, ends, &node->list, err) < 0)
		return NULL;
	int rc = 0;
	if (parser_at_name(p, "elif"))
		rc = parse_elif(p, node, err);
	else if (strcmp(p->token++->text, "else") == 0)
		rc = parse_until_end(p, "endif", &node->other, err);
	p->conditional--;
	return rc < 0 ? NULL : node;
}

static const struct node *parse_set(struct parser *p, struct node *node, struct err *err)
{
	node->a = parse_targets(p, NULL, true, err);
	if (!node->a)
		return NULL;
	if (parser_skip(p, TOKEN_ASSIGN)) {
		node->b = parse_tuple(p, TUPLE_EXPRESSION, NULL, false, err);
		return node->b ? node : NULL;
	}
	node->kind = NODE_SET_TEXT;
	if (parser_skip(p, TOKEN_PIPE)) {
		node->b = parse_filters(p, NULL, true, err);
		if (!node->b)
			return NULL;
	}
	return parse_until_end(p, "endset", &node->list, err) < 0 ? NULL : node;
}

static const struct node *parse_with(struct parser *p, struct node *node, struct err *err)
{
	AUTO(node_vec_release) struct node_vec pairs = {0};

	while (p->token->kind != TOKEN_BLOCK_END) {
		if (pairs.count && parser_expect(p, TOKEN_COMMA, err) < 0)
			return NULL;
		const struct node *target = parse_target(p, err);
		if (!target || parser_expect(p, TOKEN_ASSIGN, err) < 0)
			return NULL;
		const struct node *value = parse_expression(p, true, err);
		if (!value)
			return NULL;
		*VEC_PUSH(&pairs) = target;
		*VEC_PUSH(&pairs) = value;
	}
	node->other = parser_list(p, &pairs);
	return parse_until_end(p, "endwith", &node->list, err) < 0 ? NULL : node;
}

/* The parameters of a macro or caller, from "(" to ")". */
static int parse_signature(struct parser *p, struct macro *macro, struct err *err)
{
	AUTO(node_vec_release) struct node_vec parameters = {0};
	AUTO(node_vec_release) struct node_vec defaults = {0};

	if (parser_expect(p, TOKEN_LPAREN, err) < 0)
		return -1;
	while (p->token->kind != TOKEN_RPAREN) {
		if (parameters.count && parser_expect(p, TOKEN_COMMA, err) < 0)
			return -1;
		const struct token *at = p->token;
		const struct node *parameter = parse_target(p, err);
		if (!parameter)
			return -1;
		*VEC_PUSH(&parameters) = parameter;
		if (parser_skip(p, TOKEN_ASSIGN)) {
			const struct node *value = parse_expression(p, true, err);
			if (!value)
				return -1;
			*VEC_PUSH(&defaults) = value;
		} else if (defaults.count) {
			parser_fail(p, at, err,
				"a parameter without a default behind one that has a default");
			return -1;
		}
	}
	p->token++;
	macro->parameters = parser_list(p, &parameters);
	macro->defaults = parser_list(p, &defaults);
	return 0;
}

/* Reads a macro's body; names in it tell which of varargs, kwargs and caller it uses. */
static int parse_macro_body(
	struct parser *p, struct macro *macro, const char *end, struct err *err)
{
	struct macro *outer = p->macro;
	unsigned loops = p->loops;

	p->macro = macro;
	p->loops = 0;
	p->captures++;
	int rc = parse_until_end(p, end, &macro->body, err);
	p->macro = outer;
	p->loops = loops;
	return rc;
}

static const struct node *parse_macro(struct parser *p, struct node *node, struct err *err)
{
	struct macro *macro = ARENA_NEW(p->arena, struct macro);
	const struct node *name = parse_target(p, err);

	if (!name || parse_signature(p, macro, err) < 0)
		return NULL;
	macro->name = name->key.text;
	node->key = name->key;
	node->macro = macro;
	return parse_macro_body(p, macro, "endmacro", err) < 0 ? NULL : node;
}

static const struct node *parse_call_block(struct parser *p, struct node *node, struct err *err)
{
	struct macro *macro = ARENA_NEW(p->arena, struct macro);

	if (p->token->kind == TOKEN_LPAREN && parse_signature(p, macro, err) < 0)
		return NULL;
	const struct token *at = p->token;
	node->macro = macro;
	node->a = parse_expression(p, true, err);
	if (!node->a)
		return NULL;
	if (node->a->kind != NODE_CALL)
		return parser_fail(p, at, err, "expected a call, as in {%% call macro() %%}");
	return parse_macro_body(p, macro, "endcall", err) < 0 ? NULL : node;
}

static const struct node *parse_filter_block(
	struct parser *p, struct node *node, struct err *err)
{
	node->a = parse_filters(p, NULL, true, err);
	if (!node->a)
		return NULL;
	return parse_until_end(p, "endfilter", &node->list, err) < 0 ? NULL : node;
}

static int add_block(struct parser *p, const struct node *node, bool required,
	const struct token *at, struct err *err)
{
	for (size_t i = 0; i < p->blocks.count; i++) {
		if (strcmp(p->blocks.items[i].key.text, node->key.text) == 0) {
			parser_fail(p, at, err, "a second block with the name '%.60s'",
				node->key.text);
			return -1;
		}
	}
	p->captures++;
	*VEC_PUSH(&p->blocks) =
		(struct block){.key = node->key, .node = node, .required = required};
	return 0;
}

static const struct node *parse_block(struct parser *p, struct node *node, struct err *err)
{
	const struct token *at = p->token;
	const struct node *name = parse_target(p, err);

	if (!name)
		return NULL;
	node->key = name->key;
	node->flag = parser_skip_name(p, "scoped");
	bool required = parser_skip_name(p, "required");
	if (add_block(p, node, required, at, err) < 0)
		return NULL;
	unsigned loops = p->loops;
	p->loops = 0;
	int rc = parse_until_end(p, "endblock", &node->list, err);
	p->loops = loops;
	if (rc < 0)
		return NULL;
	if (p->token->kind == TOKEN_NAME && !parser_skip_name(p, node->key.text))
		return parser_fail(p, p->token, err,
			"found %s, expected the end of block '%.60s'",
			parser_found(p, p->token), node->key.text);
	return node;
}

/* Notes a template that this one uses. What an expression names may do anything. */
static void note_use(struct parser *p, const struct node *name)
{
	if (name->kind != NODE_CONST || !value_is_string(name->value)) {
		p->template->mutates = true;
		return;
	}
	for (size_t i = 0; i < p->uses.count; i++) {
		if (strcmp(p->uses.items[i], name->value->text) == 0)
			return;
	}
	*VEC_PUSH(&p->uses) = name->value->text;
}

/* Which template is extended, included or imported: one name, or several to choose from. */
static const struct node *parse_used(struct parser *p, struct err *err)
{
	const struct node *node = parse_expression(p, true, err);

	if (node && (node->kind == NODE_LIST || node->kind == NODE_TUPLE)) {
		for (size_t i = 0; i < node->list.count; i++)
			note_use(p, node->list.items[i]);
	} else if (node) {
		note_use(p, node);
	}
	return node;
}

static const struct node *parse_extends(struct parser *p, struct node *node, struct err *err)
{
	p->template->extends = true;
	node->a = parse_used(p, err);
	return node->a ? node : NULL;
}

static bool at_context(const struct parser *p)
{
	return (parser_at_name(p, "with") || parser_at_name(p, "without")) &&
	       p->token[1].kind == TOKEN_NAME && strcmp(p->token[1].text, "context") == 0;
}

static bool parse_context(struct parser *p, bool default_value)
{
	if (!at_context(p))
		return default_value;
	p->token += 2;
	return strcmp(p->token[-2].text, "with") == 0;
}

static const struct node *parse_include(struct parser *p, struct node *node, struct err *err)
{
	p->captures++;
	node->a = parse_used(p, err);
	if (!node->a)
		return NULL;
	const struct token *next = p->token + 1;
	if (parser_at_name(p, "ignore") && next->kind == TOKEN_NAME &&
		strcmp(next->text, "missing") == 0) {
		p->token += 2;
		node->flag = true;
	}
	node->context = parse_context(p, true);
	return node;
}

static const struct node *parse_import(struct parser *p, struct node *node, struct err *err)
{
	p->captures++;
	node->a = parse_used(p, err);
	if (!node->a)
		return NULL;
	if (!parser_skip_name(p, "as"))
		return parser_fail(
			p, p->token, err, "found %s, expected 'as'", parser_found(p, p->token));
	const struct node *name = parse_target(p, err);
	if (!name)
		return NULL;
	node->key = name->key;
	node->context = parse_context(p, false);
	return node;
}

static const struct node *parse_imported_name(
	struct parser *p, struct node_vec *names, struct err *err)
{
	const struct token *at = p->token;
	const struct node *name = parse_target(p, err);

	if (!name)
		return NULL;
	if (name->key.text[0] == '_')
		return parser_fail(p, at, err, "names that begin with '_' cannot be imported");
	const struct node *alias = parser_skip_name(p, "as") ? parse_target(p, err) : name;
	if (!alias)
		return NULL;
	*VEC_PUSH(names) = name;
	*VEC_PUSH(names) = alias;
	return alias;
}

static const struct node *parse_from(struct parser *p, struct node *node, struct err *err)
{
	AUTO(node_vec_release) struct node_vec names = {0};

	p->captures++;
	node->a = parse_used(p, err);
	if (!node->a)
		return NULL;
	if (!parser_skip_name(p, "import"))
		return parser_fail(p, p->token, err, "found %s, expected 'import'",
			parser_found(p, p->token));
	do {
		if ((names.count && at_context(p)) ||
			(names.count && p->token->kind == TOKEN_BLOCK_END))
			break;
		if (!parse_imported_name(p, &names, err))
			return NULL;
	} while (parser_skip(p, TOKEN_COMMA));
	node->context = parse_context(p, false);
	node->list = parser_list(p, &names);
	return node;
}

static const struct node *parse_do(struct parser *p, struct node *node, struct err *err)
{
	node->a = parse_tuple(p, TUPLE_EXPRESSION, NULL, false, err);
	return node->a ? node : NULL;
}

static const struct node *parse_loop_control(
	struct parser *p, struct node *node, struct err *err)
{
	if (p->loops == 0)
		return parser_fail(
			p, p->token - 1, err, "'%s' outside of a loop", (p->token - 1)->text);
	return node;
}

/* Values are never escaped here, so only the body counts. */
static const struct node *parse_autoescape(struct parser *p, struct node *node, struct err *err)
{
	node->a = parse_expression(p, true, err);
	if (!node->a || parse_until_end(p, "endautoescape", &node->list, err) < 0)
		return NULL;
	return node;
}

static const struct tag {
	const char *name;
	enum node_kind kind;
	tag_fn parse;
} tags[] = {
	{"for", NODE_FOR, parse_for},
	{"if", NODE_IF, parse_if},
	{"set", NODE_SET, parse_set},
	{"with", NODE_WITH, parse_with},
	{"macro", NODE_MACRO, parse_macro},
	{"call", NODE_CALL_BLOCK, parse_call_block},
	{"filter", NODE_FILTER_BLOCK, parse_filter_block},
	{"block", NODE_BLOCK, parse_block},
	{"extends", NODE_EXTENDS, parse_extends},
	{"include", NODE_INCLUDE, parse_include},
	{"import", NODE_IMPORT, parse_import},
	{"from", NODE_FROM, parse_from},
	{"print", NODE_PRINT, parse_do},
	{"do", NODE_DO, parse_do},
	{"break", NODE_BREAK, parse_loop_control},
	{"continue", NODE_CONTINUE, parse_loop_control},
	{"autoescape", NODE_GROUP, parse_autoescape},
};

static const struct node *fail_tag(
	struct parser *p, const struct token *at, const char *const *ends, struct err *err)
{
	struct suggestion near = {0};

	if (at->kind != TOKEN_NAME)
		return parser_fail(p, at, err, "found %s, expected the name of a tag",
			parser_found(p, at));
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		suggest_add(&near, at->text, tags[i].name);
	for (size_t i = 0; ends && ends[i]; i++)
		suggest_add(&near, at->text, ends[i]);
	return parser_fail(p, at, err, "there is no tag '%.60s'%s%s%s%s%s", at->text,
		ends ? " here; expected " : "", ends ? parser_choice(p, ends) : "",
		near.word ? "; did you mean '" : "", near.word ? near.word : "",
		near.word ? "'?" : "");
}

static const struct node *parse_tag(struct parser *p, const char *const *ends, struct err *err)
{
	const struct token *at = p->token++;

	if (at->kind == TOKEN_NAME) {
		for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
			if (strcmp(tags[i].name, at->text) == 0)
				return tags[i].parse(p, parser_node(p, tags[i].kind, at), err);
		}
	}
	p->token--;
	return fail_tag(p, at, ends, err);
}

static bool at_end_tag(const struct parser *p, const char *const *ends)
{
	for (size_t i = 0; ends && ends[i]; i++) {
		if (parser_at_name(p, ends[i]))
			return true;
	}
	return false;
}

static const struct node *parse_data(struct parser *p)
{
	const struct token *token = p->token++;
	struct node *node = parser_node(p, NODE_DATA, token);

	node->value = value_new_stringn(p->arena, token->text, token->len);
	return node;
}

static const struct node *parse_print(struct parser *p, struct err *err)
{
	struct node *node = parser_node(p, NODE_PRINT, p->token++);

	node->a = parse_tuple(p, TUPLE_EXPRESSION, NULL, false, err);
	if (!node->a || parser_expect(p, TOKEN_VARIABLE_END, err) < 0)
		return NULL;
	return parser_check_unknown(p, err) < 0 ? NULL : node;
}

/* One piece of a body. NULL without err at the body's end. */
static const struct node *parse_piece(
	struct parser *p, const char *const *ends, bool *end, struct err *err)
{
	switch (p->token->kind) {
	case TOKEN_DATA: return parse_data(p);
	case TOKEN_VARIABLE_BEGIN: return parse_print(p, err);
	case TOKEN_END:
		*end = true;
		if (ends)
			return parser_fail(p, p->token, err,
				"found the end of the template, expected %s",
				parser_choice(p, ends));
		return NULL;
	default: break;
	}
	p->token++;
	if (at_end_tag(p, ends)) {
		*end = true;
		return NULL;
	}
	const struct node *node = parse_tag(p, ends, err);
	if (!node || parser_expect(p, TOKEN_BLOCK_END, err) < 0)
		return NULL;
	return parser_check_unknown(p, err) < 0 ? NULL : node;
}

/* Text behind a print statement becomes part of it: most of a template is such pairs. */
static bool follows_print(const struct node_vec *nodes, const struct node *node)
{
	struct node *last =
		nodes->count ? (struct node *)(uintptr_t)nodes->items[nodes->count - 1] : NULL;

	if (!last || last->kind != NODE_PRINT || last->value || node->kind != NODE_DATA)
		return false;
	last->value = node->value;
	return true;
}

int parse_body(
	struct parser *p, const char *const *ends, struct node_list *out, struct err *err)
{
	AUTO(node_vec_release) struct node_vec nodes = {0};

	for (;;) {
		bool end = false;
		const struct node *node = parse_piece(p, ends, &end, err);
		if (end && !(ends && p->token->kind == TOKEN_END))
			break;
		if (!node)
			return -1;
		if (!follows_print(&nodes, node))
			*VEC_PUSH(&nodes) = node;
	}
	*out = parser_list(p, &nodes);
	return 0;
}
