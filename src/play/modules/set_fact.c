/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set_fact: variables of the host, for the rest of the run. The runner takes them from
 * `ansible_facts`, at set_fact's own level of precedence.
 */
#include <ctype.h>

#include "play/modules/modules.h"
#include "play/runner.h"

static const struct argument arguments[] = {
	{.name = "cacheable", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

static bool is_identifier(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

/* The name of a fact: keys of arguments are not templated for all modules, but here. */
static const char *fact_name(struct module_call *c, const struct value *key, struct err *err)
{
	const struct value *name = key;

	if (value_is_string(key))
		name = vars_evaluate(runner_vars(c->runner), key, err);
	if (!name)
		return NULL;
	if (value_text(name) && is_identifier(name->text))
		return name->text;
	err_set(err, ERR_INPUT,
		"The variable name '%s' is not valid. Variables must start with a letter or "
		"underscore character, and contain only letters, numbers and underscores.",
		value_text(name) ? name->text : value_kind_name(name));
	return NULL;
}

static int run(struct module_call *c, struct err *err)
{
	struct value *facts = value_new_dict(c->arena);

	value_dict_foreach (p, c->args) {
		if (value_text(p->key) && strcmp(p->key->text, "cacheable") == 0)
			continue;
		const char *name = fact_name(c, p->key, err);
		if (!name)
			return -1;
		value_dict_set(c->arena, facts, name, p->value);
	}
	call_set_bool(c, "changed", false);
	if (facts->pair_count == 0)
		return err_set(err, ERR_INPUT,
			"No key/value pairs provided, at least one is required for this "
			"action to succeed");
	call_set(c, "ansible_facts", facts);
	return 0;
}

const struct module module_set_fact = {
	.name = "set_fact",
	.arguments = arguments,
	.flags = MODULE_ON_ENGINE | MODULE_CHECKS | MODULE_ANY_ARGUMENT,
	.run = run,
};
