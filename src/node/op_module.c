/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MODULE: receives the arguments of a module, checks them against its table, runs it, and
 * sends its result.
 */
#include "base/suggest.h"
#include "node/module.h"
#include "node/request.h"

struct module_stream {
	const struct node_module *module;
	double timeout;
	uint8_t flags; /* of the request's frame */
	size_t expected;
	struct strbuf incoming; /* the arguments as far as they have come */
};

void module_stream_free(struct module_stream *s)
{
	if (s)
		strbuf_release(&s->incoming);
	free(s);
}

int op_module(struct request *q, struct err *err)
{
	struct wire_module m;

	if (wire_get_module(q->frame, &m, err) < 0)
		return -1;
	const struct node_module *module = node_module_find(m.name);
	if (!module)
		return err_set(err, ERR_UNSUPPORTED, "the helper has no module \"%s\"", m.name);
	if (m.args_len > WIRE_MODULE_ARGS_MAX)
		return err_set(err, ERR_LIMIT, "%s: %u bytes of arguments; at most %u", m.name,
			m.args_len, WIRE_MODULE_ARGS_MAX);
	if (q->frame->flags & FRAME_CHECK && module->flags & MODULE_NO_CHECK)
		return err_set(err, ERR_UNSUPPORTED,
			"%s cannot tell what it would do: it has no check mode", m.name);
	struct module_stream *s = xcalloc(1, sizeof(*s));
	s->module = module;
	s->timeout = m.timeout;
	s->flags = q->frame->flags;
	s->expected = m.args_len;
	strbuf_init(&s->incoming);
	q->node->module = s;
	return 0;
}

int op_module_piece(struct request *q, const uint8_t *data, size_t n, struct err *err)
{
	struct module_stream *s = q->node->module;

	if (n > s->expected - s->incoming.len)
		return err_set(err, ERR_LIMIT, "more than the %zu bytes of arguments announced",
			s->expected);
	strbuf_add(&s->incoming, data, n);
	return 0;
}

void op_module_lose(struct node *n)
{
	module_stream_free(n->module);
	n->module = NULL;
}

/* What an item's type is among the types that a table of arguments names. */
static unsigned types_of(const struct item *i)
{
	static const unsigned types[] = {[ITEM_FALSE] = ARG_BOOL,
		[ITEM_TRUE] = ARG_BOOL,
		[ITEM_INT] = ARG_INT | ARG_NUMBER,
		[ITEM_FLOAT] = ARG_NUMBER,
		[ITEM_STRING] = ARG_TEXT,
		[ITEM_BYTES] = ARG_BYTES,
		[ITEM_LIST] = ARG_LIST,
		[ITEM_DICT] = ARG_DICT};

	return types[i->type];
}

static const struct node_arg *find_arg(const struct node_module *m, const struct item *i)
{
	for (const struct node_arg *a = m->args; a->name; a++) {
		if (strlen(a->name) == i->key_len && memcmp(a->name, i->key, i->key_len) == 0)
			return a;
	}
	return NULL;
}

static int refuse_arg(
	struct node_call *c, const struct node_module *m, const struct item *i, struct err *err)
{
	const char *name = arena_strndup(c->arena, i->key, i->key_len);
	struct suggestion near = {0};

	for (const struct node_arg *a = m->args; a->name; a++)
		suggest_add(&near, name, a->name);
	if (near.word)
		return err_set(err, ERR_INPUT,
			"%s does not know the argument \"%s\"; is it \"%s\"?", m->name, name,
			near.word);
	return err_set(err, ERR_INPUT, "%s does not know the argument \"%s\"", m->name, name);
}

int node_module_check(struct node_call *c, const struct node_module *m, struct err *err)
{
	for (uint32_t i = 0; i < c->args->count; i++) {
		const struct item *given = &c->args->items[i];
		const struct node_arg *a = find_arg(m, given);
		if (!a)
			return refuse_arg(c, m, given, err);
		if (given->type != ITEM_NULL && !(types_of(given) & a->types))
			return err_set(err, ERR_INPUT, "%s: \"%s\" is of the wrong type",
				m->name, a->name);
	}
	for (const struct node_arg *a = m->args; a->name; a++) {
		const struct item *given = item_get(c->args, a->name);
		if (a->types & ARG_REQUIRED && (!given || given->type == ITEM_NULL))
			return err_set(err, ERR_INPUT, "%s: the argument \"%s\" is missing",
				m->name, a->name);
	}
	return 0;
}

static int run_module(struct node_call *c, const struct node_module *m, struct strbuf *result,
	struct err *err)
{
	struct item_writer out;

	if (node_module_check(c, m, err) < 0)
		return -1;
	item_begin(&out, result);
	c->out = &out;
	if (m->run(c, err) < 0 || item_finish(&out, err) < 0)
		return -1;
	if (result->len > WIRE_MODULE_RESULT_MAX)
		return err_set(err, ERR_LIMIT, "the result of %s has %zu bytes; at most %u",
			m->name, result->len, WIRE_MODULE_RESULT_MAX);
	return request_bytes(c->request, result->data, result->len, err);
}

int op_module_end(struct request *q, struct err *err)
{
	struct module_stream *s = q->node->module;
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf result = STRBUF_INIT;
	struct node_call c = {.node = q->node,
		.arena = &arena,
		.check = s->flags & FRAME_CHECK,
		.diff = s->flags & FRAME_DIFF,
		.until = s->timeout > 0 ? deadline_in(s->timeout) : DEADLINE_NEVER,
		.request = q};

	if (s->incoming.len != s->expected)
		return err_set(err, ERR_PROTOCOL, "%zu of %zu bytes of arguments came",
			s->incoming.len, s->expected);
	c.args = item_parse(&arena, s->incoming.data, s->incoming.len, err);
	if (!c.args || run_module(&c, s->module, &result, err) < 0)
		return -1;
	op_module_lose(q->node);
	return 0;
}
