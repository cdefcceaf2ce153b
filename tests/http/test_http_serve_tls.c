/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of a server: which are taken, and that they are exchanged while it serves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "base/spawn.h"
#include "http/client.h"
#include "http/serve.h"

#define PATIENCE 60

static const char *directory;
static struct err err;

/* ---- certificates ---- */

/* A path in the directory of the test, in one of a few buffers that are used in turn. */
static const char *path(const char *name, const char *end)
{
	static char paths[6][256];
	static unsigned next;
	char *text = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(text, sizeof(paths[0]), "%s/%s.%s", directory, name, end);
	return text;
}

static void run(const char *const argv[])
{
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const struct spawn_options o = {.argv = argv, .until = deadline_in(PATIENCE)};

	if (spawn_run(&o, &result, &err) < 0 || spawn_exit_code(result.status) != 0)
		fail_msg("%s: %s %s", argv[0], err.text, result.err.data);
	spawn_result_release(&result);
}

/* Makes NAME.crt and NAME.key, for localhost and signed by itself. */
static void make(const char *name, const char *algorithm, const char *option)
{
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", algorithm, "-nodes",
		"-days", "2", "-subj", "/CN=localhost", "-addext",
		"subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path(name, "key"),
		"-out", path(name, "crt"), option ? "-pkeyopt" : NULL, option, NULL};

	run(argv);
}

static void make_ec(const char *name)
{
	make(name, "ec", "ec_paramgen_curve:prime256v1");
}

static struct http_certificate *read_pair(const char *cert, const char *key)
{
	return http_certificate_read(path(cert, "crt"), path(key, "key"), &err);
}

static void refuse(const char *cert, const char *key, enum err_code code, const char *says)
{
	assert_null(read_pair(cert, key));
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("expected \"%s\" in: %s", says, err.text);
	err_clear(&err);
}

/* ---- a server ---- */

static void hello(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	strbuf_addstr(&answer->body, "hello");
}

static struct http_server *serve(const char *name)
{
	static const struct http_route routes[] = {HTTP_ROUTE("GET", "/hello", hello), {0}};
	struct http_server *server =
		http_server_start(&(struct http_server_options){.routes = routes,
					  .idle = PATIENCE,
					  .tls_cert = path(name, "crt"),
					  .tls_key = path(name, "key")},
			&err);

	if (!server)
		fail_msg("%s", err.text);
	return server;
}

/* Asks a server that has this certificate; -1 with err where it has another. */
static int ask(struct http_client *client, const struct http_server *server, const char *name)
{
	AUTO(http_response_release) struct http_response response = {0};
	char url[64];

	err_clear(&err);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/hello", http_server_port(server));
	const struct http_request request = {.url = url,
		.until = deadline_in(PATIENCE),
		.tls = {.ca_path = path(name, "crt")}};
	if (http_perform(client, &request, &response, &err) < 0)
		return -1;
	assert_int_equal(response.status, 200);
	assert_string_equal(response.body.data, "hello");
	return 0;
}

static int ask_anew(const struct http_server *server, const char *name)
{
	struct http_client *client = http_client_new(&(struct http_options){0});
	int result = ask(client, server, name);

	http_client_free(client);
	return result;
}

/* ---- what is read ---- */

static void keys_of_all_kinds_are_served(void **state)
{
	static const struct {
		const char *name, *algorithm, *option;
	} kinds[] = {{"ec", "ec", "ec_paramgen_curve:prime256v1"}, {"rsa", "rsa:2048", NULL},
		{"ed25519", "ed25519", NULL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		make(kinds[i].name, kinds[i].algorithm, kinds[i].option);
		struct http_server *server = serve(kinds[i].name);
		if (ask_anew(server, kinds[i].name) < 0)
			fail_msg("%s: %s", kinds[i].name, err.text);
		http_server_stop(server);
	}
}

/* A certificate that another one signed is sent with that one, for clients who know the root.
 */
static void a_chain_is_sent_whole(void **state)
{
	(void)state;
	make_ec("root");
	scratch_write(path("middle", "ext"), "basicConstraints=critical,CA:TRUE\n");
	scratch_write(path("leaf", "ext"), "subjectAltName=IP:127.0.0.1\n");
	static const char script[] =
		"cd \"$0\" && sign() { openssl req -new -newkey ec -pkeyopt "
		"ec_paramgen_curve:prime256v1 -nodes -subj \"/CN=$1\" -keyout $1.key -out "
		"$1.csr && openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -days 2 "
		"-extfile $1.ext -set_serial $3 -out $1.crt; } && sign middle root 11 && sign "
		"leaf middle 12 && cat middle.crt >> leaf.crt";
	run((const char *const[]){"sh", "-c", script, directory, NULL});
	struct http_server *server = serve("leaf");
	if (ask_anew(server, "root") < 0)
		fail_msg("%s", err.text);
	http_server_stop(server);
}

static void what_does_not_belong_together_is_refused(void **state)
{
	(void)state;
	make_ec("one");
	make_ec("other");
	refuse("one", "other", ERR_INPUT, "is not the key of the certificate");
	refuse("other", "one", ERR_INPUT, path("other", "crt"));
}

static void what_is_no_pem_is_refused(void **state)
{
	(void)state;
	make_ec("one");
	scratch_write(path("text", "crt"), "no certificate\n");
	scratch_write(path("text", "key"), "no key\n");
	scratch_write(path("empty", "key"), "");
	refuse("text", "one", ERR_INPUT, "expected a certificate as PEM");
	refuse("one", "text", ERR_INPUT, "expected a key without a password as PEM");
	refuse("one", "empty", ERR_INPUT, path("empty", "key"));
	refuse("one", "nowhere", ERR_NOTFOUND, "nowhere");
	refuse("nowhere", "one", ERR_NOTFOUND, "nowhere");
}

static void a_key_with_a_password_is_refused(void **state)
{
	(void)state;
	make_ec("one");
	run((const char *const[]){"openssl", "pkcs8", "-topk8", "-in", path("one", "key"),
		"-out", path("locked", "key"), "-passout", "pass:secret", NULL});
	refuse("one", "locked", ERR_INPUT, "without a password");
}

/* ---- exchange ---- */

static void connections_go_on_while_others_get_the_new_one(void **state)
{
	(void)state;
	make_ec("former");
	make_ec("newer");
	struct http_server *server = serve("former");
	struct http_client *kept = http_client_new(&(struct http_options){0});
	assert_int_equal(ask(kept, server, "former"), 0);
	http_server_renew(server, read_pair("newer", "newer"));
	/* Which shakes no hands again: there is no certificate that it would trust. */
	assert_int_equal(ask(kept, server, "former"), 0);
	assert_int_equal(ask_anew(server, "former"), -1);
	if (ask_anew(server, "newer") < 0)
		fail_msg("%s", err.text);
	http_client_free(kept);
	http_server_stop(server);
}

static void many_renewals_leave_nothing_behind(void **state)
{
	(void)state;
	make_ec("one");
	make("rsa", "rsa:2048", NULL);
	struct http_server *server = serve("one");
	for (unsigned i = 0; i < 20; i++) {
		const char *name = i % 2 ? "one" : "rsa";
		http_server_renew(server, read_pair(name, name));
		if (ask_anew(server, name) < 0)
			fail_msg("renewal %u: %s", i, err.text);
	}
	http_server_stop(server);
}

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	if (scratch_make(state) < 0)
		return -1;
	directory = *state;
	err_clear(&err);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keys_of_all_kinds_are_served),
		T(a_chain_is_sent_whole),
		T(what_does_not_belong_together_is_refused),
		T(what_is_no_pem_is_refused),
		T(a_key_with_a_password_is_refused),
		T(connections_go_on_while_others_get_the_new_one),
		T(many_renewals_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
