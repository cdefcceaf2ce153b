/* SPDX-License-Identifier: Apache-2.0 */
/* Raw or compressed: what the rate of a link decides, before and while a file is sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "base/fd.h"
#include "sync/fixture.h"
#include "tree/compress.h"

#define FACE    "face: {current_version: 2026-01-01}"
#define WEIGHTS "store/face/2026-01-01/weights.bin"
#define LARGE   ((size_t)13 << 20)
#define SLOW    1000u
#define FAST    1000000000u
#define HOSTS   2
#define MILLION 1000000u
#define UNKNOWN 0

/* Noise in which every fourth byte is one of two, as in trained weights: some 12% are saved. */
static void make_weights(struct fixture *f, size_t size)
{
	AUTO(strbuf_release) struct strbuf data = STRBUF_INIT;
	struct err err = {0};

	fixture_noise(f, WEIGHTS, 1, size);
	if (file_read(fixture_path(f, WEIGHTS), size + 4, &data, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 3; i < data.len; i += 4)
		data.data[i] = data.data[i - 1] & 1 ? 0x3d : (char)0xbd;
	if (file_replace(fixture_path(f, WEIGHTS), data.data, data.len, 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_what_is_worth_compressing(void **state)
{
	(void)state;
	assert_false(content_compresses(0, SLOW));
	assert_true(content_compresses(7, UNKNOWN));
	assert_true(content_compresses(7, 7 * MILLION - 1));
	assert_false(content_compresses(7, 7 * MILLION));
	assert_true(content_compresses(19, 19 * MILLION - 1));
	assert_false(content_compresses(19, 19 * MILLION));
	assert_true(content_compresses(20, FAST));
	assert_false(content_compresses(99, CONTENT_RAW));
}

/* Opens the only file of the only version as for a link of some rate. */
static struct content_stream open_whole(struct run *r, uint64_t offset, uint64_t rate)
{
	const struct content_version *v = content_version(r->content, 0);
	struct content_stream s;
	struct err err = {0};

	if (content_whole(
		    r->content, v, &v->manifest.entries[0], offset, rate, NULL, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void expect_form(
	struct run *r, uint64_t offset, uint64_t rate, uint8_t encoding, bool trial)
{
	AUTO(content_stream_release) struct content_stream s = open_whole(r, offset, rate);

	assert_int_equal(s.form, WIRE_PUT_WHOLE);
	assert_int_equal(s.encoding, encoding);
	assert_int_equal(s.offset, offset);
	assert_int_equal(s.trial > 0, trial);
}

static void test_the_form_of_a_large_file(void **state)
{
	struct fixture *f = *state;
	AUTO(run_end) struct run r;

	make_weights(f, LARGE);
	run_begin(&r, f, FACE, 1);
	expect_form(&r, 0, UNKNOWN, WIRE_PUT_RAW, true);
	expect_form(&r, 0, SLOW, WIRE_PUT_ZSTD, false);
	expect_form(&r, 0, FAST, WIRE_PUT_RAW, false);
	expect_form(&r, 0, CONTENT_RAW, WIRE_PUT_RAW, false);
	/* Behind the trial it can be compressed; where a cut run ended it cannot. */
	expect_form(&r, CONTENT_TRIAL_SIZE, SLOW, WIRE_PUT_ZSTD, false);
	expect_form(&r, CONTENT_TRIAL_SIZE, UNKNOWN, WIRE_PUT_ZSTD, false);
	expect_form(&r, CONTENT_TRIAL_SIZE, FAST, WIRE_PUT_RAW, false);
	expect_form(&r, 12345, SLOW, WIRE_PUT_RAW, false);
	struct content_counters made;
	content_counters(r.content, &made);
	assert_int_equal(made.compressed, 2);
}

static void test_a_smaller_file_has_no_trial(void **state)
{
	struct fixture *f = *state;
	AUTO(run_end) struct run r;

	make_weights(f, CONTENT_TRIAL_MIN - 1);
	run_begin(&r, f, FACE, 1);
	expect_form(&r, 0, UNKNOWN, WIRE_PUT_ZSTD, false);
	expect_form(&r, 0, FAST, WIRE_PUT_RAW, false);
}

static void test_what_shrinks_much_is_always_compressed(void **state)
{
	struct fixture *f = *state;
	AUTO(run_end) struct run r;

	fixture_words(f, WEIGHTS, 1, LARGE);
	run_begin(&r, f, FACE, 1);
	expect_form(&r, 0, UNKNOWN, WIRE_PUT_ZSTD, false);
	expect_form(&r, 0, FAST, WIRE_PUT_ZSTD, false);
}

/* Reads a stream to its end; tells whether a read ended where the trial does. */
static void read_all(struct content_stream *s, struct strbuf *out, bool *met_trial)
{
	autofree uint8_t *piece = xmalloc(100000);
	struct err err = {0};
	ssize_t n;

	*met_trial = false;
	while ((n = content_stream_read(s, piece, 100000, NULL, &err)) > 0) {
		strbuf_add(out, piece, (size_t)n);
		*met_trial = *met_trial || out->len == CONTENT_TRIAL_SIZE;
	}
	if (n < 0)
		fail_msg("%s", err.text);
}

static void expect_weights(struct fixture *f, const struct strbuf *got, size_t from)
{
	AUTO(strbuf_release) struct strbuf whole = STRBUF_INIT;
	struct err err = {0};

	if (file_read(fixture_path(f, WEIGHTS), LARGE + 4, &whole, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(got->len, whole.len - from);
	assert_memory_equal(got->data, whole.data + from, got->len);
}

static void test_the_bytes_of_a_trial_and_of_the_rest(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf raw = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf packed = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf rest = STRBUF_INIT;
	AUTO(run_end) struct run r;
	bool met_trial;

	make_weights(f, LARGE);
	run_begin(&r, f, FACE, 1);
	AUTO(content_stream_release) struct content_stream trial = open_whole(&r, 0, UNKNOWN);
	read_all(&trial, &raw, &met_trial);
	assert_true(met_trial);
	expect_weights(f, &raw, 0);
	AUTO(content_stream_release)
	struct content_stream s = open_whole(&r, CONTENT_TRIAL_SIZE, SLOW);
	read_all(&s, &packed, &met_trial);
	struct tree_sink sink = strbuf_sink(&rest);
	struct decompressor *d = decompressor_new(&sink, LARGE);
	assert_int_equal(decompressor_feed(d, packed.data, packed.len, NULL), 0);
	assert_int_equal(decompressor_end(d, NULL), 0);
	decompressor_free(d);
	expect_weights(f, &rest, CONTENT_TRIAL_SIZE);
}

static void *sync_thread(void *arg)
{
	one_sync(arg);
	return NULL;
}

/* All hosts at once, through one limit. */
static void sync_together(struct run *r, struct one *hosts, struct link_limiter *limiter)
{
	pthread_t threads[HOSTS];

	r->limiter = limiter;
	for (size_t i = 0; i < HOSTS; i++) {
		hosts[i] = one_of(r, i);
		pthread_create(&threads[i], NULL, sync_thread, &hosts[i]);
	}
	for (size_t i = 0; i < HOSTS; i++)
		pthread_join(threads[i], NULL);
}

/* The host has the version, and it crossed the link in so many bytes. */
static void expect_sent(struct fixture *f, struct one *o, size_t least, size_t most)
{
	if (o->result < 0)
		fail_msg("h%zu: %s", o->host, o->err.text);
	const struct sync_result *result = &o->report.results[0];
	assert_int_equal(result->outcome, SYNC_SENT);
	assert_int_equal(result->files_sent, 1);
	assert_in_range(result->bytes_sent, least, most);
	assert_int_equal(result->bytes_saved,
		result->bytes_sent < LARGE ? LARGE - result->bytes_sent : 0);
	fixture_expect_same(f, o->host, "face/2026-01-01");
	one_release(o);
}

/* Two hosts behind thin links: what comes behind the trial is compressed once for both. */
static void test_a_slow_link(void **state)
{
	struct fixture *f = *state;
	struct content_counters made;
	struct link_limiter limiter;
	struct one hosts[HOSTS];
	struct run r;

	make_weights(f, LARGE);
	run_begin(&r, f, FACE, HOSTS);
	link_limiter_init(&limiter, 8 * MILLION);
	sync_together(&r, hosts, &limiter);
	content_counters(r.content, &made);
	for (size_t i = 0; i < HOSTS; i++)
		expect_sent(f, &hosts[i], LARGE * 8 / 10, LARGE * 96 / 100);
	assert_int_equal(made.compressed, 1);
	const char *item = fixture_shell(f, "ls spool");
	assert_true(str_ends(item, "-from-4456448.zst\n"));
	run_end(&r);
	link_limiter_release(&limiter);
}

/* What lies in the cache for behind the trial is damaged: the file goes again, raw. */
static void test_a_damaged_rest(void **state)
{
	struct fixture *f = *state;
	struct link_limiter limiter;
	struct one hosts[HOSTS];
	struct run r;

	make_weights(f, LARGE);
	run_begin(&r, f, FACE, 1);
	struct content_stream s = open_whole(&r, CONTENT_TRIAL_SIZE, SLOW);
	content_stream_release(&s);
	run_end(&r);
	fixture_shell(
		f, "printf broken | dd of=$(echo spool/*) bs=1 seek=100 conv=notrunc 2>&1");
	run_begin(&r, f, FACE, HOSTS);
	link_limiter_init(&limiter, 8 * MILLION);
	sync_together(&r, hosts, &limiter);
	for (size_t i = 0; i < HOSTS; i++) {
		if (hosts[i].result < 0)
			fail_msg("h%zu: %s", i, hosts[i].err.text);
		assert_int_equal(hosts[i].report.results[0].outcome, SYNC_SENT);
		assert_true(hosts[i].report.bytes_sent > LARGE);
		fixture_expect_same(f, i, "face/2026-01-01");
		one_release(&hosts[i]);
	}
	run_end(&r);
	link_limiter_release(&limiter);
}

#define WITH_FIXTURE(t) cmocka_unit_test_setup_teardown(t, fixture_make, fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_worth_compressing),
		WITH_FIXTURE(test_the_form_of_a_large_file),
		WITH_FIXTURE(test_a_smaller_file_has_no_trial),
		WITH_FIXTURE(test_what_shrinks_much_is_always_compressed),
		WITH_FIXTURE(test_the_bytes_of_a_trial_and_of_the_rest),
		WITH_FIXTURE(test_a_slow_link),
		WITH_FIXTURE(test_a_damaged_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
