/* SPDX-License-Identifier: Apache-2.0 */
#include "template/repr.h"

#include "template/access.h"
#include "template/ops.h"
#include "value/number.h"

static int repr_items(
	struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	bool tuple = v->kind == VALUE_TUPLE;

	strbuf_addch(out, tuple ? '(' : '[');
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			strbuf_addstr(out, ", ");
		const struct value *item = list_item(ev, v, i, err);
		if (!item || repr_repr(ev, item, out, err) < 0)
			return -1;
	}
	if (tuple && v->count == 1)
		strbuf_addch(out, ',');
	strbuf_addch(out, tuple ? ')' : ']');
	return 0;
}

static int repr_pairs(
	struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	strbuf_addch(out, '{');
	for (size_t i = 0; i < v->pair_count; i++) {
		if (i > 0)
			strbuf_addstr(out, ", ");
		if (repr_repr(ev, v->pairs[i].key, out, err) < 0)
			return -1;
		strbuf_addstr(out, ": ");
		const struct value *item = dict_item(ev, v, i, err);
		if (!item || repr_repr(ev, item, out, err) < 0)
			return -1;
	}
	strbuf_addch(out, '}');
	return 0;
}

static int repr_object(
	struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	if (is_lenient(v))
		return 0;
	if (is_undefined(v)) {
		undefined_fail(ev, v, err);
		return -1;
	}
	if (v->class->str)
		return v->class->str(ev, v, out, err);
	strbuf_addf(out, "<%s>", v->class->name);
	return 0;
}

void repr_datetime(const struct value *v, struct strbuf *out)
{
	size_t at = out->len;

	strbuf_add(out, v->text, v->len);
	if (v->kind == VALUE_DATETIME && v->len > 10)
		out->data[at + 10] = ' ';
}

/* datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4) */
static void repr_date(const struct value *v, struct strbuf *out)
{
	bool date = v->kind == VALUE_DATE;
	int part[7] = {0};
	int n = sscanf(v->text, "%d-%d-%d%*c%d:%d:%d.%d", &part[0], &part[1], &part[2],
		&part[3], &part[4], &part[5], &part[6]);
	int shown = date ? 3 : n == 7 ? 7 : part[5] ? 6 : 5;

	strbuf_addf(out, "datetime.%s(", date ? "date" : "datetime");
	for (int i = 0; i < shown; i++)
		strbuf_addf(out, "%s%d", i ? ", " : "", part[i]);
	strbuf_addch(out, ')');
}

/* What str() and repr() have in common. */
static int repr_plain(
	struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_NULL: strbuf_addstr(out, "None"); return 0;
	case VALUE_BOOL: strbuf_addstr(out, v->boolean ? "True" : "False"); return 0;
	case VALUE_INT: number_add_int(out, v->integer); return 0;
	case VALUE_FLOAT: number_add_float(out, v->real); return 0;
	case VALUE_BYTES: repr_add_bytes(out, v->text, v->len); return 0;
	case VALUE_LIST:
	case VALUE_TUPLE: return repr_items(ev, v, out, err);
	case VALUE_DICT: return repr_pairs(ev, v, out, err);
	case VALUE_OBJECT: return repr_object(ev, v, out, err);
	default: strbuf_add(out, v->text, v->len); return 0;
	}
}

int repr_repr(struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	if (ev) {
		eval_touch(ev, v);
		if (eval_room(ev, out->len, err) < 0 || eval_enter(ev, err) < 0)
			return -1;
	}
	int rc = 0;
	if (ev && !ev->native && is_undefined(v))
		strbuf_addstr(out, "Undefined");
	else if (v->kind == VALUE_STRING)
		repr_add_string(out, v->text, v->len);
	else if (v->kind == VALUE_DATE || v->kind == VALUE_DATETIME)
		repr_date(v, out);
	else
		rc = repr_plain(ev, v, out, err);
	if (ev)
		eval_leave(ev);
	return rc;
}

int repr_str(struct eval *ev, const struct value *v, struct strbuf *out, struct err *err)
{
	if (ev)
		eval_touch(ev, v);
	if (v->kind == VALUE_STRING)
		strbuf_add(out, v->text, v->len);
	else if (v->kind == VALUE_DATE || v->kind == VALUE_DATETIME)
		repr_datetime(v, out);
	else
		return repr_plain(ev, v, out, err);
	return 0;
}

const struct value *new_textn(struct eval *ev, const char *s, size_t n)
{
	return value_new_stringn(ev->arena, s, n);
}

const struct value *new_text(struct eval *ev, const struct strbuf *text, struct err *err)
{
	if (eval_room(ev, text->len, err) < 0)
		return NULL;
	return new_textn(ev, text->data, text->len);
}

const struct value *repr_string(struct eval *ev, const struct value *v, struct err *err)
{
	if (v->kind == VALUE_STRING) {
		eval_touch(ev, v);
		return v;
	}
	AUTO(scratch_end) struct scratch text = scratch_begin(ev);
	return repr_str(ev, v, &ev->state->text, err) < 0 ? NULL
							  : scratch_string(ev, &text, err);
}

int template_str(const struct value *v, struct strbuf *out, struct err *err)
{
	return repr_str(NULL, v, out, err);
}

int template_repr(const struct value *v, struct strbuf *out, struct err *err)
{
	return repr_repr(NULL, v, out, err);
}
