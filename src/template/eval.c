/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all of evaluation uses: limits, places, scopes, names and variables, output.
 */
#include "template/access.h"
#include "template/finish.h"
#include "template/repr.h"
#include "value/number.h"

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

#define STEPS_MAX 16 /* in a batch */

int eval_step_batch(struct eval *ev, struct err *err)
{
	struct template_state *state = ev->state;
	const struct template_limits *limits = &state->limits;

	state->steps += state->batch;
	bool more = state->steps <= limits->steps;
	uint64_t left = more ? limits->steps + 1 - state->steps : 1;
	state->batch = left < STEPS_MAX ? (uint32_t)left : STEPS_MAX;
	state->steps_left = state->batch;
	if (more && ev->arena->used - state->memory_base <= limits->memory)
		return 0;
	state->steps_left = 1; /* whoever goes on fails again */
	if (!more)
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

int eval_room_large(struct eval *ev, size_t n, struct err *err)
{
	ev->state->steps_left = 1;
	if (n <= ev->state->limits.output)
		return 0;
	return err_set(
		err, ERR_LIMIT, "a result of more than %zu bytes", ev->state->limits.output);
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

struct slot *frame_own(const struct frame *frame, const struct value_key *name)
{
	for (size_t i = 0; i < frame->count; i++) {
		struct slot *slot = &frame->slots[i];
		if (slot->hash == name->hash &&
			(slot->name == name->text || strcmp(slot->name, name->text) == 0))
			return slot;
	}
	return NULL;
}

struct slot *frame_find(struct frame *frame, const struct value_key *name)
{
	for (; frame; frame = frame->parent) {
		struct slot *slot = frame_own(frame, name);
		if (slot)
			return slot;
	}
	return NULL;
}

void frame_add(struct arena *arena, struct frame *frame, const struct value_key *name,
	const struct value *value)
{
	if (frame->count == frame->cap) {
		size_t cap = frame->cap ? 2 * frame->cap : 4;
		struct slot *slots = arena_take(arena, cap * sizeof(*slots));
		if (frame->count)
			memcpy(slots, frame->slots, frame->count * sizeof(*slots));
		frame->slots = slots;
		frame->cap = cap;
	}
	frame->slots[frame->count++] = (struct slot){name->text, name->hash, value};
}

void frame_set(struct arena *arena, struct frame *frame, const struct value_key *name,
	const struct value *value)
{
	struct slot *slot = frame_own(frame, name);

	if (slot)
		slot->value = value;
	else
		frame_add(arena, frame, name, value);
}

void frame_set_text(
	struct arena *arena, struct frame *frame, const char *name, const struct value *value)
{
	const struct value_key key = value_key(name, strlen(name));

	frame_set(arena, frame, &key, value);
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
	struct variable *next; /* another one of the bucket */
	const char *name;
	uint64_t hash;
	const struct value *value; /* NULL while it is not evaluated, and for `absent` */
	bool absent;               /* the context has no such variable */
	bool running;
	bool unsafe;
};

void eval_forget(struct template_state *state)
{
	memset(state->variables, 0, sizeof(state->variables));
}

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

static int run_variable(
	struct eval *ev, struct variable *variable, const struct value *raw, struct err *err)
{
	struct template_state *state = ev->state;
	struct running running = {.name = variable->name, .outer = state->running};
	bool unsafe = state->unsafe;

	if (variable->running)
		return fail_loop(ev, variable->name, err);
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

static struct variable *new_variable(struct eval *ev, const struct value_key *name)
{
	struct variable **bucket = &ev->state->variables[name->hash % VARIABLE_BUCKETS];
	struct variable *variable = ARENA_NEW(ev->arena, struct variable);

	variable->name = name->text;
	variable->hash = name->hash;
	variable->next = *bucket;
	*bucket = variable;
	return variable;
}

static struct variable *known_variable(const struct eval *ev, const struct value_key *name)
{
	struct variable *v = ev->state->variables[name->hash % VARIABLE_BUCKETS];

	while (v && (v->hash != name->hash ||
			    (v->name != name->text && strcmp(v->name, name->text) != 0)))
		v = v->next;
	return v;
}

/* True for a value that evaluates to itself. */
static bool is_final(const struct value *raw)
{
	if (raw->kind == VALUE_STRING)
		return raw->unsafe || !template_is_in(raw->text, raw->len);
	return raw->kind < VALUE_STRING;
}

static struct variable *find_variable(
	struct eval *ev, const struct value_key *name, struct err *err)
{
	struct variable *variable = known_variable(ev, name);

	if (variable && (variable->value || variable->absent))
		return variable;
	const struct value *raw =
		ev->ctx->lookup ? ev->ctx->lookup(ev->ctx->data, name, err) : NULL;
	if (!raw && err->code)
		return NULL;
	if (!variable)
		variable = new_variable(ev, name);
	variable->absent = !raw;
	if (raw && is_final(raw))
		variable->value = raw;
	else if (raw && run_variable(ev, variable, raw, err) < 0)
		return NULL;
	return variable;
}

/* Templates that change lists and dicts work on copies, one of each variable. */
static const struct value *variable_copy(
	struct eval *ev, const struct variable *variable, struct err *err)
{
	const struct value *copy = strmap_get(ev->copies, variable->name);

	if (copy)
		return copy;
	copy = mutable_copy(ev, variable->value, err);
	if (copy)
		strmap_set(ev->copies, variable->name, (void *)(uintptr_t)copy);
	return copy;
}

const struct value *eval_variable(
	struct eval *ev, const struct value_key *name, struct err *err)
{
	const struct variable *variable = find_variable(ev, name, err);

	if (!variable || variable->absent)
		return NULL;
	if (variable->unsafe)
		ev->state->unsafe = true;
	eval_touch(ev, variable->value);
	return ev->copies ? variable_copy(ev, variable, err) : variable->value;
}

/* Names that the language itself defines, below all variables. */
static const struct value *find_global(struct eval *ev, const struct node *node)
{
	const struct callable *global = node->callable;

	if (global && !ev->native && (global->flags & CALL_ANSIBLE))
		return NULL;
	if (global)
		return function_new(ev->arena, global, NULL);
	return ev->native && strcmp(node->key.text, "omit") == 0 ? &omit_value : NULL;
}

static const struct value *find_in_scopes(const struct eval *ev, const struct node *node)
{
	const struct frame *frame = ev->frame;
	const struct value *v = eval_local(ev, node);

	if (v || !frame)
		return v;
	const struct slot *slot = frame_own(frame, &node->key);
	if (slot)
		node_set_guess(node, (size_t)(slot - frame->slots));
	else
		slot = frame_find(frame->parent, &node->key);
	return slot ? slot->value : NULL;
}

const struct value *eval_name(struct eval *ev, const struct node *node, struct err *err)
{
	const struct value *v = NULL;

	if (!node->flag || ev->shared_scope) {
		v = find_in_scopes(ev, node);
		if (v)
			return v;
	}
	if (ev->locals)
		v = value_dict_get(ev->locals, node->key.text);
	if (!v && !ev->without_context)
		v = eval_variable(ev, &node->key, err);
	if (!v && err->code)
		return NULL;
	if (v)
		eval_touch(ev, v);
	else
		v = find_global(ev, node);
	return v ? v : undefined_like(ev, node, &(struct undefined){.name = node->key.text});
}

/* Text that is put together shows containers as they will be outside. */
static int add_text(struct output *out, const struct value *v, struct err *err)
{
	struct eval *ev = out->ev;

	if (ev->native && v->kind >= VALUE_LIST && v->kind <= VALUE_DICT)
		v = finish(ev, v, false, err);
	if (!v)
		return -1;
	if (v->kind == VALUE_INT)
		number_add_int(&ev->state->text, v->integer);
	else if (repr_str(ev, v, &ev->state->text, err) < 0)
		return -1;
	return eval_room(ev, scratch_size(&out->text), err);
}

/* The first value is kept as it is. */
static int add_first(struct output *out, const struct value *v, struct err *err)
{
	out->first = v;
	out->shown = out->ev->copies && (v->kind == VALUE_LIST || v->kind == VALUE_DICT);
	return out->shown ? add_text(out, v, err) : 0;
}

int output_value(struct output *out, const struct value *v, struct err *err)
{
	struct eval *ev = out->ev;

	if (out->many && v->kind != VALUE_NULL)
		return add_text(out, v, err);
	if (ev->native && v->kind == VALUE_NULL)
		return 0;
	if (!out->first && !out->many)
		return add_first(out, v, err);
	if (!out->many) {
		out->many = true;
		if (!out->shown && add_text(out, out->first, err) < 0)
			return -1;
	}
	return add_text(out, v, err);
}

const struct value *output_take(struct output *out, struct err *err)
{
	struct eval *ev = out->ev;

	if (out->many || (out->first && out->shown && !ev->native))
		return scratch_string(ev, &out->text, err);
	if (out->first)
		return ev->native ? out->first : repr_string(ev, out->first, err);
	return ev->native ? &value_null : new_textn(ev, "", 0);
}

const struct value *scratch_string(struct eval *ev, const struct scratch *s, struct err *err)
{
	size_t n = scratch_size(s);

	return eval_room(ev, n, err) < 0 ? NULL
					 : new_textn(ev, ev->state->text.data + s->start, n);
}
