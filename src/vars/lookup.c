/* SPDX-License-Identifier: Apache-2.0 */
/* What a name stands for, as written and evaluated; what templates see of it. */
#include "base/suggest.h"
#include "inventory/datafile.h"
#include "vars/view.h"

static const struct value *in_dict(const struct value *dict, const struct value_key *name)
{
	const struct value_pair *pair = value_dict_seek(dict, name);

	return pair ? pair->value : NULL;
}

const struct value *lookup_magic(struct vars_view *view, const struct value_key *name)
{
	const struct value *value = NULL;

	for (size_t i = view->layers.count;
		!value && i-- > 0 && view->layers.items[i].level == VARS_MAGIC;)
		value = in_dict(view->layers.items[i].dict, name);
	if (!value)
		value = in_dict(view->host_magic, name);
	if (!value)
		value = in_dict(view->magic, name);
	if (value)
		return value;
	if (strcmp(name->text, "vars") == 0)
		return own_vars_new(view);
	if (strcmp(name->text, "hostvars") != 0)
		return NULL;
	if (!view->hostvars)
		view->hostvars = hostvars_new(view);
	return view->hostvars;
}

static const struct value *raw_by_key(struct vars_view *view, const struct value_key *name)
{
	const struct value *value = lookup_magic(view, name);
	bool merge = view->site->inventory->merge_hashes;

	if (value)
		return value;
	for (size_t i = view->layers.count; i-- > 0;) {
		const struct value *below = in_dict(view->layers.items[i].dict, name);
		if (!below)
			continue;
		value = value ? inventory_merge_values(view_scratch(view), below, value)
			      : below;
		if (!merge || below->kind != VALUE_DICT)
			break;
	}
	return value;
}

const struct value *vars_raw(struct vars_view *view, const char *name)
{
	const struct value_key key = value_key(name, strlen(name));

	return raw_by_key(view, &key);
}

void vars_view_set_live(struct vars_view *view, vars_live_fn live, void *data)
{
	view->ask_live = live;
	view->live_data = data;
}

/* What changes while a play goes on: NULL without err where the name is nothing of that. */
static const struct value *live(struct vars_view *view, const char *name, struct err *err)
{
	if (!view->ask_live)
		return NULL;
	return view->ask_live(view->live_data, name, view_scratch(view), err);
}

/* A variable as written, magic and hostvars included; for templates. */
static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	struct err failure = {0};

	if (vars_view_check(data, err) < 0 || facts_want(data, name->text, err) < 0)
		return NULL;
	const struct value *now = live(data, name->text, &failure);
	if (failure.code && err)
		*err = failure;
	return now || failure.code ? now : raw_by_key(data, name);
}

const struct value *lookup_names(void *data, struct err *err)
{
	struct vars_view *view = data;
	const struct value *all = vars_all(view, true, view_scratch(view));
	struct value *list = value_new_list(view_scratch(view));

	(void)err;
	value_dict_foreach (p, all)
		if (value_is_string(p->key))
			value_list_add(view_scratch(view), list, p->key);
	return list;
}

static const struct value *open_vault(void *data, const struct value *vault, struct err *err)
{
	struct vars_view *view = data;

	return secrets_open(view->site->secrets, view_scratch(view), vault, err);
}

void lookup_init(struct vars_view *view)
{
	template_context_init(&view->context, view_scratch(view));
	view->context.lookup = lookup;
	view->context.names = lookup_names;
	view->context.open_vault = open_vault;
	view->context.data = view;
	view->context.cache = view->site->templates;
	view->context.any_condition = view->site->any_condition;
}

static void not_found(struct vars_view *view, const char *name, struct err *err)
{
	struct suggestion s = {0};

	if (!err)
		return;
	for (size_t i = 0; i < view->layers.count; i++)
		value_dict_foreach (p, view->layers.items[i].dict)
			if (value_is_string(p->key))
				suggest_add(&s, name, p->key->text);
	err_set(err, ERR_NOTFOUND, "host %s: no variable '%s'%s%s%s", view->host->name, name,
		s.word ? "; did you mean '" : "", s.word ? s.word : "", s.word ? "'?" : "");
}

const struct value *vars_find(struct vars_view *view, const char *name, struct err *err)
{
	const struct value *raw, *value, **known = strmap_get(&view->results, name);
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;
	struct err failure = {0};

	if (known)
		return *known;
	if (vars_view_check(view, err) < 0 || facts_want(view, name, err) < 0)
		return NULL;
	raw = live(view, name, &failure);
	if (failure.code)
		return err ? err_set(err, failure.code, "%s", failure.text), NULL : NULL;
	if (!raw)
		raw = vars_raw(view, name);
	if (!raw)
		return NULL;
	value = vars_evaluate(view, raw, &failure);
	if (!value) {
		place_format(&raw->place, &place);
		err_set(err, failure.code == ERR_NOTFOUND ? ERR_INPUT : failure.code,
			"host %s: %svariable '%s': %s", view->host->name, place.data, name,
			failure.text);
		return NULL;
	}
	known = ARENA_NEW(view_scratch(view), const struct value *);
	*known = value;
	strmap_set(&view->results, name, known);
	return value;
}

const struct value *vars_get(struct vars_view *view, const char *name, struct err *err)
{
	struct err failure = {0};
	const struct value *value = vars_find(view, name, &failure);

	if (!value && !failure.code)
		not_found(view, name, err);
	else if (!value && err)
		*err = failure;
	return value;
}

const struct value *vars_evaluate(
	struct vars_view *view, const struct value *value, struct err *err)
{
	return template_value(&view->context, value, err);
}

const struct value *vars_render(
	struct vars_view *view, const char *text, const struct place *at, struct err *err)
{
	struct value *string = value_new_string(view_scratch(view), text);

	if (at)
		string->place = *at;
	return template_value(&view->context, string, err);
}

const struct value *vars_all(struct vars_view *view, bool with_magic, struct arena *arena)
{
	const struct value *sources[] = {view->magic, view->host_magic};
	struct value *all = value_new_dict(arena);

	for (size_t i = 0; i < view->layers.count; i++)
		value_dict_foreach (p, view->layers.items[i].dict) {
			const struct value *low = value_dict_get_value(all, p->key);
			bool merge = low && view->site->inventory->merge_hashes;
			value_dict_set_value(arena, all, p->key,
				merge ? inventory_merge_values(arena, low, p->value)
				      : p->value);
		}
	for (size_t i = 0; with_magic && i < ARRAY_SIZE(sources); i++)
		value_dict_foreach (p, sources[i])
			value_dict_set_value(arena, all, p->key, p->value);
	return all;
}
