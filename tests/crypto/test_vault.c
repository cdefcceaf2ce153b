/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vaults against ansible-vault: what it wrote (corpus/vault) is read, and, where the program
 * is there, it reads what we write.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "crypto/vault.h"

#define PASSWORD      "geheim 1"
#define PROD_PASSWORD "prod-secret"

struct fixture {
	char dir[64];
	struct vault_secrets secrets;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_vault_XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	vault_secrets_release(&f->secrets);
	assert_int_equal(path_remove_tree(f->dir, &err), 0);
	free(f);
	return 0;
}

static void add(struct fixture *f, const char *id, const char *password)
{
	struct err err = {0};

	assert_int_equal(
		vault_secrets_add(&f->secrets, id, password, strlen(password), &err), 0);
}

static void read_corpus(const char *name, struct strbuf *out)
{
	autofree char *path = path_join("corpus/vault", name);
	struct err err = {0};

	if (file_read(path, 1u << 20, out, &err) < 0)
		fail_msg("%s", err.text);
}

static void write_file(
	const struct fixture *f, const char *name, const char *text, mode_t mode, char **path)
{
	struct err err = {0};

	*path = path_join(f->dir, name);
	assert_int_equal(file_replace(*path, text, strlen(text), mode, &err), 0);
}

static void test_reads_1_1(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	read_corpus("v11.vault", &text);
	add(f, NULL, PASSWORD);
	strbuf_addstr(&plain, "kept ");
	assert_int_equal(vault_decrypt(text.data, text.len, &f->secrets, &plain, &err), 0);
	assert_string_equal(plain.data, "kept hello: world\n");
}

static void test_reads_1_2(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	read_corpus("v12.vault", &text);
	add(f, NULL, PASSWORD);
	add(f, "prod", PROD_PASSWORD);
	assert_int_equal(vault_decrypt(text.data, text.len, &f->secrets, &plain, &err), 0);
	assert_string_equal(plain.data, "hello: world\n");
}

/* Ansible's ids are hints: a password under another id is tried too. */
static void test_id_need_not_match(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	read_corpus("v12.vault", &text);
	add(f, "prod", "wrong");
	add(f, "other", PROD_PASSWORD);
	assert_int_equal(vault_decrypt(text.data, text.len, &f->secrets, &plain, &err), 0);
	assert_string_equal(plain.data, "hello: world\n");
}

static void test_reads_binary(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	read_corpus("binary.vault", &text);
	add(f, NULL, PASSWORD);
	assert_int_equal(vault_decrypt(text.data, text.len, &f->secrets, &plain, &err), 0);
	assert_int_equal(plain.len, 5 * 256);
	for (size_t i = 0; i < plain.len; i++)
		assert_int_equal((unsigned char)plain.data[i], i % 256);
}

/* The way an inline !vault arrives: indented lines, line ends of another system. */
static void test_white_space_between_lines(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, spaced = STRBUF_INIT;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	read_corpus("v11.vault", &text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n')
			strbuf_addch(&spaced, '\r');
		strbuf_addch(&spaced, text.data[i]);
		if (text.data[i] == '\n')
			strbuf_addstr(&spaced, "   ");
	}
	add(f, NULL, PASSWORD);
	assert_int_equal(vault_decrypt(spaced.data, spaced.len, &f->secrets, &plain, &err), 0);
	assert_string_equal(plain.data, "hello: world\n");
}

static void assert_fails(const struct fixture *f, const char *text, size_t len,
	enum err_code code, const char *part)
{
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	assert_int_equal(vault_decrypt(text, len, &f->secrets, &plain, &err), -1);
	assert_int_equal(plain.len, 0);
	if (err.code != code || !strstr(err.text, part))
		fail_msg("expected %d with \"%s\", found %d: %s", code, part, err.code,
			err.text);
	if (strstr(err.text, PASSWORD) || strstr(err.text, "wrong-password"))
		fail_msg("the error holds a secret: %s", err.text);
}

static void test_wrong_password(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	read_corpus("v12.vault", &text);
	assert_fails(f, text.data, text.len, ERR_AUTH, "no vault password is given");
	add(f, NULL, "wrong-password");
	assert_fails(f, text.data, text.len, ERR_AUTH, "none of 1 vault passwords fits");
	assert_fails(f, text.data, text.len, ERR_AUTH, "vault id prod");
}

static void test_tampered(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	read_corpus("v11.vault", &text);
	add(f, NULL, PASSWORD);
	/* The last byte's outer hex: 30..39 and 61..66 stay hex digits when 1 is added or
	 * taken. */
	text.data[text.len - 2] = text.data[text.len - 2] == '1' ? '2' : '1';
	assert_fails(f, text.data, text.len, ERR_AUTH, "fits");
}

static void test_damaged(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *part;
	} cases[] = {
		{"", ERR_INPUT, "not a vault"},
		{"$ANSIBLE_VAUL", ERR_INPUT, "not a vault"},
		{"$ANSIBLE_VAULT", ERR_INPUT, "first line is damaged"},
		{"$ANSIBLE_VAULT;1.1\n00", ERR_INPUT, "first line is damaged"},
		{"$ANSIBLE_VAULT;1.0;AES256\n00", ERR_UNSUPPORTED, "format 1.0"},
		{"$ANSIBLE_VAULT;1.1;AES\n00", ERR_UNSUPPORTED, "cipher AES"},
		{"$ANSIBLE_VAULT;1.1;AES256", ERR_INPUT, "parts of it are missing"},
		{"$ANSIBLE_VAULT;1.1;AES256\n", ERR_INPUT, "parts of it are missing"},
		{"$ANSIBLE_VAULT;1.1;AES256\nxyz", ERR_INPUT, "not all of it is hex"},
		{"$ANSIBLE_VAULT;1.1;AES256\n303", ERR_INPUT, "not all of it is hex"},
		{"$ANSIBLE_VAULT;1.1;AES256\n30300a", ERR_INPUT, "parts of it are missing"},
		{"$ANSIBLE_VAULT;1.1;AES256\n30300a30300a3030", ERR_INPUT,
			"a part of it is not hex"},
		{"$ANSIBLE_VAULT;1.1;AES256\n7a7a0a30300a3030", ERR_INPUT,
			"a part of it is not hex"},
	};
	struct fixture *f = *state;

	add(f, NULL, PASSWORD);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(
			f, cases[i].text, strlen(cases[i].text), cases[i].code, cases[i].part);
}

static void test_long_header_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	add(f, NULL, PASSWORD);
	strbuf_addstr(&text, "$ANSIBLE_VAULT;1.2;AES256;");
	for (int i = 0; i < 400; i++)
		strbuf_addch(&text, 'x');
	assert_fails(f, text.data, text.len, ERR_INPUT, "longer than 300");
}

static void test_is_encrypted(void **state)
{
	(void)state;
	assert_true(vault_is_encrypted("$ANSIBLE_VAULT;1.1", 18));
	assert_false(vault_is_encrypted("$ANSIBLE_VAULT;1.1", 5));
	assert_false(vault_is_encrypted("a: $ANSIBLE_VAULT", 17));
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 4096};
	struct fixture *f = *state;
	char data[4096];
	struct err err = {0};

	memset(data, '\x10', sizeof(data)); /* looks like padding */
	add(f, "stage", "password");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;

		assert_int_equal(
			vault_encrypt(data, sizes[i], &f->secrets.items[0], &text, &err), 0);
		assert_true(str_starts(text.data, "$ANSIBLE_VAULT;1.2;AES256;stage\n"));
		assert_int_equal(
			vault_decrypt(text.data, text.len, &f->secrets, &plain, &err), 0);
		assert_int_equal(plain.len, sizes[i]);
		assert_memory_equal(plain.data, data, sizes[i]);
	}
}

static void test_salt_is_fresh(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
	struct err err = {0};

	add(f, NULL, PASSWORD);
	assert_int_equal(vault_encrypt("x", 1, &f->secrets.items[0], &one, &err), 0);
	assert_int_equal(vault_encrypt("x", 1, &f->secrets.items[0], &two, &err), 0);
	assert_true(str_starts(one.data, "$ANSIBLE_VAULT;1.1;AES256\n"));
	assert_string_not_equal(one.data, two.data);
}

static void test_bad_id_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	add(f, "a;b", PASSWORD);
	assert_int_equal(vault_encrypt("x", 1, &f->secrets.items[0], &text, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(text.len, 0);
}

static void test_ansible_reads_ours(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	autofree char *password = NULL, *vault = NULL;
	struct err err = {0};

	add(f, "prod", PROD_PASSWORD);
	assert_int_equal(
		vault_encrypt("secret text\n", 12, &f->secrets.items[0], &text, &err), 0);
	write_file(f, "password", PROD_PASSWORD "\n", 0600, &password);
	write_file(f, "vault", text.data, 0600, &vault);
	const char *const argv[] = {
		"ansible-vault", "view", "--vault-password-file", password, vault, NULL};
	const char *const env[] = {"PAGER=cat", NULL};
	const struct spawn_options options = {
		.argv = argv, .env = env, .until = deadline_in(60)};
	if (spawn_run(&options, &result, &err) < 0)
		skip();
	assert_int_equal(result.status, 0);
	assert_non_null(strstr(result.out.data, "secret text\n"));
}

static void test_password_file(void **state)
{
	struct fixture *f = *state;
	autofree char *path = NULL, *empty = NULL;
	struct err err = {0};

	write_file(f, "password", " \tpass word\r\n\n", 0600, &path);
	assert_int_equal(vault_secrets_add_file(&f->secrets, NULL, path, &err), 0);
	assert_string_equal(f->secrets.items[0].password, "pass word");
	assert_string_equal(f->secrets.items[0].id, VAULT_DEFAULT_ID);
	write_file(f, "empty", "\n", 0600, &empty);
	assert_int_equal(vault_secrets_add_file(&f->secrets, NULL, empty, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, empty));
}

static void test_password_script(void **state)
{
	struct fixture *f = *state;
	autofree char *script = NULL, *client = NULL, *failing = NULL;
	struct err err = {0};

	write_file(f, "pw.sh", "#!/bin/sh\necho ' from script '\n", 0700, &script);
	assert_int_equal(vault_secrets_add_file(&f->secrets, "a", script, &err), 0);
	assert_string_equal(f->secrets.items[0].password, " from script ");
	write_file(f, "pw-client.sh", "#!/bin/sh\necho \"$1 $2\"\n", 0700, &client);
	assert_int_equal(vault_secrets_add_file(&f->secrets, "prod", client, &err), 0);
	assert_string_equal(f->secrets.items[1].password, "--vault-id prod");
	write_file(f, "failing", "#!/bin/sh\nexit 3\n", 0700, &failing);
	assert_int_equal(vault_secrets_add_file(&f->secrets, NULL, failing, &err), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "ended with 3"));
}

static void test_password_file_missing(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	assert_int_equal(
		vault_secrets_add_file(&f->secrets, NULL, "/nonexistent/pw", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(vault_secrets_add_file(&f->secrets, NULL, f->dir, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_1_1, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_1_2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id_need_not_match, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_binary, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_white_space_between_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_password, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tampered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_header_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_encrypted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_salt_is_fresh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_id_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ansible_reads_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password_script, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password_file_missing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
