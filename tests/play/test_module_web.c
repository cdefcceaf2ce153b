/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uri, get_url and wait_for through the tunnel of the real helper, and what Ansible has no
 * counterpart for: TLS, unix sockets, secrets, checksums.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "base/path.h"
#include "base/scratch.h"
#include "http/server.h"
#include "play/modules/checksum_file.h"
#include "play/run_fixture.h"

#define SHA256_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

static struct server server;

static int start_server(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

/* Runs one task; `web` is the server. */
static void task(struct run_fixture *f, const char *shown, const char *text)
{
	const char *book = arena_printf(&f->arena,
		"- hosts: all\n  gather_facts: false\n  vars: {web: '%s', d: '%s'}\n"
		"  tasks:\n    - %s\n",
		server.url, f->dir, text);

	f->show = shown;
	run_fixture_play(f, book);
}

static void a_request_goes_through_the_node(void **state)
{
	struct run_fixture *f = *state;

	task(f, "content", "uri: {url: '{{ web }}/ok', return_content: true}");
	run_fixture_expect(f, "h1 task 'uri': ok \"hello\\n\"");
	task(f, "json", "uri: {url: '{{ web }}/json'}");
	run_fixture_expect(f, "\"{{ 7 * 7 }}\"");
}

static void what_a_server_says_is_not_templated(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg",
		"uri: {url: '{{ web }}/json'}\n      register: said\n"
		"    - debug: {msg: '{{ said.json.name }}'}");
	run_fixture_expect(f, "h1 task 'debug': ok \"{{ 7 * 7 }}\"");
}

static void a_form_has_parts(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "files/note.txt", "a file\n");
	task(f, "json",
		"uri: {url: '{{ web }}/echo', method: POST, body_format: form-multipart, body: "
		"{text: plain, made: {content: '<x/>', filename: 'a\"b.xml'}, "
		"file: {filename: note.txt}}}");
	run_fixture_expect(f,
		"Content-Transfer-Encoding: base64\\r\\nContent-Type: text/plain\\r\\n"
		"Content-Disposition: form-data; name=\\\"file\\\"; filename=\\\"note.txt\\\""
		"\\r\\n\\r\\nYSBmaWxlCg==\\r\\n");
	run_fixture_expect(f, "Content-Type: text/xml\\r\\nContent-Disposition: form-data; "
			      "name=\\\"made\\\"; "
			      "filename=\\\"a\\\\\\\"b.xml\\\"\\r\\n\\r\\n<x/>\\r\\n");
	run_fixture_expect(f, "name=\\\"text\\\"\\r\\n\\r\\nplain\\r\\n--form-");
	run_fixture_expect(f, "multipart/form-data; boundary=\\\"form-");
}

static void a_form_without_parts_is_refused(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg",
		"uri: {url: '{{ web }}/echo', method: POST, body_format: form-multipart, body: "
		"[a]}");
	run_fixture_expect(f, "body must be mapping");
	task(f, "msg",
		"uri: {url: '{{ web }}/echo', method: POST, body_format: form-multipart, body: "
		"{a: {mime_type: text/plain}}}");
	run_fixture_expect(f, "at least one of filename or content must be provided");
}

static void some_headers_follow_no_redirect(void **state)
{
	struct run_fixture *f = *state;

	task(f, "json",
		"uri: {url: '{{ web }}/redirect?to=/echo', headers: {X-Stays: '1', X-Goes: "
		"'2'}, unredirected_headers: [x-stays], force: true}");
	run_fixture_expect(f, "\"x-goes\": \"2\"");
	run_fixture_expect(f, "\"cache-control\": \"no-cache\"");
	assert_null(strstr(f->seen.data, "x-stays"));
	task(f, "json",
		"uri: {url: '{{ web }}/echo', headers: {X-Stays: '1'}, unredirected_headers: "
		"[x-stays]}");
	run_fixture_expect(f, "\"x-stays\": \"1\"");
}

static void a_ticket_of_the_hosts_is_refused(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg", "uri: {url: '{{ web }}/ok', use_gssapi: true}");
	run_fixture_expect(f, "use_gssapi");
}

static void an_archive_of_the_web_is_unpacked(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg", "unarchive: {src: '{{ web }}/tar', dest: '{{ d }}', remote_src: true}");
	run_fixture_expect(f, "h1 task 'unarchive': changed");
	assert_true(path_exists(run_fixture_path(f, "packed.txt")));
	task(f, "msg",
		"unarchive: {src: '{{ web }}/status?code=404', dest: '{{ d }}', remote_src: "
		"true}");
	run_fixture_expect(f, "Failure downloading");
}

static void a_unix_socket_of_the_node_is_asked(void **state)
{
	struct run_fixture *f = *state;
	struct server local;

	server_start_unix(&local, run_fixture_path(f, "web.sock"));
	task(f, "status", "uri: {url: 'http://localhost/ok', unix_socket: '{{ d }}/web.sock'}");
	server_stop(&local);
	run_fixture_expect(f, "h1 task 'uri': ok 200");
}

static void certificates_are_checked(void **state)
{
	struct run_fixture *f = *state;
	char cert[256], key[256];
	struct server secure;

	server_make_certificate(f->dir, cert, key);
	server_start(&secure, cert, key);
	const char *url = secure.url;
	task(f, "status", arena_printf(&f->arena, "uri: {url: '%s/ok'}", url));
	run_fixture_expect(f, "h1 task 'uri': failed -1");
	task(f, "status",
		arena_printf(&f->arena, "uri: {url: '%s/ok', ca_path: '%s'}", url, cert));
	run_fixture_expect(f, "h1 task 'uri': ok 200");
	task(f, "status",
		arena_printf(&f->arena, "uri: {url: '%s/ok', validate_certs: false}", url));
	run_fixture_expect(f, "h1 task 'uri': ok 200");
	server_stop(&secure);
}

static void a_dead_server_is_no_dead_node(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg",
		"uri: {url: 'http://user:s3cret@127.0.0.1:9/?t=t0ken'}\n"
		"      ignore_errors: true\n"
		"    - command: echo alive");
	run_fixture_expect(f, "h1 task 'uri': ignored");
	run_fixture_expect(f, "h1 task 'command': changed");
	assert_null(strstr(f->seen.data, "s3cret"));
	assert_null(strstr(f->seen.data, "t0ken"));
}

static void a_file_is_fetched_once(void **state)
{
	struct run_fixture *f = *state;
	const char *get = "get_url: {url: '{{ web }}/file?once', dest: '{{ d }}/file',"
			  " checksum: 'sha256:{{ web }}/sums'}";
	const char *by_name = "get_url: {url: '{{ web }}/file', dest: '{{ d }}/file',"
			      " checksum: 'sha256:{{ web }}/sums', mode: '0600'}";

	task(f, "msg", get);
	run_fixture_expect(f, "h1 task 'get_url': changed \"OK (300000 bytes)\"");
	task(f, "msg", get);
	run_fixture_expect(f, "h1 task 'get_url': ok \"file already exists\"");
	task(f, "msg", by_name);
	run_fixture_expect(
		f, "h1 task 'get_url': changed \"file already exists but file attributes");
}

static void a_wrong_checksum_writes_nothing(void **state)
{
	struct run_fixture *f = *state;

	task(f, "changed",
		"get_url: {url: '{{ web }}/file?wrong', dest: '{{ d }}/file', checksum: "
		"'sha256:" SHA256_A "'}");
	run_fixture_expect(f, "h1 task 'get_url': failed");
	assert_false(scratch_holds(run_fixture_path(f, "file"), ""));
	autofree char *names = scratch_list(f->dir);
	assert_null(strstr(names, "file"));
}

static void a_servers_name_stays_in_the_directory(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "below/x", "");
	task(f, "dest", "get_url: {url: '{{ web }}/named', dest: '{{ d }}/below'}");
	run_fixture_expect(f, "/below/evil.txt\"");
	assert_true(scratch_holds(run_fixture_path(f, "below/evil.txt"), "named\n"));
}

static void check_mode_only_asks(void **state)
{
	struct run_fixture *f = *state;

	f->options.check = true;
	task(f, "changed", "get_url: {url: '{{ web }}/file?checked', dest: '{{ d }}/file'}");
	run_fixture_expect(f, "h1 task 'get_url': changed");
	autofree char *names = scratch_list(f->dir);
	assert_null(strstr(names, "file"));
}

static void waits_for_an_expression(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "log", "one\nready on port 8080\n");
	task(f, "match_groups",
		"wait_for: {path: '{{ d }}/log', search_regex: 'port (\\d+)$', timeout: 5}");
	run_fixture_expect(f, "h1 task 'wait_for': ok [\"8080\"]");
	task(f, "msg",
		"wait_for: {path: '{{ d }}/log', search_regex: 'port [a-z]', timeout: 1}");
	run_fixture_expect(f, "failed \"Timeout when waiting for search string port [a-z] in");
	task(f, "msg", "wait_for: {path: '{{ d }}/log', search_regex: 'port ('}");
	run_fixture_expect(f, "failed \"Invalid regular expression");
}

static void waits_for_what_a_port_says(void **state)
{
	struct run_fixture *f = *state;

	task(f, "msg",
		arena_printf(&f->arena,
			"wait_for: {port: %u, search_regex: 'SSH-[12]', timeout: 1}",
			server.port));
	run_fixture_expect(f, "failed \"Timeout when waiting for search string SSH-[12] in");
}

static void checksums_have_their_forms(void **state)
{
	struct arena arena = {0};
	struct checksum s = {0};
	struct err err = {0};
	const char *url;

	(void)state;
	assert_int_equal(checksum_read(&s, &arena, "SHA256:" SHA256_A, &url, &err), 0);
	assert_string_equal(s.name, "sha256");
	assert_string_equal(s.hex, SHA256_A);
	assert_null(url);
	assert_int_equal(checksum_read(&s, &arena, "sha1:https://h/x", &url, &err), 0);
	assert_string_equal(url, "https://h/x");
	assert_int_equal(checksum_read(&s, &arena, "sha256", &url, &err), -1);
	assert_int_equal(checksum_read(&s, &arena, "crc:00", &url, &err), -1);
	assert_int_equal(checksum_read(&s, &arena, "sha1:" SHA256_A, &url, &err), -1);
	assert_int_equal(checksum_read(&s, &arena, "md5:zz", &url, &err), -1);
	arena_release(&arena);
}

static void checksums_are_found_in_lists(void **state)
{
	static const char *const lists[] = {
		SHA256_A "\n",
		"00  b\n" SHA256_A "  a\n",
		SHA256_A " *a\r\n00 *b\r\n",
		SHA256_A "  ./a",
	};
	struct arena arena = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct checksum s = {.name = "sha256"};
		assert_int_equal(
			checksum_find(&s, &arena, lists[i], strlen(lists[i]), "a", &err), 0);
		assert_string_equal(s.hex, SHA256_A);
	}
	struct checksum s = {.name = "sha256"};
	const char *other = SHA256_A "  aa\n" SHA256_A "  b\n";
	assert_int_equal(checksum_find(&s, &arena, other, strlen(other), "a", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	arena_release(&arena);
}

#define T(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_goes_through_the_node),
		T(what_a_server_says_is_not_templated),
		T(a_form_has_parts),
		T(a_form_without_parts_is_refused),
		T(some_headers_follow_no_redirect),
		T(a_ticket_of_the_hosts_is_refused),
		T(an_archive_of_the_web_is_unpacked),
		T(a_unix_socket_of_the_node_is_asked),
		T(certificates_are_checked),
		T(a_dead_server_is_no_dead_node),
		T(a_file_is_fetched_once),
		T(a_wrong_checksum_writes_nothing),
		T(a_servers_name_stays_in_the_directory),
		T(check_mode_only_asks),
		T(waits_for_an_expression),
		T(waits_for_what_a_port_says),
		cmocka_unit_test(checksums_have_their_forms),
		cmocka_unit_test(checksums_are_found_in_lists),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
