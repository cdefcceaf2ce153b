/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding arguments to the parameters that a callable declares.
 */
#include "template/args.h"

#include "template/access.h"
#include "template/bigint.h"
#include "template/ops.h"
#include "template/repr.h"

#include <math.h>

struct shape callable_shape(const struct callable *callable)
{
	struct shape shape = {0};
	bool inside = false; /* a name */

	for (const char *s = callable->parameters; s && *s; s++) {
		if (*s == '!') {
			shape.required = shape.count;
		} else if (*s == '*') {
			bool two = s[1] == '*';
			shape.named |= two;
			shape.rest |= !two;
			s += two;
		} else {
			shape.count = (uint8_t)(shape.count + (*s != ' ' && !inside));
			inside = *s != ' ';
		}
	}
	return shape;
}

/* The next name of a declaration at or behind *s, and its length; NULL at the end. */
static const char *next_name(const char **s, size_t *n)
{
	while (*s && **s) {
		const char *word = *s + strspn(*s, " ");
		*n = strcspn(word, " ");
		*s = word + *n;
		if (*n > 0 && *word != '!' && *word != '*')
			return word;
	}
	return NULL;
}

/* The number of a parameter, or CALL_MAX_PARAMETERS. */
static size_t find_parameter(const struct callable *callable, const char *name)
{
	const char *s = callable->parameters;
	size_t len = strlen(name);
	const char *word;
	size_t n;

	for (size_t i = 0; (word = next_name(&s, &n)); i++) {
		if (n == len && memcmp(word, name, n) == 0)
			return i;
	}
	return CALL_MAX_PARAMETERS;
}

const struct value *args_fail(const struct args *a, struct err *err, const char *fmt, ...)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	err_set(err, ERR_INPUT, "%s: %s", a->callee->name, text.data);
	return NULL;
}

/* What "*" and "**" take, empty yet. */
static void begin_rest(struct args *a, const struct shape *shape)
{
	if (shape->rest)
		a->rest = value_new_list(a->ev->arena);
	if (shape->named)
		a->named = value_new_dict(a->ev->arena);
}

static int bind_positional(struct args *a, const struct shape *shape,
	const struct value *positional, struct err *err)
{
	for (size_t i = 0; positional && i < positional->count; i++) {
		if (i < shape->count) {
			a->v[i] = positional->items[i];
		} else if (a->rest) {
			value_list_add(a->ev->arena, a->rest, positional->items[i]);
		} else {
			args_fail(a, err, "takes at most %u arguments, %zu were given",
				shape->count, positional->count);
			return -1;
		}
	}
	return 0;
}

static int bind_named(struct args *a, const struct value *named, struct err *err)
{
	for (size_t i = 0; named && i < named->pair_count; i++) {
		const char *name = value_text(named->pairs[i].key);
		size_t at = name ? find_parameter(a->callee, name) : CALL_MAX_PARAMETERS;
		if (at < CALL_MAX_PARAMETERS && a->v[at]) {
			args_fail(a, err, "got multiple values for argument '%s'", name);
			return -1;
		}
		if (at < CALL_MAX_PARAMETERS) {
			a->v[at] = named->pairs[i].value;
		} else if (a->named && name) {
			value_dict_set(a->ev->arena, a->named, name, named->pairs[i].value);
		} else {
			args_fail(a, err, "got an unexpected argument '%.60s'",
				name ? name : "?");
			return -1;
		}
	}
	return 0;
}

static int check_required(struct args *a, const struct shape *shape, struct err *err)
{
	for (size_t i = 0; i < shape->required; i++) {
		if (a->v[i])
			continue;
		const char *s = a->callee->parameters;
		const char *name = NULL;
		size_t n = 0;
		for (size_t j = 0; j <= i; j++)
			name = next_name(&s, &n);
		args_fail(a, err, "missing the argument '%.*s'", (int)n, name);
		return -1;
	}
	return 0;
}

/* The first undefined argument, or NULL. */
static const struct value *first_undefined(
	const struct value *self, const struct value *positional, const struct value *named)
{
	if (is_undefined(self))
		return self;
	for (size_t i = 0; positional && i < positional->count; i++) {
		if (is_undefined(positional->items[i]))
			return positional->items[i];
	}
	for (size_t i = 0; named && i < named->pair_count; i++) {
		if (is_undefined(named->pairs[i].value))
			return named->pairs[i].value;
	}
	return NULL;
}

static const struct value *run(struct args *a, const struct shape *shape, struct err *err)
{
	if (check_required(a, shape, err) < 0 || eval_step(a->ev, err) < 0)
		return NULL;
	return a->callee->fn(a, err);
}

const struct value *args_call(struct eval *ev, const struct callable *callable,
	const struct value *self, const struct value *positional, const struct value *named,
	struct err *err)
{
	struct args a = {.ev = ev, .callee = callable, .self = self};
	const struct shape shape = callable_shape(callable);

	if (!(callable->flags & CALL_UNDEFINED)) {
		const struct value *u = first_undefined(self, positional, named);
		if (u)
			return ev->native ? u : undefined_fail(ev, u, err);
	}
	begin_rest(&a, &shape);
	if (bind_positional(&a, &shape, positional, err) < 0 || bind_named(&a, named, err) < 0)
		return NULL;
	return run(&a, &shape, err);
}

/* True if a call's arguments can go straight to where they belong. */
static bool fits(
	const struct callable *callable, const struct shape *shape, const struct call *call)
{
	size_t count = call->positional.count;

	if (call->rest || call->mapping || (count > shape->count && !shape->rest))
		return false;
	for (size_t i = 0; i < call->named.count; i++) {
		size_t at = find_parameter(callable, call->names[i]);
		if (at < count || (at == CALL_MAX_PARAMETERS && !shape->named))
			return false;
	}
	return true;
}

/* Evaluates one argument; *u becomes it if it is the first undefined one. */
static const struct value *evaluate(
	struct args *a, const struct node *node, const struct value **u, struct err *err)
{
	const struct value *v = eval_expr(a->ev, node, err);

	if (v && !*u && is_undefined(v))
		*u = v;
	return v;
}

static int evaluate_all(struct args *a, const struct shape *shape, const struct call *call,
	const struct value **u, struct err *err)
{
	const struct value *v;

	for (size_t i = 0; i < call->positional.count; i++) {
		v = evaluate(a, call->positional.items[i], u, err);
		if (!v)
			return -1;
		if (i < shape->count)
			a->v[i] = v;
		else
			value_list_add(a->ev->arena, a->rest, v);
	}
	for (size_t i = 0; i < call->named.count; i++) {
		size_t at = find_parameter(a->callee, call->names[i]);
		v = evaluate(a, call->named.items[i], u, err);
		if (!v)
			return -1;
		if (at < CALL_MAX_PARAMETERS)
			a->v[at] = v;
		else
			value_dict_set(a->ev->arena, a->named, call->names[i], v);
	}
	return 0;
}

const struct value *args_apply(struct eval *ev, const struct callable *callable,
	const struct shape *shape, const struct value *self, const struct call *call,
	struct err *err)
{
	struct args a = {.ev = ev, .callee = callable, .self = self};
	const struct value *u = is_undefined(self) ? self : NULL;

	if (call && !fits(callable, shape, call)) {
		struct value *positional, *named;
		if (eval_arguments(ev, call, &positional, &named, err) < 0)
			return NULL;
		return args_call(ev, callable, self, positional, named, err);
	}
	begin_rest(&a, shape);
	if (call && evaluate_all(&a, shape, call, &u, err) < 0)
		return NULL;
	if (u && !(callable->flags & CALL_UNDEFINED))
		return ev->native ? u : undefined_fail(ev, u, err);
	return run(&a, shape, err);
}

bool arg_given(const struct args *a, size_t i)
{
	return a->v[i] && a->v[i]->kind != VALUE_NULL;
}

const struct value *self_text(struct args *a, struct err *err)
{
	const struct value *v = need_defined(a->ev, a->self, err);

	return v ? repr_string(a->ev, v, err) : NULL;
}

static const struct value *constant_text(struct eval *ev, const char *text)
{
	static const struct value empty = {.kind = VALUE_STRING, .text = ""};

	return *text ? value_new_string(ev->arena, text) : &empty;
}

const struct value *arg_text(struct args *a, size_t i, const char *fallback, struct err *err)
{
	if (!a->v[i])
		return constant_text(a->ev, fallback);
	const struct value *v = need_defined(a->ev, a->v[i], err);
	return v ? repr_string(a->ev, v, err) : NULL;
}

const struct value *arg_string(struct args *a, size_t i, const char *fallback, struct err *err)
{
	if (!a->v[i])
		return constant_text(a->ev, fallback);
	if (value_is_string(a->v[i])) {
		eval_touch(a->ev, a->v[i]);
		return a->v[i];
	}
	return args_fail(
		a, err, "argument %zu must be a string, not '%s'", i + 1, type_name(a->v[i]));
}

int arg_int(struct args *a, size_t i, int64_t fallback, int64_t *out, struct err *err)
{
	*out = fallback;
	if (!arg_given(a, i))
		return 0;
	if (number_int64(a->v[i], out))
		return 0;
	args_fail(
		a, err, "argument %zu must be an integer, not '%s'", i + 1, type_name(a->v[i]));
	return -1;
}

int arg_bool(struct args *a, size_t i, bool fallback, struct err *err)
{
	return a->v[i] ? op_truth(a->ev, a->v[i], err) : fallback;
}
