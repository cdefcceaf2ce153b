/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all of evaluation uses: limits, places, scopes, names and variables, output.
 */
#include "template/access.h"
#include "template/finish.h"
#include "template/repr.h"

#define DEFAULT_STEPS  50000000u
#define DEFAULT_DEPTH  400u
#define DEFAULT_OUTPUT ((size_t)64 << 20)
#define DEFAULT_MEMORY ((size_t)512 << 20)

void eval_set_limits(struct template_context *ctx)
{
	struct template_limits *limits = &ctx->state->limits;

	*limits = ctx->limits;
	if (!limits->steps)
		limits->steps = DEFAULT_STEPS;
	if (!limits->depth)
		limits->depth = DEFAULT_DEPTH;
	if (!limits->output)
		limits->output = DEFAULT_OUTPUT;
	if (!limits->memory)
		limits->memory = DEFAULT_MEMORY;
}

int eval_step_limit(struct eval *ev, struct err *err)
{
	const struct template_limits *limits = &ev->state->limits;

	if (ev->state->steps > limits->steps)
		return err_set(err, ERR_LIMIT, "evaluation takes more than %llu steps",
			(unsigned long long)limits->steps);
	return err_set(err, ERR_LIMIT, "evaluation takes more than %zu bytes of memory",
		limits->memory);
}

int eval_depth_limit(struct eval *ev, struct err *err)
{
	return err_set(err, ERR_LIMIT,
		"more than %u expressions, calls and templates inside one another: "
		"a recursion without an end?",
		ev->state->limits.depth);
}

int eval_room(struct eval *ev, size_t n, struct err *err)
{
	size_t max = ev->state->limits.output;

	if (n > max)
		return err_set(err, ERR_LIMIT, "a result of more than %zu bytes", max);
	return 0;
}

int eval_place(struct eval *ev, const struct node *node, struct err *err)
{
	struct place place = {
		.file = ev->template->file, .line = node->line, .column = node->column};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (ev->state->placed || !err || err->code == ERR_NONE)
		return -1;
	ev->state->placed = true;
	place_format(&place, &text);
	strbuf_addstr(&text, err->text);
	int sys = err->sys;
	err_set(err, err->code, "%s", text.data);
	err->sys = sys;
	return -1;
}

struct slot *frame_find(struct frame *frame, const char *name, uint64_t hash)
{
	for (; frame; frame = frame->parent) {
		for (size_t i = 0; i < frame->count; i++) {
			struct slot *slot = &frame->slots[i];
			if (slot->hash == hash &&
				(slot->name == name || strcmp(slot->name, name) == 0))
				return slot;
		}
	}
	return NULL;
}

void frame_set(struct arena *arena, struct frame *frame, const char *name, uint64_t hash,
	const struct value *value)
{
	struct frame only = *frame;

	only.parent = NULL;
	struct slot *slot = frame_find(&only, name, hash);
	if (slot) {
		slot->value = value;
		return;
	}
	if (frame->count == frame->cap) {
		size_t cap = frame->cap ? 2 * frame->cap : 4;
		struct slot *slots = arena_array(arena, cap, sizeof(*slots));
		if (frame->count)
			memcpy(slots, frame->slots, frame->count * sizeof(*slots));
		frame->slots = slots;
		frame->cap = cap;
	}
	frame->slots[frame->count++] = (struct slot){name, hash, value};
}

struct frame *frame_push(struct eval *ev)
{
	struct frame *frame = ARENA_NEW(ev->arena, struct frame);

	frame->parent = ev->frame;
	ev->frame = frame;
	return frame;
}

/* What a variable evaluated to. */
struct variable {
	const struct value *value;
	bool running;
	bool unsafe;
};

/* "a -> b -> a": the variables from the one that came up again. */
static int fail_loop(const struct eval *ev, const char *name, struct err *err)
{
	AUTO(strbuf_release) struct strbuf way = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&way, "'%s'", name);
	for (const struct running *r = ev->state->running; r; r = r->outer) {
		strbuf_clear(&text);
		strbuf_addf(&text, "'%s' -> %s", r->name, way.data);
		strbuf_clear(&way);
		strbuf_add(&way, text.data, text.len);
		if (strcmp(r->name, name) == 0)
			break;
	}
	return err_set(err, ERR_INPUT, "recursive loop detected: %s", way.data);
}

static int run_variable(struct eval *ev, const char *name, struct variable *variable,
	const struct value *raw, struct err *err)
{
	struct template_state *state = ev->state;
	struct running running = {.name = name, .outer = state->running};
	bool unsafe = state->unsafe;

	if (variable->running)
		return fail_loop(ev, name, err);
	if (eval_enter(ev, err) < 0)
		return -1;
	variable->running = true;
	state->running = &running;
	state->unsafe = false;
	variable->value = eval_raw(ev, raw, err);
	variable->unsafe = state->unsafe;
	state->unsafe = unsafe;
	state->running = running.outer;
	variable->running = false;
	eval_leave(ev);
	return variable->value ? 0 : -1;
}

static struct variable *find_variable(struct eval *ev, const char *name, struct err *err)
{
	struct variable *variable = strmap_get(&ev->state->variables, name);

	if (variable && variable->value)
		return variable;
	if (!ev->ctx->lookup)
		return NULL;
	const struct value *raw = ev->ctx->lookup(ev->ctx->data, name, err);
	if (!raw)
		return NULL;
	if (!variable) {
		variable = ARENA_NEW(ev->arena, struct variable);
		strmap_set(&ev->state->variables, name, variable);
	}
	return run_variable(ev, name, variable, raw, err) < 0 ? NULL : variable;
}

const struct value *eval_variable(struct eval *ev, const char *name, struct err *err)
{
	const struct value *copy = ev->copies ? strmap_get(ev->copies, name) : NULL;

	if (copy)
		return copy;
	const struct variable *variable = find_variable(ev, name, err);
	if (!variable)
		return NULL;
	if (variable->unsafe)
		ev->state->unsafe = true;
	eval_touch(ev, variable->value);
	if (!ev->copies)
		return variable->value;
	copy = mutable_copy(ev, variable->value, err);
	if (copy)
		strmap_set(ev->copies, name, (void *)(uintptr_t)copy);
	return copy;
}

/* Names that the language itself defines, below all variables. */
static const struct value *find_global(struct eval *ev, const char *name)
{
	if (strcmp(name, "omit") == 0 && ev->native)
		return &omit_value;
	const struct callable *global = callable_find(TEMPLATE_GLOBAL, name);
	if (global && !ev->native && (global->flags & CALL_ANSIBLE))
		return NULL;
	return global ? function_new(ev->arena, global, NULL) : NULL;
}

const struct value *eval_name(struct eval *ev, const char *name, uint64_t hash,
	const struct node *at, struct err *err)
{
	const struct slot *slot = frame_find(ev->frame, name, hash);

	if (slot && slot->value)
		return slot->value;
	const struct value *v = value_dict_get(ev->locals, name);
	if (!v && !ev->without_context)
		v = eval_variable(ev, name, err);
	if (!v && err->code)
		return NULL;
	if (v)
		eval_touch(ev, v);
	else
		v = find_global(ev, name);
	return v ? v : undefined_new(ev, at, name, "'%s' is undefined", name);
}

/* Text that is put together shows containers as they will be outside. */
static int add_text(struct output *out, const struct value *v, struct err *err)
{
	if (out->ev->native && v->kind >= VALUE_LIST && v->kind <= VALUE_DICT)
		v = finish(out->ev, v, false, err);
	return v ? repr_str(out->ev, v, &out->text, err) : -1;
}

int output_add(struct output *out, const struct value *v, struct err *err)
{
	struct eval *ev = out->ev;

	/* Text behind text is by far the most frequent case. */
	if (out->many && v->kind == VALUE_STRING) {
		eval_touch(ev, v);
		strbuf_add(&out->text, v->text, v->len);
		return eval_room(ev, out->text.len, err);
	}
	if (ev->native && v->kind == VALUE_NULL)
		return 0;
	if (!out->first && !out->many) {
		out->first = v;
		out->shown = ev->copies && (v->kind == VALUE_LIST || v->kind == VALUE_DICT);
		return out->shown ? add_text(out, v, err) : 0;
	}
	if (!out->many) {
		out->many = true;
		if (!out->shown && add_text(out, out->first, err) < 0)
			return -1;
	}
	if (add_text(out, v, err) < 0)
		return -1;
	return eval_room(ev, out->text.len, err);
}

const struct value *output_take(struct output *out, struct err *err)
{
	struct eval *ev = out->ev;

	if (out->many)
		return new_text(ev, &out->text, err);
	if (out->first && out->shown && !ev->native)
		return new_text(ev, &out->text, err);
	if (out->first)
		return ev->native ? out->first : repr_string(ev, out->first, err);
	return ev->native ? &value_null : new_textn(ev, "", 0);
}

void output_release(struct output *out)
{
	strbuf_release(&out->text);
}
