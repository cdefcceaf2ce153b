/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of a version's manifest.yaml. Whatever the text says: paths stay inside the
 * version, links too, and what was read is written and read again as the same. Each text is
 * read as it is, and once more with the digest that it should have, so that the digest does
 * not keep the rest of the reader from being tried.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "registry/publish_manifest.h"
#include "tree/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "broken promise: %s\n", what);
		abort();
	}
}

static void check(const struct version_manifest *m)
{
	require(path_is_component(m->model), "a model is a directory's name");
	require(clock_is_date(m->version), "a version is a date");
	require(m->by && m->from, "who and from where is said");
	for (size_t i = 0; i < m->count; i++) {
		const struct version_file *f = &m->items[i];
		require(path_is_contained(f->path), "a path stays inside");
		require(!f->link || manifest_link_ok(f->path, f->link), "a link stays inside");
		require(version_manifest_find(m, f->path) == f, "a file is found");
	}
}

static void same(const struct version_manifest *a, const struct version_manifest *b)
{
	require(strcmp(a->model, b->model) == 0 && strcmp(a->version, b->version) == 0, "head");
	require(strcmp(a->by, b->by) == 0 && strcmp(a->from, b->from) == 0, "who and from");
	require(str_cmp0(a->note, b->note) == 0 && a->published == b->published, "note");
	require(a->count == b->count, "as many files");
	for (size_t i = 0; i < a->count; i++) {
		const struct version_file *x = &a->items[i], *y = &b->items[i];
		require(strcmp(x->path, y->path) == 0 && str_cmp0(x->link, y->link) == 0 &&
				x->size == y->size &&
				memcmp(x->hash, y->hash, sizeof(x->hash)) == 0 &&
				memcmp(x->sha256, y->sha256, sizeof(x->sha256)) == 0,
			"the same files");
	}
}

static void try(const char *text, size_t n)
{
	AUTO(version_manifest_release) struct version_manifest m = {0}, again = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct err err = {0};

	if (version_manifest_parse(&m, "fuzz.yaml", text, n, &err) < 0) {
		require(err.code != ERR_NONE && err.text[0], "a refusal says why");
		return;
	}
	check(&m);
	require(version_manifest_print(&m, &out, &err) == 0, "what was read can be written");
	require(version_manifest_parse(&again, "again", out.data, out.len, &err) == 0,
		"what was written can be read");
	same(&m, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char digest[DIGEST_HEX_MAX];

	try((const char *)data, size);
	strbuf_add(&text, data, size);
	if (digest_hex(DIGEST_SHA256, data, size, digest, NULL) == 0) {
		strbuf_addf(&text, "digest: \"%s\"\n", digest);
		try(text.data, text.len);
	}
	return 0;
}
