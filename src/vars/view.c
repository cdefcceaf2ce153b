/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a host. Layers are only stacked up, never melted into one table: a variable is
 * looked for from the top down when it is asked for, so that a view costs next to nothing
 * before it is used, and every layer can still be told apart afterwards.
 *
 * Views of other hosts, which `hostvars` needs, hang together with the view that asked first
 * (their root): they share its arena, and each host has one view in it, so that a variable
 * that comes back to itself through other hosts is noticed.
 */
#include "base/suggest.h"
#include "base/vec.h"
#include "inventory/datafile.h"
#include "vars/site.h"

struct vars_view {
	const struct vars_site *site;
	const struct host *host;
	struct vars_view *root;                     /* itself, for a root */
	struct arena own;                           /* of a root only */
	struct arena *arena;                        /* what lives as long as the view */
	struct arena *scratch[VARS_SCOPES_MAX + 1]; /* of a root: where each scope evaluates */
	unsigned scope;                             /* of a root: how many are open */
	struct value *set[VARS_MAGIC + 1];          /* vars_view_set: by level; NULL: none */
	vars_facts_fn fetch_facts;
	void *facts_data;
	bool facts_partial;        /* what the layers of facts lack may still be fetched */
	struct vars_view *self;    /* of a root: its own host, as hostvars has it */
	vars_others_fn ask_others; /* of a root */
	void *others_data;
	unsigned
		generation; /* of a root: counts scopes; of others: when they were asked last */
	struct {
		struct layer *items; /* lowest first */
		size_t count;
		size_t cap;
	} layers;
	struct template_context context;
	struct strmap results; /* name -> const struct value **: what vars_get gave */
	struct strmap others;  /* of a root: host -> struct vars_view * */
	const struct value *hostvars;
	const struct value *host_magic;
	const char *closed; /* why a file that concerns the host could not be opened */
};

static void push_layer(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, const struct var_table *table)
{
	if (dict->pair_count > 0)
		*VEC_PUSH(&view->layers) = (struct layer){
			.level = level, .label = label, .dict = dict, .table = table};
}

/* Where a view evaluates at present. */
static struct arena *scratch(const struct vars_view *view)
{
	return view->root->scratch[view->root->scope];
}

/* The layers of the files that a base has for a name. */
static void push_files(struct vars_view *view, const struct strmap *files, const char *name,
	enum vars_level level, const char *label)
{
	const struct vars_file_list *list = strmap_get(files, name);

	for (size_t i = 0; list && i < list->count; i++) {
		if (list->items[i].data)
			push_layer(view, level, label, list->items[i].data, NULL);
		else
			view->closed = list->items[i].closed;
	}
}

static const char *group_label(struct vars_view *view, const struct group *group)
{
	return arena_printf(view->arena, "group %s", group->name);
}

static void push_group_table(struct vars_view *view, const struct group *group)
{
	push_layer(view, VARS_INVENTORY_GROUP, group_label(view, group),
		view->site->group_dicts[group->index], &group->vars);
}

/* The files of `all`, or of the host's groups from light to heavy, beside one base. */
static void push_group_files(
	struct vars_view *view, const struct vars_base *base, bool of_all, bool playbook)
{
	const struct group_list *groups = &view->host->groups;

	if (of_all) {
		push_files(view, &base->groups, "all",
			playbook ? VARS_PLAYBOOK_GROUP_VARS_ALL : VARS_INVENTORY_GROUP_VARS_ALL,
			"group all");
		return;
	}
	for (size_t i = 0; i < groups->count; i++)
		push_files(view, &base->groups, groups->items[i]->name,
			playbook ? VARS_PLAYBOOK_GROUP_VARS : VARS_INVENTORY_GROUP_VARS,
			group_label(view, groups->items[i]));
}

static void push_group_layers(struct vars_view *view, enum group_layers which)
{
	const struct inventory *inventory = view->site->inventory;
	const struct vars_base_list *bases = &inventory->beside_sources;
	bool of_all = which == ALL_PLUGINS_INVENTORY || which == ALL_PLUGINS_PLAY;

	switch (which) {
	case ALL_INVENTORY: push_group_table(view, inventory->all); break;
	case GROUPS_INVENTORY:
		for (size_t i = 0; i < view->host->groups.count; i++)
			push_group_table(view, view->host->groups.items[i]);
		break;
	case ALL_PLUGINS_INVENTORY:
	case GROUPS_PLUGINS_INVENTORY:
		for (size_t i = 0; i < bases->count; i++)
			push_group_files(view, bases->items[i], of_all, false);
		break;
	case ALL_PLUGINS_PLAY:
	case GROUPS_PLUGINS_PLAY:
		if (inventory->beside_playbook)
			push_group_files(view, inventory->beside_playbook, of_all, true);
		break;
	case GROUP_LAYERS_COUNT: break;
	}
}

static void push_host_layers(struct vars_view *view)
{
	const struct inventory *inventory = view->site->inventory;
	const struct vars_base_list *bases = &inventory->beside_sources;
	const struct host *host = view->host;
	const char *label = arena_printf(view->arena, "host %s", host->name);

	push_layer(view, VARS_INVENTORY_HOST, label, site_host_dict(view->site, host),
		&host->vars);
	for (size_t i = 0; i < bases->count; i++)
		push_files(view, &bases->items[i]->hosts, host->name, VARS_INVENTORY_HOST_VARS,
			label);
	if (inventory->beside_playbook)
		push_files(view, &inventory->beside_playbook->hosts, host->name,
			VARS_PLAYBOOK_HOST_VARS, label);
}

static void push_all(struct vars_view *view)
{
	const struct vars_site *site = view->site;

	for (size_t i = 0; i < site->order_count; i++)
		push_group_layers(view, site->order[i]);
	push_host_layers(view);
	push_layer(view, VARS_EXTRA, NULL, site->extra, NULL);
}

/* How connections and runs are set up: no fact has such a name (behind "ansible_"). */
static bool is_connection_variable(const char *name)
{
	static const char *const names[] = {"check_mode", "config_file", "connection",
		"diff_mode", "failed_result", "failed_task", "forks", "host",
		"host_key_checking", "index_var", "inventory_sources", "limit", "loop",
		"loop_var", "managed", "password", "pipelining", "port", "private_key_file",
		"python_interpreter", "run_tags", "skip_tags", "ssh_args", "ssh_common_args",
		"ssh_executable", "ssh_extra_args", "ssh_host", "ssh_host_key_checking",
		"ssh_pass", "ssh_password", "ssh_port", "ssh_private_key_file", "ssh_user",
		"timeout", "user", "verbosity", "version"};
	static const char *const prefixes[] = {
		"become", "play_", "playbook_", "role_", "shell_", "sudo_"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(name, prefixes[i]))
			return true;
	return false;
}

/* True if the value of a name depends on facts that were not fetched yet. */
static bool lacks_facts(const struct vars_view *view, const char *name)
{
	if (!view->fetch_facts || !str_starts(name, "ansible_") ||
		is_connection_variable(name + strlen("ansible_")))
		return false;
	for (size_t i = view->layers.count; i-- > 0;) {
		const struct layer *layer = &view->layers.items[i];
		if (layer->level < VARS_FACT ||
			(layer->level == VARS_FACT && !view->facts_partial))
			return true;
		if (value_dict_get(layer->dict, name))
			return false;
	}
	return true;
}

static void insert_layer(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, unsigned scope);

/* Fetches facts before a name that they may define is looked up. */
static int want_facts(struct vars_view *view, const char *name, struct err *err)
{
	vars_facts_fn fetch = view->fetch_facts;
	struct err failure = {0};
	bool partial = false;

	if (!lacks_facts(view, name))
		return 0;
	view->fetch_facts = NULL;
	const struct value *facts = fetch(view->facts_data, name, &partial, &failure);
	if (partial || !facts)
		view->fetch_facts = fetch;
	if (!facts) {
		if (err)
			*err = failure;
		return -1;
	}
	view->facts_partial = partial;
	insert_layer(view, VARS_FACT, NULL, facts, 0);
	return 0;
}

static const struct value *raw_by_key(struct vars_view *view, const struct value_key *name);

/* A variable as written, magic and hostvars included; for templates. */
static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	if (vars_view_check(data, err) < 0 || want_facts(data, name->text, err) < 0)
		return NULL;
	return raw_by_key(data, name);
}

static const struct value *names(void *data, struct err *err)
{
	struct vars_view *view = data;
	const struct value *all = vars_all(view, true, scratch(view));
	struct value *list = value_new_list(scratch(view));

	(void)err;
	value_dict_foreach (p, all)
		if (value_is_string(p->key))
			value_list_add(scratch(view), list, p->key);
	return list;
}

static const struct value *open_vault(void *data, const struct value *vault, struct err *err)
{
	struct vars_view *view = data;

	return secrets_open(view->site->secrets, scratch(view), vault, err);
}

static struct vars_view *make_view(
	const struct vars_site *site, const struct host *host, struct vars_view *root)
{
	struct vars_view *view = xcalloc(1, sizeof(*view));

	view->site = site;
	view->host = host;
	view->root = root ? root : view;
	view->arena = &view->root->own;
	if (!root)
		view->scratch[0] = view->arena;
	template_context_init(&view->context, scratch(view));
	view->context.lookup = lookup;
	view->context.names = names;
	view->context.open_vault = open_vault;
	view->context.data = view;
	view->context.cache = site->templates;
	view->host_magic = magic_of_host(host, view->arena);
	push_all(view);
	const char *key = view->host->name;
	/* A second view of the root's own host goes by a name that no host has. */
	if (root && host == root->host)
		key = "";
	strmap_set(&view->root->others, key, view);
	return view;
}

struct vars_view *vars_view_new(const struct vars_site *site, const struct host *host)
{
	return make_view(site, host, NULL);
}

/* Frees what a view holds beside the root's arena. */
static void release_view(struct vars_view *view)
{
	template_context_release(&view->context);
	strmap_release(&view->results, NULL);
	free(view->layers.items);
}

void vars_view_free(struct vars_view *view)
{
	if (!view)
		return;
	strmap_foreach (e, &view->others) {
		if (e->value == view)
			continue;
		release_view(e->value);
		free(e->value);
	}
	strmap_release(&view->others, NULL);
	release_view(view);
	arena_release(&view->own);
	free(view);
}

int vars_view_check(const struct vars_view *view, struct err *err)
{
	if (!view->closed)
		return 0;
	return err_set(err, ERR_AUTH, "host %s: %s", view->host->name, view->closed);
}

const struct host *vars_view_host(const struct vars_view *view)
{
	return view->host;
}

/* Views that saw the old values, through hostvars, forget them too. */
static void forget(struct vars_view *root)
{
	strmap_foreach (e, &root->others) {
		struct vars_view *view = e->value;
		template_context_forget(&view->context);
		strmap_release(&view->results, NULL);
	}
}

/* Puts a layer above all of its level. */
static void insert_layer(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *dict, unsigned scope)
{
	size_t before = view->layers.count;

	push_layer(view, level, label ? arena_strdup(view->arena, label) : NULL, dict, NULL);
	if (view->layers.count == before)
		return;
	view->layers.items[before].scope = scope;
	for (size_t at = before; at > 0 && view->layers.items[at - 1].level > level; at--) {
		struct layer above = view->layers.items[at - 1];
		view->layers.items[at - 1] = view->layers.items[at];
		view->layers.items[at] = above;
	}
}

void vars_view_add(struct vars_view *view, enum vars_level level, const char *label,
	const struct value *layer)
{
	insert_layer(view, level, label, layer, view->root->scope);
	if (layer->pair_count > 0)
		forget(view->root);
}

void vars_view_set(struct vars_view *view, enum vars_level level, const char *name,
	const struct value *value)
{
	bool new = !view->set[level];

	if (new)
		view->set[level] = value_new_dict(view->arena);
	value_dict_set(view->arena, view->set[level], name, value);
	if (new)
		insert_layer(view, level, NULL, view->set[level], 0);
	forget(view->root);
}

/* The contexts of a root and of the views that it made evaluate in one arena. */
static void set_scratch(struct vars_view *root)
{
	strmap_foreach (e, &root->others) {
		struct vars_view *view = e->value;
		view->context.arena = scratch(root);
	}
}

void vars_view_enter(struct vars_view *view, struct arena *arena)
{
	struct vars_view *root = view->root;

	if (root->scope == VARS_SCOPES_MAX)
		abort(); /* the caller's loops nest without end */
	root->scratch[++root->scope] = arena;
	root->generation++;
	set_scratch(root);
}

/* Takes out the layers of a scope and of those inside it. */
static void drop_layers(struct vars_view *view, unsigned scope)
{
	size_t kept = 0;

	for (size_t i = 0; i < view->layers.count; i++)
		if (view->layers.items[i].scope < scope)
			view->layers.items[kept++] = view->layers.items[i];
	view->layers.count = kept;
}

/* What other hosts have set was copied into the scope that ends. */
static void drop_others(struct vars_view *root)
{
	root->generation++;
	strmap_foreach (e, &root->others)
		if (e->value != root)
			drop_layers(e->value, 1);
}

void vars_view_leave(struct vars_view *view)
{
	struct vars_view *root = view->root;

	drop_layers(view, root->scope);
	drop_others(root);
	root->scope--;
	forget(root);
	set_scratch(root);
}

void vars_view_set_facts(struct vars_view *view, vars_facts_fn fetch, void *data)
{
	view->fetch_facts = fetch;
	view->facts_partial = false;
	view->facts_data = data;
}

struct template_context *vars_view_context(struct vars_view *view)
{
	return &view->context;
}

void vars_view_set_others(struct vars_view *view, vars_others_fn others, void *data)
{
	view->ask_others = others;
	view->others_data = data;
}

const struct value *vars_view_copy_set(
	const struct vars_view *view, enum vars_level level, struct arena *arena)
{
	struct value *copy = value_new_dict(arena);

	if (view->set[level])
		value_dict_foreach (p, view->set[level])
			value_dict_set_value(arena, copy, p->key, p->value);
	return copy;
}

/* Brings what another host has set into its view, once in each scope. */
static int ask_other(struct vars_view *other, struct err *err)
{
	static const enum vars_level levels[] = {VARS_FACT, VARS_REGISTERED};
	struct vars_view *root = other->root;

	if (other == root || !root->ask_others || other->generation == root->generation)
		return 0;
	drop_layers(other, 1);
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		const struct value *layer = root->ask_others(
			root->others_data, other->host, levels[i], scratch(root), err);
		if (!layer)
			return -1;
		insert_layer(other, levels[i], NULL, layer, 1);
	}
	other->generation = root->generation;
	template_context_forget(&other->context);
	strmap_release(&other->results, NULL);
	return 0;
}

/* hostvars: every host's variables, evaluated in that host's view. */
static struct vars_view *other_view(struct vars_view *view, const char *name, struct err *err)
{
	struct vars_view *root = view->root;
	/* What a play and its tasks say of the host itself is not among its hostvars. */
	bool self = root->scope > 0 && strcmp(name, root->host->name) == 0;
	struct vars_view *other = self ? root->self : strmap_get(&root->others, name);
	const struct host *host = inventory_host(root->site->inventory, name);

	if (!other && host)
		other = make_view(root->site, host, root);
	if (self)
		root->self = other;
	return other && ask_other(other, err) == 0 ? other : NULL;
}

static const struct value *hostvars_get_var(void *data, const char *key, struct err *err)
{
	struct err failure = {0};
	const struct value *value = vars_get(data, key, &failure);

	if (!value && failure.code != ERR_NOTFOUND && err)
		*err = failure;
	return value;
}

static const struct template_mapping host_mapping = {hostvars_get_var, names};

static const struct value *hostvars_get(void *data, const char *key, struct err *err)
{
	struct vars_view *view = data;
	struct vars_view *other = other_view(view, key, err);

	return other ? template_new_mapping(scratch(view), &host_mapping, other) : NULL;
}

static const struct value *hostvars_keys(void *data, struct err *err)
{
	struct vars_view *view = data;
	struct value *list = value_new_list(scratch(view));

	(void)err;
	strmap_foreach (e, &view->site->inventory->hosts)
		value_list_add(scratch(view), list, value_new_string(scratch(view), e->key));
	return list;
}

static const struct template_mapping hostvars_mapping = {hostvars_get, hostvars_keys};

static const struct value *in_dict(const struct value *dict, const struct value_key *name)
{
	const struct value_pair *pair = value_dict_seek(dict, name);

	return pair ? pair->value : NULL;
}

static const struct value *magic(struct vars_view *view, const struct value_key *name)
{
	const struct value *value = NULL;

	for (size_t i = view->layers.count;
		!value && i-- > 0 && view->layers.items[i].level == VARS_MAGIC;)
		value = in_dict(view->layers.items[i].dict, name);
	if (!value)
		value = in_dict(view->host_magic, name);
	if (!value)
		value = in_dict(view->site->magic, name);
	if (value || strcmp(name->text, "hostvars") != 0)
		return value;
	if (!view->hostvars)
		view->hostvars = template_new_mapping(view->arena, &hostvars_mapping, view);
	return view->hostvars;
}

static const struct value *raw_by_key(struct vars_view *view, const struct value_key *name)
{
	const struct value *value = magic(view, name);
	bool merge = view->site->inventory->merge_hashes;

	if (value)
		return value;
	for (size_t i = view->layers.count; i-- > 0;) {
		const struct value *below = in_dict(view->layers.items[i].dict, name);
		if (!below)
			continue;
		value = value ? inventory_merge_values(scratch(view), below, value) : below;
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

const struct value *vars_get(struct vars_view *view, const char *name, struct err *err)
{
	const struct value *raw, *value, **known = strmap_get(&view->results, name);
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;
	struct err failure = {0};

	if (known)
		return *known;
	if (vars_view_check(view, err) < 0 || want_facts(view, name, err) < 0)
		return NULL;
	raw = vars_raw(view, name);
	if (!raw) {
		not_found(view, name, err);
		return NULL;
	}
	value = vars_evaluate(view, raw, &failure);
	if (!value) {
		place_format(&raw->place, &place);
		err_set(err, failure.code == ERR_NOTFOUND ? ERR_INPUT : failure.code,
			"host %s: %svariable '%s': %s", view->host->name, place.data, name,
			failure.text);
		return NULL;
	}
	known = ARENA_NEW(scratch(view), const struct value *);
	*known = value;
	strmap_set(&view->results, name, known);
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
	struct value *string = value_new_string(scratch(view), text);

	if (at)
		string->place = *at;
	return template_value(&view->context, string, err);
}

const struct value *vars_all(struct vars_view *view, bool with_magic, struct arena *arena)
{
	const struct value *sources[] = {view->site->magic, view->host_magic};
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
	const struct value *value = magic(view, &key);
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
