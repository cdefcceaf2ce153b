/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates that use others: extends with its blocks, include, import.
 *
 * Blocks of one name form a chain, the most derived first. A template that extends runs to its
 * end for what it defines (printing nothing); then its parent runs with the chains.
 */
#include "template/access.h"
#include "template/repr.h"
#include "template/stmt.h"

static struct block_chain *find_chain(struct eval *ev, const struct value_key *name)
{
	for (struct block_chain *c = ev->blocks; c; c = c->next) {
		if (c->key.hash == name->hash && strcmp(c->key.text, name->text) == 0)
			return c;
	}
	return NULL;
}

/* Adds a template's blocks behind those of the templates that extend it. */
static void add_blocks(struct eval *ev, const struct template *template)
{
	for (size_t i = 0; i < template->block_count; i++) {
		const struct block *block = &template->blocks[i];
		struct block_chain *link = ARENA_NEW(ev->arena, struct block_chain);
		struct block_chain *chain = find_chain(ev, &block->key);

		*link = (struct block_chain){.key = block->key,
			.node = block->node,
			.template = template,
			.required = block->required};
		if (!chain) {
			link->next = ev->blocks;
			ev->blocks = link;
			continue;
		}
		while (chain->super)
			chain = (struct block_chain *)(uintptr_t)chain->super;
		chain->super = link;
	}
}

static int run_link(
	struct eval *ev, const struct block_chain *link, struct frame *scope, struct err *err);

/* What `super` or `self.name` stand for. */
struct block_reference {
	const struct block_chain *link;
	struct frame *scope;
};

static const struct value *reference_text(
	struct eval *ev, const struct block_reference *r, struct err *err)
{
	AUTO(output_release) struct output out = output_begin(ev);
	struct output *outer = ev->out;

	ev->out = &out;
	int rc = run_link(ev, r->link, r->scope, err);
	ev->out = outer;
	return rc < 0 ? NULL : output_take(&out, err);
}

static const struct value *super_call(struct eval *ev, const struct value *self,
	const struct value *positional, const struct value *named, struct err *err)
{
	(void)positional;
	(void)named;
	return reference_text(ev, self->object, err);
}

static const struct value *reference_new(
	struct eval *ev, const struct block_chain *link, struct frame *scope, const char *name);

/* super.super */
static const struct value *super_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	const struct block_reference *r = self->object;

	(void)err;
	if (strcmp(name, "super") != 0)
		return NULL;
	return reference_new(ev, r->link->super, r->scope, r->link->key.text);
}

const struct value_class super_class = {
	.name = "BlockReference", .get = super_get, .call = super_call};

static const struct value *reference_new(
	struct eval *ev, const struct block_chain *link, struct frame *scope, const char *name)
{
	if (!link)
		return undefined_new(
			ev, NULL, "super", "there is no parent block called '%s'", name);
	struct block_reference *r = ARENA_NEW(ev->arena, struct block_reference);
	r->link = link;
	r->scope = scope;
	return object_new(ev->arena, &super_class, r);
}

static const struct value *self_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	const struct value_key key = value_key(name, strlen(name));
	const struct block_chain *chain = find_chain(ev, &key);

	(void)self;
	(void)err;
	return chain ? reference_new(ev, chain, ev->top, name) : NULL;
}

const struct value_class self_class = {.name = "TemplateReference", .get = self_get};

/* Runs one block in a scope below `scope`, with its super. */
static int run_link(
	struct eval *ev, const struct block_chain *link, struct frame *scope, struct err *err)
{
	struct eval saved = *ev;

	if (eval_enter(ev, err) < 0)
		return -1;
	ev->frame = scope;
	ev->template = link->template;
	ev->parent = NULL;
	struct frame *frame = frame_push(ev);
	frame_set_text(ev->arena, frame, "super",
		reference_new(ev, link->super, scope, link->key.text));
	frame_set_text(ev->arena, frame, "self", object_new(ev->arena, &self_class, NULL));
	int rc = eval_body(ev, &link->node->list, err);
	enum flow flow = ev->flow;
	*ev = saved;
	ev->flow = flow;
	eval_leave(ev);
	return rc;
}

int run_block(struct eval *ev, const struct node *node, struct err *err)
{
	const struct block_chain *chain = find_chain(ev, &node->key);

	if (!chain)
		return err_set(
			err, ERR_INPUT, "block '%s' cannot be used here", node->key.text);
	if (chain->required && !chain->super)
		return err_set(err, ERR_INPUT, "the required block '%s' is not defined",
			node->key.text);
	return run_link(ev, chain, node->flag ? ev->frame : ev->top, err);
}

int run_extends(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *name = eval_defined(ev, node->a, err);

	if (!name)
		return -1;
	if (ev->parent)
		return err_set(err, ERR_INPUT, "a template can extend only one other");
	ev->parent = eval_load(ev, name, err);
	if (!ev->parent)
		return -1;
	add_blocks(ev, ev->parent);
	return 0;
}

int eval_template(struct eval *ev, struct err *err)
{
	struct frame *top = ARENA_NEW(ev->arena, struct frame);
	int rc = 0;

	top->parent = ev->frame;
	ev->frame = ev->top = top;
	ev->shared_scope |= ev->template->extends;
	ev->blocks = NULL;
	add_blocks(ev, ev->template);
	if (ev->template->block_count || ev->template->extends)
		frame_set_text(
			ev->arena, top, "self", object_new(ev->arena, &self_class, NULL));
	for (unsigned parents = 0; ev->template && rc == 0; parents++) {
		ev->parent = NULL;
		ev->frame = top;
		if (parents > 50)
			return err_set(
				err, ERR_LIMIT, "templates extend each other without end");
		rc = eval_body(ev, &ev->template->body, err);
		ev->template = rc == 0 && ev->parent ? ev->parent : NULL;
	}
	return rc;
}

/* Runs another template inside this one. `shared`: it sees this one's names. */
static int run_other(struct eval *ev, const struct template *template, bool shared,
	struct output *out, struct frame **top, struct err *err)
{
	struct eval inner = *ev;

	if (eval_enter(ev, err) < 0)
		return -1;
	inner.template = template;
	inner.out = out;
	out->ev = &inner;
	inner.parent = NULL;
	inner.flow = FLOW_NEXT;
	inner.shared_scope = shared;
	if (!shared) {
		inner.frame = NULL;
		inner.locals = NULL;
		inner.without_context = true;
	}
	int rc = eval_template(&inner, err);
	*top = inner.top;
	out->ev = ev;
	eval_leave(ev);
	return rc;
}

/* The first of several names that there is. NULL without err if there is none. */
static const struct template *load_first(
	struct eval *ev, const struct value *names, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct value *name = list_item(ev, names, i, err);
		if (!name || !need_defined(ev, name, err))
			return NULL;
		const struct template *template = eval_load(ev, name, err);
		if (template || err->code != ERR_NOTFOUND)
			return template;
		if (i + 1 < names->count)
			err_clear(err);
	}
	if (names->count == 0)
		err_set(err, ERR_NOTFOUND, "no template was named");
	return NULL;
}

static const struct template *load_named(
	struct eval *ev, const struct value *name, struct err *err)
{
	if (name->kind == VALUE_LIST || name->kind == VALUE_TUPLE)
		return load_first(ev, name, err);
	return eval_load(ev, name, err);
}

int run_include(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *name = eval_defined(ev, node->a, err);
	struct frame *top;

	if (!name)
		return -1;
	const struct template *template = load_named(ev, name, err);
	if (!template) {
		if (err->code != ERR_NOTFOUND || !node->flag)
			return -1;
		err_clear(err);
		ev->state->placed = false;
		return 0;
	}
	return run_other(ev, template, node->context, ev->out, &top, err);
}

/* A template as an object: its top-level names as attributes. */
static const struct value *module_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	const struct value_key key = value_key(name, strlen(name));
	(void)ev;
	(void)err;
	const struct slot *slot = frame_own(self->object, &key);
	return slot && name[0] != '_' && strcmp(name, "self") != 0 ? slot->value : NULL;
}

const struct value_class module_class = {.name = "TemplateModule", .get = module_get};

static const struct value *import(struct eval *ev, const struct node *node, struct err *err)
{
	AUTO(output_release) struct output out = output_begin(ev);
	const struct value *name = eval_defined(ev, node->a, err);
	const struct template *template = name ? load_named(ev, name, err) : NULL;
	struct frame *top;

	if (!template || run_other(ev, template, node->context, &out, &top, err) < 0)
		return NULL;
	return object_new(ev->arena, &module_class, top);
}

int run_import(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *module = import(ev, node, err);

	if (!module)
		return -1;
	frame_set(ev->arena, ev->frame, &node->key, module);
	return 0;
}

int run_from(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *module = import(ev, node, err);

	for (size_t i = 0; module && i < node->list.count; i += 2) {
		const struct node *name = node->list.items[i];
		const struct node *alias = node->list.items[i + 1];
		const struct value *v = module_get(ev, module, name->key.text, err);
		if (!v)
			v = undefined_new(ev, name, name->key.text,
				"the imported template does not define '%s'", name->key.text);
		frame_set(ev->arena, ev->frame, &alias->key, v);
	}
	return module ? 0 : -1;
}
