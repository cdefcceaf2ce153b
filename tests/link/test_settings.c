/* SPDX-License-Identifier: Apache-2.0 */
/* The ssh configuration: what ssh -G prints, when it is asked, and words. */
#include "link/settings.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "link/fixture.h"
#include "link/ssh_cache.h"

static int parse(struct ssh_settings *s, const char *text, struct err *err)
{
	ssh_settings_defaults(s, "given");
	return ssh_settings_parse(s, text, strlen(text), err);
}

static void test_parse(void **state)
{
	struct ssh_settings s;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		parse(&s,
			"user me\nhostname real.net\nport 2200\naddressfamily inet6\n"
			"identityfile ~/.ssh/a\nidentityfile /k/b\nidentitiesonly yes\n"
			"hostkeyalias alias\nidentityagent /run/agent\nunheard of\n"
			"stricthostkeychecking accept-new\nhashknownhosts yes\n"
			"userknownhostsfile /a /b\nproxyjump none\n"
			"pubkeyauthentication unbound\npasswordauthentication no\n",
			&err),
		0);
	assert_string_equal(s.user, "me");
	assert_string_equal(s.host, "real.net");
	assert_int_equal(s.port, 2200);
	assert_int_equal(s.family, AF_INET6);
	assert_int_equal(s.identity_files.count, 2);
	assert_true(s.identities_only && s.hash_known_hosts && s.public_key && !s.password);
	assert_string_equal(s.host_key_alias, "alias");
	assert_string_equal(s.identity_agent, "/run/agent");
	assert_int_equal(s.checking, LINK_HOST_KEY_ACCEPT_NEW);
	assert_int_equal(s.user_known_hosts.count, 2);
	assert_null(s.needs_program);
	ssh_settings_release(&s);
}

static void test_what_needs_the_program(void **state)
{
	static const char *const lines[] = {"proxyjump jump\n", "proxycommand nc %h %p\n",
		"certificatefile ~/.ssh/id-cert.pub\n", "pkcs11provider /lib/p11.so\n",
		"knownhostscommand /bin/k\n", "bindaddress 10.0.0.1\n"};
	struct ssh_settings s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(parse(&s, lines[i], NULL), 0);
		assert_non_null(s.needs_program);
		assert_true(str_starts(lines[i], s.needs_program));
		ssh_settings_release(&s);
	}
}

static void test_values_without_meaning(void **state)
{
	static const char *const lines[] = {"port 0\n", "port 65536\n", "port x\n",
		"addressfamily inet5\n", "stricthostkeychecking perhaps\n",
		"identitiesonly maybe\n", "hostname -oProxyCommand=x\n", "hostname a b\n"};
	struct ssh_settings s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct err err = {0};
		assert_int_equal(parse(&s, lines[i], &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		ssh_settings_release(&s);
	}
}

static void test_limits(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct ssh_settings s;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_addstr(&text, "identityfile /x\n");
	assert_int_equal(parse(&s, text.data, &err), 0);
	assert_true(s.identity_files.count <= 100);
	ssh_settings_release(&s);
	while (text.len <= SSH_SETTINGS_MAX_BYTES)
		strbuf_addstr(&text, "a b\n");
	assert_int_equal(parse(&s, text.data, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	ssh_settings_release(&s);
}

struct words_case {
	const char *line;
	const char *words; /* joined by | */
};

static void test_words(void **state)
{
	static const struct words_case cases[] = {
		{"", ""},
		{"  ", ""},
		{"a b  c", "a|b|c"},
		{"-o 'ProxyCommand=ssh -W %h:%p jump' -4",
			"-o|ProxyCommand=ssh -W %h:%p jump|-4"},
		{"a\"b c\"d", "ab cd"},
		{"\"a\\\"b\" '\\'", "a\"b|\\"},
		{"a\\ b", "a b"},
		{"''", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strlist_release) struct strlist words = {0};
		AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;
		assert_int_equal(shell_split(&words, cases[i].line, NULL), 0);
		for (size_t k = 0; k < words.count; k++)
			strbuf_addf(&joined, "%s%s", k ? "|" : "", words.items[k]);
		assert_string_equal(joined.data, cases[i].words);
	}
	AUTO(strlist_release) struct strlist words = {0};
	struct err err = {0};
	assert_int_equal(shell_split(&words, "a 'b", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

/* Digest of a configuration that consists of one file. */
static bool digest(const struct scratch *s, const char *text, char out[17])
{
	autofree char *path = scratch_path(s, "config");

	scratch_write(s, "config", text, 0600);
	return ssh_config_digest("/nonexistent", path, out);
}

static void test_digest_follows_includes(void **state)
{
	struct scratch s;
	char one[17], two[17];

	(void)state;
	scratch_init(&s);
	autofree char *text = xasprintf("Include %s/conf.d-*\nHost a\n", s.dir);
	scratch_write(&s, "conf.d-1", "Port 1\n", 0600);
	assert_true(digest(&s, text, one));
	assert_true(digest(&s, text, two));
	assert_string_equal(one, two);
	scratch_write(&s, "conf.d-1", "Port 2\n", 0600);
	assert_true(digest(&s, text, two));
	assert_string_not_equal(one, two);
	scratch_write(&s, "conf.d-2", "", 0600);
	assert_true(digest(&s, text, one));
	assert_string_not_equal(one, two);
	scratch_write(&s, "conf.d-2", "Match exec true\n", 0600);
	assert_false(digest(&s, text, one));
	scratch_release(&s);
}

static void test_digest_knows_what_it_cannot_know(void **state)
{
	static const char *const depends[] = {"Match exec \"test -f /x\"\n",
		"match host a EXEC=/bin/true\n", "CanonicalizeHostname yes\n",
		"CanonicalizeHostname=always\n", "Include ${HOME}/x\n", "  Include %d/x\n"};
	static const char *const plain[] = {"Match host a\n", "CanonicalizeHostname no\n",
		"# Match exec x\n", "Host exec\n"};
	struct scratch s;
	char out[17];

	(void)state;
	scratch_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(depends); i++)
		if (digest(&s, depends[i], out))
			fail_msg("%s", depends[i]);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!digest(&s, plain[i], out))
			fail_msg("%s", plain[i]);
	autofree char *loop = xasprintf("Include %s/config\n", s.dir);
	assert_false(digest(&s, loop, out));
	scratch_release(&s);
}

/* Loads settings with an "ssh" that counts its runs and prints what a file holds. */
static void load(const struct scratch *s, const char *name, struct ssh_settings *settings)
{
	autofree char *program = scratch_path(s, "ssh");
	autofree char *config = scratch_path(s, "config");
	autofree char *cache = scratch_path(s, "cache");
	struct link_options o = {.name = name,
		.ssh_program = program,
		.ssh_config_file = config,
		.cache_dir = cache};
	struct err err = {0};

	if (ssh_settings_load(settings, &o, deadline_in(10), NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_answers_are_remembered(void **state)
{
	struct scratch s;
	struct ssh_settings settings;

	(void)state;
	scratch_init(&s);
	autofree char *script =
		xasprintf("#!/bin/sh\necho run >>%s/runs\n"
			  "echo user me; echo hostname h; cat %s/more 2>/dev/null\n"
			  "exit 0\n",
			s.dir, s.dir);
	scratch_write(&s, "ssh", script, 0700);
	scratch_write(&s, "config", "Host *\n", 0600);
	static const struct {
		const char *host;
		const char *config;
		const char *runs;
	} steps[] = {
		{"a", "Host *\n", "run\n"},
		{"a", "Host *\n", "run\n"},
		{"b", "Host *\n", "run\nrun\n"},
		{"a", "Host b\n", "run\nrun\nrun\n"},
		{"a", "Match exec true\n", "run\nrun\nrun\nrun\n"},
		{"a", "Match exec true\n", "run\nrun\nrun\nrun\nrun\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		scratch_write(&s, "config", steps[i].config, 0600);
		load(&s, steps[i].host, &settings);
		assert_string_equal(settings.user, "me");
		assert_string_equal(settings.host, "h");
		ssh_settings_release(&settings);
		autofree char *runs = scratch_read(&s, "runs");
		assert_string_equal(runs, steps[i].runs);
	}
	scratch_release(&s);
}

static void test_tokens_in_file_names(void **state)
{
	struct scratch s;
	struct ssh_settings settings;

	(void)state;
	scratch_init(&s);
	scratch_write(&s, "config", "", 0600);
	scratch_write(&s, "ssh",
		"#!/bin/sh\necho user me; echo hostname h; echo 'identityfile /k/%h-%r-%p%%'\n",
		0700);
	load(&s, "x", &settings);
	assert_string_equal(settings.identity_files.items[0], "/k/h-me-22%");
	assert_null(settings.needs_program);
	ssh_settings_release(&settings);
	scratch_write(&s, "config", "# 2\n", 0600);
	scratch_write(&s, "ssh", "#!/bin/sh\necho 'identityfile /k/%C'\n", 0700);
	load(&s, "x", &settings);
	assert_string_equal(settings.needs_program, "identityfile");
	ssh_settings_release(&settings);
	scratch_release(&s);
}

static void test_without_an_ssh_program(void **state)
{
	struct link_options o = {.name = "n",
		.address = "10.1.2.3",
		.port = 77,
		.user = "u",
		.ssh_program = "/nonexistent/ssh",
		.cache_dir = "",
		.host_key_checking = LINK_HOST_KEY_OFF};
	struct ssh_settings s;

	(void)state;
	assert_int_equal(ssh_settings_load(&s, &o, deadline_in(5), NULL, NULL), 0);
	assert_string_equal(s.host, "10.1.2.3");
	assert_int_equal(s.port, 77);
	assert_string_equal(s.user, "u");
	assert_int_equal(s.checking, LINK_HOST_KEY_OFF);
	assert_true(s.identity_files.count >= 3);
	assert_int_equal(*s.identity_files.items[0], '/');
	ssh_settings_release(&s);
}

static void test_wrong_configuration_is_named(void **state)
{
	struct scratch s;
	struct ssh_settings settings;
	struct err err = {0};

	(void)state;
	if (access("/usr/bin/ssh", X_OK) < 0)
		skip();
	scratch_init(&s);
	autofree char *config = scratch_path(&s, "config");
	scratch_write(&s, "config", "Port nonsense\n", 0600);
	struct link_options o = {.name = "n", .ssh_config_file = config, .cache_dir = ""};
	assert_int_equal(ssh_settings_load(&settings, &o, deadline_in(5), NULL, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "nonsense"));
	ssh_settings_release(&settings);
	scratch_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_what_needs_the_program),
		cmocka_unit_test(test_values_without_meaning),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_digest_follows_includes),
		cmocka_unit_test(test_digest_knows_what_it_cannot_know),
		cmocka_unit_test(test_answers_are_remembered),
		cmocka_unit_test(test_tokens_in_file_names),
		cmocka_unit_test(test_without_an_ssh_program),
		cmocka_unit_test(test_wrong_configuration_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
