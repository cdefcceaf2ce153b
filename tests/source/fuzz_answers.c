/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what MLflow and the Hub answer. The first byte says which question is asked; an
 * answer gives a version or files that are safe to use, or an error with a text.
 */
#include <stdlib.h>

#include "base/path.h"
#include "source/canned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc, const struct err *err)
{
	if ((rc == 0) != (err->code == ERR_NONE) || (rc < 0 && !*err->text))
		abort();
}

static void find(const struct source_kind *kind, struct source_server *s, const char *stage)
{
	const struct source_request q = {.name = "org/m",
		.alias = stage ? NULL : "a",
		.stage = stage,
		.sha256_tag = "sha256"};
	AUTO(source_version_release) struct source_version v = {0};
	struct err err = {0};
	int rc = kind->find(s, &q, &v, &err);

	check(rc, &err);
	if (rc == 0 && (!path_is_component(v.version) || !v.run_id))
		abort();
}

static void list(const struct source_kind *kind, struct source_server *s, const char *origin)
{
	const struct source_request q = {.name = "org/m", .local_name = "m.pt"};
	const struct source_version v = {
		.version = (char *)"1", .run_id = (char *)"r", .origin = (char *)origin};
	AUTO(source_files_release) struct source_files files = {0};
	struct err err = {0};

	check(kind->list(s, &q, &v, &files, &err), &err);
	for (size_t i = 0; i < files.count; i++)
		if (!path_is_contained(files.items[i].path))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *body = (const char *)data + 1;
	const struct canned_answer answers[] = {
		{.target = "/api/2.0/mlflow/model-versions/get-download-uri",
			.body = data[0] == '3' ? "{\"artifact_uri\": \"mlflow-artifacts:/m\"}"
					       : "{\"artifact_uri\": \"s3://b/m\"}"},
		{.target = "/", .body = size > 1 ? body : NULL, .body_len = size - 1}, {0}};
	struct canned canned = {.answers = answers};
	struct source_server s;

	canned_open(&canned, &s);
	switch (data[0]) {
	case '0': find(&source_mlflow, &s, NULL); break;
	case '1': find(&source_mlflow, &s, "Production"); break;
	case '2': find(&source_huggingface, &s, NULL); break;
	case '3': list(&source_mlflow, &s, NULL); break;
	case '4': list(&source_mlflow, &s, "models:/m-1"); break;
	case '5': list(&source_mlflow, &s, NULL); break;
	case '6': list(&source_huggingface, &s, NULL); break;
	default: break;
	}
	source_server_close(&s);
	canned_release(&canned);
	return 0;
}
