/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading inventories: what the comparison with Ansible cannot show. Places, strictness,
 * limits, and programs that misbehave.
 */
#include "inventory/files.h"
#include "inventory/inventory.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct inventory inventory;
	struct inventory_options options;
	struct diags diags;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	files_init(&f->files);
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

static int load(struct fixture *f, const char *source)
{
	AUTO(strlist_release) struct strlist sources = {0};
	autofree char *path = files_path(&f->files, source);

	strlist_add(&sources, strchr(source, ',') ? source : path);
	return inventory_load(
		&f->inventory, &sources, &f->options, &f->arena, &f->diags, &f->err);
}

static void loads(struct fixture *f, const char *source)
{
	int rc = load(f, source);

	if (rc < 0)
		print_error("%s\n", f->err.text);
	assert_int_equal(rc, 0);
}

/* Loading fails, and the message says this. */
static void fails(struct fixture *f, const char *source, enum err_code code, const char *text)
{
	assert_int_equal(load(f, source), -1);
	if (!strstr(f->err.text, text))
		print_error("got: %s\n", f->err.text);
	assert_non_null(strstr(f->err.text, text));
	assert_int_equal(f->err.code, code);
}

static const struct inventory_var *host_var(struct fixture *f, const char *host, size_t i)
{
	const struct host *found = inventory_host(&f->inventory, host);

	assert_non_null(found);
	assert_true(i < found->vars.count);
	return &found->vars.items[i];
}

static void values_of_ini_have_places(void **state)
{
	struct fixture *f = *state;

	files_write(
		&f->files, "hosts", "[web]\n  one  a=1 b='x y'\n[web:vars]\n c = 3\n", 0644);
	loads(f, "hosts");
	const struct inventory_var *b = host_var(f, "one", 1);
	assert_string_equal(b->name, "b");
	assert_true(str_ends(b->place.file, "/hosts"));
	assert_int_equal(b->place.line, 2);
	assert_int_equal(b->place.column, 12);
	const struct group *web = inventory_group(&f->inventory, "web");
	assert_int_equal(web->vars.items[0].place.line, 4);
	assert_int_equal(web->vars.items[0].place.column, 2);
}

static void values_of_yaml_have_places(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts.yaml", "web:\n  hosts:\n    one:\n      a: 1\n", 0644);
	loads(f, "hosts.yaml");
	assert_int_equal(host_var(f, "one", 0)->place.line, 4);
	assert_int_equal(host_var(f, "one", 0)->place.column, 7);
}

static void later_values_win_and_earlier_stay_known(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "site/a", "[web]\none x=1\n", 0644);
	files_write(&f->files, "site/b", "[web]\none x=2\n", 0644);
	loads(f, "site");
	const struct host *one = inventory_host(&f->inventory, "one");
	assert_int_equal(one->vars.count, 2);
	assert_int_equal(inventory_var(&f->inventory, &f->arena, &one->vars, "x")->integer, 2);
	assert_true(str_ends(one->source, "/site/a"));
	autofree char *dir = inventory_host_dir(one);
	assert_true(str_ends(dir, "/site"));
}

static void groups_of_a_host_are_in_order(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts",
		"[z]\nh\n[b]\nh\n[a]\nh\n[a:vars]\nansible_group_priority=2\n[top:children]"
		"\nz\n",
		0644);
	loads(f, "hosts");
	const struct host *h = inventory_host(&f->inventory, "h");
	static const char *const wanted[] = {"b", "top", "a", "z"};
	assert_int_equal(h->groups.count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_string_equal(h->groups.items[i]->name, wanted[i]);
	assert_int_equal(inventory_group(&f->inventory, "z")->depth, 2);
	assert_true(inventory_host_in(h, "top"));
	assert_true(inventory_host_in(h, "all"));
	assert_false(inventory_host_in(h, "ungrouped"));
}

static void localhost_is_implicit(void **state)
{
	struct fixture *f = *state;

	loads(f, "a,");
	assert_true(inventory_host(&f->inventory, "localhost")->implicit);
	assert_ptr_equal(inventory_host(&f->inventory, "::1"), f->inventory.localhost);
	assert_null(inventory_host(&f->inventory, "b"));
}

static void localhost_that_is_named_is_not(void **state)
{
	struct fixture *f = *state;

	loads(f, "127.0.0.1,");
	assert_false(inventory_host(&f->inventory, "localhost")->implicit);
}

static void strict_loading_refuses_what_ansible_warns_of(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts.yaml", "web:\n  hosts: [a]\n", 0644);
	f->options.strict = true;
	fails(f, "hosts.yaml", ERR_INPUT,
		"line 2:10: 'hosts' of group 'web' must be a mapping");
}

static void strict_loading_wants_an_inventory(void **state)
{
	struct fixture *f = *state;

	f->options.strict = true;
	fails(f, "missing", ERR_NOTFOUND, "no such file or directory");
}

static void lenient_loading_warns(void **state)
{
	struct fixture *f = *state;

	loads(f, "missing");
	assert_int_equal(f->diags.count, 2);
	assert_int_equal(f->inventory.hosts.count, 0);
}

static void plugins_are_refused_by_name(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "aws.yaml", "plugin: amazon.aws.aws_ec2\n", 0644);
	f->options.strict = true;
	fails(f, "aws.yaml", ERR_UNSUPPORTED, "plugin 'amazon.aws.aws_ec2' is not supported");
}

static void too_many_hosts_are_refused(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts", "n[1:100000]\nm[1:100000]\nlast\n", 0644);
	fails(f, "hosts", ERR_LIMIT, "more than 200000 hosts");
}

static void too_deep_directories_are_refused(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;

	for (int i = 0; i < INVENTORY_MAX_NESTING + 2; i++)
		strbuf_addstr(&path, "d/");
	strbuf_addstr(&path, "hosts");
	files_write(&f->files, path.data, "h\n", 0644);
	fails(f, "d", ERR_LIMIT, "nested deeper");
}

static void program_that_hangs_is_stopped(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "slow", "#!/bin/sh\nsleep 60\n", 0755);
	f->options.script_timeout = 0.2;
	fails(f, "slow", ERR_TIMEOUT, "slow --list");
}

static void program_that_never_stops_printing_is_stopped(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "loud", "#!/bin/sh\nexec head -c 200000000 /dev/zero\n", 0755);
	fails(f, "loud", ERR_LIMIT, "loud --list");
}

static void program_that_fails_is_quoted(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "bad", "#!/bin/sh\necho no credentials >&2\nexit 7\n", 0755);
	f->options.strict = true;
	fails(f, "bad", ERR_INPUT, "failed with exit code 7: no credentials");
}

static void broken_vars_file_is_an_error(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts", "[web]\nh\n", 0644);
	files_write(&f->files, "group_vars/web.yml", "a: [\n", 0644);
	fails(f, "hosts", ERR_INPUT, "group_vars/web.yml:2:");
}

static void vars_file_must_be_a_mapping(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts", "h\n", 0644);
	files_write(&f->files, "host_vars/h", "- a\n", 0644);
	fails(f, "hosts", ERR_INPUT, "must hold a mapping, found a list");
}

static void names_do_not_leave_their_directory(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "hosts", "../secret\n/abs\nsub/h\n", 0644);
	files_write(&f->files, "secret.yml", "leaked: 1\n", 0644);
	files_write(&f->files, "host_vars/sub/h.yml", "nested: 1\n", 0644);
	loads(f, "hosts");
	const struct vars_base *base = f->inventory.beside_sources.items[0];
	assert_int_equal(base->hosts.count, 1);
	assert_true(strmap_has(&base->hosts, "sub/h"));
}

static void diamonds_are_walked_once(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct host_list hosts = {0};

	/* 40 layers of two groups, each a child of both above: 2^40 ways down. */
	for (int i = 0; i < 40; i++)
		strbuf_addf(&text, "[l%d:children]\nl%d\nr%d\n[r%d:children]\nl%d\nr%d\n", i,
			i + 1, i + 1, i, i + 1, i + 1);
	strbuf_addstr(&text, "[l40]\nh\n[r40]\n");
	files_write(&f->files, "hosts", text.data, 0644);
	loads(f, "hosts");
	assert_int_equal(inventory_group(&f->inventory, "l40")->depth, 41);
	assert_int_equal(inventory_host(&f->inventory, "h")->groups.count, 81);
	inventory_group_hosts(&f->inventory, f->inventory.all, &hosts);
	assert_int_equal(hosts.count, 1);
	free(hosts.items);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_of_ini_have_places),
		TEST(values_of_yaml_have_places),
		TEST(later_values_win_and_earlier_stay_known),
		TEST(groups_of_a_host_are_in_order),
		TEST(localhost_is_implicit),
		TEST(localhost_that_is_named_is_not),
		TEST(strict_loading_refuses_what_ansible_warns_of),
		TEST(strict_loading_wants_an_inventory),
		TEST(lenient_loading_warns),
		TEST(plugins_are_refused_by_name),
		TEST(too_many_hosts_are_refused),
		TEST(too_deep_directories_are_refused),
		TEST(program_that_hangs_is_stopped),
		TEST(program_that_never_stops_printing_is_stopped),
		TEST(program_that_fails_is_quoted),
		TEST(broken_vars_file_is_an_error),
		TEST(vars_file_must_be_a_mapping),
		TEST(names_do_not_leave_their_directory),
		TEST(diamonds_are_walked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
