/* SPDX-License-Identifier: Apache-2.0 */
/* model_cache.yaml: what is taken of it, and where what is wrong is told, with its remedy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/scratch.h"
#include "daemons/cached/config.h"

static struct cached_config *config;
static struct diags diags;
static struct err err;

static int begin(void **state)
{
	unsetenv("MLFLOW_TRACKING_URI");
	unsetenv("MODEL_CACHE_SIZE");
	unsetenv("MODEL_UPDATE_INTERVAL");
	if (scratch_make(state) < 0 || chdir(*state) < 0)
		return -1;
	return 0;
}

static int end(void **state)
{
	cached_config_drop(config);
	config = NULL;
	diags_release(&diags);
	return chdir("/") < 0 ? -1 : scratch_remove(state);
}

static const struct cached_config *take(const char *text)
{
	cached_config_drop(config);
	diags_release(&diags);
	err = (struct err){0};
	scratch_write("cache.yaml", text);
	config = cached_config_read("cache.yaml", &diags, &err);
	return config;
}

static const struct cached_config *take_right(const char *text)
{
	assert_non_null(take(text));
	if (diags.count)
		fail_msg("%s: %s", text, diags.items[0].text);
	return config;
}

/* The only finding, in this line. */
static void expect(const char *text, unsigned line, const char *said)
{
	assert_non_null(take(text));
	if (diags.count != 1)
		fail_msg("%s: %zu findings", text, diags.count);
	assert_string_equal(diags.items[0].text, said);
	assert_int_equal(diags.items[0].line, line);
	if (line)
		assert_string_equal(diags.items[0].file, "cache.yaml");
}

static void what_is_left_out(void **state)
{
	(void)state;
	const struct cached_config *c = take_right("");

	assert_string_equal(c->mlflow_uri, "http://localhost:5000");
	assert_string_equal(c->socket, "/run/model-cached/cache.sock");
	assert_string_equal(c->address, "127.0.0.1");
	assert_int_equal(c->port, 8000);
	assert_int_equal(c->interval, 60);
	assert_int_equal(c->cache_size, 5);
	assert_int_equal(c->cache_bytes, 0);
	assert_int_equal(c->disk_bytes, INT64_C(20) << 30);
	assert_int_equal(c->models.count, 0);
	assert_int_equal(c->retry.count, 4);
	assert_true(c->retry.items[0] == 5 && c->retry.items[3] == 60);
}

static void what_a_model_leaves_out(void **state)
{
	(void)state;
	const struct cached_config *c =
		take_right("mlflow_uri: http://m\nmodels:\n- mlflow_name: a\n"
			   "- {name: b, alias: champion, uri: http://other}\n"
			   "- {name: c, source: directory, uri: store}\n");
	const struct cached_model *m = cached_config_model(c, 0);

	assert_string_equal(m->name, "a");
	assert_string_equal(m->source, "mlflow");
	assert_string_equal(m->uri, "http://m");
	assert_string_equal(m->stage, "Production");
	assert_string_equal(m->sha256_tag, "sha256");
	assert_true(m->validate_timeout == 60);
	assert_int_equal(m->place.line, 3);
	m = cached_config_model(c, 1);
	assert_null(m->stage);
	assert_string_equal(m->alias, "champion");
	assert_string_equal(m->uri, "http://other");
	m = cached_config_model(c, 2);
	assert_null(m->stage);
	assert_string_equal(m->uri, "store");
}

/* Findings and the lines in which they are; `line` 0: of the environment. */
static void what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *said;
	} rows[] = {
		{"cache_size: 1\nmodels: []\ncache_sise: 5\n", 3,
			"\"cache_sise\" is no setting; did you mean \"cache_size\"?"},
		{"cache_size: 0\n", 1,
			"cache_size: found the number 0, expected a whole number from 1 to "
			"1000"},
		{"models:\n- mlflow_name: a\n- source: mlflow\n", 3, "mlflow_name is missing"},
		{"models:\n- mlflow_name: ''\n", 2, "mlflow_name is missing"},
		{"models:\n- mlflow_name: a\n- mlflow_name: a\n", 3,
			"mlflow_name: \"a\" is that of line 2, too"},
		{"models:\n- {mlflow_name: a, source: ftp}\n", 2,
			"source: found \"ftp\", expected mlflow, huggingface, directory or "
			"registry"},
		{"models:\n- {mlflow_name: a, source: registry}\n", 2,
			"uri is missing: the address of model-registryd"},
		{"models:\n- {mlflow_name: a, source: registry, uri: 'http://x',\n"
		 "   stage: Staging}\n",
			2, "stage: the registry has no other than Production"},
		{"models:\n- {mlflow_name: a, source: huggingface, stage: Staging}\n", 2,
			"stage: only MLflow and the registry have stages"},
		{"models:\n- {mlflow_name: a, artifact: ../x}\n", 2,
			"artifact: \"../x\" leaves the version"},
		{"cache_size: 1\nmodels:\n- {mlflow_name: a, pinned: true}\n"
		 "- {mlflow_name: b, pinned: true}\n",
			1,
			"2 models are pinned, and cache_size has places for 1: pin fewer, or "
			"raise cache_size (MODEL_CACHE_SIZE)"},
		{"listen: localhost:http\n", 1,
			"listen: found \"localhost:http\", expected an address and a port, "
			"such as 127.0.0.1:8000"},
		{"listen: nowhere:8000\n", 1, "listen: \"nowhere\" is no IPv4 or IPv6 address"},
		{"listen: 127.0.0.1:65536\n", 1,
			"listen: found \"127.0.0.1:65536\", expected an address and a port, "
			"such as 127.0.0.1:8000"},
		{"retry_intervals: []\n", 1, "retry_intervals: expected at least one number"},
		{"socket: ''\n", 1, "socket is empty: expected the path of a socket"},
		{"state_dir: ''\n", 1, "state_dir is empty: expected a directory"},
		{"- a\n", 1, "expected a mapping of settings"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].text, rows[i].line, rows[i].said);
}

static void a_common_address_that_is_none_is_told_by_its_key(void **state)
{
	(void)state;
	expect("mlflow_uri: localhost:5000\nmodels:\n- mlflow_name: a\n", 3,
		"mlflow_uri: found \"localhost:5000\", expected what begins with http:// or "
		"https://");
	/* Nobody asks there. */
	take_right("mlflow_uri: localhost:5000\nmodels:\n- {name: a, source: huggingface}\n");
}

static void texts_that_clients_have_no_room_for(void **state)
{
	char name[129], alias[65];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memset(alias, 'a', sizeof(alias) - 1);
	name[sizeof(name) - 1] = alias[sizeof(alias) - 1] = '\0';
	autofree char *named = xasprintf("models:\n- mlflow_name: %s\n", name);
	autofree char *aliased = xasprintf("models:\n- {name: m, alias: %s}\n", alias);
	autofree char *staged = xasprintf("models:\n- {name: m, stage: %s}\n", alias);
	expect(named, 2, "mlflow_name: longer than 127 bytes");
	expect(aliased, 2, "alias: longer than 63 bytes");
	expect(staged, 2, "stage: longer than 63 bytes");
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	assert_null(take("models: [\n"));
	assert_null(cached_config_read("nowhere.yaml", &diags, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "nowhere.yaml"));
}

static void addresses(void **state)
{
	static const struct {
		const char *listen, *address;
		uint16_t port;
	} rows[] = {{"127.0.0.1:8000", "127.0.0.1", 8000}, {"0.0.0.0:1", "0.0.0.0", 1},
		{"'[::1]:9'", "::1", 9}, {"':9'", "127.0.0.1", 9}, {"'9'", "127.0.0.1", 9},
		{"127.0.0.1:0", "127.0.0.1", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		autofree char *text = xasprintf("listen: %s\n", rows[i].listen);
		const struct cached_config *c = take_right(text);
		assert_string_equal(c->address, rows[i].address);
		assert_int_equal(c->port, rows[i].port);
	}
}

static void the_environment_wins(void **state)
{
	(void)state;
	setenv("MLFLOW_TRACKING_URI", "http://other", 1);
	setenv("MODEL_CACHE_SIZE", "7", 1);
	setenv("MODEL_UPDATE_INTERVAL", "9", 1);
	const struct cached_config *c =
		take_right("mlflow_uri: http://m\ncache_size: 1\nupdate_interval_seconds: 1\n"
			   "models:\n- mlflow_name: a\n");
	assert_string_equal(cached_config_model(c, 0)->uri, "http://other");
	assert_int_equal(c->cache_size, 7);
	assert_int_equal(c->interval, 9);
	setenv("MODEL_CACHE_SIZE", "many", 1);
	expect("", 0,
		"MODEL_CACHE_SIZE: found \"many\", expected a whole number from 1 to 1000");
	/* Set, and empty, as a unit's file may have it. */
	setenv("MODEL_CACHE_SIZE", "", 1);
	setenv("MLFLOW_TRACKING_URI", "", 1);
	setenv("MODEL_UPDATE_INTERVAL", "", 1);
	c = take_right("cache_size: 3\n");
	assert_int_equal(c->cache_size, 3);
	assert_string_equal(c->mlflow_uri, "http://localhost:5000");
}

static void models_that_are_not_configured(void **state)
{
	(void)state;
	const struct cached_config *c =
		take_right("mlflow_uri: http://m\nmodels:\n- mlflow_name: a\n"
			   "allow: ['fraud-*', exact]\n");
	char name[129] = {0};

	assert_true(cached_config_allows(c, "fraud-eu"));
	assert_true(cached_config_allows(c, "exact"));
	assert_false(cached_config_allows(c, "exactly"));
	assert_false(cached_config_allows(c, "a"));
	assert_false(cached_config_allows(c, ""));
	memset(name, 'x', sizeof(name) - 1);
	memcpy(name, "fraud-", 6);
	assert_false(cached_config_allows(c, name));
	assert_non_null(cached_config_find(c, "a"));
	assert_null(cached_config_find(c, "fraud-eu"));
	const struct cached_model m = cached_config_guess(c, "fraud-eu");
	assert_string_equal(m.name, "fraud-eu");
	assert_string_equal(m.source, "mlflow");
	assert_string_equal(m.uri, "http://m");
	assert_string_equal(m.stage, "Production");
}

static void what_clients_see_as_a_stage(void **state)
{
	(void)state;
	const struct cached_config *c =
		take_right("models:\n- {name: a, stage: Staging}\n- {name: b, alias: best}\n"
			   "- {name: c, source: registry, uri: 'http://x'}\n"
			   "- {name: d, source: directory, uri: x}\n");
	static const char *const stages[] = {"Staging", "best", "Production", "latest"};

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		assert_string_equal(cached_model_stage(cached_config_model(c, i)), stages[i]);
}

static void tags_of_lines(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	cached_config_tag(take_right("models:\n- name: a\n"), "a", &out);
	assert_string_equal(out.data, "");
	cached_config_tag(take_right("models:\n- name: a\nallow: ['*']\n"), "a", &out);
	assert_string_equal(out.data, " (a)");
	strbuf_clear(&out);
	cached_config_tag(take_right("models:\n- name: a\n- name: b\n"), "b", &out);
	assert_string_equal(out.data, " (b)");
}

/* Who holds one keeps it when another has taken its place. */
static void the_last_holder_frees_it(void **state)
{
	(void)state;
	take_right("models:\n- name: kept\n");
	struct cached_config *held = cached_config_hold(config);
	take_right("models:\n- name: another\n");
	assert_string_equal(cached_config_model(held, 0)->name, "kept");
	cached_config_drop(held);
	cached_config_drop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_left_out, begin, end),
		cmocka_unit_test_setup_teardown(what_a_model_leaves_out, begin, end),
		cmocka_unit_test_setup_teardown(what_is_wrong, begin, end),
		cmocka_unit_test_setup_teardown(
			a_common_address_that_is_none_is_told_by_its_key, begin, end),
		cmocka_unit_test_setup_teardown(
			texts_that_clients_have_no_room_for, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_read, begin, end),
		cmocka_unit_test_setup_teardown(addresses, begin, end),
		cmocka_unit_test_setup_teardown(the_environment_wins, begin, end),
		cmocka_unit_test_setup_teardown(models_that_are_not_configured, begin, end),
		cmocka_unit_test_setup_teardown(what_clients_see_as_a_stage, begin, end),
		cmocka_unit_test_setup_teardown(tags_of_lines, begin, end),
		cmocka_unit_test_setup_teardown(the_last_holder_frees_it, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
