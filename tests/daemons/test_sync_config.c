/* SPDX-License-Identifier: Apache-2.0 */
/* model_sync.yaml: what is taken of it, and where what is wrong is told, with its remedy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/scratch.h"
#include "daemons/sync_agent/config.h"

#define MODEL "  models:\n  - {mlflow_name: a, local_filename: a.pt}\n"

static struct arena arena;
static struct diags diags;
static struct agent_config config;

static int begin(void **state)
{
	unsetenv("MLFLOW_TRACKING_URI");
	return scratch_make(state) < 0 || chdir(*state) < 0 ? -1 : 0;
}

static int end(void **state)
{
	diags_release(&diags);
	arena_release(&arena);
	return chdir("/") < 0 ? -1 : scratch_remove(state);
}

static int take(const char *text, struct err *err)
{
	diags_release(&diags);
	scratch_write("sync.yaml", text);
	return config_read(&arena, "sync.yaml", &config, &diags, err);
}

static void take_right(const char *text)
{
	struct err err = {0};

	assert_int_equal(take(text, &err), 0);
	if (diags.count)
		fail_msg("%s: %s", text, diags.items[0].text);
}

/* The only finding, in this line. */
static void expect(const char *text, unsigned line, const char *said)
{
	struct err err = {0};

	assert_int_equal(take(text, &err), 0);
	if (diags.count != 1)
		fail_msg("%s: %zu findings", text, diags.count);
	assert_string_equal(diags.items[0].text, said);
	assert_string_equal(diags.items[0].file, "sync.yaml");
	assert_int_equal(diags.items[0].line, line);
}

static void what_is_left_out(void **state)
{
	(void)state;
	take_right("model_sync:\n" MODEL);
	assert_string_equal(config.mlflow_uri, "http://localhost:5000");
	assert_int_equal(config.poll_interval, 3600);
	assert_string_equal(config.models_dir, "models");
	assert_string_equal(config.manifest_path, "models/manifest.json");
	assert_string_equal(config.on_update.flag_file, "models/.update-pending");
	assert_true(config.on_update.restart);
	assert_int_equal(config.status_port, 8005);
	assert_string_equal(config.status_address, "127.0.0.1");
	const struct agent_model *m = config_model(&config, 0);
	assert_string_equal(m->source, "mlflow");
	assert_string_equal(m->uri, "http://localhost:5000");
	assert_string_equal(m->alias, "champion");
	assert_string_equal(m->sha256_tag, "sha256");
	assert_int_equal(m->place.line, 3);
}

static void what_a_model_says_itself(void **state)
{
	(void)state;
	setenv("MLFLOW_TRACKING_URI", "http://env:1", 1);
	take_right("model_sync:\n  models:\n"
		   "  - {name: a, local_filename: a, stage: Production}\n"
		   "  - {name: o/b, local_filename: b, source: huggingface, revision: v1}\n"
		   "  - {name: c, local_filename: c, source: directory, uri: /srv/models}\n"
		   "  - {name: d, local_filename: d, source: registry, uri: 'http://r'}\n");
	const struct agent_model *m = config_model(&config, 0);
	assert_null(m->alias);
	assert_string_equal(m->uri, "http://env:1");
	m = config_model(&config, 1);
	assert_string_equal(m->alias, "v1");
	assert_null(m->uri);
	assert_null(config_model(&config, 2)->alias);
	assert_null(config_model(&config, 3)->alias);
}

static void expect_model(const char *members, const char *said)
{
	autofree char *text = xasprintf("model_sync:\n  poll_interval_seconds: 5\n  models:\n"
					"  - {mlflow_name: a, local_filename: a.pt, %s}\n",
		members);

	expect(text, 4, said);
}

static void where_a_model_comes_from(void **state)
{
	(void)state;
	expect_model("source: ftp",
		"source: found \"ftp\", expected mlflow, huggingface, directory or registry");
	expect_model("source: directory", "uri is missing: the directory of versions");
	expect_model("source: registry", "uri is missing: the address of model-registryd");
	expect_model("source: registry, uri: 'http://x', alias: b",
		"alias: the registry has none; its version in production is taken");
	expect_model("source: registry, uri: 'http://x', stage: Production",
		"stage: only MLflow has stages");
	expect_model("source: huggingface, stage: S", "stage: only MLflow has stages");
	expect_model("stage: S, alias: b", "alias and stage exclude each other");
	expect_model("artifact: ../x", "artifact: \"../x\" leaves the version");
	expect_model("uri: 'mlflow:5000'",
		"uri: found \"mlflow:5000\", expected what begins with http:// or https://");
	expect("model_sync:\n  mlflow_uri: mlflow:5000\n" MODEL, 4,
		"mlflow_uri: found \"mlflow:5000\", expected what begins with http:// or "
		"https://");
}

static void where_a_model_goes_to(void **state)
{
	(void)state;
	expect("model_sync:\n  models:\n  - {mlflow_name: a, local_filename: ../a}\n", 3,
		"local_filename: \"../a\" leaves models_dir, or is no path of a file");
	expect("model_sync:\n  models:\n  - {mlflow_name: a, local_filename: .former/a}\n", 3,
		"local_filename: \".former/a\" lies where the agent keeps its own files");
	expect("model_sync:\n  models:\n  - {mlflow_name: a, local_filename: manifest.json}\n",
		3, "local_filename: \"manifest.json\" is the manifest's or the flag's");
	expect("model_sync:\n  models:\n  - {mlflow_name: a, local_filename: a/b}\n"
	       "  - {mlflow_name: b, local_filename: a}\n",
		4, "local_filename: \"a\" cannot be there beside the \"a/b\" of line 3");
	take_right("model_sync:\n  models:\n  - {mlflow_name: a, local_filename: a/b}\n"
		   "  - {mlflow_name: b, local_filename: a/bc}\n");
}

static void what_else_is_wrong(void **state)
{
	(void)state;
	expect("- a\n", 1, "expected a mapping with \"model_sync\"");
	expect("model_sync:\n  models:\n  - {mlflow_name: '', local_filename: a}\n", 3,
		"mlflow_name is missing");
	expect("model_sync:\n  manifest_path: models/staging/m\n" MODEL, 1,
		"manifest_path: \"models/staging/m\" lies where the agent keeps its own files");
	expect("model_sync:\n  status_token: ''\n" MODEL, 1,
		"status_token is empty: leave it out where none is meant");
	expect("model_sync:\n  reporting: {enabled: true}\n" MODEL, 1,
		"reporting.endpoint is missing, and reporting is enabled");
	expect("model_sync:\n  reporting: {endpoint: portal}\n" MODEL, 1,
		"reporting.endpoint: found \"portal\", expected what begins with http:// or "
		"https://");
	expect("model_sync:\n  webhook_secret: s\n  status_port: 0\n" MODEL, 1,
		"webhook_secret: webhooks come to status_port, which is 0");
}

static void what_cannot_be_read(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(take("model_sync: [\n", &err), -1);
	assert_int_equal(config_read(&arena, "nowhere.yaml", &config, &diags, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "nowhere.yaml"));
}

static void the_device(void **state)
{
	char host[256] = "";

	(void)state;
	take_right("model_sync:\n  reporting: {device_id: gate-7}\n" MODEL);
	assert_string_equal(config_device(&arena, &config), "gate-7");
	take_right("model_sync:\n" MODEL);
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_string_equal(config_device(&arena, &config), host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_left_out, begin, end),
		cmocka_unit_test_setup_teardown(what_a_model_says_itself, begin, end),
		cmocka_unit_test_setup_teardown(where_a_model_comes_from, begin, end),
		cmocka_unit_test_setup_teardown(where_a_model_goes_to, begin, end),
		cmocka_unit_test_setup_teardown(what_else_is_wrong, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_read, begin, end),
		cmocka_unit_test_setup_teardown(the_device, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
