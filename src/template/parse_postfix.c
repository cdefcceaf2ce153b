/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind an operand: attributes, items and slices, calls, filters and tests.
 */
#include "template/methods.h"
#include "template/parser.h"

#include "base/suggest.h"

static const struct node *parse_slice(
	struct parser *p, const struct node *first, const struct token *at, struct err *err)
{
	struct node *node = parser_node(p, NODE_SLICE, at);
	const struct node **parts[] = {&node->b, &node->c};

	node->a = first;
	for (size_t i = 0; i < 2 && parser_skip(p, TOKEN_COLON); i++) {
		if (p->token->kind == TOKEN_COLON || p->token->kind == TOKEN_RBRACKET ||
			p->token->kind == TOKEN_COMMA)
			continue;
		*parts[i] = parse_expression(p, true, err);
		if (!*parts[i])
			return NULL;
	}
	return node;
}

static const struct node *parse_subscript(struct parser *p, struct err *err)
{
	const struct token *at = p->token;
	const struct node *first = NULL;

	if (at->kind != TOKEN_COLON) {
		first = parse_expression(p, true, err);
		if (!first || p->token->kind != TOKEN_COLON)
			return first;
	}
	return parse_slice(p, first, at, err);
}

static const struct node *parse_item(struct parser *p, const struct node *on, struct err *err)
{
	struct node *node = parser_node(p, NODE_GETITEM, p->token++);
	AUTO(node_vec_release) struct node_vec items = {0};
	const struct token *at = p->token;

	while (p->token->kind != TOKEN_RBRACKET) {
		if (items.count && parser_expect(p, TOKEN_COMMA, err) < 0)
			return NULL;
		const struct node *item = parse_subscript(p, err);
		if (!item)
			return NULL;
		*VEC_PUSH(&items) = item;
	}
	if (items.count == 0)
		return parser_fail(p, at, err, "found ']', expected an index or a key");
	p->token++;
	node->a = on;
	node->b = items.items[0];
	if (items.count > 1) {
		struct node *tuple = parser_node(p, NODE_TUPLE, at);
		tuple->list = parser_list(p, &items);
		node->b = tuple;
	}
	if (node->b->kind == NODE_CONST && value_is_string(node->b->value))
		node->key = value_key(node->b->value->text, node->b->value->len);
	return node;
}

/* Methods that change their object; a template that names one works on copies. */
static bool is_mutator(const char *name)
{
	static const char *const mutators[] = {"append", "clear", "extend", "insert", "pop",
		"popitem", "remove", "reverse", "setdefault", "sort", "update"};

	for (size_t i = 0; i < ARRAY_SIZE(mutators); i++) {
		if (strcmp(mutators[i], name) == 0)
			return true;
	}
	return false;
}

static const struct node *parse_attribute(
	struct parser *p, const struct node *on, struct err *err)
{
	const struct token *at = p->token++;
	const struct token *name = p->token++;

	if (name->kind == TOKEN_NAME) {
		struct node *node = parser_node(p, NODE_GETATTR, at);
		node->a = on;
		node->key = value_key(name->text, name->len);
		node->flag = methods_know(name->text);
		node->op = loop_attribute(name->text);
		p->template->mutates |= is_mutator(name->text);
		return node;
	}
	if (name->kind != TOKEN_INTEGER) {
		p->token--;
		return parser_fail(p, name, err,
			"found %s, expected a name or a number behind '.'",
			parser_found(p, name));
	}
	struct node *node = parser_node(p, NODE_GETITEM, at);
	p->token--;
	node->a = on;
	node->b = parse_primary(p, err);
	return node->b ? node : NULL;
}

static bool is_lookup(const struct node *node)
{
	return node->kind == NODE_NAME &&
	       (strcmp(node->key.text, "lookup") == 0 || strcmp(node->key.text, "query") == 0 ||
		       strcmp(node->key.text, "q") == 0);
}

static const struct node *parse_called(struct parser *p, const struct node *on, struct err *err)
{
	struct node *node = parser_node(p, NODE_CALL, p->token);

	node->a = on;
	node->call = parse_call(p, err);
	node->flag = is_lookup(on);
	return node->call ? node : NULL;
}

const struct node *parse_postfix(struct parser *p, const struct node *on, struct err *err)
{
	unsigned depth = 0;

	while (on && depth++ <= PARSER_MAX_DEPTH) {
		if (p->token->kind == TOKEN_DOT)
			on = parse_attribute(p, on, err);
		else if (p->token->kind == TOKEN_LBRACKET)
			on = parse_item(p, on, err);
		else if (p->token->kind == TOKEN_LPAREN)
			on = parse_called(p, on, err);
		else
			return on;
	}
	if (on)
		parser_fail(p, p->token, err,
			"more than %d attributes, items and calls in a row", PARSER_MAX_DEPTH);
	return NULL;
}

struct call_builder {
	struct node_vec positional, named;
	struct {
		const char **items;
		size_t count, cap;
	} names;
};

static void call_builder_release(struct call_builder *b)
{
	node_vec_release(&b->positional);
	node_vec_release(&b->named);
	free(b->names.items);
}

static int parse_argument(
	struct parser *p, struct call *call, struct call_builder *b, struct err *err)
{
	const struct token *at = p->token;
	bool rest = parser_skip(p, TOKEN_MUL);
	bool mapping = !rest && parser_skip(p, TOKEN_POW);
	bool named = !rest && !mapping && at->kind == TOKEN_NAME && at[1].kind == TOKEN_ASSIGN;

	if (named) {
		*VEC_PUSH(&b->names) = at->text;
		p->token += 2;
	}
	const struct node *value = parse_expression(p, true, err);
	if (!value)
		return -1;
	if ((rest && (call->rest || call->mapping)) || (mapping && call->mapping) ||
		(!rest && !mapping &&
			(call->mapping || (!named && (b->named.count || call->rest))))) {
		parser_fail(p, at, err,
			"an argument in the wrong order: first values, then name=value, "
			"*list, **mapping");
		return -1;
	}
	if (rest)
		call->rest = value;
	else if (mapping)
		call->mapping = value;
	else
		*VEC_PUSH(named ? &b->named : &b->positional) = value;
	return 0;
}

const struct call *parse_call(struct parser *p, struct err *err)
{
	struct call *call = ARENA_NEW(p->arena, struct call);
	AUTO(call_builder_release) struct call_builder b = {0};
	bool first = true;

	if (parser_expect(p, TOKEN_LPAREN, err) < 0)
		return NULL;
	for (; p->token->kind != TOKEN_RPAREN; first = false) {
		if (!first && parser_expect(p, TOKEN_COMMA, err) < 0)
			return NULL;
		if (p->token->kind == TOKEN_RPAREN)
			break;
		if (parse_argument(p, call, &b, err) < 0)
			return NULL;
	}
	p->token++;
	if (b.names.count)
		call->names = arena_memdup(
			p->arena, b.names.items, b.names.count * sizeof(*b.names.items));
	call->positional = parser_list(p, &b.positional);
	call->named = parser_list(p, &b.named);
	return call;
}

/* "a.b.c" as one name, for filters and tests of collections. */
static const char *parse_dotted(struct parser *p, struct err *err)
{
	if (p->token->kind != TOKEN_NAME) {
		parser_expect(p, TOKEN_NAME, err);
		return NULL;
	}
	const char *name = p->token++->text;
	while (parser_skip(p, TOKEN_DOT)) {
		if (p->token->kind != TOKEN_NAME) {
			parser_expect(p, TOKEN_NAME, err);
			return NULL;
		}
		name = arena_printf(p->arena, "%s.%s", name, p->token++->text);
	}
	return name;
}

/* The filter or test of a name. An unknown one is an error, unless a condition guards it. */
static void find_callable(
	struct parser *p, struct node *node, enum template_kind kind, const struct token *at)
{
	struct suggestion near = {0};
	const char *candidate;

	node->callable = callable_find(kind, node->key.text);
	if (node->callable)
		node->shape = callable_shape(node->callable);
	if (node->callable || p->conditional || p->unknown)
		return;
	for (size_t i = 0; (candidate = template_entry(kind, i)); i++)
		suggest_add(&near, node->key.text, candidate);
	p->unknown_at = at;
	p->unknown = arena_printf(p->arena, "there is no %s '%.60s'%s%s%s",
		kind == TEMPLATE_FILTER ? "filter" : "test", node->key.text,
		near.word ? "; did you mean '" : "", near.word ? near.word : "",
		near.word ? "'?" : "");
}

static const struct node *parse_filter(struct parser *p, const struct node *on, struct err *err)
{
	const struct token *at = p->token;
	struct node *node = parser_node(p, NODE_FILTER, at);

	node->a = on;
	node->key.text = parse_dotted(p, err);
	if (!node->key.text)
		return NULL;
	find_callable(p, node, TEMPLATE_FILTER, at);
	if (p->token->kind == TOKEN_LPAREN) {
		node->call = parse_call(p, err);
		if (!node->call)
			return NULL;
	}
	return node;
}

/* A test's only argument may stand without parentheses: x is divisibleby 3. */
static bool at_bare_argument(const struct parser *p)
{
	switch (p->token->kind) {
	case TOKEN_NAME:
		return !parser_at_name(p, "else") && !parser_at_name(p, "or") &&
		       !parser_at_name(p, "and");
	case TOKEN_STRING:
	case TOKEN_INTEGER:
	case TOKEN_FLOAT:
	case TOKEN_LBRACKET:
	case TOKEN_LBRACE: return true;
	default: return false;
	}
}

static const struct call *parse_bare_argument(struct parser *p, struct err *err)
{
	if (parser_at_name(p, "is"))
		return parser_fail(p, p->token, err,
			"tests cannot follow one another; join them with 'and'");
	struct call *call = ARENA_NEW(p->arena, struct call);
	const struct node **items = arena_array(p->arena, 1, sizeof(*items));
	const struct node *argument = parse_primary(p, err);
	if (argument)
		argument = parse_postfix(p, argument, err);
	if (!argument)
		return NULL;
	items[0] = argument;
	call->positional = (struct node_list){.items = items, .count = 1};
	return call;
}

static const struct node *parse_test(struct parser *p, const struct node *on, struct err *err)
{
	struct node *node = parser_node(p, NODE_TEST, p->token);

	node->flag = parser_skip_name(p, "not");
	node->a = on;
	const struct token *at = p->token;
	node->key.text = parse_dotted(p, err);
	if (!node->key.text)
		return NULL;
	find_callable(p, node, TEMPLATE_TEST, at);
	if (p->token->kind == TOKEN_LPAREN)
		node->call = parse_call(p, err);
	else if (at_bare_argument(p))
		node->call = parse_bare_argument(p, err);
	else
		return node;
	return node->call ? node : NULL;
}

const struct node *parse_filters(
	struct parser *p, const struct node *on, bool first, struct err *err)
{
	const struct node *node = first ? parse_filter(p, on, err) : on;
	unsigned depth = 0;

	while (node && depth++ <= PARSER_MAX_DEPTH) {
		if (parser_skip(p, TOKEN_PIPE))
			node = parse_filter(p, node, err);
		else if (parser_skip_name(p, "is"))
			node = parse_test(p, node, err);
		else if (p->token->kind == TOKEN_LPAREN)
			node = parse_called(p, node, err);
		else
			return node;
	}
	if (node)
		parser_fail(
			p, p->token, err, "more than %d filters in a row", PARSER_MAX_DEPTH);
	return NULL;
}
