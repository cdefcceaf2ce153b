/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/crc32.h"

/* The check value of the catalogue of parametrised CRC algorithms, and values of zlib's. */
static const struct {
	const char *text;
	uint32_t sum;
} vectors[] = {
	{"123456789", 0xcbf43926},
	{"", 0},
	{"a", 0xe8b7be43},
	{"abc", 0x352441c2},
	{"The quick brown fox jumps over the lazy dog", 0x414fa339},
};

static void sums_are_the_known_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		assert_int_equal(
			crc32_add(0, vectors[i].text, strlen(vectors[i].text)), vectors[i].sum);
}

static void pieces_make_the_same_sum(void **state)
{
	const char *text = vectors[0].text;

	(void)state;
	for (size_t cut = 0; cut <= 9; cut++)
		assert_int_equal(crc32_add(crc32_add(0, text, cut), text + cut, 9 - cut),
			vectors[0].sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_the_known_ones),
		cmocka_unit_test(pieces_make_the_same_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
