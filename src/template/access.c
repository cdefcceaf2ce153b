/* SPDX-License-Identifier: Apache-2.0 */
#include "template/access.h"

#include "template/datetime.h"
#include "template/methods.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/utf8.h"

const struct value *list_item(
	struct eval *ev, const struct value *list, size_t i, struct err *err)
{
	const struct value *item = list->items[i];

	if (object_is(item, &promise_class)) {
		item = promise_resolve(ev, item, err);
		/* A list with promises was made for this evaluation: it may change. */
		if (item)
			list->items[i] = item;
	}
	if (item && ev)
		eval_touch(ev, item);
	return item;
}

const struct value *dict_item(
	struct eval *ev, const struct value *dict, size_t i, struct err *err)
{
	const struct value *item = dict->pairs[i].value;

	if (object_is(item, &promise_class)) {
		item = promise_resolve(ev, item, err);
		if (item)
			dict->pairs[i].value = item;
	}
	if (item && ev)
		eval_touch(ev, item);
	return item;
}

static const struct value *touched(struct eval *ev, const struct value *v, struct err *err)
{
	v = v ? promise_resolve(ev, v, err) : NULL;
	if (v)
		eval_touch(ev, v);
	return v;
}

const struct value *dict_lookup(
	struct eval *ev, const struct value *dict, const char *key, struct err *err)
{
	return touched(ev, value_dict_get(dict, key), err);
}

size_t clamp_index(int64_t i, size_t length)
{
	if (i < 0)
		i += (int64_t)length;
	if (i < 0)
		return 0;
	return (uint64_t)i > length ? length : (size_t)i;
}

static const struct value *text_item(struct eval *ev, const struct value *v, int64_t i)
{
	size_t length = utf8_count(v->text, v->len);

	if (i < 0)
		i += (int64_t)length;
	if (i < 0 || (uint64_t)i >= length)
		return NULL;
	size_t from = utf8_offset(v->text, v->len, (size_t)i);
	size_t to = from + utf8_offset(v->text + from, v->len - from, 1);
	return new_textn(ev, v->text + from, to - from);
}

/* An item by position; NULL with err untouched when there is none. */
static const struct value *indexed(
	struct eval *ev, const struct value *v, int64_t i, struct err *err)
{
	size_t length;

	if (v->kind == VALUE_STRING)
		return text_item(ev, v, i);
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE) {
		if (i < 0)
			i += (int64_t)v->count;
		if (i < 0 || (uint64_t)i >= v->count)
			return NULL;
		return list_item(ev, v, (size_t)i, err);
	}
	if (v->kind != VALUE_OBJECT || !v->class->at || v->class->mapping)
		return NULL;
	if (v->class->length(ev, v, &length, err) < 0)
		return NULL;
	if (i < 0)
		i += (int64_t)length;
	if (i < 0 || (uint64_t)i >= length)
		return NULL;
	return v->class->at(ev, v, (size_t)i, err);
}

/* v[key] without falling back to attributes; NULL with err untouched when there is none. */
static const struct value *item(
	struct eval *ev, const struct value *v, const struct value *key, struct err *err)
{
	int64_t i;

	if (v->kind == VALUE_DICT)
		return touched(ev, value_dict_get_value(v, key), err);
	if (v->kind == VALUE_OBJECT && v->class->item)
		return touched(ev, v->class->item(ev, v, key, err), err);
	return number_int64(key, &i) ? indexed(ev, v, i, err) : NULL;
}

static const struct value *attribute(
	struct eval *ev, const struct value *v, const char *name, struct err *err)
{
	if (v->kind == VALUE_OBJECT && v->class->get) {
		const struct value *found = v->class->get(ev, v, name, err);
		if (found)
			return touched(ev, found, err);
	}
	return methods_find(ev, v, name);
}

/* Python's inner names are out of reach, but for the few methods of int that tables name. */
static bool is_private(const struct value *v, const char *name)
{
	return name[0] == '_' && name[1] == '_' && !is_integer(v);
}

/* Whatever is looked for in something undefined is undefined likewise. */
static const struct value *in_undefined(struct eval *ev, const struct value *v, struct err *err)
{
	return ev->native ? v : undefined_fail(ev, v, err);
}

const struct value *get_attribute(struct eval *ev, const struct value *v, const char *name,
	const struct node *at, struct err *err)
{
	if (is_undefined(v))
		return in_undefined(ev, v, err);
	/* Most attributes are keys, and most keys are no methods. */
	const struct value *found = NULL;
	if (v->kind != VALUE_DICT || !at || at->flag)
		found = is_private(v, name) ? NULL : attribute(ev, v, name, err);
	if (!found && !err->code && v->kind == VALUE_DICT)
		found = dict_lookup(ev, v, name, err);
	else if (!found && !err->code && v->kind == VALUE_OBJECT) {
		struct value key = {.kind = VALUE_STRING, .text = name, .len = strlen(name)};
		found = item(ev, v, &key, err);
	}
	if (!found && err->code)
		return NULL;
	if (found)
		return found;
	return undefined_like(ev, at,
		&(struct undefined){
			.name = name, .type = v->kind == VALUE_NULL ? "None" : type_name(v)});
}

static const struct value *missing_item(
	struct eval *ev, const struct value *v, const struct value *key, const struct node *at)
{
	return undefined_like(ev, at,
		&(struct undefined){.name = value_text(key), .type = type_name(v), .key = key});
}

const struct value *get_item(struct eval *ev, const struct value *v, const struct value *key,
	const struct node *at, struct err *err)
{
	if (is_undefined(v))
		return in_undefined(ev, v, err);
	if (is_undefined(key))
		return in_undefined(ev, key, err);
	const struct value *found = item(ev, v, key, err);
	if (!found && !err->code && value_is_string(key) && !is_private(v, key->text))
		found = attribute(ev, v, key->text, err);
	if (!found && err->code)
		return NULL;
	return found ? found : missing_item(ev, v, key, at);
}

static bool all_digits(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
	}
	return true;
}

struct path_part {
	const struct value *key;
	struct value_key name; /* if the key is a text */
	size_t guess;          /* which pair of a dict had it last */
};

struct path {
	size_t count;
	struct path_part parts[];
};

static struct path *path_new(struct eval *ev, size_t count)
{
	struct path *path =
		arena_alloc(ev->arena, sizeof(*path) + count * sizeof(*path->parts));

	path->count = count;
	return path;
}

static void read_part(struct eval *ev, const char *s, size_t n, struct path_part *part)
{
	int64_t i;

	part->key = value_new_stringn(ev->arena, s, n);
	part->name = value_key(part->key->text, n);
	if (all_digits(part->key->text) && parse_int(part->key->text, 0, INT64_MAX, &i))
		part->key = value_new_int(ev->arena, i);
}

struct path *path_read(struct eval *ev, const struct value *text)
{
	size_t count = 1;

	if (!value_is_string(text)) {
		struct path *path = path_new(ev, 1);
		path->parts[0].key = text;
		return path;
	}
	for (const char *s = text->text; *s; s++)
		count += *s == '.';
	struct path *path = path_new(ev, count);
	const char *s = text->text;
	for (size_t i = 0; i < count; i++) {
		size_t n = strcspn(s, ".");
		read_part(ev, s, n, &path->parts[i]);
		s += n + 1;
	}
	return path;
}

static const struct value *follow(
	struct eval *ev, const struct value *v, struct path_part *part, struct err *err)
{
	if (v->kind != VALUE_DICT || !value_is_string(part->key))
		return get_item(ev, v, part->key, NULL, err);
	if (part->guess >= v->pair_count ||
		!value_pair_has(&v->pairs[part->guess], &part->name)) {
		const struct value_pair *pair = value_dict_seek(v, &part->name);
		if (!pair)
			return get_item(ev, v, part->key, NULL, err);
		part->guess = (size_t)(pair - v->pairs);
	}
	return dict_item(ev, v, part->guess, err);
}

const struct value *get_path(
	struct eval *ev, const struct value *v, struct path *path, struct err *err)
{
	for (size_t i = 0; v && i < path->count; i++)
		v = follow(ev, v, &path->parts[i], err);
	return v;
}

/* One bound of a slice: given, or a default; clamped as Python does for this step. */
static int slice_bound(const struct value *bound, int64_t length, bool backwards,
	int64_t fallback, int64_t *out, struct err *err)
{
	if (!bound || bound->kind == VALUE_NULL) {
		*out = fallback;
		return 0;
	}
	if (!number_int64(bound, out))
		return err_set(err, ERR_INPUT,
			"slice indices must be integers or None, not '%s'", type_name(bound));
	if (*out < 0)
		*out += length;
	int64_t low = backwards ? -1 : 0;
	int64_t high = backwards ? length - 1 : length;
	*out = *out < low ? low : *out > high ? high : *out;
	return 0;
}

static const struct value *take(
	struct eval *ev, const struct value *v, const struct range *r, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct value *list = NULL;

	if (v->kind == VALUE_STRING) {
		for (size_t i = 0; i < r->count; i++) {
			size_t n = (size_t)(r->start + (int64_t)i * r->step);
			size_t from = utf8_offset(v->text, v->len, n);
			size_t to = from + utf8_offset(v->text + from, v->len - from, 1);
			strbuf_add(&text, v->text + from, to - from);
		}
		return new_text(ev, &text, err);
	}
	list = value_new_list(ev->arena);
	list->kind = v->kind == VALUE_TUPLE ? VALUE_TUPLE : VALUE_LIST;
	for (size_t i = 0; i < r->count; i++) {
		const struct value *next = indexed(ev, v, r->start + (int64_t)i * r->step, err);
		if (!next)
			return NULL;
		value_list_add(ev->arena, list, next);
	}
	return list;
}

/* A stretch of text, without walking to each character anew. */
static const struct value *take_text(
	struct eval *ev, const struct value *v, const struct range *r)
{
	size_t from = utf8_offset(v->text, v->len, (size_t)r->start);
	size_t n = utf8_offset(v->text + from, v->len - from, r->count);

	return new_textn(ev, v->text + from, n);
}

const struct value *get_slice(struct eval *ev, const struct value *v, const struct value *start,
	const struct value *stop, const struct value *step, struct err *err)
{
	size_t length = 0;
	struct range r = {.step = 1};
	int64_t end;

	if (v->kind != VALUE_STRING && v->kind != VALUE_LIST && v->kind != VALUE_TUPLE &&
		!object_is(v, &range_class)) {
		err_set(err, ERR_INPUT, "a value of type '%s' cannot be sliced", type_name(v));
		return NULL;
	}
	if (value_length(ev, v, &length, err) < 0)
		return NULL;
	if (step && step->kind != VALUE_NULL && !number_int64(step, &r.step)) {
		err_set(err, ERR_INPUT, "slice indices must be integers or None");
		return NULL;
	}
	if (r.step == 0 || r.step == INT64_MIN) {
		err_set(err, ERR_INPUT, "slice step cannot be zero");
		return NULL;
	}
	bool back = r.step < 0;
	int64_t n = (int64_t)length;
	if (slice_bound(start, n, back, back ? n - 1 : 0, &r.start, err) < 0 ||
		slice_bound(stop, n, back, back ? -1 : n, &end, err) < 0)
		return NULL;
	int64_t distance = back ? r.start - end : end - r.start;
	int64_t stride = back ? -r.step : r.step;
	r.count = distance > 0 ? (size_t)((distance - 1) / stride + 1) : 0;
	if (v->kind == VALUE_STRING && r.step == 1)
		return take_text(ev, v, &r);
	return take(ev, v, &r, err);
}

int value_length(struct eval *ev, const struct value *v, size_t *out, struct err *err)
{
	switch (v->kind) {
	case VALUE_STRING: *out = utf8_count(v->text, v->len); return 0;
	case VALUE_BYTES: *out = v->len; return 0;
	case VALUE_LIST:
	case VALUE_TUPLE: *out = v->count; return 0;
	case VALUE_DICT: *out = v->pair_count; return 0;
	default: break;
	}
	if (is_undefined(v)) {
		undefined_fail(ev, v, err);
		return -1;
	}
	if (v->kind == VALUE_OBJECT && v->class->length)
		return v->class->length(ev, v, out, err);
	return err_set(err, ERR_INPUT, "object of type '%s' has no len()", type_name(v));
}

int iter_begin(struct iter *it, struct eval *ev, const struct value *v, struct err *err)
{
	*it = (struct iter){.ev = ev, .v = v};
	switch (v->kind) {
	case VALUE_STRING: it->count = v->len; return 0;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_DICT: return 0;
	default: break;
	}
	if (is_undefined(v)) {
		undefined_fail(ev, v, err);
		return -1;
	}
	if (v->kind == VALUE_OBJECT && v->class->at)
		return v->class->length(ev, v, &it->count, err);
	return err_set(err, ERR_INPUT, "'%s' object is not iterable", type_name(v));
}

int iter_next(struct iter *it, const struct value **out, struct err *err)
{
	const struct value *v = it->v;

	if (eval_step(it->ev, err) < 0)
		return -1;
	switch (v->kind) {
	case VALUE_STRING: {
		if (it->i >= it->count)
			return 0;
		size_t n = utf8_offset(v->text + it->i, v->len - it->i, 1);
		*out = new_textn(it->ev, v->text + it->i, n);
		it->i += n;
		return 1;
	}
	case VALUE_LIST:
	case VALUE_TUPLE:
		if (it->i >= v->count)
			return 0;
		*out = list_item(it->ev, v, it->i++, err);
		return *out ? 1 : -1;
	case VALUE_DICT:
		if (it->i >= v->pair_count)
			return 0;
		*out = v->pairs[it->i++].key;
		return 1;
	default:
		if (it->i >= it->count)
			return 0;
		*out = v->class->at(it->ev, v, it->i++, err);
		return *out ? 1 : -1;
	}
}

struct value *iter_list(struct eval *ev, const struct value *v, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc;

	if (iter_begin(&it, ev, v, err) < 0)
		return NULL;
	struct value *list = value_new_list(ev->arena);
	while ((rc = iter_next(&it, &next, err)) > 0)
		value_list_add(ev->arena, list, next);
	return rc < 0 ? NULL : list;
}

const struct value *iter_sequence(struct eval *ev, const struct value *v, struct err *err)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE)
		return v;
	return iter_list(ev, v, err);
}
