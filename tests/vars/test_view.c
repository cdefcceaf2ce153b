/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of variables: who wins, why, and what values evaluate to. The order of the inventory's
 * own levels is also measured against Ansible, by the corpus of tests/inventory.
 */
#include <pthread.h>

#include "inventory/files.h"
#include "template/template.h"
#include "value/yaml.h"
#include "vars/vars.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct inventory inventory;
	struct inventory_options inventory_options;
	struct strlist extra;
	struct vars_site_options options;
	struct vars_site *site;
	struct vars_view *view;
	struct diags diags;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	files_init(&f->files);
	f->options.extra = &f->extra;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vars_view_free(f->view);
	vars_site_free(f->site);
	inventory_release(&f->inventory);
	strlist_release(&f->extra);
	diags_release(&f->diags);
	arena_release(&f->arena);
	files_release(&f->files);
	free(f);
	return 0;
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	files_write(&f->files, name, text, 0644);
}

/* Loads "hosts" (or the directory itself) and makes the view of a host. */
static void load(struct fixture *f, const char *host)
{
	AUTO(strlist_release) struct strlist sources = {0};
	autofree char *path = files_path(&f->files, "hosts");

	strlist_add(&sources, path);
	if (inventory_load(&f->inventory, &sources, &f->inventory_options, &f->arena, &f->diags,
		    &f->err) < 0)
		fail_msg("%s", f->err.text);
	f->site = vars_site_new(&f->inventory, &f->options, &f->diags, &f->err);
	if (!f->site)
		fail_msg("%s", f->err.text);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, host));
}

/* The evaluated value as Python shows it, or the error. */
static const char *get(struct fixture *f, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *value;

	err_clear(&f->err);
	value = vars_get(f->view, name, &f->err);
	if (!value)
		return f->err.text;
	assert_int_equal(template_str(value, &text, &f->err), 0);
	return arena_strdup(&f->arena, text.data);
}

static void gives(struct fixture *f, const char *name, const char *wanted)
{
	assert_string_equal(get(f, name), wanted);
}

static void says(struct fixture *f, const char *name, const char *wanted)
{
	const char *got = get(f, name);

	if (!strstr(got, wanted))
		print_error("got: %s\n", got);
	assert_non_null(strstr(got, wanted));
}

static const char all_levels[] = "[all:vars]\na=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\n"
				 "[web]\nw1 f=6 g=6 h=6\n"
				 "[web:vars]\nb=2\n";

static void load_levels(struct fixture *f)
{
	f->inventory_options.playbook_dir = arena_printf(&f->arena, "%s/play", f->files.dir);
	write_file(f, "hosts", all_levels);
	write_file(f, "group_vars/all.yml", "{c: 3, d: 3, e: 3, f: 3, g: 3, h: 3}\n");
	write_file(f, "play/group_vars/all.yml", "{d: 4, e: 4}\n");
	write_file(f, "group_vars/web.yml", "{e: 5}\n");
	write_file(f, "host_vars/w1.yml", "{g: 7, h: 7}\n");
	strlist_add(&f->extra, "h=8");
	load(f, "w1");
}

static void each_level_beats_those_below(void **state)
{
	struct fixture *f = *state;

	load_levels(f);
	gives(f, "a", "1");
	gives(f, "b", "2");
	gives(f, "c", "3");
	gives(f, "d", "4");
	gives(f, "e", "5");
	gives(f, "f", "6");
	gives(f, "g", "7");
	gives(f, "h", "8");
}

static void explains_winner_and_beaten(void **state)
{
	struct fixture *f = *state;
	const struct vars_claim *claims;
	static const enum vars_level wanted[] = {VARS_EXTRA, VARS_INVENTORY_HOST_VARS,
		VARS_INVENTORY_HOST, VARS_INVENTORY_GROUP_VARS_ALL, VARS_INVENTORY_GROUP};

	load_levels(f);
	assert_int_equal(vars_explain(f->view, "h", &claims), ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(claims[i].level, wanted[i]);
	assert_true(str_ends(claims[1].place.file, "host_vars/w1.yml"));
	assert_int_equal(claims[1].place.line, 1);
	assert_int_equal(claims[1].place.column, 8);
	assert_true(str_ends(claims[2].place.file, "/hosts"));
	assert_int_equal(claims[2].place.line, 11);
	assert_string_equal(claims[2].label, "host w1");
	assert_string_equal(claims[4].label, "group all");
	assert_int_equal(vars_explain(f->view, "nothing", &claims), 0);
}

static void explains_what_a_source_itself_beat(void **state)
{
	struct fixture *f = *state;
	const struct vars_claim *claims;

	write_file(f, "hosts", "[web]\nw1 x=1\n[db]\nw1 x=2\n");
	load(f, "w1");
	gives(f, "x", "2");
	assert_int_equal(vars_explain(f->view, "x", &claims), 2);
	assert_int_equal(claims[0].place.line, 4);
	assert_int_equal(claims[1].place.line, 2);
}

static void file_beside_both_is_named_once(void **state)
{
	struct fixture *f = *state;
	const struct vars_claim *claims;

	f->inventory_options.playbook_dir = f->files.dir;
	write_file(f, "hosts", "w1\n");
	write_file(f, "group_vars/all.yml", "x: 1\n");
	load(f, "w1");
	assert_int_equal(vars_explain(f->view, "x", &claims), 1);
	assert_int_equal(claims[0].level, VARS_INVENTORY_GROUP_VARS_ALL);
}

static void layers_find_their_level(void **state)
{
	struct fixture *f = *state;
	static const enum vars_level order[] = {VARS_ROLE_DEFAULT, VARS_FACT, VARS_PLAY,
		VARS_PROMPT, VARS_PLAY_FILE, VARS_ROLE, VARS_BLOCK, VARS_TASK, VARS_INCLUDE,
		VARS_REGISTERED, VARS_ROLE_PARAM, VARS_INCLUDE_PARAM};
	const struct vars_claim *claims;
	size_t count = ARRAY_SIZE(order);

	write_file(f, "hosts", "w1 x=host\n");
	strlist_add(&f->extra, "x=extra");
	load(f, "w1");
	for (size_t i = 0; i < count; i++) {
		struct value *layer = value_new_dict(&f->arena);
		size_t shuffled = i * 5 % count; /* 5 and 12 have no common factor */
		value_dict_set(&f->arena, layer, "x", value_new_int(&f->arena, 1));
		vars_view_add(f->view, order[shuffled], "added", layer);
	}
	gives(f, "x", "extra");
	assert_int_equal(vars_explain(f->view, "x", &claims), count + 2);
	for (size_t i = 1; i < count + 2; i++)
		assert_true(claims[i - 1].level > claims[i].level);
}

static void adding_a_layer_forgets_old_values(void **state)
{
	struct fixture *f = *state;
	struct value *layer = value_new_dict(&f->arena);

	write_file(f, "hosts", "[g]\nw1 x=old y='{{ x }}'\nw2 z='{{ hostvars.w1.y }}'\n");
	load(f, "w1");
	gives(f, "y", "old");
	value_dict_set(&f->arena, layer, "x", value_new_string(&f->arena, "new"));
	vars_view_add(f->view, VARS_REGISTERED, NULL, layer);
	gives(f, "y", "new");
}

static void values_are_evaluated_when_used(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "w1 base=/data\n");
	write_file(f, "group_vars/all.yml",
		"registry: '{{ base }}/model_registry'\n"
		"model: '{{ registry }}/face'\n"
		"number: '{{ 40 + 2 }}'\n"
		"list: ['{{ base }}', {k: '{{ number }}'}]\n"
		"broken: '{{ nothing_defines_this }}'\n");
	load(f, "w1");
	gives(f, "model", "/data/model_registry/face");
	gives(f, "list", "['/data', {'k': 42}]");
	assert_int_equal(vars_get(f->view, "number", &f->err)->kind, VALUE_INT);
	assert_string_equal(
		value_text(vars_raw(f->view, "registry")), "{{ base }}/model_registry");
}

static void undefined_is_told_from_broken(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "w1\n");
	write_file(f, "group_vars/all.yml", "\nbroken: '{{ nothing }}'\n");
	load(f, "w1");
	says(f, "absent", "no variable 'absent'");
	says(f, "brokne", "did you mean 'broken'?");
	says(f, "absent", "no variable 'absent'");
	assert_int_equal(f->err.code, ERR_NOTFOUND);
	says(f, "broken", "group_vars/all.yml:2:");
	says(f, "broken", "variable 'broken'");
	says(f, "broken", "'nothing'");
	assert_int_equal(f->err.code, ERR_INPUT);
}

static void cycles_are_named(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "w1\n");
	write_file(f, "group_vars/all.yml", "a: '{{ b }}'\nb: '{{ c }}'\nc: '{{ a }}'\n");
	load(f, "w1");
	says(f, "a", "b");
	assert_int_equal(f->err.code, ERR_INPUT);
}

static void what_may_be_missing_is_no_error(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "w1 port=80 user=\"{{ nobody }}\" empty=\"{{ None }}\"\n");
	load(f, "w1");
	assert_null(vars_find(f->view, "prot", &f->err));
	assert_int_equal(f->err.code, ERR_NONE);
	assert_string_equal(
		value_text(vars_find(f->view, "inventory_hostname", &f->err)), "w1");
	assert_non_null(vars_find(f->view, "empty", &f->err));
	assert_int_equal(f->err.code, ERR_NONE);
	assert_null(vars_find(f->view, "user", &f->err));
	assert_int_equal(f->err.code, ERR_INPUT);
	assert_non_null(strstr(f->err.text, "nobody"));
	assert_null(vars_find(f->view, "user", NULL));
}

static void cycles_through_other_hosts_are_found(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts",
		"w1 a=\"{{ hostvars['w2'].a }}\"\nw2 a=\"{{ hostvars['w1'].a }}\"\n");
	load(f, "w1");
	assert_null(vars_get(f->view, "a", &f->err));
}

static void other_hosts_are_seen_evaluated(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts",
		"[g]\nw1\nw2 ansible_host=10.0.0.2 url='http://{{ ansible_host }}'\n[g:vars]\n"
		"theirs=\"{{ hostvars['w2'].url }}\"\n"
		"count=\"{{ hostvars | length }}\"\n"
		"name=\"{{ hostvars.w2.inventory_hostname }}\"\n"
		"missing=\"{{ hostvars['nobody'] is defined }}\"\n"
		"unset=\"{{ hostvars.w2.absent | default('none') }}\"\n");
	load(f, "w1");
	gives(f, "theirs", "http://10.0.0.2");
	gives(f, "count", "2");
	gives(f, "name", "w2");
	gives(f, "missing", "False");
	gives(f, "unset", "none");
}

static void names_may_be_made_up(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts",
		"w1 port_web=80 kind=web port=\"{{ vars['port_' ~ kind] }}\"\n"
		"[all:vars]\nmissing=\"{{ 'nothing' in vars }}\"\nround=\"{{ vars.round "
		"}}\"\n");
	load(f, "w1");
	gives(f, "port", "80");
	gives(f, "missing", "False");
	assert_null(vars_get(f->view, "round", &f->err));
}

static void magic_variables_are_there(void **state)
{
	struct fixture *f = *state;

	f->options.forks = 7;
	f->options.check = true;
	write_file(f, "hosts", "[web]\nw1.example.com\n10.0.0.1\n[top:children]\nweb\n");
	load(f, "w1.example.com");
	gives(f, "inventory_hostname", "w1.example.com");
	gives(f, "inventory_hostname_short", "w1");
	gives(f, "group_names", "['top', 'web']");
	gives(f, "inventory_dir", f->files.dir);
	gives(f, "ansible_forks", "7");
	gives(f, "ansible_check_mode", "True");
	assert_string_equal(
		value_text(vars_render(f->view, "{{ groups.top | join(',') }}", NULL, &f->err)),
		"w1.example.com,10.0.0.1");
	vars_view_free(f->view);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, "10.0.0.1"));
	gives(f, "inventory_hostname_short", "10.0.0.1");
}

static void magic_cannot_be_overridden(void **state)
{
	struct fixture *f = *state;
	const struct vars_claim *claims;

	write_file(f, "hosts", "w1 inventory_hostname=other\n");
	strlist_add(&f->extra, "inventory_hostname=extra");
	load(f, "w1");
	gives(f, "inventory_hostname", "w1");
	assert_int_equal(vars_explain(f->view, "inventory_hostname", &claims), 3);
	assert_int_equal(claims[0].level, VARS_MAGIC);
}

static void merging_melts_mappings(void **state)
{
	struct fixture *f = *state;
	struct config config;

	setenv("ANSIBLE_HASH_BEHAVIOUR", "merge", 1);
	assert_int_equal(config_load_file(&config, NULL, &f->arena, &f->err), 0);
	unsetenv("ANSIBLE_HASH_BEHAVIOUR");
	f->inventory_options.config = &config;
	write_file(f, "hosts", "[g]\nw1 d=\"{'k': {'host': 1}, 'l': [1]}\" e=\"{'h': 1}\"\n");
	write_file(f, "group_vars/all.yml", "d: {k: {all: 1, host: 0}, l: [2, 3]}\ne: text\n");
	write_file(f, "group_vars/g.yml", "e: {below: never}\n");
	load(f, "w1");
	gives(f, "d", "{'k': {'all': 1, 'host': 1}, 'l': [1]}");
	gives(f, "e", "{'below': 'never', 'h': 1}");
}

static void other_order_of_groups(void **state)
{
	struct fixture *f = *state;
	struct config config;

	setenv("ANSIBLE_PRECEDENCE", "all_plugins_inventory,all_inventory,nonsense", 1);
	assert_int_equal(config_load_file(&config, NULL, &f->arena, &f->err), 0);
	unsetenv("ANSIBLE_PRECEDENCE");
	f->options.config = &config;
	write_file(f, "hosts", "w1\n[all:vars]\nx=source\n");
	write_file(f, "group_vars/all.yml", "x: file\n");
	load(f, "w1");
	gives(f, "x", "source");
	assert_int_equal(f->diags.count, 1);
}

static void unsafe_values_are_never_rendered(void **state)
{
	struct fixture *f = *state;
	struct value *facts = value_new_dict(&f->arena);
	struct value *fact = value_new_string(&f->arena, "{{ 1 + 1 }}");

	write_file(f, "hosts", "w1 tagged=plain use='{{ fact }}!'\n");
	write_file(f, "group_vars/all.yml", "kept: !unsafe '{{ 1 + 1 }}'\n");
	load(f, "w1");
	fact->unsafe = true;
	value_dict_set(&f->arena, facts, "fact", fact);
	vars_view_add(f->view, VARS_FACT, NULL, facts);
	gives(f, "fact", "{{ 1 + 1 }}");
	gives(f, "use", "{{ 1 + 1 }}!");
	gives(f, "kept", "{{ 1 + 1 }}");
}

static void vaults_open_when_used(void **state)
{
	struct fixture *f = *state;
	struct secrets secrets = {0};
	AUTO(strbuf_release) struct strbuf envelope = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	assert_int_equal(vault_secrets_add(&secrets.passwords, NULL, "pw", 2, &f->err), 0);
	assert_int_equal(
		vault_encrypt("open", 4, &secrets.passwords.items[0], &envelope, &f->err), 0);
	strbuf_addstr(&text, "{\"token\": {\"__ansible_vault\": ");
	strbuf_addjson(&text, envelope.data, envelope.len);
	strbuf_addstr(&text, "}, \"use\": \"<{{ token }}>\"}");
	write_file(f, "hosts", "w1\n");
	write_file(f, "group_vars/all.json", text.data);
	f->options.secrets = &secrets;
	load(f, "w1");
	gives(f, "use", "<open>");
	gives(f, "token", "open");
	assert_int_equal(vars_raw(f->view, "token")->kind, VALUE_VAULT);
	secrets_release(&secrets);
	vars_view_free(f->view);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, "w1"));
	says(f, "token", "vault");
}

static void closed_file_concerns_its_hosts_only(void **state)
{
	struct fixture *f = *state;
	AUTO(vault_secrets_release) struct vault_secrets list = {0};
	AUTO(strbuf_release) struct strbuf envelope = STRBUF_INIT;

	assert_int_equal(vault_secrets_add(&list, NULL, "pw", 2, &f->err), 0);
	assert_int_equal(vault_encrypt("a: 1\n", 5, &list.items[0], &envelope, &f->err), 0);
	write_file(f, "hosts", "w1 b=1\nw2 b=2\n");
	write_file(f, "host_vars/w1.yml", envelope.data);
	load(f, "w2");
	gives(f, "b", "2");
	vars_view_free(f->view);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, "w1"));
	says(f, "b", "host_vars/w1.yml");
	assert_int_equal(f->err.code, ERR_AUTH);
	assert_int_equal(vars_view_check(f->view, &f->err), -1);
}

static void all_as_written(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "w1 a='{{ b }}'\n");
	load(f, "w1");
	const struct value *all = vars_all(f->view, false, &f->arena);
	assert_int_equal(all->pair_count, 1);
	assert_string_equal(value_text(value_dict_get(all, "a")), "{{ b }}");
	assert_non_null(
		value_dict_get(vars_all(f->view, true, &f->arena), "inventory_hostname"));
}

static void alone_without_what_is_inherited(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts",
		"[g]\nw1 own=1\n[g:vars]\nansible_group_priority=3\nx=1\n[all:vars]\ny=1\n");
	write_file(f, "group_vars/g.yml", "z: 1\n");
	load(f, "w1");
	const struct value *g = vars_of_group(
		f->site, inventory_group(&f->inventory, "g"), false, &f->arena, &f->err);
	assert_int_equal(g->pair_count, 3);
	assert_int_equal(value_dict_get(g, "ansible_group_priority")->integer, 3);
	const struct value *w1 = vars_of_host(
		f->site, inventory_host(&f->inventory, "w1"), false, &f->arena, &f->err);
	assert_int_equal(w1->pair_count, 1);
}

struct reader {
	const struct fixture *f;
	const char *host;
	bool good;
};

/* What a worker does: a view of its own on what all share. */
static void *read_variables(void *data)
{
	struct reader *r = data;

	r->good = true;
	for (int i = 0; i < 20 && r->good; i++) {
		struct vars_view *view =
			vars_view_new(r->f->site, inventory_host(&r->f->inventory, r->host));
		const char *peers = value_text(vars_get(view, "peers", NULL));
		r->good = peers && !strcmp(peers, "http://w1 http://w2 http://w3 ");
		vars_view_free(view);
	}
	return NULL;
}

static void threads_share_a_site(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"w1", "w2", "w3"};
	struct reader readers[ARRAY_SIZE(names)];
	pthread_t threads[ARRAY_SIZE(names)];

	write_file(f, "hosts",
		"w[1:3]\n[all:vars]\nurl=http://{{ inventory_hostname }}\n"
		"peers={% for h in groups.all %}{{ hostvars[h].url }} {% endfor %}\n");
	load(f, "w1");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		readers[i] = (struct reader){.f = f, .host = names[i]};
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_variables, &readers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		pthread_join(threads[i], NULL);
		assert_true(readers[i].good);
	}
}

static const struct value *yaml(struct fixture *f, const char *text)
{
	const struct value *v =
		yaml_read(&f->arena, text, strlen(text), NULL, NULL, NULL, &f->err);

	if (!v)
		fail_msg("%s", f->err.text);
	return v;
}

/* What is set at a level goes as a whole; what was added as a layer, too. */
static void a_level_is_set_and_unset(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "h1 a=1 b=1\n");
	load(f, "h1");
	vars_view_add(f->view, VARS_FACT, "setup", yaml(f, "{a: 2, c: 2}"));
	vars_view_set(f->view, VARS_FACT, "a", yaml(f, "3"));
	gives(f, "a", "3");
	gives(f, "c", "2");
	const struct value *copy = vars_view_copy_set(f->view, VARS_FACT, &f->arena);
	assert_int_equal(copy->pair_count, 1);
	vars_view_unset(f->view, VARS_FACT);
	gives(f, "a", "1");
	says(f, "c", "no variable 'c'");
	copy = vars_view_copy_set(f->view, VARS_FACT, &f->arena);
	assert_int_equal(copy->pair_count, 0);
	vars_view_unset(f->view, VARS_FACT); /* nothing left is fine */
	vars_view_set(f->view, VARS_FACT, "a", yaml(f, "4"));
	gives(f, "a", "4");
}

/* Facts that come in the midst of an evaluation leave what was evaluated alone. */
static void merging_keeps_what_was_evaluated(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "h1 a=1 before='{{ a }}' after='{{ a }}'\n");
	load(f, "h1");
	gives(f, "before", "1");
	vars_view_merge(f->view, VARS_FACT, yaml(f, "{a: 2, b: '{{ a }}'}"));
	vars_view_merge(f->view, VARS_FACT, yaml(f, "{c: 3}"));
	gives(f, "before", "1");
	gives(f, "after", "1"); /* `a` was evaluated before */
	gives(f, "b", "1");
	gives(f, "c", "3");
	vars_view_set(f->view, VARS_FACT, "d", yaml(f, "4")); /* this forgets */
	gives(f, "before", "2");
	gives(f, "b", "2");
}

struct live {
	int asked;
	bool fails;
};

static const struct value *live(
	void *data, const char *name, struct arena *arena, struct err *err)
{
	struct live *l = data;

	if (strcmp(name, "ansible_play_hosts") != 0)
		return NULL;
	l->asked++;
	if (!l->fails)
		return value_new_int(arena, l->asked);
	err_set(err, ERR_BUSY, "not now");
	return NULL;
}

static void live_variables_are_asked_for(void **state)
{
	struct fixture *f = *state;
	struct live l = {0};

	write_file(f, "hosts", "h1 ansible_play_hosts=mine other=1\n");
	load(f, "h1");
	vars_view_set_live(f->view, live, &l);
	gives(f, "other", "1");
	assert_int_equal(l.asked, 0);
	gives(f, "ansible_play_hosts", "1"); /* whatever the inventory says */
	l.fails = true;
	vars_view_set(f->view, VARS_FACT, "x", yaml(f, "1"));
	says(f, "ansible_play_hosts", "not now");
	assert_true(l.asked >= 2);
	vars_view_set_live(f->view, NULL, NULL);
	gives(f, "other", "1");
}

/* A name that no inventory has is a host of which only what is said of all is known. */
static void strangers_have_no_group(void **state)
{
	struct fixture *f = *state;

	write_file(f, "hosts", "h1 a=1\n[web]\nh1\n");
	load(f, "h1");
	const struct host *stranger = vars_site_stranger(f->site, "far.example", &f->err);
	assert_non_null(stranger);
	assert_string_equal(stranger->name, "far.example");
	assert_ptr_equal(stranger, vars_site_stranger(f->site, "far.example", &f->err));
	assert_ptr_equal(vars_site_stranger(f->site, "h1", &f->err),
		inventory_host(&f->inventory, "h1"));
	assert_null(inventory_host(&f->inventory, "far.example"));
	vars_view_free(f->view);
	f->view = vars_view_new(f->site, stranger);
	gives(f, "inventory_hostname", "far.example");
	says(f, "a", "no variable 'a'");
	assert_null(vars_site_stranger(f->site, "", &f->err));
	assert_int_equal(f->err.code, ERR_INPUT);
}

static void levels_have_names(void **state)
{
	(void)state;
	for (enum vars_level i = VARS_OPTION; i <= VARS_MAGIC; i++)
		assert_string_not_equal(vars_level_name(i), "unknown level");
	assert_string_equal(vars_level_name(0), "unknown level");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_level_beats_those_below),
		TEST(explains_winner_and_beaten),
		TEST(explains_what_a_source_itself_beat),
		TEST(file_beside_both_is_named_once),
		TEST(layers_find_their_level),
		TEST(adding_a_layer_forgets_old_values),
		TEST(values_are_evaluated_when_used),
		TEST(undefined_is_told_from_broken),
		TEST(cycles_are_named),
		TEST(what_may_be_missing_is_no_error),
		TEST(cycles_through_other_hosts_are_found),
		TEST(other_hosts_are_seen_evaluated),
		TEST(names_may_be_made_up),
		TEST(magic_variables_are_there),
		TEST(magic_cannot_be_overridden),
		TEST(merging_melts_mappings),
		TEST(other_order_of_groups),
		TEST(unsafe_values_are_never_rendered),
		TEST(vaults_open_when_used),
		TEST(closed_file_concerns_its_hosts_only),
		TEST(all_as_written),
		TEST(alone_without_what_is_inherited),
		TEST(threads_share_a_site),
		TEST(a_level_is_set_and_unset),
		TEST(merging_keeps_what_was_evaluated),
		TEST(live_variables_are_asked_for),
		TEST(strangers_have_no_group),
		TEST(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
