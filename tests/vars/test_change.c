/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts and groups that come while views are in use: a view sees them when it is refreshed,
 * whole or not at all, and threads may add, look and refresh at the same time.
 */
#include <pthread.h>

#include "inventory/files.h"
#include "vars/vars.h"

#define THREADS 6
#define ROUNDS  40

struct fixture {
	struct files files;
	struct arena arena;
	struct inventory inventory;
	struct vars_site *site;
	struct vars_view *view;
};

static int setup(void **state)
{
	static const struct vars_site_options vo = {0};
	struct fixture *f = xcalloc(1, sizeof(*f));
	AUTO(strlist_release) struct strlist sources = {0};
	struct diags diags = {0};
	struct err err = {0};

	files_init(&f->files);
	files_write(&f->files, "hosts", "h1 own=one\nh2 own=two\n", 0644);
	files_write(&f->files, "group_vars/made.yml", "of_made: 'made {{ own }}'\n", 0644);
	autofree char *path = files_path(&f->files, "hosts");
	strlist_add(&sources, path);
	assert_int_equal(
		inventory_load(&f->inventory, &sources, NULL, &f->arena, &diags, &err), 0);
	f->site = vars_site_new(&f->inventory, &vo, &diags, &err);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, "h1"));
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

static const struct value *list_of(struct arena *arena, const char *name)
{
	struct value *list = value_new_list(arena);

	value_list_add(arena, list, value_new_string(arena, name));
	return list;
}

static void group(struct fixture *f, const char *host, const char *name)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags diags = {0};
	struct err err = {0};
	bool changed;
	const struct inventory_grouping what = {
		.host = host, .group = name, .parents = list_of(&arena, "all")};

	if (vars_site_add_grouping(f->site, &what, &changed, &diags, &err) < 0)
		fail_msg("%s", err.text);
}

static void add(struct fixture *f, const char *host, const char *own)
{
	AUTO(arena_release) struct arena arena = {0};
	struct value *vars = value_new_dict(&arena);
	AUTO(diags_release) struct diags diags = {0};
	struct err err = {0};
	bool changed;

	value_dict_set(&arena, vars, "own", value_new_string(&arena, own));
	const struct inventory_addition what = {
		.host = host, .vars = vars, .groups = list_of(&arena, "made")};
	if (vars_site_add_host(f->site, &what, &changed, &diags, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect(struct vars_view *view, const char *text, const char *expected)
{
	struct err err = {0};
	const struct value *v = vars_render(view, text, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	assert_string_equal(v->text, expected);
}

static void a_view_sees_a_group_when_it_is_refreshed(void **state)
{
	struct fixture *f = *state;

	group(f, "h1", "made");
	expect(f->view, "{{ group_names | join }} {{ 'made' in groups }}", "ungrouped False");
	assert_true(vars_view_refresh(f->view));
	expect(f->view, "{{ group_names | join }} {{ groups.made | join }} {{ of_made }}",
		"made h1 made one");
	assert_false(vars_view_refresh(f->view));
}

static void what_was_set_stays_in_its_place(void **state)
{
	struct fixture *f = *state;
	AUTO(arena_release) struct arena scratch = {0};
	struct value *task = value_new_dict(&f->arena);

	value_dict_set(&f->arena, task, "of_made", value_new_string(&f->arena, "of task"));
	vars_view_set(f->view, VARS_REGISTERED, "set", value_new_string(&f->arena, "kept"));
	group(f, "h1", "made");
	vars_view_enter(f->view, &scratch);
	vars_view_add(f->view, VARS_TASK, NULL, task);
	vars_view_refresh(f->view);
	expect(f->view, "{{ of_made }} {{ set }}", "of task kept");
	vars_view_leave(f->view);
	expect(f->view, "{{ of_made }} {{ set }}", "made one kept");
}

static void hostvars_have_a_new_host_and_its_new_values(void **state)
{
	struct fixture *f = *state;

	add(f, "h9", "nine");
	vars_view_refresh(f->view);
	expect(f->view, "{{ hostvars.h9.of_made }} {{ hostvars | length }}", "made nine 3");
	add(f, "h9", "ten");
	vars_view_refresh(f->view);
	expect(f->view, "{{ hostvars.h9.of_made }}", "made ten");
}

static void a_host_that_is_gone_keeps_its_view(void **state)
{
	struct fixture *f = *state;
	struct diags diags = {0};
	struct err err = {0};

	files_write(&f->files, "hosts", "h2\n", 0644);
	assert_int_equal(vars_site_refresh(f->site, &diags, &err), 0);
	assert_true(vars_view_refresh(f->view));
	expect(f->view, "{{ inventory_hostname }} {{ groups.all | join }}", "h1 h2");
	assert_null(vars_site_host(f->site, "h1"));
	diags_release(&diags);
}

struct worker {
	struct fixture *f;
	pthread_t thread;
	unsigned number;
};

/* Adds hosts and groups of its own, and looks at those of all. */
static void *work(void *data)
{
	const struct worker *w = data;
	struct vars_view *view = vars_view_new(w->f->site, vars_site_host(w->f->site, "h2"));

	for (unsigned i = 0; i < ROUNDS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "w%u_%u", w->number, i);
		add(w->f, name, name);
		group(w->f, i % 2 ? "h1" : "h2", i % 3 ? "made" : name);
		vars_view_refresh(view);
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		strbuf_addf(&text,
			"{{ '%s' in groups.made }} {{ hostvars['%s'].of_made }} "
			"{{ 'h1' in hostvars }}",
			name, name);
		AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;
		strbuf_addf(&expected, "True made %s True", name);
		expect(view, text.data, expected.data);
	}
	vars_view_free(view);
	return NULL;
}

static void threads_add_and_look_at_once(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.f = f, .number = i};
		assert_int_equal(
			pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	vars_view_refresh(f->view);
	AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;
	strbuf_addf(&expected, "%d", 2 + THREADS * ROUNDS);
	expect(f->view, "{{ groups.all | length | string }}", expected.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_view_sees_a_group_when_it_is_refreshed),
		TEST(what_was_set_stays_in_its_place),
		TEST(hostvars_have_a_new_host_and_its_new_values),
		TEST(a_host_that_is_gone_keeps_its_view),
		TEST(threads_add_and_look_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
