/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what is written can mean something: types of keywords, syntax of templates. */
#include "play/convert.h"
#include "play/readers.h"
#include "template/template.h"
#include "value/number.h"

bool parse_is_template(const struct value *v)
{
	return value_is_string(v) && !v->tagged_unsafe && template_is_in(v->text, v->len);
}

static void check_text(struct parser *p, const struct value *v)
{
	struct err err = {0};

	if (parse_is_template(v) && !template_compile(&p->scratch, v->text, v->len, &v->place,
					    &template_syntax_yaml, &err))
		parse_report(p, &v->place, &err);
}

void parse_check_templates(struct parser *p, const struct value *v)
{
	switch (v->kind) {
	case VALUE_STRING: check_text(p, v); break;
	case VALUE_LIST:
		for (size_t i = 0; i < v->count; i++)
			parse_check_templates(p, v->items[i]);
		break;
	case VALUE_DICT:
		value_dict_foreach (pair, v)
			parse_check_templates(p, pair->value);
		break;
	default: break;
	}
}

/* Reports an expression that does not compile; one within delimiters is a template first. */
void parse_check_expression(struct parser *p, const struct value *v)
{
	struct err err = {0};

	if (parse_is_template(v) && template_is_whole(v->text, v->len))
		check_text(p, v);
	else if (v->len > 0 &&
		 !template_compile_expression(&p->scratch, v->text, v->len, &v->place, &err))
		parse_report(p, &v->place, &err);
}

void parse_check_conditions(struct parser *p, const struct value *v)
{
	char found[FOUND_MAX];

	switch (v->kind) {
	case VALUE_NULL:
	case VALUE_BOOL: break;
	case VALUE_STRING: parse_check_expression(p, v); break;
	case VALUE_LIST:
		for (size_t i = 0; i < v->count; i++)
			parse_check_conditions(p, v->items[i]);
		break;
	default:
		diag_error(p->diags, &v->place,
			"found %s, expected a condition: an expression, true or false",
			found_text(v, found));
	}
}

void parse_add_conditions(struct parser *p, struct conditions *to, const struct value *v)
{
	bool says_nothing = v->kind == VALUE_NULL || (value_is_string(v) && v->len == 0);

	if (v->kind == VALUE_LIST)
		for (size_t i = 0; i < v->count; i++)
			parse_add_conditions(p, to, v->items[i]);
	else if (!says_nothing)
		*PARSE_PUSH(p->arena, to) = v;
}

static bool is_text(const struct value *v)
{
	switch (v->kind) {
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_DICT:
	case VALUE_NULL: return false;
	default: return true;
	}
}

static bool is_bool(const struct value *v)
{
	bool b;

	return value_to_bool(v, &b);
}

static bool is_number(const struct value *v)
{
	double d;

	return value_to_number(v, &d);
}

static bool is_int(const struct value *v)
{
	int64_t i;

	return value_to_int(v, &i);
}

static bool is_name(const struct value *v)
{
	return value_is_string(v) && strlen(v->text) == v->len && variable_name_valid(v->text);
}

static bool is_percent(const struct value *v)
{
	double d;

	if (!value_is_string(v) || v->len == 0 || v->text[v->len - 1] != '%')
		return is_number(v);
	return number_parse_float(v->text, v->len - 1, &d);
}

static bool is_mapping(const struct value *v)
{
	return v->kind == VALUE_DICT;
}

static bool is_any(const struct value *v)
{
	(void)v;
	return true;
}

/* What each type takes; `listed`: a list of it, too. */
static const struct {
	bool (*is)(const struct value *v);
	bool listed;
	const char *expected;
} types[] = {
	[KEYWORD_ANY] = {is_any, true, ""},
	[KEYWORD_TEXT] = {is_text, false, "a text"},
	[KEYWORD_BOOL] = {is_bool, false, "true or false"},
	[KEYWORD_INT] = {is_int, false, "a whole number"},
	[KEYWORD_NUMBER] = {is_number, false, "a number"},
	[KEYWORD_NAME] = {is_name, false,
		"the name of a variable: letters, digits and \"_\", no digit first, no word of "
		"the language"},
	[KEYWORD_TEXTS] = {is_text, true, "a text or a list of texts"},
	[KEYWORD_CONDITIONS] = {is_any, true, ""},
	[KEYWORD_PERCENT] = {is_percent, false, "a number, or a percentage like \"25%\""},
	[KEYWORD_PERCENTS] = {is_percent, true, "a number, or a percentage like \"25%\""},
	[KEYWORD_ENVIRONMENT] = {is_mapping, true, "a mapping of names to values"},
	[KEYWORD_STEPS] = {is_any, true, ""},
};

static bool check_type(struct parser *p, const struct keyword *k, const struct value *v)
{
	char found[FOUND_MAX];

	if (v->kind == VALUE_VAULT || (k->type != KEYWORD_NAME && parse_is_template(v)) ||
		types[k->type].is(v))
		return true;
	diag_error(p->diags, &v->place, "%s: found %s, expected %s", k->name,
		found_text(v, found), types[k->type].expected);
	return false;
}

bool keyword_check(struct parser *p, const struct keyword *k, const struct value_pair *pair)
{
	const struct value *v = pair->value;
	size_t errors = p->diags->errors;

	if (k->type == KEYWORD_ANY || v->kind == VALUE_NULL)
		return true;
	if (k->type == KEYWORD_CONDITIONS) {
		parse_check_conditions(p, v);
		return p->diags->errors == errors;
	}
	if (v->kind == VALUE_LIST && types[k->type].listed) {
		for (size_t i = 0; i < v->count; i++)
			if (!check_type(p, k, v->items[i]))
				return false;
	} else if (!check_type(p, k, v)) {
		return false;
	}
	parse_check_templates(p, v);
	return p->diags->errors == errors;
}
