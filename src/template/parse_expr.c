/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions, from the weakest operator to the strongest:
 *
 *     if else | or | and | not | comparison in | + - | ~ | * / // % | ** | unary | postfix
 *
 * Filters and tests bind to a unary expression: -1|abs is (-1)|abs. Powers group from the
 * left, as Jinja2's do.
 */
#include "template/parser.h"

#include "template/bigint.h"
#include "base/strmap.h"
#include "value/number.h"

static const struct node *parse_or(struct parser *p, struct err *err);
static const struct node *parse_unary(struct parser *p, bool filters, struct err *err);

typedef const struct node *(*parse_fn)(struct parser *p, struct err *err);

const struct node *parse_name(struct parser *p, const struct token *token)
{
	struct node *node = parser_node(p, NODE_NAME, token);

	node->key = value_key(token->text, token->len);
	node->callable = callable_find(TEMPLATE_GLOBAL, token->text);
	*VEC_PUSH(&p->names) = node;
	if (p->macro) {
		p->macro->uses_varargs |= strcmp(token->text, "varargs") == 0;
		p->macro->uses_kwargs |= strcmp(token->text, "kwargs") == 0;
		p->macro->uses_caller |= strcmp(token->text, "caller") == 0;
	}
	return node;
}

static const struct node *new_const(
	struct parser *p, const struct token *at, const struct value *value)
{
	struct node *node = parser_node(p, NODE_CONST, at);

	node->value = value;
	return node;
}

static const struct node *parse_condition(struct parser *p, struct err *err)
{
	const char *unknown = p->unknown;
	const struct node *left = parse_or(p, err);

	while (left && parser_at_name(p, "if")) {
		p->unknown = unknown;
		struct node *node = parser_node(p, NODE_COND, p->token++);
		node->a = left;
		p->conditional++;
		node->b = parse_or(p, err);
		if (!node->b)
			return NULL;
		if (parser_skip_name(p, "else")) {
			node->c = parse_expression(p, true, err);
			if (!node->c)
				return NULL;
		}
		p->conditional--;
		left = node;
	}
	return left;
}

const struct node *parse_expression(struct parser *p, bool cond, struct err *err)
{
	if (parser_enter(p, err) < 0)
		return NULL;
	const struct node *node = cond ? parse_condition(p, err) : parse_or(p, err);
	parser_leave(p);
	return node;
}

static const struct node *new_pair(struct parser *p, enum node_kind kind,
	const struct token *at, const struct node *left, const struct node *right)
{
	struct node *node = parser_node(p, kind, at);

	if (!right)
		return NULL;
	node->a = left;
	node->b = right;
	return node;
}

/* Guards against chains so long that evaluating them would recurse too deep. */
#define CHAIN_MAX 200

static bool chain_too_long(struct parser *p, unsigned length, struct err *err)
{
	if (length < CHAIN_MAX)
		return false;
	parser_fail(p, p->token, err, "more than %d operators in a row; use parentheses or set",
		CHAIN_MAX);
	return true;
}

static const struct node *parse_compare(struct parser *p, struct err *err);

static const struct node *parse_not(struct parser *p, struct err *err)
{
	if (!parser_at_name(p, "not"))
		return parse_compare(p, err);
	struct node *node = parser_node(p, NODE_NOT, p->token++);
	if (parser_enter(p, err) < 0)
		return NULL;
	node->a = parse_not(p, err);
	parser_leave(p);
	return node->a ? node : NULL;
}

static const struct node *parse_and(struct parser *p, struct err *err)
{
	const struct node *left = parse_not(p, err);

	for (unsigned n = 0; left && parser_at_name(p, "and"); n++) {
		const struct token *at = p->token++;
		if (chain_too_long(p, n, err))
			return NULL;
		left = new_pair(p, NODE_AND, at, left, parse_not(p, err));
	}
	return left;
}

static const struct node *parse_or(struct parser *p, struct err *err)
{
	const struct node *left = parse_and(p, err);

	for (unsigned n = 0; left && parser_at_name(p, "or"); n++) {
		const struct token *at = p->token++;
		if (chain_too_long(p, n, err))
			return NULL;
		left = new_pair(p, NODE_OR, at, left, parse_and(p, err));
	}
	return left;
}

static bool compare_operator(struct parser *p, uint8_t *op)
{
	static const struct {
		enum token_kind token;
		uint8_t op;
	} table[] = {{TOKEN_EQ, CMP_EQ}, {TOKEN_NE, CMP_NE}, {TOKEN_LT, CMP_LT},
		{TOKEN_LE, CMP_LE}, {TOKEN_GT, CMP_GT}, {TOKEN_GE, CMP_GE}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (parser_skip(p, table[i].token)) {
			*op = table[i].op;
			return true;
		}
	}
	if (parser_skip_name(p, "in")) {
		*op = CMP_IN;
		return true;
	}
	const struct token *next = p->token + 1;
	if (parser_at_name(p, "not") && next->kind == TOKEN_NAME &&
		strcmp(next->text, "in") == 0) {
		p->token += 2;
		*op = CMP_NOT_IN;
		return true;
	}
	return false;
}

/* Operators of one strength that group from the left. */
struct level {
	struct {
		enum token_kind token;
		enum binary_op op;
	} operators[4];
	size_t count;
	parse_fn operand;
};

static const struct node *parse_level(
	struct parser *p, const struct level *level, struct err *err)
{
	const struct node *left = level->operand(p, err);

	for (unsigned n = 0; left; n++) {
		size_t i = 0;
		while (i < level->count && p->token->kind != level->operators[i].token)
			i++;
		if (i == level->count)
			break;
		struct node *node = parser_node(p, NODE_BINARY, p->token++);
		if (chain_too_long(p, n, err))
			return NULL;
		node->op = (uint8_t)level->operators[i].op;
		node->a = left;
		node->b = level->operand(p, err);
		left = node->b ? node : NULL;
	}
	return left;
}

static const struct node *parse_power_operand(struct parser *p, struct err *err)
{
	return parse_unary(p, true, err);
}

static const struct node *parse_power(struct parser *p, struct err *err)
{
	static const struct level level = {
		.operators = {{TOKEN_POW, OP_POW}}, .count = 1, .operand = parse_power_operand};

	return parse_level(p, &level, err);
}

static const struct node *parse_product(struct parser *p, struct err *err)
{
	static const struct level level = {
		.operators = {{TOKEN_MUL, OP_MUL}, {TOKEN_DIV, OP_DIV},
			{TOKEN_FLOORDIV, OP_FLOORDIV}, {TOKEN_MOD, OP_MOD}},
		.count = 4,
		.operand = parse_power};

	return parse_level(p, &level, err);
}

static const struct node *parse_concat(struct parser *p, struct err *err)
{
	AUTO(node_vec_release) struct node_vec items = {0};
	const struct token *at = p->token;

	do {
		const struct node *item = parse_product(p, err);
		if (!item)
			return NULL;
		*VEC_PUSH(&items) = item;
	} while (parser_skip(p, TOKEN_TILDE));
	if (items.count == 1)
		return items.items[0];
	struct node *node = parser_node(p, NODE_CONCAT, at);
	node->list = parser_list(p, &items);
	return node;
}

static const struct node *parse_sum(struct parser *p, struct err *err)
{
	static const struct level level = {
		.operators = {{TOKEN_ADD, OP_ADD}, {TOKEN_SUB, OP_SUB}},
		.count = 2,
		.operand = parse_concat};

	return parse_level(p, &level, err);
}

static const struct node *parse_compare(struct parser *p, struct err *err)
{
	AUTO(node_vec_release) struct node_vec operands = {0};
	AUTO(strbuf_release) struct strbuf ops = STRBUF_INIT;
	const struct token *at = p->token;
	uint8_t op = 0;

	for (bool more = true; more; more = compare_operator(p, &op)) {
		if (operands.count > 0)
			strbuf_addch(&ops, (char)op);
		const struct node *operand = parse_sum(p, err);
		if (!operand)
			return NULL;
		*VEC_PUSH(&operands) = operand;
	}
	if (operands.count == 1)
		return operands.items[0];
	struct node *node = parser_node(p, NODE_COMPARE, at);
	node->list = parser_list(p, &operands);
	node->ops = arena_memdup(p->arena, ops.data, ops.len);
	return node;
}

static const struct node *parse_sign(struct parser *p, enum node_kind kind, struct err *err)
{
	struct node *node = parser_node(p, kind, p->token++);

	if (parser_enter(p, err) < 0)
		return NULL;
	node->a = parse_unary(p, false, err);
	parser_leave(p);
	return node->a ? node : NULL;
}

static const struct node *parse_unary(struct parser *p, bool filters, struct err *err)
{
	const struct node *node;

	if (p->token->kind == TOKEN_SUB)
		node = parse_sign(p, NODE_NEG, err);
	else if (p->token->kind == TOKEN_ADD)
		node = parse_sign(p, NODE_POS, err);
	else
		node = parse_primary(p, err);
	if (node)
		node = parse_postfix(p, node, err);
	if (node && filters)
		node = parse_filters(p, node, false, err);
	return node;
}

static const struct node *parse_constant_name(struct parser *p)
{
	const struct token *token = p->token++;
	const char *name = token->text;

	if (strcmp(name, "true") == 0 || strcmp(name, "True") == 0)
		return new_const(p, token, &value_true);
	if (strcmp(name, "false") == 0 || strcmp(name, "False") == 0)
		return new_const(p, token, &value_false);
	if (strcmp(name, "none") == 0 || strcmp(name, "None") == 0)
		return new_const(p, token, &value_null);
	return parse_name(p, token);
}

static const struct node *parse_string(struct parser *p)
{
	const struct token *at = p->token;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (; p->token->kind == TOKEN_STRING; p->token++)
		strbuf_add(&text, p->token->text, p->token->len);
	return new_const(p, at, value_new_stringn(p->arena, text.data, text.len));
}

static const struct node *parse_integer(struct parser *p, struct err *err)
{
	const struct token *at = p->token++;
	const char *digits = at->text;
	size_t n = at->len;
	unsigned base = 10;

	if (n > 2 && digits[0] == '0' && (digits[1] | 0x20) >= 'a') {
		base = (digits[1] | 0x20) == 'x' ? 16 : (digits[1] | 0x20) == 'o' ? 8 : 2;
		digits += 2;
		n -= 2;
	}
	const struct value *value = number_new_integer(p->arena, false, digits, n, base);
	if (!value)
		return parser_fail(p, at, err,
			"an integer of %zu digits; at most %d are accepted", n,
			NUMBER_MAX_DIGITS);
	return new_const(p, at, value);
}

static const struct node *parse_float(struct parser *p)
{
	const struct token *at = p->token++;
	double d = 0;

	number_parse_float(at->text, at->len, &d);
	return new_const(p, at, value_new_float(p->arena, d));
}

static const struct node *parse_list(struct parser *p, struct err *err)
{
	struct node *node = parser_node(p, NODE_LIST, p->token++);
	AUTO(node_vec_release) struct node_vec items = {0};

	while (p->token->kind != TOKEN_RBRACKET) {
		if (items.count && parser_expect(p, TOKEN_COMMA, err) < 0)
			return NULL;
		if (p->token->kind == TOKEN_RBRACKET)
			break;
		const struct node *item = parse_expression(p, true, err);
		if (!item)
			return NULL;
		*VEC_PUSH(&items) = item;
	}
	p->token++;
	node->list = parser_list(p, &items);
	return node;
}

static const struct node *parse_dict(struct parser *p, struct err *err)
{
	struct node *node = parser_node(p, NODE_DICT, p->token++);
	AUTO(node_vec_release) struct node_vec keys = {0};
	AUTO(node_vec_release) struct node_vec values = {0};

	while (p->token->kind != TOKEN_RBRACE) {
		if (keys.count && parser_expect(p, TOKEN_COMMA, err) < 0)
			return NULL;
		if (p->token->kind == TOKEN_RBRACE)
			break;
		const struct node *key = parse_expression(p, true, err);
		if (!key || parser_expect(p, TOKEN_COLON, err) < 0)
			return NULL;
		const struct node *value = parse_expression(p, true, err);
		if (!value)
			return NULL;
		*VEC_PUSH(&keys) = key;
		*VEC_PUSH(&values) = value;
	}
	p->token++;
	node->list = parser_list(p, &keys);
	node->other = parser_list(p, &values);
	return node;
}

static const struct node *parse_parentheses(struct parser *p, struct err *err)
{
	p->token++;
	const struct node *node = parse_tuple(p, TUPLE_EXPRESSION, NULL, true, err);
	if (!node || parser_expect(p, TOKEN_RPAREN, err) < 0)
		return NULL;
	return node;
}

const struct node *parse_primary(struct parser *p, struct err *err)
{
	switch (p->token->kind) {
	case TOKEN_NAME: return parse_constant_name(p);
	case TOKEN_STRING: return parse_string(p);
	case TOKEN_INTEGER: return parse_integer(p, err);
	case TOKEN_FLOAT: return parse_float(p);
	case TOKEN_LPAREN: return parse_parentheses(p, err);
	case TOKEN_LBRACKET: return parse_list(p, err);
	case TOKEN_LBRACE: return parse_dict(p, err);
	default:
		return parser_fail(p, p->token, err, "found %s, expected an expression",
			parser_found(p, p->token));
	}
}

static bool at_tuple_end(const struct parser *p, const char *end_name)
{
	switch (p->token->kind) {
	case TOKEN_VARIABLE_END:
	case TOKEN_BLOCK_END:
	case TOKEN_RPAREN:
	case TOKEN_END: return true;
	default: return end_name && parser_at_name(p, end_name);
	}
}

static const struct node *parse_tuple_item(
	struct parser *p, enum tuple_mode mode, struct err *err)
{
	if (mode == TUPLE_TARGET)
		return parse_primary(p, err);
	return parse_expression(p, mode == TUPLE_EXPRESSION, err);
}

const struct node *parse_tuple(struct parser *p, enum tuple_mode mode, const char *end_name,
	bool parens, struct err *err)
{
	AUTO(node_vec_release) struct node_vec items = {0};
	const struct token *at = p->token;
	bool tuple = false;

	while (!at_tuple_end(p, end_name)) {
		if (parser_enter(p, err) < 0)
			return NULL;
		const struct node *item = parse_tuple_item(p, mode, err);
		parser_leave(p);
		if (!item)
			return NULL;
		*VEC_PUSH(&items) = item;
		if (!parser_skip(p, TOKEN_COMMA))
			break;
		tuple = true;
	}
	if (items.count == 0 && !parens)
		return parser_fail(p, p->token, err, "found %s, expected an expression",
			parser_found(p, p->token));
	if (!tuple && items.count == 1)
		return items.items[0];
	struct node *node = parser_node(p, NODE_TUPLE, at);
	node->list = parser_list(p, &items);
	return node;
}
