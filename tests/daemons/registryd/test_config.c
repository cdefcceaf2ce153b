/* SPDX-License-Identifier: Apache-2.0 */
/* model-registryd's configuration, its OpenAPI document and its problems, by themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "daemons/registryd/config.h"
#include "daemons/registryd/metrics.h"
#include "daemons/registryd/openapi.h"
#include "daemons/registryd/problem.h"
#include "http/serve_answer.h"
#include "value/json.h"

static char directory[] = "/tmp/test_registryd_config.XXXXXX";
static struct arena arena;
static struct err err;

static int prepare(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int clean(void **state)
{
	(void)state;
	arena_release(&arena);
	return path_remove_tree(directory, &err);
}

static const char *write_file(const char *text, mode_t mode)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/file", directory);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* ---- addresses ---- */

static void addresses_are_cut_apart(void **state)
{
	static const struct {
		const char *text, *address;
		unsigned port;
		bool local;
	} cases[] = {
		{"127.0.0.1:8080", "127.0.0.1", 8080, true},
		{"localhost:1", "127.0.0.1", 1, true},
		{":8081", "127.0.0.1", 8081, true},
		{"8082", "127.0.0.1", 8082, true},
		{"0.0.0.0:80", "0.0.0.0", 80, false},
		{"[::1]:65535", "::1", 65535, true},
		{"[::]:0", "::", 0, false},
		{"192.0.2.7:9", "192.0.2.7", 9, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *address;
		uint16_t port;
		if (config_listen(&arena, cases[i].text, &address, &port, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_string_equal(address, cases[i].address);
		assert_int_equal(port, cases[i].port);
		assert_int_equal(config_is_local(address), cases[i].local);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const cases[] = {"", ":", "x", "127.0.0.1", "127.0.0.1:65536",
		"127.0.0.1:-1", "example.org:80", "[::1:80", "1.2.3:4", "[]:1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *address;
		uint16_t port;
		if (config_listen(&arena, cases[i], &address, &port, &err) == 0)
			fail_msg("%s is taken", cases[i]);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

/* ---- settings ---- */

/* How many errors a configuration has. */
static size_t read_config(const char *text, struct registryd_config *c)
{
	AUTO(diags_release) struct diags diags = {0};

	if (config_read(&arena, write_file(text, 0644), false, c, &diags, &err) < 0)
		fail_msg("%s", err.text);
	return diags.errors;
}

static void everything_has_a_default(void **state)
{
	struct registryd_config c;

	(void)state;
	assert_int_equal(read_config("", &c), 0);
	assert_string_equal(c.store, "json:models/registry.json");
	assert_null(c.listen);
	assert_int_equal(c.keys.count, 0);
	assert_string_equal(c.jwt.roles_claim, "roles");
	assert_string_equal(c.catalogue.schedule, "0 2 * * *");
}

static void a_store_in_s3(void **state)
{
	struct registryd_config c;

	(void)state;
	assert_int_equal(
		read_config("site: {store: \"s3://models/fleet\", s3_region: eu-west-2}\n", &c),
		0);
	assert_true(c.site.s3_path_style);
	assert_true(c.site.s3_redirect);
	assert_string_equal(c.site.s3_region, "eu-west-2");
	assert_int_equal(read_config("site: {store: \"s3://models\", s3_redirect: false,\n"
				     "  s3_path_style: false, s3_endpoint: \"http://s3\"}\n",
				 &c),
		0);
	assert_false(c.site.s3_path_style);
	assert_false(c.site.s3_redirect);
}

static void a_store_in_s3_that_is_none(void **state)
{
	static const char *const cases[] = {"site: {store: \"s3://\"}\n",
		"site: {store: \"s3://Models/x\"}\n", "site: {store: \"s3://models/../x\"}\n",
		"site: {store: \"s3://models/a//b\"}\n",
		"site: {store: /srv/models, s3_endpoint: \"http://s3\"}\n",
		"site: {inventory: /srv/site, store: \"s3://models\"}\n",
		"site: {s3_region: eu-west-2}\n"};
	struct registryd_config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (read_config(cases[i], &c) != 1)
			fail_msg("%s", cases[i]);
}

static void what_is_said_is_taken(void **state)
{
	struct registryd_config c;

	(void)state;
	assert_int_equal(
		read_config(
			"store: sqlite:x\nlisten: 0.0.0.0:1\n"
			"tls: {certificate: c, key: k}\n"
			"access:\n  keys:\n  - {name: a, role: admin, sha256: "
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}\n"
			"  - {name: b, sha256: "
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}\n"
			"  jwt: {jwks: j, issuer: i, roles_claim: groups}\n"
			"limits: {queue: 7}\ncatalogue: {schedule: off}\n",
			&c),
		0);
	const struct config_key *keys = c.keys.items;
	assert_string_equal(keys[0].role, "admin");
	assert_string_equal(keys[1].role, "read");
	assert_string_equal(c.tls_cert, "c");
	assert_string_equal(c.jwt.roles_claim, "groups");
	assert_int_equal(c.limits.queue, 7);
	assert_string_equal(c.catalogue.schedule, "off");
}

static void what_is_wrong_is_found(void **state)
{
	static const char *const cases[] = {"[]", "stoer: x", "listen: nowhere",
		"tls: {key: k}", "access: {keys: [{name: a}]}",
		"access: {keys: [{name: a, sha256: abc}]}", "access: {jwt: {issuer: i}}",
		"limits: {queue: 0}", "audit: {max_bytes: 1}", "catalogue: {schedule: daily}"};
	struct registryd_config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (read_config(cases[i], &c) == 0)
			fail_msg("%s is taken", cases[i]);
}

static void a_file_that_may_be_missing(void **state)
{
	AUTO(diags_release) struct diags diags = {0};
	struct registryd_config c;

	(void)state;
	assert_int_equal(config_read(&arena, "/nowhere/x", true, &c, &diags, &err), 0);
	assert_int_equal(config_read(&arena, "/nowhere/x", false, &c, &diags, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void files_of_secrets_are_for_their_owner(void **state)
{
	static const struct {
		mode_t mode;
		int rc;
	} cases[] = {{0600, 0}, {0400, 0}, {0640, 0}, {0644, -1}, {0660, -1}, {0602, -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (config_check_mode(write_file("x", cases[i].mode), &err) != cases[i].rc)
			fail_msg("%04o", (unsigned)cases[i].mode);
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(config_check_mode("/nowhere/x", &err), -1);
}

/* ---- problems ---- */

static void problems_name_their_fields(void **state)
{
	AUTO(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
	struct problem p = {0};

	(void)state;
	assert_false(problem_answer(&p, &answer));
	problem_add(&p, "a", "found \"%s\"", "x");
	problem_add(&p, "b", "is missing");
	assert_true(problem_answer(&p, &answer));
	assert_int_equal(answer.status, 422);
	assert_string_equal(answer.body.data,
		"{\"title\": \"Unprocessable Content\", \"status\": 422, \"detail\": \"a: "
		"found \\\"x\\\"\", \"errors\": [{\"field\": \"a\", \"detail\": \"found "
		"\\\"x\\\"\"}, {\"field\": \"b\", \"detail\": \"is missing\"}]}\n");
}

/* ---- the document ---- */

static void nothing(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	(void)answer;
}

static const struct value *member(const struct value *v, const char *name)
{
	const struct value *m = value_dict_get(v, name);

	if (!m)
		fail_msg("no member %s", name);
	return m;
}

static void routes_become_operations(void **state)
{
	static const struct api_query queries[] = {
		{"limit", "{\"type\": \"integer\"}", "so \"many\""}, {0}};
	static const struct api_about get = {.id = "one",
		.what = "Gives \"it\"",
		.role = ROLE_READ,
		.names = {"model_name", "version"},
		.query = queries,
		.replies = {{200, "Entry", NULL}},
		.problems = {404}};
	static const struct api_about put = {.id = "two",
		.what = "Takes it",
		.names = {"model_name", "version"},
		.body = "NewEntry",
		.replies = {{204, NULL, NULL}}};
	static const struct http_route routes[] = {
		HTTP_ROUTE("GET", "/a/{}/{}", nothing, .about = &get),
		HTTP_ROUTE("PUT", "/a/{}/{}", nothing, .about = &put),
		{0},
	};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	openapi_write(routes, "1.2.3", &text);
	const struct value *v =
		json_read(&arena, text.data, text.len, "openapi", NULL, NULL, &err);
	if (!v)
		fail_msg("%s", err.text);
	assert_string_equal(value_text(member(member(v, "info"), "version")), "1.2.3");
	assert_int_equal(member(v, "paths")->pair_count, 1);
	const struct value *item = member(member(v, "paths"), "/a/{model_name}/{version}");
	const struct value *one = member(item, "get"), *two = member(item, "put");
	assert_string_equal(value_text(member(one, "summary")), "Gives \"it\"");
	assert_int_equal(member(one, "parameters")->count, 3);
	assert_int_equal(member(one, "responses")->pair_count, 4); /* 200 404 401 403 */
	assert_int_equal(member(two, "responses")->pair_count, 1);
	assert_int_equal(member(two, "security")->count, 0);
	(void)member(member(two, "requestBody"), "content");
}

/* ---- metrics ---- */

static void requests_are_counted(void **state)
{
	static const struct http_route route = HTTP_ROUTE("GET", "/x", nothing);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct metrics *m = metrics_new();

	(void)state;
	metrics_count(m, &route, 200, 0.0004);
	metrics_count(m, &route, 200, 0.02);
	metrics_count(m, NULL, 404, 99);
	metrics_write(m, &text);
	metrics_free(m);
	static const char *const lines[] = {
		"requests_total{method=\"GET\",route=\"/x\",code=\"200\"} 2\n",
		"requests_total{method=\"\",route=\"\",code=\"404\"} 1\n",
		"request_seconds_bucket{le=\"0.0005\"} 1\n",
		"request_seconds_bucket{le=\"0.025\"} 2\n",
		"request_seconds_bucket{le=\"10\"} 2\n",
		"request_seconds_bucket{le=\"+Inf\"} 3\n",
		"request_seconds_count 3\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text.data, lines[i]))
			fail_msg("no %s in %s", lines[i], text.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_cut_apart),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(everything_has_a_default),
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(a_store_in_s3),
		cmocka_unit_test(a_store_in_s3_that_is_none),
		cmocka_unit_test(what_is_wrong_is_found),
		cmocka_unit_test(a_file_that_may_be_missing),
		cmocka_unit_test(files_of_secrets_are_for_their_owner),
		cmocka_unit_test(problems_name_their_fields),
		cmocka_unit_test(routes_become_operations),
		cmocka_unit_test(requests_are_counted),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
