/* SPDX-License-Identifier: Apache-2.0 */
/* A program of 32 bits, run by qemu, gets models from a daemon of this machine's kind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/scratch.h"
#include "base/spawn.h"
#include "modelcache/cache_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

/* Puts a version that is nearly all hole: it has its size, and takes no memory. */
static void put_sparse(struct cache_fixture *f, const char *name, uint64_t size)
{
	const struct cache_about about = {.name = name, .version = "1"};
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	struct err err = {0};

	assert_int_equal(blob_begin(&w, name, 0, &err), 0);
	w.written = size - 3;
	assert_int_equal(blob_write(&w, "end", 3, &err), 0);
	assert_int_equal(cache_put(f->cache, &about, blob_seal(&w, &err), true, &err), 0);
}

/* What cache_client answers to these lines. */
static char *ask(const struct cache_fixture *f, const char *lines)
{
	const char *const argv[] = {QEMU_ARM, CACHE_CLIENT_ARMHF, f->socket, NULL};
	const struct spawn_options o = {.argv = argv,
		.input = lines,
		.input_len = strlen(lines),
		.until = deadline_in(120)};
	AUTO(spawn_result_release)
	struct spawn_result r = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	struct err err = {0};

	assert_int_equal(spawn_run(&o, &r, &err), 0);
	assert_string_equal(r.err.data, "");
	assert_int_equal(spawn_exit_code(r.status), 0);
	return xstrdup(r.out.data);
}

static void test_a_model_is_mapped(void **state)
{
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 5);
	autofree char *said = ask(&f, "fraud\nfraud Production\n");
	assert_string_equal(said, "1 11111\n1 11111\n");
	fixture_close(&f);
}

/* A size of 64 bits whose lower half is 3 is not a model of 3 bytes. */
static void test_what_does_not_fit_is_refused(void **state)
{
	static const uint64_t sizes[] = {
		(UINT64_C(4) << 30) + 3, UINT64_C(3) << 30, UINT64_C(1) << 31};
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 5);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		put_sparse(&f, "large", sizes[i]);
		autofree char *said = ask(&f, "large\nfraud\n");
		autofree char *expected =
			xasprintf("error %d the model cannot be mapped\n1 11111\n", EFBIG);
		assert_string_equal(said, expected);
	}
	/* Nobody has it in hand. */
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	assert_int_equal(fixture_hub_counts(&f).broken, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_model_is_mapped),
		TEST(test_what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
