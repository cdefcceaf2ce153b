/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running play needs of a view: scopes, variables that are set for good, facts that are
 * fetched, and other hosts that have set something.
 */
#include "inventory/files.h"
#include "template/template.h"
#include "vars/vars.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct inventory inventory;
	struct vars_site *site;
	struct vars_view *view;
	unsigned fetched; /* how often facts were asked for */
	unsigned asked;   /* how often other hosts were */
	bool unreachable;
	bool in_parts; /* facts of the user are fetched apart */
};

static int setup(void **state)
{
	static const struct inventory_options io = {0};
	static const struct vars_site_options vo = {0};
	struct fixture *f = xcalloc(1, sizeof(*f));
	AUTO(strlist_release) struct strlist sources = {0};
	struct diags diags = {0};
	struct err err = {0};

	files_init(&f->files);
	files_write(&f->files, "hosts",
		"w1 own=low use='<{{ own }}>' ansible_user=admin\nw2 own=two\n", 0644);
	autofree char *path = files_path(&f->files, "hosts");
	strlist_add(&sources, path);
	assert_int_equal(
		inventory_load(&f->inventory, &sources, &io, &f->arena, &diags, &err), 0);
	f->site = vars_site_new(&f->inventory, &vo, &diags, &err);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, "w1"));
	diags_release(&diags);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vars_view_free(f->view);
	vars_site_free(f->site);
	inventory_release(&f->inventory);
	arena_release(&f->arena);
	files_release(&f->files);
	free(f);
	return 0;
}

/* An expression's value as text, or the error. */
static const char *render(struct fixture *f, const char *text)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};
	const struct value *v = vars_render(f->view, text, NULL, &err);

	if (!v)
		return arena_strdup(&f->arena, err.text);
	assert_int_equal(template_str(v, &out, NULL), 0);
	return arena_strdup(&f->arena, out.data);
}

static void gives(struct fixture *f, const char *text, const char *wanted)
{
	assert_string_equal(render(f, text), wanted);
}

static const struct value *text_value(struct fixture *f, const char *text)
{
	return value_new_string(&f->arena, text);
}

/* A layer with one variable. */
static const struct value *layer(struct fixture *f, const char *name, const char *text)
{
	struct value *dict = value_new_dict(&f->arena);

	value_dict_set(&f->arena, dict, name, text_value(f, text));
	return dict;
}

static void a_scope_takes_its_layers_along(void **state)
{
	AUTO(arena_release) struct arena outer = {0}, inner = {0};
	struct fixture *f = *state;

	vars_view_enter(f->view, &outer);
	vars_view_add(f->view, VARS_TASK, NULL, layer(f, "own", "task"));
	gives(f, "{{ use }}", "<task>");
	vars_view_enter(f->view, &inner);
	vars_view_add(f->view, VARS_MAGIC, NULL, layer(f, "own", "item"));
	gives(f, "{{ use }}", "<item>");
	vars_view_leave(f->view);
	gives(f, "{{ use }}", "<task>");
	vars_view_leave(f->view);
	gives(f, "{{ use }}", "<low>");
}

static void what_is_evaluated_lies_in_the_scope(void **state)
{
	struct arena scratch = {0};
	struct fixture *f = *state;

	vars_view_enter(f->view, &scratch);
	size_t before = scratch.used;
	gives(f, "{{ use ~ use }}", "<low><low>");
	assert_true(scratch.used > before);
	vars_view_leave(f->view);
	arena_release(&scratch);
	/* Nothing that is used now lay there. */
	gives(f, "{{ use }}", "<low>");
}

static void what_is_set_stays(void **state)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct fixture *f = *state;

	vars_view_enter(f->view, &scratch);
	vars_view_add(f->view, VARS_TASK, NULL, layer(f, "own", "task"));
	vars_view_set(f->view, VARS_REGISTERED, "own", text_value(f, "set"));
	gives(f, "{{ use }}", "<set>");
	vars_view_leave(f->view);
	vars_view_set(f->view, VARS_REGISTERED, "other", text_value(f, "too"));
	gives(f, "{{ use }} {{ other }}", "<set> too");
	vars_view_set(f->view, VARS_REGISTERED, "own", text_value(f, "again"));
	gives(f, "{{ use }}", "<again>");
}

static void magic_of_a_scope_beats_all_else(void **state)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct fixture *f = *state;

	vars_view_enter(f->view, &scratch);
	vars_view_add(f->view, VARS_MAGIC, NULL, layer(f, "inventory_hostname", "changed"));
	gives(f, "{{ inventory_hostname }}", "changed");
	vars_view_leave(f->view);
	gives(f, "{{ inventory_hostname }}", "w1");
}

static const struct value *fetch(void *data, const char *name, bool *partial, struct err *err)
{
	struct fixture *f = data;

	f->fetched++;
	*partial = f->in_parts && strcmp(name, "ansible_user_id") != 0;
	if (f->in_parts && !*partial)
		return layer(f, "ansible_user_id", "root");
	if (!f->unreachable)
		return layer(f, "ansible_system", "Linux");
	err_set(err, ERR_UNREACHABLE, "away");
	return NULL;
}

static void facts_are_fetched_when_one_is_asked_for(void **state)
{
	struct fixture *f = *state;

	vars_view_set_facts(f->view, fetch, f);
	gives(f, "{{ use }} {{ ansible_user }} {{ ansible_check_mode }}", "<low> admin False");
	gives(f, "{{ ansible_host is defined }} {{ ansible_become_user is defined }}",
		"False False");
	assert_int_equal(f->fetched, 0);
	gives(f, "{{ ansible_system }} {{ ansible_other is defined }}", "Linux False");
	gives(f, "{{ ansible_system }}", "Linux");
	assert_int_equal(f->fetched, 1);
}

static void facts_may_come_in_parts(void **state)
{
	struct fixture *f = *state;

	f->in_parts = true;
	vars_view_set_facts(f->view, fetch, f);
	gives(f, "{{ ansible_system }} {{ ansible_system }}", "Linux Linux");
	assert_int_equal(f->fetched, 1);
	gives(f, "{{ ansible_system }} {{ ansible_user_id }} {{ ansible_system }}",
		"Linux root Linux");
	assert_int_equal(f->fetched, 2);
	gives(f, "{{ ansible_other is defined }}", "False");
	assert_int_equal(f->fetched, 2);
}

static void facts_may_begin_like_connections(void **state)
{
	static const char *const facts[] = {"ansible_user_id", "ansible_hostname",
		"ansible_ssh_host_key_ed25519_public", "ansible_python_version",
		"ansible_facts"};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(facts); i++) {
		vars_view_set_facts(f->view, fetch, f);
		render(f, arena_printf(&f->arena, "{{ %s is defined }}", facts[i]));
		assert_int_equal(f->fetched, i + 1);
	}
}

static void what_beats_facts_needs_none(void **state)
{
	struct fixture *f = *state;

	vars_view_set_facts(f->view, fetch, f);
	vars_view_set(f->view, VARS_REGISTERED, "ansible_system", text_value(f, "mine"));
	gives(f, "{{ ansible_system }}", "mine");
	assert_int_equal(f->fetched, 0);
}

static void facts_out_of_reach_are_an_error(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	f->unreachable = true;
	vars_view_set_facts(f->view, fetch, f);
	assert_null(vars_get(f->view, "ansible_system", &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_null(vars_render(f->view, "{{ ansible_system }}", NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(f->fetched, 2);
}

static const struct value *others(void *data, const struct host *host, enum vars_level level,
	struct arena *arena, struct err *err)
{
	struct fixture *f = data;
	struct value *v = value_new_dict(arena);

	(void)err;
	f->asked++;
	if (level == VARS_REGISTERED)
		value_dict_set(arena, v, "mine",
			value_new_stringf(arena, "%s %u", host->name, f->asked));
	return v;
}

static void other_hosts_are_asked_once_a_scope(void **state)
{
	AUTO(arena_release) struct arena first = {0}, second = {0};
	struct fixture *f = *state;

	vars_view_set_others(f->view, others, f);
	vars_view_enter(f->view, &first);
	gives(f, "{{ hostvars.w2.mine }}, {{ hostvars.w2.own }}, {{ hostvars['w2'].mine }}",
		"w2 2, two, w2 2");
	vars_view_leave(f->view);
	vars_view_enter(f->view, &second);
	gives(f, "{{ hostvars.w2.mine }}", "w2 4");
	vars_view_leave(f->view);
	assert_int_equal(f->asked, 4);
}

static void hostvars_of_itself_are_not_the_plays(void **state)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct fixture *f = *state;

	vars_view_enter(f->view, &scratch);
	vars_view_add(f->view, VARS_TASK, NULL, layer(f, "own", "task"));
	gives(f, "{{ own }} {{ hostvars.w1.own }} {{ hostvars.w1.use }}", "task low <low>");
	vars_view_leave(f->view);
}

static void a_copy_of_what_was_set(void **state)
{
	struct fixture *f = *state;
	const struct value *empty = vars_view_copy_set(f->view, VARS_REGISTERED, &f->arena);

	assert_int_equal(empty->pair_count, 0);
	vars_view_set(f->view, VARS_REGISTERED, "a", text_value(f, "1"));
	const struct value *copy = vars_view_copy_set(f->view, VARS_REGISTERED, &f->arena);
	vars_view_set(f->view, VARS_REGISTERED, "b", text_value(f, "2"));
	assert_int_equal(copy->pair_count, 1);
	assert_string_equal(value_text(value_dict_get(copy, "a")), "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_scope_takes_its_layers_along),
		TEST(what_is_evaluated_lies_in_the_scope),
		TEST(what_is_set_stays),
		TEST(magic_of_a_scope_beats_all_else),
		TEST(facts_are_fetched_when_one_is_asked_for),
		TEST(facts_may_come_in_parts),
		TEST(facts_may_begin_like_connections),
		TEST(what_beats_facts_needs_none),
		TEST(facts_out_of_reach_are_an_error),
		TEST(other_hosts_are_asked_once_a_scope),
		TEST(hostvars_of_itself_are_not_the_plays),
		TEST(a_copy_of_what_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
