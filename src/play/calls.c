/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results, as modules fill them in and as Ansible's keys complete them.
 */
#include "play/facts.h"
#include "play/run_state.h"

void call_set(struct module_call *c, const char *key, const struct value *v)
{
	value_dict_set(c->arena, c->result, key, v);
}

void call_set_text(struct module_call *c, const char *key, const char *text)
{
	call_set(c, key, text ? value_new_string(c->arena, text) : &value_null);
}

void call_set_bool(struct module_call *c, const char *key, bool b)
{
	call_set(c, key, value_bool(b));
}

void call_set_int(struct module_call *c, const char *key, int64_t i)
{
	call_set(c, key, value_new_int(c->arena, i));
}

/* A text that came from a file or a node. */
static struct value *foreign_text(struct arena *arena, const char *text, size_t n)
{
	struct value *v = value_new_stringn(arena, text ? text : "", text ? n : 0);

	v->unsafe = true;
	return v;
}

bool result_is(const struct value *result, const char *key)
{
	const struct value *v = value_dict_get(result, key);

	return v && value_as_bool(v) == 1;
}

/* True if a text ends a line at i, as Python's splitlines sees it; its length in *n. */
static bool line_end(const struct value *v, size_t i, size_t *n)
{
	size_t len;
	uint32_t c = utf8_decode(v->text + i, v->len - i, &len);

	*n = len;
	if (c == '\r' && i + 1 < v->len && v->text[i + 1] == '\n')
		*n = 2;
	return (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
	       c == 0x2028 || c == 0x2029;
}

/* Python's splitlines. */
static struct value *lines_of(struct arena *arena, const struct value *v)
{
	struct value *lines = value_new_list(arena);
	size_t start = 0, n;

	for (size_t i = 0; i < v->len; i += n) {
		if (!line_end(v, i, &n))
			continue;
		value_list_add(arena, lines, foreign_text(arena, v->text + start, i - start));
		start = i + n;
	}
	if (start < v->len)
		value_list_add(
			arena, lines, foreign_text(arena, v->text + start, v->len - start));
	return lines;
}

void result_add_lines(struct arena *arena, struct value *result)
{
	static const char *const streams[][2] = {
		{"stdout", "stdout_lines"}, {"stderr", "stderr_lines"}};

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		const struct value *text = value_dict_get(result, streams[i][0]);
		if (value_is_string(text) && !value_dict_get(result, streams[i][1]))
			value_dict_set(arena, result, streams[i][1], lines_of(arena, text));
	}
}

void result_complete(struct arena *arena, struct value *result)
{
	const struct value *rc = value_dict_get(result, "rc");

	if (!value_dict_get(result, "failed"))
		value_dict_set(arena, result, "failed",
			value_bool(rc && rc->kind == VALUE_INT && rc->integer != 0));
	if (!value_dict_get(result, "changed"))
		value_dict_set(arena, result, "changed", &value_false);
}

void result_fail(struct outcome *out, struct arena *arena, const struct err *why)
{
	struct value *msg = value_new_string(arena, why->text);

	msg->unsafe = true;
	if (!out->result)
		out->result = value_new_dict(arena);
	value_dict_set(arena, out->result, "failed", &value_true);
	value_dict_set(arena, out->result, "msg", msg);
	if (!value_dict_get(out->result, "changed"))
		value_dict_set(arena, out->result, "changed", &value_false);
	out->failed = true;
	out->code = why->code;
}

const struct value *result_for_show(struct arena *arena, const struct outcome *out)
{
	static const char *const kept[] = {"attempts", "changed", "retries"};

	if (!out->censored)
		return out->result;
	struct value *shown = value_new_dict(arena);
	value_dict_set(arena, shown, "censored",
		value_new_string(arena,
			"the output has been hidden due to the fact that 'no_log: true' was "
			"specified for this result"));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const struct value *v = value_dict_get(out->result, kept[i]);
		if (v)
			value_dict_set(arena, shown, kept[i], v);
	}
	return shown;
}

/* Others read what is set here: their lock is held. */
static void set_variable(
	struct runner *r, enum vars_level level, const char *name, const struct value *v)
{
	pthread_mutex_lock(&r->vars_lock);
	vars_view_set(r->host->view, level, name, v);
	pthread_mutex_unlock(&r->vars_lock);
}

/* The level at which a module's facts are set. */
static enum vars_level facts_level(const struct step *s)
{
	const char *name = s->task->module->name;

	return strcmp(name, "set_fact") == 0       ? VARS_REGISTERED
	       : strcmp(name, "include_vars") == 0 ? VARS_INCLUDE
						   : VARS_FACT;
}

/* Whose facts they are: with delegate_facts another host's; NULL: the host's own. */
static const char *facts_owner(struct runner *r, const struct step *s, const char *delegate)
{
	bool theirs = false;

	if (!delegate || step_bool(r, s, ATTRIBUTE_DELEGATE_FACTS, false, &theirs, NULL) < 0)
		return NULL;
	return theirs ? delegate : NULL;
}

static void publish_facts(
	struct runner *r, const struct step *s, const struct value *result, const char *owner)
{
	enum vars_level level = facts_level(s);
	const struct value *facts = value_dict_get(result, "ansible_facts");

	if (!facts || facts->kind != VALUE_DICT || result_is(result, "skipped") ||
		result_is(result, "failed"))
		return;
	value_dict_foreach (p, facts) {
		if (!value_is_string(p->key))
			continue;
		const struct value *v = level != VARS_FACT
						? value_copy(&r->arena, p->value)
						: value_copy_unsafe(&r->arena, p->value);
		if (owner)
			parcel_send(r, owner, level, p->key->text, v);
		else
			set_variable(r, level, p->key->text, v);
		if (level == VARS_REGISTERED && result_is(result, "_ansible_facts_cacheable"))
			set_variable(r, VARS_FACT, p->key->text, v);
	}
	if (level == VARS_FACT && !owner)
		facts_add_short(r, value_copy_unsafe(&r->arena, facts));
}

void result_publish_facts(struct runner *r, const struct step *s, const struct value *result,
	const char *delegate)
{
	const struct value *results = value_dict_get(result, "results");
	const char *owner = facts_owner(r, s, delegate);

	publish_facts(r, s, result, owner);
	if (s->task->loop && results && results->kind == VALUE_LIST)
		value_list_foreach (item, results)
			publish_facts(r, s, item, owner);
}

/* A copy for variables: unsafe, and without what is meant for listeners only. */
struct value *result_to_register(struct arena *arena, const struct value *result)
{
	struct value *copy = value_new_dict(arena);

	value_dict_foreach (p, result) {
		const struct value *v = p->value;
		if (value_is_string(p->key) && str_starts(p->key->text, "_ansible_"))
			continue;
		if (v->kind == VALUE_DICT)
			v = result_to_register(arena, v);
		else
			v = value_copy_unsafe(arena, v);
		value_dict_set_value(arena, copy, value_copy(arena, p->key), v);
	}
	return copy;
}

void result_register(struct runner *r, const struct step *s, const struct outcome *out)
{
	if (s->task->register_name)
		set_variable(r, VARS_REGISTERED, s->task->register_name,
			result_to_register(&r->arena, out->result));
}

void result_publish(struct runner *r, const struct step *s, const struct outcome *out)
{
	/* The items of a loop have told theirs, each for the host that it was done on. */
	if (!s->task->loop)
		result_publish_facts(r, s, out->result, out->delegate);
	result_register(r, s, out);
}
