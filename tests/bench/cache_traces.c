/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often the cache of model-cached has what is asked for, on the drawn requests of the
 * tests (cache_trace.h), beside the optimum; a line of JSON for cache.py. Every request is a
 * cache_get; what is not held is loaded at once, and the policy says what leaves.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemons/cached/cache.h"
#include "cache_trace.h"

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "cache_traces: %s\n", what);
	exit(1);
}

/* Brings a model of one byte. */
static void start_load(void *data, struct cache_load *load)
{
	const struct cache_about about = {.name = cache_load_name(load), .version = "1"};
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct err err = {0};

	(void)data;
	if (!cache_load_is(load, "1"))
		fail("a version is there that was not found");
	if (blob_begin(&w, "m", 1, &err) < 0 || blob_write(&w, "m", 1, &err) < 0)
		fail(err.text);
	struct blob *blob = blob_seal(&w, &err);
	if (!blob || cache_load_done(load, &about, blob, true, &err) < 0)
		fail(err.text);
}

static void take(void *arg, struct cache_model *model, const struct err *err)
{
	if (!model)
		fail(err->text);
	cache_release(arg, model);
}

static double hit_rate(const struct trace *t)
{
	struct cache *cache = cache_new(&(struct cache_options){
		.limits = {.count = TRACE_PLACES}, .loader = {.start = start_load}});
	struct cache_counts counts;

	for (int i = 0; i < TRACE_LENGTH; i++) {
		autofree char *name = xasprintf("m%d", t->models[i]);
		cache_get(cache, name, NULL, NULL, take, cache);
	}
	cache_counts(cache, &counts);
	cache_free(cache);
	if (counts.hits + counts.misses != TRACE_LENGTH)
		fail("the cache counts otherwise");
	return (double)counts.hits / TRACE_LENGTH;
}

static void print(const char *name, const struct trace *t, const char *end)
{
	printf("\"%s\": {\"hits\": %.4f, \"optimum\": %.4f}%s", name, hit_rate(t),
		trace_optimum(t), end);
}

int main(void)
{
	static struct trace t;

	printf("{");
	trace_draw_zipf(&t, 0.8);
	print("zipf 0.8", &t, ", ");
	trace_draw_zipf(&t, 1.0);
	print("zipf 1.0", &t, ", ");
	trace_draw_zipf(&t, 1.5);
	print("zipf 1.5", &t, ", ");
	trace_draw_four(&t);
	print("97% to four", &t, "}\n");
	return 0;
}
