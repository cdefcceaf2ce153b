/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks of a variable, from the winner down. */
#include "vars/view.h"

struct claim_list {
	struct vars_claim *items;
	size_t count;
	size_t cap;
};

/*
 * Adds a claim. A file that stands beside the inventory and beside the playbook speaks twice;
 * it is named once, as the inventory's, which the reader knows is there.
 */
static void add_claim(struct claim_list *list, const struct layer *layer,
	const struct value *value, struct place place)
{
	for (size_t i = 0; i < list->count && place.file; i++) {
		struct vars_claim *seen = &list->items[i];
		if (seen->place.line != place.line || seen->place.column != place.column ||
			str_cmp0(seen->place.file, place.file) != 0)
			continue;
		seen->level = layer->level;
		return;
	}
	*VEC_PUSH(list) = (struct vars_claim){
		.level = layer->level, .label = layer->label, .value = value, .place = place};
}

static void layer_claims(struct claim_list *list, const struct layer *layer, const char *name)
{
	const struct value_pair *pair = value_dict_pair(layer->dict, name);
	const struct var_table *table = layer->table;

	if (!pair)
		return;
	for (size_t i = table ? table->count : 0; i-- > 0;)
		if (!strcmp(table->items[i].name, name))
			add_claim(list, layer, table->items[i].value, table->items[i].place);
	if (!table)
		add_claim(list, layer, pair->value,
			pair->key->place.file ? pair->key->place : pair->value->place);
}

size_t vars_explain(struct vars_view *view, const char *name, const struct vars_claim **claims)
{
	static const struct layer magic_layer = {.level = VARS_MAGIC};
	const struct value_key key = value_key(name, strlen(name));
	struct claim_list list = {0};
	const struct value *value = lookup_magic(view, &key);
	size_t count;

	if (value)
		add_claim(&list, &magic_layer, value, (struct place){0});
	for (size_t i = view->layers.count; i-- > 0;)
		layer_claims(&list, &view->layers.items[i], name);
	*claims = arena_memdup(view->arena, list.items, list.count * sizeof(*list.items));
	count = list.count;
	free(list.items);
	return count;
}
