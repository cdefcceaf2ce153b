/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MLflow, of both generations, and the Hub answer: which version, which files, and what is
 * wrong with an answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/canned.h"

#define ALIAS  "/api/2.0/mlflow/registered-models/alias"
#define LATEST "/api/2.0/mlflow/registered-models/get-latest-versions"
#define URI    "/api/2.0/mlflow/model-versions/get-download-uri"
#define PROXY  "/api/2.0/mlflow-artifacts/artifacts"
#define MODEL  "/api/2.0/mlflow/logged-models/m-1/artifacts/directories"
#define RUN    "/api/2.0/mlflow/artifacts/list"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct canned canned;
static struct source_server server;
static struct source_version version;
static struct source_files files;
static struct source_file chosen;
static struct err err;

static int fresh(void **state)
{
	(void)state;
	canned = (struct canned){0};
	canned_open(&canned, &server);
	err_clear(&err);
	return 0;
}

static int done(void **state)
{
	(void)state;
	source_server_close(&server);
	source_version_release(&version);
	source_files_release(&files);
	source_file_release(&chosen);
	canned_release(&canned);
	return 0;
}

static int find(const struct source_kind *kind, const struct source_request *q,
	const struct canned_answer *answers)
{
	canned.answers = answers;
	return kind->find(&server, q, &version, &err);
}

static const struct source_request plates = {
	.name = "plates", .alias = "champion", .local_name = "p.pt", .sha256_tag = "sha256"};

/* Finds a version by an answer to the question for the alias. */
static int find_alias(const char *body, unsigned status)
{
	const struct canned_answer answers[] = {
		{.target = ALIAS, .status = status, .body = body}, {0}};

	return find(&source_mlflow, &plates, answers);
}

static void assert_error(enum err_code code, const char *said)
{
	assert_int_equal(err.code, code);
	if (!strstr(err.text, said))
		fail_msg("\"%s\" is not in: %s", said, err.text);
}

static void mlflow_names_a_version(void **state)
{
	(void)state;
	assert_int_equal(
		find_alias("{\"model_version\": {\"name\": \"plates\", \"version\": \"12\", "
			   "\"run_id\": \"e8d5\", \"source\": \"models:/m-1\", \"tags\": ["
			   "{\"key\": \"other\"}, {\"key\": \"sha256\", \"value\": \"" DIGEST
			   "\"}]}}",
			200),
		0);
	assert_string_equal(version.version, "12");
	assert_string_equal(version.run_id, "e8d5");
	assert_string_equal(version.origin, "models:/m-1");
	assert_string_equal(version.sha256, DIGEST);
	assert_string_equal(canned.asked.items[0], ALIAS "?name=plates&alias=champion");
}

static void what_mlflow_leaves_out_is_empty(void **state)
{
	(void)state;
	assert_int_equal(find_alias("{\"model_version\": {\"version\": \"1\"}}", 200), 0);
	assert_string_equal(version.run_id, "");
	assert_null(version.sha256);
}

static void mlflow_has_no_such_alias(void **state)
{
	(void)state;
	assert_int_equal(find_alias("{\"error_code\": \"INVALID_PARAMETER_VALUE\", "
				    "\"message\": \"alias champion not found\"}",
				 400),
		-1);
	assert_error(ERR_NOTFOUND, "alias champion not found");
}

static void mlflow_answers_what_is_none(void **state)
{
	static const struct {
		const char *body, *said;
		unsigned status;
		enum err_code code;
	} cases[] = {
		{"<html>", "no JSON", 200, ERR_PROTOCOL},
		{"7", "neither object nor list", 200, ERR_PROTOCOL},
		{"{}", "has no version", 200, ERR_PROTOCOL},
		{"{\"model_version\": 3}", "has no version", 200, ERR_PROTOCOL},
		{"{\"model_version\": {\"version\": 3}}", "has no version", 200, ERR_PROTOCOL},
		{"{\"model_version\": {\"version\": \"0\"}}", "no version", 200, ERR_PROTOCOL},
		{"{\"model_version\": {\"version\": \"1\", \"tags\": [{\"key\": \"sha256\", "
		 "\"value\": \"abc\"}]}}",
			"is \"abc\", which is no SHA-256", 200, ERR_INPUT},
		{"Forbidden", "the server says 403", 403, ERR_DENIED},
		{"{\"message\": \"no model\"}", "no model", 404, ERR_NOTFOUND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		err_clear(&err);
		assert_int_equal(find_alias(cases[i].body, cases[i].status), -1);
		assert_error(cases[i].code, cases[i].said);
	}
}

static void names_are_encoded(void **state)
{
	static const struct canned_answer answers[] = {{0}};
	const struct source_request q = {.name = "a b/\xc3\xb6?&=+%", .alias = "x#y"};

	(void)state;
	assert_int_equal(find(&source_mlflow, &q, answers), -1);
	assert_string_equal(
		canned.asked.items[0], ALIAS "?name=a%20b%2F%C3%B6%3F%26%3D%2B%25&alias=x%23y");
}

static void a_stage_is_the_newest_version_in_it(void **state)
{
	static const struct canned_answer some[] = {
		{.target = LATEST,
			.body = "{\"model_versions\": [{\"version\": \"4\", \"run_id\": "
				"\"r\"}]}"},
		{0}};
	static const struct canned_answer none[] = {{.target = LATEST, .body = "{}"}, {0}};
	const struct source_request q = {.name = "plates", .stage = "Production"};

	(void)state;
	assert_int_equal(find(&source_mlflow, &q, none), -1);
	assert_error(ERR_NOTFOUND, "no version is in the stage Production");
	assert_int_equal(find(&source_mlflow, &q, some), 0);
	assert_string_equal(version.version, "4");
}

/* Lists the files of a version whose artifacts lie at a URI. */
static int list(const struct canned_answer *answers, const char *run, const char *origin)
{
	version = (struct source_version){
		.version = xstrdup("1"), .run_id = xstrdup(run), .origin = xstrdup(origin)};
	canned.answers = answers;
	return source_mlflow.list(&server, &plates, &version, &files, &err);
}

static void assert_files(const char *first, uint64_t size, const char *second)
{
	assert_int_equal(files.count, 2);
	assert_string_equal(files.items[0].path, first);
	assert_int_equal(files.items[0].size, size);
	assert_string_equal(files.items[1].path, second);
	assert_true(files.items[1].size == SOURCE_SIZE_UNKNOWN);
}

static void files_of_proxied_artifacts(void **state)
{
	static const struct canned_answer answers[] = {
		{.target = URI, .body = "{\"artifact_uri\": \"mlflow-artifacts://h:5/1/a/\"}"},
		{.target = PROXY "?path=1%2Fa%2Fweights",
			.body = "{\"files\": [{\"path\": \"best.pt\", \"is_dir\": false, "
				"\"file_size\": \"7\"},{\"path\": \"last.pt\", \"is_dir\": "
				"false}]}"},
		{.target = PROXY "?path=1%2Fa",
			.body = "{\"files\": ["
				"{\"path\": \"weights\", \"is_dir\": true}]}"},
		{0}};

	(void)state;
	assert_int_equal(list(answers, "r", NULL), 0);
	assert_files("weights/best.pt", 7, "weights/last.pt");
}

static void files_of_a_logged_model(void **state)
{
	static const struct canned_answer answers[] = {
		{.target = URI, .body = "{\"artifact_uri\": \"s3://bucket/models/m-1\"}"},
		{.target = MODEL "?artifact_directory_path=w",
			.body = "{\"files\": ["
				"{\"path\": \"w/a.pt\", \"file_size\": 3}, {\"path\": "
				"\"w/b.pt\"}]}"},
		{.target = MODEL, .body = "{\"files\": [{\"path\": \"w\", \"is_dir\": true}]}"},
		{0}};

	(void)state;
	assert_int_equal(list(answers, "", "models:/m-1/x"), 0);
	assert_files("w/a.pt", 3, "w/b.pt");
}

static void files_of_a_run(void **state)
{
	static const struct canned_answer answers[] = {
		{.target = URI, .body = "{\"artifact_uri\": \"s3://b/0/r/artifacts/model\"}"},
		{.target = RUN "?run_id=r&path=model",
			.body = "{\"files\": ["
				"{\"path\": \"model/a.pt\", \"file_size\": 0}, {\"path\": "
				"\"model/b\"}]}"},
		{.target = RUN, .body = "{\"root_uri\": \"s3://b/0/r/artifacts\"}"}, {0}};

	(void)state;
	assert_int_equal(list(answers, "r", NULL), 0);
	assert_files("a.pt", 0, "b");
}

static void lists_that_are_wrong(void **state)
{
	static const char run[] = "s3://b/r/artifacts/m";
	static const struct {
		const char *uri, *root, *entries, *said;
		enum err_code code;
	} cases[] = {
		{run, "s3://other", "", "cannot be listed", ERR_NOTFOUND},
		{run, "s3://b/r/art", "", "cannot be listed", ERR_NOTFOUND},
		{run, "s3://b/r/artifacts", "{\"path\": \"n/a.pt\"}", "outside of \"m\"",
			ERR_PROTOCOL},
		{run, "s3://b/r/artifacts", "{\"path\": \"m/../a.pt\"}", "would leave it",
			ERR_PROTOCOL},
		{run, "s3://b/r/artifacts", "{\"path\": 1}", "without a path", ERR_PROTOCOL},
		{run, "s3://b/r/artifacts", "{\"path\": \"m/m\", \"is_dir\": true}",
			"deeper than 8", ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *uri = xasprintf("{\"artifact_uri\": \"%s\"}", cases[i].uri);
		autofree char *root = xasprintf("{\"root_uri\": \"%s\"}", cases[i].root);
		autofree char *entries = xasprintf("{\"files\": [%s]}", cases[i].entries);
		const struct canned_answer answers[] = {{.target = URI, .body = uri},
			{.target = RUN "?run_id=r&path", .body = entries},
			{.target = RUN, .body = root}, {0}};
		err_clear(&err);
		assert_int_equal(list(answers, "r", NULL), -1);
		assert_error(cases[i].code, cases[i].said);
		source_version_release(&version);
		source_files_release(&files);
	}
}

static void files_that_nobody_can_list(void **state)
{
	static const struct canned_answer answers[] = {
		{.target = URI, .body = "{\"artifact_uri\": \"s3://b/x\"}"}, {0}};

	(void)state;
	assert_int_equal(list(answers, "", NULL), -1);
	assert_error(ERR_NOTFOUND, "no run made it");
}

/* ---- the Hub ---- */

static const struct source_request hub_plates = {.name = "org/plates", .local_name = "p.pt"};

static void the_hub_names_a_commit(void **state)
{
	static const struct canned_answer right[] = {
		{.target = "/api/models/org/plates/revision/main",
			.body = "{\"sha\": \"" COMMIT "\"}"},
		{0}};
	static const struct canned_answer wrong[] = {
		{.target = "/", .body = "{\"sha\": \"main\"}"}, {0}};

	(void)state;
	assert_int_equal(find(&source_huggingface, &hub_plates, wrong), -1);
	assert_error(ERR_PROTOCOL, "has no commit");
	assert_int_equal(find(&source_huggingface, &hub_plates, right), 0);
	assert_string_equal(version.version, COMMIT);
	assert_string_equal(version.run_id, "");
}

static int list_hub(const struct canned_answer *answers)
{
	source_version_release(&version);
	version.version = xstrdup(COMMIT);
	canned.answers = answers;
	err_clear(&err);
	return source_huggingface.list(&server, &hub_plates, &version, &files, &err);
}

static void the_hubs_pages_are_followed(void **state)
{
	static const struct canned_answer answers[] = {
		{.target = "/page2", .body = "[{\"type\": \"file\", \"path\": \"b.pt\"}]"},
		{.target = "/api/models/org/plates/tree/" COMMIT "?recursive=true",
			.headers = "Link: <" CANNED_BASE "/page2>; rel=\"next\"\r\n",
			.body = "[{\"type\": \"directory\", \"path\": \"w\"}, {\"type\": "
				"\"file\", "
				"\"path\": \"w/a.pt\", \"size\": 5, \"lfs\": {\"oid\": "
				"\"" DIGEST "\"}}]"},
		{0}};

	(void)state;
	assert_int_equal(list_hub(answers), 0);
	assert_files("w/a.pt", 5, "b.pt");
	assert_string_equal(files.items[0].sha256, DIGEST);
}

static void the_hubs_token_stays_with_it(void **state)
{
	static const char *const links[] = {"Link: <" CANNED_BASE
					    ".example/page2>; rel=\"next\"\r\n",
		"Link: <" CANNED_BASE "@example.com/>; rel=\"next\"\r\n",
		"Link: <https://registry.test/page2>; rel=\"next\"\r\n",
		"Link: <//example.com/page2>; rel=\"next\"\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		const struct canned_answer answers[] = {
			{.target = "/", .headers = links[i], .body = "[]"}, {0}};
		assert_int_equal(list_hub(answers), -1);
		assert_error(ERR_PROTOCOL, "at another server");
	}
}

static void the_hubs_lists_may_be_wrong(void **state)
{
	static const struct {
		const char *body, *said;
	} cases[] = {
		{"{}", "is no list"},
		{"[{\"type\": \"file\"}]", "without a path"},
		{"[{\"type\": \"file\", \"path\": \"/etc/x\"}]", "would leave it"},
		{"[{\"type\": \"file\", \"path\": \"x\", \"lfs\": {\"oid\": \"sha\"}}]",
			"what is no SHA-256"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct canned_answer answers[] = {
			{.target = "/", .body = cases[i].body}, {0}};
		assert_int_equal(list_hub(answers), -1);
		assert_error(ERR_PROTOCOL, cases[i].said);
	}
}

/* ---- which file ---- */

static int pick(const char *path, const char *local_name)
{
	static const char *const names[] = {
		"MLmodel", "weights/best.pt", "weights/last.PT", "export/best.onnx", "data"};
	const struct source_request q = {.path = path, .local_name = local_name};

	source_files_release(&files);
	source_file_release(&chosen);
	err_clear(&err);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(source_files_add(&files, names[i], i, &err), 0);
	return source_pick(&files, &q, &chosen, &err);
}

static void a_file_is_chosen(void **state)
{
	static const struct {
		const char *path, *local_name, *chosen;
	} cases[] = {
		{NULL, "m.ONNX", "export/best.onnx"},
		{"data", "m.pt", "data"},
		{"weights/b*", "m.pt", "weights/best.pt"},
		{"**/best.pt", "m.pt", "weights/best.pt"},
		{"best.*t", "m.pt", "weights/best.pt"},
		{"weights/[!b]*", "m.pt", "weights/last.PT"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (pick(cases[i].path, cases[i].local_name) < 0)
			fail_msg("case %zu: %s", i, err.text);
		assert_string_equal(chosen.path, cases[i].chosen);
	}
}

static void a_choice_that_is_not_clear(void **state)
{
	(void)state;
	assert_int_equal(pick(NULL, "m.pt"), -1);
	assert_error(ERR_INPUT, "2 files that may be meant, weights/best.pt, weights/last.PT");
	assert_int_equal(pick(NULL, "m.tflite"), -1);
	assert_error(ERR_NOTFOUND, "no \".tflite\" file; it has MLmodel, weights/best.pt,");
	assert_int_equal(pick("*.bin", "m.pt"), -1);
	assert_error(ERR_NOTFOUND, "that \"*.bin\" names");
	assert_int_equal(pick("best.pt", "m.pt"), -1);
	assert_error(ERR_NOTFOUND, "that \"best.pt\" names");
}

static void there_are_not_too_many_files(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SOURCE_FILES_MAX; i++)
		assert_int_equal(source_files_add(&files, "x", 1, &err), 0);
	assert_int_equal(source_files_add(&files, "x", 1, &err), -1);
	assert_error(ERR_LIMIT, "more than 10000 files");
}

static void kinds_by_name(void **state)
{
	static const char *const names[] = {"mlflow", "huggingface", "directory"};
	const struct source_options options = {.uri = "ftp://x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(source_is_kind(names[i]));
	assert_false(source_is_kind("ftp"));
	assert_null(source_open("ftp", &options, &err));
	assert_error(ERR_INPUT, "there is no source \"ftp\"");
	err_clear(&err);
	assert_null(source_open("mlflow", &options, &err));
	assert_error(ERR_INPUT, "begins with http://");
	err_clear(&err);
	assert_null(source_open("directory", &options, &err));
	assert_error(ERR_NOTFOUND, "is no directory of versions");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(mlflow_names_a_version),
		CASE(what_mlflow_leaves_out_is_empty),
		CASE(mlflow_has_no_such_alias),
		CASE(mlflow_answers_what_is_none),
		CASE(names_are_encoded),
		CASE(a_stage_is_the_newest_version_in_it),
		CASE(files_of_proxied_artifacts),
		CASE(files_of_a_logged_model),
		CASE(files_of_a_run),
		CASE(lists_that_are_wrong),
		CASE(files_that_nobody_can_list),
		CASE(the_hub_names_a_commit),
		CASE(the_hubs_pages_are_followed),
		CASE(the_hubs_token_stays_with_it),
		CASE(the_hubs_lists_may_be_wrong),
		CASE(a_file_is_chosen),
		CASE(a_choice_that_is_not_clear),
		CASE(there_are_not_too_many_files),
		CASE(kinds_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
