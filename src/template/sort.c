/* SPDX-License-Identifier: Apache-2.0 */
#include "template/sort.h"

#include "template/ops.h"
#include "template/repr.h"
#include "template/strings.h"

struct sort_item {
	const struct value *item;
	const struct value *key;
};

/* Merges two sorted halves of `from` into `to`. */
static int merge(struct eval *ev, struct sort_item *from, struct sort_item *to, size_t middle,
	size_t count, bool backwards, struct err *err)
{
	size_t left = 0;
	size_t right = middle;

	for (size_t i = 0; i < count; i++) {
		int order = 0;
		if (eval_step(ev, err) < 0)
			return -1;
		if (left < middle && right < count &&
			op_order(ev, from[right].key, from[left].key, &order, err) < 0)
			return -1;
		bool take_right = left == middle ||
				  (right < count && (backwards ? order > 0 : order < 0));
		to[i] = take_right ? from[right++] : from[left++];
	}
	return 0;
}

static int sort_items(struct eval *ev, struct sort_item *items, struct sort_item *spare,
	size_t count, bool backwards, struct err *err)
{
	size_t middle = count / 2;

	if (count < 2)
		return 0;
	if (sort_items(ev, items, spare, middle, backwards, err) < 0 ||
		sort_items(ev, items + middle, spare, count - middle, backwards, err) < 0)
		return -1;
	memcpy(spare, items, count * sizeof(*items));
	return merge(ev, spare, items, middle, count, backwards, err);
}

int sort_by_keys(struct eval *ev, struct value *list, const struct value *keys, bool backwards,
	struct err *err)
{
	size_t count = list->count;
	struct sort_item *items = arena_array(ev->arena, 2 * count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = (struct sort_item){list->items[i], keys->items[i]};
	if (sort_items(ev, items, items + count, count, backwards, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		list->items[i] = items[i].item;
	return 0;
}

const struct value *ignore_case(struct eval *ev, const struct value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (v->kind != VALUE_STRING)
		return v;
	text_change_case(v->text, v->len, CASE_LOWER, &text);
	return new_text(ev, &text, err);
}
