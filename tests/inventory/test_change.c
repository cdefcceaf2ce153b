/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of an inventory after it was loaded. What a playbook sees of them is compared with
 * Ansible (tests/play/run_corpus); here is what that cannot show: that hosts keep their places,
 * files of variables, bad names, and sources that cannot be read any more.
 */
#include "inventory/change.h"
#include "inventory/datafile.h"
#include "inventory/files.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct inventory inventory;
	struct diags diags;
	struct err err;
	bool changed;
};

#define HOSTS "h1 v=1\nh2\n[web]\nh1\n[low]\nh2\n[top:children]\nlow\n"

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	AUTO(strlist_release) struct strlist sources = {0};

	files_init(&f->files);
	files_write(&f->files, "hosts", HOSTS, 0644);
	files_write(&f->files, "group_vars/fresh.yml", "of_fresh: 1\n", 0644);
	files_write(&f->files, "host_vars/h9.yml", "of_h9: 1\n", 0644);
	autofree char *path = files_path(&f->files, "hosts");
	strlist_add(&sources, path);
	assert_int_equal(
		inventory_load(&f->inventory, &sources, NULL, &f->arena, &f->diags, &f->err),
		0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inventory_release(&f->inventory);
	diags_release(&f->diags);
	arena_release(&f->arena);
	files_release(&f->files);
	free(f);
	return 0;
}

static const struct value *yaml(struct fixture *f, const char *text)
{
	return datafile_parse(&f->arena, text, strlen(text), "test", NULL, NULL);
}

static int add(struct fixture *f, const char *host, const char *vars, const char *groups)
{
	const struct inventory_addition what = {
		.host = host, .vars = yaml(f, vars), .groups = yaml(f, groups)};

	return inventory_add_host(&f->inventory, &what, &f->changed, &f->diags, &f->err);
}

static int group(struct fixture *f, const char *host, const char *name, const char *parents)
{
	const struct inventory_grouping what = {
		.host = host, .group = name, .parents = yaml(f, parents)};

	return inventory_add_grouping(&f->inventory, &what, &f->changed, &f->diags, &f->err);
}

/* The names of a host's groups, between blanks. */
static const char *groups_of(struct fixture *f, const char *host)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct host *h = inventory_host(&f->inventory, host);

	for (size_t i = 0; i < h->groups.count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", h->groups.items[i]->name);
	return arena_strdup(&f->arena, text.data);
}

/* The names of a group's hosts, between blanks. */
static const char *hosts_of(struct fixture *f, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct host_list hosts = {0};

	inventory_group_hosts(&f->inventory, inventory_group(&f->inventory, name), &hosts);
	for (size_t i = 0; i < hosts.count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", hosts.items[i]->name);
	free(hosts.items);
	return arena_strdup(&f->arena, text.data);
}

static bool has_files(const struct strmap *files, const char *name)
{
	const struct vars_file_list *list = strmap_get(files, name);

	return list && list->count == 1;
}

static void a_host_is_added_with_its_groups(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "h9", "{color: red}", "[fresh, low]"), 0);
	assert_true(f->changed);
	assert_string_equal(groups_of(f, "h9"), "fresh top low");
	assert_string_equal(hosts_of(f, "top"), "h2 h9");
	const struct host *h = inventory_host(&f->inventory, "h9");
	assert_null(h->source);
	assert_string_equal(
		inventory_var(&f->inventory, &f->arena, &h->vars, "color")->text, "red");
}

static void files_beside_the_source_are_read_for_it(void **state)
{
	struct fixture *f = *state;

	add(f, "h9", "{}", "[fresh]");
	const struct vars_base *base = f->inventory.beside_sources.items[0];
	assert_true(has_files(&base->groups, "fresh"));
	assert_true(has_files(&base->hosts, "h9"));
}

static void a_host_without_groups_is_ungrouped(void **state)
{
	struct fixture *f = *state;

	add(f, "h9", "{}", "[]");
	assert_string_equal(groups_of(f, "h9"), "ungrouped");
	add(f, "h9", "{}", "[web]");
	assert_string_equal(groups_of(f, "h9"), "web");
	assert_string_equal(hosts_of(f, "ungrouped"), "");
}

static void what_is_as_before_is_no_change(void **state)
{
	struct fixture *f = *state;

	add(f, "h9", "{a: [1, 2]}", "[fresh]");
	add(f, "h9", "{a: [1, 2]}", "[fresh]");
	assert_false(f->changed);
	add(f, "h9", "{a: [1]}", "[]");
	assert_true(f->changed);
	add(f, "h1", "{v: \"1\"}", "[]"); /* a text is not the number that it was */
	assert_true(f->changed);
}

static void bad_names_are_refused(void **state)
{
	struct fixture *f = *state;
	char name[INVENTORY_MAX_NAME + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(add(f, "", "{}", "[]"), -1);
	assert_string_equal(f->err.text, "Invalid empty host name provided");
	assert_int_equal(add(f, "a\nb", "{}", "[]"), -1);
	assert_non_null(strstr(f->err.text, "control character"));
	assert_int_equal(add(f, name, "{}", "[]"), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
	assert_int_equal(group(f, "h1", name, "[all]"), -1);
	assert_int_equal(group(f, "h1", "", "[all]"), -1);
	assert_int_equal(add(f, "h9", "{}", "[\"\"]"), -1);
}

static void a_name_that_leaves_the_directory_reads_no_file(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "host_vars/in.yml", "a: 1\n", 0644);
	assert_int_equal(add(f, "../host_vars/in", "{}", "[]"), 0);
	const struct vars_base *base = f->inventory.beside_sources.items[0];
	assert_null(strmap_get(&base->hosts, "../host_vars/in"));
}

static void a_group_brings_its_hosts_below_its_parents(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(group(f, "h1", "made", "[above]"), 0);
	assert_string_equal(groups_of(f, "h1"), "above web made");
	assert_int_equal(group(f, "h2", "made", "[above]"), 0);
	assert_true(f->changed);
	assert_int_equal(group(f, "h2", "made", "[above]"), 0);
	assert_false(f->changed);
	assert_int_equal(group(f, "h2", "made", "[highest]"), 0);
	assert_string_equal(groups_of(f, "h1"), "above highest web made");
	assert_string_equal(hosts_of(f, "highest"), "h1 h2");
}

static void groups_form_no_loop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(group(f, "h1", "top", "[low]"), -1);
	assert_non_null(strstr(f->err.text, "closes a loop"));
	assert_int_equal(group(f, "h1", "all", "[all]"), -1);
	assert_string_equal(groups_of(f, "h1"), "web");
}

static void the_implicit_localhost_can_be_grouped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(group(f, "localhost", "here", "[all]"), 0);
	assert_int_equal(group(f, "h1", "here", "[all]"), 0);
	assert_string_equal(hosts_of(f, "here"), "localhost h1");
	assert_string_equal(groups_of(f, "localhost"), "here");
	assert_int_equal(group(f, "nobody", "here", "[all]"), -1);
	assert_int_equal(f->err.code, ERR_NOTFOUND);
}

static void refreshing_keeps_hosts_where_they_are(void **state)
{
	struct fixture *f = *state;
	const struct host *h1 = inventory_host(&f->inventory, "h1");
	const struct host *h2 = inventory_host(&f->inventory, "h2");
	const struct host *here = inventory_host(&f->inventory, "localhost");

	files_write(&f->files, "hosts", "h3\nh1 v=2\n[db]\nh1\n", 0644);
	assert_int_equal(inventory_refresh(&f->inventory, &f->diags, &f->err), 0);
	assert_ptr_equal(inventory_host(&f->inventory, "h1"), h1);
	assert_ptr_equal(inventory_host(&f->inventory, "localhost"), here);
	assert_null(inventory_host(&f->inventory, "h2"));
	assert_int_equal(h2->groups.count, 0);
	assert_string_equal(h2->name, "h2");
	assert_string_equal(groups_of(f, "h1"), "db");
	assert_string_equal(hosts_of(f, "all"), "h3 h1");
	assert_int_equal(inventory_var(&f->inventory, &f->arena, &h1->vars, "v")->integer, 2);
}

static void what_was_added_is_there_after_refreshing(void **state)
{
	struct fixture *f = *state;

	add(f, "h9", "{color: red}", "[fresh]");
	group(f, "h1", "made", "[above]");
	group(f, "h2", "made", "[above]");
	group(f, "localhost", "made", "[above]");
	const struct host *h9 = inventory_host(&f->inventory, "h9");
	files_write(&f->files, "hosts", "h1\n", 0644);
	for (int i = 0; i < 2; i++)
		assert_int_equal(inventory_refresh(&f->inventory, &f->diags, &f->err), 0);
	assert_ptr_equal(inventory_host(&f->inventory, "h9"), h9);
	assert_string_equal(groups_of(f, "h9"), "fresh");
	assert_string_equal(hosts_of(f, "above"), "h1 localhost");
}

static void a_localhost_that_comes_later_takes_the_implicit_ones_place(void **state)
{
	struct fixture *f = *state;
	const struct host *here = inventory_host(&f->inventory, "localhost");

	group(f, "localhost", "made", "[all]");
	files_write(&f->files, "hosts", "localhost\n", 0644);
	assert_int_equal(inventory_refresh(&f->inventory, &f->diags, &f->err), 0);
	assert_ptr_not_equal(inventory_host(&f->inventory, "localhost"), here);
	assert_int_equal(here->groups.count, 0);
	assert_string_equal(hosts_of(f, "made"), "localhost");
}

static void an_inventory_that_cannot_be_read_again_stays(void **state)
{
	struct fixture *f = *state;

	f->inventory.options.strict = true;
	files_write(&f->files, "hosts", "[web\nh1\n", 0644);
	assert_int_equal(inventory_refresh(&f->inventory, &f->diags, &f->err), -1);
	assert_string_equal(groups_of(f, "h1"), "web");
	assert_string_equal(hosts_of(f, "top"), "h2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_host_is_added_with_its_groups),
		TEST(files_beside_the_source_are_read_for_it),
		TEST(a_host_without_groups_is_ungrouped),
		TEST(what_is_as_before_is_no_change),
		TEST(bad_names_are_refused),
		TEST(a_name_that_leaves_the_directory_reads_no_file),
		TEST(a_group_brings_its_hosts_below_its_parents),
		TEST(groups_form_no_loop),
		TEST(the_implicit_localhost_can_be_grouped),
		TEST(refreshing_keeps_hosts_where_they_are),
		TEST(what_was_added_is_there_after_refreshing),
		TEST(a_localhost_that_comes_later_takes_the_implicit_ones_place),
		TEST(an_inventory_that_cannot_be_read_again_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
