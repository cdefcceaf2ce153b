/* SPDX-License-Identifier: Apache-2.0 */
/* How a host is reached, by its variables, the settings and the command line. */
#include "inventory/files.h"
#include "sync/connection.h"

struct fixture {
	struct files files;
	struct arena arena;
	struct config config;
	struct inventory inventory;
	struct vars_site *site;
	struct vars_view *view;
	struct connection_defaults defaults;
	struct connection connection;
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

	vars_view_free(f->view);
	vars_site_free(f->site);
	inventory_release(&f->inventory);
	diags_release(&f->diags);
	arena_release(&f->arena);
	files_release(&f->files);
	free(f);
	return 0;
}

static void configure(struct fixture *f, const char *text)
{
	autofree char *path = files_path(&f->files, "ansible.cfg");

	files_write(&f->files, "ansible.cfg", text, 0644);
	if (config_load_file(&f->config, path, &f->arena, &f->err) < 0)
		fail_msg("%s", f->err.text);
	f->defaults.config = &f->config;
}

/* Reads the connection of a host with these variables, a line of YAML each. */
static int read_host(struct fixture *f, const char *host, const char *vars)
{
	AUTO(strlist_release) struct strlist sources = {0};
	autofree char *path = files_path(&f->files, "hosts.yaml");
	autofree char *text = xasprintf("all:\n  hosts:\n    h1:\n%s", vars);
	const struct inventory_options options = {0};
	const struct vars_site_options site_options = {0};

	files_write(&f->files, "hosts.yaml", text, 0644);
	strlist_add(&sources, path);
	if (inventory_load(&f->inventory, &sources, &options, &f->arena, &f->diags, &f->err) <
		0)
		fail_msg("%s", f->err.text);
	f->site = vars_site_new(&f->inventory, &site_options, &f->diags, &f->err);
	f->view = vars_view_new(f->site, inventory_host(&f->inventory, host));
	return connection_read(&f->connection, f->view, &f->defaults, &f->err);
}

static const struct link_options *read_vars(struct fixture *f, const char *vars)
{
	if (read_host(f, "h1", vars) < 0)
		fail_msg("%s", f->err.text);
	return &f->connection.link;
}

static void test_nothing_said(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o = read_vars(f, "");

	assert_string_equal(o->name, "h1");
	assert_null(o->address);
	assert_int_equal(o->port, 0);
	assert_null(o->user);
	assert_null(o->key_files);
	assert_int_equal(o->transport, LINK_AUTO);
	assert_int_equal(o->host_key_checking, LINK_HOST_KEY_CONFIGURED);
	assert_null(o->ssh_common_args);
	assert_null(o->ssh_extra_args);
	assert_false(f->connection.become);
	assert_string_equal(f->connection.become_user, "root");
}

static void test_all_of_a_hosts_own(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      ansible_host: 10.0.0.7\n"
			     "      ansible_port: 2222\n"
			     "      ansible_user: pi\n"
			     "      ansible_ssh_private_key_file: /keys/pi\n"
			     "      ansible_ssh_args: -o A=1\n"
			     "      ansible_ssh_common_args: -o B=2\n"
			     "      ansible_ssh_extra_args: -o C=3\n"
			     "      ansible_ssh_executable: /opt/ssh\n"
			     "      ansible_host_key_checking: false\n"
			     "      ansible_become: yes\n"
			     "      ansible_become_user: models\n"
			     "      ansible_become_method: doas\n"
			     "      ansible_become_flags: -n\n");

	assert_string_equal(o->address, "10.0.0.7");
	assert_int_equal(o->port, 2222);
	assert_string_equal(o->user, "pi");
	assert_string_equal(o->key_files[0], "/keys/pi");
	assert_null(o->key_files[1]);
	assert_string_equal(o->ssh_common_args, "-o A=1 -o B=2");
	assert_string_equal(o->ssh_extra_args, "-o C=3");
	assert_string_equal(o->ssh_program, "/opt/ssh");
	assert_int_equal(o->host_key_checking, LINK_HOST_KEY_OFF);
	assert_true(f->connection.become);
	assert_string_equal(f->connection.become_user, "models");
	assert_string_equal(o->become_method, "doas");
	assert_string_equal(o->become_flags, "-n");
}

static void test_the_older_names(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      ansible_ssh_host: 10.0.0.7\n"
			     "      ansible_ssh_port: \"2222\"\n"
			     "      ansible_ssh_user: pi\n"
			     "      ansible_private_key_file: /keys/pi\n"
			     "      ansible_sudo_user: models\n"
			     "      ansible_ssh_host_key_checking: \"no\"\n");

	assert_string_equal(o->address, "10.0.0.7");
	assert_int_equal(o->port, 2222);
	assert_string_equal(o->user, "pi");
	assert_string_equal(o->key_files[0], "/keys/pi");
	assert_string_equal(f->connection.become_user, "models");
	assert_int_equal(o->host_key_checking, LINK_HOST_KEY_OFF);
}

static void test_directories_for_the_helper(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      modelfleet_remote_dirs: [/opt/helpers, \"~/h\"]\n");

	assert_string_equal(o->remote_dirs[0], "/opt/helpers");
	assert_string_equal(o->remote_dirs[1], "~/h");
	assert_null(o->remote_dirs[2]);
}

static void test_one_directory_for_the_helper(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      modelfleet_remote_dirs: /opt/helpers\n");

	assert_string_equal(o->remote_dirs[0], "/opt/helpers");
	assert_null(o->remote_dirs[1]);
}

static void test_null_is_not_said(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o = read_vars(f, "      ansible_host: null\n"
						    "      ansible_ssh_host: 10.0.0.7\n"
						    "      ansible_user: ~\n");

	assert_string_equal(o->address, "10.0.0.7");
	assert_null(o->user);
}

static void test_templates_are_evaluated(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      site: lab\n"
			     "      ansible_host: \"{{ inventory_hostname }}.{{ site }}\"\n"
			     "      ansible_port: \"{{ 2200 + 22 }}\"\n");

	assert_string_equal(o->address, "h1.lab");
	assert_int_equal(o->port, 2222);
}

/* What two settings say is joined as it is: what came out of a template is not one again. */
static void test_joined_arguments_are_not_templates(void **state)
{
	struct fixture *f = *state;
	const struct link_options *o =
		read_vars(f, "      ansible_ssh_args: \"{{ '{{' }} 1 + 1 {{ '}}' }}\"\n"
			     "      ansible_ssh_common_args: -v\n");

	assert_string_equal(o->ssh_common_args, "{{ 1 + 1 }} -v");
}

static void test_settings(void **state)
{
	struct fixture *f = *state;

	configure(f, "[defaults]\nremote_user = cfg\nremote_port = 2022\n"
		     "private_key_file = /keys/cfg\nhost_key_checking = false\n"
		     "[privilege_escalation]\nbecome = true\nbecome_user = svc\n"
		     "become_method = su\n"
		     "[ssh_connection]\nssh_args = -4\nssh_common_args = -C\n"
		     "ssh_extra_args = -x\nssh_executable = /cfg/ssh\n");
	const struct link_options *o = read_vars(f, "");
	assert_string_equal(o->user, "cfg");
	assert_int_equal(o->port, 2022);
	assert_string_equal(o->key_files[0], "/keys/cfg");
	assert_int_equal(o->host_key_checking, LINK_HOST_KEY_OFF);
	assert_true(f->connection.become);
	assert_string_equal(f->connection.become_user, "svc");
	assert_string_equal(o->become_method, "su");
	assert_string_equal(o->ssh_common_args, "-4 -C");
	assert_string_equal(o->ssh_extra_args, "-x");
	assert_string_equal(o->ssh_program, "/cfg/ssh");
}

static void test_a_transport_of_the_settings(void **state)
{
	struct fixture *f = *state;

	configure(f, "[defaults]\ntransport = local\n");
	assert_int_equal(read_vars(f, "")->transport, LINK_LOCAL);
}

static void say_on_the_command_line(struct fixture *f)
{
	f->defaults.user = "cli";
	f->defaults.private_key = "/keys/cli";
	f->defaults.become = true;
	f->defaults.become_user = "cli-svc";
	f->defaults.become_method = "doas";
	f->defaults.transport = LINK_SSH;
	f->defaults.host_key_checking = LINK_HOST_KEY_STRICT;
}

static void test_the_command_line_beats_settings(void **state)
{
	struct fixture *f = *state;

	configure(f, "[defaults]\nremote_user = cfg\nprivate_key_file = /keys/cfg\n"
		     "host_key_checking = false\n"
		     "[privilege_escalation]\nbecome = false\nbecome_user = svc\n");
	say_on_the_command_line(f);
	const struct link_options *o = read_vars(f, "");
	assert_string_equal(o->user, "cli");
	assert_string_equal(o->key_files[0], "/keys/cli");
	assert_int_equal(o->host_key_checking, LINK_HOST_KEY_STRICT);
	assert_int_equal(o->transport, LINK_SSH);
	assert_true(f->connection.become);
	assert_string_equal(f->connection.become_user, "cli-svc");
	assert_string_equal(o->become_method, "doas");
}

static void test_variables_beat_the_command_line(void **state)
{
	struct fixture *f = *state;

	say_on_the_command_line(f);
	const struct link_options *o =
		read_vars(f, "      ansible_user: own\n"
			     "      ansible_private_key_file: /keys/own\n"
			     "      ansible_become: \"false\"\n"
			     "      ansible_become_user: own-svc\n");
	assert_string_equal(o->user, "own");
	assert_string_equal(o->key_files[0], "/keys/own");
	assert_false(f->connection.become);
	assert_string_equal(f->connection.become_user, "own-svc");
}

static void test_connections(void **state)
{
	static const struct {
		const char *word;
		enum link_transport transport;
	} cases[] = {
		{"ssh", LINK_SSH},
		{"smart", LINK_SSH},
		{"ansible.builtin.ssh", LINK_SSH},
		{"paramiko", LINK_SSH},
		{"local", LINK_LOCAL},
		{"ansible.builtin.local", LINK_LOCAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i && (teardown(state) < 0 || setup(state) < 0))
			fail();
		struct fixture *f = *state;
		f->defaults.transport = LINK_SSH; /* --transport: for what goes over ssh */
		autofree char *vars =
			xasprintf("      ansible_connection: %s\n", cases[i].word);
		assert_int_equal(read_vars(f, vars)->transport, cases[i].transport);
	}
}

static void test_the_implicit_localhost(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_host(f, "localhost", ""), 0);
	assert_int_equal(f->connection.link.transport, LINK_LOCAL);
}

static void test_what_is_wrong(void **state)
{
	static const struct {
		const char *line;
		enum err_code code;
		const char *text;
	} cases[] = {
		{"ansible_port: 0", ERR_INPUT,
			":4:21: ansible_port: found an integer, expected a port from 1 to "
			"65535"},
		{"ansible_port: 65536", ERR_INPUT, "expected a port"},
		{"ansible_port: \"22x\"", ERR_INPUT, "found 22x, expected a port"},
		{"ansible_port: [22]", ERR_INPUT, "expected a port"},
		{"ansible_host: [a]", ERR_INPUT,
			"ansible_host: found a list, expected a string"},
		{"ansible_host: \"a\\0b\"", ERR_INPUT, "ansible_host"},
		{"ansible_become: maybe", ERR_INPUT, "found maybe, expected yes or no"},
		{"ansible_become: 2", ERR_INPUT, "expected yes or no"},
		{"ansible_connection: docker", ERR_UNSUPPORTED,
			"found docker, expected ssh or local"},
		{"ansible_connection: 5", ERR_UNSUPPORTED, "ansible_connection"},
		{"ansible_password: 1234", ERR_INPUT, "expected a string in quotes"},
		{"modelfleet_remote_dirs: [a, b, c, d, e, f, g, h]", ERR_INPUT,
			"expected at most 7 directories"},
		{"modelfleet_remote_dirs: [1]", ERR_INPUT, "modelfleet_remote_dirs"},
		{"ansible_user: \"{{ nowhere }}\"", ERR_INPUT, "nowhere"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i && (teardown(state) < 0 || setup(state) < 0))
			fail();
		struct fixture *f = *state;
		autofree char *vars = xasprintf("      %s\n", cases[i].line);
		assert_int_equal(read_host(f, "h1", vars), -1);
		if (!strstr(f->err.text, cases[i].text) || f->err.code != cases[i].code)
			fail_msg("%s: %s (%s)", cases[i].line, f->err.text,
				err_code_name(f->err.code));
	}
}

/* A wrong secret's error names the variable and never shows the value. */
static void test_errors_about_secrets_do_not_show_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_host(f, "h1", "      ansible_become_password: 31337\n"), -1);
	assert_non_null(strstr(f->err.text, "ansible_become_password"));
	assert_null(strstr(f->err.text, "31337"));
}

static void test_another_transport_of_the_settings(void **state)
{
	struct fixture *f = *state;

	configure(f, "[defaults]\ntransport = docker\n");
	assert_int_equal(read_host(f, "h1", ""), -1);
	assert_int_equal(f->err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(f->err.text, "found docker, expected ssh or local"));
}

static void test_arguments_beyond_the_limit(void **state)
{
	struct fixture *f = *state;
	char word[CONNECTION_ARGS_MAX] = "";

	memset(word, 'x', sizeof(word) - 1);
	autofree char *vars = xasprintf(
		"      ansible_ssh_args: -v\n      ansible_ssh_common_args: %s\n", word);
	assert_int_equal(read_host(f, "h1", vars), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
}

static void test_a_port_of_the_settings_that_is_none(void **state)
{
	struct fixture *f = *state;

	configure(f, "[defaults]\nremote_port = 70000\n");
	assert_int_equal(read_host(f, "h1", ""), -1);
	assert_non_null(strstr(f->err.text, "remote_port"));
}

/* ---- secrets ---- */

static int ask(void *data, enum link_secret kind, const char *subject, struct strbuf *out,
	struct err *err)
{
	(void)data, (void)kind, (void)err;
	strbuf_addf(out, "asked for %s", subject);
	return 1;
}

static const char *secret(struct fixture *f, enum link_secret kind, const char *subject)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct link_options *o = &f->connection.link;

	if (o->secret(o->secret_data, kind, subject, &out, &f->err) != 1)
		return NULL;
	return arena_strdup(&f->arena, out.data);
}

static void test_secrets_of_the_host(void **state)
{
	struct fixture *f = *state;

	f->defaults.password = "asked once";
	f->defaults.become_password = "asked once, too";
	read_vars(f, "      ansible_password: own\n      ansible_become_pass: own sudo\n");
	assert_string_equal(secret(f, LINK_SECRET_PASSWORD, "pi@h1"), "own");
	assert_string_equal(secret(f, LINK_SECRET_BECOME, "root"), "own sudo");
	assert_null(secret(f, LINK_SECRET_PASSPHRASE, "/keys/pi"));
}

static void test_secrets_of_the_command_line(void **state)
{
	struct fixture *f = *state;

	f->defaults.password = "asked once";
	f->defaults.become_password = "asked once, too";
	f->defaults.ask = ask;
	read_vars(f, "");
	assert_string_equal(secret(f, LINK_SECRET_PASSWORD, "pi@h1"), "asked once");
	assert_string_equal(secret(f, LINK_SECRET_BECOME, "root"), "asked once, too");
	assert_string_equal(
		secret(f, LINK_SECRET_PASSPHRASE, "/keys/pi"), "asked for /keys/pi");
}

static void test_nobody_is_asked_for_a_password(void **state)
{
	struct fixture *f = *state;

	f->defaults.ask = ask;
	read_vars(f, "");
	assert_null(secret(f, LINK_SECRET_PASSWORD, "pi@h1"));
	assert_null(secret(f, LINK_SECRET_BECOME, "root"));
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_nothing_said),
		WITH_FIXTURE(test_all_of_a_hosts_own),
		WITH_FIXTURE(test_the_older_names),
		WITH_FIXTURE(test_directories_for_the_helper),
		WITH_FIXTURE(test_one_directory_for_the_helper),
		WITH_FIXTURE(test_null_is_not_said),
		WITH_FIXTURE(test_templates_are_evaluated),
		WITH_FIXTURE(test_joined_arguments_are_not_templates),
		WITH_FIXTURE(test_settings),
		WITH_FIXTURE(test_a_transport_of_the_settings),
		WITH_FIXTURE(test_the_command_line_beats_settings),
		WITH_FIXTURE(test_variables_beat_the_command_line),
		WITH_FIXTURE(test_connections),
		WITH_FIXTURE(test_the_implicit_localhost),
		WITH_FIXTURE(test_what_is_wrong),
		WITH_FIXTURE(test_errors_about_secrets_do_not_show_them),
		WITH_FIXTURE(test_another_transport_of_the_settings),
		WITH_FIXTURE(test_arguments_beyond_the_limit),
		WITH_FIXTURE(test_a_port_of_the_settings_that_is_none),
		WITH_FIXTURE(test_secrets_of_the_host),
		WITH_FIXTURE(test_secrets_of_the_command_line),
		WITH_FIXTURE(test_nobody_is_asked_for_a_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
