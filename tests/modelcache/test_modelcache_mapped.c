/* SPDX-License-Identifier: Apache-2.0 */
/* Who pays for the page faults of a version: the library's thread, never a user. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "modelcache/cache_fixture.h"

enum { SIZE = 9 << 20 }; /* bytes: some pieces of those that are mapped at once */

static const struct modelcache_model *acquire(struct modelcache *cache)
{
	struct modelcache_error error = {0};
	const struct modelcache_model *m = modelcache_acquire(cache, "fraud", NULL, &error);

	assert_string_equal(error.text, "");
	assert_non_null(m);
	return m;
}

static bool gives(struct modelcache *cache, const char *version)
{
	const struct modelcache_model *m = acquire(cache);
	bool same = !strcmp(m->version, version);

	modelcache_release(m);
	return same;
}

/* Pages of a version that a read would not find mapped: /proc/PID/pagemap says it by bit 63. */
static size_t missing_pages(const struct modelcache_model *m)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), missing = 0;
	autofd int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	assert_true(map >= 0);
	for (size_t i = 0; i < m->size / page; i++) {
		off_t at = (off_t)(((uintptr_t)m->data / page + i) * sizeof(entry));
		assert_int_equal(pread(map, &entry, sizeof(entry), at), sizeof(entry));
		missing += !(entry >> 63);
	}
	return missing;
}

static void test_all_of_a_version_is_mapped_before_users_get_it(void **state)
{
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", SIZE);
	struct modelcache *cache = modelcache_open(f.socket, NULL);
	assert_non_null(cache);
	const struct modelcache_model *asked = acquire(cache);
	assert_int_equal(missing_pages(asked), 0);
	fixture_put(&f, "fraud", "2", SIZE);
	FIXTURE_WAIT(gives(cache, "2"));
	const struct modelcache_model *refreshed = acquire(cache);
	assert_int_equal(missing_pages(refreshed), 0);
	assert_true(fixture_right(refreshed));
	modelcache_release(asked);
	modelcache_release(refreshed);
	modelcache_close(cache);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_of_a_version_is_mapped_before_users_get_it, scratch_make,
			scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
