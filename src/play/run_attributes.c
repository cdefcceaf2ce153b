/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keywords of plays and tasks, rendered for a host.
 */
#include "play/run_state.h"

#include "play/convert.h"
#include "template/template.h"

const struct value *keyword_value(struct runner *r, const struct value *v, struct err *err)
{
	return vars_evaluate(r->host->view, v, err);
}

int value_as_bool(const struct value *v)
{
	bool b;

	return value_to_bool(v, &b) ? b : -1;
}

/* Complains about a keyword's value. */
static int wrong(const struct value *v, const char *expected, struct err *err)
{
	return place_fail(&v->place, err, ERR_INPUT, "found %s, expected %s",
		value_is_string(v) ? v->text : value_kind_name(v), expected);
}

/* Renders a keyword in place: 1, 0 where it says nothing, -1 with err. */
static int render(struct runner *r, const struct value **v, struct err *err)
{
	if (!*v || (*v)->kind == VALUE_NULL)
		return 0;
	*v = keyword_value(r, *v, err);
	if (!*v)
		return -1;
	return (*v)->kind != VALUE_NULL && !template_is_omit(*v);
}

int keyword_bool(
	struct runner *r, const struct value *v, bool otherwise, bool *out, struct err *err)
{
	int there = render(r, &v, err);

	*out = otherwise;
	if (there <= 0)
		return there;
	return value_to_bool(v, out) ? 0 : wrong(v, "yes or no", err);
}

int keyword_number(
	struct runner *r, const struct value *v, double otherwise, double *out, struct err *err)
{
	int there = render(r, &v, err);

	*out = otherwise;
	if (there <= 0)
		return there;
	return value_to_number(v, out) ? 0 : wrong(v, "a number", err);
}

int keyword_text(struct runner *r, const struct value *v, const char **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int there = render(r, &v, err);

	*out = NULL;
	if (there <= 0)
		return there;
	if (value_is_string(v)) {
		*out = v->text;
		return 0;
	}
	if (template_str(v, &text, err) < 0)
		return -1;
	*out = arena_strdup(vars_view_context(r->host->view)->arena, text.data);
	return 0;
}

int step_bool(struct runner *r, const struct step *s, enum play_attribute a, bool otherwise,
	bool *out, struct err *err)
{
	return keyword_bool(r, step_attribute(s, a), otherwise, out, err);
}

/* One condition, or a list of them. */
int conditions_hold(struct runner *r, const struct value *conditions,
	const struct value **which, struct err *err)
{
	struct template_context *ctx = vars_view_context(r->host->view);

	if (conditions->kind != VALUE_LIST) {
		*which = conditions;
		return template_condition(ctx, conditions, NULL, err);
	}
	for (size_t i = 0; i < conditions->count; i++) {
		int holds = conditions_hold(r, conditions->items[i], which, err);
		if (holds <= 0)
			return holds;
	}
	return 1;
}

int step_conditions(
	struct runner *r, const struct step *s, const struct value **which, struct err *err)
{
	int holds = s->outer ? step_conditions(r, s->outer, which, err) : 1;

	for (size_t i = 0; holds == 1 && i < s->when.count; i++)
		holds = conditions_hold(r, s->when.items[i], which, err);
	return holds;
}
