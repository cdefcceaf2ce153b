/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry reader: a YAML text with the variables of one host, read and resolved. Whatever
 * the text says, what comes out can be used as directories of a store.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/path.h"
#include "registry/resolve.h"
#include "value/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "broken promise: %s\n", what);
		abort();
	}
}

static void check_model(const struct model *m)
{
	require(path_is_component(m->name) && m->name[0] != '.', "a name is a directory");
	require(!m->current || clock_is_date(m->current), "current is a date");
	require(!m->previous || clock_is_date(m->previous), "previous is a date");
	for (size_t i = 0; i < m->exclude.count; i++)
		require(m->exclude.items[i] && m->exclude.items[i][0], "a pattern is a text");
}

static void check_resolution(const struct resolution *r, bool errors)
{
	for (size_t i = 0; i < r->registry_count; i++)
		for (size_t k = 0; k < r->registries[i]->model_count; k++)
			check_model(&r->registries[i]->models[k]);
	for (size_t i = 0; i < r->host_count; i++) {
		const struct host_models *h = &r->hosts[i];
		require(errors || (h->root && h->root[0] == '/'), "a host has a root");
		for (size_t k = 0; k < h->count; k++) {
			require(clock_is_date(h->items[k].version), "a version is a date");
			require(h->items[k].use < r->use_count, "a use is there");
		}
	}
}

/* Two hosts with the same variables, one of them in all the usual groups. */
static void fill_host(struct resolve_host *h, const char *name, const struct value *v)
{
	h->name = name;
	h->registry.models = value_dict_get(v, VAR_MODELS);
	h->registry.retention = value_dict_get(v, VAR_RETENTION);
	h->registry.coral = value_dict_get(v, VAR_CORAL_PACKAGES);
	h->root = value_dict_get(v, VAR_STORE);
	h->overrides = value_dict_get(v, VAR_OVERRIDES);
	if (value_dict_get(v, "config_models") &&
		value_dict_get(v, "config_models")->kind == VALUE_LIST)
		h->config_models = value_dict_get(v, "config_models");
	h->model_set = value_dict_get(v, VAR_MODEL_SET);
	for (size_t i = 0; i < MODEL_SET_DEFAULTS; i++)
		if (model_set_defaults[i].variable)
			h->defaults[i] = value_dict_get(v, model_set_defaults[i].variable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags d = {0};
	AUTO(resolution_release) struct resolution r = {0};
	const struct yaml_options options = {.lenient_dates = true, .max_nodes = 10000};
	struct resolve_host hosts[2] = {0};
	struct err err;

	const struct value *v =
		yaml_read(&arena, (const char *)data, size, "fuzz.yaml", &options, NULL, &err);
	if (!v)
		return 0;
	fill_host(&hosts[0], "one", v);
	fill_host(&hosts[1], "two", v);
	hosts[1].model_set = NULL;
	for (size_t i = 0; i < MODEL_SET_DEFAULTS; i++)
		strlist_add(&hosts[1].groups, model_set_defaults[i].group);
	const struct resolve_input in = {.hosts = hosts, .count = 2};
	int result = resolution_compute(&r, &in, &d);
	require((result < 0) == (d.errors > 0), "-1 means errors");
	check_resolution(&r, d.errors > 0);
	strlist_release(&hosts[1].groups);
	return 0;
}
