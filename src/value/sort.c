/* SPDX-License-Identifier: Apache-2.0 */
#include "value/sort.h"

#include <math.h>

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_BIGINT ||
	       v->kind == VALUE_FLOAT;
}

static int64_t small_integer(const struct value *v)
{
	return v->kind == VALUE_BOOL ? v->boolean : v->integer;
}

/* Two decimal texts with an optional sign. */
static int compare_digits(const char *a, const char *b)
{
	bool negative = *a == '-';

	if (negative != (*b == '-'))
		return negative ? -1 : 1;
	size_t la = strlen(a), lb = strlen(b);
	int order = la != lb ? (la < lb ? -1 : 1) : strcmp(a, b);
	return negative ? -order : order;
}

/* The digits of an integer of any kind, or of a float cut to one. */
static const char *integer_digits(const struct value *v, char buffer[400])
{
	if (v->kind == VALUE_BIGINT)
		return v->text;
	if (v->kind == VALUE_FLOAT)
		snprintf(buffer, 400, "%.0f", trunc(v->real) + 0.0);
	else
		snprintf(buffer, 400, "%lld", (long long)small_integer(v));
	return buffer;
}

/* Numbers of which one is a float or does not fit; a NaN is neither less nor greater. */
static int compare_mixed(const struct value *a, const struct value *b)
{
	char digits_a[400], digits_b[400];
	double fraction_a = 0, fraction_b = 0;

	if (a->kind == VALUE_FLOAT) {
		if (!isfinite(a->real))
			return (a->real > 0) - (a->real < 0);
		fraction_a = a->real - trunc(a->real);
	}
	if (b->kind == VALUE_FLOAT) {
		if (!isfinite(b->real))
			return (b->real < 0) - (b->real > 0);
		fraction_b = b->real - trunc(b->real);
	}
	int order = compare_digits(integer_digits(a, digits_a), integer_digits(b, digits_b));
	return order ? order : (fraction_a > fraction_b) - (fraction_a < fraction_b);
}

static int compare_numbers(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_FLOAT && b->kind == VALUE_FLOAT)
		return (a->real > b->real) - (a->real < b->real);
	if (a->kind == VALUE_FLOAT || b->kind == VALUE_FLOAT || a->kind == VALUE_BIGINT ||
		b->kind == VALUE_BIGINT)
		return compare_mixed(a, b);
	int64_t ia = small_integer(a), ib = small_integer(b);
	return (ia > ib) - (ia < ib);
}

static int compare_text(const struct value *a, const struct value *b)
{
	size_t shared = a->len < b->len ? a->len : b->len;
	int order = shared ? memcmp(a->text, b->text, shared) : 0;

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool compare_items(const struct value *a, const struct value *b, int *order)
{
	size_t shared = a->count < b->count ? a->count : b->count;

	for (size_t i = 0; i < shared; i++)
		if (a->items[i] != b->items[i] && !value_equal(a->items[i], b->items[i]))
			return value_compare(a->items[i], b->items[i], order);
	*order = (a->count > b->count) - (a->count < b->count);
	return true;
}

bool value_compare(const struct value *a, const struct value *b, int *order)
{
	if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
		*order = compare_text(a, b);
		return true;
	}
	if (is_number(a) && is_number(b)) {
		*order = compare_numbers(a, b);
		return true;
	}
	if (a->kind != b->kind)
		return false;
	switch ((enum value_kind)a->kind) {
	case VALUE_BYTES:
	case VALUE_DATE:
	case VALUE_DATETIME: *order = compare_text(a, b); return true;
	case VALUE_LIST:
	case VALUE_TUPLE: return compare_items(a, b, order);
	default: return false;
	}
}

/* A sort under way. */
struct sorting {
	bool backwards;
	value_order_fn compare;
	void *data;
};

/* Merges the sorted halves of from[0, count) into `to`. */
static int merge(const struct sorting *s, const struct value_pair *from, struct value_pair *to,
	size_t middle, size_t count)
{
	size_t left = 0, right = middle;

	for (size_t i = 0; i < count; i++) {
		int order = 0;

		if (left < middle && right < count &&
			s->compare(s->data, from[right].key, from[left].key, &order) < 0)
			return -1;
		bool take_right = left == middle ||
				  (right < count && (s->backwards ? order > 0 : order < 0));
		to[i] = take_right ? from[right++] : from[left++];
	}
	return 0;
}

static int merge_sort(const struct sorting *s, struct value_pair *pairs,
	struct value_pair *spare, size_t count)
{
	size_t middle = count / 2;

	if (count < 2)
		return 0;
	if (merge_sort(s, pairs, spare, middle) < 0 ||
		merge_sort(s, pairs + middle, spare, count - middle) < 0)
		return -1;
	memcpy(spare, pairs, count * sizeof(*pairs));
	return merge(s, spare, pairs, middle, count);
}

int value_sort_pairs(struct value_pair *pairs, struct value_pair *spare, size_t count,
	bool backwards, value_order_fn compare, void *data)
{
	const struct sorting s = {.backwards = backwards, .compare = compare, .data = data};

	return merge_sort(&s, pairs, spare, count);
}

static int compare_keys(void *data, const struct value *a, const struct value *b, int *order)
{
	(void)data;
	return value_compare(a, b, order) ? 0 : -1;
}

struct value_pair *value_sorted_pairs(const struct value *dict, struct err *err)
{
	size_t count = dict->pair_count;
	autofree struct value_pair *pairs = xcalloc(count, sizeof(*pairs));
	autofree struct value_pair *spare = xcalloc(count, sizeof(*spare));

	if (count)
		memcpy(pairs, dict->pairs, count * sizeof(*pairs));
	if (value_sort_pairs(pairs, spare, count, false, compare_keys, NULL) < 0) {
		err_set(err, ERR_INPUT,
			"keys of different kinds have no order to sort them by");
		return NULL;
	}
	return STEAL(pairs);
}
