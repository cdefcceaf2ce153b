/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup(), query() and q(), and the lookups that work on values alone.
 */
#include "base/suggest.h"
#include "template/access.h"
#include "template/args.h"
#include "template/lookup.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"

const struct value *lookup_option(const struct args *a, const char *name)
{
	const struct value *v = value_dict_get(a->named, name);

	return v && v->kind != VALUE_NULL ? v : NULL;
}

/* Adds the items of lists of any depth, each by itself. */
static int flatten_terms(
	struct args *a, const struct value *v, struct value *out, struct err *err)
{
	if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE) {
		value_list_add(a->ev->arena, out, v);
		return 0;
	}
	for (size_t i = 0; i < v->count; i++) {
		const struct value *item = list_item(a->ev, v, i, err);
		if (!item)
			return -1;
		value_list_add(a->ev->arena, out, item);
	}
	return 0;
}

static const struct value *lookup_items(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		if (flatten_terms(a, a->rest->items[i], out, err) < 0)
			return NULL;
	}
	return out;
}

static const struct value *lookup_list(struct args *a, struct err *err)
{
	(void)err;
	return a->rest;
}

static const struct value *lookup_dict(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *v = a->rest->items[i];
		struct iter it;
		const struct value *key;
		if (v->kind != VALUE_DICT && !object_is(v, &mapping_class))
			return args_fail(
				a, err, "a dictionary is needed, not '%s'", type_name(v));
		int rc = iter_begin(&it, a->ev, v, err);
		while (rc >= 0 && (rc = iter_next(&it, &key, err)) > 0) {
			struct value *pair = value_new_dict(a->ev->arena);
			const struct value *item = get_item(a->ev, v, key, NULL, err);
			if (!item)
				return NULL;
			value_dict_set(a->ev->arena, pair, "key", key);
			value_dict_set(a->ev->arena, pair, "value", item);
			value_list_add(a->ev->arena, out, pair);
		}
		if (rc < 0)
			return NULL;
	}
	return out;
}

static const struct value *lookup_indexed_items(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *items = lookup_items(a, err);

	for (size_t i = 0; items && i < items->count; i++) {
		struct value *pair = value_new_list(a->ev->arena);
		pair->kind = VALUE_TUPLE;
		value_list_add(a->ev->arena, pair, value_new_int(a->ev->arena, (int64_t)i));
		value_list_add(a->ev->arena, pair, items->items[i]);
		value_list_add(a->ev->arena, out, pair);
	}
	return items ? out : NULL;
}

/* Every combination of one item of each term; those of the first change slowest. */
static const struct value *lookup_nested(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);

	if (a->rest->count == 0)
		return args_fail(a, err, "at least one list is needed");
	value_list_add(a->ev->arena, out, value_new_list(a->ev->arena));
	for (size_t t = 0; t < a->rest->count; t++) {
		struct value *longer = value_new_list(a->ev->arena);
		const struct value *term = iter_sequence(a->ev, a->rest->items[t], err);
		for (size_t i = 0; term && i < out->count; i++) {
			for (size_t j = 0; j < term->count; j++) {
				const struct value *item = list_item(a->ev, term, j, err);
				struct value *row = iter_list(a->ev, out->items[i], err);
				if (!item || !row || flatten_terms(a, item, row, err) < 0)
					return NULL;
				value_list_add(a->ev->arena, longer, row);
			}
		}
		if (!term)
			return NULL;
		out = longer;
	}
	return out;
}

static const struct value *lookup_together(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	size_t longest = 0;

	if (a->rest->count == 0)
		return args_fail(a, err, "at least one list is needed");
	for (size_t t = 0; t < a->rest->count; t++) {
		size_t n;
		if (value_length(a->ev, a->rest->items[t], &n, err) < 0)
			return NULL;
		longest = n > longest ? n : longest;
	}
	for (size_t i = 0; i < longest; i++) {
		struct value *row = value_new_list(a->ev->arena);
		for (size_t t = 0; t < a->rest->count; t++) {
			const struct value *term = iter_sequence(a->ev, a->rest->items[t], err);
			if (!term)
				return NULL;
			const struct value *item =
				i < term->count ? list_item(a->ev, term, i, err) : &value_null;
			if (!item || flatten_terms(a, item, row, err) < 0)
				return NULL;
		}
		value_list_add(a->ev->arena, out, row);
	}
	return out;
}

static const struct value *lookup_env(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *fallback = value_dict_get(a->named, "default");

	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *term = need_defined(a->ev, a->rest->items[i], err);
		term = term ? repr_string(a->ev, term, err) : NULL;
		if (!term)
			return NULL;
		size_t from = strspn(term->text, " \t");
		autofree char *name =
			xstrndup(term->text + from, strcspn(term->text + from, " \t"));
		const char *text = getenv(name);
		if (!text && fallback)
			value_list_add(a->ev->arena, out, fallback);
		else
			value_list_add(a->ev->arena, out,
				value_new_string(a->ev->arena, text ? text : ""));
	}
	return out;
}

static const struct value *named_variable(
	struct eval *ev, const struct value *name, struct err *err)
{
	const struct value_key key = value_key(name->text, strlen(name->text));

	return eval_variable(ev, &key, err);
}

static const struct value *lookup_vars(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct value *fallback = value_dict_get(a->named, "default");

	for (size_t i = 0; i < a->rest->count; i++) {
		const struct value *name = a->rest->items[i];
		if (!value_is_string(name))
			return args_fail(a, err, "the name of a variable is needed, not '%s'",
				type_name(name));
		const struct value *v = value_dict_get(a->ev->locals, name->text);
		if (!v)
			v = named_variable(a->ev, name, err);
		if (!v && err->code)
			return NULL;
		if (!v && !fallback)
			v = undefined_new(a->ev, NULL, name->text,
				"no variable named '%s' was found", name->text);
		value_list_add(a->ev->arena, out, v ? v : fallback);
	}
	return out;
}

static const struct value *lookup_varnames(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct template_context *ctx = a->ev->ctx;
	const struct value *names = ctx->names ? ctx->names(ctx->data, err) : out;

	for (size_t t = 0; names && t < a->rest->count; t++) {
		const struct value *pattern = a->rest->items[t];
		if (!value_is_string(pattern))
			return args_fail(
				a, err, "a pattern is needed, not '%s'", type_name(pattern));
		const struct regex *re = regex_cache_get(
			&a->ev->state->regexes, pattern->text, pattern->len, 0, err);
		for (size_t i = 0; re && i < names->count; i++) {
			const struct value *name = names->items[i];
			int rc = regex_exec(
				re, REGEX_SEARCH, name->text, name->len, 0, NULL, err);
			if (rc < 0)
				return NULL;
			if (rc)
				value_list_add(a->ev->arena, out, name);
		}
		if (!re)
			return NULL;
	}
	return names ? out : NULL;
}

static const struct value *lookup_random_choice(struct args *a, struct err *err)
{
	struct value *out = value_new_list(a->ev->arena);
	const struct callable *random = callable_find(TEMPLATE_FILTER, "random");
	const struct value *items = lookup_items(a, err);

	if (!items)
		return NULL;
	if (items->count == 0)
		return out;
	const struct value *one = args_call(a->ev, random, items, NULL, NULL, err);
	if (!one)
		return NULL;
	value_list_add(a->ev->arena, out, one);
	return out;
}

/* A copy of a mapping without what a dotted path leads to. */
static const struct value *without_path(
	struct arena *arena, const struct value *item, const char *path)
{
	size_t n = strcspn(path, ".");
	struct value *copy = value_new_dict(arena);

	if (item->kind != VALUE_DICT)
		return item;
	value_dict_foreach (p, item) {
		bool here = value_is_string(p->key) && p->key->len == n &&
			    memcmp(p->key->text, path, n) == 0;
		if (!here)
			value_dict_set_value(arena, copy, p->key, p->value);
		else if (path[n] == '.')
			value_dict_set_value(arena, copy, p->key,
				without_path(arena, p->value, path + n + 1));
	}
	return copy;
}

/* The filter leaves the list in its item; the lookup takes it out. */
static const struct value *take_out(
	struct arena *arena, const struct value *pairs, const struct value *path)
{
	struct value *out = value_new_list(arena);

	if (!pairs || !value_is_string(path))
		return pairs;
	value_list_foreach (pair, pairs) {
		struct value *copy = value_new_tuple(arena);
		value_list_add(arena, copy, without_path(arena, pair->items[0], path->text));
		value_list_add(arena, copy, pair->items[1]);
		value_list_add(arena, out, copy);
	}
	return out;
}

static const struct value *lookup_subelements(struct args *a, struct err *err)
{
	const struct callable *filter = callable_find(TEMPLATE_FILTER, "subelements");
	struct value *arguments = value_new_list(a->ev->arena);

	if (a->rest->count < 2)
		return args_fail(a, err, "a list and the name of a key are needed");
	value_list_add(a->ev->arena, arguments, a->rest->items[1]);
	if (a->rest->count > 2) {
		const struct value *skip = value_dict_get(a->rest->items[2], "skip_missing");
		value_list_add(a->ev->arena, arguments, skip ? skip : &value_false);
	}
	return take_out(a->ev->arena,
		args_call(a->ev, filter, a->rest->items[0], arguments, NULL, err),
		a->rest->items[1]);
}

static const struct callable entries[] = {
	{"dict", lookup_dict, "* **", 0},
	{"env", lookup_env, "* **", CALL_UNDEFINED},
	{"flattened", lookup_items, "* **", 0},
	{"indexed_items", lookup_indexed_items, "* **", 0},
	{"items", lookup_items, "* **", 0},
	{"list", lookup_list, "* **", 0},
	{"nested", lookup_nested, "* **", 0},
	{"random_choice", lookup_random_choice, "* **", 0},
	{"subelements", lookup_subelements, "* **", 0},
	{"together", lookup_together, "* **", 0},
	{"varnames", lookup_varnames, "* **", 0},
	{"vars", lookup_vars, "* **", 0},
};

CALLABLES(lookups_values, entries);

/* What a lookup gave, as lookup() shows it: one item, or texts joined by commas. */
static const struct value *as_one(struct eval *ev, const struct value *list, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (list->count == 1)
		return list->items[0];
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = list_item(ev, list, i, err);
		if (!item || !need_defined(ev, item, err))
			return NULL;
		if (!value_is_string(item))
			return list;
		if (i > 0)
			strbuf_addch(&text, ',');
		strbuf_add(&text, item->text, item->len);
	}
	return list->count ? new_text(ev, &text, err) : list;
}

/* What to do with an error: "strict" lets it pass, others turn it into nothing. */
static bool forgives(struct args *a)
{
	const struct value *errors = lookup_option(a, "errors");
	const char *word = errors ? value_text(errors) : NULL;

	return word && (strcmp(word, "ignore") == 0 || strcmp(word, "warn") == 0);
}

/* The options that are the lookup's own. */
static const struct value *own_options(struct args *a)
{
	struct value *options = value_new_dict(a->ev->arena);

	value_dict_foreach (pair, a->named) {
		const char *name = pair->key->text;
		if (strcmp(name, "wantlist") != 0 && strcmp(name, "errors") != 0)
			value_dict_set(a->ev->arena, options, name, pair->value);
	}
	return options;
}

static const struct value *unknown_lookup(struct args *a, const char *name, struct err *err)
{
	struct suggestion near = {0};
	const char *candidate;

	for (size_t i = 0; (candidate = template_entry(TEMPLATE_LOOKUP, i)); i++)
		suggest_add(&near, name, candidate);
	return args_fail(a, err, "there is no lookup '%.60s'%s%s%s", name,
		near.word ? "; did you mean '" : "", near.word ? near.word : "",
		near.word ? "'?" : "");
}

static const struct value *run_lookup(struct args *a, bool want_list, struct err *err)
{
	const struct value *name = need_defined(a->ev, a->v[0], err);
	unsigned depth = a->ev->state->depth;

	if (!name)
		return NULL;
	const struct callable *lookup =
		value_is_string(name) ? callable_find(TEMPLATE_LOOKUP, name->text) : NULL;
	if (!lookup)
		return unknown_lookup(
			a, value_is_string(name) ? name->text : type_name(name), err);
	const struct value *list = args_call(a->ev, lookup, NULL, a->rest, own_options(a), err);
	if (!list && forgives(a) && err->code != ERR_LIMIT && err->code != ERR_CANCELLED) {
		err_clear(err);
		a->ev->state->placed = false;
		a->ev->state->depth = depth;
		return want_list ? value_new_list(a->ev->arena) : &value_null;
	}
	if (!list || is_undefined(list) || want_list)
		return list;
	return as_one(a->ev, list, err);
}

static const struct value *global_lookup(struct args *a, struct err *err)
{
	const struct value *option = lookup_option(a, "wantlist");
	int want = option ? op_truth(a->ev, option, err) : 0;

	return want < 0 ? NULL : run_lookup(a, want, err);
}

static const struct value *global_query(struct args *a, struct err *err)
{
	return run_lookup(a, true, err);
}

static const struct callable global_entries[] = {
	{"lookup", global_lookup, "name ! * **", CALL_UNDEFINED | CALL_ANSIBLE},
	{"q", global_query, "name ! * **", CALL_UNDEFINED | CALL_ANSIBLE},
	{"query", global_query, "name ! * **", CALL_UNDEFINED | CALL_ANSIBLE},
};

CALLABLES(globals_lookup, global_entries);
