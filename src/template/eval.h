/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation: the state of one evaluation, scopes, and the way into expressions and statements.
 *
 * Theory of operation. A template is a tree; evaluating walks it. Expressions give values;
 * statements write to an output, which keeps the first value as it is and becomes text with the
 * second: that is how "{{ x }}" keeps its type.
 *
 * Something undefined is a value (object.h) until it is used. Variables come as they were
 * written; a string in them that holds a template is a promise (object.h), kept when someone
 * looks at it: whoever takes an item out of a list or dict uses access.h, never items[i].
 *
 * Functions return NULL after filling err. The innermost node that fails puts its place before
 * the text, once: state->placed says that it is done.
 */
#ifndef TEMPLATE_EVAL_H
#define TEMPLATE_EVAL_H

#include "base/strmap.h"
#include "template/ast.h"

/* A scope: names that were set in it. */
struct slot {
	const char *name;
	uint64_t hash;
	const struct value *value;
};

struct frame {
	struct frame *parent;
	struct slot *slots; /* in the arena */
	size_t count;
	size_t cap;
};

/* Variables that were evaluated, by the low bits of their names' hashes. */
#define VARIABLE_BUCKETS 64
struct variable;

/* A variable under evaluation, for naming loops. */
struct running {
	const char *name;
	const struct running *outer;
};

/* What belongs to a context and is shared by all evaluations in it. */
struct template_state {
	struct variable *variables[VARIABLE_BUCKETS];
	struct strmap loaded; /* name -> template: those that included ones were found as */
	struct strbuf text;   /* all texts under construction, one on top of another */
	struct regex_cache regexes;
	struct template_cache *cache; /* if the context has none */
	const struct running *running;
	struct template_limits limits; /* those in force */
	uint64_t steps;                /* taken in batches */
	uint32_t steps_left;           /* of the batch at hand */
	uint32_t batch;
	unsigned depth;
	size_t memory_base; /* the arena's use when the outermost evaluation began */
	bool placed;        /* the error has its place already */
	bool unsafe;        /* something unsafe was used */
	bool busy;          /* inside an evaluation */
};

/* The blocks of a template and of those it extends, the most derived first. */
struct block_chain {
	struct value_key key;
	const struct node *node;
	const struct template *template;
	bool required;
	const struct block_chain *super; /* the same block in the parent */
	struct block_chain *next;        /* another block */
};

/* What statements want of those around them. */
enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_STOP };

struct output;

struct eval {
	struct template_context *ctx;
	struct template_state *state;
	struct arena *arena;
	const struct template *template;
	struct frame *frame;        /* the innermost scope */
	struct frame *top;          /* the template's own: what import sees */
	const struct value *locals; /* given by the caller; may be NULL */
	struct strmap *copies;      /* variables that a mutating template works on; or NULL */
	struct output *out;
	struct block_chain *blocks;
	const struct template *parent; /* once extends was met */
	enum flow flow;
	bool without_context; /* an import: no variables */
	bool shared_scope;    /* scopes hold names of other templates too */
	bool native;
};

/* Evaluates an expression; the result may be undefined. NULL with err. */
const struct value *eval_expr(struct eval *ev, const struct node *node, struct err *err);
/* The same, but what is undefined is an error. */
const struct value *eval_defined(struct eval *ev, const struct node *node, struct err *err);
/* Calls, filters and tests, by their nodes. */
const struct value *eval_call(struct eval *ev, const struct node *node, struct err *err);
/* a | filter */
const struct value *eval_filter(struct eval *ev, const struct node *node, struct err *err);
/* a is test */
const struct value *eval_test(struct eval *ev, const struct node *node, struct err *err);
/* Evaluates a list of expressions to a new list. */
struct value *eval_items(struct eval *ev, const struct node_list *list, struct err *err);
/* Truth of an expression: 1, 0, or -1 with err. */
int eval_truth(struct eval *ev, const struct node *node, struct err *err);
/* Runs statements; what they want comes in ev->flow. -1 with err. */
int eval_body(struct eval *ev, const struct node_list *body, struct err *err);
/* Runs a whole template with its parents, writing to ev->out. */
int eval_template(struct eval *ev, struct err *err);

/* Puts the context's limits, or defaults, in force. */
void eval_set_limits(struct template_context *ctx);
#define EVAL_ROOM_SMALL 4096
/* What eval_room does for large pieces. */
int eval_room_large(struct eval *ev, size_t n, struct err *err);
/* Begins a batch of steps; -1 with err for too many of them, or too much memory. */
int eval_step_batch(struct eval *ev, struct err *err);
/* Fills err for too much depth; returns -1. */
int eval_depth_limit(struct eval *ev, struct err *err);

/*
 * Counts one step; -1 with err when there were too many, or when too much memory was taken:
 * that is looked at with every batch of steps, and at once behind every large piece
 * (eval_room).
 */
static inline int eval_step(struct eval *ev, struct err *err)
{
	return --ev->state->steps_left == 0 ? eval_step_batch(ev, err) : 0;
}

/* Goes one level deeper; -1 with err at the limit. eval_leave undoes it. */
static inline int eval_enter(struct eval *ev, struct err *err)
{
	if (ev->state->depth >= ev->state->limits.depth)
		return eval_depth_limit(ev, err);
	ev->state->depth++;
	return 0;
}

/* Comes back from eval_enter. */
static inline void eval_leave(struct eval *ev)
{
	ev->state->depth--;
}

/* Notes that a value is used: an unsafe one makes the result unsafe. */
static inline void eval_touch(struct eval *ev, const struct value *v)
{
	if (v->unsafe)
		ev->state->unsafe = true;
}

/* Refuses a string, list or arena use of n bytes that is beyond the limits; -1 with err. */
static inline int eval_room(struct eval *ev, size_t n, struct err *err)
{
	return n > EVAL_ROOM_SMALL ? eval_room_large(ev, n, err) : 0;
}

/* Puts the place of a node before an error's text, unless it has one; returns -1. */
int eval_place(struct eval *ev, const struct node *node, struct err *err);

/* What evaluation remembers in a node. */
static inline size_t node_guess(const struct node *node)
{
	return __atomic_load_n(&node->guess, __ATOMIC_RELAXED);
}

/* Remembers it for the next time. */
static inline void node_set_guess(const struct node *node, size_t at)
{
	if (at <= UINT8_MAX)
		__atomic_store_n(
			(uint8_t *)(uintptr_t)&node->guess, (uint8_t)at, __ATOMIC_RELAXED);
}

/* The value of a name where it was found last, if that is in the innermost scope; else NULL. */
static inline const struct value *eval_local(const struct eval *ev, const struct node *node)
{
	const struct frame *frame = ev->frame;
	size_t guess = node_guess(node);

	return frame && guess < frame->count && frame->slots[guess].name == node->key.text
		       ? frame->slots[guess].value
		       : NULL;
}

/* The value of a name: scopes, locals, variables, global functions; undefined if none. */
const struct value *eval_name(struct eval *ev, const struct node *node, struct err *err);
/* The slot of a name in the scopes, or NULL. */
struct slot *frame_find(struct frame *frame, const struct value_key *name);
/* The slot of a name in one scope alone, or NULL. */
struct slot *frame_own(const struct frame *frame, const struct value_key *name);
/* Sets a name in a scope. */
void frame_set(struct arena *arena, struct frame *frame, const struct value_key *name,
	const struct value *value);
/* Sets a name that the scope does not have yet. */
void frame_add(struct arena *arena, struct frame *frame, const struct value_key *name,
	const struct value *value);
/* The same by the text of the name. */
void frame_set_text(
	struct arena *arena, struct frame *frame, const char *name, const struct value *value);
/* Opens a scope below the current one; the caller sets ev->frame back. */
struct frame *frame_push(struct eval *ev);

/* Evaluates a string as it was written in a variable: rendered if it holds a template. */
const struct value *eval_string(struct eval *ev, const struct value *raw, struct err *err);
/* The plain text of a VAULT. */
const struct value *eval_vault(struct eval *ev, const struct value *raw, struct err *err);
/* A variable's value as an expression sees it: strings rendered, containers with promises. */
const struct value *eval_raw(struct eval *ev, const struct value *raw, struct err *err);
/* Evaluates a variable of the context; NULL with err untouched when there is none. */
const struct value *eval_variable(
	struct eval *ev, const struct value_key *name, struct err *err);
/* Forgets all variables that were evaluated. */
void eval_forget(struct template_state *state);
/* Fetches the compiled form of a text in the context's cache. */
const struct template *eval_compiled(struct eval *ev, const char *source, size_t n,
	const struct place *at, const struct template_syntax *syntax, struct err *err);
/* Evaluates another template in the same context; locals may be NULL. */
const struct value *eval_other(struct eval *ev, const struct template *template,
	const struct value *locals, struct err *err);
/* A template of another file, for include, import, extends. */
const struct template *eval_load(struct eval *ev, const struct value *name, struct err *err);

/*
 * A text under construction. All of them stand on one another in the context's buffer: the one
 * that was begun last ends first, and only it grows. AUTO(scratch_end) drops what was not
 * taken.
 */
struct scratch {
	struct template_state *state;
	size_t start; /* of the text in state->text */
};

/* Begins a text, to be appended to state->text. */
static inline struct scratch scratch_begin(struct eval *ev)
{
	return (struct scratch){.state = ev->state, .start = ev->state->text.len};
}

/* The bytes of a text so far. */
static inline size_t scratch_size(const struct scratch *s)
{
	return s->state->text.len - s->start;
}

/* Drops a text. */
static inline void scratch_end(struct scratch *s)
{
	strbuf_truncate(&s->state->text, s->start);
}

/* What was written so far, as a new string. NULL with err when it is too long. */
const struct value *scratch_string(struct eval *ev, const struct scratch *s, struct err *err);

/* Where statements write. */
struct output {
	struct eval *ev;
	const struct value *first; /* the only value so far */
	struct scratch text;       /* all of it, once there were two */
	bool many;
	bool shown; /* text holds `first` already, because it may change */
};

/* Begins an output; AUTO(output_release) ends it. */
static inline struct output output_begin(struct eval *ev)
{
	return (struct output){.ev = ev, .text = scratch_begin(ev)};
}

/* Writes one value, in all cases. -1 with err. */
int output_value(struct output *out, const struct value *v, struct err *err);

/* Writes one value; text behind text is by far the most frequent case. -1 with err. */
static inline int output_add(struct output *out, const struct value *v, struct err *err)
{
	struct strbuf *text = &out->text.state->text;

	if (!out->many || v->kind != VALUE_STRING || v->len >= text->cap - text->len)
		return output_value(out, v, err);
	eval_touch(out->ev, v);
	memcpy(text->data + text->len, v->text, v->len + 1);
	text->len += v->len;
	return 0;
}

/* What was written, as a value in the arena: of any kind if it was one, else text. */
const struct value *output_take(struct output *out, struct err *err);
/* Ends an output: AUTO(output_release). */
static inline void output_release(struct output *out)
{
	scratch_end(&out->text);
}

#endif
