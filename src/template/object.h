/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects that only templates know: undefined, promises, ranges, namespaces, bound methods,
 * macros, loops, modules. Each is a VALUE_OBJECT with a class: a const table of functions.
 */
#ifndef TEMPLATE_OBJECT_H
#define TEMPLATE_OBJECT_H

#include "template/eval.h"

/* What a class can do; a NULL function means that it cannot. */
struct value_class {
	const char *name; /* Python's name of the type */
	/* An attribute; NULL with err untouched when there is none. */
	const struct value *(*get)(
		struct eval *ev, const struct value *self, const char *name, struct err *err);
	/* An item by key, likewise. */
	const struct value *(*item)(struct eval *ev, const struct value *self,
		const struct value *key, struct err *err);
	/* How many items it gives; with `at`, it can be iterated. */
	int (*length)(struct eval *ev, const struct value *self, size_t *out, struct err *err);
	/* Item number i, which is below length. */
	const struct value *(*at)(
		struct eval *ev, const struct value *self, size_t i, struct err *err);
	/* Calls it. positional is a list, named a dict. */
	const struct value *(*call)(struct eval *ev, const struct value *self,
		const struct value *positional, const struct value *named, struct err *err);
	/* Its str(). */
	int (*str)(
		struct eval *ev, const struct value *self, struct strbuf *out, struct err *err);
	/* True for equal ones; by identity without it. */
	bool (*equal)(const struct value *a, const struct value *b);
	/* Equal items make it equal to a dict: its keys are iterated. */
	bool mapping;
};

/* Makes an object. */
struct value *object_new(struct arena *arena, const struct value_class *class, void *object);
/* True if v is an object of a class. */
static inline bool object_is(const struct value *v, const struct value_class *class)
{
	return v && v->kind == VALUE_OBJECT && v->class == class;
}

/*
 * Something undefined: it knows what to say when it is used. Most are never used (a default
 * comes behind them), so what is frequent is put in words only then.
 */
struct undefined {
	const char *message;     /* NULL: by the members below */
	const char *name;        /* the variable or attribute; may be NULL */
	const char *type;        /* of the value that lacks the attribute; NULL: a variable */
	const struct value *key; /* instead of an attribute */
	struct place place;
	bool lenient; /* prints as nothing, as Jinja2's inline if without else */
};
extern const struct value_class undefined_class;
/* True if v is undefined, and may be used for all that. */
bool is_lenient(const struct value *v);
/* Makes an undefined value whose place is a node's (or unknown: NULL). */
const struct value *undefined_new(struct eval *ev, const struct node *at, const char *name,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same with what it says later: name, type and key of `what`. */
const struct value *undefined_like(
	struct eval *ev, const struct node *at, const struct undefined *what);
/* True if v is undefined. */
static inline bool is_undefined(const struct value *v)
{
	return object_is(v, &undefined_class);
}
/* Fills err with what an undefined value has to say; returns NULL. */
const struct value *undefined_fail(struct eval *ev, const struct value *v, struct err *err);
/* Passes a defined value on; fails for an undefined one. NULL passes through. */
const struct value *need_defined(struct eval *ev, const struct value *v, struct err *err);

/* A promise: a value inside a variable that is evaluated when someone looks. */
extern const struct value_class promise_class;
/* Makes a promise for a value as written. */
const struct value *promise_new(struct eval *ev, const struct value *raw);
/* A promise that was not kept yet, for a copy of its container. */
const struct value *promise_copy(struct eval *ev, const struct value *v);
/* Keeps the promise, if v is one; passes other values through. */
const struct value *promise_resolve(struct eval *ev, const struct value *v, struct err *err);

/* range(); items are integers. */
struct range {
	int64_t start, step;
	size_t count;
};
extern const struct value_class range_class;

/* namespace(): the one object whose attributes can be set. */
extern const struct value_class namespace_class;
/* Makes a namespace with the pairs of a dict. */
const struct value *namespace_new(struct arena *arena, const struct value *pairs);
/* Sets an attribute; -1 with err if v is no namespace. */
int namespace_set(struct eval *ev, const struct value *v, const char *name,
	const struct value *value, struct err *err);

/* A function of a table, bound to an object (a method) or not (a global). */
struct function {
	const struct callable *callable;
	const struct value *self;
};
extern const struct value_class function_class;
/* Makes one; self may be NULL. */
const struct value *function_new(
	struct arena *arena, const struct callable *callable, const struct value *self);

extern const struct value_class macro_class, loop_class, module_class, omit_class,
	mapping_class, cycler_class, joiner_class, timedelta_class, super_class, self_class;

/* The number of an attribute of `loop`; 0 for other names. */
uint8_t loop_attribute(const char *name);
/* That attribute of a loop; NULL with err untouched when the number is 0. */
const struct value *loop_member(
	struct eval *ev, const struct value *loop, uint8_t attribute, struct err *err);

/* omit: an argument that counts as not given. */
extern const struct value omit_value;

#endif
