/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small classes: undefined, ranges, namespaces, functions, mappings found by callbacks,
 * omit, cycler and joiner.
 */
#include "template/object.h"

#include "template/access.h"
#include "template/args.h"
#include "template/repr.h"

struct value *object_new(struct arena *arena, const struct value_class *class, void *object)
{
	struct value *v = ARENA_NEW(arena, struct value);

	v->kind = VALUE_OBJECT;
	v->class = class;
	v->object = object;
	return v;
}

const struct value_class undefined_class = {.name = "Undefined"};

bool is_lenient(const struct value *v)
{
	return is_undefined(v) && ((const struct undefined *)v->object)->lenient;
}

const struct value *undefined_like(
	struct eval *ev, const struct node *at, const struct undefined *what)
{
	struct undefined *u = arena_memdup(ev->arena, what, sizeof(*what));

	if (at)
		u->place = (struct place){
			.file = ev->template->file, .line = at->line, .column = at->column};
	return object_new(ev->arena, &undefined_class, u);
}

const struct value *undefined_new(
	struct eval *ev, const struct node *at, const char *name, const char *fmt, ...)
{
	struct undefined u = {.name = name};
	AUTO(strbuf_release) struct strbuf message = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&message, fmt, ap);
	va_end(ap);
	u.message = arena_strndup(ev->arena, message.data, message.len);
	return undefined_like(ev, at, &u);
}

static void add_message(const struct undefined *u, struct strbuf *text)
{
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;

	if (u->message) {
		strbuf_addstr(text, u->message);
	} else if (u->key) {
		if (template_repr(u->key, &key, NULL) < 0)
			strbuf_addstr(&key, "?");
		strbuf_addf(text, "a value of type '%s' has no %s %.200s", u->type,
			value_is_string(u->key) ? "attribute" : "element", key.data);
	} else if (u->type) {
		const char *quote = strcmp(u->type, "None") == 0 ? "" : "'";
		strbuf_addf(text, "%s%s%s%s has no attribute '%s'",
			*quote ? "a value of type " : "", quote, u->type, quote, u->name);
	} else {
		strbuf_addf(text, "'%s' is undefined", u->name);
	}
}

const struct value *undefined_fail(struct eval *ev, const struct value *v, struct err *err)
{
	const struct undefined *u = v->object;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (u->place.line > 0) {
		place_format(&u->place, &text);
		if (ev)
			ev->state->placed = true;
	}
	add_message(u, &text);
	err_set(err, ERR_NOTFOUND, "%s", text.data);
	return NULL;
}

const struct value *need_defined(struct eval *ev, const struct value *v, struct err *err)
{
	return is_undefined(v) && !is_lenient(v) ? undefined_fail(ev, v, err) : v;
}

static int range_length(struct eval *ev, const struct value *self, size_t *out, struct err *err)
{
	const struct range *range = self->object;

	(void)ev;
	(void)err;
	*out = range->count;
	return 0;
}

static const struct value *range_at(
	struct eval *ev, const struct value *self, size_t i, struct err *err)
{
	const struct range *range = self->object;

	(void)err;
	return value_new_int(ev->arena, range->start + (int64_t)i * range->step);
}

static int range_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	const struct range *range = self->object;
	long long end = range->start + (long long)range->count * range->step;

	(void)ev;
	(void)err;
	strbuf_addf(out, "range(%lld, %lld", (long long)range->start, end);
	if (range->step != 1)
		strbuf_addf(out, ", %lld", (long long)range->step);
	strbuf_addch(out, ')');
	return 0;
}

static bool range_equal(const struct value *a, const struct value *b)
{
	const struct range *x = a->object;
	const struct range *y = b->object;

	return x->count == y->count && (x->count == 0 || x->start == y->start) &&
	       (x->count <= 1 || x->step == y->step);
}

const struct value_class range_class = {.name = "range",
	.length = range_length,
	.at = range_at,
	.str = range_str,
	.equal = range_equal};

static const struct value *namespace_get(
	struct eval *ev, const struct value *self, const char *name, struct err *err)
{
	(void)ev;
	(void)err;
	return value_dict_get(self->object, name);
}

static const struct value *namespace_item(
	struct eval *ev, const struct value *self, const struct value *key, struct err *err)
{
	(void)ev;
	(void)err;
	return value_dict_get_value(self->object, key);
}

static int namespace_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	strbuf_addstr(out, "<Namespace ");
	if (repr_repr(ev, self->object, out, err) < 0)
		return -1;
	strbuf_addch(out, '>');
	return 0;
}

const struct value_class namespace_class = {.name = "Namespace",
	.get = namespace_get,
	.item = namespace_item,
	.str = namespace_str};

const struct value *namespace_new(struct arena *arena, const struct value *pairs)
{
	struct value *own = value_new_dict(arena);

	value_dict_foreach (pair, pairs)
		value_dict_set_value(arena, own, pair->key, pair->value);
	return object_new(arena, &namespace_class, own);
}

int namespace_set(struct eval *ev, const struct value *v, const char *name,
	const struct value *value, struct err *err)
{
	if (!object_is(v, &namespace_class))
		return err_set(err, ERR_INPUT,
			"an attribute can be set on a namespace only; make one with "
			"namespace()");
	value_dict_set(ev->arena, v->object, name, value);
	return 0;
}

static const struct value *function_call(struct eval *ev, const struct value *self,
	const struct value *positional, const struct value *named, struct err *err)
{
	const struct function *f = self->object;

	return args_call(ev, f->callable, f->self, positional, named, err);
}

static int function_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	const struct function *f = self->object;

	(void)ev;
	(void)err;
	strbuf_addf(out, "<function %s>", f->callable->name);
	return 0;
}

const struct value_class function_class = {
	.name = "function", .call = function_call, .str = function_str};

const struct value *function_new(
	struct arena *arena, const struct callable *callable, const struct value *self)
{
	struct function *f = ARENA_NEW(arena, struct function);

	f->callable = callable;
	f->self = self;
	return object_new(arena, &function_class, f);
}

struct mapping_object {
	const struct template_mapping *mapping;
	void *data;
};

static const struct value *mapping_item(
	struct eval *ev, const struct value *self, const struct value *key, struct err *err)
{
	const struct mapping_object *m = self->object;

	(void)ev;
	return value_is_string(key) ? m->mapping->get(m->data, key->text, err) : NULL;
}

static int mapping_length(
	struct eval *ev, const struct value *self, size_t *out, struct err *err)
{
	const struct mapping_object *m = self->object;
	const struct value *keys = m->mapping->keys(m->data, err);

	(void)ev;
	if (!keys)
		return -1;
	*out = keys->count;
	return 0;
}

static const struct value *mapping_at(
	struct eval *ev, const struct value *self, size_t i, struct err *err)
{
	const struct mapping_object *m = self->object;
	const struct value *keys = m->mapping->keys(m->data, err);

	(void)ev;
	return keys ? keys->items[i] : NULL;
}

const struct value_class mapping_class = {.name = "dict",
	.item = mapping_item,
	.length = mapping_length,
	.at = mapping_at,
	.mapping = true};

const struct value *template_new_mapping(
	struct arena *arena, const struct template_mapping *mapping, void *data)
{
	struct mapping_object *m = ARENA_NEW(arena, struct mapping_object);

	m->mapping = mapping;
	m->data = data;
	return object_new(arena, &mapping_class, m);
}

static int omit_str(
	struct eval *ev, const struct value *self, struct strbuf *out, struct err *err)
{
	(void)ev;
	(void)self;
	(void)err;
	strbuf_addstr(out, "<<Omit>>");
	return 0;
}

const struct value_class omit_class = {.name = "Omit", .str = omit_str};
const struct value omit_value = {.kind = VALUE_OBJECT, .class = &omit_class};

bool template_is_omit(const struct value *v)
{
	return object_is(v, &omit_class);
}
