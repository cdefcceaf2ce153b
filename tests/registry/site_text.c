/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "site_text.h"

static void read_host(struct resolve_host *h, const struct value *all, const struct value *own)
{
#define GET(name)                                                                              \
	(value_dict_get(own, name) ? value_dict_get(own, name) : value_dict_get(all, name))
	const struct value *groups = value_dict_get(own, "groups");

	h->registry.models = GET(VAR_MODELS);
	h->registry.retention = GET(VAR_RETENTION);
	h->registry.coral = GET(VAR_CORAL_PACKAGES);
	h->root = GET(VAR_STORE);
	h->model_set = GET(VAR_MODEL_SET);
	h->overrides = GET(VAR_OVERRIDES);
	h->config_models = GET("config_models");
	for (size_t i = 0; i < MODEL_SET_DEFAULTS; i++)
		if (model_set_defaults[i].variable)
			h->defaults[i] = GET(model_set_defaults[i].variable);
	h->holds_store = value_dict_get(own, "holds_store") != NULL;
	for (size_t i = 0; groups && i < groups->count; i++)
		strlist_add(&h->groups, value_text(groups->items[i]));
}

void site_text_read(struct site_text *s, const char *text, const char *models, const char *tags)
{
	const struct value *v = fixture_yaml(text);
	const struct value *hosts = value_dict_get(v, "hosts");
	const struct value *all = value_dict_get(v, "all");
	size_t n = 0;

	*s = (struct site_text){0};
	if (!value_dict_get(all, VAR_STORE)) {
		struct value *with_root = value_copy(&fixture_arena, all);
		value_dict_set(&fixture_arena, with_root, VAR_STORE,
			value_new_string(&fixture_arena, "/srv/models"));
		all = with_root;
	}
	s->hosts = xcalloc(hosts->pair_count, sizeof(*s->hosts));
	value_dict_foreach (p, hosts) {
		s->hosts[n].name = value_text(p->key);
		read_host(&s->hosts[n++], all, p->value);
	}
	strlist_split(&s->filter.models, models ? models : "", ",");
	strlist_split(&s->filter.tags, tags ? tags : "", ",");
	s->input = (struct resolve_input){.hosts = s->hosts, .count = n, .filter = &s->filter};
}

const char *site_text_resolve(struct site_text *s, struct store *store, struct resolution *out)
{
	AUTO(diags_release) struct diags d = {0};

	s->input.store = store;
	int result = resolution_compute(out, &s->input, &d);
	assert_int_equal(result, d.errors ? -1 : 0);
	assert_int_equal(out->host_count, s->input.count);
	return fixture_findings(&d);
}

void site_text_release(struct site_text *s)
{
	for (size_t i = 0; i < s->input.count; i++)
		strlist_release(&s->hosts[i].groups);
	free(s->hosts);
	strlist_release(&s->filter.models);
	strlist_release(&s->filter.tags);
}

const char *site_text_set(const struct resolution *r, const char *host)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct host_models *h = resolution_host(r, host);

	assert_non_null(h);
	for (size_t i = 0; i < h->count; i++)
		strbuf_addf(&text, "%s%s %s%s", i ? ", " : "", h->items[i].model->name,
			h->items[i].version, h->items[i].pinned ? "*" : "");
	return arena_strdup(&fixture_arena, text.data);
}
