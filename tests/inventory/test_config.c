/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/config.h"
#include "inventory/files.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct config config;
	struct diags diags;
	struct err err;
	char *cwd;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	files_init(&f->files);
	f->cwd = getcwd(NULL, 0);
	if (chdir(f->files.dir) < 0)
		return -1;
	setenv("HOME", f->files.dir, 1);
	unsetenv("ANSIBLE_CONFIG");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int rc = chdir(f->cwd);

	free(f->cwd);
	files_release(&f->files);
	diags_release(&f->diags);
	arena_release(&f->arena);
	free(f);
	return rc;
}

static void load(struct fixture *f)
{
	assert_int_equal(config_load(&f->config, &f->arena, &f->diags, &f->err), 0);
}

static void load_text(struct fixture *f, const char *text)
{
	files_write(&f->files, "ansible.cfg", text, 0644);
	load(f);
}

static void fails(struct fixture *f, const char *text, const char *message)
{
	files_write(&f->files, "ansible.cfg", text, 0644);
	err_clear(&f->err);
	assert_int_equal(config_load(&f->config, &f->arena, &f->diags, &f->err), -1);
	if (!strstr(f->err.text, message))
		print_error("got: %s\n", f->err.text);
	assert_non_null(strstr(f->err.text, message));
}

static void explains(struct fixture *f, enum config_key key, const char *wanted)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	config_explain(&f->config, key, &got);
	assert_non_null(strstr(got.data, wanted));
}

static void has_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config_load_file(&f->config, NULL, &f->arena, &f->err), 0);
	assert_null(f->config.file);
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 5);
	assert_true(config_bool(&f->config, CONFIG_HOST_KEY_CHECKING));
	assert_null(config_text(&f->config, CONFIG_REMOTE_USER));
	assert_int_equal(config_int(&f->config, CONFIG_REMOTE_PORT, -1), -1);
	assert_string_equal(config_text(&f->config, CONFIG_BECOME_METHOD), "sudo");
	explains(f, CONFIG_FORKS, "default");
	assert_int_equal(config_int(NULL, CONFIG_FORKS, 0), 5);
}

static void environment_beats_file_beats_default(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[defaults]\nforks = 7\nremote_user = file\n");
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 7);
	explains(f, CONFIG_FORKS, "ansible.cfg:2 (defaults.forks)");
	setenv("ANSIBLE_FORKS", "9", 1);
	load(f);
	unsetenv("ANSIBLE_FORKS");
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 9);
	assert_string_equal(config_text(&f->config, CONFIG_REMOTE_USER), "file");
	explains(f, CONFIG_FORKS, "ANSIBLE_FORKS");
}

static void last_of_several_names_wins(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[ssh_connection]\ntimeout = 3\n[defaults]\ntimeout = 4\n");
	assert_int_equal(config_int(&f->config, CONFIG_TIMEOUT, 0), 3);
}

static void paths_are_those_of_the_file(void **state)
{
	struct fixture *f = *state;
	AUTO(strlist_release) struct strlist paths = {0};
	AUTO(strlist_release) struct strlist roles = {0};
	autofree char *key = files_path(&f->files, "etc/key");
	autofree char *home = files_path(&f->files, "inv");

	files_write(&f->files, "etc/ansible.cfg",
		"[defaults]\nprivate_key_file = ./key\ninventory = a, ../b/./c ,$HOME/inv\n"
		"roles_path = x:/y:~/inv\n",
		0644);
	setenv("ANSIBLE_CONFIG", "etc", 1);
	load(f);
	unsetenv("ANSIBLE_CONFIG");
	assert_string_equal(config_text(&f->config, CONFIG_PRIVATE_KEY_FILE), key);
	config_list(&f->config, CONFIG_INVENTORY, &paths);
	assert_int_equal(paths.count, 3);
	assert_true(str_ends(paths.items[0], "/etc/a"));
	assert_true(str_ends(paths.items[1], "/b/c"));
	assert_string_equal(paths.items[2], home);
	config_list(&f->config, CONFIG_ROLES_PATH, &roles);
	assert_int_equal(roles.count, 3);
	assert_string_equal(roles.items[1], "/y");
	assert_string_equal(roles.items[2], home);
}

static void reads_the_grammar(void **state)
{
	struct fixture *f = *state;
	AUTO(strlist_release) struct strlist list = {0};

	load_text(f, "# comment\n; comment\n[defaults]\nFORKS: 3 ; behind\n"
		     "vault_identity_list = a@x,\n    b@y\n\n   , c@z\n"
		     "remote_user = \"quoted # kept\"\n\n[ssh_connection]\nssh_args=\n");
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 3);
	config_list(&f->config, CONFIG_VAULT_IDENTITY_LIST, &list);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[1], "b@y");
	assert_string_equal(list.items[2], "c@z");
	assert_string_equal(config_text(&f->config, CONFIG_REMOTE_USER), "quoted # kept");
	assert_string_equal(config_text(&f->config, CONFIG_SSH_ARGS), "");
}

static void default_section_counts_everywhere(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[DEFAULT]\nforks = 8\n[defaults]\ntimeout = 1\n");
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 8);
}

static void errors_have_file_and_line(void **state)
{
	struct fixture *f = *state;

	fails(f, "forks = 1\n", "ansible.cfg:1:");
	fails(f, "[defaults]\nforks\n", "ansible.cfg:2: expected KEY = VALUE");
	fails(f, "[defaults]\nforks=1\nforks=2\n", "ansible.cfg:3: the key is there already");
	fails(f, "[a]\n[a]\n", "ansible.cfg:2: the section is there already");
	fails(f, "[]\n", "ansible.cfg:1:");
	fails(f, "[defaults]\n= 1\n", "ansible.cfg:2: a key is missing");
	fails(f, "[defaults]\n\nforks = many\n",
		"ansible.cfg:3: defaults.forks: expected a number, found 'many'");
	fails(f, "[privilege_escalation]\nbecome = perhaps\n", "expected true or false");
	fails(f, "[defaults]\nhash_behaviour = mix\n", "ansible.cfg:2");
}

static void empty_numbers_and_paths_are_unset(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[defaults]\nremote_port =\nprivate_key_file =\n");
	assert_int_equal(config_int(&f->config, CONFIG_REMOTE_PORT, -1), -1);
	assert_null(config_text(&f->config, CONFIG_PRIVATE_KEY_FILE));
}

static void public_directory_is_not_trusted(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, "ansible.cfg", "[defaults]\nforks = 77\n", 0644);
	assert_int_equal(chmod(f->files.dir, 0777), 0);
	load(f);
	assert_int_not_equal(config_int(&f->config, CONFIG_FORKS, 0), 77);
	assert_int_equal(f->diags.count, 1);
	assert_non_null(strstr(f->diags.items[0].text, "everybody may write"));
}

static void home_comes_after_here(void **state)
{
	struct fixture *f = *state;

	files_write(&f->files, ".ansible.cfg", "[defaults]\nforks = 11\n", 0644);
	load(f);
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 11);
	load_text(f, "[defaults]\nforks = 12\n");
	assert_int_equal(config_int(&f->config, CONFIG_FORKS, 0), 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(has_defaults),
		TEST(environment_beats_file_beats_default),
		TEST(last_of_several_names_wins),
		TEST(paths_are_those_of_the_file),
		TEST(reads_the_grammar),
		TEST(default_section_counts_everywhere),
		TEST(errors_have_file_and_line),
		TEST(empty_numbers_and_paths_are_unset),
		TEST(public_directory_is_not_trusted),
		TEST(home_comes_after_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
