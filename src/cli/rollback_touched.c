/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which configs and services a model's move will touch, as far as variables say: the entries of
 * model_configs and model_services. A playbook may do more.
 */
#include "cli/rollback.h"

#define VAR_SERVICES "model_services"

/* Adds one host to the count of a name. */
static void count(struct strmap *map, const struct value *name)
{
	const char *text = value_text(name);

	if (!text)
		return;
	uintptr_t hosts = (uintptr_t)strmap_get(map, text);
	strmap_set(map, text, (void *)(hosts + 1));
}

/* A member as it evaluates, or as it is written where it needs what only a play knows. */
static const struct value *member_of(
	struct vars_view *view, const struct value *entry, const char *key)
{
	const struct value *written = value_dict_get(entry, key);
	const struct value *v = written ? vars_evaluate(view, written, NULL) : NULL;

	return v ? v : written;
}

static bool names_model(struct vars_view *view, const struct value *entry, const char *model)
{
	const struct value *models = member_of(view, entry, "models");

	if (!models || models->kind != VALUE_LIST)
		return false;
	value_list_foreach (item, models)
		if (str_cmp0(value_text(item), model) == 0)
			return true;
	return false;
}

static const struct value *list_of(struct vars_view *view, const char *name)
{
	const struct value *v = vars_raw(view, name);

	if (v && v->kind != VALUE_LIST)
		v = vars_get(view, name, NULL);
	return v && v->kind == VALUE_LIST ? v : NULL;
}

/* The services of one host, each once. */
static void note_services(struct strmap *host, const struct value *names)
{
	if (!names || names->kind != VALUE_LIST)
		return;
	value_list_foreach (item, names)
		if (value_text(item))
			strmap_set(host, value_text(item), (void *)item);
}

void rollback_note_touched(
	struct rollback_touched *t, struct vars_view *view, const char *model)
{
	const struct value *configs = list_of(view, VAR_CONFIGS);
	const struct value *services = list_of(view, VAR_SERVICES);
	struct strmap restarted = {0};

	if (configs) {
		value_list_foreach (config, configs) {
			if (!names_model(view, config, model))
				continue;
			count(&t->configs, member_of(view, config, "dest"));
			note_services(&restarted, member_of(view, config, "services"));
		}
	}
	if (services) {
		value_list_foreach (service, services) {
			const struct value *name = member_of(view, service, "name");
			if (value_text(name) && names_model(view, service, model))
				strmap_set(&restarted, value_text(name), (void *)name);
		}
	}
	strmap_foreach (e, &restarted)
		count(&t->services, e->value);
	strmap_release(&restarted, NULL);
}

void rollback_touched_release(struct rollback_touched *t)
{
	strmap_release(&t->configs, NULL);
	strmap_release(&t->services, NULL);
}
