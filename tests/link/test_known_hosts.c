/* SPDX-License-Identifier: Apache-2.0 */
/* known_hosts: our reader, and ssh-keygen and ssh as its oracles. */
#include "link/known_hosts.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/base64.h"
#include "base/spawn.h"
#include "link/fixture.h"

/* Two keys that are none: a type, and bytes that tell them apart. */
#define KEY_A  "AAAAC3NzaC1lZDI1NTE5AAAAAUE="
#define KEY_B  "AAAAC3NzaC1lZDI1NTE5AAAAAUI="
#define KEY_EC "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAABQQ=="

static enum known_verdict judge(
	const char *text, const char *host, unsigned port, const char *type, const char *key)
{
	AUTO(strbuf_release) struct strbuf blob = STRBUF_INIT;
	struct known_hosts k;
	const struct known_key *why;

	assert_true(base64_decode(BASE64_STANDARD, key, strlen(key), &blob));
	known_hosts_init(&k, host, port);
	known_hosts_parse(&k, "f", text, strlen(text));
	enum known_verdict verdict = known_hosts_check(&k, type, blob.data, blob.len, &why);
	known_hosts_release(&k);
	return verdict;
}

struct verdict_case {
	const char *text;
	const char *host;
	unsigned port;
	enum known_verdict expected; /* for KEY_A */
};

static void check_cases(const struct verdict_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct verdict_case *c = &cases[i];
		enum known_verdict got = judge(c->text, c->host, c->port, "ssh-ed25519", KEY_A);
		if (got != c->expected)
			fail_msg("%s for %s:%u: %d, expected %d", c->text, c->host, c->port,
				got, c->expected);
	}
}

static void test_names(void **state)
{
	static const struct verdict_case cases[] = {
		{"", "a", 22, KNOWN_NONE},
		{"a ssh-ed25519 " KEY_A, "a", 22, KNOWN_OK},
		{"a ssh-ed25519 " KEY_A " comment with blanks\n", "a", 22, KNOWN_OK},
		{"\t a\tssh-ed25519  " KEY_A "\r\n", "a", 22, KNOWN_OK},
		{"a ssh-ed25519 " KEY_A, "A", 22, KNOWN_OK},
		{"A ssh-ed25519 " KEY_A, "a", 22, KNOWN_OK},
		{"a ssh-ed25519 " KEY_A, "b", 22, KNOWN_NONE},
		{"x,a,y ssh-ed25519 " KEY_A, "a", 22, KNOWN_OK},
		{"*.net ssh-ed25519 " KEY_A, "a.net", 22, KNOWN_OK},
		{"*.net ssh-ed25519 " KEY_A, "a.org", 22, KNOWN_NONE},
		{"n?de ssh-ed25519 " KEY_A, "node", 22, KNOWN_OK},
		{"a*b*c ssh-ed25519 " KEY_A, "axxbyybc", 22, KNOWN_OK},
		{"*,!a ssh-ed25519 " KEY_A, "a", 22, KNOWN_NONE},
		{"!a,* ssh-ed25519 " KEY_A, "b", 22, KNOWN_OK},
		{"[a] ssh-ed25519 " KEY_A, "a", 22, KNOWN_NONE},
		{"# a ssh-ed25519 " KEY_A, "a", 22, KNOWN_NONE},
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_ports(void **state)
{
	static const struct verdict_case cases[] = {
		{"[a]:2222 ssh-ed25519 " KEY_A, "a", 2222, KNOWN_OK},
		{"[a]:2222 ssh-ed25519 " KEY_A, "a", 2223, KNOWN_NONE},
		{"[a]:2222 ssh-ed25519 " KEY_A, "a", 22, KNOWN_NONE},
		/* The key of port 22 is good for other ports, but proves nothing against them.
		 */
		{"a ssh-ed25519 " KEY_A, "a", 2222, KNOWN_OK},
		{"a ssh-ed25519 " KEY_B, "a", 2222, KNOWN_NONE},
		{"[a]:2222 ssh-ed25519 " KEY_B "\na ssh-ed25519 " KEY_A, "a", 2222, KNOWN_OK},
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_verdicts(void **state)
{
	static const struct verdict_case cases[] = {
		{"a ssh-ed25519 " KEY_B, "a", 22, KNOWN_CHANGED},
		{"a ssh-ed25519 " KEY_B "\na ssh-ed25519 " KEY_A, "a", 22, KNOWN_OK},
		{"a ssh-ed25519 " KEY_A "\na ssh-ed25519 " KEY_B, "a", 22, KNOWN_OK},
		{"a ecdsa-sha2-nistp256 " KEY_EC, "a", 22, KNOWN_OTHER},
		{"@revoked a ssh-ed25519 " KEY_A, "a", 22, KNOWN_REVOKED},
		{"a ssh-ed25519 " KEY_A "\n@revoked * ssh-ed25519 " KEY_A, "a", 22,
			KNOWN_REVOKED},
		{"@revoked * ssh-ed25519 " KEY_A "\na ssh-ed25519 " KEY_A, "a", 22,
			KNOWN_REVOKED},
		{"@revoked a ssh-ed25519 " KEY_B, "a", 22, KNOWN_NONE},
		{"@cert-authority a ssh-ed25519 " KEY_A, "a", 22, KNOWN_NONE},
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_authority_is_noticed(void **state)
{
	static const char text[] = "@cert-authority *.net ssh-ed25519 " KEY_A "\n";
	struct known_hosts k;

	(void)state;
	known_hosts_init(&k, "a.net", 22);
	known_hosts_parse(&k, "f", text, strlen(text));
	assert_true(k.has_authority);
	known_hosts_release(&k);
	known_hosts_init(&k, "a.org", 22);
	known_hosts_parse(&k, "f", text, strlen(text));
	assert_false(k.has_authority);
	known_hosts_release(&k);
}

static void test_bad_lines_are_skipped_and_named(void **state)
{
	static const char text[] = "a\n"
				   "a ssh-ed25519\n"
				   "a ssh-ed25519 not*base64\n"
				   "a ecdsa-sha2-nistp256 " KEY_A "\n"
				   "|1|broken ssh-ed25519 " KEY_A "\n"
				   "@unknown a ssh-ed25519 " KEY_A "\n"
				   "a 2048 35 123456789\n"
				   "other ssh-ed25519 not*base64\n"
				   "a ssh-ed25519 " KEY_A "\n";
	static const unsigned lines[] = {1, 2, 3, 4, 5, 6, 7};
	struct known_hosts k;
	const struct known_key *why;

	(void)state;
	known_hosts_init(&k, "a", 22);
	known_hosts_parse(&k, "file", text, strlen(text));
	assert_int_equal(k.warnings.count, ARRAY_SIZE(lines));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(k.warnings.items[i].line, lines[i]);
		assert_string_equal(k.warnings.items[i].file, "file");
	}
	assert_int_equal(k.count, 1);
	assert_true(known_hosts_has_type(&k, "ssh-ed25519"));
	assert_false(known_hosts_has_type(&k, "ssh-rsa"));
	known_hosts_check(&k, "ssh-ed25519", "x", 1, &why);
	assert_int_equal(why->line, 9);
	known_hosts_release(&k);
}

/* Makes a key; gives its base64 text. */
static char *make_key(const struct scratch *s, const char *name)
{
	autofree char *path = scratch_path(s, name);
	autofree char *public_name = xasprintf("%s.pub", name);

	run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL);
	autofree char *public = scratch_read(s, public_name);
	char *key = strchr(public, ' ') + 1;
	*strchr(key, ' ') = '\0';
	return xstrdup(key);
}

static void test_hashed_by_ssh_keygen(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	autofree char *key = make_key(&s, "k");
	autofree char *file = scratch_path(&s, "known_hosts");
	autofree char *plain =
		xasprintf("a.net ssh-ed25519 %s\n[b.net]:2222 ssh-ed25519 %s\n", key, key);
	scratch_write(&s, "known_hosts", plain, 0600);
	run_program("ssh-keygen", "-q", "-H", "-f", file, NULL);
	autofree char *hashed = scratch_read(&s, "known_hosts");
	assert_null(strstr(hashed, "a.net"));
	assert_int_equal(judge(hashed, "a.net", 22, "ssh-ed25519", key), KNOWN_OK);
	assert_int_equal(judge(hashed, "A.NET", 22, "ssh-ed25519", key), KNOWN_OK);
	assert_int_equal(judge(hashed, "b.net", 2222, "ssh-ed25519", key), KNOWN_OK);
	assert_int_equal(judge(hashed, "b.net", 22, "ssh-ed25519", key), KNOWN_NONE);
	assert_int_equal(judge(hashed, "c.net", 22, "ssh-ed25519", key), KNOWN_NONE);
	scratch_release(&s);
}

/* Adds a key with our writer, and has ssh-keygen find it. */
static void check_added(bool hashed, unsigned port, const char *label)
{
	AUTO(strbuf_release) struct strbuf blob = STRBUF_INIT;
	struct scratch s;
	struct known_hosts k;
	const struct known_key *why;

	scratch_init(&s);
	autofree char *key = make_key(&s, "k");
	autofree char *file = scratch_path(&s, "ssh/known_hosts");
	base64_decode(BASE64_STANDARD, key, strlen(key), &blob);
	assert_int_equal(known_hosts_add(file, "Node.net", port, hashed, "ssh-ed25519",
				 blob.data, blob.len, NULL),
		0);
	run_program("ssh-keygen", "-F", label, "-f", file, NULL);
	known_hosts_init(&k, "node.net", port);
	assert_int_equal(known_hosts_read(&k, file, NULL), 0);
	assert_int_equal(
		known_hosts_check(&k, "ssh-ed25519", blob.data, blob.len, &why), KNOWN_OK);
	known_hosts_release(&k);
	scratch_release(&s);
}

static void test_added_keys_are_found_by_ssh(void **state)
{
	(void)state;
	check_added(false, 22, "node.net");
	check_added(false, 2222, "[node.net]:2222");
	check_added(true, 22, "node.net");
	check_added(true, 2222, "[node.net]:2222");
}

static void test_adding_repairs_a_missing_newline(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	autofree char *file = scratch_path(&s, "known_hosts");
	scratch_write(&s, "known_hosts", "a ssh-ed25519 " KEY_A, 0600);
	assert_int_equal(
		known_hosts_add(file, "b", 22, false, "ssh-ed25519", "xyz", 3, NULL), 0);
	autofree char *text = scratch_read(&s, "known_hosts");
	assert_string_equal(text, "a ssh-ed25519 " KEY_A "\nb ssh-ed25519 eHl6\n");
	scratch_release(&s);
}

static void test_files(void **state)
{
	struct known_hosts k;
	struct err err = {0};

	(void)state;
	known_hosts_init(&k, "a", 22);
	assert_int_equal(known_hosts_read(&k, "/nonexistent/known_hosts", &err), 0);
	assert_int_equal(known_hosts_read(&k, "/", &err), -1);
	known_hosts_release(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_authority_is_noticed),
		cmocka_unit_test(test_bad_lines_are_skipped_and_named),
		cmocka_unit_test(test_hashed_by_ssh_keygen),
		cmocka_unit_test(test_added_keys_are_found_by_ssh),
		cmocka_unit_test(test_adding_repairs_a_missing_newline),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
