/* SPDX-License-Identifier: Apache-2.0 */
/* The link over real sshds of many configurations. */
#include "link/sshd.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

struct host {
	struct link_fixture link;
	struct sshd sshd;
};

static void host_start(struct host *h, const struct sshd_options *o)
{
	link_fixture_init(&h->link);
	sshd_start(&h->sshd, o);
	sshd_options_for(&h->sshd, &h->link.options);
}

static void host_stop(struct host *h)
{
	sshd_stop(&h->sshd);
	link_fixture_release(&h->link);
}

/* Opens a link, echoes through it and closes it; gives the transport that was used. */
static enum link_transport talk(struct host *h)
{
	struct link *link = NULL;
	struct link_stats stats;
	struct err err = {0};

	if (link_open(&link, &h->link.options, deadline_in(30), NULL, &err) < 0) {
		autofree char *log = scratch_read(&h->sshd.scratch, "log");
		fail_msg("%s\nsshd said: %s", err.text, log);
	}
	if (echo_check(link, 1, 50, deadline_in(30), &err) < 0)
		fail_msg("%s", err.text);
	link_stats(link, &stats);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
	return stats.transport;
}

/* Expects a link not to open; gives the error. */
static struct err refused(struct host *h, double seconds)
{
	struct link *link = NULL;
	struct err err = {0};

	assert_int_equal(
		link_open(&link, &h->link.options, deadline_in(seconds), NULL, &err), -1);
	return err;
}

static void test_plain(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	h.link.options.transport = LINK_SSH;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

/* Starts a host with these options and expects it to be reached by this transport. */
static void expect_transport(const struct sshd_options *o, enum link_transport expected)
{
	struct host h;

	host_start(&h, o);
	assert_int_equal(talk(&h), expected);
	host_stop(&h);
}

static void test_only_etm_macs_and_chacha_needs_the_program(void **state)
{
	struct host h;

	(void)state;
	host_start(
		&h, &(struct sshd_options){.config = "Ciphers chacha20-poly1305@openssh.com\n"
						     "MACs hmac-sha2-256-etm@openssh.com\n"});
	assert_int_equal(talk(&h), LINK_SSH);
	/* It is remembered: libssh2 on demand still fails, and AUTO does not ask it. */
	h.link.options.transport = LINK_LIBSSH2;
	struct err err = refused(&h, 10);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	autofree char *dir = path_join(h.link.cache, "hosts");
	assert_true(path_is_dir(dir));
	h.link.options.transport = LINK_AUTO;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

static void test_rsa_host_key_needs_the_program(void **state)
{
	(void)state;
	expect_transport(&(struct sshd_options){.host_keys = "rsa"}, LINK_SSH);
}

static void test_ecdsa_host_key(void **state)
{
	(void)state;
	expect_transport(&(struct sshd_options){.host_keys = "ecdsa"}, LINK_LIBSSH2);
}

static void test_asks_for_the_key_that_is_known(void **state)
{
	struct host h;

	(void)state;
	/* The server has both; known_hosts knows only ECDSA. */
	host_start(&h, &(struct sshd_options){.host_keys = "ed25519 ecdsa"});
	autofree char *all = scratch_read(&h.sshd.scratch, "known_hosts");
	scratch_write(&h.sshd.scratch, "known_hosts", strchr(all, '\n') + 1, 0600);
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	host_stop(&h);
}

static void test_old_mac_and_cbc(void **state)
{
	(void)state;
	expect_transport(
		&(struct sshd_options){.config = "MACs hmac-sha1\nCiphers aes128-cbc\n"},
		LINK_LIBSSH2);
}

static void test_group_exchange_only(void **state)
{
	(void)state;
	expect_transport(
		&(struct sshd_options){
			.config = "KexAlgorithms diffie-hellman-group-exchange-sha256\n"},
		LINK_LIBSSH2);
}

static void test_one_session_and_no_forwarding(void **state)
{
	(void)state;
	expect_transport(&(struct sshd_options){.config = "MaxSessions 1\n"
							  "AllowTcpForwarding no\n"
							  "DisableForwarding yes\n"},
		LINK_LIBSSH2);
}

static void test_noisy_login_shell(void **state)
{
	AUTO(strbuf_release) struct strbuf rc = STRBUF_INIT;
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	for (int i = 0; i < 200; i++)
		strbuf_addf(
			&rc, "echo 'Welcome to this machine, line %d of a long greeting'\n", i);
	scratch_write(&h.sshd.scratch, "home/.bashrc", rc.data, 0600);
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	h.link.options.transport = LINK_SSH;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

static void test_login_shell_that_runs_nothing(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){
			       .config = "ForceCommand echo This account is not available.\n"});
	struct err err = refused(&h, 20);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "This account is not available."));
	host_stop(&h);
}

static void test_unknown_host_key(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	scratch_write(&h.sshd.scratch, "known_hosts", "", 0600);
	struct err err = refused(&h, 20);
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "not in known_hosts"));
	h.link.options.host_key_checking = LINK_HOST_KEY_ACCEPT_NEW;
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	h.link.options.host_key_checking = LINK_HOST_KEY_STRICT;
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	h.link.options.transport = LINK_SSH;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

static void test_wrong_host_key(void **state)
{
	static const enum link_transport transports[] = {LINK_AUTO, LINK_LIBSSH2, LINK_SSH};
	struct host h, other;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	host_start(&other, &(struct sshd_options){0});
	h.link.options.port = other.sshd.port;
	autofree char *known = scratch_read(&h.sshd.scratch, "known_hosts");
	autofree char *moved =
		xasprintf("[127.0.0.1]:%u %s", other.sshd.port, strchr(known, ' ') + 1);
	scratch_write(&h.sshd.scratch, "known_hosts", moved, 0600);
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		h.link.options.transport = transports[i];
		struct err err = refused(&h, 20);
		assert_int_equal(err.code, ERR_AUTH);
	}
	h.link.options.transport = LINK_AUTO;
	h.link.options.host_key_checking = LINK_HOST_KEY_ACCEPT_NEW;
	struct err err = refused(&h, 20);
	assert_int_equal(err.code, ERR_AUTH);
	host_stop(&other);
	host_stop(&h);
}

static void test_revoked_host_key(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){.host_keys = "ed25519"});
	autofree char *known = scratch_read(&h.sshd.scratch, "known_hosts");
	autofree char *revoked = xasprintf("%s@revoked %s", known, known);
	scratch_write(&h.sshd.scratch, "known_hosts", revoked, 0600);
	struct err err = refused(&h, 20);
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "revoked"));
	h.link.options.host_key_checking = LINK_HOST_KEY_OFF;
	err = refused(&h, 20);
	assert_int_equal(err.code, ERR_AUTH);
	host_stop(&h);
}

static void test_host_certificate(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){.host_keys = "ed25519"});
	autofree char *ca = scratch_path(&h.sshd.scratch, "ca");
	autofree char *host_key = scratch_path(&h.sshd.scratch, "host_ed25519.pub");
	run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ca, NULL);
	run_program("ssh-keygen", "-q", "-s", ca, "-I", "host", "-h", "-n", "127.0.0.1",
		host_key, NULL);
	sshd_restart(&h.sshd, "HostCertificate DIR/host_ed25519-cert.pub\n");
	autofree char *authority = scratch_read(&h.sshd.scratch, "ca.pub");
	autofree char *line =
		xasprintf("@cert-authority [127.0.0.1]:%u %s", h.sshd.port, authority);
	scratch_write(&h.sshd.scratch, "known_hosts", line, 0600);
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

static void test_client_certificate(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	autofree char *ca = scratch_path(&h.sshd.scratch, "ca");
	autofree char *client_key = scratch_path(&h.sshd.scratch, "client_key.pub");
	run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ca, NULL);
	run_program("ssh-keygen", "-q", "-s", ca, "-I", "me", "-n", current_user(), client_key,
		NULL);
	scratch_write(&h.sshd.scratch, "authorized_keys", "", 0600);
	sshd_restart(&h.sshd, "TrustedUserCAKeys DIR/ca.pub\n");
	assert_int_equal(talk(&h), LINK_SSH);
	h.link.options.transport = LINK_LIBSSH2;
	struct err err = refused(&h, 20);
	assert_int_equal(err.code, ERR_AUTH);
	host_stop(&h);
}

/* Answers every question with the string that `data` points to; NULL: has none. */
static int give_secret(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err)
{
	(void)kind, (void)subject, (void)err;
	if (!data)
		return 0;
	strbuf_addstr(out, data);
	return 1;
}

/* Expects a password to let us in by this transport, and a wrong one not to. */
static void check_password(const char *config, enum link_transport transport)
{
	struct host h;

	if (getuid() != 0)
		skip();
	host_start(&h, &(struct sshd_options){.config = config, .password = "open sesame"});
	scratch_write(&h.sshd.scratch, "authorized_keys", "", 0600);
	h.link.options.transport = transport;
	h.link.options.secret = give_secret;
	h.link.options.secret_data = (void *)(uintptr_t) "open sesame";
	assert_int_equal(talk(&h), transport);
	h.link.options.secret_data = (void *)(uintptr_t) "wrong";
	struct err err = refused(&h, 30);
	assert_int_equal(err.code, ERR_AUTH);
	h.link.options.secret_data = NULL;
	err = refused(&h, 30);
	assert_int_equal(err.code, ERR_AUTH);
	assert_null(strstr(err.text, "sesame"));
	host_stop(&h);
}

static void test_password(void **state)
{
	(void)state;
	check_password("PasswordAuthentication yes\n", LINK_LIBSSH2);
}

static void test_keyboard_interactive(void **state)
{
	(void)state;
	check_password("KbdInteractiveAuthentication yes\nUsePAM yes\n", LINK_LIBSSH2);
}

static void test_password_by_the_program(void **state)
{
	(void)state;
	check_password("PasswordAuthentication yes\n", LINK_SSH);
}

static void test_key_with_passphrase(void **state)
{
	static const enum link_transport transports[] = {LINK_LIBSSH2, LINK_SSH};
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	run_program("ssh-keygen", "-q", "-p", "-P", "", "-N", "hush now", "-f",
		h.sshd.client_key, NULL);
	h.link.options.secret = give_secret;
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		h.link.options.transport = transports[i];
		h.link.options.secret_data = (void *)(uintptr_t) "hush now";
		assert_int_equal(talk(&h), transports[i]);
		h.link.options.secret_data = NULL;
		struct err err = refused(&h, 20);
		assert_int_equal(err.code, ERR_AUTH);
	}
	host_stop(&h);
}

static void test_key_in_pem_format(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	autofree char *pem = scratch_path(&h.sshd.scratch, "pem");
	const char *const keys[] = {pem, NULL};
	run_program("ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "hush now", "-f", pem,
		NULL);
	autofree char *public = scratch_read(&h.sshd.scratch, "pem.pub");
	scratch_write(&h.sshd.scratch, "authorized_keys", public, 0600);
	h.link.options.key_files = keys;
	h.link.options.secret = give_secret;
	h.link.options.secret_data = (void *)(uintptr_t) "hush now";
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	host_stop(&h);
}

static void test_rsa_key_of_the_user(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	autofree char *rsa = scratch_path(&h.sshd.scratch, "rsa");
	const char *const keys[] = {rsa, NULL};
	run_program("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa, NULL);
	autofree char *public = scratch_read(&h.sshd.scratch, "rsa.pub");
	scratch_write(&h.sshd.scratch, "authorized_keys", public, 0600);
	h.link.options.key_files = keys;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&h);
}

static void test_jump_host(void **state)
{
	struct host h, jump;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	host_start(&jump, &(struct sshd_options){0});
	autofree char *proxy =
		xasprintf("-o \"ProxyCommand=ssh -F %s -p %u -W %%h:%%p 127.0.0.1\"",
			jump.sshd.client_config, jump.sshd.port);
	h.link.options.ssh_common_args = proxy;
	assert_int_equal(talk(&h), LINK_SSH);
	host_stop(&jump);
	host_stop(&h);
}

static void test_alias_and_user_of_the_configuration(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	autofree char *config = scratch_read(&h.sshd.scratch, "ssh_config");
	autofree char *known = scratch_read(&h.sshd.scratch, "known_hosts");
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
	strbuf_addf(&more,
		"Host front-door\nHostName 127.0.0.1\nPort %u\nHostKeyAlias door\nHost *\n%s",
		h.sshd.port, config);
	scratch_write(&h.sshd.scratch, "ssh_config", more.data, 0600);
	strbuf_clear(&more);
	strbuf_addf(&more, "door %s", strchr(known, ' ') + 1);
	*strchr(more.data, '\n') = '\0';
	scratch_write(&h.sshd.scratch, "known_hosts", more.data, 0600);
	h.link.options.name = "front-door";
	h.link.options.address = NULL;
	h.link.options.port = 0;
	assert_int_equal(talk(&h), LINK_LIBSSH2);
	host_stop(&h);
}

static void test_nobody_listens(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	h.link.options.port = free_port();
	struct err err = refused(&h, 10);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "refused"));
	host_stop(&h);
}

static void test_not_let_in(void **state)
{
	struct host h;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	scratch_write(&h.sshd.scratch, "authorized_keys", "", 0600);
	struct err err = refused(&h, 10);
	assert_int_equal(err.code, ERR_AUTH);
	h.link.options.transport = LINK_LIBSSH2;
	err = refused(&h, 10);
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "1 key was tried"));
	host_stop(&h);
}

static void test_killed_session(void **state)
{
	static const enum link_transport transports[] = {LINK_LIBSSH2, LINK_SSH};
	struct host h;
	struct frame ping = {.kind = WIRE_PING}, reply;

	(void)state;
	host_start(&h, &(struct sshd_options){0});
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		struct link *link = NULL;
		struct err err = {0};
		h.link.options.transport = transports[i];
		assert_int_equal(
			link_open(&link, &h.link.options, deadline_in(60), NULL, &err), 0);
		assert_true(sshd_kill_session(&h.sshd));
		assert_int_equal(link_call(link, &ping, &reply, deadline_in(10), &err), -1);
		assert_int_equal(err.code, ERR_UNREACHABLE);
		assert_int_equal(link_close(link, deadline_in(2)), -1);
		while (sshd_kill_session(&h.sshd))
			usleep(1000);
	}
	host_stop(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_only_etm_macs_and_chacha_needs_the_program),
		cmocka_unit_test(test_rsa_host_key_needs_the_program),
		cmocka_unit_test(test_ecdsa_host_key),
		cmocka_unit_test(test_asks_for_the_key_that_is_known),
		cmocka_unit_test(test_old_mac_and_cbc),
		cmocka_unit_test(test_group_exchange_only),
		cmocka_unit_test(test_one_session_and_no_forwarding),
		cmocka_unit_test(test_noisy_login_shell),
		cmocka_unit_test(test_login_shell_that_runs_nothing),
		cmocka_unit_test(test_unknown_host_key),
		cmocka_unit_test(test_wrong_host_key),
		cmocka_unit_test(test_revoked_host_key),
		cmocka_unit_test(test_host_certificate),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_keyboard_interactive),
		cmocka_unit_test(test_password_by_the_program),
		cmocka_unit_test(test_key_with_passphrase),
		cmocka_unit_test(test_key_in_pem_format),
		cmocka_unit_test(test_rsa_key_of_the_user),
		cmocka_unit_test(test_jump_host),
		cmocka_unit_test(test_alias_and_user_of_the_configuration),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_not_let_in),
		cmocka_unit_test(test_killed_session),
	};

	if (!sshd_available()) {
		print_message("skipped: there is no sshd here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
