/* SPDX-License-Identifier: Apache-2.0 */
#include "play/argument_spec.h"

#include "base/str.h"
#include "play/convert.h"
#include "template/template.h"

#define SPEC_MAX_DEPTH 20 /* options inside one another */

struct checking {
	struct arena *arena;
	struct value *errors;
	unsigned depth;
};

static void check_all(struct checking *c, const struct value *spec, const struct value *given,
	const char *context);

static void report(struct checking *c, const char *text, const char *context)
{
	const char *whole =
		context ? arena_printf(c->arena, "%s found in %s", text, context) : text;

	value_list_add(c->arena, c->errors, value_new_string(c->arena, whole));
}

/* ---- types ---- */

static bool to_text(struct arena *a, const struct value *v)
{
	return v->kind != VALUE_NULL && value_to_text(a, v);
}

static bool to_bool(struct arena *a, const struct value *v)
{
	bool b;

	(void)a;
	return value_to_bool(v, &b);
}

static bool to_int(struct arena *a, const struct value *v)
{
	int64_t i;

	(void)a;
	return value_to_int(v, &i);
}

static bool to_float(struct arena *a, const struct value *v)
{
	double d;

	(void)a;
	return value_to_number(v, &d);
}

static bool to_list(struct arena *a, const struct value *v)
{
	return value_to_list(a, v) != NULL;
}

static bool to_dict(struct arena *a, const struct value *v)
{
	return value_to_dict(a, v) != NULL;
}

static bool to_any(struct arena *a, const struct value *v)
{
	(void)a;
	(void)v;
	return true;
}

static const struct type {
	const char *name;
	bool (*takes)(struct arena *a, const struct value *v);
} types[] = {
	{"str", to_text},
	{"list", to_list},
	{"dict", to_dict},
	{"bool", to_bool},
	{"int", to_int},
	{"float", to_float},
	{"path", to_text},
	{"raw", to_any},
	{"jsonarg", to_any},
	{"json", to_any},
	{"bytes", to_any},
	{"bits", to_any},
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* What Python calls a value's type. */
static const char *python_type(const struct value *v)
{
	static const struct {
		enum value_kind kind;
		const char *name;
	} names[] = {{VALUE_STRING, "str"}, {VALUE_INT, "int"}, {VALUE_FLOAT, "float"},
		{VALUE_BOOL, "bool"}, {VALUE_LIST, "list"}, {VALUE_DICT, "dict"},
		{VALUE_TUPLE, "tuple"}, {VALUE_NULL, "NoneType"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].kind == v->kind)
			return names[i].name;
	return "object";
}

static const char *text_of(const struct value *spec, const char *key, const char *otherwise)
{
	const char *text = value_text(value_dict_get(spec, key));

	return text ? text : otherwise;
}

static bool says(const struct value *spec, const char *key)
{
	const struct value *v = value_dict_get(spec, key);
	bool b = false;

	return v && value_to_bool(v, &b) && b;
}

/* False, with a finding, when a value is none of the type. */
static bool check_type(struct checking *c, const char *title, const char *wanted,
	const struct value *v, const char *context)
{
	const struct type *type = find_type(wanted);

	if (type && type->takes(c->arena, v))
		return true;
	report(c,
		arena_printf(c->arena,
			"%s is of type <class '%s'> and we were unable to convert to %s", title,
			python_type(v), wanted),
		context);
	return false;
}

static bool check_elements(struct checking *c, const struct value *spec, const char *name,
	const struct value *list, const char *context)
{
	const char *wanted = text_of(spec, "elements", NULL);
	const char *title = arena_printf(c->arena, "Elements value for option '%s'", name);

	for (size_t i = 0; wanted && i < list->count; i++)
		if (!check_type(c, title, wanted, list->items[i], context))
			return false;
	return true;
}

/* ---- one argument ---- */

static bool is_among(struct arena *a, const struct value *list, const struct value *v)
{
	const struct value *text = value_to_text(a, v);

	value_list_foreach (item, list) {
		const struct value *other = value_to_text(a, item);
		if (value_equal(item, v) ||
			(text && other && strcmp(text->text, other->text) == 0))
			return true;
	}
	return false;
}

static const char *joined(struct arena *a, const struct value *list)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	value_list_foreach (item, list) {
		strbuf_addstr(&out, out.len ? ", " : "");
		template_str(item, &out, NULL);
	}
	return arena_strdup(a, out.data);
}

static void check_choice(struct checking *c, const struct value *choices, const char *name,
	const struct value *v, const char *context)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	bool several = v->kind == VALUE_LIST;

	for (size_t i = 0; several && i < v->count; i++)
		if (!is_among(c->arena, choices, v->items[i])) {
			strbuf_addstr(&got, got.len ? ", " : "");
			template_str(v->items[i], &got, NULL);
		}
	if (several ? got.len == 0 : is_among(c->arena, choices, v))
		return;
	if (!several)
		template_str(v, &got, NULL);
	report(c,
		arena_printf(c->arena,
			several ? "value of %s must be one or more of: %s. Got no match for: %s"
				: "value of %s must be one of: %s, got: %s",
			name, joined(c->arena, choices), got.data),
		context);
}

/* The options inside a mapping, or inside each of a list of them. */
static void check_options(struct checking *c, const struct value *options, const char *name,
	const struct value *v, const char *context)
{
	const char *inner = context ? arena_printf(c->arena, "%s -> %s", context, name) : name;

	if (c->depth == SPEC_MAX_DEPTH)
		return;
	c->depth++;
	if (v->kind == VALUE_DICT)
		check_all(c, options, v, inner);
	for (size_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
		if (v->items[i]->kind == VALUE_DICT)
			check_all(c, options, v->items[i], inner);
	c->depth--;
}

static void check_value(struct checking *c, const struct value *spec, const char *name,
	const struct value *v, const char *context)
{
	const char *wanted = text_of(spec, "type", "str");
	const char *title = arena_printf(c->arena, "argument '%s'", name);
	const struct value *choices = value_dict_get(spec, "choices");
	const struct value *options = value_dict_get(spec, "options");

	if (!check_type(c, title, wanted, v, context))
		return;
	if (strcmp(wanted, "list") == 0) {
		v = value_to_list(c->arena, v);
		if (!check_elements(c, spec, name, v, context))
			return;
	}
	if (choices && choices->kind == VALUE_LIST)
		check_choice(c, choices, name, v, context);
	if (options && options->kind == VALUE_DICT)
		check_options(c, options, name, v, context);
}

/* ---- all ---- */

static const struct value *given_for(
	const struct value *one, const char *name, const struct value *given)
{
	const struct value *v = value_dict_get(given, name);
	const struct value *aliases = value_dict_get(one, "aliases");

	for (size_t i = 0; !v && aliases && i < aliases->count; i++)
		v = value_text(aliases->items[i])
			    ? value_dict_get(given, aliases->items[i]->text)
			    : NULL;
	return v;
}

static bool is_name_of(const struct value *spec, const char *name)
{
	value_dict_foreach (pair, spec) {
		const struct value *aliases = value_dict_get(pair->value, "aliases");
		if (value_text(pair->key) && strcmp(value_text(pair->key), name) == 0)
			return true;
		for (size_t i = 0; aliases && i < aliases->count; i++)
			if (value_text(aliases->items[i]) &&
				strcmp(value_text(aliases->items[i]), name) == 0)
				return true;
	}
	return false;
}

/* Names that the spec has not. */
static void check_names(struct checking *c, const struct value *spec, const struct value *given,
	const char *context)
{
	AUTO(strlist_release) struct strlist known = {0}, unknown = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	value_dict_foreach (pair, given)
		if (value_text(pair->key) && !is_name_of(spec, value_text(pair->key)))
			strlist_add(&unknown, value_text(pair->key));
	if (unknown.count == 0)
		return;
	value_dict_foreach (pair, spec)
		if (value_text(pair->key))
			strlist_add(&known, value_text(pair->key));
	strlist_sort(&known);
	strlist_sort(&unknown);
	for (size_t i = 0; i < unknown.count; i++)
		strbuf_addf(&text, "%s%s", i ? ", " : "", unknown.items[i]);
	for (size_t i = 0; i < known.count; i++)
		strbuf_addf(&text, "%s%s",
			i ? ", " : ". Supported parameters include: ", known.items[i]);
	report(c, arena_printf(c->arena, "%s.", text.data), context);
}

static void check_required(struct checking *c, const struct value *spec,
	const struct value *given, const char *context)
{
	AUTO(strlist_release) struct strlist missing = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	value_dict_foreach (pair, spec)
		if (value_text(pair->key) && says(pair->value, "required") &&
			!given_for(pair->value, value_text(pair->key), given))
			strlist_add(&missing, value_text(pair->key));
	strlist_sort(&missing);
	for (size_t i = 0; i < missing.count; i++)
		strbuf_addf(&text, "%s%s",
			i ? ", " : "missing required arguments: ", missing.items[i]);
	if (missing.count > 0)
		report(c, arena_strdup(c->arena, text.data), context);
}

static void check_all(struct checking *c, const struct value *spec, const struct value *given,
	const char *context)
{
	check_required(c, spec, given, context);
	value_dict_foreach (pair, spec) {
		const char *name = value_text(pair->key);
		const struct value *v = name ? given_for(pair->value, name, given) : NULL;
		if (v && v->kind != VALUE_NULL && pair->value->kind == VALUE_DICT)
			check_value(c, pair->value, name, v, context);
	}
	check_names(c, spec, given, context);
}

struct value *argument_spec_check(
	struct arena *arena, const struct value *spec, const struct value *given)
{
	struct checking c = {.arena = arena, .errors = value_new_list(arena)};

	check_all(&c, spec, given, NULL);
	return c.errors;
}
