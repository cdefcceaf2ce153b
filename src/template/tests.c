/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests on values: what stands behind "is".
 */
#include <math.h>

#include "template/access.h"
#include "template/args.h"
#include "template/bigint.h"
#include "template/ops.h"
#include "template/regexes.h"
#include "template/repr.h"
#include "template/strings.h"
#include "template/tables.h"
#include "template/utf8.h"

static const struct value *test_defined(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(!is_undefined(a->self));
}

static const struct value *test_undefined(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(is_undefined(a->self));
}

static const struct value *test_none(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_NULL);
}

static const struct value *test_boolean(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_BOOL);
}

static const struct value *test_true(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_BOOL && a->self->boolean);
}

static const struct value *test_false(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_BOOL && !a->self->boolean);
}

static const struct value *test_integer(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_INT || a->self->kind == VALUE_BIGINT);
}

static const struct value *test_float(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_FLOAT);
}

static const struct value *test_number(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(is_number(a->self));
}

static const struct value *test_string(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(value_is_string(a->self));
}

static bool is_mapping(const struct value *v)
{
	return v->kind == VALUE_DICT || (v->kind == VALUE_OBJECT && v->class->mapping);
}

static const struct value *test_mapping(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(is_mapping(a->self));
}

/* Whatever has a length and items, dicts and strings too. */
static const struct value *test_sequence(struct args *a, struct err *err)
{
	const struct value *v = a->self;

	(void)err;
	return value_bool(v->kind == VALUE_STRING || v->kind == VALUE_BYTES ||
			  v->kind == VALUE_LIST || v->kind == VALUE_TUPLE || is_mapping(v) ||
			  object_is(v, &range_class));
}

static const struct value *test_iterable(struct args *a, struct err *err)
{
	const struct value *v = a->self;

	(void)err;
	return value_bool(v->kind == VALUE_STRING || v->kind == VALUE_BYTES ||
			  v->kind == VALUE_LIST || v->kind == VALUE_TUPLE ||
			  v->kind == VALUE_DICT || (v->kind == VALUE_OBJECT && v->class->at));
}

static const struct value *test_callable(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(a->self->kind == VALUE_OBJECT && a->self->class->call);
}

static const struct value *test_escaped(struct args *a, struct err *err)
{
	(void)a;
	(void)err;
	return &value_false;
}

static const struct value *test_sameas(struct args *a, struct err *err)
{
	const struct value *x = a->self;
	const struct value *y = a->v[0];

	(void)err;
	if (x->kind != y->kind)
		return &value_false;
	/* Python keeps one object of each None and boolean, and of small integers. */
	if (x->kind == VALUE_NULL || x->kind == VALUE_BOOL)
		return value_bool(value_equal(x, y));
	if (x->kind == VALUE_INT)
		return value_bool(
			x->integer == y->integer && x->integer >= -5 && x->integer <= 256);
	return value_bool(x == y);
}

static const struct value *compare(struct args *a, enum compare_op op, struct err *err)
{
	int rc = op_compare(a->ev, op, a->self, a->v[0], err);

	return rc < 0 ? NULL : value_bool(rc);
}

static const struct value *test_eq(struct args *a, struct err *err)
{
	return compare(a, CMP_EQ, err);
}

static const struct value *test_ne(struct args *a, struct err *err)
{
	return compare(a, CMP_NE, err);
}

static const struct value *test_lt(struct args *a, struct err *err)
{
	return compare(a, CMP_LT, err);
}

static const struct value *test_le(struct args *a, struct err *err)
{
	return compare(a, CMP_LE, err);
}

static const struct value *test_gt(struct args *a, struct err *err)
{
	return compare(a, CMP_GT, err);
}

static const struct value *test_ge(struct args *a, struct err *err)
{
	return compare(a, CMP_GE, err);
}

static const struct value *test_in(struct args *a, struct err *err)
{
	return compare(a, CMP_IN, err);
}

static const struct value *remainder_is(
	struct args *a, const struct value *divisor, int64_t want, struct err *err)
{
	int64_t rest;
	const struct value *v = op_binary(a->ev, OP_MOD, a->self, divisor, err);

	if (!v)
		return NULL;
	if (v->kind == VALUE_FLOAT)
		return value_bool(v->real == (double)want);
	return value_bool(number_int64(v, &rest) && rest == want);
}

static const struct value *test_divisibleby(struct args *a, struct err *err)
{
	return remainder_is(a, a->v[0], 0, err);
}

static const struct value two = {.kind = VALUE_INT, .integer = 2};

static const struct value *test_even(struct args *a, struct err *err)
{
	return remainder_is(a, &two, 0, err);
}

static const struct value *test_odd(struct args *a, struct err *err)
{
	return remainder_is(a, &two, 1, err);
}

static const struct value *has_case(
	struct args *a, enum utf8_class want, enum utf8_class other, struct err *err)
{
	const struct value *self = self_text(a, err);
	bool seen = false;
	size_t taken;

	for (size_t i = 0; self && i < self->len; i += taken) {
		uint32_t code = utf8_next(self->text + i, self->len - i, &taken);
		if (utf8_is(code, other))
			return &value_false;
		seen |= utf8_is(code, want);
	}
	return self ? value_bool(seen) : NULL;
}

static const struct value *test_lower(struct args *a, struct err *err)
{
	return has_case(a, UTF8_LOWER, UTF8_UPPER, err);
}

static const struct value *test_upper(struct args *a, struct err *err)
{
	return has_case(a, UTF8_UPPER, UTF8_LOWER, err);
}

static const struct value *is_known(struct args *a, enum template_kind kind)
{
	const char *name = value_text(a->self);

	return value_bool(name && callable_find(kind, name));
}

static const struct value *test_filter(struct args *a, struct err *err)
{
	(void)err;
	return is_known(a, TEMPLATE_FILTER);
}

static const struct value *test_test(struct args *a, struct err *err)
{
	(void)err;
	return is_known(a, TEMPLATE_TEST);
}

static const struct value *run_regex(
	struct args *a, const struct regex *re, enum regex_how how, struct err *err)
{
	const struct value *self = re ? self_text(a, err) : NULL;
	int rc = self ? regex_exec(re, how, self->text, self->len, 0, NULL, err) : -1;

	return rc < 0 ? NULL : value_bool(rc);
}

static const struct value *test_match(struct args *a, struct err *err)
{
	return run_regex(a, regex_argument(a, 0, 1, 2, err), REGEX_MATCH, err);
}

static const struct value *test_search(struct args *a, struct err *err)
{
	return run_regex(a, regex_argument(a, 0, 1, 2, err), REGEX_SEARCH, err);
}

static const struct value *test_regex(struct args *a, struct err *err)
{
	static const struct {
		const char *name;
		enum regex_how how;
	} types[] = {{"fullmatch", REGEX_FULLMATCH}, {"match", REGEX_MATCH},
		{"search", REGEX_SEARCH}};
	const struct value *type = arg_string(a, 3, "search", err);
	const struct regex *re = type ? regex_argument(a, 0, 1, 2, err) : NULL;

	for (size_t i = 0; re && i < ARRAY_SIZE(types); i++) {
		if (strcmp(type->text, types[i].name) == 0)
			return run_regex(a, re, types[i].how, err);
	}
	return re ? args_fail(a, err, "match_type must be fullmatch, match or search") : NULL;
}

/* True if all items of one list are in another. */
static const struct value *subset(
	struct args *a, const struct value *small, const struct value *large, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, small, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		rc = op_contains(a->ev, large, next, err);
		if (rc == 0)
			return &value_false;
	}
	return rc < 0 ? NULL : &value_true;
}

static const struct value *test_subset(struct args *a, struct err *err)
{
	return subset(a, a->self, a->v[0], err);
}

static const struct value *test_superset(struct args *a, struct err *err)
{
	return subset(a, a->v[0], a->self, err);
}

static const struct value *test_contains(struct args *a, struct err *err)
{
	int rc = op_contains(a->ev, a->self, a->v[0], err);

	return rc < 0 ? NULL : value_bool(rc);
}

/* all and any: looks for the first item of a truth. */
static const struct value *find_truth(struct args *a, bool want, struct err *err)
{
	struct iter it;
	const struct value *next;
	int rc = iter_begin(&it, a->ev, a->self, err);

	while (rc >= 0 && (rc = iter_next(&it, &next, err)) > 0) {
		rc = op_truth(a->ev, next, err);
		if (rc >= 0 && (rc != 0) == want)
			return value_bool(want);
	}
	return rc < 0 ? NULL : value_bool(!want);
}

static const struct value *test_all(struct args *a, struct err *err)
{
	return find_truth(a, false, err);
}

static const struct value *test_any(struct args *a, struct err *err)
{
	return find_truth(a, true, err);
}

/* With convert_bool, words like "yes" count as what they say. */
static int truth_of(struct args *a, struct err *err)
{
	static const char *const no[] = {"no", "off", "false", "0", "n", "f"};
	int convert = arg_bool(a, 0, false, err);

	if (convert > 0 && value_is_string(a->self)) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		text_change_case(a->self->text, a->self->len, CASE_LOWER, &text);
		for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
			if (strcmp(no[i], text.data) == 0)
				return 0;
		}
	}
	return convert < 0 ? -1 : op_truth(a->ev, a->self, err);
}

static const struct value *test_truthy(struct args *a, struct err *err)
{
	int truth = truth_of(a, err);

	return truth < 0 ? NULL : value_bool(truth);
}

static const struct value *test_falsy(struct args *a, struct err *err)
{
	int truth = truth_of(a, err);

	return truth < 0 ? NULL : value_bool(!truth);
}

static const struct value *test_nan(struct args *a, struct err *err)
{
	(void)err;
	return value_bool(is_number(a->self) && isnan(number_real(a->self)));
}

static const struct callable entries[] = {
	{"!=", test_ne, "b !", 0},
	{"<", test_lt, "b !", 0},
	{"<=", test_le, "b !", 0},
	{"==", test_eq, "b !", 0},
	{">", test_gt, "b !", 0},
	{">=", test_ge, "b !", 0},
	{"all", test_all, NULL, 0},
	{"any", test_any, NULL, 0},
	{"boolean", test_boolean, NULL, 0},
	{"callable", test_callable, NULL, 0},
	{"contains", test_contains, "item !", 0},
	{"defined", test_defined, NULL, CALL_UNDEFINED},
	{"divisibleby", test_divisibleby, "num !", 0},
	{"eq", test_eq, "b !", 0},
	{"equalto", test_eq, "b !", 0},
	{"escaped", test_escaped, NULL, 0},
	{"even", test_even, NULL, 0},
	{"false", test_false, NULL, 0},
	{"falsy", test_falsy, "convert_bool", 0},
	{"filter", test_filter, NULL, 0},
	{"float", test_float, NULL, 0},
	{"ge", test_ge, "b !", 0},
	{"greaterthan", test_gt, "b !", 0},
	{"gt", test_gt, "b !", 0},
	{"in", test_in, "seq !", 0},
	{"integer", test_integer, NULL, 0},
	{"isnan", test_nan, NULL, 0},
	{"issubset", test_subset, "b !", 0},
	{"issuperset", test_superset, "b !", 0},
	{"iterable", test_iterable, NULL, 0},
	{"le", test_le, "b !", 0},
	{"lessthan", test_lt, "b !", 0},
	{"lower", test_lower, NULL, 0},
	{"lt", test_lt, "b !", 0},
	{"mapping", test_mapping, NULL, 0},
	{"match", test_match, "pattern ! ignorecase multiline", 0},
	{"nan", test_nan, NULL, 0},
	{"ne", test_ne, "b !", 0},
	{"none", test_none, NULL, 0},
	{"number", test_number, NULL, 0},
	{"odd", test_odd, NULL, 0},
	{"regex", test_regex, "pattern ! ignorecase multiline match_type", 0},
	{"sameas", test_sameas, "other !", 0},
	{"search", test_search, "pattern ! ignorecase multiline", 0},
	{"sequence", test_sequence, NULL, 0},
	{"string", test_string, NULL, 0},
	{"subset", test_subset, "b !", 0},
	{"superset", test_superset, "b !", 0},
	{"test", test_test, NULL, 0},
	{"true", test_true, NULL, 0},
	{"truthy", test_truthy, "convert_bool", 0},
	{"undefined", test_undefined, NULL, CALL_UNDEFINED},
	{"upper", test_upper, NULL, 0},
};

CALLABLES(tests_value, entries);
