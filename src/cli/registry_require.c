/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on the metrics of a version: --require 'accuracy>=0.8'. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "cli/registry.h"

struct condition {
	char *metric;
	const struct comparison *comparison;
	double number;
	const char *text; /* of the number */
};

static bool is_at_least(double a, double b)
{
	return a >= b;
}

static bool is_at_most(double a, double b)
{
	return a <= b;
}

static bool is_equal(double a, double b)
{
	return a >= b && a <= b;
}

static bool is_other(double a, double b)
{
	return !is_equal(a, b);
}

static bool is_more(double a, double b)
{
	return a > b;
}

static bool is_less(double a, double b)
{
	return a < b;
}

/* Those of two characters first: '>' begins '>='. */
static const struct comparison {
	const char *sign;
	bool (*holds)(double found, double wanted);
} comparisons[] = {
	{">=", is_at_least},
	{"<=", is_at_most},
	{"==", is_equal},
	{"!=", is_other},
	{">", is_more},
	{"<", is_less},
};

static const struct comparison *comparison_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++)
		if (str_starts(text, comparisons[i].sign))
			return &comparisons[i];
	return NULL;
}

static bool is_number(const char *text, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	while (*end == ' ')
		end++;
	return end != text && !*end && errno == 0 && isfinite(*out);
}

/* The caller frees the metric. */
static int parse(struct condition *c, const char *text, struct err *err)
{
	size_t n = strcspn(text, "<>=!");
	const char *rest = text + n;

	*c = (struct condition){0};
	while (n && text[n - 1] == ' ')
		n--;
	c->comparison = comparison_at(rest);
	if (c->comparison && n) {
		c->text = rest + strlen(c->comparison->sign);
		c->text += strspn(c->text, " ");
		if (is_number(c->text, &c->number)) {
			c->metric = xstrndup(text, n);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		"--require: found '%s', expected NAME, one of >= <= == != > <, and a number: "
		"'accuracy>=0.8'",
		text);
}

static void add_names(const struct value *metrics, struct strbuf *out)
{
	const char *between = "; metadata.metrics has ";

	if (!metrics || metrics->kind != VALUE_DICT || metrics->pair_count == 0) {
		strbuf_addstr(out, "; metadata.metrics has none");
		return;
	}
	value_dict_foreach (p, metrics) {
		strbuf_addf(out, "%s%s", between, value_text(p->key));
		between = ", ";
	}
}

/* Appends how a metric falls short; nothing when it does not. */
static void compare(const struct condition *c, const struct value *metrics, struct strbuf *out)
{
	const struct value *v = value_dict_get(metrics, c->metric);
	const char *between = out->len ? "; " : "";
	double found;

	if (v && v->kind == VALUE_INT) {
		found = (double)v->integer;
	} else if (v && v->kind == VALUE_FLOAT) {
		found = v->real;
	} else {
		strbuf_addf(
			out, "%s%s is %s", between, c->metric, v ? "no number" : "not there");
		if (!v)
			add_names(metrics, out);
		return;
	}
	if (!c->comparison->holds(found, c->number))
		strbuf_addf(out, "%s%s is %g, required %s %s", between, c->metric, found,
			c->comparison->sign, c->text);
}

int registry_check_metrics(
	const struct value *entry, const struct strlist *conditions, struct err *err)
{
	AUTO(strbuf_release) struct strbuf wrong = STRBUF_INIT;
	const struct value *metadata = value_dict_get(entry, "metadata");
	const struct value *metrics = metadata ? value_dict_get(metadata, "metrics") : NULL;

	for (size_t i = 0; i < conditions->count; i++) {
		struct condition c;
		if (parse(&c, conditions->items[i], err) < 0)
			return -1;
		compare(&c, metrics ? metrics : &value_null, &wrong);
		free(c.metric);
	}
	if (!wrong.len)
		return 0;
	return err_set(err, ERR_DENIED,
		"%s %" PRId64 " falls short, and nothing was changed: %s",
		registry_text(entry, "model_name"), registry_entry_version(entry), wrong.data);
}
