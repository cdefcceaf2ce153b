/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "modelcache/cache_fixture.h"

static void on_start(void *data, struct cache_load *load)
{
	struct cache_fixture *f = data;
	struct err err = {0};

	if (f->lazy) {
		f->load = load;
		return;
	}
	err_set(&err, ERR_NOTFOUND, "model %s: unknown", cache_load_name(load));
	cache_load_failed(load, &err, 0);
}

static void start(struct cache_fixture *f, size_t places, uint64_t bytes)
{
	struct err err = {0};

	f->cache = cache_new(&(struct cache_options){
		.limits = {places, bytes}, .loader = {on_start, f}, .data = f});
	f->hub = hub_start(f->cache, &(struct hub_options){.path = f->socket}, &err);
	assert_string_equal(err.text, "");
	assert_non_null(f->hub);
}

void fixture_open(struct cache_fixture *f, const char *dir, size_t places, uint64_t bytes)
{
	*f = (struct cache_fixture){0};
	snprintf(f->socket, sizeof(f->socket), "%s/cache.sock", dir);
	start(f, places, bytes);
}

void fixture_close(struct cache_fixture *f)
{
	hub_stop(f->hub);
	cache_free(f->cache);
}

void fixture_restart(struct cache_fixture *f, size_t places)
{
	fixture_close(f);
	start(f, places, 0);
}

struct blob *fixture_blob(char letter, size_t size)
{
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	autofree char *bytes = xmalloc(size);
	struct err err = {0};

	memset(bytes, letter, size);
	assert_int_equal(blob_begin(&w, "test", size, &err), 0);
	assert_int_equal(blob_write(&w, bytes, size, &err), 0);
	struct blob *blob = blob_seal(&w, &err);
	assert_non_null(blob);
	return blob;
}

void fixture_put(struct cache_fixture *f, const char *name, const char *version, size_t size)
{
	const struct cache_about about = {
		.name = name, .version = version, .stage = "Production", .run_id = "run"};
	struct err err = {0};

	int rc = cache_put(f->cache, &about, fixture_blob(*version, size), true, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
}

bool fixture_right(const struct modelcache_model *model)
{
	const char *bytes = model->data;

	for (uint64_t i = 0; i < model->size; i++) {
		if (bytes[i] != model->version[0])
			return false;
	}
	return true;
}

void fixture_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

struct cache_counts fixture_counts(struct cache_fixture *f)
{
	struct cache_counts counts;

	cache_counts(f->cache, &counts);
	return counts;
}

struct hub_counts fixture_hub_counts(struct cache_fixture *f)
{
	struct hub_counts counts;

	hub_counts(f->hub, &counts);
	return counts;
}
