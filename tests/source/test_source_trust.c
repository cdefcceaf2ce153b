/* SPDX-License-Identifier: Apache-2.0 */
/* A server behind a CA of one's own: each source tells which setting makes it trusted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/scratch.h"
#include "http/client.h"
#include "http/s3.h"
#include "http/server.h"
#include "source/registry_client.h"

static struct server server;
static char cert[256], key[256];
static struct err err;

static int start(void **state)
{
	static const char *const ours[] = {HTTP_CA_VARIABLE, REGISTRY_CA_VARIABLE,
		REGISTRY_KEY_VARIABLE, REGISTRY_FILE_VARIABLE, "HF_HUB_OFFLINE", "HF_TOKEN",
		"MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS",
		"MLFLOW_TRACKING_CLIENT_CERT_PATH"};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		unsetenv(ours[i]);
	setenv("HF_TOKEN_PATH", "/nonexistent/token", 1);
	scratch_make(state);
	server_make_certificate(*state, cert, key);
	server_start(&server, cert, key);
	return 0;
}

static int stop(void **state)
{
	server_stop(&server);
	return scratch_remove(state);
}

static int forget(void **state)
{
	(void)state;
	err_clear(&err);
	return 0;
}

static int find(const char *kind)
{
	const struct source_options options = {.uri = server.url};
	const struct source_request request = {.name = "owner/plates", .alias = "champion"};
	struct source_version version = {0};
	struct source *source = source_open(kind, &options, &err);

	assert_non_null(source);
	int result = source_find(source, &request, &version, &err);
	source_version_release(&version);
	source_close(source);
	return result;
}

static void assert_text_has(const char *part)
{
	if (!strstr(err.text, part))
		fail_msg("%s is not in: %s", part, err.text);
}

/* Its server is distrusted, with a word on this variable, which then is a remedy. */
static void assert_variable_helps(const char *kind, const char *variable)
{
	assert_int_equal(find(kind), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_text_has(server.url);
	assert_text_has("no CA that is trusted here");
	assert_text_has(variable);
	err_clear(&err);
	setenv(variable, cert, 1);
	int result = find(kind);
	unsetenv(variable);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_NOTFOUND); /* it was asked, and has nothing */
}

static void mlflow_has_its_own(void **state)
{
	(void)state;
	assert_variable_helps("mlflow", "MLFLOW_TRACKING_SERVER_CERT_PATH");
}

static void the_registry_has_its_own(void **state)
{
	(void)state;
	assert_variable_helps("registry", REGISTRY_CA_VARIABLE);
}

static void the_hub_has_that_of_everybody(void **state)
{
	(void)state;
	assert_variable_helps("huggingface", HTTP_CA_VARIABLE);
}

static void its_own_goes_before_that_of_everybody(void **state)
{
	(void)state;
	setenv(HTTP_CA_VARIABLE, cert, 1);
	setenv(REGISTRY_CA_VARIABLE, "/etc/hostname", 1);
	int result = find("registry");
	unsetenv(HTTP_CA_VARIABLE);
	unsetenv(REGISTRY_CA_VARIABLE);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_text_has("let " REGISTRY_CA_VARIABLE " name a file in PEM");
}

static void of_a_store_it_is_what_the_caller_says(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct s3_options options = {.endpoint = server.url,
		.bucket = "models",
		.prefix = "",
		.path_style = true,
		.access_key = "a",
		.secret_key = "b",
		.ca_setting = "AWS_CA_BUNDLE"};
	struct s3 *s3 = s3_open(&options, &err);

	(void)state;
	assert_non_null(s3);
	assert_int_equal(s3_get(s3, "key", 100, &text, &err), -1);
	s3_close(s3);
	assert_int_equal(err.code, ERR_AUTH);
	assert_text_has("let AWS_CA_BUNDLE name a file");
}

#define T(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(mlflow_has_its_own),
		T(the_registry_has_its_own),
		T(the_hub_has_that_of_everybody),
		T(its_own_goes_before_that_of_everybody),
		T(of_a_store_it_is_what_the_caller_says),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
