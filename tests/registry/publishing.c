/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/path.h"
#include "fixture.h"
#include "publishing.h"

void publishing_init(struct publishing *p, const char *source)
{
	*p = (struct publishing){.source = PUBLISH_SOURCE_INIT};
	if (source)
		strlist_add(&p->sources, fixture_path(source));
	p->request = (struct publish_request){
		.model = "m",
		.version = "2026-02-02",
		.sources = &p->sources,
		.by = "anna@admin1",
		.now = PUBLISHED_AT,
	};
}

enum err_code publishing_run(struct publishing *p)
{
	const char *store = fixture_path("store");

	if (path_mkdirs(store, 0755, &p->err) < 0 ||
		publish_source_open(&p->source, &p->request, &p->diags, &p->err) < 0 ||
		publish_source_read(&p->source, &p->err) < 0 ||
		publish_version(store, &p->source, &p->result, &p->err) < 0)
		return p->err.code;
	return ERR_NONE;
}

void publishing_release(struct publishing *p)
{
	publish_source_release(&p->source);
	strlist_release(&p->sources);
	diags_release(&p->diags);
}

void publish_expect(const char *source, const char *version, enum publish_outcome outcome)
{
	AUTO(publishing_release) struct publishing p;

	publishing_init(&p, source);
	p.request.version = version;
	if (publishing_run(&p) != ERR_NONE)
		fail_msg("%s\n%s", p.err.text, fixture_findings(&p.diags));
	assert_int_equal(p.result.outcome, outcome);
}

static unsigned leave_own(void *arg, const char *path, enum manifest_kind kind)
{
	(void)arg;
	(void)kind;
	return strcmp(path, VERSION_MANIFEST) == 0 ? MANIFEST_SKIP : MANIFEST_TAKE;
}

static void read_tree(const char *path, struct manifest *m)
{
	const struct manifest_options options = {.filter = leave_own};
	struct err err = {0};

	if (manifest_build_path(path, &options, m, &err) < 0)
		fail_msg("%s", err.text);
}

void publish_same(const char *source, const char *version)
{
	AUTO(strbuf_release) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	AUTO(manifest_release) struct manifest ours = {0}, theirs = {0};
	autofree char *name = xasprintf("store/m/%s", version);
	autofree char *own = xasprintf("%s/" VERSION_MANIFEST, name);

	read_tree(fixture_path(source), &ours);
	read_tree(fixture_path(name), &theirs);
	manifest_write(&ours, &a);
	manifest_write(&theirs, &b);
	/* Times too: the digest alone would not cover them. */
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	assert_true(path_exists(fixture_path(own)));
}

void publish_no_staging(void)
{
	assert_string_equal(fixture_shell("ls -A store/.staging"), "");
}
