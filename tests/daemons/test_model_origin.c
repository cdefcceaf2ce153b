/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of `models` says of where a model comes from, and what is wrong with it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemons/model_origin.h"

static const char COMMON[] = "http://mlflow:5000";
static const struct place HERE = {.file = "models.yaml", .line = 7, .column = 5};

/* All findings, a line each. */
static char *check(struct model_origin origin)
{
	AUTO(diags_release) struct diags diags = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	origin.common = COMMON;
	origin.place = &HERE;
	model_origin_check(&origin, &diags);
	for (size_t i = 0; i < diags.count; i++)
		diag_format(&diags.items[i], &out);
	return xstrdup(out.data);
}

static void expect(struct model_origin origin, const char *said)
{
	autofree char *line =
		*said ? xasprintf("models.yaml:7:5: error: %s\n", said) : xstrdup("");
	autofree char *found = check(origin);

	assert_string_equal(found, line);
}

static void what_is_right(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "mlflow", .uri = COMMON, .stage = "S"}, "");
	expect((struct model_origin){.source = "mlflow", .uri = "https://x", .alias = "a"}, "");
	expect((struct model_origin){.source = "huggingface"}, "");
	expect(
		(struct model_origin){
			.source = "huggingface", .uri = "http://mirror", .alias = "main"},
		"");
	expect((struct model_origin){.source = "directory", .uri = "../models"}, "");
	expect((struct model_origin){.source = "registry", .uri = "http://r:8100"}, "");
}

static void a_kind_that_there_is_not(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "ftp"},
		"source: found \"ftp\", expected mlflow, huggingface, directory or registry");
	/* What its uri should be, nobody knows. */
	expect((struct model_origin){.source = "dir", .uri = "store"},
		"source: found \"dir\", expected mlflow, huggingface, directory or registry");
	expect((struct model_origin){.source = ""},
		"source: found \"\", expected mlflow, huggingface, directory or registry");
}

static void a_missing_uri_is_told_as_what_is_missing(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "directory"},
		"uri is missing: the directory of versions");
	expect((struct model_origin){.source = "registry"},
		"uri is missing: the address of model-registryd");
}

static void a_uri_that_is_none_is_told_by_its_key(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "huggingface", .uri = "/srv"},
		"uri: found \"/srv\", expected what begins with http:// or https://");
	expect((struct model_origin){.source = "registry", .uri = "r:8100"},
		"uri: found \"r:8100\", expected what begins with http:// or https://");
	expect((struct model_origin){.source = "mlflow", .uri = "mlflow:5000"},
		"uri: found \"mlflow:5000\", expected what begins with http:// or https://");
}

static void a_common_uri_is_told_by_its_own_key(void **state)
{
	AUTO(diags_release) struct diags diags = {0};
	const char *common = "mlflow:5000";

	(void)state;
	model_origin_check(
		&(struct model_origin){.source = "mlflow", .uri = common, .common = common},
		&diags);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.items[0].text,
		"mlflow_uri: found \"mlflow:5000\", expected what begins with http:// or "
		"https://");
	assert_null(diags.items[0].file);
}

static void which_version(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "mlflow", .stage = "S", .alias = "a"},
		"alias and stage exclude each other");
	expect((struct model_origin){.source = "registry", .uri = "http://r", .alias = "a"},
		"alias: the registry has none; its version in production is taken");
}

static void which_file(void **state)
{
	(void)state;
	expect((struct model_origin){.source = "mlflow", .artifact = "sub/model.pkl"}, "");
	expect((struct model_origin){.source = "mlflow", .artifact = "*.pkl"}, "");
	expect((struct model_origin){.source = "mlflow", .artifact = "../model.pkl"},
		"artifact: \"../model.pkl\" leaves the version");
	expect((struct model_origin){.source = "mlflow", .artifact = "/etc/passwd"},
		"artifact: \"/etc/passwd\" leaves the version");
}

/* One run tells of everything. */
static void all_that_is_wrong_is_found(void **state)
{
	(void)state;
	autofree char *said = check((struct model_origin){
		.source = "registry", .stage = "S", .alias = "a", .artifact = ".."});
	size_t lines = 0;

	for (const char *at = said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 4);
}

static void urls(void **state)
{
	(void)state;
	assert_true(model_origin_is_url("http://x"));
	assert_true(model_origin_is_url("https://x"));
	assert_false(model_origin_is_url("ftp://x"));
	assert_false(model_origin_is_url("http:/x"));
	assert_false(model_origin_is_url(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right),
		cmocka_unit_test(a_kind_that_there_is_not),
		cmocka_unit_test(a_missing_uri_is_told_as_what_is_missing),
		cmocka_unit_test(a_uri_that_is_none_is_told_by_its_key),
		cmocka_unit_test(a_common_uri_is_told_by_its_own_key),
		cmocka_unit_test(which_version),
		cmocka_unit_test(which_file),
		cmocka_unit_test(all_that_is_wrong_is_found),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
