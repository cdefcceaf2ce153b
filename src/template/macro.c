/* SPDX-License-Identifier: Apache-2.0 */
/*
 * macro, and call with its caller: functions written in a template.
 */
#include "template/access.h"
#include "template/repr.h"
#include "template/stmt.h"

/* A macro with the scope it was defined in. */
struct macro_object {
	const struct macro *macro;
	const struct node *node;
	const struct template *template;
	struct frame *scope;
	const struct value *locals;
	bool without_context; /* its template was imported without the caller's variables */
	bool shared_scope;
};

static const char *macro_name(const struct macro *macro)
{
	return macro->name ? macro->name : "caller";
}

static size_t find_parameter(const struct macro *macro, const char *name)
{
	size_t i = 0;

	while (i < macro->parameters.count &&
		strcmp(macro->parameters.items[i]->key.text, name) != 0)
		i++;
	return i;
}

static void set_named(
	struct eval *ev, struct frame *frame, const char *name, const struct value *v)
{
	frame_set_text(ev->arena, frame, name, v);
}

static int bind_positional(struct eval *ev, const struct macro *macro, struct frame *frame,
	const struct value *positional, struct err *err)
{
	struct value *varargs = macro->uses_varargs ? value_new_tuple(ev->arena) : NULL;

	if (positional && positional->count > macro->parameters.count && !varargs)
		return err_set(err, ERR_INPUT, "macro '%s' takes not more than %zu argument(s)",
			macro_name(macro), macro->parameters.count);
	for (size_t i = 0; positional && i < positional->count; i++) {
		if (i < macro->parameters.count)
			frame_set(ev->arena, frame, &macro->parameters.items[i]->key,
				positional->items[i]);
		else
			value_list_add(ev->arena, varargs, positional->items[i]);
	}
	if (varargs)
		set_named(ev, frame, "varargs", varargs);
	return 0;
}

static int bind_one_named(struct eval *ev, const struct macro *macro, struct frame *frame,
	const char *name, const struct value *v, struct value *kwargs, struct err *err)
{
	size_t at = find_parameter(macro, name);

	if (at < macro->parameters.count) {
		const struct node *parameter = macro->parameters.items[at];
		if (frame_own(frame, &parameter->key))
			return err_set(err, ERR_INPUT,
				"macro '%s' got two values for the argument '%s'",
				macro_name(macro), name);
		frame_set(ev->arena, frame, &parameter->key, v);
		return 0;
	}
	if (strcmp(name, "caller") == 0 && macro->uses_caller) {
		set_named(ev, frame, "caller", v);
		return 0;
	}
	if (!kwargs)
		return err_set(err, ERR_INPUT, "macro '%s' takes no keyword argument '%s'",
			macro_name(macro), name);
	value_dict_set(ev->arena, kwargs, name, v);
	return 0;
}

static int bind_named(struct eval *ev, const struct macro *macro, struct frame *frame,
	const struct value *named, struct err *err)
{
	struct value *kwargs = macro->uses_kwargs ? value_new_dict(ev->arena) : NULL;

	for (size_t i = 0; named && i < named->pair_count; i++) {
		const char *name = value_text(named->pairs[i].key);
		if (!name || bind_one_named(ev, macro, frame, name, named->pairs[i].value,
				     kwargs, err) < 0)
			return -1;
	}
	if (kwargs)
		set_named(ev, frame, "kwargs", kwargs);
	return 0;
}

/* What was not given: defaults, which see the parameters before them, or undefined. */
static int bind_defaults(
	struct eval *ev, const struct macro *macro, struct frame *frame, struct err *err)
{
	size_t first = macro->parameters.count - macro->defaults.count;

	for (size_t i = 0; i < macro->parameters.count; i++) {
		const struct node *parameter = macro->parameters.items[i];
		if (frame_own(frame, &parameter->key))
			continue;
		const struct value *v =
			i >= first ? eval_expr(ev, macro->defaults.items[i - first], err)
				   : undefined_new(ev, parameter, parameter->key.text,
					     "parameter '%s' was not provided",
					     parameter->key.text);
		if (!v)
			return -1;
		frame_set(ev->arena, frame, &parameter->key, v);
	}
	if (macro->uses_caller) {
		const struct value_key caller = value_key("caller", 6);
		if (!frame_own(frame, &caller))
			set_named(ev, frame, "caller",
				undefined_new(ev, NULL, "caller", "no caller defined"));
	}
	return 0;
}

static const struct value *run_macro_body(struct eval *ev, const struct macro_object *m,
	const struct value *positional, const struct value *named, struct err *err)
{
	struct frame *frame = ev->frame;

	if (bind_positional(ev, m->macro, frame, positional, err) < 0 ||
		bind_named(ev, m->macro, frame, named, err) < 0 ||
		bind_defaults(ev, m->macro, frame, err) < 0)
		return NULL;
	return capture(ev, &m->macro->body, err);
}

/* Runs a macro where it was defined, in a scope that may hold arguments already. */
static const struct value *run_there(struct eval *ev, const struct macro_object *m,
	struct frame *frame, const struct value *positional, const struct value *named,
	struct err *err)
{
	struct eval saved = *ev;

	if (eval_enter(ev, err) < 0)
		return NULL;
	frame->parent = m->scope;
	ev->template = m->template;
	ev->frame = frame;
	ev->locals = m->locals;
	ev->without_context = m->without_context;
	ev->shared_scope = m->shared_scope;
	ev->parent = NULL;
	ev->flow = FLOW_NEXT;
	const struct value *v = run_macro_body(ev, m, positional, named, err);
	if (!v)
		eval_place(ev, m->node, err);
	*ev = saved;
	eval_leave(ev);
	return v;
}

static const struct value *macro_call(struct eval *ev, const struct value *self,
	const struct value *positional, const struct value *named, struct err *err)
{
	return run_there(
		ev, self->object, ARENA_NEW(ev->arena, struct frame), positional, named, err);
}

bool macro_takes(const struct value *self, const struct call *call)
{
	const struct macro *macro = ((const struct macro_object *)self->object)->macro;
	size_t count = call->positional.count;

	if (call->rest || call->mapping || count > macro->parameters.count)
		return false;
	for (size_t i = 0; i < call->named.count; i++) {
		size_t at = find_parameter(macro, call->names[i]);
		if (at < count || at == macro->parameters.count)
			return false;
	}
	return true;
}

const struct value *macro_apply(
	struct eval *ev, const struct value *self, const struct call *call, struct err *err)
{
	const struct macro_object *m = self->object;
	const struct node_list *parameters = &m->macro->parameters;
	struct frame *frame = ARENA_NEW(ev->arena, struct frame);

	for (size_t i = 0; i < call->positional.count; i++) {
		const struct value *v = eval_expr(ev, call->positional.items[i], err);
		if (!v)
			return NULL;
		frame_add(ev->arena, frame, &parameters->items[i]->key, v);
	}
	for (size_t i = 0; i < call->named.count; i++) {
		const struct value *v = eval_expr(ev, call->named.items[i], err);
		size_t at = find_parameter(m->macro, call->names[i]);
		if (!v)
			return NULL;
		frame_set(ev->arena, frame, &parameters->items[at]->key, v);
	}
	return run_there(ev, m, frame, NULL, NULL, err);
}

static const struct value *macro_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	const struct macro_object *m = self->object;

	(void)err;
	if (strcmp(name, "name") == 0)
		return value_new_string(ev->arena, macro_name(m->macro));
	if (strcmp(name, "catch_varargs") == 0)
		return value_bool(m->macro->uses_varargs);
	if (strcmp(name, "catch_kwargs") == 0)
		return value_bool(m->macro->uses_kwargs);
	if (strcmp(name, "caller") == 0)
		return value_bool(m->macro->uses_caller);
	if (strcmp(name, "arguments") != 0)
		return NULL;
	struct value *names = value_new_list(ev->arena);
	names->kind = VALUE_TUPLE;
	for (size_t i = 0; i < m->macro->parameters.count; i++)
		value_list_add(ev->arena, names,
			value_new_string(ev->arena, m->macro->parameters.items[i]->key.text));
	return names;
}

static int macro_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	const struct macro_object *m = self->object;

	(void)ev;
	(void)err;
	strbuf_addf(out, "<Macro '%s'>", macro_name(m->macro));
	return 0;
}

const struct value_class macro_class = {
	.name = "Macro", .get = macro_get, .call = macro_call, .str = macro_str};

static const struct value *macro_new(struct eval *ev, const struct node *node)
{
	struct macro_object *m = ARENA_NEW(ev->arena, struct macro_object);

	m->macro = node->macro;
	m->node = node;
	m->template = ev->template;
	m->scope = ev->frame;
	m->locals = ev->locals;
	m->without_context = ev->without_context;
	m->shared_scope = ev->shared_scope;
	return object_new(ev->arena, &macro_class, m);
}

int run_macro(struct eval *ev, const struct node *node, struct err *err)
{
	(void)err;
	frame_set(ev->arena, ev->frame, &node->key, macro_new(ev, node));
	return 0;
}

/* The call's node with caller=... among its named arguments, evaluated in a scope of its own.
 */
int run_call_block(struct eval *ev, const struct node *node, struct err *err)
{
	const struct call *written = node->a->call;
	struct frame *outer = ev->frame;
	struct frame *frame = frame_push(ev);
	static const struct value_key caller = {.text = " caller", .len = 7};
	struct node name = {
		.kind = NODE_NAME, .line = node->line, .column = node->column, .key = caller};
	size_t n = written->named.count;
	struct call call = *written;
	struct node copy = *node->a;
	const struct node **values = arena_array(ev->arena, n + 1, sizeof(*values));
	const char **names = arena_array(ev->arena, n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		values[i] = written->named.items[i];
		names[i] = written->names[i];
	}
	values[n] = &name;
	names[n] = "caller";
	call.named = (struct node_list){.items = values, .count = n + 1};
	call.names = names;
	copy.call = &call;
	ev->frame = outer;
	frame_add(ev->arena, frame, &caller, macro_new(ev, node));
	ev->frame = frame;
	const struct value *v = eval_expr(ev, &copy, err);
	ev->frame = outer;
	return v ? output_add(ev->out, v, err) : -1;
}
