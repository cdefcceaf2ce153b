/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/spawn.h"
#include "sync/fixture.h"
#include "sync/remote_store.h"
#include "value/yaml.h"

int fixture_make(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	void *dir;
	struct err err = {0};

	if (scratch_make(&dir) < 0)
		return -1;
	f->dir = dir;
	*state = f;
	f->remote_dirs[0] = fixture_path(f, "helpers");
	f->spool_dir = fixture_path(f, "spool");
	setenv("XDG_CACHE_HOME", fixture_path(f, "cache"), 1);
	setenv("XDG_STATE_HOME", fixture_path(f, "state"), 1);
	if (path_mkdirs(fixture_path(f, "store"), 0755, &err) < 0 ||
		link_helpers_add(&f->helpers, MACHINE, NODE_HELPER, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

int fixture_drop(void **state)
{
	struct fixture *f = *state;
	void *dir = f->dir;

	link_helpers_release(&f->helpers);
	arena_release(&f->arena);
	free(f);
	return scratch_remove(&dir);
}

const char *fixture_path(struct fixture *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *name = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

const char *fixture_shell(struct fixture *f, const char *fmt, ...)
{
	AUTO(spawn_result_release) struct spawn_result r = {.out = STRBUF_INIT};
	struct err err = {0};
	va_list ap;

	va_start(ap, fmt);
	autofree char *script = xvasprintf(fmt, ap);
	va_end(ap);
	const char *const argv[] = {"/bin/sh", "-ec", script, NULL};
	const struct spawn_options o = {.argv = argv, .cwd = f->dir, .output_max = 64 << 20};
	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s: %s", script, err.text);
	if (spawn_exit_code(r.status) != 0)
		fail_msg("%s: %s", script, r.err.data);
	return arena_strdup(&f->arena, r.out.data);
}

static void write_file(struct fixture *f, const char *name, const void *data, size_t size)
{
	const char *path = fixture_path(f, "%s", name);
	autofree char *dir = path_dirname(path);
	struct err err = {0};

	if (path_mkdirs(dir, 0755, &err) < 0 || file_replace(path, data, size, 0644, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_noise(struct fixture *f, const char *name, unsigned seed, size_t size)
{
	autofree uint32_t *data = xcalloc(size / 4 + 1, 4);
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i <= size / 4; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = x;
	}
	write_file(f, name, data, size);
}

void fixture_words(struct fixture *f, const char *name, unsigned seed, size_t size)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (unsigned i = 0; text.len < size; i++)
		strbuf_addf(&text, "line %u of %u: a cat, a dog, a person\n", i, seed);
	write_file(f, name, text.data, size);
}

const char *fixture_tree(struct fixture *f, const char *name)
{
	return fixture_shell(f,
		"cd '%s'\n"
		"{ find . -mindepth 1 -type f -printf 'f %%m %%T@ %%s %%P\\0'\n"
		"find . -mindepth 1 -type d -printf 'd %%m %%T@ %%P\\0'\n"
		"find . -mindepth 1 ! -type f ! -type d -printf '%%y %%T@ %%P -> %%l\\0'\n"
		"find . -type f -print0 | sort -z | xargs -0r sha256sum -z\n"
		"} | sort -z | tr '\\0' '\\n'",
		name);
}

void fixture_expect_same(struct fixture *f, size_t host, const char *version)
{
	const char *there = fixture_path(f, "nodes/h%zu/%s", host, version);
	const char *here = fixture_path(f, "store/%s", version);

	assert_string_equal(fixture_tree(f, there), fixture_tree(f, here));
}

static const struct value *read_yaml(struct fixture *f, const char *text)
{
	const struct yaml_options options = {.lenient_dates = true};
	struct err err = {0};
	const struct value *v =
		yaml_read(&f->arena, text, strlen(text), "registry", &options, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

static void expect_no_findings(struct fixture *f, const struct diags *d, const char *otherwise)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)f;
	for (size_t i = 0; i < d->count; i++)
		diag_format(&d->items[i], &text);
	if (d->errors || otherwise)
		fail_msg("%s%s", text.data, otherwise ? otherwise : "");
}

static void resolve_all(struct run *r, const char *registry, size_t hosts)
{
	struct fixture *f = r->fixture;
	AUTO(diags_release) struct diags d = {0};
	struct resolve_host *all = arena_array(&f->arena, hosts, sizeof(*all));
	const struct value *models = read_yaml(f, registry);

	for (size_t i = 0; i < hosts; i++) {
		const char *root = fixture_path(f, "nodes/h%zu", i);
		all[i] = (struct resolve_host){
			.name = arena_printf(&f->arena, "h%zu", i),
			.registry.models = models,
			.root = read_yaml(f, root),
			.model_set = read_yaml(f, "all"),
		};
	}
	resolution_compute(&r->resolution,
		&(struct resolve_input){.hosts = all, .count = hosts, .store = r->store}, &d);
	expect_no_findings(f, &d, NULL);
}

void fixture_connect(struct fixture *f, struct connection *c)
{
	*c = (struct connection){
		.link = {.name = "sink",
			.transport = LINK_LOCAL,
			.helpers = &f->helpers,
			.remote_dirs = f->remote_dirs,
			.cache_dir = ""},
	};
}

static void begin(
	struct run *r, struct fixture *f, bool remote, const char *registry, size_t hosts)
{
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};
	const char *root = fixture_path(f, "store");

	*r = (struct run){.fixture = f};
	fixture_connect(f, &r->datasink);
	r->spool = spool_open(f->spool_dir, &err);
	if (r->spool)
		r->store = remote ? remote_store_open(&r->datasink, root, "a test", r->spool,
					    deadline_in(30), NULL, &err)
				  : store_open_local(root, &err);
	if (!r->store)
		fail_msg("%s", err.text);
	resolve_all(r, registry, hosts);
	r->content = content_open(r->store, &r->resolution, r->spool, NULL, &d, &err);
	expect_no_findings(f, &d, r->content ? NULL : err.text);
}

void run_begin(struct run *r, struct fixture *f, const char *registry, size_t hosts)
{
	begin(r, f, false, registry, hosts);
}

void run_begin_remote(struct run *r, struct fixture *f, const char *registry, size_t hosts)
{
	begin(r, f, true, registry, hosts);
}

void run_end(struct run *r)
{
	content_close(r->content);
	resolution_release(&r->resolution);
	store_free(r->store);
	spool_close(r->spool);
}

struct one one_of(struct run *r, size_t host)
{
	return (struct one){.run = r,
		.host = host,
		.options = {.holder = "a test", .stall = 30, .until = deadline_in(90)}};
}

void one_sync(struct one *o)
{
	struct run *r = o->run;
	const struct link_options options = {
		.name = r->resolution.hosts[o->host].host,
		.transport = LINK_LOCAL,
		.helpers = &r->fixture->helpers,
		.remote_dirs = r->fixture->remote_dirs,
		.cache_dir = "",
		.limiter = r->limiter,
	};
	struct link *link;

	o->result = link_open(&link, &options, o->options.until, o->options.cancel, &o->err);
	if (o->result < 0)
		return;
	o->result = sync_host(link, r->content, &r->resolution.hosts[o->host], &o->options,
		&o->report, &o->err);
	if (o->result < 0 && cancel_level(o->options.cancel))
		link_abort(link);
	else
		link_close(link, deadline_in(10));
}

void one_expect(struct one *o, enum sync_outcome outcome)
{
	one_sync(o);
	if (o->result < 0)
		fail_msg("h%zu: %s", o->host, o->err.text);
	assert_string_equal(
		sync_outcome_name(o->report.results[0].outcome), sync_outcome_name(outcome));
}

void one_release(struct one *o)
{
	sync_report_release(&o->report);
}

void sync_once(struct fixture *f, const char *registry, enum sync_outcome outcome)
{
	AUTO(run_end) struct run r;

	run_begin(&r, f, registry, 1);
	AUTO(one_release) struct one o = one_of(&r, 0);
	one_expect(&o, outcome);
}
