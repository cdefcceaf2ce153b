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

/* A declaration, read. */
struct signature {
	struct {
		const char *text;
		size_t len;
	} names[CALL_MAX_PARAMETERS];
	size_t count;
	size_t required;
	bool rest;
	bool named;
};

static void read_signature(const char *s, struct signature *out)
{
	*out = (struct signature){0};
	while (s && *s) {
		size_t n = strcspn(s, " ");
		if (n == 1 && *s == '!')
			out->required = out->count;
		else if (n == 1 && *s == '*')
			out->rest = true;
		else if (n == 2 && s[0] == '*' && s[1] == '*')
			out->named = true;
		else if (n > 0 && out->count < CALL_MAX_PARAMETERS) {
			out->names[out->count].text = s;
			out->names[out->count++].len = n;
		}
		s += n;
		s += strspn(s, " ");
	}
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

static int bind_positional(struct args *a, const struct signature *s,
	const struct value *positional, struct err *err)
{
	struct value *rest = s->rest ? value_new_list(a->ev->arena) : NULL;

	for (size_t i = 0; positional && i < positional->count; i++) {
		if (i < s->count) {
			a->v[i] = positional->items[i];
		} else if (rest) {
			value_list_add(a->ev->arena, rest, positional->items[i]);
		} else {
			args_fail(a, err, "takes at most %zu arguments, %zu were given",
				s->count, positional->count);
			return -1;
		}
	}
	a->rest = rest;
	return 0;
}

static size_t find_parameter(const struct signature *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < s->count; i++) {
		if (s->names[i].len == n && memcmp(s->names[i].text, name, n) == 0)
			return i;
	}
	return s->count;
}

static int bind_named(
	struct args *a, const struct signature *s, const struct value *named, struct err *err)
{
	struct value *others = s->named ? value_new_dict(a->ev->arena) : NULL;

	for (size_t i = 0; named && i < named->pair_count; i++) {
		const char *name = value_text(named->pairs[i].key);
		size_t at = name ? find_parameter(s, name) : s->count;
		if (at < s->count && a->v[at]) {
			args_fail(a, err, "got multiple values for argument '%s'", name);
			return -1;
		}
		if (at < s->count) {
			a->v[at] = named->pairs[i].value;
		} else if (others && name) {
			value_dict_set(a->ev->arena, others, name, named->pairs[i].value);
		} else {
			args_fail(a, err, "got an unexpected argument '%.60s'",
				name ? name : "?");
			return -1;
		}
	}
	a->named = others;
	return 0;
}

static int check_required(struct args *a, const struct signature *s, struct err *err)
{
	for (size_t i = 0; i < s->required; i++) {
		if (!a->v[i]) {
			args_fail(a, err, "missing the argument '%.*s'", (int)s->names[i].len,
				s->names[i].text);
			return -1;
		}
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

const struct value *args_call(struct eval *ev, const struct callable *callable,
	const struct value *self, const struct value *positional, const struct value *named,
	struct err *err)
{
	struct args a = {.ev = ev, .callee = callable, .self = self};
	struct signature signature;

	if (!(callable->flags & CALL_UNDEFINED)) {
		const struct value *u = first_undefined(self, positional, named);
		if (u)
			return ev->native ? u : undefined_fail(ev, u, err);
	}
	read_signature(callable->parameters, &signature);
	if (bind_positional(&a, &signature, positional, err) < 0 ||
		bind_named(&a, &signature, named, err) < 0 ||
		check_required(&a, &signature, err) < 0)
		return NULL;
	if (eval_step(ev, err) < 0)
		return NULL;
	return callable->fn(&a, err);
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

const struct value *arg_text(struct args *a, size_t i, const char *fallback, struct err *err)
{
	if (!a->v[i])
		return value_new_string(a->ev->arena, fallback);
	const struct value *v = need_defined(a->ev, a->v[i], err);
	return v ? repr_string(a->ev, v, err) : NULL;
}

const struct value *arg_string(struct args *a, size_t i, const char *fallback, struct err *err)
{
	if (!a->v[i])
		return value_new_string(a->ev->arena, fallback);
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
