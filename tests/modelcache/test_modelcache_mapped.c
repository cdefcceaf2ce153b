/* SPDX-License-Identifier: Apache-2.0 */
/* The library's thread maps versions and unmaps them, and no user pays for either. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
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

/* How often memory files are mapped here, as models are: not those of pages. */
static unsigned mappings(void)
{
	char line[512];
	unsigned n = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "memfd:") && strstr(line, " r--s ");
	fclose(maps);
	return n;
}

/* Sizes around those of the pieces in which it is done. */
static void test_what_is_gone_is_unmapped_to_its_last_byte(void **state)
{
	static const size_t sizes[] = {1, 2 << 20, (2 << 20) + 1, SIZE - 1, SIZE};
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	struct modelcache *cache = modelcache_open(f.socket, NULL);
	assert_non_null(cache);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fixture_put(&f, "fraud", "1", sizes[i]);
		const struct modelcache_model *m = acquire(cache);
		assert_int_equal(m->size, sizes[i]);
		assert_int_equal(mappings(), 1);
		assert_int_equal(cache_remove(f.cache, "fraud", "1", NULL), 0);
		/* In hand it stays whole. */
		assert_true(fixture_right(m));
		modelcache_release(m);
		FIXTURE_WAIT(fixture_counts(&f).leaving == 0);
		assert_int_equal(mappings(), 0);
	}
	modelcache_close(cache);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_of_a_version_is_mapped_before_users_get_it, scratch_make,
			scratch_remove),
		cmocka_unit_test_setup_teardown(test_what_is_gone_is_unmapped_to_its_last_byte,
			scratch_make, scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
