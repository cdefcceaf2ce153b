/* SPDX-License-Identifier: Apache-2.0 */
#include "template/sort.h"

#include "template/ops.h"
#include "template/strings.h"
#include "value/sort.h"

struct sorting {
	struct eval *ev;
	struct err *err;
};

static int compare(void *data, const struct value *a, const struct value *b, int *order)
{
	const struct sorting *s = data;

	if (eval_step(s->ev, s->err) < 0)
		return -1;
	/* Texts are what is sorted most, and they always have an order. */
	if (a->kind == VALUE_STRING && value_compare(a, b, order))
		return 0;
	return op_order(s->ev, a, b, order, s->err);
}

int sort_by_keys(struct eval *ev, struct value *list, struct value *keys, bool backwards,
	struct err *err)
{
	struct sorting s = {ev, err};
	size_t count = list->count;
	struct value_pair *pairs = arena_take(ev->arena, 2 * count * sizeof(*pairs));

	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct value_pair){.key = keys->items[i], .value = list->items[i]};
	if (value_sort_pairs(pairs, pairs + count, count, backwards, compare, &s) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		keys->items[i] = pairs[i].key;
		list->items[i] = pairs[i].value;
	}
	return 0;
}

/* True if no character has another form in lower case. */
static bool is_lower_already(const struct value *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if ((text->text[i] & 0x80) || (text->text[i] >= 'A' && text->text[i] <= 'Z'))
			return false;
	}
	return true;
}

const struct value *ignore_case(struct eval *ev, const struct value *v, struct err *err)
{
	if (v->kind != VALUE_STRING || is_lower_already(v))
		return v;
	return text_in_case(ev, v, CASE_LOWER, err);
}
