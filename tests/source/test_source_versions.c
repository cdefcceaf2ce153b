/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that are asked for by their number, of each kind of source. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "source/canned.h"
#include "source/registry_client_private.h"

#define GET    "/api/2.0/mlflow/model-versions/get"
#define ENTRY  "/api/v1/registry/models/plates/3"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static struct canned canned;
static struct source_version version;
static struct err err;

/* What alias and stage say does not matter where a version is named. */
static const struct source_request third = {
	.name = "plates", .version = "3", .alias = "champion", .stage = "Production"};

static int done(void **state)
{
	source_version_release(&version);
	canned_release(&canned);
	err_clear(&err);
	return *state ? scratch_remove(state) : 0;
}

/* Asks a server that gives these answers. */
static int find(const struct source_kind *kind, const struct source_request *q,
	const struct canned_answer *answers)
{
	struct source_server server = {0};

	canned = (struct canned){.answers = answers};
	canned_open(&canned, &server);
	int rc = kind->find(&server, q, &version, &err);
	source_server_close(&server);
	return rc;
}

static int find_registry(const struct source_request *q, const struct canned_answer *answers)
{
	const struct registry_client_options options = {.url = CANNED_BASE};
	struct registry_client *client = registry_client_open(&options, &err);

	assert_non_null(client);
	canned = (struct canned){.answers = answers};
	source_server_close(registry_server(client));
	canned_open(&canned, registry_server(client));
	int rc = source_registry.find(client, q, &version, &err);
	registry_client_close(client);
	return rc;
}

static void assert_not_found(int rc, const char *said)
{
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	if (!strstr(err.text, said))
		fail_msg("\"%s\" is not in: %s", said, err.text);
}

static void mlflow_by_number(void **state)
{
	(void)state;
	const struct canned_answer answers[] = {
		{.target = GET,
			.body = "{\"model_version\": {\"version\": \"3\", \"run_id\": "
				"\"e8d5\", \"current_stage\": \"Archived\"}}"},
		{0}};

	assert_int_equal(find(&source_mlflow, &third, answers), 0);
	assert_string_equal(version.version, "3");
	assert_string_equal(version.run_id, "e8d5");
	assert_int_equal(canned.asked.count, 1);
	assert_string_equal(canned.asked.items[0], GET "?name=plates&version=3");
}

/* The older server says 400 of what is no number. */
static void mlflow_has_no_such_version(void **state)
{
	(void)state;
	static const unsigned statuses[] = {404, 400};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		const struct canned_answer answers[] = {
			{.target = GET,
				.status = statuses[i],
				.body = "{\"message\": \"Model Version not found\"}"},
			{0}};
		assert_not_found(
			find(&source_mlflow, &third, answers), "Model Version not found");
		canned_release(&canned);
	}
}

static void the_registry_by_number(void **state)
{
	(void)state;
	const struct canned_answer answers[] = {
		{.target = ENTRY,
			.body = "{\"model_name\": \"plates\", \"version\": 3, \"path\": "
				"\"/p\", \"status\": \"archived\", \"date\": \"2026-02-01\"}"},
		{0}};
	struct source_request fourth = third;

	assert_int_equal(find_registry(&third, answers), 0);
	assert_string_equal(version.version, "3");
	assert_string_equal(version.run_id, "2026-02-01");
	assert_string_equal(canned.asked.items[0], ENTRY);
	canned_release(&canned);
	source_version_release(&version);

	fourth.version = "4";
	assert_not_found(find_registry(&fourth, answers), "404");
	canned_release(&canned);
	fourth.version = "../1";
	assert_not_found(find_registry(&fourth, answers), "they are numbers");
	assert_int_equal(canned.asked.count, 0);
}

static void the_hub_by_commit(void **state)
{
	(void)state;
	const struct canned_answer answers[] = {
		{.target = "/api/models/org/plates/revision/" COMMIT,
			.body = "{\"sha\": \"" COMMIT "\"}"},
		{0}};
	struct source_request q = {.name = "org/plates", .version = COMMIT, .alias = "main"};

	assert_int_equal(find(&source_huggingface, &q, answers), 0);
	assert_string_equal(version.version, COMMIT);
	canned_release(&canned);

	/* A branch of that name would move. */
	q.version = "main";
	assert_not_found(find(&source_huggingface, &q, answers), "whole commits");
	assert_int_equal(canned.asked.count, 0);
}

static void a_directory_by_date(void **state)
{
	const char *const others[] = {"2026-03-01", "notes", "..", "2026-02-01/x"};
	autofree char *old = path_join(*state, "plates/2026-01-31");
	autofree char *new = path_join(*state, "plates/2026-02-01");
	autofree char *notes = path_join(*state, "plates/notes");
	struct source_request q = {.name = "plates", .version = "2026-01-31"};

	assert_int_equal(path_mkdirs(old, 0755, &err), 0);
	assert_int_equal(path_mkdirs(new, 0755, &err), 0);
	assert_int_equal(path_mkdirs(notes, 0755, &err), 0);
	struct source *source =
		source_open("directory", &(struct source_options){.uri = *state}, &err);
	assert_non_null(source);
	assert_int_equal(source_find(source, &q, &version, &err), 0);
	assert_string_equal(version.version, "2026-01-31");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct source_version none = {0};
		q.version = others[i];
		assert_not_found(source_find(source, &q, &none, &err), "has no version");
		err_clear(&err);
	}
	source_close(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(mlflow_by_number, done),
		cmocka_unit_test_teardown(mlflow_has_no_such_version, done),
		cmocka_unit_test_teardown(the_registry_by_number, done),
		cmocka_unit_test_teardown(the_hub_by_commit, done),
		cmocka_unit_test_setup_teardown(a_directory_by_date, scratch_make, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
